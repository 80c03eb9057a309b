//! PING: a sign of life (RFC 9113 §6.7).

use bytes::{BufMut, Bytes, BytesMut};

use super::head::flag;
use super::{Head, Kind, frame_size, on_the_connection};
use crate::error::Http2Error;

/// A sign of life is asked for, or given with the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Whether this answers the peer's.
    pub ack: bool,
    /// Eight bytes of the asker's choice.
    pub data: [u8; 8],
}

impl Ping {
    pub(super) fn decode(head: Head, payload: Bytes) -> Result<Self, Http2Error> {
        on_the_connection(&head, "PING belongs to the connection (§6.7)")?;
        let data = payload[..].try_into().map_err(|_| frame_size("PING has eight bytes (§6.7)"))?;
        Ok(Self { ack: head.has(Head::ACK), data })
    }

    /// Appends the frame.
    pub fn encode(&self, dst: &mut BytesMut) {
        let flags = flag(self.ack, Head::ACK);
        Head { length: 8, kind: Kind::PING, flags, stream: 0 }.encode(dst);
        dst.put_slice(&self.data);
    }
}
