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
pub(crate) struct ReplyMetadata {
    pub(crate) head: Option<Metadata>,
    pub(crate) trailers: Metadata,
}

/// Runs `method` such that it can ask about the call that began with `head`; returns also what it says
/// beside its messages.
pub(crate) async fn scope<F: Future>(head: RequestHead, method: F) -> (F::Output, ReplyMetadata) {
    let context = Arc::new(Context { head, reply: Mutex::default() });
    let output = CONTEXT.scope(context.clone(), method).await;
    let reply = std::mem::take(&mut *context.reply.lock().unwrap_or_else(PoisonError::into_inner));
    (output, reply)
}

struct Context {
    head: RequestHead,
    reply: Mutex<ReplyMetadata>,
}

fn with_reply(set: impl FnOnce(&mut ReplyMetadata)) {
    // Outside a call there is nobody to tell.
    let _ = CONTEXT.try_with(|context| {
        set(&mut context.reply.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

tokio::task_local! {
    static CONTEXT: Arc<Context>;
}
