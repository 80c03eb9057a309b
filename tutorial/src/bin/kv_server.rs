//! Serves a key–value store, in memory, until it is told to stop.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kv::Store;
use kv::proto::KvServer;
use server::{Router, Server};
use tracing_subscriber::filter::LevelFilter;
use transport::{Address, Status};
use tutorial::command::between_programs;
use tutorial::signals::Signals;

/// Serve a key-value store, in memory
#[derive(Parser)]
#[command(
    name = "kv_server",
    term_width = 80,
    after_help = "Prints the address of each listener on standard output and logs on standard error.\n\n\
                  On Ctrl-C or SIGTERM it accepts no further calls, waits up to 10 seconds for those that \
                  are open, and exits with 0 if all have ended, 1 if not. A second signal ends it at once. \
                  It exits with 1 if it cannot listen, and with 2 if this command line is wrong."
)]
struct Args {
    /// Where to listen; may be given more than once. Port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://127.0.0.1:4000", value_parser = between_programs)]
    listen: Vec<Address>,
    /// Log every connection, not only those that end badly
    #[arg(long)]
    verbose: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let level = if args.verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(
            std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none(),
        )
        .with_max_level(level)
        .with_target(false)
        .init();
    // Before anybody can know that this server is there.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("error: cannot wait for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let server = match listen(&args.listen).await {
        Ok(server) => server,
        Err(status) => {
            eprintln!("error: {}", status.message());
            return ExitCode::FAILURE;
        }
    };
    let signal = signals.next().await;
    tracing::info!("{signal}: no further calls are accepted, open ones may end");
    tokio::select! {
        ended = server.drain(GRACE) => match ended {
            true => ExitCode::SUCCESS,
            false => {
                tracing::warn!("some calls did not end within {GRACE:?}");
                ExitCode::FAILURE
            }
        },
        signal = signals.next() => {
            tracing::warn!("{signal} again: ending at once");
            ExitCode::FAILURE
        }
    }
}

async fn listen(addresses: &[Address]) -> Result<Server, Status> {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    for address in addresses {
        println!("listening on {}", server.listen(&address.to_string()).await?);
    }
    Ok(server)
}

/// How long open calls may take to end.
const GRACE: Duration = Duration::from_secs(10);
