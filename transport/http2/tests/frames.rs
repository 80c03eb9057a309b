//! The ten frames as bytes, by the sections of RFC 9113.

#![allow(clippy::unwrap_used)]

use bytes::{Bytes, BytesMut};
use http2::error::{ErrorCode, Http2Error, Scope};
use http2::frame::{
    Continuation, Data, Frame, GoAway, Headers, Ping, Priority, PushPromise, RstStream, Setting, Settings,
    WindowUpdate,
};
use proptest::prelude::*;

const MAX: u32 = 16_384;

fn hex(text: &str) -> BytesMut {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn decode(text: &str) -> Frame {
    let mut src = hex(text);
    let frame = Frame::decode(&mut src, MAX).unwrap().unwrap();
    assert!(src.is_empty(), "the whole frame was taken");
    frame
}

fn refused(text: &str) -> (Scope, ErrorCode) {
    let Http2Error { scope, code, reason } = Frame::decode(&mut hex(text), MAX).unwrap_err();
    assert!(reason.contains('§'), "{reason:?} names its section");
    (scope, code)
}

const CONNECTION: Scope = Scope::Connection;

#[test]
fn rfc9113_4_1_a_frame_is_nine_bytes_and_its_payload() {
    let data = Data { stream: 1, data: "hi".into(), end_stream: true, padding: 0 };
    assert_eq!(decode("00 00 02 00 01 00 00 00 01 68 69"), Frame::Data(data.clone()));
    let mut dst = BytesMut::new();
    data.encode(&mut dst);
    assert_eq!(dst, hex("00 00 02 00 01 00 00 00 01 68 69"));
}

#[test]
fn rfc9113_4_1_the_reserved_bit_is_ignored() {
    let Frame::Ping(ping) = decode("00 00 08 06 00 80 00 00 00 31 32 33 34 35 36 37 38") else { panic!() };
    assert_eq!(ping.data, *b"12345678");
}

#[test]
fn rfc9113_4_1_a_frame_of_unknown_type_is_taken_whole() {
    assert!(
        matches!(decode("00 00 03 bb ff 00 00 00 05 01 02 03"), Frame::Unknown(head) if head.stream == 5)
    );
}

#[test]
fn rfc9113_4_2_a_frame_over_the_limit_is_refused_by_its_head_alone() {
    assert_eq!(refused("00 40 01 00 00 00 00 00 01"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
    assert_eq!(Frame::decode(&mut hex("00 40 00 00 00 00 00 00 01"), MAX), Ok(None));
}

#[test]
fn rfc9113_6_1_data_belongs_to_a_stream() {
    assert_eq!(refused("00 00 00 00 00 00 00 00 00"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
}

#[test]
fn rfc9113_6_1_padding_is_taken_off_and_counts_for_flow_control() {
    let Frame::Data(data) = decode("00 00 05 00 08 00 00 00 01 02 68 69 00 00") else { panic!() };
    assert_eq!((&data.data[..], data.padding), (&b"hi"[..], 3));
    assert_eq!(data.flow_controlled_size(), 5);
}

#[test]
fn rfc9113_6_1_padding_as_long_as_the_payload_is_a_connection_error() {
    assert_eq!(refused("00 00 02 00 08 00 00 00 01 02 68"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 00 00 08 00 00 00 01"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_2_headers_loses_padding_and_priority_and_keeps_its_fragment() {
    let headers = Headers { stream: 3, fragment: "\u{2}".into(), end_stream: true, end_headers: true };
    assert_eq!(decode("00 00 08 01 2d 00 00 00 03 01 80 00 00 01 0f 02 00"), Frame::Headers(headers.clone()));
    let mut dst = BytesMut::new();
    headers.encode(&mut dst);
    assert_eq!(dst, hex("00 00 01 01 05 00 00 00 03 02"));
}

#[test]
fn rfc9113_6_2_headers_belongs_to_a_stream_and_has_all_of_its_priority() {
    assert_eq!(refused("00 00 00 01 04 00 00 00 00"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 04 01 20 00 00 00 01 00 00 00 00"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_3_priority_is_read_and_has_five_bytes() {
    assert_eq!(decode("00 00 05 02 00 00 00 00 03 00 00 00 01 10"), Frame::Priority(Priority { stream: 3 }));
    let stream = Scope::Stream(3);
    assert_eq!(refused("00 00 04 02 00 00 00 00 03 00 00 00 01"), (stream, ErrorCode::FRAME_SIZE_ERROR));
    assert_eq!(refused("00 00 05 02 00 00 00 00 00 00 00 00 01 10"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
}

#[test]
fn rfc9113_6_4_rst_stream_belongs_to_a_stream_and_has_four_bytes() {
    let reset = RstStream { stream: 1, code: ErrorCode::CANCEL };
    assert_eq!(decode("00 00 04 03 00 00 00 00 01 00 00 00 08"), Frame::RstStream(reset));
    assert_eq!(refused("00 00 04 03 00 00 00 00 00 00 00 00 08"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 03 03 00 00 00 00 01 00 00 08"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_5_settings_keep_their_order_and_unknown_ones_are_ignored() {
    let settings = vec![Setting::InitialWindowSize(65_535), Setting::InitialWindowSize(0)];
    assert_eq!(
        decode("00 00 12 04 00 00 00 00 00 00 04 00 00 ff ff ff ff 00 00 00 01 00 04 00 00 00 00"),
        Frame::Settings(Settings { ack: false, settings })
    );
}

#[test]
fn rfc9113_6_5_settings_belong_to_the_connection_and_have_six_bytes_each() {
    assert_eq!(refused("00 00 00 04 00 00 00 00 01"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(
        refused("00 00 05 04 00 00 00 00 00 00 04 00 00 00"),
        (CONNECTION, ErrorCode::FRAME_SIZE_ERROR)
    );
    let ack_with_payload = refused("00 00 06 04 01 00 00 00 00 00 04 00 00 00 00");
    assert_eq!(ack_with_payload, (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_5_2_a_setting_has_one_of_its_values() {
    let one = |setting: &str| refused(&format!("00 00 06 04 00 00 00 00 00 {setting}"));
    assert_eq!(one("00 02 00 00 00 02"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(one("00 04 80 00 00 00"), (CONNECTION, ErrorCode::FLOW_CONTROL_ERROR));
    assert_eq!(one("00 05 00 00 3f ff"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(one("00 05 01 00 00 00"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
}

#[test]
fn rfc9113_6_6_push_promise_keeps_its_field_block_for_the_table() {
    let promise = PushPromise { stream: 1, promised: 2, fragment: "\u{2}".into(), end_headers: true };
    assert_eq!(decode("00 00 05 05 04 00 00 00 01 00 00 00 02 02"), Frame::PushPromise(promise));
    assert_eq!(refused("00 00 04 05 04 00 00 00 00 00 00 00 02"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 03 05 04 00 00 00 01 00 00 02"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_7_ping_belongs_to_the_connection_and_has_eight_bytes() {
    let on_a_stream = refused("00 00 08 06 00 00 00 00 01 31 32 33 34 35 36 37 38");
    assert_eq!(on_a_stream, (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 01 06 00 00 00 00 00 31"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_8_goaway_belongs_to_the_connection_and_has_eight_bytes_at_least() {
    let away = GoAway { last_stream: 7, code: ErrorCode::ENHANCE_YOUR_CALM, debug_data: "why".into() };
    assert_eq!(decode("00 00 0b 07 00 00 00 00 00 00 00 00 07 00 00 00 0b 77 68 79"), Frame::GoAway(away));
    let on_a_stream = refused("00 00 08 07 00 00 00 00 01 00 00 00 07 00 00 00 00");
    assert_eq!(on_a_stream, (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 04 07 00 00 00 00 00 00 00 00 07"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_9_a_window_update_of_nothing_costs_its_stream_or_the_connection() {
    let of_stream = refused("00 00 04 08 00 00 00 00 05 00 00 00 00");
    assert_eq!(of_stream, (Scope::Stream(5), ErrorCode::PROTOCOL_ERROR));
    let of_connection = refused("00 00 04 08 00 00 00 00 00 80 00 00 00");
    assert_eq!(of_connection, (CONNECTION, ErrorCode::PROTOCOL_ERROR));
    assert_eq!(refused("00 00 03 08 00 00 00 00 05 00 00 01"), (CONNECTION, ErrorCode::FRAME_SIZE_ERROR));
}

#[test]
fn rfc9113_6_10_continuation_belongs_to_a_stream() {
    assert_eq!(refused("00 00 00 09 04 00 00 00 00"), (CONNECTION, ErrorCode::PROTOCOL_ERROR));
}

fn frame() -> impl Strategy<Value = Frame> {
    let stream = || 1..1_u32 << 31;
    let bytes = || prop::collection::vec(any::<u8>(), 0..100).prop_map(Bytes::from);
    let setting = prop_oneof![
        any::<u32>().prop_map(Setting::HeaderTableSize),
        any::<bool>().prop_map(Setting::EnablePush),
        any::<u32>().prop_map(Setting::MaxConcurrentStreams),
        (0..1_u32 << 31).prop_map(Setting::InitialWindowSize),
        (1_u32 << 14..1 << 24).prop_map(Setting::MaxFrameSize),
        any::<u32>().prop_map(Setting::MaxHeaderListSize),
    ];
    prop_oneof![
        (stream(), bytes(), any::<bool>()).prop_map(|(stream, data, end_stream)| Frame::Data(Data {
            stream,
            data,
            end_stream,
            padding: 0
        })),
        (stream(), bytes(), any::<bool>(), any::<bool>()).prop_map(
            |(stream, fragment, end_stream, end_headers)| {
                Frame::Headers(Headers { stream, fragment, end_stream, end_headers })
            }
        ),
        (stream(), any::<u32>())
            .prop_map(|(stream, code)| Frame::RstStream(RstStream { stream, code: ErrorCode(code) })),
        prop::collection::vec(setting, 0..6)
            .prop_map(|settings| Frame::Settings(Settings { ack: false, settings })),
        Just(Frame::Settings(Settings { ack: true, settings: vec![] })),
        any::<(bool, [u8; 8])>().prop_map(|(ack, data)| Frame::Ping(Ping { ack, data })),
        (0..1_u32 << 31, any::<u32>(), bytes()).prop_map(|(last_stream, code, debug_data)| {
            Frame::GoAway(GoAway { last_stream, code: ErrorCode(code), debug_data })
        }),
        (0..1_u32 << 31, stream())
            .prop_map(|(stream, increment)| Frame::WindowUpdate(WindowUpdate { stream, increment })),
        (stream(), bytes(), any::<bool>()).prop_map(|(stream, fragment, end_headers)| {
            Frame::Continuation(Continuation { stream, fragment, end_headers })
        }),
    ]
}

fn encode(frame: &Frame, dst: &mut BytesMut) {
    match frame {
        Frame::Data(frame) => frame.encode(dst),
        Frame::Headers(frame) => frame.encode(dst),
        Frame::RstStream(frame) => frame.encode(dst),
        Frame::Settings(frame) => frame.encode(dst),
        Frame::Ping(frame) => frame.encode(dst),
        Frame::GoAway(frame) => frame.encode(dst),
        Frame::WindowUpdate(frame) => frame.encode(dst),
        Frame::Continuation(frame) => frame.encode(dst),
        Frame::Priority(_) | Frame::PushPromise(_) | Frame::Unknown(_) => panic!("never sent"),
    }
}

proptest! {
    #[test]
    fn any_split_of_the_input_gives_the_same_frames(
        frames in prop::collection::vec(frame(), 1..8),
        sizes in prop::collection::vec(1..40_usize, 1..20),
    ) {
        let mut wire = BytesMut::new();
        frames.iter().for_each(|frame| encode(frame, &mut wire));
        let (mut arrived, mut decoded) = (BytesMut::new(), Vec::new());
        let mut sizes = sizes.iter().cycle();
        while !wire.is_empty() {
            arrived.extend_from_slice(&wire.split_to(wire.len().min(*sizes.next().unwrap())));
            while let Some(frame) = Frame::decode(&mut arrived, MAX).unwrap() {
                decoded.push(frame);
            }
        }
        prop_assert_eq!(decoded, frames);
    }

    #[test]
    fn any_bytes_decode_to_frames_or_an_error_with_its_section(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut src = BytesMut::from(&bytes[..]);
        loop {
            match Frame::decode(&mut src, MAX) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    prop_assert!(error.reason.contains('§'));
                    if error.scope == Scope::Connection {
                        break;
                    }
                }
            }
        }
    }
}
