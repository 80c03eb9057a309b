//! A socket and no protocol.
//!
//! A connection begins with twelve bytes: what it is for, and two sizes. Then messages of these sizes
//! follow, which nobody looks at.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::{Failure, Sizes};
use crate::load::Load;

pub(super) fn serve(listener: TcpListener) -> Result<SocketAddr, Failure> {
    let bound = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A connection ends when its client closes it: that is no failure.
            tokio::spawn(async move { converse(stream).await.is_ok() });
        }
    });
    Ok(bound)
}

async fn converse(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let purpose = stream.read_u32().await?;
    let (requests, replies) = (stream.read_u32().await? as usize, stream.read_u32().await? as usize);
    match purpose {
        EXCHANGE => exchange(stream, requests, replies).await,
        DOWNLOAD => {
            let message = vec![7; replies];
            loop {
                stream.write_all(&message).await?;
            }
        }
        _ => {
            let mut read = vec![0; requests];
            let mut bytes = 0;
            loop {
                match stream.read(&mut read).await? {
                    0 => return stream.write_u64(bytes).await,
                    length => bytes += length as u64,
                }
            }
        }
    }
}

/// Answers all requests that have come with one write.
async fn exchange(mut stream: TcpStream, requests: usize, replies: usize) -> io::Result<()> {
    let mut read = vec![0; READ];
    let answers = vec![7; (READ / requests + 1) * replies];
    let mut pending = 0;
    loop {
        match stream.read(&mut read).await? {
            0 => return Ok(()),
            length => pending += length,
        }
        let whole = pending / requests;
        if whole > 0 {
            pending %= requests;
            stream.write_all(&answers[..whole * replies]).await?;
        }
    }
}

#[derive(Clone)]
pub(super) struct Client {
    address: SocketAddr,
    reply: usize,
    stream: Arc<Mutex<TcpStream>>,
}

impl super::Client for Client {
    type Request = Vec<u8>;

    async fn connect(address: SocketAddr, sizes: Sizes) -> Result<Self, Failure> {
        let (request, reply) = sizes.bare;
        let stream = begin(address, EXCHANGE, request, reply).await?;
        Ok(Self { address, reply, stream: Arc::new(Mutex::new(stream)) })
    }

    fn request(size: usize) -> Vec<u8> {
        vec![7; size]
    }

    /// One exchange after the other.
    async fn echo(&mut self, request: &Vec<u8>) -> Result<usize, Failure> {
        let mut stream = self.stream.lock().await;
        stream.write_all(request).await?;
        let mut reply = [0; 4096];
        let mut left = self.reply;
        while left > 0 {
            let most = left.min(reply.len());
            match stream.read(&mut reply[..most]).await? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                length => left -= length,
            }
        }
        Ok(self.reply)
    }

    async fn download(&mut self, size: usize, load: &Arc<Load>) -> Result<(), Failure> {
        let mut stream = begin(self.address, DOWNLOAD, size, size).await?;
        let mut message = vec![0; size];
        while !load.is_stopped() {
            stream.read_exact(&mut message).await?;
            load.received(message.len(), size)?;
        }
        Ok(())
    }

    async fn upload(&mut self, size: usize, load: &Arc<Load>) -> Result<(), Failure> {
        let mut stream = begin(self.address, UPLOAD, size, size).await?;
        let message = vec![7; size];
        while !load.is_stopped() {
            stream.write_all(&message).await?;
            load.done();
        }
        stream.shutdown().await?;
        load.all_came(stream.read_u64().await? / size as u64)
    }

    /// As many requests in each write as replies have come.
    async fn keep_calling(self, in_flight: usize, sizes: Sizes, load: Arc<Load>) -> Result<(), Failure> {
        let (request, reply) = sizes.bare;
        if in_flight == 1 {
            return crate::load::call_in_turn(self, Arc::new(vec![7; request]), reply, load).await;
        }
        let mut stream = self.stream.lock().await;
        let requests = vec![7; in_flight * request];
        let mut read = vec![0; READ];
        stream.write_all(&requests).await?;
        let mut pending = 0;
        while !load.is_stopped() {
            match stream.read(&mut read).await? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                length => pending += length,
            }
            let whole = pending / reply;
            if whole > 0 {
                pending %= reply;
                load.all_done(whole as u64);
                stream.write_all(&requests[..whole * request]).await?;
            }
        }
        Ok(())
    }
}

async fn begin(address: SocketAddr, purpose: u32, requests: usize, replies: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    for word in [purpose, requests as u32, replies as u32] {
        stream.write_u32(word).await?;
    }
    Ok(stream)
}

const EXCHANGE: u32 = 1;
const DOWNLOAD: u32 = 2;
const UPLOAD: u32 = 3;

/// How much is read at once.
const READ: usize = 64 << 10;
