//! The test service, made with tonic.

use std::time::Duration;

use http_body_util::BodyExt;
use interop::proto::{
    EchoStatus, Empty, Payload, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
    StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::codegen::http::{self, HeaderMap};
use tonic::codegen::{BoxFuture, Context, Poll, Service};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};

use self::stubs::test_service_server::{TestService, TestServiceServer};

/// What tonic writes of the services, with the messages of `interop::proto`.
pub(crate) mod stubs {
    #![allow(missing_docs, unreachable_pub, clippy::all)]

    include!(concat!(env!("OUT_DIR"), "/tonic/grpc.testing.rs"));
}

/// Begins to serve, for as long as the runtime of the test lives; where.
pub(crate) fn start() -> String {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", incoming.local_addr().unwrap());
    let service = TestServiceServer::new(OfTonic).accept_compressed(Gzip).send_compressed(Gzip);
    tokio::spawn(Server::builder().serve_with_incoming(Echoing(service), incoming));
    address
}

struct OfTonic;

type Replies = ReceiverStream<Result<StreamingOutputCallResponse, Status>>;

#[tonic::async_trait]
impl TestService for OfTonic {
    async fn empty_call(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let request = request.into_inner();
        end_as_asked(request.response_status)?;
        let payload = Some(zeros(request.response_size));
        let mut response = Response::new(SimpleResponse { payload, ..SimpleResponse::default() });
        if !request.response_compressed.is_some_and(|on| on.value) {
            response.disable_compression();
        }
        Ok(response)
    }

    async fn cacheable_unary_call(
        &self,
        _request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        Err(Status::unimplemented("no case calls it"))
    }

    type StreamingOutputCallStream = Replies;

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Replies>, Status> {
        let (replies, receiver) = mpsc::channel(4);
        tokio::spawn(async move { reply_to(request.into_inner(), &replies).await });
        Ok(Response::new(receiver.into()))
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut requests = request.into_inner();
        let mut sum = 0;
        while let Some(request) = requests.message().await? {
            // Whether it came compressed, tonic keeps to itself.
            sum += request.payload.map_or(0, |payload| payload.body.len());
        }
        Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size: sum as i32 }))
    }

    type FullDuplexCallStream = Replies;

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let mut requests = request.into_inner();
        let (replies, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                if reply_to(request, &replies).await.is_none() {
                    return;
                }
            }
        });
        Ok(Response::new(receiver.into()))
    }

    type HalfDuplexCallStream = Replies;

    async fn half_duplex_call(
        &self,
        _request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Replies>, Status> {
        Err(Status::unimplemented("no case calls it"))
    }

    async fn unimplemented_call(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("no server has it"))
    }
}

/// Sends what one message asks for; `None` when the call is over.
async fn reply_to(
    request: StreamingOutputCallRequest,
    replies: &mpsc::Sender<Result<StreamingOutputCallResponse, Status>>,
) -> Option<()> {
    if let Err(status) = end_as_asked(request.response_status) {
        let _ = replies.send(Err(status)).await;
        return None;
    }
    for asked in request.response_parameters {
        tokio::time::sleep(Duration::from_micros(asked.interval_us as u64)).await;
        let payload = Some(zeros(asked.size));
        replies.send(Ok(StreamingOutputCallResponse { payload })).await.ok()?;
    }
    Some(())
}

fn zeros(size: i32) -> Payload {
    Payload { body: vec![0; size as usize].into(), ..Payload::default() }
}

fn end_as_asked(status: Option<EchoStatus>) -> Result<(), Status> {
    match status {
        Some(EchoStatus { code, message }) if code != 0 => Err(Status::new(Code::from_i32(code), message)),
        _ => Ok(()),
    }
}

/// Echoes metadata: with tonic, a method that goes well has no trailers of its own.
#[derive(Clone)]
struct Echoing<S>(S);

impl<S> Service<http::Request<Body>> for Echoing<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let asked = |name| request.headers().get(name).cloned();
        let (initial, trailing) = (asked(INITIAL), asked(TRAILING));
        let response = self.0.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            if let Some(value) = initial {
                response.headers_mut().insert(INITIAL, value);
            }
            let Some(value) = trailing else { return Ok(response) };
            let mut trailers = HeaderMap::new();
            trailers.insert(TRAILING, value);
            let trailers = std::future::ready(Some(Ok(trailers)));
            Ok(response.map(|body| Body::new(body.with_trailers(trailers))))
        })
    }
}

const INITIAL: &str = "x-grpc-test-echo-initial";
const TRAILING: &str = "x-grpc-test-echo-trailing-bin";
