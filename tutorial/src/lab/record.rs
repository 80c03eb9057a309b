//! What happened between a client and a server, in the order in which it did.

use std::sync::{Arc, Mutex, PoisonError};

/// One of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that calls.
    Client,
    /// The one that is called.
    Server,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A message between the two, known by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something happened on one side alone.
    Note {
        /// Where.
        side: Side,
        /// What.
        text: String,
    },
    /// A message left one side for the other.
    Sent {
        /// Which.
        message: MessageId,
        /// Whose.
        from: Side,
        /// What it says.
        text: String,
    },
    /// A message arrived at the other side. One that is sent twice on the way arrives twice.
    Arrived {
        /// Which.
        message: MessageId,
    },
    /// A message will never arrive.
    Lost {
        /// Which.
        message: MessageId,
    },
}

/// Keeps events, from wherever they are noted. Cheap to clone; all clones are the same record.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Event>,
    messages: u64,
}

impl Record {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that something happened on one side alone.
    pub fn note(&self, side: Side, text: impl Into<String>) {
        self.keep(Event::Note { side, text: text.into() });
    }

    /// Notes that a message left `from`; its number.
    pub fn sent(&self, from: Side, text: impl Into<String>) -> MessageId {
        self.with(|kept| {
            kept.messages += 1;
            let message = MessageId(kept.messages);
            kept.events.push(Event::Sent { message, from, text: text.into() });
            message
        })
    }

    /// Notes that a message arrived.
    pub fn arrived(&self, message: MessageId) {
        self.keep(Event::Arrived { message });
    }

    /// Notes that a message will never arrive.
    pub fn lost(&self, message: MessageId) {
        self.keep(Event::Lost { message });
    }

    /// Forgets, and returns, what was noted.
    pub fn take(&self) -> Vec<Event> {
        self.with(|kept| std::mem::take(&mut kept.events))
    }

    fn keep(&self, event: Event) {
        self.with(|kept| kept.events.push(event));
    }

    fn with<R>(&self, f: impl FnOnce(&mut Kept) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
