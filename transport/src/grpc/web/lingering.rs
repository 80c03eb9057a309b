//! Handlers that go on after their answer.

use std::sync::{Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::Serving;
use crate::host::drop_quietly;

/// The handlers of a connection that have answered and are not done. They end with it.
pub(super) struct Lingering {
    handlers: Mutex<JoinSet<()>>,
    most: usize,
}

impl Lingering {
    /// `most` is how many there may be.
    pub(super) fn new(most: usize) -> Self {
        Self { handlers: Mutex::new(JoinSet::new()), most }
    }

    /// Lets one more go on. If there are too many already it is dropped, or a client that calls again and again could
    /// make this side run any number.
    pub(super) fn add(&self, handler: Serving) {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        while handlers.try_join_next().is_some() {}
        if handlers.len() < self.most {
            handlers.spawn(handler);
        } else {
            drop(handlers);
            drop_quietly(handler);
        }
    }
}
