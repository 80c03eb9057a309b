//! All calls of a connection, by their ids.

use bytestring::ByteString;
use rustc_hash::FxHashMap;

use super::call::CallState;

/// The calls that some handle needs. What was allocated for a call is used again.
#[derive(Default)]
pub(super) struct Calls {
    by_id: FxHashMap<u32, Box<CallState>>,
    #[expect(clippy::vec_box, reason = "the boxes are what is used again")]
    spare: Vec<Box<CallState>>,
}

impl Calls {
    pub(super) fn get(&self, id: u32) -> Option<&CallState> {
        self.by_id.get(&id).map(|call| &**call)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut CallState> {
        self.by_id.get_mut(&id).map(|call| &mut **call)
    }

    /// A new call, with messages in `codec`.
    pub(super) fn insert(&mut self, id: u32, codec: ByteString) -> &mut CallState {
        let mut call = self.spare.pop().unwrap_or_default();
        call.codec = codec;
        self.by_id.entry(id).insert_entry(call).into_mut()
    }

    /// Forgets a call; `end` sees it before it goes.
    pub(super) fn remove(&mut self, id: u32, end: impl FnOnce(&mut CallState)) {
        if let Some(mut call) = self.by_id.remove(&id) {
            end(&mut call);
            if self.spare.len() < MOST_SPARE {
                *call = CallState::default();
                self.spare.push(call);
            }
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut CallState> {
        self.by_id.values_mut().map(|call| &mut **call)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// How many calls that are gone leave their place to another.
const MOST_SPARE: usize = 128;
