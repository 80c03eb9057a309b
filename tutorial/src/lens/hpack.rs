//! The lens on HPACK: the fields of one block, by RFC 7541.
//!
//! A block says only what is new, so the lens needs what came before: a [`Table`] for each direction. It
//! keeps that by itself. From `http2` it takes nothing but what a decoder says of a single field, for the
//! static table and for Huffman code.

use std::collections::VecDeque;
use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use http2::hpack::{DEFAULT_TABLE_SIZE, Decoder, Encoder, Field, FieldList, Fields};

use super::{LONGEST_TEXT, Layer, Reader, Span, quoted};
use crate::page::count;

/// The dynamic table of one direction (RFC 7541 §2.3.2): fields that were sent, the newest first.
#[derive(Clone, Debug)]
pub struct Table {
    fields: VecDeque<Field>,
    size: usize,
    max_size: usize,
    /// What the other side lets it become.
    allowed: usize,
}

impl Table {
    /// An empty table of 4,096 bytes.
    pub fn new() -> Self {
        Self { fields: VecDeque::new(), size: 0, max_size: DEFAULT_TABLE_SIZE, allowed: DEFAULT_TABLE_SIZE }
    }

    /// Takes note that a size up to this one may be chosen (SETTINGS_HEADER_TABLE_SIZE of the other side).
    pub fn allow(&mut self, size: usize) {
        self.allowed = self.allowed.max(size);
    }

    /// The fields with their indices, the newest first.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &Field)> {
        (STATIC_FIELDS + 1..).zip(&self.fields)
    }

    /// What the fields count: each its bytes, and 32 (RFC 7541 §4.1).
    pub fn size(&self) -> usize {
        self.size
    }

    /// What they may count.
    pub fn max_size(&self) -> usize {
        self.max_size
    }

    /// The field at an index, of this table or of the static one.
    pub fn field(&self, index: usize) -> Option<Field> {
        match index.checked_sub(STATIC_FIELDS + 1) {
            Some(at) => self.fields.get(at).cloned(),
            None => STATIC_TABLE.get(index).cloned().flatten(),
        }
    }

    fn insert(&mut self, field: Field) {
        self.size += field.size();
        self.fields.push_front(field);
        self.evict();
    }

    fn resize(&mut self, max_size: usize) {
        self.max_size = max_size;
        self.evict();
    }

    /// The oldest fields leave until the others fit (RFC 7541 §4.3, §4.4).
    fn evict(&mut self) {
        while self.size > self.max_size {
            self.size -= self.fields.pop_back().map_or(self.size, |field| field.size());
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

/// Names the bytes of one field block, and changes the table as the block says.
pub fn block(bytes: &[u8], table: &mut Table) -> Vec<Span> {
    fields(bytes, table).0
}

/// The same, with the fields that the block says.
pub fn fields(bytes: &[u8], table: &mut Table) -> (Vec<Span>, Vec<Field>) {
    let mut reader = Reader::new(bytes, Layer::Fields, SPECIFICATION);
    let mut fields = Vec::new();
    let block = reader.open("field block", "§3");
    let mut at_the_beginning = true;
    while let Some(first) = bytes.get(reader.at).copied() {
        let taken = match first {
            0b1000_0000.. => indexed(&mut reader, table),
            0b0100_0000.. => literal(&mut reader, table, 6, "literal, kept", "§6.2.1"),
            0b0010_0000.. => size_update(&mut reader, table, at_the_beginning).map(|()| None),
            0b0001_0000.. => literal(&mut reader, table, 4, "literal, secret", "§6.2.3"),
            _ => literal(&mut reader, table, 4, "literal, unkept", "§6.2.2"),
        };
        match taken {
            Ok(field) => fields.extend(field),
            Err(rule) => {
                reader.wrong(&rule);
                break;
            }
        }
        at_the_beginning &= first & 0b1110_0000 == 0b0010_0000;
    }
    reader.close(block, "");
    (reader.finish(), fields)
}

/// One letter of Huffman code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The letter. `None`: what is left are bits of padding, or of a code that is not looked for.
    pub letter: Option<char>,
    /// Its bits.
    pub bits: String,
}

/// Reads Huffman code bit by bit (RFC 7541 §5.2, appendix B), as far as its letters are the usual ones:
/// those with a code shorter than a byte.
pub fn huffman(coded: &[u8]) -> Vec<Letter> {
    let bits: String = coded.iter().map(|byte| format!("{byte:08b}")).collect();
    let codes: Vec<_> = (' '..='~').filter_map(|letter| Some((letter, code(letter)?))).collect();
    let mut letters = Vec::new();
    let mut rest = &bits[..];
    // No code is the beginning of another one, so at most one of them fits.
    while let Some((letter, code)) = codes.iter().find(|(_, code)| rest.starts_with(code)) {
        letters.push(Letter { letter: Some(*letter), bits: code.clone() });
        rest = &rest[code.len()..];
    }
    if !rest.is_empty() {
        letters.push(Letter { letter: None, bits: rest.to_owned() });
    }
    letters
}

/// The code of a letter, if it is shorter than a byte. Eight times the same letter takes as many bytes as
/// its code has bits.
fn code(letter: char) -> Option<String> {
    let fields = Fields::new([("x".to_owned(), letter.to_string().repeat(8))]);
    let mut block = BytesMut::new();
    Encoder::new().encode(&fields, &mut block);
    // A literal with a new name: 40, 01 and the name, then the value.
    let (length, coded) = block.get(3..)?.split_first()?;
    let is_huffman = length & 0x80 != 0;
    let bits: String = coded.iter().map(|byte| format!("{byte:08b}")).collect();
    is_huffman.then(|| bits[..coded.len()].to_owned())
}

/// An indexed field (RFC 7541 §6.1).
fn indexed(reader: &mut Reader<'_>, table: &Table) -> Result<Option<Field>, String> {
    let index = integer(reader, 7, "indexed")?;
    reader.note("§6.1");
    let field = find(index, table);
    if let Some(last) = reader.last() {
        last.name = format!("indexed {index}");
    }
    // What is wrong is the index itself, not what follows it.
    match &field {
        Ok(field) => reader.relabel(shown(field)),
        Err(rule) => reader.last_is_wrong(rule),
    }
    Ok(field.ok())
}

/// A literal field (RFC 7541 §6.2): with incremental indexing, without indexing, or never indexed.
fn literal(
    reader: &mut Reader<'_>,
    table: &mut Table,
    prefix: u32,
    name: &str,
    section: &str,
) -> Result<Option<Field>, String> {
    // Where it breaks a rule, what is left is a part of it.
    let literal = reader.open("literal field", section);
    let index = integer(reader, prefix, name)?;
    let field_name = if index == 0 {
        reader.relabel("a new name".to_owned());
        Some(string(reader, "name")?)
    } else {
        match find(index, table) {
            Ok(field) => {
                reader.relabel(format!("name {index}: {}", text(&field.name)));
                Some(field.name)
            }
            Err(rule) => {
                reader.last_is_wrong(&rule);
                None
            }
        }
    };
    let value = string(reader, "value")?;
    let field = field_name.map(|name| Field::new(name, value));
    reader.close(literal, field.as_ref().map(shown).unwrap_or_default());
    if prefix == 6 {
        field.iter().cloned().for_each(|field| table.insert(field));
    }
    Ok(field)
}

/// A change of the table's size (RFC 7541 §6.3).
fn size_update(reader: &mut Reader<'_>, table: &mut Table, at_the_beginning: bool) -> Result<(), String> {
    let size = integer(reader, 5, "table size")?;
    reader.note("§6.3");
    if !at_the_beginning {
        reader.last_is_wrong("§4.2: behind a field");
    } else if size > table.allowed {
        reader.last_is_wrong("§6.3: above what may be");
    } else {
        reader.relabel(count(size, "byte"));
        table.resize(size);
    }
    Ok(())
}

/// A string (RFC 7541 §5.2): its length, then its bytes, perhaps in Huffman code.
fn string(reader: &mut Reader<'_>, name: &str) -> Result<Bytes, String> {
    let start = reader.at;
    let is_huffman = reader.bytes.get(start).is_some_and(|first| first & 0x80 != 0);
    let length = integer(reader, 7, "length")?;
    reader.relabel(if is_huffman { format!("{length}, Huffman code") } else { length.to_string() });
    reader.note("§5.2");
    if length > reader.left() {
        return Err("§5.2: more than is here".to_owned());
    }
    if length == 0 {
        return Ok(Bytes::new());
    }
    // As the value of a field whose name is x.
    let field = [b"\0\x01x", &reader.bytes[start..reader.at + length]].concat();
    let Some(field) = single(&field) else {
        reader.take(length, name, |_| String::new());
        reader.last_is_wrong("§5.2: not Huffman code");
        return Ok(Bytes::new());
    };
    reader.take(length, name, |_| quoted(&field.value));
    Ok(field.value)
}

/// An integer whose first byte it shares with other bits (RFC 7541 §5.1).
fn integer(reader: &mut Reader<'_>, prefix: u32, name: &str) -> Result<usize, String> {
    let most = (1 << prefix) - 1;
    let mut bytes = reader.bytes[reader.at..].iter().copied();
    let first = bytes.next().ok_or("§5: the block ends here")?;
    let mut value = usize::from(first) & most;
    let mut length = 1;
    let mut goes_on = value == most;
    while goes_on {
        if length == 5 {
            return Err("§5.1: too long a number".to_owned());
        }
        let byte = bytes.next().ok_or("§5: the block ends here")?;
        value += usize::from(byte & 0x7f) << (7 * (length - 1));
        length += 1;
        goes_on = byte & 0x80 != 0;
    }
    reader.take(length, name, |_| value.to_string());
    Ok(value)
}

/// The field at an index, or the rule that it breaks.
fn find(index: usize, table: &Table) -> Result<Field, String> {
    if index == 0 {
        return Err("§6.1: 0 is no index".to_owned());
    }
    table.field(index).ok_or_else(|| "§2.3.3: no such field".to_owned())
}

/// What a block of one field says, that needs no table.
fn single(block: &[u8]) -> Option<Field> {
    match Decoder::new(1 << 28, 1).decode(block) {
        Ok(FieldList::Fields(fields)) => fields.first().cloned(),
        _ => None,
    }
}

fn shown(field: &Field) -> String {
    format!("{}: {}", text(&field.name), text(&field.value))
}

/// Text as it is, but for what would move the cursor of a terminal; of a long one the beginning.
fn text(bytes: &[u8]) -> String {
    let beginning = &bytes[..bytes.len().min(LONGEST_TEXT)];
    let text = String::from_utf8_lossy(beginning);
    text.chars().map(|letter| if letter.is_control() { '·' } else { letter }).collect()
}

/// The static table, by its indices.
static STATIC_TABLE: LazyLock<Vec<Option<Field>>> =
    LazyLock::new(|| (0..=STATIC_FIELDS).map(|index| single(&[0x80 | index as u8])).collect());

/// How many fields the static table has (RFC 7541, appendix A).
const STATIC_FIELDS: usize = 61;

/// Whose rules these are.
const SPECIFICATION: &str = "RFC 7541";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, leaves, outline};

    fn says(bytes: &[u8], table: &mut Table) -> Vec<String> {
        leaves(&block(bytes, table)).map(|span| format!("{}: {}", span.name, span.value)).collect()
    }

    /// What the lens says of a block that breaks a rule.
    fn broken(bytes: &[u8]) -> String {
        let spans = block(bytes, &mut Table::new());
        leaves(&spans).find(|span| span.is_wrong()).map(|span| span.value.clone()).unwrap_or_default()
    }

    #[test]
    fn rfc7541_c_2_1_a_literal_with_a_new_name_enters_the_table() {
        let mut table = Table::new();
        let spans = says(b"\x40\x0acustom-key\x0dcustom-header", &mut table);
        let expected = [
            "literal, kept: a new name",
            "length: 10",
            "name: \"custom-key\"",
            "length: 13",
            "value: \"custom-header\"",
        ];
        assert_eq!(spans, expected);
        assert_eq!(table.field(62), Some(Field::new("custom-key", "custom-header")));
        assert_eq!(table.size(), 55);
    }

    #[test]
    fn rfc7541_c_2_2_and_3_other_literals_do_not() {
        let mut table = Table::new();
        assert_eq!(says(b"\x04\x0c/sample/path", &mut table)[0], "literal, unkept: name 4: :path");
        assert_eq!(says(b"\x10\x08password\x06secret", &mut table)[0], "literal, secret: a new name");
        assert_eq!(table.size(), 0);
    }

    #[test]
    fn rfc7541_c_2_4_an_index_stands_for_a_whole_field() {
        assert_eq!(says(&[0x82], &mut Table::new()), ["indexed 2: :method: GET"]);
    }

    #[test]
    fn rfc7541_c_4_1_huffman_code_is_letters_of_5_to_8_bits() {
        let coded = b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let text: String = huffman(coded).iter().filter_map(|letter| letter.letter).collect();
        assert_eq!(text, "www.example.com");
    }

    #[test]
    fn what_breaks_a_rule_is_shown_with_it() {
        let long = [&b"\x40\x01x\x7f\x81\x01"[..], &[b'z'; 100]].concat();
        for (bytes, rule) in [
            (&b"\x80"[..], "§6.1: 0 is no index"),
            (b"\xbe", "§2.3.3: no such field"),
            (b"\x7e\x01x", "§2.3.3: no such field"),
            (b"\x40", "§5: the block ends here"),
            (b"\x40\x01x", "§5: the block ends here"),
            (&long, "§5.2: more than is here"),
            (b"\xff\xff\xff\xff\xff\x01", "§5.1: too long a number"),
            (b"\x40\x01x\x81\x00", "§5.2: not Huffman code"),
            (b"\x82\x20", "§4.2: behind a field"),
            (b"\x3f\xe2\x1f", "§6.3: above what may be"),
        ] {
            assert_eq!(broken(bytes), rule, "{bytes:02x?}");
            assert!(rule.chars().count() <= 23, "{rule} is cut off on the page");
        }
    }

    #[test]
    fn a_new_size_makes_the_oldest_fields_leave() {
        let mut table = Table::new();
        block(b"\x40\x01a\x01b\x40\x01c\x01d", &mut table);
        assert_eq!(says(b"\x3f\x09", &mut table), ["table size: 40 bytes"]);
        assert_eq!(table.rows().collect::<Vec<_>>(), [(62, &Field::new("c", "d"))]);
    }

    #[test]
    fn a_block_is_its_fields_and_a_literal_field_its_name_and_its_value() {
        let spans = block(b"\x82\x40\x01a\x01b", &mut Table::new());
        let rows: Vec<_> =
            outline(&spans).map(|row| (row.depth, row.span.value.as_str(), row.note)).collect();
        let literal = "RFC 7541 §6.2.1";
        let expected = [
            (0, "", "RFC 7541 §3"),
            (1, ":method: GET", "RFC 7541 §6.1"),
            (1, "a: b", literal),
            (2, "a new name", literal),
            (2, "1", "RFC 7541 §5.2"),
            (2, "\"a\"", literal),
            (2, "1", "RFC 7541 §5.2"),
            (2, "\"b\"", literal),
        ];
        assert_eq!(rows, expected);
    }

    fn field() -> impl Strategy<Value = Field> {
        let name = prop::sample::select(vec![":path", ":status", "te", "accept", "x-secret"]);
        let text = prop::sample::select(vec!["", "/", "200", "trailers", "/kv.Kv/Get", "\u{e4}~^"]);
        (name, text, any::<bool>()).prop_map(|(name, value, sensitive)| {
            let field = Field::new(name, value);
            Field { sensitive, ..field }
        })
    }

    proptest! {
        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let spans = block(&bytes, &mut Table::new());
            prop_assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
        }

        #[test]
        fn what_an_encoder_writes_breaks_no_rule_and_leaves_the_table_of_a_decoder(
            blocks in prop::collection::vec(prop::collection::vec(field(), 0..6), 1..5),
        ) {
            let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1 << 14, 100));
            let mut table = Table::new();
            for fields in blocks {
                let mut bytes = BytesMut::new();
                encoder.encode(&fields.into(), &mut bytes);
                let spans = block(&bytes, &mut table);
                prop_assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
                prop_assert!(outline(&spans).all(|row| row.span.layer == Layer::Fields), "{spans:?}");
                prop_assert!(decoder.decode(&bytes).is_ok());
            }
            for (index, field) in table.rows() {
                let by_index = Ok(FieldList::Fields(vec![field.clone()].into()));
                prop_assert_eq!(decoder.decode(&[0x80 | index as u8]), by_index);
            }
            let behind = 0x80 | (STATIC_FIELDS + 1 + table.rows().count()) as u8;
            prop_assert!(decoder.decode(&[behind]).is_err());
        }
    }
}
