//! Messages that are compressed, each for itself.

use client::CallOptions;
use stub::Shape;
use transport::{Code, Compression};

use super::streaming::{REPLIES, REQUESTS};
use super::unary::{LARGE_REPLY, large_request};
use crate::failure::{Ended, equal};
use crate::proto::{
    BoolValue, ResponseParameters, SimpleRequest, StreamingInputCallRequest, StreamingOutputCallRequest,
    TEST_SERVICE_UNARY_CALL, TestServiceClient,
};
use crate::{Failure, payload};

/// The client compresses a request or not, and the server sees which.
///
/// # Errors
/// When a call ends otherwise. If it is the first, the server does not look whether messages are compressed.
pub async fn client_compressed_unary(test: &TestServiceClient) -> Result<(), Failure> {
    let compressing = compressing(test);
    let expecting = |compressed| SimpleRequest { expect_compressed: bool(compressed), ..large_request() };
    let probe = test.unary_call(&expecting(true)).await;
    probe.with_code(PROBE, Code::InvalidArgument)?;
    let compressed = compressing.unary_call(&expecting(true)).await.well("a compressed request")?;
    payload::check("payload of the reply", compressed.payload, LARGE_REPLY)?;
    let plain = test.unary_call(&expecting(false)).await.well("an uncompressed request")?;
    payload::check("payload of the reply", plain.payload, LARGE_REPLY)
}

/// The client compresses one message of a call and not the other, and the server sees which.
///
/// # Errors
/// When a call ends otherwise. If it is the first, the server does not look whether messages are compressed.
pub async fn client_compressed_streaming(test: &TestServiceClient) -> Result<(), Failure> {
    let test = compressing(test);
    let expecting = |compressed, size| StreamingInputCallRequest {
        payload: Some(payload::zeros(size)),
        expect_compressed: bool(compressed),
    };

    let (mut requests, mut reply) = test.streaming_input_call().await.well("StreamingInputCall")?;
    requests.compress(false);
    requests.send(&expecting(true, REQUESTS[0])).await.well("a request")?;
    // If the call is over by now, how it ended is what is received.
    let _ = requests.finish().await;
    reply.single().await.with_code(PROBE, Code::InvalidArgument)?;

    let (mut requests, mut reply) = test.streaming_input_call().await.well("StreamingInputCall")?;
    for (compressed, size) in [(true, REQUESTS[0]), (false, REQUESTS[3])] {
        requests.compress(compressed);
        requests.send(&expecting(compressed, size)).await.well("a request")?;
    }
    requests.finish().await.well("the end of the requests")?;
    let reply = reply.single().await.well("StreamingInputCall")?;
    equal("aggregated_payload_size", reply.aggregated_payload_size, 73_086)
}

/// The server compresses its reply, or does not, as it is asked.
///
/// # Errors
/// When a call does not go well, or a reply is not as it was asked for.
pub async fn server_compressed_unary(test: &TestServiceClient) -> Result<(), Failure> {
    let test = compressing(test);
    for compressed in [true, false] {
        let request = SimpleRequest { response_compressed: bool(compressed), ..large_request() };
        let called = test.caller().open(&TEST_SERVICE_UNARY_CALL, Shape::Unary, Some(&request)).await;
        let (_sent, mut reply) = called.well("UnaryCall")?;
        let message = reply.single().await.well("UnaryCall")?;
        check_flag("the reply", reply.was_compressed(), compressed)?;
        payload::check("payload of the reply", message.payload, LARGE_REPLY)?;
    }
    Ok(())
}

/// The server compresses one message of a call and not the other, as it is asked.
///
/// # Errors
/// When the call does not go well, or a reply is not as it was asked for.
pub async fn server_compressed_streaming(test: &TestServiceClient) -> Result<(), Failure> {
    let asked = [(true, REPLIES[0]), (false, 92_653)];
    let parameters = asked.map(|(compressed, size)| ResponseParameters {
        size: size as i32,
        compressed: bool(compressed),
        ..ResponseParameters::default()
    });
    let request = StreamingOutputCallRequest {
        response_parameters: parameters.into(),
        ..StreamingOutputCallRequest::default()
    };
    let called = compressing(test).streaming_output_call(&request).await;
    let mut replies = called.well("StreamingOutputCall")?;
    for (number, (compressed, size)) in (1..).zip(asked) {
        let reply = replies.recv().await.well(format_args!("reply {number}"))?;
        check_flag(&format!("reply {number}"), replies.was_compressed(), compressed)?;
        payload::check(&format!("payload of reply {number}"), reply.and_then(|it| it.payload), size)?;
    }
    equal("replies behind the second", replies.recv().await.well("StreamingOutputCall")?, None)
}

/// A client whose calls may carry compressed messages both ways.
fn compressing(test: &TestServiceClient) -> TestServiceClient {
    test.with(CallOptions::new().compression(Compression::Gzip))
}

fn check_flag(what: &str, came: bool, expected: bool) -> Result<(), Failure> {
    let flag = |compressed| if compressed { "compressed" } else { "uncompressed" };
    if came == expected {
        return Ok(());
    }
    Err(Failure::new(what, flag(expected), flag(came)))
}

fn bool(value: bool) -> Option<BoolValue> {
    Some(BoolValue { value })
}

/// What finds out whether a server looks at the flag of messages.
const PROBE: &str = "an uncompressed message that says it is compressed";
