//! Lesson 11: protobuf is tags and varints.

pub mod starter;
mod wrong;

use super::{Check, Exercise, bytes, value};
use crate::by_hand::protobuf::{self, Value};
use crate::lesson::Lesson;

/// Protobuf by hand: numbers, tags, and one field of a message.
#[derive(Clone, Copy, Debug)]
pub struct ProtobufCode {
    /// The bytes of a varint.
    pub varint: fn(u64) -> Vec<u8>,
    /// The varint that bytes begin with, and how many of them it takes; none where there is none.
    pub read_varint: fn(&[u8]) -> Option<(u64, usize)>,
    /// A signed number as one that is small where the other is near to 0.
    pub zigzag: fn(i64) -> u64,
    /// The tag of a field: its number, and its wire type.
    pub tag: fn(field: u32, wire_type: u8) -> Vec<u8>,
    /// The text of a field, whatever other fields there are; none where the message is none.
    pub text: fn(message: &[u8], field: u32) -> Option<String>,
}

/// The exercise.
pub static EXERCISE: Exercise<ProtobufCode> = Exercise {
    lesson: Lesson::numbered(11),
    task: "Write varints and tags, and read one text from a message with fields that you do not know.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "tutorial/src/by_hand/protobuf.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// The one by hand that the lesson shows.
const RIGHT: ProtobufCode = ProtobufCode {
    varint: |value| {
        let mut bytes = Vec::new();
        protobuf::put_varint(value, &mut bytes);
        bytes
    },
    read_varint: |bytes| protobuf::varint(bytes).ok(),
    zigzag: protobuf::zigzag,
    tag: |field, wire_type| (RIGHT.varint)(u64::from(field) << 3 | u64::from(wire_type)),
    text: |message, wanted| {
        let mut text = String::new();
        for field in protobuf::fields(message) {
            if let (number, Value::Len(bytes)) = field.ok()?
                && number == wanted
            {
                text = String::from_utf8(bytes.to_vec()).ok()?;
            }
        }
        Some(text)
    },
};

const CHECKS: &[Check<ProtobufCode>] = &[
    Check {
        name: "a number under 128 is one byte",
        layer: LAYER,
        rule: "A varint has seven bits of the number in each byte. (Protobuf encoding, \"Base 128 Varints\")",
        holds: |it| {
            bytes("varint(127)", (it.varint)(127))
                .is(&[0x7f][..], [(&[0x7f, 0, 0, 0][..], wrong::FOUR_BYTES)])
        },
    },
    Check {
        name: "a larger number has its lowest seven bits first and a mark that more follow",
        layer: LAYER,
        rule: "The highest bit of a byte says that another one follows; the lowest seven bits come first. \
               (Protobuf encoding, \"Base 128 Varints\")",
        holds: |it| {
            bytes("varint(300)", (it.varint)(300))
                .is([0xac, 0x02], [([0x82, 0x2c], wrong::HIGHEST_FIRST), ([0x2c, 0x82], wrong::MARK_BEHIND)])
        },
    },
    Check {
        name: "a varint ends with the byte that has no mark",
        layer: LAYER,
        rule: "What stands behind the byte without the mark belongs to something else. (Protobuf encoding, \
               \"Base 128 Varints\")",
        holds: |it| {
            let given = [0xac, 0x02, 0x07];
            value("read_varint", (it.read_varint)(&given)).of(given, 1).is(Some((300, 2)), [])
        },
    },
    Check {
        name: "a varint that is cut short is none",
        layer: LAYER,
        rule: "A byte with the mark has another one behind it. (Protobuf encoding, \"Base 128 Varints\")",
        holds: |it| {
            value("read_varint", (it.read_varint)(&[0xac]))
                .of([0xac], 0)
                .is(None, [(Some((44, 1)), wrong::CUT_SHORT)])
        },
    },
    Check {
        name: "a varint of more than ten bytes is none",
        layer: LAYER,
        rule: "64 bits are at most ten bytes: who goes on reading has a loop that a stranger controls. (Protobuf \
               encoding, \"Base 128 Varints\")",
        holds: |it| {
            let given = [[0x80; 11].as_slice(), &[0x01]].concat();
            value("read_varint", (it.read_varint)(&given))
                .of(given, 10)
                .is(None, [(Some((0, 12)), wrong::ENDLESS)])
        },
    },
    Check {
        name: "a number near to 0 is folded to a small one",
        layer: LAYER,
        rule: "0, -1, 1, -2 become 0, 1, 2, 3. (Protobuf encoding, \"Signed Integers\")",
        holds: |it| {
            value("zigzag of 0, -1, 1, -2", [0, -1, 1, -2].map(it.zigzag)).is(
                [0, 1, 2, 3],
                [([0, 3, 2, 5], wrong::SIGN), ([0, u64::MAX, 1, u64::MAX - 1], wrong::NOT_FOLDED)],
            )
        },
    },
    Check {
        name: "the tag of field 1 is one byte",
        layer: LAYER,
        rule: "A tag is (field number << 3) | wire type. (Protobuf encoding, \"Message Structure\")",
        holds: |it| bytes("tag(1, 2)", (it.tag)(1, 2)).is([0x0a], [([0x11], wrong::TYPE_ABOVE)]),
    },
    Check {
        name: "the tag of field 16 is two bytes",
        layer: LAYER,
        rule: "A tag is a varint, and five bits of number are what its first byte has room for. (Protobuf encoding, \
               \"Message Structure\")",
        holds: |it| {
            bytes("tag(16, 2)", (it.tag)(16, 2)).is(&[0x82, 0x01][..], [(&[0x82][..], wrong::ONE_BYTE_TAG)])
        },
    },
    Check {
        name: "a text is found by its field",
        layer: LAYER,
        rule: "Wire type 2 is a length and as many bytes. (Protobuf encoding, \"Length-Delimited Records\")",
        holds: |it| read(it, b"\x0a\x04hits", 1, Some("hits"), []),
    },
    Check {
        name: "a field that is not there has its default",
        layer: LAYER,
        rule: "A field with its default is not sent; the default of a text is no letters. (Protobuf, \"Field \
               Presence\")",
        holds: |it| read(it, b"", 0, Some(""), []),
    },
    Check {
        name: "a field that is not known is skipped",
        layer: LAYER,
        rule: "New fields are added all the time, and a program that does not know them works on. (Protobuf, \
               \"Updating A Message Type\")",
        holds: |it| {
            let message = b"\x18\x96\x01\x21\0\0\0\0\0\0\0\0\x0a\x04hits\x2d\0\0\0\0";
            read(it, message, 0, Some("hits"), [(Some(""), wrong::STOPS), (None, wrong::REFUSES)])
        },
    },
    Check {
        name: "what is in a field that is not known is skipped with it",
        layer: LAYER,
        rule: "The length says how many bytes belong to the field, whatever they look like. (Protobuf encoding, \
               \"Length-Delimited Records\")",
        holds: |it| read(it, b"\x4a\x06\x0a\x04miss", 1, Some(""), [(Some("miss"), wrong::LOOKS_INSIDE)]),
    },
    Check {
        name: "of a field that is there twice the last one counts",
        layer: LAYER,
        rule: "Two messages one after the other are one message: the last value wins. (Protobuf encoding, \"Last One \
               Wins\")",
        holds: |it| read(it, b"\x0a\x01a\x0a\x01b", 4, Some("b"), [(Some("a"), wrong::FIRST_ONE)]),
    },
    Check {
        name: "a text that is longer than its message is none",
        layer: LAYER,
        rule: "A length is compared to what is there before anything is done with it. (Protobuf encoding, \
               \"Length-Delimited Records\")",
        holds: |it| read(it, b"\x0a\x09hits", 1, None, [(Some("hits"), wrong::TAKES_LESS)]),
    },
];

/// Reads field 1.
fn read<const N: usize>(
    it: &ProtobufCode,
    message: &[u8],
    at: usize,
    expected: Option<&str>,
    known: [(Option<&str>, &'static str); N],
) -> super::Outcome {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    value("the text of field 1", (it.text)(message, 1))
        .of(message, at)
        .is(owned(expected), known.map(|(text, mistake)| (owned(text), mistake)))
}

const LAYER: &str = "message, in the bytes of protobuf";
