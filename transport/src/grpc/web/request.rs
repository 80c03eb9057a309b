//! The body of a request: one message.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::Body;
use super::media_type::MediaType;
use super::text::Decoder;
use crate::grpc::message::{Assembler, Framed, violation};
use crate::{Code, Limits, Status};

/// The one message in a body. No more is read than that takes.
///
/// # Errors
/// UNIMPLEMENTED when there is not exactly one: a page sends its request whole, so that a method with many messages
/// there would get them all at once, and could not answer any before the last. RESOURCE_EXHAUSTED when it is too large;
/// INTERNAL when the body is not gRPC-Web; UNAVAILABLE when it does not come.
pub(super) async fn single_message(
    mut body: Body,
    media_type: &MediaType,
    limits: &Limits,
) -> Result<Framed, Status> {
    let mut text = media_type.is_text.then(Decoder::default);
    let (mut assembler, mut message) = (Assembler::default(), None);
    while let Some(mut data) = next(&mut body, limits.silence()).await? {
        if let Some(text) = &mut text {
            data = text.decode(&data)?;
        }
        while !data.is_empty() {
            if message.is_some() {
                let text = "a request of gRPC-Web has one message, and more follows: a method with many there needs gRPC";
                return Err(Status::new(Code::Unimplemented, text));
            }
            message = assembler.next(&mut data, limits.message)?;
        }
    }
    if let Some(text) = text {
        text.finish()?;
    }
    if assembler.is_in_the_middle() {
        return Err(violation("the request ends inside a message"));
    }
    message.ok_or_else(|| {
        Status::new(Code::Unimplemented, "a request of gRPC-Web has one message, and this has none")
    })
}

/// The next data of a body; none at its end. What stands behind it means nothing.
async fn next(body: &mut Body, silence: Duration) -> Result<Option<Bytes>, Status> {
    let lost = |why: String| Status::new(Code::Unavailable, format!("the request did not come whole: {why}"));
    let frame = timeout(silence, Pin::new(body).frame()).await;
    match frame.map_err(|_| lost(format!("nothing for {silence:?}")))? {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(Frame::into_data(frame).unwrap_or_default())),
        Some(Err(error)) => Err(lost(error.to_string())),
    }
}
