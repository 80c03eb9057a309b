//! bincode that is wrong on purpose.

use kv::message::PutRequest;

use super::{BytesCode, RIGHT, texts};
use crate::exercise::Wrong;
use crate::exercise::mistake::PANIC;

pub(super) const WRONG: &[Wrong<BytesCode>] = &[
    Wrong {
        mistake: LETTERS,
        form: BytesCode { text: |text| [&[text.chars().count() as u8], text.as_bytes()].concat(), ..RIGHT },
    },
    Wrong { mistake: NOT_FOLDED, form: BytesCode { number: |by| (RIGHT.number)(unfolded(by)), ..RIGHT } },
    Wrong {
        mistake: ALWAYS_EIGHT,
        form: BytesCode { number: |by| folded(by).to_le_bytes().to_vec(), ..RIGHT },
    },
    Wrong {
        mistake: ONE_BYTE,
        form: BytesCode {
            number: |by| u8::try_from(folded(by)).map_or_else(|_| (RIGHT.number)(by), |byte| vec![byte]),
            ..RIGHT
        },
    },
    Wrong {
        mistake: BIG,
        form: BytesCode {
            number: |by| {
                let mut bytes = (RIGHT.number)(by);
                // A number of two bytes is read by the check before.
                if bytes.len() > 3 {
                    bytes[1..].reverse();
                }
                bytes
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: CUT_SHORT,
        form: BytesCode {
            decode: |bytes| read(bytes, |rest, length| &rest[..length.min(rest.len())]),
            ..RIGHT
        },
    },
    Wrong {
        mistake: PANIC,
        form: BytesCode { decode: |bytes| read(bytes, |rest, length| &rest[..length]), ..RIGHT },
    },
    Wrong {
        mistake: LEFT_OVER,
        form: BytesCode {
            decode: |bytes| match (RIGHT.decode)(bytes) {
                Err(at) if at > 0 && (RIGHT.decode)(&bytes[..at]).is_ok() => (RIGHT.decode)(&bytes[..at]),
                decoded => decoded,
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: REPAIRED,
        form: BytesCode {
            decode: |bytes| match (RIGHT.decode)(bytes) {
                Err(2) => read(bytes, |rest, length| &rest[..length]),
                decoded => decoded,
            },
            ..RIGHT
        },
    },
];

pub(super) const LETTERS: &str = "the length counts letters, not bytes";
pub(super) const NOT_FOLDED: &str = "a negative number is not folded, and takes nine bytes";
pub(super) const ALWAYS_EIGHT: &str = "every number takes eight bytes, however small it is";
pub(super) const ONE_BYTE: &str = "a byte over 250 is taken for a number, and is the size of one";
pub(super) const BIG: &str = "a large number has its highest byte first";
pub(super) const CUT_SHORT: &str = "a text that was cut short is taken for a whole one";
pub(super) const LEFT_OVER: &str = "what stands behind the message is not looked at";
pub(super) const REPAIRED: &str = "text that is none is repaired and taken";

fn folded(by: i64) -> u64 {
    (by << 1 ^ by >> 63) as u64
}

/// The number that is folded to what `by` is without folding.
fn unfolded(by: i64) -> i64 {
    let number = by as u64;
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Reads two texts whose lengths are one byte each, and trusts them; `text` takes one off the rest.
fn read(bytes: &[u8], text: fn(&[u8], usize) -> &[u8]) -> Result<PutRequest, usize> {
    let (length, rest) = bytes.split_first().ok_or(0_usize)?;
    let key = text(rest, usize::from(*length));
    let (length, rest) = rest[key.len()..].split_first().ok_or(1 + key.len())?;
    let value = text(rest, usize::from(*length));
    if value.len() < rest.len() {
        return Err(2 + key.len() + value.len());
    }
    Ok(texts(&String::from_utf8_lossy(key), &String::from_utf8_lossy(value)))
}
