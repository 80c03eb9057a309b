//! What this side does: opens calls, sends, receives, answers.

use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http2::{Connection, ErrorCode, Follows, Role, SendError};

use super::Session;
use crate::behind::{Behind, PARTS_OF_A_WINDOW};
use crate::conversation::Conversation;
use crate::grpc::call::CallState;
use crate::grpc::head;
use crate::grpc::message::{self, Framed};
use crate::session::{over, park};
use crate::waiters::Waiters;
use crate::{Code, Compression, Metadata, Opening, Received, RequestHead, Status};

impl Conversation for Session {
    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
        now: Option<Instant>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<u32, Status>> {
        if let Some(closed) = &self.closed {
            return Poll::Ready(Err(closed.clone()));
        }
        if self.connection.is_leaving() {
            return Poll::Ready(Err(Status::new(Code::Unavailable, "the connection is going away")));
        }
        if self.connection.is_greeted() && self.connection.allowed_streams() == (0, 0) {
            return Poll::Ready(Err(Status::new(Code::Unavailable, "the peer accepts no calls")));
        }
        if !self.can_open() || !self.openers.may_pass(cx.waker()) {
            if self.openers.push(cx.waker()) {
                return Poll::Pending;
            }
            let text = format!("{} calls wait to be opened on this connection already", Waiters::LIMIT);
            return Poll::Ready(Err(Status::new(Code::ResourceExhausted, text)));
        }
        let Some(next) = opening.take() else {
            return Poll::Ready(Err(Status::new(Code::FailedPrecondition, "the call was opened before")));
        };
        let deadline = next.head.deadline.zip(now);
        let timeout = deadline.map(|(deadline, now)| deadline.saturating_duration_since(now));
        let fields = self.requests.fields(&next.head, timeout);
        let id = match self.connection.open(&fields, false) {
            Ok(id) => id,
            Err(error) => {
                let code = match error {
                    SendError::TooLarge { .. } => Code::ResourceExhausted,
                    SendError::Malformed(_) => Code::InvalidArgument,
                    _ => Code::Unavailable,
                };
                *opening = Some(next);
                return Poll::Ready(Err(Status::new(code, error.to_string())));
            }
        };
        let Opening { head, message, end } = next;
        let call = self.calls.insert(id, head.codec);
        call.deadline = head.deadline;
        call.compression = head.compression;
        call.compresses = head.compression.is_some();
        let mut message = message.map(|bytes| Framed { bytes, is_compressed: false });
        // An end alone is an empty DATA frame: END_STREAM on HEADERS is not gRPC's way.
        if (message.is_some() || end)
            && let Err(status) = self.send_now(id, &mut message, end)
        {
            self.cancel(id, status);
        }
        if let Some(copied) = message {
            self.discarded.message(copied.bytes);
        }
        self.wake_openers();
        Poll::Ready(Ok(id))
    }

    fn is_closed(&self) -> bool {
        self.closed.is_some() || self.connection.is_leaving()
    }

    fn drain(&mut self) {
        self.connection.drain();
        self.wakes.extend(self.openers.take_all());
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        id: u32,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        let has_answered = |call: &CallState| call.inbox.end().is_some_and(|end| end.code() == Code::Ok);
        if end && message.is_none() && self.is_client() && self.calls.get(id).is_some_and(has_answered) {
            // The server needs no end any more, and all is well.
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_sendable(cx, id))?;
        let mut plain = message.take().map(|bytes| Framed { bytes, is_compressed: false });
        let sent = self.send_now(id, &mut plain, end);
        *message = plain.map(|plain| plain.bytes);
        Poll::Ready(sent)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, id: u32, behind: Option<&mut Behind>) -> Poll<Received> {
        let Some(call) = self.calls.get_mut(id) else {
            return Poll::Ready(Received::End(over()));
        };
        let is_client = self.connection.role() == Role::Client;
        let lent = call.inbox.take_back();
        let Some((received, cost)) = call.inbox.take() else {
            park(&mut call.receiver, cx, &mut self.discarded);
            self.read(id, lent);
            return Poll::Pending;
        };
        let mut is_end = matches!(received, Received::End(_));
        if let Some(behind) = behind
            && matches!(received, Received::Message(_))
        {
            let most = self.connection.limits().stream_window as usize / PARTS_OF_A_WINDOW;
            // Who still sends is to learn of the end here.
            call.inbox.lend(most, !is_client || call.ending, behind);
            is_end = behind.has_end();
        }
        if is_end && is_client {
            self.forget(id);
        } else {
            self.read(id, lent + cost);
        }
        Poll::Ready(received)
    }

    fn respond(&mut self, id: u32, metadata: Metadata) -> Result<(), Status> {
        let call = self.calls.get_mut(id).ok_or_else(over)?;
        if let Some(cancelled) = &call.cancelled {
            return Err(cancelled.clone());
        }
        if call.ending || call.responded {
            let text = "the head of a response goes before its messages, and once";
            return Err(Status::new(Code::FailedPrecondition, text));
        }
        let compression = call.compression.filter(|_| call.compresses);
        let fields = head::response(&call.codec, compression, &metadata);
        self.connection.send_headers(id, &fields, false).map_err(|error| match error {
            SendError::Ended => over(),
            _ => Status::new(Code::ResourceExhausted, error.to_string()),
        })?;
        call.compression = compression;
        call.responded = true;
        Ok(())
    }

    fn finish(&mut self, id: u32, status: Status) {
        let Some(call) = self.calls.get(id) else { return };
        if self.is_client() {
            self.cancel(id, status);
        } else if !call.ending && call.cancelled.is_none() {
            if status.code() == Code::Ok {
                self.respond_plainly(id);
            }
            self.answer(id, &status);
        }
    }

    fn cancel(&mut self, id: u32, status: Status) {
        let is_client = self.is_client();
        let Some(call) = self.calls.get_mut(id) else { return };
        // How long what is left may take to be sent counts from now.
        self.connection.set_time((self.clock)());
        if !is_client {
            if !call.ending && call.cancelled.is_none() {
                let keep = call.bytes_to_keep(self.connection.queued(id));
                self.connection.drop_queued(id, keep);
                self.answer(id, &status);
            }
            return;
        }
        call.ending = true;
        if call.inbox.end().is_none() {
            call.inbox.end_now(&status);
            self.connection.release(id);
        }
        self.wakes.extend(call.receiver.take());
        self.wakes.extend(call.sender.take());
    }

    fn stop_receiving(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let read = call.inbox.discard();
        self.read(id, read);
        if self.is_client() {
            self.forget(id);
        }
    }

    fn compress(&mut self, id: u32, on: bool) {
        if let Some(call) = self.calls.get_mut(id) {
            call.compresses = on;
        }
    }

    fn was_compressed(&self, id: u32) -> bool {
        self.calls.get(id).is_some_and(|call| call.inbox.was_compressed)
    }

    fn accept(&mut self) -> Option<(u32, RequestHead)> {
        if self.can_accept() { self.accepted.pop_front() } else { None }
    }

    fn poll_cancelled(&mut self, cx: &mut Context<'_>, id: u32) -> Poll<()> {
        match self.calls.get_mut(id) {
            Some(call) if call.cancelled.is_none() => {
                park(&mut call.handler, cx, &mut self.discarded);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    fn release(&mut self, id: u32) {
        let Some(call) = self.calls.get(id) else { return };
        if !call.ending {
            self.cancel(id, Status::new(Code::Internal, "the handler left no answer"));
        }
        self.forget(id);
    }
}

impl Session {
    /// Bytes of a call have been read: the peer may send as many again.
    pub(super) fn read(&mut self, id: u32, bytes: usize) {
        if bytes > 0 {
            // How fast a window is used decides how large it becomes.
            self.connection.set_time((self.clock)());
            self.connection.read(id, bytes);
        }
    }

    /// Sends one more small message of a stream, if nothing is in its way: with most of them nothing is, and they
    /// take a third of the steps here. `false`: nothing was sent, and [`Conversation::poll_send`] knows why.
    pub(in crate::grpc) fn send_one_more(&mut self, id: u32, message: &[u8]) -> bool {
        let is_client = self.is_client();
        let Some(call) = self.calls.get_mut(id).filter(|call| call.sent > 0) else { return false };
        let is_over = call.ending || call.cancelled.is_some() || (is_client && call.inbox.end().is_some());
        let is_compressed = call.compresses && call.compression.is_some();
        if is_over || is_compressed || message.len() >= WORTH_HANDING_OVER {
            return false;
        }
        let Ok(prefix) = message::prefix(message.len(), false) else { return false };
        let is_sent = self.connection.send_with_room(id, [&prefix, message], self.limits.send_buffer);
        if is_sent {
            call.sent_before_last = call.sent;
            call.sent += (prefix.len() + message.len()) as u64;
        }
        is_sent
    }

    /// Whether something can be sent on a call now.
    pub(in crate::grpc) fn poll_sendable(
        &mut self,
        cx: &mut Context<'_>,
        id: u32,
    ) -> Poll<Result<(), Status>> {
        let is_client = self.is_client();
        let Some(call) = self.calls.get_mut(id) else {
            return Poll::Ready(Err(over()));
        };
        if let Some(cancelled) = &call.cancelled {
            return Poll::Ready(Err(cancelled.clone()));
        }
        if is_client && let Some(end) = call.inbox.end() {
            let status = if end.code() == Code::Ok { over() } else { end.clone() };
            return Poll::Ready(Err(status));
        }
        if call.ending {
            let text = "nothing can be sent after the end";
            return Poll::Ready(Err(Status::new(Code::FailedPrecondition, text)));
        }
        let may_wait = call.sent > 0;
        if may_wait
            && !self.connection.has_room(id, self.limits.send_buffer)
            && !self.connection.await_room(id)
        {
            park(&mut call.sender, cx, &mut self.discarded);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends a message, the end, or both, when [`poll_sendable`](Self::poll_sendable) allows it. A message
    /// that was copied, or not sent, is left in place, to be dropped when the lock is released.
    pub(in crate::grpc) fn send_now(
        &mut self,
        id: u32,
        message: &mut Option<Framed>,
        end: bool,
    ) -> Result<(), Status> {
        let is_client = self.is_client();
        let Some(mut call) = self.calls.get_mut(id) else { return Err(over()) };
        if call.ending || call.cancelled.is_some() {
            // It was ended meanwhile.
            return Err(call.cancelled.clone().unwrap_or_else(over));
        }
        if !is_client && !call.responded {
            self.respond_plainly(id);
            call = self.calls.get_mut(id).ok_or_else(over)?;
        }
        // An error says that the stream is over; why, its events have told.
        match (message, end, is_client) {
            (message @ Some(_), true, false) if is_small(message) => {
                if send_message(&mut self.connection, call, id, message, Follows::Trailers(&self.ok)).is_err()
                {
                    // It may be the trailers that could not be sent.
                    send_message(&mut self.connection, call, id, message, Follows::More)?;
                    self.answer(id, &Status::ok());
                } else {
                    self.answered(id);
                }
                return Ok(());
            }
            (message @ Some(_), ..) => {
                let follows = if end && is_client { Follows::End } else { Follows::More };
                send_message(&mut self.connection, call, id, message, follows)?;
            }
            (None, true, true) => {
                self.connection.send_data(id, Bytes::new(), true).map_err(|_| over())?;
            }
            (None, ..) => {}
        }
        if end && !is_client {
            self.answer(id, &Status::ok());
        } else {
            call.ending = end;
        }
        Ok(())
    }

    /// From a server: sends the head of a response, unless it was sent.
    fn respond_plainly(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if std::mem::replace(&mut call.responded, true) {
            return;
        }
        let compression = call.compression.filter(|_| call.compresses);
        let known = self.responses.find(|(codec, _)| *codec == call.codec && compression.is_none());
        let fields = match known {
            Some((_, fields)) => fields.clone(),
            None if compression.is_some() => head::response(&call.codec, compression, &Metadata::new()),
            None => {
                let fields = head::response(&call.codec, None, &Metadata::new());
                self.responses.push((call.codec.clone(), fields.clone()));
                fields
            }
        };
        // What the head does not announce cannot be done.
        call.compression = compression;
        let sent = self.connection.send_headers(id, &fields, false);
        self.reset_if_unsent(id, sent);
    }

    /// From a server: ends a call, behind the messages that were sent.
    pub(super) fn answer(&mut self, id: u32, status: &Status) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.responded {
            self.send_trailers(id, status);
        } else {
            let codec = call.codec.clone();
            self.send_trailers_only(id, "200", &codec, status);
        }
        self.answered(id);
    }

    /// From a server: a call has its answer.
    fn answered(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.ending = true;
        // Whoever still reads learns that there is nothing to come.
        call.inbox.answered();
        self.wakes.extend(call.receiver.take());
        self.wakes.extend(call.sender.take());
        // What is queued is still sent. The handler may go on, but the stream is not its affair any more.
        self.connection.release(id);
    }

    fn send_trailers(&mut self, id: u32, status: &Status) {
        let trailers = if *status == Status::ok() { self.ok.clone() } else { head::trailers(status) };
        let sent = match self.connection.send_trailers(id, &trailers) {
            Err(SendError::TooLarge { .. } | SendError::Malformed(_)) => {
                let trailers = head::trailers(&shortened(status));
                self.connection.send_trailers(id, &trailers)
            }
            sent => sent,
        };
        self.reset_if_unsent(id, sent);
    }

    /// From a server: answers with a status alone.
    pub(super) fn send_trailers_only(&mut self, id: u32, http: &'static str, codec: &str, status: &Status) {
        let sent = self.connection.send_headers(id, &head::trailers_only(http, codec, status), true);
        let sent = match sent {
            Err(SendError::TooLarge { .. } | SendError::Malformed(_)) => {
                let fields = head::trailers_only(http, codec, &shortened(status));
                self.connection.send_headers(id, &fields, true)
            }
            sent => sent,
        };
        self.reset_if_unsent(id, sent);
    }

    /// Resets a stream on which an answer could not be sent; one that is over has had its end.
    fn reset_if_unsent(&mut self, id: u32, sent: Result<(), SendError>) {
        if sent.is_err_and(|error| error != SendError::Ended) {
            self.connection.reset(id, ErrorCode::INTERNAL_ERROR);
        }
    }

    /// How the next message that is sent is to be compressed.
    pub(in crate::grpc) fn compression(&self, id: u32) -> Option<Compression> {
        let call = self.calls.get(id)?;
        call.compression.filter(|_| call.compresses)
    }

    /// How the message was compressed that was received last.
    pub(in crate::grpc) fn compression_of_last(&self, id: u32) -> Option<Compression> {
        let inbox = &self.calls.get(id)?.inbox;
        inbox.compression.filter(|_| inbox.was_compressed)
    }

    /// A message could not be inflated, which its receiver is told by whoever tried.
    pub(in crate::grpc) fn fail_inflating(&mut self, id: u32, status: &Status) {
        self.fail(id, status.clone());
        if self.is_client() {
            self.forget(id);
        }
    }
}

/// Sends a message of a call, with its prefix. A small one is copied; a large one is not followed by trailers.
fn send_message(
    connection: &mut Connection,
    call: &mut CallState,
    id: u32,
    message: &mut Option<Framed>,
    follows: Follows<'_>,
) -> Result<(), Status> {
    let Some(Framed { bytes, is_compressed }) = message else { return Ok(()) };
    let prefix = message::prefix(bytes.len(), *is_compressed)?;
    let size = prefix.len() + bytes.len();
    let sent = match bytes.len() < WORTH_HANDING_OVER {
        true => connection.send_copy(id, [&prefix, bytes], follows),
        false => {
            let bytes = std::mem::take(bytes);
            *message = None;
            let end = matches!(follows, Follows::End);
            let sent = connection.send_copy(id, [&prefix, &[]], Follows::More);
            sent.and_then(|()| connection.send_data(id, bytes, end))
        }
    };
    sent.map_err(|_| over())?;
    call.sent_before_last = call.sent;
    call.sent += size as u64;
    Ok(())
}

/// Whether a message is better copied than handed over.
fn is_small(message: &Option<Framed>) -> bool {
    message.as_ref().is_some_and(|message| message.bytes.len() < WORTH_HANDING_OVER)
}

/// The status as it fits everywhere: without metadata, and with a text of 1 KiB at most.
fn shortened(status: &Status) -> Status {
    let text = status.message();
    Status::new(status.code(), text[..text.floor_char_boundary(1 << 10)].to_owned())
}

/// From how many bytes on a message is handed over, and not copied.
const WORTH_HANDING_OVER: usize = 2048;
