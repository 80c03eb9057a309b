//! Requests on streams of our HTTP/2 that are no calls.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, Request, StatusCode, Uri, Version, response};
use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use http2::{Field, Fields, SendError};
use httpdate::fmt_http_date;
use tokio::time::timeout;

use super::headers::every_field;
use super::response::refusal;
use super::{Body, BodyError, Gateway};
use crate::driver::LINGER;
use crate::grpc::Grpc;
use crate::grpc::session::{Gone, Session};
use crate::host::Host;

/// Answers the requests that have come, a task each: what is behind them is a program of its own.
pub(in crate::grpc) fn serve_plain(host: &Arc<Grpc>, gateway: &Arc<Gateway>) {
    while let Some((id, fields)) = host.with(Session::next_plain) {
        let stream = Arc::new(Stream { host: host.clone(), id });
        let gateway = gateway.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stream.gone() => {}
                // A stream whose response has no end is reset when it is dropped.
                _ = stream.serve(&fields, &gateway) => {}
            }
        });
    }
}

/// A stream that is no call. It is released with the last who needs it.
struct Stream {
    host: Arc<Grpc>,
    id: u32,
}

impl Stream {
    async fn serve(self: &Arc<Self>, fields: &Fields, gateway: &Gateway) -> Result<(), Failed> {
        let body = Incoming(self.clone()).boxed_unsync();
        let is_head = fields.value(":method").is_some_and(|method| method == "HEAD");
        let response = match request(fields, body) {
            Ok(request) => gateway.answer(request).await,
            Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let (head, mut body) = response.into_parts();
        // RFC 9110 §6.4.1.
        let has_no_body = is_head || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut ended = has_no_body || body.is_end_stream();
        let length = body.size_hint().exact().filter(|_| !has_no_body);
        self.host.with(|session| session.respond_plain(self.id, &self::fields(&head, length), ended))?;
        while !ended {
            let frame = body.frame().await.transpose().map_err(|_| Failed)?;
            ended = frame.is_none() || body.is_end_stream();
            match frame.unwrap_or_else(|| Frame::data(Bytes::new())).into_data() {
                Ok(data) => {
                    poll_fn(|cx| self.host.with(|session| session.poll_plain_room(cx, self.id))).await?;
                    self.host.with(|session| session.send_plain(self.id, data, ended))?;
                }
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    let trailers = beyond_connection(&trailers).collect();
                    self.host.with(|session| session.end_plain(self.id, &trailers))?;
                    ended = true;
                }
            }
        }
        drop(body);
        if Arc::strong_count(self) == 1 {
            let _ = timeout(LINGER, self.pass_over_the_rest()).await;
        }
        Ok(())
    }

    /// Takes what still comes of a request that was answered without it, and that nobody reads. To reset it at once (RFC 9113
    /// §8.1) would be right, and yet some clients, curl 7 for one, then give up before they read the answer.
    async fn pass_over_the_rest(&self) {
        let next = || poll_fn(|cx| self.host.with(|session| session.poll_plain_data(cx, self.id)));
        while let Some(Ok(_)) = next().await {}
    }

    /// Ready when nobody waits for the response any more.
    async fn gone(&self) {
        poll_fn(|cx| self.host.with(|session| session.poll_plain_gone(cx, self.id))).await;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.host.with(|session| session.release_plain(self.id));
    }
}

/// The response cannot come to its end.
struct Failed;

impl From<SendError> for Failed {
    fn from(_: SendError) -> Self {
        Self
    }
}

impl From<Gone> for Failed {
    fn from(_: Gone) -> Self {
        Self
    }
}

/// The body of a request.
struct Incoming(Arc<Stream>);

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Stream { host, id } = &*self.0;
        let data = host.with(|session| session.poll_plain_data(cx, *id));
        data.map(|data| {
            data.map(|data| data.map(Frame::data).map_err(|Gone| BodyError::new("the stream was reset")))
        })
    }

    fn is_end_stream(&self) -> bool {
        let Stream { host, id } = &*self.0;
        host.with(|session| session.is_plain_read(*id))
    }
}

/// A request made of fields that HTTP/2 has checked.
fn request(fields: &Fields, body: Body) -> Result<Request<Body>, ::http::Error> {
    let value = |name| fields.value(name).map(|value| &value[..]);
    let mut uri = Uri::builder();
    if let (Some(scheme), Some(authority)) = (value(":scheme"), value(":authority")) {
        uri = uri.scheme(scheme).authority(authority);
    }
    let mut request = Request::new(body);
    *request.version_mut() = Version::HTTP_2;
    *request.method_mut() = Method::from_bytes(value(":method").unwrap_or_default())?;
    *request.uri_mut() = match value(":path") {
        Some(path) => uri.path_and_query(path).build()?,
        // A request with CONNECT has an authority alone.
        None => Uri::builder().authority(value(":authority").unwrap_or_default()).build()?,
    };
    let mut crumbs: Vec<&[u8]> = Vec::new();
    for Field { name, value, .. } in fields.iter().filter(|field| !field.name.starts_with(b":")) {
        if name == header::COOKIE.as_str() {
            crumbs.push(value);
        } else {
            let value = HeaderValue::from_maybe_shared(value.clone())?;
            request.headers_mut().append(HeaderName::from_bytes(name)?, value);
        }
    }
    if !crumbs.is_empty() {
        // RFC 9113 §8.2.3.
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))?);
    }
    Ok(request)
}

/// The fields of a response; `length` is that of its body, if it is known.
fn fields(head: &response::Parts, length: Option<u64>) -> Fields {
    let status = Field::new(":status", head.status.as_str().to_owned());
    // RFC 9110 §6.6.1, §8.6; over HTTP/1.1 hyper does it.
    let date = (!head.headers.contains_key(header::DATE))
        .then(|| Field { volatile: true, ..Field::new("date", fmt_http_date(SystemTime::now())) });
    let length = length
        .filter(|_| !head.headers.contains_key(header::CONTENT_LENGTH))
        .map(|length| Field { volatile: true, ..Field::new("content-length", length.to_string()) });
    std::iter::once(status).chain(beyond_connection(&head.headers)).chain(date).chain(length).collect()
}

/// Headers of an answer, but for those that are about a connection of HTTP/1.1 (RFC 9113 §8.2.2).
fn beyond_connection(headers: &HeaderMap) -> impl Iterator<Item = Field> {
    every_field(headers).filter(|field| !CONNECTION.contains(&&field.name[..]))
}

const CONNECTION: [&[u8]; 6] =
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"];
