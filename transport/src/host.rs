//! A conversation behind its lock: what all transports have in common, whatever their protocol.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use crate::conversation::Conversation;
use crate::stream::handler_panicked;
use crate::{
    Behind, Call, CallId, Carrier, Connection, IncomingCall, Metadata, Opening, Received, RequestHead,
    Service, Serving, Status,
};

/// Holds a conversation behind its lock.
pub(crate) trait Host: Send + Sync + 'static {
    type Conversation: Conversation;

    /// Runs `f` with the conversation; then, with the lock released, wakes whom that concerns. `f` calls
    /// no code of a user.
    fn with<R>(&self, f: impl FnOnce(&mut Self::Conversation) -> R) -> R;

    /// Opens a call. What takes long is done here, without the lock.
    fn poll_open(
        &self,
        cx: &mut Context<'_>,
        now: Option<Instant>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<u32, Status>> {
        self.with(|calls| calls.poll_open(cx, now, opening))
    }

    /// Sends on a call. What takes long is done here, without the lock.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        id: u32,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        self.with(|calls| calls.poll_send(cx, id, message, end))
    }

    /// Sends a copy of one more small message, if nothing is in its way.
    fn send_one_more(&self, id: u32, message: &[u8]) -> bool {
        let _ = (id, message);
        false
    }

    /// Receives on a call. What takes long is done here, without the lock.
    fn poll_receive(&self, cx: &mut Context<'_>, id: u32, behind: Option<&mut Behind>) -> Poll<Received> {
        self.with(|calls| calls.poll_receive(cx, id, behind))
    }
}

/// The client's end of a connection. When its last owner drops it, the connection takes no further
/// calls and closes after those that are open.
pub(crate) struct ClientEnd<H: Host>(pub(crate) Arc<H>);

impl<H: Host> Connection for ClientEnd<H> {
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        let sent = opening.as_ref().is_some_and(|opening| opening.end);
        let has_deadline = opening.as_ref().is_some_and(|opening| opening.head.deadline.is_some());
        let now = has_deadline.then(now);
        let opened = Host::poll_open(&*self.0, cx, now, opening);
        opened.map_ok(|id| Call::new(self.0.clone(), CallId(id.into()), sent))
    }

    fn is_closed(&self) -> bool {
        self.0.with(|calls| calls.is_closed())
    }
}

impl<H: Host> Drop for ClientEnd<H> {
    fn drop(&mut self) {
        self.0.with(Conversation::drain);
    }
}

impl<H: Host> Carrier for H {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        call: CallId,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        let sent = Host::poll_send(self, cx, number(call), message, end);
        if matches!(sent, Poll::Ready(Ok(()))) {
            // If it was copied, it is dropped here, without the lock.
            *message = None;
        }
        sent
    }

    fn send_one_more(&self, call: CallId, message: &[u8]) -> bool {
        Host::send_one_more(self, number(call), message)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, call: CallId) -> Poll<Received> {
        Host::poll_receive(self, cx, number(call), None)
    }

    fn poll_receive_some(&self, cx: &mut Context<'_>, call: CallId, behind: &mut Behind) -> Poll<Received> {
        Host::poll_receive(self, cx, number(call), Some(behind))
    }

    fn respond(&self, call: CallId, metadata: Metadata) -> Result<(), Status> {
        self.with(|calls| calls.respond(number(call), metadata))
    }

    fn finish(&self, call: CallId, status: Status) {
        self.with(|calls| calls.finish(number(call), status));
    }

    fn cancel(&self, call: CallId, status: Status) {
        self.with(|calls| calls.cancel(number(call), status));
    }

    fn stop_receiving(&self, call: CallId) {
        self.with(|calls| calls.stop_receiving(number(call)));
    }

    fn compress(&self, call: CallId, on: bool) {
        self.with(|calls| calls.compress(number(call), on));
    }

    fn was_compressed(&self, call: CallId) -> bool {
        self.with(|calls| calls.was_compressed(number(call)))
    }
}

/// Serves the calls that have come in: polls each handler once, here; makes a task of those that
/// are still pending.
pub(crate) fn serve_accepted<H: Host>(host: &Arc<H>, service: &dyn Service) {
    let mut next = host.with(Conversation::accept);
    while let Some((id, head)) = next {
        let mut handling = Handling::begin(host.clone(), id, head, service);
        // Nobody is woken through this waker, and nobody has to be: a task polls its future at once.
        next = match handling.poll_handler(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) => handling.end_with(Conversation::accept),
            Poll::Pending => {
                tokio::spawn(handling);
                host.with(Conversation::accept)
            }
        };
    }
}

/// Drops what belongs to a handler, and may panic in turn.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // Whatever it is, it has panicked twice; it is not tried again.
        std::mem::forget(panic);
    }
}

/// The present, by the clock that tests can stop.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A call while it is served. When this is dropped, the call has been answered.
struct Handling<H: Host> {
    host: Arc<H>,
    id: u32,
    handler: Option<Serving>,
    is_released: bool,
}

impl<H: Host> Handling<H> {
    fn begin(host: Arc<H>, id: u32, head: RequestHead, service: &dyn Service) -> Self {
        let call = IncomingCall::new(host.clone(), CallId(id.into()), head);
        let handler = catch_unwind(AssertUnwindSafe(|| service.serve(call)));
        let handler = handler.map_err(drop_quietly).ok();
        Self { host, id, handler, is_released: false }
    }

    fn poll_handler(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(handler) = &mut self.handler else { return Poll::Ready(()) };
        match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => {}
            Err(panic) => {
                drop_quietly(panic);
                self.host.cancel(CallId(self.id.into()), handler_panicked());
            }
        }
        self.drop_handler();
        Poll::Ready(())
    }

    /// Ends a call whose handler is done, and does `next` in one step with it.
    fn end_with<R>(mut self, next: impl FnOnce(&mut H::Conversation) -> R) -> R {
        self.is_released = true;
        self.host.with(|calls| {
            calls.release(self.id);
            next(calls)
        })
    }

    fn drop_handler(&mut self) {
        drop_quietly(self.handler.take());
    }
}

impl<H: Host> Future for Handling<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let id = self.id;
        if self.host.with(|calls| calls.poll_cancelled(cx, id)).is_ready() {
            return Poll::Ready(());
        }
        self.poll_handler(cx)
    }
}

impl<H: Host> Drop for Handling<H> {
    fn drop(&mut self) {
        self.drop_handler();
        if !self.is_released {
            self.host.with(|calls| calls.release(self.id));
        }
    }
}

/// The number of a call as it stands in frames.
fn number(call: CallId) -> u32 {
    // Only ids that were made from a u32 come back here; any other is that of no call.
    u32::try_from(call.0).unwrap_or(0)
}
