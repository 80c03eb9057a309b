//! Bodies as text: base64, however it was cut.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::Status;
use crate::grpc::message::violation;

/// A piece of a body as text. Pieces stand behind one another, each with padding of its own.
pub(super) fn encode(piece: &[u8]) -> Bytes {
    STANDARD.encode(piece).into()
}

/// Reads text as it comes. Padding may stand wherever a piece was encoded by itself, not only at the end.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// What has come of four characters that belong together.
    begun: Vec<u8>,
}

impl Decoder {
    /// The bytes that are whole.
    ///
    /// # Errors
    /// INTERNAL when that is not base64.
    pub(super) fn decode(&mut self, text: &[u8]) -> Result<Bytes, Status> {
        self.begun.extend_from_slice(text);
        let rest = self.begun.split_off(self.begun.len() / 4 * 4);
        let whole = std::mem::replace(&mut self.begun, rest);
        let mut bytes = Vec::with_capacity(whole.len() / 4 * 3);
        let mut left = &whole[..];
        while !left.is_empty() {
            let padding = left.iter().position(|byte| *byte == b'=').unwrap_or(left.len() - 1);
            let (piece, behind) = left.split_at(padding / 4 * 4 + 4);
            STANDARD
                .decode_vec(piece, &mut bytes)
                .map_err(|error| violation(format!("a body that is not base64: {error}")))?;
            left = behind;
        }
        Ok(bytes.into())
    }

    /// Nothing follows.
    ///
    /// # Errors
    /// INTERNAL when something is not whole.
    pub(super) fn finish(&self) -> Result<(), Status> {
        match self.begun.len() {
            0 => Ok(()),
            left => Err(violation(format!("a body in base64 ends with {left} of 4 characters"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Code;

    #[test]
    fn padding_may_stand_between_pieces() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"YQ==Yg==YWJj").unwrap(), "ababc");
        assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn what_is_not_base64_is_an_error() {
        for wrong in [&b"a*aa"[..], b"====", b"a===", b"YQ=a", b"YR=="] {
            assert_eq!(Decoder::default().decode(wrong).unwrap_err().code(), Code::Internal);
        }
    }

    #[test]
    fn text_that_is_cut_off_is_an_error() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"YWJjY").unwrap(), "abc");
        assert!(decoder.finish().unwrap_err().message().contains("1 of 4 characters"));
    }

    proptest! {
        #[test]
        fn bytes_are_the_same_however_their_text_is_cut(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8),
            cut in 1..20_usize,
        ) {
            let text: Vec<u8> = pieces.iter().flat_map(|piece| encode(piece)).collect();
            let mut decoder = Decoder::default();
            let mut decoded = Vec::new();
            for part in text.chunks(cut) {
                decoded.extend(decoder.decode(part)?);
            }
            prop_assert_eq!(decoder.finish(), Ok(()));
            prop_assert_eq!(decoded, pieces.concat());
        }
    }
}
