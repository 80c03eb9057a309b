//! Serves a key–value store, in memory, until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use kv::Store;
use kv::proto::KvServer;
use server::{Router, Server};
use tracing_subscriber::filter::LevelFilter;
use transport::Address;
use tutorial::command::between_programs;
use tutorial::opened::Opened;
use tutorial::secured::Listener;
use tutorial::signals::Signals;

/// Serve a key-value store, in memory
#[derive(Parser)]
#[command(
    name = "kv_server",
    term_width = 80,
    after_help = "Prints the address of each listener on standard output and logs on standard error.\n\n\
                  On Ctrl-C or SIGTERM it accepts no further calls, waits up to 10 seconds for those that \
                  are open, and exits with 0 if all have ended, 1 if not. A second signal ends it at once. \
                  It exits with 1 if it cannot listen, and with 2 if this command line is wrong.\n\n\
                  On SIGHUP it reads the files of --cert and --key again, for those who connect from then \
                  on. What is wrong with them is logged, and changes nothing."
)]
struct Args {
    /// Where to listen; may be given more than once. Port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://127.0.0.1:4000", value_parser = between_programs)]
    listen: Vec<Address>,
    /// Log every connection, not only those that end badly
    #[arg(long)]
    verbose: bool,
    #[command(flatten, next_help_heading = "Browsers (http://, https://)")]
    opened: Opened,
    #[command(flatten, next_help_heading = "TLS (https://, tls+tcp://)")]
    secured: Listener,
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
    let server = match listen(&args).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: {error}");
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

async fn listen(args: &Args) -> Result<Server, String> {
    let store = Arc::new(Store::new());
    let mut server = Server::new(Router::new().with(KvServer::<Store>::new(store.clone())));
    let tls = args.secured.tls()?;
    if let Some(web) = args.opened.web(&store)? {
        server = server.web(web);
    }
    if let Some(tls) = &tls {
        server = server.tls(tls.clone());
        if let Some(reload) = args.secured.reload(tls)? {
            tokio::spawn(reload.run());
        }
    }
    for address in &args.listen {
        if tls.is_none() && matches!(address, Address::Https { .. } | Address::TlsTcp { .. }) {
            return Err(format!(
                "{address} takes a certificate: --cert FILE --key FILE, or --self-signed FILE to make one"
            ));
        }
        let bound =
            server.listen(&address.to_string()).await.map_err(|status| status.message().to_owned())?;
        println!("listening on {bound}");
    }
    Ok(server)
}

/// How long open calls may take to end.
const GRACE: Duration = Duration::from_secs(10);
