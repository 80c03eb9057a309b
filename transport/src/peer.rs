//! Who is at the other end of a connection, where that is known.

use std::fmt;

use bytes::Bytes;

/// Who is at the other end of a connection: what it has proved of itself with TLS. Every call of the connection has
/// the same one.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    certificates: Vec<Bytes>,
    names: Vec<String>,
}

impl Peer {
    /// A peer that has shown these certificates, in DER, its own first, and has these names by the first.
    pub fn new(certificates: Vec<Bytes>, names: Vec<String>) -> Self {
        Self { certificates, names }
    }

    /// The chain of certificates as the peer has sent it, in DER (RFC 5280 §4.1): its own first. It has been checked, and
    /// the peer has the key to the first.
    pub fn certificates(&self) -> &[Bytes] {
        &self.certificates
    }

    /// The names its own certificate is for: DNS names, then URIs, which is where SPIFFE has them (RFC 5280 §4.2.1.6).
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({:?}, {} certificates)", self.names, self.certificates.len())
    }
}
