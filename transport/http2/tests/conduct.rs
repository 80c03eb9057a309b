//! How a connection behaves where the RFC leaves it to good sense: credit, slots, time, what belongs to
//! others.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use http2::connection::PREFACE;
use http2::frame::{Data, Frame, Kind, Setting};
use http2::{Connection, ErrorCode, Event, Fields, Limits, Output, SendError};
use support::{
    Pair, Scripted, data, get, go_away, ok, ping, post, raw, rst_stream, settings, settings_ack,
    window_update,
};

/// The credit that was given on a stream.
fn given(sent: &[Frame], stream: u32) -> u32 {
    let increment = |frame: &Frame| match frame {
        Frame::WindowUpdate(update) if update.stream == stream => update.increment,
        _ => 0,
    };
    sent.iter().map(increment).sum()
}

// ---- the end of a stream ----

#[test]
fn end_stream_is_sent_once_whatever_comes_after_it() {
    let mut client = Scripted::client();
    let stream = client.connection.open(&post(), false).unwrap();
    client.connection.send_data(stream, Bytes::from_static(b"x"), true).unwrap();
    let sent = client.sent();
    assert!(matches!(sent.last(), Some(Frame::Data(Data { end_stream: true, .. }))));
    client.send(&window_update(stream, 10));
    assert_eq!(client.sent(), []);
    client.send(&settings(&[Setting::InitialWindowSize(1 << 20)]));
    assert!(!client.sent().iter().any(|frame| matches!(frame, Frame::Data(_))));
}

#[test]
fn a_request_that_is_sent_before_any_settings_have_come_is_served() {
    let limits = Limits { stream_window: 1 << 20, ..Limits::default() };
    let mut pair = Pair::with(Limits::default(), limits);
    let stream = pair.client.open(&post(), false).unwrap();
    pair.client.send_data(stream, Bytes::from_static(b"x"), true).unwrap();
    let (at_client, at_server) = pair.settle();
    assert_eq!((at_client, at_server.len()), (vec![], 2));
}

#[test]
fn a_response_to_head_carries_no_data() {
    let mut server = Scripted::server();
    let head = Fields::new([(":method", "HEAD"), (":scheme", "http"), (":path", "/")]);
    server.send_headers(1, &head, true);
    server.connection.send_headers(1, &ok(), false).unwrap();
    let sent = server.connection.send_data(1, Bytes::from_static(b"x"), true);
    assert_eq!(sent, Err(SendError::NoData));
    assert_eq!(server.connection.send_data(1, Bytes::new(), true), Ok(()));
}

// ---- credit ----

#[test]
fn the_end_of_a_stream_may_come_while_its_window_is_negative() {
    let mut pair = Pair::with(Limits::default(), Limits { stream_window: 100, ..Limits::default() });
    let stream = pair.client.open(&post(), false).unwrap();
    pair.client.send_data(stream, Bytes::from(vec![0; 101]), false).unwrap();
    let (_, at_server) = pair.settle();
    assert!(at_server.iter().any(|event| matches!(event, Event::Data { data, .. } if data.len() == 101)));
    pair.client.send_data(stream, Bytes::new(), true).unwrap();
    let (_, at_server) = pair.settle();
    let end = Event::Data { stream, data: Bytes::new(), end_stream: true };
    assert_eq!(at_server, [end], "RFC 9113 §6.9.1: an empty frame with END_STREAM needs no room");
}

#[test]
fn a_window_that_shrinks_with_the_acknowledgment_leaves_nobody_waiting() {
    let limits = Limits { stream_window: 10_000, ..Limits::default() };
    let mut server = Scripted::new(Connection::server(limits, Instant::now()));
    server.send(PREFACE);
    server.send(&settings(&[]));
    server.open(1);
    server.send(&data(1, &[0; 16_000], false)); // allowed: it is 65,535 until it is acknowledged
    server.connection.read(1, 16_000);
    server.send(&settings_ack());
    // All is read, and the peer has sent 6,000 more than the window is now.
    assert_eq!(given(&server.sent(), 1), 16_000);
}

#[test]
fn a_stream_that_is_closed_has_no_window_to_overflow() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server.send(&window_update(1, (1 << 31) - 1 - 65_535));
    server.connection.send_headers(1, &ok(), true).unwrap(); // closed, and not released
    assert_eq!(server.send(&settings(&[Setting::InitialWindowSize(65_536)])), []);
}

#[test]
fn a_stream_that_is_given_up_gets_no_credit() {
    let mut client = Scripted::client();
    let stream = client.connection.open(&get(), true).unwrap();
    client.send_headers(stream, &ok(), false);
    for _ in 0..2 {
        client.send(&data(stream, &[0; 16_000], false));
    }
    client.connection.release(stream);
    assert_eq!(given(&client.sent(), stream), 0);
}

#[test]
fn what_was_not_read_of_a_stream_that_is_released_is_given_back_to_the_connection() {
    let limits = Limits { connection_window: 65_535, ..Limits::default() };
    let mut server = Scripted::server_with(limits);
    for stream in [1, 3, 5, 7, 9] {
        server.open(stream);
        for _ in 0..3 {
            let events = server.send(&data(stream, &[0; 16_384], false));
            assert!(matches!(events[..], [Event::Data { .. }]), "stream {stream}: {events:?}");
        }
        server.connection.release(stream);
    }
    assert_eq!(given(&server.sent(), 0), 5 * 3 * 16_384);
}

#[test]
fn a_window_does_not_grow_for_a_slow_reader() {
    let mut server = Scripted::new(Connection::server(Limits::default(), Instant::now()));
    server.send(PREFACE);
    server.send(&settings(&[]));
    server.now += Duration::from_millis(50);
    server.send(&settings_ack());
    server.open(1);
    for _ in 0..4 {
        server.send(&data(1, &[0; 16_383], false));
    }
    for _ in 0..4 {
        server.now += Duration::from_secs(60);
        server.connection.set_time(server.now);
        server.connection.read(1, 16_383);
    }
    assert_eq!(given(&server.sent(), 1), 4 * 16_383);
}

#[test]
fn a_reader_that_is_always_one_small_frame_behind_is_no_nuisance() {
    let mut server = Scripted::server_with(Limits { unread_frames: 2, ..Limits::default() });
    server.open(1);
    server.send(&data(1, b"hello", false));
    for n in 0..1000 {
        let events = server.send(&data(1, b"hello", false));
        assert!(matches!(events[..], [Event::Data { .. }]), "after {n}: {events:?}");
        server.connection.read(1, 5);
    }
}

#[test]
fn few_bytes_that_nobody_reads_do_not_hold_many_buffers() {
    let mut server = Scripted::server();
    let now = server.now;
    server.open(1);
    let few_among_many = [raw(Kind(0xbe), 0, 1, &[0; 16_000]), data(1, b"x", false)].concat();
    let (mut input, mut held) = (BytesMut::new(), Vec::new());
    let measured = allocation_counter::measure(|| {
        for _ in 0..2000 {
            input.reserve(16 << 10); // as who reads does
            input.extend_from_slice(&few_among_many);
            held.extend(server.connection.receive(&mut input, now));
        }
    });
    assert_eq!(held.len(), 2000);
    assert!(measured.bytes_current < 6 << 20, "{measured:?} for 2,000 bytes");
}

#[test]
fn padding_does_not_make_frames_read() {
    let mut server = Scripted::server_with(Limits { unread_frames: 10, ..Limits::default() });
    server.open(1);
    // The length of the padding, a byte of data, a byte of padding.
    let padded = raw(Kind::DATA, 0x8, 1, &[1, b'x', 0]);
    let events = server.send(&padded.repeat(100));
    let resets = events.iter().filter(|event| matches!(event, Event::Reset { .. })).count();
    assert_eq!((events.len(), resets), (11, 1), "100 frames are unread, 10 are allowed");
}

// ---- streams and their slots ----

#[test]
fn trailers_behind_dropped_data_need_no_window_of_the_connection() {
    let mut server = Scripted::server();
    server.open(1);
    server.open(3);
    for (stream, size) in [(1, 65_535), (3, 1000)] {
        server.connection.send_headers(stream, &ok(), false).unwrap();
        server.connection.send_data(stream, Bytes::from(vec![0; size]), false).unwrap();
    }
    server.sent();
    server.connection.drop_queued(3, 0);
    server.connection.send_trailers(3, &Fields::new([("why", "too late")])).unwrap();
    let sent = server.sent();
    assert!(matches!(&sent[..], [Frame::Headers(headers)] if headers.stream == 3), "{sent:?}");
}

#[test]
fn of_the_data_that_waits_the_first_bytes_can_be_kept() {
    let mut server = Scripted::server();
    server.open(1);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from(vec![0; 65_535]), false).unwrap();
    server.sent();
    for letters in ["abc", "defg", "hij"] {
        server.connection.send_data(1, Bytes::from(letters), false).unwrap();
    }
    server.connection.drop_queued(1, 5);
    assert_eq!(server.connection.queued(1), 5);
    server.connection.send_trailers(1, &Fields::new([("why", "too late")])).unwrap();
    for stream in [0, 1] {
        server.send(&window_update(stream, 100));
    }
    let sent = server.sent();
    let [Frame::Data(data), Frame::Headers(_)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(data.data, "abcde");
}

#[test]
fn a_released_stream_that_is_reset_is_gone() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from(vec![0; 100_000]), true).unwrap();
    server.connection.release(1);
    server.sent();
    assert_eq!(server.connection.stream_count(), 1, "the rest waits for the window");
    server.connection.reset(1, ErrorCode::CANCEL);
    assert_eq!(server.connection.stream_count(), 0);
}

#[test]
fn no_room_is_told_on_a_stream_that_was_released() {
    let mut server = Scripted::server();
    server.open(1);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from_static(b"x"), true).unwrap();
    server.connection.await_room(1);
    server.connection.release(1);
    server.sent();
    assert_eq!(server.connection.poll_event(), None);
}

#[test]
fn nothing_is_told_of_a_stream_that_was_released_before_its_event_was_taken() {
    let mut client = Scripted::client();
    let first = client.connection.open(&get(), true).unwrap();
    let second = client.connection.open(&get(), true).unwrap();
    let mut input = BytesMut::from(&go_away(0, ErrorCode::NO_ERROR)[..]);
    let told = client.connection.receive(&mut input, client.now);
    assert!(matches!(told, Some(Event::Reset { stream, .. }) if stream == first));
    client.connection.release(second);
    let told = client.connection.receive(&mut input, client.now);
    assert!(matches!(told, Some(Event::GoAway { .. })), "{told:?}");
}

#[test]
fn a_client_that_keeps_to_the_limit_is_not_refused_while_handlers_go_on() {
    let mut server = Scripted::server_with(Limits { streams: 1, ..Limits::default() });
    server.send_headers(1, &get(), true);
    server.connection.send_headers(1, &ok(), true).unwrap(); // closed, and not released
    let events = server.send_headers(3, &get(), true);
    assert!(matches!(events[..], [Event::Headers { .. }]), "{events:?}");
}

#[test]
fn a_client_that_gives_up_and_asks_again_does_not_lose_its_connection_to_slow_handlers() {
    let mut server = Scripted::server_with(Limits { streams: 10, ..Limits::default() });
    let streams = (1..).step_by(2);
    for stream in streams.clone().take(10) {
        server.open(stream);
    }
    for (stream, given_up) in streams.clone().skip(10).zip(streams).take(150) {
        let mut events = server.send(&rst_stream(given_up, ErrorCode::CANCEL));
        events.extend(server.send_headers(stream, &post(), false));
        assert!(!events.iter().any(|event| matches!(event, Event::Closed(_))), "{stream}: {events:?}");
        server.sent();
        server.now += Duration::from_millis(20);
    }
}

#[test]
fn streams_that_are_gone_do_not_wait_for_the_window_of_the_connection() {
    let mut client = Scripted::client();
    client.send(&settings(&[Setting::InitialWindowSize(1 << 20)]));
    let first = client.connection.open(&post(), false).unwrap();
    client.connection.send_data(first, Bytes::from(vec![0; 100_000]), false).unwrap();
    client.sent();
    for _ in 0..100 {
        let stream = client.connection.open(&post(), false).unwrap();
        client.connection.send_data(stream, Bytes::from_static(b"x"), true).unwrap();
        client.sent();
        client.connection.release(stream);
    }
    client.connection.release(first);
    client.sent();
    client.send(&window_update(0, 1));
    assert!(!client.connection.has_output());
}

#[test]
fn a_slot_does_not_keep_the_queue_of_a_stream_that_had_much_to_send() {
    let mut client = Scripted::client();
    client.send(&settings(&[Setting::InitialWindowSize(1 << 30)]));
    client.send(&window_update(0, 1 << 30));
    let measured = allocation_counter::measure(|| {
        let stream = client.connection.open(&post(), false).unwrap();
        for _ in 0..500_000 {
            client.connection.send_data(stream, Bytes::from_static(b"x"), false).unwrap();
        }
        client.sent();
        client.connection.release(stream);
        client.sent();
    });
    assert!(measured.bytes_max > 10 << 20, "it was much");
    assert!(measured.bytes_current < 1 << 20, "{measured:?}");
}

#[test]
fn one_stream_does_not_take_the_whole_line_although_the_peer_would_take_larger_frames() {
    let mut client = Scripted::client();
    let largest = [Setting::MaxFrameSize((1 << 24) - 1), Setting::InitialWindowSize((1 << 31) - 1)];
    client.send(&settings(&largest));
    client.send(&window_update(0, 1 << 30));
    client.sent();
    let stream = client.connection.open(&post(), false).unwrap();
    client.connection.send_data(stream, Bytes::from(vec![0; 10 << 20]), true).unwrap();
    let mut output = Output::default();
    client.connection.take_output(&mut output);
    let most = Limits::default().send_buffer + (66 << 10);
    assert!(output.remaining() < most, "{}", output.remaining());
}

#[test]
fn room_is_waited_for_only_while_something_is_queued() {
    let mut client = Scripted::client();
    let stream = client.connection.open(&post(), false).unwrap();
    assert!(client.connection.await_room(stream));
    client.connection.send_data(stream, Bytes::from_static(b"x"), false).unwrap();
    assert!(!client.connection.await_room(stream));
    client.sent();
    assert_eq!(client.connection.poll_event(), Some(Event::Room { stream }));
    assert!(client.connection.await_room(stream));
}

#[test]
fn a_request_whose_response_has_begun_was_not_refused() {
    let mut client = Scripted::client();
    let stream = client.connection.open(&get(), true).unwrap();
    client.send_headers(stream, &ok(), false);
    let events = client.send(&go_away(0, ErrorCode::NO_ERROR));
    let is_reset = |event: &Event| matches!(event, Event::Reset { code: ErrorCode::PROTOCOL_ERROR, .. });
    assert!(events.iter().any(is_reset), "to send it again could do it twice: {events:?}");
}

// ---- time ----

#[test]
fn a_connection_that_was_quiet_for_long_drains_as_any_other() {
    let mut server = Scripted::server();
    server.now += Duration::from_secs(600);
    server.connection.set_time(server.now);
    server.connection.drain();
    assert_eq!(server.connection.next_timeout(), Some(server.now + Limits::default().farewell));
    let events = server.send_headers(1, &get(), true);
    assert!(matches!(events[..], [Event::Headers { .. }]), "it was on its way: {events:?}");
}

#[test]
fn a_connection_is_idle_from_the_end_of_its_last_stream() {
    let mut server = Scripted::server();
    server.send_headers(1, &get(), true);
    server.now += Duration::from_secs(40 * 60);
    server.connection.set_time(server.now);
    server.connection.send_headers(1, &ok(), true).unwrap();
    server.connection.release(1);
    assert_eq!(server.connection.next_timeout(), Some(server.now + Limits::default().idle));
}

#[test]
fn pings_that_are_early_now_and_then_are_forgiven() {
    let mut server = Scripted::server();
    server.open(1);
    for n in 0..10 {
        server.now += Duration::from_secs(1800);
        let mut events = server.send(&ping([0; 8], false));
        server.now += Duration::from_millis(900);
        events.extend(server.send(&ping([0; 8], false)));
        assert_eq!(events, [], "{n}");
    }
}

#[test]
fn what_is_left_of_a_released_stream_is_not_kept_for_a_peer_that_takes_nothing() {
    let mut server = Scripted::server();
    server.send(&settings(&[Setting::InitialWindowSize(0)]));
    server.send_headers(1, &get(), true);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from(vec![0; 1 << 20]), true).unwrap();
    server.connection.release(1);
    server.send(&window_update(1, 1000));
    server.sent();
    server.wait(Limits::default().write);
    assert_eq!(server.connection.stream_count(), 1, "it has taken something");
    server.wait(Limits::default().write);
    assert_eq!(server.connection.stream_count(), 0, "and then nothing");
    assert_eq!(server.connection.discarded().len(), 1);
}

#[test]
fn a_peer_has_its_time_for_what_is_left_although_nothing_has_come_from_it_for_long() {
    let mut server = Scripted::server();
    server.send(&settings(&[Setting::InitialWindowSize(0)]));
    server.send_headers(1, &get(), true);
    server.now += Limits::default().write;
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from_static(b"x"), true).unwrap();
    server.sent();
    assert!(!server.connection.is_due_sooner());
    server.connection.release(1);
    assert!(server.connection.is_due_sooner(), "who waits for a timeout has to ask again");
    server.sent();
    assert!(!server.connection.is_due_sooner());
    server.wait(Duration::ZERO);
    assert_eq!(server.connection.stream_count(), 1, "it was released just now");
    server.wait(Limits::default().write);
    assert_eq!(server.connection.stream_count(), 0);
}

#[test]
fn a_field_block_that_does_not_end_is_not_waited_for_forever() {
    let mut server = Scripted::server();
    server.open(1);
    server.send(&raw(Kind::HEADERS, 0, 3, &[0x82]));
    let events = server.wait(Limits::default().handshake);
    assert!(matches!(events[..], [Event::Closed(_)]), "{events:?}");
}

// ---- what carries nothing ----

#[test]
fn informational_responses_without_end_end_the_connection() {
    let mut client = Scripted::client();
    let stream = client.connection.open(&get(), true).unwrap();
    let early = Fields::new([(":status", "103")]);
    let told = (0..1000).take_while(|_| !client.connection.has_failed());
    let told = told.collect::<Vec<_>>().into_iter().map(|_| client.send_headers(stream, &early, false).len());
    assert_eq!(told.sum::<usize>(), 101, "100 of them, and the end");
}

#[test]
fn goaway_again_and_again_ends_the_connection() {
    let mut client = Scripted::client();
    let told: usize = (0..1000).map(|_| client.send(&go_away(0, ErrorCode::NO_ERROR)).len()).sum();
    assert_eq!(told, 102, "the first, 100 more, and the end");
}

#[test]
fn limits_that_are_none_are_taken_as_they_are_meant() {
    let limits = Limits {
        header_fields: usize::MAX,
        header_list_size: usize::MAX,
        send_buffer: 0,
        largest_stream_window: u32::MAX,
        ..Limits::default()
    };
    let mut server = Scripted::server_with(limits);
    server.open(1);
    server.connection.send_headers(1, &ok(), false).unwrap();
    server.connection.send_data(1, Bytes::from_static(b"x"), true).unwrap();
    assert_eq!(server.sent().len(), 2);
    assert!(!server.connection.has_output());
}

// ---- what belongs to others ----

/// Bytes of an owner whose code runs when they are dropped.
struct Owned(Arc<AtomicUsize>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often an owner's code has run while `act` was done with such bytes, and when what was discarded was
/// dropped.
fn dropped(act: impl FnOnce(&mut Scripted, &dyn Fn() -> Bytes)) -> (usize, usize) {
    let drops = Arc::new(AtomicUsize::new(0));
    let mut client = Scripted::client();
    act(&mut client, &|| Bytes::from_owner(Owned(drops.clone())));
    let inside = drops.load(Ordering::Relaxed);
    client.connection.discarded().clear();
    (inside, drops.load(Ordering::Relaxed))
}

#[test]
fn data_that_is_not_sent_is_dropped_by_its_owner() {
    let refused = dropped(|client, bytes| {
        let stream = client.connection.open(&get(), true).unwrap();
        assert_eq!(client.connection.send_data(stream, bytes(), false), Err(SendError::Ended));
    });
    assert_eq!(refused, (0, 1));
    let reset = dropped(|client, bytes| {
        let stream = client.connection.open(&post(), false).unwrap();
        client.connection.send_data(stream, bytes(), false).unwrap();
        client.connection.reset(stream, ErrorCode::CANCEL);
    });
    assert_eq!(reset, (0, 1));
    let lost = dropped(|client, bytes| {
        let stream = client.connection.open(&post(), false).unwrap();
        client.connection.send_data(stream, bytes(), false).unwrap();
        client.connection.lose();
    });
    assert_eq!(lost, (0, 1));
}

#[test]
fn fields_that_are_not_sent_are_dropped_by_their_owner() {
    let reset = dropped(|client, bytes| {
        for _ in 0..40 {
            let stream = client.connection.open(&post(), false).unwrap();
            client.connection.send_trailers(stream, &Fields::new([("owned", bytes())])).unwrap();
            client.connection.reset(stream, ErrorCode::CANCEL);
        }
    });
    assert_eq!(reset, (0, 40));
}

#[test]
fn fields_that_were_sent_are_not_kept() {
    let (drops, mut client) = (Arc::new(AtomicUsize::new(0)), Scripted::client());
    let value = Bytes::from_owner(Owned(drops.clone()));
    let request: Fields = post().iter().cloned().chain([http2::Field::new("owned", value)]).collect();
    client.connection.open(&request, true).unwrap();
    drop(request);
    assert_eq!(drops.load(Ordering::Relaxed), 1, "neither the table nor anything else has them");
}
