//! The client of the interoperability tests.

use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Parser};
use interop::cases::{Case, UnknownCase};
use interop::proto::TestServiceClient;
use tokio::time::timeout;

/// Run one interoperability test case of gRPC on a server
#[derive(Parser)]
#[command(
    name = "interop_client",
    term_width = 80,
    after_help = "Prints NAME: passed on standard output, or on standard error what was expected and what \
                  came. Exits with 0 if the case passed, 1 if not, 2 if this command line is wrong, 3 if no \
                  connection could be made."
)]
struct Args {
    /// The host of the server
    #[arg(long = "server_host", value_name = "HOST", default_value = "127.0.0.1")]
    server_host: String,
    /// The port of the server
    #[arg(long = "server_port", value_name = "PORT", default_value_t = 10_000)]
    server_port: u16,
    /// The case, by its official name
    #[arg(long = "test_case", value_name = "NAME", default_value = "large_unary", value_parser = case)]
    test_case: Case,
    /// Whether to encrypt; only false can be had
    #[arg(
        long = "use_tls",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        default_value_t = false,
        default_missing_value = "true"
    )]
    use_tls: bool,
    /// Taken because all clients take it, and not used
    #[arg(long = "server_host_override", value_name = "HOST")]
    _server_host_override: Option<String>,
    /// Taken because all clients take it, and not used
    #[arg(
        long = "use_test_ca",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        default_value_t = false,
        default_missing_value = "true"
    )]
    _use_test_ca: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Args { server_host: host, server_port: port, test_case: case, use_tls, .. } = Args::parse();
    if use_tls {
        eprintln!("error: there is no TLS here: leave --use_tls out, or say --use_tls=false");
        return ExitCode::from(2);
    }
    // An IPv6 address stands in brackets.
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let test = match TestServiceClient::connect(&format!("http://{host}:{port}")).await {
        Ok(test) => test,
        Err(status) => {
            eprintln!("error: {status}");
            return ExitCode::from(3);
        }
    };
    match timeout(LONGEST, case.run(&test)).await {
        Ok(Ok(())) => {
            println!("{}: passed", case.name());
            ExitCode::SUCCESS
        }
        Ok(Err(failure)) => {
            eprintln!("{}: failed: {failure}", case.name());
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("{}: failed: it did not end within {} s", case.name(), LONGEST.as_secs());
            ExitCode::FAILURE
        }
    }
}

fn case(name: &str) -> Result<Case, UnknownCase> {
    Case::find(name)
}

/// How long a case may take before it counts as hung.
const LONGEST: Duration = Duration::from_secs(60);
