//! Stands between a client and a server, and shows what they say to each other.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;
use tutorial::lens::schema::{self, Schema};
use tutorial::live::{Feed, plain, proxy, screen};
use tutorial::signals::Signals;

/// Show what passes between a client and a server, call by call and byte by byte
#[derive(Parser)]
#[command(
    name = "lens",
    term_width = 80,
    after_help = "Let a client connect to --listen in place of its server, which is at --to. What comes is \
                  passed on as it is, whatever it is. gRPC and this project's own frames are taken apart; TLS \
                  and all else is passed on and named.\n\n\
                  In a terminal it shows a list of calls, and of the one that is chosen each step with its \
                  bytes. Elsewhere, or with --plain, it prints a line a step: connection, call, time since \
                  the call began, from the client (→) or from the server (←), what it is.\n\n\
                  It exits with 0 when it is told to stop (q, Ctrl-C or SIGTERM) or when nobody reads what it \
                  prints, with 1 if it cannot listen, read a contract or use the terminal, and with 2 if this \
                  command line is wrong. It honours NO_COLOR."
)]
struct Args {
    /// Where clients connect. Port 0 is a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4002", value_parser = address)]
    listen: String,
    /// Where the server is
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4000", value_parser = address)]
    to: String,
    /// Print lines, also in a terminal
    #[arg(long)]
    plain: bool,
    /// With each line, print the bytes and their names
    #[arg(long)]
    bytes: bool,
    /// A contract of what is called; may be given more than once. That of Kv is known
    #[arg(long, value_name = "FILE")]
    proto: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let schema = Arc::new(contracts(&args.proto)?);
    let listening = TcpListener::bind(&args.listen).await;
    let listener = listening.map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let feed = Feed::new();
    let mut signals = Signals::new().map_err(|error| format!("cannot handle signals: {error}"))?;
    let proxy = tokio::spawn(proxy::run(listener, args.to.clone(), schema, feed.clone()));
    let result = if args.plain || args.bytes || !std::io::stdout().is_terminal() {
        let listening = format!("listening on {address}");
        let printed = plain::print(feed, listening, args.bytes, signals.next()).await;
        printed.map_err(|error| format!("cannot print: {error}"))
    } else {
        let title = format!("{address} → {}", args.to);
        let shown = screen::show(feed, title, signals.next()).await;
        shown.map_err(|error| format!("cannot use the terminal: {error}"))
    };
    proxy.abort();
    result
}

/// What is known of what may be called.
fn contracts(files: &[PathBuf]) -> Result<Schema, String> {
    let known = [schema::KV, schema::INTEROP].map(PathBuf::from).into_iter().filter(|file| file.exists());
    let read = |known: Schema, file: &PathBuf| known.and(file).map_err(|error| error.to_string());
    known.collect::<Vec<_>>().iter().chain(files).try_fold(Schema::default(), read)
}

/// An address, with or without the transport in front.
fn address(text: &str) -> Result<String, String> {
    let address = text.trim_start_matches("tcp://").trim_start_matches("http://");
    match address.rsplit_once(':').map(|(host, port)| (host.is_empty(), port.parse::<u16>())) {
        Some((false, Ok(_))) => Ok(address.to_owned()),
        _ => Err("an address has the form host:port, such as 127.0.0.1:4000".to_owned()),
    }
}
