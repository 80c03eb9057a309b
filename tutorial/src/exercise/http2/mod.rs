//! Lesson 12: HTTP/2 is frames on streams.

pub mod starter;
mod wrong;

use ::bytes::BytesMut;
use ::http2::frame::{self, Frame, Kind};

use super::{Check, Exercise, bytes, text, value};
use crate::lesson::Lesson;

/// Frames of HTTP/2 by hand: their head, the padding of DATA, and what may stand where.
#[derive(Clone, Copy, Debug)]
pub struct Http2Code {
    /// The nine bytes of a head.
    pub encode: fn(Head) -> [u8; 9],
    /// The head that nine bytes are.
    pub decode: fn([u8; 9]) -> Head,
    /// What a DATA frame with these flags carries; none where that is an error.
    pub data: fn(flags: u8, payload: &[u8]) -> Option<Data>,
    /// Which of the frames is the first that may not stand where it stands, as far as HEADERS and CONTINUATION go.
    pub misplaced: fn(&[Head]) -> Option<usize>,
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // RFC 9113 §4.1 says what each is.
pub struct Head {
    pub length: u32,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

/// What a DATA frame carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The data.
    pub data: Vec<u8>,
    /// How much of both windows it takes.
    pub cost: usize,
}

#[allow(missing_docs)] // RFC 9113 §6.
pub const DATA: u8 = 0;
#[allow(missing_docs)]
pub const HEADERS: u8 = 1;
#[allow(missing_docs)]
pub const CONTINUATION: u8 = 9;
/// The flag of HEADERS or CONTINUATION behind which no more of the block comes.
pub const END_HEADERS: u8 = 0x4;
/// The flag of a frame with padding.
pub const PADDED: u8 = 0x8;

/// The exercise.
pub static EXERCISE: Exercise<Http2Code> = Exercise {
    lesson: Lesson::numbered(12),
    task: "Write and read the head of a frame, take padding off, and say which frame may not stand where it stands.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "transport/http2/src/frame/, tutorial/src/exercise/http2/mod.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// The project's own; what may stand where its connection knows, which is more than this.
const RIGHT: Http2Code = Http2Code {
    encode: |head| {
        let Head { length, kind, flags, stream } = head;
        let mut bytes = BytesMut::new();
        frame::Head { length, kind: Kind(kind), flags, stream }.encode(&mut bytes);
        let mut array = [0; 9];
        array.copy_from_slice(&bytes);
        array
    },
    decode: |bytes| {
        let frame::Head { length, kind, flags, stream } = frame::Head::decode(bytes);
        Head { length, kind: kind.0, flags, stream }
    },
    data: |flags, payload| {
        let head = Head { length: payload.len() as u32, kind: DATA, flags, stream: 1 };
        let mut frame = BytesMut::from(&[&(RIGHT.encode)(head), payload].concat()[..]);
        match Frame::decode(&mut frame, 1 << 14) {
            Ok(Some(Frame::Data(data))) => {
                let cost = data.data.len() + data.padding as usize;
                Some(Data { data: data.data.to_vec(), cost })
            }
            _ => None,
        }
    },
    misplaced: |frames| {
        // The stream whose block is open.
        let mut open = None;
        frames.iter().position(|head| {
            let is_right = match open {
                Some(stream) => head.kind == CONTINUATION && head.stream == stream,
                None => head.kind != CONTINUATION,
            };
            if matches!(head.kind, HEADERS | CONTINUATION) {
                open = (head.flags & END_HEADERS == 0).then_some(head.stream);
            }
            !is_right
        })
    },
};

const CHECKS: &[Check<Http2Code>] = &[
    Check {
        name: "a head begins with the length of what follows it",
        layer: LAYER,
        rule: "RFC 9113 §4.1: 24 bits, highest byte first; the nine bytes of the head are not counted.",
        holds: |it| {
            let head = Head { length: 0x01_0203, kind: HEADERS, flags: 0x05, stream: 7 };
            bytes(format!("encode of {head:x?}, in hexadecimal"), (it.encode)(head)).is(
                [1, 2, 3, 1, 5, 0, 0, 0, 7],
                [
                    ([3, 2, 1, 1, 5, 0, 0, 0, 7], wrong::LOWEST_FIRST),
                    ([1, 2, 12, 1, 5, 0, 0, 0, 7], wrong::WHOLE_LENGTH),
                    ([1, 2, 3, 5, 1, 0, 0, 0, 7], wrong::FLAGS_FIRST),
                ],
            )
        },
    },
    Check {
        name: "the highest bit of the stream is ignored",
        layer: LAYER,
        rule: "RFC 9113 §4.1: one bit is reserved, and must be ignored when receiving; 31 are the stream.",
        holds: |it| {
            let given = [0, 0, 8, 0, 1, 0x80, 0, 0, 3];
            let head = Head { length: 8, kind: DATA, flags: 1, stream: 3 };
            value("the stream in decode", (it.decode)(given).stream)
                .of(given, 5)
                .is(head.stream, [(0x8000_0003, wrong::RESERVED_BIT)])
        },
    },
    Check {
        name: "data without padding is the payload",
        layer: LAYER,
        rule: "RFC 9113 §6.1: without the flag PADDED there is no length of any padding.",
        holds: |it| {
            let data = (it.data)(0, b"\x02ok").map(|data| data.data);
            text("data, no flags", shown(data)).of(*b"\x02ok", 0).is("\\x02ok", [("", wrong::ALWAYS_PADDED)])
        },
    },
    Check {
        name: "padding is taken off",
        layer: LAYER,
        rule: "RFC 9113 §6.1: with PADDED the first byte is the length of the padding, which stands at the end.",
        holds: |it| {
            let data = (it.data)(PADDED, PADDED_DATA).map(|data| data.data);
            text("data, PADDED", shown(data))
                .of(PADDED_DATA, 0)
                .is("hello", [("\\x03hello\\x00\\x00\\x00", wrong::PADDING_IS_DATA)])
        },
    },
    Check {
        name: "padding takes credit too",
        layer: "flow control",
        rule: "RFC 9113 §6.1: the entire DATA frame payload is included in flow control, including the length of the \
               padding and the padding. Who forgets it has another window than the peer, and one day none.",
        holds: |it| {
            let cost = (it.data)(PADDED, PADDED_DATA).map(|data| data.cost);
            value("the cost of data, PADDED", cost)
                .of(PADDED_DATA, 0)
                .is(Some(9), [(Some(5), wrong::PADDING_IS_FREE), (Some(8), wrong::LENGTH_IS_FREE)])
        },
    },
    Check {
        name: "padding longer than its frame is an error",
        layer: LAYER,
        rule: "RFC 9113 §6.1: a length of padding that is the length of the payload or more is a PROTOCOL_ERROR.",
        holds: |it| {
            let given = b"\x06hello";
            value("data, PADDED", (it.data)(PADDED, given).map(|data| data.data))
                .of(*given, 0)
                .is(None, [(Some(Vec::new()), wrong::LONG_PADDING)])
        },
    },
    Check {
        name: "a block in pieces is well placed when nothing is between them",
        layer: "frames of a connection",
        rule: "RFC 9113 §6.10: any number of CONTINUATION frames follow, the last with END_HEADERS.",
        holds: |it| {
            let frames = [head(HEADERS, 0, 1), head(CONTINUATION, 0, 1), head(CONTINUATION, END_HEADERS, 1)];
            let rest = [head(DATA, 0, 1), head(HEADERS, END_HEADERS, 3)];
            misplaced(
                it,
                "HEADERS 1, CONTINUATION 1, CONTINUATION 1 END_HEADERS, DATA 1, HEADERS 3 END_HEADERS",
                &[&frames[..], &rest].concat(),
            )
            .is(None, [])
        },
    },
    Check {
        name: "nothing stands between the pieces of a block",
        layer: "frames of a connection",
        rule: "RFC 9113 §6.10: any other frame, on any stream, is a connection error. There is one HPACK table, and \
               it is changed in the order in which blocks come.",
        holds: |it| {
            let frames = [head(HEADERS, 0, 1), head(DATA, 0, 3), head(CONTINUATION, END_HEADERS, 1)];
            misplaced(it, "HEADERS 1, DATA 3, CONTINUATION 1 END_HEADERS", &frames)
                .is(Some(1), [(None, wrong::BETWEEN)])
        },
    },
    Check {
        name: "a continuation is of the stream of its headers",
        layer: "frames of a connection",
        rule: "RFC 9113 §6.10: a CONTINUATION is on the same stream as the frame it continues.",
        holds: |it| {
            let frames = [head(HEADERS, 0, 1), head(CONTINUATION, END_HEADERS, 3)];
            misplaced(it, "HEADERS 1, CONTINUATION 3 END_HEADERS", &frames)
                .is(Some(1), [(None, wrong::OTHER_STREAM)])
        },
    },
    Check {
        name: "a continuation continues something",
        layer: "frames of a connection",
        rule: "RFC 9113 §6.10: behind a frame with END_HEADERS a CONTINUATION is a connection error.",
        holds: |it| {
            let frames = [head(HEADERS, END_HEADERS, 1), head(CONTINUATION, END_HEADERS, 1)];
            misplaced(it, "HEADERS 1 END_HEADERS, CONTINUATION 1 END_HEADERS", &frames)
                .is(Some(1), [(None, wrong::OF_NOTHING)])
        },
    },
];

fn misplaced(it: &Http2Code, told: &str, frames: &[Head]) -> super::Found<Option<usize>> {
    value(format!("the first that is misplaced of {told}"), (it.misplaced)(frames))
}

fn shown(data: Option<Vec<u8>>) -> String {
    data.map_or_else(|| "an error".to_owned(), |data| data.escape_ascii().to_string())
}

const fn head(kind: u8, flags: u8, stream: u32) -> Head {
    Head { length: 0, kind, flags, stream }
}

const LAYER: &str = "frame header and padding";
const PADDED_DATA: &[u8] = b"\x03hello\0\0\0";
