//! The two handles of a call, [`SendStream`] and [`RecvStream`].

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::{
    Behind, CallId, Carrier, Code, Connection, Metadata, Opening, Peer, Received, RequestHead, Status,
};

/// A call that a client has opened.
#[derive(Debug)]
pub struct Call {
    /// Sends the messages of the request.
    pub send: SendStream,
    /// Receives the response.
    pub receive: RecvStream,
}

/// A call that a server has been asked to serve.
#[derive(Debug)]
#[non_exhaustive]
pub struct IncomingCall {
    /// How the call began: method, codec, metadata, deadline.
    pub head: RequestHead,
    /// Who calls, where the connection knows it.
    pub peer: Option<Arc<Peer>>,
    /// Receives the messages of the request.
    pub receive: RecvStream,
    /// Sends the response.
    pub send: SendStream,
}

/// Sends one side of a call.
///
/// Dropped before that side has ended, it ends the call: a client's call is CANCELLED, a server's
/// answer is INTERNAL, because the caller waits for one and nobody is left to give it.
pub struct SendStream {
    handle: Handle,
    ended: bool,
}

/// The end of a server's side of a call, apart from its messages: see [`SendStream::split_end`]. Dropped,
/// it ends the call as a [`SendStream`] does.
pub struct Ending(SendStream);

/// Receives one side of a call.
///
/// A client that drops it before the end has come gives the call up. A server may drop it whenever
/// it has read enough.
pub struct RecvStream {
    handle: Handle,
    /// What came out with the message before it.
    behind: Behind,
    ended: bool,
}

/// Ends a call whose handles are in other hands: see [`SendStream::canceller`].
#[derive(Clone)]
pub struct Canceller(Handle);

/// Opens a call on `connection`: see [`Connection::poll_open`].
///
/// # Errors
/// Those of [`Connection::poll_open`].
pub async fn open(
    connection: &Arc<dyn Connection>,
    head: RequestHead,
    message: Option<Bytes>,
    end: bool,
) -> Result<Call, Status> {
    let mut opening = Some(Opening { head, message, end });
    poll_fn(|cx| connection.clone().poll_open(cx, &mut opening)).await
}

impl Call {
    /// The handles of call `call` of `carrier`, on the client's side. `sent` when the request has
    /// been sent to its end.
    pub fn new(carrier: Arc<dyn Carrier>, call: CallId, sent: bool) -> Self {
        let handle = Handle { carrier, call, side: Side::Client };
        Self {
            send: SendStream { handle: handle.clone(), ended: sent },
            receive: RecvStream { handle, behind: Behind::default(), ended: false },
        }
    }

    /// The same call, carried by what `wrap` puts around its carrier: to see its messages, say.
    pub fn wrap(mut self, wrap: impl FnOnce(Arc<dyn Carrier>) -> Arc<dyn Carrier>) -> Self {
        rewire(&mut self.send, &mut self.receive, wrap);
        self
    }
}

impl IncomingCall {
    /// The handles of call `call` of `carrier`, on the server's side. It is not known who calls.
    pub fn new(carrier: Arc<dyn Carrier>, call: CallId, head: RequestHead) -> Self {
        let handle = Handle { carrier, call, side: Side::Server };
        Self {
            head,
            peer: None,
            receive: RecvStream { handle: handle.clone(), behind: Behind::default(), ended: false },
            send: SendStream { handle, ended: false },
        }
    }

    /// The same call, carried by what `wrap` puts around its carrier: to see its messages, say.
    pub fn wrap(mut self, wrap: impl FnOnce(Arc<dyn Carrier>) -> Arc<dyn Carrier>) -> Self {
        rewire(&mut self.send, &mut self.receive, wrap);
        self
    }
}

impl SendStream {
    /// Sends one message; waits while the peer's window or the send buffer is full.
    ///
    /// # Errors
    /// Those of [`Carrier::poll_send`].
    pub async fn send(&mut self, message: Bytes) -> Result<(), Status> {
        let mut message = Some(message);
        poll_fn(|cx| self.poll_send(cx, &mut message, false)).await
    }

    /// [`Carrier::send_one_more`] for this call.
    pub fn send_one_more(&mut self, message: &[u8]) -> bool {
        self.handle.carrier.send_one_more(self.handle.call, message)
    }

    /// Sends the last message: with it a client has sent its whole request, and a server has
    /// answered the call and it went well.
    ///
    /// # Errors
    /// Those of [`Carrier::poll_send`].
    pub async fn send_last(&mut self, message: Bytes) -> Result<(), Status> {
        let mut message = Some(message);
        poll_fn(|cx| self.poll_send(cx, &mut message, true)).await
    }

    /// From a client: there are no more messages (*half-close*). The response goes on.
    ///
    /// # Errors
    /// Those of [`Carrier::poll_send`].
    pub async fn half_close(&mut self) -> Result<(), Status> {
        poll_fn(|cx| self.poll_send(cx, &mut None, true)).await
    }

    /// From a server: sends the head of the response. Without this, it is empty.
    ///
    /// # Errors
    /// Those of [`Carrier::respond`].
    pub fn respond(&mut self, metadata: Metadata) -> Result<(), Status> {
        self.handle.carrier.respond(self.handle.call, metadata)
    }

    /// From a server: ends the call with `status`, behind the messages. From a client: gives the call up.
    pub fn finish(mut self, status: Status) {
        self.ended = true;
        self.handle.carrier.finish(self.handle.call, status);
    }

    /// Whether the messages that are sent from now on are compressed, where transport and peer can. A
    /// server decides so for the first time before it sends anything.
    pub fn compress(&mut self, on: bool) {
        self.handle.carrier.compress(self.handle.call, on);
    }

    /// Leaves the end of the call to another handle: who has this one sends messages, and can drop it when it
    /// has sent all. It cannot end the call any more.
    pub fn split_end(mut self) -> (Self, Ending) {
        self.ended = true;
        let ending = Self { handle: self.handle.clone(), ended: false };
        (self, Ending(ending))
    }

    /// What can end this call while somebody else has the handle: at a deadline, say.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.handle.clone())
    }

    /// [`Carrier::poll_send`] for this call.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        // What has been ended, or has left its end to another handle, is not ended a second time.
        let end = end && !self.ended;
        if message.is_none() && !end {
            return Poll::Ready(Ok(()));
        }
        let sent = self.handle.carrier.poll_send(cx, self.handle.call, message, end);
        if end && matches!(sent, Poll::Ready(Ok(()))) {
            self.ended = true;
        }
        sent
    }
}

impl RecvStream {
    /// What comes next on this call. Nothing comes after an end.
    pub async fn receive(&mut self) -> Received {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The one message of a side that has exactly one.
    ///
    /// # Errors
    /// UNIMPLEMENTED when there is none, or more than one; else the status with which the call ended,
    /// if not OK.
    pub async fn single_message(&mut self) -> Result<Bytes, Status> {
        let mut single = None;
        loop {
            match self.receive().await {
                Received::Head(_) => {}
                Received::Message(message) if single.is_none() => single = Some(message),
                Received::Message(_) => {
                    return Err(Status::new(Code::Unimplemented, "more than one message where one is due"));
                }
                Received::End(status) => {
                    status.into_result()?;
                    return single
                        .ok_or_else(|| Status::new(Code::Unimplemented, "no message where one is due"));
                }
            }
        }
    }

    /// Whether the message that was received last came compressed.
    pub fn was_compressed(&self) -> bool {
        self.handle.carrier.was_compressed(self.handle.call)
    }

    /// What comes next on this call. Messages that have been taken out together come before whatever has
    /// happened to the call meanwhile.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        if let Some(next) = self.behind.take() {
            return Poll::Ready(next);
        }
        let received = self.handle.carrier.poll_receive_some(cx, self.handle.call, &mut self.behind);
        self.ended |= self.behind.has_end() || matches!(received, Poll::Ready(Received::End(_)));
        received
    }
}

impl Ending {
    /// Ends the call with `status`, behind the messages that were sent.
    pub fn finish(self, status: Status) {
        self.0.finish(status);
    }
}

impl Canceller {
    /// Ends the call at once with `status`, unless it has ended before: [`Carrier::cancel`].
    pub fn cancel(&self, status: Status) {
        self.0.carrier.cancel(self.0.call, status);
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let status = match self.handle.side {
            Side::Client => Status::new(Code::Cancelled, "the caller gave the call up"),
            Side::Server if std::thread::panicking() => handler_panicked(),
            Side::Server => Status::new(Code::Internal, "the handler ended without an answer"),
        };
        self.handle.carrier.cancel(self.handle.call, status);
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        if !self.ended {
            self.handle.carrier.stop_receiving(self.handle.call);
        }
    }
}

impl fmt::Debug for SendStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendStream({:?} of call {})", self.handle.side, self.handle.call.0)
    }
}

impl fmt::Debug for RecvStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvStream({:?} of call {})", self.handle.side, self.handle.call.0)
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ending({:?} of call {})", self.0.handle.side, self.0.handle.call.0)
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canceller({:?} of call {})", self.0.side, self.0.call.0)
    }
}

/// What a caller learns of a panic: that there was one. Its message stays on the server.
pub(crate) fn handler_panicked() -> Status {
    Status::new(Code::Internal, "the handler panicked")
}

fn rewire(
    send: &mut SendStream,
    receive: &mut RecvStream,
    wrap: impl FnOnce(Arc<dyn Carrier>) -> Arc<dyn Carrier>,
) {
    let carrier = wrap(send.handle.carrier.clone());
    send.handle.carrier = carrier.clone();
    receive.handle.carrier = carrier;
}

#[derive(Clone)]
struct Handle {
    carrier: Arc<dyn Carrier>,
    call: CallId,
    side: Side,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Client,
    Server,
}
