//! Gives every byte its name: bytes in, a tree of [`Span`]s out.
//!
//! A span names some bytes, and its parts name the same bytes more closely: a frame's header has a length, a type,
//! flags and a stream. The [`leaves`] are all the bytes, each once, and so are the parts of each span ([`check`]).

pub mod bincode;
pub mod events;
pub mod frame;
pub mod grpc;
pub mod hpack;
pub mod http1;
pub mod http2;
pub mod json;
pub mod protobuf;
mod reader;
pub mod schema;
mod span;
mod svg;
pub mod tls;
pub mod web;

use reader::{LONGEST_TEXT, Reader, big_endian};

pub(crate) use reader::quoted;
pub use span::{Outline, Row, Span, check, leaves, moved, outline};
pub(crate) use span::{leaf_mut, put_in_place};
pub use svg::svg;

/// Who wrote the bytes, and who reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The first bytes of a connection.
    Hello,
    /// The header of a frame, or of a chunk.
    Header,
    /// How a call begins: method, time that remains, metadata.
    Head,
    /// The header fields of HTTP, as HPACK writes them or as lines of text.
    Fields,
    /// How a call ended.
    Status,
    /// What concerns the conversation itself: credit, pings, farewells.
    Control,
    /// What stands in front of a message.
    Prefix,
    /// A message, in the bytes of its codec.
    Message,
    /// What HTTP carries, whatever that means to who sends it.
    Data,
    /// The header of a record of TLS.
    Record,
    /// What both ends of TLS say before they have keys, or about them.
    Handshake,
    /// What only who has the keys can read.
    Sealed,
    /// Bytes that break a rule.
    Wrong,
}

impl Layer {
    /// The layer's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Header => "frame header",
            Self::Head => "head block",
            Self::Fields => "field block",
            Self::Status => "status",
            Self::Control => "control",
            Self::Prefix => "prefix",
            Self::Message => "message",
            Self::Data => "data",
            Self::Record => "record",
            Self::Handshake => "handshake",
            Self::Sealed => "sealed",
            Self::Wrong => "wrong",
        }
    }
}
