//! How a message becomes bytes, and bytes a message.

mod bincode;
mod coding;
mod json;
mod protobuf;

use bytes::Bytes;
use transport::Status;

pub use self::bincode::Bincode;
pub use self::coding::{Coding, Message};
pub use self::json::Json;
pub use self::protobuf::Protobuf;

/// Turns messages of type `T` into bytes and back.
pub trait Codec<T>: CodecName {
    /// Appends the bytes of `message` to `dst`, in one allocation where its size can be known.
    ///
    /// # Errors
    /// INTERNAL when the message has no bytes in this codec. Some of it may have been appended then.
    fn encode(self, message: &T, dst: &mut Vec<u8>) -> Result<(), Status>;

    /// The message that `src` is, all of it.
    ///
    /// # Errors
    /// INTERNAL, with the codec's name, the byte and the reason, when it is none. Whatever the bytes
    /// claim, no more memory is taken than a small multiple of their number.
    fn decode(self, src: Bytes) -> Result<T, Status>;
}

/// What a codec is called.
pub trait CodecName: Copy + Send + Sync + 'static {
    /// The name both sides know it by: what follows `application/grpc+` in gRPC.
    const NAME: &'static str;
}
