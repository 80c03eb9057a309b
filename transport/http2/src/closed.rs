//! What is remembered of streams that are closed, because frames for them may still be on their way
//! (RFC 9113 §5.1, "closed").

use std::collections::VecDeque;

/// How a stream was closed, as far as that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It was reset from here. The peer may not know yet: what it sends is ignored.
    ResetHere,
    /// It ended on both sides, or the peer reset it. Nothing but WINDOW_UPDATE and RST_STREAM may come.
    Known,
    /// That was too long ago to know, or it was never used. Ids rise, so it will not be used again.
    LongAgo,
}

/// Streams that are closed: the last of them one by one, the others by their highest id.
#[derive(Debug, Default)]
pub(crate) struct ClosedStreams {
    reset_here: VecDeque<u32>,
    /// The highest id that was pushed out of `reset_here`: at or below it, any stream may have been one.
    forgotten: u32,
    known: VecDeque<u32>,
}

impl ClosedStreams {
    /// Takes note of a stream that is reset from here.
    pub(crate) fn reset_here(&mut self, stream: u32) {
        if self.reset_here.len() == MAX_RESET_HERE {
            let oldest = self.reset_here.pop_front().unwrap_or(0);
            self.forgotten = self.forgotten.max(oldest);
        }
        self.reset_here.push_back(stream);
    }

    /// Takes note of a stream that is closed otherwise.
    pub(crate) fn note(&mut self, stream: u32) {
        if self.known.len() == MAX_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back(stream);
    }

    /// How a stream was closed that is neither open nor idle.
    pub(crate) fn find(&self, stream: u32) -> Closed {
        if stream <= self.forgotten || self.reset_here.contains(&stream) {
            Closed::ResetHere
        } else if self.known.contains(&stream) {
            Closed::Known
        } else {
            Closed::LongAgo
        }
    }
}

/// How many streams that were reset from here are remembered one by one.
const MAX_RESET_HERE: usize = 1024;

/// How many others.
const MAX_KNOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_reset_here_is_never_taken_for_another_kind_however_many_follow() {
        let mut closed = ClosedStreams::default();
        for id in (1..10_000).step_by(2) {
            closed.reset_here(id);
        }
        assert!((1..10_000).step_by(2).all(|id| closed.find(id) == Closed::ResetHere));
        assert!(closed.reset_here.len() <= MAX_RESET_HERE);
    }

    #[test]
    fn the_last_ones_that_ended_are_known() {
        let mut closed = ClosedStreams::default();
        for id in (1..1000).step_by(2) {
            closed.note(id);
        }
        assert_eq!(closed.find(999), Closed::Known);
        assert_eq!(closed.find(1), Closed::LongAgo);
    }
}
