//! How a client checks its server, and shows itself.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::SingleCertAndKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::failure::{End, Trust};
use super::key_log::KeyLog;
use super::stream::Stream;
use super::{Alpn, certificates, provider, unusable};
use crate::driver::LINGER;
use crate::{Code, Limits, Status};

/// How a client checks the server it connects to, and how it shows itself. Cheap to clone.
///
/// A server has to have a certificate that is valid now, for the host in the address, and signed by a root that this
/// client trusts. None of these checks can be turned off.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    trust: Trust,
    server_name: Option<ServerName<'static>>,
}

impl Client {
    /// A client that trusts the roots of the operating system; or those that the environment variables `SSL_CERT_FILE`
    /// and `SSL_CERT_DIR` name, if they are set. This reads files.
    ///
    /// # Errors
    /// FAILED_PRECONDITION when there are no roots.
    pub fn system() -> Result<Self, Status> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // A system's list may have some that are too old to be understood, and nobody needs.
        if roots.add_parsable_certificates(found.certs).0 == 0 {
            let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            let text = format!(
                "this system has no roots to trust{why}: install its CA certificates, or name others"
            );
            return Err(Status::new(Code::FailedPrecondition, text));
        }
        Self::new(Arc::new(roots), Trust::System)
    }

    /// The same, for who must not be held up by files.
    pub(crate) async fn load_system() -> Result<Self, Status> {
        let loaded = tokio::task::spawn_blocking(Self::system).await;
        loaded.unwrap_or_else(|error| Err(unusable(&error)))
    }

    /// A client that trusts the certificates in `roots`, PEM, and no others: a root that signed the server's
    /// certificate, or that certificate itself if nobody else signed it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is none, or something that is none.
    pub fn trusting(roots: impl AsRef<[u8]>) -> Result<Self, Status> {
        let roots = certificates::roots(roots.as_ref())?;
        let trust = Trust::Own(roots.len());
        Self::new(roots, trust)
    }

    /// The same client, which shows a certificate to servers that ask for one (mutual TLS): `chain`, PEM, its own first and
    /// then those that signed it, and the private `key` to the first, PEM.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when they are not, or do not belong together.
    pub fn identity(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Status> {
        let identity = certificates::identity(chain.as_ref(), key.as_ref())?;
        Arc::make_mut(&mut self.config).client_auth_cert_resolver =
            Arc::new(SingleCertAndKey::from(identity));
        Ok(self)
    }

    /// The same client, for servers whose certificate is for `name`, whatever the host in the address is: what is on the
    /// way there may have an address of its own.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it is neither a DNS name nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self, Status> {
        self.server_name = Some(parse(name)?);
        Ok(self)
    }

    /// The same client, which writes the secrets of each connection to `log`, in the format that Wireshark reads: whoever
    /// has the log can read what passed. This is for learning. What cannot be written is left out.
    pub fn key_log(mut self, log: impl Write + Send + 'static) -> Self {
        Arc::make_mut(&mut self.config).key_log = Arc::new(KeyLog::new(log));
        self
    }

    fn new(roots: Arc<RootCertStore>, trust: Trust) -> Result<Self, Status> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.map_err(|error| unusable(&error))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), trust, server_name: None })
    }

    /// Makes sure that the server at the other end of `stream` is that of `host`, and speaks `alpn`.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
        alpn: Alpn,
        limits: &Limits,
    ) -> Result<Stream, Status> {
        let end = End::Client { alpn, trust: self.trust };
        let name = self.server_name.clone().map_or_else(|| parse(host), Ok)?;
        let connector = TlsConnector::from(self.config.clone());
        let connecting = connector.with_alpn(alpn.offer()).connect(name, stream);
        let mut stream = match timeout(limits.handshake, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(end.failed(&error)),
            Err(_) => return Err(end.took_too_long(limits.handshake)),
        };
        if !alpn.is_agreed(stream.get_ref().1.alpn_protocol()) {
            let _ = timeout(LINGER, stream.shutdown()).await;
            return Err(end.agreed_on_nothing());
        }
        Ok(Stream::new(stream, end))
    }
}

fn parse(name: &str) -> Result<ServerName<'static>, Status> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let text =
            format!("{name:?} is neither a DNS name nor an IP address, so no certificate can be for it");
        Status::new(Code::InvalidArgument, text)
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls::Client({}", self.trust)?;
        if let Some(name) = &self.server_name {
            write!(f, ", {}", name.to_str())?;
        }
        f.write_str(")")
    }
}
