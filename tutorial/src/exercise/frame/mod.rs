//! Lesson 03: the header of a frame.

pub mod starter;
mod wrong;

use transport::frame::{self, Flags, Kind};

use super::{Check, Exercise, bytes, value};
use crate::lesson::Lesson;

/// Writing and reading the 8 bytes that begin every frame.
#[derive(Clone, Copy, Debug)]
pub struct FrameCode {
    /// The header's bytes.
    pub encode: fn(Header) -> [u8; 8],
    /// The header that these bytes are; or which of them breaks a rule, the first byte being 0.
    pub decode: fn([u8; 8]) -> Result<Header, usize>,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 to 8: CALL, MESSAGE, HEAD, END, CANCEL, CREDIT, PING, GOING_AWAY.
    pub kind: u8,
    /// 0x10 HEAD, 0x20 BODY, 0x40 MORE, 0x80 END.
    pub flags: u8,
    /// The number of a method, or a status code.
    pub code: u8,
    /// How many bytes follow the header.
    pub length: u16,
    /// Which call it is.
    pub call: u32,
}

/// The most bytes that may follow a header.
pub const MOST: u16 = 40_960;

/// The exercise.
pub static EXERCISE: Exercise<FrameCode> = Exercise {
    lesson: Lesson::numbered(3),
    task: "Write the eight bytes of a header, and read them.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "transport/src/frame/header.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// The project's own.
const RIGHT: FrameCode = FrameCode {
    encode: |header| {
        let bit = |flag, bit| if header.flags & bit == bit { flag } else { Flags::NONE };
        let flags = bit(Flags::HEAD, 0x10) | bit(Flags::BODY, 0x20) | bit(Flags::MORE, 0x40);
        let kind = Kind::ALL[usize::from(header.kind) - 1];
        let (code, length, call) = (header.code, header.length, header.call);
        frame::Header { kind, flags: flags | bit(Flags::END, 0x80), code, length, call }.encode()
    },
    decode: |bytes| match frame::Header::decode(bytes) {
        Ok(header) => Ok(Header {
            kind: header.kind as u8,
            flags: bytes[0] & 0xf0,
            code: header.code,
            length: header.length,
            call: header.call,
        }),
        Err((at, _)) => Err(at),
    },
};

const CHECKS: &[Check<FrameCode>] = &[
    Check {
        name: "byte 0 is the kind in its low half and the flags in its high half",
        layer: LAYER,
        rule: "Low four bits: the kind; high four bits: flags. (transport/src/frame/mod.rs, \"Conversation\")",
        holds: |it| {
            let found = (it.encode)(CALL);
            bytes(format!("encode of {SHOWN}"), &found[..1])
                .is([0x21], [([0x12], wrong::HALVES), ([0x01], wrong::NO_FLAGS)])
        },
    },
    Check {
        name: "byte 1 is the number of the method",
        layer: LAYER,
        rule: "One byte at offset 1: of a CALL the method's number. (transport/src/frame/mod.rs, \
               \"Conversation\")",
        holds: |it| bytes(format!("encode of {SHOWN}"), &(it.encode)(CALL)[..2]).is([0x21, 0x02], []),
    },
    Check {
        name: "bytes 2 and 3 are the length most significant first",
        layer: LAYER,
        rule: "All numbers are big-endian; the length is that of the payload. (transport/src/frame/mod.rs, \
               \"Conversation\")",
        holds: |it| {
            let found = (it.encode)(CALL);
            bytes(format!("encode of {SHOWN}"), &found[..4]).is(
                [0x21, 0x02, 0x03, 0x04],
                [
                    ([0x21, 0x02, 0x04, 0x03], wrong::LITTLE_LENGTH),
                    ([0x21, 0x02, 0x03, 0x0c], wrong::WHOLE_LENGTH),
                ],
            )
        },
    },
    Check {
        name: "bytes 4 to 7 are the call most significant first",
        layer: LAYER,
        rule: "All numbers are big-endian; the call's id has four bytes. (transport/src/frame/mod.rs, \
               \"Conversation\")",
        holds: |it| {
            let mut found = (it.encode)(CALL);
            // The four in front are for the checks before.
            found[..4].copy_from_slice(&[0x21, 0x02, 0x03, 0x04]);
            bytes(format!("encode of {SHOWN}"), found).is(
                [0x21, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08],
                [([0x21, 0x02, 0x03, 0x04, 0x08, 0x07, 0x06, 0x05], wrong::LITTLE_CALL)],
            )
        },
    },
    Check {
        name: "a header read is the header written",
        layer: LAYER,
        rule: "Both sides read what both sides write. (transport/src/frame/mod.rs, \"Conversation\")",
        holds: |it| {
            let given = [0x21, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08];
            let read = (it.decode)(given).map(|it| (it.kind, it.flags, it.code, it.length, it.call));
            value("decode, as kind, flags, code, length, call", read).of(given, 2).is(
                Ok((1, 0x20, 2, 0x0304, 0x0506_0708)),
                [(Ok((1, 0x20, 2, 0x0403, 0x0506_0708)), wrong::LITTLE_LENGTH)],
            )
        },
    },
    Check {
        name: "a kind that does not exist is refused at byte 0",
        layer: LAYER,
        rule: "Kinds are 1 to 8. Who guesses what another one may mean is wrong with the next version of the \
               protocol. (transport/src/frame/mod.rs, \"Kinds\")",
        holds: |it| {
            let given = [0x0f, 0, 0, 0, 0, 0, 0, 1];
            value("decode", (it.decode)(given)).of(given, 0).is(
                Err(0),
                [(Ok(Header { kind: 15, flags: 0, code: 0, length: 0, call: 1 }), wrong::ANY_KIND)],
            )
        },
    },
    Check {
        name: "a length over the limit is refused by the header alone",
        layer: LAYER,
        rule: "The length is at most 40,960. A length is a claim of somebody else: who waits for so many bytes \
               first has to keep them. (transport/src/frame/mod.rs, \"Conversation\")",
        holds: |it| {
            let given = [0x02, 0, 0xff, 0xff, 0, 0, 0, 1];
            value("decode", (it.decode)(given)).of(given, 2).is(
                Err(2),
                [(Ok(Header { kind: 2, flags: 0, code: 0, length: 0xffff, call: 1 }), wrong::ANY_LENGTH)],
            )
        },
    },
];

const LAYER: &str = "frame header";
const CALL: Header = Header { kind: 1, flags: 0x20, code: 0x02, length: 0x0304, call: 0x0506_0708 };
const SHOWN: &str = "kind 1, flags 20, code 02, length 0304, call 05060708";
