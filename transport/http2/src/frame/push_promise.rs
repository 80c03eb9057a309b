//! PUSH_PROMISE: announces a response that nobody asked for (RFC 9113 §6.6).

use bytes::Bytes;

use super::{Head, frame_size, get_u31, on_a_stream, unpad};
use crate::error::Http2Error;

/// The promise of a pushed stream. Never sent from here, and refused: it is read only because its field
/// block changes the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPromise {
    /// The stream it came on.
    pub stream: u32,
    /// The stream that is promised.
    pub promised: u32,
    /// The field block of the request it pretends, or its first fragment.
    pub fragment: Bytes,
    /// Whether the field block ends here.
    pub end_headers: bool,
}

impl PushPromise {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        on_a_stream(&head, "PUSH_PROMISE belongs to a stream (§6.6)")?;
        unpad(&head, &mut payload)?;
        if payload.len() < 4 {
            return Err(frame_size("PUSH_PROMISE has the four bytes of the promised stream (§6.6)"));
        }
        let promised = get_u31(&mut payload);
        let end_headers = head.has(Head::END_HEADERS);
        Ok(Self { stream: head.stream, promised, fragment: payload, end_headers })
    }
}
