//! The transport `memory`: both ends of a connection in one process. Frames are handed over as they
//! are, in a queue each way; no byte is encoded, no task stands between the two ends.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::conversation::Conversation;
use crate::frame::{Frame, Hello};
use crate::host::{ClientEnd, Host, now, serve_accepted};
use crate::session::{Outlet, Role, Session};
use crate::{Code, Connection, Limits, Service, Status};

/// A connection of two ends, each with its own limits: the client's, and the server's to be served.
pub fn pair(client: &Limits, server: &Limits) -> (Arc<dyn Connection>, ServerEnd) {
    let session = |role, own: &Limits, peer: &Limits| {
        Session::new(role, own.clone(), Hello::new(peer), Queue::default())
    };
    let pair = Arc::new(Mutex::new(Pair {
        client: session(Role::Client, client, server),
        server: session(Role::Server, server, client),
        acceptor: None,
    }));
    let client = End { pair: pair.clone(), role: Role::Client };
    let server = End { pair, role: Role::Server };
    (Arc::new(ClientEnd(Arc::new(client))), ServerEnd(Arc::new(server)))
}

/// The server's end of a connection. Dropped, it fails the calls that are open with UNAVAILABLE.
pub struct ServerEnd(Arc<End>);

impl ServerEnd {
    /// Serves the connection until it ends. When `drain` is ready, no further calls are accepted,
    /// and the connection ends after those that are open.
    pub async fn serve(self, service: &dyn Service, drain: impl Future<Output = ()>) {
        let mut drain = pin!(drain);
        let mut draining = false;
        poll_fn(|cx| {
            if !draining && drain.as_mut().poll(cx).is_ready() {
                draining = true;
                self.0.with(Session::drain);
            }
            let former = self.0.lock().acceptor.replace(cx.waker().clone());
            drop(former);
            self.0.lock().client.forget_called();
            serve_accepted(&self.0, service);
            if self.0.with(|session| session.is_done()) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let gone = Status::new(Code::Unavailable, "its server stopped");
        self.0.with(|session| session.close_with(gone));
    }
}

impl std::fmt::Debug for ServerEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("memory::ServerEnd")
    }
}

/// Accepts the connections of this process to one name.
#[derive(Debug)]
pub struct Listener {
    name: String,
    connections: mpsc::Receiver<Request>,
    limits: Limits,
}

impl Listener {
    /// Listens under `name`, with `limits` for every connection.
    ///
    /// # Errors
    /// UNAVAILABLE when somebody in this process listens under that name already.
    pub fn bind(name: &str, limits: &Limits) -> Result<Self, Status> {
        let mut listeners = listeners();
        if listeners.get(name).is_some_and(|listener| !listener.connections.is_closed()) {
            let text = format!("somebody in this process listens on memory:{name} already");
            return Err(Status::new(Code::Unavailable, text));
        }
        let (sender, connections) = mpsc::channel(BACKLOG);
        let limits = limits.clone();
        listeners.insert(name.to_owned(), Bound { connections: sender, limits: limits.clone() });
        Ok(Self { name: name.to_owned(), connections, limits })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The limits of every connection.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The next connection.
    pub async fn accept(&mut self) -> ServerEnd {
        // The sender stays in the table as long as this listener is there.
        while let Some((connection, accepted)) = self.connections.recv().await {
            // Who has stopped waiting needs no server.
            if accepted.send(()).is_ok() {
                return connection;
            }
        }
        std::future::pending().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.connections.close();
        listeners().retain(|_, listener| !listener.connections.is_closed());
    }
}

/// Connects to whoever listens under `name` in this process.
///
/// # Errors
/// UNAVAILABLE when nobody does, or the connection is not accepted within the handshake limit.
pub async fn connect(name: &str, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
    let nobody = || {
        let text = format!("nothing in this process is listening on memory:{name}");
        Status::new(Code::Unavailable, text)
    };
    let bound = listeners().get(name).cloned().ok_or_else(nobody)?;
    let (client, server) = pair(limits, &bound.limits);
    let (accepted, acceptance) = oneshot::channel();
    // Not before it is accepted: a listener that goes away must not take calls with it.
    let connecting = async {
        bound.connections.send((server, accepted)).await.map_err(|_| nobody())?;
        acceptance.await.map_err(|_| nobody())
    };
    match timeout(limits.handshake, connecting).await {
        Ok(connected) => connected.map(|()| client),
        Err(_) => Err(Status::new(Code::Unavailable, format!("memory:{name} accepts no connections"))),
    }
}

/// Both sessions, behind the one lock of their connection.
struct Pair {
    client: Session<Queue>,
    server: Session<Queue>,
    /// The task that serves the calls.
    acceptor: Option<Waker>,
}

/// One end of the pair.
struct End {
    pair: Arc<Mutex<Pair>>,
    role: Role,
}

impl End {
    fn lock(&self) -> std::sync::MutexGuard<'_, Pair> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for End {
    type Conversation = Session<Queue>;

    fn with<R>(&self, f: impl FnOnce(&mut Session<Queue>) -> R) -> R {
        let mut pair = self.lock();
        let result = f(match self.role {
            Role::Client => &mut pair.client,
            Role::Server => &mut pair.server,
        });
        pair.exchange();
        let mut wakes = std::mem::take(&mut pair.client.wakes);
        wakes.append(&mut pair.server.wakes);
        let discarded =
            [std::mem::take(&mut pair.client.discarded), std::mem::take(&mut pair.server.discarded)];
        if pair.server.can_accept() || pair.server.is_done() || pair.client.could_open() {
            wakes.extend(pair.acceptor.take());
        }
        drop(pair);
        drop(discarded);
        wakes.into_iter().for_each(Waker::wake);
        result
    }
}

impl Pair {
    /// Hands over frames until neither end has one left.
    fn exchange(&mut self) {
        loop {
            self.client.pump();
            self.server.pump();
            if let Some(frame) = self.client.out.0.pop_front() {
                deliver(&mut self.server, frame);
            } else if let Some(frame) = self.server.out.0.pop_front() {
                deliver(&mut self.client, frame);
            } else {
                return;
            }
        }
    }
}

fn deliver(to: &mut Session<Queue>, frame: Frame) {
    if to.has_failed() {
        return;
    }
    if let Err(status) = to.handle(frame, now()) {
        to.close_with(status);
    }
}

/// Frames on their way to the other end.
#[derive(Default)]
struct Queue(VecDeque<Frame>);

impl Outlet for Queue {
    fn push(&mut self, frame: Frame) -> Option<Frame> {
        self.0.push_back(frame);
        None
    }

    fn waiting(&self) -> usize {
        // They are handed over before the lock is released.
        0
    }
}

/// Who listens in this process, by name.
static LISTENERS: LazyLock<Mutex<HashMap<String, Bound>>> = LazyLock::new(Mutex::default);

fn listeners() -> std::sync::MutexGuard<'static, HashMap<String, Bound>> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct Bound {
    connections: mpsc::Sender<Request>,
    limits: Limits,
}

/// A connection to be accepted, and whom to tell.
type Request = (ServerEnd, oneshot::Sender<()>);

/// How many connections may wait to be accepted.
const BACKLOG: usize = 128;
