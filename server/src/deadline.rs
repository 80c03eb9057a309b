//! Ends what is served when its time is over.

use tokio::time::{Instant, timeout_at};
use transport::{Code, IncomingCall, Service, Serving, Status};

/// A service around another: ends a call at its deadline with DEADLINE_EXCEEDED and drops its
/// handler. A call without a deadline costs nothing here.
#[derive(Debug)]
pub struct Deadlines<S>(pub S);

impl<S: Service> Service for Deadlines<S> {
    fn serve(&self, call: IncomingCall) -> Serving {
        let Some(deadline) = call.head.deadline else {
            return self.0.serve(call);
        };
        if deadline <= Instant::now().into_std() {
            call.send.finish(exceeded());
            return Box::pin(std::future::ready(()));
        }
        let canceller = call.send.canceller();
        let mut serving = self.0.serve(call);
        Box::pin(async move {
            if timeout_at(deadline.into(), &mut serving).await.is_err() {
                // Before the handler is dropped, which would answer in its own way.
                canceller.cancel(exceeded());
            }
        })
    }
}

fn exceeded() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline passed before the method was done")
}
