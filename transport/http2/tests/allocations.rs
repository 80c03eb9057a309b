//! What a warm connection allocates: nothing.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http2::{Connection, Event, Fields, Limits, Output};
use std::time::Instant;
use support::post;

/// Two ends whose buffers are used again and again, as a driver does.
struct Warm {
    client: Connection,
    server: Connection,
    output: Output,
    to_server: BytesMut,
    to_client: BytesMut,
    request: Fields,
    response: Fields,
    trailers: Fields,
    now: Instant,
}

impl Warm {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            client: Connection::client(Limits::default(), now),
            server: Connection::server(Limits::default(), now),
            output: Output::default(),
            to_server: BytesMut::with_capacity(16 << 10),
            to_client: BytesMut::with_capacity(16 << 10),
            request: post(),
            response: Fields::new([(":status", "200"), ("content-type", "text/plain")]),
            trailers: Fields::new([("checksum", "0")]),
            now,
        }
    }

    fn request_and_response(&mut self, calls: usize) {
        for _ in 0..calls {
            let stream = self.client.open(&self.request, false).unwrap();
            self.client.send_data(stream, Bytes::from_static(&[0; 32]), true).unwrap();
        }
        carry(&mut self.client, &mut self.output, &mut self.to_server);
        while let Some(event) = self.server.receive(&mut self.to_server, self.now) {
            if let Event::Data { stream, data, end_stream: true } = event {
                self.server.read(stream, data.len());
                self.server.send_headers(stream, &self.response, false).unwrap();
                self.server.send_data(stream, Bytes::from_static(&[1; 32]), false).unwrap();
                self.server.send_trailers(stream, &self.trailers).unwrap();
                self.server.release(stream);
            }
        }
        carry(&mut self.server, &mut self.output, &mut self.to_client);
        let mut answered = 0;
        while let Some(event) = self.client.receive(&mut self.to_client, self.now) {
            match event {
                Event::Data { stream, data, .. } => self.client.read(stream, data.len()),
                Event::Trailers { stream, .. } => {
                    self.client.release(stream);
                    answered += 1;
                }
                _ => {}
            }
        }
        assert_eq!(answered, calls);
    }
}

fn carry(from: &mut Connection, output: &mut Output, to: &mut BytesMut) {
    while from.has_output() {
        from.take_output(output);
        to.reserve(output.remaining());
        to.put(&mut *output);
    }
}

#[test]
fn a_warm_request_and_its_response_allocate_nothing() {
    let mut warm = Warm::new();
    let cold = allocation_counter::measure(|| warm.request_and_response(10));
    assert!(cold.count_total > 0, "what is allocated is counted");
    (0..100).for_each(|_| warm.request_and_response(10));
    let measured = allocation_counter::measure(|| {
        (0..100).for_each(|_| warm.request_and_response(10));
    });
    assert_eq!(measured.count_total, 0, "in 1,000 calls: {measured:?}");
}
