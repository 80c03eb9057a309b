//! How a call ended: one of 17 codes, a message for people, and metadata.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::metadata::STATUS_DETAILS;
use crate::{Metadata, frame};

/// How a call ended. Every call ends with exactly one, also a call that went well ([`Code::Ok`]).
///
/// On the way back to the caller a status stands behind the last message, which is why its
/// metadata is also called *trailers*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    code: Code,
    not_processed: bool,
    /// Apart, and absent where there is nothing to say: every result of a call has room for a status, and most
    /// calls go well.
    said: Option<Box<Said>>,
}

/// What a status says beside its code.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    message: Cow<'static, str>,
    metadata: Metadata,
}

/// The 17 codes of gRPC, by their numbers and names
/// ([gRPC status codes](https://grpc.io/docs/guides/status-codes/)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// The call went well.
    Ok = 0,
    /// The caller gave the call up.
    Cancelled = 1,
    /// A failure of which nothing more is known; also what an unknown code number means.
    Unknown = 2,
    /// The arguments are wrong whatever the state of the service.
    InvalidArgument = 3,
    /// The deadline passed before the call ended. The method may have run all the same.
    DeadlineExceeded = 4,
    /// What the call asked for does not exist.
    NotFound = 5,
    /// What the call wanted to create exists already.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A limit was reached: a quota, or the size of a message.
    ResourceExhausted = 8,
    /// The service is not in a state in which the call can be done; a retry alone does not help.
    FailedPrecondition = 9,
    /// A conflict with another call; the caller may start over.
    Aborted = 10,
    /// The call went past a valid range, which the state of the service defines.
    OutOfRange = 11,
    /// The method is not known, or not implemented, here.
    Unimplemented = 12,
    /// Something that must hold does not: a broken message, a panic in a handler.
    Internal = 13,
    /// The service cannot be reached right now; a retry may help.
    Unavailable = 14,
    /// Data was lost for good.
    DataLoss = 15,
    /// It is not known who calls.
    Unauthenticated = 16,
}

impl Status {
    /// A status of `code`, with a message for the person who reads it.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let said = (!message.is_empty()).then(|| Box::new(Said { message, metadata: Metadata::new() }));
        Self { code, not_processed: false, said }
    }

    /// The status of a call that went well: no message, no metadata.
    pub const fn ok() -> Self {
        Self { code: Code::Ok, not_processed: false, said: None }
    }

    /// This status with `metadata` as its trailers.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        if self.said.is_some() || !metadata.is_empty() {
            self.said_mut().metadata = metadata;
        }
        self.without_nothing()
    }

    /// This status with details that a program can read: a `google.rpc.Status` in protobuf, by the
    /// convention of gRPC ([error model](https://grpc.io/docs/guides/error/#richer-error-model)). They travel
    /// as metadata called `grpc-status-details-bin`.
    pub fn with_details(mut self, details: impl AsRef<[u8]>) -> Self {
        self.said_mut().metadata.append_details(details.as_ref());
        self
    }

    /// The details, if there are any.
    pub fn details(&self) -> Option<&Bytes> {
        self.metadata().binary(STATUS_DETAILS)
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message for people; empty for most calls that went well.
    pub fn message(&self) -> &str {
        self.said.as_ref().map_or("", |said| &said.message)
    }

    /// The trailers: what the server adds behind the last message.
    pub fn metadata(&self) -> &Metadata {
        self.said.as_ref().map_or(const { &Metadata::new() }, |said| &said.metadata)
    }

    /// Whether the server has said that it did not begin to process the call, so that it can be made again
    /// whatever it does. That a call failed otherwise does not say that it was processed.
    pub fn was_not_processed(&self) -> bool {
        self.not_processed
    }

    /// This status, of a call that was not processed.
    pub(crate) fn not_processed(mut self) -> Self {
        self.not_processed = true;
        self
    }

    /// This status with as much of its text as a frame holds.
    pub(crate) fn cut(mut self) -> Self {
        if let Some(Said { message, .. }) = self.said.as_deref_mut() {
            let length = frame::cut(message).len();
            if length < message.len() {
                message.to_mut().truncate(length);
            }
        }
        self
    }

    /// `Ok(())` for [`Code::Ok`], else the status as the error.
    pub fn into_result(self) -> Result<(), Self> {
        if self.code == Code::Ok { Ok(()) } else { Err(self) }
    }

    fn said_mut(&mut self) -> &mut Said {
        self.said.get_or_insert_with(|| Box::new(Said { message: "".into(), metadata: Metadata::new() }))
    }

    /// Two statuses that say the same are equal: one that says nothing says so by absence.
    fn without_nothing(mut self) -> Self {
        self.said = self.said.filter(|said| !(said.message.is_empty() && said.metadata.is_empty()));
        self
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.name())?;
        if !self.message().is_empty() {
            write!(f, ": {}", self.message())?;
        }
        Ok(())
    }
}

impl std::error::Error for Status {}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code with this number; [`Code::Unknown`] for a number that has none, as gRPC asks.
    pub fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Unknown)
    }

    /// The number that stands for this code on the wire, 0 to 16.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name as gRPC spells it, such as `NOT_FOUND`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_its_number_are_the_same_both_ways() {
        for (number, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(code.number()), number);
            assert_eq!(Code::from_number(code.number()), code);
        }
    }

    #[test]
    fn details_travel_with_the_metadata() {
        let status = Status::new(Code::NotFound, "").with_details(vec![8, 5]);
        assert_eq!(status.details().unwrap(), &[8, 5][..]);
        assert_eq!(status.metadata().len(), 1);
    }

    #[test]
    fn a_number_without_a_code_means_unknown() {
        assert_eq!(Code::from_number(17), Code::Unknown);
        assert_eq!(Code::from_number(255), Code::Unknown);
    }

    #[test]
    fn a_status_reads_as_its_code_and_its_message() {
        let status = Status::new(Code::NotFound, "no value for \"greeting\"");
        assert_eq!(status.to_string(), "NOT_FOUND: no value for \"greeting\"");
        assert_eq!(Status::ok().to_string(), "OK");
    }
}
