//! The handles of a call as the traits that other libraries know.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use transport::Status;

use crate::{Receiver, Sender};

/// A [`Receiver`] as a [`Stream`]: an item for each message. A call that ends with a status other than OK
/// has that as its last item.
pub struct ReceiverStream<T> {
    receiver: Receiver<T>,
    is_over: bool,
}

/// A [`Sender`] as a [`Sink`]: an item for each message. To close it is to say that there are no more:
/// [`Sender::finish`].
pub struct SenderSink<T> {
    sender: Sender<T>,
    /// The message that was given last, until it is sent.
    next: Option<Bytes>,
}

impl<T> ReceiverStream<T> {
    pub(crate) fn new(receiver: Receiver<T>) -> Self {
        Self { receiver, is_over: false }
    }

    /// The handle, to ask it for trailers, say.
    pub fn into_inner(self) -> Receiver<T> {
        self.receiver
    }
}

impl<T> SenderSink<T> {
    pub(crate) fn new(sender: Sender<T>) -> Self {
        Self { sender, next: None }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        if self.next.is_some() {
            ready!(self.sender.poll_send(cx, &mut self.next, false)).inspect_err(|_| self.next = None)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T> Stream for ReceiverStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let item = ready!(self.receiver.poll_recv(cx)).transpose();
        self.is_over = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

impl<T> Sink<T> for SenderSink<T> {
    type Error = Status;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.poll_sent(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: T) -> Result<(), Status> {
        self.next = Some(self.sender.encode(&message)?);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.poll_sent(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        let Self { sender, next } = &mut *self;
        ready!(sender.poll_send(cx, next, true)).inspect_err(|_| *next = None)?;
        Poll::Ready(Ok(()))
    }
}

impl<T> fmt::Debug for ReceiverStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiverStream").field(&self.receiver).finish()
    }
}

impl<T> fmt::Debug for SenderSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SenderSink").field(&self.sender).finish()
    }
}
