//! A server of one connection in memory, and clients of it in both versions of HTTP.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use transport::web::{Body, Web, serve_over};
use transport::{IncomingCall, Limits, Received, SendStream, Service, Status};

use crate::http1::{Framing, Peer};
use crate::support::service;

/// A stream of bytes.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// What a test is about goes for both.
pub const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

/// What serves one connection.
pub struct Server {
    pub drain: oneshot::Sender<()>,
    pub outcome: JoinHandle<Result<(), Status>>,
}

/// The client of a connection.
pub enum Client {
    Http1(Peer),
    Http2(h2::client::SendRequest<Bytes>),
}

/// The answer to one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

/// An answer that has begun.
pub struct Begun<'a> {
    pub status: u16,
    pub headers: HeaderMap,
    rest: Rest<'a>,
}

enum Rest<'a> {
    Http1(&'a mut Peer, Framing),
    Http2(h2::RecvStream),
}

/// A connection to a server with the limits that there are, and the server.
pub fn serve(service: Arc<dyn Service>, web: Web) -> (DuplexStream, Server) {
    serve_with(service, web, Limits::default())
}

pub fn serve_with(service: Arc<dyn Service>, web: Web, limits: Limits) -> (DuplexStream, Server) {
    let (near, far) = duplex(64 << 10);
    let (drain, drained) = oneshot::channel::<()>();
    let drained = async move {
        if drained.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let outcome = tokio::spawn(async move { serve_over(far, &limits, service, &web, drained).await });
    (near, Server { drain, outcome })
}

impl Version {
    pub async fn connect(self, io: impl Io) -> Client {
        match self {
            Self::Http1 => Client::Http1(Peer::new(io)),
            Self::Http2 => {
                let (sender, connection) = h2::client::handshake(io).await.unwrap();
                tokio::spawn(connection);
                Client::Http2(sender)
            }
        }
    }

    /// A client of a server of its own.
    pub async fn client(self, service: Arc<dyn Service>, web: Web) -> Client {
        self.client_limited(service, web, Limits::default()).await
    }

    pub async fn client_limited(self, service: Arc<dyn Service>, web: Web, limits: Limits) -> Client {
        self.connect(serve_with(service, web, limits).0).await
    }

    /// What a server answers to one request.
    pub async fn ask(self, service: Arc<dyn Service>, web: Web, request: Request<Bytes>) -> Answer {
        self.client(service, web).await.ask(request).await
    }
}

impl Client {
    /// Sends a request whole, and waits for the answer to its end.
    pub async fn ask(&mut self, request: Request<Bytes>) -> Answer {
        self.begin(request).await.whole().await
    }

    /// Sends a request whole, and waits for the head of the answer.
    pub async fn begin(&mut self, request: Request<Bytes>) -> Begun<'_> {
        match self {
            Self::Http1(peer) => {
                peer.request(&request).await;
                Begun::read(peer, request.method() == "HEAD").await
            }
            Self::Http2(sender) => {
                let (parts, body) = request.into_parts();
                let mut ready = sender.clone().ready().await.unwrap();
                let request = Request::from_parts(parts, ());
                let (answer, mut send) = ready.send_request(request, body.is_empty()).unwrap();
                if !body.is_empty() {
                    send.send_data(body, true).unwrap();
                }
                Begun::of(answer.await.unwrap())
            }
        }
    }

    pub fn http1(self) -> Peer {
        match self {
            Self::Http1(peer) => peer,
            Self::Http2(_) => panic!("this is HTTP/2"),
        }
    }
}

impl<'a> Begun<'a> {
    /// The answer that comes next.
    pub async fn read(peer: &'a mut Peer, is_to_head: bool) -> Self {
        let (start, headers, framing) = peer.parsed_head().await.expect("an answer");
        let status = start.split(' ').nth(1).unwrap().parse().unwrap();
        let has_no_body = is_to_head || matches!(status, 204 | 304);
        let framing = if has_no_body { Framing::Over } else { framing };
        Self { status, headers, rest: Rest::Http1(peer, framing) }
    }

    pub fn of(response: Response<h2::RecvStream>) -> Self {
        let (parts, rest) = response.into_parts();
        let mut headers = parts.headers;
        headers.remove("date").expect("RFC 9110 §6.6.1");
        Self { status: parts.status.as_u16(), headers, rest: Rest::Http2(rest) }
    }

    /// The next piece of the body, if one follows.
    pub async fn piece(&mut self) -> Option<Bytes> {
        match &mut self.rest {
            Rest::Http1(peer, framing) => peer.piece(framing).await,
            Rest::Http2(rest) => {
                let piece = rest.data().await?.unwrap();
                rest.flow_control().release_capacity(piece.len()).unwrap();
                Some(piece)
            }
        }
    }

    pub async fn whole(mut self) -> Answer {
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece().await {
            body.extend_from_slice(&piece);
        }
        let trailers = match &mut self.rest {
            Rest::Http1(..) => HeaderMap::new(),
            Rest::Http2(rest) => rest.trailers().await.unwrap().unwrap_or_default(),
        };
        Answer { status: self.status, headers: self.headers, body: body.freeze(), trailers }
    }
}

impl Answer {
    /// A header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert_eq!(values.next(), None, "{name} once");
        value
    }

    /// Code and text of a status that is all there is of an answer.
    pub fn status_alone(&self) -> (u16, &str, &str) {
        assert_eq!(self.body, "");
        let text = self.header("grpc-message").unwrap_or_default();
        (self.status, self.header("grpc-status").unwrap_or("none"), text)
    }
}

/// A service whose handler does `answer` when it has the whole request.
pub fn answering<F, Fut>(answer: F) -> Arc<dyn Service>
where
    F: Fn(SendStream) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    service(move |mut call: IncomingCall| {
        let answer = answer.clone();
        async move {
            while !matches!(call.receive.receive().await, Received::End(_)) {}
            answer(call.send).await;
        }
    })
}

/// A service whose calls end with `status`.
pub fn ending_with(status: Status) -> Arc<dyn Service> {
    answering(move |send| {
        let status = status.clone();
        async move { send.finish(status) }
    })
}

/// A service that nobody is to call.
pub fn uncalled() -> Arc<dyn Service> {
    service(|call: IncomingCall| async move { panic!("{} was called", call.head.path) })
}

/// A request as gRPC-Web has it.
pub fn call(body: impl Into<Bytes>) -> Request<Bytes> {
    request("POST", "/kv.Kv/Get", &[("content-type", "application/grpc-web+proto")], body)
}

/// The same with further headers.
pub fn call_with(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Bytes> {
    request(
        "POST",
        "/kv.Kv/Get",
        &[&[("content-type", "application/grpc-web+proto")], headers].concat(),
        body,
    )
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(format!("http://{HOST}{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).unwrap()
}

/// Where a client believes the server to be.
pub const HOST: &str = "kv.example:8080";

/// A message that is not compressed, with its prefix.
pub fn message(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(0, payload)
}

/// Trailers in a body.
pub fn trailers(lines: impl AsRef<[u8]>) -> Vec<u8> {
    frame(0x80, lines)
}

pub fn frame(flag: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&[flag][..], &(payload.len() as u32).to_be_bytes(), payload].concat()
}

/// A site that is one closure.
#[derive(Clone)]
pub struct Site<F>(F);

/// What a server answers that has gRPC-Web, and leaves the rest to `answer`.
pub fn site<F, Fut>(answer: F) -> Web
where
    F: Fn(Request<Body>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    Web::new().site(Site(answer))
}

impl<F, Fut> tower_service::Service<Request<Body>> for Site<F>
where
    F: Fn(Request<Body>) -> Fut,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async move { Ok(answer.await) })
    }
}

/// A body that is known at once.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}
