//! What the server does.

use std::time::{Duration, SystemTime};

use server::context;
use stub::{Receiver, Sender};
use transport::{Code, Metadata, Status};

use crate::payload;
use crate::proto::{
    BoolValue, EchoStatus, Empty, Payload, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
    StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse, TestService,
};

/// The test service, with these features of the document: all calls but `UnimplementedCall`, compressed
/// requests and responses, Echo Status, Echo Metadata, and `interval_us`.
///
/// It does not look at who calls: `fill_username` and `fill_oauth_scope` are passed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestServer;

impl TestService for TestServer {
    async fn empty_call(&self, _request: Empty) -> Result<Empty, Status> {
        Ok(Empty {})
    }

    async fn unary_call(&self, request: SimpleRequest) -> Result<SimpleResponse, Status> {
        let echo = Echo::asked_for()?;
        echo.set_with_reply();
        let SimpleRequest { response_type, response_size, response_status, .. } = request;
        let answer = || {
            check_compressed(request.expect_compressed, context::request_was_compressed())?;
            end_as_asked(response_status)?;
            payload::asked_for(response_type, response_size)
        };
        let payload = echo.behind(answer())?;
        if request.response_compressed.is_some_and(|on| on.value) {
            context::compress_reply();
        }
        Ok(response(payload))
    }

    async fn cacheable_unary_call(&self, _request: SimpleRequest) -> Result<SimpleResponse, Status> {
        let mut head = Metadata::new();
        head.append("cache-control", "max-age=60, public")?;
        context::set_head(head);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(response(Payload { body: now.as_nanos().to_string().into(), ..Payload::default() }))
    }

    async fn streaming_output_call(
        &self,
        request: StreamingOutputCallRequest,
        mut replies: Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let echo = Echo::asked_for()?;
        echo.begin(&mut replies)?;
        echo.behind(reply_to(request, &mut replies).await)
    }

    async fn streaming_input_call(
        &self,
        mut requests: Receiver<StreamingInputCallRequest>,
    ) -> Result<StreamingInputCallResponse, Status> {
        let mut sum = 0_usize;
        while let Some(request) = requests.recv().await? {
            check_compressed(request.expect_compressed, requests.was_compressed())?;
            sum += request.payload.map_or(0, |payload| payload.body.len());
        }
        let too_many = |_| Status::new(Code::OutOfRange, format!("{sum} bytes do not fit into 31 bits"));
        let aggregated_payload_size = i32::try_from(sum).map_err(too_many)?;
        Ok(StreamingInputCallResponse { aggregated_payload_size })
    }

    async fn full_duplex_call(
        &self,
        mut requests: Receiver<StreamingOutputCallRequest>,
        mut replies: Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let echo = Echo::asked_for()?;
        echo.begin(&mut replies)?;
        while let Some(request) = requests.recv().await? {
            echo.behind(reply_to(request, &mut replies).await)?;
        }
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        mut requests: Receiver<StreamingOutputCallRequest>,
        mut replies: Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let echo = Echo::asked_for()?;
        let mut all = Vec::new();
        while let Some(request) = requests.recv().await? {
            // What is kept until all have come is only what they ask for.
            all.push(StreamingOutputCallRequest { payload: None, ..request });
        }
        echo.begin(&mut replies)?;
        for request in all {
            echo.behind(reply_to(request, &mut replies).await)?;
        }
        Ok(())
    }
}

/// Sends what one message asks for.
async fn reply_to(
    request: StreamingOutputCallRequest,
    replies: &mut Sender<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    end_as_asked(request.response_status)?;
    for asked in request.response_parameters {
        let pause = u64::try_from(asked.interval_us).unwrap_or_default();
        if pause > 0 {
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        let payload = Some(payload::asked_for(request.response_type, asked.size)?);
        replies.compress(asked.compressed.is_some_and(|on| on.value));
        replies.send(&StreamingOutputCallResponse { payload }).await?;
    }
    Ok(())
}

fn response(payload: Payload) -> SimpleResponse {
    SimpleResponse { payload: Some(payload), ..SimpleResponse::default() }
}

/// INVALID_ARGUMENT when a message came in another way than it says of itself.
fn check_compressed(expected: Option<BoolValue>, came: bool) -> Result<(), Status> {
    let how = |compressed| if compressed { "compressed" } else { "uncompressed" };
    match expected {
        Some(BoolValue { value }) if value != came => {
            let text = format!("the message says it is {}, and came {}", how(value), how(came));
            Err(Status::new(Code::InvalidArgument, text))
        }
        _ => Ok(()),
    }
}

fn end_as_asked(status: Option<EchoStatus>) -> Result<(), Status> {
    let Some(EchoStatus { code, message }) = status else { return Ok(()) };
    let code = u8::try_from(code).map_or(Code::Unknown, Code::from_number);
    Status::new(code, message).into_result()
}

/// The metadata that a caller wants to see again.
struct Echo {
    head: Metadata,
    trailers: Metadata,
}

impl Echo {
    /// That of the call which is being served.
    fn asked_for() -> Result<Self, Status> {
        let metadata = context::metadata();
        let only = |name: &'static str| {
            let mut echo = Metadata::new();
            metadata.values(name).try_for_each(|value| echo.append(name, value.clone())).map(|()| echo)
        };
        Ok(Self { head: only(ECHO_INITIAL)?, trailers: only(ECHO_TRAILING)? })
    }

    /// For a method that has one reply.
    fn set_with_reply(&self) {
        if !self.head.is_empty() {
            context::set_head(self.head.clone());
        }
        context::set_trailers(self.trailers.clone());
    }

    /// For a method that has any number of replies.
    fn begin(&self, replies: &mut Sender<StreamingOutputCallResponse>) -> Result<(), Status> {
        // Each message says for itself whether it is compressed; that it may be stands in the head.
        replies.compress(true);
        replies.respond(self.head.clone())?;
        context::set_trailers(self.trailers.clone());
        Ok(())
    }

    /// What is echoed stands behind an error too.
    fn behind<T>(&self, ended: Result<T, Status>) -> Result<T, Status> {
        ended.map_err(|status| status.with_metadata(self.trailers.clone()))
    }
}

/// Metadata that comes back with the head of the response.
pub(crate) const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";

/// Metadata that comes back behind the last message.
pub(crate) const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";
