//! GOAWAY: the beginning of the end of a connection (RFC 9113 §6.8).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Head, Kind, frame_size, get_u31, on_the_connection};
use crate::error::{ErrorCode, Http2Error};

/// No further streams are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoAway {
    /// The last stream of the peer that was, or may yet be, acted on; those above never were.
    pub last_stream: u32,
    /// Why.
    pub code: ErrorCode,
    /// For people who search for the reason.
    pub debug_data: Bytes,
}

impl GoAway {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        on_the_connection(&head, "GOAWAY belongs to the connection (§6.8)")?;
        if payload.len() < 8 {
            return Err(frame_size("GOAWAY has at least eight bytes (§6.8)"));
        }
        let last_stream = get_u31(&mut payload);
        let code = ErrorCode(payload.get_u32());
        Ok(Self { last_stream, code, debug_data: payload })
    }

    /// Appends the frame.
    pub fn encode(&self, dst: &mut BytesMut) {
        let length = 8 + self.debug_data.len() as u32;
        Head { length, kind: Kind::GOAWAY, flags: 0, stream: 0 }.encode(dst);
        dst.put_u32(self.last_stream);
        dst.put_u32(self.code.0);
        dst.put_slice(&self.debug_data);
    }
}
