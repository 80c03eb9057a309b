//! The tables: fields that both ends know (RFC 7541 §2.3, §4, appendix A).

use std::collections::VecDeque;

use bytes::Bytes;

use super::{DEFAULT_TABLE_SIZE, Field, HpackError};

/// The static and the dynamic table of one direction, in one space of indices: 1 to 61 the static
/// ones, from 62 the dynamic ones, the newest first.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    fields: VecDeque<Field>,
    /// What they count together.
    size: usize,
    /// What they may.
    max_size: usize,
    /// How often it was changed.
    changes: u64,
}

/// Where a field, or its name alone, is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Name and value at this index.
    Field(usize),
    /// The name, with another value, at this index.
    Name(usize),
    /// Neither.
    Nothing,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { fields: VecDeque::new(), size: 0, max_size: DEFAULT_TABLE_SIZE, changes: 0 }
    }

    pub(super) fn max_size(&self) -> usize {
        self.max_size
    }

    /// How often the table was changed: as long as that is the same, the same block says the same.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Changes how large the table may be; fields that do not fit any more are gone, the oldest first
    /// (RFC 7541 §4.3).
    pub(super) fn resize(&mut self, max_size: usize) {
        self.max_size = max_size;
        self.changes += 1;
        self.evict(0);
    }

    /// Adds a field as the newest. One larger than the table empties it, which is no error (RFC 7541
    /// §4.4).
    pub(super) fn insert(&mut self, field: Field) {
        self.changes += 1;
        let size = field.size();
        self.evict(size);
        if size <= self.max_size {
            self.size += size;
            self.fields.push_front(field);
        }
    }

    /// The field at an index.
    pub(super) fn field(&self, index: usize) -> Result<Field, HpackError> {
        match index.checked_sub(1) {
            Some(at) if at < STATIC.len() => {
                let (name, value) = STATIC[at];
                Ok(Field::new(Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes())))
            }
            Some(at) => self.fields.get(at - STATIC.len()).cloned().ok_or(HpackError::Index(index)),
            None => Err(HpackError::Index(0)),
        }
    }

    /// Where a field is, whole if possible.
    pub(super) fn find(&self, field: &Field) -> Found {
        let mut name_at = None;
        let known = STATIC.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let seen = self.fields.iter().map(|field| (&field.name[..], &field.value[..]));
        for (at, (name, value)) in known.chain(seen).enumerate() {
            if field.name == name {
                if field.value == value {
                    return Found::Field(at + 1);
                }
                name_at.get_or_insert(at + 1);
            }
        }
        name_at.map_or(Found::Nothing, Found::Name)
    }

    /// Makes room for `more`.
    fn evict(&mut self, more: usize) {
        while self.size + more > self.max_size
            && let Some(oldest) = self.fields.pop_back()
        {
            self.size -= oldest.size();
        }
    }

    #[cfg(test)]
    pub(super) fn contents(&self) -> (usize, Vec<(String, String)>) {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let fields = self.fields.iter().map(|field| (text(&field.name), text(&field.value)));
        (self.size, fields.collect())
    }
}

/// RFC 7541, appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
