//! The codec `json`: messages as text that people can read.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use transport::{Code, Status};

use super::{Codec, CodecName};

/// The codec `json`: an object for each message, with its fields by name. Objects may be nested 128 deep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl CodecName for Json {
    const NAME: &'static str = "json";
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(self, message: &T, dst: &mut Vec<u8>) -> Result<(), Status> {
        serde_json::to_writer(dst, message)
            .map_err(|error| Status::new(Code::Internal, format!("json layer: cannot encode: {error}")))
    }

    fn decode(self, src: Bytes) -> Result<T, Status> {
        serde_json::from_slice(&src)
            .map_err(|error| Status::new(Code::Internal, format!("json layer: {error}")))
    }
}
