//! A connection on which things go wrong.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use transport::{
    Call, CallId, Carrier, Code, Connection, Metadata, Opening, Received, RequestHead, Status, open,
};

use crate::lab::{Fault, MessageId, Record, Side};

/// A connection around another one, on which a [`Fault`] befalls each call.
///
/// It stands for all that is between two programs. What has left the caller is on its way, and goes on
/// when the caller gives up. Time plays no part in it: a message that is held up waits for another one, and
/// not for a clock. So the same faults always make the same run.
///
/// Faults befall only calls whose request is whole when the call is opened, as a unary one is. All others
/// pass as they are.
pub struct Faulty {
    connection: Arc<dyn Connection>,
    record: Record,
    state: Mutex<State>,
    /// The latest call that is over for who made it.
    over: watch::Sender<u64>,
}

struct State {
    faults: Box<dyn Iterator<Item = Fault> + Send>,
    calls: u64,
    on_their_way: Vec<JoinHandle<()>>,
}

impl Faulty {
    /// A connection around `connection`: the first of `faults` befalls the first call, and so on; when there
    /// are no more, nothing does. What happens is noted in `record`.
    pub fn new(
        connection: Arc<dyn Connection>,
        faults: impl IntoIterator<Item = Fault, IntoIter: Send + 'static>,
        record: Record,
    ) -> Arc<Self> {
        let faults = Box::new(faults.into_iter());
        let state = Mutex::new(State { faults, calls: 0, on_their_way: Vec::new() });
        Arc::new(Self { connection, record, state, over: watch::Sender::new(0) })
    }

    /// Lets arrive what is still held up, and waits until nothing is on its way.
    pub async fn settle(&self) {
        self.over.send_replace(u64::MAX);
        let on_their_way = std::mem::take(&mut self.state().on_their_way);
        for call in on_their_way {
            // One that panicked is no longer on its way either.
            let _ = call.await;
        }
        let calls = self.state().calls;
        self.over.send_replace(calls);
    }

    /// How many calls were made on it.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a call as `fault` has it.
    async fn carry(self: Arc<Self>, fault: Fault, request: Request, answer: Arc<Answer>) {
        match fault {
            Fault::LoseRequest => return self.record.lost(request.message),
            Fault::CutRequest => {
                self.record.lost(request.message);
                return answer.put([Received::End(cut())]);
            }
            Fault::Delay => {
                // The sender is in `self`, so there is one.
                let _ = self.over.subscribe().wait_for(|latest| *latest > request.call).await;
            }
            Fault::None | Fault::LoseReply | Fault::Duplicate | Fault::CutReply => {}
        }
        let (reply, received) = self.serve(&request).await;
        match fault {
            Fault::LoseReply => self.record.lost(reply),
            Fault::CutReply => {
                self.record.lost(reply);
                answer.put([Received::End(cut())]);
            }
            _ => {
                self.record.arrived(reply);
                answer.put(received);
            }
        }
        if fault == Fault::Duplicate {
            let (reply, _) = self.serve(&request).await;
            self.record.arrived(reply);
        }
    }

    /// Has the request arrive; the reply as it leaves the server.
    async fn serve(&self, request: &Request) -> (MessageId, Vec<Received>) {
        self.record.arrived(request.message);
        let mut received = Vec::new();
        match open(&self.connection, request.head(), Some(request.bytes.clone()), true).await {
            Err(status) => received.push(Received::End(status)),
            Ok(mut call) => {
                while !matches!(received.last(), Some(Received::End(_))) {
                    received.push(call.receive.receive().await);
                }
            }
        }
        let code = received.last().map_or(Code::Unknown, |last| match last {
            Received::End(status) => status.code(),
            Received::Head(_) | Received::Message(_) => Code::Unknown,
        });
        (self.record.sent(Side::Server, code.name()), received)
    }
}

impl Connection for Faulty {
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        let is_whole = opening.as_ref().is_some_and(|opening| opening.end && opening.message.is_some());
        let Some(Opening { head, message: Some(bytes), .. }) = opening.take_if(|_| is_whole) else {
            return self.connection.clone().poll_open(cx, opening);
        };
        let mut state = self.state();
        state.calls += 1;
        let call = state.calls;
        let fault = state.faults.next().unwrap_or(Fault::None);
        let message = self.record.sent(Side::Client, head.path.method());
        let left = head.deadline.map(|deadline| Instant::from_std(deadline) - Instant::now());
        let request = Request { call, message, head, left, bytes };
        let answer = Arc::new(Answer { call, over: self.over.clone(), waiting: Mutex::default() });
        state.on_their_way.push(tokio::spawn(self.clone().carry(fault, request, answer.clone())));
        drop(state);
        Poll::Ready(Ok(Call::new(answer, CallId(call), true)))
    }

    fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

/// A request that has left its caller.
struct Request {
    call: u64,
    message: MessageId,
    head: RequestHead,
    /// What was left until its deadline when it left.
    left: Option<Duration>,
    bytes: Bytes,
}

impl Request {
    /// The head as it arrives: it says how much time is left, because two machines share no clock. The time
    /// on the way is not taken off.
    fn head(&self) -> RequestHead {
        let mut head = self.head.clone();
        head.deadline = self.left.map(|left| (Instant::now() + left).into_std());
        head
    }
}

/// The caller's end of a call: a carrier of what has arrived.
struct Answer {
    call: u64,
    over: watch::Sender<u64>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    arrived: VecDeque<Received>,
    given_up: Option<Status>,
    reader: Option<Waker>,
}

impl Answer {
    fn put(&self, received: impl IntoIterator<Item = Received>) {
        let mut waiting = self.waiting();
        waiting.arrived.extend(received);
        let reader = waiting.reader.take();
        drop(waiting);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn give_up(&self, status: Status) {
        self.waiting().given_up.get_or_insert(status);
        self.is_over();
    }

    fn is_over(&self) {
        self.over.send_if_modified(|latest| std::mem::replace(latest, self.call.max(*latest)) < self.call);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carrier for Answer {
    fn poll_send(
        &self,
        _cx: &mut Context<'_>,
        _call: CallId,
        _message: &mut Option<Bytes>,
        _end: bool,
    ) -> Poll<Result<(), Status>> {
        Poll::Ready(Err(Status::new(Code::FailedPrecondition, "the request was sent to its end")))
    }

    fn poll_receive(&self, cx: &mut Context<'_>, _call: CallId) -> Poll<Received> {
        let mut waiting = self.waiting();
        let next = waiting.arrived.pop_front();
        let Some(received) = next.or_else(|| waiting.given_up.clone().map(Received::End)) else {
            waiting.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(waiting);
        if matches!(received, Received::End(_)) {
            self.is_over();
        }
        Poll::Ready(received)
    }

    fn respond(&self, _call: CallId, _metadata: Metadata) -> Result<(), Status> {
        Err(Status::new(Code::FailedPrecondition, "only a server responds"))
    }

    fn finish(&self, call: CallId, status: Status) {
        self.cancel(call, status);
    }

    fn cancel(&self, _call: CallId, status: Status) {
        self.give_up(status);
    }

    fn stop_receiving(&self, _call: CallId) {
        self.give_up(Status::new(Code::Cancelled, "the caller gave the call up"));
    }
}

fn cut() -> Status {
    Status::new(Code::Unavailable, "the connection was cut")
}
