//! The server of the interoperability tests.

use std::process::ExitCode;

use clap::{ArgAction, Parser};
use interop::TestServer;
use interop::proto::TestServiceServer;
use server::{Router, Server};

/// Serve the interoperability test service of gRPC until killed
#[derive(Parser)]
#[command(
    name = "interop_server",
    term_width = 80,
    after_help = "Prints the address on standard output once it listens, and logs on standard error. It \
                  exits with 1 if it cannot listen, and with 2 if this command line is wrong."
)]
struct Args {
    /// The port to listen on; 0 is one that is free
    #[arg(long, value_name = "PORT", default_value_t = 10_000)]
    port: u16,
    /// The address of this machine to listen on; 0.0.0.0 is all of them
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    host: std::net::IpAddr,
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
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(
            std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none(),
        )
        .with_target(false)
        .init();
    if args.use_tls {
        eprintln!("error: there is no TLS here: leave --use_tls out, or say --use_tls=false");
        return ExitCode::from(2);
    }
    let mut server = Server::new(Router::new().with(TestServiceServer::new(TestServer)));
    let address = std::net::SocketAddr::new(args.host, args.port);
    match server.listen(&format!("http://{address}")).await {
        Ok(bound) => println!("listening on {bound}"),
        Err(status) => {
            eprintln!("error: {}", status.message());
            return ExitCode::FAILURE;
        }
    }
    std::future::pending().await
}
