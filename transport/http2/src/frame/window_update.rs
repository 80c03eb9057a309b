//! WINDOW_UPDATE: room for more (RFC 9113 §6.9).

use bytes::{BufMut, Bytes, BytesMut};

use super::{Head, Kind, frame_size, get_u31, protocol};
use crate::error::{ErrorCode, Http2Error};

/// The receiver of data has room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowUpdate {
    /// Whose window; 0 for that of the connection.
    pub stream: u32,
    /// How many bytes more, 1 to 2^31−1.
    pub increment: u32,
}

impl WindowUpdate {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        if payload.len() != 4 {
            return Err(frame_size("WINDOW_UPDATE has four bytes (§6.9)"));
        }
        let increment = get_u31(&mut payload);
        match (increment, head.stream) {
            (0, 0) => Err(protocol("WINDOW_UPDATE is by 1 at least (§6.9)")),
            (0, stream) => {
                let reason = "WINDOW_UPDATE is by 1 at least (§6.9)";
                Err(Http2Error::stream(stream, ErrorCode::PROTOCOL_ERROR, reason))
            }
            (increment, stream) => Ok(Self { stream, increment }),
        }
    }

    /// Appends the frame.
    pub fn encode(&self, dst: &mut BytesMut) {
        Head { length: 4, kind: Kind::WINDOW_UPDATE, flags: 0, stream: self.stream }.encode(dst);
        dst.put_u32(self.increment);
    }
}
