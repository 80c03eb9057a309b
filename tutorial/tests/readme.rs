//! What the README shows is what happens.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const README: &str = include_str!("../../README.md");

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
    assert_session("a session", &["--listen", "tcp://127.0.0.1:0"], |word| word.to_owned());
}

#[test]
fn its_session_inside_tls_goes_as_it_says() {
    let certificate = format!("{}/readme.pem", env!("CARGO_TARGET_TMPDIR"));
    let listen = ["--listen", "https://127.0.0.1:0", "--self-signed", &certificate];
    let own = |word: &str| if word == "target/kv.pem" { certificate.clone() } else { word.to_owned() };
    assert_session("a session inside TLS", &listen, own);
}

/// Makes the calls of the session behind the comment `mark` to a server that was started with `arguments`, in which
/// `own` takes the place of a word.
fn assert_session(mark: &str, arguments: &[&str], own: impl Fn(&str) -> String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_kv_server"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let (_, place) = line.trim().split_once("://").unwrap();

    let mut printed = String::new();
    for line in block(mark).iter().filter(|line| line.starts_with('$')) {
        let call = line.strip_prefix("$ cargo run -q --bin kv -- ").unwrap();
        let arguments = call.split(' ').map(|word| match word.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{place}"),
            None => own(word),
        });
        let output = Command::new(env!("CARGO_BIN_EXE_kv")).args(arguments).output().unwrap();
        printed += &format!("{line}\n");
        printed += &String::from_utf8(output.stdout).unwrap();
        printed += &String::from_utf8(output.stderr).unwrap();
    }
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(printed.trim_end(), block(mark).join("\n"));
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
    for lesson in tutorial::lesson::LESSONS {
        assert!(README.contains(&format!("\n| {} | ", lesson.number)), "lesson {}", lesson.number);
    }
}
