//! A call's answer as a response.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::header::{self, HeaderValue};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use http2::Fields;

use super::exchange::{Beginning, Exchange};
use super::media_type::MediaType;
use super::{Body, BodyError, headers, text};
use crate::Status;
use crate::grpc::head;

/// The response of a call that goes on.
pub(super) async fn of_call(mut exchange: Exchange, media_type: &MediaType) -> Response<Body> {
    let beginning = std::future::poll_fn(|cx| exchange.poll_beginning(cx)).await;
    let (metadata, compression) = match beginning {
        Beginning::Head(metadata, compression) => (metadata, compression),
        Beginning::Status(status) => return of_status(&status, media_type),
    };
    let mut answer = Answer { exchange: Some(exchange), first: None, is_text: media_type.is_text };
    // What is known already leaves in one piece.
    let first = std::future::poll_fn(|cx| Poll::Ready(answer.poll_piece(cx))).await;
    let body = match first {
        Poll::Ready(first) if answer.exchange.is_none() => full(first),
        Poll::Ready(first) => Answer { first: Some(first), ..answer }.boxed_unsync(),
        Poll::Pending => answer.boxed_unsync(),
    };
    response(&head::response(&media_type.codec, compression, &metadata), media_type, body)
}

/// The response of a call that is a status alone: header fields, and no body.
pub(super) fn of_status(status: &Status, media_type: &MediaType) -> Response<Body> {
    response(&head::trailers(status), media_type, empty())
}

/// What is said to who does not even speak gRPC-Web.
pub(super) fn refusal(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(format!("{text}\n")));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// No body.
pub(super) fn empty() -> Body {
    full("")
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn response(fields: &Fields, media_type: &MediaType, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let head = response.headers_mut();
    headers::append(fields, head);
    // Its letters are visible: so are those of the codec.
    if let Ok(name) = HeaderValue::try_from(media_type.name()) {
        head.insert(header::CONTENT_TYPE, name);
    }
    response
}

/// The body of a response whose end is not known yet.
struct Answer {
    /// None: all was said.
    exchange: Option<Exchange>,
    first: Option<Bytes>,
    is_text: bool,
}

impl Answer {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first);
        }
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(Bytes::new()) };
        let (piece, is_last) = ready!(exchange.poll_body(cx));
        if is_last {
            self.exchange = None;
        }
        Poll::Ready(if self.is_text { text::encode(&piece) } else { piece })
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        self.poll_piece(cx).map(|piece| Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none() && self.first.is_none()
    }
}
