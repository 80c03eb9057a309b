//! What can befall a call between a client and a server.

use std::fmt;

use crate::lab::Dice;

/// What befalls a call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing: its request arrives, and its reply.
    None,
    /// The request never arrives.
    LoseRequest,
    /// The request arrives, the reply never does.
    LoseReply,
    /// The request arrives twice. Both replies arrive, but who called has got the first one.
    Duplicate,
    /// The request is held up until a later call is over. Of two calls at the same time the later one
    /// overtakes; where the later one is a second attempt, the first arrives behind it.
    Delay,
    /// The connection ends before the request has arrived.
    CutRequest,
    /// The connection ends when the request has arrived and the reply has not.
    CutReply,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::LoseRequest,
        Self::LoseReply,
        Self::Duplicate,
        Self::Delay,
        Self::CutRequest,
        Self::CutReply,
    ];
}

/// The faults that `seed` decides, without end: about half of the calls come through, and the other
/// faults befall the rest, each as often as the others.
pub fn by_seed(seed: u64) -> impl Iterator<Item = Fault> + Send + 'static {
    let mut dice = Dice::new(seed);
    let faults = Fault::ALL.len() as u64 - 1;
    std::iter::repeat_with(move || match dice.below(2 * faults) {
        fault if fault < faults => Fault::ALL[1 + fault as usize],
        _ => Fault::None,
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "nothing",
            Self::LoseRequest => "the request is lost",
            Self::LoseReply => "the reply is lost",
            Self::Duplicate => "the request arrives twice",
            Self::Delay => "the request is held up",
            Self::CutRequest => "cut before the request arrives",
            Self::CutReply => "cut before the reply arrives",
        })
    }
}
