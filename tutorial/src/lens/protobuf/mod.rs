//! The lens on protobuf: <https://protobuf.dev/programming-guides/encoding/>.
//!
//! The bytes say of each field its number and how its value is written. What the field is called, and what
//! the value means, is in the contract only: with a [`MessageType`] the lens says that. Without one it says
//! what can be known. What it guesses then ends in a question mark.

mod guess;
mod known;

use super::schema::{FieldType, MessageType};
use super::{Layer, Reader, Span};
use crate::by_hand::protobuf::{self, MAX_FIELD, MAX_VARINT, Rule, WireType};
use crate::page::count;

/// How deep messages may be nested in one another; decoders, ours too, stop there.
pub const DEEPEST: usize = 100;

/// Names the bytes of a message: a message is made of fields, a field of a tag and a value, with a length in
/// front of some, and the value may be a message.
pub fn message(bytes: &[u8], of: Option<MessageType<'_>>) -> Vec<Span> {
    let mut lens = Lens { reader: Reader::new(bytes, Layer::Message, SPECIFICATION), depth: 0 };
    lens.message(bytes.len(), of);
    lens.reader.finish()
}

/// That what follows cannot be read; why, is noted.
struct Lost;

/// What a field is called as a whole, and what it says.
enum Value {
    /// As what was taken last.
    Last,
    /// This name, and this value.
    Other(String, String),
}

struct Lens<'a> {
    reader: Reader<'a>,
    depth: usize,
}

impl Lens<'_> {
    /// A message, which ends at `end`.
    fn message(&mut self, end: usize, of: Option<MessageType<'_>>) {
        let message = self.reader.open("message", "");
        while self.reader.at < end {
            let field = self.reader.open("field", "");
            let read = self.field(end, of);
            match &read {
                Ok(Value::Last) => self.reader.close_as_last(field),
                Ok(Value::Other(name, value)) => self.reader.close_as(field, name, value),
                Err(Lost) => self.reader.close(field, ""),
            }
            if read.is_err() {
                self.not_read(end);
            }
        }
        self.reader.close(message, of.map(MessageType::name).unwrap_or_default());
    }

    fn field(&mut self, end: usize, of: Option<MessageType<'_>>) -> Result<Value, Lost> {
        let tag = self.varint(end, "tag", |_| String::new())?;
        let number = tag >> 3;
        if number == 0 {
            return self.lost("0 is no field number");
        }
        if number > u64::from(MAX_FIELD) {
            return self.lost("field 2^29-1 at most");
        }
        let Some(wire_type) = WireType::from_number((tag & 7) as u8) else {
            return self.lost(&format!("there is no type {}", tag & 7));
        };
        if let WireType::SGroup | WireType::EGroup = wire_type {
            return self.lost(&format!("{}: deprecated", wire_type.name()));
        }
        let field = of.and_then(|of| of.field(number));
        let fits = |field: &FieldType<'_>| {
            field.wire_type() == wire_type || (wire_type == WireType::Len && field.can_be_packed())
        };
        self.reader.relabel(match (of, field) {
            (None, _) => format!("field {number}, {}", wire_type.name()),
            (Some(_), None) => format!("{number}, {}: unknown", wire_type.name()),
            (_, Some(field)) if !fits(&field) => {
                format!("{number}, {}: not {}", wire_type.name(), field.type_name())
            }
            (_, Some(field)) => format!("field {number}, {}: {}", wire_type.name(), field.type_name()),
        });
        match field.filter(fits) {
            Some(field) if wire_type == WireType::Len => self.known_len(end, field),
            Some(field) => self.known(end, field).map(|()| Value::Last),
            None => self.unknown(end, number, wire_type),
        }
    }

    /// What stands in a message in this one.
    fn inner(&mut self, end: usize, read: impl FnOnce(&mut Self)) {
        if self.depth == DEEPEST {
            self.reader.last_is_wrong("100 deep at most");
            return self.not_read(end);
        }
        self.depth += 1;
        read(self);
        self.depth -= 1;
    }

    fn varint(&mut self, end: usize, name: &str, value: impl FnOnce(u64) -> String) -> Result<u64, Lost> {
        let left = &self.reader.bytes[self.reader.at..end];
        match protobuf::varint(left) {
            Ok((number, size)) => {
                self.reader.take(size, name, |_| value(number));
                Ok(number)
            }
            Err(rule) => {
                let (size, rule) = match rule {
                    Rule::LargeVarint => (MAX_VARINT, "64 bits at most"),
                    Rule::LongVarint => (MAX_VARINT, "10 bytes at most"),
                    _ => (left.len(), ENDS),
                };
                self.take_or_last(size, name);
                self.lost(rule)
            }
        }
    }

    fn array<const N: usize>(
        &mut self,
        end: usize,
        name: &str,
        value: impl FnOnce([u8; N]) -> String,
    ) -> Result<(), Lost> {
        let left = &self.reader.bytes[self.reader.at..end];
        match left.first_chunk() {
            Some(bytes) => {
                self.reader.take(N, name, |_| value(*bytes));
                Ok(())
            }
            None => {
                self.take_or_last(left.len(), name);
                self.lost(ENDS)
            }
        }
    }

    fn length(&mut self, end: usize) -> Result<usize, Lost> {
        let length = self.varint(end, "length", |_| String::new())?;
        let left = end - self.reader.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                self.reader.relabel(count(length, "byte"));
                Ok(length)
            }
            _ => self.lost(&format!("{length}, and {left} are left")),
        }
    }

    /// The next `length` bytes; if that is none, what was taken last is the one to be marked.
    fn take_or_last(&mut self, length: usize, name: &str) {
        if length > 0 {
            self.reader.take(length, name, |_| String::new());
        }
    }

    /// What was taken last breaks `rule`.
    fn lost<T>(&mut self, rule: &str) -> Result<T, Lost> {
        self.reader.last_is_wrong(rule);
        Err(Lost)
    }

    fn not_read(&mut self, end: usize) {
        let left = end - self.reader.at;
        if left > 0 {
            self.reader.take(left, "the rest", |_| String::new());
            self.reader.last_is_wrong("cannot be read");
        }
    }
}

const ENDS: &str = "the message ends here";

/// Whose rules these are.
const SPECIFICATION: &str = "protobuf encoding";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stub::codec::{Codec, Protobuf};

    use super::*;
    use crate::by_hand::protobuf::Writer;
    use crate::lens::schema::Schema;
    use crate::lens::{check, leaves, outline};

    fn kv() -> Schema {
        Schema::kv().expect("the contract of the example service can be read")
    }

    fn says(bytes: &[u8], of: Option<MessageType<'_>>) -> Vec<String> {
        let spans = message(bytes, of);
        let leaves = outline(&spans).filter(|row| row.span.parts.is_empty());
        leaves.map(|row| format!("{}: {}", row.flat_name(), row.span.value)).collect()
    }

    /// What the lens says of bytes that break a rule, with and without a contract.
    fn broken(bytes: &[u8]) -> String {
        let wrong =
            |of| leaves(&message(bytes, of)).find(|span| span.is_wrong()).map(|span| span.value.clone());
        let schema = Schema::all_types();
        let [with, without] = [schema.message("t.All"), None].map(wrong);
        assert_eq!(with, without);
        with.unwrap_or_default()
    }

    #[test]
    fn with_the_contract_a_field_has_its_name_and_type() {
        let bytes = Writer::new().text(1, "hits").varint(2, -1_i64 as u64).finish();
        let expected = [
            "tag: field 1, LEN: string",
            "length: 4 bytes",
            "key: \"hits\"",
            "tag: field 2, VARINT: int64",
            "by: -1",
        ];
        assert_eq!(says(&bytes, kv().message("kv.IncrementRequest")), expected);
    }

    #[test]
    fn a_field_that_is_not_in_the_contract_is_unknown_and_one_of_another_type_is_said_to_be() {
        let schema = kv();
        let of = schema.message("kv.GetRequest");
        assert_eq!(says(b"\x48\x01", of), ["tag: 9, VARINT: unknown", "field 9: 1"]);
        assert_eq!(says(b"\x08\x01", of), ["tag: 1, VARINT: not string", "field 1: 1"]);
    }

    #[test]
    fn what_stands_in_another_message_is_marked_by_how_deep() {
        let schema = Schema::all_types();
        let inner = Writer::new().varint(8, 1).finish();
        let bytes = Writer::new().bytes(11, &inner).finish();
        let with = [
            "tag: field 11, LEN: All",
            "length: 2 bytes",
            "› tag: field 8, VARINT: bool",
            "› TYPE_BOOL: true",
        ];
        assert_eq!(says(&bytes, schema.message("t.All")), with);
        let without =
            ["tag: field 11, LEN", "length: 2 bytes, message?", "› tag: field 8, VARINT", "› field 8: 1"];
        assert_eq!(says(&bytes, None), without);
    }

    #[test]
    fn what_breaks_a_rule_is_shown_with_it() {
        for (bytes, rule) in [
            (&b"\x00\x01"[..], "0 is no field number"),
            (b"\x88\x80\x80\x80\x10\x01", "field 2^29-1 at most"),
            (b"\x0b\x0c", "SGROUP: deprecated"),
            (b"\x0c", "EGROUP: deprecated"),
            (b"\x0e", "there is no type 6"),
            (b"\x0f", "there is no type 7"),
            (b"\x4a\x03ab", "3, and 2 are left"),
            (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "10 bytes at most"),
            (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "64 bits at most"),
            (b"\x18", ENDS),
            (b"\x18\xff", ENDS),
            (b"\x0d\0\0\0", ENDS),
            (b"\x4a", ENDS),
        ] {
            assert_eq!(broken(bytes), rule, "{bytes:02x?}");
            assert!(rule.chars().count() <= 23, "{rule} is cut off on the page");
        }
        let schema = Schema::all_types();
        let says = says(b"\x4a\x01\xff", schema.message("t.All"));
        assert_eq!(says[2], "TYPE_STRING: not UTF-8");
    }

    #[test]
    fn what_follows_a_fault_cannot_be_read_but_a_message_in_another_has_an_end() {
        let schema = Schema::all_types();
        let bytes = Writer::new().bytes(11, b"\x0fxyz").varint(8, 1).finish();
        let says = says(&bytes, schema.message("t.All"));
        assert_eq!(says[2..4], ["› tag: there is no type 7", "› the rest: cannot be read"]);
        assert_eq!(says[4..], ["tag: field 8, VARINT: bool", "TYPE_BOOL: true"]);
    }

    #[test]
    fn messages_are_followed_to_where_a_decoder_stops() {
        let nested =
            |depth| (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| Writer::new().bytes(11, &inner).finish());
        let schema = Schema::all_types();
        let wrong = |depth| {
            let spans = message(&nested(depth), schema.message("t.All"));
            leaves(&spans).any(|span| span.value == "100 deep at most")
        };
        assert!(!wrong(DEEPEST));
        assert!(wrong(DEEPEST + 1));
    }

    /// Bytes that begin like fields more often than any bytes do.
    fn like_fields() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![any::<u8>(), 0..8_u8, (1..21_u8).prop_map(|number| number << 3 | 2)];
        prop::collection::vec(byte, 0..60)
    }

    proptest! {
        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in like_fields()) {
            let schema = Schema::all_types();
            for of in [schema.message("t.All"), None] {
                prop_assert_eq!(check(&message(&bytes, of), 0..bytes.len()), Ok(()));
            }
        }

        #[test]
        fn what_an_encoder_writes_breaks_no_rule(key in ".*", by in any::<i64>()) {
            let mut bytes = Vec::new();
            Protobuf.encode(&kv::proto::IncrementRequest { key, by }, &mut bytes).expect("it is encoded");
            let schema = kv();
            for of in [schema.message("kv.IncrementRequest"), None] {
                let spans = message(&bytes, of);
                prop_assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
                prop_assert!(leaves(&spans).all(|span| span.layer == Layer::Message), "{spans:?}");
            }
        }
    }
}
