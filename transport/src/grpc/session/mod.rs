//! One end of a conversation in gRPC: calls on the streams of an HTTP/2 connection. No I/O: bytes go through
//! the connection, and events come out of it.

mod local;
mod peer;
#[cfg(feature = "web")]
mod plain;

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytestring::ByteString;
use http2::{Connection, Fields, Recent, Role};

use super::calls::Calls;
use super::head::{self, Request, Requests};
use super::readings::Readings;
use crate::discarded::{Aftermath, Discarded};
use crate::session::park;
use crate::waiters::Waiters;
use crate::{Compression, Limits, Metadata, RequestHead, Status};
#[cfg(feature = "web")]
pub(super) use plain::Gone;
#[cfg(feature = "web")]
use plain::Plain;

/// One end of a connection: its HTTP/2, and the calls on it. A call's number is that of its stream.
///
/// Whoever calls does what [`Session::take_aftermath`] gives, when the lock around the session is released.
pub(super) struct Session {
    pub(super) connection: Connection,
    limits: Limits,
    calls: Calls,
    /// What else has come, if somebody serves that.
    #[cfg(feature = "web")]
    plain: Option<Plain>,
    /// Calls to be served that nobody has taken yet.
    accepted: VecDeque<(u32, RequestHead)>,
    /// Calls whose first message may be just behind their head; the first `waited` of them have waited for it.
    arrived: VecDeque<(u32, RequestHead)>,
    waited: usize,
    /// Who waits for the peer's first word.
    greeter: Option<Waker>,
    /// Callers that wait to open a call.
    openers: Waiters,
    requests: Requests,
    /// The trailers of a call that went well.
    ok: Fields,
    /// The heads of the responses that have no metadata, by codec.
    responses: Recent<(ByteString, Fields)>,
    requests_read: Readings<Request>,
    responses_read: Readings<(Metadata, Option<Compression>)>,
    trailers_read: Readings<Status>,
    closed: Option<Status>,
    wakes: Vec<Waker>,
    discarded: Discarded,
    /// Tells the time. It is asked only where that matters: a step on a call costs little more than a look at a
    /// clock.
    clock: fn() -> Instant,
}

impl Session {
    /// A session on `connection`; a client's requests go to what `requests` says.
    pub(super) fn new(
        connection: Connection,
        limits: Limits,
        requests: Requests,
        clock: fn() -> Instant,
    ) -> Self {
        Self {
            connection,
            limits,
            calls: Calls::default(),
            #[cfg(feature = "web")]
            plain: None,
            accepted: VecDeque::new(),
            arrived: VecDeque::new(),
            waited: 0,
            greeter: None,
            openers: Waiters::default(),
            requests,
            ok: head::trailers(&Status::ok()),
            responses: Recent::default(),
            requests_read: Readings::default(),
            responses_read: Readings::default(),
            trailers_read: Readings::default(),
            closed: None,
            wakes: Vec::new(),
            discarded: Discarded::default(),
            clock,
        }
    }

    /// The stream of bytes is of no use any more: the connection ends.
    pub(super) fn lose(&mut self, status: Status) {
        self.connection.lose();
        self.close(status);
    }

    /// Ends the connection: every call that is open fails with `status`.
    pub(super) fn close(&mut self, status: Status) {
        if self.closed.is_some() {
            return;
        }
        for call in self.calls.iter_mut() {
            call.cancelled.get_or_insert_with(|| status.clone());
            call.ending = true;
            call.inbox.put_end(status.clone());
            self.wakes.extend(call.take_wakers());
        }
        #[cfg(feature = "web")]
        if let Some(plain) = &mut self.plain {
            plain.close(&mut self.wakes);
        }
        self.wakes.extend(self.openers.take_all());
        self.wakes.extend(self.greeter.take());
        self.closed = Some(status);
    }

    /// What is to be done when the lock is released, if there is anything.
    pub(super) fn take_aftermath(&mut self) -> Option<Aftermath<(Discarded, Vec<http2::Discarded>)>> {
        let below = self.connection.discarded();
        if self.wakes.is_empty() && below.is_empty() && self.discarded.is_empty() {
            return None;
        }
        let discarded = (std::mem::take(&mut self.discarded), std::mem::take(below));
        Some(Aftermath::new(std::mem::take(&mut self.wakes), discarded))
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Why the connection ended.
    pub(super) fn failure(&self) -> Option<&Status> {
        self.closed.as_ref()
    }

    /// Whether there is something for the task of the connection to do.
    pub(super) fn wants_driver(&self) -> bool {
        let connection = &self.connection;
        connection.has_output() || connection.is_due_sooner() || connection.is_done() || self.can_accept()
    }

    /// Whether a call waits to be served and may be: handlers that go on after their answer count too.
    fn can_accept(&self) -> bool {
        let handlers = (self.calls.len() - self.accepted.len() - self.arrived.len()) as u64;
        !self.accepted.is_empty() && handlers < 2 * u64::from(self.limits.calls)
    }

    /// Lets calls be served that have arrived: those with something to read, and those that have waited for it as
    /// long as one more part of the input took; or all of them. Most clients send the heads of many calls, and
    /// then their messages: a handler that begins with its head alone needs a task to wait in.
    pub(super) fn admit(&mut self, is_all: bool) {
        for at in 0..self.arrived.len() {
            let Some((id, head)) = self.arrived.pop_front() else { return };
            let is_due = is_all || at < self.waited;
            if is_due || self.calls.get(id).is_none_or(|call| call.inbox.has_something()) {
                self.accepted.push_back((id, head));
            } else {
                self.arrived.push_back((id, head));
            }
        }
        self.waited = self.arrived.len();
    }

    /// Callers that were woken to open a call and have not come by now have lost interest.
    pub(super) fn forget_called(&mut self) {
        self.openers.forget_called();
    }

    /// Whether callers wait to open a call although one could be opened.
    pub(super) fn could_open(&self) -> bool {
        self.openers.has_any() && self.can_open()
    }

    /// Lets as many callers open a call as there may be, or fail if there can be none any more.
    pub(super) fn wake_openers(&mut self) {
        if !self.openers.has_any() && self.greeter.is_none() {
            return;
        }
        if self.connection.is_greeted() {
            self.wakes.extend(self.greeter.take());
        }
        if self.connection.is_leaving() {
            self.wakes.extend(self.openers.take_all());
        } else if self.can_open() {
            let (_, free) = self.connection.allowed_streams();
            for _ in self.openers.called()..free as usize {
                let Some(waker) = self.openers.pop() else { break };
                self.wakes.push(waker);
            }
        }
    }

    /// Ready when the peer has said what it allows, or when the connection is over before.
    pub(super) fn poll_greeted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        if let Some(closed) = &self.closed {
            return Poll::Ready(Err(closed.clone()));
        }
        if self.connection.is_greeted() {
            return Poll::Ready(Ok(()));
        }
        park(&mut self.greeter, cx, &mut self.discarded);
        Poll::Pending
    }

    /// Whether a call can be opened now: the peer has spoken and allows one more, and there is room for it in
    /// the send buffer.
    fn can_open(&self) -> bool {
        let has_room = self.connection.waiting_output() < self.limits.send_buffer.max(1);
        has_room && self.connection.is_greeted() && self.connection.can_open()
    }

    /// Whether this is a client without TLS, whose server has said nothing.
    pub(super) fn may_have_met_tls(&self) -> bool {
        self.is_client() && !self.connection.is_greeted() && !self.requests.are_inside_tls()
    }

    fn is_client(&self) -> bool {
        self.connection.role() == Role::Client
    }

    /// Drops what is known of a call that no handle needs.
    fn forget(&mut self, id: u32) {
        // A sender may still wait in another task.
        self.calls.remove(id, |call| self.wakes.extend(call.take_wakers()));
        self.connection.release(id);
        self.wake_openers();
    }
}
