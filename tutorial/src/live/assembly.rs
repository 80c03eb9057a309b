//! Puts the messages of one direction of a call together, from the pieces in which they come.

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};

use super::Content;
use super::event::{breaks, whole};
use crate::lens::grpc::PREFIXED;
use crate::lens::schema::MessageType;
use crate::lens::{self, Layer, Span, moved};
use crate::page::count;

/// The messages of one direction of a gRPC call: a flag, four bytes of length, the message, and again.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    /// The bytes of the prefix that have come.
    prefix: Vec<u8>,
    message: Partial,
    /// How messages with the flag are compressed.
    pub(super) encoding: String,
    /// Whether a prefix broke a rule, so that nobody knows where the next message begins.
    is_lost: bool,
}

/// A message that has come in part.
#[derive(Debug, Default)]
pub(super) struct Partial {
    bytes: Vec<u8>,
    /// How much of it has come, and how much it is.
    come: usize,
    size: usize,
}

/// In which form a call sends its messages, and what they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'a> {
    /// The name of the codec.
    pub(super) codec: &'a str,
    /// The message, if there is a contract that has it.
    pub(super) of: Option<MessageType<'a>>,
}

/// What a piece of a conversation says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) spans: Vec<Span>,
    pub(super) contents: Vec<Content>,
    /// The messages that are complete now, in a few words.
    pub(super) messages: Vec<String>,
}

impl Assembly {
    /// What these bytes are, the next ones of the direction. No message of more than `room` bytes is kept.
    pub(super) fn read(&mut self, bytes: &[u8], form: Form<'_>, room: usize) -> Reading {
        let mut read = Reading::default();
        let (mut at, mut begun) = (0, 0);
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += if self.is_lost {
                read.span(at, rest, Layer::Data, "data", "behind a fault".to_owned());
                rest.len()
            } else if self.prefix.len() < PREFIX {
                self.read_prefix(at, rest, &mut read)
            } else {
                self.read_message(at, rest, form, room, &mut read)
            };
            if !self.is_amid_a_message() || at == bytes.len() {
                read.join(begun);
                begun = read.spans.len();
            }
        }
        read
    }

    /// Whether the last message has not come to its end.
    pub(super) fn is_amid_a_message(&self) -> bool {
        !self.prefix.is_empty()
    }

    /// How many bytes are kept here.
    pub(super) fn held(&self) -> usize {
        self.message.bytes.len()
    }

    /// Reads on in the prefix; how many bytes it took.
    fn read_prefix(&mut self, at: usize, rest: &[u8], read: &mut Reading) -> usize {
        if self.prefix.is_empty() {
            let value = match rest[0] {
                0 => "0, no",
                1 => "1, yes",
                _ => "neither 0 nor 1",
            };
            read.span(at, &rest[..1], Layer::Prefix, "compressed", value.to_owned());
            if rest[0] > 1 {
                breaks(&mut read.spans, at, value, SPECIFICATION);
                self.is_lost = true;
            }
            self.prefix.push(rest[0]);
            return 1;
        }
        let part = &rest[..rest.len().min(PREFIX - self.prefix.len())];
        self.prefix.extend_from_slice(part);
        let is_whole = self.prefix.len() == PREFIX;
        let size = self.prefix[1..].iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
        let value = if is_whole { size.to_string() } else { "goes on in the next".to_owned() };
        read.span(at, part, Layer::Prefix, "message length", value);
        if is_whole {
            self.message = Partial { bytes: Vec::new(), come: 0, size };
            if size == 0 {
                read.messages.push("an empty message".to_owned());
                self.prefix.clear();
            }
        }
        part.len()
    }

    /// Reads on in the message; how many bytes it took.
    fn read_message(
        &mut self,
        at: usize,
        rest: &[u8],
        form: Form<'_>,
        room: usize,
        read: &mut Reading,
    ) -> usize {
        let message = &mut self.message;
        let part = &rest[..rest.len().min(message.size - message.come)];
        let is_compressed = self.prefix[0] == 1;
        let before = message.come;
        message.come += part.len();
        let left = message.size - message.come;
        if part.len() == message.size && !is_compressed {
            read.spans.extend(moved(named(part, form), at));
        } else {
            let size = count(part.len(), "byte");
            let value = match (before, left) {
                (0, 0) => format!("{size} of {}", self.encoding),
                (0, _) => format!("{size}, {left} to come"),
                (_, 0) => format!("{size}, the last"),
                _ => format!("{size} more, {left} to come"),
            };
            read.span(at, part, Layer::Message, "message", value);
            if message.size <= room.min(LARGEST) {
                message.bytes.extend_from_slice(part);
            }
        }
        if left == 0 {
            let message = std::mem::take(message);
            let mut label = format!("message of {}", count(message.size, "byte"));
            if is_compressed {
                label += &format!(", {}", self.encoding);
                read.contents.push(inflated(message, &self.encoding, form));
            } else if before > 0 {
                read.contents.push(message.content(form));
            }
            read.messages.push(label);
            self.prefix.clear();
        }
        part.len()
    }
}

impl Partial {
    fn content(self, form: Form<'_>) -> Content {
        let size = count(self.size, "byte");
        if self.bytes.len() < self.size {
            let label = format!("the message of {size} is too large to be shown");
            return Content { label, bytes: Vec::new(), spans: Vec::new() };
        }
        let spans = named(&self.bytes, form);
        Content { label: format!("the message of {size}, from its pieces"), bytes: self.bytes, spans }
    }
}

impl Reading {
    fn span(&mut self, at: usize, bytes: &[u8], layer: Layer, name: &str, value: String) {
        self.spans.extend(moved(whole(bytes, layer, name, value), at));
    }

    /// Makes the spans from this one on the parts of one: a message and what stands in front of it, or as much of
    /// both as is here.
    fn join(&mut self, from: usize) {
        let parts = self.spans.split_off(from);
        let Some((first, last)) = parts.first().zip(parts.last()) else { return };
        self.spans.push(Span {
            range: first.range.start..last.range.end,
            layer: Layer::Data,
            name: PREFIXED.to_owned(),
            value: String::new(),
            note: SPECIFICATION.to_owned(),
            parts,
        });
    }
}

/// The bytes of a message with their names.
pub(super) fn named(bytes: &[u8], form: Form<'_>) -> Vec<Span> {
    match (form.codec, form.of) {
        ("proto", of) => lens::protobuf::message(bytes, of),
        ("bincode", Some(of)) => lens::bincode::typed(bytes, of),
        ("json", _) => whole(bytes, Layer::Message, "JSON", lens::quoted(bytes)),
        (codec, _) => {
            whole(bytes, Layer::Message, "message", format!("{} of {codec}", count(bytes.len(), "byte")))
        }
    }
}

/// The message that was compressed.
fn inflated(message: Partial, encoding: &str, form: Form<'_>) -> Content {
    if message.bytes.len() < message.size {
        return message.content(form);
    }
    let size = count(message.size, "byte");
    let mut bytes = Vec::new();
    // One byte more than there may be tells what is too large.
    let result = match encoding {
        "gzip" => GzDecoder::new(&message.bytes[..]).take(LARGEST as u64 + 1).read_to_end(&mut bytes),
        "deflate" => ZlibDecoder::new(&message.bytes[..]).take(LARGEST as u64 + 1).read_to_end(&mut bytes),
        "" | "identity" => {
            let label = "the message has the flag, and the call no grpc-encoding".to_owned();
            let mut spans = whole(&message.bytes, Layer::Message, "message", "");
            breaks(&mut spans, 0, "in which compression?", SPECIFICATION);
            return Content { label, bytes: message.bytes, spans };
        }
        _ => {
            let label = format!("{size} of {encoding}, which this lens cannot inflate");
            return Content { label, bytes: Vec::new(), spans: Vec::new() };
        }
    };
    match result {
        Ok(inflated) if inflated > LARGEST => {
            let label = format!("{size} of {encoding} are a message too large to be shown");
            Content { label, bytes: Vec::new(), spans: Vec::new() }
        }
        Ok(inflated) => {
            let label = format!("the message of {}, from {size} of {encoding}", count(inflated, "byte"));
            let spans = named(&bytes, form);
            Content { label, bytes, spans }
        }
        Err(_) => {
            let mut spans = whole(&message.bytes, Layer::Message, "message", "");
            breaks(&mut spans, 0, &format!("not {encoding}"), SPECIFICATION);
            Content { label: format!("{size} that cannot be inflated"), bytes: message.bytes, spans }
        }
    }
}

/// How many bytes stand in front of a message.
const PREFIX: usize = 5;
/// The largest message that is put together, and the most that is made of a compressed one.
const LARGEST: usize = 4 << 20;
const SPECIFICATION: &str = "gRPC over HTTP/2";
