//! What is fuzzed, and what has to hold whatever the input is. The fuzz targets call these functions,
//! and a normal test calls them with every file of the corpus.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod driver;
pub mod hpack;
pub mod step;

use driver::{Driver, Setup};
use http2::Role;
use step::Script;

/// A server: its peer and its application do what `data` says.
pub fn server(data: &[u8]) {
    connection(Role::Server, data);
}

/// A client: its peer and its application do what `data` says.
pub fn client(data: &[u8]) {
    connection(Role::Client, data);
}

/// HPACK: blocks that are `data`, and lists that `data` says.
pub fn hpack(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    match first % 2 {
        0 => hpack::decode_anything(rest),
        _ => hpack::encode_and_decode(rest),
    }
}

fn connection(role: Role, data: &[u8]) {
    let mut script = Script(data);
    let setup = Setup::from_byte(script.byte());
    let mut driver = Driver::new(role, setup);
    while let Some(step) = script.step() {
        driver.take(step);
    }
    driver.finish();
}
