//! What a method can ask about the call it serves.

use std::time::Instant;

use transport::{Metadata, RequestHead};

/// When the call being served ends, if it has a deadline. A call made on its behalf inherits it:
/// `CallOptions::new().deadline(context::deadline())`.
///
/// Outside a call, and in a task that a method has spawned, there is none.
pub fn deadline() -> Option<Instant> {
    HEAD.try_with(|head| head.deadline).ok().flatten()
}

/// The metadata of the request being served; none outside a call.
pub fn metadata() -> Metadata {
    HEAD.try_with(|head| head.metadata.clone()).unwrap_or_default()
}

/// Runs `method` such that it can ask about the call that began with `head`.
pub(crate) async fn scope<F: Future>(head: RequestHead, method: F) -> F::Output {
    HEAD.scope(head, method).await
}

tokio::task_local! {
    static HEAD: RequestHead;
}
