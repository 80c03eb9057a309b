//! The messages of one side of a call, one by one.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use transport::{Canceller, Code, Metadata, Received, RecvStream, SendStream, Status};

use crate::adapters::{ReceiverStream, SenderSink};
use crate::codec::Coding;

/// Sends the messages of one side of a call.
///
/// A client says with [`finish`](Self::finish) that there are no more; dropped before that, it gives the
/// call up. A server's handler just returns when it has sent all.
pub struct Sender<T> {
    send: SendStream,
    coding: Coding<T>,
    /// Where small messages are encoded, one after the other.
    buffer: Vec<u8>,
}

/// Receives the messages of one side of a call. A client that drops it before the end gives the call up.
pub struct Receiver<T> {
    receive: RecvStream,
    coding: Coding<T>,
    head: Option<Metadata>,
    /// The first message, where the head was asked for and there was none.
    first: Option<Bytes>,
    end: Option<Status>,
    /// Whether the one message came compressed that has one: behind its end nobody can ask any more.
    single_was_compressed: Option<bool>,
}

impl<T> Sender<T> {
    /// Sends what `send` takes, in `coding`.
    pub fn new(send: SendStream, coding: Coding<T>) -> Self {
        Self { send, coding, buffer: Vec::new() }
    }

    /// Sends one message. Waits while the other side does not read: then its window is full, or what
    /// this side may hold.
    ///
    /// # Errors
    /// Why the call is over, when it is: the status with which it ended, or that it is over where that status
    /// has been received already. RESOURCE_EXHAUSTED, and the call goes on, when the message is larger than
    /// the other side accepts.
    pub async fn send(&mut self, message: &T) -> Result<(), Status> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.coding.append(message, &mut buffer)?;
        if self.send.send_one_more(&buffer) {
            self.buffer = buffer;
            return Ok(());
        }
        self.send.send(buffer.into()).await
    }

    /// From a server: sends the head of the response, before any message.
    ///
    /// # Errors
    /// When a head or a message has been sent before, or the call is over.
    pub fn respond(&mut self, metadata: Metadata) -> Result<(), Status> {
        self.send.respond(metadata)
    }

    /// From a client: there are no more messages. The answers go on. At a server nothing happens: the handler
    /// ends its side when it returns.
    ///
    /// # Errors
    /// Why the call is over, when it is.
    pub async fn finish(mut self) -> Result<(), Status> {
        self.send.half_close().await
    }

    /// Whether the messages that are sent from now on are compressed, where transport and the other side
    /// can. A server decides so for the first time before it sends anything.
    pub fn compress(&mut self, on: bool) {
        self.send.compress(on);
    }

    /// The same as a `Sink`.
    pub fn into_sink(self) -> SenderSink<T> {
        SenderSink::new(self)
    }

    /// What can end the call from elsewhere.
    pub fn canceller(&self) -> Canceller {
        self.send.canceller()
    }

    /// The stream of bytes below.
    pub fn into_inner(self) -> SendStream {
        self.send
    }

    pub(crate) fn encode(&self, message: &T) -> Result<Bytes, Status> {
        self.coding.encode(message)
    }

    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        self.send.poll_send(cx, message, end)
    }
}

impl<T> Receiver<T> {
    /// Receives what comes on `receive`, in `coding`.
    pub fn new(receive: RecvStream, coding: Coding<T>) -> Self {
        Self { receive, coding, head: None, first: None, end: None, single_was_compressed: None }
    }

    /// The next message; `None` when there are no more and all is well.
    ///
    /// # Errors
    /// The status with which the call ended, if not OK; INTERNAL when a message does not decode.
    pub async fn recv(&mut self) -> Result<Option<T>, Status> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The one message of a side that has exactly one.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); UNIMPLEMENTED when there is none, or more than one.
    pub async fn single(&mut self) -> Result<T, Status> {
        let due = |text| Status::new(Code::Unimplemented, text);
        let message = self.recv().await?.ok_or_else(|| due("no message where one is due"))?;
        self.single_was_compressed = Some(self.receive.was_compressed());
        match self.recv().await? {
            None => Ok(message),
            Some(_) => Err(due("more than one message where one is due")),
        }
    }

    /// From a server: the metadata of the head of its response, as soon as that has come. Empty when the
    /// call ended without one.
    pub async fn head(&mut self) -> &Metadata {
        while self.head.is_none() && self.first.is_none() && self.end.is_none() {
            match self.receive.receive().await {
                Received::Head(head) => self.head = Some(head),
                Received::Message(message) => self.first = Some(message),
                Received::End(status) => self.end = Some(status),
            }
        }
        self.head.get_or_insert_default()
    }

    /// The same as a `Stream`.
    pub fn into_stream(self) -> ReceiverStream<T> {
        ReceiverStream::new(self)
    }

    /// Whether the message that was received last came compressed.
    pub fn was_compressed(&self) -> bool {
        self.single_was_compressed.unwrap_or_else(|| self.receive.was_compressed())
    }

    /// The metadata behind the last message, once that has come ([`recv`](Self::recv) has said so).
    pub fn trailers(&self) -> Option<&Metadata> {
        self.end.as_ref().map(Status::metadata)
    }

    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(self.coding.decode(first).map(Some));
        }
        while self.end.is_none() {
            match ready!(self.receive.poll_receive(cx)) {
                Received::Head(head) => self.head = Some(head),
                Received::Message(message) => return Poll::Ready(self.coding.decode(message).map(Some)),
                Received::End(status) => self.end = Some(status),
            }
        }
        Poll::Ready(self.end.clone().map_or(Ok(()), Status::into_result).map(|()| None))
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.send).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.receive).finish()
    }
}
