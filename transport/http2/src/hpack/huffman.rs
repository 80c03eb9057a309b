//! Text in Huffman code (RFC 7541 §5.2, appendix B).
//!
//! The code of appendix B is canonical: of two symbols the one with the shorter code, or of equal
//! length the smaller symbol, has the code that comes first. So the lengths alone determine every
//! code, and all tables here are made of them when the crate is compiled.

use bytes::{BufMut, BytesMut};

use super::HpackError;

/// Appends the code of `text`.
pub(super) fn encode(text: &[u8], dst: &mut BytesMut) {
    let (mut bits, mut count) = (0_u64, 0);
    for byte in text {
        let symbol = usize::from(*byte);
        bits = bits << LENGTHS[symbol] | u64::from(TABLES.codes[symbol]);
        count += u32::from(LENGTHS[symbol]);
        while count >= 8 {
            count -= 8;
            dst.put_u8((bits >> count) as u8);
        }
    }
    if count > 0 {
        // Padded with the beginning of EOS, which is all ones.
        dst.put_u8((bits << (8 - count)) as u8 | 0xff >> count);
    }
}

/// How many bytes the code of `text` has.
pub(super) fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum();
    bits.div_ceil(8)
}

/// Appends the text whose code `src` is.
pub(super) fn decode(src: &[u8], dst: &mut BytesMut) -> Result<(), HpackError> {
    let mut src = src.iter();
    // The bits not decoded yet, from the highest down; below them zeros.
    let (mut bits, mut count) = (0_u64, 0_u32);
    loop {
        while count <= 56
            && let Some(byte) = src.next()
        {
            bits |= u64::from(*byte) << (56 - count);
            count += 8;
        }
        if count == 0 {
            return Ok(());
        }
        let window = (bits >> 32) as u32;
        let length = (SHORTEST..=LONGEST).find(|length| window < TABLES.limit[*length]);
        let length = length.filter(|length| *length as u32 <= count);
        let Some(length) = length else {
            // No whole code is left: fewer than 8 bits, the beginning of EOS, are padding.
            let padding = count < 8 && bits >> (64 - count) == (1 << count) - 1;
            return if padding { Ok(()) } else { Err(HpackError::Huffman) };
        };
        let nth = (window >> (32 - length)) - TABLES.first_code[length];
        let symbol = TABLES.symbols[usize::from(TABLES.first_symbol[length]) + nth as usize];
        let byte = u8::try_from(symbol).map_err(|_| HpackError::Huffman)?; // EOS is no text.
        dst.put_u8(byte);
        bits <<= length;
        count -= length as u32;
    }
}

/// What follows from the lengths.
struct Tables {
    /// The code of each symbol.
    codes: [u32; SYMBOLS],
    /// The symbols in the order of their codes.
    symbols: [u16; SYMBOLS],
    /// For each length: the first code of that length.
    first_code: [u32; LONGEST + 1],
    /// For each length: the place in `symbols` of the first symbol with a code of that length.
    first_symbol: [u16; LONGEST + 1],
    /// For each length: what begins below this, as a number of 32 bits, has a code of that length or
    /// of a shorter one. That of the length before where no code has that length; the last has none.
    limit: [u32; LONGEST + 1],
}

static TABLES: Tables = Tables::new();

impl Tables {
    const fn new() -> Self {
        let mut tables = Self {
            codes: [0; SYMBOLS],
            symbols: [0; SYMBOLS],
            first_code: [0; LONGEST + 1],
            first_symbol: [0; LONGEST + 1],
            limit: [0; LONGEST + 1],
        };
        let (mut code, mut place, mut length) = (0_u32, 0, SHORTEST);
        while length <= LONGEST {
            tables.first_code[length] = code;
            tables.first_symbol[length] = place as u16;
            let mut symbol = 0;
            while symbol < SYMBOLS {
                if LENGTHS[symbol] as usize == length {
                    tables.codes[symbol] = code;
                    tables.symbols[place] = symbol as u16;
                    code += 1;
                    place += 1;
                }
                symbol += 1;
            }
            tables.limit[length] = match length {
                LONGEST => u32::MAX,
                _ => code << (32 - length),
            };
            code <<= 1;
            length += 1;
        }
        tables
    }
}

/// 256 bytes and EOS.
const SYMBOLS: usize = 257;

/// The lengths of the shortest and of the longest code, in bits.
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// The length of each symbol's code, in bits (RFC 7541, appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut dst = BytesMut::new();
        encode(text, &mut dst);
        dst.to_vec()
    }

    fn decoded(src: &[u8]) -> Result<Vec<u8>, HpackError> {
        let mut dst = BytesMut::new();
        decode(src, &mut dst).map(|()| dst.to_vec())
    }

    #[test]
    fn rfc7541_appendix_b_the_codes_that_follow_from_the_lengths() {
        let listed = [
            (0, 0x1ff8),
            (b'0', 0x0),
            (b'a', 0x3),
            (b'A', 0x21),
            (b'Z', 0xfd),
            (b'\\', 0x7fff0),
            (b'~', 0x1ffd),
            (10, 0x3fff_fffc),
            (127, 0xfff_fffc),
            (249, 0xfff_fffe),
            (255, 0x3ff_ffee),
        ];
        for (symbol, code) in listed {
            assert_eq!(TABLES.codes[usize::from(symbol)], code, "symbol {symbol}");
        }
        assert_eq!(TABLES.codes[256], 0x3fff_ffff, "EOS");
    }

    #[test]
    fn every_byte_is_the_same_both_ways() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encoded(&all)), Ok(all.clone()));
        for byte in all {
            assert_eq!(decoded(&encoded(&[byte])), Ok(vec![byte]));
        }
    }

    #[test]
    fn rfc7541_5_2_padding_longer_than_7_bits_is_a_decoding_error() {
        // "o" is 00111; three ones are padding, eleven are too many.
        assert_eq!(decoded(&[0x3f]), Ok(b"o".to_vec()));
        assert_eq!(decoded(&[0x3f, 0xff]), Err(HpackError::Huffman));
        assert_eq!(decoded(&[0xff]), Err(HpackError::Huffman), "8 bits of padding and no text");
    }

    #[test]
    fn rfc7541_5_2_padding_that_is_not_the_beginning_of_eos_is_a_decoding_error() {
        assert_eq!(decoded(&[0x3e]), Err(HpackError::Huffman));
    }

    #[test]
    fn rfc7541_5_2_eos_in_the_text_is_a_decoding_error() {
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(HpackError::Huffman));
    }

    proptest! {
        #[test]
        fn any_text_is_the_same_both_ways(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let code = encoded(&text);
            prop_assert_eq!(code.len(), encoded_len(&text));
            prop_assert_eq!(decoded(&code), Ok(text));
        }

        #[test]
        fn any_bytes_decode_to_text_or_an_error(src in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(text) = decoded(&src) {
                prop_assert_eq!(encoded(&text), src, "no two codes stand for the same text");
            }
        }
    }
}
