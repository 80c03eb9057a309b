//! Headers of HTTP as fields of gRPC, and back.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use http2::{Field, Fields};

/// The headers that mean something to gRPC, or to nobody but the application: without those that are about the
/// connection, the body, or who may read it.
pub(super) fn fields(headers: &HeaderMap) -> impl Iterator<Item = Field> {
    let is_own = |name: &str| OWN.contains(&name) || name.starts_with("access-control-");
    every_field(headers).filter(move |field| !std::str::from_utf8(&field.name).is_ok_and(is_own))
}

/// All headers. White space around a value is no part of it (RFC 9110 §5.5).
pub(super) fn every_field(headers: &HeaderMap) -> impl Iterator<Item = Field> {
    headers.iter().map(|(name, value)| {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes().trim_ascii());
        Field::new(Bytes::copy_from_slice(name), Bytes::copy_from_slice(value))
    })
}

/// Appends fields, but for those that HTTP/2 alone has.
pub(super) fn append(fields: &Fields, headers: &mut HeaderMap) {
    for Field { name, value, .. } in fields.iter().filter(|field| !field.name.starts_with(b":")) {
        let header = (HeaderName::from_bytes(name), HeaderValue::from_maybe_shared(value.clone()));
        if let (Ok(name), Ok(value)) = header {
            headers.append(name, value);
        }
    }
}

const OWN: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "transfer-encoding",
    "vary",
    "x-grpc-web",
];
