//! Where a server is, as text: `http://127.0.0.1:4000`, `tcp://127.0.0.1:4000`, `memory`.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpStream;

use crate::{Code, Connection, Limits, Service, Status, grpc, memory, tcp};

/// Where a server is, and which transport leads there. This is the one place that knows all
/// transports; who wants another one changes an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// `memory` or `memory:NAME`: in this process.
    Memory {
        /// The name; empty for `memory`.
        name: String,
    },
    /// `tcp://HOST:PORT`: our own frames over TCP.
    Tcp {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port; 0 to listen on a free one.
        port: u16,
    },
    /// `http://HOST:PORT`: gRPC, on HTTP/2 over TCP without TLS.
    Http {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port; 0 to listen on a free one.
        port: u16,
    },
}

/// Why a text is not an [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not an address: {reason}; addresses look like tcp://127.0.0.1:4000")]
pub struct AddressError {
    text: String,
    reason: &'static str,
}

impl Address {
    /// Connects to the server there.
    ///
    /// # Errors
    /// Those of the transport: [`tcp::connect`], [`grpc::connect`], [`memory::connect`].
    pub async fn connect(&self, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
        match self {
            Self::Memory { name } => memory::connect(name, limits).await,
            Self::Tcp { host, port } => tcp::connect(host, *port, limits).await,
            Self::Http { host, port } => grpc::connect(host, *port, limits).await,
        }
    }

    /// Listens there.
    ///
    /// # Errors
    /// Those of the transport: [`tcp::Listener::bind`], [`memory::Listener::bind`].
    pub async fn listen(&self, limits: &Limits) -> Result<Listener, Status> {
        Ok(Listener(match self {
            Self::Memory { name } => Inner::Memory(memory::Listener::bind(name, limits)?),
            Self::Tcp { host, port } => Inner::Tcp(tcp::Listener::bind(host, *port, limits).await?),
            Self::Http { host, port } => Inner::Http(tcp::Listener::bind(host, *port, limits).await?),
        }))
    }
}

/// Accepts connections, whatever the transport.
#[derive(Debug)]
pub struct Listener(Inner);

/// A connection that was accepted and waits to be served.
#[derive(Debug)]
pub struct Incoming(Accepted);

impl Listener {
    /// Where it listens: for port 0, the port that was free.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<Address> {
        Ok(match &self.0 {
            Inner::Memory(listener) => Address::Memory { name: listener.name().to_owned() },
            Inner::Tcp(listener) => {
                let at = listener.local_addr()?;
                Address::Tcp { host: at.ip().to_string(), port: at.port() }
            }
            Inner::Http(listener) => {
                let at = listener.local_addr()?;
                Address::Http { host: at.ip().to_string(), port: at.port() }
            }
        })
    }

    /// The next connection.
    ///
    /// # Errors
    /// When the operating system refuses; for lack of file descriptors, say. Later it may not.
    pub async fn accept(&mut self) -> io::Result<Incoming> {
        Ok(Incoming(match &mut self.0 {
            Inner::Memory(listener) => Accepted::Memory(listener.accept().await),
            Inner::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Accepted::Tcp { stream, peer, limits: Box::new(listener.limits().clone()) }
            }
            Inner::Http(listener) => {
                let (stream, peer) = listener.accept().await?;
                Accepted::Http { stream, peer, limits: Box::new(listener.limits().clone()) }
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
            Accepted::Http { stream, limits, .. } => grpc::serve_over(stream, &limits, service, drain).await,
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
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |reason| AddressError { text: text.to_owned(), reason };
        if text == "memory" {
            return Ok(Self::Memory { name: String::new() });
        }
        if let Some(name) = text.strip_prefix("memory:") {
            return Ok(Self::Memory { name: name.to_owned() });
        }
        let Some((scheme, authority)) = text.split_once("://") else {
            return Err(wrong("it does not begin with a transport, such as tcp://"));
        };
        if !matches!(scheme, "tcp" | "http") {
            return Err(wrong("this transport is not known"));
        }
        let Some((host, port)) = authority.rsplit_once(':') else {
            return Err(wrong("it has no port"));
        };
        let port = port.parse().map_err(|_| wrong("the port is not a number from 0 to 65535"))?;
        let host = match host.strip_prefix('[') {
            Some(ip) => ip.strip_suffix(']').ok_or_else(|| wrong("a '[' is not closed"))?,
            None if host.contains(':') => {
                return Err(wrong("an IPv6 address stands in brackets, as in tcp://[::1]:4000"));
            }
            None => host,
        };
        if host.is_empty() || host.contains('/') {
            return Err(wrong("it has no host"));
        }
        let host = host.to_owned();
        Ok(if scheme == "tcp" { Self::Tcp { host, port } } else { Self::Http { host, port } })
    }
}

impl From<AddressError> for Status {
    fn from(error: AddressError) -> Self {
        Self::new(Code::InvalidArgument, error.to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { name } if name.is_empty() => f.write_str("memory"),
            Self::Memory { name } => write!(f, "memory:{name}"),
            Self::Tcp { host, port } => write!(f, "tcp://{}", tcp::at(host, *port)),
            Self::Http { host, port } => write!(f, "http://{}", tcp::at(host, *port)),
        }
    }
}

#[derive(Debug)]
enum Inner {
    Memory(memory::Listener),
    Tcp(tcp::Listener),
    Http(tcp::Listener),
}

#[derive(Debug)]
enum Accepted {
    // The limits are apart: the future that serves a connection holds this more than once.
    Memory(memory::ServerEnd),
    Tcp { stream: TcpStream, peer: std::net::SocketAddr, limits: Box<Limits> },
    Http { stream: TcpStream, peer: std::net::SocketAddr, limits: Box<Limits> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_it_is_written() {
        for text in ["memory", "memory:test", "tcp://127.0.0.1:4000", "tcp://localhost:0", "tcp://[::1]:4000"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        let wrong = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert!(wrong("127.0.0.1:4000").contains("does not begin with a transport"));
        assert!(wrong("ftp://x:1").contains("this transport is not known"));
        assert!(wrong("tcp://127.0.0.1").contains("no port"));
        assert!(wrong("tcp://127.0.0.1:65536").contains("0 to 65535"));
        assert!(wrong("tcp://::1:4000").contains("brackets"));
        assert!(wrong("tcp://:4000").contains("no host"));
        assert!(wrong("tcp://127.0.0.1:4000/").contains("0 to 65535"));
    }
}
