//! Serves calls.
//!
//! A [`Server`] listens on any number of addresses at once and gives every call to one
//! [`Service`](transport::Service), most often a [`Router`], which finds the server stub by the path
//! of the call. The server stub turns the message into arguments, runs the method and turns what it
//! returns into a message, with the help of [`dispatch`]. A method that wants to know more than its
//! arguments asks [`context`].

pub mod context;
mod deadline;
pub mod dispatch;
mod router;
mod serve;

pub use deadline::Deadlines;
pub use router::Router;
pub use serve::Server;
