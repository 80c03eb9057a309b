//! The lens on bincode: bytes alone do not say what they are, so it needs the fields of the message.

use prost_types::field_descriptor_proto::Type;

use super::schema::{FieldType, MessageType};
use super::{Layer, Reader, Span};
use crate::page::count;

/// What a field of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Text: its length, then its bytes.
    Text(&'static str),
    /// A signed integer.
    Signed(&'static str),
    /// Yes or no.
    Bool(&'static str),
}

/// Names the bytes of a message with these fields.
pub fn message(bytes: &[u8], fields: &[Field]) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Message, SPECIFICATION);
    let message = reader.open("message", "");
    for field in fields {
        match field {
            Field::Text(name) => text(&mut reader, name),
            Field::Signed(name) => {
                integer(&mut reader, name, |number| format!("{}, sent as {number}", zigzag(number)));
            }
            Field::Bool(name) => {
                reader.take(1, name, |byte| (byte == [1]).to_string());
            }
        }
    }
    all_read(&mut reader);
    reader.close(message, "");
    reader.finish()
}

/// Names the bytes of a message that a contract has. In bincode the fields stand in its order, without their
/// numbers.
pub fn typed(bytes: &[u8], of: MessageType<'_>) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Message, SPECIFICATION);
    let message = reader.open("message", "");
    for field in of.fields() {
        if !optional(&mut reader, field) {
            // Lists and messages in messages, which no contract here has.
            let left = reader.left();
            if left > 0 {
                reader.take(left, field.name(), |_| count(left, "byte"));
            }
            break;
        }
    }
    all_read(&mut reader);
    reader.close(message, of.name());
    reader.finish()
}

/// One field, behind a byte that says whether it is there, if the contract says so; whether its type is simple.
fn optional(reader: &mut Reader<'_>, field: FieldType<'_>) -> bool {
    if !field.is_optional() {
        return value(reader, field);
    }
    let option = reader.open(field.name(), "");
    let there = reader.take(1, field.name(), |byte| if byte == [1] { "some" } else { "none" }.to_owned());
    let is_simple = there != [1] || value(reader, field);
    reader.close_as_last(option);
    is_simple
}

/// One value, if its type is simple.
fn value(reader: &mut Reader<'_>, field: FieldType<'_>) -> bool {
    let name = field.name();
    match field.of() {
        _ if field.is_list() => return false,
        Type::String | Type::Bytes => text(reader, name),
        Type::Bool => {
            reader.take(1, name, |byte| (byte == [1]).to_string());
        }
        Type::Int32 | Type::Int64 | Type::Sint32 | Type::Sint64 | Type::Enum => {
            integer(reader, name, |number| format!("{}, sent as {number}", zigzag(number)));
        }
        Type::Uint32 | Type::Uint64 => {
            integer(reader, name, |number| number.to_string());
        }
        _ => return false,
    }
    true
}

/// Its length, then its bytes.
fn text(reader: &mut Reader<'_>, name: &str) {
    let field = reader.open(name, "");
    let length = integer(reader, &format!("{name}: length"), |number| number.to_string());
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 {
        return reader.close(field, "\"\"");
    }
    reader.text(length, name);
    reader.close_as_last(field);
}

/// Behind the last field there is nothing; and what there is has at least a byte.
fn all_read(reader: &mut Reader<'_>) {
    if reader.left() > 0 {
        reader.take(reader.left(), "not expected", |_| String::new());
        reader.last_is_wrong("the message ends before");
    } else if reader.is_short() {
        reader.last_is_wrong("the message goes on");
    }
}

/// One byte up to 250; else the byte says how many follow, least significant first.
fn integer(reader: &mut Reader<'_>, name: &str, value: impl FnOnce(u64) -> String) -> u64 {
    let first = reader.bytes.get(reader.at).copied().unwrap_or(0);
    let size = match first {
        251 => 3,
        252 => 5,
        253 => 9,
        _ => 1,
    };
    let number = |bytes: &[u8]| match bytes {
        [] => 0,
        [single] => u64::from(*single),
        [_, rest @ ..] => rest.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    number(reader.take(size, name, |bytes| value(number(bytes))))
}

/// 0, 1, 2, 3 back to 0, -1, 1, -2.
fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Whose rules these are.
const SPECIFICATION: &str = "bincode";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::schema::Schema;
    use crate::lens::{check, outline};

    const PUT: [Field; 2] = [Field::Text("key"), Field::Text("value")];

    fn kv() -> Schema {
        Schema::kv().expect("the contract of the example service can be read")
    }

    #[test]
    fn a_message_is_its_fields_and_a_text_its_length_and_its_bytes() {
        let rows = |spans: Vec<Span>| {
            let row =
                |row: crate::lens::Row<'_>| (row.depth, format!("{}: {}", row.span.name, row.span.value));
            outline(&spans).map(row).collect::<Vec<_>>()
        };
        let expected = [
            (0, "message: "),
            (1, "key: \"hits\""),
            (2, "key: length: 4"),
            (2, "key: \"hits\""),
            (1, "by: -1, sent as 1"),
        ];
        let expected = expected.map(|(depth, row)| (depth, row.to_owned()));
        let fields = [Field::Text("key"), Field::Signed("by")];
        assert_eq!(rows(message(b"\x04hits\x01", &fields)), expected);
        let schema = kv();
        let of = schema.message("kv.IncrementRequest").expect("it is in the contract");
        assert_eq!(rows(typed(b"\x04hits\x01", of))[1..], expected[1..]);
    }

    #[test]
    fn a_message_that_ends_too_early_or_goes_on_breaks_a_rule() {
        let rule = |bytes: &[u8]| {
            let spans = message(bytes, &PUT);
            crate::lens::leaves(&spans).find(|span| span.is_wrong()).map(|span| span.value.clone())
        };
        assert_eq!(rule(b"\x01k\x01v"), None);
        assert_eq!(rule(b"\x01k").as_deref(), Some("the message goes on"));
        assert_eq!(rule(b"\x01k\x01v!").as_deref(), Some("the message ends before"));
    }

    proptest! {
        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in prop::collection::vec(0..12_u8, 0..40)) {
            prop_assert_eq!(check(&message(&bytes, &PUT), 0..bytes.len()), Ok(()));
            let schema = kv();
            for name in ["kv.PutRequest", "kv.IncrementRequest", "kv.Change", "kv.DeleteReply"] {
                let of = schema.message(name).expect("it is in the contract");
                prop_assert_eq!(check(&typed(&bytes, of), 0..bytes.len()), Ok(()), "{}", name);
            }
        }
    }
}
