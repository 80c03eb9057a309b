//! A call that a server serves in one request and its response.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::lingering::Lingering;
use super::trailers;
use crate::grpc::message::{self, Framed};
use crate::host::drop_quietly;
use crate::session::over;
use crate::stream::handler_panicked;
use crate::{
    CallId, Carrier, Code, Compression, IncomingCall, Metadata, Received, RequestHead, Service, Serving,
    Status,
};

/// A call that is being served. Whoever writes the response drives the handler too: it needs no task, and when
/// nobody waits for the response any more both are dropped.
pub(super) struct Exchange {
    carrier: Arc<Carried>,
    handler: Option<Serving>,
    /// Where the handler goes on if it has answered and is not done.
    lingering: Arc<Lingering>,
}

/// How a response begins.
#[derive(Debug)]
pub(super) enum Beginning {
    /// Messages may follow, compressed in this way, and the status does.
    Head(Metadata, Option<Compression>),
    /// A status is all there is.
    Status(Status),
}

impl Exchange {
    /// Begins to serve a call with this one message. `answer` is how its answer may be compressed, and `send_buffer` how
    /// many bytes of it may wait.
    pub(super) fn new(
        service: &dyn Service,
        head: RequestHead,
        message: Framed,
        answer: Option<Compression>,
        send_buffer: usize,
        lingering: Arc<Lingering>,
    ) -> Self {
        let state = State {
            was_compressed: message.is_compressed,
            request: Some(message.bytes),
            compression: answer,
            compresses: false,
            head: None,
            has_begun: false,
            body: BytesMut::new(),
            send_buffer,
            end: None,
            is_gone: false,
            writer: None,
            sender: None,
        };
        let carrier = Arc::new(Carried(Mutex::new(state)));
        let call = IncomingCall::new(carrier.clone(), CallId(0), head);
        let handler = catch_unwind(AssertUnwindSafe(|| service.serve(call)));
        if handler.is_err() {
            carrier.cancel(CallId(0), handler_panicked());
        }
        Self { carrier, handler: handler.map_err(drop_quietly).ok(), lingering }
    }

    /// How the response begins, once that is known.
    pub(super) fn poll_beginning(&mut self, cx: &mut Context<'_>) -> Poll<Beginning> {
        self.poll_handler(cx);
        let mut state = self.carrier.lock();
        if state.has_begun {
            let head = state.head.take().unwrap_or_default();
            return Poll::Ready(Beginning::Head(head, state.compression));
        }
        if let Some(status) = &state.end {
            return Poll::Ready(Beginning::Status(status.clone()));
        }
        let former = state.writer.replace(cx.waker().clone());
        drop(state);
        drop(former);
        Poll::Pending
    }

    /// The next bytes of the body, the last ones with the status; and whether they are the last. To be called after
    /// [`poll_beginning`](Self::poll_beginning), and not after the last.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<(Bytes, bool)> {
        self.poll_handler(cx);
        let mut state = self.carrier.lock();
        let status = state.end.clone();
        if let Some(status) = &status {
            trailers::append(status, &mut state.body);
        }
        if state.body.is_empty() {
            let former = state.writer.replace(cx.waker().clone());
            drop(state);
            drop(former);
            return Poll::Pending;
        }
        let body = state.body.split().freeze();
        let sender = state.sender.take();
        drop(state);
        sender.into_iter().for_each(Waker::wake);
        Poll::Ready((body, status.is_some()))
    }

    fn poll_handler(&mut self, cx: &mut Context<'_>) {
        let Some(handler) = &mut self.handler else { return };
        let polled = catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            Err(panic) => {
                drop_quietly(panic);
                self.carrier.cancel(CallId(0), handler_panicked());
            }
        }
        drop_quietly(self.handler.take());
        // Nothing happens if it has left an answer.
        self.carrier.cancel(CallId(0), Status::new(Code::Internal, "the handler left no answer"));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let has_answered = self.carrier.lock().end.is_some();
        self.carrier.leave();
        // A handler may go on when it has answered, as over any transport.
        match self.handler.take() {
            Some(handler) if has_answered => self.lingering.add(handler),
            handler => drop_quietly(handler),
        }
    }
}

/// What the handler of the call has in its hands.
struct Carried(Mutex<State>);

struct State {
    /// The message of the request, until it is received.
    request: Option<Bytes>,
    was_compressed: bool,
    /// How messages may be compressed; once the response has begun, how they are.
    compression: Option<Compression>,
    compresses: bool,
    head: Option<Metadata>,
    /// The head of the response is decided.
    has_begun: bool,
    /// Messages that were not written yet, each behind its prefix.
    body: BytesMut,
    send_buffer: usize,
    end: Option<Status>,
    /// Nobody waits for the response any more.
    is_gone: bool,
    /// Who writes the response.
    writer: Option<Waker>,
    /// Who waits until more can be sent.
    sender: Option<Waker>,
}

impl Carried {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`; then wakes, without the lock, who writes the response.
    fn change<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = f(&mut state);
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waker::wake);
        result
    }

    /// Nobody waits for the response any more.
    fn leave(&self) {
        let mut state = self.lock();
        state.is_gone = true;
        let wakers = [state.sender.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl State {
    /// Why nothing can be sent any more, if nothing can.
    fn is_over(&self) -> Option<Status> {
        if self.is_gone {
            return Some(Status::new(Code::Cancelled, "the caller is gone"));
        }
        self.end.as_ref().map(|_| over())
    }

    fn begin(&mut self) {
        if !self.has_begun {
            self.has_begun = true;
            // What the head does not announce cannot be done.
            self.compression = self.compression.filter(|_| self.compresses);
        }
    }

    fn send(&mut self, message: &Bytes) -> Result<(), Status> {
        self.begin();
        let compression = self.compression.filter(|_| self.compresses);
        message::append(message, compression, &mut self.body)
    }
}

impl Carrier for Carried {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        _: CallId,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        let mut state = self.lock();
        if let Some(status) = state.is_over() {
            return Poll::Ready(Err(status));
        }
        if !state.body.is_empty() && state.body.len() >= state.send_buffer {
            let former = state.sender.replace(cx.waker().clone());
            drop(state);
            drop(former);
            return Poll::Pending;
        }
        drop(state);
        let taken = message.take();
        Poll::Ready(self.change(|state| {
            if let Some(message) = &taken {
                state.send(message)?;
            }
            if end {
                state.begin();
                state.end = Some(Status::ok());
            }
            Ok(())
        }))
    }

    fn poll_receive(&self, _: &mut Context<'_>, _: CallId) -> Poll<Received> {
        let mut state = self.lock();
        Poll::Ready(match state.request.take() {
            Some(message) => Received::Message(message),
            None => Received::End(Status::ok()),
        })
    }

    fn respond(&self, _: CallId, metadata: Metadata) -> Result<(), Status> {
        self.change(|state| {
            if let Some(status) = state.is_over() {
                return Err(status);
            }
            if state.has_begun {
                let text = "the head of a response goes before its messages, and once";
                return Err(Status::new(Code::FailedPrecondition, text));
            }
            state.begin();
            state.head = Some(metadata);
            Ok(())
        })
    }

    fn finish(&self, _: CallId, status: Status) {
        self.change(|state| {
            if state.end.is_none() {
                state.has_begun |= status.code() == Code::Ok;
                state.end = Some(status);
            }
        });
    }

    fn cancel(&self, call: CallId, status: Status) {
        // What is in the body are whole messages, and they may as well arrive.
        self.finish(call, status);
    }

    fn stop_receiving(&self, _: CallId) {
        let unread = self.lock().request.take();
        drop(unread);
    }

    fn compress(&self, _: CallId, on: bool) {
        self.lock().compresses = on;
    }

    fn was_compressed(&self, _: CallId) -> bool {
        self.lock().was_compressed
    }
}
