//! The lens on our own frames: `transport::frame` is the specification.

use std::ops::Range;

use transport::Code;
use transport::frame::{Flags, Header, Hello, HelloError, Kind};

use super::{Layer, Reader, Span, big_endian};
use crate::page::count;

/// What a frame begins with, and where its payload's message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The header, if it is one.
    pub header: Option<Header>,
    /// Its header and its payload.
    pub spans: Vec<Span>,
    /// The bytes of the message, or of the piece of one, in the frame.
    pub message: Option<Range<usize>>,
}

/// The 16 bytes of a hello.
pub fn hello(bytes: &[u8; Hello::SIZE]) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Hello, SPECIFICATION);
    let hello = reader.open("hello", "");
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
    reader.close(hello, "");
    reader.finish()
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
            if reader.left() > 0 {
                reader.take(reader.left(), "the rest", |_| String::new());
                reader.last_is_wrong("cannot be read");
            }
            return Seen { header: None, spans: reader.finish(), message: None };
        }
        None => {
            reader.take(bytes.len(), "not a frame", |_| String::new());
            reader.last_is_wrong("a header has 8 bytes");
            return Seen { header: None, spans: reader.finish(), message: None };
        }
    };
    put_header(&mut reader, header);
    let opened = reader.open_payload("");
    let message = payload(&mut reader, header);
    if reader.left() > 0 {
        reader.take(reader.left(), "not expected", |_| String::new());
        reader.last_is_wrong("the payload ends before");
    }
    reader.close(opened, "");
    Seen { header: Some(header), spans: reader.finish(), message }
}

fn put_header(reader: &mut Reader<'_>, header: Header) {
    let opened = reader.open("frame header", "");
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
    reader.close(opened, "");
}

/// What stands behind the header; where in it the message is.
fn payload(reader: &mut Reader<'_>, header: Header) -> Option<Range<usize>> {
    reader.layer = match header.kind {
        Kind::Call | Kind::Head => Layer::Head,
        Kind::End => Layer::Status,
        _ => Layer::Control,
    };
    match header.kind {
        Kind::Call => {
            if header.flags.has(Flags::HEAD) {
                head_block(reader);
            }
            if header.flags.has(Flags::BODY) {
                return Some(piece(reader));
            }
        }
        Kind::Message => return Some(piece(reader)),
        Kind::Head => metadata(reader, reader.bytes.len()),
        Kind::End if reader.left() > 0 => {
            let status = reader.open("status", "");
            let length = reader.number(2, "text length", "");
            reader.text(length, "text");
            metadata(reader, reader.bytes.len());
            reader.close(status, "");
        }
        Kind::Credit => {
            reader.number(4, "credit", " bytes more");
        }
        Kind::Ping => reader.text(8, "data"),
        Kind::GoingAway if reader.left() > 0 => reader.text(reader.left(), "text"),
        Kind::End | Kind::Cancel | Kind::GoingAway => {}
    }
    None
}

fn head_block(reader: &mut Reader<'_>) {
    let block = reader.open("head block", "");
    let length = reader.number(2, "block length", " bytes");
    let end = reader.at + length;
    let parts = reader.number(1, "contains", "");
    let names = [(1, "method"), (2, "timeout")].into_iter().filter(|(bit, _)| parts & bit != 0);
    let names: Vec<_> = names.map(|(_, name)| name).collect();
    reader.relabel(if names.is_empty() { "metadata only".to_owned() } else { names.join(", ") });
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
    reader.close(block, "");
}

fn metadata(reader: &mut Reader<'_>, end: usize) {
    while reader.at < end && reader.left() > 0 {
        let entry = reader.open("metadata", "");
        let length = reader.number(1, "name length", "");
        reader.text(length, "metadata name");
        let length = reader.number(2, "value length", "");
        reader.text(length, "value");
        reader.close(entry, "");
    }
}

fn piece(reader: &mut Reader<'_>) -> Range<usize> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, outline};

    fn framed(kind: Kind, flags: Flags, payload: &[u8]) -> Vec<u8> {
        let header = Header { kind, flags, code: 1, length: payload.len() as u16, call: 7 };
        [&header.encode()[..], payload].concat()
    }

    #[test]
    fn a_call_is_a_header_a_head_block_and_a_message() {
        let block = b"\0\x13\x01\0\x04/a/b\x05proto\x01k\0\x02vw";
        let call = framed(Kind::Call, Flags::HEAD | Flags::BODY, &[&block[..], b"hello"].concat());
        let spans = frame(&call).spans;
        let rows: Vec<_> = outline(&spans).map(|row| (row.depth, row.span.name.as_str())).collect();
        let expected = [
            (0, "frame header"),
            (1, "kind and flags"),
            (1, "method"),
            (1, "length"),
            (1, "call"),
            (0, "payload"),
            (1, "head block"),
            (2, "block length"),
            (2, "contains"),
            (2, "path length"),
            (2, "path"),
            (2, "codec length"),
            (2, "codec"),
            (2, "metadata"),
            (3, "name length"),
            (3, "metadata name"),
            (3, "value length"),
            (3, "value"),
            (1, "message"),
        ];
        assert_eq!(rows, expected);
    }

    proptest! {
        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(check(&frame(&bytes).spans, 0..bytes.len()), Ok(()));
        }

        #[test]
        fn every_byte_of_a_frame_has_one_span(
            first in any::<u8>(),
            payload in prop::collection::vec(0..9_u8, 0..60),
        ) {
            let bytes = [&[first, 1, 0, payload.len() as u8, 0, 0, 0, 7], &payload[..]].concat();
            prop_assert_eq!(check(&frame(&bytes).spans, 0..bytes.len()), Ok(()));
        }

        #[test]
        fn every_byte_of_a_hello_has_one_span(bytes: [u8; Hello::SIZE]) {
            prop_assert_eq!(check(&hello(&bytes), 0..Hello::SIZE), Ok(()));
        }
    }
}
