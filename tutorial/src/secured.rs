//! What a command line says about TLS.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use transport::tls;

use crate::signals::Hangup;

/// What `kv` trusts, and shows.
#[derive(Debug, Args)]
pub struct Caller {
    /// Trust the certificates in FILE (PEM) instead of those of the system
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
    /// Show the certificates in FILE (PEM) to a server that asks
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key to the first of them (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Write the secrets of the connection to FILE, for who wants to look into it
    #[arg(long, value_name = "FILE")]
    key_log: Option<PathBuf>,
}

/// What `kv_server` shows, and whom it lets in.
#[derive(Debug, Args)]
pub struct Listener {
    /// With https:// or tls+tcp://: show the certificates in FILE (PEM), the own first
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key to the first of them (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Make a certificate for this machine alone, and write it to FILE for clients to trust
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    self_signed: Option<PathBuf>,
    /// Let in only clients with a certificate that one in FILE (PEM) has signed
    #[arg(long, value_name = "FILE")]
    client_roots: Option<PathBuf>,
    /// Write the secrets of each connection to FILE, for who wants to look into them
    #[arg(long, value_name = "FILE")]
    key_log: Option<PathBuf>,
}

impl Caller {
    /// How a server is checked; `None`: nothing was said about it.
    ///
    /// # Errors
    /// What is wrong with a file, for the person who named it.
    pub fn tls(&self) -> Result<Option<tls::Client>, String> {
        let Self { roots, cert, key, key_log } = self;
        if [roots, cert, key_log].iter().all(|file| file.is_none()) {
            return Ok(None);
        }
        let mut client = match roots {
            Some(file) => tls::Client::trusting(read(file)?).map_err(|error| wrong(file, error.message()))?,
            None => tls::Client::system().map_err(|error| error.message().to_owned())?,
        };
        if let (Some(cert), Some(key)) = (cert, key) {
            let shown = client.identity(read(cert)?, read(key)?);
            client = shown.map_err(|error| wrong(cert, error.message()))?;
        }
        Ok(Some(match key_log {
            Some(file) => client.key_log(append(file)?),
            None => client,
        }))
    }
}

impl Listener {
    /// What is shown; `None` without a certificate.
    ///
    /// # Errors
    /// What is wrong with a file, for the person who named it.
    pub fn tls(&self) -> Result<Option<tls::Server>, String> {
        let mut server = match (&self.cert, &self.key, &self.self_signed) {
            (Some(cert), Some(key), _) => {
                tls::Server::new(read(cert)?, read(key)?).map_err(|error| wrong(cert, error.message()))?
            }
            (_, _, Some(file)) => self_signed(file)?,
            _ => return Ok(None),
        };
        if let Some(file) = &self.client_roots {
            let required = server.require_clients(read(file)?);
            server = required.map_err(|error| wrong(file, error.message()))?;
        }
        Ok(Some(match &self.key_log {
            Some(file) => server.key_log(append(file)?),
            None => server,
        }))
    }

    /// What shows certificate and key anew, as the files have them on SIGHUP; `None` if they came from no files.
    ///
    /// # Errors
    /// When the system does not let this process handle the signal.
    pub fn reload(&self, server: &tls::Server) -> Result<Option<Reload>, String> {
        let (Some(cert), Some(key)) = (self.cert.clone(), self.key.clone()) else { return Ok(None) };
        let hangup = Hangup::new().map_err(|error| format!("cannot wait for SIGHUP: {error}"))?;
        Ok(Some(Reload { hangup, cert, key, server: server.clone() }))
    }
}

/// Shows certificate and key as their files have them, each time that SIGHUP comes.
#[derive(Debug)]
pub struct Reload {
    hangup: Hangup,
    cert: PathBuf,
    key: PathBuf,
    server: tls::Server,
}

impl Reload {
    /// Does so for as long as it is polled. What is wrong with the files is logged, and the server goes on with what it has.
    pub async fn run(mut self) {
        loop {
            self.hangup.next().await;
            match self.once() {
                Ok(()) => tracing::info!("SIGHUP: who connects from now on is shown {}", self.cert.display()),
                Err(error) => tracing::warn!("SIGHUP: {error}; the certificate stays what it was"),
            }
        }
    }

    fn once(&self) -> Result<(), String> {
        let Self { cert, key, server, .. } = self;
        server.reload(read(cert)?, read(key)?).map_err(|error| wrong(cert, error.message()))
    }
}

/// Shows a certificate that nobody has signed but its owner, and writes it to `file`; its key stays in memory.
fn self_signed(file: &Path) -> Result<tls::Server, String> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let own = rcgen::generate_simple_self_signed(names).map_err(|error| wrong(file, &error))?;
    let certificate = own.cert.pem();
    let key = own.signing_key.serialize_pem();
    let server = tls::Server::new(&certificate, key).map_err(|error| wrong(file, error.message()))?;
    fs::write(file, certificate).map_err(|error| wrong(file, &error))?;
    Ok(server)
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| wrong(file, &error))
}

fn append(file: &Path) -> Result<File, String> {
    File::options().create(true).append(true).open(file).map_err(|error| wrong(file, &error))
}

fn wrong(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
