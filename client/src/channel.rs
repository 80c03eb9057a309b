//! The way to the server at an address, whatever becomes of the connections on it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
#[cfg(feature = "tls")]
use transport::tls;
use transport::{Address, Call, Code, Connection, Limits, Opening, Status};

use crate::call::codec_of;

/// The way to the server at an address.
///
/// It has one connection, on which any number of calls run at once. When the connection is lost or
/// its server goes away, the calls on it end as they must, and the next one connects anew. A call
/// that was never sent moves on to the new connection; one that was sent is never repeated.
pub struct Channel {
    address: Address,
    limits: Limits,
    /// Who checks the server, where that are not the roots of the system.
    #[cfg(feature = "tls")]
    tls: Option<tls::Client>,
    state: Mutex<State>,
}

struct State {
    connection: Option<(Arc<dyn Connection>, Instant)>,
    connecting: bool,
    /// Calls that wait for a connection.
    waiters: Vec<Waker>,
    /// Why there is no connection, and until when calls fail with that without a further attempt.
    failure: Option<(Status, Instant)>,
    backoff: Duration,
    /// The last connection did not live longer than the backoff.
    lost_young: bool,
}

impl Channel {
    /// Connects to `address`: `memory`, `tcp://host:port`, `http://host:port`; or, with the feature `tls`,
    /// `tls+tcp://host:port`, `https://host:port`, where the operating system says whom to trust; with the feature `web` these of gRPC-Web,
    /// `web+http://host:port`, `web+https://host:port`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when that is no address; UNAVAILABLE when there is no server at it, or it is not trusted.
    pub async fn connect(address: &str) -> Result<Arc<Self>, Status> {
        Self::connect_with(address, Limits::default()).await
    }

    /// Connects to `address`, with limits of one's own.
    ///
    /// # Errors
    /// As [`Channel::connect`].
    pub async fn connect_with(address: &str, limits: Limits) -> Result<Arc<Self>, Status> {
        let channel = Self::to(address.parse()?, limits);
        channel.connected().await
    }

    /// Connects to `address`, `tls+tcp://host:port` or `https://host:port`, where `tls` says whom to trust, and what to
    /// show.
    ///
    /// # Errors
    /// As [`Channel::connect`]; INVALID_ARGUMENT also when the address is one without TLS.
    #[cfg(feature = "tls")]
    pub async fn connect_tls(address: &str, limits: Limits, tls: tls::Client) -> Result<Arc<Self>, Status> {
        let channel = Self { tls: Some(tls), ..Self::to(address.parse()?, limits) };
        channel.connected().await
    }

    /// The codec that goes with the transport: bincode in our own frames and in memory, protobuf in gRPC.
    pub fn codec(&self) -> &'static str {
        codec_of(&self.address)
    }

    /// A way to `address`, without a connection.
    fn to(address: Address, limits: Limits) -> Self {
        let state = State {
            connection: None,
            connecting: false,
            waiters: Vec::new(),
            failure: None,
            backoff: FIRST_BACKOFF,
            lost_young: false,
        };
        Self {
            address,
            limits,
            #[cfg(feature = "tls")]
            tls: None,
            state: Mutex::new(state),
        }
    }

    /// The same, with a connection.
    async fn connected(self) -> Result<Arc<Self>, Status> {
        let connection = self.connect_once().await?;
        self.lock().connection = Some((connection, Instant::now()));
        Ok(Arc::new(self))
    }

    async fn connect_once(&self) -> Result<Arc<dyn Connection>, Status> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return self.address.connect_tls(&self.limits, tls).await;
        }
        self.address.connect(&self.limits).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, or why there is none; pending while one is being made.
    fn poll_connection(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<Arc<dyn Connection>, Status>> {
        let mut state = self.lock();
        if let Some((connection, _)) = &state.connection {
            return Poll::Ready(Ok(connection.clone()));
        }
        if let Some((status, until)) = &state.failure
            && Instant::now() < *until
        {
            return Poll::Ready(Err(status.clone()));
        }
        if !state.waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
            state.waiters.push(cx.waker().clone());
        }
        let connecting = std::mem::replace(&mut state.connecting, true);
        drop(state);
        if !connecting {
            tokio::spawn(Attempt(self.clone()).run());
        }
        Poll::Pending
    }

    /// `connection` takes no further calls, and said why.
    fn lost(&self, connection: &Arc<dyn Connection>, status: Status) {
        let mut state = self.lock();
        let State { connection: current, .. } = &*state;
        let Some((current, since)) = current else { return };
        if !Arc::ptr_eq(current, connection) {
            return;
        }
        // A server that closes each connection at once must not be asked again and again.
        if since.elapsed() >= FIRST_BACKOFF {
            state.backoff = FIRST_BACKOFF;
            state.lost_young = false;
        } else if std::mem::replace(&mut state.lost_young, true) {
            state.failed(status);
        }
        let lost = state.connection.take();
        drop(state);
        drop(lost);
    }
}

/// One attempt to connect. However it ends, also when it is dropped, no call is left waiting for it.
struct Attempt(Arc<Channel>);

impl Attempt {
    async fn run(self) {
        let channel = &self.0;
        let connected = channel.connect_once().await;
        let mut state = channel.lock();
        match connected {
            Ok(connection) => {
                state.connection = Some((connection, Instant::now()));
                state.failure = None;
            }
            Err(status) => state.failed(status),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.connecting = false;
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn failed(&mut self, status: Status) {
        self.failure = Some((status, Instant::now() + self.backoff));
        self.backoff = (2 * self.backoff).min(LAST_BACKOFF);
    }
}

impl Connection for Channel {
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        loop {
            let connection = std::task::ready!(self.poll_connection(cx))?;
            match connection.clone().poll_open(cx, opening) {
                Poll::Ready(Err(status))
                    if status.code() == Code::Unavailable && opening.is_some() && connection.is_closed() =>
                {
                    self.lost(&connection, status);
                }
                opened => return opened,
            }
        }
    }

    fn is_closed(&self) -> bool {
        false
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.address)
    }
}

/// How long calls fail at once after a first attempt to connect has failed; doubled each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(1);
