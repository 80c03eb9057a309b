//! PRIORITY: deprecated; read and ignored (RFC 9113 §5.3.2, §6.3).

use bytes::Bytes;

use super::{Head, on_a_stream};
use crate::error::{ErrorCode, Http2Error};

/// What a peer would have liked to come first. Never sent from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// Its stream, which may be in any state.
    pub stream: u32,
}

impl Priority {
    pub(super) fn decode(head: Head, payload: Bytes) -> Result<Self, Http2Error> {
        on_a_stream(&head, "PRIORITY belongs to a stream (§6.3)")?;
        if payload.len() != 5 {
            let (code, reason) = (ErrorCode::FRAME_SIZE_ERROR, "PRIORITY has five bytes (§6.3)");
            return Err(Http2Error::stream(head.stream, code, reason));
        }
        Ok(Self { stream: head.stream })
    }
}
