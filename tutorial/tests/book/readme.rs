//! What the README shows is what happens.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tutorial::lesson::LESSONS;

use crate::runs;

const README: &str = include_str!("../../../README.md");

/// The lines of the fenced block behind the comment `mark`.
fn block(mark: &str) -> Vec<&'static str> {
    let (_, rest) = README.split_once(&format!("<!-- {mark} -->\n")).unwrap();
    rest.lines().skip(1).take_while(|line| *line != "```").collect()
}

#[test]
fn the_bytes_it_shows_are_those_of_the_tour() {
    let output = Command::new(env!("CARGO_BIN_EXE_tour")).output().unwrap();
    let tour = String::from_utf8(output.stdout).unwrap();
    let shown = block("from the tour").join("\n");
    assert!(shown.lines().count() > 10);
    assert!(tour.contains(&shown), "the tour does not print:\n{shown}");
}

#[test]
fn its_session_goes_as_it_says() {
    let address = "tcp://127.0.0.1:4000";
    let shown = block(&format!("session {address}")).join("\n");
    assert_eq!(runs::session(address, &shown).trim_end(), shown);
}

#[test]
fn its_session_in_grpc_web_goes_as_it_says() {
    let address = "http://127.0.0.1:4004";
    let shown = block(&format!("session {address}")).join("\n");
    let printed = runs::session_with(address, &["--web"], &shown, str::to_owned);
    assert_eq!(printed.trim_end(), shown);
}

#[test]
fn its_session_inside_tls_goes_as_it_says() {
    let address = "https://127.0.0.1:4003";
    let certificate = format!("{}/readme.pem", env!("CARGO_TARGET_TMPDIR"));
    let shown = block(&format!("session {address}")).join("\n");
    let printed = runs::session_with(address, &["--self-signed", &certificate], &shown, |call| {
        call.replace("target/kv.pem", &certificate)
    });
    assert_eq!(printed.trim_end(), shown);
}

#[test]
fn the_bytes_that_it_shows_through_the_lens_are_those_of_the_call() {
    let begin = |program: &str, arguments: &[&str]| {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap().trim().to_owned();
        (child, stdout, address)
    };
    let (mut server, _stdout, address) =
        begin(env!("CARGO_BIN_EXE_kv_server"), &["--listen", "http://127.0.0.1:0"]);
    let (mut lens, mut stdout, address) =
        begin(env!("CARGO_BIN_EXE_lens"), &["--listen", "127.0.0.1:0", "--to", &address, "--bytes"]);
    let call = ["--connect", &format!("http://{address}"), "put", "greeting", "hello"];
    assert!(Command::new(env!("CARGO_BIN_EXE_kv")).args(call).status().unwrap().success());
    let mut printed = String::new();
    while !printed.contains(" closed: ") {
        assert!(stdout.read_line(&mut printed).unwrap() > 0, "the lens has ended: {printed}");
    }
    for child in [&mut lens, &mut server] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let shown = block("through the lens").join("\n");
    assert!(printed.contains(&shown), "the lens prints:\n{printed}");
}

#[test]
fn it_lists_every_lesson() {
    for lesson in LESSONS {
        assert!(README.contains(&format!("\n| {} | ", lesson.number)), "lesson {}", lesson.number);
    }
}
