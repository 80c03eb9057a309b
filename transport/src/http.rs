//! HTTP/2 over a stream of bytes: the protocol of the crate [`http2`], with a lock around it and a task
//! that moves its bytes.
//!
//! What the connection is for is an [`Application`]'s affair: it is told what has happened, and answers.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use bytes::BytesMut;
use http2::{Connection, Event, Limits, Output};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::driver::{CALLS_AT_ONCE, Driver, Protocol};
use crate::host::now;
use crate::{Code, Status};

/// What an HTTP/2 connection is for. It shares the connection's lock and is, like the connection,
/// without I/O: what it does, it does at once.
pub trait Application: Send + 'static {
    /// Something has happened; for [`Event::Closed`], see [`Application::closed`].
    fn handle(&mut self, connection: &mut Connection, event: Event);

    /// The connection is over, and why. Called once; nothing happens after it.
    fn closed(&mut self, why: &Status);
}

/// A connection and its application, behind their lock.
pub struct Shared<A>(Mutex<State<A>>);

struct State<A> {
    connection: Connection,
    application: A,
    driver: Option<Waker>,
    /// Why the connection is over.
    closed: Option<Status>,
    /// The peer left, and nothing was lost with it.
    left_in_order: bool,
}

/// A client's end of a connection. When it is dropped, the connection ends after the streams that are
/// open.
#[derive(Debug)]
pub struct Client<A: Application>(Arc<Shared<A>>);

/// Makes an HTTP/2 connection of any stream of bytes: the client's end of it, with prior knowledge that the
/// peer speaks HTTP/2 (RFC 9113 §3.3). Its task runs by itself.
pub fn connect_over<Io, A>(io: Io, limits: Limits, application: A) -> Client<A>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Application,
{
    let patience = limits.write;
    let shared = Arc::new(Shared::new(Connection::client(limits, now()), application));
    tokio::spawn(Driver::new(io, shared.clone(), patience).run(std::future::pending()));
    Client(shared)
}

/// Serves the streams that are opened on any stream of bytes, until the connection ends. When `drain` is
/// ready, no further ones are accepted, and the connection ends after those that are open.
///
/// # Errors
/// Why the connection ended, unless in good order.
pub async fn serve_over<Io, A>(
    io: Io,
    limits: Limits,
    application: A,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin,
    A: Application,
{
    let patience = limits.write;
    let shared = Arc::new(Shared::new(Connection::server(limits, now()), application));
    Driver::new(io, shared, patience).run(drain).await
}

impl<A: Application> Shared<A> {
    /// Runs `f`; then writes what there is to be written. `f` must not wait for anything.
    pub fn with<R>(&self, f: impl FnOnce(&mut Connection, &mut A) -> R) -> R {
        self.with_state(|state| f(&mut state.connection, &mut state.application))
    }

    fn new(connection: Connection, application: A) -> Self {
        let state = State { connection, application, driver: None, closed: None, left_in_order: false };
        Self(Mutex::new(state))
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State<A>) -> R) -> R {
        let mut state = self.lock();
        state.connection.set_time(now());
        let result = f(&mut state);
        while let Some(event) = state.connection.poll_event() {
            state.tell(event);
        }
        let discarded = std::mem::take(state.connection.discarded());
        let driver = if state.wants_driver() { state.driver.take() } else { None };
        drop(state);
        drop(discarded);
        driver.into_iter().for_each(Waker::wake);
        result
    }
}

impl<A: Application> State<A> {
    fn tell(&mut self, event: Event) {
        match event {
            Event::Closed(error) => self.close(Status::new(Code::Unavailable, format!("HTTP/2: {error}"))),
            event => self.application.handle(&mut self.connection, event),
        }
    }

    fn close(&mut self, why: Status) {
        if self.closed.is_none() {
            self.application.closed(&why);
            self.closed = Some(why);
        }
    }

    fn wants_driver(&self) -> bool {
        let connection = &self.connection;
        connection.has_output() || connection.is_due_sooner() || connection.is_done()
    }
}

impl<A: Application> Protocol for Shared<A> {
    type Output = Output;

    fn wants_input(&self) -> bool {
        let mut state = self.lock();
        let driver = state.driver.take();
        let wants_input = state.connection.wants_input();
        drop(state);
        drop(driver);
        wants_input
    }

    fn receive(&self, input: &mut BytesMut, now: Instant) -> bool {
        self.with_state(|state| {
            for _ in 0..2 * CALLS_AT_ONCE {
                let Some(event) = state.connection.receive(input, now) else { return false };
                state.tell(event);
            }
            true
        })
    }

    fn end_of_input(&self, in_the_middle: bool, why: String) {
        self.with_state(|state| {
            state.left_in_order |= !in_the_middle && state.connection.stream_count() == 0;
            state.connection.lose();
            state.close(Status::new(Code::Unavailable, why));
        });
    }

    fn serve(self: &Arc<Self>, _is_all: bool) {}

    fn take_output(&self, output: &mut Output) {
        self.with_state(|state| state.connection.take_output(output));
    }

    fn park(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        if state.wants_driver() {
            return false;
        }
        let former = state.driver.replace(waker.clone());
        drop(state);
        drop(former);
        true
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.lock().connection.next_timeout()
    }

    fn handle_timeout(&self, now: Instant) {
        self.with_state(|state| state.connection.handle_timeout(now));
    }

    fn drain(&self) {
        self.with_state(|state| state.connection.drain());
    }

    fn lose(&self, why: String) {
        self.with_state(|state| {
            state.connection.lose();
            state.close(Status::new(Code::Unavailable, why));
        });
    }

    fn is_done(&self) -> bool {
        let state = self.lock();
        state.connection.is_done() && !state.connection.has_output()
    }

    fn failure(&self) -> Option<Status> {
        let state = self.lock();
        state.closed.clone().filter(|_| !state.left_in_order)
    }
}

impl<A: Application> Deref for Client<A> {
    type Target = Shared<A>;

    fn deref(&self) -> &Shared<A> {
        &self.0
    }
}

impl<A: Application> Drop for Client<A> {
    fn drop(&mut self) {
        self.with(|connection, _| connection.drain());
    }
}

impl<A> fmt::Debug for Shared<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("http::Shared")
    }
}
