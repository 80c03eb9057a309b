//! One stream: its state (RFC 9113 §5.1), its two windows, what waits to be sent on it.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::flow::{ReceiveWindow, SendWindow};
use crate::hpack::Fields;

/// The state of a stream (RFC 9113 §5.1, figure 2). The two reserved states are those of pushed streams,
/// which are refused.
///
/// Of frames that come in, in each state:
///
/// | state | HEADERS | DATA | WINDOW_UPDATE | RST_STREAM | END_STREAM leads to |
/// |-------|---------|------|---------------|------------|---------------------|
/// | idle | opens the stream | ✗ connection | ✗ connection | ✗ connection | |
/// | open | trailers, or the response | data | window | closed | half-closed (remote) |
/// | half-closed (local) | the same | data | window | closed | closed |
/// | half-closed (remote) | ✗ stream | ✗ stream | window | closed | |
/// | closed | see `closed.rs` | see `closed.rs` | ignored | ignored | |
///
/// ✗ connection is a connection error, PROTOCOL_ERROR; ✗ stream is an error of the stream,
/// STREAM_CLOSED. PRIORITY is ignored in every state. What is sent from here keeps to the same table, with
/// local and remote exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Both sides may send.
    Open,
    /// This side has sent its last frame.
    HalfClosedLocal,
    /// The peer has sent its last frame.
    HalfClosedRemote,
    /// Nobody sends any more.
    Closed,
}

impl State {
    /// Whether the peer may send HEADERS and DATA in this state; if not, that is STREAM_CLOSED.
    pub(crate) fn peer_can_send(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedLocal)
    }

    /// Whether this side may send in this state.
    pub(crate) fn can_send(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedRemote)
    }

    /// The peer has sent END_STREAM.
    pub(crate) fn ended_by_peer(self) -> Self {
        match self {
            Self::Open | Self::HalfClosedRemote => Self::HalfClosedRemote,
            Self::HalfClosedLocal | Self::Closed => Self::Closed,
        }
    }

    /// This side has sent END_STREAM.
    pub(crate) fn ended_here(self) -> Self {
        match self {
            Self::Open | Self::HalfClosedLocal => Self::HalfClosedLocal,
            Self::HalfClosedRemote | Self::Closed => Self::Closed,
        }
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) state: State,
    /// The application will not ask for it any more.
    pub(crate) released: bool,
    /// Its request was CONNECT. Once that has succeeded, nothing but data follows (RFC 9113 §8.5).
    pub(crate) is_connect: bool,
    pub(crate) is_tunnel: bool,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
}

/// What comes in on a stream.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) window: ReceiveWindow,
    /// The request, or the final response, has come.
    pub(crate) begun: bool,
    /// The data that is still to come, if that was announced.
    pub(crate) expected: Option<u64>,
    /// The response to a HEAD: no data comes, whatever is announced.
    pub(crate) has_no_data: bool,
    /// The sizes of the DATA frames that have not been read, or what is left of them.
    pub(crate) unread_frames: VecDeque<u32>,
}

/// What goes out on a stream.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) window: SendWindow,
    /// The request, or the final response, was sent.
    pub(crate) begun: bool,
    /// The answer to a HEAD, or a response with a status that has no data.
    pub(crate) has_no_data: bool,
    /// Data that has not been put into frames.
    pub(crate) queue: VecDeque<Bytes>,
    /// Small data behind the queue, copied together.
    pub(crate) gathered: Vec<u8>,
    /// How much both are.
    pub(crate) queued: usize,
    /// What comes behind it.
    pub(crate) end: Option<End>,
    /// It has its place among those that send in turn.
    pub(crate) has_turn: bool,
    /// The application waits until the queue is empty.
    pub(crate) is_awaited: bool,
    /// Something was sent since that was asked last.
    pub(crate) has_moved: bool,
}

/// How this side ends a stream.
#[derive(Debug)]
pub(crate) enum End {
    /// With END_STREAM on the last DATA.
    Data,
    /// With trailers.
    Trailers(Fields),
}

impl Stream {
    pub(crate) fn new(receive_window: u32, send_window: u32) -> Self {
        let incoming = Incoming {
            window: ReceiveWindow::new(receive_window),
            begun: false,
            expected: None,
            has_no_data: false,
            unread_frames: VecDeque::new(),
        };
        let outgoing = Outgoing {
            window: SendWindow::new(send_window),
            begun: false,
            has_no_data: false,
            queue: VecDeque::new(),
            gathered: Vec::new(),
            queued: 0,
            end: None,
            has_turn: false,
            is_awaited: false,
            has_moved: false,
        };
        Self { state: State::Open, released: false, is_connect: false, is_tunnel: false, incoming, outgoing }
    }

    /// Whether this side may still send, and has not said how it ends.
    pub(crate) fn can_send(&self) -> bool {
        self.state.can_send() && self.outgoing.end.is_none()
    }

    /// Makes another stream of this one. What was allocated for it is used again.
    pub(crate) fn reuse(&mut self, receive_window: u32, send_window: u32) {
        let Self { state, released, is_connect, is_tunnel, incoming, outgoing } = self;
        (*state, *released, *is_connect, *is_tunnel) = (State::Open, false, false, false);
        incoming.reuse(receive_window);
        outgoing.reuse(send_window);
    }

    /// The stream is gone, until another one is made of it.
    pub(crate) fn rest(&mut self) {
        let (queue, unread_frames) = (&mut self.outgoing.queue, &mut self.incoming.unread_frames);
        unread_frames.clear();
        if queue.capacity().max(unread_frames.capacity()) > WORTH_KEEPING {
            queue.shrink_to(WORTH_KEEPING);
            unread_frames.shrink_to(WORTH_KEEPING);
        }
        self.outgoing.gathered.shrink_to(BYTES_WORTH_KEEPING);
    }
}

impl Incoming {
    fn reuse(&mut self, receive_window: u32) {
        let Self { window, begun, expected, has_no_data, unread_frames } = self;
        *window = ReceiveWindow::new(receive_window);
        (*begun, *expected, *has_no_data) = (false, None, false);
        unread_frames.clear();
    }

    /// Takes note that `bytes` were read; returns how many frames that finishes.
    pub(crate) fn read_frames(&mut self, mut bytes: u32) -> u32 {
        let mut finished = 0;
        while let Some(first) = self.unread_frames.front_mut() {
            if *first > bytes {
                *first -= bytes;
                break;
            }
            bytes -= *first;
            self.unread_frames.pop_front();
            finished += 1;
        }
        finished
    }

    /// Takes note of data, against what was announced (RFC 9113 §8.1.1).
    pub(crate) fn count(&mut self, bytes: usize, is_end: bool) -> Result<(), &'static str> {
        if self.has_no_data && bytes > 0 {
            return Err("data where there is none (§8.1.1)");
        }
        let Some(expected) = &mut self.expected else { return Ok(()) };
        match expected.checked_sub(bytes as u64) {
            None => return Err("more data than content-length says (§8.1.1)"),
            Some(rest) if is_end && rest > 0 => return Err("less data than content-length says (§8.1.1)"),
            Some(rest) => *expected = rest,
        }
        Ok(())
    }
}

impl Outgoing {
    fn reuse(&mut self, send_window: u32) {
        let Self {
            window,
            begun,
            has_no_data,
            queue,
            gathered,
            queued,
            end,
            has_turn,
            is_awaited,
            has_moved,
        } = self;
        *window = SendWindow::new(send_window);
        (*begun, *has_no_data, *has_turn, *is_awaited, *has_moved) = (false, false, false, false, false);
        (*queued, *end) = (0, None);
        queue.clear();
        gathered.clear();
    }

    /// Adds data behind all other, as it is.
    pub(crate) fn push(&mut self, data: Bytes) {
        if !self.gathered.is_empty() {
            self.queue.push_back(std::mem::take(&mut self.gathered).into());
        }
        self.queued += data.len();
        self.queue.push_back(data);
    }

    /// Adds data behind all other by copying it there.
    pub(crate) fn gather(&mut self, data: &[u8]) {
        self.queued += data.len();
        self.gathered.extend_from_slice(data);
    }

    /// Drops data that was added last, until `keep` bytes are left; returns it where it has an owner.
    pub(crate) fn truncate(&mut self, keep: usize) -> Vec<Bytes> {
        let kept = self.gathered.len().saturating_sub(self.queued.saturating_sub(keep));
        self.queued -= self.gathered.len() - kept;
        self.gathered.truncate(kept);
        let mut dropped = Vec::new();
        while self.queued > keep
            && let Some(mut last) = self.queue.pop_back()
        {
            self.queued -= last.len();
            if self.queued < keep {
                let kept = last.split_to(keep - self.queued);
                self.queued = keep;
                self.queue.push_back(kept);
            }
            dropped.push(last);
        }
        dropped
    }

    /// Whether less than `ahead` bytes wait, and no more than its window and that of the connection let go.
    pub(crate) fn has_room(&self, ahead: usize, connection: SendWindow) -> bool {
        let windows = self.window.available().min(connection.available());
        self.queued < ahead && self.queued <= windows
    }

    /// Gives the stream `id` its turn, if it has something to send and may.
    pub(crate) fn take_turn(&mut self, id: u32, turn: &mut VecDeque<u32>) {
        if self.is_ready() && !std::mem::replace(&mut self.has_turn, true) {
            turn.push_back(id);
        }
    }

    /// Whether something could be sent now, but for the window of the connection.
    pub(crate) fn is_ready(&self) -> bool {
        if self.queued > 0 { self.window.available() > 0 } else { self.end.is_some() }
    }
}

/// How many places of a queue are kept for the next stream, and how many bytes for small data.
const WORTH_KEEPING: usize = 64;
const BYTES_WORTH_KEEPING: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9113_5_1_the_peer_can_send_until_it_has_ended_the_stream() {
        assert!(State::Open.peer_can_send() && State::HalfClosedLocal.peer_can_send());
        assert!(!State::HalfClosedRemote.peer_can_send() && !State::Closed.peer_can_send());
    }

    #[test]
    fn frames_are_unread_until_their_last_byte_was_read() {
        let mut incoming = Stream::new(100, 100).incoming;
        incoming.unread_frames.extend([5, 5, 1]);
        assert_eq!(incoming.read_frames(4), 0);
        assert_eq!(incoming.read_frames(1), 1);
        assert_eq!(incoming.read_frames(6), 2);
        assert_eq!(incoming.read_frames(1), 0);
    }

    #[test]
    fn data_is_dropped_from_its_end_wherever_it_is() {
        let of = |keep| {
            let mut outgoing = Stream::new(100, 100).outgoing;
            outgoing.gather(b"ab");
            outgoing.push(Bytes::from_static(b"cde"));
            outgoing.gather(b"fg");
            assert_eq!(outgoing.queued, 7);
            let dropped = outgoing.truncate(keep);
            assert_eq!(outgoing.queued, keep.min(7));
            ([outgoing.queue.make_contiguous().concat(), outgoing.gathered].concat(), dropped)
        };
        assert_eq!(of(8), (b"abcdefg".to_vec(), vec![]));
        assert_eq!(of(6), (b"abcdef".to_vec(), vec![]));
        assert_eq!(of(4), (b"abcd".to_vec(), vec![Bytes::from_static(b"e")]));
        assert_eq!(of(0), (vec![], vec![Bytes::from_static(b"cde"), Bytes::from_static(b"ab")]));
    }

    #[test]
    fn rfc9113_5_1_a_stream_is_closed_when_both_sides_have_ended_it() {
        assert_eq!(State::Open.ended_here(), State::HalfClosedLocal);
        assert_eq!(State::Open.ended_by_peer(), State::HalfClosedRemote);
        assert_eq!(State::Open.ended_here().ended_by_peer(), State::Closed);
        assert_eq!(State::Open.ended_by_peer().ended_here(), State::Closed);
        assert!(State::Open.can_send() && State::HalfClosedRemote.can_send());
        assert!(!State::HalfClosedLocal.can_send() && !State::Closed.can_send());
    }
}
