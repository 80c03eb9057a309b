//! This project's gRPC transport by itself: bytes in, bytes out, neither stubs nor codec.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use client::Channel;
use server::Server;
use transport::{Connection, IncomingCall, Path, RequestHead, Service, Serving, Status, open};

use super::{Failure, Sizes, ours};
use crate::load::Load;

pub(super) async fn serve(address: SocketAddr) -> Result<SocketAddr, Failure> {
    let mut server = Server::new(Echo);
    let bound = ours::listening(server.listen(&format!("http://{address}")).await?)?;
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(server);
    });
    Ok(bound)
}

struct Echo;

impl Service for Echo {
    fn serve(&self, call: IncomingCall) -> Serving {
        Box::pin(async {
            let IncomingCall { mut receive, mut send, .. } = call;
            let echoed = async {
                let message = receive.single_message().await?;
                send.send_last(message).await
            };
            let ended: Result<(), Status> = echoed.await;
            if let Err(status) = ended {
                send.finish(status);
            }
        })
    }
}

#[derive(Clone)]
pub(super) struct Client {
    connection: Arc<dyn Connection>,
    head: RequestHead,
}

impl super::Client for Client {
    type Request = Bytes;

    async fn connect(address: SocketAddr, _: Sizes) -> Result<Self, Failure> {
        let connection = Channel::connect(&format!("http://{address}")).await?;
        let head = RequestHead::new(Path::from_static("/bench.Bench/Echo"), "proto");
        Ok(Self { connection, head })
    }

    fn request(size: usize) -> Bytes {
        vec![7; size].into()
    }

    async fn echo(&mut self, request: &Bytes) -> Result<usize, Failure> {
        let mut call = open(&self.connection, self.head.clone(), Some(request.clone()), true).await?;
        Ok(call.receive.single_message().await?.len())
    }

    async fn download(&mut self, _: usize, _: &Arc<Load>) -> Result<(), Failure> {
        Err(Failure("only unary calls are measured at the seam".into()))
    }

    async fn upload(&mut self, _: usize, _: &Arc<Load>) -> Result<(), Failure> {
        Err(Failure("only unary calls are measured at the seam".into()))
    }
}
