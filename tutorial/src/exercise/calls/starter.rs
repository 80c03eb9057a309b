//! Lesson 07, yours: many calls on one connection, and each answer finds its caller.
//!
//! Fill in the structure. `cargo lesson check 7` says how far it is, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::calls::{Calls, CallsCode, EXERCISE};

/// What is checked.
pub const YOURS: CallsCode = CallsCode { calls: || Box::new(Mine {}) };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The calls that are open.
struct Mine {}

impl Calls for Mine {
    /// Gives the call an id that no other one has or had.
    fn open(&mut self, caller: char) -> u32 {
        0
    }

    /// Who waits for the answer with this id; from now on nobody does.
    fn answer(&mut self, id: u32) -> Option<char> {
        Some('?')
    }

    /// From now on nobody waits for this answer.
    fn give_up(&mut self, id: u32) {}
}
