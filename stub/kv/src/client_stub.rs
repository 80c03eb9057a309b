//! A `Kv` that is far away: arguments become a message, and what comes back becomes the result.

use std::sync::Arc;

use client::{CallOptions, Caller};
use transport::{Connection, Status};

use crate::Kv;
use crate::message::{DELETE, DeleteRequest, GET, GetRequest, INCREMENT, IncrementRequest, PUT, PutRequest};

/// The client stub: a [`Kv`] that is far away.
///
/// ```no_run
/// # use kv::{Kv, KvClient};
/// # async fn example(key: &str) -> Result<(), transport::Status> {
/// let kv = KvClient::connect("tcp://127.0.0.1:4000").await?;
/// let value = kv.get(key).await?;
/// # Ok(()) }
/// ```
///
/// Cheap to clone; any number of calls may run at once.
#[derive(Clone, Debug)]
pub struct KvClient {
    caller: Caller,
}

impl KvClient {
    /// Connects to the server at `address`: `memory`, `tcp://host:port`, `http://host:port`.
    ///
    /// # Errors
    /// Those of [`Caller::connect`].
    pub async fn connect(address: &str) -> Result<Self, Status> {
        Ok(Self { caller: Caller::connect(address).await? })
    }

    /// A stub whose calls go through `connection`.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        Self { caller: Caller::new(connection) }
    }

    /// The same stub, whose calls have `options`: `kv.with(options).get(key)`.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { caller: self.caller.with(options) }
    }
}

impl Kv for KvClient {
    async fn get(&self, key: &str) -> Result<String, Status> {
        let request = GetRequest { key: key.to_owned() };
        let reply = self.caller.unary(&GET, &request).await?;
        Ok(reply.value)
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        let request = PutRequest { key: key.to_owned(), value: value.to_owned() };
        self.caller.unary(&PUT, &request).await?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        let request = DeleteRequest { key: key.to_owned() };
        let reply = self.caller.unary(&DELETE, &request).await?;
        Ok(reply.existed)
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        let request = IncrementRequest { key: key.to_owned(), by };
        let reply = self.caller.unary(&INCREMENT, &request).await?;
        Ok(reply.value)
    }
}
