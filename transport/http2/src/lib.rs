//! HTTP/2 by hand, without I/O (RFC 9113, RFC 7541): bytes in, bytes out. No runtime, no socket, no
//! clock.
//!
//! So far: [`mod@frame`], the ten frames, and [`hpack`], the compression of header fields.

pub mod error;
pub mod frame;
pub mod hpack;
