//! What the peer did.

use std::time::Instant;

use bytes::Bytes;
use http2::{ErrorCode, Event, Fields, Role};

use super::Session;
use crate::conversation::Conversation;
use crate::grpc::head::{self, Refusal, Request};
use crate::grpc::status;
use crate::{Code, RequestHead, Status};

impl Session {
    /// Something has happened on the connection.
    pub(in crate::grpc) fn handle(&mut self, event: Event, now: Instant) {
        #[cfg(feature = "web")]
        let Some(event) = self.handle_plain(event) else { return self.wake_openers() };
        match event {
            Event::Headers { stream, fields, end_stream } if self.is_client() => {
                self.response(stream, &fields, end_stream);
            }
            Event::Headers { stream, fields, end_stream } => self.request(stream, &fields, end_stream, now),
            Event::Data { stream, data, end_stream } => self.data(stream, data, end_stream),
            Event::Trailers { stream, fields } if self.is_client() => {
                let status = self.trailers_read.read(&fields, |fields| status::parse(fields).ok_or(()));
                let status = status.unwrap_or_else(|()| without_trailers());
                self.ended(stream, status);
            }
            // What a client says behind its messages means nothing in gRPC.
            Event::Trailers { stream, .. } => self.ended(stream, Status::ok()),
            Event::Reset { stream, code: ErrorCode::CANCEL, .. } if self.is_late(stream, now) => {
                let text = "the deadline has passed, and the server has reset the stream";
                self.reset(stream, &Status::new(Code::DeadlineExceeded, text));
            }
            Event::Reset { stream, code, reason } => self.reset(stream, &status::of_reset(code, reason)),
            Event::Room { stream } => {
                let waiting = self.calls.get_mut(stream).and_then(|call| call.sender.take());
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

    /// To a server: a stream was opened.
    fn request(&mut self, id: u32, fields: &Fields, end_stream: bool, now: Instant) {
        let request = self.requests_read.read(fields, head::parse_request).and_then(|request| {
            self.limits.check(&request.head.metadata).map_err(Refusal::Grpc)?;
            Ok(request)
        });
        let Request { mut head, timeout, answer } = match request {
            Ok(request) => request,
            Err(refusal) => {
                #[cfg(feature = "web")]
                if let (Refusal::Http(..), Some(plain)) = (&refusal, &mut self.plain) {
                    return plain.request(id, fields, end_stream);
                }
                let (http, status) = match refusal {
                    Refusal::Http(http, status) => (http, status),
                    Refusal::Grpc(status) => ("200", status),
                };
                self.send_trailers_only(id, http, "proto", &status);
                return self.connection.release(id);
            }
        };
        head.deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let call = self.calls.insert(id, head.codec.clone());
        call.compression = answer;
        call.inbox.compression = head.compression;
        if end_stream {
            call.inbox.put_end(Status::ok());
        }
        self.arrived.push_back((id, head));
    }

    /// To a client: the head of a response, or a response that is a status alone.
    fn response(&mut self, id: u32, fields: &Fields, end_stream: bool) {
        let head = self
            .responses_read
            .read(fields, head::parse_response)
            .and_then(|(head, compression)| self.limits.check(&head).map(|()| (head, compression)));
        let Some(call) = self.calls.get_mut(id) else { return };
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
        let Some(call) = self.calls.get_mut(id) else { return self.connection.read(id, data.len()) };
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
        let status = self.limits.check(status.metadata()).map_or_else(|error| error, |()| status);
        let Some(call) = self.calls.get_mut(id) else { return };
        call.inbox.put_end(status);
        self.wakes.extend(call.receiver.take());
        if self.connection.role() == Role::Client {
            // A server that has answered wants no more.
            call.ending = true;
            self.wakes.extend(call.sender.take());
        }
    }

    /// Whether a caller's deadline has passed. A server may give the call up then as well, which can be seen
    /// before the caller's own timer is due.
    fn is_late(&self, id: u32, now: Instant) -> bool {
        let deadline = self.calls.get(id).and_then(|call| call.deadline);
        deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The stream of a call is gone.
    fn reset(&mut self, id: u32, status: &Status) {
        let Some(call) = self.calls.get_mut(id) else { return self.connection.release(id) };
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
    pub(super) fn fail(&mut self, id: u32, status: Status) {
        if self.is_client() {
            return self.cancel(id, status);
        }
        let Some(call) = self.calls.get_mut(id) else { return };
        let read = call.inbox.end_now(&status);
        call.cancelled = Some(status.clone());
        self.wakes.extend(call.take_wakers());
        self.connection.read(id, read);
        self.answer(id, &status);
        self.forget_if_unserved(id);
    }

    /// Drops a call that has ended before anybody began to serve it.
    fn forget_if_unserved(&mut self, id: u32) {
        let is_it = |(call, _): &(u32, RequestHead)| *call == id;
        let at = self.arrived.iter().position(is_it).map(|at| self.arrived.remove(at));
        if at.or_else(|| self.accepted.iter().position(is_it).map(|at| self.accepted.remove(at))).is_some() {
            self.release(id);
        }
    }
}

fn without_status() -> Status {
    Status::new(Code::Internal, "gRPC layer: the stream ended without a status")
}

fn without_trailers() -> Status {
    Status::new(Code::Unknown, "gRPC layer: the trailers have no status")
}
