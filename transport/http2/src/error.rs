//! What went wrong, with its code, and what it costs (RFC 9113 §5.4, §7).

use std::fmt;

use thiserror::Error;

/// A rule that a peer has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{code}: {reason} ({})", self.cost())]
pub struct Http2Error {
    /// What it costs.
    pub scope: Scope,
    /// The code that the peer is told.
    pub code: ErrorCode,
    /// Which rule, with its section of RFC 9113.
    pub reason: &'static str,
}

/// What an error costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The connection: GOAWAY, and its end (RFC 9113 §5.4.1).
    Connection,
    /// One stream: RST_STREAM; the others go on (RFC 9113 §5.4.2).
    Stream(u32),
}

/// The error codes of RFC 9113 §7. A code that is not listed there is kept as it is, and means no more
/// than INTERNAL_ERROR.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl Http2Error {
    /// An error that costs the connection.
    pub const fn connection(code: ErrorCode, reason: &'static str) -> Self {
        Self { scope: Scope::Connection, code, reason }
    }

    /// An error that costs a stream.
    pub const fn stream(stream: u32, code: ErrorCode, reason: &'static str) -> Self {
        Self { scope: Scope::Stream(stream), code, reason }
    }

    fn cost(&self) -> String {
        match self.scope {
            Scope::Connection => "connection error".to_owned(),
            Scope::Stream(id) => format!("error of stream {id}"),
        }
    }
}

#[allow(missing_docs)] // RFC 9113 §7 says what each means.
impl ErrorCode {
    pub const NO_ERROR: Self = Self(0x0);
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    pub const INTERNAL_ERROR: Self = Self(0x2);
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    pub const STREAM_CLOSED: Self = Self(0x5);
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    pub const REFUSED_STREAM: Self = Self(0x7);
    pub const CANCEL: Self = Self(0x8);
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    pub const CONNECT_ERROR: Self = Self(0xa);
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    pub const INADEQUATE_SECURITY: Self = Self(0xc);
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {:#x}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

const NAMES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];
