//! §8.1 and §8.2: how messages are framed, and their fields.

use bytes::Bytes;
use http2::frame::{Frame, Head, Kind};
use http2::{ErrorCode, Event, Fields, SendError};

use crate::support::{Scripted, data, get, is_stream_error, ok, post, raw, rst_stream};
use crate::{
    are_malformed_trailers, asked, heads, is_malformed, is_malformed_request, is_malformed_response,
    is_taken, is_taken_as, with,
};

fn status(status: &'static str) -> Fields {
    Fields::new([(":status", status)])
}

fn head() -> Fields {
    Fields::new([(":method", "HEAD"), (":scheme", "http"), (":path", "/"), (":authority", "example.com")])
}

fn field(name: impl Into<Bytes>, value: impl Into<Bytes>) -> Fields {
    Fields::new([(name.into(), value.into())])
}

/// `base`, and one more field.
fn and(base: &Fields, field: &Fields) -> Fields {
    Fields::new(base.iter().chain(field.iter()).map(|field| (field.name.clone(), field.value.clone())))
}

/// That a field makes any message malformed that has it.
fn is_malformed_anywhere(field: &Fields) {
    is_malformed_request(&and(&get(), field), true);
    is_malformed_response(&and(&ok(), field), true);
    is_malformed_response(&and(&status("103"), field), false);
    are_malformed_trailers(field, true);
}

/// That a field can be in any message.
fn is_taken_anywhere(field: &Fields) {
    let mut server = Scripted::server();
    is_taken_as(&server.send_headers(1, &and(&post(), field), false), &format!("{field:?}"));
    let trailers = [Event::Trailers { stream: 1, fields: field.clone() }];
    assert_eq!(server.send_headers(1, field, true), trailers);
    let mut client = asked(&get(), true);
    is_taken_as(&client.send_headers(1, &and(&ok(), field), false), &format!("{field:?}"));
    assert_eq!(client.send_headers(1, field, true), trailers);
}

#[test]
fn rfc9113_8_1_any_number_of_interim_responses_comes_before_the_final_one() {
    let mut client = asked(&post(), false);
    for interim in ["100", "103", "103", "199"] {
        let events = client.send_headers(1, &status(interim), false);
        assert_eq!(events, [Event::Informational { stream: 1, fields: status(interim) }]);
    }
    let events = client.send_headers(1, &ok(), true);
    assert_eq!(events, [Event::Headers { stream: 1, fields: ok(), end_stream: true }]);
}

#[test]
fn rfc9113_8_1_an_interim_response_with_end_stream_is_malformed() {
    is_malformed_response(&status("100"), true);
    is_malformed_response(&status("103"), true);
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    assert_eq!(server.connection.send_headers(1, &status("100"), true), Err(SendError::Order));
}

#[test]
fn rfc9113_8_1_data_before_the_response_is_malformed() {
    let mut client = asked(&get(), true);
    let events = client.send(&data(1, b"data", false));
    is_malformed(&mut client, &events, "before any response");
    let mut client = asked(&get(), true);
    client.send_headers(1, &status("100"), false);
    let events = client.send(&data(1, b"", true));
    is_malformed(&mut client, &events, "behind an interim response");
}

#[test]
fn rfc9113_8_1_trailers_without_end_stream_are_malformed() {
    are_malformed_trailers(&field("x", "y"), false);
}

#[test]
fn rfc9113_8_1_a_second_response_is_malformed() {
    for (second, end_stream) in [("200", false), ("200", true), ("100", false)] {
        let mut client = asked(&get(), true);
        client.send_headers(1, &ok(), false);
        let events = client.send_headers(1, &status(second), end_stream);
        is_malformed(&mut client, &events, second);
    }
}

#[test]
fn rfc9113_8_1_a_second_request_on_a_stream_is_malformed() {
    are_malformed_trailers(&get(), true);
}

#[test]
fn rfc9113_8_1_trailers_with_pseudo_header_fields_are_malformed() {
    for name in [":status", ":path", ":method", ":unknown"] {
        are_malformed_trailers(&field(name, "200"), true);
        are_malformed_trailers(&Fields::new([("x", "y"), (name, "200")]), true);
    }
}

#[test]
fn rfc9113_8_1_trailers_come_behind_data_or_none() {
    for frames in [Vec::new(), data(1, b"", false), data(1, b"data", false)] {
        let mut server = Scripted::server();
        server.open(1);
        server.send(&frames);
        let events = server.send_headers(1, &field("x", "y"), true);
        assert_eq!(events, [Event::Trailers { stream: 1, fields: field("x", "y") }]);
    }
}

#[test]
fn rfc9113_8_1_nothing_comes_behind_trailers() {
    let mut server = Scripted::server();
    server.open(1);
    server.send_headers(1, &field("x", "y"), true);
    server.send(&data(1, b"more", true));
    is_stream_error(&mut server, 1, ErrorCode::STREAM_CLOSED);
}

#[test]
fn rfc9113_8_1_a_message_is_sent_in_order() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    assert_eq!(server.connection.send_data(1, "x".into(), false), Err(SendError::Order));
    assert_eq!(server.connection.send_trailers(1, &field("x", "y")), Err(SendError::Order));
    server.connection.send_headers(1, &status("100"), false).unwrap();
    assert_eq!(server.connection.send_data(1, "x".into(), false), Err(SendError::Order));
    server.connection.send_headers(1, &ok(), false).unwrap();
    assert_eq!(server.connection.send_headers(1, &ok(), false), Err(SendError::Order));
    assert_eq!(server.connection.send_headers(1, &status("100"), false), Err(SendError::Order));
    server.connection.send_data(1, vec![0; 20_000].into(), false).unwrap();
    server.connection.send_trailers(1, &field("x", "y")).unwrap();
    let sent: Vec<_> = heads(&mut server).iter().map(|head| (head.kind, head.has(0x1))).collect();
    let (headers, data) = ((Kind::HEADERS, false), (Kind::DATA, false));
    assert_eq!(sent, [headers, headers, data, data, (Kind::HEADERS, true)]);
}

#[test]
fn rfc9113_8_1_a_complete_response_outlives_the_reset_behind_it() {
    let mut client = asked(&post(), false);
    let headers = client.headers(1, &ok(), false);
    let reset = rst_stream(1, ErrorCode::NO_ERROR);
    let events = client.send(&[headers, data(1, b"all", true), reset].concat());
    assert_eq!(events[0], Event::Headers { stream: 1, fields: ok(), end_stream: false });
    assert_eq!(events[1], Event::Data { stream: 1, data: "all".into(), end_stream: true });
    assert!(!matches!(events.get(2), Some(Event::Reset { code, .. }) if *code != ErrorCode::NO_ERROR));
}

#[test]
fn rfc9113_8_1_1_more_or_less_data_than_content_length_is_malformed() {
    for (length, pieces) in [("5", &[4][..]), ("5", &[6]), ("5", &[3, 3]), ("5", &[0]), ("0", &[1])] {
        let mut server = Scripted::server();
        server.send_headers(1, &with(&post(), [("content-length", length)]), false);
        let mut client = asked(&get(), true);
        client.send_headers(1, &with(&ok(), [("content-length", length)]), false);
        for end in [&mut server, &mut client] {
            let (last, before) = pieces.split_last().unwrap();
            before.iter().for_each(|piece| is_taken(&end.send(&data(1, &vec![0; *piece], false))));
            let events = end.send(&data(1, &vec![0; *last], true));
            is_malformed(end, &events, &format!("{length}: {pieces:?}"));
        }
    }
}

#[test]
fn rfc9113_8_1_1_a_message_without_data_has_no_content_length_but_0() {
    is_malformed_request(&with(&post(), [("content-length", "5")]), true);
    is_malformed_response(&with(&ok(), [("content-length", "5")]), true);
    let mut server = Scripted::server();
    is_taken(&server.send_headers(1, &with(&post(), [("content-length", "0")]), true));
}

#[test]
fn rfc9113_8_1_1_trailers_before_all_of_content_length_are_malformed() {
    let mut server = Scripted::server();
    server.send_headers(1, &with(&post(), [("content-length", "5")]), false);
    server.send(&data(1, b"data", false));
    let events = server.send_headers(1, &field("x", "y"), true);
    is_malformed(&mut server, &events, "4 of 5");
}

#[test]
fn rfc9113_8_1_1_as_much_data_as_content_length_is_taken_and_padding_does_not_count() {
    let mut server = Scripted::server();
    server.send_headers(1, &with(&post(), [("content-length", "5")]), false);
    is_taken(&server.send(&data(1, b"dat", false)));
    let padded = raw(Kind::DATA, Head::PADDED | Head::END_STREAM, 1, &[3, b'a', b's', 0, 0, 0]);
    is_taken(&server.send(&padded));
}

#[test]
fn rfc9113_8_1_1_a_content_length_that_is_no_number_is_malformed() {
    for length in ["", "x", "-1", "+5", "5x", "0x5", "5 5", "5.0", "18446744073709551621"] {
        is_malformed_request(&with(&post(), [("content-length", length)]), false);
        is_malformed_response(&with(&ok(), [("content-length", length)]), false);
    }
}

#[test]
fn rfc9113_8_1_1_content_lengths_that_differ_are_malformed() {
    is_malformed_request(&with(&post(), [("content-length", "5"), ("content-length", "6")]), false);
    is_malformed_response(&with(&ok(), [("content-length", "5"), ("content-length", "6")]), false);
}

#[test]
fn rfc9113_8_1_1_a_response_without_content_may_have_any_content_length() {
    for (request, code) in [(head(), "200"), (get(), "204"), (get(), "304")] {
        let response = with(&status(code), [("content-length", "5")]);
        let mut client = asked(&request, true);
        is_taken_as(&client.send_headers(1, &response, true), code);
        let mut client = asked(&request, true);
        is_taken_as(&client.send_headers(1, &response, false), code);
        is_taken_as(&client.send(&data(1, b"", true)), code);
        let mut client = asked(&request, true);
        client.send_headers(1, &response, false);
        is_taken_as(&client.send_headers(1, &field("x", "y"), true), code);
    }
}

#[test]
fn rfc9113_8_1_1_a_response_without_content_has_no_data() {
    for (request, code) in [(head(), "200"), (get(), "204"), (get(), "304")] {
        let mut client = asked(&request, true);
        client.send_headers(1, &status(code), false);
        let events = client.send(&data(1, b"data", true));
        is_malformed(&mut client, &events, code);
    }
}

#[test]
fn rfc9113_8_1_1_a_malformed_message_leaves_other_streams_alone() {
    let mut server = Scripted::server();
    server.open(1);
    server.send_headers(3, &with(&get(), [("UPPER", "x")]), true);
    is_stream_error(&mut server, 3, ErrorCode::PROTOCOL_ERROR);
    is_taken(&server.send(&data(1, b"data", true)));
}

#[test]
fn rfc9113_8_2_names_in_upper_case_are_not_sent() {
    let sent = Scripted::client().connection.open(&with(&get(), [("X-Upper", "x")]), true);
    assert!(matches!(sent, Err(SendError::Malformed(_))), "{sent:?}");
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    let sent = server.connection.send_headers(1, &with(&ok(), [("X-Upper", "x")]), true);
    assert!(matches!(sent, Err(SendError::Malformed(_))), "{sent:?}");
}

#[test]
fn rfc9113_8_2_1_a_name_with_a_prohibited_octet_is_malformed() {
    for octet in (0..=0x20).chain(0x41..=0x5a).chain(0x7f..=0xff).chain([b':']) {
        is_malformed_anywhere(&field(vec![b'x', octet, b'y'], "value"));
        is_malformed_request(&and(&get(), &field(vec![b'x', octet], "value")), true);
        if octet != b':' {
            is_malformed_request(&and(&get(), &field(vec![octet, b'x'], "value")), true);
        }
    }
}

#[test]
fn rfc9113_8_2_1_a_name_that_is_no_token_is_malformed() {
    for octet in *b"\"(),/;<=>?@[\\]{}" {
        is_malformed_request(&and(&get(), &field(vec![b'x', octet], "value")), true);
    }
    is_malformed_request(&and(&get(), &field("", "value")), true);
}

#[test]
fn rfc9113_8_2_1_a_name_of_token_characters_is_taken() {
    is_taken_anywhere(&field("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", "value"));
}

#[test]
fn rfc9113_8_2_1_a_value_with_nul_cr_or_lf_is_malformed() {
    for octet in [0x00, 0x0a, 0x0d] {
        for value in [vec![octet], vec![octet, b'x'], vec![b'x', octet], vec![b'x', octet, b'y']] {
            is_malformed_anywhere(&field("x", value));
        }
    }
    for value in ["/\r\nx: y", "/\0", "/\n"] {
        let path = Fields::new([(":method", "GET"), (":scheme", "http"), (":path", value)]);
        is_malformed_request(&path, true);
    }
}

#[test]
fn rfc9113_8_2_1_a_value_with_another_control_character_is_malformed() {
    for octet in (1..=8).chain([0x0b, 0x0c]).chain(0x0e..=0x1f).chain([0x7f]) {
        is_malformed_request(&and(&get(), &field("x", vec![b'x', octet, b'y'])), true);
    }
}

#[test]
fn rfc9113_8_2_1_a_value_with_white_space_at_its_edge_is_malformed() {
    for value in [" x", "x ", "\tx", "x\t", " ", "\t", "  x  "] {
        is_malformed_anywhere(&field("x", value));
    }
}

#[test]
fn rfc9113_8_2_1_any_other_value_is_taken() {
    is_taken_anywhere(&field("x", ""));
    is_taken_anywhere(&field("x", "a \t b"));
    is_taken_anywhere(&field("x", (0x21..=0x7e).chain(0x80..=0xff).collect::<Vec<u8>>()));
}

#[test]
fn rfc9113_8_2_1_fields_that_are_not_valid_are_not_sent() {
    for field in [field("", "x"), field("a b", "x"), field("a:b", "x"), field("a\0", "x")]
        .into_iter()
        .chain(["\0", "a\rb", "a\nb", " x", "x\t"].map(|value| field("x", value)))
    {
        let sent = Scripted::client().connection.open(&and(&get(), &field), true);
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{field:?}");
        let mut server = Scripted::server();
        server.send_headers(1, &get(), true);
        let sent = server.connection.send_headers(1, &and(&ok(), &field), false);
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{field:?}");
        server.connection.send_headers(1, &ok(), false).unwrap();
        let sent = server.connection.send_trailers(1, &field);
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{field:?}");
    }
}

#[test]
fn rfc9113_8_2_2_connection_specific_fields_are_malformed() {
    for (name, value) in [
        ("connection", "keep-alive"),
        ("connection", "close"),
        ("proxy-connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
    ] {
        is_malformed_anywhere(&field(name, value));
    }
}

#[test]
fn rfc9113_8_2_2_te_says_trailers_in_a_request_and_nothing_else() {
    let mut server = Scripted::server();
    is_taken(&server.send_headers(1, &with(&get(), [("te", "trailers")]), true));
    for value in ["gzip", "trailers, gzip", "trailers;q=0.5", "chunked", ""] {
        is_malformed_request(&with(&get(), [("te", value)]), true);
    }
    is_malformed_response(&with(&ok(), [("te", "gzip")]), true);
}

#[test]
fn rfc9113_8_2_2_te_is_for_requests_alone() {
    is_malformed_response(&with(&ok(), [("te", "trailers")]), true);
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    let sent = server.connection.send_headers(1, &with(&ok(), [("te", "trailers")]), true);
    assert!(matches!(sent, Err(SendError::Malformed(_))), "{sent:?}");
}

#[test]
fn rfc9113_8_2_2_connection_specific_fields_are_not_sent() {
    for name in ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te"] {
        let mut server = Scripted::server();
        server.send_headers(1, &get(), true);
        let response = with(&ok(), [(name, "gzip")]);
        let sent = server.connection.send_headers(1, &response, false);
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{name}");
        server.connection.send_headers(1, &ok(), false).unwrap();
        let sent = server.connection.send_trailers(1, &field(name, "gzip"));
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{name}");
        let sent = Scripted::client().connection.open(&with(&get(), [(name, "gzip")]), true);
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{name}");
        assert!(matches!(server.sent()[..], [Frame::Headers(_)]));
    }
}
