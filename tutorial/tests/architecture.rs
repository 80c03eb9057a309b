//! The invariants of ARCHITECTURE.md that Cargo and the compiler do not check by themselves.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The normal dependencies of each crate of the workspace, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    dependencies_of(|kind| kind.is_null())
}

/// The dependencies of the kinds that `wanted` names, of each crate of the workspace.
fn dependencies_of(wanted: fn(&serde_json::Value) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let normal = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let wanted = all.filter(|dependency| wanted(&dependency["kind"]));
        wanted.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), normal(package))).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The Rust sources below `folder`, each with its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string().replace('\\', "/");
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "there are sources in {folder}");
    found
}

const LIBRARIES: [&str; 9] = [
    "transport/src",
    "transport/http2/src",
    "stub/src",
    "stub/build/src",
    "stub/kv/src",
    "stub/kv/json/src",
    "server/src",
    "client/src",
    "interop/src",
];

#[test]
fn each_crate_depends_only_on_those_below_it() {
    let below: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("http2", &[][..]),
        ("transport", &["http2"]),
        ("stub", &["transport"]),
        ("stub_build", &[]),
        ("server", &["stub", "transport"]),
        ("client", &["stub", "transport"]),
        ("kv", &["client", "server", "stub", "transport"]),
        ("kv_json", &["kv", "transport"]),
        ("tutorial", &["client", "http2", "kv", "kv_json", "server", "stub", "stub_build", "transport"]),
        ("interop", &["client", "server", "stub", "transport"]),
        ("bench", &["client", "server", "stub", "transport"]),
    ]);
    let dependencies = dependencies();
    let crates: BTreeSet<_> = dependencies.keys().cloned().collect();
    for (name, used) in &dependencies {
        let allowed = below.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no place in the order"));
        for dependency in used.intersection(&crates) {
            assert!(allowed.contains(&dependency.as_str()), "{name} depends on {dependency}");
        }
    }
}

#[test]
fn what_writes_stubs_is_a_part_of_no_program_but_those_that_show_it() {
    for (name, used) in dependencies().into_iter().filter(|(name, _)| name != "tutorial") {
        assert!(!used.contains("stub_build"), "{name} depends on stub_build when it runs");
    }
    let of_builds = dependencies_of(|kind| kind == "build").into_iter();
    let users = of_builds.filter(|(_, used)| used.contains("stub_build")).map(|(name, _)| name);
    assert_eq!(users.collect::<Vec<_>>(), ["bench", "interop", "kv"]);
}

#[test]
fn other_implementations_are_a_part_of_no_program() {
    let compared = |name: &str| name == "bench";
    for (name, used) in dependencies().into_iter().filter(|(name, _)| !compared(name)) {
        let others: Vec<_> = used.iter().filter(|used| *used == "h2" || used.starts_with("tonic")).collect();
        assert!(others.is_empty(), "{name} depends on {others:?} when it runs");
    }
}

#[test]
fn client_and_server_do_not_know_each_other_in_their_tests_either() {
    let all = dependencies_of(|_kind| true);
    assert!(!all["client"].contains("server") && !all["server"].contains("client"));
}

#[test]
fn transport_knows_no_codec() {
    for codec in ["bincode", "serde", "prost", "json"] {
        let dependencies = &dependencies()["transport"];
        assert!(!dependencies.iter().any(|name| name.contains(codec)), "transport depends on {codec}");
        for (file, text) in sources("transport/src") {
            assert!(!text.contains(codec), "{file} names {codec}");
        }
    }
}

#[test]
fn no_package_of_tls_is_built_for_who_does_not_turn_it_on() {
    let of_tls =
        |packages: &str| packages.lines().any(|line| line.contains("rustls") || line.starts_with("ring "));
    assert!(!of_tls(&packages("")), "{}", packages(""));
    assert!(of_tls(&packages("client/tls,server/tls")));
}

#[test]
fn no_other_http_is_built_for_who_does_not_turn_grpc_web_on() {
    let of_http = |packages: &str| packages.lines().any(|line| line.starts_with("hyper"));
    assert!(!of_http(&packages("client/tls,server/tls")));
    assert!(of_http(&packages("client/web,server/web")));
}

/// The packages of a program with client and server, and with these features of the two.
fn packages(features: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-e", "normal", "--prefix", "none", "-p", "client", "-p", "server"])
        .args(["--features", features])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn http2_knows_no_runtime_no_socket_and_no_clock() {
    let allowed = BTreeSet::from(["bytes".to_owned(), "thiserror".to_owned()]);
    assert_eq!(dependencies()["http2"], allowed);
    for (file, text) in sources("transport/http2/src") {
        // Unit tests have to take a present from somewhere; and a slice for a vectored write is no I/O.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code = code.replace("std::io::IoSlice", "").to_lowercase();
        for absent in ["std::net", "std::io", "instant::now", "grpc"] {
            assert!(!code.contains(absent), "{file} has {absent}");
        }
    }
}

#[test]
fn stub_knows_no_sockets() {
    assert!(!dependencies()["stub"].contains("tokio"));
}

#[test]
fn the_session_and_its_frames_do_no_io_and_have_no_clock() {
    let pure = |file: &str| {
        file.starts_with("transport/src/frame/")
            || file == "transport/src/call.rs"
            // Its model is a test, and has to take a present from somewhere.
            || (file.starts_with("transport/src/session/") && !file.ends_with("/model.rs"))
    };
    let mut seen = 0;
    for (file, text) in sources("transport/src").into_iter().filter(|(file, _)| pure(file)) {
        seen += 1;
        for absent in ["tokio", "std::net", "std::io", "Instant::now"] {
            assert!(!text.contains(absent), "{file} has {absent}");
        }
    }
    assert!(seen > 5, "the files are where this test looks for them");
}

#[test]
fn one_file_knows_bincode() {
    for folder in LIBRARIES {
        for (file, text) in sources(folder) {
            assert!(
                !text.contains("bincode_crate") || file == "stub/src/codec/bincode.rs",
                "{file} uses the crate bincode"
            );
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace_which_forbid_unsafe_code() {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    for member in [
        "transport",
        "transport/http2",
        "stub",
        "stub/build",
        "stub/kv",
        "server",
        "client",
        "tutorial",
        "interop",
        "bench",
    ] {
        let manifest = std::fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member}");
    }
}

#[test]
fn nothing_is_left_undone_and_no_module_is_a_drawer() {
    let absent =
        ["todo!(", "unimplemented!(", "dbg!(", "mod utils", "mod common", "mod helpers", "TODO", "FIXME"];
    for folder in LIBRARIES.into_iter().chain(["tutorial/src"]) {
        for (file, text) in sources(folder) {
            for word in absent {
                assert!(!text.contains(word), "{file} has {word}");
            }
        }
    }
}

#[test]
fn every_lesson_has_a_program_and_a_test() {
    for lesson in tutorial::lesson::LESSONS {
        assert!(root().join(format!("tutorial/src/bin/{}.rs", lesson.program)).exists());
        assert!(root().join(format!("tutorial/tests/lesson_{:02}.rs", lesson.number)).exists());
    }
    let programs = sources("tutorial/src/bin");
    let programs = programs.iter().filter(|(file, _)| file.contains("/lesson_")).count();
    assert_eq!(programs, tutorial::lesson::LESSONS.len(), "every program of a lesson is listed");
}

/// A lesson that names a file or a function the reader should open must name one that is there.
#[test]
fn every_file_that_a_lesson_or_the_tour_names_exists() {
    let mut named = 0;
    for (file, text) in sources("tutorial/src") {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "/_.".contains(c))) {
            let first = word.split('/').next().unwrap_or_default();
            let is_path = ["transport", "stub", "server", "client", "tutorial"].contains(&first);
            if is_path && (word.contains("/src/") || word.contains("/proto/")) {
                named += 1;
                assert!(root().join(word.trim_end_matches('.')).exists(), "{file} names {word}");
            }
        }
    }
    assert!(named > 20, "the names are where this test looks for them");
}

/// The same for a function: `folder/src/file.rs`, then its name in backticks.
#[test]
fn every_function_that_a_lesson_names_is_in_the_file_it_names() {
    let mut named = 0;
    for (file, text) in sources("tutorial/src/bin") {
        // Texts go on in the next line, behind a backslash.
        let text: String = text.split("\\\n").map(|line| format!("{} ", line.trim())).collect();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (at, _) in text.match_indices(".rs, `") {
            let start = text[..at].rfind(|c: char| !(c.is_ascii_alphanumeric() || "/_".contains(c)));
            let path = format!("{}.rs", &text[start.map_or(0, |start| start + 1)..at]);
            let function = text[at + ".rs, `".len()..].split('`').next().unwrap_or_default();
            let source = std::fs::read_to_string(root().join(&path)).unwrap();
            named += 1;
            let is_there = [format!("fn {function}("), format!("fn {function}<")];
            assert!(is_there.iter().any(|it| source.contains(it)), "{file}: no `{function}` in {path}");
        }
    }
    assert!(named > 5, "the names are where this test looks for them");
}
