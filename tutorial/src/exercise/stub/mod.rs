//! Lesson 05: the return path, results and errors.

pub mod starter;
mod wrong;

use transport::{Code, Status};

use super::{Check, Exercise, text};
use crate::lesson::Lesson;

/// What a client stub makes of what comes back.
#[derive(Clone, Copy, Debug)]
pub struct StubCode {
    /// The reply, or why there is none, of all that has arrived on a call with one message in its answer.
    pub reply: fn(&[Arrived]) -> Result<Vec<u8>, Status>,
}

/// Something that has arrived. When nothing more comes, the connection is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// The metadata of the answer.
    Head,
    /// A message.
    Message(Vec<u8>),
    /// The status: the call is over.
    End(Status),
}

/// The exercise.
pub static EXERCISE: Exercise<StubCode> = Exercise {
    lesson: Lesson::numbered(5),
    task: "Make one result of all that comes back on a call: the reply, or the error.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "tutorial/src/exercise/stub/mod.rs, transport/src/stream.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// What `single_message` in transport/src/stream.rs does, of a list.
const RIGHT: StubCode = StubCode {
    reply: |arrived| {
        let mut reply = None;
        for event in arrived {
            match event {
                Arrived::Head => {}
                Arrived::Message(message) if reply.is_none() => reply = Some(message.clone()),
                Arrived::Message(_) => return Err(Status::new(Code::Unimplemented, "more than one message")),
                Arrived::End(status) => {
                    status.clone().into_result()?;
                    return reply.ok_or_else(|| Status::new(Code::Unimplemented, "no message"));
                }
            }
        }
        Err(Status::new(Code::Unavailable, "the connection is lost"))
    },
};

const CHECKS: &[Check<StubCode>] = &[
    Check {
        name: "a message and a good end are the reply",
        layer: LAYER,
        rule: "An answer is a head, which may be missing, one message, and the status. (transport/src/stream.rs, \
               `single_message`)",
        holds: |it| {
            code(it, "head, message \"one\", end OK", &[Arrived::Head, message("one"), end(Code::Ok)])
                .is("reply \"one\"", [])
        },
    },
    Check {
        name: "an error comes back with its code and its text",
        layer: LAYER,
        rule: "A caller decides by the code, and a person by the text: both are the server's. (client/src/call.rs, \
               `unary`)",
        holds: |it| {
            let arrived = [end(Code::NotFound)];
            let reply = (it.reply)(&arrived).map_err(|status| status.to_string());
            text("reply of end NOT_FOUND, \"as it was said\"", told(reply)).is(
                "NOT_FOUND: as it was said",
                [
                    ("reply \"\"", wrong::DEFAULT),
                    ("NOT_FOUND: ", wrong::NO_TEXT),
                    ("NOT_FOUND", wrong::NO_TEXT),
                    ("UNKNOWN: as it was said", wrong::NO_CODE),
                ],
            )
        },
    },
    Check {
        name: "an error behind a message is an error",
        layer: LAYER,
        rule: "The status is the last word: a message that came before it is no result. (transport/src/stream.rs, \
               `single_message`)",
        holds: |it| {
            code(it, "message \"one\", end DATA_LOSS", &[message("one"), end(Code::DataLoss)])
                .is("DATA_LOSS", [("reply \"one\"", wrong::TOO_EARLY)])
        },
    },
    Check {
        name: "a good end without a message is an error",
        layer: LAYER,
        rule: "A reply without bytes is a message; no message is none. gRPC: \"cardinality violation\" is \
               UNIMPLEMENTED. (transport/src/stream.rs, `single_message`)",
        holds: |it| {
            code(it, "end OK", &[end(Code::Ok)])
                .is("UNIMPLEMENTED", [("reply \"\"", wrong::NOTHING_IS_EMPTY)])
        },
    },
    Check {
        name: "two messages where one is due are an error",
        layer: LAYER,
        rule: "Which of them would be the reply? The two sides do not have the same contract. \
               (transport/src/stream.rs, `single_message`)",
        holds: |it| {
            code(
                it,
                "message \"one\", message \"two\", end OK",
                &[message("one"), message("two"), end(Code::Ok)],
            )
            .is(
                "UNIMPLEMENTED",
                [
                    ("reply \"one\"", wrong::FIRST_ONE),
                    ("reply \"two\"", wrong::LAST_ONE),
                    ("reply \"onetwo\"", wrong::BOTH),
                ],
            )
        },
    },
    Check {
        name: "an answer without an end is an error",
        layer: LAYER,
        rule: "A receive that ends without a status is an error, never an OK: nobody knows what would have come. \
               (transport/src/stream.rs)",
        holds: |it| {
            code(it, "message \"one\", and nothing more", &[message("one")])
                .is("UNAVAILABLE", [("reply \"one\"", wrong::NO_END)])
        },
    },
];

fn code(it: &StubCode, what: &str, arrived: &[Arrived]) -> super::Found<String> {
    let reply = (it.reply)(arrived).map_err(|status| status.code().to_string());
    text(format!("reply of {what}"), told(reply))
}

fn told(reply: Result<Vec<u8>, String>) -> String {
    reply.map_or_else(|error| error, |reply| format!("reply \"{}\"", reply.escape_ascii()))
}

fn message(text: &str) -> Arrived {
    Arrived::Message(text.as_bytes().to_vec())
}

fn end(code: Code) -> Arrived {
    let status = if code == Code::Ok { Status::ok() } else { Status::new(code, "as it was said") };
    Arrived::End(status)
}

const LAYER: &str = "client stub, on the way back";
