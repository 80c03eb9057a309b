//! The lens on our own frames: `transport::frame` is the specification.

use transport::Code;
use transport::frame::{Flags, Header, Hello, HelloError, Kind};

use super::{Layer, Reader, Span, big_endian};
use crate::page::count;

/// What a frame begins with, and where its payload's message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The header, if it is one.
    pub header: Option<Header>,
    /// The named bytes, in order; together they are the whole frame.
    pub spans: Vec<Span>,
    /// The bytes of the message, or of the piece of one, in the frame.
    pub message: Option<std::ops::Range<usize>>,
}

/// The 16 bytes of a hello.
pub fn hello(bytes: &[u8; Hello::SIZE]) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Hello, SPECIFICATION);
    let error = Hello::decode(*bytes).err();
    reader.text(3, "protocol");
    if let Some(HelloError::Magic { .. }) = error {
        reader.last_is_wrong("RPC is its name");
    }
    reader.number(1, "version", "");
    if let Some(HelloError::Version { .. }) = error {
        reader.last_is_wrong("1 is the only one");
    }
    reader.number(4, "window", " bytes of credit");
    if let Some(HelloError::Window { .. }) = error {
        reader.last_is_wrong("1024 to 2^31-1");
    }
    reader.number(4, "calls", " at once");
    reader.number(4, "message", " bytes, at most");
    reader.spans
}

/// Cuts `bytes` into frames. What is left at the end is a frame that is not complete.
pub fn frames(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut frames = Vec::new();
    while let Some(header) = bytes.first_chunk::<{ Header::SIZE }>() {
        let size = Header::SIZE + usize::from(u16::from_be_bytes([header[2], header[3]]));
        let Some((frame, rest)) = bytes.split_at_checked(size) else { break };
        frames.push(frame);
        bytes = rest;
    }
    (frames, bytes)
}

/// Names the bytes of one frame. The message in it is left as one span, for the lens of its codec.
pub fn frame(bytes: &[u8]) -> Seen {
    let mut reader = Reader::new(bytes, Layer::Header, SPECIFICATION);
    let header = match bytes.first_chunk::<{ Header::SIZE }>().map(|first| Header::decode(*first)) {
        Some(Ok(header)) => header,
        Some(Err((at, reason))) => {
            if at > 0 {
                reader.take(at, "as a frame begins", |_| String::new());
            }
            reader.take(1, "not a frame", |_| String::new());
            reader.last_is_wrong(&reason.to_string());
            reader.take(reader.left(), "the rest", |_| String::new());
            reader.last_is_wrong("cannot be read");
            return Seen { header: None, spans: reader.spans, message: None };
        }
        None => {
            reader.take(bytes.len(), "not a frame", |_| String::new());
            reader.last_is_wrong("a header has 8 bytes");
            return Seen { header: None, spans: reader.spans, message: None };
        }
    };
    put_header(&mut reader, header);
    reader.layer = match header.kind {
        Kind::Call | Kind::Head => Layer::Head,
        Kind::End => Layer::Status,
        _ => Layer::Control,
    };
    let mut message = None;
    match header.kind {
        Kind::Call => {
            if header.flags.has(Flags::HEAD) {
                head_block(&mut reader);
            }
            if header.flags.has(Flags::BODY) {
                message = Some(piece(&mut reader));
            }
        }
        Kind::Message => message = Some(piece(&mut reader)),
        Kind::Head => metadata(&mut reader, bytes.len()),
        Kind::End if reader.left() > 0 => {
            let length = reader.number(2, "text length", "");
            reader.text(length, "text");
            metadata(&mut reader, bytes.len());
        }
        Kind::Credit => {
            reader.number(4, "credit", " bytes more");
        }
        Kind::Ping => reader.text(8, "data"),
        Kind::GoingAway if reader.left() > 0 => reader.text(reader.left(), "text"),
        Kind::End | Kind::Cancel | Kind::GoingAway => {}
    }
    if reader.left() > 0 {
        reader.take(reader.left(), "not expected", |_| String::new());
        reader.last_is_wrong("the payload ends before");
    }
    Seen { header: Some(header), spans: reader.spans, message }
}

fn put_header(reader: &mut Reader<'_>, header: Header) {
    let flags = if header.flags == Flags::NONE { String::new() } else { format!(" + {}", header.flags) };
    reader.take(1, "kind and flags", |_| format!("{}{flags}", header.kind));
    let (name, value) = match header.kind {
        Kind::Call => ("method", format!("number {}", header.code)),
        Kind::End | Kind::Cancel | Kind::GoingAway => ("code", Code::from_number(header.code).to_string()),
        Kind::Ping => ("code", if header.code == 1 { "reply" } else { "please reply" }.to_owned()),
        _ => ("code", "none".to_owned()),
    };
    reader.take(1, name, |_| value);
    reader.take(2, "length", |bytes| match big_endian(bytes) {
        1 => "1 byte follows".to_owned(),
        length => format!("{length} bytes follow"),
    });
    reader.number(4, "call", if header.call == 0 { ", the connection" } else { "" });
}

fn head_block(reader: &mut Reader<'_>) {
    let length = reader.number(2, "block length", " bytes");
    let end = reader.at + length;
    let parts = reader.number(1, "contains", "");
    if let Some(span) = reader.spans.last_mut() {
        let names: Vec<_> = [(1, "method"), (2, "timeout")]
            .iter()
            .filter(|(bit, _)| parts & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        span.value = if names.is_empty() { "metadata only".to_owned() } else { names.join(", ") };
    }
    if parts & 1 != 0 {
        let length = reader.number(2, "path length", "");
        reader.text(length, "path");
        let length = reader.number(1, "codec length", "");
        reader.text(length, "codec");
    }
    if parts & 2 != 0 {
        reader.number(8, "timeout", " microseconds left");
    }
    metadata(reader, end);
}

fn metadata(reader: &mut Reader<'_>, end: usize) {
    while reader.at < end && reader.left() > 0 {
        let length = reader.number(1, "name length", "");
        reader.text(length, "metadata name");
        let length = reader.number(2, "value length", "");
        reader.text(length, "value");
    }
}

fn piece(reader: &mut Reader<'_>) -> std::ops::Range<usize> {
    reader.layer = Layer::Message;
    let start = reader.at;
    let length = reader.left();
    if length > 0 {
        reader.take(length, "message", |_| count(length, "byte"));
    }
    start..start + length
}

/// Whose rules these are.
const SPECIFICATION: &str = "transport::frame";
