//! A client of gRPC-Web: the transport `web+http`, over HTTP/1.1.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use ::http::header;
use ::http::{Request, Response};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::Full;
use http2::{Field, Fields};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::headers;
use super::http1::lost;
use super::media_type::MediaType;
use super::reply::Reply;
use crate::grpc::head::{self, Requests};
use crate::grpc::{fields, message, status};
use crate::host::now;
use crate::session::over;
use crate::{
    Call, CallId, Carrier, Code, Connection, Limits, Metadata, Opening, Received, RequestHead, Status, tcp,
};

/// Connects to a server at `host` and `port` that is known to speak gRPC-Web over HTTP/1.1. Each call has a connection of
/// its own as long as it goes on; [`Limits::calls`] of them at most, and those that are done are used again.
///
/// Calls have one message there: all others end as UNIMPLEMENTED.
///
/// # Errors
/// UNAVAILABLE when nothing listens there.
pub async fn connect(host: &str, port: u16, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
    let destination = Destination::new(host, port);
    let first = destination.connect(limits).await?;
    Ok(Arc::new(Client::new(destination, first, limits)))
}

/// The same, inside TLS: the first connection is there, and `tls` secures the others.
#[cfg(feature = "tls")]
pub(crate) async fn connect_over_tls(
    first: crate::tls::Stream,
    limits: &Limits,
    (host, port): (&str, u16),
    tls: crate::tls::Client,
) -> Result<Arc<dyn Connection>, Status> {
    let destination = Destination { tls: Some(tls), ..Destination::new(host, port) };
    Ok(Arc::new(Client::new(destination, shake_hands(first).await?, limits)))
}

/// Where the calls go, and the connections there are.
struct Client {
    destination: Destination,
    limits: Limits,
    /// Connections on which nothing is going on.
    idle: Mutex<Vec<Sender>>,
    /// How many calls there may be.
    calls: Arc<Semaphore>,
}

/// A connection, to send one request after the other.
type Sender = SendRequest<Full<Bytes>>;

impl Client {
    fn new(destination: Destination, first: Sender, limits: &Limits) -> Self {
        let calls = Arc::new(Semaphore::new((limits.calls as usize).min(Semaphore::MAX_PERMITS)));
        Self { destination, limits: limits.clone(), idle: Mutex::new(vec![first]), calls }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sender>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request that opens a call.
    fn request(&self, head: &RequestHead, message: &Bytes) -> Result<Request<Full<Bytes>>, Status> {
        let timeout = head.deadline.map(|deadline| deadline.saturating_duration_since(now()));
        let at = tcp::at(&self.destination.host, self.destination.port);
        let fields = Requests::new("http", at.clone().into()).fields(head, timeout);
        let mut body = BytesMut::new();
        message::append(message, head.compression, &mut body)?;
        let media_type = MediaType { is_text: false, codec: head.codec.clone() }.name();
        let mut request = Request::post(head.path.as_str())
            .header(header::HOST, at)
            .header(header::CONTENT_TYPE, &media_type)
            .header(header::ACCEPT, &media_type)
            .header("x-grpc-web", "1");
        for Field { name, value, .. } in fields.iter() {
            // Those of HTTP/2, and those that are other ones here.
            if !name.starts_with(b":") && name != "te" && name != "content-type" {
                request = request.header(&name[..], &value[..]);
            }
        }
        let wrong =
            |error| Status::new(Code::InvalidArgument, format!("this is no request of HTTP/1.1: {error}"));
        request.body(Full::new(body.freeze())).map_err(wrong)
    }

    /// Sends a request, on a connection that is idle or on a new one.
    async fn send(
        self: Arc<Self>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Lease), Status> {
        let permit = self.calls.clone().acquire_owned().await.map_err(|_| over())?;
        loop {
            let idle = self.idle().pop();
            let is_new = idle.is_none();
            let mut sender = match idle {
                Some(sender) => sender,
                None => self.destination.connect(&self.limits).await.map_err(Status::not_processed)?,
            };
            if sender.ready().await.is_err() && !is_new {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, Lease { client: self, sender, _permit: permit })),
                Err(mut error) => match error.take_message() {
                    // Nothing of it was sent: the server had closed what was idle.
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(self.destination.lost(&error.into_error())),
                },
            }
        }
    }
}

impl Connection for Client {
    fn poll_open(
        self: Arc<Self>,
        _: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        let Some(Opening { head, message: Some(message), end: true }) = opening else {
            let text =
                "gRPC-Web sends a request whole: a call has one message there; a method with many needs gRPC";
            return Poll::Ready(Err(Status::new(Code::Unimplemented, text)));
        };
        let request = self.request(head, message)?;
        *opening = None;
        let limits = self.limits.clone();
        let call = Carried(Mutex::new(State {
            stage: Stage::Sending(Box::pin(self.send(request))),
            was_compressed: false,
            limits,
        }));
        Poll::Ready(Ok(Call::new(Arc::new(call), CallId(0), true)))
    }

    fn is_closed(&self) -> bool {
        false
    }
}

/// A connection that a call has as long as it goes on.
struct Lease {
    client: Arc<Client>,
    sender: Sender,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// The call is over, and left nothing on the connection.
    fn give_back(self) {
        self.client.idle().push(self.sender);
    }
}

/// Where the server is.
struct Destination {
    host: String,
    port: u16,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Client>,
}

impl Destination {
    fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    async fn connect(&self, limits: &Limits) -> Result<Sender, Status> {
        let stream = tcp::connect_stream(&self.host, self.port, limits).await?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let stream = tls.handshake(stream, &self.host, crate::tls::Alpn::Http1, limits).await?;
            return shake_hands(stream).await;
        }
        shake_hands(stream).await
    }

    /// What is said about a connection that has failed.
    fn lost(&self, error: &hyper::Error) -> Status {
        #[cfg(feature = "tls")]
        let has_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_tls = false;
        if has_tls || !error.is_parse() {
            return lost(error);
        }
        let lost = lost(error);
        let text = format!("{}: the server may speak TLS, and want web+https://", lost.message());
        Status::new(lost.code(), text)
    }
}

async fn shake_hands<Io>(io: Io) -> Result<Sender, Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(io)).await.map_err(|error| lost(&error))?;
    // What goes wrong on it, those learn who wait for an answer.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

/// A call: whoever receives drives it.
struct Carried(Mutex<State>);

struct State {
    stage: Stage,
    /// Whether the last message came compressed.
    was_compressed: bool,
    limits: Limits,
}

enum Stage {
    Sending(Sending),
    Receiving(Box<Reply>, Lease),
    Over,
}

type Sending = Pin<Box<dyn Future<Output = Result<(Response<Incoming>, Lease), Status>> + Send>>;

impl State {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        match &mut self.stage {
            Stage::Sending(sending) => {
                let begun = ready!(sending.as_mut().poll(cx));
                Poll::Ready(match begun.and_then(|(response, lease)| self.begin(response, lease)) {
                    Ok(head) => Received::Head(head),
                    Err(status) => Received::End(status),
                })
            }
            Stage::Receiving(reply, _) => {
                let received = ready!(reply.poll_receive(cx, &self.limits));
                if matches!(received, Received::Message(_)) {
                    self.was_compressed = reply.was_compressed();
                }
                if matches!(received, Received::End(_)) {
                    self.end();
                }
                Poll::Ready(received)
            }
            Stage::Over => Poll::Ready(Received::End(over())),
        }
    }

    /// What the head of the response says; as an error, if that is a status, or there is no call.
    fn begin(&mut self, response: Response<Incoming>, lease: Lease) -> Result<Metadata, Status> {
        self.stage = Stage::Over;
        let (parts, body) = response.into_parts();
        let headers: Fields = headers::fields(&parts.headers).collect();
        if let Some(status) = status::parse(&headers) {
            if body.is_end_stream() {
                lease.give_back();
            }
            return Err(self.limits.check(status.metadata()).err().unwrap_or(status));
        }
        if parts.status != ::http::StatusCode::OK {
            return Err(status::of_http(parts.status.as_str().as_bytes()));
        }
        let content_type = headers.value("content-type").map(|value| &value[..]).unwrap_or_default();
        let Some(MediaType { is_text, .. }) = MediaType::parse(content_type) else {
            let text =
                format!("content-type \"{}\" is not application/grpc-web", content_type.escape_ascii());
            return Err(Status::new(Code::Unknown, text));
        };
        let compression = head::compression_of(&headers).map_err(|text| Status::new(Code::Internal, text))?;
        let metadata = fields::metadata(&headers)?;
        self.limits.check(&metadata)?;
        self.stage = Stage::Receiving(Box::new(Reply::new(body, is_text, compression)), lease);
        Ok(metadata)
    }

    /// The status has come. A connection on which nothing is left can be used again.
    fn end(&mut self) {
        if let Stage::Receiving(reply, lease) = std::mem::replace(&mut self.stage, Stage::Over)
            && reply.has_ended()
        {
            lease.give_back();
        }
    }
}

impl Carried {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits for the answer any more. The connection it would have come on is closed: that tells the server.
    fn give_up(&self) {
        let stage = std::mem::replace(&mut self.lock().stage, Stage::Over);
        drop(stage);
    }
}

impl Carrier for Carried {
    fn poll_send(
        &self,
        _: &mut Context<'_>,
        _: CallId,
        _: &mut Option<Bytes>,
        _: bool,
    ) -> Poll<Result<(), Status>> {
        Poll::Ready(Err(Status::new(Code::FailedPrecondition, "nothing can be sent after the end")))
    }

    fn poll_receive(&self, cx: &mut Context<'_>, _: CallId) -> Poll<Received> {
        self.lock().poll_receive(cx)
    }

    fn respond(&self, _: CallId, _: Metadata) -> Result<(), Status> {
        Err(Status::new(Code::FailedPrecondition, "a client sends no response"))
    }

    fn finish(&self, _: CallId, _: Status) {
        self.give_up();
    }

    fn cancel(&self, _: CallId, _: Status) {
        self.give_up();
    }

    fn stop_receiving(&self, _: CallId) {
        self.give_up();
    }

    fn was_compressed(&self, _: CallId) -> bool {
        self.lock().was_compressed
    }
}
