//! Connections that come to a listener with TLS.

use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::failure::End;
use super::stream::Stream;
use super::{Alpn, Server};
use crate::driver::{LINGER, say_goodbye};
#[cfg(feature = "web")]
use crate::grpc::web::Web;
use crate::{IncomingCall, Limits, Peer, Service, Serving, Status, grpc, tcp};

/// What the connections of one listener have in common.
#[derive(Clone)]
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
    alpn: Alpn,
    #[cfg(feature = "web")]
    web: Option<Web>,
}

/// A connection that was accepted, whose peer has said nothing yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    acceptor: Acceptor,
}

impl Acceptor {
    pub(crate) fn new(server: &Server, alpn: Alpn) -> Result<Self, Status> {
        Ok(Self {
            config: server.config(alpn.offer())?,
            alpn,
            #[cfg(feature = "web")]
            web: None,
        })
    }

    /// Answers what `web` says too, over HTTP/1.1 if the client wants that.
    #[cfg(feature = "web")]
    pub(crate) fn answer(&mut self, web: Web) {
        if self.alpn == Alpn::H2 {
            Arc::make_mut(&mut self.config).alpn_protocols.extend(Alpn::Http1.offer());
            self.web = Some(web);
        }
    }

    pub(crate) fn incoming(&self, stream: TcpStream, peer: SocketAddr, limits: &Limits) -> Incoming {
        Incoming { stream, peer, limits: limits.clone(), acceptor: self.clone() }
    }

    pub(crate) fn alpn(&self) -> Alpn {
        self.alpn
    }

    /// Agrees with the client on secrets and on what is spoken inside, which is returned.
    async fn handshake(&self, stream: TcpStream, limits: &Limits) -> Result<(Stream, Alpn), Status> {
        let end = End::Server { alpn: self.alpn };
        let accepting = TlsAcceptor::from(self.config.clone()).accept(stream).into_fallible();
        let mut stream = match timeout(limits.handshake, accepting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err((error, mut stream))) => {
                say_goodbye(&mut stream).await;
                return Err(end.failed(&error));
            }
            Err(_) => return Err(end.took_too_long(limits.handshake)),
        };
        let Some(spoken) = self.spoken(stream.get_ref().1.alpn_protocol()) else {
            let _ = timeout(LINGER, stream.shutdown()).await;
            return Err(end.agreed_on_nothing());
        };
        Ok((Stream::new(stream, end), spoken))
    }

    /// What is spoken with a client that has agreed on `agreed`.
    fn spoken(&self, agreed: Option<&[u8]>) -> Option<Alpn> {
        if agreed == Some(self.alpn.name().as_bytes()) {
            return Some(self.alpn);
        }
        // Without ALPN a client of `https` speaks HTTP/1.1, as before there was any.
        #[cfg(feature = "web")]
        if self.web.is_some() && agreed.is_none_or(|agreed| agreed == Alpn::Http1.name().as_bytes()) {
            return Some(Alpn::Http1);
        }
        None
    }
}

impl Incoming {
    /// Serves the connection to its end: see [`Incoming::serve`](crate::Incoming::serve).
    pub(crate) async fn serve(
        self,
        service: Arc<dyn Service>,
        drain: impl Future<Output = ()> + Send,
    ) -> Result<(), Status> {
        let Self { stream, limits, acceptor, .. } = self;
        let mut drain = pin!(drain);
        let handshake = acceptor.handshake(stream, &limits);
        let Some((stream, drained)) = tcp::greet(pin!(handshake), drain.as_mut()).await else {
            return Ok(());
        };
        let (stream, spoken) = stream?;
        let service = match peer_of(&stream) {
            Some(peer) => Arc::new(Identified { service, peer }),
            None => service,
        };
        let drain = async move {
            if !drained {
                drain.await;
            }
        };
        #[cfg(feature = "web")]
        if let Some(web) = &acceptor.web {
            return grpc::web::serve_known(stream, spoken == Alpn::Http1, &limits, service, web, drain).await;
        }
        if spoken == Alpn::Frames {
            return tcp::serve_over(stream, &limits, service, drain).await;
        }
        grpc::serve_over(stream, &limits, service, drain).await
    }
}

fn peer_of(stream: &Stream) -> Option<Arc<Peer>> {
    let chain = stream.peer_certificates()?;
    let names = chain.first().map(names).unwrap_or_default();
    let certificates = chain.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect();
    Some(Arc::new(Peer::new(certificates, names)))
}

/// The names that a certificate is for.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    certificate.valid_dns_names().chain(certificate.valid_uri_names()).map(str::to_owned).collect()
}

/// Serves the calls of a connection whose peer is known.
struct Identified {
    service: Arc<dyn Service>,
    peer: Arc<Peer>,
}

impl Service for Identified {
    fn serve(&self, mut call: IncomingCall) -> Serving {
        call.peer = Some(self.peer.clone());
        self.service.serve(call)
    }
}

impl fmt::Display for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.acceptor.alpn.scheme(), self.peer)
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acceptor({})", self.alpn.name())
    }
}
