//! A client, and the server it is connected to.

use std::sync::atomic::{AtomicUsize, Ordering};

use interop::TestServer;
use interop::proto::{TestServiceClient, TestServiceServer};
use server::{Router, Server};
use tonic::transport::{Channel, Endpoint};
use transport::web::Web;

use crate::tonic_server;

/// A client, and what has to live as long as it is used.
pub(crate) struct Served<C> {
    pub(crate) client: C,
    _server: Option<Server>,
}

/// Our client and our server, which listens on `address`.
pub(crate) async fn ours(address: &str) -> Served<TestServiceClient> {
    let (server, address) = our_server(address).await;
    Served { client: TestServiceClient::connect(&address).await.unwrap(), _server: Some(server) }
}

/// The same over gRPC-Web.
pub(crate) async fn ours_on_the_web() -> Served<TestServiceClient> {
    let router = Router::new().with(TestServiceServer::new(TestServer));
    let mut server = Server::new(router).web(Web::new());
    let address = format!("web+{}", server.listen("http://127.0.0.1:0").await.unwrap());
    Served { client: TestServiceClient::connect(&address).await.unwrap(), _server: Some(server) }
}

/// The same in memory. Each is its own.
pub(crate) async fn in_memory() -> Served<TestServiceClient> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    ours(&format!("memory:pairing-{}", NEXT.fetch_add(1, Ordering::Relaxed))).await
}

/// Our client and tonic's server.
pub(crate) async fn tonics() -> Served<TestServiceClient> {
    Served { client: TestServiceClient::connect(&tonic_server::start()).await.unwrap(), _server: None }
}

/// tonic's client and our server.
pub(crate) async fn ours_for_tonic() -> Served<Channel> {
    let (server, address) = our_server("http://127.0.0.1:0").await;
    Served { client: channel(address).await, _server: Some(server) }
}

/// tonic's client and tonic's server.
pub(crate) async fn tonics_for_tonic() -> Served<Channel> {
    Served { client: channel(tonic_server::start()).await, _server: None }
}

async fn our_server(address: &str) -> (Server, String) {
    let mut server = Server::new(Router::new().with(TestServiceServer::new(TestServer)));
    let bound = server.listen(address).await.unwrap();
    (server, bound.to_string())
}

async fn channel(address: String) -> Channel {
    Endpoint::from_shared(address).unwrap().connect().await.unwrap()
}
