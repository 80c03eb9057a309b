//! One end of a conversation in gRPC: calls on the streams of an HTTP/2 connection. No I/O: bytes go through
//! the connection, and events come out of it.

use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;
use http2::{Connection, ErrorCode, Event, Fields, Role, SendError};

use super::call::CallState;
use super::head::{self, Refusal, Requests};
use super::message::Framed;
use super::{message, status};
use crate::conversation::Conversation;
use crate::discarded::Discarded;
use crate::session::{over, park};
use crate::waiters::Waiters;
use crate::{Code, Compression, Limits, Metadata, Opening, Received, RequestHead, Status};

/// One end of a connection: its HTTP/2, and the calls on it. A call's number is that of its stream.
///
/// Whoever calls wakes [`Session::wakes`] and drops [`Session::discarded`] afterwards, when the lock
/// around the session is released.
pub(super) struct Session {
    pub(super) connection: Connection,
    limits: Limits,
    calls: HashMap<u32, CallState>,
    /// Calls to be served that nobody has taken yet.
    accepted: VecDeque<(u32, RequestHead)>,
    /// Who waits for the peer's first word.
    greeter: Option<Waker>,
    /// Callers that wait to open a call.
    openers: Waiters,
    requests: Requests,
    /// The trailers of a call that went well.
    ok: Fields,
    /// The heads of the responses that have no metadata, by codec.
    responses: Vec<(ByteString, Fields)>,
    closed: Option<Status>,
    pub(super) wakes: Vec<Waker>,
    pub(super) discarded: Discarded,
}

impl Session {
    /// A session on `connection`; a client's requests go to `authority`.
    pub(super) fn new(connection: Connection, limits: Limits, authority: ByteString) -> Self {
        Self {
            connection,
            limits,
            calls: HashMap::new(),
            accepted: VecDeque::new(),
            greeter: None,
            openers: Waiters::default(),
            requests: Requests::new(authority),
            ok: head::trailers(&Status::ok()),
            responses: Vec::new(),
            closed: None,
            wakes: Vec::new(),
            discarded: Discarded::default(),
        }
    }

    /// Something has happened on the connection.
    pub(super) fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Headers { stream, fields, end_stream } if self.is_client() => {
                self.response(stream, &fields, end_stream);
            }
            Event::Headers { stream, fields, end_stream } => self.request(stream, &fields, end_stream, now),
            Event::Data { stream, data, end_stream } => self.data(stream, data, end_stream),
            Event::Trailers { stream, fields } if self.is_client() => {
                let status = status::parse(&fields).unwrap_or_else(without_trailers);
                self.ended(stream, status);
            }
            // What a client says behind its messages means nothing in gRPC.
            Event::Trailers { stream, .. } => self.ended(stream, Status::ok()),
            Event::Reset { stream, code, reason } => self.reset(stream, &status::of_reset(code, reason)),
            Event::Room { stream } => {
                let waiting = self.calls.get_mut(&stream).and_then(|call| call.sender.take());
                self.wakes.extend(waiting);
            }
            Event::GoAway { .. } => self.wakes.extend(self.openers.take_all()),
            Event::Closed(error) => {
                self.close(Status::new(Code::Unavailable, format!("HTTP/2: {error}")));
            }
            Event::Informational { .. } => {}
        }
        self.wake_openers();
    }

    /// Ends the connection: every call that is open fails with `status`.
    pub(super) fn close(&mut self, status: Status) {
        if self.closed.is_some() {
            return;
        }
        for call in self.calls.values_mut() {
            call.cancelled.get_or_insert_with(|| status.clone());
            call.ending = true;
            call.inbox.put_end(status.clone());
            self.wakes.extend(call.take_wakers());
        }
        self.wakes.extend(self.openers.take_all());
        self.wakes.extend(self.greeter.take());
        self.closed = Some(status);
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
        self.connection.has_output() || self.connection.is_done() || self.can_accept()
    }

    /// Whether a call waits to be served and may be: handlers that go on after their answer count too.
    fn can_accept(&self) -> bool {
        let handlers = (self.calls.len() - self.accepted.len()) as u64;
        !self.accepted.is_empty() && handlers < 2 * u64::from(self.limits.calls)
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

    fn is_client(&self) -> bool {
        self.connection.role() == Role::Client
    }

    /// To a server: a stream was opened.
    fn request(&mut self, id: u32, fields: &Fields, end_stream: bool, now: Instant) {
        let head = match head::parse_request(fields, now) {
            Ok((head, _)) if self.is_too_large(&head.metadata) => Err(Refusal::Grpc(self.too_large())),
            head => head,
        };
        let (head, answer) = match head {
            Ok(head) => head,
            Err(refusal) => {
                let (http, status) = match refusal {
                    Refusal::Http(http, status) => (http, status),
                    Refusal::Grpc(status) => ("200", status),
                };
                self.send_trailers_only(id, http, "proto", &status);
                return self.connection.release(id);
            }
        };
        let mut call = CallState::new(head.codec.clone());
        call.compression = answer;
        call.inbox.compression = head.compression;
        if end_stream {
            call.inbox.put_end(Status::ok());
        }
        self.calls.insert(id, call);
        self.accepted.push_back((id, head));
    }

    /// To a client: the head of a response, or a response that is a status alone.
    fn response(&mut self, id: u32, fields: &Fields, end_stream: bool) {
        let head = head::parse_response(fields)
            .and_then(|(head, compression)| self.check(head).map(|head| (head, compression)));
        let Some(call) = self.calls.get_mut(&id) else { return };
        match (head, end_stream) {
            (head, true) => {
                let status = status::parse(fields);
                self.ended(id, status.unwrap_or_else(|| head.err().unwrap_or_else(without_trailers)));
            }
            (Ok((head, compression)), false) => {
                call.inbox.compression = compression;
                call.inbox.put_head(head);
                self.wakes.extend(call.receiver.take());
            }
            // What follows is no gRPC.
            (Err(status), false) => self.cancel(id, status),
        }
    }

    fn data(&mut self, id: u32, data: Bytes, end_stream: bool) {
        let Some(call) = self.calls.get_mut(&id) else { return self.connection.read(id, data.len()) };
        match call.inbox.put_data(data, self.limits.message) {
            Ok(read) => {
                self.wakes.extend(call.receiver.take());
                self.connection.read(id, read);
                if end_stream {
                    let status = if self.is_client() { without_status() } else { Status::ok() };
                    self.ended(id, status);
                }
            }
            Err(status) => self.fail(id, status),
        }
    }

    /// The peer has sent all it had to send on a call.
    fn ended(&mut self, id: u32, status: Status) {
        let status = if self.is_too_large(status.metadata()) { self.too_large() } else { status };
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.inbox.put_end(status);
        self.wakes.extend(call.receiver.take());
        if self.connection.role() == Role::Client {
            // A server that has answered wants no more.
            call.ending = true;
            self.wakes.extend(call.sender.take());
        }
    }

    /// The stream of a call is gone.
    fn reset(&mut self, id: u32, status: &Status) {
        let Some(call) = self.calls.get_mut(&id) else { return self.connection.release(id) };
        if self.connection.role() == Role::Client {
            call.inbox.put_end(status.clone());
            call.ending = true;
        } else {
            let read = call.inbox.end_now(status);
            call.cancelled = Some(status.clone());
            self.connection.read(id, read);
        }
        self.wakes.extend(call.take_wakers());
        self.connection.release(id);
        self.forget_if_unserved(id);
    }

    /// A call has gone wrong through the peer's fault; the connection goes on.
    fn fail(&mut self, id: u32, status: Status) {
        if self.is_client() {
            return self.cancel(id, status);
        }
        let Some(call) = self.calls.get_mut(&id) else { return };
        let read = call.inbox.end_now(&status);
        call.cancelled = Some(status.clone());
        self.wakes.extend(call.take_wakers());
        self.connection.read(id, read);
        self.answer(id, &status);
        self.forget_if_unserved(id);
    }

    /// Drops a call that has ended before anybody began to serve it.
    fn forget_if_unserved(&mut self, id: u32) {
        if let Some(at) = self.accepted.iter().position(|(accepted, _)| *accepted == id) {
            self.accepted.remove(at);
            self.release(id);
        }
    }

    /// Sends a message of a call, with its prefix.
    fn send_message(&mut self, id: u32, message: Framed, end: bool) -> Result<(), Status> {
        let Framed { bytes: message, is_compressed } = message;
        let prefix = match message::prefix(message.len(), is_compressed) {
            Ok(prefix) => prefix,
            Err(status) => {
                self.discarded.message(message);
                return Err(status);
            }
        };
        if let Some(call) = self.calls.get_mut(&id) {
            call.sent_before_last = call.sent;
            call.sent += (prefix.len() + message.len()) as u64;
        }
        // An error says that the stream is over; why, its events have told.
        let sent = self.connection.send_data(id, prefix, false);
        sent.and_then(|()| self.connection.send_data(id, message, end)).map_err(|_| over())
    }

    /// From a server: sends the head of a response, unless it was sent.
    fn respond_plainly(&mut self, id: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if std::mem::replace(&mut call.responded, true) {
            return;
        }
        let compression = call.compression.filter(|_| call.compresses);
        let known = self.responses.iter().find(|(codec, _)| *codec == call.codec && compression.is_none());
        let fields = match known {
            Some((_, fields)) => fields.clone(),
            None if compression.is_some() => head::response(&call.codec, compression, &Metadata::new()),
            None => {
                let fields = head::response(&call.codec, None, &Metadata::new());
                if self.responses.len() < MAX_RESPONSES {
                    self.responses.push((call.codec.clone(), fields.clone()));
                }
                fields
            }
        };
        // What the head does not announce cannot be done.
        call.compression = compression;
        let sent = self.connection.send_headers(id, &fields, false);
        self.reset_if_unsent(id, sent);
    }

    /// From a server: ends a call, behind the messages that were sent.
    fn answer(&mut self, id: u32, status: &Status) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.ending = true;
        // Whoever still reads learns that there is nothing to come.
        call.inbox.discard();
        call.inbox.put_end(over());
        self.wakes.extend(call.receiver.take());
        self.wakes.extend(call.sender.take());
        if call.responded {
            self.send_trailers(id, status);
        } else {
            let codec = call.codec.clone();
            self.send_trailers_only(id, "200", &codec, status);
        }
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
    fn send_trailers_only(&mut self, id: u32, http: &'static str, codec: &str, status: &Status) {
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

    fn check(&self, metadata: Metadata) -> Result<Metadata, Status> {
        if self.is_too_large(&metadata) { Err(self.too_large()) } else { Ok(metadata) }
    }

    fn is_too_large(&self, metadata: &Metadata) -> bool {
        metadata.size() > self.limits.metadata || metadata.len() > self.limits.metadata_fields
    }

    fn too_large(&self) -> Status {
        let Limits { metadata, metadata_fields, .. } = self.limits;
        let text = format!("more than {metadata} bytes or {metadata_fields} fields of metadata");
        Status::new(Code::ResourceExhausted, text)
    }

    /// Whether something can be sent on a call now.
    pub(super) fn poll_sendable(&mut self, cx: &mut Context<'_>, id: u32) -> Poll<Result<(), Status>> {
        let is_client = self.is_client();
        let Some(call) = self.calls.get_mut(&id) else {
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
        let is_full = self.connection.queued(id) >= SEND_AHEAD || self.connection.is_held_back(id);
        if is_full && !self.connection.await_room(id) {
            park(&mut call.sender, cx, &mut self.discarded);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends a message, the end, or both, when [`poll_sendable`](Self::poll_sendable) allows it.
    pub(super) fn send_now(&mut self, id: u32, message: Option<Framed>, end: bool) -> Result<(), Status> {
        let is_client = self.is_client();
        let Some(call) = self.calls.get_mut(&id) else {
            if let Some(message) = message {
                self.discarded.message(message.bytes);
            }
            return Err(over());
        };
        if call.ending || call.cancelled.is_some() {
            // It was ended meanwhile.
            let status = call.cancelled.clone().unwrap_or_else(over);
            if let Some(message) = message {
                self.discarded.message(message.bytes);
            }
            return Err(status);
        }
        if !is_client {
            self.respond_plainly(id);
        }
        match message {
            Some(message) => self.send_message(id, message, end && is_client)?,
            None if end && is_client => {
                self.connection.send_data(id, Bytes::new(), true).map_err(|_| over())?;
            }
            None => {}
        }
        if end && !is_client {
            self.answer(id, &Status::ok());
        } else if let Some(call) = self.calls.get_mut(&id) {
            call.ending = end;
        }
        Ok(())
    }

    /// How the next message that is sent is to be compressed.
    pub(super) fn compression(&self, id: u32) -> Option<Compression> {
        let call = self.calls.get(&id)?;
        call.compression.filter(|_| call.compresses)
    }

    /// How the message was compressed that was received last.
    pub(super) fn compression_of_last(&self, id: u32) -> Option<Compression> {
        let inbox = &self.calls.get(&id)?.inbox;
        inbox.compression.filter(|_| inbox.was_compressed)
    }

    /// A message could not be inflated, which its receiver is told by whoever tried.
    pub(super) fn fail_inflating(&mut self, id: u32, status: &Status) {
        self.fail(id, status.clone());
        if self.is_client() {
            self.forget(id);
        }
    }

    /// Drops what is known of a call that no handle needs.
    fn forget(&mut self, id: u32) {
        if let Some(mut call) = self.calls.remove(&id) {
            // A sender may still wait in another task.
            self.wakes.extend(call.take_wakers());
        }
        self.connection.release(id);
        self.wake_openers();
    }
}

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
        let mut call = CallState::new(head.codec);
        call.compression = head.compression;
        call.compresses = head.compression.is_some();
        self.calls.insert(id, call);
        let message = message.map(|bytes| Framed { bytes, is_compressed: false });
        // An end alone is an empty DATA frame: END_STREAM on HEADERS is not gRPC's way.
        if (message.is_some() || end)
            && let Err(status) = self.send_now(id, message, end)
        {
            self.cancel(id, status);
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
        if end && message.is_none() && self.is_client() && self.calls.get(&id).is_some_and(has_answered) {
            // The server needs no end any more, and all is well.
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_sendable(cx, id))?;
        let message = message.take().map(|bytes| Framed { bytes, is_compressed: false });
        Poll::Ready(self.send_now(id, message, end))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, id: u32) -> Poll<Received> {
        let Some(call) = self.calls.get_mut(&id) else {
            return Poll::Ready(Received::End(over()));
        };
        let Some((received, read)) = call.inbox.take() else {
            park(&mut call.receiver, cx, &mut self.discarded);
            return Poll::Pending;
        };
        self.connection.read(id, read);
        if self.is_client() && matches!(received, Received::End(_)) {
            self.forget(id);
        }
        Poll::Ready(received)
    }

    fn respond(&mut self, id: u32, metadata: Metadata) -> Result<(), Status> {
        let call = self.calls.get_mut(&id).ok_or_else(over)?;
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
        let Some(call) = self.calls.get(&id) else { return };
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
        let Some(call) = self.calls.get_mut(&id) else { return };
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
        let Some(call) = self.calls.get_mut(&id) else { return };
        let read = call.inbox.discard();
        self.connection.read(id, read);
        if self.is_client() {
            self.forget(id);
        }
    }

    fn compress(&mut self, id: u32, on: bool) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.compresses = on;
        }
    }

    fn was_compressed(&self, id: u32) -> bool {
        self.calls.get(&id).is_some_and(|call| call.inbox.was_compressed)
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
        let Some(call) = self.calls.get(&id) else { return };
        if !call.ending {
            self.cancel(id, Status::new(Code::Internal, "the handler left no answer"));
        }
        self.forget(id);
    }
}

fn without_status() -> Status {
    Status::new(Code::Internal, "gRPC layer: the stream ended without a status")
}

fn without_trailers() -> Status {
    Status::new(Code::Unknown, "gRPC layer: the trailers have no status")
}

/// The status as it fits everywhere: without metadata, and with a text of 1 KiB at most.
fn shortened(status: &Status) -> Status {
    let text = status.message();
    Status::new(status.code(), text[..text.floor_char_boundary(1 << 10)].to_owned())
}

/// How many bytes of a call may wait to be sent before its sender does.
const SEND_AHEAD: usize = 16 << 10;

/// How many heads of responses are kept.
const MAX_RESPONSES: usize = 8;
