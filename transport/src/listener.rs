//! Accepts connections, whatever the transport.

use std::fmt;
use std::io;
use std::sync::Arc;

#[cfg(feature = "web")]
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

#[cfg(feature = "web")]
use crate::grpc::web::Web;
#[cfg(feature = "tls")]
use crate::tls::{self, Alpn};
use crate::{Address, Limits, Service, Status, grpc, memory, tcp};

/// Accepts connections, whatever the transport.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
    #[cfg(feature = "web")]
    web: Option<Web>,
}

/// A connection that was accepted and waits to be served.
#[derive(Debug)]
pub struct Incoming(Accepted);

impl Listener {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner,
            #[cfg(feature = "web")]
            web: None,
        }
    }

    /// The same listener; if it is one for gRPC it also answers what `web` says.
    #[cfg(feature = "web")]
    pub fn web(mut self, web: Web) -> Self {
        #[cfg(feature = "tls")]
        if let Inner::Tls(_, acceptor) = &mut self.inner {
            acceptor.answer(web.clone());
        }
        self.web = Some(web);
        self
    }

    /// Where it listens: for port 0, the port that was free.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<Address> {
        let (listener, address): (_, fn(String, u16) -> Address) = match &self.inner {
            Inner::Memory(listener) => return Ok(Address::Memory { name: listener.name().to_owned() }),
            Inner::Tcp(listener) => (listener, |host, port| Address::Tcp { host, port }),
            Inner::Http(listener) => (listener, |host, port| Address::Http { host, port }),
            #[cfg(feature = "tls")]
            Inner::Tls(listener, acceptor) => match acceptor.alpn() {
                Alpn::Frames => (listener, |host, port| Address::TlsTcp { host, port }),
                _ => (listener, |host, port| Address::Https { host, port }),
            },
        };
        let at = listener.local_addr()?;
        Ok(address(at.ip().to_string(), at.port()))
    }

    /// The next connection.
    ///
    /// # Errors
    /// When the operating system refuses; for lack of file descriptors, say. Later it may not.
    pub async fn accept(&mut self) -> io::Result<Incoming> {
        Ok(Incoming(match &mut self.inner {
            Inner::Memory(listener) => Accepted::Memory(listener.accept().await),
            Inner::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Accepted::Tcp { stream, peer, limits: Box::new(listener.limits().clone()) }
            }
            Inner::Http(listener) => {
                let (stream, peer) = listener.accept().await?;
                let limits = Box::new(listener.limits().clone());
                #[cfg(feature = "web")]
                if self.web.is_some() {
                    probe(&stream, &limits);
                }
                Accepted::Http {
                    stream,
                    peer,
                    limits,
                    #[cfg(feature = "web")]
                    web: self.web.clone(),
                }
            }
            #[cfg(feature = "tls")]
            Inner::Tls(listener, acceptor) => {
                let (stream, peer) = listener.accept().await?;
                #[cfg(feature = "web")]
                if self.web.is_some() {
                    probe(&stream, listener.limits());
                }
                Accepted::Tls(Box::new(acceptor.incoming(stream, peer, listener.limits())))
            }
        }))
    }
}

impl Incoming {
    /// Serves the connection to its end. When `drain` is ready, no further calls are accepted, and
    /// the connection ends after those that are open.
    ///
    /// # Errors
    /// Why the connection ended, unless it ended in good order.
    pub async fn serve(
        self,
        service: Arc<dyn Service>,
        drain: impl Future<Output = ()> + Send,
    ) -> Result<(), Status> {
        match self.0 {
            Accepted::Memory(connection) => {
                connection.serve(&*service, drain).await;
                Ok(())
            }
            Accepted::Tcp { stream, limits, .. } => tcp::serve_over(stream, &limits, service, drain).await,
            #[cfg(feature = "web")]
            Accepted::Http { stream, limits, web: Some(web), .. } => {
                Box::pin(grpc::web::serve_over(stream, &limits, service, &web, drain)).await
            }
            Accepted::Http { stream, limits, .. } => grpc::serve_over(stream, &limits, service, drain).await,
            // Apart: connections without TLS need no room for its state.
            #[cfg(feature = "tls")]
            Accepted::Tls(incoming) => Box::pin(incoming.serve(service, drain)).await,
        }
    }
}

impl fmt::Display for Incoming {
    /// Who connected, for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Accepted::Memory(_) => f.write_str("memory"),
            Accepted::Tcp { peer, .. } => write!(f, "tcp://{peer}"),
            Accepted::Http { peer, .. } => write!(f, "http://{peer}"),
            #[cfg(feature = "tls")]
            Accepted::Tls(incoming) => incoming.fmt(f),
        }
    }
}

/// What accepts, and what a connection has to be for it.
#[derive(Debug)]
pub(crate) enum Inner {
    Memory(memory::Listener),
    Tcp(tcp::Listener),
    Http(tcp::Listener),
    #[cfg(feature = "tls")]
    Tls(tcp::Listener, tls::Acceptor),
}

#[derive(Debug)]
enum Accepted {
    // The limits are apart: the future that serves a connection holds this more than once.
    Memory(memory::ServerEnd),
    Tcp {
        stream: TcpStream,
        peer: std::net::SocketAddr,
        limits: Box<Limits>,
    },
    Http {
        stream: TcpStream,
        peer: std::net::SocketAddr,
        limits: Box<Limits>,
        #[cfg(feature = "web")]
        web: Option<Web>,
    },
    #[cfg(feature = "tls")]
    Tls(Box<tls::Incoming>),
}

/// Lets the operating system find out that a peer is gone: over HTTP/1.1 it cannot be asked for a sign of life, and an
/// answer that has nothing to say would wait for ever.
#[cfg(feature = "web")]
fn probe(stream: &TcpStream, limits: &Limits) {
    if limits.keepalive.is_zero() {
        return;
    }
    let keepalive = TcpKeepalive::new().with_time(limits.keepalive).with_interval(limits.keepalive);
    // A connection that is broken already shows that when it is used.
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

#[cfg(all(test, feature = "web"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_is_to_find_out_that_a_peer_over_http_1_1_is_gone() {
        let address: Address = "http://127.0.0.1:0".parse().unwrap();
        for (keepalive, is_on) in [(Limits::default().keepalive, true), (std::time::Duration::ZERO, false)] {
            let limits = Limits { keepalive, ..Limits::default() };
            let mut listener = address.listen(&limits).await.unwrap().web(Web::new());
            let Address::Http { host, port } = listener.address().unwrap() else { unreachable!() };
            let _client = TcpStream::connect((host, port)).await.unwrap();
            let Incoming(Accepted::Http { stream, .. }) = listener.accept().await.unwrap() else {
                unreachable!()
            };
            assert_eq!(SockRef::from(&stream).keepalive().unwrap(), is_on);
        }
    }
}
