//! HTTP/2 over streams of bytes: against the crate `h2`, which other people wrote, in both roles; and what
//! attacks cost, and whom they do not.

#![allow(unreachable_pub, clippy::unwrap_used)]

mod against_h2_client;
mod against_h2_server;
mod application;
mod attacks;
mod driver;
mod random_fields;
