//! Reads bytes from front to back and notes a span for each step.

use std::ops::Range;

use super::{Layer, Span};

/// What of some bytes has been read, and what it means.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) layer: Layer,
    /// Whose rules these are.
    specification: &'static str,
    /// The spans without parts.
    leaves: Vec<Span>,
    /// Those with parts, in the order in which they begin.
    groups: Vec<Group>,
}

/// Some leaves that are one thing together.
struct Group {
    /// Which. Open: up to the last one.
    leaves: Range<usize>,
    span: Span,
    is_open: bool,
    /// Whether a single part stands for it.
    gives_way: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], layer: Layer, specification: &'static str) -> Self {
        Self { bytes, at: 0, layer, specification, leaves: Vec::new(), groups: Vec::new() }
    }

    /// The next `length` bytes, or as many as there are; noted with what `value` makes of them.
    pub(super) fn take(
        &mut self,
        length: usize,
        name: &str,
        value: impl FnOnce(&[u8]) -> String,
    ) -> &'a [u8] {
        let length = length.min(self.left());
        let range = self.at..self.at + length;
        let taken = &self.bytes[range.clone()];
        self.at = range.end;
        if self.is_full()
            && let Some(last) = self.leaves.last_mut()
        {
            last.range.end = range.end;
            last.name = "the rest".to_owned();
            last.value = "too much to be named one by one".to_owned();
            return taken;
        }
        let value = value(taken);
        self.leaves.push(new(range, self.layer, name, value));
        taken
    }

    /// A big-endian number.
    pub(super) fn number(&mut self, size: usize, name: &str, unit: &str) -> usize {
        let bytes = self.take(size, name, |bytes| format!("{}{unit}", big_endian(bytes)));
        big_endian(bytes)
    }

    /// Text in UTF-8.
    pub(super) fn text(&mut self, length: usize, name: &str) {
        self.take(length, name, quoted);
    }

    /// From here on all are parts of one span, until it is closed; `note` says in which section. What was opened
    /// since is closed with it.
    pub(super) fn open(&mut self, name: &str, note: &str) -> Opened {
        let is_full = self.is_full();
        let opened = Opened(if is_full { usize::MAX } else { self.groups.len() });
        if !is_full {
            let mut span = new(self.at..self.at, self.layer, name, String::new());
            span.note = self.noted(note);
            let start = self.leaves.len();
            self.groups.push(Group { leaves: start..start, span, is_open: true, gives_way: false });
        }
        opened
    }

    /// The payload of a frame: if it has but one part, that is the payload.
    pub(super) fn open_payload(&mut self, note: &str) -> Opened {
        let opened = self.open("payload", note);
        if let Some(group) = self.groups.get_mut(opened.0) {
            group.gives_way = true;
        }
        opened
    }

    /// What was opened ends here, and says `value`.
    pub(super) fn close(&mut self, opened: Opened, value: impl Into<String>) {
        let end = self.leaves.len();
        let Some((group, inner)) = self.groups.get_mut(opened.0..).and_then(|open| open.split_first_mut())
        else {
            return;
        };
        group.span.value = value.into();
        for group in std::iter::once(group).chain(inner).filter(|group| group.is_open) {
            (group.leaves.end, group.is_open) = (end, false);
        }
    }

    /// The same, by the name of what was taken last and with its value.
    pub(super) fn close_as_last(&mut self, opened: Opened) {
        match self.last().map(|last| (last.name.clone(), last.value.clone())) {
            Some((name, value)) => self.close_as(opened, &name, &value),
            None => self.close(opened, ""),
        }
    }

    /// The same, by this name.
    pub(super) fn close_as(&mut self, opened: Opened, name: &str, value: &str) {
        if let Some(group) = self.groups.get_mut(opened.0) {
            group.span.name = name.to_owned();
        }
        self.close(opened, value);
    }

    /// What was taken last, if it can still be told from what was taken before.
    pub(super) fn last(&mut self) -> Option<&mut Span> {
        if self.is_full() { None } else { self.leaves.last_mut() }
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What is left breaks `rule`; or, if nothing is left, what was taken last.
    pub(super) fn wrong(&mut self, rule: &str) {
        if self.left() > 0 {
            self.take(self.left(), "wrong", |_| String::new());
        }
        self.last_is_wrong(rule);
    }

    /// In which section stands what was taken last.
    pub(super) fn note(&mut self, section: &str) {
        let note = self.noted(section);
        if let Some(last) = self.last() {
            last.note = note;
        }
    }

    /// A better value for what was taken last.
    pub(super) fn relabel(&mut self, value: String) {
        if let Some(last) = self.last() {
            last.value = value;
        }
    }

    /// What was taken last breaks `rule`.
    pub(super) fn last_is_wrong(&mut self, rule: &str) {
        if let Some(last) = self.leaves.iter_mut().rfind(|leaf| !leaf.range.is_empty()) {
            last.note = format!("{}, {}", self.specification, last.layer.name());
            last.layer = Layer::Wrong;
            last.value = rule.to_owned();
        }
    }

    /// Whether the last step found no bytes.
    pub(super) fn is_short(&self) -> bool {
        self.leaves.last().is_some_and(|leaf| leaf.range.is_empty())
    }

    /// The spans, with their parts. Steps that found no bytes are left out.
    pub(super) fn finish(mut self) -> Vec<Span> {
        let count = self.leaves.len();
        self.groups.iter_mut().filter(|group| group.is_open).for_each(|group| group.leaves.end = count);
        let mut groups = self.groups.into_iter().filter(|group| !group.leaves.is_empty()).peekable();
        let mut open: Vec<Group> = Vec::new();
        let mut roots = Vec::new();
        for (index, leaf) in self.leaves.into_iter().enumerate() {
            while let Some(group) = groups.next_if(|group| group.leaves.start == index) {
                open.push(group);
            }
            if !leaf.range.is_empty() {
                open.last_mut().map_or(&mut roots, |group| &mut group.span.parts).push(leaf);
            }
            while let Some(group) = open.pop_if(|group| group.leaves.end == index + 1) {
                let outer = open.last_mut().map_or(&mut roots, |group| &mut group.span.parts);
                outer.extend(group.whole());
            }
        }
        for span in roots.iter_mut().filter(|span| span.note.is_empty()) {
            span.note = self.specification.to_owned();
        }
        roots
    }

    fn noted(&self, section: &str) -> String {
        if section.is_empty() { String::new() } else { format!("{} {section}", self.specification) }
    }

    fn is_full(&self) -> bool {
        self.leaves.len() == MOST_SPANS
    }
}

/// A span that has been opened.
#[derive(Clone, Copy)]
pub(super) struct Opened(usize);

impl Group {
    /// The span with its parts, if it has any.
    fn whole(self) -> Option<Span> {
        let Self { mut span, gives_way, .. } = self;
        let (start, end) = (span.parts.first()?.range.start, span.parts.last()?.range.end);
        span.range = start..end;
        if !gives_way || span.parts.len() > 1 {
            return Some(span);
        }
        let mut part = span.parts.pop()?;
        if part.note.is_empty() {
            part.note = span.note;
        }
        Some(part)
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

pub(super) fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn new(range: Range<usize>, layer: Layer, name: &str, value: String) -> Span {
    Span { range, layer, name: name.to_owned(), value, note: String::new(), parts: Vec::new() }
}

/// How much of a text is made a value, in bytes.
pub(super) const LONGEST_TEXT: usize = 1 << 10;
/// How many spans without parts are made of some bytes. What comes behind them stays in one piece.
const MOST_SPANS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::{check, leaves};

    #[test]
    fn more_steps_than_are_kept_leave_the_rest_in_one_piece_that_still_has_a_name() {
        let bytes = vec![0; 3 * MOST_SPANS];
        let mut reader = Reader::new(&bytes, Layer::Message, "RFC 0");
        let all = reader.open("all", "§1");
        while reader.left() > 0 {
            let pair = reader.open("pair", "");
            reader.number(1, "one", "");
            reader.number(1, "other", "");
            reader.close(pair, "");
        }
        reader.close(all, "");
        let spans = reader.finish();
        assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
        assert_eq!(leaves(&spans).count(), MOST_SPANS);
        assert_eq!(leaves(&spans).last().map(|last| last.name.as_str()), Some("the rest"));
    }

    #[test]
    fn a_payload_of_one_part_is_that_part_and_what_is_empty_is_left_out() {
        let mut reader = Reader::new(b"ab", Layer::Message, "RFC 0");
        let payload = reader.open_payload("");
        let field = reader.open("field", "");
        reader.text(2, "text");
        reader.text(0, "nothing");
        let empty = reader.open("empty", "");
        reader.close(empty, "");
        reader.close(field, "ab");
        reader.close(payload, "");
        let spans = reader.finish();
        let names: Vec<_> = spans.iter().map(|span| (span.name.as_str(), span.parts.len())).collect();
        assert_eq!(names, [("field", 1)]);
        assert_eq!(spans[0].note, "RFC 0");
    }
}
