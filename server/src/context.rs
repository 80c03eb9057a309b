//! What a method can ask about the call it serves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use transport::{Metadata, RequestHead};

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

/// Whether the one message came compressed that a method with one message each way was called with. Of a
/// stream of messages its [`Receiver`](stub::Receiver) knows it.
pub fn request_was_compressed() -> bool {
    CONTEXT.try_with(|context| context.was_compressed).unwrap_or(false)
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

/// Runs `method` such that it can ask about the call that began with `head`, and whether its one request came
/// compressed; returns also what it says beside its messages.
pub(crate) async fn scope<F: Future>(
    head: RequestHead,
    was_compressed: bool,
    method: F,
) -> (F::Output, Beside) {
    let context = Arc::new(Context { head, was_compressed, reply: Mutex::default() });
    let output = CONTEXT.scope(context.clone(), method).await;
    let reply = std::mem::take(&mut *context.reply.lock().unwrap_or_else(PoisonError::into_inner));
    (output, reply)
}

struct Context {
    head: RequestHead,
    was_compressed: bool,
    reply: Mutex<Beside>,
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
