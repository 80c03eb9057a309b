//! What happens in a conversation, step by step.

use crate::lens::{Layer, Span, leaf_mut, leaves, outline};
use crate::tap::Way;

/// One step of a conversation: a frame, as a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// From the client, [`Way::Out`], or from the server.
    pub way: Way,
    /// The call that it belongs to: a stream of HTTP/2, an id in our own frames.
    pub call: Option<u32>,
    /// What it is, in a few words.
    pub label: String,
    /// The path of the method, where a call begins.
    pub path: Option<String>,
    /// How the call ended, where that is said.
    pub status: Option<String>,
    /// Whether nothing more belongs to the call.
    pub is_over: bool,
    /// Whether nobody looks into these bytes: TLS, say, or what stands behind a fault.
    pub is_opaque: bool,
    /// How many bytes passed.
    pub size: u64,
    /// These bytes. Where nobody looks into them, they are not kept.
    pub bytes: Vec<u8>,
    /// The names of all of them: of a frame its header and its payload, and their parts.
    pub spans: Vec<Span>,
    /// What these bytes complete, and what does not stand in them as it is.
    pub contents: Vec<Content>,
}

/// A message or a field block that came in several frames, or compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What it is.
    pub label: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The names of all of them.
    pub spans: Vec<Span>,
}

/// A rule that is broken, and where.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// The bytes in which it is.
    pub bytes: &'a [u8],
    /// Those that break the rule, which is the value; whose rule it is, is the note.
    pub span: &'a Span,
}

impl Event {
    /// A step of which nothing is said but its bytes.
    pub(super) fn new(way: Way, label: impl Into<String>, bytes: Vec<u8>, spans: Vec<Span>) -> Self {
        Self {
            way,
            call: None,
            label: label.into(),
            path: None,
            status: None,
            is_over: false,
            is_opaque: false,
            size: bytes.len() as u64,
            bytes,
            spans,
            contents: Vec::new(),
        }
    }

    /// How many of the bytes have a name.
    pub fn named(&self) -> u64 {
        if self.is_opaque {
            return 0;
        }
        leaves(&self.spans).map(|span| span.range.len() as u64).sum()
    }

    /// The rules that are broken here.
    pub fn faults(&self) -> impl Iterator<Item = Fault<'_>> {
        let contents = self.contents.iter().map(|content| (&content.bytes[..], &content.spans));
        let parts = std::iter::once((&self.bytes[..], &self.spans)).chain(contents);
        parts.flat_map(|(bytes, spans)| {
            leaves(spans).filter(|span| span.is_wrong()).map(move |span| Fault { bytes, span })
        })
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        let weigh = |bytes: &[u8], spans: &[Span]| {
            let text = |span: &Span| span.name.len() + span.value.len() + span.note.len();
            bytes.len() + outline(spans).map(|row| size_of::<Span>() + text(row.span)).sum::<usize>()
        };
        let contents = self.contents.iter().map(|content| weigh(&content.bytes, &content.spans));
        size_of::<Self>() + self.label.len() + weigh(&self.bytes, &self.spans) + contents.sum::<usize>()
    }
}

/// A span for all of some bytes, if there are any.
pub(super) fn whole(bytes: &[u8], layer: Layer, name: &str, value: impl Into<String>) -> Vec<Span> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let (name, value) = (name.to_owned(), value.into());
    vec![Span { range: 0..bytes.len(), layer, name, value, note: String::new(), parts: Vec::new() }]
}

/// As much of a text as is kept where it is only remembered.
pub(super) fn remembered(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

/// Marks the span without parts that begins at `at`: it breaks `rule`.
pub(super) fn breaks(spans: &mut [Span], at: usize, rule: &str, whose: &str) {
    if let Some(span) = leaf_mut(spans, |span| span.range.start == at) {
        span.note = format!("{whose}, {}", span.layer.name());
        span.layer = Layer::Wrong;
        span.value = rule.to_owned();
    }
}

/// How many letters of a path, say, are remembered.
const LONGEST_TEXT: usize = 1 << 10;
