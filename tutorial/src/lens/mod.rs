//! Gives every byte its name: bytes in, [`Span`]s out.

pub mod bincode;
pub mod frame;
pub mod grpc;
pub mod hpack;
pub mod http2;
pub mod protobuf;
pub mod schema;
mod svg;

use std::ops::Range;

pub use svg::svg;

/// Some bytes that mean one thing together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which bytes.
    pub range: Range<usize>,
    /// The layer they belong to.
    pub layer: Layer,
    /// What they are, in the words of the layer's specification.
    pub name: String,
    /// What they say.
    pub value: String,
}

/// Who wrote the bytes, and who reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The first bytes of a connection.
    Hello,
    /// The header of a frame.
    Header,
    /// How a call begins: method, time that remains, metadata.
    Head,
    /// The header fields of HTTP/2, as HPACK writes them.
    Fields,
    /// How a call ended.
    Status,
    /// What concerns the conversation itself: credit, pings, farewells.
    Control,
    /// What stands in front of a message.
    Prefix,
    /// A message, in the bytes of its codec.
    Message,
    /// What a stream of HTTP/2 carries, whatever that means to who sends it.
    Data,
    /// Bytes that break a rule.
    Wrong,
}

impl Layer {
    /// The layer's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Header => "frame header",
            Self::Head => "head block",
            Self::Fields => "field block",
            Self::Status => "status",
            Self::Control => "control",
            Self::Prefix => "prefix",
            Self::Message => "message",
            Self::Data => "data",
            Self::Wrong => "wrong",
        }
    }
}

/// Reads bytes from front to back and notes a span for each step.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    layer: Layer,
    spans: Vec<Span>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], layer: Layer) -> Self {
        Self { bytes, at: 0, layer, spans: Vec::new() }
    }

    /// The next `length` bytes, or as many as there are; noted with what `value` makes of them.
    fn take(&mut self, length: usize, name: &str, value: impl FnOnce(&[u8]) -> String) -> &'a [u8] {
        let length = length.min(self.bytes.len() - self.at);
        let range = self.at..self.at + length;
        let taken = &self.bytes[range.clone()];
        self.at = range.end;
        self.spans.push(Span { range, layer: self.layer, name: name.to_owned(), value: value(taken) });
        taken
    }

    /// A big-endian number.
    fn number(&mut self, size: usize, name: &str, unit: &str) -> usize {
        let bytes = self.take(size, name, |bytes| format!("{}{unit}", big_endian(bytes)));
        big_endian(bytes)
    }

    /// Text in UTF-8.
    fn text(&mut self, length: usize, name: &str) {
        self.take(length, name, |bytes| format!("{:?}", String::from_utf8_lossy(bytes)));
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What is left breaks `rule`; or, if nothing is left, what was taken last.
    fn wrong(&mut self, rule: &str) {
        if self.left() > 0 {
            self.layer = Layer::Wrong;
            self.take(self.left(), "wrong", |_| rule.to_owned());
        } else {
            self.last_is_wrong(rule);
        }
    }

    /// A better value for what was taken last.
    fn relabel(&mut self, value: String) {
        if let Some(last) = self.spans.last_mut() {
            last.value = value;
        }
    }

    /// What was taken last breaks `rule`.
    fn last_is_wrong(&mut self, rule: &str) {
        if let Some(last) = self.spans.last_mut() {
            last.layer = Layer::Wrong;
            last.value = rule.to_owned();
        }
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
