//! HTTP/2 by hand, without I/O (RFC 9113, RFC 7541): bytes in, bytes out. No runtime, no socket, no
//! clock.
//!
//! [`Connection`] is one end of a connection, the client's or the server's. It stands on
//! [`mod@frame`], the ten frames, and [`hpack`], the compression of header fields.
//!
//! To read: `frame/` and `hpack/` by themselves; then `stream.rs` (the states), `flow.rs` (the windows),
//! and `connection/`, whose first file says what stands where.

mod budget;
mod closed;
pub mod connection;
pub mod error;
mod flow;
pub mod frame;
pub mod hpack;
mod limits;
mod message;
mod output;
mod recent;
mod settings;
mod stream;
mod streams;

pub use budget::Rate;
pub use connection::{Connection, Event, Follows, Role, SendError};
pub use error::{ErrorCode, Http2Error};
pub use hpack::{Field, Fields, Identity};
pub use limits::Limits;
pub use output::{Discarded, Output};
pub use recent::Recent;
