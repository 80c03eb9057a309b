//! The codec `proto`: protobuf, the default of gRPC. Fields have numbers instead of places, so that old
//! and new programs understand each other.

use bytes::Bytes;
use prost::Message;
use transport::{Code, Status};

use super::{Codec, CodecName};

/// The codec `proto`: [protobuf](https://protobuf.dev/programming-guides/encoding/). Messages may be
/// nested 100 deep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protobuf;

impl CodecName for Protobuf {
    const NAME: &'static str = "proto";
}

impl<T: Message + Default> Codec<T> for Protobuf {
    fn encode(self, message: &T, dst: &mut Vec<u8>) -> Result<(), Status> {
        dst.reserve(message.encoded_len());
        message.encode_raw(dst);
        Ok(())
    }

    fn decode(self, src: Bytes) -> Result<T, Status> {
        let length = src.len();
        T::decode(src).map_err(|error| {
            Status::new(Code::Internal, format!("protobuf layer, a message of {length} bytes: {error}"))
        })
    }
}
