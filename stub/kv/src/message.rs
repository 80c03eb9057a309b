//! The arguments and results of each method as messages, and what each method is called on the wire. The
//! messages are written by a program, from `proto/kv.proto`.

use stub::Method;

pub use crate::proto::{
    DeleteReply, DeleteRequest, GetReply, GetRequest, IncrementReply, IncrementRequest, PutReply, PutRequest,
};

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
