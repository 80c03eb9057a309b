//! Lesson 03: a standard message: kind, method, length, call.

mod exercise;

use transport::Limits;
use transport::frame::{Hello, HelloError};

exercise::specification! { frame:
    byte_0_is_the_kind_in_its_low_half_and_the_flags_in_its_high_half
    byte_1_is_the_number_of_the_method
    bytes_2_and_3_are_the_length_most_significant_first
    bytes_4_to_7_are_the_call_most_significant_first
    a_header_read_is_the_header_written
    a_kind_that_does_not_exist_is_refused_at_byte_0
    a_length_over_the_limit_is_refused_by_the_header_alone
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
