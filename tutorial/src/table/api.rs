//! The APIs that are compared, and a client of any of them.

use kv::{Kv, KvClient};
use kv_json::JsonClient;
use serde::{Serialize, Serializer};
use transport::Status;

/// One way to call the same store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// Our own frames over TCP, with bincode.
    Ours,
    /// gRPC on HTTP/2, with protobuf.
    Grpc,
    /// gRPC-Web on HTTP/1.1, with protobuf.
    GrpcWeb,
    /// An HTTP API with JSON, on HTTP/1.1.
    Json,
}

impl Api {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Grpc, Self::GrpcWeb, Self::Json];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "our frames",
            Self::Grpc => "gRPC",
            Self::GrpcWeb => "gRPC-Web",
            Self::Json => "JSON API",
        }
    }

    /// What it is made of.
    pub fn made_of(self) -> &'static str {
        match self {
            Self::Ours => "bincode in frames of our own",
            Self::Grpc => "protobuf on HTTP/2",
            Self::GrpcWeb => "protobuf on HTTP/1.1",
            Self::Json => "JSON on HTTP/1.1",
        }
    }
}

impl Serialize for Api {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A client of one of the APIs: the same contract, whichever it is.
#[derive(Clone, Debug)]
pub enum Client {
    /// Through a client stub.
    Stub(KvClient),
    /// Through the HTTP API with JSON.
    Json(JsonClient),
}

impl Client {
    /// A client of `api` at this address.
    ///
    /// # Errors
    /// When that is no address of it, or nobody is there.
    pub async fn connect(api: Api, address: &str) -> Result<Self, Status> {
        Ok(match api {
            Api::Json => Self::Json(JsonClient::new(address)?),
            _ => Self::Stub(KvClient::connect(address).await?),
        })
    }
}

impl Kv for Client {
    async fn get(&self, key: &str) -> Result<String, Status> {
        match self {
            Self::Stub(kv) => kv.get(key).await,
            Self::Json(kv) => kv.get(key).await,
        }
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        match self {
            Self::Stub(kv) => kv.put(key, value).await,
            Self::Json(kv) => kv.put(key, value).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        match self {
            Self::Stub(kv) => kv.delete(key).await,
            Self::Json(kv) => kv.delete(key).await,
        }
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        match self {
            Self::Stub(kv) => kv.increment(key, by).await,
            Self::Json(kv) => kv.increment(key, by).await,
        }
    }
}
