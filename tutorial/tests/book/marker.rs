//! A comment that says where the piece behind it comes from.

use std::fs;

use tutorial::exercise::Starter;
use tutorial::lesson::Lesson;
use tutorial::source;

use crate::{root, runs};

/// What a comment says, as the first word of it.
pub(crate) enum Marker<'a> {
    /// `code: FILE: BEGINNING`, or `code: FILE: OUTER > INNER`: an item of a source file.
    Code { file: &'a str, item: &'a str },
    /// `output: COMMAND`, or `output: COMMAND: SECTION`: what a command prints, all of it or under one heading.
    /// `SECTION … FROM … BEFORE` is a part: from a line that begins so, and up to one that begins so, if that is said.
    Output { command: &'a str, section: Option<&'a str> },
    /// `points: COMMAND: SECTION`: the same as a list of the page.
    Points { command: &'a str, section: &'a str },
    /// `quote: COMMAND: SECTION`: the same as a quotation.
    Quote { command: &'a str, section: &'a str },
    /// `task: NUMBER`: what has to be written in this lesson, as a quotation.
    Task { number: &'a str },
    /// `commands`: what can be typed.
    Commands,
    /// `session ADDRESS`: calls to a `kv_server` at this address, with what they print.
    Session { address: &'a str },
}

impl<'a> Marker<'a> {
    /// The marker in this line. Other comments are none.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let marker = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
        if let Some(address) = marker.strip_prefix("session ") {
            return Some(Self::Session { address });
        }
        let (kind, rest) = marker.split_once(": ").unwrap_or((marker, ""));
        let (first, second) = match rest.split_once(": ") {
            Some((first, second)) => (first, Some(second)),
            None => (rest, None),
        };
        match (kind, second) {
            ("code", Some(item)) => Some(Self::Code { file: first, item }),
            ("output", section) => Some(Self::Output { command: first, section }),
            ("points", Some(section)) => Some(Self::Points { command: first, section }),
            ("quote", Some(section)) => Some(Self::Quote { command: first, section }),
            ("task", None) => Some(Self::Task { number: first }),
            ("commands", None) => Some(Self::Commands),
            _ => None,
        }
    }

    /// Whether a fence belongs behind it.
    pub(crate) fn is_of_code(&self) -> bool {
        !matches!(self, Self::Points { .. } | Self::Quote { .. } | Self::Task { .. })
    }

    /// The lines that belong behind it, where `now` stands.
    pub(crate) fn made(&self, now: &str) -> Result<String, String> {
        match self {
            Self::Commands | Self::Session { .. } if inside(now).is_empty() => {
                Err("nothing to type stands behind it".to_owned())
            }
            Self::Code { file, item } => code(file, item),
            Self::Output { command, section } => {
                let output = runs::of(command)?;
                let text = section.map_or(Ok(output.to_owned()), |section| part(output, section))?;
                Ok(fenced("text", &text))
            }
            Self::Points { command, section } => points(&runs::section(runs::of(command)?, section)?),
            Self::Quote { command, section } => {
                let text = runs::section(runs::of(command)?, section)?;
                Ok(text.lines().map(|line| format!("> {line}").trim_end().to_owned() + "\n").collect())
            }
            Self::Task { number } => {
                let starter = Lesson::called(number).and_then(Starter::of);
                starter
                    .map(|starter| format!("> {}\n", starter.task))
                    .ok_or("there is nothing to write".to_owned())
            }
            Self::Commands => {
                let unknown = inside(now).lines().find(|line| !is_known(line));
                unknown.map_or(Ok(now.to_owned()), |line| Err(format!("nothing here runs {line:?}")))
            }
            Self::Session { address } => Ok(fenced("console", &runs::session(address, inside(now)))),
        }
    }
}

fn fenced(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_end())
}

/// A section of the output, or what of it is asked for.
fn part(output: &str, section: &str) -> Result<String, String> {
    let mut words = section.split(" … ");
    let text = runs::section(output, words.next().unwrap_or_default())?;
    let mut lines: Vec<&str> = text.lines().collect();
    let place = |lines: &[&str], beginning: &str| {
        let place = lines.iter().position(|line| line.trim_start().starts_with(beginning));
        place.ok_or_else(|| format!("no line of it begins with {beginning:?}"))
    };
    if let Some(from) = words.next() {
        lines.drain(..place(&lines, from)?);
    }
    if let Some(before) = words.next() {
        lines.truncate(place(&lines, before)?);
    }
    Ok(lines.join("\n"))
}

/// What stands between the lines of a fence.
fn inside(fence: &str) -> &str {
    let (_, rest) = fence.split_once('\n').unwrap_or_default();
    rest.trim_end().strip_suffix("```").unwrap_or(rest)
}

fn code(file: &str, item: &str) -> Result<String, String> {
    let mut text = fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
    for beginning in item.split(" > ") {
        text = source::item(&text, beginning)
            .ok_or(format!("{file} has nothing that begins with {beginning:?}"))?;
    }
    let language = if file.ends_with(".rs") { "rust,ignore" } else { "proto" };
    Ok(fenced(language, &text))
}

/// Numbered points, each on a line of its own however wide.
fn points(section: &str) -> Result<String, String> {
    let mut points = String::new();
    for line in section.lines().map(str::trim) {
        let is_next = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        if !points.is_empty() {
            points.push(if is_next { '\n' } else { ' ' });
        }
        points.push_str(line);
    }
    Ok(points + "\n")
}

/// Whether there is what the command names.
fn is_known(command: &str) -> bool {
    let exists = |file: String| root().join("tutorial").join(file).exists();
    let is_program = |name: &str| exists(format!("src/bin/{name}.rs"));
    let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "#").collect();
    match words[..] {
        ["git", "checkout", "."] | ["git", "diff"] | ["git", "clone", _] | ["cd", _] => true,
        ["cargo", "--version"] | ["cargo", "run"] | ["cargo", "lesson"] => true,
        ["cargo", "lesson", "next" | "book"] => true,
        ["cargo", "lesson", "check", number] => Lesson::called(number).is_some(),
        ["cargo", "lesson", "start", number] => Lesson::called(number).and_then(Starter::of).is_some(),
        ["cargo", "lesson", number, ..] => Lesson::called(number).is_some(),
        ["cargo", "test", "--workspace"] => true,
        ["cargo", "test", "-p", "tutorial", "--test", name] => exists(format!("tests/{name}.rs")),
        ["cargo", "run", "--bin", name, ..] => is_program(name),
        ["cargo", "run", "-q", "--bin", name, ..] => is_program(name),
        ["cargo", "run", "--release", "-p", "bench", "--", "all"] => true,
        ["cargo", "run", "--release", "-p", "tutorial", "--bin", name, ..] => is_program(name),
        _ => false,
    }
}
