//! Between those who look on and who reads: never in the way of the first, never more than fits.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Event;

/// What happens on all connections, until somebody reads it. Cheap to clone; all clones are the same feed.
///
/// Who does not keep up misses steps, and is told how many.
#[derive(Clone, Debug)]
pub struct Feed(Arc<Shared>);

/// Something that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, since the feed began.
    pub at: Duration,
    /// On which connection; they are numbered from 1.
    pub connection: u64,
    /// What.
    pub what: Happened,
}

/// What can be seen.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A client has connected.
    Opened {
        /// Where it is.
        client: SocketAddr,
    },
    /// A step of a conversation.
    Event(Box<Event>),
    /// A connection is over.
    Closed {
        /// Why, if not because both sides had said all.
        why: Option<String>,
        /// How many bytes passed in all.
        passed: u64,
        /// How many of them were given a name.
        named: u64,
        /// How many rules were broken.
        faults: u64,
    },
}

/// What a reader gets at once.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// What was seen, in order.
    pub seen: Vec<Seen>,
    /// How many steps were missed because they did not fit.
    pub missed: u64,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    kept: Mutex<Kept>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    taken: Taken,
    weight: usize,
}

impl Feed {
    /// An empty feed. Time begins now.
    pub fn new() -> Self {
        let (kept, changed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { began: Instant::now(), kept, changed }))
    }

    /// All that has been seen since this was asked last.
    pub fn take(&self) -> Taken {
        let mut kept = self.lock();
        kept.weight = 0;
        std::mem::take(&mut kept.taken)
    }

    /// The same, once there is something.
    pub async fn next(&self) -> Taken {
        loop {
            let changed = self.0.changed.notified();
            let taken = self.take();
            if !taken.seen.is_empty() || taken.missed > 0 {
                return taken;
            }
            changed.await;
        }
    }

    pub(super) fn put(&self, connection: u64, what: Happened) {
        let (weight, largest) = match &what {
            Happened::Event(event) => (event.weight(), LARGEST),
            // That a connection begins or ends should still be known where its steps are not.
            _ => (size_of::<Seen>(), LARGEST + LARGEST / 8),
        };
        let at = self.0.began.elapsed();
        let mut kept = self.lock();
        if kept.weight + weight > largest {
            kept.taken.missed += 1;
        } else {
            kept.weight += weight;
            kept.taken.seen.push(Seen { at, connection, what });
        }
        drop(kept);
        self.0.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

/// How much is kept for who reads slowly, in bytes.
const LARGEST: usize = 64 << 20;
