//! A counter, and faults on the way to it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use client::CallOptions;
use kv::{Kv, KvClient, KvServer, Store};
use server::{Deadlines, Router};
use transport::{Code, Connection, Limits, Metadata, Service, Status, memory};

use crate::lab::{AtMostOnce, Event, Fault, Faulty, IDEMPOTENCY_KEY, Record, Side, Witness};

/// A server with an empty store, a [`Faulty`] way to it, and a record of what happens. Who calls waits for
/// [`PATIENCE`].
pub struct Experiment {
    /// The store, by the way with the faults.
    pub kv: KvClient,
    /// The way with the faults.
    pub network: Arc<Faulty>,
    /// What happens.
    pub record: Record,
    /// The store, by a way without faults.
    beside: KvClient,
}

/// What a caller does when there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// It gives up.
    Once,
    /// It tries again until there is one.
    UntilAnswered,
    /// It tries again until there is one, each time with the same idempotency key.
    UntilAnsweredWithKey,
}

/// What became of many increments, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storm {
    /// How many calls were made.
    pub calls: u64,
    /// How many increments were answered.
    pub answered: usize,
    /// What the counter was in the end.
    pub counter: i64,
    /// What happened.
    pub events: Vec<Event>,
}

impl Experiment {
    /// A store to which the first of `faults` befalls the first call, and so on.
    pub fn new(faults: impl IntoIterator<Item = Fault, IntoIter: Send + 'static>) -> Self {
        let record = Record::new();
        Self::of(Witness::new(Store::new(), record.clone()), faults, record)
    }

    /// The same, with a server that remembers `capacity` idempotency keys.
    pub fn remembering(
        capacity: usize,
        faults: impl IntoIterator<Item = Fault, IntoIter: Send + 'static>,
    ) -> Self {
        let record = Record::new();
        let kv = AtMostOnce::new(Witness::new(Store::new(), record.clone()), capacity);
        Self::of(kv, faults, record)
    }

    /// The same with another `Kv`, whose methods note in `record` what they do.
    pub fn of<K: Kv>(
        kv: K,
        faults: impl IntoIterator<Item = Fault, IntoIter: Send + 'static>,
        record: Record,
    ) -> Self {
        let connection = serve(Deadlines(Router::new().with(KvServer::new(kv))));
        let network = Faulty::new(connection.clone(), faults, record.clone());
        let kv = KvClient::new(network.clone()).with(patient());
        Self { kv, network, record, beside: KvClient::new(connection) }
    }

    /// Increments `hits` by the way with the faults, and notes what its caller sees.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn increment(&self, options: CallOptions) -> Result<i64, Status> {
        let result = self.kv.with(options).increment("hits", 1).await;
        self.saw(&result);
        result
    }

    /// Notes what a caller sees.
    pub fn saw<T: fmt::Debug>(&self, result: &Result<T, Status>) {
        let text = match result {
            Ok(value) => format!("Ok({value:?})"),
            Err(status) => status.code().to_string(),
        };
        self.record.note(Side::Client, text);
    }

    /// The counter as it is now, asked by a way without faults.
    ///
    /// # Errors
    /// Those of the call, but for a counter that does not exist: it is 0.
    pub async fn hits(&self) -> Result<i64, Status> {
        match self.beside.get("hits").await {
            Ok(value) => value.parse().map_err(|_| Status::new(Code::Internal, "hits is no number")),
            Err(status) if status.code() == Code::NotFound => Ok(0),
            Err(status) => Err(status),
        }
    }

    /// What happened since this was asked last, once nothing is on its way any more.
    pub async fn events(&self) -> Vec<Event> {
        self.network.settle().await;
        self.record.take()
    }

    /// Increments `hits` so often, one after the other.
    ///
    /// # Errors
    /// When the counter cannot be asked in the end. That an increment fails is no error.
    pub async fn storm(&self, increments: usize, strategy: Strategy) -> Result<Storm, Status> {
        let mut answered = 0;
        for number in 0..increments {
            let options = match strategy {
                Strategy::UntilAnsweredWithKey => with_key(&format!("increment-{number}"))?,
                Strategy::Once | Strategy::UntilAnswered => patient(),
            };
            let mut result = self.increment(options.clone()).await;
            while result.is_err() && strategy != Strategy::Once {
                result = self.increment(options.clone()).await;
            }
            answered += usize::from(result.is_ok());
        }
        let events = self.events().await;
        Ok(Storm { calls: self.network.calls(), answered, counter: self.hits().await?, events })
    }
}

/// The options of a caller who waits for [`PATIENCE`].
pub fn patient() -> CallOptions {
    CallOptions::new().timeout(PATIENCE)
}

/// The same, with an idempotency key.
///
/// # Errors
/// INVALID_ARGUMENT when `key` is no text that metadata can carry.
pub fn with_key(key: &str) -> Result<CallOptions, Status> {
    let mut metadata = Metadata::new();
    metadata.append(IDEMPOTENCY_KEY, key.to_owned())?;
    Ok(patient().metadata(metadata))
}

/// A connection to a server in this process that ends with the runtime.
fn serve(service: impl Service) -> Arc<dyn Connection> {
    let (near, far) = memory::pair(&Limits::default(), &Limits::default());
    tokio::spawn(async move { far.serve(&service, std::future::pending()).await });
    near
}

impl fmt::Debug for Experiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Experiment").field("network", &self.network).finish_non_exhaustive()
    }
}

/// How long a caller waits for its answer. Between two parts of one process nothing takes so long, unless it
/// was lost.
pub const PATIENCE: Duration = Duration::from_millis(30);
