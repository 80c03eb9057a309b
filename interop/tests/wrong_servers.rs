//! Servers that are wrong in one thing: the case that looks at it fails, and says what was expected and what
//! came.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use interop::TestServer;
use interop::cases::Case;
use interop::proto::{
    EchoStatus, Empty, Payload, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
    StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse, TestService,
    TestServiceClient, TestServiceServer, UnimplementedService, UnimplementedServiceServer,
};
use server::{Router, Server, context};
use stub::{Receiver, Sender};
use transport::{Code, Metadata, Status};

/// Why `case` fails on `server`.
async fn failure(case: &str, server: impl TestService) -> String {
    failure_of(case, Router::new().with(TestServiceServer::new(server))).await
}

async fn failure_of(case: &str, router: Router) -> String {
    let mut server = Server::new(router);
    let bound = server.listen("http://127.0.0.1:0").await.unwrap();
    let test = TestServiceClient::connect(&bound.to_string()).await.unwrap();
    let run = tokio::time::timeout(LONGEST, Case::find(case).unwrap().run(&test)).await;
    run.expect("a case ends, whatever the server does").unwrap_err().to_string()
}

/// A server that has the payloads of `TestServer` and does this to each.
struct Spoils(fn(&mut Payload));

impl TestService for Spoils {
    async fn unary_call(&self, request: SimpleRequest) -> Result<SimpleResponse, Status> {
        let mut reply = TestServer.unary_call(request).await?;
        reply.payload.as_mut().map(self.0);
        Ok(reply)
    }
}

#[tokio::test]
async fn a_payload_of_another_size_is_found() {
    let failure = failure("large_unary", Spoils(|payload| payload.body.truncate(314_158))).await;
    assert_eq!(failure, "payload of the reply, bytes: expected 314159, got 314158");
}

#[tokio::test]
async fn a_payload_of_other_bytes_is_found() {
    let other = |payload: &mut Payload| payload.body = (0..314_159).map(|at| u8::from(at == 7)).collect();
    let failure = failure("large_unary", Spoils(other)).await;
    assert_eq!(failure, "payload of the reply: expected zeros, got 0x01 at 7");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_found() {
    let failure = failure_of("empty_unary", Router::new()).await;
    assert_eq!(
        failure,
        "EmptyCall: expected OK, got UNIMPLEMENTED: there is no service grpc.testing.TestService here"
    );
}

/// A server that adds up messages, not their bytes.
struct Counts;

impl TestService for Counts {
    async fn streaming_input_call(
        &self,
        mut requests: Receiver<StreamingInputCallRequest>,
    ) -> Result<StreamingInputCallResponse, Status> {
        let mut aggregated_payload_size = 0;
        while requests.recv().await?.is_some() {
            aggregated_payload_size += 1;
        }
        Ok(StreamingInputCallResponse { aggregated_payload_size })
    }
}

#[tokio::test]
async fn a_wrong_sum_is_found() {
    let failure = failure("client_streaming", Counts).await;
    assert_eq!(failure, "aggregated_payload_size: expected 74922, got 4");
}

#[tokio::test]
async fn a_server_that_does_not_look_whether_requests_are_compressed_is_found() {
    let failure = failure("client_compressed_streaming", Counts).await;
    assert_eq!(
        failure,
        "an uncompressed message that says it is compressed: expected INVALID_ARGUMENT, got OK"
    );
}

/// A server that changes what it was asked for before it does that.
struct Mistakes(fn(&mut StreamingOutputCallRequest));

impl TestService for Mistakes {
    async fn unary_call(&self, request: SimpleRequest) -> Result<SimpleResponse, Status> {
        let mut asked = StreamingOutputCallRequest::default();
        asked.response_status.clone_from(&request.response_status);
        (self.0)(&mut asked);
        TestServer.unary_call(SimpleRequest { response_status: asked.response_status, ..request }).await
    }

    async fn streaming_output_call(
        &self,
        mut request: StreamingOutputCallRequest,
        replies: Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        (self.0)(&mut request);
        TestServer.streaming_output_call(request, replies).await
    }
}

#[tokio::test]
async fn a_reply_too_few_is_found() {
    let failure = failure("server_streaming", Mistakes(|it| it.response_parameters.truncate(3))).await;
    assert_eq!(failure, "payload of reply 4: expected a payload of 58979 bytes, got none");
}

#[tokio::test]
async fn a_reply_too_many_is_found() {
    let one_more = |it: &mut StreamingOutputCallRequest| {
        it.response_parameters.push(Default::default());
    };
    let failure = failure("server_streaming", Mistakes(one_more)).await;
    assert!(failure.starts_with("replies behind the fourth: expected None, got Some("), "{failure}");
}

#[tokio::test]
async fn replies_in_another_order_are_found() {
    let failure = failure("server_streaming", Mistakes(|it| it.response_parameters.reverse())).await;
    assert_eq!(failure, "payload of reply 1, bytes: expected 31415, got 58979");
}

#[tokio::test]
async fn a_server_that_never_compresses_a_stream_is_found() {
    let never = |it: &mut StreamingOutputCallRequest| {
        it.response_parameters.iter_mut().for_each(|it| it.compressed = None)
    };
    let failure = failure("server_compressed_streaming", Mistakes(never)).await;
    assert_eq!(failure, "reply 1: expected compressed, got uncompressed");
}

#[tokio::test]
async fn a_server_that_compresses_all_of_a_stream_is_found() {
    let all = |it: &mut StreamingOutputCallRequest| {
        let first = it.response_parameters[0].compressed;
        it.response_parameters.iter_mut().for_each(|it| it.compressed = first);
    };
    let failure = failure("server_compressed_streaming", Mistakes(all)).await;
    assert_eq!(failure, "reply 2: expected uncompressed, got compressed");
}

#[tokio::test]
async fn a_status_that_is_passed_over_is_found() {
    let failure = failure("status_code_and_message", Mistakes(|it| it.response_status = None)).await;
    assert_eq!(failure, "UnaryCall: expected UNKNOWN, got OK");
}

#[tokio::test]
async fn another_code_is_found() {
    let aborted = |it: &mut StreamingOutputCallRequest| {
        it.response_status = Some(EchoStatus { code: 10, message: "oh".to_owned() });
    };
    let failure = failure("status_code_and_message", Mistakes(aborted)).await;
    assert_eq!(failure, "UnaryCall: expected UNKNOWN, got ABORTED: oh");
}

#[tokio::test]
async fn a_message_without_its_white_space_is_found() {
    let trim = |it: &mut StreamingOutputCallRequest| {
        if let Some(status) = &mut it.response_status {
            status.message = status.message.trim().to_owned();
        }
    };
    let failure = failure("special_status_message", Mistakes(trim)).await;
    assert!(failure.starts_with("message of the status: expected \"\\t\\ntest with"), "{failure}");
}

/// A server that answers to the compression of each call with one message each way always in one way.
struct AlwaysCompresses(bool);

impl TestService for AlwaysCompresses {
    async fn unary_call(&self, request: SimpleRequest) -> Result<SimpleResponse, Status> {
        if self.0 {
            context::compress_reply();
        }
        TestServer
            .unary_call(SimpleRequest { response_compressed: None, expect_compressed: None, ..request })
            .await
    }
}

#[tokio::test]
async fn a_server_that_never_compresses_is_found() {
    let failure = failure("server_compressed_unary", AlwaysCompresses(false)).await;
    assert_eq!(failure, "the reply: expected compressed, got uncompressed");
}

#[tokio::test]
async fn a_server_that_always_compresses_is_found() {
    let failure = failure("server_compressed_unary", AlwaysCompresses(true)).await;
    assert_eq!(failure, "the reply: expected uncompressed, got compressed");
}

#[tokio::test]
async fn a_server_that_does_not_look_whether_a_request_is_compressed_is_found() {
    let failure = failure("client_compressed_unary", AlwaysCompresses(false)).await;
    assert_eq!(
        failure,
        "an uncompressed message that says it is compressed: expected INVALID_ARGUMENT, got OK"
    );
}

/// A server that says this beside the reply to each call with one message each way.
struct Says(fn());

impl TestService for Says {
    async fn unary_call(&self, request: SimpleRequest) -> Result<SimpleResponse, Status> {
        let reply = TestServer.unary_call(request).await;
        (self.0)();
        reply
    }
}

#[tokio::test]
async fn metadata_that_is_not_echoed_is_found() {
    let failure = failure("custom_metadata", Says(|| context::set_head(Metadata::new()))).await;
    assert_eq!(
        failure,
        "UnaryCall, x-grpc-test-echo-initial in the head: \
         expected [Text(\"test_initial_metadata_value\")], got []"
    );
}

#[tokio::test]
async fn metadata_that_is_echoed_twice_is_found() {
    let twice = || {
        let mut trailers = Metadata::new();
        for _ in 0..2 {
            trailers.append("x-grpc-test-echo-trailing-bin", vec![0xab; 3]).unwrap();
        }
        context::set_trailers(trailers);
    };
    let failure = failure("custom_metadata", Says(twice)).await;
    let (one, twice) = (r#"Binary(b"\xab\xab\xab")"#, r#"Binary(b"\xab\xab\xab"), Binary(b"\xab\xab\xab")"#);
    assert_eq!(
        failure,
        format!("UnaryCall, x-grpc-test-echo-trailing-bin in the trailers: expected [{one}], got [{twice}]")
    );
}

/// A server that has what no server has, and speaks when nobody asked.
struct Eager;

impl TestService for Eager {
    async fn full_duplex_call(
        &self,
        _requests: Receiver<StreamingOutputCallRequest>,
        mut replies: Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        replies.send(&StreamingOutputCallResponse { payload: None }).await
    }

    async fn unimplemented_call(&self, _request: Empty) -> Result<Empty, Status> {
        Ok(Empty {})
    }
}

impl UnimplementedService for Eager {
    async fn unimplemented_call(&self, _request: Empty) -> Result<Empty, Status> {
        Err(Status::new(Code::NotFound, ""))
    }
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_is_found() {
    let failure = failure("empty_stream", Eager).await;
    let reply = "StreamingOutputCallResponse { payload: None }";
    assert_eq!(failure, format!("replies: expected None, got Some({reply})"));
}

#[tokio::test]
async fn a_stream_that_ends_where_a_reply_is_due_is_found() {
    let failure = failure("cancel_after_first_response", Eager).await;
    assert_eq!(failure, "payload of the reply: expected a payload of 31415 bytes, got none");
}

#[tokio::test]
async fn a_method_and_a_service_that_are_there_are_found() {
    let router =
        || Router::new().with(TestServiceServer::new(Eager)).with(UnimplementedServiceServer::new(Eager));
    let method = failure_of("unimplemented_method", router()).await;
    assert_eq!(method, "UnimplementedCall: expected UNIMPLEMENTED, got OK");
    let service = failure_of("unimplemented_service", router()).await;
    assert_eq!(service, "UnimplementedService: expected UNIMPLEMENTED, got NOT_FOUND");
}

/// A case that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);
