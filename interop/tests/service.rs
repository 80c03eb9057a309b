//! What the document asks of a server and no case looks at, and what a server should not do for anybody.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client::CallOptions;
use interop::TestServer;
use interop::proto::{
    BoolValue, EchoStatus, Payload, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest, TEST_SERVICE_CACHEABLE_UNARY_CALL, TEST_SERVICE_UNARY_CALL,
    TestServiceClient, TestServiceServer,
};
use server::{Router, Server};
use stub::Shape;
use tokio::time::Instant;
use transport::{Code, Compression, Metadata};

/// A server, and a client of it.
async fn served(address: &str) -> (TestServiceClient, Server) {
    let mut server = Server::new(Router::new().with(TestServiceServer::new(TestServer)));
    let bound = server.listen(address).await.unwrap();
    (TestServiceClient::connect(&bound.to_string()).await.unwrap(), server)
}

async fn in_memory() -> (TestServiceClient, Server) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    served(&format!("memory:service-{}", NEXT.fetch_add(1, Ordering::Relaxed))).await
}

#[tokio::test(start_paused = true)]
async fn each_reply_waits_its_interval_after_the_one_before() {
    let (test, _server) = in_memory().await;
    let intervals = [20_000, 0, 1_000_000, -5];
    let response_parameters =
        intervals.map(|interval_us| ResponseParameters { size: 1, interval_us, compressed: None }).into();
    let request = StreamingOutputCallRequest { response_parameters, ..Default::default() };
    let mut replies = test.streaming_output_call(&request).await.unwrap();
    let mut last = Instant::now();
    for micros in [20_000, 0, 1_000_000, 0] {
        replies.recv().await.unwrap().unwrap();
        let now = Instant::now();
        // A timer is as fine as a millisecond.
        let waited = now - last;
        let due = Duration::from_micros(micros);
        assert!(waited >= due && waited <= due + Duration::from_millis(1), "{waited:?}, {due:?} are due");
        last = now;
    }
    assert_eq!(replies.recv().await, Ok(None));
}

#[tokio::test]
async fn half_duplex_answers_each_request_in_order_once_all_have_come() {
    let (test, _server) = in_memory().await;
    let (mut requests, mut replies) = test.half_duplex_call().await.unwrap();
    for sizes in [&[3, 1][..], &[], &[4]] {
        requests.send(&asking(sizes)).await.unwrap();
    }
    requests.finish().await.unwrap();
    let mut sizes = Vec::new();
    while let Some(reply) = replies.recv().await.unwrap() {
        sizes.push(reply.payload.unwrap().body.len());
    }
    assert_eq!(sizes, [3, 1, 4]);
}

#[tokio::test]
async fn full_duplex_reads_no_further_once_it_was_asked_to_end() {
    let (test, _server) = in_memory().await;
    let (mut requests, mut replies) = test.full_duplex_call().await.unwrap();
    let end = EchoStatus { code: 9, message: "enough".to_owned() };
    requests.send(&asking(&[3])).await.unwrap();
    requests.send(&StreamingOutputCallRequest { response_status: Some(end), ..asking(&[1]) }).await.unwrap();
    assert_eq!(replies.recv().await.unwrap().unwrap().payload.unwrap().body.len(), 3);
    let status = replies.recv().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "enough"));
}

#[tokio::test]
async fn a_status_that_is_ok_changes_nothing_and_an_unknown_number_is_unknown() {
    let (test, _server) = in_memory().await;
    let ends = async |code| {
        let response_status = Some(EchoStatus { code, message: "as asked".to_owned() });
        let request = SimpleRequest { response_status, response_size: 1, ..SimpleRequest::default() };
        test.unary_call(&request).await.map(|reply| reply.payload.unwrap().body.len())
    };
    assert_eq!(ends(0).await, Ok(1));
    for code in [17, 1_000, -1] {
        assert_eq!(ends(code).await.unwrap_err().code(), Code::Unknown);
    }
}

#[tokio::test]
async fn what_is_echoed_behind_the_messages_stands_behind_an_error_too() {
    for address in ["http://127.0.0.1:0", "tcp://127.0.0.1:0"] {
        let (test, _server) = served(address).await;
        let mut metadata = Metadata::new();
        metadata.append("x-grpc-test-echo-trailing-bin", vec![1, 2]).unwrap();
        metadata.append("x-other", "is not echoed").unwrap();
        let test = test.with(CallOptions::new().metadata(metadata));
        let response_status = Some(EchoStatus { code: 5, message: String::new() });
        let request = SimpleRequest { response_status, ..SimpleRequest::default() };
        let status = test.unary_call(&request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(&status.metadata().binary("x-grpc-test-echo-trailing-bin").unwrap()[..], [1, 2]);
        assert_eq!(status.metadata().len(), 1);
    }
}

#[tokio::test]
async fn a_payload_that_cannot_be_is_not_made() {
    let (test, _server) = in_memory().await;
    let code = async |response_type, response_size| {
        let request = SimpleRequest { response_type, response_size, ..SimpleRequest::default() };
        test.unary_call(&request).await.unwrap_err().code()
    };
    assert_eq!(code(1, 10).await, Code::InvalidArgument, "there is one type, 0");
    assert_eq!(code(0, -1).await, Code::InvalidArgument);
    assert_eq!(code(0, i32::MAX).await, Code::ResourceExhausted);
    let mut replies = test.streaming_output_call(&asking(&[2, -1])).await.unwrap();
    assert!(replies.recv().await.unwrap().is_some());
    assert_eq!(replies.recv().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_message_that_says_it_is_not_compressed_and_is_is_refused() {
    let (test, _server) = served("http://127.0.0.1:0").await;
    let test = test.with(CallOptions::new().compression(Compression::Gzip));
    let plain = Some(BoolValue { value: false });
    let request = SimpleRequest { expect_compressed: plain, ..SimpleRequest::default() };
    let status = test.unary_call(&request).await.unwrap_err();
    assert_eq!(status.message(), "the message says it is uncompressed, and came compressed");
    assert_eq!(status.code(), Code::InvalidArgument);

    let (mut requests, mut reply) = test.streaming_input_call().await.unwrap();
    let payload = Some(Payload { body: vec![0; 10].into(), ..Payload::default() });
    requests.send(&StreamingInputCallRequest { payload, expect_compressed: plain }).await.unwrap();
    assert_eq!(reply.single().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_stream_that_begins_uncompressed_may_have_compressed_messages_later() {
    let (test, _server) = served("http://127.0.0.1:0").await;
    let test = test.with(CallOptions::new().compression(Compression::Gzip));
    let flags = [None, Some(true), Some(false), Some(true)];
    let response_parameters = flags.map(|compressed| ResponseParameters {
        size: 1_000,
        compressed: compressed.map(|value| BoolValue { value }),
        ..ResponseParameters::default()
    });
    let request =
        StreamingOutputCallRequest { response_parameters: response_parameters.into(), ..Default::default() };
    let mut replies = test.streaming_output_call(&request).await.unwrap();
    for compressed in flags {
        assert_eq!(replies.recv().await.unwrap().unwrap().payload.unwrap().body, [0; 1_000][..]);
        assert_eq!(replies.was_compressed(), compressed.unwrap_or(false));
    }
}

#[tokio::test]
async fn nothing_is_compressed_for_a_caller_who_does_not_take_it() {
    let (test, _server) = served("http://127.0.0.1:0").await;
    let response_compressed = Some(BoolValue { value: true });
    let request = SimpleRequest { response_compressed, response_size: 1_000, ..SimpleRequest::default() };
    let called = test.caller().open(&TEST_SERVICE_UNARY_CALL, Shape::Unary, Some(&request)).await;
    let (_sent, mut reply) = called.unwrap();
    assert_eq!(reply.single().await.unwrap().payload.unwrap().body, [0; 1_000][..]);
    assert!(!reply.was_compressed());
}

#[tokio::test]
async fn an_answer_that_a_cache_may_keep_says_for_how_long_and_is_another_each_time() {
    let (test, _server) = served("http://127.0.0.1:0").await;
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let request = SimpleRequest::default();
        let called =
            test.caller().open(&TEST_SERVICE_CACHEABLE_UNARY_CALL, Shape::Unary, Some(&request)).await;
        let (_sent, mut reply) = called.unwrap();
        assert_eq!(reply.head().await.text("cache-control"), Some("max-age=60, public"));
        bodies.push(reply.single().await.unwrap().payload.unwrap().body);
    }
    assert_ne!(bodies[0], bodies[1]);
}

/// A request for replies of these sizes.
fn asking(sizes: &[i32]) -> StreamingOutputCallRequest {
    let sized = |size: &i32| ResponseParameters { size: *size, ..ResponseParameters::default() };
    StreamingOutputCallRequest {
        response_parameters: sizes.iter().map(sized).collect(),
        ..Default::default()
    }
}
