//! Lesson 04, yours: a call finds its method, and is answered whatever happens.
//!
//! Fill in the function. `cargo lesson check 4` says how far it is, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use transport::{Code, Status};
use tutorial::exercise::dispatch::{Answer, DispatchCode, EXERCISE, Method};

/// What is checked.
pub const YOURS: DispatchCode = DispatchCode { answer };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The reply of the method with this path. UNIMPLEMENTED, if there is none; INTERNAL, if it panics, which
/// `std::panic::catch_unwind` tells.
fn answer(methods: &[Method], path: &str, message: &[u8]) -> Answer {
    Err(Status::new(Code::Unknown, "not written yet"))
}
