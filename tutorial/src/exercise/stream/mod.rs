//! Lesson 06: a stream is not messages.

pub mod starter;
mod wrong;

use ::bytes::BytesMut;
use transport::Limits;
use transport::frame::{self, Decoder};

use super::{Check, Exercise, text, value};
use crate::lesson::Lesson;

/// Finding whole frames in what has arrived.
#[derive(Clone, Copy, Debug)]
pub struct StreamCode {
    /// Takes the first frame off the front of what has arrived, if all of it is there: its call, and its payload.
    /// A frame that claims a payload over the limit is refused, with the length it claims.
    pub next: fn(arrived: &mut Vec<u8>) -> Result<Option<Frame>, u16>,
}

/// A frame: which call it belongs to, and its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Frame {
    pub call: u32,
    pub payload: Vec<u8>,
}

/// The most bytes that may follow a header.
pub const MOST: u16 = 40_960;

/// The exercise.
pub static EXERCISE: Exercise<StreamCode> = Exercise {
    lesson: Lesson::numbered(6),
    task: "Find whole frames in bytes that arrive in any pieces.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "transport/src/frame/decode.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// The project's own.
const RIGHT: StreamCode = StreamCode {
    next: |arrived| {
        let mut bytes = BytesMut::from(&arrived[..]);
        match Decoder::new(Limits::default(), 0).decode(&mut bytes) {
            Ok(Some(frame::Frame::Message { call, piece, .. })) => {
                *arrived = bytes.to_vec();
                Ok(Some(Frame { call, payload: piece.bytes.to_vec() }))
            }
            Ok(_) => Ok(None),
            Err(_) => Err(u16::from_be_bytes([arrived[2], arrived[3]])),
        }
    },
};

const CHECKS: &[Check<StreamCode>] = &[
    Check {
        name: "a frame that is there is taken",
        layer: LAYER,
        rule: "A frame is a header of 8 bytes and a payload; its length is in bytes 2 and 3. \
               (transport/src/frame/mod.rs, \"Conversation\")",
        holds: |it| text("one frame arrives at once", frames(it, &[ONE])).of(ONE, 2).is(at(1)("1 one"), []),
    },
    Check {
        name: "two frames that arrive at once are two frames",
        layer: LAYER,
        rule: "A stream keeps the order of bytes and nothing else: what was written in two pieces may be read in \
               one. (RFC 9293 §3.8, lesson 6)",
        holds: |it| {
            let given = [ONE, TWO].concat();
            text("two frames arrive at once", frames(it, &[&given])).of(given, 11).is(
                two(at(1)("1 one"), at(1)("2 two")),
                [(at(1)(MERGED), wrong::ONE_READ), (at(1)("1 one"), wrong::REST_IS_LOST)],
            )
        },
    },
    Check {
        name: "one byte at a time there is a frame with its last byte and not before",
        layer: LAYER,
        rule: "A stream may be cut anywhere, within a header too: a frame is there when all of it is there. \
               (transport/src/frame/decode.rs, `decode`)",
        holds: |it| {
            let pieces: Vec<_> = ONE.chunks(1).collect();
            text("a frame arrives byte by byte", frames(it, &pieces)).of(ONE, 10).is(
                at(11)("1 one"),
                [(at(8)("1 "), wrong::HEADER_ALONE), (String::new(), wrong::HEADER_IS_LOST)],
            )
        },
    },
    Check {
        name: "of a frame and a half the half is kept",
        layer: LAYER,
        rule: "What is not a whole frame yet stays where it is, for the bytes that come. \
               (transport/src/frame/decode.rs, `decode`)",
        holds: |it| {
            let given = [ONE, &TWO[..9]].concat();
            text("a frame and 9 bytes arrive, then the rest", frames(it, &[&given, &TWO[9..]]))
                .of(given, 11)
                .is(two(at(1)("1 one"), at(2)("2 two")), [])
        },
    },
    Check {
        name: "a frame without a payload is a frame",
        layer: LAYER,
        rule: "A length of 0 is a length: the reply of put has no bytes. (transport/src/frame/mod.rs, \"Kinds\")",
        holds: |it| {
            let given = b"\x02\0\0\0\0\0\0\x07";
            text("eight bytes arrive", frames(it, &[given]))
                .of(*given, 2)
                .is(at(1)("7 "), [(String::new(), wrong::NO_EMPTY_ONE)])
        },
    },
    Check {
        name: "a claimed length over the limit is refused before its bytes come",
        layer: LAYER,
        rule: "The length is at most 40,960, and eight bytes are enough to see that it is not. \
               (transport/src/frame/header.rs, `decode`)",
        holds: |it| {
            let mut arrived = b"\x02\0\xff\xff\0\0\0\x01".to_vec();
            let given = arrived.clone();
            value("a header alone arrives", (it.next)(&mut arrived))
                .of(given, 2)
                .is(Err(0xffff), [(Ok(None), wrong::WAITS)])
        },
    },
    Check {
        name: "a claimed length takes no memory until its bytes come",
        layer: LAYER,
        rule: "A length is a claim of somebody else: a thousand connections that send eight bytes each must not \
               cost 40 MB. (transport/src/frame/decode.rs, `decode`)",
        holds: |it| {
            let mut arrived = b"\x02\0\xa0\0\0\0\0\x01".to_vec();
            let given = arrived.clone();
            let next = (it.next)(&mut arrived);
            let has_room = arrived.capacity() >= usize::from(MOST);
            value("a header alone arrives; the frame, and whether there is room for it", (next, has_room))
                .of(given, 2)
                .is((Ok(None), false), [((Ok(None), true), wrong::MAKES_ROOM)])
        },
    },
];

/// What is found in what arrives piece by piece: each frame with the number of the piece that completed it.
fn frames(it: &StreamCode, pieces: &[&[u8]]) -> String {
    let mut arrived = Vec::new();
    let mut found = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        arrived.extend_from_slice(piece);
        // Who takes nothing off would find the same frame for ever.
        for _ in 0..3 {
            match (it.next)(&mut arrived) {
                Ok(Some(Frame { call, payload })) => {
                    let text = format!("{call} {}", payload.escape_ascii());
                    found.push(at(number + 1)(&text));
                }
                Ok(None) => break,
                Err(length) => found.push(at(number + 1)(&format!("refused: {length}"))),
            }
        }
    }
    found.join(", ")
}

fn two(one: String, other: String) -> String {
    [one, other].join(", ")
}

/// How a frame is told: which piece completed it, its call, its payload.
fn at(piece: usize) -> impl Fn(&str) -> String {
    move |frame| format!("piece {piece}: call {frame}")
}

const LAYER: &str = "frame, in a stream of bytes";
const ONE: &[u8] = b"\x02\0\0\x03\0\0\0\x01one";
const TWO: &[u8] = b"\x02\0\0\x03\0\0\0\x02two";
const MERGED: &str = "1 one\\x02\\x00\\x00\\x03\\x00\\x00\\x00\\x02two";
