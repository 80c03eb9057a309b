//! The test of a lesson, told as what it is: sentences, each of which holds or does not.

use crate::page::{BOLD, DIM, Page};

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
        let mut sentences: Vec<_> = printed.lines().filter_map(sentence).collect();
        sentences.sort_by_key(|(name, _)| {
            let last = name.rsplit("::").next().unwrap_or(name);
            (source.find(last).unwrap_or(usize::MAX), *name)
        });
        let failures = printed.split("\n---- ").skip(1).filter_map(|part| {
            let (name, said) = part.split_once(" stdout ----\n")?;
            Some((name, said.split("\n\n\nfailures:\n").next().unwrap_or(said)))
        });
        Self { sentences, failures: failures.collect() }
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
            for line in said.lines().filter(|line| !line.starts_with("note: run with ")) {
                match line.strip_prefix("thread '").and_then(|line| line.split_once("' ")) {
                    // Where a check says what is wrong, it says it all.
                    Some((_, place)) if place.contains("exercise/mod.rs") => {}
                    Some((_, place)) => {
                        let place = place.split_once("panicked at ").map_or(place, |(_, place)| place);
                        page.line(format_args!("    {DIM}{}{DIM:#}", place.trim_end_matches(':')));
                    }
                    None if line.is_empty() => {}
                    None => page.line(format_args!("  {line}")),
                }
            }
        }
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
