//! The failure lab: what a network does to calls, done on purpose, and drawn.
//!
//! [`Faulty`] is a connection around another one: it loses requests and replies, sends them twice, holds
//! them up, cuts the connection. Which [`Fault`] befalls which call is a list, or a matter of a seed. What
//! happens is kept in a [`Record`], and a [`Diagram`] draws it. An [`Experiment`] puts it all in front of a
//! server with a counter. Where nothing goes wrong, [`Watched`] notes what passes.

mod diagram;
mod dice;
mod experiment;
mod fault;
mod faulty;
mod once;
mod passing;
mod record;
mod refusing;
mod svg;
mod watched;
mod witness;

pub use diagram::{Arrow, Diagram, Fate, Point};
pub use dice::Dice;
pub use experiment::{Experiment, PATIENCE, Storm, Strategy, patient, with_key};
pub use fault::{Fault, by_seed};
pub use faulty::Faulty;
pub use once::{AtMostOnce, IDEMPOTENCY_KEY};
pub use passing::Passing;
pub use record::{Event, MessageId, Record, Side};
pub use refusing::Refusing;
pub use watched::{Tell, Watched};
pub use witness::Witness;
