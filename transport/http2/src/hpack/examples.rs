//! The examples of RFC 7541, appendix C, by the names of their sections.

use bytes::BytesMut;

use super::{Decoder, Encoder, Field, FieldList, HpackError};

type Fields = &'static [(&'static str, &'static str)];

/// A field block, what it says, and the dynamic table behind it with its size.
struct Example {
    block: &'static str,
    says: Fields,
    table: Fields,
    size: usize,
}

fn decoder() -> Decoder {
    Decoder::new(16 << 10, 100)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn fields(list: Fields) -> Vec<Field> {
    list.iter().map(|(name, value)| Field::new(*name, *value)).collect()
}

fn owned(list: Fields) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Decodes the blocks of one connection, one after the other.
fn decodes(mut decoder: Decoder, examples: &[Example]) {
    for example in examples {
        let decoded = decoder.decode(&hex(example.block)).unwrap();
        assert_eq!(decoded, FieldList::Fields(fields(example.says).into()));
        assert_eq!(decoder.table(), (example.size, owned(example.table)));
    }
}

/// Encodes what the blocks say, and compares.
fn encodes(mut encoder: Encoder, examples: &[Example]) {
    for example in examples {
        let mut block = BytesMut::new();
        encoder.encode(&fields(example.says).into(), &mut block);
        assert_eq!(block, hex(example.block));
        assert_eq!(encoder.table(), (example.size, owned(example.table)));
    }
}

#[test]
fn rfc7541_c_2_1_literal_header_field_with_indexing() {
    let example = Example {
        block: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        says: &[("custom-key", "custom-header")],
        table: &[("custom-key", "custom-header")],
        size: 55,
    };
    decodes(decoder(), &[example]);
}

#[test]
fn rfc7541_c_2_2_literal_header_field_without_indexing() {
    let example = Example {
        block: "040c 2f73 616d 706c 652f 7061 7468",
        says: &[(":path", "/sample/path")],
        table: &[],
        size: 0,
    };
    decodes(decoder(), &[example]);
}

#[test]
fn rfc7541_c_2_3_literal_header_field_never_indexed() {
    let block = hex("1008 7061 7373 776f 7264 0673 6563 7265 74");
    let secret = Field { sensitive: true, ..Field::new("password", "secret") };
    let mut decoder = decoder();
    assert_eq!(decoder.decode(&block), Ok(FieldList::Fields(vec![secret.clone()].into())));
    assert_eq!(decoder.table(), (0, vec![]));

    let (mut encoder, mut encoded) = (Encoder::new(), BytesMut::new());
    encoder.encode(&vec![secret].into(), &mut encoded);
    assert_eq!(encoded[0] & 0xf0, 0x10, "never indexed, also when it is sent on");
    assert_eq!(encoder.table(), (0, vec![]));
}

#[test]
fn rfc7541_c_2_4_indexed_header_field() {
    let example = Example { block: "82", says: &[(":method", "GET")], table: &[], size: 0 };
    decodes(decoder(), &[example]);
}

const REQUESTS: [Fields; 3] = [
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    &[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
        ("cache-control", "no-cache"),
    ],
    &[
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ],
];

const AFTER_REQUESTS: [(Fields, usize); 3] = [
    (&[(":authority", "www.example.com")], 57),
    (&[("cache-control", "no-cache"), (":authority", "www.example.com")], 110),
    (
        &[("custom-key", "custom-value"), ("cache-control", "no-cache"), (":authority", "www.example.com")],
        164,
    ),
];

fn requests(blocks: [&'static str; 3]) -> Vec<Example> {
    let rest = REQUESTS.into_iter().zip(AFTER_REQUESTS);
    blocks.into_iter().zip(rest).map(example).collect()
}

fn example((block, (says, (table, size))): (&'static str, (Fields, (Fields, usize)))) -> Example {
    Example { block, says, table, size }
}

#[test]
fn rfc7541_c_3_request_examples_without_huffman_coding() {
    let blocks = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    decodes(decoder(), &requests(blocks));
}

#[test]
fn rfc7541_c_4_request_examples_with_huffman_coding() {
    let blocks = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    decodes(decoder(), &requests(blocks));
    encodes(Encoder::new(), &requests(blocks));
}

const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

const RESPONSES: [Fields; 3] = [
    &[
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "307"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ],
    &[
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", COOKIE),
    ],
];

const AFTER_RESPONSES: [(Fields, usize); 3] = [
    (
        &[
            ("location", "https://www.example.com"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("cache-control", "private"),
            (":status", "302"),
        ],
        222,
    ),
    (
        &[
            (":status", "307"),
            ("location", "https://www.example.com"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("cache-control", "private"),
        ],
        222,
    ),
    (&[("set-cookie", COOKIE), ("content-encoding", "gzip"), ("date", "Mon, 21 Oct 2013 20:13:22 GMT")], 215),
];

fn responses(blocks: [&'static str; 3]) -> Vec<Example> {
    let rest = RESPONSES.into_iter().zip(AFTER_RESPONSES);
    blocks.into_iter().zip(rest).map(example).collect()
}

/// The table of these examples holds 256 bytes, so that fields are evicted.
fn small_decoder() -> Decoder {
    let mut decoder = decoder();
    decoder.resize_table(256);
    decoder
}

#[test]
fn rfc7541_c_5_response_examples_without_huffman_coding() {
    let blocks = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a \
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 \
         677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 \
         553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    decodes(small_decoder(), &responses(blocks));
}

#[test]
fn rfc7541_c_6_response_examples_with_huffman_coding() {
    let blocks = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
         821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
         4ee5 b106 3d50 07",
    ];
    decodes(small_decoder(), &responses(blocks));
    // Of the second block the encoder here differs: it uses Huffman code only where that is shorter.
    let mut encoder = Encoder::new();
    encoder.resize_table(256);
    for (example, same) in responses(blocks).iter().zip([true, false, true]) {
        let mut block = BytesMut::new();
        encoder.encode(&fields(example.says).into(), &mut block);
        assert_eq!(block == hex(example.block), same);
        assert_eq!(encoder.table(), (example.size, owned(example.table)));
    }
}

#[test]
fn rfc7541_6_1_index_0_is_a_decoding_error() {
    assert_eq!(decoder().decode(&[0x80]), Err(HpackError::Index(0)));
}

#[test]
fn rfc7541_2_3_3_an_index_behind_the_tables_is_a_decoding_error() {
    assert_eq!(decoder().decode(&[0xbe]), Err(HpackError::Index(62)));
}
