//! The arguments and results of each method as messages, and what each method is called on the wire.

use serde::{Deserialize, Serialize};
use stub::Method;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRequest {
    /// Whose value is wanted.
    pub key: String,
}

/// The result of `get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetReply {
    /// The value.
    pub value: String,
}

/// The arguments of `put`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRequest {
    /// What gets a value.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The result of `put`: nothing, which is a message too, of no bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutReply {}

/// The arguments of `delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRequest {
    /// What is removed.
    pub key: String,
}

/// The result of `delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteReply {
    /// Whether it was there.
    pub existed: bool,
}

/// The arguments of `increment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementRequest {
    /// Whose number grows.
    pub key: String,
    /// By how much.
    pub by: i64,
}

/// The result of `increment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementReply {
    /// The new number.
    pub value: i64,
}
