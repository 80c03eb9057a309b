//! A peer made by hand: it speaks HTTP/2 frame by frame, and knows nothing of gRPC.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http2::connection::PREFACE;
use http2::frame::{
    Data, Frame, GoAway, Head, Headers, Kind, Ping, RstStream, Setting, Settings, WindowUpdate,
};
use http2::hpack::{Decoder, Encoder, FieldList};
use http2::{ErrorCode, Fields};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use transport::{Call, Connection, Limits, Path, Received, RequestHead, Service, grpc, open};

/// Names and values, in order.
pub type Pairs = Vec<(String, String)>;

/// What the other side has sent. SETTINGS and PINGs are answered, credit is noted.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    Headers { stream: u32, fields: Pairs, end: bool },
    Data { stream: u32, data: Bytes, end: bool },
    Reset { stream: u32, code: ErrorCode },
    GoAway { last_stream: u32, code: ErrorCode },
    PingAck([u8; 8]),
    Closed,
}

/// An answer to its end, or as much of it as came before a reset.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub head: Pairs,
    pub data: Vec<u8>,
    pub trailers: Option<Pairs>,
    pub reset: Option<ErrorCode>,
}

impl Answer {
    /// A field of the trailers, or of the head where that is all there is.
    pub fn value(&self, name: &str) -> Option<&str> {
        value(self.trailers.as_ref().unwrap_or(&self.head), name)
    }

    /// `:status` and `grpc-status`.
    pub fn status(&self) -> (&str, &str) {
        (value(&self.head, ":status").unwrap_or("none"), self.value("grpc-status").unwrap_or("none"))
    }
}

/// One end of a connection.
pub struct Peer {
    io: DuplexStream,
    input: BytesMut,
    encoder: Encoder,
    decoder: Decoder,
    /// How much may be sent on the connection, and on the stream that is sent on.
    window: (i64, i64),
    next_stream: u32,
}

impl Peer {
    fn new(io: DuplexStream) -> Self {
        Self {
            io,
            input: BytesMut::new(),
            encoder: Encoder::new(),
            decoder: Decoder::new(1 << 20, 1000),
            window: (65_535, 65_535),
            next_stream: 1,
        }
    }

    /// A client of a server that serves `service`.
    pub async fn client_of(service: Arc<dyn Service>) -> Self {
        Self::client_of_limited(service, Limits::default()).await
    }

    pub async fn client_of_limited(service: Arc<dyn Service>, limits: Limits) -> Self {
        let (near, far) = duplex(1 << 20);
        tokio::spawn(async move {
            let _ = grpc::serve_over(far, &limits, service, std::future::pending()).await;
        });
        let mut peer = Self::new(near);
        peer.write(PREFACE).await;
        peer.settings(&[]).await;
        peer
    }

    /// A server, and a client's connection to it.
    pub async fn server() -> (Arc<dyn Connection>, Self) {
        Self::server_of_limited(Limits::default(), &[]).await
    }

    pub async fn server_of_limited(limits: Limits, settings: &[Setting]) -> (Arc<dyn Connection>, Self) {
        let (near, far) = duplex(1 << 20);
        let mut peer = Self::new(far);
        peer.settings(settings).await;
        let connection = grpc::connect_over(near, &limits, AUTHORITY).await.unwrap();
        let mut preface = [0; PREFACE.len()];
        peer.io.read_exact(&mut preface).await.unwrap();
        assert_eq!(preface, *PREFACE);
        (connection, peer)
    }

    /// A number for a stream of a client.
    pub fn new_stream(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    /// The window with which the other side's streams begin.
    pub fn expect_window(&mut self, window: u32) {
        self.window.1 = window.into();
    }

    // ---- to send ----

    pub async fn write(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    async fn frame(&mut self, encode: impl FnOnce(&mut BytesMut)) {
        let mut bytes = BytesMut::new();
        encode(&mut bytes);
        self.write(&bytes).await;
    }

    pub async fn settings(&mut self, settings: &[Setting]) {
        let settings = settings.to_vec();
        self.frame(|dst| Settings { ack: false, settings }.encode(dst)).await;
    }

    pub async fn headers<N, V>(&mut self, stream: u32, fields: &[(N, V)], end: bool)
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
        let fields =
            Fields::new(fields.iter().map(|(name, value)| (copy(name.as_ref()), copy(value.as_ref()))));
        let mut block = BytesMut::new();
        self.encoder.encode(&fields, &mut block);
        self.frame(|dst| {
            Headers::encode_block(stream, end, 16_384, dst, |dst| dst.extend_from_slice(&block))
        })
        .await;
    }

    pub async fn data(&mut self, stream: u32, data: impl AsRef<[u8]>, end: bool) {
        let data = Bytes::copy_from_slice(data.as_ref());
        self.frame(|dst| Data::encode_head(stream, data.len() as u32, end, dst)).await;
        self.write(&data).await;
    }

    /// DATA with zeros behind it.
    pub async fn padded(&mut self, stream: u32, data: &[u8], padding: u8, end: bool) {
        let length = 1 + data.len() as u32 + u32::from(padding);
        let flags = Head::PADDED | if end { Head::END_STREAM } else { 0 };
        let mut frame = BytesMut::new();
        Head { length, kind: Kind::DATA, flags, stream }.encode(&mut frame);
        self.write(&[&frame[..], &[padding], data, &vec![0; padding.into()]].concat()).await;
    }

    /// Sends no more than the windows allow, padded or not; notes what comes meanwhile.
    pub async fn within_windows(&mut self, stream: u32, data: &[u8], chunk: usize, padding: Option<u8>) {
        let mut rest = data;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(chunk.min(rest.len()));
            let cost = (now.len() + padding.map_or(0, |padding| 1 + usize::from(padding))) as i64;
            while self.window.0.min(self.window.1) < cost {
                self.credit().await;
            }
            self.window = (self.window.0 - cost, self.window.1 - cost);
            match padding {
                Some(padding) => self.padded(stream, now, padding, false).await,
                None => self.data(stream, now, false).await,
            }
            rest = later;
        }
    }

    pub async fn reset(&mut self, stream: u32, code: ErrorCode) {
        self.frame(|dst| RstStream { stream, code }.encode(dst)).await;
    }

    pub async fn ping(&mut self, data: [u8; 8]) {
        self.frame(|dst| Ping { ack: false, data }.encode(dst)).await;
    }

    pub async fn go_away(&mut self, last_stream: u32, code: ErrorCode) {
        self.frame(|dst| GoAway { last_stream, code, debug_data: Bytes::new() }.encode(dst)).await;
    }

    /// Lets the other side send more, on the connection and on all streams that are still to come.
    pub async fn open_windows(&mut self) {
        self.settings(&[Setting::InitialWindowSize(1 << 24)]).await;
        self.frame(|dst| WindowUpdate { stream: 0, increment: 1 << 28 }.encode(dst)).await;
    }

    /// A whole request: its stream.
    pub async fn request(&mut self, fields: &[(&str, &str)], data: &[u8]) -> u32 {
        let stream = self.new_stream();
        self.headers(stream, fields, false).await;
        self.data(stream, data, true).await;
        stream
    }

    // ---- to receive ----

    async fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.input, 1 << 24).unwrap() {
                return Some(frame);
            }
            if !matches!(self.io.read_buf(&mut self.input).await, Ok(1..)) {
                return None;
            }
        }
    }

    pub async fn next(&mut self) -> Came {
        loop {
            let Some(frame) = self.next_frame().await else { return Came::Closed };
            if let Some(came) = self.note(frame).await {
                return came;
            }
        }
    }

    /// Waits for credit.
    async fn credit(&mut self) {
        let frame = self.next_frame().await.expect("the other side gives credit");
        let is_end = matches!(frame, Frame::GoAway(_) | Frame::RstStream(_));
        assert!(!is_end, "{frame:?}");
        self.note(frame).await;
    }

    async fn note(&mut self, frame: Frame) -> Option<Came> {
        Some(match frame {
            Frame::Settings(Settings { ack: false, .. }) => {
                self.frame(|dst| Settings { ack: true, settings: vec![] }.encode(dst)).await;
                return None;
            }
            Frame::Ping(Ping { ack: false, data }) => {
                self.frame(|dst| Ping { ack: true, data }.encode(dst)).await;
                return None;
            }
            Frame::WindowUpdate(WindowUpdate { stream, increment }) => {
                let window = if stream == 0 { &mut self.window.0 } else { &mut self.window.1 };
                *window += i64::from(increment);
                return None;
            }
            Frame::Headers(frame) => {
                assert!(frame.end_headers, "one frame is enough");
                let FieldList::Fields(fields) = self.decoder.decode(&frame.fragment).unwrap() else {
                    panic!("too many fields");
                };
                Came::Headers { stream: frame.stream, fields: to_pairs(&fields), end: frame.end_stream }
            }
            Frame::Data(Data { stream, data, end_stream, .. }) => {
                Came::Data { stream, data, end: end_stream }
            }
            Frame::RstStream(RstStream { stream, code }) => Came::Reset { stream, code },
            Frame::GoAway(GoAway { last_stream, code, .. }) => Came::GoAway { last_stream, code },
            Frame::Ping(Ping { data, .. }) => Came::PingAck(data),
            _ => return None,
        })
    }

    /// What comes on `stream` of a client, to its end.
    pub async fn answer(&mut self, on: u32) -> Answer {
        let mut answer = Answer::default();
        loop {
            match self.next().await {
                Came::Headers { stream, fields, end } if stream == on => {
                    if answer.head.is_empty() {
                        answer.head = fields;
                    } else {
                        assert!(end, "a third HEADERS frame is the end");
                        answer.trailers = Some(fields);
                    }
                    if end {
                        return answer;
                    }
                }
                Came::Data { stream, data, end } if stream == on => {
                    assert!(!end, "an answer of gRPC ends with HEADERS");
                    answer.data.extend_from_slice(&data);
                }
                Came::Reset { stream, code } if stream == on => {
                    answer.reset = Some(code);
                    return answer;
                }
                Came::Closed | Came::GoAway { .. } => panic!("the connection ends; until then {answer:?}"),
                _ => {}
            }
        }
    }

    /// The next request that comes to a server, to its end.
    pub async fn whole_request(&mut self) -> (u32, Pairs, Vec<u8>) {
        let (stream, fields, mut is_over) = self.request_head().await;
        let mut body = Vec::new();
        while !is_over {
            match self.next().await {
                Came::Data { stream: on, data, end } if on == stream => {
                    body.extend_from_slice(&data);
                    is_over = end;
                }
                came => panic!("data of the request, and not {came:?}"),
            }
        }
        (stream, fields, body)
    }

    /// The beginning of the next request that comes to a server.
    pub async fn request_head(&mut self) -> (u32, Pairs, bool) {
        match self.next().await {
            Came::Headers { stream, fields, end } => (stream, fields, end),
            came => panic!("a request, and not {came:?}"),
        }
    }

    /// Answers OK with one message.
    pub async fn answer_with(&mut self, stream: u32, payload: &[u8]) {
        self.headers(stream, &RESPONSE, false).await;
        self.data(stream, message(payload), false).await;
        self.headers(stream, &OK, true).await;
    }
}

/// Where a client believes its calls go.
pub const AUTHORITY: &str = "localhost:50051";

/// A request as gRPC's documents show it.
pub const REQUEST: [(&str, &str); 6] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/kv.Kv/Get"),
    (":authority", AUTHORITY),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
];

/// The head of a response as gRPC's documents show it.
pub const RESPONSE: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];

/// The trailers of a call that went well.
pub const OK: [(&str, &str); 1] = [("grpc-status", "0")];

/// [`REQUEST`] with another value of one of its fields, or with one more field.
pub fn request_with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = REQUEST.to_vec();
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
    fields
}

/// A message that is not compressed, with its prefix.
pub fn message(payload: &[u8]) -> Vec<u8> {
    [&[0][..], &(payload.len() as u32).to_be_bytes(), payload].concat()
}

pub fn pairs(fields: &[(&str, &str)]) -> Pairs {
    fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

pub fn value<'a>(fields: &'a Pairs, name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

fn to_pairs(fields: &Fields) -> Pairs {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    fields.iter().map(|field| (text(&field.name), text(&field.value))).collect()
}

/// A call of `/kv.Kv/Get` in protobuf.
pub fn head() -> RequestHead {
    RequestHead::new(Path::from_static("/kv.Kv/Get"), "proto")
}

/// Opens a unary call with an empty message.
pub async fn unary(connection: &Arc<dyn Connection>) -> Call {
    open(connection, head(), Some(Bytes::new()), true).await.unwrap()
}

/// All that is received on a call.
pub async fn all(call: &mut Call) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        all.push(call.receive.receive().await);
        if let Some(Received::End(_)) = all.last() {
            return all;
        }
    }
}

/// The same without the head, which need not come where it says nothing.
pub async fn messages_and_end(call: &mut Call) -> Vec<Received> {
    let mut all = all(call).await;
    all.retain(|received| !matches!(received, Received::Head(_)));
    all
}
