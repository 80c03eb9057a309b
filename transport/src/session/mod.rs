//! One end of a conversation in our frames: which calls are open, what has come in on them, what
//! may go out. No I/O: frames come in through [`Session::handle`] and go out through an [`Outlet`].

mod local;
#[cfg(test)]
mod model;
mod peer;

use std::collections::VecDeque;
use std::task::{Context, Waker};

use rustc_hash::FxHashMap;

use crate::call::CallState;
use crate::discarded::{Aftermath, Discarded};
use crate::frame::{Frame, Hello, MAX_BLOCK, MethodName};
use crate::waiters::Waiters;
use crate::{Code, Limits, Metadata, RequestHead, Status};

/// Where frames go: encoded at once by `tcp`, handed over as they are by `memory`.
pub(crate) trait Outlet {
    /// Takes one frame; gives it back if it was copied.
    fn push(&mut self, frame: Frame) -> Option<Frame>;

    /// How many bytes wait here.
    fn waiting(&self) -> usize;
}

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// One end of a connection. What this side does with it is in `local`, what the peer does in `peer`.
/// Whoever calls wakes [`Session::wakes`] and drops [`Session::discarded`] afterwards, when the lock
/// around the session is released.
pub(crate) struct Session<O> {
    role: Role,
    limits: Limits,
    /// The credit with which the peer begins each call.
    window: u32,
    peer: Hello,
    calls: FxHashMap<u32, CallState>,
    /// How many calls the peer counts as open: those whose END has not been sent (server) or has
    /// not come (client).
    open: u32,
    /// The highest id so far.
    last_call: u32,
    /// What the numbers of methods stand for, from 1.
    methods: Vec<MethodName>,
    /// Calls to be served that nobody has taken yet.
    accepted: VecDeque<(u32, RequestHead)>,
    /// Calls with a message that is partly sent and has credit: each gets a piece in turn.
    turn: VecDeque<u32>,
    /// Calls whose sender waits for room in the send buffer.
    crowded: Vec<u32>,
    /// Callers that wait to open a call.
    openers: Waiters,
    away_sent: bool,
    away_received: bool,
    /// The peer has had the time to answer GOING_AWAY: what it calls now is refused.
    refuses: bool,
    closed: Option<Status>,
    /// Who is to be woken, once the lock is released.
    pub(crate) wakes: Vec<Waker>,
    /// What nobody needs any more. To drop it can be to run a user's code, so that waits for the lock too.
    pub(crate) discarded: Discarded,
    pub(crate) out: O,
}

impl<O: Outlet> Session<O> {
    /// A session with a peer that said `peer`.
    pub(crate) fn new(role: Role, mut limits: Limits, peer: Hello, out: O) -> Self {
        limits.send_buffer = limits.send_buffer.max(1);
        Self {
            role,
            window: Hello::new(&limits).window,
            limits,
            peer,
            calls: FxHashMap::default(),
            open: 0,
            last_call: 0,
            methods: Vec::new(),
            accepted: VecDeque::new(),
            turn: VecDeque::new(),
            crowded: Vec::new(),
            openers: Waiters::default(),
            away_sent: false,
            away_received: false,
            refuses: false,
            closed: None,
            wakes: Vec::new(),
            discarded: Discarded::default(),
            out,
        }
    }

    /// What is to be done when the lock is released, if there is anything.
    pub(crate) fn take_aftermath(&mut self) -> Option<Aftermath<Discarded>> {
        if self.wakes.is_empty() && self.discarded.is_empty() {
            return None;
        }
        Some(Aftermath::new(std::mem::take(&mut self.wakes), std::mem::take(&mut self.discarded)))
    }

    /// Whether everything that could happen on this connection has happened.
    pub(crate) fn is_done(&self) -> bool {
        let no_further_calls = match self.role {
            Role::Client => self.away_sent,
            Role::Server => self.away_received || self.refuses,
        };
        self.closed.is_some() || (no_further_calls && self.calls.is_empty())
    }

    /// Ends the connection: every call that is open fails with `status`.
    pub(crate) fn close(&mut self, status: Status) {
        if self.closed.is_some() {
            return;
        }
        for call in self.calls.values_mut() {
            // What a server said before it went is still there to be read.
            if self.role == Role::Server || !call.over {
                call.cancel(&status, &mut self.wakes, &mut self.discarded);
            }
        }
        self.calls.retain(|_, call| !call.released);
        self.turn.clear();
        self.wakes.extend(self.openers.take_all());
        self.closed = Some(status);
    }

    /// Says why, then ends the connection.
    pub(crate) fn close_with(&mut self, status: Status) {
        if self.closed.is_none() {
            self.send(Frame::GoingAway { status: status.clone() });
        }
        self.close(status);
    }

    /// Sends what waits for its turn, as long as there is room in the send buffer; then lets go on
    /// who waited for that room.
    pub(crate) fn pump(&mut self) {
        while self.has_room()
            && let Some(id) = self.turn.pop_front()
        {
            if let Some(call) = self.calls.get_mut(&id) {
                call.has_turn = false;
            }
            self.send_piece(id);
        }
        if self.has_room() {
            for id in self.crowded.drain(..) {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.crowded = false;
                    self.wakes.extend(call.sender.take());
                }
            }
            // One caller for each call that may be opened. If it has lost interest, that is found out when
            // the task of the connection runs again: see `could_open`.
            let free = self.peer.calls.saturating_sub(self.open) as usize;
            for _ in self.openers.called()..free {
                let Some(waker) = self.openers.pop() else { break };
                self.wakes.push(waker);
            }
        }
    }

    /// Ends the connection, whose stream is of no use any more.
    pub(crate) fn lose(&mut self, status: Status)
    where
        O: Default,
    {
        self.close(status);
        self.out = O::default();
    }

    /// Whether any call is open on the wire.
    pub(crate) fn has_open_calls(&self) -> bool {
        self.open > 0
    }

    /// Whether a call waits to be served and may be: handlers that go on after their answer count too.
    pub(crate) fn can_accept(&self) -> bool {
        let handlers = (self.calls.len() - self.accepted.len()) as u64;
        !self.accepted.is_empty() && handlers < 2 * u64::from(self.limits.calls)
    }

    /// Callers that were woken to open a call and have not come by now have lost interest.
    pub(crate) fn forget_called(&mut self) {
        self.openers.forget_called();
    }

    /// Whether callers wait to open a call although one could be opened.
    pub(crate) fn could_open(&self) -> bool {
        self.openers.has_any() && self.open < self.peer.calls && self.has_room()
    }

    /// Whether the connection has ended otherwise than by going away in good order.
    pub(crate) fn has_failed(&self) -> bool {
        self.closed.is_some()
    }

    /// Why it has.
    pub(crate) fn failure(&self) -> Option<Status> {
        self.closed.clone()
    }

    /// Whether there is something for the task of the connection to do.
    pub(crate) fn wants_driver(&self) -> bool {
        self.out.waiting() > 0 || !self.turn.is_empty() || self.can_accept() || self.is_done()
    }

    /// Whether the peer sends what is to be answered, and does not read the answers.
    pub(crate) fn is_flooded(&self) -> bool {
        let answers = UNREAD_ANSWERS.saturating_add(64 * self.limits.calls as usize);
        self.out.waiting() > self.limits.send_buffer.saturating_add(answers)
    }

    /// Sends the next piece of a call's message, and what comes after the message if that was all.
    fn send_piece(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(mut outgoing) = call.outgoing.take() else { return };
        if !call.has_credit() {
            call.outgoing = Some(outgoing);
            return;
        }
        let piece = call.next_piece(&mut outgoing);
        if piece.more {
            call.outgoing = Some(outgoing);
            if call.has_credit() && !std::mem::replace(&mut call.has_turn, true) {
                self.turn.push_back(id);
            }
            self.send(Frame::Message { call: id, piece, end: false });
            return;
        }
        self.wakes.extend(call.sender.take());
        match outgoing.after {
            Some(status) if status == Status::ok() => {
                self.send(Frame::Message { call: id, piece, end: true });
                self.ended(id);
            }
            after => {
                self.send(Frame::Message { call: id, piece, end: false });
                if let Some(status) = after {
                    self.send_end(id, status);
                }
            }
        }
    }

    fn send_end(&mut self, id: u32, status: Status) {
        if self.closed.is_none() {
            let status = match check_metadata(status.metadata()) {
                Ok(()) => status.cut(),
                Err(too_large) => too_large,
            };
            self.send(Frame::End { call: id, status });
        }
        self.ended(id);
    }

    /// This side has sent its last word on a call. For a server that ends the call.
    fn ended(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.discard_outgoing(&mut self.discarded);
        call.ending = true;
        if self.role == Role::Server && !std::mem::replace(&mut call.over, true) {
            self.open -= 1;
            call.discard_received(&mut self.discarded);
            // Whoever still reads learns that there is nothing to come.
            call.end.get_or_insert_with(over);
            self.wakes.extend(call.receiver.take());
            self.wakes.extend(call.sender.take());
            self.forget_if_over(id);
        }
    }

    /// Drops what is known of a call that is over on the wire and that no handle needs.
    fn forget_if_over(&mut self, id: u32) {
        let is_over = |call: &CallState| call.released && (call.over || self.closed.is_some());
        if self.calls.get(&id).is_some_and(is_over)
            && let Some(mut call) = self.calls.remove(&id)
        {
            call.discard_received(&mut self.discarded);
            call.discard_outgoing(&mut self.discarded);
            call.take_wakers().for_each(|waker| self.discarded.waker(waker));
        }
    }

    /// Gives back to the peer what has been read of a call, if that is worth a frame.
    fn give_credit(&mut self, id: u32) {
        if let Some(bytes) = self.calls.get_mut(&id).and_then(CallState::take_grant) {
            self.send(Frame::Credit { call: id, bytes });
        }
    }

    /// Sends a frame.
    fn send(&mut self, frame: Frame) {
        if let Some(copied) = self.out.push(frame) {
            self.discarded.frame(copied);
        }
    }

    fn has_room(&self) -> bool {
        self.out.waiting() < self.limits.send_buffer
    }
}

/// Notes who waits, in place of who waited before.
pub(crate) fn park(place: &mut Option<Waker>, cx: &Context<'_>, discarded: &mut Discarded) {
    if !place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
        && let Some(former) = place.replace(cx.waker().clone())
    {
        discarded.waker(former);
    }
}

/// What a handle learns of a call that is over.
pub(crate) fn over() -> Status {
    Status::new(Code::Cancelled, "the call is over")
}

/// What a peer did that the protocol does not allow.
pub(crate) fn violation(text: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, format!("call layer: {text}"))
}

/// Whether one frame can carry this metadata.
fn check_metadata(metadata: &Metadata) -> Result<(), Status> {
    if metadata.size() <= MAX_BLOCK {
        return Ok(());
    }
    let text = format!("{} bytes of metadata, the limit is {MAX_BLOCK}", metadata.size());
    Err(Status::new(Code::ResourceExhausted, text))
}

/// How many bytes of answers may wait behind a full send buffer before reading stops.
const UNREAD_ANSWERS: usize = 64 << 10;
