//! Makes one call to a `kv_server`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use client::CallOptions;
use kv::KvClient;
use transport::{Code, Status};
use tutorial::command::Command;

/// Make one call to a key-value server
#[derive(Parser)]
#[command(
    name = "kv",
    after_help = "Prints the result on standard output.\n\
                  Exits with 0 if the call went well, 1 if it failed, 2 if this command line is wrong, \
                  3 if there is no server."
)]
struct Args {
    /// Where the server is
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://127.0.0.1:4000")]
    connect: String,
    /// How long the call may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,
    #[command(subcommand)]
    call: Command,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(Some(result)) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("error: {status}");
            match status.code() {
                Code::Unavailable => {
                    eprintln!("  to start a server: cargo run --bin kv_server -- --listen {}", args.connect);
                    ExitCode::from(3)
                }
                Code::InvalidArgument if args.connect.parse::<transport::Address>().is_err() => {
                    ExitCode::from(2)
                }
                _ => ExitCode::FAILURE,
            }
        }
    }
}

async fn run(args: &Args) -> Result<Option<String>, Status> {
    let kv = KvClient::connect(&args.connect).await?;
    args.call.call(&kv.with(CallOptions::new().timeout(args.timeout))).await
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|_| "a timeout is a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
