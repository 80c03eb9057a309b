//! The arguments and results of each method as messages, and what each method is called on the wire.

use serde::{Deserialize, Serialize};
use stub::Method;
use stub::codec::{Bincode, Json, Protobuf};

/// The full name of the service.
pub const SERVICE: &str = "kv.Kv";

/// `Get`: one [`GetRequest`] there, one [`GetReply`] back.
pub static GET: Method<GetRequest, GetReply> = Method::unary("/kv.Kv/Get");
/// `Put`: one [`PutRequest`] there, one [`PutReply`] back.
pub static PUT: Method<PutRequest, PutReply> = Method::unary("/kv.Kv/Put");
/// `Delete`: one [`DeleteRequest`] there, one [`DeleteReply`] back.
pub static DELETE: Method<DeleteRequest, DeleteReply> = Method::unary("/kv.Kv/Delete");
/// `Increment`: one [`IncrementRequest`] there, one [`IncrementReply`] back.
pub static INCREMENT: Method<IncrementRequest, IncrementReply> = Method::unary("/kv.Kv/Increment");

/// The arguments of `get`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct GetRequest {
    /// Whose value is wanted.
    #[prost(string, tag = "1")]
    pub key: String,
}

/// The result of `get`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct GetReply {
    /// The value.
    #[prost(string, tag = "1")]
    pub value: String,
}

/// The arguments of `put`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct PutRequest {
    /// What gets a value.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// The result of `put`: nothing, which is a message too, of no bytes.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct PutReply {}

/// The arguments of `delete`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct DeleteRequest {
    /// What is removed.
    #[prost(string, tag = "1")]
    pub key: String,
}

/// The result of `delete`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct DeleteReply {
    /// Whether it was there.
    #[prost(bool, tag = "1")]
    pub existed: bool,
}

/// The arguments of `increment`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct IncrementRequest {
    /// Whose number grows.
    #[prost(string, tag = "1")]
    pub key: String,
    /// By how much.
    #[prost(int64, tag = "2")]
    pub by: i64,
}

/// The result of `increment`.
#[derive(Clone, PartialEq, Eq, prost::Message, Serialize, Deserialize)]
pub struct IncrementReply {
    /// The new number.
    #[prost(int64, tag = "1")]
    pub value: i64,
}

stub::message!(GetRequest: Bincode, Protobuf, Json);
stub::message!(GetReply: Bincode, Protobuf, Json);
stub::message!(PutRequest: Bincode, Protobuf, Json);
stub::message!(PutReply: Bincode, Protobuf, Json);
stub::message!(DeleteRequest: Bincode, Protobuf, Json);
stub::message!(DeleteReply: Bincode, Protobuf, Json);
stub::message!(IncrementRequest: Bincode, Protobuf, Json);
stub::message!(IncrementReply: Bincode, Protobuf, Json);
