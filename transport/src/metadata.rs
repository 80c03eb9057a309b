//! Metadata: named values that travel beside the messages of a call.

use bytes::Bytes;
use bytestring::ByteString;
use thiserror::Error;

use crate::{Code, Status};

/// Named values beside the messages: with the request, with the head of the response, and with
/// its status (*trailers*). A name may occur more than once; order is kept.
///
/// The rules are gRPC's from the start, so that nothing changes when the transport becomes HTTP/2
/// (gRPC over HTTP2, "Custom-Metadata"): a name is lowercase letters, digits, `_`, `-` and `.`; a
/// name that ends in `-bin` has a value of any bytes, every other name a value of printable ASCII
/// without a space at either end; names that begin with `grpc-`, but for `grpc-status-details-bin`, and
/// those that HTTP itself uses are reserved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    fields: Vec<(ByteString, Value)>,
}

/// The value of one field of [`Metadata`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Printable ASCII, 0x20 to 0x7E, with no space at either end.
    Text(ByteString),
    /// Any bytes. The name of such a field ends in `-bin`.
    Binary(Bytes),
}

/// Why a field cannot be metadata.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// A name has at least one character, and no more than 255.
    #[error("a metadata name has 1 to 255 characters, this one {length}")]
    NameLength {
        /// Its length in bytes.
        length: usize,
    },
    /// Only lowercase letters, digits, `_`, `-` and `.` are allowed.
    #[error(
        "metadata name {name:?} has {found:?} at byte {offset}; \
         allowed are a-z, 0-9, '_', '-' and '.'"
    )]
    NameCharacter {
        /// The name.
        name: String,
        /// Where in the name the character stands, in bytes.
        offset: usize,
        /// The character.
        found: char,
    },
    /// The name belongs to gRPC or to HTTP.
    #[error("metadata name {name:?} is reserved for the protocol itself")]
    Reserved {
        /// The name.
        name: String,
    },
    /// A text value holds a byte outside 0x20 to 0x7E.
    #[error(
        "the value of {name:?} has byte 0x{byte:02x} at {offset}; \
         text is printable ASCII, other bytes need a name that ends in \"-bin\""
    )]
    ValueByte {
        /// The field's name.
        name: String,
        /// Where in the value the byte stands.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// A text value begins or ends with a space, which HTTP would strip.
    #[error("the value of {name:?} begins or ends with a space")]
    EdgeSpace {
        /// The field's name.
        name: String,
    },
    /// Bytes under a name without `-bin`, or text under a name with it.
    #[error("{name:?}: a binary value needs a name that ends in \"-bin\", a text value one that does not")]
    WrongKind {
        /// The field's name.
        name: String,
    },
}

impl Metadata {
    /// No fields. Allocates nothing.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// Adds a field behind those that are there.
    ///
    /// ```
    /// # use transport::Metadata;
    /// let mut metadata = Metadata::new();
    /// metadata.append("tenant", "blue")?;
    /// metadata.append("trace-bin", vec![0x00, 0xff])?;
    /// assert_eq!(metadata.text("tenant"), Some("blue"));
    /// assert_eq!(metadata.append("Tenant", "red").unwrap_err().to_string(),
    ///     "metadata name \"Tenant\" has 'T' at byte 0; allowed are a-z, 0-9, '_', '-' and '.'");
    /// # Ok::<(), transport::MetadataError>(())
    /// ```
    ///
    /// # Errors
    /// When name or value break the rules of [`Metadata`]; nothing is added then.
    pub fn append(&mut self, name: impl AsRef<str>, value: impl Into<Value>) -> Result<(), MetadataError> {
        // Copied, so that what is dropped with a call, under the lock of its connection, is nobody's own.
        let value = match value.into() {
            Value::Text(text) => Value::Text((*text).into()),
            Value::Binary(bytes) => Value::Binary(Bytes::copy_from_slice(&bytes)),
        };
        self.append_received(name.as_ref().into(), value)
    }

    /// Adds a field whose bytes came on the wire.
    pub(crate) fn append_received(&mut self, name: ByteString, value: Value) -> Result<(), MetadataError> {
        check_name(&name)?;
        check_value(&name, &value)?;
        self.fields.push((name, value));
        Ok(())
    }

    /// Adds the details of a status.
    pub(crate) fn append_details(&mut self, details: &[u8]) {
        let details = Value::Binary(Bytes::copy_from_slice(details));
        self.fields.push((ByteString::from_static(STATUS_DETAILS), details));
    }

    /// Whether a field may have this name.
    pub(crate) fn is_name(name: &str) -> bool {
        check_name(name).is_ok()
    }

    /// Adds a field that belongs to the protocol itself.
    pub(crate) fn append_own(&mut self, name: &'static str, value: &'static str) {
        self.fields.push((ByteString::from_static(name), Value::Text(ByteString::from_static(value))));
    }

    /// Adds a field as it came from the wire: text or binary by its name.
    pub(crate) fn append_bytes(&mut self, name: ByteString, value: Bytes) -> Result<(), MetadataError> {
        let value = if name.ends_with(BINARY_SUFFIX) {
            Value::Binary(value)
        } else {
            let text = ByteString::try_from(value.clone()).map_err(|error| {
                let offset = error.valid_up_to();
                MetadataError::ValueByte { name: name.to_string(), offset, byte: value[offset] }
            })?;
            Value::Text(text)
        };
        self.append_received(name, value)
    }

    /// The first text value of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values(name).find_map(|value| match value {
            Value::Text(text) => Some(&**text),
            Value::Binary(_) => None,
        })
    }

    /// The first binary value of this name, which ends in `-bin`.
    pub fn binary(&self, name: &str) -> Option<&Bytes> {
        self.values(name).find_map(|value| match value {
            Value::Binary(bytes) => Some(bytes),
            Value::Text(_) => None,
        })
    }

    /// Every value of this name, in order.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Value> + use<'a, 'n> {
        self.fields.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value)
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (&**name, value))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The size that limits are held against: for each field the bytes of its name and of its
    /// value, and 32 (the measure of RFC 9113 §6.5.2).
    pub fn size(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.as_bytes().len() + 32).sum()
    }
}

impl Value {
    /// The value's bytes, of text and of binary alike.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<MetadataError> for Status {
    fn from(error: MetadataError) -> Self {
        Self::new(Code::InvalidArgument, error.to_string())
    }
}

fn check_name(name: &str) -> Result<(), MetadataError> {
    if name.is_empty() || name.len() > 255 {
        return Err(MetadataError::NameLength { length: name.len() });
    }
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.');
    if let Some((offset, found)) = name.char_indices().find(|(_, c)| !allowed(*c)) {
        return Err(MetadataError::NameCharacter { name: name.to_owned(), offset, found });
    }
    if (name.starts_with("grpc-") && name != STATUS_DETAILS) || RESERVED.contains(&name) {
        return Err(MetadataError::Reserved { name: name.to_owned() });
    }
    Ok(())
}

fn check_value(name: &str, value: &Value) -> Result<(), MetadataError> {
    let binary_name = name.ends_with(BINARY_SUFFIX);
    let text = match value {
        Value::Binary(_) if binary_name => return Ok(()),
        Value::Text(text) if !binary_name => text,
        _ => return Err(MetadataError::WrongKind { name: name.to_owned() }),
    };
    let printable = |byte: u8| (0x20..=0x7e).contains(&byte);
    if let Some((offset, byte)) = text.bytes().enumerate().find(|(_, byte)| !printable(*byte)) {
        return Err(MetadataError::ValueByte { name: name.to_owned(), offset, byte });
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(MetadataError::EdgeSpace { name: name.to_owned() });
    }
    Ok(())
}

const BINARY_SUFFIX: &str = "-bin";

/// The one name of gRPC's own that travels as metadata does: the details of a status.
pub(crate) const STATUS_DETAILS: &str = "grpc-status-details-bin";

/// Names with a meaning of their own in HTTP (RFC 9113 §8.2.2) or in gRPC's mapping onto it.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &'static str, value: impl Into<Value>) -> MetadataError {
        let mut metadata = Metadata::new();
        let error = metadata.append(name, value).unwrap_err();
        assert!(metadata.is_empty(), "nothing is added when a field is refused");
        error
    }

    #[test]
    fn a_name_may_occur_more_than_once_and_order_is_kept() {
        let mut metadata = Metadata::new();
        metadata.append("hop", "a").unwrap();
        metadata.append("other", "x").unwrap();
        metadata.append("hop", "b").unwrap();
        let hops: Vec<_> = metadata.values("hop").map(Value::as_bytes).collect();
        assert_eq!(hops, [b"a", b"b"]);
        assert_eq!(metadata.text("hop"), Some("a"));
    }

    #[test]
    fn an_uppercase_letter_in_a_name_is_refused_with_its_place() {
        let error = refused("x-User", "anna");
        assert_eq!(error, MetadataError::NameCharacter { name: "x-User".into(), offset: 2, found: 'U' });
    }

    #[test]
    fn an_empty_name_and_an_endless_name_are_refused() {
        assert_eq!(refused("", "x"), MetadataError::NameLength { length: 0 });
        let endless: &'static str = "n".repeat(256).leak();
        assert_eq!(refused(endless, "x"), MetadataError::NameLength { length: 256 });
    }

    #[test]
    fn names_of_the_protocol_are_reserved() {
        Metadata::new().append(STATUS_DETAILS, vec![1]).unwrap();
        for name in ["grpc-status", "grpc-anything", "te", "content-type", "connection"] {
            assert_eq!(refused(name, "x"), MetadataError::Reserved { name: name.into() });
        }
    }

    #[test]
    fn a_line_break_in_a_text_value_is_refused() {
        let error = refused("note", "two\r\nlines");
        assert_eq!(error, MetadataError::ValueByte { name: "note".into(), offset: 3, byte: b'\r' });
    }

    #[test]
    fn a_space_at_the_edge_of_a_text_value_is_refused() {
        assert_eq!(refused("note", " x"), MetadataError::EdgeSpace { name: "note".into() });
        assert_eq!(refused("note", "x "), MetadataError::EdgeSpace { name: "note".into() });
    }

    #[test]
    fn bytes_go_with_bin_names_and_text_with_all_others() {
        assert_eq!(refused("note", vec![1]), MetadataError::WrongKind { name: "note".into() });
        assert_eq!(refused("note-bin", "x"), MetadataError::WrongKind { name: "note-bin".into() });
        let mut metadata = Metadata::new();
        metadata.append("note-bin", vec![0, 255]).unwrap();
        assert_eq!(metadata.binary("note-bin").unwrap().as_ref(), [0, 255]);
    }

    #[test]
    fn the_size_counts_32_bytes_a_field_beside_name_and_value() {
        let mut metadata = Metadata::new();
        metadata.append("ab", "cde").unwrap();
        assert_eq!(metadata.size(), 2 + 3 + 32);
    }
}
