//! Lesson 09, yours: what one side of a call may do.
//!
//! Fill in the structure. `cargo lesson check 9` says how far it is, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::shapes::{EXERCISE, ShapesCode, Side};

/// What is checked.
pub const YOURS: ShapesCode = ShapesCode { side: |window| Box::new(Mine {}) };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// One side of a call: how much it may send, and who has ended.
struct Mine {}

impl Side for Mine {
    /// Spends credit and says that it was sent; or spends nothing and says that it was not.
    fn send(&mut self, bytes: usize) -> bool {
        false
    }

    /// So many bytes more may be sent.
    fn credit(&mut self, bytes: usize) {}

    /// Ends this side.
    fn finish(&mut self) {}

    /// Ends the other side.
    fn peer_finished(&mut self) {}

    fn may_send(&self) -> bool {
        true
    }

    fn may_receive(&self) -> bool {
        true
    }
}
