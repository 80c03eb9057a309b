//! Sides of a call that are wrong on purpose.

use super::{Mine, ShapesCode, Side};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<ShapesCode>] = &[
    Wrong { mistake: NOT_ALL, form: ShapesCode { side: |window| slipping(Slip::NotAll, window) } },
    Wrong { mistake: NO_WAIT, form: ShapesCode { side: |window| slipping(Slip::NoWait, window) } },
    Wrong {
        mistake: SPENT_BY_WAITING,
        form: ShapesCode { side: |window| slipping(Slip::SpentByWaiting, window) },
    },
    Wrong { mistake: CREDIT_IS_ALL, form: ShapesCode { side: |window| slipping(Slip::CreditIsAll, window) } },
    Wrong { mistake: ENDS_BOTH, form: ShapesCode { side: |window| slipping(Slip::EndsBoth, window) } },
    Wrong { mistake: NO_END, form: ShapesCode { side: |window| slipping(Slip::NoEnd, window) } },
    Wrong { mistake: OTHER_END, form: ShapesCode { side: |window| slipping(Slip::OtherEnd, window) } },
    Wrong {
        mistake: PEER_ENDS_BOTH,
        form: ShapesCode { side: |window| slipping(Slip::PeerEndsBoth, window) },
    },
    Wrong { mistake: PEER_NO_END, form: ShapesCode { side: |window| slipping(Slip::PeerNoEnd, window) } },
    Wrong {
        mistake: BEHIND_THE_END,
        form: ShapesCode { side: |window| slipping(Slip::BehindTheEnd, window) },
    },
];

pub(super) const NOT_ALL: &str = "the last byte of the window is never spent";
pub(super) const NO_WAIT: &str = "it does not wait for credit";
pub(super) const SPENT_BY_WAITING: &str = "a message that waits has taken the credit of those that could go";
pub(super) const CREDIT_IS_ALL: &str = "new credit takes the place of what was left";
pub(super) const ENDS_BOTH: &str = "to finish ends the direction of the other side too";
pub(super) const NO_END: &str = "to finish ends nothing";
pub(super) const OTHER_END: &str = "to finish ends the direction of the other side, and not its own";
pub(super) const PEER_ENDS_BOTH: &str = "the end of the other side is taken for the end of the call";
pub(super) const PEER_NO_END: &str = "the end of the other side is not noticed";
pub(super) const BEHIND_THE_END: &str = "it sends behind its own end";

#[derive(PartialEq, Eq)]
enum Slip {
    NotAll,
    NoWait,
    SpentByWaiting,
    CreditIsAll,
    EndsBoth,
    NoEnd,
    OtherEnd,
    PeerEndsBoth,
    PeerNoEnd,
    BehindTheEnd,
}

/// A side that slips in one way.
struct Slipping {
    slip: Slip,
    side: Mine,
}

fn slipping(slip: Slip, window: usize) -> Box<dyn Side> {
    Box::new(Slipping { slip, side: Mine { credit: window, sends: true, receives: true } })
}

impl Side for Slipping {
    fn send(&mut self, bytes: usize) -> bool {
        match self.slip {
            Slip::NotAll if bytes == self.side.credit => false,
            Slip::NoWait => self.side.sends,
            Slip::SpentByWaiting if bytes > self.side.credit => {
                self.side.credit = 0;
                false
            }
            Slip::BehindTheEnd if bytes <= self.side.credit => {
                self.side.credit -= bytes;
                true
            }
            _ => self.side.send(bytes),
        }
    }

    fn credit(&mut self, bytes: usize) {
        if self.slip == Slip::CreditIsAll {
            self.side.credit = 0;
        }
        self.side.credit(bytes);
    }

    fn finish(&mut self) {
        match self.slip {
            Slip::EndsBoth => (self.side.sends, self.side.receives) = (false, false),
            Slip::NoEnd => {}
            Slip::OtherEnd => self.side.receives = false,
            _ => self.side.finish(),
        }
    }

    fn peer_finished(&mut self) {
        match self.slip {
            Slip::PeerEndsBoth => (self.side.sends, self.side.receives) = (false, false),
            Slip::PeerNoEnd => {}
            _ => self.side.peer_finished(),
        }
    }

    fn may_send(&self) -> bool {
        self.side.may_send()
    }

    fn may_receive(&self) -> bool {
        self.side.may_receive()
    }
}
