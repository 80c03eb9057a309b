//! TLS, under every transport that has sockets: the addresses `https://` and `tls+tcp://`.
//!
//! A [`Client`] says how a client checks its server, and how it shows itself; a [`Server`] what a server shows, and whom
//! it lets in. Versions are TLS 1.2 and 1.3, with the cipher suites that HTTP/2 allows (RFC 9113 §9.2). Both ends agree
//! by name on what they speak inside (ALPN, RFC 7301): `h2` for `https`, `rpc/1` for `tls+tcp`, which is
//! [our own frames](crate::frame). A peer that agrees on nothing, or on something else, is refused.
//!
//! No session is resumed: each connection proves everything anew, so what a server is told to show, or to ask for, counts
//! from the next connection on.

mod accept;
mod certificates;
mod client;
mod failure;
mod key_log;
mod server;
mod stream;

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

use crate::{Code, Status};

pub(crate) use accept::{Acceptor, Incoming};
pub use client::Client;
pub use server::Server;
#[cfg(feature = "web")]
pub(crate) use stream::Stream;

/// What is spoken inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// HTTP/2.
    H2,
    /// HTTP/1.1, for a client of gRPC-Web.
    #[cfg(feature = "web")]
    Http1,
    /// Our own frames.
    Frames,
}

impl Alpn {
    /// The name by which both ends agree on it.
    fn name(self) -> &'static str {
        match self {
            Self::H2 => "h2",
            #[cfg(feature = "web")]
            Self::Http1 => HTTP1,
            Self::Frames => "rpc/1",
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::H2 => "https://",
            #[cfg(feature = "web")]
            Self::Http1 => "web+https://",
            Self::Frames => "tls+tcp://",
        }
    }

    fn scheme_without_tls(self) -> &'static str {
        match self {
            Self::H2 => "http://",
            #[cfg(feature = "web")]
            Self::Http1 => "web+http://",
            Self::Frames => "tcp://",
        }
    }

    fn offer(self) -> Vec<Vec<u8>> {
        vec![self.name().as_bytes().to_vec()]
    }

    /// Whether a server that has `agreed` on this speaks it. One that agrees on nothing speaks HTTP/1.1, as before there
    /// was ALPN.
    fn is_agreed(self, agreed: Option<&[u8]>) -> bool {
        #[cfg(feature = "web")]
        if self == Self::Http1 && agreed.is_none() {
            return true;
        }
        agreed == Some(self.name().as_bytes())
    }
}

/// How HTTP/1.1 is called (RFC 7301 §6).
#[cfg(feature = "web")]
const HTTP1: &str = "http/1.1";

/// Where the cryptography comes from.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// TLS cannot even begin with this.
fn unusable(error: &dyn std::fmt::Display) -> Status {
    Status::new(Code::InvalidArgument, format!("TLS cannot be set up so: {error}"))
}
