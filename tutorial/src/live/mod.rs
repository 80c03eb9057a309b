//! Looks on at real conversations: what passes between a client and a server is taken apart while it passes.
//!
//! [`Observer`] takes the bytes of one connection as they come and makes [`Event`]s of them. [`proxy`] stands
//! between clients and a server, and puts the events of all connections into a [`Feed`]. Who reads that is a
//! matter of taste: [`plain`] lines, or the [`screen`] of a terminal.

mod assembly;
mod event;
mod face;
mod feed;
mod half;
mod http2;
mod listing;
mod observer;
mod ours;
pub mod plain;
pub mod proxy;
pub mod screen;
mod traffic;

pub use event::{Content, Event, Fault};
pub use feed::{Feed, Happened, Seen, Taken};
pub use observer::Observer;
pub use traffic::{Call, Traffic};
