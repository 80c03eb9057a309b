//! A server of HTTP/1.1 made by hand, and a client of gRPC-Web that is connected to it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use transport::{Call, Connection, Limits, Path, Received, RequestHead, Status, open, web};

use crate::certificates::Identity;
use crate::ends::trailers;
use crate::http1::Peer;

/// Accepts connections at 127.0.0.1.
pub struct Server {
    listener: TcpListener,
    pub port: u16,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    /// A server, a client's connection to it, and the first connection of TCP that makes.
    pub async fn connected() -> (Self, Arc<dyn Connection>, Peer) {
        Self::connected_limited(Limits::default()).await
    }

    pub async fn connected_limited(limits: Limits) -> (Self, Arc<dyn Connection>, Peer) {
        let server = Self::start().await;
        let connection = web::connect("127.0.0.1", server.port, &limits).await.unwrap();
        let first = server.accept().await;
        (server, connection, first)
    }

    pub async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer::new(stream)
    }
}

/// Reads a request whole: its head, and what is in its body.
pub async fn request_of(peer: &mut Peer) -> (String, Bytes) {
    let head = peer.head().await;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let body = peer.take(length.parse().unwrap()).await;
    (head, body)
}

/// What comes of a call of `/kv.Kv/Get` with one message.
pub fn calling(connection: &Arc<dyn Connection>, message: &'static str) -> JoinHandle<Vec<Received>> {
    calling_with(connection, head(), message)
}

pub fn calling_with(
    connection: &Arc<dyn Connection>,
    head: RequestHead,
    message: &'static str,
) -> JoinHandle<Vec<Received>> {
    let connection = connection.clone();
    tokio::spawn(async move {
        match open(&connection, head, Some(message.into()), true).await {
            Ok(mut call) => all(&mut call).await,
            Err(status) => vec![Received::End(status)],
        }
    })
}

/// All that is received on a call.
pub async fn all(call: &mut Call) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        all.push(call.receive.receive().await);
        if let Some(Received::End(_)) = all.last() {
            return all;
        }
    }
}

/// What a client makes of an answer, with what comes behind it if the connection is closed then.
pub async fn received(answer: impl AsRef<[u8]>) -> Vec<Received> {
    received_by(Limits::default(), answer).await
}

pub async fn received_by(limits: Limits, answer: impl AsRef<[u8]>) -> Vec<Received> {
    let (_server, connection, mut peer) = Server::connected_limited(limits).await;
    let call = calling(&connection, "hello");
    request_of(&mut peer).await;
    peer.write(answer).await;
    drop(peer);
    call.await.unwrap()
}

/// The status with which a call ends that has this answer.
pub async fn end(answer: impl AsRef<[u8]>) -> Status {
    end_of(received(answer).await)
}

pub fn end_of(mut received: Vec<Received>) -> Status {
    match received.pop() {
        Some(Received::End(status)) => status,
        other => panic!("an end, and not {other:?}"),
    }
}

/// A call of `/kv.Kv/Get` in protobuf.
pub fn head() -> RequestHead {
    RequestHead::new(Path::from_static("/kv.Kv/Get"), "proto")
}

/// An answer with these headers and this body.
pub fn answer(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web+proto\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A server with `identity` that agrees on no protocol, and echoes one call in HTTP/1.1: its port.
pub async fn tls_server(identity: &Identity) -> (u16, JoinHandle<()>) {
    let chain = vec![CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let Server { listener, port } = Server::start().await;
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = Peer::new(TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap());
        let (_, body) = request_of(&mut peer).await;
        peer.write(answer("", [&body[..], &trailers("grpc-status: 0\r\n")].concat())).await;
        peer.rest().await;
    });
    (port, serving)
}
