//! tarpc, with the transport that it has for TCP, and bincode.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt;
use serde_bytes::ByteBuf;
use tarpc::serde_transport::Transport;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tarpc::{client, context};
use tokio::net::{TcpListener, TcpStream};

use super::{Failure, Sizes};
use crate::load::Load;

/// What tarpc writes for this.
mod stubs {
    #![allow(missing_docs, unreachable_pub, missing_debug_implementations)]

    use serde_bytes::ByteBuf;

    #[tarpc::service]
    pub trait Bench {
        /// The same bytes back.
        async fn echo(data: ByteBuf) -> ByteBuf;
    }
}

use stubs::{Bench, BenchClient};

pub(super) fn serve(listener: TcpListener) -> Result<SocketAddr, Failure> {
    let bound = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A socket that cannot be set up so is one that is gone.
            let Ok(()) = stream.set_nodelay(true) else { continue };
            let transport: Transport<_, _, _, _> = (stream, Bincode::default()).into();
            tokio::spawn(BaseChannel::with_defaults(transport).execute(Echo.serve()).for_each(
                async |response| {
                    tokio::spawn(response);
                },
            ));
        }
    });
    Ok(bound)
}

#[derive(Clone)]
struct Echo;

impl Bench for Echo {
    async fn echo(self, _: context::Context, data: ByteBuf) -> ByteBuf {
        data
    }
}

#[derive(Clone)]
pub(super) struct Client(BenchClient);

impl super::Client for Client {
    type Request = ByteBuf;

    async fn connect(address: SocketAddr, _: Sizes) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let framed = Framed::new(stream, LengthDelimitedCodec::new());
        let transport = tarpc::serde_transport::new(framed, Bincode::default());
        Ok(Self(BenchClient::new(client::Config::default(), transport).spawn()))
    }

    fn request(size: usize) -> ByteBuf {
        ByteBuf::from(vec![7; size])
    }

    async fn echo(&mut self, request: &ByteBuf) -> Result<usize, Failure> {
        let reply = self.0.echo(context::current(), request.clone()).await;
        Ok(reply.map_err(|error| Failure(error.to_string()))?.len())
    }

    async fn download(&mut self, _: usize, _: &Arc<Load>) -> Result<(), Failure> {
        Err(Failure("tarpc has no streams".into()))
    }

    async fn upload(&mut self, _: usize, _: &Arc<Load>) -> Result<(), Failure> {
        Err(Failure("tarpc has no streams".into()))
    }
}
