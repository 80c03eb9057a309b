//! Compression of messages, each for itself.

use std::io::{Read, Write};

use bytes::{BufMut, Bytes, BytesMut};
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::{Code, Status};

/// How messages of a call are compressed, where the transport can carry them so: gRPC does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// `gzip` (RFC 1952).
    Gzip,
    /// `deflate`, which is the format of zlib (RFC 1950).
    Deflate,
}

impl Compression {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Gzip, Self::Deflate];

    /// The name that both sides know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// The compression of this name.
    pub fn find(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|compression| compression.name().as_bytes() == name)
    }

    /// The bytes of `message`, compressed.
    pub(crate) fn compress(self, message: &[u8]) -> Result<Bytes, Status> {
        let level = flate2::Compression::fast();
        let dst = BytesMut::new().writer();
        let compressed = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(dst, level);
                encoder.write_all(message).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(dst, level);
                encoder.write_all(message).and_then(|()| encoder.finish())
            }
        };
        let failed = |error| Status::new(Code::Internal, format!("cannot compress a message: {error}"));
        compressed.map(|dst| dst.into_inner().freeze()).map_err(failed)
    }

    /// The message that `src` is, compressed. No more than `limit` bytes are made of it, whatever it is.
    ///
    /// # Errors
    /// INTERNAL when it is none; RESOURCE_EXHAUSTED when it is larger than `limit`.
    pub(crate) fn inflate(self, src: &[u8], limit: usize) -> Result<Bytes, Status> {
        let most = limit as u64 + 1;
        let mut message = Vec::new();
        let inflated = match self {
            Self::Gzip => GzDecoder::new(src).take(most).read_to_end(&mut message),
            Self::Deflate => ZlibDecoder::new(src).take(most).read_to_end(&mut message),
        };
        if let Err(error) = inflated {
            let text = format!("gRPC layer: a message that is not {}: {error}", self.name());
            return Err(Status::new(Code::Internal, text));
        }
        if message.len() > limit {
            let text = format!("a message of more than {limit} bytes, the limit of this side, once inflated");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        Ok(message.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bomb_is_inflated_up_to_the_limit_and_no_further() {
        for compression in Compression::ALL {
            let bomb = compression.compress(&vec![0; 10_000_000]).unwrap();
            assert!(bomb.len() < 100_000);
            let error = compression.inflate(&bomb, 1000).unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted);
        }
    }

    #[test]
    fn what_is_not_compressed_is_refused() {
        for compression in Compression::ALL {
            for wrong in [&b""[..], b"plain", &[0x1f, 0x8b, 8, 0]] {
                assert_eq!(compression.inflate(wrong, 1000).unwrap_err().code(), Code::Internal);
            }
        }
    }

    proptest! {
        #[test]
        fn a_message_is_the_same_after_its_journey(message in prop::collection::vec(any::<u8>(), 0..2000)) {
            for compression in Compression::ALL {
                let compressed = compression.compress(&message).unwrap();
                let inflated = compression.inflate(&compressed, message.len());
                prop_assert_eq!(inflated.unwrap(), message.clone());
            }
        }
    }
}
