//! All streams of a connection, by their ids.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::stream::Stream;

/// The streams that are not closed, and those that the application has not released.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    slots: Vec<Stream>,
    /// Slots of streams that are gone; each is used again.
    free: Vec<u32>,
    by_id: HashMap<u32, u32, BuildHasherDefault<IdHasher>>,
}

impl Streams {
    pub(crate) fn get(&self, id: u32) -> Option<&Stream> {
        self.by_id.get(&id).map(|slot| &self.slots[*slot as usize])
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        self.by_id.get(&id).map(|slot| &mut self.slots[*slot as usize])
    }

    pub(crate) fn insert(&mut self, id: u32, receive_window: u32, send_window: u32) -> &mut Stream {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize].reuse(receive_window, send_window);
                slot
            }
            None => {
                if self.slots.is_empty() {
                    // Many connections have one stream at a time for all their life.
                    self.slots.reserve_exact(1);
                }
                self.slots.push(Stream::new(receive_window, send_window));
                (self.slots.len() - 1) as u32
            }
        };
        self.by_id.insert(id, slot);
        &mut self.slots[slot as usize]
    }

    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(slot) = self.by_id.remove(&id) {
            self.slots[slot as usize].rest();
            self.free.push(slot);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.by_id.keys().copied().collect()
    }
}

/// Spreads ids. A peer that chooses them badly gains nothing: there are only as many as are allowed.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        // 2^64 divided by the golden ratio: near ids come to lie far from one another.
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // A table looks at the lowest and at the highest bits; the best ones are in the middle.
        self.0.rotate_left(26)
    }
}
