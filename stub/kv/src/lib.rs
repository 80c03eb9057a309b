//! The example service: a small key–value store with a counter.
//!
//! Read in this order; it is the order of the call:
//!
//! | file | what it is |
//! |------|------------|
//! | `contract.rs` | [`Kv`], what can be called: a trait |
//! | `message.rs` | what each method is called, and what the arguments and results of each method are as messages |
//! | `client_stub.rs` | [`KvClient`], a `Kv` that is far away |
//! | `server_stub.rs` | [`KvServer`], which calls a `Kv` that is here |
//! | `store.rs` | [`Store`], a `Kv` that does the work |
//! | `follow.rs` | [`Follow`], the changes of a key of it |
//! | `proto/kv.proto` | the contract for all languages; the messages are made of it |
//!
//! Both stubs are written by hand. They are so regular that a program can write them: [`proto`] has what
//! `stub_build` makes of `proto/kv.proto`, the messages and a trait, a client stub and a server stub of the
//! same names. There the service has three methods more, in which one side or both send many messages.

mod client_stub;
mod contract;
mod follow;
pub mod message;
pub mod proto;
mod server_stub;
mod store;

pub use client_stub::KvClient;
pub use contract::Kv;
pub use follow::Follow;
pub use server_stub::KvServer;
pub use store::Store;
