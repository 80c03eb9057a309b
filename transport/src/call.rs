//! What one end of a connection knows of one call: what has come in and not been read, what waits
//! to go out, how much credit each side has, and who is to be woken.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::{Bytes, BytesMut};

use crate::discarded::Discarded;
use crate::frame::{Frame, Hello, MAX_PIECE, MESSAGE_COST, Piece};
use crate::session::{Role, over, violation};
use crate::{Code, Metadata, Received, Status};

/// One call, as one end of its connection sees it.
#[derive(Default)]
pub(crate) struct CallState {
    /// Who waits for something to be received.
    pub(crate) receiver: Option<Waker>,
    /// Who waits to send.
    pub(crate) sender: Option<Waker>,
    /// The handler, to be stopped when the caller is gone.
    pub(crate) handler: Option<Waker>,
    /// The message that is partly sent or has no credit yet.
    pub(crate) outgoing: Option<Outgoing>,
    /// Whether the call has its place among those that send in turn.
    pub(crate) has_turn: bool,
    /// Whether the call is listed among those that wait for room in the send buffer.
    pub(crate) crowded: bool,
    /// Head or message of the response has been sent.
    pub(crate) responded: bool,
    /// This side's end is sent, or decided and behind `outgoing`.
    pub(crate) ending: bool,
    /// The server's END is on its way (server) or has come (client): the call is over on the wire.
    pub(crate) over: bool,
    /// Handler (server) or receiver (client) is gone.
    pub(crate) released: bool,
    /// Why nobody on the other side waits for this call any more.
    pub(crate) cancelled: Option<Status>,
    /// What receiving ends with, when all that came before has been read.
    pub(crate) end: Option<Status>,

    head: Option<Metadata>,
    /// The next message and its cost; `more` is empty as long as this is.
    message: Option<(Bytes, u32)>,
    more: VecDeque<(Bytes, u32)>,
    /// The message whose last piece has not come.
    partial: Option<BytesMut>,
    /// Head or message has come.
    begun: bool,
    /// Nobody will read what comes.
    discards: bool,

    /// How much this side may still send.
    credit: u32,
    /// The credit with which the peer began.
    window: u32,
    /// How much the peer may still send.
    allowed: u32,
    /// What the pieces in `partial` have cost.
    partial_cost: u32,
    /// What has been read and not yet been given back to the peer.
    owed: u32,
}

/// A message on its way out, and what follows it.
pub(crate) struct Outgoing {
    /// The part that has not been sent.
    pub(crate) rest: Bytes,
    /// The end behind it, if it is the last.
    pub(crate) after: Option<Status>,
}

impl CallState {
    /// A new call, on which this side may send `credit` and the peer `window`.
    pub(crate) fn new(credit: u32, window: u32) -> Self {
        Self { credit, window, allowed: window, ..Self::default() }
    }

    // ---- out ----

    /// Whether there is credit for at least one byte of a message.
    pub(crate) fn has_credit(&self) -> bool {
        self.credit > MESSAGE_COST
    }

    /// Spends credit on a piece of `outgoing`, which becomes as large as credit and frame allow.
    pub(crate) fn next_piece(&mut self, outgoing: &mut Outgoing) -> Piece {
        let size = outgoing.rest.len().min(MAX_PIECE).min((self.credit - MESSAGE_COST) as usize);
        self.credit -= MESSAGE_COST + size as u32;
        let bytes = outgoing.rest.split_to(size);
        Piece { bytes, more: !outgoing.rest.is_empty() }
    }

    /// Takes credit that the peer gives.
    pub(crate) fn add_credit(&mut self, bytes: u32) -> Result<(), Status> {
        let credit = self.credit.checked_add(bytes).filter(|credit| *credit <= Hello::MAX_WINDOW);
        self.credit = credit.ok_or_else(|| {
            violation(format!("CREDIT of {bytes} on top of {}: more than 2^31-1", self.credit))
        })?;
        Ok(())
    }

    /// Why nothing can be sent on this call, if so.
    pub(crate) fn refuses_to_send(&self, role: Role) -> Option<Status> {
        if let Some(cancelled) = &self.cancelled {
            return Some(cancelled.clone());
        }
        match &self.end {
            Some(end) if role == Role::Client && end.code() != Code::Ok => Some(end.clone()),
            Some(_) if role == Role::Client => Some(over()),
            _ if self.ending => {
                Some(Status::new(Code::FailedPrecondition, "nothing can be sent after the end"))
            }
            _ => None,
        }
    }

    // ---- in ----

    /// The next thing that has come in.
    pub(crate) fn receive(&mut self) -> Option<Received> {
        if let Some(head) = self.head.take() {
            return Some(Received::Head(head));
        }
        if let Some((message, cost)) = self.message.take() {
            self.message = self.more.pop_front();
            self.owed += cost;
            self.settle_partial();
            return Some(Received::Message(message));
        }
        self.end.clone().map(Received::End)
    }

    /// The end, when nothing comes before it any more, and nothing else will be asked about this call: a server
    /// asks no client, and a client that has sent all it has to send asks nothing.
    pub(crate) fn end_behind(&self, role: Role) -> Option<Status> {
        let has_sent_all = self.ending && self.outgoing.is_none();
        let is_last = self.message.is_none() && (role == Role::Server || has_sent_all);
        self.end.clone().filter(|_| is_last)
    }

    pub(crate) fn receive_head(&mut self, head: Metadata, wakes: &mut Vec<Waker>) -> Result<(), Status> {
        if self.discards {
            return Ok(());
        }
        if std::mem::replace(&mut self.begun, true) {
            return Err(violation("HEAD comes before messages, and once"));
        }
        self.head = Some(head);
        wakes.extend(self.receiver.take());
        Ok(())
    }

    /// Takes a piece of a message of at most `limit` bytes.
    pub(crate) fn receive_piece(
        &mut self,
        piece: Piece,
        limit: usize,
        wakes: &mut Vec<Waker>,
        discarded: &mut Discarded,
    ) -> Result<(), Status> {
        let cost = MESSAGE_COST + piece.bytes.len() as u32;
        self.allowed = self.allowed.checked_sub(cost).ok_or_else(|| {
            violation(format!("a frame that costs {cost}, the credit left is {}", self.allowed))
        })?;
        if self.discards {
            // As if it had been read at once: who stops reading does not stop the sender.
            self.owed += cost;
            discarded.message(piece.bytes);
            return Ok(());
        }
        if self.end.is_some() {
            discarded.message(piece.bytes);
            return Err(violation("MESSAGE after END"));
        }
        self.begun = true;
        let before = self.partial.as_ref().map_or(0, BytesMut::len);
        if before + piece.bytes.len() > limit {
            discarded.message(piece.bytes);
            let text = format!("a message of more than {limit} bytes, the limit of this side");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        self.partial_cost += cost;
        if piece.more {
            self.partial.get_or_insert_default().extend_from_slice(&piece.bytes);
            discarded.message(piece.bytes);
            self.settle_partial();
            return Ok(());
        }
        let message = match self.partial.take() {
            None => piece.bytes,
            Some(mut partial) => {
                partial.extend_from_slice(&piece.bytes);
                discarded.message(piece.bytes);
                partial.freeze()
            }
        };
        let entry = (message, std::mem::take(&mut self.partial_cost));
        match self.message {
            None => self.message = Some(entry),
            Some(_) => self.more.push_back(entry),
        }
        wakes.extend(self.receiver.take());
        Ok(())
    }

    /// Takes the end of what the peer sends; there is no other behind it.
    pub(crate) fn receive_end(&mut self, status: Status, wakes: &mut Vec<Waker>) {
        let inside_a_message = self.partial.take().is_some() && status.code() == Code::Ok;
        let status = if inside_a_message { violation("END inside a message") } else { status };
        self.end.get_or_insert(status);
        wakes.extend(self.receiver.take());
    }

    /// The credit to be given to the peer now, if it is worth a frame.
    pub(crate) fn take_grant(&mut self) -> Option<u32> {
        if self.end.is_some() || self.owed < self.window / 2 {
            return None;
        }
        let grant = std::mem::take(&mut self.owed);
        self.allowed += grant;
        Some(grant)
    }

    // ---- the end ----

    /// Takes the wakers of all who wait here.
    pub(crate) fn take_wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        [self.receiver.take(), self.sender.take(), self.handler.take()].into_iter().flatten()
    }

    /// Forgets what has come in, and what will; its credit is given back as if it had been read.
    pub(crate) fn discard_received(&mut self, discarded: &mut Discarded) {
        self.discards = true;
        if let Some(metadata) = self.head.take() {
            discarded.frame(Frame::Head { call: 0, metadata });
        }
        for (message, cost) in self.message.take().into_iter().chain(self.more.drain(..)) {
            self.owed += cost;
            discarded.message(message);
        }
        self.more = VecDeque::new();
        self.partial = None;
        self.owed += std::mem::take(&mut self.partial_cost);
    }

    /// Forgets what waits to be sent.
    pub(crate) fn discard_outgoing(&mut self, discarded: &mut Discarded) {
        if let Some(outgoing) = self.outgoing.take() {
            discarded.message(outgoing.rest);
        }
    }

    /// Ends the call from this side: who receives gets `status`, who sends is refused.
    pub(crate) fn give_up(&mut self, status: Status, wakes: &mut Vec<Waker>, discarded: &mut Discarded) {
        self.discard_outgoing(discarded);
        self.ending = true;
        if self.end.is_none() {
            self.discard_received(discarded);
            self.end = Some(status);
        }
        wakes.extend(self.receiver.take());
        wakes.extend(self.sender.take());
    }

    /// The other side of the call is gone: stops handler, receiver and sender with `status`.
    pub(crate) fn cancel(&mut self, status: &Status, wakes: &mut Vec<Waker>, discarded: &mut Discarded) {
        self.discard_outgoing(discarded);
        self.discard_received(discarded);
        self.end = Some(status.clone());
        self.cancelled = Some(status.clone());
        wakes.extend(self.take_wakers());
    }

    /// What a message in pieces has cost so far is given back as it comes, since it has to come
    /// whole to be read — but not while another waits to be read, or a slow reader would stop nobody.
    fn settle_partial(&mut self) {
        if self.message.is_none() && self.partial.is_some() {
            self.owed += std::mem::take(&mut self.partial_cost);
        }
    }
}

#[cfg(test)]
impl CallState {
    pub(crate) fn credit(&self) -> u32 {
        self.credit
    }

    pub(crate) fn window(&self) -> u32 {
        self.window
    }

    pub(crate) fn allowed(&self) -> u32 {
        self.allowed
    }

    /// What has come and not been given back.
    pub(crate) fn held(&self) -> u32 {
        let whole: u32 = self.message.iter().chain(&self.more).map(|(_, cost)| cost).sum();
        whole + self.partial_cost + self.owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(size: usize, more: bool) -> Piece {
        Piece { bytes: Bytes::from(vec![0; size]), more }
    }

    fn take(call: &mut CallState, piece: Piece) -> Result<(), Status> {
        call.receive_piece(piece, 1 << 20, &mut Vec::new(), &mut Discarded::default())
    }

    #[test]
    fn credit_is_given_back_when_half_the_window_has_been_read() {
        let mut call = CallState::new(1024, 1024);
        take(&mut call, piece(512 - 64, false)).unwrap();
        assert_eq!(call.take_grant(), None, "it has come but has not been read");
        call.receive();
        assert_eq!(call.take_grant(), Some(512));
        assert_eq!(call.take_grant(), None);
    }

    #[test]
    fn a_message_larger_than_the_window_gets_credit_as_it_comes() {
        let mut call = CallState::new(1024, 1024);
        for _ in 0..10 {
            take(&mut call, piece(1024 - 64, true)).unwrap();
            assert_eq!(call.take_grant(), Some(1024));
        }
    }

    #[test]
    fn a_message_in_pieces_gets_no_credit_while_another_waits_to_be_read() {
        let mut call = CallState::new(1024, 1024);
        take(&mut call, piece(0, false)).unwrap();
        take(&mut call, piece(800, true)).unwrap();
        assert_eq!(call.take_grant(), None);
        call.receive();
        assert_eq!(call.take_grant(), Some(64 + 64 + 800));
    }

    #[test]
    fn a_peer_that_sends_more_than_its_credit_is_refused() {
        let mut call = CallState::new(1024, 1024);
        take(&mut call, piece(1024 - 64, false)).unwrap();
        let error = take(&mut call, piece(0, false)).unwrap_err();
        assert_eq!(error.message(), "call layer: a frame that costs 64, the credit left is 0");
    }

    #[test]
    fn empty_messages_spend_credit_too() {
        let mut call = CallState::new(1024, 1024);
        for _ in 0..1024 / 64 {
            take(&mut call, piece(0, false)).unwrap();
        }
        assert!(take(&mut call, piece(0, false)).is_err());
    }

    #[test]
    fn a_message_is_cut_into_pieces_by_credit_and_by_frame() {
        let mut call = CallState::new(20_000, 1024);
        let mut outgoing = Outgoing { rest: Bytes::from(vec![0; 30_000]), after: None };
        assert_eq!(call.next_piece(&mut outgoing).bytes.len(), MAX_PIECE);
        let last = 20_000 - 64 - MAX_PIECE - 64;
        assert_eq!(call.next_piece(&mut outgoing).bytes.len(), last);
        assert!(!call.has_credit());
    }

    #[test]
    fn credit_past_31_bits_is_refused() {
        let mut call = CallState::new(1024, 1024);
        assert!(call.add_credit(Hello::MAX_WINDOW - 1024).is_ok());
        assert!(call.add_credit(1).is_err());
    }
}
