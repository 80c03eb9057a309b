//! The client of the interoperability tests.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Parser};
use client::Channel;
use interop::cases::{Case, UnknownCase};
use interop::proto::TestServiceClient;
use tokio::time::timeout;
use transport::{Code, Limits, Status, tls};

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
    /// Whether to encrypt
    #[arg(
        long = "use_tls",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        default_value_t = false,
        default_missing_value = "true"
    )]
    use_tls: bool,
    /// With TLS, the name in the server's certificate, if it is not the host
    #[arg(long = "server_host_override", value_name = "HOST")]
    server_host_override: Option<String>,
    /// With TLS, trust the certificates in FILE (PEM) instead of the system's
    #[arg(long = "ca_file", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// With TLS, show the certificates in FILE (PEM), the own first
    #[arg(long = "tls_cert_file", value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key to the first of them (PEM)
    #[arg(long = "tls_key_file", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
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
    let args = Args::parse();
    let case = args.test_case;
    let test = match connect(&args).await {
        Ok(channel) => TestServiceClient::new(channel),
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

async fn connect(args: &Args) -> Result<Arc<Channel>, Status> {
    let (host, port) = (&args.server_host, args.server_port);
    // An IPv6 address stands in brackets.
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
    if !args.use_tls {
        return Channel::connect(&format!("http://{host}:{port}")).await;
    }
    let mut tls = match &args.ca_file {
        None => tls::Client::system()?,
        Some(file) => tls::Client::trusting(read(file)?)?,
    };
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        tls = tls.identity(read(cert)?, read(key)?)?;
    }
    if let Some(name) = &args.server_host_override {
        tls = tls.server_name(name)?;
    }
    Channel::connect_tls(&format!("https://{host}:{port}"), Limits::default(), tls).await
}

fn read(file: &Path) -> Result<Vec<u8>, Status> {
    std::fs::read(file)
        .map_err(|error| Status::new(Code::InvalidArgument, format!("{}: {error}", file.display())))
}

fn case(name: &str) -> Result<Case, UnknownCase> {
    Case::find(name)
}

/// How long a case may take before it counts as hung.
const LONGEST: Duration = Duration::from_secs(60);
