//! When a call ends, if it has not ended before.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::{Sleep, sleep_until, timeout_at};
use transport::{Call, CallId, Carrier, Code, Metadata, Received, Status};

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
        Err(_) => Err(exceeded()),
    }
}

/// The same call, which ends DEADLINE_EXCEEDED at `deadline`, whoever is sending or receiving then.
pub(crate) fn bound(deadline: Option<Instant>, call: Call) -> Call {
    let Some(deadline) = deadline else { return call };
    let timer = || Mutex::new(Box::pin(sleep_until(deadline.into())));
    call.wrap(|carrier| Arc::new(Bounded { carrier, sending: timer(), receiving: timer() }))
}

/// A carrier whose one call has a deadline. Sender and receiver may be two tasks: each has a timer.
struct Bounded {
    carrier: Arc<dyn Carrier>,
    sending: Mutex<Pin<Box<Sleep>>>,
    receiving: Mutex<Pin<Box<Sleep>>>,
}

impl Bounded {
    /// Whether the deadline has passed; the call is given up then.
    fn has_passed(&self, cx: &mut Context<'_>, timer: &Mutex<Pin<Box<Sleep>>>, call: CallId) -> bool {
        let passed = timer.lock().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx).is_ready();
        if passed {
            self.carrier.cancel(call, exceeded());
        }
        passed
    }
}

impl Carrier for Bounded {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        call: CallId,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        if self.has_passed(cx, &self.sending, call) {
            return Poll::Ready(Err(exceeded()));
        }
        self.carrier.poll_send(cx, call, message, end)
    }

    fn poll_receive(&self, cx: &mut Context<'_>, call: CallId) -> Poll<Received> {
        // A call that is given up ends with the status that says so; or as it has ended before.
        self.has_passed(cx, &self.receiving, call);
        self.carrier.poll_receive(cx, call)
    }

    fn respond(&self, call: CallId, metadata: Metadata) -> Result<(), Status> {
        self.carrier.respond(call, metadata)
    }

    fn finish(&self, call: CallId, status: Status) {
        self.carrier.finish(call, status);
    }

    fn cancel(&self, call: CallId, status: Status) {
        self.carrier.cancel(call, status);
    }

    fn stop_receiving(&self, call: CallId) {
        self.carrier.stop_receiving(call);
    }

    fn compress(&self, call: CallId, on: bool) {
        self.carrier.compress(call, on);
    }

    fn was_compressed(&self, call: CallId) -> bool {
        self.carrier.was_compressed(call)
    }
}

fn exceeded() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline passed before the call ended")
}

/// 30 years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
