//! Where one side cannot do a case with compression: what it does instead.

use client::CallOptions;
use interop::cases;
use interop::proto::{
    BoolValue, ResponseParameters, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, TestServiceClient,
};
use tonic::codec::CompressionEncoding::Gzip;
use transport::Compression;

use crate::served;
use crate::tonic_client::{client, expect, zeros};

const NOT_SEEN: &str =
    "an uncompressed message that says it is compressed: expected INVALID_ARGUMENT, got OK";

#[tokio::test]
async fn the_server_of_tonic_does_not_see_whether_a_request_was_compressed_and_takes_both() {
    let served = served::tonics().await;
    let failure = cases::client_compressed_unary(&served.client).await.unwrap_err();
    assert_eq!(failure.to_string(), NOT_SEEN);
    let failure = cases::client_compressed_streaming(&served.client).await.unwrap_err();
    assert_eq!(failure.to_string(), NOT_SEEN);

    let test = served.client.with(CallOptions::new().compression(Compression::Gzip));
    let (mut requests, mut reply) = test.streaming_input_call().await.unwrap();
    for (compressed, size) in [(true, 27_182), (false, 45_904), (true, 8)] {
        requests.compress(compressed);
        let request = StreamingInputCallRequest { payload: zeros(size), expect_compressed: None };
        requests.send(&request).await.unwrap();
    }
    requests.finish().await.unwrap();
    let expected = StreamingInputCallResponse { aggregated_payload_size: 27_182 + 45_904 + 8 };
    assert_eq!(reply.single().await, Ok(expected));
}

#[tokio::test]
async fn the_server_of_tonic_compresses_all_messages_of_a_stream() {
    let served = served::tonics().await;
    let failure = cases::server_compressed_streaming(&served.client).await.unwrap_err();
    assert_eq!(failure.to_string(), "reply 2: expected uncompressed, got compressed");
}

#[tokio::test]
async fn the_client_of_tonic_compresses_all_messages_of_a_stream() {
    let served = served::ours_for_tonic().await;
    let send = async |expected: [bool; 2]| {
        let requests = expected.map(|value| StreamingInputCallRequest {
            payload: zeros(27_182),
            expect_compressed: Some(BoolValue { value }),
        });
        let mut client = client(&served.client).send_compressed(Gzip);
        let reply = client.streaming_input_call(tokio_stream::iter(requests)).await;
        reply.map(|reply| reply.into_inner().aggregated_payload_size)
    };
    assert_eq!(send([true, true]).await.unwrap(), 2 * 27_182);
    let status = send([true, false]).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(status.message(), "the message says it is uncompressed, and came compressed");
}

#[tokio::test]
async fn the_client_of_tonic_reads_streams_in_which_only_some_messages_are_compressed() {
    let served = served::ours_for_tonic().await;
    let asked = [(false, 92_653), (true, 31_415), (false, 9)];
    let response_parameters = asked.map(|(value, size)| ResponseParameters {
        size: size as i32,
        compressed: Some(BoolValue { value }),
        ..ResponseParameters::default()
    });
    let request =
        StreamingOutputCallRequest { response_parameters: response_parameters.into(), ..Default::default() };
    let response =
        client(&served.client).accept_compressed(Gzip).streaming_output_call(request).await.unwrap();
    assert_eq!(response.metadata().get("grpc-encoding").unwrap(), "gzip");
    let mut replies = response.into_inner();
    for (_, size) in asked {
        expect(&mut replies, size).await.unwrap();
    }
    assert_eq!(replies.message().await.unwrap(), None);
}

/// On our own transports messages travel as they are, whatever is asked for: what is to be compressed is a
/// difference that the other side sees.
async fn nothing_is_compressed(test: &TestServiceClient) {
    let not_compressed = "got INVALID_ARGUMENT: the message says it is compressed, and came uncompressed";
    let failure = cases::client_compressed_unary(test).await.unwrap_err();
    assert_eq!(failure.to_string(), format!("a compressed request: expected OK, {not_compressed}"));
    let failure = cases::client_compressed_streaming(test).await.unwrap_err();
    assert!(failure.to_string().ends_with(not_compressed), "{failure}");
    let failure = cases::server_compressed_unary(test).await.unwrap_err();
    assert_eq!(failure.to_string(), "the reply: expected compressed, got uncompressed");
    let failure = cases::server_compressed_streaming(test).await.unwrap_err();
    assert_eq!(failure.to_string(), "reply 1: expected compressed, got uncompressed");
}

#[tokio::test]
async fn over_tcp_nothing_is_compressed() {
    nothing_is_compressed(&served::ours("tcp://127.0.0.1:0").await.client).await;
}

#[tokio::test]
async fn in_memory_nothing_is_compressed() {
    nothing_is_compressed(&served::in_memory().await.client).await;
}
