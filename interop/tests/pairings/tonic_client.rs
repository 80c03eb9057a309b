//! The cases, made with tonic. Those with compression are as far as tonic shows what came.

use std::time::Duration;

use interop::proto::{
    BoolValue, EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::tonic_server::stubs::test_service_client::TestServiceClient;
use crate::tonic_server::stubs::unimplemented_service_client::UnimplementedServiceClient;

type Passed = Result<(), Status>;

pub(crate) async fn empty_unary(channel: &Channel) -> Passed {
    let Empty {} = client(channel).empty_call(Empty {}).await?.into_inner();
    Ok(())
}

pub(crate) async fn large_unary(channel: &Channel) -> Passed {
    let reply = client(channel).unary_call(large()).await?.into_inner();
    assert_eq!(reply.payload, zeros(314_159));
    Ok(())
}

pub(crate) async fn client_streaming(channel: &Channel) -> Passed {
    let requests =
        REQUESTS.map(|size| StreamingInputCallRequest { payload: zeros(size), expect_compressed: None });
    let reply = client(channel).streaming_input_call(tokio_stream::iter(requests)).await?;
    assert_eq!(reply.into_inner().aggregated_payload_size, 74_922);
    Ok(())
}

pub(crate) async fn server_streaming(channel: &Channel) -> Passed {
    let request = StreamingOutputCallRequest {
        response_parameters: REPLIES.map(sized).into(),
        ..StreamingOutputCallRequest::default()
    };
    let mut replies = client(channel).streaming_output_call(request).await?.into_inner();
    for size in REPLIES {
        expect(&mut replies, size).await?;
    }
    assert_eq!(replies.message().await?, None);
    Ok(())
}

pub(crate) async fn ping_pong(channel: &Channel) -> Passed {
    let (requests, mut replies) = full_duplex(&mut client(channel), MetadataMap::new()).await?;
    for (there, back) in REQUESTS.into_iter().zip(REPLIES) {
        requests.send(ping(there, back)).await.unwrap();
        expect(&mut replies, back).await?;
    }
    drop(requests);
    assert_eq!(replies.message().await?, None);
    Ok(())
}

pub(crate) async fn empty_stream(channel: &Channel) -> Passed {
    let (requests, mut replies) = full_duplex(&mut client(channel), MetadataMap::new()).await?;
    drop(requests);
    assert_eq!(replies.message().await?, None);
    Ok(())
}

pub(crate) async fn custom_metadata(channel: &Channel) -> Passed {
    let text = MetadataValue::from_static("test_initial_metadata_value");
    let bytes = MetadataValue::from_bytes(&[0xab; 3]);
    let mut metadata = MetadataMap::new();
    metadata.insert("x-grpc-test-echo-initial", text.clone());
    metadata.insert_bin("x-grpc-test-echo-trailing-bin", bytes.clone());
    let check = |head: &MetadataMap, trailers: &MetadataMap| {
        let initial = head.get_all("x-grpc-test-echo-initial");
        assert_eq!(initial.iter().collect::<Vec<_>>(), [&text]);
        let trailing = trailers.get_all_bin("x-grpc-test-echo-trailing-bin");
        assert_eq!(trailing.iter().map(|it| it.to_bytes().unwrap()).collect::<Vec<_>>(), [&[0xab; 3][..]]);
    };

    // tonic puts the trailers of a call with one reply to the metadata of its head.
    let request = Request::from_parts(metadata.clone(), Default::default(), large());
    let reply = client(channel).unary_call(request).await?;
    check(reply.metadata(), reply.metadata());
    assert_eq!(reply.into_inner().payload, zeros(314_159));

    let (sender, receiver) = mpsc::channel(1);
    let request = Request::from_parts(metadata, Default::default(), ReceiverStream::new(receiver));
    let response = client(channel).full_duplex_call(request).await?;
    let head = response.metadata().clone();
    let mut replies = response.into_inner();
    sender.send(ping(271_828, 314_159)).await.unwrap();
    drop(sender);
    expect(&mut replies, 314_159).await?;
    assert_eq!(replies.message().await?, None);
    check(&head, &replies.trailers().await?.unwrap_or_default());
    Ok(())
}

pub(crate) async fn status_code_and_message(channel: &Channel) -> Passed {
    let message = "test status message";
    unary_ends_unknown(channel, message).await;
    let (requests, mut replies) = full_duplex(&mut client(channel), MetadataMap::new()).await?;
    let response_status = unknown(message);
    let request = StreamingOutputCallRequest { response_status, ..StreamingOutputCallRequest::default() };
    requests.send(request).await.unwrap();
    drop(requests);
    let status = replies.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unknown, message));
    Ok(())
}

pub(crate) async fn special_status_message(channel: &Channel) -> Passed {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
    unary_ends_unknown(channel, message).await;
    Ok(())
}

pub(crate) async fn unimplemented_method(channel: &Channel) -> Passed {
    let status = client(channel).unimplemented_call(Empty {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    Ok(())
}

pub(crate) async fn unimplemented_service(channel: &Channel) -> Passed {
    let mut client = UnimplementedServiceClient::new(channel.clone());
    let status = client.unimplemented_call(Empty {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    Ok(())
}

/// With tonic a call is given up by dropping it: nobody is there to be told CANCELLED. What can be seen is
/// that the connection goes on.
pub(crate) async fn cancel_after_begin(channel: &Channel) -> Passed {
    let (_requests, receiver) = mpsc::channel::<StreamingInputCallRequest>(1);
    let mut given_up = client(channel);
    let call = given_up.streaming_input_call(ReceiverStream::new(receiver));
    tokio::time::timeout(Duration::from_millis(1), call).await.unwrap_err();
    empty_unary(channel).await
}

/// As [`cancel_after_begin`].
pub(crate) async fn cancel_after_first_response(channel: &Channel) -> Passed {
    let (requests, mut replies) = full_duplex(&mut client(channel), MetadataMap::new()).await?;
    requests.send(ping(REQUESTS[0], REPLIES[0])).await.unwrap();
    expect(&mut replies, REPLIES[0]).await?;
    drop((requests, replies));
    empty_unary(channel).await
}

/// tonic calls a deadline CANCELLED that passes before the head of the response is there. After that it is
/// only the server who ends the call.
pub(crate) async fn timeout_on_sleeping_server(channel: &Channel) -> Passed {
    let request = StreamingOutputCallRequest { payload: zeros(REQUESTS[0]), ..Default::default() };
    let (requests, receiver) = mpsc::channel(1);
    requests.send(request).await.unwrap();
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.set_timeout(Duration::from_millis(1));
    let call = async { client(channel).full_duplex_call(request).await?.into_inner().message().await };
    let status = call.await.unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
    Ok(())
}

pub(crate) async fn client_compressed_unary(channel: &Channel) -> Passed {
    let mut compressing = client(channel).send_compressed(Gzip);
    let expecting = |value| SimpleRequest { expect_compressed: Some(BoolValue { value }), ..large() };
    let probe = client(channel).unary_call(expecting(true)).await.unwrap_err();
    assert_eq!(probe.code(), Code::InvalidArgument);
    let compressed = compressing.unary_call(expecting(true)).await?.into_inner();
    assert_eq!(compressed.payload, zeros(314_159));
    let plain = client(channel).unary_call(expecting(false)).await?.into_inner();
    assert_eq!(plain.payload, zeros(314_159));
    Ok(())
}

/// Whether a message came compressed, tonic keeps to itself. But one that did without an announcement in the
/// head would fail the call.
pub(crate) async fn server_compressed_unary(channel: &Channel) -> Passed {
    for compressed in [true, false] {
        let response_compressed = Some(BoolValue { value: compressed });
        let request = SimpleRequest { response_compressed, ..large() };
        let reply = client(channel).accept_compressed(Gzip).unary_call(request).await?;
        if compressed {
            assert_eq!(reply.metadata().get("grpc-encoding").unwrap(), "gzip");
        }
        assert_eq!(reply.into_inner().payload, zeros(314_159));
    }
    Ok(())
}

pub(crate) fn client(channel: &Channel) -> TestServiceClient<Channel> {
    TestServiceClient::new(channel.clone())
}

pub(crate) fn zeros(size: usize) -> Option<Payload> {
    Some(Payload { body: vec![0; size].into(), ..Payload::default() })
}

/// The next reply has `size` bytes.
pub(crate) async fn expect(replies: &mut Streaming<StreamingOutputCallResponse>, size: usize) -> Passed {
    assert_eq!(replies.message().await?.unwrap().payload, zeros(size));
    Ok(())
}

async fn full_duplex(
    client: &mut TestServiceClient<Channel>,
    metadata: MetadataMap,
) -> Result<(mpsc::Sender<StreamingOutputCallRequest>, Streaming<StreamingOutputCallResponse>), Status> {
    let (sender, receiver) = mpsc::channel(1);
    let request = Request::from_parts(metadata, Default::default(), ReceiverStream::new(receiver));
    Ok((sender, client.full_duplex_call(request).await?.into_inner()))
}

async fn unary_ends_unknown(channel: &Channel, message: &str) {
    let request = SimpleRequest { response_status: unknown(message), ..SimpleRequest::default() };
    let status = client(channel).unary_call(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unknown, message));
}

fn unknown(message: &str) -> Option<EchoStatus> {
    Some(EchoStatus { code: 2, message: message.to_owned() })
}

fn large() -> SimpleRequest {
    SimpleRequest { response_size: 314_159, payload: zeros(271_828), ..SimpleRequest::default() }
}

fn ping(there: usize, back: usize) -> StreamingOutputCallRequest {
    let response_parameters = vec![sized(back)];
    StreamingOutputCallRequest { response_parameters, payload: zeros(there), ..Default::default() }
}

fn sized(size: usize) -> ResponseParameters {
    ResponseParameters { size: size as i32, ..ResponseParameters::default() }
}

const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];
const REPLIES: [usize; 4] = [31_415, 9, 2_653, 58_979];
