//! One call from the client to the method and back, with everything noted that happens on the way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use kv::{Kv, KvClient, KvServer, Store};
use server::Router;
use tokio::net::{TcpListener, TcpStream};
use transport::{
    Call, Connection, IncomingCall, Limits, Opening, RequestHead, Service, Serving, Status, tcp,
};

use crate::command::Command;
use crate::lesson::no_network;
use crate::tap::{Tap, Way};

/// What happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The client called the method.
    Called,
    /// The client stub handed a message to the connection.
    ClientStub {
        /// The head of the request.
        head: RequestHead,
        /// The message.
        message: Vec<u8>,
    },
    /// The client's transport wrote bytes.
    ClientSent(Vec<u8>),
    /// The server's transport read bytes.
    ServerReceived(Vec<u8>),
    /// The server stub was asked to serve a call.
    ServerStub {
        /// The head of the request, as it arrived.
        head: RequestHead,
    },
    /// The method began.
    MethodBegan(Command),
    /// The method returned.
    MethodReturned(Result<Option<String>, Status>),
    /// The server's transport wrote bytes.
    ServerSent(Vec<u8>),
    /// The client's transport read bytes.
    ClientReceived(Vec<u8>),
    /// The call returned to the client.
    Returned(Result<Option<String>, Status>),
}

/// A call that was made, over TCP to a server in this process.
#[derive(Debug)]
pub struct Journey {
    /// What was called.
    pub command: Command,
    /// Where the client's end of the connection was.
    pub client: SocketAddr,
    /// Where the server's was.
    pub server: SocketAddr,
    /// What happened.
    pub events: Vec<Event>,
    /// What happened when the same call was made once more.
    pub again: Vec<Event>,
}

impl Journey {
    /// Makes the call, against an empty store.
    ///
    /// # Errors
    /// When there is no connection; how the call itself ends is among the events.
    pub async fn make(command: Command) -> Result<Self, Status> {
        let journal = Journal::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_network)?;
        let server = listener.local_addr().map_err(no_network)?;
        let (ours, theirs) = tokio::join!(TcpStream::connect(server), listener.accept());
        let (ours, (theirs, client)) = (ours.map_err(no_network)?, theirs.map_err(no_network)?);

        let kv = KvServer::new(WatchedKv { kv: Store::new(), journal: journal.clone() });
        let service = Arc::new(WatchedService { service: Router::new().with(kv), journal: journal.clone() });
        let serving = {
            let tap = journal.tap(theirs, Event::ServerSent, Event::ServerReceived);
            let forever = std::future::pending();
            tokio::spawn(async move { tcp::serve_over(tap, &Limits::default(), service, forever).await })
        };
        let tap = journal.tap(ours, Event::ClientSent, Event::ClientReceived);
        let connection = tcp::connect_over(tap, &Limits::default()).await?;
        journal.clear(); // Both sides have said hello; the call has not begun.

        let connection = WatchedConnection { connection, journal: journal.clone() };
        let kv = KvClient::new(Arc::new(connection));
        let mut journeys = Vec::new();
        for _ in 0..2 {
            journal.note(Event::Called);
            let result = command.call(&kv).await;
            journal.note(Event::Returned(result));
            journeys.push(journal.clear());
        }
        serving.abort();
        let again = journeys.pop().unwrap_or_default();
        let events = journeys.pop().unwrap_or_default();
        Ok(Self { command, client, server, events, again })
    }

    /// How the call ended for its caller.
    pub fn result(&self) -> Option<&Result<Option<String>, Status>> {
        self.events.iter().find_map(|event| match event {
            Event::Returned(result) => Some(result),
            _ => None,
        })
    }
}

/// The bytes that the client's transport wrote.
pub fn sent(events: &[Event]) -> Vec<u8> {
    bytes(events, |event| match event {
        Event::ClientSent(bytes) => Some(bytes),
        _ => None,
    })
}

/// The bytes that the client's transport read.
pub fn received(events: &[Event]) -> Vec<u8> {
    bytes(events, |event| match event {
        Event::ClientReceived(bytes) => Some(bytes),
        _ => None,
    })
}

fn bytes(events: &[Event], pick: impl Fn(&Event) -> Option<&Vec<u8>>) -> Vec<u8> {
    events.iter().filter_map(pick).flatten().copied().collect()
}

/// Where events are noted, from wherever they happen.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<Event>>>);

impl Journal {
    fn note(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// Forgets, and returns, what has been noted.
    fn clear(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tap(
        &self,
        io: TcpStream,
        out: fn(Vec<u8>) -> Event,
        back: fn(Vec<u8>) -> Event,
    ) -> Tap<TcpStream, impl FnMut(Way, &[u8]) + Unpin + Send + use<>> {
        let journal = self.clone();
        Tap::new(io, move |way, bytes: &[u8]| {
            journal.note(match way {
                Way::Out => out(bytes.to_vec()),
                Way::In => back(bytes.to_vec()),
            });
        })
    }
}

/// A connection around another: notes the message with which a call is opened.
struct WatchedConnection {
    connection: Arc<dyn Connection>,
    journal: Journal,
}

impl Connection for WatchedConnection {
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        if let Some(Opening { head, message: Some(message), .. }) = &opening {
            self.journal.note(Event::ClientStub { head: head.clone(), message: message.to_vec() });
        }
        self.connection.clone().poll_open(cx, opening)
    }

    fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }
}

/// A service around another: notes which call it is asked to serve.
struct WatchedService<S> {
    service: S,
    journal: Journal,
}

impl<S: Service> Service for WatchedService<S> {
    fn serve(&self, call: IncomingCall) -> Serving {
        self.journal.note(Event::ServerStub { head: call.head.clone() });
        self.service.serve(call)
    }
}

/// A `Kv` around another: notes when a method begins and what it returns.
struct WatchedKv<K> {
    kv: K,
    journal: Journal,
}

impl<K: Kv> WatchedKv<K> {
    async fn watch(&self, command: Command) -> Result<Option<String>, Status> {
        self.journal.note(Event::MethodBegan(command.clone()));
        let result = command.call(&self.kv).await;
        self.journal.note(Event::MethodReturned(result.clone()));
        result
    }
}

impl<K: Kv> Kv for WatchedKv<K> {
    async fn get(&self, key: &str) -> Result<String, Status> {
        let value = self.watch(Command::Get { key: key.to_owned() }).await?;
        Ok(value.unwrap_or_default())
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        self.watch(Command::Put { key: key.to_owned(), value: value.to_owned() }).await?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        let existed = self.watch(Command::Del { key: key.to_owned() }).await?;
        Ok(existed.as_deref() == Some("true"))
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        let number = self.watch(Command::Incr { key: key.to_owned(), by }).await?;
        Ok(number.and_then(|number| number.parse().ok()).unwrap_or_default())
    }
}
