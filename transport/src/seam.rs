//! The seam: what every transport offers to what stands above it.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;

use crate::{Behind, Call, Compression, IncomingCall, Metadata, Path, Status};

/// Opens calls: the client's end of a connection.
///
/// What wraps a connection is itself a connection: it looks at the head, changes it, waits, picks
/// one of several connections, and hands on. The [`Call`] that comes back is bound to the
/// [`Carrier`] below, so that a wrapper costs nothing once the call is open — unless it wants to
/// see the messages too, and then it puts a carrier of its own around that one ([`Call::wrap`]).
pub trait Connection: Send + Sync + 'static {
    /// Opens a call.
    ///
    /// `opening` is taken when the call is open. It is left in place while the answer is pending, as
    /// long as the peer allows no further call or the send buffer is full; and with an error that is not
    /// its own, so that the call can be opened elsewhere.
    ///
    /// # Errors
    /// UNAVAILABLE when the connection is gone or going away; RESOURCE_EXHAUSTED when the message
    /// or the metadata is larger than the peer accepts, or too many calls wait to be opened. No call is
    /// open then.
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>>;

    /// Whether no call can be opened here any more, because the connection is gone or going away.
    fn is_closed(&self) -> bool;
}

/// Carries calls that are open, each known by its number.
///
/// One lock stands behind these methods, and none of them waits for the network, so they can be
/// called from anywhere. A number whose call is over is no mistake: handles outlive calls.
pub trait Carrier: Send + Sync + 'static {
    /// Sends the next message of a call, its `end`, or both in one piece. From a server, `end`
    /// means that the call went well.
    ///
    /// `message` is taken when it is accepted. Pending while the one before is still held back by
    /// the peer's window, or while the send buffer is full.
    ///
    /// # Errors
    /// Why the call is over, when it is over already; RESOURCE_EXHAUSTED, and the call goes on,
    /// when the message is larger than the peer accepts.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        call: CallId,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>>;

    /// Sends a copy of one more message of a call, if that is small and nothing is in its way: in a stream of small
    /// messages most take this short way. `false`: nothing was sent, and [`poll_send`](Self::poll_send) is the way.
    ///
    /// What wraps a carrier and does not know of this sees everything in `poll_send`.
    fn send_one_more(&self, call: CallId, message: &[u8]) -> bool {
        let _ = (call, message);
        false
    }

    /// The next thing the peer has sent on a call. Whatever goes wrong is a [`Received::End`] with
    /// the status that says so.
    fn poll_receive(&self, cx: &mut Context<'_>, call: CallId) -> Poll<Received>;

    /// As [`poll_receive`](Self::poll_receive). When that is a message, some of those behind it may come with
    /// it, into `behind`, which is empty: a stream of small messages goes to the lock once for many. The peer
    /// gets no credit for them until this side asks again, which it does when it has read them all. So may the
    /// end, when this side has sent all it has to send: a call with one message each way goes there once.
    ///
    /// What wraps a carrier and does not know of this sees everything in `poll_receive`.
    fn poll_receive_some(&self, cx: &mut Context<'_>, call: CallId, behind: &mut Behind) -> Poll<Received> {
        let _ = behind;
        self.poll_receive(cx, call)
    }

    /// From a server: sends the head of the response, before any message.
    ///
    /// # Errors
    /// The call's status when it is over already; RESOURCE_EXHAUSTED when there is more metadata
    /// than the transport carries; FAILED_PRECONDITION when head or message has been sent before.
    fn respond(&self, call: CallId, metadata: Metadata) -> Result<(), Status>;

    /// From a server: ends a call with `status`, behind the messages that were sent. From a client it
    /// is [`cancel`](Self::cancel).
    fn finish(&self, call: CallId, status: Status);

    /// Ends a call at once; whole messages that wait to be sent may be dropped. From a server `status` is the
    /// answer; from a client it means that nobody waits for the answer any more, and the server is told
    /// to stop.
    fn cancel(&self, call: CallId, status: Status);

    /// Says that nobody will receive on this call again. A client gives up the call with it.
    fn stop_receiving(&self, call: CallId);

    /// Whether the messages of a call that are sent from now on are compressed. Nothing happens where the
    /// transport cannot, or the other side does not want it. What wraps a carrier hands this on.
    fn compress(&self, call: CallId, on: bool) {
        let _ = (call, on);
    }

    /// Whether the message that was received last on a call came compressed. What wraps a carrier hands
    /// this on.
    fn was_compressed(&self, call: CallId) -> bool {
        let _ = call;
        false
    }
}

/// Serves calls: a router, the server stub of one service, or what wraps one of these.
pub trait Service: Send + Sync + 'static {
    /// Serves one call to its end.
    ///
    /// The future is polled once in place, by the task of the connection the call came on, and
    /// becomes a task of its own only if it is still pending then. It is dropped as soon as the
    /// caller gives up or is gone. A panic in it ends this call with INTERNAL and no other.
    fn serve(&self, call: IncomingCall) -> Serving;
}

/// A call being served: see [`Service::serve`].
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<S: Service + ?Sized> Service for Arc<S> {
    fn serve(&self, call: IncomingCall) -> Serving {
        (**self).serve(call)
    }
}

/// The number of a call, unique on its connection and for its [`Carrier`] to interpret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// A call to be opened: its head and, where they are known already, its first message and the end of
/// the request. They leave in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// How the call begins.
    pub head: RequestHead,
    /// The first message.
    pub message: Option<Bytes>,
    /// Whether the request ends with it.
    pub end: bool,
}

/// How a call begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method called.
    pub path: Path,
    pub(crate) codec: ByteString,
    /// What the caller adds beside the messages.
    pub metadata: Metadata,
    /// When the call ends, DEADLINE_EXCEEDED, if it has not ended before. On the wire this is the
    /// time that remains, because two machines do not share a clock.
    pub deadline: Option<Instant>,
    /// How the messages of the request are compressed, where the transport carries them so. A client that
    /// sets it also takes answers that are compressed.
    pub compression: Option<Compression>,
}

impl RequestHead {
    /// A call of `path` with messages in `codec`; no metadata, no deadline, nothing compressed.
    pub fn new(path: Path, codec: impl Into<Cow<'static, str>>) -> Self {
        let codec = match codec.into() {
            Cow::Borrowed(name) => ByteString::from_static(name),
            Cow::Owned(name) => name.into(),
        };
        Self::received(path, codec)
    }

    /// The name of the codec of the messages: what follows `application/grpc+` in gRPC. 1 to 64 bytes
    /// of visible ASCII; to a transport it means nothing.
    pub fn codec(&self) -> &str {
        &self.codec
    }

    /// The same from bytes that came on the wire.
    pub(crate) fn received(path: Path, codec: ByteString) -> Self {
        Self { path, codec, metadata: Metadata::new(), deadline: None, compression: None }
    }
}

/// What comes in on a call, in this order: at most one head, any number of messages, one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The head of a response, if the server sent one. A request's head comes with the call. One that says
    /// nothing may be left out when a message has come behind it.
    Head(Metadata),
    /// One whole message.
    Message(Bytes),
    /// Nothing follows. To a client this is how the call ended. To a server it is OK when the
    /// caller has sent all it had to send, and else why the call is over.
    End(Status),
}
