//! DATA: what a stream carries (RFC 9113 §6.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::head::flag;
use super::{Head, Kind, on_a_stream, unpad};
use crate::error::Http2Error;

/// A piece of what a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Its stream.
    pub stream: u32,
    /// The bytes.
    pub data: Bytes,
    /// Whether the sender has nothing more to send on this stream.
    pub end_stream: bool,
    /// What was padding; it counts for flow control as the data does.
    pub padding: u32,
}

impl Data {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        on_a_stream(&head, "DATA belongs to a stream (§6.1)")?;
        let padding = unpad(&head, &mut payload)?;
        let end_stream = head.has(Head::END_STREAM);
        Ok(Self { stream: head.stream, data: payload, end_stream, padding })
    }

    /// What the frame takes of the windows of its stream and of the connection, in bytes.
    pub fn flow_controlled_size(&self) -> u32 {
        self.data.len() as u32 + self.padding
    }

    /// Appends the frame, without padding.
    pub fn encode(&self, dst: &mut BytesMut) {
        Self::encode_head(self.stream, self.data.len() as u32, self.end_stream, dst);
        dst.put_slice(&self.data);
    }

    /// Appends the head of a frame whose `length` bytes of data follow.
    pub fn encode_head(stream: u32, length: u32, end_stream: bool, dst: &mut BytesMut) {
        let flags = flag(end_stream, Head::END_STREAM);
        Head { length, kind: Kind::DATA, flags, stream }.encode(dst);
    }
}
