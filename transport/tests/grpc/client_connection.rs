//! A client's connection: how it begins, and how its server ends it.

use std::time::Duration;

use http2::ErrorCode;
use http2::frame::Setting;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;
use transport::{Code, Limits, Received, Status, grpc, open};

use crate::peer::{AUTHORITY, Came, Peer, all, head, messages_and_end, unary};

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_http_1_is_told_apart() {
    for greeting in ["HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nhello", "SSH-2.0-x\r\n"] {
        let (near, mut far) = duplex(64 << 10);
        far.write_all(greeting.as_bytes()).await.unwrap();
        let error = grpc::connect_over(near, &Limits::default(), AUTHORITY).await.err().expect("an error");
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("does not speak HTTP/2"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_sends_settings_is_given_up_in_time() {
    let (near, mut far) = duplex(64 << 10);
    let began = Instant::now();
    let limits = Limits { handshake: Duration::from_secs(3), ..Limits::default() };
    let error = grpc::connect_over(near, &limits, AUTHORITY).await.err().expect("an error");
    assert_eq!((error.code(), began.elapsed()), (Code::Unavailable, limits.handshake));
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(http2::connection::PREFACE));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_before_its_settings_is_unavailable() {
    let (near, far) = duplex(64 << 10);
    drop(far);
    let error = grpc::connect_over(near, &Limits::default(), AUTHORITY).await.err().expect("an error");
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_acknowledges_settings_fails_its_calls() {
    // The peer acknowledges only what it is asked to read.
    let limits = Limits { handshake: Duration::from_secs(3), ..Limits::default() };
    let (connection, _peer) = Peer::server_of_limited(limits, &[]).await;
    let mut call = unary(&connection).await;
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    assert_eq!(status.code(), Code::Unavailable);
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_goaway_fails_calls_above_its_last_stream_and_lets_the_others_end() {
    let (connection, mut peer) = Peer::server().await;
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(unary(&connection).await);
        peer.whole_request().await;
    }
    peer.go_away(3, ErrorCode::NO_ERROR).await;
    let mut third = calls.pop().unwrap();
    let Some(Received::End(status)) = all(&mut third).await.pop() else { panic!("an end") };
    assert_eq!(status.code(), Code::Unavailable);
    assert!(connection.is_closed());
    let error = open(&connection, head(), None, true).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    for (mut call, stream) in calls.into_iter().zip([1, 3]) {
        peer.answer_with(stream, b"still").await;
        let received = messages_and_end(&mut call).await;
        assert_eq!(received, [Received::Message("still".into()), Received::End(Status::ok())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_goaway_in_two_steps_loses_nothing() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    peer.go_away((1 << 31) - 1, ErrorCode::NO_ERROR).await;
    peer.ping(*b"the last").await;
    while peer.next().await != Came::PingAck(*b"the last") {}
    assert!(connection.is_closed());
    peer.go_away(stream, ErrorCode::NO_ERROR).await;
    peer.answer_with(stream, b"still").await;
    assert_eq!(all(&mut call).await.pop(), Some(Received::End(Status::ok())));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_for_its_turn_is_told_of_a_goaway() {
    let settings = [Setting::MaxConcurrentStreams(1)];
    let (connection, mut peer) = Peer::server_of_limited(Limits::default(), &settings).await;
    let _first = unary(&connection).await;
    let waiting = tokio::spawn({
        let connection = connection.clone();
        async move { open(&connection, head(), None, true).await.map(drop) }
    });
    peer.whole_request().await;
    peer.go_away(1, ErrorCode::NO_ERROR).await;
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_makes_every_call_unavailable() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    peer.whole_request().await;
    drop(peer);
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    assert_eq!(status.code(), Code::Unavailable);
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_http_2_makes_every_call_unavailable_and_is_told() {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    peer.whole_request().await;
    // WINDOW_UPDATE of zero, for the connection (RFC 9113 §6.9).
    peer.write(&[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await;
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    assert_eq!(status.code(), Code::Unavailable);
    let code = ErrorCode::PROTOCOL_ERROR;
    assert_eq!(peer.next().await, Came::GoAway { last_stream: 0, code });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_no_streams_is_unavailable() {
    let settings = [Setting::MaxConcurrentStreams(0)];
    let (connection, _peer) = Peer::server_of_limited(Limits::default(), &settings).await;
    let error = open(&connection, head(), None, true).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
}
