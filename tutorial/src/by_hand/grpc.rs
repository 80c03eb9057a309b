//! A call of gRPC by hand, over a plain socket: what RFC 9113, RFC 7541 and
//! [gRPC over HTTP2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) ask of a client that makes
//! one small call at a time. Behind it are the standard library and nothing else.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::tap::Way;

/// The first bytes of a client (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A field of a request: name and value.
pub type Field<'a> = (&'a str, &'a str);

/// The fields of a call. The first four, with a colon, stand in front of all others (RFC 9113 §8.3).
pub fn fields<'a>(path: &'a str, authority: &'a str) -> Vec<Field<'a>> {
    vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
}

/// The frames of a call: HEADERS with the fields, DATA with the message, which is the end of the request.
pub fn call(stream: u32, fields: &[Field<'_>], message: &[u8]) -> Vec<u8> {
    let headers = frame(HEADERS, END_HEADERS, stream, &block(fields));
    let data = frame(DATA, END_STREAM, stream, &prefixed(message));
    [headers, data].concat()
}

/// A frame: nine bytes, and the payload (RFC 9113 §4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field block in which each field is a literal without indexing and without Huffman code (RFC 7541 §6.2.2).
/// So no table is needed, at neither end: a byte 0, and name and value, each behind its length.
pub fn block(fields: &[Field<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            // What is longer has its length in more than one byte (RFC 7541 §5.1).
            assert!(text.len() < 127, "{text:?} is too long for a length by hand");
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A message behind its five bytes: 0, for it is not compressed, and its length, the highest byte first.
pub fn prefixed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

/// Frames, or the preface, that passed together, out of the client or into it.
pub type Passed = Vec<(Way, Vec<u8>)>;

/// One connection over a plain socket. Each read waits five seconds at most.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    /// What was read, and is not a whole frame yet.
    rest: Vec<u8>,
}

impl Connection {
    /// Connects, and writes preface and SETTINGS. What comes back is read with the first call.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn open(server: SocketAddr) -> io::Result<(Self, Passed)> {
        let mut socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let beginning = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        socket.write_all(&beginning)?;
        Ok((Self { socket, rest: Vec::new() }, vec![(Way::Out, beginning)]))
    }

    /// Writes the frames of a call, and reads until its stream has ended, or the connection. SETTINGS and PING are
    /// answered, as they have to be.
    ///
    /// # Errors
    /// Those of the socket; TimedOut when the server says nothing for five seconds.
    pub fn send(&mut self, stream: u32, frames: &[u8]) -> io::Result<Passed> {
        self.socket.write_all(frames)?;
        let mut passed = vec![(Way::Out, frames.to_vec())];
        while let Some(frame) = self.read_frame()? {
            let (kind, flags) = (frame[3], frame[4]);
            let of = u32::from_be_bytes([frame[5] & 0x7f, frame[6], frame[7], frame[8]]);
            let answer = match kind {
                SETTINGS | PING if flags & ACK == 0 => {
                    let payload = if kind == PING { &frame[HEAD..] } else { &[] };
                    Some(self::frame(kind, ACK, 0, payload))
                }
                _ => None,
            };
            passed.push((Way::In, frame));
            if let Some(answer) = answer {
                self.socket.write_all(&answer)?;
                passed.push((Way::Out, answer));
            }
            let is_end = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 || kind == RST_STREAM;
            if kind == GOAWAY || of == stream && is_end {
                break;
            }
        }
        Ok(passed)
    }

    /// The next frame; `None` at the end of the connection.
    fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(head) = self.rest.first_chunk::<HEAD>() {
                let size = HEAD + u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if self.rest.len() >= size {
                    let rest = self.rest.split_off(size);
                    return Ok(Some(std::mem::replace(&mut self.rest, rest)));
                }
            }
            let mut bytes = [0; 4096];
            match self.socket.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.rest.extend_from_slice(&bytes[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "it has said nothing for five seconds"));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The size of what every frame begins with.
const HEAD: usize = 9;

// Types of frames and their flags (RFC 9113 §6).

/// The type of a frame with a part of a message.
pub const DATA: u8 = 0;
/// The type of a frame with fields.
pub const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
/// The flag of the last frame of a side.
pub const END_STREAM: u8 = 0x1;
/// The flag of HEADERS in which all fields are.
pub const END_HEADERS: u8 = 0x4;
const ACK: u8 = 0x1;
