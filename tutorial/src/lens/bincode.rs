//! The lens on bincode: bytes alone do not say what they are, so it needs the fields of the message.

use super::{Layer, Reader, Span};

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
    let mut reader = Reader::new(bytes, Layer::Message);
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
    if reader.left() > 0 {
        reader.layer = Layer::Wrong;
        reader.take(reader.left(), "not expected", |_| "the message ends before".to_owned());
    }
    reader.spans
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
