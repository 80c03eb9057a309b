//! A service whose handlers are closures, and connections to it over every transport.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test file uses its part.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use transport::{
    Call, Code, Connection, IncomingCall, Limits, Path, Received, RecvStream, RequestHead, Service, Serving,
    Status, grpc, memory, open, tcp,
};

/// A service that is one closure.
pub struct Handler<F>(pub F);

impl<F, Fut> Service for Handler<F>
where
    F: Fn(IncomingCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn serve(&self, call: IncomingCall) -> Serving {
        Box::pin((self.0)(call))
    }
}

pub fn service<F, Fut>(handler: F) -> Arc<dyn Service>
where
    F: Fn(IncomingCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(Handler(handler))
}

/// Answers every message with itself, until the caller has sent all.
pub async fn echo(mut call: IncomingCall) {
    while let Received::Message(message) = call.receive.receive().await {
        if call.send.send(message).await.is_err() {
            return;
        }
    }
    call.send.finish(Status::ok());
}

#[derive(Clone, Copy, Debug)]
pub enum Transport {
    Memory,
    Tcp,
    Http,
}

/// A connection to a server that serves `service`, and what ends that server.
pub struct Connected {
    pub connection: Arc<dyn Connection>,
    pub server: Server,
}

/// A server of one connection.
pub struct Server {
    drain: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub fn drain(&mut self) {
        self.drain.take().map(|drain| drain.send(()));
    }

    pub async fn ended(self) {
        self.task.await.unwrap();
    }

    /// Ends as a process that is killed: without a word.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Transport {
    pub async fn connect(self, service: Arc<dyn Service>) -> Connected {
        self.connect_with(service, &Limits::default(), &Limits::default()).await
    }

    pub async fn connect_with(
        self,
        service: Arc<dyn Service>,
        client: &Limits,
        server: &Limits,
    ) -> Connected {
        let (drain, drained) = oneshot::channel();
        let drained = async move {
            if drained.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let (connection, task) = match self {
            Self::Memory => {
                let (connection, end) = memory::pair(client, server);
                let task = tokio::spawn(async move { end.serve(&*service, drained).await });
                (connection, task)
            }
            Self::Tcp => {
                let mut listener = tcp::Listener::bind("127.0.0.1", 0, server).await.unwrap();
                let port = listener.local_addr().unwrap().port();
                let limits = server.clone();
                let task = tokio::spawn(async move {
                    let (stream, _) = listener.accept().await.unwrap();
                    let _ = tcp::serve_over(stream, &limits, service, drained).await;
                });
                (tcp::connect("127.0.0.1", port, client).await.unwrap(), task)
            }
            Self::Http => {
                let mut listener = tcp::Listener::bind("127.0.0.1", 0, server).await.unwrap();
                let port = listener.local_addr().unwrap().port();
                let limits = server.clone();
                let task = tokio::spawn(async move {
                    let (stream, _) = listener.accept().await.unwrap();
                    let _ = grpc::serve_over(stream, &limits, service, drained).await;
                });
                (grpc::connect("127.0.0.1", port, client).await.unwrap(), task)
            }
        };
        Connected { connection, server: Server { drain: Some(drain), task } }
    }
}

pub fn head(path: &'static str) -> RequestHead {
    RequestHead::new(Path::from_static(path), "raw")
}

pub async fn start(connection: &Arc<dyn Connection>) -> Call {
    open(connection, head("/test.Test/Call"), None, false).await.unwrap()
}

/// One message there, one back.
pub async fn unary(connection: &Arc<dyn Connection>, message: impl Into<Bytes>) -> Result<Bytes, Status> {
    let mut call = open(connection, head("/test.Test/Unary"), Some(message.into()), true).await?;
    let mut answer = None;
    loop {
        match call.receive.receive().await {
            Received::Head(_) => {}
            Received::Message(message) => answer = Some(message),
            Received::End(status) => {
                status.into_result()?;
                return answer.ok_or_else(|| Status::new(Code::Internal, "no message"));
            }
        }
    }
}

/// What comes next, apart from the head of a response: gRPC has one also where the server said nothing.
pub async fn next(receive: &mut RecvStream) -> Received {
    loop {
        match receive.receive().await {
            Received::Head(_) => {}
            received => return received,
        }
    }
}

/// What a call ends with, whatever came before.
pub async fn end_of(call: &mut Call) -> Status {
    loop {
        if let Received::End(status) = call.receive.receive().await {
            return status;
        }
    }
}
