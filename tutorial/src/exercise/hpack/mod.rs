//! Lesson 13: HPACK, headers that shrink.

mod right;
pub mod starter;
mod wrong;

use super::{Check, Exercise, bytes, text, value};
use crate::lesson::Lesson;

/// HPACK by hand: integers, and the table that both ends keep.
#[derive(Clone, Copy, Debug)]
pub struct HpackCode {
    /// The bytes of an integer of which the first byte has so many bits; the other bits of that byte are 0.
    pub integer: fn(value: u64, bits: u8) -> Vec<u8>,
    /// The integer that bytes begin with, and how many of them it takes; none where there is none, or one of more
    /// than 32 bits.
    pub read_integer: fn(&[u8], bits: u8) -> Option<Read>,
    /// An empty table whose fields may count so much.
    pub table: fn(most: usize) -> Box<dyn Table>,
    /// One end of a connection, before it has sent or received anything.
    pub end: fn() -> Box<dyn End>,
}

/// A number, and how many bytes it takes.
pub type Read = (u64, usize);

/// The dynamic table (RFC 7541 §2.3.2).
pub trait Table {
    /// Adds a field.
    fn add(&mut self, name: &str, value: &str);

    /// The field with this index, which is 62 or higher: its name, an equals sign, its value.
    fn field(&self, index: usize) -> Option<String>;
}

/// One end, that sends and receives blocks of one field each.
pub trait End {
    /// The block of a field, `name=value`.
    fn send(&mut self, field: &str) -> Vec<u8>;

    /// The field that a block is.
    fn receive(&mut self, block: &[u8]) -> Option<String>;
}

/// The exercise.
pub static EXERCISE: Exercise<HpackCode> = Exercise {
    lesson: Lesson::numbered(13),
    task: "Write and read integers of HPACK, and keep its table; one for each direction.",
    checks: CHECKS,
    right: right::RIGHT,
    right_is_in: "tutorial/src/exercise/hpack/right.rs, transport/http2/src/hpack/",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

const CHECKS: &[Check<HpackCode>] = &[
    Check {
        name: "an integer that fits is in the bits of the first byte",
        layer: LAYER,
        rule: "RFC 7541 §5.1, C.1.1: 10 with a prefix of 5 bits.",
        holds: |it| bytes("integer(10, 5)", (it.integer)(10, 5)).is([0x0a], []),
    },
    Check {
        name: "an integer that fills all bits has a byte behind them",
        layer: LAYER,
        rule: "RFC 7541 §5.1: what is less than 2^N - 1 is in the prefix; when all its bits are ones, more bytes \
               follow, even if they say 0.",
        holds: |it| {
            bytes("integer(31, 5)", (it.integer)(31, 5))
                .is(&[0x1f, 0x00][..], [(&[0x1f][..], wrong::FULL_PREFIX)])
        },
    },
    Check {
        name: "behind the first byte is what is left the lowest seven bits first",
        layer: LAYER,
        rule: "RFC 7541 §5.1, C.1.2: of 1337 the prefix has said 31; 1306 are left.",
        holds: |it| {
            bytes("integer(1337, 5)", (it.integer)(1337, 5)).is(
                [0x1f, 0x9a, 0x0a],
                [([0x1f, 0xb9, 0x0a], wrong::NOT_LESS), ([0x1f, 0x8a, 0x1a], wrong::HIGHEST_FIRST)],
            )
        },
    },
    Check {
        name: "an integer read is the integer written",
        layer: LAYER,
        rule: "RFC 7541 §5.1. The bits in front of the prefix belong to something else.",
        holds: |it| {
            let given = [0xff, 0x9a, 0x0a, 0x07];
            value("read_integer, 5 bits", (it.read_integer)(&given, 5))
                .of(given, 1)
                .is(Some((1337, 3)), [(None, wrong::BITS_IN_FRONT)])
        },
    },
    Check {
        name: "an integer without an end is none",
        layer: LAYER,
        rule: "RFC 7541 §5.1: integers that exceed what is allowed, in value or in length, are errors.",
        holds: |it| {
            let given = [&[0x1f][..], &[0xff; 11], &[0x00]].concat();
            value("read_integer, 5 bits", (it.read_integer)(&given, 5))
                .of(given, 6)
                .is(None, [(Some((u64::MAX, 13)), wrong::ENDLESS)])
        },
    },
    Check {
        name: "the newest field has index 62",
        layer: TABLE,
        rule: "RFC 7541 §2.3.3: the dynamic table begins behind the 61 fields of the static one, and each field that \
               is added moves all others by one.",
        holds: |it| {
            text(
                "a=1, b=2 are added to a table of 100; 62, 63, 64 are",
                filled(it, 100, &[("a", "1"), ("b", "2")]),
            )
            .is("b=2, a=1, none", [("a=1, b=2, none", wrong::OLDEST_FIRST)])
        },
    },
    Check {
        name: "a field counts 32 more than its letters",
        layer: TABLE,
        rule: "RFC 7541 §4.1: the size of a field is that of its name, that of its value, and 32.",
        holds: |it| {
            let fields = [("a", "1"), ("b", "2"), ("c", "3")];
            text("a=1, b=2, c=3 are added to a table of 68; 62, 63, 64 are", filled(it, 68, &fields)).is(
                "c=3, b=2, none",
                [("c=3, b=2, a=1", wrong::LETTERS_ONLY), ("b=2, a=1, none", wrong::NEWEST_LEAVES)],
            )
        },
    },
    Check {
        name: "a field that is larger than the table leaves it empty",
        layer: TABLE,
        rule: "RFC 7541 §4.4: it is no error to add such a field; all others leave, and it does not come.",
        holds: |it| {
            let fields = [("a", "1"), ("b", "a value that is far too long for this table")];
            text("a=1 and one of over 40 are added to a table of 40; 62, 63, 64 are", filled(it, 40, &fields))
                .is("none, none, none", [("a=1, none, none", wrong::LARGE_IS_IGNORED)])
        },
    },
    Check {
        name: "a field that was sent before is one byte",
        layer: BLOCK,
        rule: "RFC 7541 §6.1, C.3.2: what is in the table is an index, and an index under 127 is one byte.",
        holds: |it| {
            let mut end = (it.end)();
            let sizes = [end.send("te=trailers").len() > 1, end.send("te=trailers").len() > 1];
            value("te=trailers is sent twice; whether the block has more than one byte", sizes)
                .is([true, false], [([true, true], wrong::NO_TABLE)])
        },
    },
    Check {
        name: "each direction has a table of its own",
        layer: BLOCK,
        rule: "RFC 7541 §2.2: the encoder of one side and the decoder of the other share a table; the two directions \
               do not. What crosses on the way would stand in a different order at each end.",
        holds: |it| {
            let (mut client, mut server) = ((it.end)(), (it.end)());
            let (request, response) = (client.send("a=1"), server.send("b=2"));
            let first = [server.receive(&request), client.receive(&response)];
            let again = client.send("a=1");
            let [one, two] = first.map(|field| field.unwrap_or_else(|| "nothing".to_owned()));
            let three = server.receive(&again).unwrap_or_else(|| "nothing".to_owned());
            text("a=1 and b=2 cross, then a=1 again; received are", format!("{one}, {two}, {three}"))
                .is("a=1, b=2, a=1", [("a=1, b=2, b=2", wrong::ONE_TABLE)])
        },
    },
];

/// What stands at 62, 63 and 64 of a table to which fields were added.
fn filled(it: &HpackCode, most: usize, fields: &[(&str, &str)]) -> String {
    let mut table = (it.table)(most);
    for (name, value) in fields {
        table.add(name, value);
    }
    [62, 63, 64].map(|index| table.field(index).unwrap_or_else(|| "none".to_owned())).join(", ")
}

const LAYER: &str = "field block, an integer";
const TABLE: &str = "field block, the dynamic table";
const BLOCK: &str = "field block";
