//! Ways back that are wrong on purpose.

use transport::{Code, Status};

use super::{Arrived, RIGHT, StubCode};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<StubCode>] = &[
    Wrong { mistake: DEFAULT, form: form(|arrived| Ok((RIGHT.reply)(arrived).unwrap_or_default())) },
    Wrong {
        mistake: NO_TEXT,
        form: form(|arrived| (RIGHT.reply)(arrived).map_err(|status| Status::new(status.code(), ""))),
    },
    Wrong {
        mistake: NO_CODE,
        form: form(|arrived| {
            (RIGHT.reply)(arrived).map_err(|status| Status::new(Code::Unknown, status.message().to_owned()))
        }),
    },
    Wrong {
        mistake: TOO_EARLY,
        form: form(|arrived| match messages(arrived).next() {
            Some(message) => Ok(message),
            None => (RIGHT.reply)(arrived),
        }),
    },
    Wrong {
        mistake: NOTHING_IS_EMPTY,
        form: form(|arrived| {
            if arrived == [Arrived::End(Status::ok())] { Ok(Vec::new()) } else { (RIGHT.reply)(arrived) }
        }),
    },
    Wrong { mistake: FIRST_ONE, form: form(|arrived| of_many(arrived, |mut messages| messages.remove(0))) },
    Wrong { mistake: LAST_ONE, form: form(|arrived| of_many(arrived, |mut messages| messages.remove(1))) },
    Wrong { mistake: BOTH, form: form(|arrived| of_many(arrived, |messages| messages.concat())) },
    Wrong {
        mistake: NO_END,
        form: form(|arrived| {
            let is_cut = !arrived.iter().any(|event| matches!(event, Arrived::End(_)));
            match messages(arrived).next() {
                Some(message) if is_cut => Ok(message),
                _ => (RIGHT.reply)(arrived),
            }
        }),
    },
];

pub(super) const DEFAULT: &str = "an error is swallowed, and nothing is returned as the reply";
pub(super) const NO_TEXT: &str = "the text of the error is lost";
pub(super) const NO_CODE: &str = "the code of the error is lost";
pub(super) const TOO_EARLY: &str = "the message is returned before the status has come";
pub(super) const NOTHING_IS_EMPTY: &str = "no message is taken for a message without bytes";
pub(super) const FIRST_ONE: &str = "of two messages the first is returned";
pub(super) const LAST_ONE: &str = "of two messages the last is returned";
pub(super) const BOTH: &str = "two messages are taken for one";
pub(super) const NO_END: &str = "an answer that was cut off is taken for a whole one";

const fn form(reply: fn(&[Arrived]) -> Result<Vec<u8>, Status>) -> StubCode {
    StubCode { reply }
}

fn messages(arrived: &[Arrived]) -> impl Iterator<Item = Vec<u8>> {
    arrived.iter().filter_map(|event| match event {
        Arrived::Message(message) => Some(message.clone()),
        _ => None,
    })
}

/// The reply, and of more than one message what `one` makes of them.
fn of_many(arrived: &[Arrived], one: fn(Vec<Vec<u8>>) -> Vec<u8>) -> Result<Vec<u8>, Status> {
    let messages: Vec<_> = messages(arrived).collect();
    if messages.len() > 1 { Ok(one(messages)) } else { (RIGHT.reply)(arrived) }
}
