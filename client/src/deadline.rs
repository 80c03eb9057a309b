//! When a call ends, if it has not ended before.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use transport::{Code, Status};

/// The end of a call's time, as its caller gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// So long after the call began.
    After(Duration),
    /// At this instant.
    At(Instant),
}

impl Deadline {
    /// The instant, for a call that begins now. A time too long to be counted is no deadline's.
    pub(crate) fn instant(self) -> Instant {
        match self {
            Self::At(deadline) => deadline,
            Self::After(timeout) => {
                let now = tokio::time::Instant::now().into_std();
                now.checked_add(timeout).unwrap_or(now + FAR)
            }
        }
    }
}

/// What `call` ends with, or DEADLINE_EXCEEDED at `deadline`. The call is dropped then, which gives
/// it up: the deadline is no more than that.
pub(crate) async fn within<T>(
    deadline: Option<Instant>,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(deadline) = deadline else { return call.await };
    match timeout_at(deadline.into(), call).await {
        Ok(ended) => ended,
        Err(_) => Err(Status::new(Code::DeadlineExceeded, "the deadline passed before the call ended")),
    }
}

/// 30 years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
