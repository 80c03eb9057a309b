//! Lesson 08, yours: a server that counts a request once, and a client that knows what may be made again.
//!
//! Fill in the structure and the function. `cargo lesson check 8` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;
use std::time::Duration;

use transport::Code;
use tutorial::exercise::loss::{Counter, EXERCISE, Failed, LossCode};

/// What is checked.
pub const YOURS: LossCode = LossCode { server: || Box::new(Mine {}), again };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// A counter, and what it remembers of the requests that had a key.
struct Mine {}

impl Counter for Mine {
    /// Adds once for each key, and answers each request with a key as the first one with it was answered. Where the
    /// counter would not be from -10 to 10, OUT_OF_RANGE; where a key comes with another number, INVALID_ARGUMENT.
    fn increment(&mut self, key: Option<&str>, by: i64) -> Result<i64, Code> {
        Err(Code::Unknown)
    }
}

/// How long the call may take when it is made again: what is left of its time. None: its time is over, or the
/// server has answered, or it may have been done and is not idempotent.
fn again(failed: Failed) -> Option<Duration> {
    Some(Duration::MAX)
}
