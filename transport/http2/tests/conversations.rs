//! Whole conversations: a client and a server joined, on a clock that passes when it is told to.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http2::{ErrorCode, Event, Fields, Follows, Limits, SendError};
use support::{Pair, get, ok, post};

/// The streams of requests among events.
fn requests(events: &[Event]) -> Vec<u32> {
    let stream = |event: &Event| match event {
        Event::Headers { stream, .. } => Some(*stream),
        _ => None,
    };
    events.iter().filter_map(stream).collect()
}

#[test]
fn a_request_is_answered() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&get(), true).unwrap();
    let (_, at_server) = pair.settle();
    assert_eq!(at_server, [Event::Headers { stream: 1, fields: get(), end_stream: true }]);

    pair.server.send_headers(stream, &ok(), false).unwrap();
    pair.server.send_data(stream, Bytes::from_static(b"hello"), false).unwrap();
    pair.server.send_trailers(stream, &Fields::new([("checksum", "x")])).unwrap();
    let (at_client, _) = pair.settle();
    assert_eq!(
        at_client,
        [
            Event::Headers { stream: 1, fields: ok(), end_stream: false },
            Event::Data { stream: 1, data: Bytes::from_static(b"hello"), end_stream: false },
            Event::Trailers { stream: 1, fields: Fields::new([("checksum", "x")]) },
        ]
    );
    pair.client.release(stream);
    pair.server.release(stream);
    assert_eq!((pair.client.stream_count(), pair.server.stream_count()), (0, 0));
}

#[test]
fn the_same_conversation_byte_by_byte_is_the_same() {
    let converse = |cut| {
        let mut pair = Pair::new();
        pair.cut = cut;
        let stream = pair.client.open(&post(), false).unwrap();
        pair.client.send_data(stream, Bytes::from_static(b"question"), true).unwrap();
        let (_, at_server) = pair.settle();
        pair.server.send_headers(stream, &ok(), false).unwrap();
        pair.server.send_data(stream, Bytes::from(vec![b'x'; 5000]), true).unwrap();
        (at_server, pair.settle().0)
    };
    assert_eq!(converse(0), converse(1));
    assert_eq!(converse(0), converse(7));
}

#[test]
fn a_megabyte_passes_through_windows_of_64_kib_as_it_is_read() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&post(), false).unwrap();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
    pair.client.send_data(stream, Bytes::from(sent.clone()), true).unwrap();
    let mut received = Vec::new();
    while pair.client.has_output() || pair.server.has_output() {
        let (_, at_server) = pair.carry();
        for event in at_server {
            if let Event::Data { data, .. } = event {
                received.extend_from_slice(&data);
                pair.server.read(stream, data.len());
            }
        }
    }
    assert_eq!(received, sent);
}

#[test]
fn what_nobody_reads_stops_at_the_window_of_the_stream() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&post(), false).unwrap();
    pair.client.send_data(stream, Bytes::from(vec![0; 1_000_000]), true).unwrap();
    let (_, at_server) = pair.settle();
    let received: usize =
        at_server.iter().map(|event| if let Event::Data { data, .. } = event { data.len() } else { 0 }).sum();
    assert_eq!(received, 65_535);
    assert_eq!(pair.client.queued(stream), 1_000_000 - 65_535);
}

#[test]
fn streams_that_nobody_reads_do_not_stop_the_others() {
    let mut pair = Pair::new();
    pair.settle();
    for _ in 0..99 {
        let stalled = pair.client.open(&post(), false).unwrap();
        pair.client.send_data(stalled, Bytes::from(vec![0; 100_000]), true).unwrap();
    }
    pair.settle();
    let stream = pair.client.open(&post(), false).unwrap();
    pair.client.send_data(stream, Bytes::from(vec![1; 60_000]), true).unwrap();
    let (_, at_server) = pair.settle();
    let is_last =
        |event: &Event| matches!(event, Event::Data { stream: id, end_stream: true, .. } if *id == stream);
    assert!(at_server.iter().any(is_last));
}

#[test]
fn a_window_grows_while_it_is_what_holds_the_sender_back() {
    let mut pair = Pair::new();
    let round_trip = Duration::from_millis(50);
    // SETTINGS and their acknowledgment: a round trip.
    pair.carry();
    pair.now += round_trip;
    pair.settle();
    let stream = pair.client.open(&post(), false).unwrap();
    pair.client.send_data(stream, Bytes::from(vec![0; 20_000_000]), true).unwrap();
    let mut received_in = [0; 9];
    for received in &mut received_in {
        // There, and back.
        for _ in 0..2 {
            pair.now += round_trip / 2;
            for event in pair.carry().1 {
                if let Event::Data { data, .. } = event {
                    *received += data.len();
                    pair.server.read(stream, data.len());
                }
            }
        }
    }
    assert_eq!(received_in[0], 65_535);
    assert!(received_in[8] > 2_000_000, "{received_in:?}");
    assert!(received_in[8] <= Limits::default().largest_stream_window as usize);
}

#[test]
fn what_is_sent_on_many_streams_takes_turns() {
    let mut pair = Pair::new();
    pair.settle();
    let streams: Vec<_> = (0..3).map(|_| pair.client.open(&post(), false).unwrap()).collect();
    for stream in &streams {
        pair.client.send_data(*stream, Bytes::from(vec![0; 40_000]), true).unwrap();
    }
    let (_, at_server) = pair.settle();
    let order: Vec<_> = at_server
        .iter()
        .filter_map(|event| if let Event::Data { stream, .. } = event { Some(*stream) } else { None })
        .collect();
    assert_eq!(order, [1, 3, 5, 1, 3, 5, 1, 3, 5]);
}

#[test]
fn small_messages_travel_together() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&post(), false).unwrap();
    for _ in 0..1000 {
        pair.client.send_data(stream, Bytes::from_static(b"small"), false).unwrap();
    }
    let (_, at_server) = pair.settle();
    assert_eq!(at_server.len(), 2, "HEADERS, and one DATA frame");
}

#[test]
fn what_is_copied_and_what_is_handed_over_arrive_in_the_order_in_which_they_were_sent() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&post(), false).unwrap();
    pair.client.send_copy(stream, [b"one ", b"two "], Follows::More).unwrap();
    pair.client.send_data(stream, Bytes::from_static(b"three "), false).unwrap();
    pair.client.send_copy(stream, [b"", b"four"], Follows::End).unwrap();
    let (_, at_server) = pair.settle();
    let data = Bytes::from_static(b"one two three four");
    assert_eq!(at_server[1..], [Event::Data { stream, data, end_stream: true }]);
    assert_eq!(pair.client.send_copy(stream, [b"", b""], Follows::End), Err(SendError::Ended));
}

#[test]
fn a_draining_server_loses_no_request_that_is_on_its_way() {
    let mut pair = Pair::new();
    pair.settle();
    pair.server.drain();
    // The client does not know yet.
    let on_its_way = pair.client.open(&get(), true).unwrap();
    let (at_client, at_server) = pair.settle();
    assert_eq!(requests(&at_server), [on_its_way]);
    assert!(at_client.iter().all(|event| matches!(event, Event::GoAway { code: ErrorCode::NO_ERROR, .. })));
    assert!(!pair.client.can_open());
    assert!(!pair.server.is_done() && !pair.client.is_done());

    pair.server.send_headers(on_its_way, &ok(), true).unwrap();
    let (at_client, _) = pair.settle();
    assert_eq!(requests(&at_client), [on_its_way], "it is answered");
    pair.server.release(on_its_way);
    pair.client.release(on_its_way);
    assert!(pair.server.is_done() && pair.client.is_done());
}

#[test]
fn a_peer_that_does_not_answer_a_draining_server_is_not_waited_for_forever() {
    let mut pair = Pair::new();
    pair.settle();
    pair.server.drain();
    assert!(!pair.server.is_done());
    let until = pair.server.next_timeout().unwrap();
    assert_eq!(until, pair.now + Limits::default().farewell);
    pair.server.handle_timeout(until);
    assert!(pair.server.is_done());
}

#[test]
fn a_draining_client_waits_for_its_answers() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&get(), true).unwrap();
    pair.client.drain();
    pair.settle();
    assert!(!pair.client.is_done() && !pair.server.is_done());
    pair.server.send_headers(stream, &ok(), true).unwrap();
    pair.server.release(stream);
    let (at_client, _) = pair.settle();
    assert_eq!(requests(&at_client), [stream]);
    pair.client.release(stream);
    assert!(pair.client.is_done() && pair.server.is_done());
}

#[test]
fn a_client_opens_as_many_streams_as_the_server_allows() {
    let mut pair = Pair::with(Limits::default(), Limits { streams: 2, ..Limits::default() });
    pair.settle();
    assert_eq!(pair.client.open(&get(), true), Ok(1));
    assert_eq!(pair.client.open(&get(), true), Ok(3));
    assert!(!pair.client.can_open());
    pair.settle();
    pair.server.send_headers(1, &ok(), true).unwrap();
    pair.server.release(1);
    pair.settle();
    assert_eq!(pair.client.open(&get(), true), Ok(5));
}

#[test]
fn a_call_given_up_by_the_client_ends_at_the_server() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&get(), true).unwrap();
    pair.settle();
    pair.client.release(stream);
    let (_, at_server) = pair.settle();
    assert_eq!(at_server, [Event::Reset { stream, code: ErrorCode::CANCEL, reason: None }]);
    assert_eq!(pair.server.stream_count(), 1, "until its handler has gone too");
    pair.server.release(stream);
    assert_eq!(pair.server.stream_count(), 0);
}

#[test]
fn a_server_that_has_answered_early_stops_the_request() {
    let mut pair = Pair::new();
    let stream = pair.client.open(&post(), false).unwrap();
    pair.settle();
    pair.server.send_headers(stream, &ok(), false).unwrap();
    pair.server.send_data(stream, Bytes::from_static(b"enough"), true).unwrap();
    pair.server.release(stream);
    let (at_client, _) = pair.settle();
    let data = Event::Data { stream, data: Bytes::from_static(b"enough"), end_stream: true };
    let reset = Event::Reset { stream, code: ErrorCode::NO_ERROR, reason: None };
    assert_eq!(at_client[1..], [data, reset]);
}

#[test]
fn a_silent_peer_is_asked_for_a_sign_of_life_and_then_given_up() {
    let limits = Limits { idle: Duration::MAX, ..Limits::default() };
    let mut alone = Pair::with(Limits::default(), limits.clone());
    alone.settle();
    alone.now += limits.keepalive;
    assert_eq!(alone.server.next_timeout(), Some(alone.now));
    alone.server.handle_timeout(alone.now);
    assert!(alone.server.has_output(), "a PING");
    let (_, at_server) = alone.settle();
    assert_eq!(at_server, [], "the answer");
    assert_eq!(alone.server.next_timeout(), Some(alone.now + limits.keepalive));

    alone.now += limits.keepalive;
    alone.server.handle_timeout(alone.now);
    alone.now += limits.keepalive_timeout;
    alone.server.handle_timeout(alone.now);
    assert!(matches!(alone.server.poll_event(), Some(Event::Closed(_))));
}

#[test]
fn a_connection_without_streams_ends_after_its_time() {
    let mut pair = Pair::new();
    pair.settle();
    pair.now += Limits::default().idle;
    pair.client.handle_timeout(pair.now);
    pair.settle();
    assert!(pair.client.is_done() && pair.server.is_done());
}

#[test]
fn a_warm_request_takes_15_bytes_and_its_response_11() {
    let mut pair = Pair::new();
    let request = Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/a/path"),
        (":authority", "example.com"),
        ("te", "trailers"),
        ("content-type", "text/plain"),
    ]);
    let response = Fields::new([(":status", "200"), ("content-type", "text/plain")]);
    for warm in [false, true] {
        let stream = pair.client.open(&request, true).unwrap();
        if warm {
            assert_eq!(pair.client.waiting_output(), 9 + 6);
        }
        pair.settle();
        pair.server.send_headers(stream, &response, true).unwrap();
        if warm {
            assert_eq!(pair.server.waiting_output(), 9 + 2);
        }
        pair.settle();
        pair.client.release(stream);
        pair.server.release(stream);
    }
}
