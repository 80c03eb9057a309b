//! What the peer did: takes its frames, and its mistakes.

use std::time::Instant;

use super::{Outlet, Role, Session, violation};
use crate::call::CallState;
use crate::conversation::Conversation;
use crate::frame::{CallFrame, Frame, FrameError, Header, Kind, MethodName, Piece};
use crate::{Code, Limits, Metadata, RequestHead, Status};

impl<O: Outlet> Session<O> {
    /// Takes one frame of the peer.
    ///
    /// # Errors
    /// What the peer did wrong, when that concerns the connection and not one call alone.
    pub(crate) fn handle(&mut self, frame: Frame, now: Instant) -> Result<(), Status> {
        match frame {
            Frame::Call(frame) if self.is_too_large(&frame.metadata) => {
                self.refuse(Kind::Call, frame.call, (frame.method, frame.name), self.too_large())
            }
            Frame::Head { call, metadata } if self.is_too_large(&metadata) => {
                self.refuse(Kind::Head, call, (0, None), self.too_large())
            }
            Frame::End { call, status } if self.is_too_large(status.metadata()) => {
                self.refuse(Kind::End, call, (0, None), self.too_large())
            }
            Frame::Call(frame) => self.handle_call(*frame, now),
            Frame::Message { call, piece, end } => {
                if self.known(call, Kind::Message)? {
                    self.handle_piece(call, piece, end);
                }
                Ok(())
            }
            Frame::Head { call, metadata } => {
                self.only_from(Role::Server, Kind::Head)?;
                if self.known(call, Kind::Head)?
                    && let Some(state) = self.calls.get_mut(&call)
                    && let Err(reason) = state.receive_head(metadata, &mut self.wakes)
                {
                    self.fail(call, reason);
                }
                Ok(())
            }
            Frame::End { call, status } => {
                if self.known(call, Kind::End)? {
                    self.handle_end(call, status);
                }
                Ok(())
            }
            Frame::Cancel { call, code } => {
                self.only_from(Role::Client, Kind::Cancel)?;
                if self.known(call, Kind::Cancel)? {
                    self.cancelled(call, Status::new(code, "the caller gave the call up"));
                }
                Ok(())
            }
            Frame::Credit { call, bytes } => {
                if self.known(call, Kind::Credit)? {
                    self.handle_credit(call, bytes);
                }
                Ok(())
            }
            Frame::Ping { reply: false, data } => {
                self.send(Frame::Ping { reply: true, data });
                Ok(())
            }
            Frame::Ping { reply: true, .. } => Ok(()),
            Frame::GoingAway { status } if status.code() == Code::Ok => {
                self.away_received = true;
                self.wakes.extend(self.openers.take_all());
                self.drain();
                Ok(())
            }
            Frame::GoingAway { status } => {
                let text = format!("the peer closed the connection: {}", status.message());
                self.close(Status::new(status.code(), text));
                Ok(())
            }
        }
    }

    /// Takes an error in the peer's bytes.
    ///
    /// # Errors
    /// When it costs the connection.
    pub(crate) fn handle_error(&mut self, error: FrameError) -> Result<(), Status> {
        let status = error.status();
        match error.header {
            Some(Header { kind, call, code, .. }) => {
                self.refuse(kind, call, (code, error.declares.map(|name| *name)), status)
            }
            None => Err(status),
        }
    }

    /// Takes a frame whose content is refused with `reason`.
    fn refuse(
        &mut self,
        kind: Kind,
        id: u32,
        (method, declares): (u8, Option<MethodName>),
        reason: Status,
    ) -> Result<(), Status> {
        match kind {
            Kind::Call => {
                self.begin(id)?;
                // Its sender believes from now on that the number is known.
                if let Some(name) = declares
                    && usize::from(method) == self.methods.len() + 1
                {
                    self.methods.push(name);
                }
                self.send(Frame::End { call: id, status: reason });
                return Ok(());
            }
            Kind::Head => self.only_from(Role::Server, kind)?,
            Kind::Cancel => self.only_from(Role::Client, kind)?,
            _ => {}
        }
        if self.known(id, kind)? {
            self.fail(id, reason);
            if kind == Kind::End && self.role == Role::Client {
                self.handle_end(id, Status::ok());
            }
        }
        Ok(())
    }

    fn handle_call(&mut self, frame: CallFrame, now: Instant) -> Result<(), Status> {
        self.begin(frame.call)?;
        let id = frame.call;
        let name = match self.resolve(&frame) {
            Ok(name) => name,
            Err(reason) => {
                self.discarded.frame(Frame::Call(Box::new(frame)));
                self.send(Frame::End { call: id, status: reason });
                return Ok(());
            }
        };
        if self.refuses || self.open >= self.limits.calls {
            let text = match self.refuses {
                true => "the connection is going away".to_owned(),
                false => format!("more than {} calls at once on one connection", self.limits.calls),
            };
            self.discarded.frame(Frame::Call(Box::new(frame)));
            self.send(Frame::End { call: id, status: Status::new(Code::Unavailable, text) });
            return Ok(());
        }
        self.open += 1;
        self.calls.insert(id, CallState::new(self.peer.window, self.window));
        let head = RequestHead {
            path: name.path,
            codec: name.codec,
            metadata: frame.metadata,
            deadline: frame.timeout.and_then(|timeout| now.checked_add(timeout)),
            compression: None,
        };
        self.accepted.push_back((id, head));
        match frame.message {
            Some(piece) => {
                self.handle_piece(id, piece, frame.end);
            }
            None if frame.end => self.handle_end(id, Status::ok()),
            None => {}
        }
        Ok(())
    }

    /// What the method of a CALL is called; learns a number that is new.
    fn resolve(&mut self, frame: &CallFrame) -> Result<MethodName, Status> {
        let number = usize::from(frame.method);
        match (&frame.name, number.checked_sub(1)) {
            (Some(name), None) => Ok(name.clone()),
            (Some(name), Some(index)) if index == self.methods.len() => {
                self.methods.push(name.clone());
                Ok(name.clone())
            }
            (Some(_), Some(_)) => Err(violation(format!(
                "CALL {} declares method number {number}, the next is {}",
                frame.call,
                self.methods.len() + 1
            ))),
            (None, Some(index)) if index < self.methods.len() => Ok(self.methods[index].clone()),
            (None, _) => Err(violation(format!(
                "CALL {} has method number {number}, declared are 1 to {}",
                frame.call,
                self.methods.len()
            ))),
        }
    }

    /// Takes note of the id of a new call.
    fn begin(&mut self, id: u32) -> Result<(), Status> {
        self.only_from(Role::Client, Kind::Call)?;
        if self.away_received {
            return Err(violation(format!("CALL {id} after GOING_AWAY")));
        }
        if id <= self.last_call {
            return Err(violation(format!(
                "CALL {id}: the ids of calls rise, and {} was used before",
                self.last_call
            )));
        }
        self.last_call = id;
        Ok(())
    }

    fn handle_piece(&mut self, id: u32, piece: Piece, end: bool) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Err(reason) =
            call.receive_piece(piece, self.limits.message, &mut self.wakes, &mut self.discarded)
        {
            self.fail(id, reason);
        } else if end {
            self.handle_end(id, Status::ok());
        } else {
            self.give_credit(id);
        }
    }

    fn handle_end(&mut self, id: u32, status: Status) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if self.role == Role::Server && (call.end.is_some() || status != Status::ok()) {
            let text = "END of a client comes once, with code 0 and nothing else";
            return self.fail(id, violation(text));
        }
        call.receive_end(status, &mut self.wakes);
        if self.role == Role::Client && !std::mem::replace(&mut call.over, true) {
            self.open -= 1;
            call.ending = true;
            call.discard_outgoing(&mut self.discarded);
            self.wakes.extend(call.sender.take());
            self.forget_if_over(id);
        }
    }

    fn handle_credit(&mut self, id: u32, bytes: u32) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Err(reason) = call.add_credit(bytes) {
            self.fail(id, reason);
        } else if call.outgoing.is_some() && call.has_credit() && !std::mem::replace(&mut call.has_turn, true)
        {
            self.turn.push_back(id);
        }
    }

    /// The caller of a call that is served here wants no answer any more.
    fn cancelled(&mut self, id: u32, status: Status) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.cancel(&status, &mut self.wakes, &mut self.discarded);
        // The end was decided and stood behind messages that are not sent any more.
        if call.ending {
            self.send_end(id, status);
        }
        self.forget_if_unserved(id);
    }

    /// Drops a call that has ended before anybody began to serve it.
    fn forget_if_unserved(&mut self, id: u32) {
        if let Some(at) = self.accepted.iter().position(|(accepted, _)| *accepted == id) {
            self.accepted.remove(at);
            self.release(id);
        }
    }

    /// One call has gone wrong through the peer's fault; the connection goes on.
    fn fail(&mut self, id: u32, reason: Status) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match self.role {
            Role::Server => {
                call.cancel(&reason, &mut self.wakes, &mut self.discarded);
                if !call.over {
                    self.send_end(id, reason);
                }
                self.forget_if_unserved(id);
            }
            Role::Client => self.cancel(id, reason),
        }
    }

    /// Whether call `id` is still open; an error if it never was.
    fn known(&self, id: u32, kind: Kind) -> Result<bool, Status> {
        if id > self.last_call {
            return Err(violation(format!("{kind} for call {id}, which was never opened")));
        }
        Ok(self.calls.get(&id).is_some_and(|call| !call.over))
    }

    fn only_from(&self, sender: Role, kind: Kind) -> Result<(), Status> {
        if self.role == sender {
            return Err(violation(format!("{kind} does not come from a {:?}", self.role_of_peer())));
        }
        Ok(())
    }

    fn is_too_large(&self, metadata: &Metadata) -> bool {
        metadata.size() > self.limits.metadata || metadata.len() > self.limits.metadata_fields
    }

    fn too_large(&self) -> Status {
        let Limits { metadata, metadata_fields, .. } = self.limits;
        let text = format!("more than {metadata} bytes or {metadata_fields} fields of metadata");
        Status::new(Code::ResourceExhausted, text)
    }

    fn role_of_peer(&self) -> Role {
        match self.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}
