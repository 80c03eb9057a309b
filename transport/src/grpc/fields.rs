//! Metadata as header fields, and back.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use bytestring::ByteString;
use http2::Field;

use crate::{Code, Metadata, Status, Value};

/// Appends `metadata` to the fields of a section. Binary values are base64 without padding.
pub(super) fn append(metadata: &Metadata, fields: &mut Vec<Field>) {
    fields.extend(metadata.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => text.as_bytes().clone(),
            Value::Binary(bytes) => BASE64.encode(bytes).into(),
        };
        Field::new(Bytes::copy_from_slice(name.as_bytes()), value)
    }));
}

/// The metadata among the fields of a section: those that are neither HTTP's nor gRPC's own. A name that
/// gRPC does not allow is none, and neither is text that is not printable ASCII.
///
/// # Errors
/// INTERNAL when a value is not base64 although its name says so.
pub(super) fn metadata(fields: &[Field]) -> Result<Metadata, Status> {
    let mut metadata = Metadata::new();
    for Field { name, value, .. } in fields {
        if name.starts_with(b":") {
            continue;
        }
        let Ok(name) = ByteString::try_from(name.clone()) else { continue };
        if !Metadata::is_name(&name) {
            continue;
        }
        let wrong = || Status::new(Code::Internal, format!("gRPC layer: the value of {name} is not base64"));
        if name.ends_with("-bin") {
            // One field, or several that something on the way has joined.
            for part in value.split(|byte| *byte == b',') {
                let bytes = BASE64.decode(part.trim_ascii()).map_err(|_| wrong())?;
                metadata.append_received(name.clone(), bytes.into()).map_err(|_| wrong())?;
            }
        } else {
            // Something on the way may have added a field with other characters. It is none of gRPC's.
            let Ok(text) = ByteString::try_from(value.clone()) else { continue };
            let _ = metadata.append_received(name, Value::Text(text));
        }
    }
    Ok(metadata)
}

/// Written without padding, read with or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
