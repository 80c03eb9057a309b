//! What a reader has done: a small file that can be read, edited and deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::lesson::{LESSONS, Lesson};

/// What can be done with a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Done {
    /// It was run to its end.
    Run,
    /// Its test has passed.
    Checked,
    /// What the reader wrote has passed.
    Built,
}

/// What has been done so far, by the noun of the lesson: numbers may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    file: PathBuf,
    done: BTreeMap<String, BTreeSet<Done>>,
}

impl Progress {
    /// What the file says. Without a file nothing has been done; and so it is with one that cannot be read, the
    /// reason for which is returned.
    pub fn load(file: &Path) -> (Self, Option<String>) {
        let (done, damage) = match fs::read_to_string(file).map(|text| parse(&text)) {
            Ok(Ok(done)) => (done, None),
            Err(error) if error.kind() == ErrorKind::NotFound => (BTreeMap::new(), None),
            Ok(Err(damage)) => (BTreeMap::new(), Some(damage)),
            Err(error) => (BTreeMap::new(), Some(error.to_string())),
        };
        (Self { file: file.to_owned(), done }, damage)
    }

    /// Notes that this was done, and saves it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn note(&mut self, lesson: Lesson, done: Done) -> io::Result<()> {
        self.done.entry(lesson.noun().to_owned()).or_default().insert(done);
        // A file in two halves would be a damaged one.
        let beside = self.file.with_extension("new");
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&beside, self.text())?;
        fs::rename(beside, &self.file)
    }

    /// Whether this was done.
    pub fn has(&self, lesson: Lesson, done: Done) -> bool {
        self.done.get(lesson.noun()).is_some_and(|all| all.contains(&done))
    }

    /// The first lesson with which this was not done.
    pub fn first_without(&self, done: Done) -> Option<Lesson> {
        LESSONS.into_iter().find(|lesson| !self.has(*lesson, done))
    }

    fn text(&self) -> String {
        let mut text = String::from(HEAD);
        for (noun, done) in &self.done {
            text += noun;
            for done in done {
                text += " ";
                text += done.word();
            }
            text += "\n";
        }
        text
    }
}

impl Done {
    const ALL: [Self; 3] = [Self::Run, Self::Checked, Self::Built];

    fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Checked => "checked",
            Self::Built => "built",
        }
    }
}

/// The lessons in the file, also those that are here no more; or the line that makes no sense.
fn parse(text: &str) -> Result<BTreeMap<String, BTreeSet<Done>>, String> {
    let mut all: BTreeMap<String, BTreeSet<Done>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(noun) = words.next() else { continue };
        for word in words {
            let done = Done::ALL.into_iter().find(|done| done.word() == word);
            let done = done.ok_or_else(|| format!("line {}: nothing is called {word:?}", number + 1))?;
            all.entry(noun.to_owned()).or_default().insert(done);
        }
    }
    Ok(all)
}

const HEAD: &str = "# What was done with each lesson. To begin anew, delete this file.\n";
