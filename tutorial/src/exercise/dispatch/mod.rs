//! Lesson 04: server stub and dispatch, bytes in, bytes out.

pub mod starter;
mod wrong;

use std::panic::{AssertUnwindSafe, catch_unwind};

use transport::{Code, Status};

use super::{Check, Exercise, text};
use crate::lesson::Lesson;

/// Finding the method of a call, and answering, whatever happens.
#[derive(Clone, Copy, Debug)]
pub struct DispatchCode {
    /// The reply to a call: of the methods there are, the one with this path is called with this message.
    pub answer: fn(methods: &[Method], path: &str, message: &[u8]) -> Answer,
}

/// A method: its path, and what it does.
pub type Method = (&'static str, fn(&[u8]) -> Answer);

/// The bytes of a reply, or why there is none.
pub type Answer = Result<Vec<u8>, Status>;

/// The exercise.
pub static EXERCISE: Exercise<DispatchCode> = Exercise {
    lesson: Lesson::numbered(4),
    task: "Find the method of a call, and answer, also when there is none and when it panics.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "tutorial/src/exercise/dispatch/mod.rs, server/src/router.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// What router, server stub and host do together, in a few lines.
const RIGHT: DispatchCode = DispatchCode {
    answer: |methods, path, message| {
        let Some((_, method)) = methods.iter().find(|(known, _)| *known == path) else {
            return Err(Status::new(Code::Unimplemented, format!("there is no method {path} here")));
        };
        let reply = catch_unwind(AssertUnwindSafe(|| method(message)));
        reply.unwrap_or_else(|_| Err(Status::new(Code::Internal, "the method panicked")))
    },
};

const CHECKS: &[Check<DispatchCode>] = &[
    Check {
        name: "the bytes of a call go to its method and the reply comes back",
        layer: LAYER,
        rule: "A server stub makes arguments of a message, and a message of the result. (server/src/dispatch.rs, \
               `unary`)",
        holds: |it| code(it, "/kv.Kv/Put", b"hi").is("reply \"put: hi\"", []),
    },
    Check {
        name: "a path is taken as a whole",
        layer: LAYER,
        rule: "The path is the service and the method: another service may have a method of the same name. \
               (server/src/router.rs)",
        holds: |it| {
            code(it, "/kv.Kv/Get", b"hi")
                .is("reply \"get: hi\"", [("reply \"another service\"", wrong::LAST_PART)])
        },
    },
    Check {
        name: "a path is taken letter by letter",
        layer: LAYER,
        rule: "A client in any other language has the same contract, and its letters. (server/src/router.rs)",
        holds: |it| {
            code(it, "/kv.Kv/get", b"hi").is("UNIMPLEMENTED", [("reply \"get: hi\"", wrong::ANY_CASE)])
        },
    },
    Check {
        name: "an unknown method is answered",
        layer: LAYER,
        rule: "A client may be newer than its server: UNIMPLEMENTED says so. NOT_FOUND is what a method says about a \
               key, and no reply at all is a client that waits. (server/src/router.rs)",
        holds: |it| {
            code(it, "/kv.Kv/Fetch", b"hi").is(
                "UNIMPLEMENTED",
                [
                    ("reply \"\"", wrong::EMPTY_REPLY),
                    ("NOT_FOUND", wrong::NOT_FOUND),
                    ("reply \"another service\"", wrong::FIRST_ONE),
                ],
            )
        },
    },
    Check {
        name: "the error of a method comes back with its code and its text",
        layer: LAYER,
        rule: "Errors come back as results do: the code says what to do, the text says what was wrong. \
               (server/src/dispatch.rs, `unary`)",
        holds: |it| {
            let answer = (it.answer)(METHODS, "/kv.Kv/Fail", b"").map_err(|status| status.to_string());
            text("answer to /kv.Kv/Fail", told(answer)).is(
                "NOT_FOUND: no value for \"k\"",
                [
                    ("reply \"\"", wrong::SWALLOWED),
                    ("INTERNAL: no value for \"k\"", wrong::ALL_INTERNAL),
                    ("NOT_FOUND: ", wrong::NO_TEXT),
                    ("NOT_FOUND", wrong::NO_TEXT),
                ],
            )
        },
    },
    Check {
        name: "a panic in a method is answered",
        layer: LAYER,
        rule: "One call must not end the others: a panic is INTERNAL, for that call alone. (transport/src/stream.rs, \
               `handler_panicked`)",
        holds: |it| code(it, "/kv.Kv/Panic", b"").is("INTERNAL", [("reply \"\"", wrong::PANIC_IS_OK)]),
    },
];

fn code(it: &DispatchCode, path: &str, message: &[u8]) -> super::Found<String> {
    let answer = (it.answer)(METHODS, path, message).map_err(|status| status.code().to_string());
    text(format!("answer to {path}"), told(answer))
}

fn told(answer: Result<Vec<u8>, String>) -> String {
    answer.map_or_else(|error| error, |reply| format!("reply \"{}\"", reply.escape_ascii()))
}

const METHODS: &[Method] = &[
    ("/bank.Bank/Get", |_| Ok(b"another service".to_vec())),
    ("/kv.Kv/Get", |message| Ok([b"get: ", message].concat())),
    ("/kv.Kv/Put", |message| Ok([b"put: ", message].concat())),
    ("/kv.Kv/Fail", |_| Err(Status::new(Code::NotFound, "no value for \"k\""))),
    ("/kv.Kv/Panic", |_| panic!("on purpose, to be caught by who dispatches")),
];
const LAYER: &str = "server stub and dispatch";
