//! Servers and clients that are wrong on purpose.

use std::collections::HashMap;
use std::time::Duration;

use transport::Code;

use super::{Counter, Failed, LossCode, RIGHT, added};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<LossCode>] = &[
    Wrong { mistake: NO_KEY_IS_ONE, form: server(|| Box::new(Slipping::new(Slip::NoKeyIsOne))) },
    Wrong { mistake: KEY_IGNORED, form: server(|| Box::new(Slipping::new(Slip::KeyIgnored))) },
    Wrong { mistake: REFUSED, form: server(|| Box::new(Slipping::new(Slip::Refused))) },
    Wrong { mistake: PRESENT, form: server(|| Box::new(Slipping::new(Slip::Present))) },
    Wrong { mistake: ERROR_FORGOTTEN, form: server(|| Box::new(Slipping::new(Slip::ErrorForgotten))) },
    Wrong { mistake: OTHER_REQUEST, form: server(|| Box::new(Slipping::new(Slip::OtherRequest))) },
    Wrong { mistake: WHOLE_TIME, form: again(|failed| (RIGHT.again)(failed).map(|_| failed.timeout)) },
    Wrong { mistake: NEVER, form: again(|_| None) },
    Wrong {
        mistake: TWICE,
        form: again(|failed| (RIGHT.again)(Failed { was_not_processed: true, ..failed })),
    },
    Wrong { mistake: TIMID, form: again(|failed| (RIGHT.again)(Failed { is_idempotent: false, ..failed })) },
    Wrong {
        mistake: ANY_ERROR,
        form: again(|failed| (RIGHT.again)(Failed { code: Code::Unavailable, ..failed })),
    },
    Wrong {
        mistake: TOO_LATE,
        form: again(|failed| {
            let is_over = failed.passed >= failed.timeout;
            if is_over { Some(Duration::ZERO) } else { (RIGHT.again)(failed) }
        }),
    },
];

pub(super) const NO_KEY_IS_ONE: &str = "requests without a key are taken for one request";
pub(super) const KEY_IGNORED: &str = "the key is ignored, and a request that arrives twice counts twice";
pub(super) const REFUSED: &str =
    "a request that arrives again is refused, and its caller never has the answer";
pub(super) const PRESENT: &str = "a request that arrives again is answered with what the counter is now";
pub(super) const ERROR_FORGOTTEN: &str = "an error is not remembered, and the same request is done later";
pub(super) const OTHER_REQUEST: &str = "another request with the same key gets the answer of the first";
pub(super) const WHOLE_TIME: &str = "each attempt has the whole time, and all of them together have more";
pub(super) const NEVER: &str = "nothing is made again, not even what was certainly not processed";
pub(super) const TWICE: &str = "a call is made again that may have been processed";
pub(super) const TIMID: &str = "a call is not made again that could be made a hundred times";
pub(super) const ANY_ERROR: &str = "every error is taken for one that goes away";
pub(super) const TOO_LATE: &str = "a call is made again when its time is over";

const fn server(server: fn() -> Box<dyn Counter>) -> LossCode {
    LossCode { server, ..RIGHT }
}

const fn again(again: fn(Failed) -> Option<Duration>) -> LossCode {
    LossCode { again, ..RIGHT }
}

#[derive(PartialEq, Eq)]
enum Slip {
    NoKeyIsOne,
    KeyIgnored,
    Refused,
    Present,
    ErrorForgotten,
    OtherRequest,
}

/// A server that slips in one way.
struct Slipping {
    slip: Slip,
    counter: i64,
    answers: HashMap<String, (i64, Result<i64, Code>)>,
}

impl Slipping {
    fn new(slip: Slip) -> Self {
        Self { slip, counter: 0, answers: HashMap::new() }
    }

    fn first_answer(&self, key: &str, by: i64) -> Option<Result<i64, Code>> {
        let (first, answer) = self.answers.get(key)?;
        match self.slip {
            Slip::KeyIgnored => None,
            Slip::ErrorForgotten if answer.is_err() => None,
            Slip::Refused => Some(Err(Code::AlreadyExists)),
            Slip::Present => Some(Ok(self.counter)),
            Slip::OtherRequest => Some(*answer),
            _ if *first != by => Some(Err(Code::InvalidArgument)),
            _ => Some(*answer),
        }
    }
}

impl Counter for Slipping {
    fn increment(&mut self, key: Option<&str>, by: i64) -> Result<i64, Code> {
        let key = if self.slip == Slip::NoKeyIsOne { key.or(Some("")) } else { key };
        if let Some(answer) = key.and_then(|key| self.first_answer(key, by)) {
            return answer;
        }
        let answer = added(&mut self.counter, by);
        if let Some(key) = key {
            self.answers.insert(key.to_owned(), (by, answer));
        }
        answer
    }
}
