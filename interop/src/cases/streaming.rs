//! Any number of messages, there, back, and both ways.

use crate::failure::{Ended, equal};
use crate::proto::{
    ResponseParameters, StreamingInputCallRequest, StreamingOutputCallRequest, TestServiceClient,
};
use crate::{Failure, payload};

/// Four messages there, one back: the size of all.
///
/// # Errors
/// When the call does not go well, or the size is another.
pub async fn client_streaming(test: &TestServiceClient) -> Result<(), Failure> {
    let (mut requests, mut reply) = test.streaming_input_call().await.well("StreamingInputCall")?;
    for size in REQUESTS {
        let request =
            StreamingInputCallRequest { payload: Some(payload::zeros(size)), expect_compressed: None };
        requests.send(&request).await.well("a request")?;
    }
    requests.finish().await.well("the end of the requests")?;
    let reply = reply.single().await.well("StreamingInputCall")?;
    equal("aggregated_payload_size", reply.aggregated_payload_size, 74_922)
}

/// One message there, four back.
///
/// # Errors
/// When the call does not go well, or not exactly these four come, in order.
pub async fn server_streaming(test: &TestServiceClient) -> Result<(), Failure> {
    let request = StreamingOutputCallRequest {
        response_parameters: REPLIES.map(sized).into(),
        ..StreamingOutputCallRequest::default()
    };
    let mut replies = test.streaming_output_call(&request).await.well("StreamingOutputCall")?;
    for (number, size) in (1..).zip(REPLIES) {
        let reply = replies.recv().await.well(format_args!("reply {number}"))?;
        payload::check(&format!("payload of reply {number}"), reply.and_then(|it| it.payload), size)?;
    }
    equal("replies behind the fourth", replies.recv().await.well("StreamingOutputCall")?, None)
}

/// Both sides talk in turn: each reply comes before the next request is sent.
///
/// # Errors
/// When the call does not go well, or not exactly these four replies come, in order.
pub async fn ping_pong(test: &TestServiceClient) -> Result<(), Failure> {
    let (mut requests, mut replies) = test.full_duplex_call().await.well("FullDuplexCall")?;
    for (number, (there, back)) in (1..).zip(REQUESTS.into_iter().zip(REPLIES)) {
        requests.send(&ping(there, back)).await.well(format_args!("request {number}"))?;
        let reply = replies.recv().await.well(format_args!("reply {number}"))?;
        payload::check(&format!("payload of reply {number}"), reply.and_then(|it| it.payload), back)?;
    }
    requests.finish().await.well("the end of the requests")?;
    equal("replies behind the fourth", replies.recv().await.well("FullDuplexCall")?, None)
}

/// A call without any message.
///
/// # Errors
/// When the call does not go well, or a message comes.
pub async fn empty_stream(test: &TestServiceClient) -> Result<(), Failure> {
    let (requests, mut replies) = test.full_duplex_call().await.well("FullDuplexCall")?;
    requests.finish().await.well("the end of the requests")?;
    equal("replies", replies.recv().await.well("FullDuplexCall")?, None)
}

/// A request of `there` bytes that wants one reply of `back` bytes.
pub(super) fn ping(there: usize, back: usize) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![sized(back)],
        payload: Some(payload::zeros(there)),
        ..StreamingOutputCallRequest::default()
    }
}

fn sized(size: usize) -> ResponseParameters {
    ResponseParameters { size: size as i32, ..ResponseParameters::default() }
}

/// The sizes of the requests.
pub(super) const REQUESTS: [usize; 4] = [27_182, 8, 1_828, 45_904];

/// The sizes of the replies.
pub(super) const REPLIES: [usize; 4] = [31_415, 9, 2_653, 58_979];
