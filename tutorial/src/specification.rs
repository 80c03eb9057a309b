//! The test of a lesson, told as what it is: sentences, each of which holds or does not.

use crate::page::{BOLD, Page};

/// What a test program of Rust has printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specification<'a> {
    /// Each sentence, and whether it holds.
    pub sentences: Vec<(&'a str, bool)>,
    /// What those that do not hold have said.
    failures: Vec<(&'a str, &'a str)>,
}

impl<'a> Specification<'a> {
    /// Reads what was printed; the sentences in the order in which `source` has them.
    pub fn read(printed: &'a str, source: &str) -> Self {
        let place = |name: &str| {
            let last = name.rsplit("::").next().unwrap_or(name);
            (source.find(last).unwrap_or(usize::MAX), name.to_owned())
        };
        let mut sentences: Vec<_> = printed.lines().filter_map(sentence).collect();
        sentences.sort_by_key(|(name, _)| place(name));
        let failures = printed.split("\n---- ").skip(1).filter_map(|part| {
            let (name, said) = part.split_once(" stdout ----\n")?;
            Some((name, said.split("\n\n\nfailures:\n").next().unwrap_or(said)))
        });
        let mut failures: Vec<_> = failures.collect();
        failures.sort_by_key(|(name, _)| place(name));
        // What is wrong on purpose is made of what is right: it says nothing new where that is broken.
        if failures.iter().any(|(name, _)| !name.starts_with(ON_PURPOSE)) {
            failures.retain(|(name, _)| !name.starts_with(ON_PURPOSE));
        }
        Self { sentences, failures }
    }

    /// How many do not hold.
    pub fn broken(&self) -> usize {
        self.sentences.iter().filter(|(_, holds)| !holds).count()
    }

    /// Prints all sentences, and what those have said that do not hold.
    pub fn tell(&self, page: &mut Page) {
        for (name, holds) in &self.sentences {
            page.point(if *holds { "✓" } else { "✗" }, &in_words(name));
        }
        for (name, said) in &self.failures {
            page.blank();
            page.line(format_args!("  {BOLD}✗ {}{BOLD:#}", in_words(name)));
            page.blank();
            let lines = said.lines().filter(|line| line.replace(' ', "_") != *name);
            let text = lines.filter_map(shown).collect::<Vec<_>>().join("\n");
            // What a check says is indented as it is to be; what an assertion says is not.
            let is_indented = text.lines().all(|line| line.is_empty() || line.starts_with("    "));
            let margin = if is_indented { "" } else { "    " };
            for line in text.trim_matches('\n').lines() {
                page.line(format_args!("{}", format!("{margin}{line}").trim_end()));
            }
        }
    }
}

/// A line of what a test has said, as far as it says something to who reads it here.
fn shown(line: &str) -> Option<String> {
    if line.starts_with("note: run with ") {
        return None;
    }
    let place = line.strip_prefix("thread '").and_then(|line| line.split_once("panicked at "));
    match place {
        // Where a check says what is wrong, it says it all.
        Some((_, place)) if place.contains("exercise/mod.rs") => None,
        Some((_, place)) => Some(format!("at {}", place.trim_end_matches(':'))),
        None => Some(line.to_owned()),
    }
}

/// `test NAME ... ok`
fn sentence(line: &str) -> Option<(&str, bool)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    // A test that is to panic says so behind its name.
    let name = name.split(" - ").next().unwrap_or(name);
    match outcome {
        "ok" => Some((name, true)),
        "FAILED" => Some((name, false)),
        _ => None,
    }
}

/// `a_remote_kv::a_key_is_not_found` as words.
fn in_words(name: &str) -> String {
    name.replace("::", ": ").replace('_', " ")
}

/// The module of the tests of an exercise's checks.
const ON_PURPOSE: &str = "wrong_on_purpose::";
