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
    /// Why it is so: the section of a specification, say. Where a rule is broken, whose rule it is.
    pub note: String,
}

impl Span {
    /// Whether the bytes break a rule, which is then the value.
    pub fn is_wrong(&self) -> bool {
        self.layer == Layer::Wrong
    }
}

/// Spans of a part, as spans of the whole in which it begins at `start`.
pub fn moved(mut spans: Vec<Span>, start: usize) -> Vec<Span> {
    for span in &mut spans {
        span.range = span.range.start + start..span.range.end + start;
    }
    spans
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
    /// Whose rules these are.
    specification: &'static str,
    spans: Vec<Span>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], layer: Layer, specification: &'static str) -> Self {
        Self { bytes, at: 0, layer, specification, spans: Vec::new() }
    }

    /// The next `length` bytes, or as many as there are; noted with what `value` makes of them.
    fn take(&mut self, length: usize, name: &str, value: impl FnOnce(&[u8]) -> String) -> &'a [u8] {
        let length = length.min(self.bytes.len() - self.at);
        let range = self.at..self.at + length;
        let taken = &self.bytes[range.clone()];
        self.at = range.end;
        if self.is_full()
            && let Some(last) = self.spans.last_mut()
        {
            last.range.end = range.end;
            last.name = "the rest".to_owned();
            last.value = "too much to be named one by one".to_owned();
            return taken;
        }
        let (name, value) = (name.to_owned(), value(taken));
        self.spans.push(Span { range, layer: self.layer, name, value, note: String::new() });
        taken
    }

    /// A big-endian number.
    fn number(&mut self, size: usize, name: &str, unit: &str) -> usize {
        let bytes = self.take(size, name, |bytes| format!("{}{unit}", big_endian(bytes)));
        big_endian(bytes)
    }

    /// Text in UTF-8.
    fn text(&mut self, length: usize, name: &str) {
        self.take(length, name, quoted);
    }

    /// What was taken last, if it can still be told from what was taken before.
    fn last(&mut self) -> Option<&mut Span> {
        if self.is_full() { None } else { self.spans.last_mut() }
    }

    fn is_full(&self) -> bool {
        self.spans.len() == MOST_SPANS
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What is left breaks `rule`; or, if nothing is left, what was taken last.
    fn wrong(&mut self, rule: &str) {
        if self.left() > 0 {
            self.take(self.left(), "wrong", |_| String::new());
        }
        self.last_is_wrong(rule);
    }

    /// Why what was taken last is as it is.
    fn note(&mut self, note: &str) {
        if let Some(last) = self.last() {
            last.note = note.to_owned();
        }
    }

    /// A better value for what was taken last.
    fn relabel(&mut self, value: String) {
        if let Some(last) = self.last() {
            last.value = value;
        }
    }

    /// What was taken last breaks `rule`.
    fn last_is_wrong(&mut self, rule: &str) {
        if let Some(last) = self.spans.last_mut() {
            last.note = format!("{}, {}", self.specification, last.layer.name());
            last.layer = Layer::Wrong;
            last.value = rule.to_owned();
        }
    }
}

/// Text in quotes; of a long one the beginning.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    match bytes.get(..LONGEST_TEXT) {
        Some(beginning) if bytes.len() > LONGEST_TEXT => {
            format!("{:?} and {} bytes more", String::from_utf8_lossy(beginning), bytes.len() - LONGEST_TEXT)
        }
        _ => format!("{:?}", String::from_utf8_lossy(bytes)),
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// How much of a text is made a value, in bytes.
const LONGEST_TEXT: usize = 1 << 10;
/// How many spans are made of some bytes. What comes behind them stays in one piece.
const MOST_SPANS: usize = 20_000;
