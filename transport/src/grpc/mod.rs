//! The transport `http`: gRPC, which is calls on the streams of HTTP/2
//! ([gRPC over HTTP2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)).
//!
//! | of a call | is |
//! |-----------|----|
//! | its number | the stream's |
//! | method, codec, deadline, metadata | HEADERS: `:path`, `content-type`, `grpc-timeout`, a field each |
//! | a message | five bytes and itself, in DATA: `message.rs` |
//! | the caller has sent all | END_STREAM |
//! | the head of the answer | HEADERS |
//! | the status | HEADERS behind the data: trailers, with `grpc-status` and `grpc-message` |
//! | an answer that is a status alone | one HEADERS frame with END_STREAM, *Trailers-Only* |
//! | credit | WINDOW_UPDATE, for bytes of messages that were read |
//! | to give a call up | RST_STREAM, CANCEL |

mod call;
mod calls;
mod fields;
mod head;
mod message;
mod readings;
mod session;
mod status;
mod timeout;
#[cfg(feature = "web")]
pub mod web;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http2::Output;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::conversation::Conversation;
use crate::driver::{CALLS_AT_ONCE, Driver, Protocol};
use crate::host::{ClientEnd, Host, now, serve_accepted};
use crate::{Behind, Code, Connection, Limits, Opening, Received, Service, Status, tcp};
use head::Requests;
use message::Framed;
use session::Session;

/// Connects to a server at `host` and `port`, which is known to speak HTTP/2 (RFC 9113 §3.3).
///
/// # Errors
/// UNAVAILABLE when nothing listens there, when it does not answer in time or does not speak HTTP/2.
pub async fn connect(host: &str, port: u16, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
    let stream = tcp::connect_stream(host, port, limits).await?;
    connect_over(stream, limits, &tcp::at(host, port)).await
}

/// Makes a connection of any stream of bytes: the client's end of it, whose calls go to `authority`, a host
/// and a port. Its task runs by itself, until the connection is dropped and its calls are over.
///
/// # Errors
/// As [`connect`].
pub async fn connect_over<Io>(io: Io, limits: &Limits, authority: &str) -> Result<Arc<dyn Connection>, Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    connect_with(io, limits, Requests::new("http", authority.into())).await
}

/// The same for a stream of bytes that is TLS, which the requests say.
#[cfg(feature = "tls")]
pub(crate) async fn connect_over_tls<Io>(
    io: Io,
    limits: &Limits,
    authority: &str,
) -> Result<Arc<dyn Connection>, Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    connect_with(io, limits, Requests::new("https", authority.into())).await
}

async fn connect_with<Io>(io: Io, limits: &Limits, requests: Requests) -> Result<Arc<dyn Connection>, Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connection = http2::Connection::client(limits.http2(http2::Role::Client), now());
    let session = Session::new(connection, limits.clone(), requests, now);
    let grpc = Arc::new(Grpc::new(session, None));
    tokio::spawn(Driver::new(io, grpc.clone(), limits.write).run(std::future::pending()));
    let end = Arc::new(ClientEnd(grpc.clone()));
    poll_fn(|cx| grpc.with(|session| session.poll_greeted(cx))).await?;
    Ok(end)
}

/// Serves the calls that come on any stream of bytes, until the connection ends. When `drain` is ready, no
/// further calls are accepted, and the connection ends after those that are open.
///
/// # Errors
/// Why the connection ended, unless it ended in good order.
pub async fn serve_over<Io>(
    io: Io,
    limits: &Limits,
    service: Arc<dyn Service>,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin,
{
    let connection = http2::Connection::server(limits.http2(http2::Role::Server), now());
    let session = Session::new(connection, limits.clone(), Requests::default(), now);
    Driver::new(io, Arc::new(Grpc::new(session, Some(service))), limits.write).run(drain).await
}

/// The same, where `gateway` answers what is no call.
#[cfg(feature = "web")]
async fn serve_web<Io>(
    io: Io,
    gateway: Arc<web::Gateway>,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin,
{
    let limits = gateway.limits();
    let connection = http2::Connection::server(limits.http2(http2::Role::Server), now());
    let mut session = Session::new(connection, limits.clone(), Requests::default(), now);
    session.take_plain();
    let patience = limits.write;
    let service = gateway.service().clone();
    let grpc = Grpc { web: Some(gateway), ..Grpc::new(session, Some(service)) };
    Driver::new(io, Arc::new(grpc), patience).run(drain).await
}

/// One end of a connection.
struct Grpc {
    state: Mutex<State>,
    /// Serves calls; a client's connection has none.
    service: Option<Arc<dyn Service>>,
    /// Answers what is no call.
    #[cfg(feature = "web")]
    web: Option<Arc<web::Gateway>>,
}

struct State {
    session: Session,
    /// The peer left, and nothing was lost with it.
    left_in_order: bool,
    driver: Option<Waker>,
}

impl Grpc {
    fn new(session: Session, service: Option<Arc<dyn Service>>) -> Self {
        Self {
            state: Mutex::new(State { session, left_in_order: false, driver: None }),
            service,
            #[cfg(feature = "web")]
            web: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`; then, with the lock released, wakes whom that concerns.
    fn with_state<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = f(&mut state);
        let session = &mut state.session;
        while let Some(event) = session.connection.poll_event() {
            session.handle(event, now());
        }
        let aftermath = session.take_aftermath();
        // While it runs, it is not parked, and asks by itself.
        let is_parked = state.driver.is_some();
        let driver = if is_parked && state.session.wants_driver() { state.driver.take() } else { None };
        drop(state);
        if let Some(aftermath) = aftermath {
            aftermath.run();
        }
        driver.into_iter().for_each(Waker::wake);
        result
    }
}

impl Host for Grpc {
    type Conversation = Session;

    fn with<R>(&self, f: impl FnOnce(&mut Session) -> R) -> R {
        self.with_state(|state| f(&mut state.session))
    }

    fn poll_open(
        &self,
        cx: &mut Context<'_>,
        now: Option<Instant>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<u32, Status>> {
        let compressed = opening.as_mut().filter(|opening| opening.head.compression.is_some());
        let Some((message, end)) = compressed.and_then(|opening| {
            let message = opening.message.take()?;
            Some((message, std::mem::take(&mut opening.end)))
        }) else {
            return self.with(|session| session.poll_open(cx, now, opening));
        };
        // The message is compressed without the lock, once it can be sent.
        let opened = self.with(|session| session.poll_open(cx, now, opening));
        match (&opened, opening) {
            (Poll::Ready(Ok(id)), _) => {
                if let Poll::Ready(Err(status)) = self.poll_send(cx, *id, &mut Some(message), end) {
                    self.with(|session| session.cancel(*id, status));
                }
            }
            (_, Some(opening)) => (opening.message, opening.end) = (Some(message), end),
            (_, None) => {}
        }
        opened
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        id: u32,
        message: &mut Option<Bytes>,
        end: bool,
    ) -> Poll<Result<(), Status>> {
        let compression = self.with(|session| match session.compression(id) {
            Some(compression) if message.is_some() => {
                session.poll_sendable(cx, id).map_ok(|()| Some(compression))
            }
            _ => session.poll_send(cx, id, message, end).map_ok(|()| None),
        });
        let Some(compression) = ready!(compression)? else { return Poll::Ready(Ok(())) };
        let Some(plain) = message.take() else { return Poll::Ready(Ok(())) };
        let bytes = compression.compress(&plain)?;
        let mut compressed = Some(Framed { bytes, is_compressed: true });
        Poll::Ready(self.with(|session| session.send_now(id, &mut compressed, end)))
    }

    fn send_one_more(&self, id: u32, message: &[u8]) -> bool {
        let mut state = self.lock();
        let is_sent = state.session.send_one_more(id, message);
        let driver = if is_sent { state.driver.take() } else { None };
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        is_sent
    }

    fn poll_receive(&self, cx: &mut Context<'_>, id: u32, behind: Option<&mut Behind>) -> Poll<Received> {
        let (received, compression, limit) = self.with(|session| {
            let received = session.poll_receive(cx, id, behind);
            let compression = match &received {
                Poll::Ready(Received::Message(_)) => session.compression_of_last(id),
                _ => None,
            };
            (received, compression, session.limits().message)
        });
        match (ready!(received), compression) {
            (Received::Message(message), Some(compression)) => {
                Poll::Ready(match compression.inflate(&message, limit) {
                    Ok(message) => Received::Message(message),
                    Err(status) => {
                        self.with(|session| session.fail_inflating(id, &status));
                        Received::End(status)
                    }
                })
            }
            (received, _) => Poll::Ready(received),
        }
    }
}

impl Protocol for Grpc {
    type Output = Output;

    fn resume(&self) {
        self.lock().session.forget_called();
    }

    fn wants_input(&self) -> bool {
        let mut state = self.lock();
        let driver = state.driver.take();
        let wants_input = state.session.connection.wants_input();
        drop(state);
        drop(driver);
        wants_input
    }

    fn receive(&self, input: &mut BytesMut, now: Instant) -> bool {
        self.with(|session| {
            if !session.connection.is_greeted()
                && let Some(text) = tcp::other_has_tls(input, "https://")
            {
                input.clear();
                session.lose(Status::new(Code::Unavailable, text));
                return false;
            }
            // A small request is HEADERS and DATA.
            for _ in 0..2 * CALLS_AT_ONCE {
                let Some(event) = session.connection.receive(input, now) else {
                    session.wake_openers();
                    return false;
                };
                session.handle(event, now);
            }
            true
        })
    }

    fn end_of_input(&self, in_the_middle: bool, why: String) {
        self.with_state(|state| {
            state.left_in_order |= !in_the_middle && state.session.connection.stream_count() == 0;
            let why = match state.session.may_have_met_tls() {
                true => format!("{why} and has said nothing: it may speak TLS, and want https://"),
                false => why,
            };
            state.session.lose(Status::new(Code::Unavailable, why));
        });
    }

    fn serve(self: &Arc<Self>, is_all: bool) {
        if let Some(service) = &self.service {
            self.with(|session| session.admit(is_all));
            serve_accepted(self, &**service);
        }
        #[cfg(feature = "web")]
        if let Some(gateway) = &self.web {
            web::serve_plain(self, gateway);
        }
    }

    fn take_output(&self, output: &mut Output) {
        self.with(|session| {
            session.connection.take_output(output);
            session.wake_openers();
        });
    }

    fn park(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        if state.session.wants_driver() {
            return false;
        }
        let former = state.driver.replace(waker.clone());
        let could_open = state.session.could_open();
        drop(state);
        drop(former);
        if could_open {
            // After those that were woken to open a call: they may have lost interest.
            waker.wake_by_ref();
        }
        true
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.lock().session.connection.next_timeout()
    }

    fn handle_timeout(&self, now: Instant) {
        self.with(|session| session.connection.handle_timeout(now));
    }

    fn drain(&self) {
        self.with(Conversation::drain);
    }

    fn lose(&self, why: String) {
        self.with(|session| session.lose(Status::new(Code::Unavailable, why)));
    }

    fn is_done(&self) -> bool {
        let state = self.lock();
        state.session.connection.is_done() && !state.session.connection.has_output()
    }

    fn failure(&self) -> Option<Status> {
        let state = self.lock();
        state.session.failure().filter(|_| !state.left_in_order).cloned()
    }
}
