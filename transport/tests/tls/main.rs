//! TLS: who is let in, who is not, and what both ends say about it. Every certificate is made in the test.

#![allow(unreachable_pub, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod alpn;
mod certificates;
mod client_certificates;
mod closing;
mod ends;
mod handshake;
mod key_log;
mod not_tls;
mod reload;
mod server_certificates;
mod setup;
