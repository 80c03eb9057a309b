//! Messages in DATA: five bytes in front of each, a flag and its length. Where DATA frames begin and end
//! means nothing.

use bytes::{Buf, Bytes, BytesMut};

#[cfg(feature = "web")]
use crate::Compression;
use crate::{Code, Status};

/// The five bytes in front of a message.
pub(super) fn prefix(length: usize, is_compressed: bool) -> Result<[u8; PREFIX], Status> {
    let length = u32::try_from(length).map_err(|_| {
        Status::new(Code::ResourceExhausted, format!("a message of {length} bytes; gRPC has 32 bits for it"))
    })?;
    let [a, b, c, d] = length.to_be_bytes();
    Ok([is_compressed.into(), a, b, c, d])
}

/// Appends a message, compressed or as it is, behind its five bytes.
#[cfg(feature = "web")]
pub(super) fn append(
    message: &Bytes,
    compression: Option<Compression>,
    dst: &mut BytesMut,
) -> Result<(), Status> {
    let compressed = compression.map(|compression| compression.compress(message)).transpose()?;
    let bytes = compressed.as_ref().unwrap_or(message);
    dst.extend_from_slice(&prefix(bytes.len(), compressed.is_some())?);
    dst.extend_from_slice(bytes);
    Ok(())
}

/// How many bytes stand in front of a message.
pub(super) const PREFIX: usize = 5;

/// Finds the messages in what comes, however it was cut.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// What has come of a prefix.
    prefix: [u8; PREFIX],
    have: usize,
    /// What has come of the message behind it.
    body: BytesMut,
}

/// A message as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framed {
    pub(super) bytes: Bytes,
    pub(super) is_compressed: bool,
}

#[cfg(feature = "web")]
impl Framed {
    /// The message itself, of `limit` bytes at most, in a call whose messages may be compressed in this way.
    pub(super) fn inflate(self, compression: Option<Compression>, limit: usize) -> Result<Bytes, Status> {
        match (self.is_compressed, compression) {
            (false, _) => Ok(self.bytes),
            (true, Some(compression)) => compression.inflate(&self.bytes, limit),
            (true, None) => Err(compressed_without_encoding()),
        }
    }
}

impl Assembler {
    /// Takes bytes off the front of `data`, up to the end of a message of at most `limit` bytes.
    pub(super) fn next(&mut self, data: &mut Bytes, limit: usize) -> Result<Option<Framed>, Status> {
        if self.have == 0
            && let Some(prefix) = data.first_chunk()
        {
            self.prefix = *prefix;
            self.have = PREFIX;
            data.advance(PREFIX);
        } else {
            let missing = (PREFIX - self.have).min(data.len());
            data.copy_to_slice(&mut self.prefix[self.have..self.have + missing]);
            self.have += missing;
            if self.have < PREFIX {
                return Ok(None);
            }
        }
        let [flag, length @ ..] = self.prefix;
        let length = u32::from_be_bytes(length) as usize;
        if length > limit {
            let text = format!("a message of {length} bytes, the limit of this side is {limit}");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        if flag > 1 {
            return Err(violation(format!("the flags of a message are {flag:#04x}; known are 0 and 1")));
        }
        let framed = |bytes| Some(Framed { bytes, is_compressed: flag == 1 });
        let missing = length - self.body.len();
        if self.body.is_empty() && data.len() >= missing {
            self.have = 0;
            return Ok(framed(data.split_to(missing)));
        }
        let piece = data.split_to(missing.min(data.len()));
        // Room for some more than has come, never for all that is merely announced.
        let room = (length - self.body.len()).min(AHEAD * (self.body.len() + piece.len()));
        if self.body.capacity() < self.body.len() + piece.len() {
            self.body.reserve(room);
        }
        self.body.extend_from_slice(&piece);
        if self.body.len() < length {
            return Ok(None);
        }
        self.have = 0;
        Ok(framed(std::mem::take(&mut self.body).freeze()))
    }

    /// Whether a message has begun and not ended.
    pub(super) fn is_in_the_middle(&self) -> bool {
        self.have > 0
    }
}

/// How many times what has come of a message there is to be room for.
const AHEAD: usize = 8;

/// A message says that it is compressed, and nobody has said how.
pub(super) fn compressed_without_encoding() -> Status {
    violation("a compressed message in a call without grpc-encoding")
}

pub(super) fn violation(text: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, format!("gRPC layer: {text}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(messages: &[Vec<u8>]) -> Vec<u8> {
        messages
            .iter()
            .flat_map(|message| [&prefix(message.len(), false).unwrap()[..], message].concat())
            .collect()
    }

    fn assembled(pieces: impl IntoIterator<Item = Bytes>, limit: usize) -> Result<Vec<Vec<u8>>, Status> {
        let (mut assembler, mut messages) = (Assembler::default(), Vec::new());
        for mut piece in pieces {
            while let Some(message) = assembler.next(&mut piece, limit)? {
                assert!(!message.is_compressed);
                messages.push(message.bytes.to_vec());
            }
            assert!(piece.is_empty(), "all is taken");
        }
        assert!(!assembler.is_in_the_middle());
        Ok(messages)
    }

    #[test]
    fn a_prefix_is_a_flag_and_the_length_most_significant_byte_first() {
        assert_eq!(prefix(0, false).unwrap(), [0, 0, 0, 0, 0]);
        assert_eq!(prefix(0x0123, false).unwrap(), [0, 0, 0, 0x01, 0x23]);
        assert_eq!(prefix(0x0123_4567, true).unwrap(), [1, 0x01, 0x23, 0x45, 0x67]);
    }

    #[test]
    fn a_message_past_the_limit_is_refused_by_its_prefix_alone() {
        let error = assembled([Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff])], 100).unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
    }

    #[test]
    fn flags_that_have_no_meaning_are_refused() {
        for flag in [2, 3, 0x80] {
            let error = assembled([Bytes::from(vec![flag, 0, 0, 0, 0])], 100).unwrap_err();
            assert_eq!(error.code(), Code::Internal);
        }
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_are_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..8),
            cut in 1..4000_usize,
        ) {
            let bytes = encoded(&messages);
            let pieces = bytes.chunks(cut).map(Bytes::copy_from_slice);
            prop_assert_eq!(assembled(pieces, 3000), Ok(messages));
        }
    }
}
