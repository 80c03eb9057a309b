//! What one end of a connection knows of one call: what has come in and was not read, how far each side
//! has come, and who is to be woken.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;

use super::message::{Assembler, Framed, violation};
use crate::{Code, Compression, Metadata, Received, Status};

/// One call, as one end of its connection sees it.
#[derive(Default)]
pub(super) struct CallState {
    /// Who waits for something to be received.
    pub(super) receiver: Option<Waker>,
    /// Who waits to send.
    pub(super) sender: Option<Waker>,
    /// The handler, to be stopped when the caller is gone.
    pub(super) handler: Option<Waker>,
    /// The codec of the messages, which a server repeats in its answer.
    pub(super) codec: ByteString,
    /// How messages that are sent may be compressed: announced, or for a server, wanted by its caller.
    pub(super) compression: Option<Compression>,
    /// Whether they are.
    pub(super) compresses: bool,
    /// The head of the response was sent.
    pub(super) responded: bool,
    /// How many bytes have been sent, and how many before the message that was sent last.
    pub(super) sent: u64,
    pub(super) sent_before_last: u64,
    /// When the call ends, if it has not ended before, as its caller said.
    pub(super) deadline: Option<Instant>,
    /// This side's end is decided.
    pub(super) ending: bool,
    /// Why nobody on the other side waits for this call any more.
    pub(super) cancelled: Option<Status>,
    pub(super) inbox: Inbox,
}

/// What has come in on a call.
#[derive(Default)]
pub(super) struct Inbox {
    head: Option<Metadata>,
    /// The next message and what it has taken of the window; `more` is empty as long as this is.
    message: Option<(Framed, usize)>,
    more: VecDeque<(Framed, usize)>,
    /// How messages that come may be compressed.
    pub(super) compression: Option<Compression>,
    /// The message that was taken last was.
    pub(super) was_compressed: bool,
    assembler: Assembler,
    /// What the message that is not complete has taken of the window.
    partial: usize,
    /// What receiving ends with, when all that came before has been read.
    end: Option<Status>,
    /// Nobody will read what comes.
    discards: bool,
}

impl CallState {
    pub(super) fn new(codec: ByteString) -> Self {
        Self { codec, ..Self::default() }
    }

    /// How many of the last `queued` bytes that were sent must still leave if messages are to be cut off:
    /// what is begun goes on to its end, for a client that gets a status behind half a message reads an
    /// error of its own.
    pub(super) fn bytes_to_keep(&self, queued: usize) -> usize {
        let left = self.sent - queued as u64;
        let end = if left > self.sent_before_last { self.sent } else { self.sent_before_last };
        (end - left) as usize
    }

    /// Takes the wakers of all who wait here.
    pub(super) fn take_wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        [self.receiver.take(), self.sender.take(), self.handler.take()].into_iter().flatten()
    }
}

impl Inbox {
    pub(super) fn put_head(&mut self, head: Metadata) {
        if !self.discards {
            self.head = Some(head);
        }
    }

    /// Takes data; returns how much of it the peer may send again at once.
    pub(super) fn put_data(&mut self, mut data: Bytes, limit: usize) -> Result<usize, Status> {
        if self.discards {
            return Ok(data.len());
        }
        loop {
            let before = data.len();
            let message = self.assembler.next(&mut data, limit)?;
            self.partial += before - data.len();
            let Some(message) = message else { break };
            if message.is_compressed && self.compression.is_none() {
                return Err(violation("a compressed message in a call without grpc-encoding"));
            }
            let entry = (message, std::mem::take(&mut self.partial));
            match self.message {
                None => self.message = Some(entry),
                Some(_) => self.more.push_back(entry),
            }
        }
        Ok(self.settle_partial())
    }

    /// Takes the end of what the peer sends; there is no other behind it.
    pub(super) fn put_end(&mut self, status: Status) {
        let is_cut = status.code() == Code::Ok && self.assembler.is_in_the_middle();
        let status = match is_cut {
            true => Status::new(Code::Internal, "gRPC layer: the stream ends inside a message"),
            false => status,
        };
        self.end.get_or_insert(status);
    }

    /// Ends what is received with `status`, whatever has come; returns how much the peer may send again.
    pub(super) fn end_now(&mut self, status: &Status) -> usize {
        self.end = Some(status.clone());
        self.discard()
    }

    /// Forgets what has come and what will; returns how much the peer may send again. What has come belongs to
    /// nobody else, so it can be dropped under the lock.
    pub(super) fn discard(&mut self) -> usize {
        self.discards = true;
        self.head = None;
        let mut owed = std::mem::take(&mut self.partial);
        for (_, cost) in self.message.take().into_iter().chain(self.more.drain(..)) {
            owed += cost;
        }
        self.assembler = Assembler::default();
        owed
    }

    /// The next thing that has come in, and how much the peer may send again for it. A message is still
    /// compressed if [`was_compressed`](Self::was_compressed) says so.
    pub(super) fn take(&mut self) -> Option<(Received, usize)> {
        if let Some(head) = self.head.take() {
            self.was_compressed = false;
            return Some((Received::Head(head), 0));
        }
        if let Some((message, cost)) = self.message.take() {
            self.message = self.more.pop_front();
            self.was_compressed = message.is_compressed;
            return Some((Received::Message(message.bytes), cost + self.settle_partial()));
        }
        self.end.clone().map(|end| (Received::End(end), 0))
    }

    /// How the call ended, if it has.
    pub(super) fn end(&self) -> Option<&Status> {
        self.end.as_ref()
    }

    /// A message that is not complete must come whole to be read, so its bytes are given back as they come
    /// — but not while another one waits to be read, or a slow reader would stop nobody.
    fn settle_partial(&mut self) -> usize {
        if self.message.is_none() { std::mem::take(&mut self.partial) } else { 0 }
    }
}
