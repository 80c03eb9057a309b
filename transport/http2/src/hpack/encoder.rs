//! Fields to bytes (RFC 7541 §6).

use bytes::{BufMut, BytesMut};

use super::table::{Found, Table};
use super::{DEFAULT_TABLE_SIZE, Field, Fields, Identity, huffman, integer};
use crate::recent::Recent;

/// Encodes the field blocks of one direction of a connection, in the order in which they are sent.
///
/// Every field that is not sensitive enters the table, so that a list sent again takes one byte a field
/// as long as the table holds it. And a list that is a clone of one sent before is not even looked up
/// again: its block is kept.
#[derive(Debug)]
pub struct Encoder {
    table: Table,
    /// The smallest and the last size that the peer has allowed since the last block.
    change: Option<(usize, usize)>,
    /// The last lists whose blocks change nothing in the table.
    sent: Recent<Sent>,
}

/// A list that was sent, and its block, which is right as long as the table is what it was.
#[derive(Debug)]
struct Sent {
    list: Identity,
    changes: u64,
    block: Box<[u8]>,
}

impl Encoder {
    /// An encoder with an empty table.
    pub fn new() -> Self {
        Self { table: Table::new(), change: None, sent: Recent::default() }
    }

    /// Keeps to the table size that the peer allows (SETTINGS_HEADER_TABLE_SIZE). The table is never
    /// made larger than 4,096: that is enough, and the memory is this side's.
    pub fn allow_table_size(&mut self, size: usize) {
        let size = size.min(DEFAULT_TABLE_SIZE);
        if size == self.table.max_size() && self.change.is_none() {
            return;
        }
        let smallest = self.change.map_or(size, |(smallest, _)| smallest.min(size));
        self.change = Some((smallest, size));
        self.table.resize(size);
    }

    /// Appends the field block of `fields` to `dst`.
    pub fn encode(&mut self, fields: &Fields, dst: &mut BytesMut) {
        let changes = self.table.changes();
        if self.change.is_none()
            && let Some(sent) = self.sent.find(|sent| sent.changes == changes && sent.list.is_that_of(fields))
        {
            return dst.put_slice(&sent.block);
        }
        let start = dst.len();
        self.change_size(dst);
        fields.iter().for_each(|field| self.field(field, dst));
        let block = &dst[start..];
        if self.table.changes() == changes && block.len() <= MAX_KEPT {
            self.sent.push(Sent { list: fields.identity(), changes, block: block.into() });
        }
    }

    /// Tells the peer's decoder that the table's size was changed.
    fn change_size(&mut self, dst: &mut BytesMut) {
        if let Some((smallest, last)) = self.change.take() {
            // Both, if it was smaller in between: it was emptied then (RFC 7541 §4.2).
            if smallest < last {
                integer::encode(smallest, 5, 0b0010_0000, dst);
            }
            integer::encode(last, 5, 0b0010_0000, dst);
        }
    }

    fn field(&mut self, field: &Field, dst: &mut BytesMut) {
        let found = self.table.find(field);
        if let Found::Field(index) = found
            && !field.sensitive
        {
            return integer::encode(index, 7, 0b1000_0000, dst);
        }
        let (prefix, high) = if field.sensitive {
            (4, 0b0001_0000)
        } else if field.volatile || field.size() > self.table.max_size() {
            // One that is too large would empty the table, and not be in it.
            (4, 0b0000_0000)
        } else {
            (6, 0b0100_0000)
        };
        match found {
            Found::Field(index) | Found::Name(index) => integer::encode(index, prefix, high, dst),
            Found::Nothing => {
                integer::encode(0, prefix, high, dst);
                string(&field.name, dst);
            }
        }
        string(&field.value, dst);
        if prefix == 6 {
            // The table outlives whoever lent the field.
            self.table.insert(field.to_owned());
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// A string literal, in Huffman code where that is shorter (RFC 7541 §5.2).
fn string(text: &[u8], dst: &mut BytesMut) {
    let coded = huffman::encoded_len(text);
    if coded < text.len() {
        integer::encode(coded, 7, 0b1000_0000, dst);
        huffman::encode(text, dst);
    } else {
        integer::encode(text.len(), 7, 0, dst);
        dst.put_slice(text);
    }
}

/// How long a block that is kept may be, in bytes.
const MAX_KEPT: usize = 256;

#[cfg(test)]
impl Encoder {
    /// What the dynamic table counts, and its fields.
    pub(super) fn table(&self) -> (usize, Vec<(String, String)>) {
        self.table.contents()
    }

    pub(super) fn resize_table(&mut self, size: usize) {
        self.table.resize(size);
    }
}
