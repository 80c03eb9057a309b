//! Makes calls.
//!
//! A [`Channel`] leads to the server at an address; a [`Caller`] makes calls through it, or through
//! any other [`Connection`](transport::Connection), and is what a client stub has inside.

mod call;
mod channel;
mod deadline;

pub use call::{CallOptions, Caller};
pub use channel::Channel;
