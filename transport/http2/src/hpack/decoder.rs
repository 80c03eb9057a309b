//! Bytes to fields (RFC 7541 §3, §6).

use bytes::{Bytes, BytesMut};

use super::table::Table;
use super::{DEFAULT_TABLE_SIZE, Field, Fields, HpackError, huffman, integer};

/// Decodes the field blocks of one direction of a connection, in their order.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// The largest table this side has allowed.
    allowed: usize,
    /// That was lowered below the table's size: the next block has to begin with a change.
    change_due: bool,
    max_list_size: usize,
    max_fields: usize,
}

/// The fields of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldList {
    /// All of them, in order.
    Fields(Fields),
    /// There were more than allowed. The table is as it must be, and the connection goes on.
    TooLarge,
}

impl Decoder {
    /// A decoder whose lists have at most `max_fields` fields, which count at most `max_list_size`
    /// (RFC 9113 §6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE).
    pub fn new(max_list_size: usize, max_fields: usize) -> Self {
        Self {
            table: Table::new(),
            allowed: DEFAULT_TABLE_SIZE,
            change_due: false,
            max_list_size,
            max_fields,
        }
    }

    /// Allows the peer's encoder another table size, from the moment at which it has acknowledged the
    /// settings that say so (RFC 9113 §4.3.1).
    pub fn allow_table_size(&mut self, size: usize) {
        self.allowed = size;
        self.change_due = size < self.table.max_size();
    }

    /// How often the table was changed. As long as that stays the same, a block that has been decoded once
    /// says the same again. `None`: the next block has to be decoded, because it must begin with a change.
    pub fn changes(&self) -> Option<u64> {
        (!self.change_due).then(|| self.table.changes())
    }

    /// Decodes one whole field block.
    ///
    /// # Errors
    /// When the block is none, or has more than four times what is allowed. The connection cannot go on
    /// then: the tables of its two ends differ.
    pub fn decode(&mut self, mut block: &[u8]) -> Result<FieldList, HpackError> {
        let mut list = List { fields: Vec::new(), count: 0, size: 0 };
        while let Some(first) = block.first().copied() {
            if first & 0b1110_0000 == 0b0010_0000 {
                self.size_update(&mut block, list.count == 0)?;
                continue;
            }
            if self.change_due {
                return Err(HpackError::SizeUpdateMissing);
            }
            let field = self.field(first, &mut block)?;
            list.push(field, self)?;
        }
        Ok(list.finish(self))
    }

    /// A change of the table's size (RFC 7541 §6.3).
    fn size_update(&mut self, block: &mut &[u8], at_the_beginning: bool) -> Result<(), HpackError> {
        if !at_the_beginning {
            return Err(HpackError::SizeUpdatePlace);
        }
        let size = integer::decode(block, 5)?;
        if size > self.allowed {
            return Err(HpackError::SizeUpdateTooLarge { size, allowed: self.allowed });
        }
        self.table.resize(size);
        self.change_due = false;
        Ok(())
    }

    /// A field, whose first byte says how it is represented.
    fn field(&mut self, first: u8, block: &mut &[u8]) -> Result<Field, HpackError> {
        if first & 0b1000_0000 != 0 {
            // Indexed (RFC 7541 §6.1).
            return self.table.field(integer::decode(block, 7)?);
        }
        if first & 0b0100_0000 != 0 {
            // Literal with incremental indexing (§6.2.1).
            let field = self.literal(block, 6)?;
            self.table.insert(field.clone());
            return Ok(field);
        }
        // Literal without indexing (§6.2.2), or never indexed (§6.2.3).
        let sensitive = first & 0b0001_0000 != 0;
        Ok(Field { sensitive, ..self.literal(block, 4)? })
    }

    fn literal(&self, block: &mut &[u8], prefix: u32) -> Result<Field, HpackError> {
        let name = match integer::decode(block, prefix)? {
            0 => string(block)?,
            index => self.table.field(index)?.name,
        };
        Ok(Field::new(name, string(block)?))
    }
}

/// A string literal (RFC 7541 §5.2). No more is allocated than the block has bytes for: Huffman code
/// grows by 8/5 at most.
fn string(block: &mut &[u8]) -> Result<Bytes, HpackError> {
    let is_huffman = block.first().is_some_and(|first| first & 0b1000_0000 != 0);
    let length = integer::decode(block, 7)?;
    let (text, rest) = block.split_at_checked(length).ok_or(HpackError::Truncated)?;
    *block = rest;
    if !is_huffman {
        return Ok(Bytes::copy_from_slice(text));
    }
    let mut decoded = BytesMut::with_capacity(length * 8 / 5);
    huffman::decode(text, &mut decoded)?;
    Ok(decoded.freeze())
}

/// A list while it grows. Past the limits, fields are counted and not kept.
struct List {
    fields: Vec<Field>,
    count: usize,
    size: usize,
}

impl List {
    fn push(&mut self, field: Field, limits: &Decoder) -> Result<(), HpackError> {
        self.count += 1;
        self.size += field.size();
        if self.count > limits.max_fields.saturating_mul(4)
            || self.size > limits.max_list_size.saturating_mul(4)
        {
            return Err(HpackError::ListTooLarge);
        }
        if self.is_allowed(limits) {
            self.fields.push(field);
        }
        Ok(())
    }

    fn finish(self, limits: &Decoder) -> FieldList {
        if self.is_allowed(limits) { FieldList::Fields(self.fields.into()) } else { FieldList::TooLarge }
    }

    fn is_allowed(&self, limits: &Decoder) -> bool {
        self.count <= limits.max_fields && self.size <= limits.max_list_size
    }
}

#[cfg(test)]
impl Decoder {
    /// What the dynamic table counts, and its fields.
    pub(super) fn table(&self) -> (usize, Vec<(String, String)>) {
        self.table.contents()
    }

    pub(super) fn resize_table(&mut self, size: usize) {
        self.table.resize(size);
    }
}
