// Written by stub_build from a .proto file. Change that one, and build again.

use ::stub::codec::{Bincode, Json, Protobuf};

/// An apple.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Apple {
    /// How heavy, in grams.
    #[prost(uint32, tag = "1")]
    pub weight: u32,
}

::stub::message!(Apple: Protobuf, Json, Bincode);
