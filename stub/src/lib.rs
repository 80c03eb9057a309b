//! What stubs are made of.
//!
//! A stub stands where the call is cut in two: on the client's side it turns arguments into a
//! message, on the server's side it turns the message back. This crate has the two things both sides
//! must agree on: how a message becomes bytes ([`codec`]), and what a method is called and how many
//! messages go each way ([`Method`]). Where there is more than one message, there is a handle for them:
//! [`Sender`], [`Receiver`]; other libraries know them as a `Sink` and a `Stream`. It knows messages and no
//! sockets.

mod adapters;
pub mod codec;
mod method;
mod service;
mod streams;

pub use adapters::{ReceiverStream, SenderSink};
pub use method::{Method, Shape};
pub use service::NamedService;
pub use streams::{Receiver, Sender};
