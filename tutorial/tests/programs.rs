//! The programs, run as a person runs them.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

#[cfg(unix)]
use client::Channel;
use kv::{Kv, KvClient};
#[cfg(unix)]
use transport::{Limits, tls};

/// A `kv_server` on a free port, ended with this.
struct KvServerProcess {
    child: Child,
    address: String,
}

impl KvServerProcess {
    fn start() -> Self {
        Self::start_with(&["--listen", "tcp://127.0.0.1:0"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kv_server"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap().trim().to_owned();
        Self { child, address }
    }

    fn kv(&self, call: &[&str]) -> Output {
        kv(&[&["--connect", &self.address], call].concat())
    }
}

impl Drop for KvServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kv(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kv")).args(arguments).output().unwrap()
}

/// Exit code, standard output, standard error.
fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn two_programs_talk_to_each_other() {
    let server = KvServerProcess::start();
    assert_eq!(said(server.kv(&["put", "greeting", "hello"])), (0, String::new(), String::new()));
    assert_eq!(said(server.kv(&["get", "greeting"])), (0, "hello\n".to_owned(), String::new()));
    assert_eq!(said(server.kv(&["incr", "hits"])), (0, "1\n".to_owned(), String::new()));
    assert_eq!(said(server.kv(&["incr", "hits", "-3"])), (0, "-2\n".to_owned(), String::new()));
    assert_eq!(said(server.kv(&["del", "greeting"])), (0, "true\n".to_owned(), String::new()));
    assert_eq!(said(server.kv(&["del", "greeting"])), (0, "false\n".to_owned(), String::new()));
}

/// A file that no other test has.
fn file(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"))
}

#[test]
fn two_programs_talk_to_each_other_inside_tls() {
    for scheme in ["https", "tls+tcp"] {
        let certificate = file(&format!("talk-{scheme}.pem"));
        let listen = format!("{scheme}://127.0.0.1:0");
        let server = KvServerProcess::start_with(&["--listen", &listen, "--self-signed", &certificate]);
        let trusting = ["--roots", &certificate];
        let kv = |call: &[&str]| said(server.kv(&[&trusting, call].concat()));
        assert_eq!(kv(&["put", "greeting", "hello"]), (0, String::new(), String::new()));
        assert_eq!(kv(&["get", "greeting"]), (0, "hello\n".to_owned(), String::new()));

        let (code, _, stderr) = said(server.kv(&["get", "greeting"]));
        assert_eq!(code, 3);
        let stranger =
            ["is not signed by a root that this client trusts", "this system has no roots to trust"];
        assert!(stranger.iter().any(|text| stderr.contains(text)), "{stderr}");
    }
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_requires_one_and_logs_its_secrets() {
    let (certificate, own, key, log) = (file("m.pem"), file("m-own.pem"), file("m-key.pem"), file("m.log"));
    let _ = std::fs::remove_file(&log);
    let identity = rcgen::generate_simple_self_signed(["alice.example".to_owned()]).unwrap();
    std::fs::write(&own, identity.cert.pem()).unwrap();
    std::fs::write(&key, identity.signing_key.serialize_pem()).unwrap();
    let server = KvServerProcess::start_with(&[
        "--listen",
        "https://127.0.0.1:0",
        "--self-signed",
        &certificate,
        "--client-roots",
        &own,
    ]);
    let trusting = ["--roots", &certificate, "--key-log", &log];
    let shown = [&trusting[..], &["--cert", &own, "--key", &key, "incr", "hits"]].concat();
    assert_eq!(said(server.kv(&shown)), (0, "1\n".to_owned(), String::new()));
    assert!(std::fs::read_to_string(&log).unwrap().contains("CLIENT_TRAFFIC_SECRET_0 "));

    let (code, _, stderr) = said(server.kv(&[&trusting[..], &["incr", "hits"]].concat()));
    assert_eq!(code, 3);
    assert!(stderr.contains("this client has shown none: give it one, with its key"), "{stderr}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_shows_what_the_files_of_its_certificate_have_when_it_is_told_that_they_changed() {
    let [cert, key, first, second] = ["hup.pem", "hup-key.pem", "hup-1.pem", "hup-2.pem"].map(file);
    let write_another = |copy: &str| {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(&cert, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        std::fs::write(copy, own.cert.pem()).unwrap();
    };
    write_another(&first);
    let mut server =
        KvServerProcess::start_with(&["--listen", "https://127.0.0.1:0", "--cert", &cert, "--key", &key]);
    let mut log = BufReader::new(server.child.stderr.take().unwrap()).lines();
    let mut hang_up = || {
        let told = Command::new("kill").args(["-HUP", &server.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        log.find(|line| line.as_ref().unwrap().contains("SIGHUP")).unwrap().unwrap()
    };
    let incr = |roots: &str| said(server.kv(&["--roots", roots, "incr", "hits"]));
    let trusting = tls::Client::trusting(std::fs::read(&first).unwrap()).unwrap();
    let channel = Channel::connect_tls(&server.address, Limits::default(), trusting).await.unwrap();
    let from_before = KvClient::new(channel);
    assert_eq!(from_before.increment("hits", 1).await.unwrap(), 1);

    write_another(&second);
    let line = hang_up();
    assert!(line.ends_with(&format!(" INFO SIGHUP: who connects from now on is shown {cert}")), "{line}");
    assert_eq!(incr(&second), (0, "2\n".to_owned(), String::new()));
    assert_eq!(incr(&first).0, 3);
    assert_eq!(from_before.increment("hits", 1).await.unwrap(), 3);

    std::fs::copy(&first, &cert).unwrap();
    let line = hang_up();
    let wrong = format!(" WARN SIGHUP: {cert}: the private key is not that of the first certificate: ");
    assert!(line.contains(&wrong) && line.ends_with("; the certificate stays what it was"), "{line}");
    assert_eq!(incr(&second), (0, "4\n".to_owned(), String::new()));
}

#[test]
fn what_is_missing_for_tls_is_said() {
    let server = |arguments: &[&str]| {
        said(Command::new(env!("CARGO_BIN_EXE_kv_server")).args(arguments).output().unwrap())
    };
    let (code, _, stderr) = server(&["--listen", "https://127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert_eq!(
        stderr,
        "error: https://127.0.0.1:0 takes a certificate: --cert FILE --key FILE, or --self-signed FILE to make one\n"
    );
    let missing = file("missing.pem");
    let (code, _, stderr) =
        server(&["--listen", "https://127.0.0.1:0", "--cert", &missing, "--key", &missing]);
    assert_eq!(code, 1);
    assert!(stderr.starts_with(&format!("error: {missing}: ")), "{stderr}");
    let (code, _, stderr) = said(kv(&["--connect", "https://127.0.0.1:1", "--roots", &missing, "get", "x"]));
    assert_eq!(code, 2);
    assert!(stderr.starts_with(&format!("error: {missing}: ")), "{stderr}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", free.local_addr().unwrap());
    drop(free);
    let (code, _, stderr) = said(kv(&["--connect", &address, "get", "x"]));
    assert_eq!(code, 3);
    assert!(stderr.contains(&format!("--listen {address} --self-signed kv.pem")), "{stderr}");
}

#[test]
fn a_call_that_fails_exits_with_1_and_says_why_on_standard_error() {
    let server = KvServerProcess::start();
    let (code, stdout, stderr) = said(server.kv(&["get", "nothing"]));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert_eq!(stderr, "error: NOT_FOUND: no value for \"nothing\"\n");
}

#[test]
fn without_a_server_it_exits_with_3_and_says_what_to_do() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (code, _, stderr) = said(kv(&["--connect", &format!("tcp://{address}"), "get", "x"]));
    assert_eq!(code, 3);
    assert!(stderr.contains(&format!("nothing is listening on {address}")), "{stderr}");
    assert!(stderr.contains("cargo run --bin kv_server"), "{stderr}");
}

#[test]
fn a_command_line_that_is_wrong_exits_with_2() {
    assert_eq!(said(kv(&["fetch", "x"])).0, 2);
    assert_eq!(said(kv(&["get"])).0, 2);
    let (code, _, stderr) = said(kv(&["--connect", "127.0.0.1:4000", "get", "x"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("does not begin with a transport"), "{stderr}");
}

#[test]
fn every_program_explains_itself() {
    for program in [
        env!("CARGO_BIN_EXE_kv"),
        env!("CARGO_BIN_EXE_kv_server"),
        env!("CARGO_BIN_EXE_lens"),
        env!("CARGO_BIN_EXE_tour"),
    ] {
        let output = Command::new(program).arg("--help").output().unwrap();
        let (code, stdout, _) = said(output);
        assert_eq!(code, 0);
        assert!(stdout.contains("Usage: "), "{stdout}");
    }
}

#[tokio::test]
async fn a_thousand_calls_at_once_on_one_connection_to_a_server_process() {
    let server = KvServerProcess::start();
    let kv = KvClient::connect(&server.address).await.unwrap();
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let kv = kv.clone();
            tokio::spawn(async move { kv.increment("hits", 1).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(kv.get("hits").await.unwrap(), "1000");
}

#[tokio::test]
async fn a_server_process_that_is_killed_leaves_its_client_unavailable_at_once() {
    let mut server = KvServerProcess::start();
    let kv = KvClient::connect(&server.address).await.unwrap();
    kv.put("greeting", "hello").await.unwrap();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let error = kv.get("greeting").await.unwrap_err();
    assert_eq!(error.code(), transport::Code::Unavailable);
}

#[test]
fn a_second_server_on_the_same_port_says_that_it_is_taken() {
    let server = KvServerProcess::start();
    let output =
        Command::new(env!("CARGO_BIN_EXE_kv_server")).args(["--listen", &server.address]).output().unwrap();
    let (code, _, stderr) = said(output);
    assert_eq!(code, 1);
    assert!(stderr.contains("is taken already"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_told_to_stop_ends_in_good_order() {
    for signal in ["-INT", "-TERM"] {
        let mut server = KvServerProcess::start();
        let told = Command::new("kill").args([signal, &server.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(server.child.wait().unwrap().success());
        let mut log = String::new();
        server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.contains("no further calls are accepted"), "{log}");
    }
}

/// A `lens` on a free port in front of a server, with what it prints.
#[cfg(unix)]
struct LensProcess {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    address: String,
}

#[cfg(unix)]
impl LensProcess {
    fn before(server: &KvServerProcess) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lens"))
            .args(["--listen", "127.0.0.1:0", "--to", &server.address, "--bytes"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = format!("tcp://{}", line.strip_prefix("listening on ").unwrap().trim());
        Self { child, stdout, address }
    }

    fn told(&mut self, signal: &str) -> Option<i32> {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap().code()
    }
}

#[cfg(unix)]
impl Drop for LensProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn the_lens_prints_what_passes_until_it_is_told_to_stop() {
    let server = KvServerProcess::start();
    for signal in ["-INT", "-TERM"] {
        let mut lens = LensProcess::before(&server);
        assert_eq!(said(kv(&["--connect", &lens.address, "put", "greeting", "hello"])).0, 0);
        let mut printed = String::new();
        while !printed.contains(" closed: ") {
            assert!(lens.stdout.read_line(&mut printed).unwrap() > 0, "it has ended: {printed}");
        }
        for part in
            ["call 1", "→ CALL /kv.Kv/Put: message of 15 bytes, END", "\"greeting\"", "94 of 94 bytes named"]
        {
            assert!(printed.contains(part), "{part} in\n{printed}");
        }
        assert!(!printed.contains('\x1b'), "no colours into a pipe");
        assert!(printed.lines().all(|line| !line.ends_with(' ')), "{printed}");
        assert_eq!(lens.told(signal), Some(0), "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn a_lens_whose_lines_nobody_reads_any_more_ends_in_good_order() {
    let server = KvServerProcess::start();
    let LensProcess { child, stdout, address } = &mut LensProcess::before(&server);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(writer);
    // As `head -1` does: it has read a line, and goes.
    *stdout.get_mut() = std::process::ChildStdout::from(std::os::fd::OwnedFd::from(reader));
    kv(&["--connect", address, "put", "greeting", "hello"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[tokio::test]
async fn a_lens_whose_output_is_blocked_passes_on_and_ends_when_it_is_told_to() {
    let server = KvServerProcess::start();
    let mut lens = LensProcess::before(&server);
    let kv = KvClient::connect(&lens.address).await.unwrap();
    // Far more lines than a pipe holds, and nobody reads one of them.
    for number in 1..=1000 {
        assert_eq!(kv.increment("hits", 1).await.unwrap(), number);
    }
    assert_eq!(lens.told("-TERM"), Some(0));
}

#[test]
fn a_lens_that_cannot_begin_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let lens =
        |arguments: &[&str]| said(Command::new(env!("CARGO_BIN_EXE_lens")).args(arguments).output().unwrap());
    let (code, _, stderr) = lens(&["--listen", &address]);
    assert_eq!(code, 1);
    assert!(stderr.contains(&format!("cannot listen on {address}")), "{stderr}");
    let (code, _, stderr) = lens(&["--proto", "no_such.proto"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("no_such.proto"), "{stderr}");
    let (code, _, stderr) = lens(&["--to", "nowhere"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("host:port"), "{stderr}");
}

#[test]
fn the_tour_makes_the_call_it_is_given() {
    let output = Command::new(env!("CARGO_BIN_EXE_tour")).args(["incr", "hits", "7"]).output().unwrap();
    let (code, stdout, stderr) = said(output);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("kv.increment(\"hits\", 7)"));
    assert!(stdout.contains("= Ok(7)"));
    assert!(!stdout.contains('\x1b'), "no colours into a pipe");
}
