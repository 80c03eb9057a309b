//! Lesson 10: what a generator makes of one line of a contract.

mod right;
pub mod starter;
mod wrong;

use super::{Check, Exercise, text};
use crate::lesson::Lesson;

/// The parts of a generator of stubs that have to agree with all other generators.
#[derive(Clone, Copy, Debug)]
pub struct GeneratedCode {
    /// What a line of a contract says: `rpc Watch(WatchRequest) returns (stream Change);`.
    pub read: fn(line: &str) -> Option<Rpc>,
    /// The path of a method; the package may be empty.
    pub path: fn(package: &str, service: &str, method: &str) -> String,
    /// The name of its function in Rust.
    pub function: fn(method: &str) -> String,
}

/// A method, as its contract has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// Its name.
    pub method: String,
    /// The type of its request, and whether there are many.
    pub request: (String, bool),
    /// The type of its reply, and whether there are many.
    pub reply: (String, bool),
}

/// The exercise.
pub static EXERCISE: Exercise<GeneratedCode> = Exercise {
    lesson: Lesson::numbered(10),
    task: "Read one method of a contract, and make the path and the function of it.",
    checks: CHECKS,
    right: right::RIGHT,
    right_is_in: "tutorial/src/exercise/generated/right.rs, stub/build/src/service.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

const CHECKS: &[Check<GeneratedCode>] = &[
    Check {
        name: "a method has a name and two types",
        layer: CONTRACT,
        rule: "Protocol Buffers Language Specification, \"Service definition\": rpc NAME ( TYPE ) returns ( TYPE ).",
        holds: |it| read(it, "rpc Get(GetRequest) returns (GetReply);").is("Get: GetRequest to GetReply", []),
    },
    Check {
        name: "stream is a word of the contract and no part of a type",
        layer: CONTRACT,
        rule: "Protocol Buffers Language Specification, \"Service definition\": stream stands in front of the type, on \
               either side.",
        holds: |it| {
            read(it, "rpc Sync(stream Change) returns (stream Change);").is(
                "Sync: many Change to many Change",
                [
                    ("Sync: stream Change to stream Change", wrong::PART_OF_TYPE),
                    ("Sync: many stream Change to many stream Change", wrong::STAYS_IN_TYPE),
                    ("Sync: Change to many Change", wrong::REPLY_ONLY),
                ],
            )
        },
    },
    Check {
        name: "a type whose name begins like stream is one message",
        layer: CONTRACT,
        rule: "Protocol Buffers Language Specification, \"Letters and digits\": a keyword is a whole word.",
        holds: |it| {
            read(it, "rpc Get(streamer.Request) returns (streamer.Reply);").is(
                "Get: streamer.Request to streamer.Reply",
                [("Get: many streamer.Request to many streamer.Reply", wrong::PART_OF_WORD)],
            )
        },
    },
    Check {
        name: "a path is package and service and method",
        layer: PATH,
        rule: "gRPC over HTTP2, \"Requests\": Path is / Service-Name / method name; the service is called with its \
               package.",
        holds: |it| {
            text("path of package kv, service Kv, method GetRange", (it.path)("kv", "Kv", "GetRange")).is(
                "/kv.Kv/GetRange",
                [
                    ("/Kv/GetRange", wrong::NO_PACKAGE),
                    ("/kv.Kv/get_range", wrong::RUST_NAME),
                    ("/kv/Kv/GetRange", wrong::SLASH),
                    ("kv.Kv/GetRange", wrong::NO_SLASH),
                ],
            )
        },
    },
    Check {
        name: "without a package there is no dot in front of the service",
        layer: PATH,
        rule: "gRPC over HTTP2, \"Requests\". A contract needs no package.",
        holds: |it| {
            text("path of no package, service Kv, method Get", (it.path)("", "Kv", "Get"))
                .is("/Kv/Get", [("/.Kv/Get", wrong::DOT)])
        },
    },
    Check {
        name: "a function is small letters with underscores between its words",
        layer: NAMES,
        rule: "Rust API Guidelines, C-CASE: functions are snake_case, and an acronym is one word.",
        holds: |it| {
            let names = ["Get", "GetRange", "HTTPGet"].map(it.function).join(", ");
            text("function of Get, GetRange, HTTPGet", names).is(
                "get, get_range, http_get",
                [
                    ("get, getrange, httpget", wrong::NO_UNDERSCORES),
                    ("get, get_range, h_t_t_p_get", wrong::LETTERS),
                ],
            )
        },
    },
    Check {
        name: "a method may be called like a word of the language",
        layer: NAMES,
        rule: "The Rust Reference, \"Identifiers\": r# makes a name of a keyword. The contract does not know which \
               languages there are.",
        holds: |it| text("function of Move", (it.function)("Move")).is("r#move", [("move", wrong::KEYWORD)]),
    },
];

fn read(it: &GeneratedCode, line: &str) -> super::Found<String> {
    let told = |(name, many): &(String, bool)| format!("{}{name}", if *many { "many " } else { "" });
    let read = (it.read)(line);
    let read = read.map(|rpc| format!("{}: {} to {}", rpc.method, told(&rpc.request), told(&rpc.reply)));
    text(format!("read of {line}"), read.unwrap_or_else(|| "no method".to_owned()))
}

const CONTRACT: &str = "contract";
const PATH: &str = "path of a call";
const NAMES: &str = "generated code";
