//! What a client writes: the head of a request, its messages, and its end.

use std::time::Duration;

use http2::ErrorCode;
use tokio::time::Instant;
use transport::{Code, Metadata, Path, RequestHead, open};

use crate::peer::{Came, OK, Pairs, Peer, REQUEST, RESPONSE, all, head, message, pairs, unary, value};

/// The head of a request as it is written.
async fn written(head: RequestHead) -> Pairs {
    let (connection, mut peer) = Peer::server().await;
    let _call = open(&connection, head, None, true).await.unwrap();
    peer.request_head().await.1
}

fn later(time: Duration) -> RequestHead {
    let mut head = head();
    head.deadline = Some((Instant::now() + time).into_std());
    head
}

fn with_metadata() -> RequestHead {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    metadata.append("b-bin", vec![0, 1]).unwrap();
    metadata.append("a", "2, 3").unwrap();
    metadata.append("b-bin", vec![0]).unwrap();
    let mut head = head();
    head.metadata = metadata;
    head
}

const METADATA: [(&str, &str); 4] = [("a", "1"), ("b-bin", "AAE"), ("a", "2, 3"), ("b-bin", "AA")];

#[tokio::test(start_paused = true)]
async fn a_plain_request_has_exactly_the_six_fields_of_a_call() {
    assert_eq!(written(head()).await, pairs(&REQUEST));
}

#[tokio::test(start_paused = true)]
async fn path_and_codec_are_those_of_the_call() {
    let fields = written(RequestHead::new(Path::from_static("/a.b.C/Do"), "json")).await;
    assert_eq!(value(&fields, ":path"), Some("/a.b.C/Do"));
    assert_eq!(value(&fields, "content-type"), Some("application/grpc+json"));
}

#[tokio::test(start_paused = true)]
async fn metadata_comes_behind_the_call_in_order_and_binary_without_padding() {
    assert_eq!(written(with_metadata()).await, pairs(&[&REQUEST[..], &METADATA].concat()));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_sent_as_the_time_that_is_left() {
    for (left, timeouts) in [
        (Duration::from_secs(1), ["1S", "1000m", "1000000u"]),
        (Duration::from_millis(1500), ["1500m", "1500000u", "1500000u"]),
        (Duration::from_nanos(99), ["99n", "99n", "99n"]),
        (Duration::from_secs(7200), ["2H", "120M", "7200S"]),
    ] {
        let fields = written(later(left)).await;
        let timeout = value(&fields, "grpc-timeout").unwrap();
        let is_the_same = timeouts.contains(&timeout) || timeout_of(timeout) == left;
        assert!(is_the_same && timeout.len() <= 9, "{left:?}: {timeout}");
    }
}

fn timeout_of(value: &str) -> Duration {
    let (digits, unit) = value.split_at(value.len() - 1);
    let nanos = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1000,
        "n" => 1,
        _ => panic!("{value}"),
    };
    Duration::from_nanos(digits.parse::<u64>().unwrap() * nanos)
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_counted_from_the_moment_the_request_leaves() {
    let (connection, mut peer) = Peer::server().await;
    let head = later(Duration::from_secs(10));
    tokio::time::advance(Duration::from_secs(4)).await;
    let _call = open(&connection, head, None, true).await.unwrap();
    let (_, fields, _) = peer.request_head().await;
    assert_eq!(timeout_of(value(&fields, "grpc-timeout").unwrap()), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_goes_in_front_of_the_metadata() {
    // PROTOCOL-HTTP2, "Requests": "they should send the Call-Definition headers before sending
    // Custom-Metadata".
    let mut head = with_metadata();
    head.deadline = later(Duration::from_secs(1)).deadline;
    let names: Vec<_> = written(head).await.into_iter().map(|(name, _)| name).collect();
    assert!(names[..7].contains(&"grpc-timeout".to_owned()), "{names:?}");
    assert_eq!(names[7..], ["a", "b-bin", "a", "b-bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_comes_at_once_behind_the_pseudo_header_fields() {
    // PROTOCOL-HTTP2, "Requests": "implementations should send Timeout immediately after the reserved
    // headers".
    let fields = written(later(Duration::from_secs(1))).await;
    assert_eq!(fields[4].0, "grpc-timeout", "{fields:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_is_not_sent_as_zero() {
    // PROTOCOL-HTTP2, "Requests": "TimeoutValue → positive integer".
    let (connection, mut peer) = Peer::server().await;
    let Ok(_call) = open(&connection, later(Duration::ZERO), None, true).await else { return };
    let (_, fields, _) = peer.request_head().await;
    assert_ne!(timeout_of(value(&fields, "grpc-timeout").unwrap()), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_a_name_or_value_must_not_be_never_leaves() {
    let mut metadata = Metadata::new();
    for name in ["grpc-timeout", "grpc-x", ":path", "te", "content-type", "connection", "Upper", "a b", ""] {
        assert!(metadata.append(name, "x").is_err(), "{name:?}");
    }
    for value in ["a\nb", "a\rb", "\0", "\u{fc}", " edge", "edge "] {
        assert!(metadata.append("name", value).is_err(), "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_unary_request_ends_with_its_data() {
    let (connection, mut peer) = Peer::server().await;
    let _call = open(&connection, head(), Some("hello".into()), true).await.unwrap();
    assert!(matches!(peer.next().await, Came::Headers { end: false, .. }));
    let data = message(b"hello").into();
    assert_eq!(peer.next().await, Came::Data { stream: 1, data, end: true });
}

#[tokio::test(start_paused = true)]
async fn a_half_close_without_a_message_is_empty_data() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = open(&connection, head(), Some("hello".into()), false).await.unwrap();
    assert!(matches!(peer.next().await, Came::Headers { end: false, .. }));
    assert!(matches!(peer.next().await, Came::Data { end: false, .. }));
    call.send.half_close().await.unwrap();
    assert_eq!(peer.next().await, Came::Data { stream: 1, data: "".into(), end: true });
}

#[tokio::test(start_paused = true)]
async fn a_request_without_messages_ends_with_empty_data() {
    // PROTOCOL-HTTP2, "Requests": "In scenarios where the Request stream needs to be closed but no data
    // remains to be sent implementations MUST send an empty DATA frame with this flag set."
    let (connection, mut peer) = Peer::server().await;
    let _call = open(&connection, head(), None, true).await.unwrap();
    assert!(matches!(peer.next().await, Came::Headers { end: false, .. }));
    assert_eq!(peer.next().await, Came::Data { stream: 1, data: "".into(), end: true });
}

#[tokio::test(start_paused = true)]
async fn messages_follow_one_another_each_with_its_prefix() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = open(&connection, head(), None, false).await.unwrap();
    let sizes = [0, 1, 255, 256, 5000, 20_000];
    let mut expected = Vec::new();
    for size in sizes {
        let payload = vec![size as u8; size];
        expected.extend(message(&payload));
        call.send.send(payload.into()).await.unwrap();
    }
    call.send.half_close().await.unwrap();
    assert_eq!(peer.whole_request().await.2, expected);
}

#[tokio::test(start_paused = true)]
async fn streams_are_numbered_1_3_5() {
    let (connection, mut peer) = Peer::server().await;
    for stream in [1, 3, 5] {
        let mut call = unary(&connection).await;
        assert_eq!(peer.whole_request().await.0, stream);
        peer.answer_with(stream, b"").await;
        all(&mut call).await;
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_resets_its_stream_with_cancel() {
    let (connection, mut peer) = Peer::server().await;
    let call = open(&connection, head(), None, false).await.unwrap();
    let (stream, ..) = peer.request_head().await;
    drop(call);
    assert_eq!(peer.next().await, Came::Reset { stream, code: ErrorCode::CANCEL });

    let mut call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    peer.headers(stream, &RESPONSE, false).await;
    call.receive.receive().await;
    drop(call);
    assert_eq!(peer.next().await, Came::Reset { stream, code: ErrorCode::CANCEL });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_says_so_and_resets_its_stream() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    let status = transport::Status::new(Code::DeadlineExceeded, "time is up");
    call.send.canceller().cancel(status.clone());
    assert_eq!(all(&mut call).await, [transport::Received::End(status)]);
    assert_eq!(peer.next().await, Came::Reset { stream, code: ErrorCode::CANCEL });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_answered_is_not_reset_when_it_is_dropped() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.headers(stream, &OK, true).await;
    all(&mut call).await;
    drop(call);
    peer.ping(*b"anything").await;
    assert_eq!(peer.next().await, Came::PingAck(*b"anything"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_answered_early_is_reset_with_no_error() {
    // PROTOCOL-HTTP2, "Early Server Closure": "when a client receives Trailers before the client's
    // END_STREAM, then the client should send RST_STREAM with NO_ERROR".
    let (connection, mut peer) = Peer::server().await;
    let mut call = open(&connection, head(), None, false).await.unwrap();
    let (stream, ..) = peer.request_head().await;
    peer.headers(stream, &[RESPONSE[0], RESPONSE[1], OK[0]], true).await;
    all(&mut call).await;
    drop(call);
    assert_eq!(peer.next().await, Came::Reset { stream, code: ErrorCode::NO_ERROR });
}
