//! Headers that are wrong on purpose.

use super::{FrameCode, Header, RIGHT};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<FrameCode>] = &[
    Wrong {
        mistake: LITTLE_LENGTH,
        form: FrameCode {
            encode: |header| with_length(header, header.length.to_le_bytes()),
            decode: |mut bytes| {
                bytes.swap(2, 3);
                (RIGHT.decode)(bytes)
            },
        },
    },
    Wrong {
        mistake: LITTLE_CALL,
        form: FrameCode {
            encode: |header| {
                let mut bytes = (RIGHT.encode)(header);
                bytes[4..].reverse();
                bytes
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: WHOLE_LENGTH,
        form: FrameCode { encode: |header| with_length(header, (header.length + 8).to_be_bytes()), ..RIGHT },
    },
    Wrong {
        mistake: HALVES,
        form: FrameCode {
            encode: |header| {
                let mut bytes = (RIGHT.encode)(header);
                bytes[0] = bytes[0].rotate_left(4);
                bytes
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: NO_FLAGS,
        form: FrameCode { encode: |header| (RIGHT.encode)(Header { flags: 0, ..header }), ..RIGHT },
    },
    Wrong {
        mistake: ANY_KIND,
        form: FrameCode {
            decode: |bytes| match (RIGHT.decode)(bytes) {
                Err(0) => Ok(believed(bytes)),
                decoded => decoded,
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: ANY_LENGTH,
        form: FrameCode {
            decode: |bytes| match (RIGHT.decode)(bytes) {
                Err(2) => Ok(believed(bytes)),
                decoded => decoded,
            },
            ..RIGHT
        },
    },
];

pub(super) const LITTLE_LENGTH: &str = "the length has its lowest byte first";
pub(super) const LITTLE_CALL: &str = "the call has its lowest byte first";
pub(super) const WHOLE_LENGTH: &str = "the length counts the header too";
pub(super) const HALVES: &str = "kind and flags have changed places";
pub(super) const NO_FLAGS: &str = "the flags are lost";
pub(super) const ANY_KIND: &str = "a kind that nobody knows is taken";
pub(super) const ANY_LENGTH: &str = "a length is believed, whatever it is";

fn with_length(header: Header, length: [u8; 2]) -> [u8; 8] {
    let mut bytes = (RIGHT.encode)(header);
    bytes[2..4].copy_from_slice(&length);
    bytes
}

/// A header of which nothing is checked.
fn believed(bytes: [u8; 8]) -> Header {
    let [first, code, length_high, length_low, call @ ..] = bytes;
    Header {
        kind: first & 0x0f,
        flags: first & 0xf0,
        code,
        length: u16::from_be_bytes([length_high, length_low]),
        call: u32::from_be_bytes(call),
    }
}
