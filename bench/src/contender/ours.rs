//! This project, with the stubs that `stub_build` writes.

use std::net::SocketAddr;
use std::sync::Arc;

use server::{Router, Server};
use stub::{Receiver, Sender};
use transport::{Address, Status};

use super::{Client, Failure, Sizes};
use crate::load::Load;
use crate::proto::{Bench, BenchClient, BenchServer, DownloadRequest, Payload, UploadReply};

/// gRPC.
pub(super) type Http = Ours<true>;
/// Our own frames.
pub(super) type Tcp = Ours<false>;

#[derive(Clone)]
pub(super) struct Ours<const HTTP: bool>(BenchClient);

pub(super) async fn serve(scheme: &str, address: SocketAddr) -> Result<SocketAddr, Failure> {
    let mut server = Server::new(Router::new().with(BenchServer::new(Echo)));
    let bound = listening(server.listen(&format!("{scheme}://{address}")).await?)?;
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(server);
    });
    Ok(bound)
}

/// The socket of an address where one listens.
pub(super) fn listening(address: Address) -> Result<SocketAddr, Failure> {
    let text = address.to_string();
    let (_, socket) = text.split_once("://").unwrap_or_default();
    socket.parse().map_err(|_| Failure(format!("{text} is no address of TCP")))
}

struct Echo;

impl Bench for Echo {
    async fn echo(&self, request: Payload) -> Result<Payload, Status> {
        Ok(request)
    }

    async fn download(&self, request: DownloadRequest, mut replies: Sender<Payload>) -> Result<(), Status> {
        let payload = Payload { data: vec![7; request.size as usize].into() };
        for _ in 0..request.messages {
            replies.send(&payload).await?;
        }
        Ok(())
    }

    async fn upload(&self, mut requests: Receiver<Payload>) -> Result<UploadReply, Status> {
        let mut reply = UploadReply::default();
        while let Some(payload) = requests.recv().await? {
            reply.messages += 1;
            reply.bytes += payload.data.len() as u64;
        }
        Ok(reply)
    }
}

impl<const HTTP: bool> Client for Ours<HTTP> {
    type Request = Payload;

    async fn connect(address: SocketAddr, _: Sizes) -> Result<Self, Failure> {
        let scheme = if HTTP { "http" } else { "tcp" };
        Ok(Self(BenchClient::connect(&format!("{scheme}://{address}")).await?))
    }

    fn request(size: usize) -> Payload {
        Payload { data: vec![7; size].into() }
    }

    async fn echo(&mut self, request: &Payload) -> Result<usize, Failure> {
        Ok(self.0.echo(request).await?.data.len())
    }

    async fn download(&mut self, size: usize, load: &Arc<Load>) -> Result<(), Failure> {
        let request = DownloadRequest { messages: u64::MAX, size: size as u32 };
        let mut replies = self.0.download(&request).await?;
        while !load.is_stopped() {
            let payload = replies.recv().await?.ok_or_else(|| Failure("the stream ended".into()))?;
            load.received(payload.data.len(), size)?;
        }
        Ok(())
    }

    async fn upload(&mut self, size: usize, load: &Arc<Load>) -> Result<(), Failure> {
        let (mut requests, mut reply) = self.0.upload().await?;
        let payload = Self::request(size);
        while !load.is_stopped() {
            requests.send(&payload).await?;
            load.done();
        }
        requests.finish().await?;
        load.all_came(reply.single().await?.messages)
    }
}
