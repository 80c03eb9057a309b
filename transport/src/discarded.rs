//! What is done when the lock is released, and not before.

use std::task::Waker;

use bytes::Bytes;

use crate::frame::Frame;

/// What nobody needs any more. A waker's drop can be a user's code, and so can that of bytes
/// ([`Bytes::from_owner`]); neither may run under the lock of a connection.
///
/// The first thing has a place of its own, so that sending a message allocates nothing here.
#[derive(Default)]
pub(crate) struct Discarded {
    first: Option<Item>,
    more: Vec<Item>,
}

#[expect(dead_code, reason = "they are held to be dropped")]
enum Item {
    Frame(Frame),
    Message(Bytes),
    Waker(Waker),
}

/// What a step under the lock leaves to be done without it, since it may run a user's code: some are woken, and
/// something is dropped.
pub(crate) struct Aftermath<D> {
    wakes: Vec<Waker>,
    discarded: D,
}

impl<D> Aftermath<D> {
    pub(crate) fn new(wakes: Vec<Waker>, discarded: D) -> Self {
        Self { wakes, discarded }
    }

    pub(crate) fn run(self) {
        drop(self.discarded);
        self.wakes.into_iter().for_each(Waker::wake);
    }
}

impl Discarded {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn frame(&mut self, frame: Frame) {
        self.push(Item::Frame(frame));
    }

    pub(crate) fn message(&mut self, message: Bytes) {
        self.push(Item::Message(message));
    }

    pub(crate) fn waker(&mut self, waker: Waker) {
        self.push(Item::Waker(waker));
    }

    fn push(&mut self, item: Item) {
        match self.first {
            None => self.first = Some(item),
            Some(_) => self.more.push(item),
        }
    }
}
