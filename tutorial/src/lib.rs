//! What the lessons and the tour have in common: a [`lens`] that gives every byte its name, a
//! [`page`] to print on, a [`journey`] that records one call, and what is written [`by_hand`]. They use
//! only what the other crates offer to everybody.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

// A starter is a module here, and a program of its own where a reader edits it.
extern crate self as tutorial;

pub mod authority;
pub mod by_hand;
pub mod cargo;
pub mod command;
pub mod conversation;
pub mod eavesdropper;
pub mod exercise;
pub mod joined;
pub mod journey;
pub mod lab;
pub mod lens;
pub mod lesson;
pub mod live;
pub mod onlooker;
pub mod opened;
pub mod page;
pub mod plain;
pub mod progress;
pub mod recorded;
pub mod relay;
pub mod secrets;
pub mod secured;
pub mod signals;
pub mod site;
pub mod slow;
pub mod source;
pub mod specification;
pub mod svg;
pub mod table;
pub mod tap;
pub mod tonic_kv;
pub mod tour;
