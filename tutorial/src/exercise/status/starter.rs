//! Lesson 16, yours: a timeout on the wire, and what an answer means that is not of gRPC.
//!
//! Fill in the functions. `cargo lesson check 16` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;
use std::time::Duration;

use transport::Code;
use tutorial::exercise::status::{EXERCISE, StatusCode};

/// What is checked.
pub const YOURS: StatusCode = StatusCode { timeout, read_timeout, of_http, of_reset };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The time in the finest unit whose number has eight digits at most, rounded up, and never 0: n, u, m, S, M, H are
/// nanoseconds, microseconds, milliseconds, seconds, minutes, hours.
fn timeout(timeout: Duration) -> String {
    String::new()
}

/// The time that a value means: one to eight digits, and a unit.
fn read_timeout(value: &str) -> Option<Duration> {
    Some(Duration::MAX)
}

/// What a status of HTTP means where there is no `grpc-status`.
fn of_http(status: u16) -> Code {
    Code::DataLoss
}

/// What RST_STREAM with this error code means.
fn of_reset(code: u32) -> Code {
    Code::DataLoss
}
