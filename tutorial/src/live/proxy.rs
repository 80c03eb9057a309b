//! Stands between clients and a server, and passes on what comes, byte for byte.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::feed::Happened;
use super::{Event, Feed, Observer};
use crate::lens::schema::Schema;
use crate::tap::Way;

/// Takes connections at `listener` and makes one to `server` for each, until it is dropped. What passes is put
/// into `feed`; whatever it is, and whether or not it can be understood, it is passed on.
///
/// The end of a direction is passed on as such, and so is a reset. Of more than 256 connections at once the first
/// are looked into, and the others only passed on.
pub async fn run(listener: TcpListener, server: String, schema: Arc<Schema>, feed: Feed) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, address)) => {
                    number += 1;
                    let observer = (connections.len() < MOST_OBSERVED).then(|| Observer::new(schema.clone()));
                    let onlooker = Onlooker::new(number, observer, feed.clone());
                    connections.spawn(carry(client, address, server.clone(), onlooker));
                }
                // Too many open files, say. Others may close some.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection.
async fn carry(mut client: TcpStream, address: SocketAddr, server: String, onlooker: Onlooker) {
    onlooker.put(Happened::Opened { client: address });
    let mut server = match TcpStream::connect(&server).await {
        Ok(stream) => stream,
        Err(error) => {
            // For the client it is as if nobody listened here.
            let _ = client.set_zero_linger();
            onlooker.close(Some(format!("cannot connect to {server}: {error}")));
            return;
        }
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let passed = {
        let ((client_in, client_out), (server_in, server_out)) = (client.split(), server.split());
        let there = pass_on(client_in, server_out, Way::Out, &onlooker);
        let back = pass_on(server_in, client_out, Way::In, &onlooker);
        tokio::try_join!(there, back)
    };
    if passed.is_err() {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
    onlooker.close(passed.err().map(|error| error.to_string()));
}

/// One direction of it. Who looks on sees bytes before the other side does, so that no answer is seen before
/// what it answers.
async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    onlooker: &Onlooker,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            onlooker.ends(way);
            // Who has gone already needs no farewell.
            let _ = to.shutdown().await;
            return Ok(());
        }
        onlooker.sees(way, &buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}

/// Who looks on at one connection, and tells the feed.
struct Onlooker {
    number: u64,
    feed: Feed,
    state: Mutex<State>,
}

struct State {
    /// `None`: there are too many others.
    observer: Option<Observer>,
    passed: u64,
    named: u64,
    faults: u64,
}

impl Onlooker {
    fn new(number: u64, observer: Option<Observer>, feed: Feed) -> Self {
        let state = State { observer, passed: 0, named: 0, faults: 0 };
        Self { number, feed, state: Mutex::new(state) }
    }

    fn put(&self, what: Happened) {
        self.feed.put(self.number, what);
    }

    fn sees(&self, way: Way, bytes: &[u8]) {
        self.tell(bytes.len(), |observer| observer.sees(way, bytes));
    }

    fn ends(&self, way: Way) {
        self.tell(0, |observer| observer.ends(way));
    }

    fn tell(&self, passed: usize, look: impl FnOnce(&mut Observer) -> Vec<Event>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.passed += passed as u64;
        for event in state.observer.as_mut().map(look).unwrap_or_default() {
            state.named += event.named();
            state.faults += event.faults().count() as u64;
            // Under the lock, so that what both sides say stays in order.
            self.put(Happened::Event(Box::new(event)));
        }
    }

    fn close(&self, why: Option<String>) {
        if why.is_some() {
            self.ends(Way::Out);
            self.ends(Way::In);
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { passed, named, faults, .. } = *state;
        self.put(Happened::Closed { why, passed, named, faults });
    }
}

/// How much is read at once.
const BUFFER: usize = 16 << 10;
const MOST_OBSERVED: usize = 256;
/// How long to wait before listening again, after that has failed.
const PAUSE: Duration = Duration::from_millis(50);
