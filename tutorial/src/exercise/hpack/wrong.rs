//! HPACK that is wrong on purpose.

use std::collections::VecDeque;

use super::right::{RIGHT, integer};
use super::{End, HpackCode, Table};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<HpackCode>] = &[
    Wrong {
        mistake: FULL_PREFIX,
        form: HpackCode {
            integer: |value, bits| {
                if value < 1 << bits { vec![value as u8] } else { integer(value, bits) }
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: NOT_LESS,
        form: HpackCode {
            integer: |value, bits| {
                let full = (1 << bits) - 1;
                integer(if value > full { value + full } else { value }, bits)
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: HIGHEST_FIRST,
        form: HpackCode {
            integer: |value, bits| match &integer(value, bits)[..] {
                [first, low, high] => vec![*first, high | 0x80, low & 0x7f],
                bytes => bytes.to_vec(),
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: BITS_IN_FRONT,
        form: HpackCode {
            read_integer: |bytes, bits| {
                let is_clean = u64::from(*bytes.first()?) < 1 << bits;
                is_clean.then(|| (RIGHT.read_integer)(bytes, bits))?
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: ENDLESS,
        form: HpackCode {
            read_integer: |bytes, bits| {
                (RIGHT.read_integer)(bytes, bits).or_else(|| {
                    let end = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0)?;
                    Some((u64::MAX, end + 2))
                })
            },
            ..RIGHT
        },
    },
    Wrong { mistake: OLDEST_FIRST, form: table(|most| Box::new(Rows::new(Slip::OldestFirst, most))) },
    Wrong { mistake: LETTERS_ONLY, form: table(|most| Box::new(Rows::new(Slip::LettersOnly, most))) },
    Wrong { mistake: NEWEST_LEAVES, form: table(|most| Box::new(Rows::new(Slip::NewestLeaves, most))) },
    Wrong { mistake: LARGE_IS_IGNORED, form: table(|most| Box::new(Rows::new(Slip::LargeIsIgnored, most))) },
    Wrong { mistake: NO_TABLE, form: HpackCode { end: || Box::new(OneTable { fields: None }), ..RIGHT } },
    Wrong {
        mistake: ONE_TABLE,
        form: HpackCode { end: || Box::new(OneTable { fields: Some(Vec::new()) }), ..RIGHT },
    },
];

pub(super) const FULL_PREFIX: &str = "all bits set is taken for the number, and the byte behind is missing";
pub(super) const NOT_LESS: &str = "what the prefix has said is not taken off the rest";
pub(super) const HIGHEST_FIRST: &str = "the highest seven bits come first";
pub(super) const BITS_IN_FRONT: &str = "the bits in front of the prefix are taken for a part of it";
pub(super) const ENDLESS: &str = "an integer is read on and on, as long as its sender likes";
pub(super) const OLDEST_FIRST: &str = "the fields are counted from the oldest on";
pub(super) const LETTERS_ONLY: &str = "a field counts its letters and no more";
pub(super) const NEWEST_LEAVES: &str =
    "where there is no room, the new field is left out and the old ones stay";
pub(super) const LARGE_IS_IGNORED: &str = "a field that is too large is ignored, and the others stay";
pub(super) const NO_TABLE: &str = "nothing is remembered, and every block has all letters";
pub(super) const ONE_TABLE: &str = "both directions share one table";

const fn table(table: fn(usize) -> Box<dyn Table>) -> HpackCode {
    HpackCode { table, ..RIGHT }
}

/// A table that slips.
struct Rows {
    slip: Slip,
    most: usize,
    newest_first: VecDeque<(String, usize)>,
}

#[derive(PartialEq, Eq)]
enum Slip {
    OldestFirst,
    LettersOnly,
    NewestLeaves,
    LargeIsIgnored,
}

impl Rows {
    fn new(slip: Slip, most: usize) -> Self {
        Self { slip, most, newest_first: VecDeque::new() }
    }

    fn size(&self) -> usize {
        self.newest_first.iter().map(|(_, size)| size).sum()
    }
}

impl Table for Rows {
    fn add(&mut self, name: &str, value: &str) {
        let more = if self.slip == Slip::LettersOnly { 0 } else { 32 };
        let size = name.len() + value.len() + more;
        let is_left_out = match self.slip {
            Slip::NewestLeaves => self.size() + size > self.most,
            Slip::LargeIsIgnored => size > self.most,
            _ => false,
        };
        if !is_left_out {
            self.newest_first.push_front((format!("{name}={value}"), size));
        }
        while self.size() > self.most {
            self.newest_first.pop_back();
        }
    }

    fn field(&self, index: usize) -> Option<String> {
        let at = index.checked_sub(62)?;
        let at = match self.slip {
            Slip::OldestFirst => self.newest_first.len().checked_sub(1 + at)?,
            _ => at,
        };
        self.newest_first.get(at).map(|(field, _)| field.clone())
    }
}

/// An end that has one table for what it sends and for what it receives; or none.
struct OneTable {
    fields: Option<Vec<String>>,
}

impl OneTable {
    fn add(&mut self, field: &str) {
        if let Some(fields) = &mut self.fields {
            fields.insert(0, field.to_owned());
        }
    }
}

impl End for OneTable {
    fn send(&mut self, field: &str) -> Vec<u8> {
        let known = self.fields.iter().flatten().position(|known| known == field);
        if let Some(at) = known {
            return vec![0x80 | (62 + at) as u8];
        }
        self.add(field);
        [&[0x40], field.as_bytes()].concat()
    }

    fn receive(&mut self, block: &[u8]) -> Option<String> {
        let (first, letters) = block.split_first()?;
        if *first & 0x80 != 0 {
            return self.fields.as_ref()?.get(usize::from(first & 0x7f) - 62).cloned();
        }
        let field = String::from_utf8(letters.to_vec()).ok()?;
        self.add(&field);
        Some(field)
    }
}
