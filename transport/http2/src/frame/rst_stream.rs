//! RST_STREAM: ends a stream at once (RFC 9113 §6.4).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Head, Kind, frame_size, on_a_stream};
use crate::error::{ErrorCode, Http2Error};

/// The immediate end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RstStream {
    /// The stream.
    pub stream: u32,
    /// Why.
    pub code: ErrorCode,
}

impl RstStream {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        on_a_stream(&head, "RST_STREAM belongs to a stream (§6.4)")?;
        if payload.len() != 4 {
            return Err(frame_size("RST_STREAM has four bytes (§6.4)"));
        }
        Ok(Self { stream: head.stream, code: ErrorCode(payload.get_u32()) })
    }

    /// Appends the frame.
    pub fn encode(&self, dst: &mut BytesMut) {
        Head { length: 4, kind: Kind::RST_STREAM, flags: 0, stream: self.stream }.encode(dst);
        dst.put_u32(self.code.0);
    }
}
