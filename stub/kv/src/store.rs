//! A `Kv` that does the work, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use transport::{Code, Status};

use crate::Kv;

/// A [`Kv`] that does the work: a map behind a lock. It is gone when the process ends.
#[derive(Debug, Default)]
pub struct Store {
    values: Mutex<HashMap<String, String>>,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // No method panics while it holds the lock, so what is behind it is whole.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kv for Store {
    async fn get(&self, key: &str) -> Result<String, Status> {
        let value = self.lock().get(key).cloned();
        value.ok_or_else(|| Status::new(Code::NotFound, format!("no value for {key:?}")))
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        check_key(key)?;
        self.lock().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        Ok(self.lock().remove(key).is_some())
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
        values.insert(key.to_owned(), number.to_string());
        Ok(number)
    }
}

fn check_key(key: &str) -> Result<(), Status> {
    if key.is_empty() {
        return Err(Status::new(Code::InvalidArgument, "a key has at least one character"));
    }
    Ok(())
}
