//! Lesson 13, yours: integers of HPACK, its table, and an end that uses it.
//!
//! Fill in the functions and the two structures. `cargo lesson check 13` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::hpack::{EXERCISE, End, HpackCode, Table};

/// What is checked.
pub const YOURS: HpackCode =
    HpackCode { integer, read_integer, table: |most| Box::new(Rows { most }), end: || Box::new(Mine) };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The bytes of an integer of which the first byte has so many bits: below 2^bits - 1 it is that byte. Else that
/// byte has all these bits set, and what is left follows, seven bits a byte, the lowest first; the eighth bit says
/// that more follow.
fn integer(value: u64, bits: u8) -> Vec<u8> {
    Vec::new()
}

/// The integer that the bytes begin with, and how many of them it takes. None: they end within it, or it has more
/// than 32 bits.
fn read_integer(bytes: &[u8], bits: u8) -> Option<(u64, usize)> {
    Some((99, 0))
}

/// The fields that were added, of which the oldest leave where they count more than `most`.
struct Rows {
    most: usize,
}

impl Table for Rows {
    /// Adds a field, which counts its name, its value, and 32.
    fn add(&mut self, name: &str, value: &str) {}

    /// The field with this index as `name=value`: 62 is the newest.
    fn field(&self, index: usize) -> Option<String> {
        Some("not written yet".to_owned())
    }
}

/// One end of a connection. Its blocks may look as you like, as long as the other end understands them: one byte
/// with the index for a field that was sent before, and something with all its letters for one that was not.
struct Mine;

impl End for Mine {
    fn send(&mut self, field: &str) -> Vec<u8> {
        Vec::new()
    }

    fn receive(&mut self, block: &[u8]) -> Option<String> {
        None
    }
}
