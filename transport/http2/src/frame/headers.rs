//! HEADERS: opens a stream, or ends it with trailers (RFC 9113 §6.2).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::head::flag;
use super::{Head, Kind, frame_size, on_a_stream, unpad};
use crate::error::Http2Error;

/// The beginning of a field block, which CONTINUATION frames go on with unless it ends here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Its stream.
    pub stream: u32,
    /// The field block, or its first fragment, as HPACK wrote it.
    pub fragment: Bytes,
    /// Whether the sender has nothing more to send on this stream.
    pub end_stream: bool,
    /// Whether the field block ends here.
    pub end_headers: bool,
}

impl Headers {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        on_a_stream(&head, "HEADERS belongs to a stream (§6.2)")?;
        unpad(&head, &mut payload)?;
        if head.has(Head::PRIORITY) {
            // Deprecated (§5.3.2): read and ignored.
            if payload.len() < 5 {
                return Err(frame_size("HEADERS with priority has five bytes of it (§6.2)"));
            }
            payload.advance(5);
        }
        Ok(Self {
            stream: head.stream,
            fragment: payload,
            end_stream: head.has(Head::END_STREAM),
            end_headers: head.has(Head::END_HEADERS),
        })
    }

    /// Appends the frame, without padding and priority.
    pub fn encode(&self, dst: &mut BytesMut) {
        let end_stream = flag(self.end_stream, Head::END_STREAM);
        let flags = end_stream | flag(self.end_headers, Head::END_HEADERS);
        let length = self.fragment.len() as u32;
        Head { length, kind: Kind::HEADERS, flags, stream: self.stream }.encode(dst);
        dst.put_slice(&self.fragment);
    }
}
