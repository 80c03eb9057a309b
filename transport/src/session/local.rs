//! What this side does: opens calls, sends, receives, answers.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Outlet, Role, Session, check_metadata, over, park};
use crate::call::{CallState, Outgoing};
use crate::conversation::Conversation;
use crate::frame::{CallFrame, Frame, MethodName, is_codec_name};
use crate::waiters::Waiters;
use crate::{Behind, Code, Metadata, Opening, Received, RequestHead, Status};

impl<O: Outlet> Conversation for Session<O> {
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
        now: Option<Instant>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<u32, Status>> {
        if let Some(opening) = &opening {
            self.check(opening)?;
        }
        if let Some(closed) = &self.closed {
            return Poll::Ready(Err(closed.clone()));
        }
        if self.is_closed() {
            return Poll::Ready(Err(Status::new(Code::Unavailable, "the connection is going away")));
        }
        if self.last_call == u32::MAX {
            self.drain();
            return Poll::Ready(Err(Status::new(Code::Unavailable, "this connection has no call ids left")));
        }
        if self.peer.calls == 0 {
            return Poll::Ready(Err(Status::new(Code::Unavailable, "the peer accepts no calls")));
        }
        if self.open >= self.peer.calls || !self.has_room() || !self.openers.may_pass(cx.waker()) {
            if self.openers.push(cx.waker()) {
                return Poll::Pending;
            }
            let text = format!("{} calls wait to be opened on this connection already", Waiters::LIMIT);
            return Poll::Ready(Err(Status::new(Code::ResourceExhausted, text)));
        }
        let Some(Opening { head, message, end }) = opening.take() else {
            return Poll::Ready(Err(Status::new(Code::FailedPrecondition, "the call was opened before")));
        };
        let timeout = head.deadline.zip(now).map(|(deadline, now)| deadline.saturating_duration_since(now));
        Poll::Ready(Ok(self.open_call(head, timeout, message, end)))
    }

    fn is_closed(&self) -> bool {
        self.away_sent || self.away_received || self.closed.is_some()
    }

    fn drain(&mut self) {
        if self.closed.is_none() && !std::mem::replace(&mut self.away_sent, true) {
            self.send(Frame::GoingAway { status: Status::ok() });
            self.wakes.extend(self.openers.take_all());
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        id: u32,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        if let Some(message) = &message {
            self.check_size(message)?;
        }
        let room = self.has_room();
        let Some(call) = self.calls.get_mut(&id) else {
            return Poll::Ready(Err(over()));
        };
        let is_answered = call.end.as_ref().is_some_and(|end| end.code() == Code::Ok);
        if end && message.is_none() && self.role == Role::Client && is_answered {
            // The server needs no end any more, and all is well.
            return Poll::Ready(Ok(()));
        }
        if let Some(status) = call.refuses_to_send(self.role) {
            return Poll::Ready(Err(status));
        }
        if call.outgoing.is_some() || !room {
            if call.outgoing.is_none() && !std::mem::replace(&mut call.crowded, true) {
                self.crowded.push(id);
            }
            park(&mut call.sender, cx, &mut self.discarded);
            return Poll::Pending;
        }
        let after = end.then(Status::ok);
        call.responded |= message.is_some();
        call.ending = end;
        match message.take() {
            Some(message) => {
                call.outgoing = Some(Outgoing { rest: message, after });
                self.send_piece(id);
            }
            None if end => self.send_end(id, Status::ok()),
            None => {}
        }
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, id: u32, behind: Option<&mut Behind>) -> Poll<Received> {
        let Some(call) = self.calls.get_mut(&id) else {
            return Poll::Ready(Received::End(over()));
        };
        let Some(received) = call.receive() else {
            park(&mut call.receiver, cx, &mut self.discarded);
            return Poll::Pending;
        };
        let mut is_end = matches!(received, Received::End(_));
        if !is_end
            && let Some(behind) = behind
            && let Some(end) = call.end_behind(self.role)
        {
            behind.put_end(end);
            is_end = true;
        }
        if is_end && self.role == Role::Client {
            call.released = true;
            self.forget_if_over(id);
        } else {
            self.give_credit(id);
        }
        Poll::Ready(received)
    }

    fn respond(&mut self, id: u32, metadata: Metadata) -> Result<(), Status> {
        check_metadata(&metadata)?;
        let call = self.calls.get_mut(&id).ok_or_else(over)?;
        if let Some(status) = call.refuses_to_send(self.role) {
            return Err(status);
        }
        if std::mem::replace(&mut call.responded, true) {
            let text = "the head of a response goes before its messages, and once";
            return Err(Status::new(Code::FailedPrecondition, text));
        }
        self.send(Frame::Head { call: id, metadata });
        Ok(())
    }

    fn finish(&mut self, id: u32, status: Status) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match &mut call.outgoing {
            _ if self.role == Role::Client => self.cancel(id, status),
            _ if call.ending => {}
            Some(outgoing) => {
                outgoing.after = Some(status);
                call.ending = true;
            }
            None => self.cancel(id, status),
        }
    }

    fn cancel(&mut self, id: u32, status: Status) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match self.role {
            Role::Server if call.over => {}
            Role::Server => {
                // A caller that has given up is told what it said.
                let status = call.cancelled.clone().unwrap_or(status);
                self.send_end(id, status);
            }
            Role::Client => {
                let code = status.code();
                let tell = call.end.is_none() && self.closed.is_none();
                call.give_up(status, &mut self.wakes, &mut self.discarded);
                if tell {
                    self.send(Frame::Cancel { call: id, code });
                }
            }
        }
    }

    fn stop_receiving(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.discard_received(&mut self.discarded);
        match self.role {
            Role::Server => self.give_credit(id),
            Role::Client => {
                call.released = true;
                self.cancel(id, Status::new(Code::Cancelled, "the caller gave the call up"));
                self.forget_if_over(id);
            }
        }
    }

    fn accept(&mut self) -> Option<(u32, RequestHead)> {
        if self.can_accept() { self.accepted.pop_front() } else { None }
    }

    fn poll_cancelled(&mut self, cx: &mut Context<'_>, id: u32) -> Poll<()> {
        match self.calls.get_mut(&id) {
            Some(call) if call.cancelled.is_none() => {
                park(&mut call.handler, cx, &mut self.discarded);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    fn release(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.released = true;
        if !call.ending {
            self.cancel(id, Status::new(Code::Internal, "the handler left no answer"));
        }
        self.forget_if_over(id);
    }
}

impl<O: Outlet> Session<O> {
    /// Asks the peer for a sign of life.
    pub(crate) fn ping(&mut self, data: [u8; 8]) {
        self.send(Frame::Ping { reply: false, data });
    }

    /// Waits no longer for the peer's answer to [`drain`](Self::drain).
    pub(crate) fn stop_waiting_for_farewell(&mut self) {
        self.refuses = true;
    }

    fn open_call(
        &mut self,
        head: RequestHead,
        timeout: Option<Duration>,
        message: Option<Bytes>,
        end: bool,
    ) -> u32 {
        self.last_call += 1;
        self.open += 1;
        let id = self.last_call;
        let mut call = CallState::new(self.peer.window, self.window);
        call.ending = end;
        let (method, name) = self.number(MethodName { path: head.path, codec: head.codec });
        let after = end.then(Status::ok);
        let (message, end) = match message {
            Some(message) => {
                let mut outgoing = Outgoing { rest: message, after };
                let piece = call.next_piece(&mut outgoing);
                let end = !piece.more && end;
                if piece.more {
                    call.outgoing = Some(outgoing);
                }
                (Some(piece), end)
            }
            None => (None, end),
        };
        if call.outgoing.is_some() && call.has_credit() {
            call.has_turn = true;
            self.turn.push_back(id);
        }
        self.calls.insert(id, call);
        let metadata = head.metadata;
        let frame = CallFrame { call: id, method, name, timeout, metadata, message, end };
        self.send(Frame::Call(Box::new(frame)));
        id
    }

    /// The number of a method, and its name where the peer does not know the number yet.
    fn number(&mut self, name: MethodName) -> (u8, Option<MethodName>) {
        if let Some(index) = self.methods.iter().position(|known| *known == name) {
            return ((index + 1) as u8, None);
        }
        if self.methods.len() == MAX_METHODS {
            return (0, Some(name));
        }
        self.methods.push(name.clone());
        (self.methods.len() as u8, Some(name))
    }

    /// Whether a call can be opened so.
    fn check(&self, Opening { head, message, .. }: &Opening) -> Result<(), Status> {
        message.as_ref().map_or(Ok(()), |message| self.check_size(message))?;
        check_metadata(&head.metadata)?;
        if !is_codec_name(&head.codec) {
            let text = format!("{:?} cannot be the name of a codec", head.codec);
            return Err(Status::new(Code::InvalidArgument, text));
        }
        Ok(())
    }

    fn check_size(&self, message: &Bytes) -> Result<(), Status> {
        let limit = self.peer.message as usize;
        if message.len() <= limit {
            return Ok(());
        }
        let text = format!("a message of {} bytes, the peer accepts {limit}", message.len());
        Err(Status::new(Code::ResourceExhausted, text))
    }
}

/// Method numbers are 1 to 255.
const MAX_METHODS: usize = 255;
