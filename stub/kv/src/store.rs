//! A `Kv` that does the work, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stub::{Receiver, Sender};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use transport::{Code, Metadata, Status};

use crate::proto::{
    self, Change, DeleteReply, DeleteRequest, Entry, GetReply, GetRequest, IncrementReply, IncrementRequest,
    LoadReply, PutReply, PutRequest, WatchRequest,
};
use crate::{Follow, Kv, contract};

/// A [`Kv`] that does the work: a map behind a lock. It is gone when the process ends.
///
/// It is a [`proto::Kv`] too. The last 256 changes are kept for those who are told of changes, however many
/// they are and however slowly they read. A watcher that misses some gets the latest value in their place.
/// A call of `sync` that misses some ends with ABORTED.
#[derive(Debug)]
pub struct Store {
    values: Mutex<HashMap<String, String>>,
    /// Sent to with the lock held, so that changes come in the order in which they happen.
    changes: broadcast::Sender<Change>,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self { values: Mutex::default(), changes: broadcast::Sender::new(CHANGES) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // No method panics while it holds the lock, so what is behind it is whole.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, values: &mut HashMap<String, String>, key: &str, value: String) {
        values.insert(key.to_owned(), value.clone());
        self.tell(key, Some(value));
    }

    fn tell(&self, key: &str, value: Option<String>) {
        // It fails when nobody listens.
        let _ = self.changes.send(Change { key: key.to_owned(), value });
    }

    /// The present value of `key`, and all changes after it.
    pub(crate) fn subscribe(&self, key: &str) -> (Option<String>, broadcast::Receiver<Change>) {
        let values = self.lock();
        (values.get(key).cloned(), self.changes.subscribe())
    }

    async fn apply(&self, change: Change) -> Result<(), Status> {
        match change.value {
            Some(value) => Kv::put(self, &change.key, &value).await,
            None => Kv::delete(self, &change.key).await.map(|_existed| ()),
        }
    }
}

impl contract::Kv for Store {
    async fn get(&self, key: &str) -> Result<String, Status> {
        let value = self.lock().get(key).cloned();
        value.ok_or_else(|| Status::new(Code::NotFound, format!("no value for {key:?}")))
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        check_key(key)?;
        self.set(&mut self.lock(), key, value.to_owned());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        let mut values = self.lock();
        let existed = values.remove(key).is_some();
        if existed {
            self.tell(key, None);
        }
        Ok(existed)
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        check_key(key)?;
        let mut values = self.lock();
        let number = match values.get(key) {
            None => 0,
            Some(value) => value.parse::<i64>().map_err(|_| {
                let text = format!("the value of {key:?} is not a number: {value:?}");
                Status::new(Code::FailedPrecondition, text)
            })?,
        };
        let number = number.checked_add(by).ok_or_else(|| {
            Status::new(Code::OutOfRange, format!("{number} + {by} does not fit into 64 bits"))
        })?;
        self.set(&mut values, key, number.to_string());
        Ok(number)
    }
}

impl proto::Kv for Store {
    async fn get(&self, request: GetRequest) -> Result<GetReply, Status> {
        let value = Kv::get(self, &request.key).await?;
        Ok(GetReply { value })
    }

    async fn put(&self, request: PutRequest) -> Result<PutReply, Status> {
        Kv::put(self, &request.key, &request.value).await?;
        Ok(PutReply {})
    }

    async fn delete(&self, request: DeleteRequest) -> Result<DeleteReply, Status> {
        let existed = Kv::delete(self, &request.key).await?;
        Ok(DeleteReply { existed })
    }

    async fn increment(&self, request: IncrementRequest) -> Result<IncrementReply, Status> {
        let value = Kv::increment(self, &request.key, request.by).await?;
        Ok(IncrementReply { value })
    }

    async fn watch(&self, request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        let mut follow = Follow::new(self, request.key);
        // The head says that from now on every change is told.
        replies.respond(Metadata::new())?;
        while let Some(change) = follow.next().await {
            replies.send(&change).await?;
        }
        Ok(())
    }

    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        let mut count = 0;
        while let Some(Entry { key, value }) = requests.recv().await? {
            Kv::put(self, &key, &value).await?;
            count += 1;
        }
        Ok(LoadReply { count })
    }

    async fn sync(&self, mut requests: Receiver<Change>, mut replies: Sender<Change>) -> Result<(), Status> {
        let mut changes = self.changes.subscribe();
        replies.respond(Metadata::new())?;
        loop {
            tokio::select! {
                change = changes.recv() => replies.send(&change.map_err(missed)?).await?,
                request = requests.recv() => match request? {
                    Some(change) => self.apply(change).await?,
                    None => break,
                },
            }
        }
        loop {
            match changes.try_recv() {
                Ok(change) => replies.send(&change).await?,
                Err(TryRecvError::Lagged(count)) => return Err(missed(RecvError::Lagged(count))),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            }
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

fn check_key(key: &str) -> Result<(), Status> {
    if key.is_empty() {
        return Err(Status::new(Code::InvalidArgument, "a key has at least one character"));
    }
    Ok(())
}

fn missed(error: RecvError) -> Status {
    let text = match error {
        RecvError::Lagged(count) => format!("{count} changes were missed: read them sooner"),
        RecvError::Closed => "there are no more changes".to_owned(),
    };
    Status::new(Code::Aborted, text)
}

/// How many changes are kept for those who have not read them yet.
const CHANGES: usize = 256;
