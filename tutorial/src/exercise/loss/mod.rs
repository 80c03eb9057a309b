//! Lesson 08: a lost request looks like a lost reply.

pub mod starter;
mod wrong;

use std::collections::HashMap;
use std::time::Duration;

use transport::Code;

use super::{Check, Exercise, text, value};
use crate::lesson::Lesson;

/// Both ends of a call that may be made twice.
#[derive(Clone, Copy, Debug)]
pub struct LossCode {
    /// A server whose counter is 0, and that remembers nothing yet.
    pub server: fn() -> Box<dyn Counter>,
    /// How long the call may take when it is made again; none if it must not be made again.
    pub again: fn(Failed) -> Option<Duration>,
}

/// A counter from -10 to 10.
pub trait Counter {
    /// Adds, and returns what the counter is then. OUT_OF_RANGE, and nothing is added, if that would not be from
    /// -10 to 10.
    ///
    /// Requests with the same key are one request that has arrived more than once: it counts once, and each gets
    /// the answer of the first, also if that was an error. With the same key for another number it is
    /// INVALID_ARGUMENT. Without a key every request counts.
    fn increment(&mut self, key: Option<&str>, by: i64) -> Result<i64, Code>;
}

/// A call that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// With which code.
    pub code: Code,
    /// Whether it is certain that the server has not begun to process it.
    pub was_not_processed: bool,
    /// Whether to do it twice is to do it once.
    pub is_idempotent: bool,
    /// How long all attempts together may take.
    pub timeout: Duration,
    /// How long they have taken.
    pub passed: Duration,
}

/// The exercise.
pub static EXERCISE: Exercise<LossCode> = Exercise {
    lesson: Lesson::numbered(8),
    task: "Write a server that counts a request once, and decide which calls may be made again.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "tutorial/src/exercise/loss/mod.rs, tutorial/src/lab/once.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// What `AtMostOnce` in tutorial/src/lab/once.rs does, without the waiting.
const RIGHT: LossCode = LossCode {
    server: || Box::new(Once::default()),
    again: |failed| {
        let left = failed.timeout.checked_sub(failed.passed).filter(|left| !left.is_zero())?;
        let may_help = failed.code == Code::Unavailable;
        (may_help && (failed.was_not_processed || failed.is_idempotent)).then_some(left)
    },
};

#[derive(Default)]
struct Once {
    counter: i64,
    answers: HashMap<String, (i64, Result<i64, Code>)>,
}

impl Counter for Once {
    fn increment(&mut self, key: Option<&str>, by: i64) -> Result<i64, Code> {
        if let Some((first, answer)) = key.and_then(|key| self.answers.get(key)) {
            return if *first == by { *answer } else { Err(Code::InvalidArgument) };
        }
        let answer = added(&mut self.counter, by);
        if let Some(key) = key {
            self.answers.insert(key.to_owned(), (by, answer));
        }
        answer
    }
}

fn added(counter: &mut i64, by: i64) -> Result<i64, Code> {
    let sum = counter.saturating_add(by);
    if !(-10..=10).contains(&sum) {
        return Err(Code::OutOfRange);
    }
    *counter = sum;
    Ok(sum)
}

const CHECKS: &[Check<LossCode>] = &[
    Check {
        name: "requests without a key each count",
        layer: SERVER,
        rule: "Two requests that say the same are two, where nobody says that they are one. (tutorial/src/lab/once.rs)",
        holds: |it| {
            answers(it, &[(None, 1), (None, 1), (None, 1)]).is("1, 2, 3", [("1, 1, 1", wrong::NO_KEY_IS_ONE)])
        },
    },
    Check {
        name: "a request that arrives again counts once and is answered",
        layer: SERVER,
        rule: "At most once: the key says that it is the same request, and its caller still waits for the answer. \
               (tutorial/src/lab/once.rs)",
        holds: |it| {
            answers(it, &[(Some("a"), 1), (Some("a"), 1), (None, 0)])
                .is("1, 1, 1", [("1, 2, 2", wrong::KEY_IGNORED), ("1, ALREADY_EXISTS, 1", wrong::REFUSED)])
        },
    },
    Check {
        name: "the second answer is that of the first whatever has happened since",
        layer: SERVER,
        rule: "Its caller asked what the counter was after this request, not what it is now. (tutorial/src/lab/once.rs)",
        holds: |it| {
            answers(it, &[(Some("a"), 1), (Some("b"), 5), (Some("a"), 1)])
                .is("1, 6, 1", [("1, 6, 6", wrong::PRESENT)])
        },
    },
    Check {
        name: "an error is remembered as a result is",
        layer: SERVER,
        rule: "The second attempt of a request must not succeed where the first has failed: its caller may have seen \
               the error. (tutorial/src/lab/once.rs)",
        holds: |it| {
            answers(it, &[(Some("a"), 11), (None, -5), (Some("a"), 11)])
                .is("OUT_OF_RANGE, -5, OUT_OF_RANGE", [("OUT_OF_RANGE, -5, 6", wrong::ERROR_FORGOTTEN)])
        },
    },
    Check {
        name: "a key that is used for something else is refused",
        layer: SERVER,
        rule: "Two different requests with one key are a mistake of the caller, and the second has not been done. \
               (tutorial/src/lab/once.rs)",
        holds: |it| {
            answers(it, &[(Some("a"), 1), (Some("a"), 2)])
                .is("1, INVALID_ARGUMENT", [("1, 1", wrong::OTHER_REQUEST)])
        },
    },
    Check {
        name: "a call that was not processed is made again",
        layer: CLIENT,
        rule: "REFUSED_STREAM, or a connection that was never there: nothing has happened. (client/src/call.rs, \
               `unary`)",
        holds: |it| again(it, FAILED).is(left(3), [(left(5), wrong::WHOLE_TIME), (None, wrong::NEVER)]),
    },
    Check {
        name: "a call that may have been processed is not made again",
        layer: CLIENT,
        rule: "A lost reply looks like a lost request: who calls again may have it done twice. (lesson 8)",
        holds: |it| {
            again(it, Failed { was_not_processed: false, ..FAILED }).is(None, [(left(3), wrong::TWICE)])
        },
    },
    Check {
        name: "an idempotent call is made again",
        layer: CLIENT,
        rule: "Where to do it twice is to do it once, it does not matter which of them was lost. (lesson 8)",
        holds: |it| {
            let failed = Failed { was_not_processed: false, is_idempotent: true, ..FAILED };
            again(it, failed).is(left(3), [(None, wrong::TIMID)])
        },
    },
    Check {
        name: "an answer is not asked for again",
        layer: CLIENT,
        rule: "NOT_FOUND is what the server says, and it will say it again. UNAVAILABLE is what nobody has said. (gRPC, \
               \"Status codes\")",
        holds: |it| {
            let failed = Failed { code: Code::NotFound, is_idempotent: true, ..FAILED };
            again(it, failed).is(None, [(left(3), wrong::ANY_ERROR)])
        },
    },
    Check {
        name: "behind its deadline nothing is made again",
        layer: CLIENT,
        rule: "A deadline is one for all attempts: its caller is gone. (client/src/deadline.rs)",
        holds: |it| {
            let failed = Failed { passed: Duration::from_secs(5), ..FAILED };
            again(it, failed).is(None, [(Some(Duration::ZERO), wrong::TOO_LATE)])
        },
    },
];

/// What comes of some requests, one after the other.
fn answers(it: &LossCode, requests: &[(Option<&str>, i64)]) -> super::Found<String> {
    let mut server = (it.server)();
    let answered = requests.iter().map(|(key, by)| match server.increment(*key, *by) {
        Ok(counter) => counter.to_string(),
        Err(code) => code.to_string(),
    });
    let answered = answered.collect::<Vec<_>>().join(", ");
    let told = requests.iter().map(|(key, by)| match key {
        Some(key) => format!("{by} with key {key}"),
        None => by.to_string(),
    });
    text(format!("increment by {}", told.collect::<Vec<_>>().join(", by ")), answered)
}

fn again(it: &LossCode, failed: Failed) -> super::Found<Option<Duration>> {
    let told = format!(
        "again, {}, {}, {}, after {:?} of {:?}",
        failed.code,
        if failed.was_not_processed { "certainly not processed" } else { "perhaps processed" },
        if failed.is_idempotent { "idempotent" } else { "not idempotent" },
        failed.passed,
        failed.timeout,
    );
    value(told, (it.again)(failed))
}

fn left(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

const FAILED: Failed = Failed {
    code: Code::Unavailable,
    was_not_processed: true,
    is_idempotent: false,
    timeout: Duration::from_secs(5),
    passed: Duration::from_secs(2),
};
const SERVER: &str = "the server's memory of requests";
const CLIENT: &str = "client, after a call has failed";
