//! What the client does, and what must come of it: a function for each test case, under its official name.
//!
//! Each takes the client stub of a server and says what was expected and what came, where that is not the
//! same. The comment of each is in our words; the document has the procedure.

mod cancellation;
mod compression;
mod metadata;
mod status;
mod streaming;
mod unary;

use std::fmt;
use std::pin::Pin;

pub use cancellation::{cancel_after_begin, cancel_after_first_response, timeout_on_sleeping_server};
pub use compression::{
    client_compressed_streaming, client_compressed_unary, server_compressed_streaming,
    server_compressed_unary,
};
pub use metadata::custom_metadata;
pub use status::{
    special_status_message, status_code_and_message, unimplemented_method, unimplemented_service,
};
pub use streaming::{client_streaming, empty_stream, ping_pong, server_streaming};
use thiserror::Error;
pub use unary::{empty_unary, large_unary};

use crate::Failure;
use crate::proto::TestServiceClient;

/// A test case.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: fn(&TestServiceClient) -> Running<'_>,
}

/// A case that is being run.
type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// There is no case of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not one of\n  {}", Case::ALL.map(Case::name).join("\n  "))]
pub struct UnknownCase;

impl Case {
    /// The case of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(name: &str) -> Result<Self, UnknownCase> {
        Self::ALL.into_iter().find(|case| case.name == name).ok_or(UnknownCase)
    }

    /// Its official name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Runs it on the server that `test` leads to.
    ///
    /// # Errors
    /// What was expected, and what came instead.
    pub async fn run(self, test: &TestServiceClient) -> Result<(), Failure> {
        (self.run)(test).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

macro_rules! all {
    ($count:literal: $($case:ident)*) => {
        impl Case {
            /// Every case.
            pub const ALL: [Self; $count] =
                [$(Self { name: stringify!($case), run: |test| Box::pin($case(test)) }),*];
        }
    };
}

all! { 18:
    empty_unary
    large_unary
    client_streaming
    server_streaming
    ping_pong
    empty_stream
    client_compressed_unary
    client_compressed_streaming
    server_compressed_unary
    server_compressed_streaming
    custom_metadata
    status_code_and_message
    special_status_message
    unimplemented_method
    unimplemented_service
    cancel_after_begin
    cancel_after_first_response
    timeout_on_sleeping_server
}
