//! One end of a connection, whose peer is a script of frames; and two ends joined, on a clock of their own.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http2::connection::PREFACE;
use http2::frame::{
    Data, Frame, GoAway, Head, Headers, Kind, Ping, RstStream, Setting, Settings, WindowUpdate,
};
use http2::hpack::{Decoder, Encoder, FieldList};
use http2::{Connection, ErrorCode, Event, Fields, Limits, Output};

/// One end of a connection. Its peer is the test, frame by frame.
pub struct Scripted {
    pub connection: Connection,
    /// What time it is.
    pub now: Instant,
    /// The peer's HPACK: the table of what the test sends, and of what it is sent.
    pub encoder: Encoder,
    pub decoder: Decoder,
    input: BytesMut,
}

impl Scripted {
    /// A server that has seen the client's preface and SETTINGS, and whose own SETTINGS are acknowledged.
    pub fn server() -> Self {
        Self::server_with(Limits::default())
    }

    pub fn server_with(limits: Limits) -> Self {
        let mut server = Self::new(Connection::server(limits, Instant::now()));
        server.send(PREFACE);
        server.greet()
    }

    /// A client whose peer has sent its SETTINGS and acknowledged the client's.
    pub fn client() -> Self {
        Self::client_with(Limits::default())
    }

    pub fn client_with(limits: Limits) -> Self {
        Self::new(Connection::client(limits, Instant::now())).greet()
    }

    /// A connection at its very beginning.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            now: Instant::now(),
            encoder: Encoder::new(),
            decoder: Decoder::new(1 << 20, 10_000),
            input: BytesMut::new(),
        }
    }

    fn greet(mut self) -> Self {
        let events = self.send(&[settings(&[]), settings_ack()].concat());
        assert_eq!(events, []);
        self.sent();
        self
    }

    /// The peer sends these bytes; what the connection makes of them.
    pub fn send(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.input.extend_from_slice(bytes);
        std::iter::from_fn(|| self.connection.receive(&mut self.input, self.now)).collect()
    }

    /// The peer sends a field block in one HEADERS frame.
    pub fn send_headers(&mut self, stream: u32, fields: &Fields, end_stream: bool) -> Vec<Event> {
        let frame = self.headers(stream, fields, end_stream);
        self.send(&frame)
    }

    /// A HEADERS frame with a whole field block, by the peer's table.
    pub fn headers(&mut self, stream: u32, fields: &Fields, end_stream: bool) -> Vec<u8> {
        let fragment = self.block(fields).freeze();
        encoded(|dst| Headers { stream, fragment, end_stream, end_headers: true }.encode(dst))
    }

    /// A field block, by the peer's table.
    pub fn block(&mut self, fields: &Fields) -> BytesMut {
        let mut block = BytesMut::new();
        self.encoder.encode(fields, &mut block);
        block
    }

    /// What the connection has written since this was asked last.
    pub fn sent_bytes(&mut self) -> BytesMut {
        let mut all = BytesMut::new();
        loop {
            let mut output = Output::default();
            self.connection.take_output(&mut output);
            self.connection.discarded().clear();
            if !output.has_remaining() {
                return all;
            }
            all.put(output);
        }
    }

    /// What the connection has written since this was asked last, frame by frame.
    pub fn sent(&mut self) -> Vec<Frame> {
        let mut bytes = self.sent_bytes();
        if bytes.starts_with(PREFACE) {
            bytes.advance(PREFACE.len());
        }
        let frames = std::iter::from_fn(|| Frame::decode(&mut bytes, 1 << 24).unwrap()).collect();
        assert!(bytes.is_empty(), "whole frames are written");
        frames
    }

    /// The fields of a HEADERS frame that the connection has written. All have to be decoded, in order.
    pub fn fields(&mut self, frame: &Frame) -> Fields {
        let Frame::Headers(headers) = frame else { panic!("not HEADERS: {frame:?}") };
        assert!(headers.end_headers);
        match self.decoder.decode(&headers.fragment).unwrap() {
            FieldList::Fields(fields) => fields,
            FieldList::TooLarge => panic!("too large"),
        }
    }

    /// Time passes.
    pub fn wait(&mut self, time: Duration) -> Vec<Event> {
        self.now += time;
        self.connection.handle_timeout(self.now);
        std::iter::from_fn(|| self.connection.poll_event()).collect()
    }

    /// The peer opens stream 1, 3, … with a request that goes on.
    pub fn open(&mut self, stream: u32) {
        let events = self.send_headers(stream, &post(), false);
        assert!(matches!(events[..], [Event::Headers { stream: id, .. }] if id == stream), "{events:?}");
    }
}

/// Two ends of one connection, joined. Time passes when they are told so.
pub struct Pair {
    pub client: Connection,
    pub server: Connection,
    pub now: Instant,
    to_client: BytesMut,
    to_server: BytesMut,
    /// How many bytes travel at once; all for 0.
    pub cut: usize,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(Limits::default(), Limits::default())
    }

    pub fn with(client: Limits, server: Limits) -> Self {
        let now = Instant::now();
        Self {
            client: Connection::client(client, now),
            server: Connection::server(server, now),
            now,
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
            cut: 0,
        }
    }

    /// Carries everything to the other side, once. What happens at client and server.
    pub fn carry(&mut self) -> (Vec<Event>, Vec<Event>) {
        let to_server = take(&mut self.client);
        let to_client = take(&mut self.server);
        let at_server = deliver(&to_server, &mut self.to_server, self.cut, &mut self.server, self.now);
        let at_client = deliver(&to_client, &mut self.to_client, self.cut, &mut self.client, self.now);
        (at_client, at_server)
    }

    /// Carries to and fro until nobody has anything to say.
    pub fn settle(&mut self) -> (Vec<Event>, Vec<Event>) {
        let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
        while self.client.has_output() || self.server.has_output() {
            let (client, server) = self.carry();
            at_client.extend(client);
            at_server.extend(server);
        }
        (at_client, at_server)
    }
}

fn take(connection: &mut Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while connection.has_output() {
        let mut output = Output::default();
        connection.take_output(&mut output);
        connection.discarded().clear();
        bytes.put(output);
    }
    bytes
}

fn deliver(bytes: &[u8], input: &mut BytesMut, cut: usize, to: &mut Connection, now: Instant) -> Vec<Event> {
    let mut events: Vec<_> = std::iter::from_fn(|| to.poll_event()).collect();
    let cut = if cut == 0 { bytes.len().max(1) } else { cut };
    for piece in bytes.chunks(cut) {
        input.extend_from_slice(piece);
        events.extend(std::iter::from_fn(|| to.receive(input, now)));
    }
    events
}

// ---- messages ----

pub fn get() -> Fields {
    Fields::new([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "example.com")])
}

pub fn post() -> Fields {
    Fields::new([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "example.com")])
}

pub fn ok() -> Fields {
    Fields::new([(":status", "200")])
}

// ---- frames ----

pub fn encoded(encode: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode(&mut bytes);
    bytes.to_vec()
}

/// Any frame, also one that this crate would never send.
pub fn raw(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let head = Head { length: payload.len() as u32, kind, flags, stream };
    let mut bytes = encoded(|dst| head.encode(dst));
    bytes.extend_from_slice(payload);
    bytes
}

pub fn data(stream: u32, data: &[u8], end_stream: bool) -> Vec<u8> {
    let data = Bytes::copy_from_slice(data);
    encoded(|dst| Data { stream, data, end_stream, padding: 0 }.encode(dst))
}

pub fn settings(settings: &[Setting]) -> Vec<u8> {
    encoded(|dst| Settings { ack: false, settings: settings.to_vec() }.encode(dst))
}

pub fn settings_ack() -> Vec<u8> {
    encoded(|dst| Settings { ack: true, settings: Vec::new() }.encode(dst))
}

pub fn ping(data: [u8; 8], ack: bool) -> Vec<u8> {
    encoded(|dst| Ping { ack, data }.encode(dst))
}

pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    encoded(|dst| WindowUpdate { stream, increment }.encode(dst))
}

pub fn rst_stream(stream: u32, code: ErrorCode) -> Vec<u8> {
    encoded(|dst| RstStream { stream, code }.encode(dst))
}

pub fn go_away(last_stream: u32, code: ErrorCode) -> Vec<u8> {
    encoded(|dst| GoAway { last_stream, code, debug_data: Bytes::new() }.encode(dst))
}

// ---- what is expected ----

/// That the connection ended with an error of this code: told to the application, and to the peer.
pub fn is_connection_error(scripted: &mut Scripted, events: &[Event], code: ErrorCode) {
    let Some(Event::Closed(error)) = events.last() else { panic!("the connection goes on: {events:?}") };
    assert_eq!(error.code, code, "{error}");
    let sent = scripted.sent();
    assert!(matches!(sent.last(), Some(Frame::GoAway(away)) if away.code == code), "{sent:?}");
    assert!(scripted.connection.is_done());
}

/// That one stream was reset with this code, and the connection goes on.
pub fn is_stream_error(scripted: &mut Scripted, stream: u32, code: ErrorCode) {
    let sent = scripted.sent();
    assert!(sent.contains(&Frame::RstStream(RstStream { stream, code })), "{sent:?}");
    assert!(!sent.iter().any(|frame| matches!(frame, Frame::GoAway(_))), "{sent:?}");
    assert!(!scripted.connection.has_failed());
}
