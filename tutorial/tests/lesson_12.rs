//! Lesson 12: HTTP/2 is frames on streams.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http2::connection::PREFACE;
use http2::frame::{Data, Frame, Head, Headers, Kind, Setting, Settings, WindowUpdate};
use http2::hpack::{Decoder, Encoder, FieldList};
use http2::{Connection, ErrorCode, Event, Fields, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tutorial::joined::{Joined, deliver, written};
use tutorial::lens;
use tutorial::tap::Way;

exercise::specification! { http2:
    a_head_begins_with_the_length_of_what_follows_it
    the_highest_bit_of_the_stream_is_ignored
    data_without_padding_is_the_payload
    padding_is_taken_off
    padding_takes_credit_too
    padding_longer_than_its_frame_is_an_error
    a_block_in_pieces_is_well_placed_when_nothing_is_between_them
    nothing_stands_between_the_pieces_of_a_block
    a_continuation_is_of_the_stream_of_its_headers
    a_continuation_continues_something
}

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode(&mut bytes);
    bytes.to_vec()
}

fn head(length: u32, kind: Kind, flags: u8, stream: u32) -> Vec<u8> {
    encoded(|dst| Head { length, kind, flags, stream }.encode(dst))
}

fn decode(bytes: &[u8]) -> Frame {
    Frame::decode(&mut BytesMut::from(bytes), 1 << 14).unwrap().unwrap()
}

fn request() -> Fields {
    Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/kv.Kv/Get"),
        (":authority", "kv.test"),
    ])
}

// ---- bytes ----

#[test]
fn the_preface_is_24_bytes_that_look_like_a_request_nobody_makes() {
    assert_eq!(PREFACE.len(), 24);
    assert_eq!(PREFACE, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

#[test]
fn a_head_is_nine_bytes_length_type_flags_stream() {
    let bytes = head(0x01_0203, Kind::HEADERS, Head::END_STREAM | Head::END_HEADERS, 0x0405_0607);
    assert_eq!(bytes, [0x01, 0x02, 0x03, 0x01, 0x05, 0x04, 0x05, 0x06, 0x07]);
}

#[test]
fn the_length_counts_what_follows_the_head() {
    let data = Data { stream: 1, data: Bytes::from_static(b"hello"), end_stream: true, padding: 0 };
    assert_eq!(encoded(|dst| data.encode(dst)), b"\0\0\x05\0\x01\0\0\0\x01hello");
}

#[test]
fn the_top_bit_of_a_stream_id_is_ignored() {
    let stream = |bytes| Head::decode(bytes).stream;
    assert_eq!(stream([0, 0, 0, 0, 0, 0x80, 0, 0, 7]), 7);
    assert_eq!(stream([0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), (1 << 31) - 1);
}

#[test]
fn settings_are_six_bytes_each() {
    let settings = vec![Setting::EnablePush(false), Setting::InitialWindowSize(20)];
    let bytes = encoded(|dst| Settings { ack: false, settings }.encode(dst));
    assert_eq!(bytes, b"\0\0\x0c\x04\0\0\0\0\0\0\x02\0\0\0\0\0\x04\0\0\0\x14");
}

#[test]
fn the_acknowledgment_of_settings_is_nine_bytes() {
    let bytes = encoded(|dst| Settings { ack: true, settings: vec![] }.encode(dst));
    assert_eq!(bytes, b"\0\0\0\x04\x01\0\0\0\0");
}

#[test]
fn a_window_update_is_four_bytes_on_its_stream() {
    let bytes = encoded(|dst| WindowUpdate { stream: 1, increment: 8 }.encode(dst));
    assert_eq!(bytes, b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\x08");
}

#[test]
fn an_unknown_setting_is_ignored() {
    let bytes = b"\0\0\x06\x04\0\0\0\0\0\x42\x42\0\0\0\x01";
    assert_eq!(decode(bytes), Frame::Settings(Settings { ack: false, settings: vec![] }));
}

// ---- a conversation ----

#[test]
fn each_side_begins_with_settings_and_acknowledges_those_of_the_other() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    joined.settle();
    let passed = joined.passed();
    let of = |way| {
        let mut frames = passed.iter().filter(move |frame| frame.way == way);
        if way == Way::Out {
            assert_eq!(frames.next().unwrap().bytes, PREFACE);
        }
        frames.map(|frame| decode(&frame.bytes)).collect::<Vec<_>>()
    };
    for way in [Way::Out, Way::In] {
        let frames = of(way);
        assert!(matches!(frames.first(), Some(Frame::Settings(Settings { ack: false, .. }))), "{frames:?}");
        assert!(matches!(frames.last(), Some(Frame::Settings(Settings { ack: true, .. }))), "{frames:?}");
    }
}

#[test]
fn a_clients_streams_are_1_3_5() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    let streams: Vec<_> = (0..3).map(|_| joined.client.open(&request(), true).unwrap()).collect();
    assert_eq!(streams, [1, 3, 5]);
}

#[test]
fn each_side_ends_its_own_half() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    let stream = joined.client.open(&request(), true).unwrap();
    joined.settle();
    assert!(joined.client.send_data(stream, Bytes::from_static(b"more"), true).is_err(), "it has said all");
    joined.server.send_headers(stream, &Fields::new([(":status", "200")]), false).unwrap();
    joined.server.send_data(stream, Bytes::from_static(b"hello"), true).unwrap();
    let end = Event::Data { stream, data: Bytes::from_static(b"hello"), end_stream: true };
    assert_eq!(joined.settle().at_client.last(), Some(&end), "and listens still");
    joined.client.release(stream);
    joined.server.release(stream);
    assert_eq!((joined.client.stream_count(), joined.server.stream_count()), (0, 0));
}

#[test]
fn a_short_answer_passes_between_the_frames_of_a_long_one() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    let (long, short) = (joined.client.open(&request(), true), joined.client.open(&request(), true));
    joined.settle();
    joined.passed();
    for (stream, size) in [(long.unwrap(), 40_000), (short.unwrap(), 5)] {
        joined.server.send_headers(stream, &Fields::new([(":status", "200")]), false).unwrap();
        joined.server.send_data(stream, Bytes::from(vec![b'x'; size]), true).unwrap();
    }
    joined.settle();
    let sizes = |frame: Frame| match frame {
        Frame::Data(data) => Some((data.stream, data.data.len(), data.end_stream)),
        _ => None,
    };
    let data: Vec<_> = joined.passed().iter().filter_map(|frame| sizes(decode(&frame.bytes))).collect();
    assert_eq!(data, [(1, 16_384, false), (3, 5, true), (1, 16_384, false), (1, 7232, true)]);
}

#[test]
fn a_full_window_stops_the_sender_and_what_is_read_lets_it_go_on() {
    let limits = Limits { stream_window: 20, largest_stream_window: 20, ..Limits::default() };
    let mut joined = Joined::new(Limits::default(), limits);
    joined.settle();
    let stream = joined.client.open(&request(), false).unwrap();
    joined.client.send_data(stream, Bytes::from(vec![b'x'; 50]), true).unwrap();
    joined.settle();
    assert_eq!(joined.client.queued(stream), 30, "20 have left, more is not allowed");
    joined.settle();
    assert_eq!(joined.client.queued(stream), 30, "and that does not change by waiting");
    joined.server.read(stream, 8);
    joined.settle();
    assert_eq!(joined.client.queued(stream), 22, "8 were read, 8 more have left");
}

#[test]
fn a_full_window_does_not_stop_the_headers_of_another_stream() {
    let mut joined = Joined::new(Limits::default(), Limits { stream_window: 0, ..Limits::default() });
    joined.settle();
    let full = joined.client.open(&request(), false).unwrap();
    joined.client.send_data(full, Bytes::from_static(b"x"), true).unwrap();
    let other = joined.client.open(&request(), true).unwrap();
    let expected = [
        Event::Headers { stream: full, fields: request(), end_stream: false },
        Event::Headers { stream: other, fields: request(), end_stream: true },
    ];
    assert_eq!(joined.settle().at_server, expected);
}

// ---- what is refused ----

/// What a server with an open stream 1 does when it gets `bytes`: its code if it ends the stream, or the
/// connection.
fn refused(bytes: &[u8]) -> (Option<ErrorCode>, Option<ErrorCode>) {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    joined.client.open(&request(), false).unwrap();
    joined.settle();
    let (mut of_stream, mut of_connection) = (None, None);
    for event in deliver(bytes, &mut joined.server, Instant::now()) {
        match event {
            Event::Reset { stream: 1, code, .. } => of_stream = Some(code),
            Event::Closed(error) => of_connection = Some(error.code),
            _ => {}
        }
    }
    assert_eq!(joined.server.has_failed(), of_connection.is_some());
    let answer = written(&mut joined.server);
    let answer = lens::http2::frames(&answer).0.last().map(|frame| decode(frame));
    match (of_stream, of_connection, &answer) {
        (Some(code), None, Some(Frame::RstStream(reset))) => {
            assert_eq!((reset.stream, reset.code), (1, code))
        }
        (None, Some(code), Some(Frame::GoAway(away))) => assert_eq!(away.code, code),
        (None, None, None) => {}
        _ => panic!("{of_stream:?}, {of_connection:?}: {answer:?}"),
    }
    (of_stream, of_connection)
}

#[test]
fn some_errors_cost_their_stream() {
    let twice = [head(0, Kind::DATA, Head::END_STREAM, 1), head(0, Kind::DATA, Head::END_STREAM, 1)].concat();
    assert_eq!(refused(&twice), (Some(ErrorCode::STREAM_CLOSED), None));
    let zero = encoded(|dst| WindowUpdate { stream: 1, increment: 0 }.encode(dst));
    assert_eq!(refused(&zero), (Some(ErrorCode::PROTOCOL_ERROR), None));
}

#[test]
fn some_errors_cost_the_connection() {
    let zero = encoded(|dst| WindowUpdate { stream: 0, increment: 0 }.encode(dst));
    let even = [head(1, Kind::HEADERS, Head::END_HEADERS, 2), vec![0x82]].concat();
    let no_hpack = [head(1, Kind::HEADERS, Head::END_HEADERS, 3), vec![0x80]].concat();
    for (bytes, code) in [
        (zero, ErrorCode::PROTOCOL_ERROR),
        (head(0, Kind::DATA, 0, 0), ErrorCode::PROTOCOL_ERROR),
        (head(0, Kind::DATA, 0, 9), ErrorCode::PROTOCOL_ERROR),
        (even, ErrorCode::PROTOCOL_ERROR),
        (no_hpack, ErrorCode::COMPRESSION_ERROR),
        (head(1 << 20, Kind::DATA, 0, 1), ErrorCode::FRAME_SIZE_ERROR),
    ] {
        assert_eq!(refused(&bytes), (None, Some(code)), "{bytes:02x?}");
    }
}

#[test]
fn a_frame_of_unknown_type_is_ignored() {
    assert_eq!(refused(&[head(1, Kind(0x42), 0xff, 1), vec![b'?']].concat()), (None, None));
}

#[test]
fn what_is_not_the_preface_is_refused_at_its_first_byte_that_differs() {
    let mut server = Connection::server(Limits::default(), Instant::now());
    let events = deliver(b"PRI * HTTP/1", &mut server, Instant::now());
    assert!(matches!(&events[..], [Event::Closed(error)] if error.code == ErrorCode::PROTOCOL_ERROR));
}

// ---- a real peer ----

/// A server that is not ours: the crate `h2`. It answers each request with its content, until the
/// connection ends. The result says how.
async fn serve(stream: DuplexStream) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        tokio::spawn(async move {
            let mut content = request.into_body();
            let mut answer = respond.send_response(Default::default(), false).unwrap();
            while let Some(Ok(data)) = content.data().await {
                content.flow_control().release_capacity(data.len()).unwrap();
                answer.send_data(data, false).unwrap();
            }
            answer.send_data(Bytes::new(), true).unwrap();
        });
    }
    Ok(())
}

fn field_block(encoder: &mut Encoder) -> Bytes {
    let mut block = BytesMut::new();
    encoder.encode(&request(), &mut block);
    block.freeze()
}

/// The bytes of a client, frame by frame: two requests, the second one by the table of the first.
fn conversation() -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut bytes = PREFACE.to_vec();
    bytes.extend(encoded(|dst| Settings::default().encode(dst)));
    bytes.extend(encoded(|dst| Settings { ack: true, settings: vec![] }.encode(dst)));
    for (stream, text) in [(1, "one"), (3, "three")] {
        let fragment = field_block(&mut encoder);
        let headers = Headers { stream, fragment, end_stream: false, end_headers: true };
        let data = Data { stream, data: Bytes::from(text), end_stream: true, padding: 0 };
        bytes.extend(encoded(|dst| headers.encode(dst)));
        bytes.extend(encoded(|dst| data.encode(dst)));
    }
    bytes
}

/// What the real peer says to these bytes, until `is_enough` or the end.
async fn said_to(bytes: &[u8], is_enough: impl Fn(&[Frame]) -> bool) -> Vec<Frame> {
    let (mut ours, theirs) = tokio::io::duplex(1 << 16);
    let serving = tokio::spawn(serve(theirs));
    ours.write_all(bytes).await.unwrap();
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    let talk = async {
        while !is_enough(&frames) && ours.read_buf(&mut input).await.is_ok_and(|read| read > 0) {
            while let Some(frame) = Frame::decode(&mut input, 1 << 14).unwrap() {
                frames.push(frame);
            }
        }
    };
    // Not a measurement: a peer that waits for something else ends this test too.
    tokio::time::timeout(Duration::from_secs(10), talk)
        .await
        .expect("the peer goes on, or ends the connection");
    serving.abort();
    frames
}

/// The streams that the real peer has answered to the end.
fn answered(frames: &[Frame]) -> Vec<u32> {
    let ended = |frame: &Frame| match frame {
        Frame::Data(data) if data.end_stream => Some(data.stream),
        _ => None,
    };
    frames.iter().filter_map(ended).collect()
}

#[tokio::test]
async fn a_real_h2_peer_accepts_our_bytes() {
    let frames = said_to(&conversation(), |frames| answered(frames).len() == 2).await;
    let mut decoder = Decoder::new(1 << 14, 100);
    for (stream, text) in [(1, "one"), (3, "three")] {
        let status = frames.iter().find_map(|frame| match frame {
            Frame::Headers(headers) if headers.stream == stream => Some(decoder.decode(&headers.fragment)),
            _ => None,
        });
        assert_eq!(status, Some(Ok(FieldList::Fields(Fields::new([(":status", "200")])))));
        let content = frames.iter().filter_map(|frame| match frame {
            Frame::Data(data) if data.stream == stream => Some(&data.data[..]),
            _ => None,
        });
        assert_eq!(content.collect::<Vec<_>>().concat(), text.as_bytes());
    }
    assert!(frames.contains(&Frame::Settings(Settings { ack: true, settings: vec![] })));
}

/// Solutions that are wrong, each in one place: a real peer notices.
#[tokio::test]
async fn a_real_h2_peer_refuses_what_is_wrong() {
    let right = conversation();
    let settings_ack = PREFACE.len() + Head::SIZE;
    let headers = settings_ack + Head::SIZE;
    let data = headers + Head::SIZE + field_block(&mut Encoder::new()).len();
    let second = data + Head::SIZE + "one".len();
    let changed = |at: usize, to: u8| {
        let mut bytes = right.clone();
        assert_ne!(bytes[at], to);
        bytes[at] = to;
        bytes
    };
    let little_endian = {
        let mut bytes = right.clone();
        bytes[data..data + 3].reverse();
        bytes
    };
    for (what, bytes) in [
        ("a preface of another version", changed(6, b'3')),
        ("a length that is little-endian", little_endian),
        ("an even stream", changed(headers + 8, 2)),
        ("a stream that is used twice", changed(second + 8, 1)),
        ("END_STREAM too early", changed(headers + 4, Head::END_HEADERS | Head::END_STREAM)),
        ("no END_HEADERS", changed(headers + 4, 0)),
        ("DATA on stream 0", changed(data + 8, 0)),
    ] {
        let is_refusal = |frame: &Frame| matches!(frame, Frame::GoAway(_) | Frame::RstStream(_));
        let frames = said_to(&bytes, |frames| frames.iter().any(is_refusal)).await;
        // It says so, or hangs up where not even the preface is right.
        assert!(answered(&frames).is_empty(), "{what} is answered: {frames:?}");
        assert!(frames.iter().any(is_refusal) || bytes[..24] != right[..24], "{what}: {frames:?}");
    }
}

// ---- the lesson ----

#[test]
fn every_byte_of_a_conversation_has_a_name() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    let stream = joined.client.open(&request(), false).unwrap();
    joined.client.send_data(stream, Bytes::from_static(b"hello"), true).unwrap();
    joined.settle();
    joined.client.reset(stream, ErrorCode::CANCEL);
    joined.settle();
    joined.server.drain();
    joined.settle();
    for frame in joined.passed() {
        let spans = lens::http2::frame(&frame.bytes).spans;
        assert_eq!(lens::check(&spans, 0..frame.bytes.len()), Ok(()));
        assert!(lens::leaves(&spans).all(|span| !span.is_wrong()), "{spans:?}");
    }
}

#[test]
fn the_lesson_is_given_to_its_end_on_80_columns() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lesson_12_http2")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "longer than 80 columns: {line}");
    }
    for part in ["two requests at once", "a window that fills", "what is refused"] {
        assert!(text.contains(part), "{part}");
    }
}
