//! What a client receives, in which order, and what it does with a broken answer.

use std::sync::Arc;

use http2::ErrorCode;
use transport::{Call, Code, Connection, Limits, Metadata, Received, Status, open};

use crate::peer::{Came, OK, Peer, RESPONSE, all, head, message, messages_and_end, unary};

/// A call whose request has arrived, and its stream.
async fn asked() -> (Arc<dyn Connection>, Peer, Call, u32) {
    asked_with(Limits::default()).await
}

async fn asked_with(limits: Limits) -> (Arc<dyn Connection>, Peer, Call, u32) {
    let (connection, mut peer) = Peer::server_of_limited(limits, &[]).await;
    let call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    (connection, peer, call, stream)
}

fn metadata(fields: &[(&'static str, &'static str)]) -> Metadata {
    let mut metadata = Metadata::new();
    for (name, value) in fields {
        metadata.append(*name, *value).unwrap();
    }
    metadata
}

#[tokio::test(start_paused = true)]
async fn head_messages_and_trailers_come_in_order() {
    let (_connection, mut peer, mut call, stream) = asked().await;
    peer.headers(stream, &[RESPONSE[0], RESPONSE[1], ("a", "1"), ("a", "2")], false).await;
    peer.data(stream, [message(b"one"), message(b"")].concat(), false).await;
    peer.data(stream, message(b"three"), false).await;
    peer.headers(stream, &[OK[0], ("z", "3")], true).await;
    let received = all(&mut call).await;
    let Received::Head(head) = &received[0] else { panic!("a head first: {received:?}") };
    let of_a: Vec<_> = head.values("a").map(transport::Value::as_bytes).collect();
    assert_eq!(of_a, [b"1", b"2"]);
    assert_eq!(
        received[1..],
        [
            Received::Message("one".into()),
            Received::Message("".into()),
            Received::Message("three".into()),
            Received::End(Status::ok().with_metadata(metadata(&[("z", "3")]))),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_is_delivered_before_any_message_has_come() {
    let (_connection, mut peer, mut call, stream) = asked().await;
    peer.headers(stream, &RESPONSE, false).await;
    assert!(matches!(call.receive.receive().await, Received::Head(_)));
}

#[tokio::test(start_paused = true)]
async fn informational_responses_in_front_change_nothing() {
    let (_connection, mut peer, mut call, stream) = asked().await;
    for informational in ["100", "102", "103", "199"] {
        peer.headers(stream, &[(":status", informational), ("link", "x")], false).await;
    }
    peer.answer_with(stream, b"hello").await;
    let received = messages_and_end(&mut call).await;
    assert_eq!(received, [Received::Message("hello".into()), Received::End(Status::ok())]);
}

#[tokio::test(start_paused = true)]
async fn a_status_alone_is_an_end_without_a_head() {
    let (_connection, mut peer, mut call, stream) = asked().await;
    let fields = [RESPONSE[0], RESPONSE[1], ("grpc-status", "7"), ("grpc-message", "not%20you")];
    peer.headers(stream, &fields, true).await;
    assert_eq!(all(&mut call).await, [Received::End(Status::new(Code::PermissionDenied, "not you"))]);
}

#[tokio::test(start_paused = true)]
async fn messages_cut_at_every_byte_arrive_whole() {
    let body = [message(b"hello"), message(b""), message(b"gRPC")].concat();
    for cut in 0..=body.len() {
        let (_connection, mut peer, mut call, stream) = asked().await;
        peer.headers(stream, &RESPONSE, false).await;
        peer.data(stream, &body[..cut], false).await;
        peer.padded(stream, &body[cut..], 9, false).await;
        peer.headers(stream, &OK, true).await;
        let received = messages_and_end(&mut call).await;
        let messages = ["hello", "", "gRPC"].map(|message| Received::Message(message.into()));
        assert_eq!(received[..3], messages, "cut at {cut}");
        assert_eq!(received[3..], [Received::End(Status::ok())]);
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_inside_a_message_are_internal_unless_they_say_why() {
    for (trailer, code) in [("0", Code::Internal), ("14", Code::Unavailable)] {
        let (_connection, mut peer, mut call, stream) = asked().await;
        peer.headers(stream, &RESPONSE, false).await;
        peer.data(stream, &message(b"hello")[..7], false).await;
        peer.headers(stream, &[("grpc-status", trailer)], true).await;
        let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
        assert_eq!(status.code(), code);
    }
}

#[tokio::test(start_paused = true)]
async fn broken_data_ends_the_call_and_is_cancelled() {
    for (data, code) in [
        (&[1, 0, 0, 0, 1, 7][..], Code::Internal),
        (&[2, 0, 0, 0, 0], Code::Internal),
        (&[0, 0, 0, 0, 101], Code::ResourceExhausted),
        (&[0, 0xff, 0xff, 0xff, 0xff], Code::ResourceExhausted),
    ] {
        let limits = Limits { message: 100, ..Limits::default() };
        let (connection, mut peer, mut call, stream) = asked_with(limits).await;
        peer.headers(stream, &RESPONSE, false).await;
        peer.data(stream, data, false).await;
        let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
        assert_eq!(status.code(), code, "{data:?}");
        assert_eq!(peer.next().await, Came::Reset { stream, code: ErrorCode::CANCEL });
        assert!(!connection.is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_answer_in_an_unknown_encoding_is_internal() {
    let (_connection, mut peer, mut call, stream) = asked().await;
    peer.headers(stream, &[RESPONSE[0], RESPONSE[1], ("grpc-encoding", "gzip")], false).await;
    peer.data(stream, [1, 0, 0, 0, 1, 7], false).await;
    peer.headers(stream, &OK, true).await;
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    assert_eq!(status.code(), Code::Internal);
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_is_the_end_of_a_call_that_is_still_sending() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = open(&connection, head(), None, false).await.unwrap();
    let (stream, ..) = peer.request_head().await;
    peer.headers(stream, &[RESPONSE[0], RESPONSE[1], ("grpc-status", "7")], true).await;
    // A reset behind the whole answer takes nothing back (RFC 9113 §8.1).
    peer.reset(stream, ErrorCode::NO_ERROR).await;
    peer.ping(*b"and then").await;
    while peer.next().await != Came::PingAck(*b"and then") {}
    assert_eq!(call.send.send("late".into()).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(all(&mut call).await, [Received::End(Status::new(Code::PermissionDenied, ""))]);
}

#[tokio::test(start_paused = true)]
async fn an_early_ok_with_its_message_is_delivered_whole() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = open(&connection, head(), None, false).await.unwrap();
    let (stream, ..) = peer.request_head().await;
    peer.answer_with(stream, b"enough").await;
    peer.reset(stream, ErrorCode::NO_ERROR).await;
    let received = messages_and_end(&mut call).await;
    assert_eq!(received, [Received::Message("enough".into()), Received::End(Status::ok())]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_call_harms_no_other() {
    let (connection, mut peer, mut broken, stream) = asked().await;
    let mut other = unary(&connection).await;
    let (another, ..) = peer.whole_request().await;
    peer.headers(another, &RESPONSE, false).await;
    peer.headers(stream, &RESPONSE, false).await;
    peer.data(stream, [9; 9], false).await;
    assert!(matches!(all(&mut broken).await.pop(), Some(Received::End(status)) if status != Status::ok()));
    peer.data(another, message(b"hello"), false).await;
    peer.headers(another, &OK, true).await;
    let received = all(&mut other).await;
    assert_eq!(received[1..], [Received::Message("hello".into()), Received::End(Status::ok())]);
}
