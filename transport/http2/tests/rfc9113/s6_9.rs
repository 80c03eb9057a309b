//! §6.9: flow control.

use std::time::Instant;

use bytes::Bytes;
use http2::connection::PREFACE;
use http2::frame::{Data, Frame, Head, Kind, Setting};
use http2::{Connection, ErrorCode, Event, Limits};

use crate::support::{
    Scripted, data, get, is_connection_error, is_stream_error, ok, post, raw, rst_stream, settings,
    settings_ack, window_update,
};
use crate::{asked, credit, data_sent, is_error, is_ignored, is_taken};

const FLOW_CONTROL_ERROR: ErrorCode = ErrorCode::FLOW_CONTROL_ERROR;

/// A client that has sent HEADERS, and has 200,000 octets to send.
fn uploading() -> Scripted {
    let mut client = asked(&post(), false);
    client.connection.send_data(1, Bytes::from(vec![0; 200_000]), true).unwrap();
    client
}

/// A server with small windows, whose stream 1 is open.
fn small(stream_window: u32) -> Scripted {
    let limits = Limits { stream_window, connection_window: 65_535, ..Limits::default() };
    let mut server = Scripted::server_with(limits);
    server.open(1);
    server
}

#[test]
fn rfc9113_6_9_an_increment_of_0_is_an_error_of_its_stream() {
    let mut server = small(100);
    server.send(&window_update(1, 0));
    is_stream_error(&mut server, 1, ErrorCode::PROTOCOL_ERROR);
}

#[test]
fn rfc9113_6_9_an_increment_of_0_for_the_connection_is_a_connection_error() {
    let mut server = small(100);
    let events = server.send(&window_update(0, 0));
    is_connection_error(&mut server, &events, ErrorCode::PROTOCOL_ERROR);
}

#[test]
fn rfc9113_6_9_the_reserved_bit_of_an_increment_is_ignored() {
    let mut client = uploading();
    assert_eq!(data_sent(&mut client, 1), 65_535);
    client.send(&raw(Kind::WINDOW_UPDATE, 0, 0, &[0x80, 0, 0, 7]));
    client.send(&raw(Kind::WINDOW_UPDATE, 0, 1, &[0x80, 0, 0, 7]));
    assert_eq!(data_sent(&mut client, 1), 7);
    let mut server = small(100);
    server.send(&raw(Kind::WINDOW_UPDATE, 0, 1, &[0x80, 0, 0, 0]));
    is_stream_error(&mut server, 1, ErrorCode::PROTOCOL_ERROR);
}

#[test]
fn rfc9113_6_9_window_update_of_another_length_is_a_connection_error() {
    for (stream, length) in [(0, 0), (0, 3), (0, 5), (1, 3), (1, 5)] {
        let mut server = small(100);
        let events = server.send(&raw(Kind::WINDOW_UPDATE, 0, stream, &vec![1; length]));
        is_connection_error(&mut server, &events, ErrorCode::FRAME_SIZE_ERROR);
    }
}

#[test]
fn rfc9113_6_9_window_update_behind_end_stream_is_no_error() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    is_ignored(&mut server, &window_update(1, 1), "half-closed (remote)");
    server.connection.send_headers(1, &ok(), true).unwrap();
    server.connection.release(1);
    server.sent();
    is_ignored(&mut server, &window_update(1, 1), "closed");
}

#[test]
fn rfc9113_6_9_data_in_error_counts_for_the_connection() {
    let mut server = small(65_535);
    server.send(&data(1, b"", true));
    server.sent();
    for _ in 0..3 {
        server.send(&data(1, &[0; 16_384], false));
    }
    let sent = server.sent();
    assert!(credit(&sent, 0) >= 16_384, "{sent:?}");
}

#[test]
fn rfc9113_6_9_window_updates_are_acted_upon_while_data_waits() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from(vec![0; 100_000]), true).unwrap();
    assert_eq!(data_sent(&mut server, 1), 65_535);
    server.send(&[window_update(1, 100_000), window_update(0, 100_000)].concat());
    assert_eq!(data_sent(&mut server, 1), 100_000 - 65_535);
}

#[test]
fn rfc9113_6_9_1_neither_window_is_exceeded() {
    let mut client = uploading();
    assert_eq!(data_sent(&mut client, 1), 65_535);
    client.send(&window_update(1, 10));
    assert_eq!(data_sent(&mut client, 1), 0, "the connection has none");
    client.send(&window_update(0, 4));
    assert_eq!(data_sent(&mut client, 1), 4);
    client.send(&window_update(0, 1000));
    assert_eq!(data_sent(&mut client, 1), 6, "the stream has no more");
}

#[test]
fn rfc9113_6_9_1_streams_share_the_window_of_the_connection() {
    let mut client = uploading();
    client.connection.open(&post(), false).unwrap();
    client.connection.send_data(3, Bytes::from(vec![0; 200_000]), true).unwrap();
    let sent = client.sent();
    let of = |frame: &Frame| if let Frame::Data(Data { data, .. }) = frame { data.len() } else { 0 };
    assert_eq!(sent.iter().map(of).sum::<usize>(), 65_535);
    client.send(&[window_update(0, 10), window_update(1, 7), window_update(3, 7)].concat());
    let sent = client.sent();
    assert_eq!(sent.iter().map(of).sum::<usize>(), 10);
}

#[test]
fn rfc9113_6_9_1_an_empty_end_needs_no_window() {
    let mut client = asked(&post(), false);
    client.connection.send_data(1, Bytes::from(vec![0; 65_535]), false).unwrap();
    assert_eq!(data_sent(&mut client, 1), 65_535);
    client.connection.send_data(1, Bytes::new(), true).unwrap();
    let end = Data { stream: 1, data: Bytes::new(), end_stream: true, padding: 0 };
    assert_eq!(client.sent(), [Frame::Data(end)]);
}

#[test]
fn rfc9113_6_9_1_a_window_of_a_stream_beyond_the_maximum_is_an_error_of_the_stream() {
    let mut server = small(100);
    is_ignored(&mut server, &window_update(1, 0x7fff_ffff - 65_535), "up to the maximum");
    server.send(&window_update(1, 1));
    is_stream_error(&mut server, 1, FLOW_CONTROL_ERROR);
}

#[test]
fn rfc9113_6_9_1_a_window_of_the_connection_beyond_the_maximum_is_a_connection_error() {
    let mut server = small(100);
    is_ignored(&mut server, &window_update(0, 0x7fff_ffff - 65_535), "up to the maximum");
    let events = server.send(&window_update(0, 1));
    is_connection_error(&mut server, &events, FLOW_CONTROL_ERROR);
}

#[test]
fn rfc9113_6_9_1_what_is_read_is_given_back_to_both_windows() {
    let mut server = small(65_535);
    for _ in 0..3 {
        server.send(&data(1, &[0; 16_384], false));
    }
    assert_eq!(server.sent(), [], "nothing was read");
    server.connection.read(1, 3 * 16_384);
    let sent = server.sent();
    assert!(credit(&sent, 1) > 0 && credit(&sent, 0) == 3 * 16_384, "{sent:?}");
}

#[test]
fn rfc9113_6_9_1_what_nobody_has_read_of_a_stream_that_is_gone_is_given_back() {
    for by_peer in [false, true] {
        let mut server = small(65_535);
        for _ in 0..3 {
            server.send(&data(1, &[0; 16_384], false));
        }
        if by_peer {
            server.send(&rst_stream(1, ErrorCode::CANCEL));
        }
        server.connection.release(1);
        assert_eq!(credit(&server.sent(), 0), 3 * 16_384, "reset by the peer: {by_peer}");
    }
}

#[test]
fn rfc9113_6_9_1_no_window_is_made_larger_than_the_maximum() {
    let (stream_window, connection_window, largest_stream_window) = (u32::MAX, u32::MAX, u32::MAX);
    let limits = Limits { stream_window, connection_window, largest_stream_window, ..Limits::default() };
    let first = Scripted::new(Connection::server(limits.clone(), Instant::now())).sent();
    assert!(credit(&first, 0) <= 0x7fff_ffff - 65_535, "{first:?}");
    let mut server = Scripted::server_with(limits);
    server.open(1);
    for _ in 0..100 {
        server.send(&data(1, &[0; 16_384], false));
        server.connection.read(1, 16_384);
        server.now += std::time::Duration::from_millis(1);
    }
    let sent = server.sent();
    assert!(credit(&sent, 1) <= 100 * 16_384 && credit(&sent, 0) <= 100 * 16_384, "{sent:?}");
}

#[test]
fn rfc9113_6_9_1_data_beyond_the_window_of_the_stream_is_an_error() {
    let mut server = small(100);
    is_taken(&server.send(&data(1, &[0; 100], false)));
    server.send(&data(1, &[0; 1], false));
    is_error(&mut server, 1, FLOW_CONTROL_ERROR, "stream");
}

#[test]
fn rfc9113_6_9_1_data_beyond_the_window_of_the_connection_is_a_connection_error() {
    let mut server = small(65_535);
    server.open(3);
    for _ in 0..3 {
        server.send(&data(1, &[0; 16_384], false));
    }
    is_taken(&server.send(&data(3, &[0; 16_383], false)));
    let events = server.send(&data(3, &[0; 1], false));
    is_connection_error(&mut server, &events, FLOW_CONTROL_ERROR);
}

#[test]
fn rfc9113_6_9_1_padding_counts_for_both_windows() {
    let mut server = small(10);
    let ten = raw(Kind::DATA, Head::PADDED, 1, &[7, b'd', b'a', 0, 0, 0, 0, 0, 0, 0]);
    is_taken(&server.send(&ten));
    let mut server = small(10);
    server.send(&raw(Kind::DATA, Head::PADDED, 1, &[8, b'd', b'a', 0, 0, 0, 0, 0, 0, 0, 0]));
    is_error(&mut server, 1, FLOW_CONTROL_ERROR, "11 are more than 10");
}

#[test]
fn rfc9113_6_9_1_padding_is_given_back_to_both_windows() {
    let mut server = small(65_535);
    for _ in 0..2000 {
        let payload = [&[255][..], b"d", &[0; 255]].concat();
        let events = server.send(&raw(Kind::DATA, Head::PADDED, 1, &payload));
        assert!(matches!(events[..], [Event::Data { stream: 1, .. }]), "{events:?}");
        server.connection.read(1, 1);
    }
    let sent = server.sent();
    assert!(credit(&sent, 0) > 300_000 && credit(&sent, 1) > 300_000, "it needs not be read");
}

#[test]
fn rfc9113_6_9_2_a_new_initial_window_changes_the_windows_of_open_streams() {
    let mut client = asked(&post(), false);
    client.send(&window_update(0, 1_000_000));
    client.connection.send_data(1, Bytes::from(vec![0; 200_000]), true).unwrap();
    assert_eq!(data_sent(&mut client, 1), 65_535);
    client.send(&settings(&[Setting::InitialWindowSize(65_535 + 100)]));
    assert_eq!(data_sent(&mut client, 1), 100);
}

#[test]
fn rfc9113_6_9_2_a_new_initial_window_changes_half_closed_remote_streams_too() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.send(&[settings(&[Setting::InitialWindowSize(5)]), window_update(0, 1000)].concat());
    server.connection.send_data(1, Bytes::from(vec![0; 100]), true).unwrap();
    assert_eq!(data_sent(&mut server, 1), 5);
}

#[test]
fn rfc9113_6_9_2_a_window_may_become_negative_and_is_waited_for() {
    let mut client = uploading();
    assert_eq!(data_sent(&mut client, 1), 65_535);
    client.send(&[window_update(0, 1_000_000), settings(&[Setting::InitialWindowSize(16_000)])].concat());
    assert_eq!(data_sent(&mut client, 1), 0);
    client.send(&window_update(1, 65_535 - 16_000));
    assert_eq!(data_sent(&mut client, 1), 0, "it is 0");
    client.send(&window_update(1, 3));
    assert_eq!(data_sent(&mut client, 1), 3);
}

#[test]
fn rfc9113_6_9_2_a_window_made_negative_and_back_is_as_before() {
    let mut client = uploading();
    client.sent();
    client.send(&window_update(0, 1_000_000));
    let there_and_back = [Setting::InitialWindowSize(0), Setting::InitialWindowSize(65_536)];
    client.send(&settings(&there_and_back));
    assert_eq!(data_sent(&mut client, 1), 1);
}

#[test]
fn rfc9113_6_9_2_settings_do_not_change_the_window_of_the_connection() {
    let mut client = asked(&post(), false);
    client.send(&settings(&[Setting::InitialWindowSize(1_000_000)]));
    client.connection.send_data(1, Bytes::from(vec![0; 200_000]), true).unwrap();
    assert_eq!(data_sent(&mut client, 1), 65_535);
}

#[test]
fn rfc9113_6_9_2_an_initial_window_that_makes_another_overflow_is_a_connection_error() {
    let mut server = small(100);
    is_ignored(&mut server, &window_update(1, 0x7fff_ffff - 65_535), "up to the maximum");
    let events = server.send(&settings(&[Setting::InitialWindowSize(65_536)]));
    is_connection_error(&mut server, &events, FLOW_CONTROL_ERROR);
}

#[test]
fn rfc9113_6_9_2_the_initial_window_holds_for_streams_opened_later() {
    let mut client = Scripted::client();
    client.send(&settings(&[Setting::InitialWindowSize(0)]));
    client.connection.open(&post(), false).unwrap();
    client.connection.send_data(1, "data".into(), true).unwrap();
    assert_eq!(data_sent(&mut client, 1), 0);
    client.send(&window_update(1, 4));
    assert_eq!(data_sent(&mut client, 1), 4);
}

#[test]
fn rfc9113_6_9_3_a_smaller_window_does_not_hold_before_its_acknowledgment() {
    let limits = Limits { stream_window: 100, ..Limits::default() };
    let mut server = Scripted::new(Connection::server(limits, Instant::now()));
    server.send(&[&PREFACE[..], &settings(&[])].concat());
    server.open(1);
    for _ in 0..3 {
        let events = server.send(&data(1, &[0; 16_384], false));
        assert!(!events.iter().any(|event| matches!(event, Event::Closed(_))), "{events:?}");
    }
    assert!(!server.connection.has_failed());
}

#[test]
fn rfc9113_6_9_3_the_acknowledgment_changes_the_windows_of_open_streams() {
    for stream_window in [100, 16_384, 200_000] {
        let limits = Limits { stream_window, ..Limits::default() };
        let mut server = Scripted::new(Connection::server(limits, Instant::now()));
        server.send(&[&PREFACE[..], &settings(&[])].concat());
        server.open(1);
        assert_eq!(server.send(&settings_ack()), []);
        for piece in vec![0; stream_window as usize].chunks(16_384) {
            is_taken(&server.send(&data(1, piece, false)));
        }
        server.send(&data(1, b"x", false));
        is_error(&mut server, 1, FLOW_CONTROL_ERROR, &format!("beyond {stream_window}"));
    }
}

#[test]
fn rfc9113_6_9_3_a_larger_window_holds_once_it_is_acknowledged() {
    let mut server = Scripted::server_with(Limits { stream_window: 200_000, ..Limits::default() });
    server.open(1);
    for _ in 0..12 {
        is_taken(&server.send(&data(1, &[0; 16_384], false)));
    }
}
