//! Stands between client and server and counts the bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::contender::Failure;

/// A relay to a server.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<AtomicU64>,
    replies: Arc<AtomicU64>,
}

/// Bytes that have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// To the server.
    pub requests: u64,
    /// To the client.
    pub replies: u64,
}

impl Relay {
    /// Starts one, on a free port.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(server: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let relay =
            Self { address: listener.local_addr()?, requests: Arc::default(), replies: Arc::default() };
        let (requests, replies) = (relay.requests.clone(), relay.replies.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass(from_client, to_server, requests.clone()));
                tokio::spawn(pass(from_server, to_client, replies.clone()));
            }
        });
        Ok(relay)
    }

    /// What has passed until now.
    pub fn passed(&self) -> Passed {
        Passed { requests: self.requests.load(Relaxed), replies: self.replies.load(Relaxed) }
    }
}

/// Counts before it hands on: who has received something finds it counted.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, passed: Arc<AtomicU64>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        passed.fetch_add(length as u64, Relaxed);
        if to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
}
