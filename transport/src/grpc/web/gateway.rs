//! Answers requests of HTTP, whatever version they came in: calls, questions of browsers, and what is left.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use ::http::header::{self, HeaderValue};
use ::http::{Method, Request, Response, StatusCode};
use http2::{Field, Fields};
use tokio::time::timeout_at;

use super::cors::{self, Origin};
use super::exchange::Exchange;
use super::lingering::Lingering;
use super::media_type::MediaType;
use super::{Answering, Body, Web, headers, request, response};
use crate::grpc::head;
use crate::grpc::message::Framed;
use crate::host::{drop_quietly, now};
use crate::{Code, Limits, Service, Status};

/// What answers the requests of one connection that are no gRPC.
pub(crate) struct Gateway {
    service: Arc<dyn Service>,
    web: Web,
    limits: Limits,
    lingering: Arc<Lingering>,
}

impl Gateway {
    pub(super) fn new(service: Arc<dyn Service>, web: Web, limits: Limits) -> Self {
        let lingering = Arc::new(Lingering::new(limits.calls as usize));
        Self { service, web, limits, lingering }
    }

    pub(in crate::grpc) fn service(&self) -> &Arc<dyn Service> {
        &self.service
    }

    pub(in crate::grpc) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request. Dropped, it gives the call up.
    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let origin = self.web.cors.origin(request.headers(), host(&request));
        let is_preflight = cors::is_preflight(request.method(), request.headers());
        let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let media_type = MediaType::parse(content_type.unwrap_or_default());
        let mut response = match (&origin, media_type) {
            (Origin::Refused(origin), Some(_)) => refuse(origin),
            (Origin::Refused(origin), None) if is_preflight => refuse(origin),
            (Origin::Allowed(_), None) if is_preflight => {
                let (status, headers) = cors::may_ask(request.headers());
                let mut response = Response::new(response::empty());
                (*response.status_mut(), *response.headers_mut()) = (status, headers);
                response
            }
            (_, Some(media_type)) => self.call(request, media_type).await,
            (_, None) => self.site(request).await,
        };
        if self.web.cors.allows_others() && !is_preflight {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        }
        if let Origin::Allowed(origin) = origin {
            cors::expose(response.headers_mut(), origin);
        }
        response
    }

    /// A call in gRPC-Web.
    async fn call(&self, request: Request<Body>, media_type: MediaType) -> Response<Body> {
        if request.method() != Method::POST {
            return not_a_post(request.method());
        }
        let answer_type = media_type.clone().for_answer(request.headers().get(header::ACCEPT));
        match self.begin(request, &media_type).await {
            Ok(exchange) => response::of_call(exchange, &answer_type).await,
            Err(status) => response::of_status(&status, &answer_type),
        }
    }

    async fn begin(&self, request: Request<Body>, media_type: &MediaType) -> Result<Exchange, Status> {
        let came = now();
        let (parts, body) = request.into_parts();
        let path = Field::new(":path", parts.uri.path().to_owned());
        let fields: Fields = std::iter::once(path).chain(headers::fields(&parts.headers)).collect();
        let mut call = head::parse_call(&fields, media_type.codec.clone())?;
        self.limits.check(&call.head.metadata)?;
        call.head.deadline = call.timeout.and_then(|timeout| came.checked_add(timeout));
        let message =
            within(call.head.deadline, request::single_message(body, media_type, &self.limits)).await?;
        let is_compressed = message.is_compressed;
        let bytes = message.inflate(call.head.compression, self.limits.message)?;
        let message = Framed { bytes, is_compressed };
        let Limits { send_buffer, .. } = self.limits;
        let lingering = self.lingering.clone();
        Ok(Exchange::new(&*self.service, call.head, message, call.answer, send_buffer, lingering))
    }

    /// What is no call.
    async fn site(&self, request: Request<Body>) -> Response<Body> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        if content_type.is_some_and(|it| it.as_bytes().starts_with(b"application/grpc")) {
            let text = "gRPC goes over HTTP/2 here; over any other version it is gRPC-Web, application/grpc-web+proto";
            return response::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        }
        match &self.web.site {
            Some(site) => unless_it_panics(site(request)).await,
            None if request.method() != Method::POST => not_a_post(request.method()),
            None => {
                let text = "here are gRPC and gRPC-Web: the content-type is application/grpc or application/grpc-web+proto";
                response::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
        }
    }
}

/// The answer of a site; what a panic had to say stays here.
async fn unless_it_panics(mut answering: Answering) -> Response<Body> {
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))).unwrap_or_else(|panic| {
            drop_quietly(panic);
            Poll::Ready(response::refusal(StatusCode::INTERNAL_SERVER_ERROR, "the site panicked"))
        })
    })
    .await
}

fn refuse(origin: &str) -> Response<Body> {
    let text = format!("pages of {} may not call here; the server has to allow it", origin.escape_debug());
    response::refusal(StatusCode::FORBIDDEN, &text)
}

fn not_a_post(method: &Method) -> Response<Body> {
    let mut response =
        response::refusal(StatusCode::METHOD_NOT_ALLOWED, &format!("a call is a POST, not {method}"));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Whom a request was sent to.
fn host(request: &Request<Body>) -> &str {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let named = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    authority.or_else(named).unwrap_or_default()
}

/// Waits until the deadline of a call at most.
async fn within<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(deadline) = deadline else { return work.await };
    let passed = |_| Status::new(Code::DeadlineExceeded, "the deadline passed before the request had come");
    timeout_at(deadline.into(), work).await.map_err(passed)?
}
