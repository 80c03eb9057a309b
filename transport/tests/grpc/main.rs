//! gRPC as its documents specify it, against a peer made by hand: a client and a server that say, frame by
//! frame, what a test wants them to say.
//!
//! The clock stands still in all of these: where something never comes, time passes by itself, and a limit
//! ends the connection.

#![allow(unreachable_pub, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod client_answers;
mod client_connection;
mod client_requests;
mod client_statuses;
mod negative;
mod peer;
mod server_answers;
mod server_messages;
mod server_metadata;
mod server_requests;
mod server_resets;
mod wire_size;
