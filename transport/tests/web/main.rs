//! gRPC-Web as its documents specify it, and HTTP beside it, over both versions: against a client and a server made by
//! hand, and the crate `h2`, which other people wrote.
//!
//! The clock stands still wherever both ends are in memory: where something never comes, time passes by itself, and a
//! limit ends the connection.

#![allow(unreachable_pub, clippy::unwrap_used)]

#[path = "../tls/certificates.rs"]
#[allow(dead_code)] // A part is for the tests of TLS alone.
mod certificates;
#[path = "../support/mod.rs"]
mod support;

mod client_answers;
mod client_connections;
mod client_requests;
mod connections;
mod cors;
mod ends;
mod hand_made;
mod http1;
mod inside_tls;
mod journeys;
mod server_answers;
mod server_calls;
mod server_compression;
mod server_requests;
mod site;
