//! Bytes with their names as a picture, for a page of a book.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::{Layer, Row, Span, leaves, outline};
use crate::svg::escaped;

/// The bytes of `spans`, row by row, as far as they have no parts: layer where it begins, bytes, name, value, and
/// at the bytes, as a title, whose rule it is. In colours for a light page or
/// a dark one, and nothing is said by colour alone. Long labels go on in the next line; of many bytes the first
/// are shown, and how many there are besides.
pub fn svg(title: &str, bytes: &[u8], spans: &[Span]) -> String {
    let mut picture = Picture { body: String::new(), y: MARGIN };
    for line in wrapped(title, TITLE_COLUMNS) {
        picture.y += LINE;
        let baseline = picture.y - 4;
        let _ = writeln!(
            picture.body,
            r#"<text x="{MARGIN}" y="{baseline}" class="title">{}</text>"#,
            escaped(&line)
        );
    }
    picture.y += GAP;
    let mut last = None;
    for row in outline(spans).filter(|row| row.span.parts.is_empty()) {
        let span = row.span;
        let begins = last.replace(span.layer) != Some(span.layer);
        if begins && picture.y > MARGIN + LINE + GAP {
            picture.y += GAP;
        }
        picture.row(bytes.get(span.range.clone()).unwrap_or_default(), row, begins);
    }
    let Picture { body, y } = picture;
    let height = y + MARGIN;
    let title = escaped(title);
    let sealed = if leaves(spans).any(|leaf| leaf.layer == Layer::Sealed) { SEALED_STYLE } else { "" };
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" class="bytes" xml:space="preserve">
<title>{title}</title>
<style>{STYLE}{sealed}</style>
<rect width="{WIDTH}" height="{height}" class="page"/>
{body}</svg>
"#,
    )
}

struct Picture {
    body: String,
    /// Where the next row begins.
    y: usize,
}

impl Picture {
    fn row(&mut self, bytes: &[u8], row: Row<'_>, begins: bool) {
        let Row { span, note, .. } = row;
        let class = class(span.layer);
        if begins {
            self.text(LAYER_X, 0, class, span.layer.name());
        }
        let rows = bytes.len().div_ceil(BYTES_A_ROW).min(MOST_ROWS);
        for (line, chunk) in bytes.chunks(BYTES_A_ROW).take(rows).enumerate() {
            self.cells(line, chunk, class, note);
        }
        let mut lines = rows;
        if let Some(left) = bytes.len().checked_sub(BYTES_A_ROW * rows).filter(|left| *left > 0) {
            self.text(CELLS_X, lines, "more", &format!("… and {left} bytes more"));
            lines += 1;
        }
        let value = match span.is_wrong() {
            true if !span.note.is_empty() => format!("✗ {} ({})", span.value, span.note),
            true => format!("✗ {}", span.value),
            false => span.value.clone(),
        };
        let name = row.flat_name();
        for (x, class, columns, text) in
            [(NAME_X, "name", NAME_COLUMNS, &name), (VALUE_X, class, VALUE_COLUMNS, &value)]
        {
            let wrapped = wrapped(text, columns);
            wrapped.iter().enumerate().for_each(|(line, text)| self.text(x, line, class, text));
            lines = lines.max(wrapped.len());
        }
        self.y += lines.max(1) * LINE;
    }

    /// The cells of bytes that belong together, with what a browser shows where a mouse rests on them.
    fn cells(&mut self, line: usize, bytes: &[u8], class: &str, note: &str) {
        let top = self.y + line * LINE + 1;
        let (width, height) = (bytes.len() * CELL - 2, LINE - 2);
        let shape = format!(
            r#"<rect x="{CELLS_X}" y="{top}" width="{width}" height="{height}" rx="4" class="{class}""#
        );
        let _ = match note {
            "" => writeln!(self.body, "{shape}/>"),
            note => writeln!(self.body, "{shape}><title>{}</title></rect>", escaped(note)),
        };
        let baseline = self.y + line * LINE + BASELINE;
        for (column, byte) in bytes.iter().enumerate() {
            let x = CELLS_X + column * CELL + CELL / 2 - 1;
            let _ = writeln!(self.body, r#"<text x="{x}" y="{baseline}" class="hex">{byte:02x}</text>"#);
        }
    }

    /// A text in one line. It takes as much room as it was given, whatever the font is.
    fn text(&mut self, x: usize, line: usize, class: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let baseline = self.y + line * LINE + BASELINE;
        let length = text.width() as f64 * COLUMN;
        let _ = writeln!(
            self.body,
            r#"<text x="{x}" y="{baseline}" textLength="{length:.1}" lengthAdjust="spacingAndGlyphs" class="{class}">{}</text>"#,
            escaped(text)
        );
    }
}

/// Layers that look alike on a page in a terminal do so here.
fn class(layer: Layer) -> &'static str {
    match layer {
        Layer::Hello | Layer::Control => "control",
        Layer::Header | Layer::Prefix | Layer::Record => "header",
        Layer::Head | Layer::Fields | Layer::Handshake => "fields",
        Layer::Status => "status",
        Layer::Message | Layer::Data => "message",
        Layer::Sealed => "sealed",
        Layer::Wrong => "wrong",
    }
}

/// `text` in lines of at most `columns`, broken at spaces, or where there is none anywhere.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for letter in text.chars() {
        line.push(letter);
        if line.width() > columns {
            let at = match line.rfind(' ').filter(|at| !line[..*at].trim().is_empty()) {
                Some(space) => space + 1,
                None => line.len() - letter.len_utf8(),
            };
            let rest = line.split_off(at);
            lines.push(line.trim_end_matches(' ').to_owned());
            line = rest;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

const WIDTH: usize = 800;
const MARGIN: usize = 20;
/// How high a line of text is, with the cells beside it, and where in it the letters stand.
const LINE: usize = 22;
const BASELINE: usize = 15;
/// What stands between two layers.
const GAP: usize = 8;
/// How wide a letter of 13 pixels is where all are equally wide.
const COLUMN: f64 = 7.8;
/// How wide a byte is, and how many stand side by side.
const CELL: usize = 28;
const BYTES_A_ROW: usize = 8;
const MOST_ROWS: usize = 4;
/// Where the columns begin: 12 letters, 8 bytes, 18 letters, 33 letters.
const LAYER_X: usize = MARGIN;
const CELLS_X: usize = 124;
const NAME_X: usize = 360;
const NAME_COLUMNS: usize = 18;
const VALUE_X: usize = 512;
const VALUE_COLUMNS: usize = 34;
const TITLE_COLUMNS: usize = 80;
const STYLE: &str = "\
.bytes text{font:13px ui-monospace,monospace;fill:#212529}.bytes text.title{font-size:15px;font-weight:bold}\
.bytes text.hex{text-anchor:middle;pointer-events:none}.bytes text.more{fill:#495057}.bytes rect{stroke-width:1}\
.bytes rect.page{fill:#fff;stroke:none}\
.bytes rect.control{fill:#dbe4ff;stroke:#748ffc}.bytes text.control{fill:#364fc7}\
.bytes rect.header{fill:#c5f6fa;stroke:#22b8cf}.bytes text.header{fill:#0b7285}\
.bytes rect.fields{fill:#f3d9fa;stroke:#cc5de8}.bytes text.fields{fill:#862e9c}\
.bytes rect.status{fill:#fff3bf;stroke:#fab005}.bytes text.status{fill:#8f4700}\
.bytes rect.message{fill:#d3f9d8;stroke:#51cf66}.bytes text.message{fill:#2b6a30}\
.bytes rect.wrong{fill:#ffe3e3;stroke:#c92a2a;stroke-width:2;stroke-dasharray:4 2}.bytes text.wrong{fill:#c92a2a}\
@media(prefers-color-scheme:dark){.bytes text{fill:#f1f3f5}.bytes text.more{fill:#adb5bd}\
.bytes rect.page{fill:#1a1b1e}\
.bytes rect.control{fill:#26315f;stroke:#5c7cfa}.bytes text.control{fill:#bac8ff}\
.bytes rect.header{fill:#0b4550;stroke:#15aabf}.bytes text.header{fill:#66d9e8}\
.bytes rect.fields{fill:#4a1d5a;stroke:#be4bdb}.bytes text.fields{fill:#e599f7}\
.bytes rect.status{fill:#5a3d00;stroke:#f59f00}.bytes text.status{fill:#ffe066}\
.bytes rect.message{fill:#1b4a22;stroke:#40c057}.bytes text.message{fill:#8ce99a}\
.bytes rect.wrong{fill:#5c1a1a;stroke:#ff8787}.bytes text.wrong{fill:#ff8787}}";
/// What cannot be read has no colour.
const SEALED_STYLE: &str = "\
.bytes rect.sealed{fill:#ced4da;stroke:#868e96}.bytes text.sealed{fill:#495057}\
@media(prefers-color-scheme:dark){.bytes rect.sealed{fill:#343a40;stroke:#868e96}.bytes text.sealed{fill:#ced4da}}";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(range: std::ops::Range<usize>, layer: Layer, name: &str, value: &str) -> Span {
        Span {
            range,
            layer,
            name: name.to_owned(),
            value: value.to_owned(),
            note: String::new(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn every_byte_is_a_cell_and_every_label_is_there() {
        let bytes = [0xb1, 0x01, 0xff];
        let spans =
            [span(0..2, Layer::Header, "kind", "CALL"), span(2..3, Layer::Wrong, "flag", "a < b & \"c\"")];
        let svg = svg("A frame", &bytes, &spans);
        for shown in [
            "<title>A frame</title>",
            ">b1<",
            ">01<",
            ">ff<",
            ">frame header<",
            ">wrong<",
            ">kind<",
            ">CALL<",
            ">✗ a &lt; b &amp; &quot;c&quot;<",
        ] {
            assert!(svg.contains(shown), "{shown} in {svg}");
        }
    }

    #[test]
    fn of_many_bytes_the_first_are_shown_and_how_many_there_are_besides() {
        let svg = svg("", &[0; 100], &[span(0..100, Layer::Message, "message", "100 bytes")]);
        assert_eq!(svg.matches(">00<").count(), BYTES_A_ROW * MOST_ROWS);
        assert!(svg.contains("… and 68 bytes more"));
    }

    #[test]
    fn bytes_say_whose_rule_they_obey_or_break_and_so_do_those_of_a_part() {
        let parts = vec![span(0..1, Layer::Header, "", ""), span(1..2, Layer::Wrong, "", "")];
        let mut whole = Span { parts, ..span(0..2, Layer::Header, "", "") };
        whole.note = "RFC 9113 §4.1".to_owned();
        whole.parts[1].note = "RFC 9113, <frame header>".to_owned();
        let svg = svg("", &[1, 2], &[whole]);
        assert!(svg.contains("class=\"header\"><title>RFC 9113 §4.1</title></rect>"), "{svg}");
        assert!(
            svg.contains("class=\"wrong\"><title>RFC 9113, &lt;frame header&gt;</title></rect>"),
            "{svg}"
        );
    }

    #[test]
    fn a_colour_has_a_name_beside_it() {
        for layer in [Layer::Hello, Layer::Prefix, Layer::Fields, Layer::Status, Layer::Data] {
            let svg = svg("", &[1], &[span(0..1, layer, "", "")]);
            assert!(svg.contains(&format!(">{}</text>", layer.name())));
        }
    }

    /// The texts with where they begin, where they end, and on which line they stand.
    fn texts(svg: &str) -> Vec<(f64, f64, f64)> {
        let attribute = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            rest.split('"').next()?.parse::<f64>().ok()
        };
        let all = svg.lines().filter_map(|line| {
            let x = attribute(line, " x")?;
            Some((x, x + attribute(line, "textLength")?, attribute(line, " y")?))
        });
        all.collect()
    }

    proptest! {
        #[test]
        fn no_label_leaves_the_picture_or_lies_on_another(
            labels in prop::collection::vec(("\\PC{0,90}", "\\PC{0,200}", 1..90_usize), 1..6),
        ) {
            let bytes = vec![7; 600];
            let mut at = 0;
            let spans: Vec<_> = labels
                .iter()
                .map(|(name, value, length)| {
                    at += length;
                    span(at - length..at, Layer::Message, name, value)
                })
                .collect();
            let texts = texts(&svg("title", &bytes, &spans));
            for (number, (start, end, y)) in texts.iter().enumerate() {
                prop_assert!(*end <= WIDTH as f64);
                for (other_start, other_end, other_y) in &texts[number + 1..] {
                    prop_assert!(y != other_y || end <= other_start || other_end <= start);
                }
            }
        }

        #[test]
        fn wrapped_text_is_all_there(text in "\\PC{0,200}") {
            let kept = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
            let lines = wrapped(&text, 20);
            prop_assert_eq!(kept(&lines.concat()), kept(&text));
            prop_assert!(lines.iter().all(|line| line.width() <= 20));
        }
    }
}
