//! Integers that begin inside a byte (RFC 7541 §5.1).

use bytes::{BufMut, BytesMut};

use super::HpackError;

/// Appends `value`, of which the low `prefix` bits share a byte with `high`, the bits above them.
pub(super) fn encode(value: usize, prefix: u32, high: u8, dst: &mut BytesMut) {
    let most = (1 << prefix) - 1;
    if value < most {
        return dst.put_u8(high | value as u8);
    }
    dst.put_u8(high | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        dst.put_u8(rest as u8 | 128);
        rest >>= 7;
    }
    dst.put_u8(rest as u8);
}

/// Takes an integer off the front of `src`, of whose first byte the low `prefix` bits belong to it.
pub(super) fn decode(src: &mut &[u8], prefix: u32) -> Result<usize, HpackError> {
    let most = (1 << prefix) - 1;
    let mut value = usize::from(next(src)?) & most;
    if value < most {
        return Ok(value);
    }
    for shift in [0, 7, 14, 21] {
        let byte = next(src)?;
        value += usize::from(byte & 127) << shift;
        if byte < 128 {
            return Ok(value);
        }
    }
    Err(HpackError::Integer)
}

fn next(src: &mut &[u8]) -> Result<u8, HpackError> {
    let (first, rest) = src.split_first().ok_or(HpackError::Truncated)?;
    *src = rest;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: usize, prefix: u32) -> Vec<u8> {
        let mut dst = BytesMut::new();
        encode(value, prefix, 0, &mut dst);
        dst.to_vec()
    }

    #[test]
    fn rfc7541_c_1_1_encoding_10_using_a_5_bit_prefix() {
        assert_eq!(encoded(10, 5), [0b01010]);
        assert_eq!(decode(&mut &[0b1110_1010][..], 5), Ok(10), "the bits above the prefix do not count");
    }

    #[test]
    fn rfc7541_c_1_2_encoding_1337_using_a_5_bit_prefix() {
        assert_eq!(encoded(1337, 5), [0b11111, 0b1001_1010, 0b0000_1010]);
        assert_eq!(decode(&mut &[0b11111, 0b1001_1010, 0b0000_1010][..], 5), Ok(1337));
    }

    #[test]
    fn rfc7541_c_1_3_encoding_42_starting_at_an_octet_boundary() {
        assert_eq!(encoded(42, 8), [42]);
        assert_eq!(decode(&mut &[42][..], 8), Ok(42));
    }

    #[test]
    fn rfc7541_5_1_an_integer_past_the_limit_is_a_decoding_error() {
        assert_eq!(decode(&mut &[31, 128, 128, 128, 128, 0][..], 5), Err(HpackError::Integer));
        assert_eq!(decode(&mut &[31, 255, 255, 255, 255, 255, 255][..], 5), Err(HpackError::Integer));
    }

    #[test]
    fn an_integer_that_is_cut_off_is_truncated() {
        assert_eq!(decode(&mut &[][..], 5), Err(HpackError::Truncated));
        assert_eq!(decode(&mut &[31, 128][..], 5), Err(HpackError::Truncated));
    }

    proptest! {
        #[test]
        fn an_integer_is_the_same_both_ways(value in 0..1_usize << 28, prefix in 1..=8_u32) {
            let bytes = encoded(value, prefix);
            let mut src = &bytes[..];
            prop_assert_eq!(decode(&mut src, prefix), Ok(value));
            prop_assert!(src.is_empty());
        }
    }
}
