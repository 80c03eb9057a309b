//! Lesson 14, yours: the frames of a call, bytes and text in fields, and the status of an answer.
//!
//! Fill in the functions. `cargo lesson check 14` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::grpc::{EXERCISE, Field, GrpcCode};

/// What is checked.
pub const YOURS: GrpcCode = GrpcCode { prefixed, call, bin, read_bin, text, read_text, status };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// A message behind its five bytes: 0, for it is not compressed, and its length in four, the highest first.
fn prefixed(message: &[u8]) -> Vec<u8> {
    b"not written yet".to_vec()
}

/// The frames of a request on stream 1: HEADERS (type 1) with the flag END_HEADERS (4), and DATA (type 0) with the
/// flag END_STREAM (1). The head of a frame is as in lesson 12. A field is a byte 0, the length of its name in a
/// byte, its name, the length of its value in a byte, its value; those with a colon stand in front.
fn call(path: &str, authority: &str, message: &[u8]) -> Vec<u8> {
    Vec::new()
}

/// Bytes as base64 without padding; the crate base64 is there.
fn bin(bytes: &[u8]) -> String {
    String::new()
}

/// The bytes of base64, with padding or without.
fn read_bin(text: &str) -> Option<Vec<u8>> {
    Some(Vec::new())
}

/// A text with its bytes as they are from space to ~, and the others, and the percent sign, as %XX.
fn text(text: &str) -> String {
    String::new()
}

/// The text again. What is no %XX stands for itself.
fn read_text(value: &str) -> String {
    "not written yet".to_owned()
}

/// The number in `grpc-status`, wherever it stands; UNKNOWN, which is 2, if it stands nowhere.
fn status(head: &[Field<'_>], trailers: Option<&[Field<'_>]>) -> u8 {
    99
}
