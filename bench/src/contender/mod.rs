//! Who is measured: this project over two transports, its peers, and a bare socket as the limit.
//!
//! Each has a file with its server and its client, set up as its own documentation says.

mod bare;
mod ours;
mod seam;
mod tarpc;
mod tonic;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::load::{Load, call_in_turn};

/// One way to make a remote call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Contender {
    /// This project: protobuf on HTTP/2, which is gRPC.
    Http,
    /// This project: bincode in its own frames.
    Tcp,
    /// The gRPC of the Rust ecosystem.
    Tonic,
    /// An RPC library of its own kind, which is not gRPC.
    Tarpc,
    /// A socket of tokio and no protocol: what is possible at best.
    Bare,
    /// This project: the transport of gRPC without stubs and codec.
    Seam,
    /// tonic, where the messages of a stream come through a channel from a task, as in its examples.
    TonicChannel,
}

/// Why something could not be measured.
#[derive(Debug)]
pub struct Failure(pub String);

/// How many bytes travel.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The data of a request, and of its reply.
    pub data: usize,
    /// For the bare socket: a whole request and a whole reply.
    pub bare: (usize, usize),
}

/// One connection, or a handle on it.
pub trait Client: Clone + Send + Sync + 'static {
    /// What [`echo`](Self::echo) sends; made once where the library allows that.
    type Request: Send + Sync + 'static;

    /// Connects to a server of the same contender.
    fn connect(address: SocketAddr, sizes: Sizes) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// A request with so many bytes of data.
    fn request(size: usize) -> Self::Request;

    /// One unary call; how many bytes of data came back.
    fn echo(&mut self, request: &Self::Request) -> impl Future<Output = Result<usize, Failure>> + Send;

    /// Receives messages with `size` bytes of data until the load is stopped.
    fn download(&mut self, size: usize, load: &Arc<Load>)
    -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends messages with `size` bytes of data until the load is stopped; checks that all came.
    fn upload(&mut self, size: usize, load: &Arc<Load>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Makes unary calls, so many at once, until the load is stopped.
    fn keep_calling(
        self,
        in_flight: usize,
        sizes: Sizes,
        load: Arc<Load>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async move {
            let request = Arc::new(Self::request(sizes.data));
            let mut callers = JoinSet::new();
            for _ in 0..in_flight {
                callers.spawn(call_in_turn(self.clone(), request.clone(), sizes.data, load.clone()));
            }
            while let Some(ended) = callers.join_next().await {
                ended.map_err(|error| Failure(error.to_string()))??;
            }
            Ok(())
        }
    }
}

/// Something to be done with the clients of whichever contender.
pub trait Drive {
    /// What comes of it.
    type Output;

    /// Does it, on a runtime with one thread.
    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output;
}

impl Contender {
    /// All that are measured side by side.
    pub const ALL: [Self; 5] = [Self::Http, Self::Tcp, Self::Tonic, Self::Tarpc, Self::Bare];

    /// Those with which one calls methods.
    pub const RPC: [Self; 4] = [Self::Http, Self::Tcp, Self::Tonic, Self::Tarpc];

    /// Those with streams of messages.
    pub const STREAMING: [Self; 4] = [Self::Http, Self::Tcp, Self::Tonic, Self::TonicChannel];

    /// Its name in tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Http => "http+protobuf",
            Self::Tcp => "tcp+bincode",
            Self::Tonic => "tonic",
            Self::Tarpc => "tarpc",
            Self::Bare => "bare TCP",
            Self::Seam => "http, no stubs",
            Self::TonicChannel => "tonic, channel",
        }
    }

    /// Its name on a command line.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Tonic => "tonic",
            Self::Tarpc => "tarpc",
            Self::Bare => "bare",
            Self::Seam => "seam",
            Self::TonicChannel => "tonic-channel",
        }
    }

    /// How it was set up.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Http => "this project over http, protobuf; default limits",
            Self::Tcp => "this project over tcp, bincode; default limits",
            Self::Tonic => {
                "defaults, TCP_NODELAY at both ends; prost messages, the same as ours; streams from an iterator"
            }
            Self::Tarpc => {
                "defaults, TCP_NODELAY at both ends; its TCP transport with bincode, a task a request, \
                 serde_bytes; it has no streams"
            }
            Self::Bare => {
                "tokio TcpStream, TCP_NODELAY; messages of a fixed size, answered without being looked at"
            }
            Self::Seam => "this project over http; bytes in, bytes out",
            Self::TonicChannel => "as tonic; the handler is a task that sends into a channel of 128",
        }
    }

    /// Serves at `address` for as long as the runtime runs; returns where, which for port 0 has the port
    /// that was free.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn serve(self, address: SocketAddr) -> Result<SocketAddr, Failure> {
        match self {
            Self::Http => ours::serve("http", address).await,
            Self::Tcp => ours::serve("tcp", address).await,
            Self::Tonic => tonic::serve(address, false),
            Self::TonicChannel => tonic::serve(address, true),
            Self::Tarpc => tarpc::serve(bind(address).await?),
            Self::Bare => bare::serve(bind(address).await?),
            Self::Seam => seam::serve(address).await,
        }
    }

    /// Does something with its clients. Whatever they leave behind is gone afterwards.
    ///
    /// # Panics
    /// When the operating system refuses what a runtime needs.
    pub fn drive<D: Drive>(self, drive: D) -> D::Output {
        let runtime = runtime();
        match self {
            Self::Http => drive.run::<ours::Http>(&runtime),
            Self::Tcp => drive.run::<ours::Tcp>(&runtime),
            Self::Tonic | Self::TonicChannel => drive.run::<tonic::Client>(&runtime),
            Self::Tarpc => drive.run::<tarpc::Client>(&runtime),
            Self::Bare => drive.run::<bare::Client>(&runtime),
            Self::Seam => drive.run::<seam::Client>(&runtime),
        }
    }
}

/// A runtime with one thread, as client and server have.
///
/// # Panics
/// When the operating system refuses what it needs.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had")
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure(format!("cannot listen on {address}: {error}")))
}

impl Sizes {
    /// As much on a bare socket as there is data.
    pub fn of(data: usize) -> Self {
        Self { data, bare: (data, data) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<transport::Status> for Failure {
    fn from(status: transport::Status) -> Self {
        Self(status.to_string())
    }
}
