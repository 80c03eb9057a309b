//! The server of the interoperability tests.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Parser};
use interop::TestServer;
use interop::proto::TestServiceServer;
use server::{Router, Server};
use transport::tls;
use transport::web::Web;

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
    /// Whether to encrypt, which takes the two files
    #[arg(
        long = "use_tls",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        default_value_t = false,
        default_missing_value = "true"
    )]
    use_tls: bool,
    /// The certificates to show (PEM), the own first
    #[arg(long = "tls_cert_file", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key to the first of them (PEM)
    #[arg(long = "tls_key_file", value_name = "FILE")]
    key: Option<PathBuf>,
    /// Answer gRPC-Web too, at the same port
    #[arg(long)]
    web: bool,
    #[arg(long = "allow_origin", value_name = "ORIGIN", requires = "web", help = ALLOW_ORIGIN)]
    allow_origin: Vec<String>,
    /// Let in only clients with a certificate that one in FILE (PEM) has signed
    #[arg(long = "tls_client_ca_file", value_name = "FILE")]
    client_ca: Option<PathBuf>,
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
    let mut server = match server(&args) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let scheme = if args.use_tls { "https" } else { "http" };
    let address = std::net::SocketAddr::new(args.host, args.port);
    match server.listen(&format!("{scheme}://{address}")).await {
        Ok(bound) => println!("listening on {bound}"),
        Err(status) => {
            eprintln!("error: {}", status.message());
            return ExitCode::FAILURE;
        }
    }
    std::future::pending().await
}

/// The server, which does not listen yet.
fn server(args: &Args) -> Result<Server, String> {
    let mut server = Server::new(Router::new().with(TestServiceServer::new(TestServer)));
    if args.use_tls {
        server = server.tls(shown(args)?);
    }
    if args.web {
        let allowed = args.allow_origin.iter().try_fold(Web::new(), |web, origin| web.allow_origin(origin));
        server = server.web(allowed.map_err(|status| status.message().to_owned())?);
    }
    Ok(server)
}

/// What the server shows, and whom it lets in.
fn shown(args: &Args) -> Result<tls::Server, String> {
    let (Some(cert), Some(key)) = (&args.cert, &args.key) else {
        return Err("--use_tls takes --tls_cert_file FILE and --tls_key_file FILE".to_owned());
    };
    let read = |file: &Path| std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    let mut shown = tls::Server::new(read(cert)?, read(key)?);
    if let Some(file) = &args.client_ca {
        let roots = read(file)?;
        shown = shown.and_then(|shown| shown.require_clients(roots));
    }
    shown.map_err(|status| status.message().to_owned())
}

/// Not a comment of the field, where an address is to be a link.
const ALLOW_ORIGIN: &str = "Let pages of ORIGIN call, such as https://app.example";
