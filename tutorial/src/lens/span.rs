//! Bytes that mean one thing together, and the parts of which they are made.

use std::ops::Range;
use std::slice;

use super::Layer;

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
    /// Why it is so: the section of a specification, say. Where a rule is broken, whose rule it is. Empty: what
    /// it is a part of says so.
    pub note: String,
    /// What it is made of, in order: all of its bytes, each once. None: it means something only as a whole.
    pub parts: Vec<Span>,
}

impl Span {
    /// Whether the bytes break a rule, which is then the value.
    pub fn is_wrong(&self) -> bool {
        self.layer == Layer::Wrong
    }

    fn move_by(&mut self, start: usize) {
        self.range = self.range.start + start..self.range.end + start;
        self.parts.iter_mut().for_each(|part| part.move_by(start));
    }
}

/// Spans of a part, as spans of the whole in which it begins at `start`.
pub fn moved(mut spans: Vec<Span>, start: usize) -> Vec<Span> {
    spans.iter_mut().for_each(|span| span.move_by(start));
    spans
}

/// Those without parts, in order: together they are all the bytes.
pub fn leaves(spans: &[Span]) -> impl Iterator<Item = &Span> {
    outline(spans).map(|row| row.span).filter(|span| span.parts.is_empty())
}

/// All spans, in order: each in front of its parts.
pub fn outline(spans: &[Span]) -> Outline<'_> {
    Outline { levels: vec![Level { rest: spans.iter(), note: "", messages: 0 }] }
}

/// The first span without parts for which `is_it` holds.
pub(crate) fn leaf_mut(spans: &mut [Span], is_it: impl Fn(&Span) -> bool + Copy) -> Option<&mut Span> {
    spans.iter_mut().find_map(|span| {
        if !span.parts.is_empty() {
            return leaf_mut(&mut span.parts, is_it);
        }
        is_it(span).then_some(span)
    })
}

/// Puts `parts` where the one span without parts is that is all of them.
pub(crate) fn put_in_place(spans: &mut Vec<Span>, parts: Vec<Span>) {
    let Some((first, last)) = parts.first().zip(parts.last()) else { return };
    let range = first.range.start..last.range.end;
    let holds = |span: &Span| span.range.start <= range.start && range.end <= span.range.end;
    let Some(at) = spans.iter().position(holds) else { return };
    if !spans[at].parts.is_empty() {
        put_in_place(&mut spans[at].parts, parts);
    } else if spans[at].range == range {
        spans.splice(at..=at, parts);
    }
}

/// Checks that `spans`, and the parts of each, name every byte of `bytes` once, in order.
///
/// # Errors
/// The byte from which on that is not so, and the span there.
pub fn check(spans: &[Span], bytes: Range<usize>) -> Result<(), String> {
    let mut at = bytes.start;
    for span in spans {
        if span.range.start != at || span.range.is_empty() {
            return Err(format!("a gap, an overlap or nothing at byte {at}: {span:?}"));
        }
        if !span.parts.is_empty() {
            check(&span.parts, span.range.clone())?;
        }
        at = span.range.end;
    }
    if at == bytes.end {
        Ok(())
    } else {
        Err(format!("the names end at byte {at}, the bytes at {}", bytes.end))
    }
}

/// Goes through spans and their parts.
#[derive(Clone, Debug)]
pub struct Outline<'a> {
    levels: Vec<Level<'a>>,
}

/// The parts of one span.
#[derive(Clone, Debug)]
struct Level<'a> {
    rest: slice::Iter<'a, Span>,
    /// What it notes, or what it is a part of.
    note: &'a str,
    /// How many spans of the layer of messages they are in.
    messages: usize,
}

/// A span, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The span.
    pub span: &'a Span,
    /// Of how many others it is a part.
    pub depth: usize,
    /// In how many messages it stands besides the outermost.
    pub messages: usize,
    /// Its note, or else that of what it is a part of.
    pub note: &'a str,
    outer_note: &'a str,
}

impl<'a> Iterator for Outline<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        loop {
            let depth = self.levels.len().checked_sub(1)?;
            let level = self.levels.last_mut()?;
            let Some(span) = level.rest.next() else {
                self.levels.pop();
                continue;
            };
            let (outer_note, messages) = (level.note, level.messages);
            let note = if span.note.is_empty() { outer_note } else { &span.note };
            if !span.parts.is_empty() {
                let messages = messages + usize::from(span.layer == Layer::Message);
                self.levels.push(Level { rest: span.parts.iter(), note, messages });
            }
            // A message is made of fields, and a field may be made of a message.
            return Some(Row { span, depth, messages: messages.saturating_sub(1) / 2, note, outer_note });
        }
    }
}

impl<'a> Row<'a> {
    /// What the note says that the one of what this is a part of does not: of the same specification only the
    /// section.
    pub fn new_note(&self) -> &'a str {
        if self.note == self.outer_note {
            return "";
        }
        let specification = |note: &'a str| note.split_once(" §").map_or(note, |(whose, _)| whose);
        match self.note.strip_prefix(specification(self.outer_note)) {
            Some(section) if section.starts_with(" §") => &section[1..],
            _ => self.note,
        }
    }

    /// The name, where rows are not indented: `›` says once for each message in a message that it stands there.
    pub fn flat_name(&self) -> String {
        match self.messages {
            0 => self.span.name.clone(),
            messages @ 1..=2 => format!("{} {}", "›".repeat(messages), self.span.name),
            messages => format!("›{messages} {}", self.span.name),
        }
    }

    /// The name, indented by its depth; what is too deep for that has its depth in front.
    pub fn indented_name(&self) -> String {
        match self.depth {
            depth @ ..=DEEPEST_INDENT => format!("{:1$}{2}", "", INDENT * depth, self.span.name),
            depth => format!("{:1$}›{depth} {2}", "", INDENT * DEEPEST_INDENT, self.span.name),
        }
    }
}

/// How many columns each level is indented, and how many levels are.
const INDENT: usize = 2;
const DEEPEST_INDENT: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn span(range: Range<usize>, layer: Layer, name: &str, note: &str, parts: Vec<Span>) -> Span {
        Span { range, layer, name: name.to_owned(), value: String::new(), note: note.to_owned(), parts }
    }

    fn leaf(range: Range<usize>) -> Span {
        span(range, Layer::Message, "leaf", "", Vec::new())
    }

    fn pair() -> Vec<Span> {
        vec![span(0..3, Layer::Data, "pair", "RFC 1 §2", vec![leaf(0..1), leaf(1..3)]), leaf(3..4)]
    }

    #[test]
    fn leaves_are_all_the_bytes_in_order_and_an_outline_has_each_span_before_its_parts() {
        let spans = pair();
        let ranges: Vec<_> = leaves(&spans).map(|leaf| leaf.range.clone()).collect();
        assert_eq!(ranges, [0..1, 1..3, 3..4]);
        let rows: Vec<_> = outline(&spans).map(|row| (row.depth, row.span.range.clone())).collect();
        assert_eq!(rows, [(0, 0..3), (1, 0..1), (1, 1..3), (0, 3..4)]);
    }

    #[test]
    fn a_gap_an_overlap_and_a_missing_end_are_found_at_any_depth() {
        assert_eq!(check(&pair(), 0..4), Ok(()));
        let with = |parts| vec![span(0..3, Layer::Data, "", "", parts), leaf(3..4)];
        for parts in [
            vec![leaf(0..1), leaf(2..3)],
            vec![leaf(0..2), leaf(1..3)],
            vec![leaf(0..1), leaf(1..2)],
            vec![leaf(0..0), leaf(0..3)],
        ] {
            assert!(check(&with(parts.clone()), 0..4).is_err(), "{parts:?}");
        }
        assert!(check(&pair(), 0..5).is_err());
    }

    #[test]
    fn what_has_no_note_has_that_of_what_it_is_a_part_of_and_a_section_is_enough_within_a_specification() {
        let parts = vec![
            leaf(0..1),
            span(1..2, Layer::Data, "", "RFC 1 §3", Vec::new()),
            span(2..3, Layer::Data, "", "RFC 12 §3", Vec::new()),
        ];
        let spans = [span(0..3, Layer::Data, "", "RFC 1 §2", parts)];
        let notes: Vec<_> = outline(&spans).map(|row| (row.note, row.new_note())).collect();
        let expected =
            [("RFC 1 §2", "RFC 1 §2"), ("RFC 1 §2", ""), ("RFC 1 §3", "§3"), ("RFC 12 §3", "RFC 12 §3")];
        assert_eq!(notes, expected);
    }

    #[test]
    fn parts_take_the_place_of_what_they_are_and_of_nothing_else() {
        let mut spans = pair();
        put_in_place(&mut spans, vec![leaf(1..2), leaf(2..3)]);
        assert_eq!(spans[0].parts, [leaf(0..1), leaf(1..2), leaf(2..3)]);
        let before = spans.clone();
        put_in_place(&mut spans, vec![leaf(2..4)]);
        put_in_place(&mut spans, Vec::new());
        assert_eq!(spans, before);
        assert_eq!(moved(before, 7)[0].parts[2], leaf(9..10));
    }
}
