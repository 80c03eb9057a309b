//! Why a case did not pass.

use std::fmt::{Debug, Display};

use thiserror::Error;
use transport::{Code, Status};

/// Why a case did not pass: what was looked at, what was expected, and what came.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}: expected {expected}, got {came}")]
pub struct Failure {
    what: String,
    expected: String,
    came: String,
}

impl Failure {
    pub(crate) fn new(what: impl Display, expected: impl Display, came: impl Display) -> Self {
        Self { what: what.to_string(), expected: expected.to_string(), came: came.to_string() }
    }
}

/// Fails unless `came` is what was `expected` of `what`.
pub(crate) fn equal<T: PartialEq + Debug>(what: impl Display, came: T, expected: T) -> Result<(), Failure> {
    if came == expected {
        return Ok(());
    }
    Err(Failure::new(what, format_args!("{expected:?}"), format_args!("{came:?}")))
}

/// How a call has to end.
pub(crate) trait Ended<T> {
    /// Fails unless the call `what` went well.
    fn well(self, what: impl Display) -> Result<T, Failure>;

    /// Fails unless the call `what` ended with `code`; its status.
    fn with_code(self, what: impl Display, code: Code) -> Result<Status, Failure>;
}

impl<T> Ended<T> for Result<T, Status> {
    fn well(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|status| Failure::new(what, Code::Ok, status))
    }

    fn with_code(self, what: impl Display, code: Code) -> Result<Status, Failure> {
        match self {
            Ok(_) => Err(Failure::new(what, code, Code::Ok)),
            Err(status) if status.code() != code => Err(Failure::new(what, code, status)),
            Err(status) => Ok(status),
        }
    }
}
