//! A server of one connection, and clients of it.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use transport::{Address, Code, Connection, Limits, Service, Status, tls};

use crate::support::{Handler, echo, unary};

/// Both transports with TLS.
pub const SCHEMES: [&str; 2] = ["https", "tls+tcp"];

/// A server that listens at 127.0.0.1 and serves one connection.
pub struct Server {
    pub address: Address,
    drain: oneshot::Sender<()>,
    outcome: JoinHandle<Result<(), Status>>,
}

/// A server that echoes.
pub async fn serve(scheme: &str, tls: &tls::Server) -> Server {
    serve_with(scheme, tls, &Limits::default(), Arc::new(Handler(echo))).await
}

pub async fn serve_with(
    scheme: &str,
    tls: &tls::Server,
    limits: &Limits,
    service: Arc<dyn Service>,
) -> Server {
    let address: Address = format!("{scheme}://127.0.0.1:0").parse().unwrap();
    let mut listener = address.listen_tls(limits, tls).await.unwrap();
    let address = listener.address().unwrap();
    let (drain, drained) = oneshot::channel::<()>();
    let outcome = tokio::spawn(async move {
        let incoming = listener.accept().await.unwrap();
        incoming.serve(service, async { drop(drained.await) }).await
    });
    Server { address, drain, outcome }
}

impl Server {
    pub async fn connect(&self, tls: &tls::Client) -> Result<Arc<dyn Connection>, Status> {
        self.address.connect_tls(&Limits::default(), tls).await
    }

    /// Connects, and makes a call: what is refused late is seen with that.
    pub async fn call(&self, tls: &tls::Client) -> Result<(), Status> {
        call(&self.connect(tls).await?).await
    }

    /// Connects without TLS or anything else.
    pub async fn connect_raw(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port())).await.unwrap()
    }

    pub fn port(&self) -> u16 {
        self.address.to_string().rsplit(':').next().unwrap().parse().unwrap()
    }

    pub fn drain(self) -> JoinHandle<Result<(), Status>> {
        self.drain.send(()).unwrap();
        self.outcome
    }

    /// Waits for the end of the connection: what the server has to say about it.
    pub async fn outcome(self) -> Result<(), Status> {
        let _drain = self.drain;
        self.outcome.await.unwrap()
    }

    /// What the server says about a connection that has failed.
    pub async fn complaint(self) -> String {
        message(self.outcome().await)
    }
}

/// A call with one message each way.
pub async fn call(connection: &Arc<dyn Connection>) -> Result<(), Status> {
    unary(connection, "hello").await.map(|answer| assert_eq!(answer, "hello"))
}

/// What is said about a connection that has failed.
pub fn message<T>(outcome: Result<T, Status>) -> String {
    let status = outcome.err().expect("this connection is to fail");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    status.message().to_owned()
}
