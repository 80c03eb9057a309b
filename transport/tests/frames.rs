//! Frames as bytes: what they look like, that they survive any split, and what is refused.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use transport::frame::{CallFrame, Decoder, Frame, FrameError, Header, Kind, MethodName, Piece, Reason};
use transport::{Code, Limits, Metadata, Path, Status};

fn encode(frame: &Frame) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes);
    bytes.to_vec()
}

fn decode(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    Decoder::new(Limits::default(), 0).decode(&mut BytesMut::from(bytes))
}

/// Bytes written as in a hex dump.
fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn unary(method: u8, name: Option<MethodName>) -> Frame {
    Frame::Call(Box::new(CallFrame {
        call: 1,
        method,
        name,
        timeout: None,
        metadata: Metadata::new(),
        message: Some(Piece { bytes: Bytes::from_static(b"msg"), more: false }),
        end: true,
    }))
}

#[test]
fn the_first_call_of_a_method_declares_its_number() {
    let name = MethodName { path: Path::from_static("/kv.Kv/Get"), codec: "bincode".into() };
    let parts_path_codec = 1 + (2 + "/kv.Kv/Get".len()) + (1 + "bincode".len());
    assert_eq!((parts_path_codec, 2 + parts_path_codec + "msg".len()), (0x15, 0x1a));
    let expected = hex("b1 01 00 1a 00 00 00 01 \
         00 15 01 00 0a 2f 6b 76 2e 4b 76 2f 47 65 74 07 62 69 6e 63 6f 64 65 \
         6d 73 67");
    assert_eq!(encode(&unary(1, Some(name))), expected);
}

#[test]
fn a_warm_unary_call_costs_16_bytes_and_its_messages() {
    let request = encode(&unary(1, None));
    assert_eq!(request, hex("a1 01 00 03 00 00 00 01 6d 73 67"));
    let piece = Piece { bytes: Bytes::from_static(b"ok"), more: false };
    let response = encode(&Frame::Message { call: 1, piece, end: true });
    assert_eq!(response, hex("82 00 00 02 00 00 00 01 6f 6b"));
    assert_eq!(request.len() + response.len(), 16 + "msg".len() + "ok".len());
}

#[test]
fn a_status_without_text_and_metadata_is_a_header_alone() {
    let end = Frame::End { call: 7, status: Status::new(Code::NotFound, "") };
    assert_eq!(encode(&end), hex("04 05 00 00 00 00 00 07"));
}

#[test]
fn a_status_carries_text_and_metadata() {
    let mut metadata = Metadata::new();
    metadata.append("a", "b").unwrap();
    let end = Frame::End { call: 7, status: Status::new(Code::Internal, "no").with_metadata(metadata) };
    assert_eq!(encode(&end), hex("04 0d 00 09 00 00 00 07 00 02 6e 6f 01 61 00 01 62"));
}

#[test]
fn a_text_too_long_for_a_frame_is_cut_between_two_characters() {
    let end = Frame::End { call: 1, status: Status::new(Code::Internal, "€".repeat(10_000)) };
    let Frame::End { status, .. } = decode(&encode(&end)).unwrap().unwrap() else { panic!() };
    assert_eq!(status.message(), "€".repeat((16 << 10) / 3));
}

#[test]
fn every_kind_has_its_bytes() {
    let frames = [
        (Frame::Cancel { call: 3, code: Code::DeadlineExceeded }, "05 04 00 00 00 00 00 03"),
        (Frame::Credit { call: 3, bytes: 32768 }, "06 00 00 04 00 00 00 03 00 00 80 00"),
        (Frame::Ping { reply: true, data: *b"12345678" }, "07 01 00 08 00 00 00 00 31 32 33 34 35 36 37 38"),
        (Frame::GoingAway { status: Status::ok() }, "08 00 00 00 00 00 00 00"),
        (Frame::GoingAway { status: Status::new(Code::Internal, "no") }, "08 0d 00 02 00 00 00 00 6e 6f"),
        (Frame::End { call: 1, status: Status::ok() }, "04 00 00 00 00 00 00 01"),
    ];
    for (frame, bytes) in frames {
        assert_eq!(encode(&frame), hex(bytes));
        assert_eq!(decode(&hex(bytes)), Ok(Some(frame)));
    }
}

/// What is refused, at which byte of its frame, and whether framing goes on behind it.
fn refused(bytes: &str) -> (Reason, usize, bool) {
    let error = decode(&hex(bytes)).unwrap_err();
    (error.reason, error.offset, error.header.is_some())
}

#[test]
fn a_head_block_that_ends_too_early_costs_its_call_and_names_the_byte() {
    let (reason, offset, goes_on) = refused("31 01 00 02 00 00 00 01 00 09");
    assert_eq!(reason, Reason::Truncated { what: "the head block", missing: 9 });
    assert_eq!((offset, goes_on), (10, true));
}

#[test]
fn an_unknown_part_of_a_head_block_is_refused() {
    let (reason, offset, goes_on) = refused("11 01 00 03 00 00 00 01 00 01 04");
    assert_eq!((reason, offset, goes_on), (Reason::UnknownParts(4), 10, true));
}

#[test]
fn a_path_without_its_slash_is_refused() {
    let (reason, offset, goes_on) = refused("11 01 00 0a 00 00 00 01 00 08 01 00 03 61 2f 62 01 78");
    assert!(matches!(reason, Reason::Path(_)), "{reason:?}");
    assert_eq!((offset, goes_on), (13, true));
}

#[test]
fn a_codec_without_a_name_is_refused() {
    let (reason, offset, _) = refused("11 01 00 0a 00 00 00 01 00 08 01 00 04 2f 61 2f 62 00");
    assert_eq!((reason, offset), (Reason::CodecName, 18));
}

#[test]
fn metadata_with_a_name_that_is_not_allowed_is_refused_at_its_field() {
    let (reason, offset, goes_on) = refused("03 00 00 05 00 00 00 01 01 41 00 01 78");
    assert!(matches!(reason, Reason::Metadata(_)), "{reason:?}");
    assert_eq!((offset, goes_on), (8, true));
}

#[test]
fn metadata_that_claims_more_than_the_frame_holds_is_refused() {
    let (reason, offset, _) = refused("03 00 00 05 00 00 00 01 01 61 ff ff 78");
    assert_eq!(reason, Reason::Truncated { what: "a metadata value", missing: 65_534 });
    assert_eq!(offset, 12);
}

#[test]
fn more_metadata_than_the_limit_is_refused_with_resource_exhausted() {
    let fields = "01 61 00 00 ".repeat(101);
    let bytes = format!("03 00 01 94 00 00 00 01 {fields}");
    let error = decode(&hex(&bytes)).unwrap_err();
    assert_eq!(error.reason, Reason::TooManyFields { limit: 100 });
    assert_eq!(error.status().code(), Code::ResourceExhausted);

    let limits = Limits { metadata: 66, ..Limits::default() };
    let mut bytes = BytesMut::from(&hex("03 00 00 08 00 00 00 01 01 61 00 00 01 61 00 00")[..]);
    assert!(Decoder::new(limits.clone(), 0).decode(&mut bytes).is_ok());
    let mut bytes = BytesMut::from(&hex("03 00 00 09 00 00 00 01 01 61 00 00 01 61 00 01 62")[..]);
    let error = Decoder::new(limits, 0).decode(&mut bytes).unwrap_err();
    assert_eq!(error.reason, Reason::MetadataTooLarge { limit: 66 });
}

#[test]
fn a_payload_of_the_wrong_length_is_refused() {
    let (reason, offset, goes_on) = refused("06 00 00 03 00 00 00 01 00 00 01");
    assert_eq!(reason, Reason::PayloadLength { kind: Kind::Credit, expected: 4, found: 3 });
    assert_eq!((offset, goes_on), (8, true));
    // PING belongs to the connection, and so does what is wrong with it.
    let (reason, _, goes_on) = refused("07 00 00 00 00 00 00 00");
    assert_eq!(reason, Reason::PayloadLength { kind: Kind::Ping, expected: 8, found: 0 });
    assert!(!goes_on);
}

#[test]
fn a_credit_of_nothing_is_refused() {
    assert_eq!(refused("06 00 00 04 00 00 00 01 00 00 00 00"), (Reason::Credit(0), 8, true));
}

#[test]
fn a_status_text_that_is_not_utf8_is_refused_at_the_wrong_byte() {
    let (reason, offset, _) = refused("04 0d 00 04 00 00 00 01 00 02 61 ff");
    assert_eq!((reason, offset), (Reason::NotUtf8 { what: "the status text" }, 11));
}

#[test]
fn an_error_tells_its_place_in_the_connection() {
    let mut decoder = Decoder::new(Limits::default(), 16);
    let mut bytes = BytesMut::from(&hex("02 00 00 01 00 00 00 01 78 0f 00 00 00 00 00 00 01")[..]);
    assert!(decoder.decode(&mut bytes).unwrap().is_some());
    let error = decoder.decode(&mut bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "frame layer, byte 25 of the connection (byte 0 of the frame): \
         kind 15 does not exist, kinds are 1 to 8"
    );
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let text = ("[a-z0-9_.]{1,20}", "[!-~]{0,20}").prop_map(|(name, value)| (name, value.into()));
    let binary = ("[a-z]{1,8}-bin", prop::collection::vec(any::<u8>(), 0..20))
        .prop_map(|(name, value)| (name, transport::Value::from(value)));
    prop::collection::vec(prop_oneof![text, binary], 0..5).prop_map(|fields| {
        let mut metadata = Metadata::new();
        for (name, value) in fields {
            // "te" and its like can come up by chance.
            let _ = metadata.append(name, value);
        }
        metadata
    })
}

fn piece(more: bool) -> impl Strategy<Value = Piece> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(move |bytes| Piece { bytes: bytes.into(), more })
}

fn status() -> impl Strategy<Value = Status> {
    (0..17_u8, ".{0,30}", metadata())
        .prop_map(|(code, text, metadata)| Status::new(Code::from_number(code), text).with_metadata(metadata))
}

/// (more, end) of a message: never both.
fn place() -> impl Strategy<Value = (bool, bool)> {
    prop_oneof![Just((false, false)), Just((true, false)), Just((false, true))]
}

fn call() -> impl Strategy<Value = Frame> {
    let name = ("/[a-z.]{1,20}/[A-Z][a-z]{0,10}", "[a-z]{1,10}")
        .prop_map(|(path, codec)| MethodName { path: Path::parse(path).unwrap(), codec: codec.into() });
    let message = place().prop_flat_map(|(more, end)| (prop::option::of(piece(more)), Just(end)));
    let timeout = prop::option::of(any::<u64>().prop_map(Duration::from_micros));
    (1..u32::MAX, any::<u8>(), prop::option::of(name), timeout, metadata(), message).prop_map(
        |(call, method, name, timeout, metadata, (message, end))| {
            Frame::Call(Box::new(CallFrame { call, method, name, timeout, metadata, message, end }))
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    let id = 1..u32::MAX;
    prop_oneof![
        call(),
        (id.clone(), place()).prop_flat_map(|(call, (more, end))| {
            piece(more).prop_map(move |piece| Frame::Message { call, piece, end })
        }),
        (id.clone(), metadata()).prop_map(|(call, metadata)| Frame::Head { call, metadata }),
        (id.clone(), status()).prop_map(|(call, status)| Frame::End { call, status }),
        (id.clone(), 0..17_u8).prop_map(|(call, code)| Frame::Cancel { call, code: Code::from_number(code) }),
        (id, 1..1_u32 << 31).prop_map(|(call, bytes)| Frame::Credit { call, bytes }),
        any::<(bool, [u8; 8])>().prop_map(|(reply, data)| Frame::Ping { reply, data }),
        (0..17_u8, ".{0,30}")
            .prop_map(|(code, text)| Frame::GoingAway { status: Status::new(Code::from_number(code), text) }),
    ]
}

proptest! {
    #[test]
    fn any_split_of_the_input_gives_the_same_frames(
        frames in prop::collection::vec(frame(), 1..8),
        sizes in prop::collection::vec(1..50_usize, 1..20),
    ) {
        let mut wire = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut wire));
        let mut decoder = Decoder::new(Limits::default(), 0);
        let mut arrived = BytesMut::new();
        let mut decoded = Vec::new();
        let mut sizes = sizes.iter().cycle();
        while !wire.is_empty() {
            let size = wire.len().min(*sizes.next().unwrap());
            arrived.extend_from_slice(&wire.split_to(size));
            while let Some(frame) = decoder.decode(&mut arrived).unwrap() {
                decoded.push(frame);
            }
        }
        prop_assert_eq!(decoded, frames);
    }

    #[test]
    fn anything_decodes_to_frames_or_a_named_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let size = bytes.len();
        let mut decoder = Decoder::new(Limits::default(), 0);
        let mut bytes = BytesMut::from(&bytes[..]);
        loop {
            let before = bytes.len();
            match decoder.decode(&mut bytes) {
                Ok(Some(_)) => prop_assert!(bytes.len() < before),
                Ok(None) => break,
                Err(error) => {
                    prop_assert!(error.position < size as u64, "the place is inside the input");
                    prop_assert!(!error.reason.to_string().is_empty());
                    if error.header.is_none() {
                        break;
                    }
                    prop_assert!(bytes.len() < before, "a frame that costs its call is skipped");
                }
            }
        }
    }

    #[test]
    fn one_byte_changed_decodes_to_a_frame_or_a_named_error(
        frame in frame(),
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let mut bytes = encode(&frame);
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Err(error) = decode(&bytes) {
            prop_assert!(error.offset <= bytes.len());
        }
    }

    #[test]
    fn a_header_is_the_same_both_ways(bytes in any::<[u8; 8]>()) {
        if let Ok(header) = Header::decode(bytes) {
            prop_assert_eq!(header.encode(), bytes);
        }
    }
}
