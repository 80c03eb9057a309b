//! Who calls whom: {bytes by hand, our client, tonic's client} × {our server, tonic's server}, of `Kv`. It is the
//! table of lesson 14, and what both sides make of an error.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use kv::{Kv, KvClient};
use proto::kv_client::KvClient as TonicClient;
use proto::kv_server::KvServer as TonicServer;
use proto::{
    Change, DeleteReply, DeleteRequest, Entry, GetReply, GetRequest, IncrementReply, IncrementRequest,
    LoadReply, PutReply, PutRequest, WatchRequest,
};
use server::{Router, Server};
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Streaming};
use transport::{Address, Code, Status};
use tutorial::by_hand::grpc::{self, Connection};
use tutorial::exercise::grpc::mistaken;
use tutorial::onlooker::{Onlooker, Said, verdict};
use tutorial::tap::Way;

/// What tonic and prost write of the contract.
mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::all)]

    include!(concat!(env!("OUT_DIR"), "/tonic/kv.rs"));
}

/// A text that is not ASCII, and has what stands for a byte in `grpc-message`.
const TEXT: &str = "100 % of \"grün\"\n is 🔑";

/// A server that listens, until this is dropped.
struct Serving {
    address: SocketAddr,
    _ours: Option<Server>,
    _tonics: JoinSet<()>,
}

impl Serving {
    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn our_server() -> Serving {
    let mut server = Server::new(Router::new().with(kv::KvServer::new(Counters::default())));
    let Address::Http { host, port } = server.listen("http://127.0.0.1:0").await.unwrap() else {
        panic!("it was asked for http")
    };
    let address = format!("{host}:{port}").parse().unwrap();
    Serving { address, _ours: Some(server), _tonics: JoinSet::new() }
}

async fn tonics_server() -> Serving {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let serving = tonic::transport::Server::builder()
        .serve_with_incoming(TonicServer::new(Counters::default()), incoming);
    tasks.spawn(async move { serving.await.unwrap() });
    Serving { address, _ours: None, _tonics: tasks }
}

/// Counters, for a server of ours and for one of tonic's. To get anything fails with [`TEXT`].
#[derive(Clone, Default)]
struct Counters(Arc<Mutex<HashMap<String, i64>>>);

impl Counters {
    fn add(&self, key: &str, by: i64) -> i64 {
        let mut counters = self.0.lock().unwrap();
        let counter = counters.entry(key.to_owned()).or_default();
        *counter += by;
        *counter
    }
}

impl Kv for Counters {
    async fn get(&self, _key: &str) -> Result<String, Status> {
        Err(Status::new(Code::NotFound, TEXT))
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        Ok(self.add(key, by))
    }
}

#[tonic::async_trait]
impl proto::kv_server::Kv for Counters {
    async fn get(&self, _request: Request<GetRequest>) -> Result<Response<GetReply>, tonic::Status> {
        Err(tonic::Status::not_found(TEXT))
    }

    async fn increment(
        &self,
        request: Request<IncrementRequest>,
    ) -> Result<Response<IncrementReply>, tonic::Status> {
        let IncrementRequest { key, by } = request.into_inner();
        Ok(Response::new(IncrementReply { value: self.add(&key, by) }))
    }

    async fn put(&self, _request: Request<PutRequest>) -> Result<Response<PutReply>, tonic::Status> {
        Err(not_here())
    }

    async fn delete(&self, _request: Request<DeleteRequest>) -> Result<Response<DeleteReply>, tonic::Status> {
        Err(not_here())
    }

    type WatchStream = tokio_stream::Pending<Result<Change, tonic::Status>>;

    async fn watch(
        &self,
        _request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, tonic::Status> {
        Err(not_here())
    }

    async fn load(&self, _request: Request<Streaming<Entry>>) -> Result<Response<LoadReply>, tonic::Status> {
        Err(not_here())
    }

    type SyncStream = tokio_stream::Pending<Result<Change, tonic::Status>>;

    async fn sync(
        &self,
        _request: Request<Streaming<Change>>,
    ) -> Result<Response<Self::SyncStream>, tonic::Status> {
        Err(not_here())
    }
}

fn not_here() -> tonic::Status {
    tonic::Status::unimplemented("not here")
}

/// increment("hits", 3), all of its bytes made by hand, and what comes back.
async fn by_hand(server: &Serving) -> Vec<Said> {
    let authority = server.address.to_string();
    let call = grpc::call(1, &grpc::fields("/kv.Kv/Increment", &authority), b"\x0a\x04hits\x10\x03");
    exchange(server, call).await
}

async fn exchange(server: &Serving, frames: Vec<u8>) -> Vec<Said> {
    let address = server.address;
    let passed = tokio::task::spawn_blocking(move || {
        let (mut connection, mut passed) = Connection::open(address).unwrap();
        passed.extend(connection.send(1, &frames).unwrap());
        passed
    });
    Onlooker::new().sees(&passed.await.unwrap())
}

async fn the_bytes_made_by_hand_are_answered(server: Serving) {
    for counter in [3, 6] {
        let said = by_hand(&server).await;
        assert_eq!(verdict(&said), "OK");
        let back = said.iter().filter(|said| said.frame.way == Way::In);
        let data: Vec<_> = back
            .filter_map(|said| {
                let range = tutorial::lens::http2::frame(&said.frame.bytes).data?;
                Some(said.frame.bytes[range].to_vec())
            })
            .collect();
        assert_eq!(data.concat(), [0, 0, 0, 0, 2, 8, counter]);
    }
}

async fn our_client_is_answered(server: Serving) {
    let kv = KvClient::connect(&server.url()).await.unwrap();
    assert_eq!(kv.increment("hits", 3).await.unwrap(), 3);
    assert_eq!(kv.increment("hits", -5).await.unwrap(), -2);
    let status = kv.get("x").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, TEXT));
}

async fn tonics_client_is_answered(server: Serving) {
    let mut kv = TonicClient::connect(server.url()).await.unwrap();
    for (by, expected) in [(3, 3), (-5, -2)] {
        let request = IncrementRequest { key: "hits".to_owned(), by };
        assert_eq!(kv.increment(request).await.unwrap().into_inner().value, expected);
    }
    let status = kv.get(GetRequest { key: "x".to_owned() }).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::NotFound, TEXT));
}

#[tokio::test]
async fn bytes_made_by_hand_are_answered_by_our_server() {
    the_bytes_made_by_hand_are_answered(our_server().await).await;
}

#[tokio::test]
async fn bytes_made_by_hand_are_answered_by_the_server_of_tonic() {
    the_bytes_made_by_hand_are_answered(tonics_server().await).await;
}

#[tokio::test]
async fn our_client_is_answered_by_our_server() {
    our_client_is_answered(our_server().await).await;
}

#[tokio::test]
async fn our_client_is_answered_by_the_server_of_tonic() {
    our_client_is_answered(tonics_server().await).await;
}

#[tokio::test]
async fn the_client_of_tonic_is_answered_by_our_server() {
    tonics_client_is_answered(our_server().await).await;
}

#[tokio::test]
async fn the_client_of_tonic_is_answered_by_the_server_of_tonic() {
    tonics_client_is_answered(tonics_server().await).await;
}

#[tokio::test]
async fn a_call_that_breaks_a_must_is_taken_by_neither_server() {
    let may = ["no te: trailers", "GET", "content-type: application/json", "trailers behind the message"];
    for server in [our_server().await, tonics_server().await] {
        let message = b"\x0a\x04hits\x10\x03";
        for mistake in mistaken() {
            let frames = (mistake.frames)("/kv.Kv/Increment", &server.address.to_string(), message);
            // These every server judges in its own way; the tests of lesson 14 say how ours does.
            if !may.contains(&mistake.what) {
                assert_ne!(verdict(&exchange(&server, frames).await), "OK", "{}", mistake.what);
            }
        }
    }
}
