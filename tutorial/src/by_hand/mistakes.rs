//! Calls by hand that are wrong, each in one place, and what breaks there.

use super::grpc::{DATA, END_HEADERS, END_STREAM, Field, HEADERS, block, call, fields, frame, prefixed};

/// A wrong call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// What it breaks, and where that is written.
    pub rule: &'static str,
    /// Its frames, on stream 1.
    pub frames: Vec<u8>,
}

/// All there are, of one call.
pub fn mistakes(path: &str, authority: &str, message: &[u8]) -> Vec<Mistake> {
    let right = fields(path, authority);
    let with = |name: &str, value: &'static str| -> Vec<u8> {
        let change = |(it, was)| if it == name { (it, value) } else { (it, was) };
        let changed: Vec<_> = right.iter().copied().map(change).collect();
        call(1, &changed, message)
    };
    let without = |name: &str| -> Vec<u8> {
        let rest: Vec<_> = right.iter().copied().filter(|(it, _)| *it != name).collect();
        call(1, &rest, message)
    };
    let headers = |flags, fields: &[Field<'_>]| frame(HEADERS, END_HEADERS | flags, 1, &block(fields));
    let data = |flags, data: &[u8]| frame(DATA, flags, 1, data);
    let little_endian = [&[0], &(message.len() as u32).to_le_bytes()[..], message].concat();
    let mut compressed = prefixed(message);
    compressed[0] = 1;
    let slashless: Vec<_> =
        right.iter().map(|(name, value)| (*name, value.strip_prefix('/').unwrap_or(value))).collect();
    [
        (
            "the length with its lowest byte first",
            "gRPC: Message-Length is big endian",
            [headers(0, &right), data(END_STREAM, &little_endian)].concat(),
        ),
        (
            "END_STREAM on HEADERS, and DATA behind it",
            "RFC 9113 §5.1: no DATA on a half that has ended",
            [headers(END_STREAM, &right), data(END_STREAM, &prefixed(message))].concat(),
        ),
        (
            "END_STREAM on HEADERS, and no message",
            "gRPC: a unary call has one message",
            headers(END_STREAM, &right),
        ),
        (
            "compressed, says the flag, and no field says how",
            "gRPC: a flag without an encoding is an error",
            [headers(0, &right), data(END_STREAM, &compressed)].concat(),
        ),
        ("no te: trailers", "gRPC: who cannot have trailers cannot have the status", without("te")),
        ("a path without its slash", "RFC 9113 §8.3.1: a path begins with /", call(1, &slashless, message)),
        ("a field Te, with a capital", "RFC 9113 §8.2.1: names are lowercase", {
            let capital: Vec<_> =
                right.iter().map(|(name, value)| (if *name == "te" { "Te" } else { name }, *value)).collect();
            call(1, &capital, message)
        }),
        ("GET", "gRPC: a call is a POST", with(":method", "GET")),
        (
            "content-type: application/json",
            "gRPC: application/grpc, or 415",
            with("content-type", "application/json"),
        ),
        (
            "trailers behind the message",
            "gRPC: a request has none",
            [headers(0, &right), data(0, &prefixed(message)), headers(END_STREAM, &[("x-checksum", "42")])]
                .concat(),
        ),
    ]
    .map(|(what, rule, frames)| Mistake { what, rule, frames })
    .into()
}
