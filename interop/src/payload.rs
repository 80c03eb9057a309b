//! The bytes that make a message as large as a test wants it.

use transport::{Code, Status};

use crate::Failure;
use crate::failure::equal;
use crate::proto::{Payload, PayloadType};

/// A payload of `size` zeros.
pub(crate) fn zeros(size: usize) -> Payload {
    Payload { r#type: PayloadType::Compressable.into(), body: vec![0; size].into() }
}

/// The payload that a caller has asked for.
///
/// # Errors
/// INVALID_ARGUMENT when there is no such type, or no such size; RESOURCE_EXHAUSTED when it is larger than
/// [`LARGEST`].
pub(crate) fn asked_for(of: i32, size: i32) -> Result<Payload, Status> {
    if of != i32::from(PayloadType::Compressable) {
        return Err(Status::new(Code::InvalidArgument, format!("there is no type of payload {of}")));
    }
    match usize::try_from(size) {
        Err(_) => Err(Status::new(Code::InvalidArgument, format!("a payload of {size} bytes"))),
        Ok(size) if size > LARGEST => {
            let text = format!("a payload of {size} bytes; this server makes at most {LARGEST}");
            Err(Status::new(Code::ResourceExhausted, text))
        }
        Ok(size) => Ok(zeros(size)),
    }
}

/// Fails unless `payload` has `size` zeros.
pub(crate) fn check(what: &str, payload: Option<Payload>, size: usize) -> Result<(), Failure> {
    let Payload { r#type, body } =
        payload.ok_or_else(|| Failure::new(what, format_args!("a payload of {size} bytes"), "none"))?;
    equal(format_args!("{what}, type"), r#type, PayloadType::Compressable.into())?;
    equal(format_args!("{what}, bytes"), body.len(), size)?;
    match body.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(at) => Err(Failure::new(what, "zeros", format_args!("{:#04x} at {at}", body[at]))),
    }
}

/// 64 MiB: nobody should be able to make a server allocate 2 GiB with a message of six bytes.
const LARGEST: usize = 64 << 20;
