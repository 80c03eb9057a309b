//! A relay between a client and a server: it passes on what comes, and notes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use transport::{Address, Code, Status};

use crate::lesson::no_network;
use crate::tap::{Chunk, Tap, Way};

/// Listens on a free port of this machine and connects who comes to the server behind it. Neither side
/// needs to know. It ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: Address,
    notes: Arc<Notes>,
    accepting: AbortHandle,
}

impl Relay {
    /// A relay to the server at `address`, which has a socket. Inside TLS it sees what everybody on the way does.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where there is no socket to listen to; UNAVAILABLE when one cannot listen.
    pub async fn to(address: &Address) -> Result<Self, Status> {
        let mut address = address.clone();
        let (Address::Tcp { host, port }
        | Address::TlsTcp { host, port }
        | Address::Http { host, port }
        | Address::Https { host, port }
        | Address::WebHttp { host, port }
        | Address::WebHttps { host, port }) = &mut address
        else {
            let text = format!("nothing can stand between a client and {address}");
            return Err(Status::new(Code::InvalidArgument, text));
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_network)?;
        let own = listener.local_addr().map_err(no_network)?;
        let server = (std::mem::replace(host, own.ip().to_string()), *port);
        *port = own.port();
        let notes = Arc::new(Notes::default());
        let accepting = tokio::spawn(accept(listener, server, notes.clone())).abort_handle();
        Ok(Self { address, notes, accepting })
    }

    /// Where the client finds it.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What has passed since this was asked last, in order.
    pub fn passed(&self) -> Vec<Chunk> {
        std::mem::take(&mut *self.notes.lock())
    }

    /// The same, once `is_there` of what has passed.
    pub async fn passed_with(&self, is_there: impl Fn(&[Chunk]) -> bool) -> Vec<Chunk> {
        loop {
            let changed = self.notes.changed.notified();
            if is_there(&self.notes.lock()) {
                return self.passed();
            }
            changed.await;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug, Default)]
struct Notes {
    chunks: Mutex<Vec<Chunk>>,
    changed: Notify,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Vec<Chunk>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, way: Way, bytes: &[u8]) {
        let mut chunks = self.lock();
        match chunks.last_mut() {
            Some((last, before)) if *last == way => before.extend_from_slice(bytes),
            _ => chunks.push((way, bytes.to_vec())),
        }
        drop(chunks);
        self.changed.notify_waiters();
    }
}

async fn accept(listener: TcpListener, server: (String, u16), notes: Arc<Notes>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass_on(client, server.clone(), notes.clone()));
    }
}

async fn pass_on(mut client: TcpStream, server: (String, u16), notes: Arc<Notes>) -> std::io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut server = Tap::new(server, move |way, bytes: &[u8]| notes.add(way, bytes));
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
