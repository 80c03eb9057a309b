//! Head blocks and metadata inside a frame's payload.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use super::decode::Reason;
use super::{CallFrame, MethodName};
use crate::{Limits, Metadata, Path, Status};

/// Appends the head block of a CALL.
pub(super) fn put_head(frame: &CallFrame, dst: &mut BytesMut) {
    let start = dst.len();
    dst.put_u16(0);
    let method = if frame.name.is_some() { PART_METHOD } else { 0 };
    let timeout = if frame.timeout.is_some() { PART_TIMEOUT } else { 0 };
    dst.put_u8(method | timeout);
    if let Some(name) = &frame.name {
        let path = name.path.as_str();
        dst.put_u16(path.len() as u16);
        dst.put_slice(path.as_bytes());
        dst.put_u8(name.codec.len() as u8);
        dst.put_slice(name.codec.as_bytes());
    }
    if let Some(timeout) = frame.timeout {
        dst.put_u64(timeout.as_micros().try_into().unwrap_or(u64::MAX));
    }
    put_metadata(&frame.metadata, dst);
    let length = (dst.len() - start - 2) as u16;
    dst[start..start + 2].copy_from_slice(&length.to_be_bytes());
}

/// Appends metadata, to the end of whatever holds it.
pub(super) fn put_metadata(metadata: &Metadata, dst: &mut BytesMut) {
    for (name, value) in metadata.iter() {
        let value = value.as_bytes();
        dst.put_u8(name.len() as u8);
        dst.put_slice(name.as_bytes());
        dst.put_u16(value.len() as u16);
        dst.put_slice(value);
    }
}

/// What a head block says.
#[derive(Default)]
pub(super) struct Head {
    pub(super) name: Option<MethodName>,
    pub(super) timeout: Option<Duration>,
    pub(super) metadata: Metadata,
}

/// Reads one payload from front to back; knows at which byte it stands.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads `payload`, whose first byte is byte `offset` of the frame.
    pub(super) fn new(payload: &'a [u8], offset: usize) -> Self {
        Self { rest: payload, offset }
    }

    /// An error at the byte where the reader stands.
    pub(super) fn error(&self, reason: Reason) -> (usize, Reason) {
        (self.offset, reason)
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    /// All that is left, as a buffer of its own.
    pub(super) fn rest(self) -> Bytes {
        Bytes::copy_from_slice(self.rest)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], At> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N, what)?);
        Ok(bytes)
    }

    /// A head block: its length, then its parts. Notes the method it `declares` as soon as that is read.
    pub(super) fn head(&mut self, limits: &Limits, declares: &mut Option<MethodName>) -> Result<Head, At> {
        let length = usize::from(u16::from_be_bytes(self.array("the length of the head block")?));
        let offset = self.offset;
        let mut block = Reader::new(self.take(length, "the head block")?, offset);
        let [parts] = block.array("the parts of the head block")?;
        if parts & !(PART_METHOD | PART_TIMEOUT) != 0 {
            return Err((offset, Reason::UnknownParts(parts)));
        }
        let mut head = Head::default();
        if parts & PART_METHOD != 0 {
            head.name = Some(block.method_name()?);
            declares.clone_from(&head.name);
        }
        if parts & PART_TIMEOUT != 0 {
            let micros = u64::from_be_bytes(block.array("the timeout")?);
            head.timeout = Some(Duration::from_micros(micros));
        }
        head.metadata = block.metadata(limits)?;
        Ok(head)
    }

    /// Metadata to the end of the payload or block.
    pub(super) fn metadata(&mut self, limits: &Limits) -> Result<Metadata, At> {
        let mut metadata = Metadata::new();
        let mut size = 0;
        while self.len() > 0 {
            let start = self.offset;
            let [length] = self.array("the length of a metadata name")?;
            let name = self.text(length.into(), "a metadata name")?;
            let length = u16::from_be_bytes(self.array("the length of a metadata value")?);
            let value = Bytes::copy_from_slice(self.take(length.into(), "a metadata value")?);
            size += name.len() + value.len() + 32;
            if size > limits.metadata {
                return Err((start, Reason::MetadataTooLarge { limit: limits.metadata }));
            }
            if metadata.len() >= limits.metadata_fields {
                return Err((start, Reason::TooManyFields { limit: limits.metadata_fields }));
            }
            metadata.append_bytes(name, value).map_err(|error| (start, error.into()))?;
        }
        Ok(metadata)
    }

    /// The text of a status, which comes with its length, and its metadata.
    pub(super) fn status(&mut self, code: crate::Code, limits: &Limits) -> Result<Status, At> {
        if self.len() == 0 {
            return Ok(Status::new(code, ""));
        }
        let length = u16::from_be_bytes(self.array("the length of the status text")?);
        let text = self.text(length.into(), "the status text")?;
        Ok(Status::new(code, text.to_string()).with_metadata(self.metadata(limits)?))
    }

    /// The next `length` bytes as text.
    pub(super) fn text(&mut self, length: usize, what: &'static str) -> Result<ByteString, At> {
        let start = self.offset;
        let bytes = Bytes::copy_from_slice(self.take(length, what)?);
        ByteString::try_from(bytes).map_err(|error| (start + error.valid_up_to(), Reason::NotUtf8 { what }))
    }

    fn method_name(&mut self) -> Result<MethodName, At> {
        let length = u16::from_be_bytes(self.array("the length of the path")?);
        let start = self.offset;
        let path = self.text(length.into(), "the path")?;
        let path = Path::received(path).map_err(|error| (start, error.into()))?;
        let [length] = self.array("the length of the codec's name")?;
        let start = self.offset;
        let codec = self.text(length.into(), "the codec's name")?;
        if !is_codec_name(&codec) {
            return Err((start, Reason::CodecName));
        }
        Ok(MethodName { path, codec })
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], At> {
        if length > self.rest.len() {
            return Err(self.error(Reason::Truncated { what, missing: length - self.rest.len() }));
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }
}

/// Whether `name` can be the name of a codec: 1 to 64 bytes of visible ASCII.
pub(crate) fn is_codec_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is wrong, and at which byte of the frame.
pub(super) type At = (usize, Reason);

const PART_METHOD: u8 = 0x01;
const PART_TIMEOUT: u8 = 0x02;
