//! A client of HTTP/1.1 made by hand: it writes bytes, and reads what comes as RFC 9112 has it.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ends::Io;

/// One end of a connection.
pub struct Peer {
    io: Box<dyn Io>,
    input: BytesMut,
}

/// How much of a body is to come (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
    Over,
}

impl Peer {
    pub fn new(io: impl Io) -> Self {
        Self { io: Box::new(io), input: BytesMut::new() }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes a request whole.
    pub async fn request(&mut self, request: &Request<Bytes>) {
        self.write(bytes_of(request)).await;
    }

    /// The bytes up to the end of a head, without date: that is another each time.
    pub async fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read().await, "the connection ends inside a head: {:?}", self.input);
        };
        let head = String::from_utf8(self.input.split_to(end).to_vec()).unwrap();
        head.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
    }

    /// The same taken apart: the start line, the fields, and what follows. `None`: the connection was closed instead.
    pub async fn parsed_head(&mut self) -> Option<(String, HeaderMap, Framing)> {
        if self.input.is_empty() && !self.read().await {
            return None;
        }
        let head = self.head().await;
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let fields = lines.filter(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("a field: {line:?}"));
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        });
        let mut headers = HeaderMap::new();
        fields.for_each(|(name, value)| {
            headers.append(name, value);
        });
        let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().unwrap().parse().unwrap());
        let framing = match (headers.get(TRANSFER_ENCODING), length) {
            (Some(encoding), None) if encoding == "chunked" => Framing::Chunked,
            (None, Some(length)) => Framing::Length(length),
            (None, None) => Framing::UntilClosed,
            other => panic!("a body is framed in one way: {other:?}"),
        };
        Some((start, headers, framing))
    }

    /// The next piece of a body as it was written, if one follows.
    pub async fn piece(&mut self, framing: &mut Framing) -> Option<Bytes> {
        match framing {
            Framing::Over | Framing::Length(0) => None,
            Framing::Length(left) => {
                if self.input.is_empty() {
                    assert!(self.read().await, "the connection ends, and {left} bytes are to follow");
                }
                let piece = self.input.split_to((*left).min(self.input.len())).freeze();
                *left -= piece.len();
                Some(piece)
            }
            Framing::Chunked => {
                let size = self.line().await;
                let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("a size: {size:?}"));
                let piece = self.take(size).await;
                assert_eq!(self.line().await, "", "a line ends behind a chunk, or behind all");
                if size == 0 {
                    *framing = Framing::Over;
                    return None;
                }
                Some(piece)
            }
            Framing::UntilClosed => {
                if self.input.is_empty() && !self.read().await {
                    *framing = Framing::Over;
                    return None;
                }
                Some(self.input.split().freeze())
            }
        }
    }

    /// The next `length` bytes.
    pub async fn take(&mut self, length: usize) -> Bytes {
        while self.input.len() < length {
            assert!(self.read().await, "the connection ends, and {length} bytes are to follow");
        }
        self.input.split_to(length).freeze()
    }

    /// Waits until the other side closes the connection: what it had to say before.
    pub async fn rest(&mut self) -> Bytes {
        while self.read().await {}
        self.input.split().freeze()
    }

    /// Reads once; `false` at the end.
    async fn read(&mut self) -> bool {
        matches!(self.io.read_buf(&mut self.input).await, Ok(1..))
    }

    async fn line(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.input.windows(2).position(|bytes| bytes == b"\r\n") {
                break at + 2;
            }
            assert!(self.read().await, "the connection ends inside a line: {:?}", self.input);
        };
        String::from_utf8(self.input.split_to(end)[..end - 2].to_vec()).unwrap()
    }
}

/// A request as it is written, its body behind its length.
pub fn bytes_of(request: &Request<Bytes>) -> Vec<u8> {
    let (uri, body) = (request.uri(), request.body());
    let path = uri.path_and_query().map_or("*", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\n", request.method());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}
