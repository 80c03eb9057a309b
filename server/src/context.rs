//! What a method can ask about the call it serves.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use transport::{Metadata, Peer, RequestHead};

/// When the call being served ends, if it has a deadline. A call made on its behalf inherits it:
/// `CallOptions::new().deadline(context::deadline())`.
///
/// Outside a call, and in a task that a method has spawned, there is none.
pub fn deadline() -> Option<Instant> {
    CONTEXT.try_with(|context| context.head.deadline).ok().flatten()
}

/// The metadata of the request being served; none outside a call.
pub fn metadata() -> Metadata {
    CONTEXT.try_with(|context| context.head.metadata.clone()).unwrap_or_default()
}

/// Who calls, where the connection of the call knows it: what a client has proved of itself with TLS. None outside a call.
pub fn peer() -> Option<Arc<Peer>> {
    CONTEXT.try_with(|context| context.peer.clone()).ok().flatten()
}

/// Whether the one message came compressed that a method with one message each way was called with. Of a
/// stream of messages its [`Receiver`](stub::Receiver) knows it.
pub fn request_was_compressed() -> bool {
    CONTEXT.try_with(|context| context.was_compressed.load(Relaxed)).unwrap_or(false)
}

/// Compresses the reply of a method that has one, where the transport can and the caller takes it so. For a
/// stream of messages its [`Sender`](stub::Sender) does it.
pub fn compress_reply() {
    with_reply(|reply| reply.is_compressed = true);
}

/// Sends `metadata` with the head of the response of a method that has one reply. Outside a call, and once
/// the reply is on its way, that comes too late.
pub fn set_head(metadata: Metadata) {
    with_reply(|reply| reply.head = Some(metadata));
}

/// Sends `metadata` behind the last message, if the call goes well; a [`Status`](transport::Status) that
/// says otherwise has its own.
pub fn set_trailers(metadata: Metadata) {
    with_reply(|reply| reply.trailers = metadata);
}

/// What a method says beside its messages.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) head: Option<Metadata>,
    pub(crate) is_compressed: bool,
    pub(crate) trailers: Metadata,
}

/// What is known of a call that is served: what its method can ask about, and what that says beside its messages.
pub(crate) struct Context {
    pub(crate) head: RequestHead,
    peer: Option<Arc<Peer>>,
    was_compressed: AtomicBool,
    reply: Mutex<Beside>,
}

impl Context {
    /// Of a call of `peer` that began with `head`. It has a place of its own: the future that serves the call is moved.
    pub(crate) fn of(head: RequestHead, peer: Option<Arc<Peer>>) -> Arc<Self> {
        Arc::new(Self { head, peer, was_compressed: AtomicBool::new(false), reply: Mutex::default() })
    }

    /// The one request of the call came compressed.
    pub(crate) fn note_compressed(&self) {
        self.was_compressed.store(true, Relaxed);
    }

    /// Runs `method` such that it can ask; returns also what it says beside its messages.
    pub(crate) async fn scope<F: Future>(self: Arc<Self>, method: F) -> (F::Output, Beside) {
        let output = CONTEXT.scope(self.clone(), method).await;
        let reply = std::mem::take(&mut *self.reply.lock().unwrap_or_else(PoisonError::into_inner));
        (output, reply)
    }
}

fn with_reply(set: impl FnOnce(&mut Beside)) {
    // Outside a call there is nobody to tell.
    let _ = CONTEXT.try_with(|context| {
        set(&mut context.reply.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

tokio::task_local! {
    static CONTEXT: Arc<Context>;
}
