//! §5: streams, their states and ids, concurrency, priority, errors, extensions.

use bytes::Bytes;
use http2::frame::{Frame, GoAway, Head, Kind, RstStream, Setting};
use http2::{ErrorCode, Event, Fields, Limits, SendError};

use crate::support::{
    Scripted, data, get, go_away, is_connection_error, is_stream_error, ok, post, raw, rst_stream, settings,
    window_update,
};
use crate::{
    asked, asked_unacknowledged, credit, data_sent, heads, is_error, is_ignored, is_taken, is_taken_as, with,
};

/// That this, on streams that are idle, ends the connection: of a server, and of a client.
fn is_wrong_on_an_idle_stream(kind: Kind, flags: u8, payload: &[u8]) {
    for stream in [1, 2, 3, 0x7fff_ffff] {
        let mut server = Scripted::server();
        let events = server.send(&raw(kind, flags, stream, payload));
        is_connection_error(&mut server, &events, ErrorCode::PROTOCOL_ERROR);
    }
    for stream in [2, 3, 0x7fff_ffff] {
        let mut client = asked(&post(), false);
        let events = client.send(&raw(kind, flags, stream, payload));
        is_connection_error(&mut client, &events, ErrorCode::PROTOCOL_ERROR);
    }
}

/// A server whose stream 1 is half-closed (remote).
fn half_closed() -> Scripted {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server
}

/// A server whose stream 1 has ended on both sides.
fn closed() -> Scripted {
    let mut server = half_closed();
    server.connection.send_headers(1, &ok(), true).unwrap();
    server.connection.release(1);
    server.sent();
    server
}

#[test]
fn rfc9113_5_1_data_on_an_idle_stream_is_a_connection_error_protocol_error() {
    is_wrong_on_an_idle_stream(Kind::DATA, 0, b"data");
}

#[test]
fn rfc9113_5_1_window_update_on_an_idle_stream_is_a_connection_error_protocol_error() {
    is_wrong_on_an_idle_stream(Kind::WINDOW_UPDATE, 0, &[0, 0, 0, 1]);
}

#[test]
fn rfc9113_5_1_rst_stream_on_an_idle_stream_is_a_connection_error_protocol_error() {
    is_wrong_on_an_idle_stream(Kind::RST_STREAM, 0, &[0, 0, 0, 8]);
}

#[test]
fn rfc9113_5_1_continuation_on_an_idle_stream_is_a_connection_error_protocol_error() {
    is_wrong_on_an_idle_stream(Kind::CONTINUATION, Head::END_HEADERS, &[0x88]);
}

#[test]
fn rfc9113_5_1_push_promise_on_an_idle_stream_is_a_connection_error_protocol_error() {
    is_wrong_on_an_idle_stream(Kind::PUSH_PROMISE, Head::END_HEADERS, &[0, 0, 0, 4, 0x82]);
}

#[test]
fn rfc9113_5_1_headers_on_an_idle_stream_of_the_client_are_a_connection_error_for_it() {
    for stream in [2, 3] {
        let mut client = asked(&get(), true);
        let events = client.send_headers(stream, &ok(), true);
        is_connection_error(&mut client, &events, ErrorCode::PROTOCOL_ERROR);
    }
}

#[test]
fn rfc9113_5_1_priority_is_ignored_in_every_state() {
    let mut server = closed();
    server.send_headers(3, &get(), true);
    server.open(5);
    server.send_headers(7, &get(), true);
    server.connection.reset(7, ErrorCode::CANCEL);
    server.sent();
    for stream in [1, 2, 3, 5, 7, 9, 11] {
        is_ignored(&mut server, &raw(Kind::PRIORITY, 0, stream, &[0; 5]), &format!("stream {stream}"));
    }
    server.open(9);
    let mut client = asked(&get(), true);
    is_ignored(&mut client, &raw(Kind::PRIORITY, 0, 1, &[0; 5]), "half-closed (local)");
}

#[test]
fn rfc9113_5_1_a_half_closed_local_stream_takes_every_frame() {
    let mut client = asked(&get(), true);
    is_ignored(&mut client, &window_update(1, 1), "WINDOW_UPDATE");
    is_taken(&client.send_headers(1, &ok(), false));
    is_taken(&client.send(&data(1, b"hi", false)));
    is_taken(&client.send_headers(1, &Fields::new([("x", "y")]), true));
    let mut client = asked(&get(), true);
    assert_eq!(client.send(&rst_stream(1, ErrorCode::CANCEL)).len(), 1);
}

#[test]
fn rfc9113_5_1_nothing_is_sent_behind_end_stream() {
    let mut client = asked(&get(), true);
    assert_eq!(client.connection.send_data(1, "x".into(), true), Err(SendError::Ended));
    assert_eq!(client.connection.send_trailers(1, &Fields::new([("x", "y")])), Err(SendError::Ended));
    assert_eq!(client.sent(), []);
}

#[test]
fn rfc9113_5_1_data_on_a_half_closed_remote_stream_is_a_stream_error_stream_closed() {
    let mut server = half_closed();
    server.send(&data(1, b"more", false));
    is_stream_error(&mut server, 1, ErrorCode::STREAM_CLOSED);
}

#[test]
fn rfc9113_5_1_headers_on_a_half_closed_remote_stream_are_a_stream_error_stream_closed() {
    for end_stream in [false, true] {
        let mut server = half_closed();
        server.send_headers(1, &Fields::new([("x", "y")]), end_stream);
        is_stream_error(&mut server, 1, ErrorCode::STREAM_CLOSED);
    }
}

#[test]
fn rfc9113_5_1_what_comes_behind_a_response_is_a_stream_error_stream_closed() {
    for is_data in [false, true] {
        let mut client = asked(&post(), false);
        client.send_headers(1, &ok(), true);
        let trailers = client.headers(1, &Fields::new([("x", "y")]), true);
        client.send(&if is_data { data(1, b"more", false) } else { trailers });
        is_stream_error(&mut client, 1, ErrorCode::STREAM_CLOSED);
    }
}

#[test]
fn rfc9113_5_1_a_half_closed_remote_stream_takes_window_update_priority_and_rst_stream() {
    let mut server = half_closed();
    is_ignored(&mut server, &window_update(1, 1), "WINDOW_UPDATE");
    is_ignored(&mut server, &raw(Kind::PRIORITY, 0, 1, &[0; 5]), "PRIORITY");
    let reset = Event::Reset { stream: 1, code: ErrorCode::CANCEL, reason: None };
    assert_eq!(server.send(&rst_stream(1, ErrorCode::CANCEL)), [reset]);
}

#[test]
fn rfc9113_5_1_a_half_closed_remote_stream_can_be_sent_on() {
    let mut server = half_closed();
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, "hi".into(), false).unwrap();
    server.connection.send_trailers(1, &Fields::new([("x", "y")])).unwrap();
    assert_eq!(server.sent().len(), 3);
}

#[test]
fn rfc9113_5_1_a_client_may_go_on_behind_the_response() {
    let mut client = asked(&post(), false);
    client.send_headers(1, &ok(), true);
    client.connection.send_data(1, "more".into(), true).unwrap();
    assert_eq!(data_sent(&mut client, 1), 4);
}

#[test]
fn rfc9113_5_1_nothing_is_sent_on_a_stream_that_has_ended() {
    let mut client = asked(&get(), true);
    client.send_headers(1, &ok(), false);
    client.send(&data(1, &[0; 16_384], true));
    client.connection.read(1, 16_384);
    client.connection.reset(1, ErrorCode::CANCEL);
    client.connection.release(1);
    assert!(heads(&mut client).iter().all(|head| head.stream == 0));
}

#[test]
fn rfc9113_5_1_nothing_is_sent_on_a_stream_that_was_reset() {
    for by_peer in [false, true] {
        let mut client = asked(&post(), false);
        client.connection.send_data(1, Bytes::from(vec![0; 100_000]), false).unwrap();
        client.connection.send_trailers(1, &Fields::new([("x", "y")])).unwrap();
        client.sent();
        if by_peer {
            client.send(&rst_stream(1, ErrorCode::CANCEL));
        } else {
            client.connection.reset(1, ErrorCode::CANCEL);
            assert_eq!(client.sent(), [Frame::RstStream(RstStream { stream: 1, code: ErrorCode::CANCEL })]);
        }
        client.send(&[window_update(0, 100_000), window_update(1, 100_000)].concat());
        client.connection.reset(1, ErrorCode::CANCEL);
        assert_eq!(client.connection.send_data(1, "x".into(), true), Err(SendError::Ended));
        assert_eq!(client.sent(), [], "by the peer: {by_peer}");
    }
}

#[test]
fn rfc9113_5_1_window_update_and_rst_stream_on_a_closed_stream_are_ignored() {
    let mut server = closed();
    is_ignored(&mut server, &window_update(1, 1), "WINDOW_UPDATE");
    is_ignored(&mut server, &rst_stream(1, ErrorCode::CANCEL), "RST_STREAM");
    let mut client = asked(&get(), true);
    client.send_headers(1, &ok(), true);
    is_ignored(&mut client, &window_update(1, 1), "WINDOW_UPDATE");
    is_ignored(&mut client, &rst_stream(1, ErrorCode::NO_ERROR), "RST_STREAM");
}

#[test]
fn rfc9113_5_1_window_update_and_rst_stream_on_a_stream_closed_long_ago_are_ignored() {
    let mut server = closed();
    for stream in (3..1000).step_by(2) {
        server.send_headers(stream, &get(), true);
        server.connection.send_headers(stream, &ok(), true).unwrap();
        server.connection.release(stream);
    }
    server.sent();
    is_ignored(&mut server, &window_update(1, 1), "WINDOW_UPDATE");
    is_ignored(&mut server, &rst_stream(1, ErrorCode::CANCEL), "RST_STREAM");
}

#[test]
fn rfc9113_5_1_data_on_a_closed_stream_is_an_error_stream_closed() {
    let mut server = closed();
    server.send(&data(1, b"more", false));
    is_error(&mut server, 1, ErrorCode::STREAM_CLOSED, "ended on both sides");
    let mut server = Scripted::server();
    server.open(1);
    server.send(&rst_stream(1, ErrorCode::CANCEL));
    server.send(&data(1, b"more", false));
    is_error(&mut server, 1, ErrorCode::STREAM_CLOSED, "reset by the peer");
}

#[test]
fn rfc9113_5_1_what_comes_on_a_stream_that_was_reset_from_here_is_discarded() {
    let mut client = asked(&get(), true);
    client.connection.reset(1, ErrorCode::CANCEL);
    client.sent();
    let headers = client.headers(1, &ok(), false);
    is_ignored(&mut client, &headers, "HEADERS");
    is_ignored(&mut client, &data(1, b"data", false), "DATA");
    is_ignored(&mut client, &window_update(1, 1), "WINDOW_UPDATE");
    is_ignored(&mut client, &raw(Kind::PRIORITY, 0, 1, &[0; 5]), "PRIORITY");
    let trailers = client.headers(1, &Fields::new([("x", "y")]), true);
    is_ignored(&mut client, &trailers, "trailers");
    is_ignored(&mut client, &rst_stream(1, ErrorCode::CANCEL), "RST_STREAM");
}

#[test]
fn rfc9113_5_1_data_on_a_stream_that_was_reset_counts_for_the_connection() {
    let mut server = Scripted::server_with(Limits { connection_window: 65_535, ..Limits::default() });
    server.open(1);
    server.connection.reset(1, ErrorCode::CANCEL);
    server.sent();
    for _ in 0..3 {
        assert_eq!(server.send(&data(1, &[0; 16_384], false)), []);
    }
    let sent = server.sent();
    assert!(credit(&sent, 0) >= 16_384, "it is given back: {sent:?}");
    assert_eq!(credit(&sent, 1), 0);
}

#[test]
fn rfc9113_5_1_1_a_client_opens_streams_with_odd_and_rising_ids() {
    let mut client = Scripted::client();
    let ids: Vec<_> = (0..4).map(|_| client.connection.open(&get(), true).unwrap()).collect();
    assert_eq!(ids, [1, 3, 5, 7]);
    let sent: Vec<_> = heads(&mut client).iter().map(|head| head.stream).collect();
    assert_eq!(sent, ids);
}

#[test]
fn rfc9113_5_1_1_a_request_with_an_even_id_is_a_connection_error() {
    let mut server = Scripted::server();
    let events = server.send_headers(2, &get(), true);
    is_connection_error(&mut server, &events, ErrorCode::PROTOCOL_ERROR);
}

#[test]
fn rfc9113_5_1_1_an_id_below_one_that_was_used_is_a_connection_error() {
    let mut server = Scripted::server();
    server.open(5);
    let events = server.send_headers(3, &get(), true);
    is_connection_error(&mut server, &events, ErrorCode::PROTOCOL_ERROR);
}

#[test]
fn rfc9113_5_1_1_an_id_is_not_used_again() {
    let mut server = closed();
    server.send_headers(1, &get(), true);
    let sent = server.sent();
    assert!(matches!(sent.last(), Some(Frame::GoAway(_))), "{sent:?}");
}

#[test]
fn rfc9113_5_1_1_ids_may_be_skipped_up_to_the_last_one() {
    let mut server = Scripted::server();
    server.open(101);
    server.open(0x7fff_ffff);
}

#[test]
fn rfc9113_5_1_2_a_client_keeps_to_the_limit_of_streams() {
    let mut client = Scripted::client();
    client.send(&settings(&[Setting::MaxConcurrentStreams(2)]));
    client.connection.open(&get(), true).unwrap();
    client.connection.open(&post(), false).unwrap();
    assert_eq!(client.connection.open(&get(), true), Err(SendError::CannotOpen));
    client.send_headers(1, &ok(), false);
    assert_eq!(client.connection.open(&get(), true), Err(SendError::CannotOpen), "half-closed counts");
    client.send(&data(1, b"", true));
    client.connection.release(1);
    assert_eq!(client.connection.open(&get(), true), Ok(5));
}

#[test]
fn rfc9113_5_1_2_a_limit_of_streams_may_be_lowered_and_raised() {
    let mut client = asked(&get(), true);
    client.send(&settings(&[Setting::MaxConcurrentStreams(0)]));
    assert_eq!(client.connection.open(&get(), true), Err(SendError::CannotOpen));
    is_taken_as(&client.send_headers(1, &ok(), true), "what was open goes on");
    assert_eq!(client.connection.open(&get(), true), Err(SendError::CannotOpen));
    client.send(&settings(&[Setting::MaxConcurrentStreams(1)]));
    assert_eq!(client.connection.open(&get(), true), Ok(3));
}

#[test]
fn rfc9113_5_1_2_a_request_over_the_limit_is_refused() {
    let mut server = Scripted::server_with(Limits { streams: 2, ..Limits::default() });
    server.open(1);
    server.send_headers(3, &get(), true);
    assert_eq!(server.send_headers(5, &get(), true), []);
    is_stream_error(&mut server, 5, ErrorCode::REFUSED_STREAM);
    is_taken_as(&server.send(&data(1, b"hi", false)), "the others go on");
}

#[test]
fn rfc9113_5_2_1_a_sender_begins_with_windows_of_65535_octets() {
    let mut client = asked(&post(), false);
    client.connection.send_data(1, Bytes::from(vec![0; 70_000]), true).unwrap();
    assert_eq!(data_sent(&mut client, 1), 65_535);
    client.send(&window_update(1, 70_000));
    assert_eq!(data_sent(&mut client, 1), 0, "the connection has none");
    client.send(&window_update(0, 70_000));
    assert_eq!(data_sent(&mut client, 1), 70_000 - 65_535);
}

#[test]
fn rfc9113_5_2_1_only_data_is_flow_controlled() {
    let mut client = asked(&post(), false);
    client.connection.send_data(1, Bytes::from(vec![0; 70_000]), false).unwrap();
    client.sent();
    client.connection.open(&get(), true).unwrap();
    client.connection.reset(1, ErrorCode::CANCEL);
    client.send(&[settings(&[]), raw(Kind::PING, 0, 0, &[0; 8])].concat());
    assert_eq!(client.sent().len(), 4);
}

#[test]
fn rfc9113_5_3_2_priority_in_headers_is_ignored() {
    let mut server = Scripted::server();
    let payload = [&[0x80, 0, 0, 1, 0xff][..], &server.block(&get())].concat();
    let events = server.send(&raw(Kind::HEADERS, Head::PRIORITY | 0x5, 1, &payload));
    assert_eq!(events, [Event::Headers { stream: 1, fields: get(), end_stream: true }]);
}

#[test]
fn rfc9113_5_4_1_a_connection_error_is_told_with_the_last_stream() {
    let mut server = Scripted::server();
    server.open(1);
    server.open(7);
    server.send(&data(0, b"", false));
    let sent = server.sent();
    assert!(matches!(sent[..], [Frame::GoAway(GoAway { last_stream: 7, .. })]), "{sent:?}");
}

#[test]
fn rfc9113_5_4_1_a_client_names_no_stream_of_its_own_as_the_last() {
    let mut client = asked(&get(), true);
    client.send(&data(0, b"", false));
    let sent = client.sent();
    assert!(matches!(sent[..], [Frame::GoAway(GoAway { last_stream: 0, .. })]), "{sent:?}");
}

#[test]
fn rfc9113_5_4_1_nothing_follows_a_connection_error() {
    let mut server = Scripted::server();
    server.open(1);
    server.send(&data(0, b"", false));
    server.sent();
    let request = server.headers(3, &get(), true);
    assert_eq!(server.send(&[request, raw(Kind::PING, 0, 0, &[0; 8])].concat()), []);
    assert!(server.connection.send_headers(1, &ok(), true).is_err());
    assert!(server.connection.is_done());
    assert_eq!(server.sent(), []);
}

#[test]
fn rfc9113_5_4_2_a_stream_error_leaves_the_other_streams_alone() {
    let mut server = Scripted::server();
    server.open(1);
    server.open(3);
    server.send(&window_update(1, 0));
    is_stream_error(&mut server, 1, ErrorCode::PROTOCOL_ERROR);
    is_taken(&server.send(&data(3, b"hi", true)));
    server.connection.send_headers(3, &ok(), true).unwrap();
    assert_eq!(server.sent().len(), 1);
}

#[test]
fn rfc9113_5_4_2_a_stream_error_is_told_once() {
    let mut server = half_closed();
    let frames = [data(1, b"", false), data(1, b"", false), window_update(1, 0)].concat();
    let trailers = server.headers(1, &Fields::new([("x", "y")]), true);
    server.send(&[frames, trailers].concat());
    let reset = RstStream { stream: 1, code: ErrorCode::STREAM_CLOSED };
    assert_eq!(server.sent(), [Frame::RstStream(reset)]);
}

#[test]
fn rfc9113_5_4_2_rst_stream_is_not_answered_with_rst_stream() {
    let mut server = Scripted::server();
    server.open(1);
    server.send(&[rst_stream(1, ErrorCode::CANCEL), rst_stream(1, ErrorCode::CANCEL)].concat());
    server.connection.release(1);
    assert_eq!(server.sent(), []);
    let mut client = asked(&post(), false);
    client.send(&rst_stream(1, ErrorCode::PROTOCOL_ERROR));
    client.connection.release(1);
    assert_eq!(client.sent(), []);
}

#[test]
fn rfc9113_5_5_an_unknown_frame_inside_a_field_block_is_a_connection_error() {
    for stream in [0, 1, 3] {
        let mut server = Scripted::server();
        let headers = raw(Kind::HEADERS, 0, 1, &[0x82]);
        let events = server.send(&[headers, raw(Kind(0xfa), 0, stream, b"")].concat());
        is_connection_error(&mut server, &events, ErrorCode::PROTOCOL_ERROR);
    }
}

#[test]
fn rfc9113_5_5_unknown_settings_and_error_codes_are_ignored() {
    let mut client = asked_unacknowledged();
    client.send(&raw(Kind::SETTINGS, 0, 0, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 9, 0, 0, 0, 1]));
    assert!(matches!(&client.sent()[..], [Frame::Settings(settings)] if settings.ack));
    let events = client.send(&go_away(1, ErrorCode(0xdead)));
    assert!(matches!(events[..], [Event::GoAway { code: ErrorCode(0xdead), .. }]), "{events:?}");
    is_taken(&client.send_headers(1, &with(&ok(), [("x", "y")]), true));
}
