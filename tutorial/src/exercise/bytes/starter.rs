//! Lesson 02, yours: text and numbers in the bytes of bincode, and a message of two texts.
//!
//! Fill in the functions. `cargo lesson check 2` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use kv::message::PutRequest;
use tutorial::exercise::bytes::{BytesCode, EXERCISE};

/// What is checked.
pub const YOURS: BytesCode = BytesCode { text, number, decode };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The bytes of a text: its length, and its bytes in UTF-8.
fn text(text: &str) -> Vec<u8> {
    Vec::new()
}

/// The bytes of a number: folded, so that 0, -1, 1, -2 become 0, 1, 2, 3; then one byte if it is at most 250;
/// else 251, 252 or 253, and two, four or eight bytes, the lowest first.
fn number(by: i64) -> Vec<u8> {
    Vec::new()
}

/// The key and the value that the bytes are. What is wrong is refused with the number of the byte: where a text
/// begins of which bytes are missing, where one is not UTF-8, the first byte behind the message.
///
/// A length is written as a number is, but not folded.
fn decode(bytes: &[u8]) -> Result<PutRequest, usize> {
    Err(99)
}
