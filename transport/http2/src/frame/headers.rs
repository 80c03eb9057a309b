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
        encode(Kind::HEADERS, self.stream, &self.fragment, self.end_stream, self.end_headers, dst);
    }

    /// Appends a whole field block, which `write` writes: this frame, and as many CONTINUATION frames as it takes.
    pub fn encode_block(
        stream: u32,
        end_stream: bool,
        max_size: u32,
        dst: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut),
    ) {
        let start = dst.len();
        dst.put_bytes(0, Head::SIZE);
        write(dst);
        let block = start + Head::SIZE;
        let (length, flags) = (dst.len() - block, flag(end_stream, Head::END_STREAM));
        let mut head = Head { length: length as u32, kind: Kind::HEADERS, flags, stream };
        if length <= max_size as usize {
            head.flags |= Head::END_HEADERS;
            return dst[start..block].copy_from_slice(&head.bytes());
        }
        head.length = max_size;
        dst[start..block].copy_from_slice(&head.bytes());
        let rest = dst.split_off(block + max_size as usize);
        let mut rest = &rest[..];
        while !rest.is_empty() {
            let (next, behind) = rest.split_at(rest.len().min(max_size as usize));
            encode(Kind::CONTINUATION, stream, next, false, behind.is_empty(), dst);
            rest = behind;
        }
    }
}

/// Appends a fragment of a field block: of HEADERS, or of CONTINUATION, which has the same form.
pub(super) fn encode(
    kind: Kind,
    stream: u32,
    fragment: &[u8],
    end_stream: bool,
    end_headers: bool,
    dst: &mut BytesMut,
) {
    let flags = flag(end_stream, Head::END_STREAM) | flag(end_headers, Head::END_HEADERS);
    Head { length: fragment.len() as u32, kind, flags, stream }.encode(dst);
    dst.put_slice(fragment);
}
