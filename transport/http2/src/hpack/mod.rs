//! HPACK: header fields that shrink (RFC 7541).
//!
//! Both ends of a connection keep the same list of fields seen before, one list for each direction,
//! and a field that is in it is sent as its place in the list: one byte. The two lists stay the same
//! because every field block changes them in the same way at both ends; therefore a block must be
//! decoded even if nobody wants its fields, and an error in one costs the connection
//! (COMPRESSION_ERROR, RFC 9113 §4.3).
//!
//! | file | section of RFC 7541 |
//! |------|---------------------|
//! | `integer` | 5.1 |
//! | `huffman` | 5.2, appendix B |
//! | `fields` | 1.3 |
//! | `table` | 2.3, 4, appendix A |
//! | `decoder` | 3, 6 |
//! | `encoder` | 6, 7.1 |

mod decoder;
mod encoder;
#[cfg(test)]
mod examples;
mod fields;
mod huffman;
mod integer;
mod table;

use bytes::Bytes;
use thiserror::Error;

pub use decoder::{Decoder, FieldList};
pub use encoder::Encoder;
pub use fields::{Fields, Identity};

/// A header field: a name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: Bytes,
    /// The value.
    pub value: Bytes,
    /// Whether the field must never enter a table, here or at an intermediary: a password, say
    /// (RFC 7541 §7.1.3).
    pub sensitive: bool,
    /// Whether the value will be another one next time, so that the field is not worth a place in a table.
    /// It says nothing of a field that came.
    pub volatile: bool,
}

/// Why a field block cannot be decoded. Each is a connection error, COMPRESSION_ERROR, but for
/// [`HpackError::ListTooLarge`], which is ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HpackError {
    /// The block ends inside a field.
    #[error("the block ends inside a field (RFC 7541 §5)")]
    Truncated,
    /// An integer is larger than anything it could stand for, or longer than it needs to be.
    #[error("an integer of more than 5 bytes, or above 2^28 (RFC 7541 §5.1)")]
    Integer,
    /// Index 0, or one behind the end of the tables.
    #[error("index {0} stands for no field (RFC 7541 §2.3.3)")]
    Index(usize),
    /// Text in Huffman code ends in something else than the beginning of EOS, or contains EOS.
    #[error("wrong padding, or EOS, in Huffman code (RFC 7541 §5.2)")]
    Huffman,
    /// A change of the table's size stands behind a field.
    #[error("a change of the table's size stands behind a field (RFC 7541 §4.2)")]
    SizeUpdatePlace,
    /// A change of the table's size goes past what was allowed.
    #[error("a table size of {size}, allowed are {allowed} (RFC 7541 §6.3)")]
    SizeUpdateTooLarge {
        /// The new size.
        size: usize,
        /// The largest.
        allowed: usize,
    },
    /// The allowed size was lowered, and the next block does not begin with a change to it.
    #[error("the table's size was lowered, and the block does not begin with that (RFC 9113 §4.3.1)")]
    SizeUpdateMissing,
    /// Far more fields than allowed.
    #[error("more than four times the fields that are allowed")]
    ListTooLarge,
}

impl Field {
    /// A field that may enter the tables.
    pub fn new(name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self { name: name.into(), value: value.into(), sensitive: false, volatile: false }
    }

    /// The same field, in memory of its own.
    fn to_owned(&self) -> Self {
        let copy = Bytes::copy_from_slice;
        Self {
            name: copy(&self.name),
            value: copy(&self.value),
            sensitive: self.sensitive,
            volatile: self.volatile,
        }
    }

    /// What the field counts in tables and in lists: its bytes, and 32 (RFC 7541 §4.1).
    pub fn size(&self) -> usize {
        self.name.len() + self.value.len() + 32
    }
}

/// The size of the table as long as nobody says otherwise (RFC 9113 §6.5.2,
/// SETTINGS_HEADER_TABLE_SIZE).
pub const DEFAULT_TABLE_SIZE: usize = 4096;
