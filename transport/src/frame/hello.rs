//! The 16 bytes with which each side of a connection begins.

use bytes::Buf;
use thiserror::Error;

use crate::Limits;

/// The 16 bytes with which each side begins, before any frame.
///
/// | offset | size | field |
/// |-------:|-----:|-------|
/// | 0 | 3 | `RPC`, by which the protocol is known |
/// | 3 | 1 | version, 1 |
/// | 4 | 4 | window: the credit with which the peer begins each call, 1,024 to 2^31−1 |
/// | 8 | 4 | calls: how many calls the peer may have open, 0 from a client |
/// | 12 | 4 | message: the largest message accepted, in bytes |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The credit with which the peer begins each call, in bytes.
    pub window: u32,
    /// How many calls the peer may have open.
    pub calls: u32,
    /// The largest message accepted, in bytes.
    pub message: u32,
}

/// Why 16 bytes are not a [`Hello`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HelloError {
    /// The peer speaks something else.
    #[error(
        "byte 0: expected \"RPC\" (52 50 43), found \"{}\": the peer does not speak this protocol",
        found.escape_ascii()
    )]
    Magic {
        /// The bytes in its place.
        found: [u8; 3],
    },
    /// The peer speaks another version.
    #[error("byte 3: the peer speaks version {found} of this protocol, here is version {}", Hello::VERSION)]
    Version {
        /// The peer's version.
        found: u8,
    },
    /// The window does not let a call begin, or cannot be counted.
    #[error("byte 4: a window of {found} bytes, allowed are 1,024 to 2,147,483,647")]
    Window {
        /// The window.
        found: u32,
    },
}

impl Hello {
    /// How many bytes a hello has.
    pub const SIZE: usize = 16;

    /// The version of the protocol that this crate speaks.
    pub const VERSION: u8 = 1;

    /// The smallest window.
    pub const MIN_WINDOW: u32 = 1024;

    /// The largest window, and the most credit a call may ever have.
    pub const MAX_WINDOW: u32 = (1 << 31) - 1;

    /// The hello of a peer that keeps to `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            window: limits.window.clamp(Self::MIN_WINDOW, Self::MAX_WINDOW),
            calls: limits.calls,
            message: limits.message.try_into().unwrap_or(u32::MAX),
        }
    }

    /// The hello's bytes.
    pub fn encode(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..3].copy_from_slice(&MAGIC);
        bytes[3] = Self::VERSION;
        bytes[4..8].copy_from_slice(&self.window.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.calls.to_be_bytes());
        bytes[12..].copy_from_slice(&self.message.to_be_bytes());
        bytes
    }

    /// The hello that these bytes are.
    ///
    /// # Errors
    /// When they are not one of this protocol and version, or promise an impossible window.
    pub fn decode(bytes: [u8; Self::SIZE]) -> Result<Self, HelloError> {
        let [m0, m1, m2, version, rest @ ..] = bytes;
        if [m0, m1, m2] != MAGIC {
            return Err(HelloError::Magic { found: [m0, m1, m2] });
        }
        if version != Self::VERSION {
            return Err(HelloError::Version { found: version });
        }
        let mut rest = &rest[..];
        let (window, calls, message) = (rest.get_u32(), rest.get_u32(), rest.get_u32());
        if !(Self::MIN_WINDOW..=Self::MAX_WINDOW).contains(&window) {
            return Err(HelloError::Window { found: window });
        }
        Ok(Self { window, calls, message })
    }
}

const MAGIC: [u8; 3] = *b"RPC";

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: Hello = Hello { window: 65_536, calls: 100, message: 4_194_304 };

    #[test]
    fn a_hello_is_16_bytes_that_begin_with_the_protocol_and_its_version() {
        let bytes = HELLO.encode();
        assert_eq!(bytes, *b"RPC\x01\0\x01\0\0\0\0\0\x64\0\x40\0\0");
        assert_eq!(Hello::decode(bytes), Ok(HELLO));
    }

    #[test]
    fn a_peer_that_speaks_something_else_is_told_from_one_of_another_version() {
        let http = Hello::decode(*b"GET / HTTP/1.1\r\n");
        assert_eq!(http, Err(HelloError::Magic { found: *b"GET" }));
        let mut bytes = HELLO.encode();
        bytes[3] = 2;
        assert_eq!(Hello::decode(bytes), Err(HelloError::Version { found: 2 }));
    }

    #[test]
    fn a_window_in_which_no_call_could_begin_is_refused() {
        let bytes = Hello { window: 1023, ..HELLO }.encode();
        assert_eq!(Hello::decode(bytes), Err(HelloError::Window { found: 1023 }));
        let bytes = Hello { window: 1 << 31, ..HELLO }.encode();
        assert_eq!(Hello::decode(bytes), Err(HelloError::Window { found: 1 << 31 }));
    }
}
