//! Sees the messages of calls leave and arrive.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::watch;
use transport::{
    Call, CallId, Carrier, Code, Connection, IncomingCall, Metadata, Opening, Received, RequestHead, Service,
    Serving, Status,
};

use crate::lab::{MessageId, Record, Side};

/// Notes in a record what passes on calls: when it leaves one program, and when the other one takes it. It
/// stands at both ends of one connection, around the client's [`Connection`] and around the [`Service`]. Calls
/// that reach the service from elsewhere are not noted, if no other one is being opened then.
#[derive(Clone)]
pub struct Watched(Arc<Shared>);

struct Shared {
    record: Record,
    tell: Tell,
    under_way: Mutex<UnderWay>,
    /// How many handlers run.
    handlers: watch::Sender<usize>,
}

/// What has left and not arrived.
#[derive(Default)]
struct UnderWay {
    /// Calls arrive in the order in which they are opened.
    openings: VecDeque<MessageId>,
    /// By the call, and who has sent it.
    parts: HashMap<(CallId, Side), VecDeque<(Part, MessageId)>>,
}

/// A part of a call behind its opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Message,
    End,
    /// The caller gives the call up.
    Cancel,
}

/// Says in a few words what a message is; the side is the one that sends it.
pub type Tell = fn(&RequestHead, Side, &Bytes) -> String;

impl Watched {
    /// Notes in `record` what passes; `tell` says what a message is.
    pub fn new(record: Record, tell: Tell) -> Self {
        let handlers = watch::Sender::new(0);
        Self(Arc::new(Shared { record, tell, under_way: Mutex::default(), handlers }))
    }

    /// The client's end of the connection.
    pub fn connection(&self, connection: Arc<dyn Connection>) -> Arc<dyn Connection> {
        Arc::new(Client { connection, watched: self.clone() })
    }

    /// The server's end.
    pub fn service<S: Service>(&self, service: S) -> impl Service + use<S> {
        Server { service, watched: self.clone() }
    }

    /// Waits until no handler runs.
    pub async fn idle(&self) {
        // The sender is in `self`, so there is one.
        let _ = self.0.handlers.subscribe().wait_for(|running| *running == 0).await;
    }

    fn opened(&self, text: String) {
        let message = self.0.record.sent(Side::Client, text);
        self.under_way().openings.push_back(message);
    }

    /// Whether a call that now reaches the service was opened at the client's end.
    fn opening_arrived(&self) -> bool {
        let opening = self.under_way().openings.pop_front();
        if let Some(message) = opening {
            self.0.record.arrived(message);
        }
        opening.is_some()
    }

    fn sent(&self, call: CallId, from: Side, part: Part, text: String) {
        let message = self.0.record.sent(from, text);
        self.under_way().parts.entry((call, from)).or_default().push_back((part, message));
    }

    /// Whether a part has arrived by itself: a message may have come with the opening, an end with a message.
    fn arrived(&self, call: CallId, from: Side, part: Part) -> bool {
        let mut under_way = self.under_way();
        let parts = under_way.parts.entry((call, from)).or_default();
        if part == Part::Cancel {
            // What nobody has read before it will never be read.
            while parts.front().is_some_and(|(next, _)| *next != part) {
                parts.pop_front();
            }
        }
        let Some(&(next, message)) = parts.front() else { return false };
        if next != part {
            return false;
        }
        parts.pop_front();
        drop(under_way);
        self.0.record.arrived(message);
        true
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carrier(&self, carrier: Arc<dyn Carrier>, side: Side, head: RequestHead) -> Arc<dyn Carrier> {
        Arc::new(Noting { carrier, side, head, over: AtomicBool::new(false), watched: self.clone() })
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.0.record).finish()
    }
}

struct Client {
    connection: Arc<dyn Connection>,
    watched: Watched,
}

impl Connection for Client {
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        let opened = opening.clone();
        let call = ready!(self.connection.clone().poll_open(cx, opening))?;
        let Some(Opening { head, message, end }) = opened else { return Poll::Ready(Ok(call)) };
        let method = head.path.method();
        let text = match message {
            Some(message) => format!("{method} {}", (self.watched.0.tell)(&head, Side::Client, &message)),
            None => method.to_owned(),
        };
        self.watched.opened(with_end(text, end));
        Poll::Ready(Ok(call.wrap(|carrier| self.watched.carrier(carrier, Side::Client, head))))
    }

    fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}

struct Server<S> {
    service: S,
    watched: Watched,
}

impl<S: Service> Service for Server<S> {
    fn serve(&self, call: IncomingCall) -> Serving {
        if !self.watched.opening_arrived() {
            return self.service.serve(call);
        }
        self.watched.0.handlers.send_modify(|running| *running += 1);
        let handler = Handler { watched: self.watched.clone(), ended: false };
        let head = call.head.clone();
        let serving =
            self.service.serve(call.wrap(|carrier| self.watched.carrier(carrier, Side::Server, head)));
        Box::pin(async move {
            serving.await;
            handler.end();
        })
    }
}

/// A handler that runs.
struct Handler {
    watched: Watched,
    ended: bool,
}

impl Handler {
    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if !self.ended {
            self.watched.0.record.note(Side::Server, "the handler is dropped");
        }
        self.watched.0.handlers.send_modify(|running| *running -= 1);
    }
}

/// A carrier that notes what passes through it.
struct Noting {
    carrier: Arc<dyn Carrier>,
    side: Side,
    head: RequestHead,
    /// The end of the call was noted.
    over: AtomicBool,
    watched: Watched,
}

impl Noting {
    fn is_first_end(&self) -> bool {
        !self.over.swap(true, Ordering::Relaxed)
    }

    /// A client gives the call up, unless it is over.
    fn gives_up(&self, call: CallId) {
        if self.is_first_end() {
            self.watched.sent(call, Side::Client, Part::Cancel, "gives the call up".to_owned());
        }
    }
}

impl Carrier for Noting {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        call: CallId,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        let sending = message.clone();
        ready!(self.carrier.poll_send(cx, call, message, end))?;
        let (part, text) = match sending {
            Some(message) => (Part::Message, (self.watched.0.tell)(&self.head, self.side, &message)),
            None => (Part::End, String::new()),
        };
        if end && self.side == Side::Server {
            self.over.store(true, Ordering::Relaxed);
        }
        self.watched.sent(call, self.side, part, with_end(text, end));
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&self, cx: &mut Context<'_>, call: CallId) -> Poll<Received> {
        let received = ready!(self.carrier.poll_receive(cx, call));
        let from = self.side.other();
        match &received {
            Received::Head(_) => _ = self.watched.arrived(call, from, Part::Head),
            Received::Message(_) => _ = self.watched.arrived(call, from, Part::Message),
            Received::End(status) => {
                let is_first = self.side == Side::Server || self.is_first_end();
                // What ends a call without anybody's word is an event of this side.
                if !self.watched.arrived(call, from, Part::End) && is_first && status.code() != Code::Ok {
                    self.watched.0.record.note(self.side, status.code().name());
                }
            }
        }
        Poll::Ready(received)
    }

    fn respond(&self, call: CallId, metadata: Metadata) -> Result<(), Status> {
        self.carrier.respond(call, metadata)?;
        self.watched.sent(call, self.side, Part::Head, "head".to_owned());
        Ok(())
    }

    fn finish(&self, call: CallId, status: Status) {
        match self.side {
            Side::Client => self.gives_up(call),
            Side::Server if self.is_first_end() => {
                self.watched.sent(call, self.side, Part::End, format!("END {}", status.code()));
            }
            Side::Server => {}
        }
        self.carrier.finish(call, status);
    }

    fn cancel(&self, call: CallId, status: Status) {
        match self.side {
            Side::Client => self.gives_up(call),
            Side::Server => _ = self.watched.arrived(call, Side::Client, Part::Cancel),
        }
        self.carrier.cancel(call, status);
    }

    fn stop_receiving(&self, call: CallId) {
        if self.side == Side::Client {
            self.gives_up(call);
        }
        self.carrier.stop_receiving(call);
    }

    fn compress(&self, call: CallId, on: bool) {
        self.carrier.compress(call, on);
    }

    fn was_compressed(&self, call: CallId) -> bool {
        self.carrier.was_compressed(call)
    }
}

fn with_end(text: String, end: bool) -> String {
    match (text.is_empty(), end) {
        (_, false) => text,
        (true, true) => "END".to_owned(),
        (false, true) => format!("{text}, END"),
    }
}
