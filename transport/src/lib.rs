//! Carries calls.
//!
//! A transport carries *calls*: not messages, not bytes. Above this crate stand client and server,
//! which know messages; below it a stream of bytes, or nothing at all:
//!
//! ```text
//!   client                                                    server
//!     │ Connection::poll_open  (Opening)                         ▲ Service::serve (IncomingCall)
//!     ▼                                                          │
//!   Call { send, receive }                    IncomingCall { head, receive, send }
//!     │ ▲                                                      ▲ │
//!     │ │ Carrier: messages out, head, messages and end in     │ │
//!     ▼ │                                                      │ ▼
//!   session  ── frames: CALL MESSAGE END ─▶ ◀─ MESSAGE END ──  session
//!     │ ▲                                                      ▲ │
//!     ▼ │       tcp: bytes in, bytes out · memory: a queue     │ ▼
//!     └─┴──────────────────────────────────────────────────────┴─┘
//! ```
//!
//! The seam is three traits: a [`Connection`] opens calls, a [`Carrier`] carries those that are
//! open, a [`Service`] serves them. Each transport implements them; whatever is added to calls wraps
//! them. [`Address`] names the transports there are: [`memory`], [`tcp`] and [`mod@grpc`]; the last two also inside TLS,
//! with the feature `tls`; and gRPC-Web, with the feature `web`.
//!
//! This crate knows no codec and no message type: a message is [`bytes::Bytes`].

mod address;
mod behind;
mod call;
mod compression;
mod conversation;
mod discarded;
mod driver;
pub mod frame;
mod framed;
pub mod grpc;
mod host;
pub mod http;
mod limits;
mod listener;
pub mod memory;
mod metadata;
mod path;
mod peer;
mod seam;
mod session;
mod status;
mod stream;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
mod waiters;

#[cfg(feature = "web")]
pub use grpc::web;

pub use address::{Address, AddressError};
pub use behind::Behind;
pub use compression::Compression;
pub use limits::Limits;
pub use listener::{Incoming, Listener};
pub use metadata::{Metadata, MetadataError, Value};
pub use path::{Path, PathError};
pub use peer::Peer;
pub use seam::{CallId, Carrier, Connection, Opening, Received, RequestHead, Service, Serving};
pub use status::{Code, Status};
pub use stream::{Call, Canceller, Ending, IncomingCall, RecvStream, SendStream, open};
