//! Lesson 06: a stream is not messages. Over TCP, the same contract; and what the stream does to frames.

#![allow(clippy::unwrap_used)]

mod contract;

use bytes::BytesMut;
use contract::{TCP, contract_suite, served_on};
use transport::Limits;
use transport::frame::{Decoder, Frame, Reason};

contract_suite! {
    a_remote_kv_over_tcp: served_on(TCP, "bincode"),
}

const ONE: &[u8] = b"\x02\0\0\x03\0\0\0\x01one";
const TWO: &[u8] = b"\x02\0\0\x03\0\0\0\x02two";

fn text(frame: Option<Frame>) -> Option<String> {
    match frame? {
        Frame::Message { piece, .. } => Some(String::from_utf8(piece.bytes.to_vec()).unwrap()),
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn one_byte_at_a_time_there_is_a_frame_with_its_last_byte_and_not_before() {
    let mut decoder = Decoder::new(Limits::default(), 0);
    let mut arrived = BytesMut::new();
    for (at, byte) in ONE.iter().enumerate() {
        arrived.extend_from_slice(&[*byte]);
        let frame = text(decoder.decode(&mut arrived).unwrap());
        assert_eq!(frame.is_some(), at + 1 == ONE.len(), "after byte {}", at + 1);
    }
}

#[test]
fn two_frames_that_arrive_at_once_are_two_frames() {
    let mut decoder = Decoder::new(Limits::default(), 0);
    let mut arrived = BytesMut::from(&[ONE, TWO].concat()[..]);
    assert_eq!(text(decoder.decode(&mut arrived).unwrap()).as_deref(), Some("one"));
    assert_eq!(text(decoder.decode(&mut arrived).unwrap()).as_deref(), Some("two"));
    assert_eq!(decoder.decode(&mut arrived).unwrap(), None);
}

#[test]
fn a_frame_and_a_half_is_a_frame_and_the_rest_is_kept() {
    let mut decoder = Decoder::new(Limits::default(), 0);
    let (half, rest) = TWO.split_at(5);
    let mut arrived = BytesMut::from(&[ONE, half].concat()[..]);
    assert_eq!(text(decoder.decode(&mut arrived).unwrap()).as_deref(), Some("one"));
    assert_eq!(decoder.decode(&mut arrived).unwrap(), None);
    assert_eq!(arrived, half, "nothing was taken of what is not complete");
    arrived.extend_from_slice(rest);
    assert_eq!(text(decoder.decode(&mut arrived).unwrap()).as_deref(), Some("two"));
}

#[test]
fn a_claimed_length_over_the_limit_is_refused_before_its_bytes_come() {
    let mut header_alone = BytesMut::from(&b"\x02\0\xff\xff\0\0\0\x01"[..]);
    let error = Decoder::new(Limits::default(), 0).decode(&mut header_alone).unwrap_err();
    assert_eq!(error.reason, Reason::PayloadTooLarge(65_535));
}

#[test]
fn a_claimed_length_takes_no_memory_until_its_bytes_come() {
    let mut header_alone = BytesMut::from(&b"\x02\0\xa0\0\0\0\0\x01"[..]);
    let before = header_alone.capacity();
    assert_eq!(Decoder::new(Limits::default(), 0).decode(&mut header_alone).unwrap(), None);
    assert_eq!(header_alone.capacity(), before);
}
