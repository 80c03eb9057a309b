//! §8.3 to §8.7: pseudo-header fields, CONNECT, 101, and what can be sent again.

use http2::frame::{Frame, GoAway, Kind, RstStream};
use http2::{ErrorCode, Event, Fields, Limits, SendError};

use crate::support::{Scripted, data, get, go_away, is_stream_error, ok, ping, post, rst_stream, settings};
use crate::{asked, heads, is_malformed_request, is_malformed_response, is_taken, with};

const REQUEST: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "example.com"), (":path", "/")];

/// A GET with another value for one of its pseudo-header fields.
fn but(name: &str, value: &'static str) -> Fields {
    Fields::new(REQUEST.map(|field| if field.0 == name { (field.0, value) } else { field }))
}

/// A GET without one of its pseudo-header fields.
fn without(name: &str) -> Fields {
    Fields::new(REQUEST.into_iter().filter(|field| field.0 != name))
}

fn connect() -> Fields {
    Fields::new([(":method", "CONNECT"), (":authority", "example.com:443")])
}

fn is_request(fields: &Fields) {
    let events = Scripted::server().send_headers(1, fields, true);
    assert!(matches!(events[..], [Event::Headers { stream: 1, .. }]), "{fields:?}: {events:?}");
}

/// That a client does not send this request either.
fn is_not_sent(request: &Fields) {
    let sent = Scripted::client().connection.open(request, true);
    assert!(matches!(sent, Err(SendError::Malformed(_))), "{request:?}: {sent:?}");
}

#[test]
fn rfc9113_8_3_undefined_pseudo_header_fields_are_malformed() {
    for name in [":unknown", ":", ":Method", ":protocol", "::path", ":path "] {
        let field = [(name, "x")];
        is_malformed_request(&with(&get(), field), true);
        is_malformed_response(&with(&ok(), field), true);
        is_not_sent(&with(&get(), field));
    }
}

#[test]
fn rfc9113_8_3_pseudo_header_fields_of_the_other_kind_of_message_are_malformed() {
    is_malformed_request(&with(&get(), [(":status", "200")]), true);
    is_not_sent(&with(&get(), [(":status", "200")]));
    for name in [":method", ":scheme", ":authority", ":path"] {
        is_malformed_response(&with(&ok(), [(name, "/")]), true);
    }
}

#[test]
fn rfc9113_8_3_pseudo_header_fields_behind_regular_ones_are_malformed() {
    for last in [":method", ":scheme", ":authority", ":path"] {
        let value = REQUEST.iter().find(|field| field.0 == last).unwrap().1;
        is_malformed_request(&with(&without(last), [("x", "y"), (last, value)]), true);
        is_not_sent(&with(&without(last), [("x", "y"), (last, value)]));
    }
    is_malformed_response(&Fields::new([("x", "y"), (":status", "200")]), true);
}

#[test]
fn rfc9113_8_3_repeated_pseudo_header_fields_are_malformed() {
    for (name, value) in REQUEST {
        is_malformed_request(&with(&get(), [(name, value)]), true);
        is_not_sent(&with(&get(), [(name, value)]));
    }
    is_malformed_response(&with(&ok(), [(":status", "200")]), true);
}

#[test]
fn rfc9113_8_3_pseudo_header_fields_may_come_in_any_order() {
    let mut reversed = REQUEST;
    reversed.reverse();
    is_request(&Fields::new(reversed));
}

#[test]
fn rfc9113_8_3_1_a_request_without_method_scheme_or_path_is_malformed() {
    for name in [":method", ":scheme", ":path"] {
        is_malformed_request(&without(name), true);
        is_not_sent(&without(name));
    }
    is_malformed_request(&Fields::new([("x", "y")]), true);
    is_malformed_request(&Fields::new::<&str, &str>([]), true);
}

#[test]
fn rfc9113_8_3_1_a_method_and_a_scheme_that_are_not_valid_are_malformed() {
    for method in ["", "GE T", "GET ", "GET/", "G\u{e9}T"] {
        is_malformed_request(&but(":method", method), true);
    }
    for scheme in ["", "ht tp", " http", "1http", "http:"] {
        is_malformed_request(&but(":scheme", scheme), true);
    }
}

#[test]
fn rfc9113_8_2_1_the_rules_for_values_hold_for_pseudo_header_fields() {
    for value in ["a\0", "a\r\nx: y", "a\nb", " a", "a ", "\ta"] {
        is_malformed_request(&but(":authority", value), true);
        is_malformed_request(&Fields::new([(":method", "CONNECT"), (":authority", value)]), false);
        is_not_sent(&but(":authority", value));
    }
}

#[test]
fn rfc9113_8_3_1_other_methods_and_schemes_are_taken() {
    is_request(&but(":method", "PURGE"));
    is_request(&but(":method", "get"));
    is_request(&but(":scheme", "https"));
    is_request(&but(":scheme", "coap+tcp"));
}

#[test]
fn rfc9113_8_3_1_a_path_that_is_not_valid_is_malformed() {
    for path in ["", " /", "/ ", "*", "no-slash", "?query", "http://example.com/", "/with space"] {
        is_malformed_request(&but(":path", path), true);
    }
}

#[test]
fn rfc9113_8_3_1_a_path_with_a_fragment_is_malformed() {
    is_malformed_request(&but(":path", "/#fragment"), true);
}

#[test]
fn rfc9113_8_3_1_a_scheme_is_the_same_in_upper_case() {
    for (field, value) in [(":path", ""), (":path", "no-slash"), (":authority", "user@example.com")] {
        let change = |(name, was)| match name {
            ":scheme" => (name, "HTTP"),
            _ if name == field => (name, value),
            _ => (name, was),
        };
        is_malformed_request(&Fields::new(REQUEST.map(change)), true);
    }
}

#[test]
fn rfc9113_8_3_1_an_absolute_path_with_or_without_a_query_is_taken() {
    for path in ["/", "/?", "/a/b.c~d", "/%20?a=b&c=/?", "//", "/a?*"] {
        is_request(&but(":path", path));
    }
}

#[test]
fn rfc9113_8_3_1_the_path_of_options_may_be_an_asterisk() {
    let options = |path| Fields::new([(":method", "OPTIONS"), (":scheme", "http"), (":path", path)]);
    is_request(&options("*"));
    is_request(&options("/"));
    is_malformed_request(&options(""), true);
    is_malformed_request(&options("**"), true);
}

#[test]
fn rfc9113_8_3_1_a_request_may_have_no_authority() {
    is_request(&without(":authority"));
    is_request(&with(&without(":authority"), [("host", "example.com")]));
}

#[test]
fn rfc9113_8_3_1_an_authority_that_is_not_valid_is_malformed() {
    for authority in ["", "exa mple.com", "example.com/path", "example.com?query", "example.com#fragment"] {
        is_malformed_request(&but(":authority", authority), true);
    }
}

#[test]
fn rfc9113_8_3_1_an_authority_with_userinfo_is_malformed() {
    is_malformed_request(&but(":authority", "user@example.com"), true);
    is_malformed_request(&but(":authority", "user:secret@example.com:80"), true);
    is_not_sent(&but(":authority", "user@example.com"));
}

#[test]
fn rfc9113_8_3_1_a_host_that_is_not_the_authority_is_malformed() {
    is_request(&with(&get(), [("host", "example.com")]));
    is_malformed_request(&with(&get(), [("host", "example.org")]), true);
}

#[test]
fn rfc9113_8_3_1_a_client_sends_no_host_that_is_not_the_authority() {
    is_not_sent(&with(&get(), [("host", "example.org")]));
}

#[test]
fn rfc9113_8_3_2_a_response_without_a_status_is_malformed() {
    is_malformed_response(&Fields::new([("x", "y")]), true);
    is_malformed_response(&Fields::new::<&str, &str>([]), true);
}

#[test]
fn rfc9113_8_3_2_a_status_that_is_no_three_digits_is_malformed() {
    for status in ["", "20", "2000", "2xx", "+20", "20 ", "0x1", "-20", "\u{b2}00"] {
        is_malformed_response(&Fields::new([(":status", status)]), true);
        let mut server = Scripted::server();
        server.send_headers(1, &get(), true);
        let sent = server.connection.send_headers(1, &Fields::new([(":status", status)]), true);
        assert!(matches!(sent, Err(SendError::Malformed(_))), "{status}");
    }
}

#[test]
fn rfc9113_8_5_connect_has_a_method_and_an_authority() {
    is_request(&connect());
    assert_eq!(Scripted::client().connection.open(&connect(), false), Ok(1));
}

#[test]
fn rfc9113_8_5_connect_with_a_scheme_or_path_or_without_an_authority_is_malformed() {
    for request in [
        Fields::new([(":method", "CONNECT"), (":authority", "example.com:443"), (":scheme", "https")]),
        Fields::new([(":method", "CONNECT"), (":authority", "example.com:443"), (":path", "/")]),
        but(":method", "CONNECT"),
        Fields::new([(":method", "CONNECT")]),
        Fields::new([(":method", "CONNECT"), ("host", "example.com:443")]),
    ] {
        is_malformed_request(&request, false);
        is_not_sent(&request);
    }
}

#[test]
fn rfc9113_8_5_a_tunnel_carries_data_both_ways() {
    let mut client = asked(&connect(), false);
    is_taken(&client.send_headers(1, &ok(), false));
    client.connection.send_data(1, "up".into(), false).unwrap();
    is_taken(&client.send(&data(1, b"down", true)));
    client.connection.send_data(1, "up".into(), true).unwrap();
    assert!(heads(&mut client).iter().all(|head| head.kind == Kind::DATA));
}

#[test]
fn rfc9113_8_5_headers_in_a_tunnel_are_a_stream_error() {
    let mut client = asked(&connect(), false);
    client.send_headers(1, &ok(), false);
    let events = client.send_headers(1, &Fields::new([("x", "y")]), true);
    assert!(!events.iter().any(|event| matches!(event, Event::Trailers { .. })), "{events:?}");
    is_stream_error(&mut client, 1, ErrorCode::PROTOCOL_ERROR);

    let mut server = Scripted::server();
    server.send_headers(1, &connect(), false);
    server.connection.send_headers(1, &ok(), false).unwrap();
    let events = server.send_headers(1, &Fields::new([("x", "y")]), true);
    assert!(!events.iter().any(|event| matches!(event, Event::Trailers { .. })), "{events:?}");
    is_stream_error(&mut server, 1, ErrorCode::PROTOCOL_ERROR);
}

#[test]
fn rfc9113_8_5_headers_are_not_sent_in_a_tunnel() {
    let mut client = asked(&connect(), false);
    client.send_headers(1, &ok(), false);
    assert!(client.connection.send_trailers(1, &Fields::new([("x", "y")])).is_err());
    let mut server = Scripted::server();
    server.send_headers(1, &connect(), false);
    server.connection.send_headers(1, &ok(), false).unwrap();
    assert!(server.connection.send_trailers(1, &Fields::new([("x", "y")])).is_err());
}

#[test]
fn rfc9113_8_5_connect_that_fails_makes_no_tunnel() {
    let mut client = asked(&connect(), false);
    client.send_headers(1, &Fields::new([(":status", "502")]), false);
    is_taken(&client.send(&data(1, b"why not", false)));
    is_taken(&client.send_headers(1, &Fields::new([("x", "y")]), true));
}

#[test]
fn rfc9113_8_5_content_length_of_a_tunnel_is_ignored() {
    let mut client = asked(&connect(), false);
    is_taken(&client.send_headers(1, &with(&ok(), [("content-length", "5")]), false));
    is_taken(&client.send(&data(1, b"more than five", true)));
}

#[test]
fn rfc9113_8_6_switching_protocols_is_malformed() {
    is_malformed_response(&Fields::new([(":status", "101")]), false);
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    let sent = server.connection.send_headers(1, &Fields::new([(":status", "101")]), false);
    assert!(matches!(sent, Err(SendError::Malformed(_))), "{sent:?}");
}

#[test]
fn rfc9113_8_7_a_request_that_was_passed_on_is_never_refused() {
    let mut server = Scripted::server_with(Limits { streams: 1, ..Limits::default() });
    server.open(1);
    server.connection.drain();
    server.send_headers(3, &get(), true);
    server.send(&[settings(&[]), data(1, b"data", false)].concat());
    let refused = RstStream { stream: 3, code: ErrorCode::REFUSED_STREAM };
    let sent = server.sent();
    assert!(sent.contains(&Frame::RstStream(refused)), "{sent:?}");
    assert!(!sent.iter().any(|frame| matches!(frame, Frame::RstStream(reset) if reset.stream == 1)));
}

#[test]
fn rfc9113_8_7_goaway_names_every_request_that_was_passed_on() {
    let mut server = Scripted::server();
    server.open(1);
    server.connection.drain();
    let sent = server.sent();
    let [Frame::GoAway(_), Frame::Ping(probe)] = &sent[..] else { panic!("{sent:?}") };
    server.open(9);
    server.send(&ping(probe.data, true));
    let sent = server.sent();
    assert!(matches!(sent[..], [Frame::GoAway(GoAway { last_stream: 9, .. })]), "{sent:?}");
}

#[test]
fn rfc9113_8_7_a_refused_request_can_be_sent_again() {
    let mut client = asked(&post(), false);
    client.connection.open(&get(), true).unwrap();
    let refused = |stream| Event::Reset { stream, code: ErrorCode::REFUSED_STREAM, reason: None };
    assert_eq!(client.send(&rst_stream(1, ErrorCode::REFUSED_STREAM)), [refused(1)]);
    let events = client.send(&go_away(1, ErrorCode::NO_ERROR));
    let is_refused =
        |event: &Event| matches!(event, Event::Reset { stream: 3, code: ErrorCode::REFUSED_STREAM, .. });
    assert!(events.iter().any(is_refused), "{events:?}");
}
