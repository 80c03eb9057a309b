//! Lesson 11, yours: varints and tags, and one text from a message.
//!
//! Fill in the functions. `cargo lesson check 11` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::protobuf::{EXERCISE, ProtobufCode};

/// What is checked.
pub const YOURS: ProtobufCode = ProtobufCode { varint, read_varint, zigzag, tag, text };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The bytes of a number: seven bits in each, the lowest first; the eighth says that more follow.
fn varint(value: u64) -> Vec<u8> {
    Vec::new()
}

/// The number that the bytes begin with, and how many of them it takes. None: they end within it, or it has
/// more than ten.
fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    Some((99, 0))
}

/// 0, -1, 1, -2 as 0, 1, 2, 3, and so on.
fn zigzag(value: i64) -> u64 {
    99
}

/// The tag of a field: its number shifted by three bits, and its wire type, as a varint.
fn tag(field: u32, wire_type: u8) -> Vec<u8> {
    Vec::new()
}

/// The text of the field with this number; the last one, if there are more; no letters, if there is none. None:
/// the bytes are no message.
///
/// Wire types: 0 varint, 1 eight bytes, 2 a length and as many bytes, 5 four bytes.
fn text(message: &[u8], field: u32) -> Option<String> {
    Some("not written yet".to_owned())
}
