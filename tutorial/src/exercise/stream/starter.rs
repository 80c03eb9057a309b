//! Lesson 06, yours: whole frames in bytes that arrive in any pieces.
//!
//! Fill in the function. `cargo lesson check 6` says how far it is, and what is wrong.

#![allow(unused, clippy::ptr_arg)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::stream::{EXERCISE, Frame, MOST, StreamCode};

/// What is checked.
pub const YOURS: StreamCode = StreamCode { next };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// Takes the first frame off the front of what has arrived, if all of it is there: its call, and its payload.
/// What is not complete stays. A length over [`MOST`] is refused with that length.
///
/// The header has 8 bytes: in 2 and 3 is the length of what follows it, in 4 to 7 the call, the highest byte
/// first.
fn next(arrived: &mut Vec<u8>) -> Result<Option<Frame>, u16> {
    Ok(None)
}
