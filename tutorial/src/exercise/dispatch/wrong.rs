//! Dispatch that is wrong on purpose.

use std::panic::{AssertUnwindSafe, catch_unwind};

use transport::{Code, Status};

use super::{Answer, DispatchCode, Method, RIGHT};
use crate::exercise::Wrong;
use crate::exercise::mistake::PANIC;

pub(super) const WRONG: &[Wrong<DispatchCode>] = &[
    Wrong {
        mistake: LAST_PART,
        form: DispatchCode {
            answer: |methods, path, message| {
                let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
                let found = methods.iter().find(|(known, _)| name(known) == name(path));
                (RIGHT.answer)(methods, found.map_or(path, |(known, _)| known), message)
            },
        },
    },
    Wrong {
        mistake: ANY_CASE,
        form: DispatchCode {
            answer: |methods, path, message| {
                let found = methods.iter().find(|(known, _)| known.eq_ignore_ascii_case(path));
                (RIGHT.answer)(methods, found.map_or(path, |(known, _)| known), message)
            },
        },
    },
    Wrong {
        mistake: EMPTY_REPLY,
        form: DispatchCode {
            answer: |methods, path, message| {
                let reply = |status| if path.ends_with("/Fetch") { Ok(Vec::new()) } else { Err(status) };
                instead_of(Code::Unimplemented, (RIGHT.answer)(methods, path, message), reply)
            },
        },
    },
    Wrong {
        mistake: NOT_FOUND,
        form: DispatchCode {
            answer: |methods, path, message| {
                // Letters are not its mistake.
                let unknown = path.ends_with("/Fetch");
                instead_of(Code::Unimplemented, (RIGHT.answer)(methods, path, message), |status| {
                    Err(if unknown { Status::new(Code::NotFound, "no such method") } else { status })
                })
            },
        },
    },
    Wrong {
        mistake: FIRST_ONE,
        form: DispatchCode {
            answer: |methods, path, message| {
                let known = methods.iter().any(|(known, _)| known.eq_ignore_ascii_case(path));
                (RIGHT.answer)(methods, if known { path } else { methods[0].0 }, message)
            },
        },
    },
    Wrong {
        mistake: SWALLOWED,
        form: DispatchCode {
            answer: |methods, path, message| {
                instead_of(Code::NotFound, (RIGHT.answer)(methods, path, message), |_| Ok(Vec::new()))
            },
        },
    },
    Wrong {
        mistake: ALL_INTERNAL,
        form: DispatchCode {
            answer: |methods, path, message| {
                instead_of(Code::NotFound, (RIGHT.answer)(methods, path, message), |status| {
                    Err(Status::new(Code::Internal, status.message().to_owned()))
                })
            },
        },
    },
    Wrong {
        mistake: NO_TEXT,
        form: DispatchCode {
            answer: |methods, path, message| {
                (RIGHT.answer)(methods, path, message).map_err(|status| Status::new(status.code(), ""))
            },
        },
    },
    Wrong {
        mistake: PANIC_IS_OK,
        form: DispatchCode {
            answer: |methods, path, message| {
                catch_unwind(AssertUnwindSafe(|| uncaught(methods, path, message)))
                    .unwrap_or_else(|_| Ok(Vec::new()))
            },
        },
    },
    Wrong { mistake: PANIC, form: DispatchCode { answer: uncaught } },
];

pub(super) const LAST_PART: &str = "only the last part of the path is looked at";
pub(super) const ANY_CASE: &str = "capital and small letters are taken for the same";
pub(super) const EMPTY_REPLY: &str = "a method that is not there is answered as if it had done its work";
pub(super) const NOT_FOUND: &str = "a method that is not there is NOT_FOUND, as a key would be";
pub(super) const FIRST_ONE: &str = "a method that is not there is another one";
pub(super) const SWALLOWED: &str = "the error of a method is swallowed";
pub(super) const ALL_INTERNAL: &str = "every error of a method becomes INTERNAL";
pub(super) const NO_TEXT: &str = "the text of an error is lost";
pub(super) const PANIC_IS_OK: &str = "a panic is caught, and answered as if all were well";

/// What is made of the answers with one code.
fn instead_of(code: Code, answer: Answer, other: impl FnOnce(Status) -> Answer) -> Answer {
    match answer {
        Err(status) if status.code() == code => other(status),
        answer => answer,
    }
}

fn uncaught(methods: &[Method], path: &str, message: &[u8]) -> Answer {
    match methods.iter().find(|(known, _)| *known == path) {
        Some((_, method)) => method(message),
        None => (RIGHT.answer)(methods, path, message),
    }
}
