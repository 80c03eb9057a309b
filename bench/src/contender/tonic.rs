//! tonic, with the stubs that it writes and the messages that we have.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

use super::{Failure, Sizes};
use crate::load::Load;
use crate::proto::{DownloadRequest, Payload, UploadReply};
use stubs::bench_client::BenchClient;
use stubs::bench_server::{Bench, BenchServer};

/// What tonic writes of `proto/bench.proto`.
mod stubs {
    #![allow(missing_docs, unreachable_pub, clippy::all)]

    include!(concat!(env!("OUT_DIR"), "/tonic/bench.rs"));
}

/// `channel` when the messages of a stream come through a channel.
pub(super) fn serve(address: SocketAddr, channel: bool) -> Result<SocketAddr, Failure> {
    let incoming = TcpIncoming::bind(address)?.with_nodelay(Some(true));
    let bound = incoming.local_addr()?;
    tokio::spawn(Server::builder().serve_with_incoming(BenchServer::new(Echo { channel }), incoming));
    Ok(bound)
}

struct Echo {
    channel: bool,
}

#[tonic::async_trait]
impl Bench for Echo {
    async fn echo(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type DownloadStream = BoxStream<'static, Result<Payload, Status>>;

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let DownloadRequest { messages, size } = request.into_inner();
        let payload = Payload { data: vec![7; size as usize].into() };
        let mut payloads = (0..messages).map(move |_| Ok(payload.clone()));
        if !self.channel {
            return Ok(Response::new(stream::iter(payloads).boxed()));
        }
        let (sender, mut receiver) = mpsc::channel(128);
        tokio::spawn(async move {
            // It fails when the caller has gone: then nobody waits for more.
            while let Some(payload) = payloads.next()
                && sender.send(payload).await.is_ok()
            {}
        });
        Ok(Response::new(stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed()))
    }

    async fn upload(&self, request: Request<Streaming<Payload>>) -> Result<Response<UploadReply>, Status> {
        let mut requests = request.into_inner();
        let mut reply = UploadReply::default();
        while let Some(payload) = requests.message().await? {
            reply.messages += 1;
            reply.bytes += payload.data.len() as u64;
        }
        Ok(Response::new(reply))
    }
}

#[derive(Clone)]
pub(super) struct Client(BenchClient<Channel>);

impl super::Client for Client {
    type Request = Payload;

    async fn connect(address: SocketAddr, _: Sizes) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(failure)?;
        Ok(Self(BenchClient::new(endpoint.tcp_nodelay(true).connect().await.map_err(failure)?)))
    }

    fn request(size: usize) -> Payload {
        Payload { data: vec![7; size].into() }
    }

    async fn echo(&mut self, request: &Payload) -> Result<usize, Failure> {
        Ok(self.0.echo(request.clone()).await.map_err(failure)?.into_inner().data.len())
    }

    async fn download(&mut self, size: usize, load: &Arc<Load>) -> Result<(), Failure> {
        let request = DownloadRequest { messages: u64::MAX, size: size as u32 };
        let mut replies = self.0.download(request).await.map_err(failure)?.into_inner();
        while !load.is_stopped() {
            let payload = replies.message().await.map_err(failure)?;
            load.received(payload.ok_or_else(|| Failure("the stream ended".into()))?.data.len(), size)?;
        }
        Ok(())
    }

    async fn upload(&mut self, size: usize, load: &Arc<Load>) -> Result<(), Failure> {
        let payload = Self::request(size);
        let counter = load.clone();
        let payloads = std::iter::from_fn(move || {
            let goes_on = !counter.is_stopped();
            if goes_on {
                counter.done();
            }
            goes_on.then(|| payload.clone())
        });
        let reply = self.0.upload(stream::iter(payloads)).await.map_err(failure)?.into_inner();
        load.all_came(reply.messages)
    }
}

fn failure(error: impl std::error::Error) -> Failure {
    Failure(error.to_string())
}
