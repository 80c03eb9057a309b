//! Lesson 02: arguments become bytes.

#![allow(clippy::unwrap_used)]

mod exercise;

use bytes::Bytes;
use kv::message::{DeleteReply, IncrementRequest, PutReply, PutRequest};
use proptest::prelude::*;
use stub::codec::{Bincode, Codec};
use transport::{Code, Status};

exercise::specification! { bytes:
    text_is_its_length_and_its_letters
    the_length_of_text_is_that_of_its_bytes_not_of_its_letters
    a_small_number_is_one_byte_and_a_negative_one_too
    a_number_over_250_has_its_size_in_front
    the_bytes_of_a_large_number_begin_with_the_lowest
    a_message_is_its_fields_one_after_the_other
    a_message_cut_short_is_refused_where_the_text_begins_that_is_not_complete
    bytes_behind_the_message_are_refused_at_the_first_of_them
    text_that_is_not_utf8_is_refused_at_the_wrong_byte
    a_length_that_is_only_claimed_is_refused
}

fn encode<T>(message: T) -> Vec<u8>
where
    Bincode: Codec<T>,
{
    let mut bytes = Vec::new();
    Bincode.encode(&message, &mut bytes).unwrap();
    bytes
}

fn decode(bytes: &[u8]) -> Result<PutRequest, Status> {
    Bincode.decode(Bytes::copy_from_slice(bytes))
}

fn put() -> PutRequest {
    PutRequest { key: "greeting".to_owned(), value: "hello".to_owned() }
}

#[test]
fn a_message_without_fields_has_no_bytes() {
    assert_eq!(encode(PutReply {}), b"");
}

#[test]
fn yes_and_no_are_1_and_0() {
    assert_eq!(encode(DeleteReply { existed: true }), [1]);
    assert_eq!(encode(DeleteReply { existed: false }), [0]);
}

#[test]
fn a_number_takes_as_many_bytes_as_it_needs_least_significant_first() {
    let by = |by| encode(IncrementRequest { key: String::new(), by })[1..].to_vec();
    assert_eq!(by(0), [0]);
    assert_eq!(by(-1), [1]);
    assert_eq!(by(1), [2]);
    assert_eq!(by(125), [250]);
    assert_eq!(by(126), [251, 252, 0]);
    assert_eq!(by(1_000_000), [252, 0x80, 0x84, 0x1e, 0x00]);
    assert_eq!(by(i64::MIN), [253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
}

#[test]
fn a_message_cut_short_at_any_byte_is_refused_and_the_byte_is_named() {
    let whole = encode(put());
    for length in 0..whole.len() {
        let error = decode(&whole[..length]).unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        // It stands where the field begins that is not complete.
        let place = match length {
            0 => 0,
            1..9 => 1,
            9 => 9,
            _ => 10,
        };
        let expected = format!("bincode layer, byte {place} of {length}: ");
        assert!(error.message().starts_with(&expected), "cut to {length}: {error}");
    }
}

#[test]
fn what_is_left_over_is_counted() {
    let error = decode(b"\x08greeting\x05hello!!").unwrap_err();
    assert_eq!(error.message(), "bincode layer, byte 15 of 17: the message ends here, 2 bytes follow");
}

proptest! {
    #[test]
    fn any_message_is_the_same_after_its_journey(key in ".*", value in ".*") {
        let message = PutRequest { key, value };
        prop_assert_eq!(decode(&encode(message.clone())).unwrap(), message);
    }
}
