//! The right ones: the call by hand that the lesson sends, and what its fields need.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Field, GrpcCode};
use crate::by_hand::grpc;

pub(super) const RIGHT: GrpcCode = GrpcCode {
    prefixed: grpc::prefixed,
    call: |path, authority, message| grpc::call(1, &grpc::fields(path, authority), message),
    bin: |bytes| BASE64.encode(bytes),
    read_bin: |text| BASE64.decode(text).ok(),
    text,
    read_text,
    status,
};

/// Written without padding, read with it or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn text(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'%' => "%25".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

fn read_text(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits =
            behind.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(head: &[Field<'_>], trailers: Option<&[Field<'_>]>) -> u8 {
    let last = trailers.unwrap_or(head);
    let status = last.iter().find(|(name, _)| *name == "grpc-status");
    status.and_then(|(_, number)| number.parse().ok()).unwrap_or(UNKNOWN)
}

pub(super) const UNKNOWN: u8 = 2;
