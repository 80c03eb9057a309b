//! What a check says where it does not hold: bytes with a caret, what the difference means, layer, rule, lesson.

use std::any::Any;
use std::fmt::{self, Debug};

use unicode_width::UnicodeWidthStr;

use crate::lens::Layer;
use crate::lesson::Lesson;
use crate::page::{Page, hex, shorten, style};

/// A rule that was broken.
#[derive(Debug)]
pub struct Mistake {
    /// What has to be so.
    pub check: &'static str,
    /// The layer it belongs to.
    pub layer: &'static str,
    /// Why it has to be so, and where that is written.
    pub rule: &'static str,
    /// Where it is taught.
    pub lesson: Lesson,
    /// What was found in its place.
    pub difference: Box<Difference>,
}

/// Nothing, where a check holds; where not, the difference.
pub type Outcome = Result<(), Box<Difference>>;

/// What was expected, and what was found.
#[derive(Debug)]
pub struct Difference {
    /// What was done.
    did: String,
    /// What it was done with, and which byte of that it is about.
    given: Option<(Vec<u8>, usize)>,
    expected: Shown,
    found: Shown,
    /// What it is that somebody did who gets this.
    pub mistake: Option<&'static str>,
}

/// A result, as it is shown.
#[derive(Debug)]
enum Shown {
    Bytes(Vec<u8>),
    Text(String),
}

/// A result that is going to be compared.
#[derive(Debug)]
pub struct Found<T> {
    did: String,
    given: Option<(Vec<u8>, usize)>,
    found: T,
    show: fn(&T) -> Shown,
}

/// The bytes that came of what was done.
pub fn bytes(did: impl Into<String>, found: impl Into<Vec<u8>>) -> Found<Vec<u8>> {
    Found { did: did.into(), given: None, found: found.into(), show: |bytes| Shown::Bytes(bytes.clone()) }
}

/// The value that came of what was done.
pub fn value<T: Debug>(did: impl Into<String>, found: T) -> Found<T> {
    Found { did: did.into(), given: None, found, show: |value| Shown::Text(format!("{value:?}")) }
}

/// The text that came of what was done.
pub fn text(did: impl Into<String>, found: impl Into<String>) -> Found<String> {
    let show =
        |text: &String| Shown::Text(if text.is_empty() { "(nothing)".to_owned() } else { text.clone() });
    Found { did: did.into(), given: None, found: found.into(), show }
}

impl Found<Vec<u8>> {
    /// Only so many bytes of it are looked at.
    pub fn starts(mut self, length: usize) -> Self {
        self.found.truncate(length);
        self
    }
}

impl<T: PartialEq> Found<T> {
    /// It was done with these bytes, and what they break, or what decides, stands at byte `at`.
    pub fn of(self, given: impl Into<Vec<u8>>, at: usize) -> Self {
        Self { given: Some((given.into(), at)), ..self }
    }

    /// Whether it is what was expected; if it is one of those that are known, its mistake has a name.
    ///
    /// # Errors
    /// The difference, if there is one.
    pub fn is<E: Into<T>>(self, expected: E, known: impl IntoIterator<Item = (E, &'static str)>) -> Outcome {
        let expected = expected.into();
        if self.found == expected {
            return Ok(());
        }
        let mut known = known.into_iter().map(|(wrong, mistake)| (wrong.into(), mistake));
        Err(Box::new(Difference {
            mistake: known.find(|(wrong, _)| *wrong == self.found).map(|(_, mistake)| mistake),
            did: self.did,
            given: self.given,
            expected: (self.show)(&expected),
            found: (self.show)(&self.found),
        }))
    }
}

impl Difference {
    /// What was called has panicked.
    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        Self {
            did: "what was called".to_owned(),
            given: None,
            expected: Shown::Text("an answer, whatever it is given".to_owned()),
            found: Shown::Text(format!("a panic: {text}")),
            mistake: Some(PANIC),
        }
    }
}

/// The mistake of code that panics.
pub(super) const PANIC: &str = "it panics, and takes the whole program with it";

impl Mistake {
    /// Prints it.
    pub fn tell(&self, page: &mut Page) {
        let difference = &self.difference;
        page.point(" ", &difference.did);
        if let Some((given, at)) = &difference.given {
            let (row, column) = row(given, *at);
            page.line(format_args!("    given     {row}"));
            let red = style(Layer::Wrong);
            page.line(format_args!("              {:column$}{red}^^ byte {at}{red:#}", ""));
        }
        difference.compare(page);
        page.blank();
        if let Some(mistake) = difference.mistake {
            page.point("  mistake ", &format!("{mistake}."));
        }
        page.point("  layer   ", self.layer);
        page.point("  rule    ", self.rule);
        page.point("  lesson  ", &format!("{}, {}", self.lesson.number, self.lesson.title));
        page.point("          ", &format!("cargo lesson {}, cargo lesson book", self.lesson.number));
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page::kept();
        self.tell(&mut page);
        f.write_str(page.text())
    }
}

impl Difference {
    /// Prints both, with a caret where they part.
    fn compare(&self, page: &mut Page) {
        let red = style(Layer::Wrong);
        match (&self.expected, &self.found) {
            (Shown::Bytes(expected), Shown::Bytes(found)) => {
                let at = parting(expected.iter(), found.iter());
                let (row_of_expected, column) = row(expected, at);
                let (row_of_found, _) = row(found, at);
                page.line(format_args!("    expected  {row_of_expected}"));
                page.line(format_args!("    found     {row_of_found}"));
                let (expected, found) = (one(expected, at), one(found, at));
                page.line(format_args!(
                    "              {:column$}{red}^^ byte {at}{red:#}: {expected} expected, {found} found",
                    ""
                ));
            }
            (Shown::Text(expected), Shown::Text(found)) if fits(expected) && fits(found) => {
                let at = parting(expected.chars(), found.chars());
                page.line(format_args!("    expected  {expected}"));
                page.line(format_args!("    found     {found}"));
                if at > 0 {
                    let column = expected.chars().take(at).collect::<String>().width();
                    page.line(format_args!("              {:column$}{red}^{red:#}", ""));
                }
            }
            (expected, found) => {
                page.point("   expected ", &expected.text());
                page.point("   found    ", &found.text());
            }
        }
    }
}

impl Shown {
    fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => hex(bytes),
            Self::Text(text) => shorten(text, 4 * TEXT_WIDTH),
        }
    }
}

/// Where two begin to differ.
fn parting<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    let (mut one, mut other) = (one.fuse(), other.fuse());
    let mut at = 0;
    loop {
        match (one.next(), other.next()) {
            (Some(left), Some(right)) if left == right => at += 1,
            _ => return at,
        }
    }
}

/// The row of 16 bytes in which byte `at` is, and the column of that byte in it.
fn row(bytes: &[u8], at: usize) -> (String, usize) {
    let start = at - at % BYTES_A_ROW;
    let end = bytes.len().min(start + BYTES_A_ROW);
    let before = if start > 0 { "… " } else { "" };
    let behind = if end < bytes.len() { " …" } else { "" };
    let shown = match bytes.get(start..end) {
        Some(row) if !row.is_empty() => hex(row),
        _ if bytes.is_empty() => "(no bytes)".to_owned(),
        _ => format!("(ends after {} bytes)", bytes.len()),
    };
    (format!("{before}{shown}{behind}"), before.width() + 3 * (at - start))
}

fn one(bytes: &[u8], at: usize) -> String {
    bytes.get(at).map_or_else(|| "the end".to_owned(), |byte| format!("{byte:02x}"))
}

fn fits(text: &str) -> bool {
    text.width() <= TEXT_WIDTH && !text.contains('\n')
}

const BYTES_A_ROW: usize = 16;
const TEXT_WIDTH: usize = 66;
