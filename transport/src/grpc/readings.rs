//! What lists of fields were found to say, so that one that comes again is not read again.

use http2::{Fields, Identity, Recent};

/// What the last few lists of one kind said.
#[derive(Debug)]
pub(super) struct Readings<T>(Recent<(Identity, T)>);

impl<T: Clone> Readings<T> {
    /// What `fields` say: as before, or, for a list that was not among the last, what `read` finds.
    pub(super) fn read<E>(
        &mut self,
        fields: &Fields,
        read: impl FnOnce(&Fields) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some((_, said)) = self.0.find(|(list, _)| list.is_that_of(fields)) {
            return Ok(said.clone());
        }
        let said = read(fields)?;
        self.0.push((fields.identity(), said.clone()));
        Ok(said)
    }
}

impl<T> Default for Readings<T> {
    fn default() -> Self {
        Self(Recent::default())
    }
}
