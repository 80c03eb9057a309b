//! The two programs, as a person or a script runs them.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use interop::cases::Case;
use interop::proto::TestServiceClient;
use server::{Router, Server};

/// A server that runs until it is dropped.
struct Served {
    child: Child,
    port: String,
}

impl Served {
    fn start() -> Self {
        Self::start_with(&["--port", "0", "--use_tls", "false"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_interop_server"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap().to_owned();
        Self { child, port }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn client(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_interop_client")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_case_passes_with_flags_in_both_forms() {
    let server = Served::start();
    let port = format!("--server_port={}", server.port);
    for case in Case::ALL.map(Case::name) {
        let by_equals = format!("--test_case={case}");
        let output = if case.starts_with("client") {
            client(&["--server_host", "localhost", "--server_port", &server.port, "--test_case", case])
        } else {
            client(&[
                &port,
                &by_equals,
                "--use_tls=false",
                "--use_test_ca=true",
                "--server_host_override=x.test",
            ])
        };
        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout), format!("{case}: passed\n"));
        assert!(output.status.success());
    }
}

#[test]
fn an_unknown_case_is_refused_with_a_list_of_those_there_are() {
    let output = client(&["--test_case=fly"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("'fly'"), "{stderr}");
    for case in Case::ALL {
        assert!(stderr.contains(&format!("\n  {}\n", case.name())), "{stderr}");
    }
    assert!(stderr.lines().all(|line| line.len() <= 80), "{stderr}");
}

#[test]
fn every_case_passes_inside_tls() {
    let own = rcgen::generate_simple_self_signed(["interop.example".to_owned()]).unwrap();
    let file = |name: &str| format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    let (cert, key) = (file("interop.pem"), file("interop-key.pem"));
    std::fs::write(&cert, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let files = ["--tls_cert_file", &cert, "--tls_key_file", &key];
    let server = Served::start_with(&[&["--port", "0", "--use_tls"], &files[..]].concat());
    let port = format!("--server_port={}", server.port);
    let ca = format!("--ca_file={cert}");
    for case in Case::ALL.map(Case::name) {
        let case_flag = format!("--test_case={case}");
        let output = client(&[&port, &case_flag, &ca, "--use_tls", "--server_host_override=interop.example"]);
        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout), format!("{case}: passed\n"));
    }
    let output = client(&[&port, &ca, "--use_tls=true"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("is for interop.example, and not for 127.0.0.1"));
}

#[test]
fn a_server_that_lets_in_only_some_clients_lets_them_in_by_their_certificate() {
    let file = |name: &str| format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    let own = |name: &str| {
        let (cert, key) = (file(&format!("{name}.pem")), file(&format!("{name}-key.pem")));
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(&cert, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        [cert, key]
    };
    let [server_cert, server_key] = &own("mutual-server");
    let [client_cert, client_key] = &own("mutual-client");
    let server = Served::start_with(&[
        "--port=0",
        "--use_tls",
        "--tls_cert_file",
        server_cert,
        "--tls_key_file",
        server_key,
        "--tls_client_ca_file",
        client_cert,
    ]);
    let port = format!("--server_port={}", server.port);
    let calling = ["--test_case=empty_unary", &port, "--use_tls", "--ca_file", server_cert];
    let shown = ["--tls_cert_file", client_cert, "--tls_key_file", client_key];
    let output = client(&[&calling[..], &shown].concat());
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("empty_unary: passed\n", ""));
    let output = client(&calling);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), ""));
    assert!(text(&output.stderr).contains("this client has shown none"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn a_server_answers_grpc_web_at_the_same_port_if_it_is_told_to() {
    let server = Served::start_with(&["--port=0", "--web", "--allow_origin=https://app.example"]);
    for scheme in ["http", "web+http"] {
        let test =
            TestServiceClient::connect(&format!("{scheme}://127.0.0.1:{}", server.port)).await.unwrap();
        Case::find("large_unary").unwrap().run(&test).await.unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_interop_server"))
        .args(["--web", "--allow_origin=app.example"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("app.example"), "{}", text(&output.stderr));
}

#[test]
fn a_server_that_is_to_encrypt_says_what_that_takes() {
    let output = Command::new(env!("CARGO_BIN_EXE_interop_server")).arg("--use_tls").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: --use_tls takes --tls_cert_file FILE and --tls_key_file FILE\n";
    assert_eq!(text(&output.stderr), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_fails_says_what_was_expected_and_what_came() {
    let mut server = Server::new(Router::new());
    let bound = server.listen("http://127.0.0.1:0").await.unwrap().to_string();
    let port = bound.rsplit(':').next().unwrap();
    let output = client(&["--server_port", port, "--test_case=empty_unary"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let expected = "empty_unary: failed: EmptyCall: expected OK, got UNIMPLEMENTED: \
                    there is no service grpc.testing.TestService here\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn a_server_that_is_not_there_is_told_apart_from_a_case_that_fails() {
    // A port that was free a moment ago, and of which nobody else knows.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = client(&[&format!("--server_port={port}")]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("error: UNAVAILABLE: nothing is listening on 127.0.0.1:"));
}

#[test]
fn the_help_fits_a_terminal() {
    for program in [env!("CARGO_BIN_EXE_interop_client"), env!("CARGO_BIN_EXE_interop_server")] {
        let output = Command::new(program).arg("--help").output().unwrap();
        assert!(text(&output.stdout).lines().all(|line| line.len() <= 80));
    }
}
