//! Lesson 09: who ends what, and back-pressure.

pub mod starter;
mod wrong;

use super::{Check, Exercise, text};
use crate::lesson::Lesson;

/// One side of a call.
#[derive(Clone, Copy, Debug)]
pub struct ShapesCode {
    /// A call that was just opened, whose other side lets this one send so many bytes.
    pub side: fn(window: usize) -> Box<dyn Side>,
}

/// What one side of a call may do.
pub trait Side {
    /// Sends a message of so many bytes, if that may be: false says that it has to wait, or that this side has ended.
    fn send(&mut self, bytes: usize) -> bool;

    /// The other side has read so many bytes, and lets this one send as many more.
    fn credit(&mut self, bytes: usize);

    /// This side has said all that it has to say.
    fn finish(&mut self);

    /// The other side has.
    fn peer_finished(&mut self);

    /// Whether this side may still say something.
    fn may_send(&self) -> bool;

    /// Whether the other side may.
    fn may_receive(&self) -> bool;
}

/// The exercise.
pub static EXERCISE: Exercise<ShapesCode> = Exercise {
    lesson: Lesson::numbered(9),
    task: "Keep what one side of a call may do: who has ended, and how much may be sent.",
    checks: CHECKS,
    right: ShapesCode { side: |window| Box::new(Mine { credit: window, sends: true, receives: true }) },
    right_is_in: "tutorial/src/exercise/shapes/mod.rs, transport/src/call.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// What a session keeps of a call, in a few lines.
struct Mine {
    credit: usize,
    sends: bool,
    receives: bool,
}

impl Side for Mine {
    fn send(&mut self, bytes: usize) -> bool {
        let left = self.credit.checked_sub(bytes).filter(|_| self.sends);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }

    fn credit(&mut self, bytes: usize) {
        self.credit += bytes;
    }

    fn finish(&mut self) {
        self.sends = false;
    }

    fn peer_finished(&mut self) {
        self.receives = false;
    }

    fn may_send(&self) -> bool {
        self.sends
    }

    fn may_receive(&self) -> bool {
        self.receives
    }
}

const CHECKS: &[Check<ShapesCode>] = &[
    Check {
        name: "a message that has credit is sent",
        layer: CREDIT,
        rule: "A message spends credit, its bytes; all of the window may be spent. (transport/src/frame/mod.rs, \
               \"Rules\")",
        holds: |it| {
            sends(it, "6, 4", &[Do::Send(6), Do::Send(4)]).is("sent, sent", [("sent, waits", wrong::NOT_ALL)])
        },
    },
    Check {
        name: "a message without credit waits",
        layer: CREDIT,
        rule: "Who sends without waiting fills the memory of the other side. (transport/src/frame/mod.rs, \"Rules\")",
        holds: |it| {
            sends(it, "6, 6", &[Do::Send(6), Do::Send(6)]).is("sent, waits", [("sent, sent", wrong::NO_WAIT)])
        },
    },
    Check {
        name: "a message that waits has spent nothing",
        layer: CREDIT,
        rule: "Credit is spent with the bytes that leave. (transport/src/call.rs)",
        holds: |it| {
            sends(it, "6, 6, 4", &[Do::Send(6), Do::Send(6), Do::Send(4)])
                .is("sent, waits, sent", [("sent, waits, waits", wrong::SPENT_BY_WAITING)])
        },
    },
    Check {
        name: "credit is added to what is left",
        layer: CREDIT,
        rule: "CREDIT says how many more bytes may be sent. (transport/src/frame/mod.rs, \"Kinds\")",
        holds: |it| {
            sends(it, "6, credit of 4, 8", &[Do::Send(6), Do::Credit(4), Do::Send(8)])
                .is("sent, sent", [("sent, waits", wrong::CREDIT_IS_ALL)])
        },
    },
    Check {
        name: "who has finished may still receive",
        layer: ENDS,
        rule: "Half-close: an end is that of one direction. The answer has not even begun. (transport/src/frame/mod.rs, \
               \"Kinds\")",
        holds: |it| {
            may(it, "finish", |side| side.finish()).is(
                "receive",
                [
                    ("nothing", wrong::ENDS_BOTH),
                    ("send and receive", wrong::NO_END),
                    ("send", wrong::OTHER_END),
                ],
            )
        },
    },
    Check {
        name: "who is finished with may still send",
        layer: ENDS,
        rule: "The other side has no more to say, and may still listen. (RFC 9113 §5.1, half-closed (remote))",
        holds: |it| {
            may(it, "peer_finished", |side| side.peer_finished())
                .is("send", [("nothing", wrong::PEER_ENDS_BOTH), ("send and receive", wrong::PEER_NO_END)])
        },
    },
    Check {
        name: "when both have finished nothing may be done",
        layer: ENDS,
        rule: "A call is over when both of its directions are. (RFC 9113 §5.1, closed)",
        holds: |it| {
            may(it, "finish, peer_finished", |side| {
                side.finish();
                side.peer_finished();
            })
            .is("nothing", [])
        },
    },
    Check {
        name: "behind its own end a side sends nothing",
        layer: ENDS,
        rule: "RFC 9113 §5.1: no DATA on a half that has ended; the peer answers with STREAM_CLOSED.",
        holds: |it| {
            sends(it, "1, finish, 1", &[Do::Send(1), Do::Finish, Do::Send(1)])
                .is("sent, waits", [("sent, sent", wrong::BEHIND_THE_END)])
        },
    },
];

/// What is done with a side.
#[derive(Clone, Copy)]
enum Do {
    Send(usize),
    Credit(usize),
    Finish,
}

/// What becomes of each message that is sent in a window of 10.
fn sends(it: &ShapesCode, told: &str, all: &[Do]) -> super::Found<String> {
    let mut side = (it.side)(10);
    let mut became = Vec::new();
    for what in all {
        match what {
            Do::Send(bytes) => became.push(if side.send(*bytes) { "sent" } else { "waits" }),
            Do::Credit(bytes) => side.credit(*bytes),
            Do::Finish => side.finish(),
        }
    }
    text(format!("in a window of 10: send of {told}"), became.join(", "))
}

/// What may be done after something was done.
fn may(it: &ShapesCode, told: &str, done: fn(&mut dyn Side)) -> super::Found<String> {
    let mut side = (it.side)(10);
    done(&mut *side);
    let may = match (side.may_send(), side.may_receive()) {
        (true, true) => "send and receive",
        (true, false) => "send",
        (false, true) => "receive",
        (false, false) => "nothing",
    };
    text(format!("after {told} it may"), may)
}

const CREDIT: &str = "flow control of a call";
const ENDS: &str = "the two directions of a call";
