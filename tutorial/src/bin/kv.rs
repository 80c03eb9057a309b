//! Makes one call to a `kv_server`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use client::{CallOptions, Channel};
use kv::KvClient;
use tokio::time::{Instant, timeout_at};
use transport::{Address, Code, Limits, Status, tls};
use tutorial::command::{Command, between_programs};
use tutorial::secured::Caller;

/// Make one call to a key-value server
#[derive(Parser)]
#[command(
    name = "kv",
    term_width = 80,
    after_help = "Prints the result on standard output. Exits with 0 if the call went well, 1 if it failed, \
                  2 if this command line is wrong, 3 if no connection could be made."
)]
struct Args {
    /// Where the server is
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://127.0.0.1:4000", value_parser = between_programs)]
    connect: Address,
    /// How long connecting and the call may take together, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "10",
        allow_negative_numbers = true,
        value_parser = seconds
    )]
    timeout: Duration,
    #[command(flatten, next_help_heading = "TLS (https://, tls+tcp://, web+https://)")]
    secured: Caller,
    #[command(subcommand)]
    call: Command,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Args { connect, timeout, secured, call } = Args::parse();
    let deadline = Instant::now() + timeout;
    let tls = match secured.tls() {
        Ok(tls) => tls,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let kv = match connect_until(&connect, tls, deadline).await {
        Ok(kv) => kv,
        Err(status) => {
            eprintln!("error: {status}");
            if status.message().starts_with("nothing is listening") {
                eprintln!("  to start a server: cargo run --bin kv_server -- {}", listening_on(&connect));
            }
            if status.message().contains("not signed by a root") {
                eprintln!("  to trust what a server has written with --self-signed FILE: --roots FILE");
            }
            return ExitCode::from(3);
        }
    };
    match call.call(&kv).await {
        Ok(result) => {
            if let Some(result) = result {
                println!("{result}");
            }
            ExitCode::SUCCESS
        }
        Err(status) => {
            eprintln!("error: {status}");
            if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) {
                eprintln!("  whether the call was made is not known");
            }
            ExitCode::FAILURE
        }
    }
}

/// A client stub whose calls have `deadline`, which includes connecting.
/// What makes `kv_server` listen where a client wants to connect.
fn listening_on(address: &Address) -> String {
    let text = address.to_string();
    let (listen, web) = match text.strip_prefix("web+") {
        Some(listen) => (listen, " --web"),
        None => (&*text, ""),
    };
    let shown = match address {
        Address::Https { .. } | Address::TlsTcp { .. } | Address::WebHttps { .. } => " --self-signed kv.pem",
        _ => "",
    };
    format!("--listen {listen}{web}{shown}")
}

async fn connect_until(
    address: &Address,
    tls: Option<tls::Client>,
    deadline: Instant,
) -> Result<KvClient, Status> {
    let text = address.to_string();
    let connecting = async {
        match tls {
            Some(tls) => Channel::connect_tls(&text, Limits::default(), tls).await,
            None => Channel::connect(&text).await,
        }
    };
    let Ok(channel) = timeout_at(deadline, connecting).await else {
        return Err(Status::new(Code::DeadlineExceeded, format!("{address} did not answer in time")));
    };
    let channel = channel?;
    let options = CallOptions::new().codec(channel.codec()).deadline(deadline.into_std());
    Ok(KvClient::new(channel).with(options))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds = seconds.filter(|seconds| *seconds <= LONGEST);
    seconds.ok_or_else(|| format!("a timeout is a number of seconds, from 0 to {}", LONGEST.as_secs()))
}

/// 10 years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
