//! Lesson 12, yours: the head of a frame, the padding of DATA, and what may stand where.
//!
//! Fill in the functions. `cargo lesson check 12` says how far they are, and what is wrong.

#![allow(unused)] // Take this away when nothing is left to write.

use std::process::ExitCode;

use tutorial::exercise::http2::{
    CONTINUATION, DATA, Data, END_HEADERS, EXERCISE, HEADERS, Head, Http2Code, PADDED,
};

/// What is checked.
pub const YOURS: Http2Code = Http2Code { encode, decode, data, misplaced };

/// Runs the checks.
pub fn main() -> ExitCode {
    EXERCISE.report(&YOURS)
}

/// The nine bytes of a head: the length of what follows (3), type, flags, stream (4); the highest byte first.
fn encode(head: Head) -> [u8; 9] {
    [0; 9]
}

/// The head that nine bytes are. The highest bit of the stream does not belong to it.
fn decode(bytes: [u8; 9]) -> Head {
    Head { length: 0, kind: 0, flags: 0, stream: 0 }
}

/// What a DATA frame carries, and how much credit it takes. With [`PADDED`] the payload begins with the length of
/// the padding, which stands at its end. None: the padding is longer than the frame.
fn data(flags: u8, payload: &[u8]) -> Option<Data> {
    Some(Data { data: b"not written yet".to_vec(), cost: 0 })
}

/// Which frame is the first that may not stand where it stands. HEADERS without [`END_HEADERS`] is followed by
/// CONTINUATION of the same stream, up to one with that flag, and by nothing else; CONTINUATION stands nowhere else.
fn misplaced(frames: &[Head]) -> Option<usize> {
    Some(99)
}
