//! The end of a connection: in good order, with GOAWAY in two steps; or because of an error
//! (RFC 9113 §5.4, §6.8).

use bytes::Bytes;

use super::{Connection, Event, Role, calm_down, protocol_error};
use crate::error::{ErrorCode, Http2Error};
use crate::frame::{GoAway, Ping};

/// How far the end of a connection has come.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    step: Step,
    /// The last stream that the peer's GOAWAY names.
    received: Option<u32>,
    has_failed: bool,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Staying,
    /// The peer was told, with a last stream that excludes none: what it has just sent still counts.
    Announced,
    /// The peer knows, and has been told which stream is the last.
    Final { last: u32 },
}

impl Connection {
    /// Ends the connection in good order, after the streams that are open.
    ///
    /// A client opens no further ones. A server says GOAWAY without naming a last stream, and asks for a
    /// sign that this has arrived; only then, or after [`Limits::farewell`], it names the last one, so that
    /// no request is lost that was on its way (RFC 9113 §6.8). Both do so too when the peer says GOAWAY.
    ///
    /// [`Limits::farewell`]: crate::Limits::farewell
    pub fn drain(&mut self) {
        if !matches!(self.leaving.step, Step::Staying) || self.has_failed() {
            return;
        }
        if self.role == Role::Client {
            return self.name_the_last();
        }
        self.leaving.step = Step::Announced;
        self.clock.announced();
        self.send_go_away((1 << 31) - 1, ErrorCode::NO_ERROR, "");
        Ping { ack: false, data: FAREWELL }.encode(self.out.tail());
    }

    /// Whether nothing will happen any more: it has ended with an error, or in good order. What
    /// [`take_output`](Self::take_output) has left is still to be written.
    pub fn is_done(&self) -> bool {
        let no_further_streams = match self.role {
            Role::Client => self.is_leaving(),
            Role::Server => matches!(self.leaving.step, Step::Final { .. }),
        };
        self.has_failed() || (no_further_streams && self.streams.is_empty())
    }

    /// Ends the connection whose stream of bytes is of no use any more. All streams are gone, and nothing is
    /// left to be written.
    pub fn lose(&mut self) {
        self.end();
        self.out.clear(&mut self.discarded);
    }

    /// Whether no further streams are opened: because either side is going away, or because a client has
    /// used up all ids.
    pub fn is_leaving(&self) -> bool {
        let is_going_away = !matches!(self.leaving.step, Step::Staying) || self.leaving.received.is_some();
        is_going_away || self.next_stream >= 1 << 31 || self.has_failed()
    }

    /// Whether the connection has ended otherwise than in good order.
    pub fn has_failed(&self) -> bool {
        self.leaving.has_failed
    }

    /// The answer to a PING of this side.
    pub(super) fn ping_acknowledged(&mut self, data: [u8; 8]) {
        if data == FAREWELL && self.is_announced() {
            self.name_the_last();
        }
    }

    /// Whether a server has announced its end, and waits for the sign that the peer knows.
    pub(super) fn is_announced(&self) -> bool {
        matches!(self.leaving.step, Step::Announced)
    }

    /// Says which stream is the last. Those above are ignored.
    pub(super) fn name_the_last(&mut self) {
        self.leaving.step = Step::Final { last: self.last_peer_stream };
        self.send_go_away(self.last_peer_stream, ErrorCode::NO_ERROR, "");
    }

    /// Whether a stream of the peer is above the one that was named the last.
    pub(super) fn is_beyond_the_last(&self, id: u32) -> bool {
        !self.is_own(id) && matches!(self.leaving.step, Step::Final { last } if id > last)
    }

    pub(super) fn go_away(&mut self, frame: GoAway) -> Result<(), Http2Error> {
        let last = frame.last_stream;
        if let Some(former) = self.leaving.received {
            if last > former {
                return Err(protocol_error("GOAWAY names a later last stream than the one before (§6.8)"));
            }
            if !self.useless.spend(self.clock.now()) {
                return Err(calm_down("too many GOAWAY frames"));
            }
        }
        self.leaving.received = Some(last);
        let mut refused: Vec<u32> =
            self.streams.ids().into_iter().filter(|id| self.is_own(*id) && *id > last).collect();
        refused.sort_unstable();
        for id in refused {
            if self.is_open(id) {
                self.close_stream(id);
                self.closed.note(id);
                self.tell_reset(id, ErrorCode::REFUSED_STREAM, None);
            }
        }
        self.drain();
        self.events.push_back(Event::GoAway { code: frame.code, debug_data: frame.debug_data });
        Ok(())
    }

    /// Ends the connection because of an error, and says so to the peer (RFC 9113 §5.4.1).
    pub(super) fn fail(&mut self, error: Http2Error) {
        if self.has_failed() {
            return;
        }
        let last = match self.leaving.step {
            Step::Final { last } => last,
            Step::Staying | Step::Announced => self.last_peer_stream,
        };
        self.send_go_away(last, error.code, error.reason);
        self.end();
        self.events.push_back(Event::Closed(error));
    }

    fn end(&mut self) {
        self.leaving.has_failed = true;
        for id in self.streams.ids() {
            if self.is_open(id) {
                self.close_stream(id);
            }
            self.streams.remove(id);
        }
        self.turn.clear();
        self.starved.clear();
        self.partial = None;
    }

    fn send_go_away(&mut self, last_stream: u32, code: ErrorCode, reason: &'static str) {
        let debug_data = Bytes::from_static(reason.as_bytes());
        GoAway { last_stream, code, debug_data }.encode(self.out.tail());
    }
}

/// What the PING behind the first GOAWAY carries.
const FAREWELL: [u8; 8] = *b"farewell";
