//! CONTINUATION: goes on with a field block (RFC 9113 §6.10).

use bytes::{Bytes, BytesMut};

use super::{Head, Kind, headers, on_a_stream};
use crate::error::Http2Error;

/// The next fragment of a field block. Nothing may stand between it and the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// Its stream.
    pub stream: u32,
    /// The fragment.
    pub fragment: Bytes,
    /// Whether the field block ends here.
    pub end_headers: bool,
}

impl Continuation {
    pub(super) fn decode(head: Head, payload: Bytes) -> Result<Self, Http2Error> {
        on_a_stream(&head, "CONTINUATION belongs to a stream (§6.10)")?;
        let end_headers = head.has(Head::END_HEADERS);
        Ok(Self { stream: head.stream, fragment: payload, end_headers })
    }

    /// Appends the frame.
    pub fn encode(&self, dst: &mut BytesMut) {
        headers::encode(Kind::CONTINUATION, self.stream, &self.fragment, false, self.end_headers, dst);
    }
}
