//! Sees what a server does.

use kv::Kv;
use transport::Status;

use crate::lab::{Record, Side};

/// A `Kv` around another one: notes on the server's side what its methods have changed, and their errors.
#[derive(Debug)]
pub struct Witness<K> {
    kv: K,
    record: Record,
}

impl<K: Kv> Witness<K> {
    /// A witness of what `kv` does.
    pub fn new(kv: K, record: Record) -> Self {
        Self { kv, record }
    }

    fn note<T>(&self, result: &Result<T, Status>, told: impl FnOnce(&T) -> String) {
        let text = result.as_ref().map_or_else(|status| status.code().to_string(), told);
        self.record.note(Side::Server, text);
    }
}

impl<K: Kv> Kv for Witness<K> {
    async fn get(&self, key: &str) -> Result<String, Status> {
        self.kv.get(key).await
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        let result = self.kv.put(key, value).await;
        self.note(&result, |()| format!("{key} = {value}"));
        result
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        let result = self.kv.delete(key).await;
        self.note(&result, |existed| if *existed { format!("{key} is gone") } else { format!("no {key}") });
        result
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        let result = self.kv.increment(key, by).await;
        self.note(&result, |number| format!("{key} = {number}"));
        result
    }
}
