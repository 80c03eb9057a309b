//! §6.6 and §8.4: pushed streams, which nobody wants.

use std::time::Instant;

use http2::frame::{Frame, Head, Kind, RstStream};
use http2::{Connection, ErrorCode, Limits};

use crate::support::{Scripted, data, get, is_connection_error, ok, post, raw, rst_stream, settings};
use crate::{asked, asked_unacknowledged, ends_a_client, is_ignored, is_taken, promise};

const PROTOCOL_ERROR: ErrorCode = ErrorCode::PROTOCOL_ERROR;

#[test]
fn rfc9113_6_6_push_promise_after_the_acknowledgment_is_a_connection_error() {
    let mut client = asked(&get(), true);
    let frame = promise(&mut client, 1, 2);
    let events = client.send(&frame);
    is_connection_error(&mut client, &events, PROTOCOL_ERROR);
}

#[test]
fn rfc9113_6_6_push_promise_before_the_acknowledgment_is_refused() {
    let mut client = asked_unacknowledged();
    let frame = promise(&mut client, 1, 2);
    assert_eq!(client.send(&frame), []);
    let sent = client.sent();
    let [Frame::RstStream(RstStream { stream: 2, code })] = sent[..] else { panic!("{sent:?}") };
    assert!([ErrorCode::REFUSED_STREAM, ErrorCode::CANCEL].contains(&code), "{code}");
    let response = client.headers(2, &ok(), false);
    is_ignored(&mut client, &response, "what was pushed");
    is_ignored(&mut client, &data(2, b"pushed", true), "what was pushed");
    is_taken(&client.send_headers(1, &ok(), true));
}

#[test]
fn rfc9113_6_6_the_reserved_bit_of_a_promised_stream_is_ignored() {
    let mut client = asked_unacknowledged();
    let frame = promise(&mut client, 1, 0x8000_0002);
    assert_eq!(client.send(&frame), []);
    assert!(matches!(client.sent()[..], [Frame::RstStream(RstStream { stream: 2, .. })]));
}

#[test]
fn rfc9113_6_6_push_promise_may_be_padded_and_go_on_in_continuations() {
    let mut client = asked_unacknowledged();
    let block = client.block(&get());
    let payload = [&[1, 0, 0, 0, 2][..], &block[..2], &[0]].concat();
    assert_eq!(client.send(&raw(Kind::PUSH_PROMISE, Head::PADDED, 1, &payload)), []);
    assert_eq!(client.send(&raw(Kind::CONTINUATION, Head::END_HEADERS, 1, &block[2..])), []);
    assert!(matches!(client.sent()[..], [Frame::RstStream(RstStream { stream: 2, .. })]));
}

#[test]
fn rfc9113_6_6_push_promise_without_its_continuation_is_a_connection_error() {
    for next in [data(1, b"", false), raw(Kind::CONTINUATION, 0x4, 2, &[])] {
        let mut client = asked_unacknowledged();
        client.send(&raw(Kind::PUSH_PROMISE, 0, 1, &[0, 0, 0, 2, 0x82]));
        let events = client.send(&next);
        is_connection_error(&mut client, &events, PROTOCOL_ERROR);
    }
}

#[test]
fn rfc9113_6_6_push_promise_on_stream_0_is_a_connection_error() {
    ends_a_client(PROTOCOL_ERROR, Kind::PUSH_PROMISE, Head::END_HEADERS, 0, &[0, 0, 0, 2, 0x82]);
}

#[test]
fn rfc9113_6_6_push_promise_of_an_illegal_stream_is_a_connection_error() {
    for promised in [0, 1, 3, 5] {
        let mut client = asked_unacknowledged();
        let frame = promise(&mut client, 1, promised);
        let events = client.send(&frame);
        is_connection_error(&mut client, &events, PROTOCOL_ERROR);
    }
    for promised in [2, 4] {
        let mut client = asked_unacknowledged();
        let first = promise(&mut client, 1, 4);
        client.send(&first);
        let second = promise(&mut client, 1, promised);
        let events = client.send(&second);
        is_connection_error(&mut client, &events, PROTOCOL_ERROR);
    }
}

#[test]
fn rfc9113_6_6_push_promise_on_a_stream_that_the_server_has_ended_is_a_connection_error() {
    for end_stream in [false, true] {
        let mut client = Scripted::new(Connection::client(Limits::default(), Instant::now()));
        client.send(&settings(&[]));
        client.connection.open(&post(), end_stream).unwrap();
        client.send_headers(1, &ok(), true);
        let frame = promise(&mut client, 1, 2);
        let events = client.send(&frame);
        is_connection_error(&mut client, &events, PROTOCOL_ERROR);
    }
}

#[test]
fn rfc9113_6_6_push_promise_on_a_stream_that_the_server_has_reset_is_a_connection_error() {
    let mut client = asked_unacknowledged();
    client.send(&rst_stream(1, ErrorCode::CANCEL));
    let frame = promise(&mut client, 1, 2);
    let events = client.send(&frame);
    is_connection_error(&mut client, &events, PROTOCOL_ERROR);
}

#[test]
fn rfc9113_6_6_push_promise_on_a_stream_that_was_reset_is_still_refused() {
    let mut client = asked_unacknowledged();
    client.connection.reset(1, ErrorCode::CANCEL);
    client.sent();
    let frame = promise(&mut client, 1, 2);
    assert_eq!(client.send(&frame), []);
    assert!(matches!(client.sent()[..], [Frame::RstStream(RstStream { stream: 2, .. })]));
}

#[test]
fn rfc9113_6_6_padding_of_push_promise_as_long_as_the_payload_is_a_connection_error() {
    let payload = [6, 0, 0, 0, 2, 0x82];
    ends_a_client(PROTOCOL_ERROR, Kind::PUSH_PROMISE, Head::PADDED | 0x4, 1, &payload);
}

#[test]
fn rfc9113_8_4_push_promise_to_a_server_is_a_connection_error() {
    for (stream, promised) in [(1, 2), (1, 3), (3, 4)] {
        let mut server = Scripted::server();
        server.open(1);
        let frame = promise(&mut server, stream, promised);
        let events = server.send(&frame);
        is_connection_error(&mut server, &events, ErrorCode::PROTOCOL_ERROR);
    }
}
