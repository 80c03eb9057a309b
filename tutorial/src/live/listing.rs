//! Bytes with their names, line by line: what is a part of something stands indented below it.

use unicode_width::UnicodeWidthStr as _;

use super::plain::one_line;
use crate::lens::{Layer, Row, Span, outline};
use crate::page::{count, hex, shorten};

/// A line of a listing, in pieces.
pub(super) type Line = Vec<(Look, String)>;

/// How a piece of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// As text does.
    Plain,
    /// In the colour of a layer.
    Of(Layer),
    /// It stands back.
    Dim,
}

/// The names of `bytes` in lines of at most `width` columns, if there are as many as 60: name, bytes, value, and
/// where a rule is found that was not named yet, its section. Below what breaks a rule there are carets.
pub(super) fn lines(bytes: &[u8], spans: &[Span], width: usize) -> Vec<Line> {
    outline(spans).flat_map(|row| of_span(bytes, row, width.max(LEAST))).map(trimmed).collect()
}

fn of_span(bytes: &[u8], row: Row<'_>, width: usize) -> Vec<Line> {
    let Row { span, .. } = row;
    let color = Look::Of(span.layer);
    let bytes = bytes.get(span.range.clone()).unwrap_or_default();
    let mut chunks = bytes.chunks(BYTES_A_LINE);
    // What has parts shows its bytes there, and has the more room for its value.
    let (look, shown, shown_width) = match span.parts.is_empty() {
        true => (color, hex(chunks.next().unwrap_or_default()), HEX_WIDTH),
        false => (Look::Dim, count(bytes.len(), "byte"), SIZE_WIDTH),
    };
    let (value, note) = match span.is_wrong() {
        true => (format!("✗ {}", one_line(&span.value)), ""),
        false => (one_line(&span.value), row.new_note()),
    };
    let room = width.saturating_sub(NAME_WIDTH + 1 + shown.len().max(shown_width) + GAP);
    let for_note = if note.is_empty() { 0 } else { note.width().min(LEAST_NOTE) + GAP };
    let value = shorten(&value, room - for_note);
    let gap = if value.is_empty() { 0 } else { GAP };
    let note = shorten(note, room.saturating_sub(value.width() + gap));
    let gap = if note.is_empty() { 0 } else { gap };
    let mut lines = vec![vec![
        (Look::Plain, fitted(&row.indented_name(), NAME_WIDTH)),
        (look, format!(" {shown:shown_width$}{:GAP$}", "")),
        (color, value),
        (Look::Dim, format!("{:gap$}{note}", "")),
    ]];
    if span.is_wrong() {
        let carets = vec!["^^"; bytes.len().min(BYTES_A_LINE)].join(" ");
        let note = shorten(&span.note, width - NAME_WIDTH - 1 - HEX_WIDTH - GAP);
        lines.push(vec![(color, format!("{:NAME_WIDTH$} {carets:HEX_WIDTH$}{:GAP$}{note}", "", ""))]);
    }
    if span.parts.is_empty() {
        let left = chunks.len();
        lines.extend(chunks.take(MOST_LINES).map(|chunk| vec![below(color, hex(chunk))]));
        if left > MOST_LINES {
            let left = bytes.len() - BYTES_A_LINE * (MOST_LINES + 1);
            lines.push(vec![below(Look::Dim, format!("… and {left} bytes more"))]);
        }
    }
    lines
}

/// Without spaces at its end.
fn trimmed(mut line: Line) -> Line {
    while let Some((_, last)) = line.last_mut() {
        last.truncate(last.trim_end().len());
        if !last.is_empty() {
            break;
        }
        line.pop();
    }
    line
}

fn below(look: Look, text: String) -> (Look, String) {
    (look, format!("{:NAME_WIDTH$} {text}", ""))
}

/// `text` in exactly `width` columns.
pub(super) fn fitted(text: &str, width: usize) -> String {
    let mut text = shorten(text, width);
    text.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
    text
}

const BYTES_A_LINE: usize = 8;
const MOST_LINES: usize = 3;
const NAME_WIDTH: usize = 22;
const HEX_WIDTH: usize = 3 * BYTES_A_LINE - 1;
const SIZE_WIDTH: usize = "100 bytes".len();
const GAP: usize = 2;
/// How narrow a listing can be, and how much of a note there is beside a long value.
const LEAST: usize = 60;
const LEAST_NOTE: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens;

    fn shown(bytes: &[u8], spans: &[Span], width: usize) -> Vec<String> {
        let text = |line: Line| line.into_iter().map(|(_, text)| text).collect();
        lines(bytes, spans, width).into_iter().map(text).collect()
    }

    #[test]
    fn parts_are_indented_and_a_section_stands_at_the_end_of_its_line() {
        let bytes = b"\0\0\x04\x08\0\0\0\0\0\0\0\x10\0";
        let expected = [
            "frame header           9 bytes    RFC 9113 §4.1",
            "  length               00 00 04                 4 bytes follow",
            "  type                 08                       WINDOW_UPDATE  §6.9",
            "  flags                00                       none",
            "  stream               00 00 00 00              0, the connection",
            "increment              00 00 10 00              4096 bytes more  RFC 9113 §6.9",
        ];
        assert_eq!(shown(bytes, &lens::http2::frame(bytes).spans, 78), expected);
    }

    #[test]
    fn what_breaks_a_rule_has_carets_below_it_and_the_rule_beside_it() {
        let bytes = b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0";
        let shown = shown(bytes, &lens::http2::frame(bytes).spans, 78);
        let expected = [
            "increment              00 00 00 00              ✗ 0; §6.9: by 1 at least",
            "                       ^^ ^^ ^^ ^^              RFC 9113, control",
        ];
        assert_eq!(shown[5..], expected);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_it_may_be(
            depth in 0..30_usize,
            texts in ("[ -~é漢]{0,90}", "[ -~é漢]{0,200}", "[ -~é漢]{0,90}"),
            length in 1..60_usize,
            layer in prop::sample::select(vec![Layer::Wrong, Layer::Message]),
            width in 60..100_usize,
        ) {
            let (name, value, note) = texts;
            let mut span = Span { range: 0..length, layer, name, value, note, parts: Vec::new() };
            for _ in 0..depth {
                span = Span { parts: vec![span.clone()], ..span };
            }
            for line in shown(&[0; 60], &[span], width) {
                prop_assert!(line.width() <= width, "{line}");
            }
        }
    }
}
