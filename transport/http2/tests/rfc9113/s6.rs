//! §6 and §7: each frame, but for flow control, which stands in `s6_9.rs`; and error codes.

use std::time::Instant;

use http2::frame::{Frame, GoAway, Head, Kind, Setting, Settings};
use http2::{Connection, ErrorCode, Event, Fields, Limits, SendError};

use crate::support::{
    Scripted, data, get, go_away, is_connection_error, is_stream_error, ok, ping, post, raw, rst_stream,
    settings, settings_ack,
};
use crate::{
    asked, credit, ends_a_client, ends_a_server, heads, is_error, is_ignored, is_taken, is_taken_as, with,
};

fn setting(identifier: u16, value: u32) -> Vec<u8> {
    [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

const PROTOCOL_ERROR: ErrorCode = ErrorCode::PROTOCOL_ERROR;
const FRAME_SIZE_ERROR: ErrorCode = ErrorCode::FRAME_SIZE_ERROR;

#[test]
fn rfc9113_6_1_data_on_stream_0_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::DATA, 0, 0, b"data");
}

#[test]
fn rfc9113_6_1_padding_as_long_as_the_payload_is_a_connection_error() {
    for payload in [&[1][..], &[4, 0, 0, 0], &[0xff, 0, 0, 0]] {
        ends_a_server(PROTOCOL_ERROR, Kind::DATA, Head::PADDED, 1, payload);
        ends_a_server(PROTOCOL_ERROR, Kind::HEADERS, Head::PADDED | 0x5, 3, payload);
        ends_a_client(PROTOCOL_ERROR, Kind::DATA, Head::PADDED, 1, payload);
    }
}

#[test]
fn rfc9113_6_1_a_data_frame_may_be_padding_alone() {
    let mut server = Scripted::server();
    server.open(1);
    let events = server.send(&raw(Kind::DATA, Head::PADDED | Head::END_STREAM, 1, &[3, 0, 0, 0]));
    assert_eq!(events, [Event::Data { stream: 1, data: "".into(), end_stream: true }]);
}

#[test]
fn rfc9113_6_2_headers_on_stream_0_are_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::HEADERS, 0x5, 0, &[0x82, 0x86, 0x84]);
    ends_a_client(PROTOCOL_ERROR, Kind::HEADERS, 0x5, 0, &[0x88]);
}

#[test]
fn rfc9113_6_2_padding_and_priority_of_headers_are_taken_off() {
    let mut server = Scripted::server();
    let payload = [&[2, 0, 0, 0, 0, 16][..], &server.block(&get()), &[0, 0]].concat();
    let events = server.send(&raw(Kind::HEADERS, Head::PADDED | Head::PRIORITY | 0x5, 1, &payload));
    assert_eq!(events, [Event::Headers { stream: 1, fields: get(), end_stream: true }]);
}

#[test]
fn rfc9113_6_2_padding_that_leaves_no_room_for_priority_is_a_connection_error() {
    let payload = [2, 0, 0, 0, 0, 16, 0x82];
    ends_a_server(FRAME_SIZE_ERROR, Kind::HEADERS, Head::PADDED | Head::PRIORITY | 0x5, 3, &payload);
}

#[test]
fn rfc9113_6_2_end_stream_holds_for_the_continuations_behind_it() {
    let mut server = Scripted::server();
    let block = server.block(&get());
    server.send(&raw(Kind::HEADERS, Head::END_STREAM, 1, &block[..2]));
    let events = server.send(&raw(Kind::CONTINUATION, Head::END_HEADERS, 1, &block[2..]));
    assert_eq!(events, [Event::Headers { stream: 1, fields: get(), end_stream: true }]);
}

#[test]
fn rfc9113_6_3_priority_on_stream_0_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::PRIORITY, 0, 0, &[0; 5]);
}

#[test]
fn rfc9113_6_3_priority_of_another_length_is_a_stream_error() {
    for length in [0, 4, 6] {
        let mut server = Scripted::server();
        server.open(1);
        server.send(&raw(Kind::PRIORITY, 0, 1, &vec![0; length]));
        is_stream_error(&mut server, 1, FRAME_SIZE_ERROR);
    }
}

#[test]
fn rfc9113_6_4_rst_stream_is_not_sent_for_an_idle_stream() {
    let mut server = Scripted::server();
    server.send(&raw(Kind::PRIORITY, 0, 1, &[0; 4]));
    assert!(heads(&mut server).iter().all(|head| head.kind != Kind::RST_STREAM));
}

#[test]
fn rfc9113_6_4_nothing_that_is_asked_for_is_sent_on_an_idle_stream() {
    for mut end in [Scripted::client(), Scripted::server()] {
        for stream in [1, 2, 3] {
            end.connection.reset(stream, ErrorCode::CANCEL);
            end.connection.release(stream);
            end.connection.read(stream, 100_000);
            assert_eq!(end.connection.send_headers(stream, &ok(), true), Err(SendError::Ended));
        }
        assert_eq!(end.sent(), []);
    }
}

#[test]
fn rfc9113_6_4_rst_stream_on_stream_0_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::RST_STREAM, 0, 0, &[0, 0, 0, 8]);
}

#[test]
fn rfc9113_6_4_rst_stream_of_another_length_is_a_connection_error() {
    for length in [0, 3, 5] {
        ends_a_server(FRAME_SIZE_ERROR, Kind::RST_STREAM, 0, 1, &vec![0; length]);
    }
}

#[test]
fn rfc9113_6_4_rst_stream_ends_a_stream_with_its_code() {
    for code in [ErrorCode::NO_ERROR, ErrorCode::CANCEL, ErrorCode(0xffff_ffff)] {
        let mut client = asked(&post(), false);
        let events = client.send(&rst_stream(1, code));
        assert_eq!(events, [Event::Reset { stream: 1, code, reason: None }]);
        assert_eq!(client.connection.send_data(1, "x".into(), true), Err(SendError::Ended));
    }
}

#[test]
fn rfc9113_6_5_an_acknowledgment_with_a_payload_is_a_connection_error() {
    ends_a_server(FRAME_SIZE_ERROR, Kind::SETTINGS, Head::ACK, 0, &setting(4, 1));
}

#[test]
fn rfc9113_6_5_settings_on_a_stream_are_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::SETTINGS, 0, 1, &setting(4, 1));
    ends_a_server(PROTOCOL_ERROR, Kind::SETTINGS, Head::ACK, 1, &[]);
}

#[test]
fn rfc9113_6_5_settings_of_another_length_are_a_connection_error() {
    for length in [1, 5, 7, 11] {
        ends_a_server(FRAME_SIZE_ERROR, Kind::SETTINGS, 0, 0, &vec![0; length]);
    }
}

#[test]
fn rfc9113_6_5_the_last_value_of_a_setting_holds() {
    let mut client = Scripted::client();
    client.send(&settings(&[Setting::MaxConcurrentStreams(0), Setting::MaxConcurrentStreams(2)]));
    client.send(&settings(&[Setting::InitialWindowSize(7)]));
    assert_eq!(client.connection.open(&get(), true), Ok(1), "a setting that is not named stays");
    client.send(&settings(&[Setting::MaxConcurrentStreams(5), Setting::MaxConcurrentStreams(1)]));
    assert!(!client.connection.can_open());
}

#[test]
fn rfc9113_6_5_2_a_value_out_of_range_is_a_connection_error() {
    for (identifier, value, code) in [
        (2, 2, PROTOCOL_ERROR),
        (2, u32::MAX, PROTOCOL_ERROR),
        (4, 1 << 31, ErrorCode::FLOW_CONTROL_ERROR),
        (4, u32::MAX, ErrorCode::FLOW_CONTROL_ERROR),
        (5, 0, PROTOCOL_ERROR),
        (5, (1 << 14) - 1, PROTOCOL_ERROR),
        (5, 1 << 24, PROTOCOL_ERROR),
    ] {
        ends_a_server(code, Kind::SETTINGS, 0, 0, &setting(identifier, value));
        ends_a_client(code, Kind::SETTINGS, 0, 0, &setting(identifier, value));
    }
}

#[test]
fn rfc9113_6_5_2_values_at_the_end_of_their_range_are_taken() {
    let values = [
        (1, 0),
        (1, u32::MAX),
        (2, 0),
        (2, 1),
        (3, 0),
        (3, u32::MAX),
        (4, 0),
        (4, (1 << 31) - 1),
        (5, 1 << 14),
        (5, (1 << 24) - 1),
        (6, 0),
        (6, u32::MAX),
    ];
    for (identifier, value) in values {
        let mut server = Scripted::server();
        assert_eq!(server.send(&raw(Kind::SETTINGS, 0, 0, &setting(identifier, value))), []);
        let ack = Frame::Settings(Settings { ack: true, settings: Vec::new() });
        assert_eq!(server.sent(), [ack], "setting {identifier}: {value}");
    }
}

#[test]
fn rfc9113_6_5_2_a_client_sets_enable_push_to_0_and_a_server_never_to_1() {
    let announced = |connection| {
        let Frame::Settings(settings) = Scripted::new(connection).sent().remove(0) else { panic!() };
        settings.settings
    };
    let client = announced(Connection::client(Limits::default(), Instant::now()));
    assert!(client.contains(&Setting::EnablePush(false)));
    let server = announced(Connection::server(Limits::default(), Instant::now()));
    assert!(!server.contains(&Setting::EnablePush(true)));
}

#[test]
fn rfc9113_6_5_2_enable_push_1_from_a_server_is_a_connection_error() {
    ends_a_client(PROTOCOL_ERROR, Kind::SETTINGS, 0, 0, &setting(2, 1));
}

#[test]
fn rfc9113_6_5_2_what_is_set_from_here_is_in_range() {
    for extreme in [0, u32::MAX] {
        let limits = Limits { frame_size: extreme, stream_window: extreme, ..Limits::default() };
        // Reading the frame checks its values.
        let sent = Scripted::new(Connection::server(limits.clone(), Instant::now())).sent();
        assert!(matches!(sent[0], Frame::Settings(_)));
        Scripted::new(Connection::client(limits, Instant::now())).sent();
    }
}

#[test]
fn rfc9113_6_5_2_no_larger_field_section_is_sent_than_the_peer_takes() {
    let mut client = Scripted::client();
    let size = get().size() as u32;
    client.send(&settings(&[Setting::MaxHeaderListSize(size)]));
    assert_eq!(client.connection.open(&get(), true), Ok(1));
    let larger = client.connection.open(&with(&get(), [("x", "")]), true);
    assert!(matches!(larger, Err(SendError::TooLarge { .. })), "{larger:?}");
}

#[test]
fn rfc9113_6_5_3_every_settings_frame_is_acknowledged_and_no_acknowledgment() {
    let mut server = Scripted::server();
    server.send(&[settings(&[]), settings(&[Setting::InitialWindowSize(1)])].concat());
    let ack = Frame::Settings(Settings { ack: true, settings: Vec::new() });
    assert_eq!(server.sent(), [ack.clone(), ack]);
    let mut server = Scripted::new(Connection::server(Limits::default(), Instant::now()));
    server.send(&[&http2::connection::PREFACE[..], &settings(&[])].concat());
    server.sent();
    is_ignored(&mut server, &settings_ack(), "the acknowledgment");
}

#[test]
fn rfc9113_6_5_3_settings_that_are_never_acknowledged_are_a_settings_timeout() {
    let limits = Limits::default();
    let mut server = Scripted::new(Connection::server(limits.clone(), Instant::now()));
    server.send(&[&http2::connection::PREFACE[..], &settings(&[])].concat());
    let events = server.wait(2 * limits.handshake);
    is_connection_error(&mut server, &events, ErrorCode::SETTINGS_TIMEOUT);
}

#[test]
fn rfc9113_6_7_ping_is_answered_with_the_same_payload() {
    let mut server = Scripted::server();
    assert_eq!(server.send(&ping(*b"\0\xff345678", false)), []);
    assert_eq!(server.sent_bytes(), ping(*b"\0\xff345678", true));
}

#[test]
fn rfc9113_6_7_the_answer_to_ping_goes_before_data() {
    let mut client = asked(&post(), false);
    client.connection.send_data(1, vec![0; 50_000].into(), true).unwrap();
    client.send(&ping(*b"12345678", false));
    assert_eq!(heads(&mut client)[0].kind, Kind::PING);
}

#[test]
fn rfc9113_6_7_an_answer_to_ping_is_not_answered() {
    is_ignored(&mut Scripted::server(), &ping(*b"12345678", true), "nobody asked");
}

#[test]
fn rfc9113_6_7_ping_on_a_stream_or_of_another_length_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::PING, 0, 1, &[0; 8]);
    for length in [0, 7, 9] {
        ends_a_server(FRAME_SIZE_ERROR, Kind::PING, 0, 0, &vec![0; length]);
        ends_a_server(FRAME_SIZE_ERROR, Kind::PING, Head::ACK, 0, &vec![0; length]);
    }
}

#[test]
fn rfc9113_6_8_goaway_on_a_stream_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::GOAWAY, 0, 1, &[0; 8]);
    ends_a_client(PROTOCOL_ERROR, Kind::GOAWAY, 0, 1, &[0; 8]);
}

#[test]
fn rfc9113_6_8_no_stream_is_opened_after_goaway() {
    let mut client = asked(&get(), true);
    client.send(&go_away(0x7fff_ffff, ErrorCode::NO_ERROR));
    assert_eq!(client.connection.open(&get(), true), Err(SendError::CannotOpen));
    is_taken_as(&client.send_headers(1, &ok(), true), "what was open goes on");
}

#[test]
fn rfc9113_6_8_streams_above_the_last_one_were_not_processed() {
    let mut client = asked(&get(), true);
    client.connection.open(&post(), false).unwrap();
    client.connection.send_data(3, vec![0; 70_000].into(), true).unwrap();
    client.sent();
    let events = client.send(&go_away(1, ErrorCode::NO_ERROR));
    let resets: Vec<_> = events.iter().filter(|event| matches!(event, Event::Reset { .. })).collect();
    assert!(
        matches!(resets[..], [Event::Reset { stream: 3, code: ErrorCode::REFUSED_STREAM, .. }]),
        "{events:?}"
    );
    assert_eq!(client.connection.queued(3), 0);
    let sent = client.sent();
    assert!(matches!(sent[..], [Frame::GoAway(_)]), "nothing on a stream: {sent:?}");
    is_ignored(&mut client, &rst_stream(3, ErrorCode::REFUSED_STREAM), "RST_STREAM behind it");
}

#[test]
fn rfc9113_6_8_a_later_goaway_may_lower_the_last_stream() {
    let mut client = asked(&get(), true);
    client.connection.open(&get(), true).unwrap();
    client.sent();
    let events = client.send(&go_away(0x7fff_ffff, ErrorCode::NO_ERROR));
    assert!(!events.iter().any(|event| matches!(event, Event::Reset { .. })), "{events:?}");
    let events = client.send(&go_away(1, ErrorCode::NO_ERROR));
    assert!(events.iter().any(|event| matches!(event, Event::Reset { stream: 3, .. })), "{events:?}");
    is_taken(&client.send_headers(1, &ok(), true));
}

#[test]
fn rfc9113_6_8_goaway_tells_its_code_and_debug_data_and_its_reserved_bit_is_ignored() {
    let mut client = asked(&get(), true);
    let events = client.send(&raw(Kind::GOAWAY, 0, 0, b"\x80\0\0\x01\0\0\0\x0bwhy"));
    let code = ErrorCode::ENHANCE_YOUR_CALM;
    assert_eq!(events, [Event::GoAway { code, debug_data: "why".into() }]);
}

#[test]
fn rfc9113_6_8_a_server_answers_what_is_open_when_the_client_goes_away() {
    let mut server = Scripted::server();
    server.open(1);
    server.send(&go_away(0, ErrorCode::NO_ERROR));
    is_taken(&server.send(&data(1, b"data", true)));
    server.connection.send_headers(1, &ok(), true).unwrap();
    assert!(heads(&mut server).iter().any(|head| head.kind == Kind::HEADERS && head.stream == 1));
}

#[test]
fn rfc9113_6_8_goaway_is_answered_with_goaway_when_nothing_is_open() {
    for mut end in [Scripted::client(), Scripted::server()] {
        end.send(&go_away(0, ErrorCode::NO_ERROR));
        let sent = end.sent();
        assert!(
            matches!(sent[..], [Frame::GoAway(GoAway { code: ErrorCode::NO_ERROR, .. }), ..]),
            "{sent:?}"
        );
    }
}

#[test]
fn rfc9113_6_8_a_server_goes_away_in_two_steps_and_never_raises_the_last_stream() {
    let mut server = Scripted::server();
    server.open(1);
    server.connection.drain();
    let sent = server.sent();
    let [Frame::GoAway(GoAway { last_stream: 0x7fff_ffff, code, .. }), Frame::Ping(probe)] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(*code, ErrorCode::NO_ERROR);
    server.open(3);
    server.send(&ping(probe.data, true));
    let sent = server.sent();
    assert!(matches!(sent[..], [Frame::GoAway(GoAway { last_stream: 3, .. })]), "{sent:?}");
    server.send_headers(5, &get(), true);
    server.send(&data(0, b"", false));
    let sent = server.sent();
    assert!(matches!(sent[..], [.., Frame::GoAway(GoAway { last_stream: 3, .. })]), "{sent:?}");
}

#[test]
fn rfc9113_6_8_what_comes_above_the_last_stream_still_counts_for_the_connection() {
    let mut server = Scripted::server_with(Limits { connection_window: 65_535, ..Limits::default() });
    server.open(1);
    server.connection.drain();
    let sent = server.sent();
    let [Frame::GoAway(_), Frame::Ping(probe)] = &sent[..] else { panic!("{sent:?}") };
    server.send(&ping(probe.data, true));
    server.sent();
    assert_eq!(server.send_headers(3, &with(&post(), [("x-in-the-table", "1")]), false), []);
    for _ in 0..3 {
        assert_eq!(server.send(&data(3, &[0; 16_384], false)), []);
    }
    assert!(credit(&server.sent(), 0) >= 16_384);
    let trailers = Fields::new([("x-in-the-table", "1")]);
    assert_eq!(server.send_headers(1, &trailers, true), [Event::Trailers { stream: 1, fields: trailers }]);
}

#[test]
fn rfc9113_6_10_continuation_on_stream_0_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::CONTINUATION, Head::END_HEADERS, 0, &[0x82]);
}

#[test]
fn rfc9113_6_10_continuation_of_nothing_is_a_connection_error() {
    ends_a_server(PROTOCOL_ERROR, Kind::CONTINUATION, Head::END_HEADERS, 1, &[0x82]);
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    let events = server.send(&raw(Kind::CONTINUATION, Head::END_HEADERS, 1, &[0x82]));
    is_connection_error(&mut server, &events, PROTOCOL_ERROR);
}

#[test]
fn rfc9113_6_10_any_other_frame_inside_a_field_block_is_a_connection_error() {
    for behind in [Vec::new(), raw(Kind::CONTINUATION, 0, 3, &[0x86])] {
        for (kind, flags, stream, payload) in [
            (Kind::DATA, 0, 1, &b"data"[..]),
            (Kind::HEADERS, 0x5, 3, &[0x84]),
            (Kind::HEADERS, 0x5, 5, &[0x82, 0x86, 0x84]),
            (Kind::PRIORITY, 0, 3, &[0; 5]),
            (Kind::RST_STREAM, 0, 3, &[0, 0, 0, 8]),
            (Kind::SETTINGS, 0, 0, &[]),
            (Kind::PING, 0, 0, &[0; 8]),
            (Kind::GOAWAY, 0, 0, &[0; 8]),
            (Kind::WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1]),
            (Kind::CONTINUATION, 0x4, 5, &[0x84]),
            (Kind(0xff), 0, 3, &[]),
        ] {
            let mut server = Scripted::server();
            server.open(1);
            server.send(&[raw(Kind::HEADERS, 0, 3, &[0x82]), behind.clone()].concat());
            server.send(&raw(kind, flags, stream, payload));
            is_error(&mut server, 0, PROTOCOL_ERROR, &format!("{kind:?} on stream {stream}"));
            assert!(server.connection.has_failed(), "{kind:?} on stream {stream}");
        }
    }
}

#[test]
fn rfc9113_6_10_a_frame_inside_a_field_block_that_is_wrong_by_itself_is_a_connection_error() {
    let mut server = Scripted::server();
    server.open(1);
    server.send(&raw(Kind::HEADERS, 0, 3, &[0x82]));
    let events = server.send(&raw(Kind::PRIORITY, 0, 1, &[0; 4]));
    assert!(matches!(events[..], [Event::Closed(_)]), "{events:?}");
}

#[test]
fn rfc9113_7_unknown_error_codes_trigger_nothing_special() {
    let mut client = asked(&get(), true);
    client.connection.open(&get(), true).unwrap();
    client.sent();
    let events = client.send(&rst_stream(1, ErrorCode(0xff)));
    assert_eq!(events, [Event::Reset { stream: 1, code: ErrorCode(0xff), reason: None }]);
    client.send(&go_away(3, ErrorCode(0xff)));
    is_taken(&client.send_headers(3, &ok(), true));
}
