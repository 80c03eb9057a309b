//! gRPC-Web, and whatever else is asked for over HTTP
//! ([gRPC Web](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md)).
//!
//! A page in a browser cannot speak gRPC: it does not see HTTP/2's frames, it cannot read trailers, and it sends a
//! request whole. gRPC-Web is gRPC without what a page lacks:
//!
//! | of a call | gRPC | gRPC-Web |
//! |-----------|------|----------|
//! | HTTP | 2 | any: here 1.1 and 2 |
//! | `content-type` | `application/grpc+NAME` | `application/grpc-web+NAME`, or `application/grpc-web-text+NAME` |
//! | a message | five bytes and itself | the same, in base64 if the type says text |
//! | messages of a request | any number | one |
//! | the status | trailers | the last five bytes and what is behind them: flag 0x80, and the trailers as lines |
//! | an answer that is a status alone | HEADERS | header fields, and no body |
//!
//! [`Web`] says what a server answers beside gRPC, on the same port. [`connect`] is the other end: a transport.

mod client;
mod cors;
mod exchange;
mod gateway;
mod headers;
mod http1;
mod http2;
mod lingering;
mod media_type;
mod reply;
mod request;
mod response;
mod text;
mod trailers;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io::Cursor;
use std::pin::{Pin, pin};
use std::sync::Arc;

use ::http::{Request, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout;
use tower_service::Service as TowerService;

use crate::{Code, Limits, Service, Status, tcp};

pub use client::connect;
#[cfg(feature = "tls")]
pub(crate) use client::connect_over_tls;
pub(crate) use gateway::Gateway;
pub(super) use http2::serve_plain;

/// The body of a request or of a response.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Why a body did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BodyError(Box<dyn Error + Send + Sync>);

impl BodyError {
    fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// What is answered beside gRPC at an address of gRPC, `http://` or `https://`: gRPC-Web, for pages of the same origin;
/// and whatever else one wants. Cheap to clone.
///
/// Over TLS the client chooses by ALPN between HTTP/2 and HTTP/1.1, without TLS by its first bytes.
#[derive(Clone, Default)]
pub struct Web {
    cors: cors::Cors,
    site: Option<Site>,
}

impl Web {
    /// gRPC-Web for pages of the same origin, and for whatever is no page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also answers pages of `origin`, which looks like `https://app.example` or `http://localhost:5173`: scheme, host, and
    /// the port unless it is that of the scheme (RFC 6454 §6). They may read what comes, metadata too; cookies are not
    /// sent along. This goes for gRPC-Web and for the [site](Self::site).
    ///
    /// # Errors
    /// INVALID_ARGUMENT when that is no origin.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, Status> {
        self.cors.allow(origin)?;
        Ok(self)
    }

    /// Leaves what is neither gRPC nor gRPC-Web to `site`: files, or another API; a router of axum, say.
    pub fn site<S, B>(mut self, site: S) -> Self
    where
        S: TowerService<Request<Body>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.site = Some(Arc::new(move |request| {
            let mut site = site.clone();
            Box::pin(async move {
                let Ok(()) = poll_fn(|cx| site.poll_ready(cx)).await;
                let Ok(response) = site.call(request).await;
                response.map(|body| body.map_err(BodyError::new).boxed_unsync())
            })
        }));
        self
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut web = f.debug_struct("Web");
        web.field("cors", &self.cors).field("has_site", &self.site.is_some()).finish()
    }
}

/// Serves what comes on any stream of bytes, until the connection ends: the calls of `service` in gRPC, over HTTP/2; and
/// what `web` says, over that or over HTTP/1.1. When `drain` is ready, nothing further is accepted, and the connection
/// ends after what is open.
///
/// # Errors
/// Why the connection ended, unless it ended in good order.
pub async fn serve_over<Io>(
    mut io: Io,
    limits: &Limits,
    service: Arc<dyn Service>,
    web: &Web,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut drain = pin!(drain);
    let first = timeout(limits.handshake, first_bytes(&mut io));
    let Some((first, drained)) = tcp::greet(pin!(first), drain.as_mut()).await else { return Ok(()) };
    let first = first.map_err(|_| {
        let text = format!("the peer has said nothing for {:?}", limits.handshake);
        Status::new(Code::Unavailable, text)
    })??;
    let drain = async move {
        if !drained {
            drain.await;
        }
    };
    let is_http1 = first.first().is_some_and(u8::is_ascii_alphabetic) && !is_preface(&first);
    let (reader, writer) = tokio::io::split(io);
    let io = tokio::io::join(Cursor::new(first).chain(reader), writer);
    serve_known(io, is_http1, limits, service, web, drain).await
}

/// Serves what comes where it is known what that is.
pub(crate) async fn serve_known<Io>(
    io: Io,
    is_http1: bool,
    limits: &Limits,
    service: Arc<dyn Service>,
    web: &Web,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let gateway = Arc::new(Gateway::new(service, web.clone(), limits.clone()));
    if is_http1 { http1::serve(io, gateway, drain).await } else { super::serve_web(io, gateway, drain).await }
}

/// As many bytes as it takes to know what is spoken.
async fn first_bytes(io: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, Status> {
    let mut first = BytesMut::new();
    while is_preface(&first) && first.len() < TELLING {
        let read = io.read_buf(&mut first).await;
        if read.map_err(|error| Status::new(Code::Unavailable, format!("cannot read: {error}")))? == 0 {
            break;
        }
    }
    Ok(first.freeze())
}

/// Whether that may be how a client of HTTP/2 begins (RFC 9113 §3.4).
fn is_preface(first: &[u8]) -> bool {
    first.iter().zip(b"PRI * HTTP/2.0").all(|(byte, expected)| byte == expected)
}

/// No method of HTTP/1.1 that anybody uses begins as the preface does for so many bytes.
const TELLING: usize = 5;

/// Answers requests.
type Site = Arc<dyn Fn(Request<Body>) -> Answering + Send + Sync>;

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
