//! Where lessons and tour print: 80 columns, in colour where a person looks on, as plain text else.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Color, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::lens::{self, Layer, Span, leaves, outline};

/// Text for a terminal of 80 columns, line by line.
///
/// Colours are taken away where they do not belong: into a file or a pipe, or when `NO_COLOR` is set.
/// Nothing is said by colour alone.
#[derive(Debug, Default)]
pub struct Page {
    /// What has been said, if it is kept and not printed.
    kept: Option<String>,
    /// Whether the last line was empty.
    after_blank: bool,
    /// Whether a line could not be printed.
    is_closed: bool,
    /// Where pictures are written, if that is wanted.
    pictures: Option<PathBuf>,
    /// Name and title of the picture that comes next.
    picture: Option<(String, String)>,
}

impl Page {
    /// A page on standard output.
    pub fn printed() -> Self {
        Self::default()
    }

    /// A page that keeps its text, without colours.
    pub fn kept() -> Self {
        Self { kept: Some(String::new()), ..Self::default() }
    }

    /// A page on standard output that also writes what [`Page::picture`] names into this folder.
    pub fn with_pictures(folder: Option<PathBuf>) -> Self {
        Self { pictures: folder, ..Self::default() }
    }

    /// Names the bytes or the diagram that come next: where pictures are wanted, they become `NAME.svg` too.
    pub fn picture(&mut self, name: &str, title: &str) {
        self.picture = Some((name.to_owned(), title.to_owned()));
    }

    /// Writes the picture that was named, if one was; `draw` makes it, with its title.
    pub fn drawn(&mut self, draw: impl FnOnce(&str) -> String) {
        let (Some((name, title)), Some(folder)) = (self.picture.take(), &self.pictures) else { return };
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(folder.join(format!("{name}.svg")), draw(&title)));
        if let Err(error) = written {
            eprintln!("warning: no picture in {}: {error}", folder.display());
        }
    }

    /// The title of the page.
    pub fn title(&mut self, title: &str) {
        let rule = "━".repeat(WIDTH);
        self.line(format_args!("{DIM}{rule}{DIM:#}"));
        self.line(format_args!("{BOLD}{title}{BOLD:#}"));
        self.line(format_args!("{DIM}{rule}{DIM:#}"));
    }

    /// The heading of a part.
    pub fn heading(&mut self, heading: &str) {
        let rule = "─".repeat(WIDTH.saturating_sub(heading.chars().count() + 4));
        if !self.after_blank {
            self.blank();
        }
        self.line(format_args!("{DIM}──{DIM:#} {BOLD}{heading}{BOLD:#} {DIM}{rule}{DIM:#}"));
        self.blank();
    }

    /// A paragraph, broken into lines.
    pub fn say(&mut self, paragraph: &str) {
        self.indented("", paragraph);
    }

    /// A point of a list.
    pub fn point(&mut self, mark: &str, paragraph: &str) {
        self.indented(&format!("  {mark} "), paragraph);
    }

    /// A line as it is.
    pub fn line(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.after_blank = line.is_empty();
        match &mut self.kept {
            Some(text) => {
                let _ = writeln!(text, "{}", anstream::adapter::strip_str(&line));
            }
            // Who reads only the beginning, with `| head`, has seen what they wanted.
            None => self.is_closed |= writeln!(anstream::stdout(), "{line}").is_err(),
        }
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.line(format_args!(""));
    }

    /// A line that can be typed into a shell, or a line of code.
    pub fn code(&mut self, code: &str) {
        self.line(format_args!("    {CODE}{code}{CODE:#}"));
    }

    /// Source code as it stands in its file. What of a line does not fit goes on in the next one, behind `↪`.
    pub fn listing(&mut self, source: &str) {
        for line in source.lines() {
            let code = line.trim_start();
            let margin = " ".repeat(4 + line.len() - code.len());
            let (mut now, mut later) = cut(code, WIDTH.saturating_sub(margin.len()));
            self.line(format_args!("{margin}{now}"));
            while !later.is_empty() {
                (now, later) = cut(later, WIDTH.saturating_sub(margin.len() + 4));
                self.line(format_args!("{margin}{DIM}  ↪{DIM:#} {now}"));
            }
        }
    }

    /// What can be typed, and what it does.
    pub fn table(&mut self, rows: &[(&str, &str)]) {
        let width = rows.iter().map(|(code, _)| code.chars().count()).max().unwrap_or(0);
        for (code, what) in rows {
            self.line(format_args!("    {CODE}{code:width$}{CODE:#}  {what}"));
        }
    }

    /// Bytes and their names, a span without parts a line: layer where it begins, bytes, name, value.
    pub fn spans(&mut self, bytes: &[u8], spans: &[Span]) {
        self.drawn(|title| lens::svg(title, bytes, spans));
        let mut last = None;
        for row in outline(spans).filter(|row| row.span.parts.is_empty()) {
            let span = row.span;
            let style = style(span.layer);
            let layer = if last.replace(span.layer) == Some(span.layer) { "" } else { span.layer.name() };
            let mut chunks = bytes[span.range.clone()].chunks(BYTES_A_LINE);
            let hex = hex(chunks.next().unwrap_or_default());
            let name = shorten(&row.flat_name(), NAME_WIDTH - 1);
            let value = shorten(&span.value, WIDTH - 2 - LAYER_WIDTH - HEX_WIDTH - 2 - NAME_WIDTH);
            self.line(format_args!(
                "  {style}{layer:LAYER_WIDTH$}{hex:HEX_WIDTH$}{style:#}  {name:NAME_WIDTH$}{style}{value}{style:#}"
            ));
            let rest = chunks.len();
            for chunk in chunks.take(MOST_LINES) {
                let hex = self::hex(chunk);
                self.line(format_args!("  {:LAYER_WIDTH$}{style}{hex}{style:#}", ""));
            }
            if rest > MOST_LINES {
                let left = span.range.len() - BYTES_A_LINE * (MOST_LINES + 1);
                self.line(format_args!("  {:LAYER_WIDTH$}{DIM}… and {left} bytes more{DIM:#}", ""));
            }
        }
    }

    /// Bytes as they stand on the wire, 16 a line, each in the colour of its layer.
    pub fn dump(&mut self, bytes: &[u8], spans: &[Span]) {
        let layer_of = |at: usize| leaves(spans).find(|span| span.range.contains(&at)).map(|span| span.layer);
        for (row, chunk) in bytes.chunks(16).enumerate().take(DUMP_LINES) {
            let mut line = format!("    {DIM}{:04x}{DIM:#} ", row * 16);
            let mut text = String::new();
            for (column, byte) in chunk.iter().enumerate() {
                let style = layer_of(row * 16 + column).map_or(DIM, style);
                let gap = if column == 8 { "  " } else { " " };
                let _ = write!(line, "{gap}{style}{byte:02x}{style:#}");
                let shown = if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '·' };
                let _ = write!(text, "{style}{shown}{style:#}");
            }
            let missing = 3 * (16 - chunk.len()) + usize::from(chunk.len() <= 8);
            self.line(format_args!("{line}{:missing$}  {DIM}│{DIM:#}{text}{DIM}│{DIM:#}", ""));
        }
        if bytes.len() > 16 * DUMP_LINES {
            let left = bytes.len() - 16 * DUMP_LINES;
            self.line(format_args!("    {DIM}… and {left} bytes more{DIM:#}"));
        }
    }

    /// Whether colours are shown where this page goes.
    pub fn is_coloured(&self) -> bool {
        let choice = || anstream::AutoStream::choice(&std::io::stdout());
        self.kept.is_none() && choice() != anstream::ColorChoice::Never
    }

    /// The colours that stand for layers, where colours are shown.
    pub fn legend(&mut self, layers: &[Layer]) {
        if !self.is_coloured() {
            return;
        }
        let mut line = String::from("    ");
        for layer in layers {
            let style = style(*layer);
            let _ = write!(line, "{style}██ {}{style:#}   ", layer.name());
        }
        self.line(format_args!("{}", line.trim_end()));
    }

    /// Whether standard output does not take any more: nobody reads it.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What has been said, if the page keeps it.
    pub fn text(&self) -> &str {
        self.kept.as_deref().unwrap_or_default()
    }

    /// A message from left to right, or back, between two lines that stand for two programs.
    pub fn arrow(&mut self, there: bool, label: &str) {
        let label = shorten(label, ARROW_WIDTH - 6);
        let rest = "─".repeat(ARROW_WIDTH - 4 - label.chars().count());
        let arrow = if there { format!("─ {label} {rest}▶") } else { format!("◀{rest} {label} ─") };
        self.line(format_args!("    {DIM}│{DIM:#}{arrow}{DIM}│{DIM:#}"));
    }

    /// What belongs to the message that was drawn last.
    pub fn remark(&mut self, remark: &str) {
        let width = ARROW_WIDTH - 4;
        let remark = shorten(remark, width);
        let rest = width - remark.width();
        self.line(format_args!("    {DIM}│{DIM:#}    {remark}{:rest$}{DIM}│{DIM:#}", ""));
    }

    fn indented(&mut self, mark: &str, paragraph: &str) {
        let hanging = " ".repeat(mark.chars().count());
        let mut line = mark.to_owned();
        let mut is_empty = true;
        for word in paragraph.split_whitespace() {
            if !is_empty && line.width() + 1 + word.width() > WIDTH {
                self.line(format_args!("{line}"));
                line = hanging.clone();
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(format_args!("{line}"));
    }
}

/// The colour of a layer.
pub fn style(layer: Layer) -> Style {
    let color = match layer {
        Layer::Hello => AnsiColor::Blue,
        Layer::Header | Layer::Prefix | Layer::Record => AnsiColor::Cyan,
        Layer::Head | Layer::Fields | Layer::Handshake => AnsiColor::Magenta,
        Layer::Status => AnsiColor::Yellow,
        Layer::Control => AnsiColor::Blue,
        Layer::Message | Layer::Data => AnsiColor::Green,
        Layer::Sealed => AnsiColor::BrightBlack,
        Layer::Wrong => AnsiColor::Red,
    };
    Style::new().fg_color(Some(Color::Ansi(color)))
}

/// Bytes in hexadecimal, with spaces between.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 * bytes.len());
    for byte in bytes {
        let gap = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{gap}{byte:02x}");
    }
    text
}

/// A number of things: `1 byte`, `2 bytes`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// `text`, or as much of it as fits into `width` columns.
pub fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if short.width() + letter.width().unwrap_or(0) >= width {
            break;
        }
        short.push(letter);
    }
    short + "…"
}

/// `text` in two: what fits into `width` columns, up to a space, and what comes behind that.
fn cut(text: &str, width: usize) -> (&str, &str) {
    if text.width() <= width {
        return (text, "");
    }
    let mut spaces = text.match_indices(' ').map(|(at, _)| at);
    match spaces.rfind(|at| *at > 0 && text[..*at].width() <= width) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

/// For what stands back.
pub const DIM: Style = Style::new().dimmed();
/// For what stands out.
pub const BOLD: Style = Style::new().bold();
const CODE: Style = Style::new().bold();

/// How many columns there are.
pub const WIDTH: usize = 80;
const BYTES_A_LINE: usize = 8;
const HEX_WIDTH: usize = 3 * BYTES_A_LINE - 1;
const LAYER_WIDTH: usize = 13;
const NAME_WIDTH: usize = 17;
const MOST_LINES: usize = 3;
const DUMP_LINES: usize = 16;
const ARROW_WIDTH: usize = 60;
