//! The example service as an HTTP API with JSON, as one would write it by hand: what gRPC is compared with.
//!
//! | method of the contract | request | answer |
//! |------------------------|---------|--------|
//! | `get` | `GET /v1/values/{key}` | `{"value": "…"}` |
//! | `put` | `PUT /v1/values/{key}`, `{"value": "…"}` | 204 |
//! | `delete` | `DELETE /v1/values/{key}` | `{"existed": true}` |
//! | `increment` | `POST /v1/values/{key}/increment`, `{"by": 1}` | `{"value": 1}` |
//! | `Watch` | `GET /v1/values/{key}/changes` | server-sent events, each a change as JSON |
//! | `Load` | `POST /v1/values`, a list of entries | `{"count": 2}` |
//! | `Sync` | | HTTP has no call in which both sides send as they like |
//!
//! A key is one segment of the path, percent-encoded. What goes wrong is a problem (RFC 9457): see [`Problem`]. The
//! description of it all is at `/openapi.json`, made of the code.
//!
//! The object behind it is the same [`Store`](kv::Store), and [`JsonClient`] keeps the same contract.

mod api;
mod body;
mod client;
mod problem;

pub use api::{openapi, router};
pub use client::JsonClient;
pub use problem::Problem;
