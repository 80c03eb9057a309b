//! §3: how a connection begins.

use std::time::Instant;

use http2::connection::PREFACE;
use http2::frame::{Frame, Kind};
use http2::{Connection, ErrorCode, Event, Limits};

use crate::heads;
use crate::support::{
    Scripted, get, go_away, is_connection_error, ok, ping, raw, rst_stream, settings, settings_ack,
    window_update,
};

fn new_client() -> Scripted {
    Scripted::new(Connection::client(Limits::default(), Instant::now()))
}

fn new_server() -> Scripted {
    Scripted::new(Connection::server(Limits::default(), Instant::now()))
}

fn is_invalid_preface(events: &[Event], case: &str) {
    let [Event::Closed(error)] = events else { panic!("{case}: {events:?}") };
    assert_eq!(error.code, ErrorCode::PROTOCOL_ERROR, "{case}");
}

#[test]
fn rfc9113_3_4_a_client_sends_24_octets_and_settings_first() {
    let bytes = new_client().sent_bytes();
    assert_eq!(bytes[..24], *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!((bytes[27], bytes[28]), (Kind::SETTINGS.0, 0), "and no acknowledgment");
}

#[test]
fn rfc9113_3_4_a_server_sends_settings_first() {
    let mut server = new_server();
    let request = server.headers(1, &get(), true);
    server.send(&[&PREFACE[..], &settings(&[]), &request].concat());
    server.connection.send_headers(1, &ok(), true).unwrap();
    let sent = server.sent();
    assert!(matches!(&sent[0], Frame::Settings(settings) if !settings.ack), "{sent:?}");
}

#[test]
fn rfc9113_3_4_a_client_may_send_before_the_server_does() {
    let mut client = new_client();
    assert_eq!(client.connection.open(&get(), true), Ok(1));
    let kinds: Vec<_> = heads(&mut client).iter().map(|head| head.kind).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&Kind::SETTINGS), Some(&Kind::HEADERS)));
}

#[test]
fn rfc9113_3_4_the_settings_of_the_preface_are_acknowledged_after_ones_own() {
    let mut server = new_server();
    server.send(&[&PREFACE[..], &settings(&[])].concat());
    let mut client = new_client();
    client.send(&settings(&[]));
    for end in [&mut server, &mut client] {
        let sent = end.sent();
        let is_ack = |frame: &Frame| matches!(frame, Frame::Settings(settings) if settings.ack);
        assert!(!is_ack(&sent[0]), "{sent:?}");
        assert_eq!(sent.iter().filter(|frame| is_ack(frame)).count(), 1, "{sent:?}");
    }
}

#[test]
fn rfc9113_3_4_an_invalid_client_preface_is_a_connection_error() {
    for at in 0..PREFACE.len() {
        let mut bytes = *PREFACE;
        bytes[at] ^= 0x20;
        is_invalid_preface(&new_server().send(&bytes), &format!("octet {at}"));
    }
    is_invalid_preface(&new_server().send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"), "HTTP/1.1");
    is_invalid_preface(&new_server().send(&settings(&[])), "none");
}

#[test]
fn rfc9113_3_4_a_client_preface_may_come_octet_by_octet() {
    let mut server = new_server();
    let request = server.headers(1, &get(), true);
    let mut events = Vec::new();
    for byte in [&PREFACE[..], &settings(&[]), &request].concat() {
        events.extend(server.send(&[byte]));
    }
    assert!(matches!(events[..], [Event::Headers { stream: 1, .. }]), "{events:?}");
}

#[test]
fn rfc9113_3_4_the_first_frame_is_settings() {
    let block = new_server().headers(1, &get(), true);
    for (case, frame) in [
        ("HEADERS", block),
        ("PING", ping(*b"12345678", false)),
        ("WINDOW_UPDATE", window_update(0, 1)),
        ("PRIORITY", raw(Kind::PRIORITY, 0, 1, &[0; 5])),
        ("RST_STREAM", rst_stream(1, ErrorCode::CANCEL)),
        ("GOAWAY", go_away(0, ErrorCode::NO_ERROR)),
        ("acknowledgment", settings_ack()),
    ] {
        is_invalid_preface(&new_server().send(&[&PREFACE[..], &frame].concat()), case);
        is_invalid_preface(&new_client().send(&frame), case);
    }
}

#[test]
fn rfc9113_3_4_a_preface_sent_twice_is_a_connection_error() {
    let mut server = Scripted::server();
    let events = server.send(PREFACE);
    is_connection_error(&mut server, &events, ErrorCode::FRAME_SIZE_ERROR);
}

#[test]
fn rfc9113_3_4_requests_may_follow_the_client_preface_at_once() {
    let mut server = new_server();
    let requests = [server.headers(1, &get(), true), server.headers(3, &get(), true)].concat();
    let events = server.send(&[&PREFACE[..], &settings(&[]), &requests].concat());
    assert_eq!(events.len(), 2, "before the server's SETTINGS are acknowledged");
}

#[test]
fn rfc9113_3_4_settings_hold_from_the_preface_on() {
    let mut client = new_client();
    client.send(&settings(&[http2::frame::Setting::MaxConcurrentStreams(1)]));
    assert_eq!(client.connection.open(&get(), true), Ok(1));
    assert!(!client.connection.can_open());
}
