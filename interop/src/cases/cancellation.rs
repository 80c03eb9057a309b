//! Calls that end before they are done.

use std::time::Duration;

use client::CallOptions;
use transport::{Code, Status};

use super::streaming::{REPLIES, REQUESTS, ping};
use crate::failure::Ended;
use crate::proto::{StreamingOutputCallRequest, TestServiceClient};
use crate::{Failure, payload};

/// A call that is given up before it has sent a message.
///
/// # Errors
/// When the call ends otherwise.
pub async fn cancel_after_begin(test: &TestServiceClient) -> Result<(), Failure> {
    let (requests, mut reply) = test.streaming_input_call().await.well("StreamingInputCall")?;
    requests.canceller().cancel(given_up());
    reply.single().await.with_code("StreamingInputCall", Code::Cancelled).map(|_status| ())
}

/// A call that is given up in the middle of a conversation.
///
/// # Errors
/// When no reply comes before that, or the call ends otherwise.
pub async fn cancel_after_first_response(test: &TestServiceClient) -> Result<(), Failure> {
    let (mut requests, mut replies) = test.full_duplex_call().await.well("FullDuplexCall")?;
    requests.send(&ping(REQUESTS[0], REPLIES[0])).await.well("a request")?;
    let reply = replies.recv().await.well("a reply")?;
    payload::check("payload of the reply", reply.and_then(|it| it.payload), REPLIES[0])?;
    requests.canceller().cancel(given_up());
    replies.recv().await.with_code("FullDuplexCall", Code::Cancelled).map(|_status| ())
}

/// A call whose time ends while it waits: 1 ms.
///
/// # Errors
/// When the call ends otherwise.
pub async fn timeout_on_sleeping_server(test: &TestServiceClient) -> Result<(), Failure> {
    let hurried = test.with(CallOptions::new().timeout(Duration::from_millis(1)));
    let request = StreamingOutputCallRequest {
        payload: Some(payload::zeros(REQUESTS[0])),
        ..StreamingOutputCallRequest::default()
    };
    // The deadline may pass at any of these steps.
    let call = async {
        let (mut requests, mut replies) = hurried.full_duplex_call().await?;
        requests.send(&request).await?;
        replies.recv().await
    };
    call.await.with_code("FullDuplexCall", Code::DeadlineExceeded).map(|_status| ())
}

fn given_up() -> Status {
    Status::new(Code::Cancelled, "the test case gives the call up")
}
