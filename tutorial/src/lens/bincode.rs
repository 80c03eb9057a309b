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
    for field in fields {
        match field {
            Field::Text(name) => {
                let length = integer(&mut reader, &format!("{name}: length"), |number| number.to_string());
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                if length > 0 {
                    reader.text(length, name);
                }
            }
            Field::Signed(name) => {
                integer(&mut reader, name, |number| format!("{}, sent as {number}", zigzag(number)));
            }
            Field::Bool(name) => {
                reader.take(1, name, |byte| (byte == [1]).to_string());
            }
        }
    }
    all_read(&mut reader);
    reader.spans
}

/// Names the bytes of a message that a contract has. In bincode the fields stand in its order, without their
/// numbers.
pub fn typed(bytes: &[u8], of: MessageType<'_>) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Message, SPECIFICATION);
    for field in of.fields() {
        if field.is_optional() {
            let there =
                reader.take(1, field.name(), |byte| if byte == [1] { "some" } else { "none" }.to_owned());
            if there != [1] {
                continue;
            }
        }
        if !value(&mut reader, field) {
            // Lists and messages in messages, which no contract here has.
            let left = reader.left();
            if left > 0 {
                reader.take(left, field.name(), |_| count(left, "byte"));
            }
            return reader.spans;
        }
    }
    all_read(&mut reader);
    reader.spans
}

/// One value, if its type is simple.
fn value(reader: &mut Reader<'_>, field: FieldType<'_>) -> bool {
    let name = field.name();
    match field.of() {
        _ if field.is_list() => return false,
        Type::String | Type::Bytes => {
            let length = integer(reader, &format!("{name}: length"), |number| number.to_string());
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > 0 {
                reader.text(length, name);
            }
        }
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

/// Behind the last field there is nothing; and what there is has at least a byte.
fn all_read(reader: &mut Reader<'_>) {
    if reader.left() > 0 {
        reader.take(reader.left(), "not expected", |_| String::new());
        reader.last_is_wrong("the message ends before");
    } else if reader.spans.last().is_some_and(|span| span.range.is_empty()) {
        reader.spans.retain(|span| !span.range.is_empty());
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
