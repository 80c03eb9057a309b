//! Lesson 07: many calls, one connection.

pub mod starter;
mod wrong;

use std::collections::HashMap;

use super::{Check, Exercise, text};
use crate::lesson::Lesson;

/// The calls of one connection.
#[derive(Clone, Copy, Debug)]
pub struct CallsCode {
    /// Of a connection on which nothing was called yet.
    pub calls: fn() -> Box<dyn Calls>,
}

/// Which answer is whose.
pub trait Calls {
    /// Somebody calls: the id that the call gets.
    fn open(&mut self, caller: char) -> u32;

    /// The answer to the call with this id has come: who has it now, if anybody waits for it.
    fn answer(&mut self, id: u32) -> Option<char>;

    /// The caller does not wait any more; the server is told, and may have answered already.
    fn give_up(&mut self, id: u32);
}

/// The exercise.
pub static EXERCISE: Exercise<CallsCode> = Exercise {
    lesson: Lesson::numbered(7),
    task: "Keep the calls of a connection, so that each answer finds its caller.",
    checks: CHECKS,
    right: CallsCode { calls: || Box::new(Table::default()) },
    right_is_in: "tutorial/src/exercise/calls/mod.rs, transport/src/session/",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// What a session keeps of its calls, in a few lines.
#[derive(Default)]
struct Table {
    last: u32,
    waiting: HashMap<u32, char>,
}

impl Calls for Table {
    fn open(&mut self, caller: char) -> u32 {
        self.last += 1;
        self.waiting.insert(self.last, caller);
        self.last
    }

    fn answer(&mut self, id: u32) -> Option<char> {
        self.waiting.remove(&id)
    }

    fn give_up(&mut self, id: u32) {
        self.waiting.remove(&id);
    }
}

const CHECKS: &[Check<CallsCode>] = &[
    Check {
        name: "calls that are open at the same time have different ids",
        layer: LAYER,
        rule: "Call ids rise: each is higher than all before. (transport/src/frame/mod.rs, \"Rules\")",
        holds: |it| {
            let mut calls = (it.calls)();
            let ids = ['a', 'b', 'c'].map(|caller| calls.open(caller));
            let told =
                if ids.is_sorted_by(|one, next| one < next) { "rise".to_owned() } else { format!("{ids:?}") };
            text("a, b, c call; their ids", told).is("rise", [("[1, 1, 1]", wrong::SAME_ID)])
        },
    },
    Check {
        name: "an answer finds its caller in whatever order answers come",
        layer: LAYER,
        rule: "Only the id says whose an answer is. A slow call never blocks a fast one. (transport/src/frame/mod.rs, \
               \"Conversation\")",
        holds: |it| {
            let mut calls = (it.calls)();
            let (a, b) = (calls.open('a'), calls.open('b'));
            let told = format!("{}, {}", who(calls.answer(b)), who(calls.answer(a)));
            text("a, b call; the answer to b comes, then that to a; they go to", told)
                .is("b, a", [("a, b", wrong::BY_ORDER), ("nobody, a", wrong::BLOCKED)])
        },
    },
    Check {
        name: "a call is answered once",
        layer: LAYER,
        rule: "What comes for a call that is over is ignored. (transport/src/frame/mod.rs, \"Rules\")",
        holds: |it| {
            let mut calls = (it.calls)();
            let a = calls.open('a');
            let told = format!("{}, {}", who(calls.answer(a)), who(calls.answer(a)));
            text("a calls; two answers come; they go to", told).is("a, nobody", [("a, a", wrong::STAYS)])
        },
    },
    Check {
        name: "an answer that nobody waits for disturbs nobody",
        layer: LAYER,
        rule: "What a peer sends is a claim: an id that is not there is no reason to end the other calls. \
               (transport/src/session/peer.rs)",
        holds: |it| {
            let mut calls = (it.calls)();
            let a = calls.open('a');
            let told = format!("{}, {}", who(calls.answer(a + 1000)), who(calls.answer(a)));
            text("a calls; an answer with another id comes, then the right one; they go to", told)
                .is("nobody, a", [("a, nobody", wrong::WHOEVER)])
        },
    },
    Check {
        name: "a call that is given up is not answered any more",
        layer: LAYER,
        rule: "Who drops a call is gone: there is nobody to hand an answer to, and nothing is kept for them. \
               (transport/src/session/local.rs)",
        holds: |it| {
            let mut calls = (it.calls)();
            let a = calls.open('a');
            calls.give_up(a);
            text("a calls and gives up; the answer comes all the same; it goes to", who(calls.answer(a)))
                .is("nobody", [("a", wrong::KEPT)])
        },
    },
    Check {
        name: "the id of a call that was given up is not used again",
        layer: LAYER,
        rule: "Its answer may be on its way already: with the id used again it would be that of somebody else, and \
               nothing would look wrong. (transport/src/frame/mod.rs, \"Rules\": call ids rise)",
        holds: |it| {
            let mut calls = (it.calls)();
            let a = calls.open('a');
            calls.give_up(a);
            let b = calls.open('b');
            let told = format!("{}, {}", who(calls.answer(a)), who(calls.answer(b)));
            text("a calls and gives up, b calls; the answer to a comes, then that to b; they go to", told)
                .is("nobody, b", [("b, nobody", wrong::USED_AGAIN)])
        },
    },
];

fn who(caller: Option<char>) -> String {
    caller.map_or_else(|| "nobody".to_owned(), String::from)
}

const LAYER: &str = "conversation, the calls of a connection";
