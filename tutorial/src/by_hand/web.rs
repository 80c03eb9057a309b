//! gRPC-Web by hand: what a page in a browser does with `fetch`, over a plain socket. Requests are text
//! ([RFC 9112](https://www.rfc-editor.org/rfc/rfc9112.html)), and so is all of an answer but its body.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub use super::grpc::prefixed;

/// A field of a request: name and value.
pub type Field<'a> = (&'a str, &'a str);

/// A request of HTTP/1.1, with its body.
pub fn request(method: &str, path: &str, fields: &[Field<'_>], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {HOST}\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A call: a POST whose body is one message behind its five bytes.
pub fn call(path: &str, content_type: &str, message: &[u8]) -> Vec<u8> {
    request("POST", path, &[("content-type", content_type)], &prefixed(message))
}

/// The status in a body, once its last frame is there: behind the flag 0x80 and four bytes of length, the line that
/// begins with `grpc-status`.
pub fn status(mut body: &[u8]) -> Option<u8> {
    loop {
        let [flag, length @ ..] = *body.first_chunk::<5>()?;
        let (content, rest) = body[5..].split_at_checked(u32::from_be_bytes(length) as usize)?;
        if flag & TRAILERS != 0 {
            let lines = std::str::from_utf8(content).ok()?.lines();
            let number =
                lines.filter_map(|line| line.split_once(':')).find(|(name, _)| *name == "grpc-status");
            return number.and_then(|(_, number)| number.trim().parse().ok());
        }
        body = rest;
    }
}

/// An answer that is being read.
#[derive(Debug)]
pub struct Answer {
    stream: TcpStream,
    /// All that has come.
    bytes: Vec<u8>,
    /// How much of it was given out.
    read: usize,
    head: String,
    left: Left,
}

/// What is left of the body.
#[derive(Debug)]
enum Left {
    Chunks,
    Bytes(usize),
}

impl Answer {
    /// Sends a request over a connection of its own, and reads up to the end of the head of the answer.
    ///
    /// # Errors
    /// Those of the socket; when the answer is none of HTTP/1.1.
    pub async fn to(server: &str, request: &[u8]) -> Result<Self> {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request).await?;
        let (head, left) = (String::new(), Left::Bytes(0));
        let mut answer = Self { stream, bytes: Vec::new(), read: 0, head, left };
        answer.head = answer.up_to("\r\n\r\n").await?;
        answer.left = match answer.field("transfer-encoding") {
            Some("chunked") => Left::Chunks,
            _ => Left::Bytes(answer.field("content-length").and_then(|it| it.parse().ok()).unwrap_or(0)),
        };
        Ok(answer)
    }

    /// All bytes that have come.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The lines in front of the body.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The status of HTTP, three digits.
    pub fn http_status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a field of the head.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The next piece of the body: a chunk as it was sent (RFC 9112 §7.1), or all of it where its length is known.
    /// `None`: that was all.
    ///
    /// # Errors
    /// Those of the socket; when the chunks are none.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>> {
        let piece = match self.left {
            Left::Bytes(length) => self.take(length).await?,
            Left::Chunks => {
                let line = self.up_to("\r\n").await?;
                let length = usize::from_str_radix(&line, 16).map_err(|_| wrong("no length of a chunk"))?;
                let chunk = self.take(length).await?;
                self.up_to("\r\n").await?;
                chunk
            }
        };
        if piece.is_empty() || matches!(self.left, Left::Bytes(_)) {
            self.left = Left::Bytes(0);
        }
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    /// The pieces that are left, as one.
    ///
    /// # Errors
    /// Those of [`Answer::piece`].
    pub async fn rest(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece().await? {
            body.extend(piece);
        }
        Ok(body)
    }

    /// What stands in front of `end`, which is passed over.
    async fn up_to(&mut self, end: &str) -> Result<String> {
        loop {
            let left = &self.bytes[self.read..];
            let at = left.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = at {
                let text = String::from_utf8_lossy(&left[..at]).into_owned();
                self.read += at + end.len();
                return Ok(text);
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.bytes.len() < self.read + length {
            self.more().await?;
        }
        let taken = self.bytes[self.read..self.read + length].to_vec();
        self.read += length;
        Ok(taken)
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.bytes).await? {
            0 => {
                Err(Error::new(ErrorKind::UnexpectedEof, "the server has hung up in the midst of its answer"))
            }
            _ => Ok(()),
        }
    }
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the answer is not HTTP/1.1: {what}"))
}

/// The flag of the frame that has trailers.
const TRAILERS: u8 = 0x80;
/// Whom requests are for, whatever the port is.
const HOST: &str = "kv.example";
