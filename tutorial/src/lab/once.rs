//! A server that remembers what it has done, so that it does it at most once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kv::Kv;
use server::context;
use tokio::sync::watch;
use transport::{Code, Status};

/// The metadata that names an attempt to do something once: whoever calls chooses a text that nobody else
/// uses, and sends the same one with each attempt.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A `Kv` around another one, which increments at most once for each [`IDEMPOTENCY_KEY`], however often the
/// request arrives. A request that arrives again gets the answer of the first one, also when that was an
/// error, and also while the first is still at work.
///
/// It remembers so many keys, and then forgets the oldest: from then on its request would count again. A
/// request without a key is not remembered.
pub struct AtMostOnce<K> {
    kv: Arc<K>,
    remembered: Mutex<Remembered>,
    capacity: usize,
}

#[derive(Default)]
struct Remembered {
    attempts: HashMap<String, Attempt>,
    oldest_first: VecDeque<String>,
}

/// An increment that has begun.
struct Attempt {
    key: String,
    by: i64,
    outcome: Outcome,
}

/// What it ended with, once it has.
type Outcome = watch::Receiver<Option<Result<i64, Status>>>;

impl<K: Kv> AtMostOnce<K> {
    /// A `Kv` around `kv` that remembers the last `capacity` keys.
    pub fn new(kv: K, capacity: usize) -> Self {
        Self { kv: Arc::new(kv), remembered: Mutex::default(), capacity }
    }

    /// The attempt called `name`: the first one, whichever this is.
    fn attempt(&self, name: &str, key: &str, by: i64) -> Result<Outcome, Status> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = remembered.attempts.get(name) {
            if (attempt.key.as_str(), attempt.by) != (key, by) {
                let text = format!("{IDEMPOTENCY_KEY} {name} was used for another increment");
                return Err(Status::new(Code::InvalidArgument, text));
            }
            return Ok(attempt.outcome.clone());
        }
        let outcome = self.begin(key, by);
        let attempt = Attempt { key: key.to_owned(), by, outcome: outcome.clone() };
        remembered.attempts.insert(name.to_owned(), attempt);
        remembered.oldest_first.push_back(name.to_owned());
        if remembered.oldest_first.len() > self.capacity
            && let Some(oldest) = remembered.oldest_first.pop_front()
        {
            remembered.attempts.remove(&oldest);
        }
        Ok(outcome)
    }

    /// Increments in a task of its own: if the caller gives up now, it is not known how much was done, and
    /// the second attempt must not begin anew.
    fn begin(&self, key: &str, by: i64) -> Outcome {
        let (tell, outcome) = watch::channel(None);
        let (kv, key) = (self.kv.clone(), key.to_owned());
        tokio::spawn(async move {
            let result = kv.increment(&key, by).await;
            tell.send_replace(Some(result));
        });
        outcome
    }
}

impl<K: Kv> Kv for AtMostOnce<K> {
    async fn get(&self, key: &str) -> Result<String, Status> {
        self.kv.get(key).await
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        self.kv.put(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        self.kv.delete(key).await
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        let metadata = context::metadata();
        let Some(name) = metadata.text(IDEMPOTENCY_KEY) else { return self.kv.increment(key, by).await };
        let mut outcome = self.attempt(name, key, by)?;
        let ended = outcome.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        // Nobody will ever tell if the increment panicked.
        ended.unwrap_or_else(|| Err(Status::new(Code::Internal, "the first attempt did not end")))
    }
}

impl<K> fmt::Debug for AtMostOnce<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtMostOnce").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
