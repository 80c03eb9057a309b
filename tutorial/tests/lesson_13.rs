//! Lesson 13: HPACK: headers that shrink.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::time::Instant;

use bytes::BytesMut;
use http2::frame::{Frame, Head, Kind, RstStream};
use http2::hpack::{Decoder, Encoder, FieldList, HpackError};
use http2::{ErrorCode, Event, Field, Fields, Limits};
use tutorial::joined::{Joined, deliver};
use tutorial::lens;
use tutorial::lens::hpack::Table;

exercise::specification! { hpack:
    an_integer_that_fits_is_in_the_bits_of_the_first_byte
    an_integer_that_fills_all_bits_has_a_byte_behind_them
    behind_the_first_byte_is_what_is_left_the_lowest_seven_bits_first
    an_integer_read_is_the_integer_written
    an_integer_without_an_end_is_none
    the_newest_field_has_index_62
    a_field_counts_32_more_than_its_letters
    a_field_that_is_larger_than_the_table_leaves_it_empty
    a_field_that_was_sent_before_is_one_byte
    each_direction_has_a_table_of_its_own
}

fn decoder() -> Decoder {
    Decoder::new(16 << 10, 100)
}

fn encode(encoder: &mut Encoder, fields: &Fields) -> Vec<u8> {
    let mut block = BytesMut::new();
    encoder.encode(fields, &mut block);
    block.to_vec()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Fields {
    match decoder.decode(block) {
        Ok(FieldList::Fields(fields)) => fields,
        other => panic!("{block:02x?} is no field block: {other:?}"),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn call(path: &'static str) -> Fields {
    Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "kv.test"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ])
}

fn get() -> Fields {
    call("/kv.Kv/Get")
}

fn put() -> Fields {
    call("/kv.Kv/Put")
}

fn ok() -> Fields {
    Fields::new([(":status", "200"), ("content-type", "application/grpc")])
}

// ---- the examples of RFC 7541, appendix C ----

#[test]
fn rfc7541_c_1_2_1337_in_five_bits() {
    let mut encoder = Encoder::new();
    encoder.allow_table_size(1337);
    let block = encode(&mut encoder, &Fields::from(vec![]));
    assert_eq!(block, [0b001_11111, 0b1001_1010, 0b0000_1010], "001 says that it is a new size");
    let spans = lens::hpack::block(&block, &mut Table::new());
    assert_eq!(spans[0].parts[0].value, "1337 bytes");
}

#[test]
fn rfc7541_c_2_1_a_literal_with_incremental_indexing() {
    let mut decoder = decoder();
    let field = Fields::new([("custom-key", "custom-header")]);
    assert_eq!(decode(&mut decoder, b"\x40\x0acustom-key\x0dcustom-header"), field);
    assert_eq!(decode(&mut decoder, &[0xbe]), field, "it is index 62 now");
}

#[test]
fn rfc7541_c_2_2_a_literal_without_indexing() {
    let mut decoder = decoder();
    assert_eq!(decode(&mut decoder, b"\x04\x0c/sample/path"), Fields::new([(":path", "/sample/path")]));
    assert_eq!(decoder.decode(&[0xbe]), Err(HpackError::Index(62)), "the table is empty");
}

#[test]
fn rfc7541_c_2_3_a_literal_never_indexed() {
    let mut decoder = decoder();
    let secret = Field { sensitive: true, ..Field::new("password", "secret") };
    assert_eq!(decode(&mut decoder, b"\x10\x08password\x06secret")[..], [secret]);
    assert_eq!(decoder.decode(&[0xbe]), Err(HpackError::Index(62)), "the table is empty");
}

#[test]
fn rfc7541_c_2_4_an_indexed_field() {
    assert_eq!(decode(&mut decoder(), &[0x82]), Fields::new([(":method", "GET")]));
}

/// Three requests on one connection, each with its block and what the table counts behind it.
fn requests(blocks: [&str; 3]) -> [(Vec<u8>, Fields, usize); 3] {
    let first = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let second = [&first[..], &[("cache-control", "no-cache")]].concat();
    let third = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    let [one, two, three] = blocks.map(hex);
    [(one, Fields::new(first), 57), (two, Fields::new(second), 110), (three, Fields::new(third), 164)]
}

#[test]
fn rfc7541_c_3_requests_without_huffman_code() {
    let (mut decoder, mut table) = (decoder(), Table::new());
    for (block, fields, size) in requests([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]) {
        assert_eq!(decode(&mut decoder, &block), fields);
        lens::hpack::block(&block, &mut table);
        assert_eq!(table.size(), size);
    }
}

#[test]
fn rfc7541_c_4_requests_with_huffman_code() {
    let (mut encoder, mut decoder, mut table) = (Encoder::new(), decoder(), Table::new());
    for (block, fields, size) in requests([
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]) {
        assert_eq!(encode(&mut encoder, &fields), block);
        assert_eq!(decode(&mut decoder, &block), fields);
        lens::hpack::block(&block, &mut table);
        assert_eq!(table.size(), size);
    }
}

#[test]
fn rfc7541_c_6_responses_with_huffman_code_and_a_table_that_is_full() {
    // The table of these examples holds 256 bytes: 31 and 225.
    let (mut decoder, mut table) = (decoder(), Table::new());
    let size = hex("3fe1 01");
    decode(&mut decoder, &size);
    lens::hpack::block(&size, &mut table);
    for (block, status, size) in [
        (
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
             919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            "302",
            222,
        ),
        ("4883 640e ffc1 c0bf", "307", 222),
        (
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
             821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
             4ee5 b106 3d50 07",
            "200",
            215,
        ),
    ] {
        let fields = decode(&mut decoder, &hex(block));
        assert_eq!(fields.value(":status").unwrap(), status);
        assert_eq!(fields.value("location").unwrap(), "https://www.example.com");
        lens::hpack::block(&hex(block), &mut table);
        assert_eq!(table.size(), size);
    }
}

// ---- tables ----

#[test]
fn the_same_list_again_takes_one_byte_a_field() {
    let mut encoder = Encoder::new();
    let first = encode(&mut encoder, &get());
    let second = encode(&mut encoder, &get());
    assert!(first.len() > 40);
    assert_eq!(second, [0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe]);
}

#[test]
fn a_literal_moves_the_indices_of_the_fields_behind_it() {
    let mut encoder = Encoder::new();
    encode(&mut encoder, &get());
    let block = encode(&mut encoder, &put());
    assert!(block.ends_with(&[0xc1, 0xc0, 0xbf]), "what was 64, 63, 62 is 65, 64, 63: {block:02x?}");
}

#[test]
fn each_direction_has_its_table() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    for _ in 0..3 {
        let stream = joined.client.open(&get(), true).unwrap();
        let asked = joined.settle().at_server;
        assert_eq!(asked, [Event::Headers { stream, fields: get(), end_stream: true }]);
        joined.server.send_headers(stream, &ok(), true).unwrap();
        let answered = joined.settle().at_client;
        assert_eq!(answered, [Event::Headers { stream, fields: ok(), end_stream: true }]);
    }
    let sizes: Vec<_> = joined
        .passed()
        .iter()
        .filter_map(|frame| lens::http2::frame(&frame.bytes).block)
        .map(|block| block.len())
        .collect();
    assert_eq!(sizes[2..], [6, 2, 6, 2], "request, answer, request, answer");
}

#[test]
fn one_table_for_both_directions_reads_other_fields_than_were_sent() {
    let (mut client, mut server, mut shared) = (Encoder::new(), Encoder::new(), decoder());
    assert_eq!(decode(&mut shared, &encode(&mut client, &get())), get(), "the first call goes well");
    decode(&mut shared, &encode(&mut server, &ok()));
    let read = decode(&mut shared, &encode(&mut client, &get()));
    assert_ne!(read, get());
    assert_eq!(read.value(":path"), None, "the path is one of those that got lost");
}

#[test]
fn a_block_that_is_skipped_turns_a_put_into_a_get() {
    let (mut encoder, mut decoder) = (Encoder::new(), decoder());
    decode(&mut decoder, &encode(&mut encoder, &get()));
    encode(&mut encoder, &put());
    let read = decode(&mut decoder, &encode(&mut encoder, &put()));
    assert_eq!(read.value(":path").unwrap(), "/kv.Kv/Get");
}

#[test]
fn the_block_of_a_refused_stream_is_decoded() {
    let mut joined = Joined::new(Limits::default(), Limits { streams: 1, ..Limits::default() });
    // Before the server has said how many streams there may be, the client does not know.
    let first = joined.client.open(&get(), true).unwrap();
    let refused = joined.client.open(&put(), true).unwrap();
    let happened = joined.settle();
    assert_eq!(happened.at_server, [Event::Headers { stream: first, fields: get(), end_stream: true }]);
    let code = ErrorCode::REFUSED_STREAM;
    assert_eq!(happened.at_client, [Event::Reset { stream: refused, code, reason: None }]);
    joined.server.send_headers(first, &ok(), true).unwrap();
    joined.settle();
    joined.server.release(first);

    let again = joined.client.open(&put(), true).unwrap();
    let happened = joined.settle();
    assert_eq!(happened.at_server, [Event::Headers { stream: again, fields: put(), end_stream: true }]);
}

#[test]
fn a_secret_is_never_in_a_table() {
    let secret: Fields = vec![Field { sensitive: true, ..Field::new("authorization", "hunter2") }].into();
    let (mut encoder, mut table) = (Encoder::new(), Table::new());
    for _ in 0..2 {
        let block = encode(&mut encoder, &secret);
        assert_eq!(block[0] & 0xf0, 0x10, "never indexed");
        lens::hpack::block(&block, &mut table);
        assert_eq!(table.size(), 0);
    }
}

// ---- what is refused ----

#[test]
fn a_block_that_cannot_be_decoded_costs_the_connection() {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    joined.settle();
    let mut bytes = BytesMut::new();
    Head { length: 1, kind: Kind::HEADERS, flags: Head::END_HEADERS, stream: 1 }.encode(&mut bytes);
    bytes.extend_from_slice(&[0xbe]); // Index 62 of an empty table.
    let events = deliver(&bytes, &mut joined.server, Instant::now());
    assert!(
        matches!(events[..], [Event::Closed(error)] if error.code == ErrorCode::COMPRESSION_ERROR),
        "{events:?}"
    );
}

#[test]
fn a_bomb_is_refused() {
    let fields: Fields = vec![Field::new("x", "z".repeat(4000)); 4000].into();
    let block = encode(&mut Encoder::new(), &fields);
    assert!(block.len() < 8000 && fields.size() > 16_000_000);
    assert_eq!(decoder().decode(&block), Err(HpackError::ListTooLarge));
}

#[test]
fn a_list_that_is_a_little_too_large_is_refused_and_the_tables_agree() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(16 << 10, 4));
    assert_eq!(
        decoder.decode(&encode(&mut encoder, &get())),
        Ok(FieldList::TooLarge),
        "six fields, not four"
    );
    let two = Fields::new([("te", "trailers"), ("content-type", "application/grpc")]);
    assert_eq!(decode(&mut decoder, &encode(&mut encoder, &two)), two);
}

#[test]
fn a_request_with_too_many_fields_is_answered_and_the_next_one_is_read() {
    let mut joined = Joined::new(Limits::default(), Limits { header_fields: 6, ..Limits::default() });
    joined.settle();
    joined.passed();
    let many: Fields = get().iter().cloned().chain([Field::new("more", "x")]).collect();
    let stream = joined.client.open(&many, false).unwrap();
    let happened = joined.settle();
    assert_eq!(happened.at_server, []);
    let reset = Frame::RstStream(RstStream { stream, code: ErrorCode::NO_ERROR });
    let last = joined.passed().pop().unwrap().bytes;
    assert_eq!(Frame::decode(&mut BytesMut::from(&last[..]), 1 << 14), Ok(Some(reset)));
    let next = joined.client.open(&get(), true).unwrap();
    let expected = [Event::Headers { stream: next, fields: get(), end_stream: true }];
    assert_eq!(joined.settle().at_server, expected);
}

// ---- the lesson ----

#[test]
fn the_lesson_is_given_to_its_end_on_80_columns() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lesson_13_hpack")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "longer than 80 columns: {line}");
    }
    for part in ["83  1 0000011", "31 + 26 + 10 × 128 = 1337", "ListTooLarge"] {
        assert!(text.contains(part), "{part}");
    }
}
