//! Makes one call to a `kv_server`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use client::CallOptions;
use kv::KvClient;
use tokio::time::{Instant, timeout_at};
use transport::{Address, Code, Status};
use tutorial::command::{Command, between_programs};

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
    #[command(subcommand)]
    call: Command,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Args { connect, timeout, call } = Args::parse();
    let deadline = Instant::now() + timeout;
    let kv = match connect_until(&connect, deadline).await {
        Ok(kv) => kv,
        Err(status) => {
            eprintln!("error: {status}");
            if status.message().starts_with("nothing is listening") {
                eprintln!("  to start a server: cargo run --bin kv_server -- --listen {connect}");
            }
            return ExitCode::from(3);
        }
    };
    match call.call(&kv.with(CallOptions::new().deadline(deadline.into_std()))).await {
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

async fn connect_until(address: &Address, deadline: Instant) -> Result<KvClient, Status> {
    match timeout_at(deadline, KvClient::connect(&address.to_string())).await {
        Ok(connected) => connected,
        Err(_) => Err(Status::new(Code::DeadlineExceeded, format!("{address} did not answer in time"))),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds = seconds.filter(|seconds| *seconds <= LONGEST);
    seconds.ok_or_else(|| format!("a timeout is a number of seconds, from 0 to {}", LONGEST.as_secs()))
}

/// 10 years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
