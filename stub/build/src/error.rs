//! What is wrong, where, and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

/// What is wrong with a `.proto` file. Shown, it is one or more of these:
///
/// ```text
/// proto/kv.proto:6:8: expected an identifier, but found '{'
///    |
///  6 | message {
///    |         ^
///    = Write here what is expected.
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    faults: Vec<Fault>,
}

#[derive(Clone, PartialEq, Eq)]
struct Fault {
    file: Option<PathBuf>,
    place: Option<Place>,
    message: String,
    advice: String,
}

/// Line and column begin at 1.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    length: usize,
    text: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        let (message, advice) = (message.into(), advice.into());
        Self { faults: vec![Fault { file: None, place: None, message, advice }] }
    }

    /// Says that it is about a line of `file`: the `line`th, from `start` to `end`, all counted from 0.
    pub(crate) fn at(mut self, file: PathBuf, line: usize, start: usize, end: usize) -> Self {
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        let text = source.lines().nth(line).unwrap_or_default().to_owned();
        let place = Place { line: line + 1, column: start + 1, length: end.saturating_sub(start), text };
        for fault in &mut self.faults {
            (fault.file, fault.place) = (Some(file.clone()), Some(place.clone()));
        }
        self
    }

    /// What protox found wrong. `includes` is where the name of the file begins.
    pub(crate) fn of_protox(error: &protox::Error, proto: &Path, includes: &[PathBuf]) -> Self {
        let file = match error.file() {
            Some(name) => {
                let there = includes.iter().map(|folder| folder.join(name)).find(|path| path.exists());
                there.unwrap_or_else(|| name.into())
            }
            None => proto.to_owned(),
        };
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        let fault = |found: &dyn Diagnostic| {
            let message = found.to_string();
            let advice = advice(&message, found.help().map(|help| help.to_string()), includes);
            // Where two places are marked, the later one is the one too many.
            let label = found.labels().and_then(|labels| labels.max_by_key(|label| label.offset()));
            let place = match label {
                Some(label) => Some(Place::of(&source, label.offset(), label.len())),
                None if message.ends_with("reached end of file") => {
                    Some(Place::of(&source, source.trim_end().len(), 1))
                }
                None => None,
            };
            Fault { file: Some(file.clone()), place, message, advice }
        };
        let related = error.related().into_iter().flatten().map(fault);
        Self { faults: std::iter::once(fault(error)).chain(related).collect() }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// As `Display`: a `main` that returns this shows it so.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(Place { line, column, .. }) = &self.place {
                write!(f, "{line}:{column}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)?;
        let Some(Place { line, column, length, text }) = &self.place else {
            return write!(f, "\n = {}", self.advice);
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // A tab stays a tab, so that the mark stands where its text does.
        let before = text.chars().take(column - 1);
        let before: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
        let mark = "^".repeat((*length).max(1));
        write!(
            f,
            "\n {margin} |\n {number} | {text}\n {margin} | {before}{mark}\n {margin} = {}",
            self.advice
        )
    }
}

impl Place {
    /// The place of `length` bytes at `offset`, cut at the end of its line.
    fn of(source: &str, offset: usize, length: usize) -> Self {
        let offset = source.floor_char_boundary(offset);
        let start = source[..offset].rfind('\n').map_or(0, |end| end + 1);
        let text = source[start..].lines().next().unwrap_or_default();
        let marked = &source[offset..source.floor_char_boundary(offset + length)];
        Self {
            line: source[..start].matches('\n').count() + 1,
            column: source[start..offset].chars().count() + 1,
            length: marked.lines().next().unwrap_or_default().chars().count(),
            text: text.to_owned(),
        }
    }
}

/// What to do about `message`.
fn advice(message: &str, help: Option<String>, includes: &[PathBuf]) -> String {
    let says = |text| message.contains(text);
    if says("import") && says("not found") {
        let folders: Vec<_> = includes.iter().map(|folder| folder.display().to_string()).collect();
        return format!(
            "Imports are looked for in {}. Put the file there, or name its folder: `Builder::include`.",
            folders.join(", ")
        );
    }
    let advice = if says("expected") && says("but") {
        "Write what is expected before the mark; often the line above lacks its ';' or a block its '}'."
    } else if says("not defined") {
        "Define a message or enum of this name, or import the file that has it. A name of another package is \
         written with it: `package.Name`."
    } else if says("number") && (says("already") || says("used")) {
        "Give each field a number of its own. One that was ever in use stays taken, since old programs have it \
         in their bytes."
    } else if says("already defined") || says("defined twice") {
        "Rename one of the two."
    } else if says("not in any include path") {
        "Name a folder that it is in: `Builder::include`."
    } else if says("cycle") {
        "Put what both files need into a third one, and import that from both."
    } else {
        "https://protobuf.dev/reference/protobuf/proto3-spec/ says what can stand here."
    };
    match help {
        Some(help) => format!("{advice} ({help})"),
        None => advice.to_owned(),
    }
}
