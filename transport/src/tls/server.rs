//! What a server shows, and whom it lets in.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, NoKeyLog, ServerConfig};

use super::key_log::KeyLog;
use super::{certificates, provider, unusable};
use crate::Status;

/// What a server shows to those who connect, and whom it lets in. Cheap to clone; clones show the same certificate also
/// after a [`reload`](Self::reload).
#[derive(Clone)]
pub struct Server {
    shown: Arc<Shown>,
    clients: Arc<dyn ClientCertVerifier>,
    key_log: Arc<dyn rustls::KeyLog>,
}

impl Server {
    /// A server that shows `chain`, PEM: its own certificate first, then those that signed it, without the root. `key` is
    /// the private key to the first, PEM. It lets in everybody.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when they are not, or do not belong together.
    pub fn new(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Status> {
        let identity = certificates::identity(chain.as_ref(), key.as_ref())?;
        Ok(Self {
            shown: Arc::new(Shown(RwLock::new(identity))),
            clients: WebPkiClientVerifier::no_client_auth(),
            key_log: Arc::new(NoKeyLog),
        })
    }

    /// The same server, which asks each client for a certificate (mutual TLS). One with a certificate that one of `roots`,
    /// PEM, has signed is known by it ([`IncomingCall::peer`](crate::IncomingCall::peer)); one without is let in all the same,
    /// and one with another is not.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there is no root, or something that is none.
    pub fn ask_clients(self, roots: impl AsRef<[u8]>) -> Result<Self, Status> {
        self.check_clients(roots.as_ref(), false)
    }

    /// The same server, which lets in only clients with a certificate that one of `roots`, PEM, has signed (mutual TLS).
    ///
    /// # Errors
    /// As [`ask_clients`](Self::ask_clients).
    pub fn require_clients(self, roots: impl AsRef<[u8]>) -> Result<Self, Status> {
        self.check_clients(roots.as_ref(), true)
    }

    /// The same server, which writes the secrets of each connection to `log`, as
    /// [`Client::key_log`](super::Client::key_log) does.
    pub fn key_log(mut self, log: impl Write + Send + 'static) -> Self {
        self.key_log = Arc::new(KeyLog::new(log));
        self
    }

    /// Shows another certificate from now on, to those who connect from now on. Connections that there are go on.
    ///
    /// # Errors
    /// As [`Server::new`]; it goes on with what it has then.
    pub fn reload(&self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<(), Status> {
        let identity = certificates::identity(chain.as_ref(), key.as_ref())?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(())
    }

    fn check_clients(mut self, roots: &[u8], required: bool) -> Result<Self, Status> {
        let roots = certificates::roots(roots)?;
        let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
        if !required {
            verifier = verifier.allow_unauthenticated();
        }
        self.clients = verifier.build().map_err(|error| unusable(&error))?;
        Ok(self)
    }

    /// What the connections of a listener have in common on which `offered` can be spoken.
    pub(super) fn config(&self, offered: Vec<Vec<u8>>) -> Result<Arc<ServerConfig>, Status> {
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config =
            config.map_err(|error| unusable(&error))?.with_client_cert_verifier(self.clients.clone());
        let mut config = config.with_cert_resolver(self.shown.clone());
        config.alpn_protocols = offered;
        config.key_log = self.key_log.clone();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = match (self.clients.offer_client_auth(), self.clients.client_auth_mandatory()) {
            (false, _) => "lets in everybody",
            (true, false) => "asks clients for a certificate",
            (true, true) => "lets in clients with a certificate",
        };
        write!(f, "tls::Server({clients})")
    }
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
