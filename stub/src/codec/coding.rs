//! A codec that is chosen while the program runs, by its name.

use bytes::Bytes;
use transport::{Code, Status};

use super::{Bincode, Codec, CodecName, Json, Protobuf};
use crate::message;

/// A message that can travel, and the codecs it has: see [`message!`](crate::message).
pub trait Message: Sized + Send + 'static {
    /// The names of its codecs; the first is the one that is used where nobody chooses.
    const CODECS: &'static [&'static str];

    /// Its codec of this name, if it has that.
    fn coding(name: &str) -> Option<Coding<Self>>;
}

/// A codec for messages of type `T`, whichever it is.
#[derive(Debug)]
pub struct Coding<T> {
    name: &'static str,
    encode: fn(&T, &mut Vec<u8>) -> Result<(), Status>,
    decode: fn(Bytes) -> Result<T, Status>,
}

impl<T> Coding<T> {
    /// The codec `C`.
    pub fn of<C: Codec<T> + Default>() -> Self {
        Self {
            name: <C as CodecName>::NAME,
            encode: |message, dst| C::default().encode(message, dst),
            decode: |src| C::default().decode(src),
        }
    }

    /// What the codec is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes of `message`.
    ///
    /// # Errors
    /// Those of [`Codec::encode`].
    pub fn encode(&self, message: &T) -> Result<Bytes, Status> {
        let mut dst = Vec::new();
        self.append(message, &mut dst)?;
        Ok(dst.into())
    }

    /// Appends the bytes of `message` to `dst`.
    ///
    /// # Errors
    /// Those of [`Codec::encode`].
    pub fn append(&self, message: &T, dst: &mut Vec<u8>) -> Result<(), Status> {
        (self.encode)(message, dst)
    }

    /// The message that `src` is.
    ///
    /// # Errors
    /// Those of [`Codec::decode`].
    pub fn decode(&self, src: Bytes) -> Result<T, Status> {
        (self.decode)(src)
    }
}

impl<T: Message> Coding<T> {
    /// The codec called `name`.
    ///
    /// # Errors
    /// UNIMPLEMENTED, with the names there are, when the message does not have that codec.
    pub fn find(name: &str) -> Result<Self, Status> {
        T::coding(name).ok_or_else(|| {
            let text = format!("these messages travel as {}, not as {name}", T::CODECS.join(", "));
            Status::new(Code::Unimplemented, text)
        })
    }
}

// `google.protobuf.Empty`: the message of a method that takes or returns nothing.
message!((): Protobuf, Json, Bincode);

impl<T> Clone for Coding<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Coding<T> {}

/// Says which codecs a message has: `message!(GetRequest: Protobuf, Json)`. The first is the one that is
/// used where nobody chooses.
#[macro_export]
macro_rules! message {
    ($type:ty: $($codec:ty),+ $(,)?) => {
        impl $crate::codec::Message for $type {
            const CODECS: &'static [&'static str] =
                &[$(<$codec as $crate::codec::CodecName>::NAME),+];

            fn coding(name: &str) -> ::core::option::Option<$crate::codec::Coding<Self>> {
                $(if name == <$codec as $crate::codec::CodecName>::NAME {
                    return ::core::option::Option::Some($crate::codec::Coding::of::<$codec>());
                })+
                ::core::option::Option::None
            }
        }
    };
}
