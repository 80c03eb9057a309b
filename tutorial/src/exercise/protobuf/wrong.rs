//! Protobuf that is wrong on purpose.

use super::{ProtobufCode, RIGHT};
use crate::by_hand::protobuf::{self, Value};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<ProtobufCode>] = &[
    Wrong {
        mistake: FOUR_BYTES,
        form: ProtobufCode { varint: |value| (value as u32).to_le_bytes().to_vec(), ..RIGHT },
    },
    Wrong {
        mistake: HIGHEST_FIRST,
        form: ProtobufCode {
            varint: |value| {
                let mut groups: Vec<_> = (RIGHT.varint)(value).iter().map(|byte| byte | 0x80).rev().collect();
                if let Some(last) = groups.last_mut() {
                    *last &= 0x7f;
                }
                groups
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: MARK_BEHIND,
        form: ProtobufCode {
            varint: |value| {
                let mut groups: Vec<_> = (RIGHT.varint)(value).iter().map(|byte| byte & 0x7f).collect();
                if let [_, .., last] = &mut groups[..] {
                    *last |= 0x80;
                }
                groups
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: CUT_SHORT,
        form: ProtobufCode {
            read_varint: |bytes| match protobuf::varint(bytes) {
                Err(protobuf::Rule::Ends) if !bytes.is_empty() => Some(summed(bytes)),
                read => read.ok(),
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: ENDLESS,
        form: ProtobufCode {
            read_varint: |bytes| {
                let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
                Some(summed(&bytes[..=end]))
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: SIGN,
        form: ProtobufCode { zigzag: |value| value.unsigned_abs() << 1 | u64::from(value < 0), ..RIGHT },
    },
    Wrong { mistake: NOT_FOLDED, form: ProtobufCode { zigzag: |value| value as u64, ..RIGHT } },
    Wrong {
        mistake: TYPE_ABOVE,
        form: ProtobufCode { tag: |field, wire_type| vec![wire_type << 3 | field as u8], ..RIGHT },
    },
    Wrong {
        mistake: ONE_BYTE_TAG,
        form: ProtobufCode { tag: |field, wire_type| vec![(field << 3) as u8 | wire_type], ..RIGHT },
    },
    Wrong {
        mistake: STOPS,
        form: ProtobufCode {
            text: |message, wanted| match protobuf::fields(message).next() {
                Some(Ok((number, _))) if number != wanted && message[0] & 7 != 2 => Some(String::new()),
                _ => (RIGHT.text)(message, wanted),
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: REFUSES,
        form: ProtobufCode {
            text: |message, wanted| {
                let known = protobuf::fields(message).flatten().all(|(number, _)| number == wanted);
                known.then(|| (RIGHT.text)(message, wanted))?
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: LOOKS_INSIDE,
        form: ProtobufCode {
            text: |message, wanted| match protobuf::fields(message).next() {
                // It has skipped the length, and goes on behind it.
                Some(Ok((number, Value::Len(inside)))) if number != wanted => (RIGHT.text)(inside, wanted),
                _ => (RIGHT.text)(message, wanted),
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: FIRST_ONE,
        form: ProtobufCode {
            text: |message, wanted| {
                let first = protobuf::fields(message).flatten().find(|(number, _)| *number == wanted);
                match first {
                    Some((_, Value::Len(text))) => String::from_utf8(text.to_vec()).ok(),
                    _ => (RIGHT.text)(message, wanted),
                }
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: TAKES_LESS,
        form: ProtobufCode {
            text: |message, wanted| {
                (RIGHT.text)(message, wanted).or_else(|| String::from_utf8(message.get(2..)?.to_vec()).ok())
            },
            ..RIGHT
        },
    },
];

pub(super) const FOUR_BYTES: &str = "a number takes four bytes, however small it is";
pub(super) const HIGHEST_FIRST: &str = "the highest seven bits come first";
pub(super) const MARK_BEHIND: &str = "the mark is on the last byte and not on those before it";
pub(super) const CUT_SHORT: &str = "a varint that was cut short is taken for a whole one";
pub(super) const ENDLESS: &str = "a varint is read on and on, and what is over 64 bits is lost";
pub(super) const SIGN: &str = "the sign is put into the lowest bit, and nothing is folded";
pub(super) const NOT_FOLDED: &str = "a negative number is not folded, and takes ten bytes";
pub(super) const TYPE_ABOVE: &str = "the wire type stands above the number of the field";
pub(super) const ONE_BYTE_TAG: &str = "a tag has one byte, whatever the number of the field";
pub(super) const STOPS: &str = "reading ends at a field that is not known";
pub(super) const REFUSES: &str = "a message with a field that is not known is refused";
pub(super) const LOOKS_INSIDE: &str =
    "of a field that is not known the length is skipped, and what it measures is read";
pub(super) const FIRST_ONE: &str = "the first one counts";
pub(super) const TAKES_LESS: &str = "a text that is cut short is taken for a whole one";

/// What the bytes mean, wherever they end.
fn summed(bytes: &[u8]) -> (u64, usize) {
    let bits = bytes.iter().zip((0..64).step_by(7));
    (bits.fold(0, |sum, (byte, shift)| sum | u64::from(byte & 0x7f) << shift), bytes.len())
}
