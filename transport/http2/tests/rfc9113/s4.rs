//! §4: frames, their size, and field blocks.

use std::time::Instant;

use bytes::Bytes;
use http2::connection::PREFACE;
use http2::frame::{Frame, Head, Kind, Setting};
use http2::hpack::Decoder;
use http2::{Connection, ErrorCode, Event, Fields, Limits};

use crate::support::{
    Scripted, data, get, is_connection_error, is_stream_error, ok, ping, post, raw, rst_stream, settings,
    settings_ack, window_update,
};
use crate::{asked, asked_unacknowledged, heads, is_error, is_ignored, is_taken, is_taken_as, with};

/// A field that the peer's encoder puts into its table.
fn tabled() -> Fields {
    with(&get(), [("x-in-the-table", "1")])
}

/// That the table of the server is what the peer believes it is.
fn table_is_in_step(server: &mut Scripted, stream: u32) {
    let block = server.block(&tabled());
    assert_eq!(block.len(), tabled().len(), "an index for each field");
    let events = server.send(&raw(Kind::HEADERS, 0x5, stream, &block));
    assert_eq!(events, [Event::Headers { stream, fields: tabled(), end_stream: true }]);
}

#[test]
fn rfc9113_4_1_no_frame_is_longer_than_16384_unless_allowed() {
    let mut client = Scripted::client();
    client.connection.open(&with(&post(), [("x", "y")]), false).unwrap();
    client.connection.send_data(1, Bytes::from(vec![0; 50_000]), true).unwrap();
    assert!(heads(&mut client).iter().all(|head| head.length <= 16_384));

    client.send(&settings(&[Setting::MaxFrameSize(20_000)]));
    client.connection.open(&post(), false).unwrap();
    client.send(&[window_update(0, 200_000), window_update(3, 200_000)].concat());
    client.connection.send_data(3, Bytes::from(vec![0; 60_000]), false).unwrap();
    assert!(heads(&mut client).iter().all(|head| head.length <= 20_000));

    client.connection.send_data(3, Bytes::from(vec![0; 60_000]), true).unwrap();
    client.send(&settings(&[Setting::MaxFrameSize(16_384)]));
    assert!(heads(&mut client).iter().all(|head| head.length <= 16_384), "lowered again");
}

#[test]
fn rfc9113_4_1_frames_of_unknown_type_are_ignored_in_every_state() {
    let mut server = Scripted::server();
    server.open(1);
    server.send_headers(3, &get(), true);
    server.open(5);
    server.send(&rst_stream(5, ErrorCode::CANCEL));
    server.sent();
    for stream in [0, 1, 2, 3, 5, 7] {
        for kind in [0xa, 0xb, 0x10, 0xff] {
            let frame = raw(Kind(kind), 0xff, stream, &[0; 16_384]);
            is_ignored(&mut server, &frame, &format!("type {kind:#x} on stream {stream}"));
        }
    }
    server.open(7);
}

#[test]
fn rfc9113_4_1_unused_flags_are_ignored() {
    let mut server = Scripted::server();
    let block = server.block(&post());
    let events = server.send(&raw(Kind::HEADERS, 0xd2 | Head::END_HEADERS, 1, &block));
    assert_eq!(events, [Event::Headers { stream: 1, fields: post(), end_stream: false }]);
    let events = server.send(&raw(Kind::DATA, 0xf6, 1, b"hi"));
    assert_eq!(events, [Event::Data { stream: 1, data: "hi".into(), end_stream: false }]);
    is_ignored(&mut server, &raw(Kind::PRIORITY, 0xff, 1, &[0; 5]), "PRIORITY");
    is_ignored(&mut server, &raw(Kind::WINDOW_UPDATE, 0xff, 0, &[0, 0, 0, 1]), "WINDOW_UPDATE");
    assert_eq!(server.send(&raw(Kind::SETTINGS, 0xfe, 0, &[])), []);
    assert!(matches!(server.sent()[..], [Frame::Settings(_)]));
    assert_eq!(server.send(&raw(Kind::PING, 0xfe, 0, &[0; 8])), []);
    assert!(matches!(server.sent()[..], [Frame::Ping(_)]));
    assert_eq!(server.send(&raw(Kind::RST_STREAM, 0xff, 1, &[0, 0, 0, 8])).len(), 1);
    assert_eq!(server.send(&raw(Kind::GOAWAY, 0xff, 0, &[0; 8])).len(), 1);
}

#[test]
fn rfc9113_4_1_unused_flags_and_the_reserved_bit_are_not_sent() {
    let mut client = Scripted::new(Connection::client(Limits::default(), Instant::now()));
    client.send(&[settings(&[]), ping([0; 8], false)].concat());
    client.connection.open(&post(), false).unwrap();
    client.connection.send_data(1, Bytes::from(vec![0; 20_000]), false).unwrap();
    client.connection.send_trailers(1, &Fields::new([("x", "y")])).unwrap();
    client.connection.open(&with(&post(), [("x", &*"y".repeat(40_000).leak())]), false).unwrap();
    client.connection.reset(3, ErrorCode::CANCEL);
    client.send(&raw(Kind(0x9), 0, 0, &[]));
    let sent = heads(&mut client);
    for head in &sent {
        let used = match head.kind {
            Kind::DATA => Head::END_STREAM,
            Kind::HEADERS => Head::END_STREAM | Head::END_HEADERS,
            Kind::CONTINUATION => Head::END_HEADERS,
            Kind::SETTINGS | Kind::PING => Head::ACK,
            _ => 0,
        };
        assert_eq!(head.flags & !used, 0, "{head:?}");
    }
    assert!(sent.iter().any(|head| head.kind == Kind::GOAWAY), "{sent:?}");
}

#[test]
fn rfc9113_4_1_the_reserved_bit_is_ignored() {
    let mut server = Scripted::server();
    let mut request = server.headers(1, &get(), true);
    request[5] |= 0x80;
    assert!(matches!(server.send(&request)[..], [Event::Headers { stream: 1, .. }]));
}

#[test]
fn rfc9113_4_2_a_frame_of_16384_octets_is_received() {
    let mut server = Scripted::server_with(Limits { header_list_size: 1 << 20, ..Limits::default() });
    let mut block = server.block(&post()).to_vec();
    let value = 16_384 - block.len() - 6;
    let length = [0x7f, (value - 127) as u8 | 0x80, ((value - 127) >> 7) as u8];
    block.extend([&[0x00, 0x01, b'x'][..], &length, &vec![b'y'; value]].concat());
    assert_eq!(block.len(), 16_384);
    let events = server.send(&raw(Kind::HEADERS, Head::END_HEADERS, 1, &block));
    assert!(matches!(events[..], [Event::Headers { stream: 1, .. }]), "{events:?}");
    let events = server.send(&data(1, &[0; 16_384], false));
    assert!(matches!(&events[..], [Event::Data { data, .. }] if data.len() == 16_384));
}

#[test]
fn rfc9113_4_2_a_frame_over_the_limit_is_a_frame_size_error() {
    for (kind, stream) in [
        (Kind::DATA, 1),
        (Kind::HEADERS, 3),
        (Kind::PRIORITY, 1),
        (Kind::RST_STREAM, 1),
        (Kind::SETTINGS, 0),
        (Kind::PING, 0),
        (Kind::GOAWAY, 0),
        (Kind::WINDOW_UPDATE, 0),
        (Kind(0xff), 1),
    ] {
        let mut server = Scripted::server();
        server.open(1);
        server.send(&raw(kind, 0, stream, &[0; 16_385]));
        is_error(&mut server, stream, ErrorCode::FRAME_SIZE_ERROR, &format!("{kind:?}"));
    }
}

#[test]
fn rfc9113_4_2_a_frame_size_error_in_a_field_block_is_a_connection_error() {
    let mut server = Scripted::server();
    let events = server.send(&raw(Kind::HEADERS, Head::END_HEADERS, 1, &[0x82; 16_385]));
    is_connection_error(&mut server, &events, ErrorCode::FRAME_SIZE_ERROR);
    let mut server = Scripted::server();
    let headers = raw(Kind::HEADERS, 0, 1, &[]);
    let events = server.send(&[headers, raw(Kind::CONTINUATION, 0x4, 1, &[0x82; 16_385])].concat());
    is_connection_error(&mut server, &events, ErrorCode::FRAME_SIZE_ERROR);
}

#[test]
fn rfc9113_4_2_a_larger_frame_is_received_where_it_was_allowed() {
    let limits = Limits { frame_size: 32_768, ..Limits::default() };
    let mut server = Scripted::server_with(limits);
    server.open(1);
    let events = server.send(&data(1, &[0; 32_768], false));
    assert!(matches!(&events[..], [Event::Data { data, .. }] if data.len() == 32_768));
    let events = server.send(&data(1, &[0; 32_769], false));
    is_connection_error(&mut server, &events, ErrorCode::FRAME_SIZE_ERROR);
}

#[test]
fn rfc9113_4_2_a_frame_too_small_is_a_frame_size_error() {
    for (kind, flags, stream, length) in [
        (Kind::RST_STREAM, 0, 1, 3),
        (Kind::SETTINGS, 0, 0, 5),
        (Kind::PING, 0, 0, 7),
        (Kind::GOAWAY, 0, 0, 7),
        (Kind::WINDOW_UPDATE, 0, 0, 3),
        (Kind::WINDOW_UPDATE, 0, 1, 0),
        (Kind::HEADERS, Head::PADDED, 3, 0),
        (Kind::HEADERS, Head::PRIORITY, 3, 4),
    ] {
        let mut server = Scripted::server();
        server.open(1);
        let events = server.send(&raw(kind, flags, stream, &vec![0; length]));
        is_connection_error(&mut server, &events, ErrorCode::FRAME_SIZE_ERROR);
    }
}

#[test]
fn rfc9113_4_3_a_field_block_may_be_cut_anywhere() {
    let block = Scripted::server().block(&get());
    for cut in 0..=block.len() {
        let mut server = Scripted::server();
        let (one, two) = block.split_at(cut);
        assert_eq!(server.send(&raw(Kind::HEADERS, Head::END_STREAM, 1, one)), []);
        assert_eq!(server.send(&raw(Kind::CONTINUATION, 0, 1, &[])), []);
        let events = server.send(&raw(Kind::CONTINUATION, Head::END_HEADERS, 1, two));
        assert_eq!(events, [Event::Headers { stream: 1, fields: get(), end_stream: true }], "at {cut}");
    }
}

#[test]
fn rfc9113_4_3_a_field_block_that_cannot_be_decoded_is_a_connection_error() {
    for (case, block) in [
        ("index 0", &[0x80][..]),
        ("an index beyond the table", &[0xff, 0x00]),
        ("an integer without end", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("a literal that is cut off", &[0x00, 0x05, b'a']),
        ("a literal without a value", &[0x00, 0x01, b'a']),
        ("Huffman padding that is no prefix of EOS", &[0x00, 0x81, 0x00, 0x00]),
        ("a table of more than 4,096", &[0x3f, 0xe2, 0x1f, 0x82]),
        ("a change of the table behind a field", &[0x82, 0x20]),
    ] {
        for stream in [1, 3] {
            let mut server = Scripted::server();
            server.open(1);
            let events = server.send(&raw(Kind::HEADERS, 0x5, stream, block));
            assert!(matches!(events[..], [Event::Closed(_)]), "{case}: {events:?}");
            is_connection_error(&mut server, &events, ErrorCode::COMPRESSION_ERROR);
        }
    }
}

#[test]
fn rfc9113_4_3_a_field_block_on_a_stream_that_was_reset_still_changes_the_table() {
    let mut server = Scripted::server();
    server.open(1);
    server.connection.reset(1, ErrorCode::CANCEL);
    server.send_headers(1, &Fields::new([("x-in-the-table", "1")]), true);
    table_is_in_step(&mut server, 3);
}

#[test]
fn rfc9113_4_3_a_field_block_of_a_refused_request_still_changes_the_table() {
    let mut server = Scripted::server_with(Limits { streams: 1, ..Limits::default() });
    server.open(1);
    assert_eq!(server.send_headers(3, &tabled(), true), []);
    server.send(&rst_stream(1, ErrorCode::CANCEL));
    server.connection.release(1);
    table_is_in_step(&mut server, 5);
}

#[test]
fn rfc9113_4_3_a_field_block_with_too_many_fields_still_changes_the_table() {
    let mut server = Scripted::server_with(Limits { header_list_size: 300, ..Limits::default() });
    let too_large = with(&tabled(), [("x", &*"y".repeat(300).leak())]);
    assert_eq!(server.send_headers(1, &too_large, true), []);
    table_is_in_step(&mut server, 3);
}

#[test]
fn rfc9113_4_3_a_field_block_that_is_not_decoded_to_its_end_ends_the_connection() {
    let mut server = Scripted::server_with(Limits { header_list_size: 300, ..Limits::default() });
    let too_large = with(&tabled(), [("x", &*"y".repeat(3000).leak())]);
    let events = server.send_headers(1, &too_large, true);
    assert!(matches!(events[..], [Event::Closed(_)]), "{events:?}");
    let mut server = Scripted::server();
    server.send(&raw(Kind::HEADERS, 0, 1, &[0x82]));
    let events = server.send(&raw(Kind::CONTINUATION, 0, 1, &[]).repeat(100));
    assert!(matches!(events[..], [Event::Closed(_)]), "{events:?}");
}

#[test]
fn rfc9113_4_3_a_field_block_of_a_malformed_request_still_changes_the_table() {
    let mut server = Scripted::server();
    assert_eq!(server.send_headers(1, &with(&tabled(), [("UPPER", "x")]), true), []);
    table_is_in_step(&mut server, 3);
}

#[test]
fn rfc9113_4_3_a_field_block_on_a_half_closed_stream_still_changes_the_table() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server.send_headers(1, &Fields::new([("x-in-the-table", "1")]), true);
    is_stream_error(&mut server, 1, ErrorCode::STREAM_CLOSED);
    table_is_in_step(&mut server, 3);
}

#[test]
fn rfc9113_4_3_a_field_block_of_a_refused_promise_still_changes_the_table() {
    let mut client = asked_unacknowledged();
    let block = client.block(&tabled());
    client.send(&raw(Kind::PUSH_PROMISE, Head::END_HEADERS, 1, &[&[0, 0, 0, 2][..], &block].concat()));
    let response = with(&ok(), [("x-in-the-table", "1")]);
    let events = client.send_headers(1, &response, true);
    assert_eq!(events, [Event::Headers { stream: 1, fields: response, end_stream: true }]);
}

#[test]
fn rfc9113_4_3_a_promise_that_cannot_be_decoded_is_a_connection_error() {
    let mut client = asked_unacknowledged();
    let events = client.send(&raw(Kind::PUSH_PROMISE, Head::END_HEADERS, 1, &[0, 0, 0, 2, 0x80]));
    is_connection_error(&mut client, &events, ErrorCode::COMPRESSION_ERROR);
}

#[test]
fn rfc9113_4_3_a_bad_field_block_on_a_stream_that_was_reset_is_a_connection_error() {
    let mut server = Scripted::server();
    server.open(1);
    server.connection.reset(1, ErrorCode::CANCEL);
    let events = server.send(&raw(Kind::HEADERS, 0x5, 1, &[0x80]));
    is_connection_error(&mut server, &events, ErrorCode::COMPRESSION_ERROR);
}

#[test]
fn rfc9113_4_3_frames_of_a_sent_field_block_are_contiguous() {
    let mut client = asked(&post(), false);
    client.connection.send_data(1, Bytes::from(vec![0; 1000]), true).unwrap();
    client.connection.open(&with(&get(), [("x", &*"y".repeat(60_000).leak())]), true).unwrap();
    let sent = heads(&mut client);
    let first = sent.iter().position(|head| head.kind == Kind::HEADERS).unwrap();
    let last = sent.iter().position(|head| head.kind == Kind::CONTINUATION && head.has(0x4)).unwrap();
    assert!(last - first >= 2, "{sent:?}");
    for head in &sent[first + 1..=last] {
        assert_eq!((head.kind, head.stream), (Kind::CONTINUATION, 3));
    }
    let ends = sent[first..last].iter().filter(|head| head.has(Head::END_HEADERS));
    assert_eq!(ends.count(), 0);
}

#[test]
fn rfc9113_4_3_1_the_table_is_of_4096_octets_at_first() {
    let mut server = Scripted::server();
    let block = [&[0x3f, 0xe1, 0x1f][..], &server.block(&get())].concat();
    is_taken(&server.send(&raw(Kind::HEADERS, 0x5, 1, &block)));
}

#[test]
fn rfc9113_4_3_1_a_block_after_the_table_was_reduced_begins_with_its_new_size() {
    let limits = Limits { header_table_size: 0, ..Limits::default() };
    for (case, update, is_taken) in
        [("none", &[][..], false), ("to 0", &[0x20], true), ("to 1", &[0x21], false)]
    {
        let mut server = Scripted::new(Connection::server(limits.clone(), Instant::now()));
        let block = server.block(&tabled());
        let request = raw(Kind::HEADERS, 0x5, 1, &block);
        let events = server.send(&[&PREFACE[..], &settings(&[]), &request].concat());
        is_taken_as(&events, "the peer may use its table until it acknowledges");
        server.send(&settings_ack());
        let literal = [update, &[0x82, 0x86, 0x84, 0x01, 0x01, b'x']].concat();
        let events = server.send(&raw(Kind::HEADERS, 0x5, 3, &literal));
        if is_taken {
            assert!(matches!(events[..], [Event::Headers { stream: 3, .. }]), "{case}: {events:?}");
        } else {
            is_connection_error(&mut server, &events, ErrorCode::COMPRESSION_ERROR);
        }
    }
}

#[test]
fn rfc9113_4_3_1_a_larger_table_may_be_used_once_it_is_acknowledged() {
    let mut server = Scripted::server_with(Limits { header_table_size: 8192, ..Limits::default() });
    let block = [&[0x3f, 0xe1, 0x3f][..], &server.block(&get())].concat();
    is_taken(&server.send(&raw(Kind::HEADERS, 0x5, 1, &block)));
}

#[test]
fn rfc9113_4_3_1_the_next_block_sent_says_that_the_table_was_reduced() {
    for (case, sizes, update) in [
        ("to 0", &[Setting::HeaderTableSize(0)][..], &[0x20][..]),
        ("to 30", &[Setting::HeaderTableSize(30)], &[0x3e]),
        ("to 0 and back", &[Setting::HeaderTableSize(0), Setting::HeaderTableSize(4096)], &[0x20]),
    ] {
        let mut client = asked(&tabled(), true);
        client.send(&settings(sizes));
        client.connection.open(&tabled(), true).unwrap();
        let sent = client.sent();
        let [Frame::Settings(ack), Frame::Headers(headers)] = &sent[..] else { panic!("{sent:?}") };
        assert!(ack.ack, "the acknowledgment comes first");
        assert!(headers.fragment.starts_with(update), "{case}: {:?}", headers.fragment);
        if sizes.len() == 1 {
            client.decoder = Decoder::new(1 << 20, 100);
            client.decoder.allow_table_size(update[0] as usize & 0x1f);
            assert_eq!(client.fields(&sent[1]), tabled(), "{case}: and keeps to it");
        }
    }
}
