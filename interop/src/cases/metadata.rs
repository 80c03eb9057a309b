//! Metadata there, and back with the head and behind the last message.

use client::CallOptions;
use stub::{Receiver, Shape};
use transport::{Metadata, Value};

use super::streaming::ping;
use super::unary::{LARGE_REPLY, large_request};
use crate::failure::{Ended, equal};
use crate::proto::{TEST_SERVICE_UNARY_CALL, TestServiceClient};
use crate::service::{ECHO_INITIAL, ECHO_TRAILING};
use crate::{Failure, payload};

/// Text comes back with the head of the response, bytes come back behind its messages; for a call with one
/// message each way, and for one with any number.
///
/// # Errors
/// When a call does not go well, or what comes back is not exactly what was sent.
pub async fn custom_metadata(test: &TestServiceClient) -> Result<(), Failure> {
    let (text, bytes) = (Value::from("test_initial_metadata_value"), Value::from(vec![0xab; 3]));
    let mut metadata = Metadata::new();
    let appended = metadata
        .append(ECHO_INITIAL, text.clone())
        .and_then(|()| metadata.append(ECHO_TRAILING, bytes.clone()));
    appended.map_err(|error| Failure::new("metadata", "a client that can send it", error))?;
    let test = test.with(CallOptions::new().metadata(metadata));

    let request = large_request();
    let called = test.caller().open(&TEST_SERVICE_UNARY_CALL, Shape::Unary, Some(&request)).await;
    let (_sent, mut reply) = called.well("UnaryCall")?;
    let message = reply.single().await.well("UnaryCall")?;
    payload::check("payload of the reply", message.payload, LARGE_REPLY)?;
    check("UnaryCall", &mut reply, &text, &bytes).await?;

    let (mut requests, mut replies) = test.full_duplex_call().await.well("FullDuplexCall")?;
    requests.send(&ping(271_828, LARGE_REPLY)).await.well("a request")?;
    requests.finish().await.well("the end of the requests")?;
    let reply = replies.recv().await.well("a reply")?;
    payload::check("payload of the reply", reply.and_then(|it| it.payload), LARGE_REPLY)?;
    equal("replies behind the first", replies.recv().await.well("FullDuplexCall")?, None)?;
    check("FullDuplexCall", &mut replies, &text, &bytes).await
}

async fn check<T>(call: &str, replies: &mut Receiver<T>, text: &Value, bytes: &Value) -> Result<(), Failure> {
    let head: Vec<_> = replies.head().await.values(ECHO_INITIAL).collect();
    equal(format_args!("{call}, {ECHO_INITIAL} in the head"), head, vec![text])?;
    let trailers = replies.trailers().into_iter().flat_map(|trailers| trailers.values(ECHO_TRAILING));
    equal(format_args!("{call}, {ECHO_TRAILING} in the trailers"), trailers.collect(), vec![bytes])
}
