//! Lesson 03, yours: the eight bytes of a header, written and read.
//!
//! Fill in the functions. `cargo lesson check 3` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::frame::{EXERCISE, FrameCode, Header, MOST};

/// What is checked.
pub const YOURS: FrameCode = FrameCode { encode, decode };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The header's bytes: kind and flags, code, length (2), call (4); every number most significant byte first.
fn encode(header: Header) -> [u8; 8] {
    [0; 8]
}

/// The header that these bytes are. What breaks a rule is refused with the number of the byte: a kind that
/// is not 1 to 8, a length over [`MOST`].
fn decode(bytes: [u8; 8]) -> Result<Header, usize> {
    Err(7)
}
