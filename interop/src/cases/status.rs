//! How calls end that do not go well.

use transport::Code;

use crate::Failure;
use crate::failure::{Ended, equal};
use crate::proto::{
    EchoStatus, Empty, SimpleRequest, StreamingOutputCallRequest, TestServiceClient,
    UnimplementedServiceClient,
};

/// Code and message of a status come as they were sent.
///
/// # Errors
/// When a call ends otherwise.
pub async fn status_code_and_message(test: &TestServiceClient) -> Result<(), Failure> {
    let message = "test status message";
    unary_ends_unknown(test, message).await?;

    let (mut requests, mut replies) = test.full_duplex_call().await.well("FullDuplexCall")?;
    let response_status = Some(unknown(message));
    let request = StreamingOutputCallRequest { response_status, ..StreamingOutputCallRequest::default() };
    requests.send(&request).await.well("a request")?;
    // If the call is over by now, how it ended is what is received.
    let _ = requests.finish().await;
    let status = replies.recv().await.with_code("FullDuplexCall", Code::Unknown)?;
    equal("message of the status", status.message(), message)
}

/// A message may have any character.
///
/// # Errors
/// When the call ends otherwise.
pub async fn special_status_message(test: &TestServiceClient) -> Result<(), Failure> {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
    unary_ends_unknown(test, message).await
}

/// A method that the service declares and the server does not have.
///
/// # Errors
/// When the call ends otherwise.
pub async fn unimplemented_method(test: &TestServiceClient) -> Result<(), Failure> {
    let ended = test.unimplemented_call(&Empty {}).await;
    ended.with_code("UnimplementedCall", Code::Unimplemented).map(|_status| ())
}

/// A service that the server does not have.
///
/// # Errors
/// When the call ends otherwise.
pub async fn unimplemented_service(test: &TestServiceClient) -> Result<(), Failure> {
    let unimplemented = UnimplementedServiceClient::from(test.caller().clone());
    let ended = unimplemented.unimplemented_call(&Empty {}).await;
    ended.with_code("UnimplementedService", Code::Unimplemented).map(|_status| ())
}

async fn unary_ends_unknown(test: &TestServiceClient, message: &str) -> Result<(), Failure> {
    let request = SimpleRequest { response_status: Some(unknown(message)), ..SimpleRequest::default() };
    let status = test.unary_call(&request).await.with_code("UnaryCall", Code::Unknown)?;
    equal("message of the status", status.message(), message)
}

fn unknown(message: &str) -> EchoStatus {
    EchoStatus { code: Code::Unknown.number().into(), message: message.to_owned() }
}
