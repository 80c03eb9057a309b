//! Requests over HTTP/1.1, which hyper speaks.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::{Request, StatusCode, Version, header};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep};
use tokio_io_timeout::TimeoutWriter;

use super::response::refusal;
use super::{BodyError, Gateway};
use crate::driver::{FAR, say_goodbye};
use crate::{Code, Status};

/// Serves what comes until the connection ends. When `drain` is ready, it ends with the request that is being served, or
/// at once if there is none.
pub(super) async fn serve<Io>(
    io: Io,
    gateway: Arc<Gateway>,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = gateway.limits().clone();
    // hyper does not mind how long a peer reads nothing.
    let mut io = TimeoutWriter::new(io);
    io.set_timeout(Some(limits.write.min(FAR)));
    let patience = limits.silence();
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let gateway = gateway.clone();
        let request = request.map(|body| Patient { body, patience, timer: None }.boxed_unsync());
        Box::pin(async move {
            Ok::<_, Infallible>(match has_one_host(&request) {
                true => gateway.answer(request).await,
                false => {
                    refusal(StatusCode::BAD_REQUEST, "a request of HTTP/1.1 names one host (RFC 9112 §3.2)")
                }
            })
        })
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.silence().min(FAR));
    builder.max_buf_size(limits.header_list().max(SMALLEST_BUFFER));
    let mut connection = builder.serve_connection(TokioIo::new(Box::pin(io)), service);
    let mut drain = pin!(drain);
    let mut is_draining = false;
    let ended = poll_fn(|cx| {
        if !is_draining && drain.as_mut().poll(cx).is_ready() {
            is_draining = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    let mut io = connection.into_parts().io.into_inner();
    say_goodbye(&mut io).await;
    match ended {
        Err(error) if is_usual(&error) => Ok(()),
        Err(error) => Err(lost(&error)),
        Ok(()) => Ok(()),
    }
}

/// The body of a request, of which something comes now and then: nobody can be asked for a sign of life here.
struct Patient {
    body: hyper::body::Incoming,
    patience: Duration,
    /// Set while nothing comes.
    timer: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::new)));
        }
        let patience = self.patience;
        ready!(self.timer.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
        Poll::Ready(Some(Err(BodyError::new(format!("nothing for {patience:?}")))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a request says whom it is for, once (RFC 9112 §3.2).
fn has_one_host<B>(request: &Request<B>) -> bool {
    let count = request.headers().get_all(header::HOST).iter().count();
    count == 1 || (count == 0 && request.version() == Version::HTTP_10)
}

/// Whether connections end so every day: a client gives a call up by closing its connection, and leaves one that it does
/// not need until somebody closes it.
fn is_usual(error: &hyper::Error) -> bool {
    let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    let is_gone = |kind| matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
    let is_left = error.is_incomplete_message() || error.is_canceled() || error.is_timeout();
    is_left || io.is_some_and(|error| is_gone(error.kind()))
}

/// Why a connection has failed, and what is behind that.
pub(super) fn lost(error: &hyper::Error) -> Status {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let text = causes.fold(format!("HTTP/1.1: {error}"), |text, cause| format!("{text}: {cause}"));
    Status::new(Code::Unavailable, text)
}

/// hyper does not work with less, in bytes.
const SMALLEST_BUFFER: usize = 8 << 10;
