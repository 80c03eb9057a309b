//! A status as trailers, and what a stream that ends without one means.

use bytes::Bytes;
use http2::{ErrorCode, Field, Fields};

use super::fields;
use crate::{Code, Status};

/// Appends `grpc-status`, `grpc-message` and the metadata of `status`.
pub(super) fn append(status: &Status, fields: &mut Vec<Field>) {
    let number = NUMBERS[usize::from(status.code().number())];
    fields.push(Field::new("grpc-status", number));
    if !status.message().is_empty() {
        fields.push(Field::new("grpc-message", encode_message(status.message())));
    }
    fields::append(status.metadata(), fields);
}

/// The status that trailers say. `None`: they say none.
pub(super) fn parse(fields: &Fields) -> Option<Status> {
    let number = fields.value("grpc-status")?;
    // A number without a meaning is UNKNOWN, and so is what is no number.
    let digits = Some(number).filter(|number| number.iter().all(u8::is_ascii_digit));
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(u8::MAX);
    let message = fields.value("grpc-message").map(|message| decode_message(message)).unwrap_or_default();
    let status = Status::new(Code::from_number(number), message);
    Some(match fields::metadata(fields) {
        Ok(metadata) => status.with_metadata(metadata),
        Err(error) if status.code() == Code::Ok => error,
        // What went wrong first says more than that its metadata is wrong too.
        Err(_) => status,
    })
}

/// What an HTTP status means where there is no `grpc-status`
/// ([gRPC: HTTP to gRPC status code mapping](https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping.html)).
pub(super) fn of_http(status: &[u8]) -> Status {
    let code = match status {
        b"400" | b"431" => Code::Internal,
        b"401" => Code::Unauthenticated,
        b"403" => Code::PermissionDenied,
        b"404" => Code::Unimplemented,
        b"429" | b"502" | b"503" | b"504" => Code::Unavailable,
        _ => Code::Unknown,
    };
    let text = format!("the answer is HTTP status {}, and not gRPC", status.escape_ascii());
    Status::new(code, text)
}

/// What RST_STREAM means
/// ([gRPC over HTTP2, "Errors"](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors)).
pub(super) fn of_reset(code: ErrorCode, reason: Option<&'static str>) -> Status {
    let meaning = match code {
        ErrorCode::REFUSED_STREAM => Code::Unavailable,
        ErrorCode::CANCEL => Code::Cancelled,
        ErrorCode::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        ErrorCode::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Internal,
    };
    let text = match reason {
        Some(reason) => format!("HTTP/2: the stream was reset, {code}: {reason}"),
        None => format!("HTTP/2: the peer has reset the stream, {code}"),
    };
    let status = Status::new(meaning, text);
    if code == ErrorCode::REFUSED_STREAM { status.not_processed() } else { status }
}

/// Percent-encodes what `grpc-message` cannot have as it is: all but 0x20 to 0x7E, and the percent sign. A
/// space at an edge too, which HTTP does not allow.
fn encode_message(message: &str) -> Bytes {
    let mut encoded = Vec::with_capacity(message.len());
    for (at, byte) in message.bytes().enumerate() {
        let is_at_the_edge = at == 0 || at + 1 == message.len();
        if !matches!(byte, b' '..=b'~') || byte == b'%' || (byte == b' ' && is_at_the_edge) {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            encoded.push(byte);
        }
    }
    encoded.into()
}

/// What was percent-encoded. What is encoded badly is taken as it stands: no call fails for that.
fn decode_message(message: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((first, behind)) = rest.split_first() {
        let byte = (*first == b'%').then(|| behind.get(..2)).flatten().and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
        });
        (rest, _) = match byte {
            Some(byte) => (&behind[2..], decoded.push(byte)),
            None => (behind, decoded.push(*first)),
        };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

const NUMBERS: [&str; 17] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_percent_encoded_where_it_must_be() {
        let encoded = encode_message("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n");
        let expected =
            "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A";
        assert_eq!(encoded, expected);
        assert_eq!(encode_message(" 100% "), "%20100%25%20");
    }

    #[test]
    fn a_message_that_is_encoded_badly_is_taken_as_it_stands() {
        assert_eq!(decode_message(b"100%"), "100%");
        assert_eq!(decode_message(b"%zz%4"), "%zz%4");
        assert_eq!(decode_message(b"%+1"), "%+1");
        assert_eq!(decode_message(b"%ff"), "\u{fffd}");
    }

    #[test]
    fn a_status_that_is_no_known_number_is_unknown() {
        for wrong in ["17", "999", "-1", "+0", "x", ""] {
            let status = parse(&Fields::new([("grpc-status", wrong)])).unwrap();
            assert_eq!(status.code(), Code::Unknown, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_the_same_after_its_journey(message in any::<String>()) {
            prop_assert_eq!(decode_message(&encode_message(&message)), message);
        }
    }
}
