//! Bytes that wait to be written, of all streams, in the order in which they leave.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::hpack::Fields;

/// What waits to be written: a [`Buf`], in as many pieces as there is data too large to be copied, so
/// that one vectored write takes it all.
#[derive(Debug, Default)]
pub struct Output {
    /// What comes first.
    pieces: VecDeque<Bytes>,
    /// Frame after frame, behind the pieces.
    tail: BytesMut,
    /// How much the pieces are.
    in_pieces: usize,
    /// What is here in other form, and is dropped when it has been written.
    copied: Vec<Discarded>,
}

/// What nobody needs any more. To drop it can be to run its owner's code ([`Bytes::from_owner`]), which
/// must not happen under a lock.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Discarded {
    Data(Bytes),
    Fields(Fields),
}

impl Output {
    /// Where frames are encoded.
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Appends data.
    pub(crate) fn push(&mut self, data: Bytes) {
        if data.len() < WORTH_A_PIECE {
            self.tail.put_slice(&data);
            return self.copied.push(Discarded::Data(data));
        }
        if !self.tail.is_empty() {
            self.in_pieces += self.tail.len();
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.in_pieces += data.len();
        self.pieces.push_back(data);
    }

    /// Takes fields whose block is here.
    pub(crate) fn push_encoded(&mut self, fields: Fields) {
        self.copied.push(Discarded::Fields(fields));
    }

    /// Forgets everything; what it held of others comes to `discarded`.
    pub(crate) fn clear(&mut self, discarded: &mut Vec<Discarded>) {
        discarded.extend(self.pieces.drain(..).map(Discarded::Data));
        discarded.append(&mut self.copied);
        self.tail.clear();
        self.in_pieces = 0;
    }

    /// Appends text as it is.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.tail.put_slice(bytes);
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.in_pieces + self.tail.len()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.tail[..], |piece| &piece[..])
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.pieces.front_mut() {
            let taken = count.min(first.len());
            first.advance(taken);
            self.in_pieces -= taken;
            count -= taken;
            if !first.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.tail.advance(count);
        if self.tail.is_empty() {
            self.copied.clear();
            self.copied.shrink_to(WORTH_KEEPING);
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.pieces.iter().map(|piece| &piece[..]);
        let chunks = pieces.chain([&self.tail[..]]).filter(|chunk| !chunk.is_empty());
        let mut filled = 0;
        for (slot, chunk) in dst.iter_mut().zip(chunks) {
            *slot = IoSlice::new(chunk);
            filled += 1;
        }
        filled
    }
}

/// From how many bytes on data is better sent from where it is than copied.
const WORTH_A_PIECE: usize = 2048;

/// How many places for what was copied are kept.
const WORTH_KEEPING: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_leave_in_the_order_in_which_they_came() {
        let large = vec![b'x'; WORTH_A_PIECE];
        let mut output = Output::default();
        output.put(b"one");
        output.push(Bytes::from(large.clone()));
        output.push(Bytes::from_static(b"two"));
        let all = [&b"one"[..], &large, b"two"].concat();
        assert_eq!(output.remaining(), all.len());

        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(output.chunks_vectored(&mut slices), 3, "what is large is not copied");
        assert_eq!(slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>(), all);

        let mut taken = Vec::new();
        while output.has_remaining() {
            let count = output.remaining().min(1000);
            taken.extend_from_slice(&output.copy_to_bytes(count));
        }
        assert_eq!(taken, all);
    }
}
