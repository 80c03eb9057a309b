//! Calls that are wrong on purpose, each in one place; lesson 14 sends them to two servers.

use crate::by_hand::grpc::{
    DATA, END_HEADERS, END_STREAM, Field, HEADERS, block, call, fields, frame, prefixed,
};

/// A wrong call.
#[derive(Clone, Copy, Debug)]
pub struct Mistaken {
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// What it breaks, and where that is written.
    pub rule: &'static str,
    /// Its frames, on stream 1: path, authority, message.
    pub frames: fn(&str, &str, &[u8]) -> Vec<u8>,
}

/// All there are.
pub fn mistaken() -> impl Iterator<Item = Mistaken> {
    CALLS.iter().copied()
}

pub(super) const CALLS: &[Mistaken] = &[
    Mistaken {
        what: LITTLE_ENDIAN,
        rule: "gRPC: Message-Length is big endian",
        frames: |path, authority, message| {
            let data = [&[0], &(message.len() as u32).to_le_bytes()[..], message].concat();
            with_data(path, authority, &data)
        },
    },
    Mistaken {
        what: END_TOO_EARLY,
        rule: "RFC 9113 §5.1: no DATA on a half that has ended",
        frames: |path, authority, message| {
            let data = frame(DATA, END_STREAM, 1, &prefixed(message));
            [headers(END_STREAM, &fields(path, authority)), data].concat()
        },
    },
    Mistaken {
        what: NO_MESSAGE,
        rule: "gRPC: a unary call has one message",
        frames: |path, authority, _| headers(END_STREAM, &fields(path, authority)),
    },
    Mistaken {
        what: COMPRESSED,
        rule: "gRPC: a flag without an encoding is an error",
        frames: |path, authority, message| {
            let mut data = prefixed(message);
            data[0] = 1;
            with_data(path, authority, &data)
        },
    },
    Mistaken {
        what: NO_TE,
        rule: "gRPC: who cannot have trailers cannot have the status",
        frames: |path, authority, message| {
            let mut fields = fields(path, authority);
            fields.retain(|(name, _)| *name != "te");
            call(1, &fields, message)
        },
    },
    Mistaken {
        what: NO_SLASH,
        rule: "RFC 9113 §8.3.1: a path begins with /",
        frames: |path, authority, message| {
            changed(path, authority, message, ":path", (":path", path.strip_prefix('/').unwrap_or(path)))
        },
    },
    Mistaken {
        what: CAPITAL,
        rule: "RFC 9113 §8.2.1: names are lowercase",
        frames: |path, authority, message| changed(path, authority, message, "te", ("Te", "trailers")),
    },
    Mistaken {
        what: GET,
        rule: "gRPC: a call is a POST",
        frames: |path, authority, message| changed(path, authority, message, ":method", (":method", "GET")),
    },
    Mistaken {
        what: JSON,
        rule: "gRPC: application/grpc, or 415",
        frames: |path, authority, message| {
            let json = ("content-type", "application/json");
            changed(path, authority, message, "content-type", json)
        },
    },
    Mistaken {
        what: TRAILERS,
        rule: "gRPC: a request has none",
        frames: |path, authority, message| {
            let data = frame(DATA, 0, 1, &prefixed(message));
            let trailers = headers(END_STREAM, &[("x-checksum", "42")]);
            [headers(0, &fields(path, authority)), data, trailers].concat()
        },
    },
];

const LITTLE_ENDIAN: &str = "the length with its lowest byte first";
const END_TOO_EARLY: &str = "END_STREAM on HEADERS, and DATA behind it";
const NO_MESSAGE: &str = "END_STREAM on HEADERS, and no message";
const COMPRESSED: &str = "compressed, says the flag, and no field says how";
const NO_TE: &str = "no te: trailers";
const NO_SLASH: &str = "a path without its slash";
pub(super) const CAPITAL: &str = "a field Te, with a capital";
const GET: &str = "GET";
const JSON: &str = "content-type: application/json";
const TRAILERS: &str = "trailers behind the message";
pub(super) const NO_END: &str = "the request has no end, and the server waits for more";

/// What the frames of mistakes look like.
pub(super) const SHAPES: [(&str, &str); 4] = [
    ("HEADERS END_STREAM, DATA END_STREAM", END_TOO_EARLY),
    ("HEADERS END_STREAM", NO_MESSAGE),
    ("HEADERS, DATA, HEADERS END_STREAM", TRAILERS),
    ("HEADERS, DATA", NO_END),
];

/// What their fields look like.
pub(super) const FIELDS: [(&str, &str); 4] = [
    ("POST /kv.Kv/Get (none) application/grpc", NO_TE),
    ("POST kv.Kv/Get trailers application/grpc", NO_SLASH),
    ("GET /kv.Kv/Get trailers application/grpc", GET),
    ("POST /kv.Kv/Get trailers application/json", JSON),
];

/// What their data looks like.
pub(super) const PREFIXES: [(&[u8], &str); 2] =
    [(b"\0\x03\0\0\0\x0a\x01k", LITTLE_ENDIAN), (b"\x01\0\0\0\x03\x0a\x01k", COMPRESSED)];

fn headers(flags: u8, fields: &[Field<'_>]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, 1, &block(fields))
}

fn with_data(path: &str, authority: &str, data: &[u8]) -> Vec<u8> {
    [headers(0, &fields(path, authority)), frame(DATA, END_STREAM, 1, data)].concat()
}

/// A call with another field in the place of one.
fn changed(path: &str, authority: &str, message: &[u8], name: &str, other: Field<'_>) -> Vec<u8> {
    let mut fields = fields(path, authority);
    for field in fields.iter_mut().filter(|field| field.0 == name) {
        *field = other;
    }
    call(1, &fields, message)
}
