//! The codec `bincode`: the fields of a message one after the other, without names or tags.
//!
//! The crate behind it is no longer maintained, in any version (RUSTSEC-2025-0141). It is pinned to
//! the last one that stands up to hostile input, and this file is the only one that knows it: see
//! `deny.toml` for the reasons.

use std::io::{self, Read};

use bincode_crate::{BincodeRead, DefaultOptions, ErrorKind, Options};
use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, Visitor};
use transport::{Code, Status};

use super::{Codec, CodecName};

/// The codec `bincode`. Integers take one byte up to 250, then a byte that says how many follow
/// (251: two, 252: four, 253: eight), little-endian; signed ones are first made small numbers (0, -1,
/// 1, -2 become 0, 1, 2, 3); text is its length and its UTF-8 bytes; a structure is its fields in
/// order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl CodecName for Bincode {
    const NAME: &'static str = "bincode";
}

impl<T: Serialize + DeserializeOwned> Codec<T> for Bincode {
    fn encode(self, message: &T, dst: &mut Vec<u8>) -> Result<(), Status> {
        let size = options().serialized_size(message).map_err(|error| cannot_encode(&error))?;
        dst.reserve(usize::try_from(size).unwrap_or(0));
        options().serialize_into(dst, message).map_err(|error| cannot_encode(&error))
    }

    fn decode(self, src: Bytes) -> Result<T, Status> {
        let mut reader = Reader { bytes: &src, at: 0, text: 0 };
        let wrong = |at: usize, reason: String| {
            Status::new(Code::Internal, format!("bincode layer, byte {at} of {}: {reason}", src.len()))
        };
        // The limit is what there is: a length that claims more fails before anything is allocated.
        let decoded = options().with_limit(src.len() as u64).deserialize_from_custom(&mut reader);
        let message = decoded.map_err(|error| wrong(reader.place_of(&error), reason(&error)))?;
        match src.len() - reader.at {
            0 => Ok(message),
            1 => Err(wrong(reader.at, "the message ends here, 1 byte follows".to_owned())),
            rest => Err(wrong(reader.at, format!("the message ends here, {rest} bytes follow"))),
        }
    }
}

fn options() -> impl Options {
    DefaultOptions::new()
}

fn cannot_encode(error: &bincode_crate::Error) -> Status {
    Status::new(Code::Internal, format!("bincode layer: cannot encode: {error}"))
}

fn reason(error: &bincode_crate::Error) -> String {
    match &**error {
        ErrorKind::SizeLimit => "the message says it goes on, but it ends before that".to_owned(),
        ErrorKind::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Reads a message and knows at which byte it stands.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the last text begins.
    text: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let left = self.bytes.len() - self.at;
        if length > left {
            let text = format!("{length} bytes are due, {left} are left");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        let taken = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(taken)
    }
}

impl Reader<'_> {
    /// The byte at which `error` stands.
    fn place_of(&self, error: &bincode_crate::Error) -> usize {
        match &**error {
            ErrorKind::InvalidUtf8Encoding(error) => self.text + error.valid_up_to(),
            _ => self.at,
        }
    }
}

impl Read for &mut Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.next(buffer.len())?;
        buffer.copy_from_slice(taken);
        Ok(taken.len())
    }
}

impl<'a> BincodeRead<'a> for &mut Reader<'a> {
    fn forward_read_str<V: Visitor<'a>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> bincode_crate::Result<V::Value> {
        self.text = self.at;
        let text = std::str::from_utf8(self.next(length)?).map_err(ErrorKind::InvalidUtf8Encoding)?;
        visitor.visit_borrowed_str(text)
    }

    fn get_byte_buffer(&mut self, length: usize) -> bincode_crate::Result<Vec<u8>> {
        self.text = self.at;
        Ok(self.next(length)?.to_vec())
    }

    fn forward_read_bytes<V: Visitor<'a>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> bincode_crate::Result<V::Value> {
        visitor.visit_borrowed_bytes(self.next(length)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Entry {
        key: String,
        by: i64,
        bytes: Vec<u8>,
        flag: Option<bool>,
    }

    fn encode<T: Serialize + DeserializeOwned>(message: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        Bincode.encode(message, &mut bytes).unwrap();
        bytes.to_vec()
    }

    fn refused<T: Serialize + DeserializeOwned + std::fmt::Debug>(bytes: &'static [u8]) -> String {
        let status = Codec::<T>::decode(Bincode, Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        status.message().to_owned()
    }

    #[test]
    fn a_message_is_its_fields_one_after_the_other() {
        let entry = Entry { key: "hits".into(), by: -1, bytes: vec![7], flag: Some(true) };
        assert_eq!(encode(&entry), [4, b'h', b'i', b't', b's', 1, 1, 7, 1, 1]);
    }

    #[test]
    fn an_integer_takes_as_many_bytes_as_it_needs() {
        assert_eq!(encode(&250_u64), [250]);
        assert_eq!(encode(&251_u64), [251, 251, 0]);
        assert_eq!(encode(&0x1_0000_u64), [252, 0, 0, 1, 0]);
    }

    #[test]
    fn a_truncated_message_names_the_byte_where_it_ends() {
        let text = refused::<(String, String)>(b"\x02ab\x05cd");
        assert_eq!(text, "bincode layer, byte 4 of 6: the message says it goes on, but it ends before that");
        assert!(refused::<String>(b"").starts_with("bincode layer, byte 0 of 0: "));
    }

    #[test]
    fn a_hostile_length_is_refused_before_anything_is_allocated() {
        let text = refused::<Vec<u64>>(b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f");
        assert_eq!(text, "bincode layer, byte 9 of 9: the message says it goes on, but it ends before that");
        let text = refused::<String>(b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f");
        assert_eq!(text, "bincode layer, byte 9 of 9: the message says it goes on, but it ends before that");
        let text = refused::<Bytes>(b"\xfd\xff\xff\xff\xff\xff\xff\xff\x7f");
        assert_eq!(text, "bincode layer, byte 9 of 9: the message says it goes on, but it ends before that");
    }

    #[test]
    fn bytes_behind_the_message_are_refused() {
        let text = refused::<u8>(b"\x01\x02\x03");
        assert_eq!(text, "bincode layer, byte 1 of 3: the message ends here, 2 bytes follow");
        let text = refused::<u8>(b"\x01\x02");
        assert_eq!(text, "bincode layer, byte 1 of 2: the message ends here, 1 byte follows");
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_at_the_wrong_byte() {
        let text = refused::<String>(b"\x03ab\xff");
        assert!(text.starts_with("bincode layer, byte 3 of 4: "), "{text}");
    }

    proptest! {
        #[test]
        fn a_message_is_the_same_after_its_journey(
            key in ".*",
            by in any::<i64>(),
            bytes in prop::collection::vec(any::<u8>(), 0..50),
            flag in any::<Option<bool>>(),
        ) {
            let entry = Entry { key, by, bytes, flag };
            let decoded: Entry = Bincode.decode(encode(&entry).into()).unwrap();
            prop_assert_eq!(decoded, entry);
        }

        #[test]
        fn anything_decodes_to_a_message_or_a_named_error(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            match Codec::<Entry>::decode(Bincode, bytes.into()) {
                Ok(_) => {}
                Err(status) => prop_assert!(status.message().starts_with("bincode layer, byte ")),
            }
        }
    }
}
