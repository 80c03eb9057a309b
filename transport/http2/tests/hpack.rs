//! HPACK from outside: what the encoder writes the decoder reads, sizes, limits, and bad input.

use bytes::BytesMut;
use http2::hpack::{Decoder, Encoder, Field, FieldList, Fields, HpackError};
use proptest::prelude::*;

fn decoder() -> Decoder {
    Decoder::new(16 << 10, 100)
}

fn encode(encoder: &mut Encoder, fields: &[Field]) -> BytesMut {
    let mut block = BytesMut::new();
    encoder.encode(&fields.to_vec().into(), &mut block);
    block
}

fn request() -> Vec<Field> {
    vec![
        Field::new(":method", "POST"),
        Field::new(":scheme", "http"),
        Field::new(":path", "/kv.Kv/Get"),
        Field::new(":authority", "127.0.0.1:4000"),
        Field::new("te", "trailers"),
        Field::new("content-type", "application/grpc"),
    ]
}

#[test]
fn a_list_sent_again_takes_one_byte_a_field() {
    let mut encoder = Encoder::new();
    assert!(encode(&mut encoder, &request()).len() > 40);
    assert_eq!(encode(&mut encoder, &request()).len(), request().len());
}

#[test]
fn a_list_that_was_sent_is_sent_by_the_table_of_the_moment() {
    let (mut encoder, mut decoder) = (Encoder::new(), decoder());
    let list = Fields::from(request());
    for round in 0..200 {
        // Each other field moves the list's own to other places, and out of the table in the end.
        if round % 3 == 0 {
            let other = vec![Field::new("other", round.to_string())];
            decoder.decode(&encode(&mut encoder, &other)).unwrap();
        }
        let mut block = BytesMut::new();
        encoder.encode(&list, &mut block);
        assert_eq!(decoder.decode(&block), Ok(FieldList::Fields(list.clone())));
    }
}

#[test]
fn a_sensitive_field_is_never_in_the_table() {
    let secret = Field { sensitive: true, ..Field::new("authorization", "Bearer x") };
    let mut encoder = Encoder::new();
    let first = encode(&mut encoder, std::slice::from_ref(&secret));
    assert_eq!(encode(&mut encoder, std::slice::from_ref(&secret)), first);
    assert_eq!(decoder().decode(&first), Ok(FieldList::Fields(vec![secret].into())));
}

#[test]
fn rfc7541_4_4_a_field_larger_than_the_table_is_sent_and_not_kept() {
    let large = Field::new("large", "x".repeat(5000));
    let mut encoder = Encoder::new();
    let mut decoder = decoder();
    encode(&mut encoder, &request());
    let before = encode(&mut encoder, &request());
    let block = encode(&mut encoder, std::slice::from_ref(&large));
    assert_eq!(decoder.decode(&block), Ok(FieldList::Fields(vec![large].into())));
    assert_eq!(encode(&mut encoder, &request()), before, "the table is as it was");
}

#[test]
fn rfc7541_6_3_a_size_past_what_is_allowed_is_a_decoding_error() {
    // 4,097.
    let too_large = HpackError::SizeUpdateTooLarge { size: 4097, allowed: 4096 };
    assert_eq!(decoder().decode(&[0x3f, 0xe2, 0x1f]), Err(too_large));
}

#[test]
fn rfc7541_4_2_a_change_of_size_behind_a_field_is_a_decoding_error() {
    assert_eq!(decoder().decode(&[0x82, 0x20]), Err(HpackError::SizeUpdatePlace));
}

#[test]
fn rfc9113_4_3_1_a_block_after_a_lowered_size_begins_with_the_change() {
    let mut decoder = decoder();
    decoder.allow_table_size(100);
    assert_eq!(decoder.decode(&[0x82]), Err(HpackError::SizeUpdateMissing));
    decoder.allow_table_size(100);
    // 100, then a field.
    assert!(decoder.decode(&[0x3f, 0x45, 0x82]).is_ok());
    assert!(decoder.decode(&[0x82]).is_ok());
}

#[test]
fn rfc7541_4_2_an_encoder_announces_the_smallest_and_the_last_size() {
    let (mut encoder, mut decoder) = (Encoder::new(), decoder());
    decoder.decode(&encode(&mut encoder, &request())).unwrap();
    for size in [2000, 0, 500] {
        encoder.allow_table_size(size);
    }
    let block = encode(&mut encoder, &request());
    assert_eq!(block[..4], [0x20, 0x3f, 0xd5, 0x03], "0, then 500");
    assert_eq!(decoder.decode(&block), Ok(FieldList::Fields(request().into())));
    assert_eq!(encode(&mut encoder, &request()).len(), request().len(), "announced once");
}

#[test]
fn an_encoder_never_takes_a_larger_table_than_the_default() {
    let mut encoder = Encoder::new();
    encoder.allow_table_size(1 << 30);
    assert_eq!(encode(&mut encoder, &[Field::new(":method", "GET")]), [0x82][..]);
}

#[test]
fn a_string_that_claims_more_than_the_block_holds_is_truncated() {
    assert_eq!(decoder().decode(&[0x40, 0x7f, 0xff, 0xff, 0x7f, b'x']), Err(HpackError::Truncated));
}

#[test]
fn a_list_past_the_limits_is_refused_and_the_table_stays_in_step() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1000, 10));
    let many: Vec<_> = (0..11).map(|n| Field::new(format!("n{n}"), "v")).collect();
    assert_eq!(decoder.decode(&encode(&mut encoder, &many)), Ok(FieldList::TooLarge));
    // What the refused block put into the table is there.
    let one = vec![many[3].clone()];
    assert_eq!(decoder.decode(&encode(&mut encoder, &one)), Ok(FieldList::Fields(one.into())));

    let long = vec![Field::new("long", "x".repeat(965))];
    assert_eq!(decoder.decode(&encode(&mut encoder, &long)), Ok(FieldList::TooLarge));
}

#[test]
fn a_list_of_more_than_four_times_the_limits_ends_the_connection() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(100_000, 10));
    let bomb: Vec<_> = (0..41).map(|_| Field::new("crumb", "x")).collect();
    assert_eq!(decoder.decode(&encode(&mut encoder, &bomb)), Err(HpackError::ListTooLarge));
}

#[test]
fn one_large_field_named_again_and_again_is_counted_each_time() {
    // A block of a few hundred bytes that would become megabytes.
    let (mut encoder, mut decoder) = (Encoder::new(), decoder());
    let large = Field::new("large", "x".repeat(4000));
    decoder.decode(&encode(&mut encoder, std::slice::from_ref(&large))).unwrap();
    let bomb = vec![large; 500];
    let block = encode(&mut encoder, &bomb);
    assert_eq!(block.len(), 500);
    assert_eq!(decoder.decode(&block), Err(HpackError::ListTooLarge));
}

fn field() -> impl Strategy<Value = Field> {
    let name = prop_oneof![
        4 => "[a-z-]{1,12}",
        2 => Just(":path".to_owned()),
        1 => Just("content-type".to_owned()),
    ];
    let value = prop_oneof![4 => "[ -~]{0,30}", 1 => "[a-z]{100,300}", 1 => Just("trailers".to_owned())];
    (name, value, prop::bool::weighted(0.1))
        .prop_map(|(name, value, sensitive)| Field { sensitive, ..Field::new(name, value) })
}

proptest! {
    #[test]
    fn whatever_is_encoded_is_decoded_to_the_same_fields_block_after_block(
        blocks in prop::collection::vec(prop::collection::vec(field(), 0..12), 1..12),
        sizes in prop::collection::vec(prop::option::weighted(0.3, 0..6000_usize), 12),
    ) {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1 << 20, 1000));
        for (fields, size) in blocks.iter().zip(sizes) {
            if let Some(size) = size {
                decoder.allow_table_size(size);
                encoder.allow_table_size(size);
            }
            let block = encode(&mut encoder, fields);
            prop_assert_eq!(decoder.decode(&block), Ok(FieldList::Fields(fields.clone().into())));
        }
    }

    #[test]
    fn any_bytes_decode_to_fields_or_an_error(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..5),
    ) {
        let mut decoder = decoder();
        for block in blocks {
            if decoder.decode(&block).is_err() {
                break;
            }
        }
    }
}
