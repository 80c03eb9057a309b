//! What the protocol itself costs for a small request and its response, without sockets, in nanoseconds
//! and in allocations: `cargo bench -p http2`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use http2::connection::PREFACE;
use http2::frame::{Data, Headers, Settings, WindowUpdate};
use http2::hpack::Encoder;
use http2::{Connection, Event, Fields, Limits, Output};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// How many requests travel together.
const TOGETHER: [usize; 2] = [1, 100];

/// A client and a server: everything that both do for a request and its response.
#[divan::bench(args = TOGETHER)]
fn client_and_server(bencher: Bencher<'_, '_>, together: usize) {
    let (mut client, mut server) = (Client::new(), Server::new());
    let (mut requests, mut responses) = (BytesMut::new(), BytesMut::new());
    let mut converse = || {
        client.ask(together, &mut requests);
        server.answer(&mut requests, &mut responses);
        client.take(&mut responses);
    };
    (0..1000).for_each(|_| converse());
    bencher.counter(ItemsCount::new(together)).bench_local(converse);
}

/// A server alone: bytes in, decode, state, answer, encode, bytes out. A few nanoseconds of it are those
/// of making the requests, frame by frame.
#[divan::bench(args = TOGETHER)]
fn server(bencher: Bencher<'_, '_>, together: usize) {
    let mut server = Server::new();
    let (mut peer, mut responses) = (Peer::new(), BytesMut::new());
    let mut serve = || {
        peer.ask(together);
        server.answer(&mut peer.requests, &mut responses);
        responses.clear();
    };
    (0..1000).for_each(|_| serve());
    bencher.counter(ItemsCount::new(together)).bench_local(serve);
}

struct Client {
    connection: Connection,
    request: Fields,
    output: Output,
    now: Instant,
}

impl Client {
    fn new() -> Self {
        let now = Instant::now();
        let connection = Connection::client(Limits::default(), now);
        Self { connection, request: request(), output: Output::default(), now }
    }

    fn ask(&mut self, requests: usize, to: &mut BytesMut) {
        for _ in 0..requests {
            let stream = self.connection.open(&self.request, false).unwrap();
            self.connection.send_data(stream, Bytes::from_static(&[0; 32]), true).unwrap();
        }
        carry(&mut self.connection, &mut self.output, to);
    }

    fn take(&mut self, responses: &mut BytesMut) {
        while let Some(event) = self.connection.receive(responses, self.now) {
            match event {
                Event::Data { stream, data, .. } => self.connection.read(stream, data.len()),
                Event::Trailers { stream, .. } => self.connection.release(stream),
                _ => {}
            }
        }
    }
}

struct Server {
    connection: Connection,
    response: Fields,
    trailers: Fields,
    output: Output,
    now: Instant,
}

impl Server {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            connection: Connection::server(Limits::default(), now),
            response: Fields::new([(":status", "200"), ("content-type", "text/plain")]),
            trailers: Fields::new([("checksum", "0")]),
            output: Output::default(),
            now,
        }
    }

    fn answer(&mut self, requests: &mut BytesMut, to: &mut BytesMut) {
        let connection = &mut self.connection;
        while let Some(event) = connection.receive(requests, self.now) {
            if let Event::Data { stream, data, .. } = event {
                connection.read(stream, data.len());
                connection.send_headers(stream, &self.response, false).unwrap();
                connection.send_data(stream, Bytes::from_static(&[1; 32]), false).unwrap();
                connection.send_trailers(stream, &self.trailers).unwrap();
                connection.release(stream);
            }
        }
        carry(connection, &mut self.output, to);
    }
}

/// A client that only writes.
struct Peer {
    requests: BytesMut,
    encoder: Encoder,
    request: Fields,
    block: BytesMut,
    next: u32,
}

impl Peer {
    fn new() -> Self {
        let mut requests = BytesMut::from(&PREFACE[..]);
        Settings::default().encode(&mut requests);
        Settings { ack: true, settings: Vec::new() }.encode(&mut requests);
        Self { requests, encoder: Encoder::new(), request: request(), block: BytesMut::new(), next: 1 }
    }

    fn ask(&mut self, requests: usize) {
        for _ in 0..requests {
            self.block.clear();
            self.encoder.encode(&self.request, &mut self.block);
            Headers::encode_block(self.next, false, 16_384, &mut self.requests, |dst| {
                dst.extend_from_slice(&self.block)
            });
            Data::encode_head(self.next, 32, true, &mut self.requests);
            self.requests.put_bytes(0, 32);
            self.next += 2;
        }
        WindowUpdate { stream: 0, increment: 32 * requests as u32 }.encode(&mut self.requests);
    }
}

fn request() -> Fields {
    Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/a/path"),
        (":authority", "example.com"),
        ("te", "trailers"),
        ("content-type", "text/plain"),
    ])
}

fn carry(from: &mut Connection, output: &mut Output, to: &mut BytesMut) {
    while from.has_output() {
        from.take_output(output);
        to.reserve(output.remaining());
        to.put(&mut *output);
    }
}
