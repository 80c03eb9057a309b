//! One message each way.

use crate::failure::Ended;
use crate::proto::{Empty, SimpleRequest, TestServiceClient};
use crate::{Failure, payload};

/// A message of no bytes is a message.
///
/// # Errors
/// When the call does not go well.
pub async fn empty_unary(test: &TestServiceClient) -> Result<(), Failure> {
    let Empty {} = test.empty_call(&Empty {}).await.well("EmptyCall")?;
    Ok(())
}

/// Messages larger than a window of HTTP/2, both ways.
///
/// # Errors
/// When the call does not go well, or the reply is not of the size that was asked for.
pub async fn large_unary(test: &TestServiceClient) -> Result<(), Failure> {
    let reply = test.unary_call(&large_request()).await.well("UnaryCall")?;
    payload::check("payload of the reply", reply.payload, LARGE_REPLY)
}

/// The request of all calls with one large message each way.
pub(super) fn large_request() -> SimpleRequest {
    SimpleRequest {
        response_size: LARGE_REPLY as i32,
        payload: Some(payload::zeros(LARGE_REQUEST)),
        ..SimpleRequest::default()
    }
}

const LARGE_REQUEST: usize = 271_828;

/// The size of what is asked for.
pub(super) const LARGE_REPLY: usize = 314_159;
