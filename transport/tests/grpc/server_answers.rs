//! What a server writes: heads, trailers, and answers that are a status alone.

use std::sync::Arc;

use http2::ErrorCode;
use tokio::sync::Notify;
use transport::{Code, IncomingCall, Metadata, Received, SendStream, Service, Status};

use crate::peer::{Answer, Came, OK, Peer, REQUEST, RESPONSE, message, pairs, request_with};
use crate::support::service;

/// A service whose handler does `answer` when it has the whole request.
fn answering<F, Fut>(answer: F) -> Arc<dyn Service>
where
    F: Fn(SendStream) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    service(move |mut call: IncomingCall| {
        let answer = answer.clone();
        async move {
            while !matches!(call.receive.receive().await, Received::End(_)) {}
            answer(call.send).await;
        }
    })
}

async fn answer_of(service: Arc<dyn Service>) -> Answer {
    let mut peer = Peer::client_of(service).await;
    let stream = peer.request(&REQUEST, &message(b"hello")).await;
    peer.answer(stream).await
}

/// The answer where the handler does nothing but end the call.
async fn answer_with_status(status: Status) -> Answer {
    answer_of(answering(move |send| {
        let status = status.clone();
        async move { send.finish(status) }
    }))
    .await
}

fn metadata() -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    metadata.append("a", "2, 3").unwrap();
    metadata.append("b-bin", vec![0]).unwrap();
    metadata.append("b-bin", vec![0, 1]).unwrap();
    metadata.append("b-bin", vec![0, 1, 255]).unwrap();
    metadata.append("b-bin", vec![]).unwrap();
    metadata
}

/// [`metadata`] as it is written: without padding.
const METADATA: [(&str, &str); 6] =
    [("a", "1"), ("a", "2, 3"), ("b-bin", "AA"), ("b-bin", "AAE"), ("b-bin", "AAH/"), ("b-bin", "")];

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_head_a_message_and_the_status_0_alone() {
    let answer = answer_of(answering(|mut send| async move {
        send.send_last("hello".into()).await.unwrap();
    }))
    .await;
    let expected =
        Answer { head: pairs(&RESPONSE), data: message(b"hello"), trailers: Some(pairs(&OK)), reset: None };
    assert_eq!(answer, expected);
}

#[tokio::test(start_paused = true)]
async fn an_answer_repeats_the_codec_of_its_call() {
    for (asked, answered) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc"),
        ("application/grpc+json;charset=utf-8", "application/grpc+json"),
    ] {
        let mut peer = Peer::client_of(answering(|send| async { send.finish(Status::ok()) })).await;
        let stream = peer.request(&request_with("content-type", asked), b"").await;
        let head = peer.answer(stream).await.head;
        assert_eq!(head, pairs(&[(":status", "200"), ("content-type", answered)]));
    }
}

#[tokio::test(start_paused = true)]
async fn an_ok_without_messages_has_its_status_in_trailers_too() {
    let answer = answer_with_status(Status::ok()).await;
    assert_eq!((answer.head, answer.trailers), (pairs(&RESPONSE), Some(pairs(&OK))));
}

#[tokio::test(start_paused = true)]
async fn an_error_before_any_message_is_one_headers_frame() {
    for code in Code::ALL.into_iter().skip(1) {
        let answer = answer_with_status(Status::new(code, "so it is")).await;
        let number = code.number().to_string();
        let status = [("grpc-status", &*number), ("grpc-message", "so it is")];
        assert_eq!(answer.head, pairs(&[&RESPONSE[..], &status].concat()));
        assert_eq!((answer.data, answer.trailers), (vec![], None));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_message_has_no_grpc_message() {
    let answer = answer_with_status(Status::new(Code::NotFound, "")).await;
    assert_eq!(answer.head, pairs(&[&RESPONSE[..], &[("grpc-status", "5")]].concat()));
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_messages_is_in_trailers() {
    let answer = answer_of(answering(|mut send| async move {
        send.send("one".into()).await.unwrap();
        send.send("two".into()).await.unwrap();
        send.finish(Status::new(Code::DataLoss, "three is lost").with_metadata(metadata()));
    }))
    .await;
    let status = [("grpc-status", "15"), ("grpc-message", "three is lost")];
    let trailers = pairs(&[&status[..], &METADATA].concat());
    let data = [message(b"one"), message(b"two")].concat();
    assert_eq!(answer, Answer { head: pairs(&RESPONSE), data, trailers: Some(trailers), reset: None });
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_a_head_is_in_trailers() {
    let answer = answer_of(answering(|mut send| async move {
        send.respond(metadata()).unwrap();
        send.finish(Status::new(Code::Aborted, ""));
    }))
    .await;
    assert_eq!(answer.head, pairs(&[&RESPONSE[..], &METADATA].concat()));
    assert_eq!(answer.trailers, Some(pairs(&[("grpc-status", "10")])));
}

#[tokio::test(start_paused = true)]
async fn metadata_goes_with_a_status_alone_and_with_ok() {
    let answer = answer_with_status(Status::new(Code::Unknown, "").with_metadata(metadata())).await;
    assert_eq!(answer.head, pairs(&[&RESPONSE[..], &[("grpc-status", "2")], &METADATA].concat()));
    let answer = answer_with_status(Status::ok().with_metadata(metadata())).await;
    assert_eq!(answer.trailers, Some(pairs(&[&OK[..], &METADATA].concat())));
}

#[tokio::test(start_paused = true)]
async fn a_message_for_people_is_percent_encoded() {
    for (message, encoded) in [
        ("plain", "plain"),
        ("100%", "100%25"),
        ("a b~!$&", "a b~!$&"),
        ("line\nbreak\r\t", "line%0Abreak%0D%09"),
        ("\u{fc}", "%C3%BC"),
        ("\u{1f608}", "%F0%9F%98%88"),
        ("\0\u{7f}", "%00%7F"),
        ("%41", "%2541"),
    ] {
        let answer = answer_with_status(Status::new(Code::Internal, message)).await;
        assert_eq!(answer.value("grpc-message"), Some(encoded), "{message:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_is_followed_by_a_reset_that_is_no_error() {
    for code in [Code::Ok, Code::PermissionDenied] {
        let early = service(move |call: IncomingCall| async move {
            call.send.finish(Status::new(code, ""));
        });
        let mut peer = Peer::client_of(early).await;
        let stream = peer.new_stream();
        peer.headers(stream, &REQUEST, false).await;
        let answer = peer.answer(stream).await;
        assert_eq!(answer.status(), ("200", &*code.number().to_string()));
        assert_eq!(peer.next().await, Came::Reset { stream, code: ErrorCode::NO_ERROR });
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_whole_request_is_followed_by_no_reset() {
    let mut peer = Peer::client_of(answering(|send| async { send.finish(Status::ok()) })).await;
    let stream = peer.request(&REQUEST, b"").await;
    peer.answer(stream).await;
    peer.ping(*b"anything").await;
    assert_eq!(peer.next().await, Came::PingAck(*b"anything"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_internal_and_harms_no_other_call() {
    let panics_if_told = service(|mut call: IncomingCall| async move {
        let Received::Message(message) = call.receive.receive().await else { return };
        assert_ne!(message, "panic");
        while !matches!(call.receive.receive().await, Received::End(_)) {}
        call.send.send_last(message).await.unwrap();
    });
    let mut peer = Peer::client_of(panics_if_told).await;
    let open = peer.new_stream();
    peer.headers(open, &REQUEST, false).await;
    peer.data(open, message(b"hello"), false).await;
    let broken = peer.request(&REQUEST, &message(b"panic")).await;
    let answer = peer.answer(broken).await;
    assert_eq!((answer.status(), &answer.data), (("200", "13"), &vec![]));
    assert!(!answer.value("grpc-message").unwrap().contains("left == right"), "its words stay here");
    peer.data(open, b"", true).await;
    let answer = peer.answer(open).await;
    assert_eq!((answer.status(), &answer.data), (("200", "0"), &message(b"hello")));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_begun_to_leave_is_sent_to_its_end_before_the_status_of_a_cancelled_call() {
    let (stalled, cancelled) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_stalled, is_cancelled) = (stalled.clone(), cancelled.clone());
    let mut peer = Peer::client_of(answering(move |mut send| {
        let (stalled, cancelled) = (stalled.clone(), cancelled.clone());
        async move {
            send.send("first".into()).await.unwrap();
            send.send(vec![b'x'; 200_000].into()).await.unwrap();
            stalled.notified().await;
            send.canceller().cancel(Status::new(Code::DeadlineExceeded, "too late"));
            cancelled.notify_one();
        }
    }))
    .await;
    let stream = peer.request(&REQUEST, &message(b"hello")).await;
    let mut data = Vec::new();
    while data.len() < 65_535 {
        if let Came::Data { data: more, .. } = peer.next().await {
            data.extend_from_slice(&more);
        }
    }
    is_stalled.notify_one();
    is_cancelled.notified().await;
    peer.open_windows().await;
    let answer = peer.answer(stream).await;
    data.extend_from_slice(&answer.data);
    assert!(data == [message(b"first"), message(&[b'x'; 200_000])].concat(), "{} bytes", data.len());
    assert_eq!(answer.value("grpc-status"), Some("4"));
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_nothing_has_left_is_dropped_when_the_call_is_cancelled() {
    let answer = answer_of(answering(|mut send| async move {
        send.send("first".into()).await.unwrap();
        send.send(vec![b'x'; 200_000].into()).await.unwrap();
        send.canceller().cancel(Status::new(Code::DeadlineExceeded, "too late"));
    }))
    .await;
    assert_eq!(answer.data, message(b"first"));
    assert_eq!(answer.value("grpc-status"), Some("4"));
}
