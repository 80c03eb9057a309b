//! What a small service consists of, and how long it takes to build.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::Run;
use crate::contender::{Contender, Failure};
use crate::figures::{Case, Entry, Metric};

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    let mut case = Case {
        key: "build".into(),
        title: "a hello-world service with a client, without TLS".into(),
        main: Metric::BuildSeconds,
        columns: vec![Metric::Dependencies, Metric::BuildSeconds],
        peers: vec![Contender::Tonic],
        entries: Vec::new(),
        notes: vec![format!(
            "packages: normal dependencies, all of them. build, s: cargo build --release, nothing built before, {} \
             job(s) at once. tonic has its default features, and gets its contract as protoc leaves it, \
             because protoc need not be installed here.",
            jobs()
        )],
    };
    let packages = [Package::ours()?, Package::tonic()?];
    for package in &packages {
        if !package.cargo(&["fetch", "--quiet"])?.status.success() {
            case.notes = vec!["not measured here: the registry cannot be reached".into()];
            return Ok(vec![case]);
        }
        let mut entry = Entry::new(package.contender);
        entry.push([(Metric::Dependencies, package.dependencies()? as f64)]);
        case.entries.push(entry);
    }
    let rounds = run.rounds_up_to(2);
    run.progress.expect(rounds * packages.len());
    for round in 1..=rounds {
        for (package, entry) in packages.iter().zip(&mut case.entries) {
            run.progress.begin(&format!("build: {}, round {round}", package.contender.label()));
            entry.push([(Metric::BuildSeconds, package.build()?)]);
            run.progress.end();
        }
    }
    Ok(vec![case])
}

/// A package in a folder of its own, for as long as it is needed.
struct Package {
    contender: Contender,
    folder: PathBuf,
}

impl Package {
    fn ours() -> Result<Self, Failure> {
        let root = root().display().to_string().replace('\\', "/");
        let path = |name: &str, folder: &str| format!("{name} = {{ path = \"{root}/{folder}\" }}\n");
        let mut dependencies =
            ["client", "server", "stub", "transport"].map(|name| path(name, name)).concat();
        dependencies.push_str("serde = { version = \"1\", features = [\"derive\"] }\n");
        Self::write(
            Contender::Http,
            &dependencies,
            &path("stub_build", "stub/build"),
            &[
                ("build.rs", include_bytes!("../../hello/ours/build.rs")),
                ("main.rs", include_bytes!("../../hello/ours/main.rs")),
                ("hello.proto", include_bytes!("../../proto/hello.proto")),
            ],
        )
    }

    fn tonic() -> Result<Self, Failure> {
        let dependencies = "tonic = \"0.14\"\ntonic-prost = \"0.14\"\n";
        let of_build = "prost = \"0.14\"\nprost-types = \"0.14\"\ntonic-prost-build = \"0.14\"\n";
        Self::write(
            Contender::Tonic,
            dependencies,
            of_build,
            &[
                ("build.rs", include_bytes!("../../hello/tonic/build.rs")),
                ("main.rs", include_bytes!("../../hello/tonic/main.rs")),
                ("hello.bin", include_bytes!(concat!(env!("OUT_DIR"), "/tonic/hello.bin"))),
            ],
        )
    }

    fn write(
        contender: Contender,
        dependencies: &str,
        of_build: &str,
        files: &[(&str, &[u8])],
    ) -> Result<Self, Failure> {
        let name = format!("bench-hello-{}-{}", contender.argument(), std::process::id());
        let package = Self { contender, folder: std::env::temp_dir().join(name) };
        std::fs::create_dir_all(&package.folder)?;
        let manifest = format!(
            "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [[bin]]\nname = \"hello\"\npath = \"main.rs\"\n\n[dependencies]\n{dependencies}\
             prost = {{ version = \"0.14\", features = [\"derive\"] }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\n\n\
             [build-dependencies]\n{of_build}"
        );
        std::fs::write(package.folder.join("Cargo.toml"), manifest)?;
        // The same versions for both, wherever both have a package.
        std::fs::copy(root().join("Cargo.lock"), package.folder.join("Cargo.lock"))?;
        for (name, content) in files {
            std::fs::write(package.folder.join(name), content)?;
        }
        Ok(package)
    }

    /// How many packages are in its program, besides itself.
    fn dependencies(&self) -> Result<usize, Failure> {
        let output =
            self.cargo(&["tree", "--offline", "-e", "normal", "--prefix", "none", "--format", "{p}"])?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // A package is named by its name, its version and, if that is not the registry, where it lies.
        let packages: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        match output.status.success() {
            true => Ok(packages.len() - 1),
            false => Err(said(&output)),
        }
    }

    /// How long it takes to build it, in seconds.
    fn build(&self) -> Result<f64, Failure> {
        let target = self.folder.join("target");
        if target.exists() {
            std::fs::remove_dir_all(&target)?;
        }
        let begin = Instant::now();
        let output = self.cargo(&["build", "--quiet", "--offline", "--release"])?;
        let seconds = begin.elapsed().as_secs_f64();
        if !output.status.success() {
            return Err(said(&output));
        }
        // What was built must be what it is taken for.
        let program = target.join("release").join(format!("hello{}", std::env::consts::EXE_SUFFIX));
        let greeting = Command::new(program).output()?;
        match greeting.stdout == b"Hello, world\n" {
            true => Ok(seconds),
            false => Err(said(&greeting)),
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Result<std::process::Output, Failure> {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        Ok(command.env("CARGO_TARGET_DIR", self.folder.join("target")).output()?)
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        // Whatever is left lies in the folder for what may be deleted.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn said(output: &std::process::Output) -> Failure {
    Failure(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".."))
}

/// How many compilers Cargo runs at once, unless it is told otherwise in a file.
fn jobs() -> String {
    std::env::var("CARGO_BUILD_JOBS")
        .unwrap_or_else(|_| std::thread::available_parallelism().map_or(1, usize::from).to_string())
}
