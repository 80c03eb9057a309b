//! What has to be remembered of one direction of a conversation in HTTP/2.

use ::http2::frame::Head;
use ::http2::hpack::Field;

use super::event::{breaks, whole};
use crate::lens::{Layer, Span, hpack, leaves};

/// One direction of a conversation.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) preface_is_due: bool,
    pub(super) table: hpack::Table,
    /// Whether a block broke a rule, or was too large, so that nobody knows what is in the table.
    pub(super) is_table_lost: bool,
    pub(super) block: Option<Block>,
    pub(super) long: Option<Long>,
    /// The largest payload that the other side takes.
    pub(super) max_frame: usize,
}

/// A field block that goes on in the next frame.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    pub(super) bytes: Vec<u8>,
    pub(super) ends_stream: bool,
    pub(super) is_promise: bool,
}

/// DATA that is read in parts.
#[derive(Debug)]
pub(super) struct Long {
    pub(super) head: Head,
    pub(super) data: usize,
    pub(super) padding: usize,
}

impl Half {
    pub(super) fn new(preface_is_due: bool) -> Self {
        Self {
            preface_is_due,
            table: hpack::Table::new(),
            is_table_lost: false,
            block: None,
            long: None,
            max_frame: MAX_FRAME,
        }
    }

    /// The names and the fields of a block.
    pub(super) fn fields(&mut self, block: &[u8]) -> (Vec<Span>, Vec<Field>) {
        if self.is_table_lost {
            let mut spans = whole(block, Layer::Fields, "fields", "");
            breaks(&mut spans, 0, "cannot be read any more", "RFC 7541");
            return (spans, Vec::new());
        }
        let (spans, fields) = hpack::fields(block, &mut self.table);
        self.is_table_lost = leaves(&spans).any(Span::is_wrong);
        (spans, fields)
    }
}

/// What a frame may carry until SETTINGS say otherwise (RFC 9113 §6.5.2).
const MAX_FRAME: usize = 1 << 14;
