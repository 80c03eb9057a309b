//! The bytes that pass a client's end of a connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use transport::{Address, Code, Connection, Limits, Status, grpc, tcp};

use crate::tap::{Chunk, Tap, Way};

/// The bytes that have passed the client's end of a connection, piece by piece, as they were written and read.
/// Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Passing(Arc<Mutex<Vec<Chunk>>>);

impl Passing {
    /// Connects to a server of any transport. Over `memory` no bytes pass.
    ///
    /// # Errors
    /// UNAVAILABLE when there is no server at `address`.
    pub async fn connect(&self, address: &Address) -> Result<Arc<dyn Connection>, Status> {
        let limits = Limits::default();
        match address {
            Address::Tcp { host, port } => {
                tcp::connect_over(self.tap(dialled(host, *port).await?), &limits).await
            }
            Address::Http { host, port } => {
                let io = self.tap(dialled(host, *port).await?);
                grpc::connect_over(io, &limits, &format!("{host}:{port}")).await
            }
            other => other.connect(&limits).await,
        }
    }

    /// A stream of bytes around `io` that notes here what passes.
    pub fn tap<Io>(&self, io: Io) -> Tap<Io, impl FnMut(Way, &[u8]) + Unpin + Send + use<Io>> {
        let passing = self.clone();
        Tap::new(io, move |way, bytes: &[u8]| passing.lock().push((way, bytes.to_vec())))
    }

    /// Forgets, and returns, what has passed.
    pub fn take(&self) -> Vec<Chunk> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Chunk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn dialled(host: &str, port: u16) -> Result<TcpStream, Status> {
    let connect = async {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    connect.await.map_err(|error: std::io::Error| {
        Status::new(Code::Unavailable, format!("cannot connect to {host}:{port}: {error}"))
    })
}
