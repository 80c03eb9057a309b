//! Tables of calls that are wrong on purpose.

use std::collections::{BTreeMap, BTreeSet};

use super::{Calls, CallsCode};
use crate::exercise::Wrong;
use crate::exercise::mistake::PANIC;

pub(super) const WRONG: &[Wrong<CallsCode>] = &[
    Wrong { mistake: SAME_ID, form: CallsCode { calls: || Box::new(Slipping::new(Slip::SameId)) } },
    Wrong { mistake: BY_ORDER, form: CallsCode { calls: || Box::new(Slipping::new(Slip::ByOrder)) } },
    Wrong { mistake: BLOCKED, form: CallsCode { calls: || Box::new(Slipping::new(Slip::Blocked)) } },
    Wrong { mistake: STAYS, form: CallsCode { calls: || Box::new(Slipping::new(Slip::Stays)) } },
    Wrong { mistake: WHOEVER, form: CallsCode { calls: || Box::new(Slipping::new(Slip::Whoever)) } },
    Wrong { mistake: PANIC, form: CallsCode { calls: || Box::new(Slipping::new(Slip::Panics)) } },
    Wrong { mistake: KEPT, form: CallsCode { calls: || Box::new(Slipping::new(Slip::Kept)) } },
    Wrong { mistake: USED_AGAIN, form: CallsCode { calls: || Box::new(Slipping::new(Slip::UsedAgain)) } },
];

pub(super) const SAME_ID: &str = "an id is given to a second call while the first is open";
pub(super) const BY_ORDER: &str = "answers go to callers in the order of the calls, whatever their ids say";
pub(super) const BLOCKED: &str =
    "an answer waits for those of earlier calls: a slow call blocks the fast ones";
pub(super) const STAYS: &str = "a call stays in the table when it was answered";
pub(super) const WHOEVER: &str = "an answer with an unknown id is given to whoever waits";
pub(super) const KEPT: &str = "a call that was given up is still in the table";
pub(super) const USED_AGAIN: &str = "an id is used again, and a late answer goes to the wrong caller";

#[derive(PartialEq, Eq)]
enum Slip {
    SameId,
    ByOrder,
    Blocked,
    Stays,
    Whoever,
    Panics,
    Kept,
    UsedAgain,
}

/// A table that slips in one way.
struct Slipping {
    slip: Slip,
    last: u32,
    waiting: BTreeMap<u32, char>,
    /// Answers that are kept back.
    held: BTreeSet<u32>,
}

impl Slipping {
    fn new(slip: Slip) -> Self {
        Self { slip, last: 0, waiting: BTreeMap::new(), held: BTreeSet::new() }
    }
}

impl Calls for Slipping {
    fn open(&mut self, caller: char) -> u32 {
        let id = match self.slip {
            Slip::SameId => 1,
            Slip::UsedAgain => (1..).find(|id| !self.waiting.contains_key(id)).unwrap_or(1),
            _ => self.last + 1,
        };
        self.last = id;
        self.waiting.insert(id, caller);
        id
    }

    fn answer(&mut self, id: u32) -> Option<char> {
        match self.slip {
            Slip::ByOrder if id <= self.last => self.waiting.pop_first().map(|(_, caller)| caller),
            Slip::Blocked if self.waiting.range(..id).any(|(id, _)| !self.held.contains(id)) => {
                self.held.insert(id);
                None
            }
            Slip::Stays => self.waiting.get(&id).copied(),
            Slip::Whoever => {
                let first = self.waiting.keys().next().copied();
                let id = if self.waiting.contains_key(&id) { id } else { first? };
                self.waiting.remove(&id)
            }
            Slip::Panics => {
                assert!(id <= self.last, "there is no call {id}");
                self.waiting.remove(&id)
            }
            _ => self.waiting.remove(&id),
        }
    }

    fn give_up(&mut self, id: u32) {
        if self.slip != Slip::Kept {
            self.waiting.remove(&id);
        }
    }
}
