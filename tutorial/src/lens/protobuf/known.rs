//! Values of fields that the contract has: it says what their bytes mean.

use prost_types::field_descriptor_proto::Type;

use super::{Lens, Lost, Value};
use crate::by_hand::protobuf::{WireType, unzigzag};
use crate::lens::quoted;
use crate::lens::schema::FieldType;
use crate::page::count;

impl Lens<'_> {
    /// What stands behind a length, in a field of the contract.
    pub(super) fn known_len(&mut self, end: usize, field: FieldType<'_>) -> Result<Value, Lost> {
        let length = self.length(end)?;
        let end = self.reader.at + length;
        let name = field.name();
        match field.of() {
            Type::Message => {
                let of = field.message();
                self.inner(end, |lens| lens.message(end, of));
                return Ok(Value::Other(name.to_owned(), field.type_name()));
            }
            Type::String | Type::Bytes if length == 0 => {
                return Ok(Value::Other(name.to_owned(), "empty".to_owned()));
            }
            Type::String => {
                let text = self.reader.take(length, name, quoted);
                if std::str::from_utf8(text).is_err() {
                    self.reader.last_is_wrong("not UTF-8");
                }
            }
            Type::Bytes => {
                self.reader.take(length, name, |bytes| count(bytes.len(), "byte"));
            }
            _ => {
                while self.reader.at < end {
                    if let Err(Lost) = self.known(end, field) {
                        self.not_read(end);
                    }
                }
                return Ok(Value::Other(name.to_owned(), format!("a list of {}", field.type_name())));
            }
        }
        Ok(Value::Last)
    }

    /// A number, in a field of the contract.
    pub(super) fn known(&mut self, end: usize, field: FieldType<'_>) -> Result<(), Lost> {
        let name = field.name();
        match field.wire_type() {
            WireType::I64 => self.array(end, name, |bytes| match field.of() {
                Type::Double => format!("{:?}", f64::from_le_bytes(bytes)),
                Type::Sfixed64 => i64::from_le_bytes(bytes).to_string(),
                _ => u64::from_le_bytes(bytes).to_string(),
            }),
            WireType::I32 => self.array(end, name, |bytes| match field.of() {
                Type::Float => format!("{:?}", f32::from_le_bytes(bytes)),
                Type::Sfixed32 => i32::from_le_bytes(bytes).to_string(),
                _ => u32::from_le_bytes(bytes).to_string(),
            }),
            _ => self
                .varint(end, name, |number| match field.of() {
                    // Of 64 bits a field of 32 has the lower ones.
                    Type::Int32 => (number as i32).to_string(),
                    Type::Uint32 => (number as u32).to_string(),
                    Type::Int64 => (number as i64).to_string(),
                    Type::Sint32 => format!("{}, sent as {number}", unzigzag(number) as i32),
                    Type::Sint64 => format!("{}, sent as {number}", unzigzag(number)),
                    Type::Bool => (number != 0).to_string(),
                    Type::Enum => {
                        let name = field.value_name(number as i32).unwrap_or("no name for it");
                        format!("{}: {name}", number as i32)
                    }
                    _ => number.to_string(),
                })
                .map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::by_hand::protobuf::{Writer, zigzag};
    use crate::lens::protobuf::message;
    use crate::lens::schema::{MessageType, Schema};
    use crate::lens::{Layer, leaves};

    fn says(bytes: &[u8], of: Option<MessageType<'_>>) -> Vec<String> {
        leaves(&message(bytes, of)).map(|span| format!("{}: {}", span.name, span.value)).collect()
    }

    #[test]
    fn every_type_is_shown_as_what_it_is() {
        let schema = Schema::all_types();
        let shown = |writer: Writer| {
            let spans = message(&writer.finish(), schema.message("t.All"));
            assert!(leaves(&spans).all(|span| span.layer == Layer::Message), "{spans:?}");
            leaves(&spans).last().map(|span| span.value.clone()).unwrap_or_default()
        };
        let write = Writer::new;
        assert_eq!(shown(write().i64(1, 1.5_f64.to_bits())), "1.5");
        assert_eq!(shown(write().i32(2, 1.5_f32.to_bits())), "1.5");
        assert_eq!(shown(write().varint(3, -2_i64 as u64)), "-2");
        assert_eq!(shown(write().varint(4, u64::MAX)), "18446744073709551615");
        assert_eq!(shown(write().varint(5, -2_i64 as u64)), "-2");
        assert_eq!(shown(write().i64(6, 7)), "7");
        assert_eq!(shown(write().i32(7, 7)), "7");
        assert_eq!(shown(write().varint(8, 1)), "true");
        assert_eq!(shown(write().text(9, "a")), "\"a\"");
        assert_eq!(shown(write().bytes(12, &[1, 2])), "2 bytes");
        assert_eq!(shown(write().varint(13, 7)), "7");
        assert_eq!(shown(write().varint(14, 1)), "1: RED");
        assert_eq!(shown(write().varint(14, 2)), "2: no name for it");
        assert_eq!(shown(write().i32(15, -7_i32 as u32)), "-7");
        assert_eq!(shown(write().i64(16, -7_i64 as u64)), "-7");
        assert_eq!(shown(write().varint(17, 1)), "-1, sent as 1");
        assert_eq!(shown(write().varint(18, 1)), "-1, sent as 1");
    }

    #[test]
    fn a_list_is_read_packed_and_not_packed() {
        let schema = Schema::all_types();
        let of = schema.message("t.All");
        let packed = Writer::new().packed(20, [1, -1].map(zigzag)).finish();
        let expected =
            ["tag: field 20, LEN: sint32", "length: 2 bytes", "list: 1, sent as 2", "list: -1, sent as 1"];
        assert_eq!(says(&packed, of), expected);
        let single = Writer::new().varint(20, zigzag(1)).finish();
        assert_eq!(says(&single, of), ["tag: field 20, VARINT: sint32", "list: 1, sent as 2"]);
    }
}
