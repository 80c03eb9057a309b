//! A server by hand that refuses requests before it looks at them.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use http2::{Connection, ErrorCode, Event, Fields, Limits, SendError};
use kv::Kv;
use kv::message::{IncrementReply, IncrementRequest};
use stub::codec::{Codec, Protobuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use transport::{Code, Status};

use crate::joined::written;

/// A server of gRPC that resets its first streams with REFUSED_STREAM, as one does that has no room or is
/// about to leave: they were not processed, not even a little (RFC 9113 §8.7). On the others it increments.
///
/// The real server hardly ever refuses, and never when it is told to; so this one is made by hand.
#[derive(Debug)]
pub struct Refusing<K> {
    kv: K,
    refusals: usize,
    requests: usize,
    bodies: HashMap<u32, BytesMut>,
}

impl<K: Kv> Refusing<K> {
    /// A server that increments in `kv`, but for its first `refusals` requests.
    pub fn new(kv: K, refusals: usize) -> Self {
        Self { kv, refusals, requests: 0, bodies: HashMap::new() }
    }

    /// Serves one connection to its end; how many requests there were on it.
    ///
    /// # Errors
    /// When `io` cannot be read or written, or what is read is no request to increment.
    pub async fn serve<Io: AsyncRead + AsyncWrite + Unpin>(mut self, mut io: Io) -> io::Result<usize> {
        let mut connection = Connection::server(Limits::default(), Instant::now());
        let mut input = BytesMut::new();
        while io.read_buf(&mut input).await? > 0 {
            while let Some(event) = connection.receive(&mut input, Instant::now()) {
                self.handle(&mut connection, event).await.map_err(io::Error::other)?;
            }
            io.write_all(&written(&mut connection)).await?;
        }
        Ok(self.requests)
    }

    async fn handle(&mut self, connection: &mut Connection, event: Event) -> Result<(), Status> {
        match event {
            Event::Headers { stream, .. } => {
                self.requests += 1;
                if self.requests <= self.refusals {
                    connection.reset(stream, ErrorCode::REFUSED_STREAM);
                    connection.release(stream);
                } else {
                    self.bodies.insert(stream, BytesMut::new());
                }
            }
            Event::Data { stream, data, end_stream } => {
                connection.read(stream, data.len());
                if let Some(body) = self.bodies.get_mut(&stream) {
                    body.extend_from_slice(&data);
                }
                if end_stream && let Some(body) = self.bodies.remove(&stream) {
                    let reply = self.increment(body.freeze()).await?;
                    answer(connection, stream, reply).map_err(|error| wrong(&error.to_string()))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// From a message behind its prefix of five bytes to another one.
    async fn increment(&self, body: Bytes) -> Result<Bytes, Status> {
        if body.len() < PREFIX {
            return Err(wrong("the request has no message"));
        }
        let request: IncrementRequest = Protobuf.decode(body.slice(PREFIX..))?;
        let value = self.kv.increment(&request.key, request.by).await?;
        let mut message = Vec::new();
        Protobuf.encode(&IncrementReply { value }, &mut message)?;
        let mut reply = BytesMut::new();
        reply.put_u8(0); // Not compressed.
        reply.put_u32(message.len() as u32);
        reply.extend_from_slice(&message);
        Ok(reply.freeze())
    }
}

fn answer(connection: &mut Connection, stream: u32, reply: Bytes) -> Result<(), SendError> {
    let head = [(":status", "200"), ("content-type", "application/grpc+proto")];
    connection.send_headers(stream, &Fields::new(head), false)?;
    connection.send_data(stream, reply, false)?;
    connection.send_trailers(stream, &Fields::new([("grpc-status", "0")]))?;
    connection.release(stream);
    Ok(())
}

fn wrong(text: &str) -> Status {
    Status::new(Code::Internal, text.to_owned())
}

/// Compressed or not, and the length.
const PREFIX: usize = 5;
