//! Values of which nothing is known but how they are written. What is guessed ends in a question mark.

use super::{DEEPEST, Lens, Lost, Value};
use crate::by_hand::protobuf::{self, WireType};
use crate::lens::quoted;
use crate::page::count;

impl Lens<'_> {
    /// A value of which nothing is known but how it is written.
    pub(super) fn unknown(&mut self, end: usize, number: u64, wire_type: WireType) -> Result<Value, Lost> {
        let name = |what: &str| format!("field {number}{what}");
        match wire_type {
            WireType::Varint => {
                let value = self.varint(end, &name(""), |value| value.to_string())?;
                // Few numbers are so large; negative ones all are.
                if value > i64::MAX as u64 {
                    self.guess(&name(" int64?"), (value as i64).to_string());
                }
            }
            WireType::I64 => {
                let mut double = 0.0;
                self.array(end, &name(" fixed64?"), |bytes| {
                    double = f64::from_le_bytes(bytes);
                    u64::from_le_bytes(bytes).to_string()
                })?;
                if is_everyday(double) {
                    self.guess(&name(" double?"), format!("{double:?}"));
                }
            }
            WireType::I32 => {
                let mut float = 0.0;
                self.array(end, &name(" fixed32?"), |bytes| {
                    float = f32::from_le_bytes(bytes);
                    u32::from_le_bytes(bytes).to_string()
                })?;
                if is_everyday(f64::from(float)) {
                    self.guess(&name(" float?"), format!("{float:?}"));
                }
            }
            _ => {
                let length = self.length(end)?;
                let end = self.reader.at + length;
                let bytes = &self.reader.bytes[self.reader.at..end];
                match guessed(bytes) {
                    _ if length == 0 => return Ok(Value::Other(name(""), "empty".to_owned())),
                    Guess::Message if self.depth < DEEPEST => {
                        self.reader.relabel(format!("{}, message?", count(length, "byte")));
                        self.inner(end, |lens| lens.message(end, None));
                        return Ok(Value::Other(name(" message?"), String::new()));
                    }
                    Guess::Text => {
                        self.reader.take(length, &name(" text?"), quoted);
                    }
                    Guess::Message | Guess::Bytes => {
                        self.reader.take(length, &name(" bytes"), |bytes| count(bytes.len(), "byte"));
                    }
                }
            }
        }
        Ok(Value::Last)
    }

    /// A better name and value for what was taken last.
    fn guess(&mut self, name: &str, value: String) {
        if let Some(last) = self.reader.last() {
            (last.name, last.value) = (name.to_owned(), value);
        }
    }
}

/// What bytes behind a length look like.
enum Guess {
    Text,
    Message,
    Bytes,
}

fn guessed(bytes: &[u8]) -> Guess {
    let text = std::str::from_utf8(bytes);
    let is_message = || protobuf::fields(bytes).all(|field| field.is_ok());
    match text {
        Ok(text) if !text.contains(char::is_control) => Guess::Text,
        _ if is_message() => Guess::Message,
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => Guess::Text,
        _ => Guess::Bytes,
    }
}

/// Whether a number is of a size that people use: of the bits of integers, few are.
fn is_everyday(number: f64) -> bool {
    number == 0.0 || (1e-9..1e15).contains(&number.abs())
}

#[cfg(test)]
mod tests {
    use crate::by_hand::protobuf::Writer;
    use crate::lens::leaves;
    use crate::lens::protobuf::message;

    #[test]
    fn without_a_contract_a_field_is_a_number_and_a_guess_is_marked_as_one() {
        let bytes = Writer::new().text(1, "hits").varint(2, -1_i64 as u64).varint(3, 150).finish();
        let expected = [
            "tag: field 1, LEN",
            "length: 4 bytes",
            "field 1 text?: \"hits\"",
            "tag: field 2, VARINT",
            "field 2 int64?: -1",
            "tag: field 3, VARINT",
            "field 3: 150",
        ];
        let spans = message(&bytes, None);
        let says: Vec<_> = leaves(&spans).map(|span| format!("{}: {}", span.name, span.value)).collect();
        assert_eq!(says, expected);
    }
}
