//! Lesson 03: a standard message: kind, method, length, call.

use transport::Limits;
use transport::frame::{Flags, Header, Hello, HelloError, Kind, Reason};

const CALL: Header =
    Header { kind: Kind::Call, flags: Flags::BODY, code: 0x02, length: 0x0304, call: 0x0506_0708 };

#[test]
fn a_header_has_8_bytes() {
    assert_eq!(CALL.encode().len(), 8);
}

#[test]
fn byte_0_is_kind_and_flags() {
    assert_eq!(CALL.encode()[0], 0x20 | 0x01, "BODY is 0x20, CALL is 1");
}

#[test]
fn byte_1_is_the_number_of_the_method() {
    assert_eq!(CALL.encode()[1], 0x02);
}

#[test]
fn bytes_2_and_3_are_the_length_most_significant_first() {
    assert_eq!(CALL.encode()[2..4], [0x03, 0x04], "written the other way round, it would be 04 03");
}

#[test]
fn bytes_4_to_7_are_the_call_most_significant_first() {
    assert_eq!(CALL.encode()[4..8], [0x05, 0x06, 0x07, 0x08]);
}

#[test]
fn a_header_read_is_the_header_written() {
    assert_eq!(Header::decode(CALL.encode()), Ok(CALL));
}

#[test]
fn a_kind_that_does_not_exist_is_refused() {
    assert_eq!(Header::decode([0x0f, 0, 0, 0, 0, 0, 0, 1]), Err((0, Reason::UnknownKind(15))));
}

#[test]
fn a_length_over_the_limit_is_refused_by_the_header_alone() {
    assert_eq!(Header::decode([2, 0, 0xff, 0xff, 0, 0, 0, 1]), Err((2, Reason::PayloadTooLarge(65_535))));
}

#[test]
fn a_hello_begins_with_the_protocol_and_its_version() {
    assert_eq!(Hello::new(&Limits::default()).encode()[..4], *b"RPC\x01");
}

#[test]
fn a_bad_version_is_refused_by_its_number() {
    let mut bytes = Hello::new(&Limits::default()).encode();
    bytes[3] = 2;
    let refused = Hello::decode(bytes);
    assert_eq!(refused, Err(HelloError::Version { found: 2 }));
    assert!(refused.is_err_and(|error| error.to_string().contains("speaks version 2")));
}

#[test]
fn another_protocol_is_refused_by_its_first_bytes() {
    assert_eq!(Hello::decode(*b"GET / HTTP/1.1\r\n"), Err(HelloError::Magic { found: *b"GET" }));
}
