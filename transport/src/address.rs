//! Where a server is, as text: `http://127.0.0.1:4000`, `https://localhost:4000`, `tcp://127.0.0.1:4000`, `memory`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::listener::Inner;
#[cfg(feature = "tls")]
use crate::tls::{self, Alpn};
use crate::{Code, Connection, Limits, Listener, Status, grpc, memory, tcp};

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
    /// `tls+tcp://HOST:PORT`: our own frames in TLS over TCP.
    TlsTcp {
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
    /// `https://HOST:PORT`: gRPC, on HTTP/2 in TLS over TCP.
    Https {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port; 0 to listen on a free one.
        port: u16,
    },
    /// `web+http://HOST:PORT`: gRPC-Web, on HTTP/1.1 over TCP without TLS; for clients.
    WebHttp {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `web+https://HOST:PORT`: gRPC-Web, on HTTP/1.1 in TLS over TCP; for clients.
    WebHttps {
        /// A name or an IP address, IPv6 without brackets.
        host: String,
        /// The port.
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
    /// Connects to the server there. One with TLS has to have a certificate that a root of the operating system has
    /// signed.
    ///
    /// # Errors
    /// Those of the transport: [`tcp::connect`], [`grpc::connect`], [`memory::connect`]. With TLS UNAVAILABLE with what is
    /// wrong, and FAILED_PRECONDITION when there are no roots, or this program is built without TLS (the feature `tls`).
    pub async fn connect(&self, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
        match self {
            Self::Memory { name } => memory::connect(name, limits).await,
            Self::Tcp { host, port } => tcp::connect(host, *port, limits).await,
            Self::Http { host, port } => grpc::connect(host, *port, limits).await,
            #[cfg(feature = "web")]
            Self::WebHttp { host, port } => grpc::web::connect(host, *port, limits).await,
            #[cfg(not(feature = "web"))]
            Self::WebHttp { .. } | Self::WebHttps { .. } => Err(self.without_web()),
            #[cfg(feature = "web")]
            Self::WebHttps { .. } => self.connect_trusting_the_system(limits).await,
            Self::TlsTcp { .. } | Self::Https { .. } => self.connect_trusting_the_system(limits).await,
        }
    }

    /// Connects to the server there, which `tls` checks.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the address is one without TLS; UNAVAILABLE when nothing listens there, or with what is
    /// wrong with its certificate, or with this client's.
    #[cfg(feature = "tls")]
    pub async fn connect_tls(
        &self,
        limits: &Limits,
        tls: &tls::Client,
    ) -> Result<Arc<dyn Connection>, Status> {
        self.secure(limits, Some(tls)).await
    }

    /// Listens there, without TLS.
    ///
    /// # Errors
    /// Those of the transport: [`tcp::Listener::bind`], [`memory::Listener::bind`]. FAILED_PRECONDITION for an address
    /// with TLS, which needs a certificate.
    pub async fn listen(&self, limits: &Limits) -> Result<Listener, Status> {
        Ok(Listener::new(match self {
            Self::Memory { name } => Inner::Memory(memory::Listener::bind(name, limits)?),
            Self::Tcp { host, port } => Inner::Tcp(tcp::Listener::bind(host, *port, limits).await?),
            Self::Http { host, port } => Inner::Http(tcp::Listener::bind(host, *port, limits).await?),
            Self::TlsTcp { .. } | Self::Https { .. } => return Err(self.without_tls()),
            Self::WebHttp { .. } | Self::WebHttps { .. } => return Err(self.for_clients()),
        }))
    }

    /// Listens there; an address with TLS shows what `tls` says. One without needs no `tls`.
    ///
    /// # Errors
    /// Those of the transport: [`tcp::Listener::bind`], [`memory::Listener::bind`].
    #[cfg(feature = "tls")]
    pub async fn listen_tls(&self, limits: &Limits, tls: &tls::Server) -> Result<Listener, Status> {
        if let Self::WebHttps { .. } = self {
            return Err(self.for_clients());
        }
        let Some((host, port, alpn)) = self.inside_tls() else { return self.listen(limits).await };
        let acceptor = tls::Acceptor::new(tls, alpn)?;
        Ok(Listener::new(Inner::Tls(tcp::Listener::bind(host, port, limits).await?, acceptor)))
    }

    #[cfg(feature = "tls")]
    async fn connect_trusting_the_system(&self, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
        self.secure(limits, None).await
    }

    #[cfg(not(feature = "tls"))]
    async fn connect_trusting_the_system(&self, _: &Limits) -> Result<Arc<dyn Connection>, Status> {
        Err(self.without_tls())
    }

    /// Connects, and makes sure that it is the right server; by the roots of the system where nobody says by which.
    #[cfg(feature = "tls")]
    async fn secure(
        &self,
        limits: &Limits,
        tls: Option<&tls::Client>,
    ) -> Result<Arc<dyn Connection>, Status> {
        let (host, port, alpn) = self.inside_tls().ok_or_else(|| {
            let text = format!("{self} is without TLS; addresses with it begin with https:// or tls+tcp://");
            Status::new(Code::InvalidArgument, text)
        })?;
        let stream = tcp::connect_stream(host, port, limits).await?;
        let tls = match tls {
            Some(tls) => tls.clone(),
            None => tls::Client::load_system().await?,
        };
        let stream = tls.handshake(stream, host, alpn, limits).await?;
        match alpn {
            Alpn::H2 => grpc::connect_over_tls(stream, limits, &tcp::at(host, port)).await,
            #[cfg(feature = "web")]
            Alpn::Http1 => grpc::web::connect_over_tls(stream, limits, (host, port), tls).await,
            Alpn::Frames => tcp::connect_over(stream, limits).await,
        }
    }

    /// Host, port, and what is spoken, of an address with TLS.
    #[cfg(feature = "tls")]
    fn inside_tls(&self) -> Option<(&str, u16, Alpn)> {
        match self {
            Self::TlsTcp { host, port } => Some((host, *port, Alpn::Frames)),
            Self::Https { host, port } => Some((host, *port, Alpn::H2)),
            #[cfg(feature = "web")]
            Self::WebHttps { host, port } => Some((host, *port, Alpn::Http1)),
            #[cfg(not(feature = "web"))]
            Self::WebHttps { .. } => None,
            Self::Memory { .. } | Self::Tcp { .. } | Self::Http { .. } | Self::WebHttp { .. } => None,
        }
    }

    /// Nobody listens for gRPC-Web alone.
    fn for_clients(&self) -> Status {
        let text = format!(
            "{self} is for clients: a server listens on http:// or https://, and answers gRPC-Web there if Server::web says so"
        );
        Status::new(Code::InvalidArgument, text)
    }

    #[cfg(not(feature = "web"))]
    fn without_web(&self) -> Status {
        let text = format!(
            "{self} is gRPC-Web, and this program is built without: turn the feature `web` on in the crate client"
        );
        Status::new(Code::FailedPrecondition, text)
    }

    /// TLS is needed, and there is none.
    fn without_tls(&self) -> Status {
        let text = match cfg!(feature = "tls") {
            true => {
                format!("to listen on {self} takes a certificate and its key: give them with Server::tls")
            }
            false => format!(
                "{self} takes TLS, and this program is built without: turn the feature `tls` on in the crates client and \
                 server"
            ),
        };
        Status::new(Code::FailedPrecondition, text)
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
        let address: fn(String, u16) -> Self = match scheme {
            "tcp" => |host, port| Self::Tcp { host, port },
            "web+http" => |host, port| Self::WebHttp { host, port },
            "web+https" => |host, port| Self::WebHttps { host, port },
            "tls+tcp" => |host, port| Self::TlsTcp { host, port },
            "http" => |host, port| Self::Http { host, port },
            "https" => |host, port| Self::Https { host, port },
            _ => return Err(wrong("this transport is not known")),
        };
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
        Ok(address(host.to_owned(), port))
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
            Self::TlsTcp { host, port } => write!(f, "tls+tcp://{}", tcp::at(host, *port)),
            Self::Http { host, port } => write!(f, "http://{}", tcp::at(host, *port)),
            Self::Https { host, port } => write!(f, "https://{}", tcp::at(host, *port)),
            Self::WebHttp { host, port } => write!(f, "web+http://{}", tcp::at(host, *port)),
            Self::WebHttps { host, port } => write!(f, "web+https://{}", tcp::at(host, *port)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_it_is_written() {
        for text in [
            "memory",
            "memory:test",
            "tcp://127.0.0.1:4000",
            "tcp://localhost:0",
            "tcp://[::1]:4000",
            "tls+tcp://localhost:4000",
            "http://127.0.0.1:4000",
            "https://localhost:4000",
            "web+http://127.0.0.1:4000",
            "web+https://localhost:4000",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[cfg(not(feature = "tls"))]
    #[tokio::test]
    async fn without_the_feature_an_address_with_tls_says_what_to_turn_on() {
        for scheme in ["https", "tls+tcp"] {
            let address: Address = format!("{scheme}://127.0.0.1:0").parse().unwrap();
            let connected = address.connect(&Limits::default()).await.err().unwrap();
            let listened = address.listen(&Limits::default()).await.unwrap_err();
            for status in [connected, listened] {
                assert_eq!(status.code(), Code::FailedPrecondition);
                assert!(status.message().contains("turn the feature `tls` on"), "{status}");
            }
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
