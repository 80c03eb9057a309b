//! The rules of RFC 9113 for both ends of a connection, section by section, as bytes that come and go.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod s3;
mod s4;
mod s5;
mod s6;
mod s6_6;
mod s6_9;
mod s8;
mod s8_3;

use bytes::{Buf, Bytes};
use http2::connection::PREFACE;
use http2::frame::{Frame, Head, Kind, RstStream, WindowUpdate};
use http2::{Connection, ErrorCode, Event, Fields, Limits};
use std::time::Instant;
use support::{Scripted, get, is_connection_error, raw, settings};

/// A client that has sent this request, as stream 1.
fn asked(request: &Fields, end_stream: bool) -> Scripted {
    let mut client = Scripted::client();
    assert_eq!(client.connection.open(request, end_stream), Ok(1));
    client.sent();
    client
}

/// A client that has sent a request, and whose SETTINGS are not acknowledged: it may still be pushed to.
fn asked_unacknowledged() -> Scripted {
    let mut client = Scripted::new(Connection::client(Limits::default(), Instant::now()));
    client.send(&settings(&[]));
    assert_eq!(client.connection.open(&get(), true), Ok(1));
    client.sent();
    client
}

/// PUSH_PROMISE with a whole field block.
fn promise(peer: &mut Scripted, stream: u32, promised: u32) -> Vec<u8> {
    let block = peer.block(&get());
    raw(Kind::PUSH_PROMISE, Head::END_HEADERS, stream, &[&promised.to_be_bytes()[..], &block].concat())
}

/// `base` and what comes behind it.
fn with<const N: usize>(base: &Fields, more: [(&'static str, &'static str); N]) -> Fields {
    let base = base.iter().map(|field| (field.name.clone(), field.value.clone()));
    Fields::new(base.chain(more.map(|(name, value)| (Bytes::from(name), Bytes::from(value)))))
}

/// The heads of the frames that the connection has written since this was asked last.
fn heads(scripted: &mut Scripted) -> Vec<Head> {
    let mut bytes = scripted.sent_bytes();
    if bytes.starts_with(PREFACE) {
        bytes.advance(PREFACE.len());
    }
    let mut heads = Vec::new();
    while let Some(first) = bytes.first_chunk() {
        assert_eq!(first[5] & 0x80, 0, "the reserved bit is unset");
        heads.push(Head::decode(*first));
        bytes.advance(Head::SIZE + heads[heads.len() - 1].length as usize);
    }
    heads
}

/// How much data the connection has written for a stream since this was asked last.
fn data_sent(scripted: &mut Scripted, stream: u32) -> u32 {
    let is_data = |head: &&Head| head.kind == Kind::DATA && head.stream == stream;
    heads(scripted).iter().filter(is_data).map(|head| head.length).sum()
}

/// How much the connection has given back to a window: of a stream, or its own as 0.
fn credit(frames: &[Frame], stream: u32) -> u32 {
    let increment = |frame: &Frame| match frame {
        Frame::WindowUpdate(WindowUpdate { stream: id, increment }) if *id == stream => Some(*increment),
        _ => None,
    };
    frames.iter().filter_map(increment).sum()
}

/// That the application is told of this, and of no error.
#[track_caller]
fn is_taken(events: &[Event]) {
    is_taken_as(events, "one event");
}

#[track_caller]
fn is_taken_as(events: &[Event], case: &str) {
    let is_wrong = |event: &Event| matches!(event, Event::Reset { .. } | Event::Closed(_));
    assert!(events.len() == 1 && !is_wrong(&events[0]), "{case}: {events:?}");
}

/// That the connection ignores what has come.
#[track_caller]
fn is_ignored(scripted: &mut Scripted, bytes: &[u8], case: &str) {
    assert_eq!(scripted.send(bytes), [], "{case}");
    assert_eq!(scripted.sent(), [], "{case}");
    assert!(!scripted.connection.has_failed(), "{case}");
}

/// That this frame ends the connection of a server whose stream 1 is open.
#[track_caller]
fn ends_a_server(code: ErrorCode, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
    let mut server = Scripted::server();
    server.open(1);
    let events = server.send(&raw(kind, flags, stream, payload));
    is_connection_error(&mut server, &events, code);
}

/// That this frame ends the connection of a client that waits for a response on stream 1.
#[track_caller]
fn ends_a_client(code: ErrorCode, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
    let mut client = asked_unacknowledged();
    let events = client.send(&raw(kind, flags, stream, payload));
    is_connection_error(&mut client, &events, code);
}

/// That the peer is told of an error with this code, be it the connection's or one of this stream.
#[track_caller]
fn is_error(scripted: &mut Scripted, stream: u32, code: ErrorCode, case: &str) {
    let is_told = |frame: &Frame| match frame {
        Frame::GoAway(away) => away.code == code,
        Frame::RstStream(reset) => *reset == RstStream { stream, code },
        _ => false,
    };
    let sent = scripted.sent();
    assert!(sent.iter().any(is_told), "{case}: {sent:?}");
}

/// That stream 1 is reset, and alone, because of a message that the application has not been shown.
#[track_caller]
fn is_malformed(scripted: &mut Scripted, events: &[Event], case: &str) {
    let is_shown = |event: &Event| !matches!(event, Event::Reset { code: ErrorCode::PROTOCOL_ERROR, .. });
    assert!(!events.iter().any(is_shown), "{case}: {events:?}");
    let reset = Frame::RstStream(RstStream { stream: 1, code: ErrorCode::PROTOCOL_ERROR });
    let sent = scripted.sent();
    assert!(sent.contains(&reset), "{case}: {sent:?}");
    assert!(!scripted.connection.has_failed(), "{case}");
}

/// That a server takes a request for malformed.
#[track_caller]
fn is_malformed_request(request: &Fields, end_stream: bool) {
    let mut server = Scripted::server();
    let events = server.send_headers(1, request, end_stream);
    is_malformed(&mut server, &events, &format!("{request:?}"));
}

/// That a client takes a response to GET for malformed.
#[track_caller]
fn is_malformed_response(response: &Fields, end_stream: bool) {
    let mut client = asked(&get(), true);
    let events = client.send_headers(1, response, end_stream);
    is_malformed(&mut client, &events, &format!("{response:?}"));
}

/// That a server takes trailers for malformed, and a client too.
#[track_caller]
fn are_malformed_trailers(trailers: &Fields, end_stream: bool) {
    let mut server = Scripted::server();
    server.open(1);
    let events = server.send_headers(1, trailers, end_stream);
    is_malformed(&mut server, &events, &format!("to a server: {trailers:?}"));

    let mut client = asked(&get(), true);
    client.send_headers(1, &support::ok(), false);
    let events = client.send_headers(1, trailers, end_stream);
    is_malformed(&mut client, &events, &format!("to a client: {trailers:?}"));
}
