//! Lesson 11: protobuf is tags and varints.

#![allow(clippy::unwrap_used)]

mod exercise;

use bytes::Bytes;
use kv::proto::{
    Change, DeleteReply, GetReply, GetRequest, IncrementRequest, LoadReply, PutReply, PutRequest,
};
use proptest::prelude::*;
use prost::Message;
use stub::codec::{Codec, Protobuf};
use tutorial::by_hand::protobuf::{
    MAX_FIELD, Malformed, Rule, Value, Writer, fields, put_varint, unzigzag, varint, zigzag,
};
use tutorial::lens;
use tutorial::lens::Layer;
use tutorial::lens::schema::Schema;

exercise::specification! { protobuf:
    a_number_under_128_is_one_byte
    a_larger_number_has_its_lowest_seven_bits_first_and_a_mark_that_more_follow
    a_varint_ends_with_the_byte_that_has_no_mark
    a_varint_that_is_cut_short_is_none
    a_varint_of_more_than_ten_bytes_is_none
    a_number_near_to_0_is_folded_to_a_small_one
    the_tag_of_field_1_is_one_byte
    the_tag_of_field_16_is_two_bytes
    a_text_is_found_by_its_field
    a_field_that_is_not_there_has_its_default
    a_field_that_is_not_known_is_skipped
    what_is_in_a_field_that_is_not_known_is_skipped_with_it
    of_a_field_that_is_there_twice_the_last_one_counts
    a_text_that_is_longer_than_its_message_is_none
}

fn encode<T>(message: &T) -> Vec<u8>
where
    Protobuf: Codec<T>,
{
    let mut bytes = Vec::new();
    Protobuf.encode(message, &mut bytes).unwrap();
    bytes
}

fn decode<T>(bytes: &[u8]) -> Result<T, String>
where
    Protobuf: Codec<T>,
{
    Protobuf.decode(Bytes::copy_from_slice(bytes)).map_err(|status| status.message().to_owned())
}

fn put() -> PutRequest {
    PutRequest { key: "greeting".to_owned(), value: "hello".to_owned() }
}

fn by(by: i64) -> Vec<u8> {
    encode(&IncrementRequest { key: String::new(), by })
}

fn put_by_hand(put: &PutRequest) -> Vec<u8> {
    let mut writer = Writer::new();
    for (number, text) in [(1, &put.key), (2, &put.value)] {
        if !text.is_empty() {
            writer = writer.text(number, text);
        }
    }
    writer.finish()
}

fn read_put_by_hand(bytes: &[u8]) -> Result<PutRequest, Malformed> {
    let mut put = PutRequest::default();
    for field in fields(bytes) {
        match field? {
            (1, Value::Len(text)) => put.key = String::from_utf8(text.to_vec()).unwrap(),
            (2, Value::Len(text)) => put.value = String::from_utf8(text.to_vec()).unwrap(),
            _ => {}
        }
    }
    Ok(put)
}

// ---- exact bytes ----

#[test]
fn a_field_is_its_tag_and_its_value() {
    assert_eq!(encode(&put()), b"\x0a\x08greeting\x12\x05hello");
    assert_eq!(by(3), [2 << 3, 3]);
    assert_eq!(encode(&DeleteReply { existed: true }), [1 << 3, 1]);
}

#[test]
fn a_tag_is_the_number_of_the_field_and_three_bits_of_wire_type() {
    assert_eq!(Writer::new().varint(1, 150).finish(), [0x08, 0x96, 0x01]);
    assert_eq!(Writer::new().i64(1, 1).finish(), [0x09, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Writer::new().text(2, "testing").finish(), b"\x12\x07testing");
    assert_eq!(Writer::new().i32(1, 1).finish(), [0x0d, 1, 0, 0, 0]);
    assert_eq!(Writer::new().varint(15, 0).finish().len(), 2);
    assert_eq!(Writer::new().varint(16, 0).finish().len(), 3, "from 16 on a tag has two bytes");
}

#[test]
fn a_varint_is_seven_bits_a_byte_the_lowest_first() {
    let written = |value| {
        let mut bytes = Vec::new();
        put_varint(value, &mut bytes);
        bytes
    };
    assert_eq!(written(0), [0]);
    assert_eq!(written(127), [0x7f]);
    assert_eq!(written(128), [0x80, 0x01]);
    assert_eq!(written(300), [0xac, 0x02]);
    assert_eq!(written(u64::MAX), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
}

#[test]
fn a_negative_int64_takes_ten_bytes_and_a_sint64_does_not() {
    assert_eq!(by(-1), [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    assert_eq!(Writer::new().varint(2, zigzag(-1)).finish(), [0x10, 0x01]);
    assert_eq!([0, -1, 1, -2, i64::MAX, i64::MIN].map(zigzag), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
}

#[test]
fn a_sint64_read_as_an_int64_is_another_number_and_no_error() {
    let sint64 = Writer::new().varint(2, zigzag(3)).finish();
    assert_eq!(decode::<IncrementRequest>(&sint64).unwrap().by, 6);
}

#[test]
fn what_has_its_default_is_not_sent() {
    assert_eq!(encode(&PutReply {}), b"");
    assert_eq!(encode(&GetReply { value: String::new() }), b"");
    assert_eq!(encode(&DeleteReply { existed: false }), b"");
    assert_eq!(encode(&LoadReply { count: 0 }), b"");
    assert_eq!(decode::<DeleteReply>(b""), Ok(DeleteReply { existed: false }));
    assert_eq!(decode::<DeleteReply>(&[0x08, 0x00]), Ok(DeleteReply { existed: false }), "but may be");
}

#[test]
fn what_is_optional_is_sent_when_it_is_there_also_when_it_is_empty() {
    let change = |value: Option<&str>| Change { key: "n".to_owned(), value: value.map(str::to_owned) };
    assert_eq!(encode(&change(None)), b"\x0a\x01n");
    assert_eq!(encode(&change(Some(""))), b"\x0a\x01n\x12\x00");
    assert_eq!(decode(b"\x0a\x01n\x12\x00"), Ok(change(Some(""))));
    assert_eq!(decode(b"\x0a\x01n"), Ok(change(None)));
}

#[test]
fn a_list_of_numbers_is_packed_and_is_read_both_ways() {
    let packed = Writer::new().packed(6, [3, 270, 86_942]).finish();
    assert_eq!(packed, [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]);
    // In a Location the field `path` is a packed list.
    let location = |path| prost_types::source_code_info::Location { path, ..Default::default() };
    let packed = Writer::new().packed(1, [3, 270]).finish();
    let single = Writer::new().varint(1, 3).varint(1, 270).finish();
    assert_eq!(encode(&location(vec![3, 270])), packed);
    assert_eq!(decode(&packed), Ok(location(vec![3, 270])));
    assert_eq!(decode(&single), Ok(location(vec![3, 270])));
}

// ---- old and new programs ----

#[test]
fn a_reader_skips_fields_that_it_does_not_know_of_every_wire_type() {
    let bytes = Writer::new()
        .varint(3, 60)
        .text(1, "greeting")
        .i64(4, 7)
        .i32(MAX_FIELD, 7)
        .text(2, "hello")
        .bytes(5, &Writer::new().varint(1, 1).finish())
        .finish();
    assert_eq!(decode(&bytes), Ok(put()));
    assert_eq!(read_put_by_hand(&bytes), Ok(put()));
}

#[test]
fn the_order_of_fields_is_free_and_the_last_one_wins() {
    let bytes = Writer::new().text(2, "hello").text(1, "draft").text(1, "greeting").finish();
    assert_eq!(decode(&bytes), Ok(put()));
    assert_eq!(read_put_by_hand(&bytes), Ok(put()));
}

#[test]
fn two_messages_one_behind_the_other_are_one_message() {
    let draft = PutRequest { key: "greeting".to_owned(), value: "good morning".to_owned() };
    let bytes = [encode(&draft), Writer::new().text(2, "hello").finish()].concat();
    assert_eq!(decode(&bytes), Ok(put()));
}

#[test]
fn a_field_in_another_wire_type_is_refused_by_its_name() {
    let said = decode::<GetRequest>(&Writer::new().varint(1, 1).finish()).unwrap_err();
    assert!(said.contains("GetRequest.key: invalid wire type: Varint"), "{said}");
}

// ---- bytes that are no message ----

#[test]
fn a_message_cut_short_in_a_field_is_refused_and_the_byte_and_the_rule_are_named() {
    let whole = encode(&put());
    for length in 0..whole.len() {
        let cut = &whole[..length];
        let wrong = read_put_by_hand(cut).err();
        let left = |claimed, left| Some(Rule::Length { claimed, left });
        let (at, rule) = match length {
            0 | 10 => (0, None), // Between two fields: a message too.
            1 => (1, Some(Rule::Ends)),
            2..10 => (1, left(8, length - 2)),
            11 => (11, Some(Rule::Ends)),
            _ => (11, left(5, length - 12)),
        };
        assert_eq!(wrong, rule.map(|rule| Malformed { at, length, rule }), "cut to {length}");
        assert_eq!(decode::<PutRequest>(cut).is_err(), rule.is_some(), "and prost agrees");
    }
    let error = read_put_by_hand(&whole[..14]).unwrap_err();
    assert_eq!(error.to_string(), "protobuf, byte 11 of 14: a length of 5, and 2 are left");
}

#[test]
fn a_varint_has_at_most_ten_bytes_and_64_bits() {
    let nines = [0xff; 9];
    assert_eq!(varint(&[&nines[..], &[0x01]].concat()), Ok((u64::MAX, 10)));
    assert_eq!(varint(&[&nines[..], &[0x02]].concat()), Err(Rule::LargeVarint));
    assert_eq!(varint(&[&nines[..], &[0x80, 0x00]].concat()), Err(Rule::LongVarint));
    assert_eq!(varint(&nines), Err(Rule::Ends));
    assert_eq!(varint(&[0x80, 0x00]), Ok((0, 2)), "longer than it has to be, and allowed");
}

#[test]
fn each_rule_is_named_with_its_byte() {
    let wrong = |bytes: &[u8]| fields(bytes).find_map(Result::err).map(|wrong| (wrong.at, wrong.rule));
    let behind = |bytes: &[u8]| wrong(&[b"\x08\x01", bytes].concat());
    assert_eq!(behind(&[0x02, 0x00]), Some((2, Rule::Field(0))));
    assert_eq!(behind(&[0x80, 0x80, 0x80, 0x80, 0x10, 0x01]), Some((2, Rule::Field(1 << 29))));
    assert_eq!(behind(&[0x0b]), Some((2, Rule::Group)));
    assert_eq!(behind(&[0x0c]), Some((2, Rule::Group)));
    assert_eq!(behind(&[0x0e]), Some((2, Rule::WireType(6))));
    assert_eq!(behind(&[0x0f]), Some((2, Rule::WireType(7))));
    assert_eq!(behind(&[0x09, 0, 0, 0, 0, 0, 0, 0]), Some((3, Rule::Ends)));
    assert_eq!(behind(&[0x0d, 0, 0, 0]), Some((3, Rule::Ends)));
    let length = Rule::Length { claimed: u64::MAX, left: 0 };
    let claims = [&[0x0a][..], &[0xff; 9], &[0x01]].concat();
    assert_eq!(behind(&claims), Some((3, length)));
}

#[test]
fn nothing_follows_what_breaks_a_rule() {
    let mut all = fields(b"\x08\x01\x0f\x08\x01");
    assert_eq!(all.next(), Some(Ok((1, Value::Varint(1)))));
    assert!(all.next().unwrap().is_err());
    assert_eq!(all.next(), None);
}

#[test]
fn messages_nested_deeper_than_a_hundred_are_refused_and_the_lens_stops_there_too() {
    // A descriptor of a message has a list of its own kind in field 3.
    let nested = |depth| (0..depth).fold(Vec::new(), |inner, _| Writer::new().bytes(3, &inner).finish());
    assert_eq!(lens::protobuf::DEEPEST, 100);
    assert!(decode::<prost_types::DescriptorProto>(&nested(100)).is_ok());
    let said = decode::<prost_types::DescriptorProto>(&nested(101)).unwrap_err();
    assert!(said.ends_with(": recursion limit reached"), "{said}");
}

// ---- what the lesson shows ----

#[test]
fn the_lens_says_with_the_contract_what_the_lesson_says() {
    let contract = Schema::kv().unwrap();
    for (path, bytes) in [
        ("/kv.Kv/Put", encode(&put())),
        ("/kv.Kv/Get", encode(&GetRequest { key: "greeting".to_owned() })),
        ("/kv.Kv/Increment", by(-1)),
    ] {
        let (request, _) = contract.method(path).unwrap();
        let spans = lens::protobuf::message(&bytes, Some(request));
        assert!(lens::leaves(&spans).all(|span| span.layer == Layer::Message && !span.name.contains('?')));
    }
}

// ---- equals prost, on random messages ----

/// A message with a field of each type, and lists, and itself.
#[derive(Clone, PartialEq, Message)]
struct All {
    #[prost(double, tag = "1")]
    double: f64,
    #[prost(float, tag = "2")]
    float: f32,
    #[prost(int32, tag = "3")]
    int32: i32,
    #[prost(int64, tag = "4")]
    int64: i64,
    #[prost(uint32, tag = "5")]
    uint32: u32,
    #[prost(uint64, tag = "6")]
    uint64: u64,
    #[prost(sint32, tag = "7")]
    sint32: i32,
    #[prost(sint64, tag = "8")]
    sint64: i64,
    #[prost(fixed32, tag = "9")]
    fixed32: u32,
    #[prost(sfixed64, tag = "10")]
    sfixed64: i64,
    #[prost(bool, tag = "11")]
    bool: bool,
    #[prost(string, tag = "12")]
    string: String,
    #[prost(bytes = "vec", tag = "13")]
    bytes: Vec<u8>,
    #[prost(string, optional, tag = "14")]
    optional: Option<String>,
    #[prost(sint64, repeated, tag = "15")]
    list: Vec<i64>,
    #[prost(string, repeated, tag = "16")]
    texts: Vec<String>,
    #[prost(message, optional, boxed, tag = "17")]
    inner: Option<Box<All>>,
}

fn by_hand(all: &All) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut put = |is_default: bool, field: &dyn Fn(Writer) -> Writer| {
        if !is_default {
            writer = field(std::mem::take(&mut writer));
        }
    };
    // Of the two zeros of a floating point number only the one without a sign is the default.
    put(all.double.to_bits() == 0, &|it| it.i64(1, all.double.to_bits()));
    put(all.float.to_bits() == 0, &|it| it.i32(2, all.float.to_bits()));
    put(all.int32 == 0, &|it| it.varint(3, all.int32 as u64));
    put(all.int64 == 0, &|it| it.varint(4, all.int64 as u64));
    put(all.uint32 == 0, &|it| it.varint(5, all.uint32.into()));
    put(all.uint64 == 0, &|it| it.varint(6, all.uint64));
    put(all.sint32 == 0, &|it| it.varint(7, zigzag(all.sint32.into())));
    put(all.sint64 == 0, &|it| it.varint(8, zigzag(all.sint64)));
    put(all.fixed32 == 0, &|it| it.i32(9, all.fixed32));
    put(all.sfixed64 == 0, &|it| it.i64(10, all.sfixed64 as u64));
    put(!all.bool, &|it| it.varint(11, 1));
    put(all.string.is_empty(), &|it| it.text(12, &all.string));
    put(all.bytes.is_empty(), &|it| it.bytes(13, &all.bytes));
    put(all.optional.is_none(), &|it| it.text(14, all.optional.as_deref().unwrap_or_default()));
    put(all.list.is_empty(), &|it| it.packed(15, all.list.iter().copied().map(zigzag)));
    put(false, &|it| all.texts.iter().fold(it, |it, text| it.text(16, text)));
    put(all.inner.is_none(), &|it| it.bytes(17, &by_hand(all.inner.as_deref().unwrap())));
    writer.finish()
}

fn read_by_hand(bytes: &[u8]) -> Result<All, Malformed> {
    let mut all = All::default();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    for field in fields(bytes) {
        match field? {
            (1, Value::I64(bits)) => all.double = f64::from_bits(bits),
            (2, Value::I32(bits)) => all.float = f32::from_bits(bits),
            (3, Value::Varint(number)) => all.int32 = number as i32,
            (4, Value::Varint(number)) => all.int64 = number as i64,
            (5, Value::Varint(number)) => all.uint32 = number as u32,
            (6, Value::Varint(number)) => all.uint64 = number,
            (7, Value::Varint(number)) => all.sint32 = unzigzag(number) as i32,
            (8, Value::Varint(number)) => all.sint64 = unzigzag(number),
            (9, Value::I32(number)) => all.fixed32 = number,
            (10, Value::I64(number)) => all.sfixed64 = number as i64,
            (11, Value::Varint(number)) => all.bool = number != 0,
            (12, Value::Len(bytes)) => all.string = text(bytes),
            (13, Value::Len(bytes)) => all.bytes = bytes.to_vec(),
            (14, Value::Len(bytes)) => all.optional = Some(text(bytes)),
            (15, Value::Varint(number)) => all.list.push(unzigzag(number)),
            (15, Value::Len(mut packed)) => {
                while !packed.is_empty() {
                    let (number, size) = varint(packed).unwrap();
                    all.list.push(unzigzag(number));
                    packed = &packed[size..];
                }
            }
            (16, Value::Len(bytes)) => all.texts.push(text(bytes)),
            (17, Value::Len(bytes)) => all.inner = Some(Box::new(read_by_hand(bytes)?)),
            _ => {}
        }
    }
    Ok(all)
}

prop_compose! {
    fn flat()(
        (double, float) in (any::<f64>(), any::<f32>()),
        (int32, int64, uint32, uint64) in any::<(i32, i64, u32, u64)>(),
        (sint32, sint64, fixed32, sfixed64) in any::<(i32, i64, u32, i64)>(),
        (bool, string, bytes, optional) in any::<(bool, String, Vec<u8>, Option<String>)>(),
        list in prop::collection::vec(prop_oneof![-70..70_i64, any::<i64>()], 0..5),
        texts in prop::collection::vec(".*", 0..3),
    ) -> All {
        All {
            // Not -0.0: the specification sends it, prost takes it for the default.
            double: double + 0.0,
            float: float + 0.0,
            int32, int64, uint32, uint64, sint32, sint64, fixed32, sfixed64, bool, string, bytes,
            optional, list, texts, inner: None,
        }
    }
}

/// Messages with all fields, with none, with some, and with messages inside.
fn all() -> impl Strategy<Value = All> {
    let some = prop_oneof![
        Just(All::default()),
        flat(),
        any::<i32>().prop_map(|int32| All { int32, ..All::default() }),
        any::<Option<String>>().prop_map(|optional| All { optional, ..All::default() }),
    ];
    some.prop_recursive(5, 5, 1, |inner| {
        (flat(), inner).prop_map(|(outer, inner)| All { inner: Some(Box::new(inner)), ..outer })
    })
}

proptest! {
    #[test]
    fn what_is_written_by_hand_is_what_prost_writes(key in ".*", value in ".*") {
        let put = PutRequest { key, value };
        prop_assert_eq!(put_by_hand(&put), encode(&put));
        prop_assert_eq!(read_put_by_hand(&encode(&put)), Ok(put));
    }

    #[test]
    fn so_it_is_for_every_type_in_both_directions(all in all()) {
        let bytes = encode(&all);
        prop_assert_eq!(by_hand(&all), bytes.clone());
        prop_assert_eq!(read_by_hand(&bytes), Ok(all));
    }

    #[test]
    fn any_number_is_the_same_after_its_journey(value in any::<u64>()) {
        let mut bytes = Vec::new();
        put_varint(value, &mut bytes);
        prop_assert_eq!(varint(&bytes), Ok((value, bytes.len())));
        prop_assert_eq!(unzigzag(zigzag(value as i64)), value as i64);
    }

    /// A decoder of a message without fields skips all of them, so it finds every fault that there is.
    #[test]
    fn what_is_refused_by_hand_is_what_prost_refuses(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0..0x20_u8, Just(0xff), Just(0x80)], 0..40),
    ) {
        let wrong = fields(&bytes).find_map(Result::err);
        // Groups are deprecated: prost still skips one that is whole.
        prop_assume!(!matches!(wrong, Some(Malformed { rule: Rule::Group, .. })));
        prop_assert_eq!(wrong.is_some(), decode::<PutReply>(&bytes).is_err());
    }

    #[test]
    fn what_breaks_a_rule_by_hand_is_marked_by_the_lens(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0..0x20_u8], 0..40),
    ) {
        let wrong = fields(&bytes).any(|field| field.is_err());
        let spans = lens::protobuf::message(&bytes, None);
        prop_assert_eq!(wrong, lens::leaves(&spans).any(|span| span.layer == Layer::Wrong));
    }
}
