//! A list of fields.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::Field;

/// The fields of one block, in order. A clone is the same list, and costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(Arc<[Field]>);

impl Fields {
    /// A list of these fields, none of them sensitive.
    pub fn new<N, V>(fields: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Bytes>,
        V: Into<Bytes>,
    {
        fields.into_iter().map(|(name, value)| Field::new(name, value)).collect()
    }

    /// The value of the first field with this name.
    pub fn value(&self, name: &str) -> Option<&Bytes> {
        self.iter().find(|field| field.name == name.as_bytes()).map(|field| &field.value)
    }

    /// What the list counts: the sum of its fields (RFC 9113 §6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE).
    pub fn size(&self) -> usize {
        self.iter().map(Field::size).sum()
    }

    /// What tells this list, and its clones, from every other.
    pub fn identity(&self) -> Identity {
        Identity(Arc::downgrade(&self.0))
    }
}

/// Which list it is, not what it says. It does not keep the fields alive; but as long as it is kept, no
/// other list is taken for it.
#[derive(Debug)]
pub struct Identity(Weak<[Field]>);

impl Identity {
    /// Whether `fields` are this list, or a clone of it.
    pub fn is_that_of(&self, fields: &Fields) -> bool {
        std::ptr::addr_eq(self.0.as_ptr(), Arc::as_ptr(&fields.0))
    }
}

impl Deref for Fields {
    type Target = [Field];

    fn deref(&self) -> &[Field] {
        &self.0
    }
}

impl From<Vec<Field>> for Fields {
    fn from(fields: Vec<Field>) -> Self {
        Self(fields.into())
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}
