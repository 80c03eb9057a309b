//! The lens on protobuf: <https://protobuf.dev/programming-guides/encoding/>.
//!
//! The bytes say of each field its number and how its value is written. What the field is called, and what
//! the value means, is in the contract only: with a [`MessageType`] the lens says that. Without one it says
//! what can be known. What it guesses then ends in a question mark.

use prost_types::field_descriptor_proto::Type;

use super::schema::{FieldType, MessageType};
use super::{Layer, Reader, Span, quoted};
use crate::by_hand::protobuf::{self, MAX_FIELD, MAX_VARINT, Rule, WireType, unzigzag};
use crate::page::count;

/// How deep messages may be nested in one another; decoders, ours too, stop there.
pub const DEEPEST: usize = 100;

/// Names the bytes of a message. What stands in another message is marked by `›`, once for each level.
pub fn message(bytes: &[u8], of: Option<MessageType<'_>>) -> Vec<Span> {
    let mut lens = Lens { reader: Reader::new(bytes, Layer::Message, SPECIFICATION), depth: 0 };
    lens.message(bytes.len(), of);
    lens.reader.spans
}

/// That what follows cannot be read; why, is noted.
struct Lost;

struct Lens<'a> {
    reader: Reader<'a>,
    depth: usize,
}

impl Lens<'_> {
    /// A message, which ends at `end`.
    fn message(&mut self, end: usize, of: Option<MessageType<'_>>) {
        while self.reader.at < end {
            if let Err(Lost) = self.field(end, of) {
                return self.not_read(end);
            }
        }
    }

    fn field(&mut self, end: usize, of: Option<MessageType<'_>>) -> Result<(), Lost> {
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
            Some(field) => self.known(end, field),
            None => self.unknown(end, number, wire_type),
        }
    }

    /// What stands behind a length, in a field of the contract.
    fn known_len(&mut self, end: usize, field: FieldType<'_>) -> Result<(), Lost> {
        let length = self.length(end)?;
        let end = self.reader.at + length;
        match field.of() {
            Type::Message => {
                let of = field.message();
                self.inner(end, |lens| lens.message(end, of));
            }
            Type::String if length > 0 => {
                let name = self.name(field.name());
                let text = self.reader.take(length, &name, quoted);
                if std::str::from_utf8(text).is_err() {
                    self.reader.last_is_wrong("not UTF-8");
                }
            }
            Type::Bytes if length > 0 => {
                let name = self.name(field.name());
                self.reader.take(length, &name, |bytes| count(bytes.len(), "byte"));
            }
            Type::String | Type::Bytes => {}
            _ => {
                while self.reader.at < end {
                    if let Err(Lost) = self.known(end, field) {
                        self.not_read(end);
                    }
                }
            }
        }
        Ok(())
    }

    /// A number, in a field of the contract.
    fn known(&mut self, end: usize, field: FieldType<'_>) -> Result<(), Lost> {
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

    /// A value of which nothing is known but how it is written.
    fn unknown(&mut self, end: usize, number: u64, wire_type: WireType) -> Result<(), Lost> {
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
                    _ if length == 0 => {}
                    Guess::Message if self.depth < DEEPEST => {
                        self.reader.relabel(format!("{}, message?", count(length, "byte")));
                        self.inner(end, |lens| lens.message(end, None));
                    }
                    Guess::Text => {
                        let name = self.name(&name(" text?"));
                        self.reader.take(length, &name, quoted);
                    }
                    Guess::Message | Guess::Bytes => {
                        let name = self.name(&name(" bytes"));
                        self.reader.take(length, &name, |bytes| count(bytes.len(), "byte"));
                    }
                }
            }
        }
        Ok(())
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
        let name = self.name(name);
        match protobuf::varint(left) {
            Ok((number, size)) => {
                self.reader.take(size, &name, |_| value(number));
                Ok(number)
            }
            Err(rule) => {
                let (size, rule) = match rule {
                    Rule::LargeVarint => (MAX_VARINT, "64 bits at most"),
                    Rule::LongVarint => (MAX_VARINT, "10 bytes at most"),
                    _ => (left.len(), ENDS),
                };
                self.take_or_last(size, &name);
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
        let name = self.name(name);
        let left = &self.reader.bytes[self.reader.at..end];
        match left.first_chunk() {
            Some(bytes) => {
                self.reader.take(N, &name, |_| value(*bytes));
                Ok(())
            }
            None => {
                self.take_or_last(left.len(), &name);
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

    /// A better name and value for what was taken last.
    fn guess(&mut self, name: &str, value: String) {
        let name = self.name(name);
        if let Some(last) = self.reader.last() {
            (last.name, last.value) = (name, value);
        }
    }

    /// `name`, marked by how deep it stands.
    fn name(&self, name: &str) -> String {
        match self.depth {
            0 => name.to_owned(),
            depth @ 1..=2 => format!("{} {name}", "›".repeat(depth)),
            depth => format!("›{depth} {name}"),
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

const ENDS: &str = "the message ends here";

/// Whose rules these are.
const SPECIFICATION: &str = "protobuf encoding";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_types::field_descriptor_proto::Label;
    use prost_types::{
        DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
        FileDescriptorProto, FileDescriptorSet,
    };
    use stub::codec::{Codec, Protobuf};

    use super::*;
    use crate::by_hand::protobuf::{Writer, zigzag};
    use crate::lens::schema::Schema;

    fn kv() -> Schema {
        Schema::kv().expect("the contract of the example service can be read")
    }

    /// A message `t.All` with a field for each type, named after it, at the number that the type has in
    /// descriptor.proto; field 20 is a list of `sint32`.
    fn all_types() -> Schema {
        let field = |number: i32, name: &str, of: Type, label: Label| FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            r#type: Some(of.into()),
            label: Some(label.into()),
            type_name: match of {
                Type::Message => Some(".t.All".to_owned()),
                Type::Enum => Some(".t.All.Color".to_owned()),
                _ => None,
            },
            ..Default::default()
        };
        let of = |number: i32| Type::try_from(number).expect("a type");
        let one = (1..=18).map(|number| field(number, of(number).as_str_name(), of(number), Label::Optional));
        let red =
            EnumValueDescriptorProto { name: Some("RED".to_owned()), number: Some(1), ..Default::default() };
        let color =
            EnumDescriptorProto { name: Some("Color".to_owned()), value: vec![red], ..Default::default() };
        let all = DescriptorProto {
            name: Some("All".to_owned()),
            field: one.chain([field(20, "list", Type::Sint32, Label::Repeated)]).collect(),
            enum_type: vec![color],
            ..Default::default()
        };
        let package = Some("t".to_owned());
        let file = FileDescriptorProto { package, message_type: vec![all], ..Default::default() };
        Schema::new(&FileDescriptorSet { file: vec![file] })
    }

    fn says(bytes: &[u8], of: Option<MessageType<'_>>) -> Vec<String> {
        message(bytes, of).into_iter().map(|span| format!("{}: {}", span.name, span.value)).collect()
    }

    /// What the lens says of bytes that break a rule, with and without a contract.
    fn broken(bytes: &[u8]) -> String {
        let wrong = |of| message(bytes, of).into_iter().find(|span| span.layer == Layer::Wrong);
        let schema = all_types();
        let [with, without] = [schema.message("t.All"), None].map(|of| wrong(of).map(|span| span.value));
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
    fn without_it_a_field_is_a_number_and_a_guess_is_marked_as_one() {
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
        assert_eq!(says(&bytes, None), expected);
    }

    #[test]
    fn a_contract_knows_what_its_methods_take_and_return() {
        let schema = kv();
        let names = |path| schema.method(path).map(|(request, reply)| (request.name(), reply.name()));
        assert_eq!(names("/kv.Kv/Sync"), Some(("Change", "Change")));
        assert_eq!(names("/kv.Kv/Nothing"), None);
        assert_eq!(schema.paths().count(), 7);
    }

    #[test]
    fn a_field_that_is_not_in_the_contract_is_unknown_and_one_of_another_type_is_said_to_be() {
        let schema = kv();
        let of = schema.message("kv.GetRequest");
        assert_eq!(says(b"\x48\x01", of), ["tag: 9, VARINT: unknown", "field 9: 1"]);
        assert_eq!(says(b"\x08\x01", of), ["tag: 1, VARINT: not string", "field 1: 1"]);
    }

    #[test]
    fn every_type_is_shown_as_what_it_is() {
        let schema = all_types();
        let shown = |writer: Writer| {
            let spans = message(&writer.finish(), schema.message("t.All"));
            assert!(spans.iter().all(|span| span.layer == Layer::Message), "{spans:?}");
            spans.last().map(|span| span.value.clone()).unwrap_or_default()
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
        let schema = all_types();
        let of = schema.message("t.All");
        let packed = Writer::new().packed(20, [1, -1].map(zigzag)).finish();
        let expected =
            ["tag: field 20, LEN: sint32", "length: 2 bytes", "list: 1, sent as 2", "list: -1, sent as 1"];
        assert_eq!(says(&packed, of), expected);
        let single = Writer::new().varint(20, zigzag(1)).finish();
        assert_eq!(says(&single, of), ["tag: field 20, VARINT: sint32", "list: 1, sent as 2"]);
    }

    #[test]
    fn what_stands_in_another_message_is_marked_by_how_deep() {
        let schema = all_types();
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
        let schema = all_types();
        let says = says(b"\x4a\x01\xff", schema.message("t.All"));
        assert_eq!(says[2], "TYPE_STRING: not UTF-8");
    }

    #[test]
    fn what_follows_a_fault_cannot_be_read_but_a_message_in_another_has_an_end() {
        let schema = all_types();
        let bytes = Writer::new().bytes(11, b"\x0fxyz").varint(8, 1).finish();
        let says = says(&bytes, schema.message("t.All"));
        assert_eq!(says[2..4], ["› tag: there is no type 7", "the rest: cannot be read"]);
        assert_eq!(says[4..], ["tag: field 8, VARINT: bool", "TYPE_BOOL: true"]);
    }

    #[test]
    fn messages_are_followed_to_where_a_decoder_stops() {
        let nested =
            |depth| (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| Writer::new().bytes(11, &inner).finish());
        let schema = all_types();
        let wrong = |depth| {
            let spans = message(&nested(depth), schema.message("t.All"));
            spans.into_iter().any(|span| span.value == "100 deep at most")
        };
        assert!(!wrong(DEEPEST));
        assert!(wrong(DEEPEST + 1));
    }

    fn assert_every_byte_has_one_span(bytes: &[u8], spans: &[Span]) {
        let mut at = 0;
        for span in spans {
            assert_eq!(span.range.start, at, "no gap and no overlap before {span:?}");
            assert!(!span.range.is_empty(), "{span:?}");
            at = span.range.end;
        }
        assert_eq!(at, bytes.len());
    }

    /// Bytes that begin like fields more often than any bytes do.
    fn like_fields() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![any::<u8>(), 0..8_u8, (1..21_u8).prop_map(|number| number << 3 | 2)];
        prop::collection::vec(byte, 0..60)
    }

    proptest! {
        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in like_fields()) {
            let schema = all_types();
            for of in [schema.message("t.All"), None] {
                assert_every_byte_has_one_span(&bytes, &message(&bytes, of));
            }
        }

        #[test]
        fn what_an_encoder_writes_breaks_no_rule(key in ".*", by in any::<i64>()) {
            let mut bytes = Vec::new();
            Protobuf.encode(&kv::proto::IncrementRequest { key, by }, &mut bytes).expect("it is encoded");
            let schema = kv();
            for of in [schema.message("kv.IncrementRequest"), None] {
                let spans = message(&bytes, of);
                assert_every_byte_has_one_span(&bytes, &spans);
                prop_assert!(spans.iter().all(|span| span.layer == Layer::Message), "{spans:?}");
            }
        }
    }
}
