//! The changes of one key, as they happen.

use std::fmt;
use std::ops::Deref;

use tokio::sync::broadcast::{self, error::RecvError};

use crate::Store;
use crate::proto::Change;

/// The changes of one key of a [`Store`] from the moment this was made, after its present value if it has one.
///
/// Who is slow may miss changes, but never the latest one.
pub struct Follow<S> {
    store: S,
    key: String,
    /// What is told before further changes.
    value: Option<Change>,
    changes: broadcast::Receiver<Change>,
}

impl<S: Deref<Target = Store>> Follow<S> {
    /// Follows `key` from now on.
    pub fn new(store: S, key: String) -> Self {
        let (value, changes) = store.subscribe(&key);
        let value = value.map(|value| Change { key: key.clone(), value: Some(value) });
        Self { store, key, value, changes }
    }

    /// The next change; `None` when there will be no more. Nothing is lost when this is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Change> {
        if let Some(value) = self.value.take() {
            return Some(value);
        }
        loop {
            match self.changes.recv().await {
                Ok(change) if change.key == self.key => return Some(change),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    // Begins anew, or what is older than this value would come behind it.
                    let (value, newer) = self.store.subscribe(&self.key);
                    self.changes = newer;
                    return Some(Change { key: self.key.clone(), value });
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl<S> fmt::Debug for Follow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("key", &self.key).finish_non_exhaustive()
    }
}
