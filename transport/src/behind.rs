//! What comes out of a call in one step with a message.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{Received, Status};

/// What stands behind a message and comes out of its call in one step with it: further messages and, where that
/// has come too, the end. See [`Carrier::poll_receive_some`](crate::Carrier::poll_receive_some).
#[derive(Debug, Default)]
pub struct Behind {
    /// Apart: most calls have one message, and the futures of their handlers hold this.
    #[expect(clippy::box_collection, reason = "it is one word where there is nothing")]
    messages: Option<Box<VecDeque<Bytes>>>,
    end: Option<Status>,
}

impl Behind {
    /// Adds a message behind those that are here.
    pub fn put(&mut self, message: Bytes) {
        self.messages.get_or_insert_default().push_back(message);
    }

    /// Puts the end behind the messages. It is the last thing to be asked of the carrier.
    pub fn put_end(&mut self, status: Status) {
        self.end = Some(status);
    }

    /// How many messages are here.
    pub fn len(&self) -> usize {
        self.messages.as_ref().map_or(0, |messages| messages.len())
    }

    /// Whether nothing is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.end.is_none()
    }

    /// Whether the end is here.
    pub(crate) fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// The next of what is here.
    pub(crate) fn take(&mut self) -> Option<Received> {
        if let Some(messages) = &mut self.messages
            && let Some(message) = messages.pop_front()
        {
            return Some(Received::Message(message));
        }
        self.end.take().map(Received::End)
    }
}

/// How many messages come out behind another, at most.
pub(crate) const MOST: usize = 64;

/// Which part of the window they may have taken: this many go into it. The peer waits for the credit until the
/// last of them has been read, so that this must leave it enough to go on with.
pub(crate) const PARTS_OF_A_WINDOW: usize = 8;
