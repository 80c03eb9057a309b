//! What one end of a connection knows of one call: what has come in and was not read, how far each side
//! has come, and who is to be woken.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;

use super::message::{Assembler, Framed, compressed_without_encoding};
use crate::behind::{self, Behind};
use crate::session::over;
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
    /// What the messages have taken of the window that went out behind another: it is given back when the
    /// next one is asked for, for then they have been read.
    lent: usize,
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
    /// This side has ended the call: whoever still reads learns that, unless the end came before.
    is_over: bool,
}

impl CallState {
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
                return Err(compressed_without_encoding());
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
        let mut owed = std::mem::take(&mut self.partial) + std::mem::take(&mut self.lent);
        for (_, cost) in self.message.take().into_iter().chain(self.more.drain(..)) {
            owed += cost;
        }
        self.assembler = Assembler::default();
        owed
    }

    /// As [`discard`](Self::discard), since this side has ended the call.
    pub(super) fn answered(&mut self) -> usize {
        self.is_over = true;
        self.discard()
    }

    /// The next thing that has come in, and how much the peer may send again for it. A message is still
    /// compressed if [`was_compressed`](Self::was_compressed) says so.
    pub(super) fn take(&mut self) -> Option<(Received, usize)> {
        // A head that says nothing is worth telling as long as it is all there is.
        if let Some(head) = self.head.take()
            && (self.message.is_none() || !head.is_empty())
        {
            self.was_compressed = false;
            return Some((Received::Head(head), 0));
        }
        if let Some((message, cost)) = self.message.take() {
            self.message = self.more.pop_front();
            self.was_compressed = message.is_compressed;
            return Some((Received::Message(message.bytes), cost + self.settle_partial()));
        }
        let end = self.end.clone().or_else(|| self.is_over.then(over))?;
        Some((Received::End(end), 0))
    }

    /// Moves messages to `behind` that come behind the one that was taken last, as far as they have taken no
    /// more than `most` of the window; and, `with_end`, the end if that is all. Where messages may be compressed
    /// they stay: whether one was, is asked of the one that was taken last.
    pub(super) fn lend(&mut self, most: usize, with_end: bool, behind: &mut Behind) {
        if self.compression.is_some() {
            return;
        }
        while self.message.is_some()
            && behind.len() < behind::MOST
            && let Some((message, cost)) = self.message.take_if(|(_, cost)| self.lent + *cost <= most)
        {
            self.message = self.more.pop_front();
            self.lent += cost;
            behind.put(message.bytes);
        }
        if with_end
            && self.message.is_none()
            && let Some(end) = &self.end
        {
            behind.put_end(end.clone());
        }
    }

    /// The messages that were lent have been read; returns how much the peer may send again for them.
    pub(super) fn take_back(&mut self) -> usize {
        std::mem::take(&mut self.lent) + self.settle_partial()
    }

    /// Whether there is something to be taken.
    pub(super) fn has_something(&self) -> bool {
        self.message.is_some() || self.head.is_some() || self.end.is_some()
    }

    /// How the call ended, if it has.
    pub(super) fn end(&self) -> Option<&Status> {
        self.end.as_ref()
    }

    /// A message that is not complete must come whole to be read, so its bytes are given back as they come
    /// — but not while another one waits to be read, or a slow reader would stop nobody.
    fn settle_partial(&mut self) -> usize {
        let is_next = self.message.is_none() && self.lent == 0;
        if is_next { std::mem::take(&mut self.partial) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of messages of four bytes, nine with the prefix; and of a part of a further one.
    fn inbox(messages: usize, part: usize) -> (Inbox, usize) {
        let message = [&[0, 0, 0, 0, 4][..], b"text"].concat();
        let data = [message.repeat(messages), message[..part].to_vec()].concat();
        let mut inbox = Inbox::default();
        let read = inbox.put_data(data.into(), 100).unwrap();
        (inbox, read)
    }

    #[test]
    fn what_goes_out_behind_another_message_gets_credit_when_the_next_is_asked_for() {
        let (mut inbox, read) = inbox(5, 0);
        assert_eq!(read, 0, "nothing was read");
        assert_eq!(inbox.take(), Some((Received::Message(Bytes::from_static(b"text")), 9)));
        let mut behind = Behind::default();
        inbox.lend(29, true, &mut behind);
        let lent: Vec<_> = std::iter::from_fn(|| behind.take()).collect();
        let text = Received::Message(Bytes::from_static(b"text"));
        assert_eq!(lent, vec![text; 3], "no more than 29 bytes of the window");
        assert_eq!(inbox.take_back(), 27);
        assert_eq!(inbox.take_back(), 0);
        assert!(inbox.take().is_some() && inbox.take().is_none());
    }

    #[test]
    fn a_part_of_a_message_gets_no_credit_while_one_that_was_lent_may_be_unread() {
        let (mut inbox, _) = inbox(2, 7);
        assert!(inbox.take().is_some_and(|(_, read)| read == 9));
        inbox.lend(100, true, &mut Behind::default());
        assert_eq!(inbox.put_data(Bytes::from_static(b"x"), 100), Ok(0));
        assert_eq!(inbox.take_back(), 9 + 7 + 1);
    }

    #[test]
    fn nobody_has_to_read_what_was_lent_for_the_peer_to_get_its_credit_at_the_end() {
        let (mut inbox, _) = inbox(3, 0);
        inbox.take();
        inbox.lend(100, true, &mut Behind::default());
        assert_eq!(inbox.discard(), 18);
    }

    #[test]
    fn messages_that_may_be_compressed_go_out_one_by_one() {
        let (mut inbox, _) = inbox(3, 0);
        inbox.compression = Some(Compression::Gzip);
        inbox.take();
        inbox.put_end(Status::ok());
        let mut behind = Behind::default();
        inbox.lend(100, true, &mut behind);
        assert!(behind.is_empty());
    }

    #[test]
    fn the_end_goes_out_behind_the_last_message_and_not_before() {
        let (mut inbox, _) = inbox(3, 0);
        inbox.put_end(Status::ok());
        inbox.take();
        let mut behind = Behind::default();
        inbox.lend(9, true, &mut behind);
        assert!(behind.len() == 1 && !behind.has_end(), "one message is left");
        inbox.lend(18, true, &mut behind);
        assert!(behind.len() == 2 && behind.has_end());
    }

    #[test]
    fn an_empty_head_is_told_unless_a_message_has_come_too() {
        let (mut inbox, _) = inbox(0, 0);
        inbox.put_head(Metadata::new());
        assert_eq!(inbox.take(), Some((Received::Head(Metadata::new()), 0)));
        let (mut inbox, _) = self::inbox(1, 0);
        inbox.put_head(Metadata::new());
        assert_eq!(inbox.take(), Some((Received::Message(Bytes::from_static(b"text")), 9)));
    }
}
