//! What can be built, lesson by lesson: a form to fill in, the rules that it has to keep, and what keeps them:
//! the right one all of them, each wrong one all but what its mistake breaks, the starter not yet.
//!
//! The form of an exercise is a structure of plain functions, or a function that makes an object of a small
//! trait. A check calls them, compares, and says what the difference means. The same checks run on the project's
//! own code in the test of the lesson, on the wrong ones beside it, and on what a reader has written.

pub mod bytes;
pub mod calls;
pub mod dispatch;
pub mod frame;
pub mod generated;
pub mod grpc;
pub mod hpack;
pub mod http2;
pub mod loss;
mod mistake;
pub mod protobuf;
pub mod shapes;
pub mod status;
pub mod stream;
pub mod stub;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

pub use mistake::{Difference, Found, Mistake, Outcome, bytes, text, value};

use crate::lesson::Lesson;
use crate::page::{BOLD, Page};

/// What a reader begins with, and where.
#[derive(Clone, Copy, Debug)]
pub struct Starter {
    /// The noun of its lesson.
    pub noun: &'static str,
    /// What has to be written.
    pub task: &'static str,
    /// The program to fill in.
    pub text: &'static str,
}

/// The starter of each exercise.
macro_rules! starters {
    ($($noun:ident)*) => {
        /// All starters, in the order of their lessons.
        pub static STARTERS: &[Starter] = &[$(Starter {
            noun: stringify!($noun),
            task: $noun::EXERCISE.task,
            text: include_str!(concat!(stringify!($noun), "/starter.rs")),
        }),*];
    };
}

starters! { bytes frame dispatch stub stream calls loss shapes generated protobuf http2 hpack grpc status }

impl Starter {
    /// That of a lesson, if there is something to build in it.
    pub fn of(lesson: Lesson) -> Option<Self> {
        STARTERS.iter().copied().find(|starter| starter.noun == lesson.noun())
    }

    /// The program, `cargo run --example` of which runs the checks.
    pub fn program(self) -> String {
        format!("my_{}", self.noun)
    }

    /// Where a reader edits it, from the root of the workspace.
    pub fn file(self) -> String {
        format!("tutorial/examples/{}.rs", self.program())
    }
}

/// What can be built in one lesson. `Form` is what has to be filled in.
#[derive(Debug)]
pub struct Exercise<Form: 'static> {
    /// The lesson.
    pub lesson: Lesson,
    /// What has to be written, as one sentence.
    pub task: &'static str,
    /// What has to be so, the easiest first.
    pub checks: &'static [Check<Form>],
    /// What keeps all rules: the project's own code where its public functions reach it, a small one where not.
    pub right: Form,
    /// Where that stands.
    pub right_is_in: &'static str,
    /// Each with one mistake.
    pub wrong: &'static [Wrong<Form>],
    /// What a reader begins with: it compiles, and is red.
    pub starter: Form,
}

/// One thing that has to be so.
#[derive(Debug)]
pub struct Check<Form> {
    /// As a sentence.
    pub name: &'static str,
    /// The layer it belongs to.
    pub layer: &'static str,
    /// Why it has to be so, and where that is written.
    pub rule: &'static str,
    /// Whether it is so.
    pub holds: fn(&Form) -> Outcome,
}

/// Something that is wrong on purpose.
#[derive(Debug)]
pub struct Wrong<Form> {
    /// Its mistake, in the words with which the check that finds it has to name it.
    pub mistake: &'static str,
    /// What makes it.
    pub form: Form,
}

impl<Form> Exercise<Form> {
    /// What is wrong with `form`: of each check that does not hold, one mistake.
    pub fn mistakes(&self, form: &Form) -> Vec<Mistake> {
        self.checks.iter().filter_map(|check| self.mistake(check, form)).collect()
    }

    /// What the check finds, if it does not hold.
    pub fn mistake(&self, check: &Check<Form>, form: &Form) -> Option<Mistake> {
        // Who indexes over the end of a slice is to learn which rule that was about.
        let held = catch_unwind(AssertUnwindSafe(|| (check.holds)(form)));
        let difference = held.unwrap_or_else(|panic| Err(Box::new(Difference::of_panic(&*panic)))).err()?;
        Some(Mistake {
            check: check.name,
            layer: check.layer,
            rule: check.rule,
            lesson: self.lesson,
            difference,
        })
    }

    /// Runs all checks on what a reader has written, and prints what is so, and the first mistake in full. The
    /// exit code is that of their program.
    pub fn report(&self, yours: &Form) -> ExitCode {
        let mut page = Page::printed();
        let is_right = self.tell(yours, &mut page);
        if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// The same, on any page: whether all is right.
    pub fn tell(&self, yours: &Form, page: &mut Page) -> bool {
        let mut first = None;
        let mut held = 0;
        for check in self.checks {
            let mistake = self.mistake(check, yours);
            let mark = if mistake.is_some() { "✗" } else { "✓" };
            held += usize::from(mistake.is_none());
            page.point(mark, check.name);
            first = first.or(mistake);
        }
        page.blank();
        match first {
            None => page.say(&format!("All {held} hold: it is right.")),
            Some(mistake) => {
                page.line(format_args!("  {BOLD}✗ {}{BOLD:#}", mistake.check));
                page.blank();
                mistake.tell(page);
                page.blank();
                page.say(&format!("{held} of {} hold.", self.checks.len()));
                page.say(&format!("One that is right: {}", self.right_is_in));
            }
        }
        held == self.checks.len()
    }
}
