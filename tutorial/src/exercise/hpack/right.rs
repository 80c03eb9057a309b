//! The right ones: what the lens and the project's own encoder and decoder keep, and integers by hand.

use bytes::BytesMut;
use http2::hpack::{Decoder, Encoder, FieldList, Fields};

use super::{End, HpackCode, Table};
use crate::lens::hpack as lens;

pub(super) const RIGHT: HpackCode = HpackCode {
    integer,
    read_integer,
    table: |most| Box::new(Lens::new(most)),
    end: || Box::new(Ours { encoder: Encoder::new(), decoder: Decoder::new(1 << 10, 10) }),
};

/// The bytes of an integer (RFC 7541 §5.1).
pub(super) fn integer(value: u64, bits: u8) -> Vec<u8> {
    let full = (1 << bits) - 1;
    let Some(mut rest) = value.checked_sub(full) else { return vec![value as u8] };
    let mut bytes = vec![full as u8];
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

fn read_integer(bytes: &[u8], bits: u8) -> Option<(u64, usize)> {
    let full = (1 << bits) - 1;
    let mut value = u64::from(*bytes.first()?) & full;
    if value < full {
        return Some((value, 1));
    }
    // Five bytes of seven bits are more than 32 bits.
    for (at, byte) in bytes.iter().enumerate().skip(1).take(5) {
        value += u64::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Some((value, at + 1)).filter(|(value, _)| u32::try_from(*value).is_ok());
        }
    }
    None
}

/// The table that the lens keeps.
struct Lens(lens::Table);

impl Lens {
    fn new(most: usize) -> Self {
        let mut table = lens::Table::new();
        let mut size = integer(most as u64, 5);
        // §6.3: the size is changed by a block.
        size[0] |= 0x20;
        lens::block(&size, &mut table);
        Self(table)
    }
}

impl Table for Lens {
    fn add(&mut self, name: &str, value: &str) {
        let mut block = vec![0x40];
        for text in [name, value] {
            block.extend(integer(text.len() as u64, 7));
            block.extend_from_slice(text.as_bytes());
        }
        lens::block(&block, &mut self.0);
    }

    fn field(&self, index: usize) -> Option<String> {
        let field = self.0.field(index)?;
        Some(format!("{}={}", field.name.escape_ascii(), field.value.escape_ascii()))
    }
}

/// An end of this project.
struct Ours {
    encoder: Encoder,
    decoder: Decoder,
}

impl End for Ours {
    fn send(&mut self, field: &str) -> Vec<u8> {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let mut block = BytesMut::new();
        self.encoder.encode(&Fields::new([(name.to_owned(), value.to_owned())]), &mut block);
        block.to_vec()
    }

    fn receive(&mut self, block: &[u8]) -> Option<String> {
        let FieldList::Fields(fields) = self.decoder.decode(block).ok()? else { return None };
        let field = fields.first()?;
        Some(format!("{}={}", field.name.escape_ascii(), field.value.escape_ascii()))
    }
}
