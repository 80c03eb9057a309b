//! Bytes to frames, and what can be wrong with them.

use bytes::{Buf, BytesMut};
use thiserror::Error;

use super::block::Reader;
use super::{CallFrame, Flags, Frame, Header, Kind, MethodName, Piece};
use crate::{Code, Limits, MetadataError, PathError, Status};

/// Turns bytes into frames, however they were split on their way.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// How many bytes of the connection came before those not decoded yet.
    position: u64,
}

/// What is wrong with the bytes of a peer, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("frame layer, byte {position} of the connection (byte {offset} of the frame): {reason}")]
pub struct FrameError {
    /// Where the error stands, counted from the first byte of the connection.
    pub position: u64,
    /// Where it stands in its frame.
    pub offset: usize,
    /// The header of its frame, if that much was sound: then the next frame begins where this one
    /// ends, and the error costs no more than its call. Without a header, framing is lost.
    pub header: Option<Header>,
    /// The method that a CALL declares, if that much of its head block was sound.
    pub declares: Option<Box<MethodName>>,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // The messages say it.
pub enum Reason {
    #[error("kind {0} does not exist, kinds are 1 to 8")]
    UnknownKind(u8),
    #[error("{kind} cannot have the flags {flags}")]
    Flags { flags: Flags, kind: Kind },
    #[error("a payload of {0} bytes, the limit is {limit}", limit = super::MAX_PAYLOAD)]
    PayloadTooLarge(u16),
    #[error("{kind} has the code {code}, which must be 0")]
    UnusedCode { kind: Kind, code: u8 },
    #[error("{kind} with call {call}: 0 is for PING and GOING_AWAY, and only for them")]
    CallId { call: u32, kind: Kind },
    #[error("{kind} has a payload of {expected} bytes, here are {found}")]
    PayloadLength { kind: Kind, expected: usize, found: usize },
    #[error("the frame ends {missing} bytes before the end of {what}")]
    Truncated { what: &'static str, missing: usize },
    #[error("{what} is not UTF-8")]
    NotUtf8 { what: &'static str },
    #[error("parts {0:#04x} of a head block, known are 0x01 (method) and 0x02 (timeout)")]
    UnknownParts(u8),
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("a codec's name is 1 to 64 bytes of visible ASCII")]
    CodecName,
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("more than {limit} bytes of metadata")]
    MetadataTooLarge { limit: usize },
    #[error("more than {limit} metadata fields")]
    TooManyFields { limit: usize },
    #[error("a credit of {0}, allowed are 1 to 2,147,483,647")]
    Credit(u32),
    #[error("the code of a PING is 0, or 1 in the reply, not {0}")]
    PingCode(u8),
}

impl Decoder {
    /// A decoder for the frames of one connection, of which `position` bytes were read before (the
    /// [`Hello`](super::Hello)). Of `limits` it keeps those of metadata.
    pub fn new(limits: Limits, position: u64) -> Self {
        Self { limits, position }
    }

    /// Takes the next frame off the front of `src`. `None`: it is not complete yet, and nothing was
    /// taken.
    ///
    /// # Errors
    /// With a header in the error, its frame was taken and decoding can go on behind it. Without
    /// one, there is no way to tell where the next frame begins.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some(first) = src.first_chunk::<{ Header::SIZE }>() else {
            return Ok(None);
        };
        let header = Header::decode(*first).map_err(|at| self.error(at, None, None))?;
        let size = Header::SIZE + usize::from(header.length);
        if src.len() < size {
            return Ok(None);
        }
        let mut declares = None;
        let frame = self.payload(header, &src[Header::SIZE..size], &mut declares);
        let frame = frame.map_err(|at| {
            let scope = (!matches!(header.kind, Kind::Ping | Kind::GoingAway)).then_some(header);
            self.error(at, scope, declares)
        });
        src.advance(size);
        self.position += size as u64;
        frame.map(Some)
    }

    /// The frame with this header and payload; notes what it `declares` even if it is not one.
    fn payload(
        &self,
        header: Header,
        payload: &[u8],
        declares: &mut Option<MethodName>,
    ) -> Result<Frame, (usize, Reason)> {
        let Header { kind, flags, code, call, .. } = header;
        let mut reader = Reader::new(payload, Header::SIZE);
        let end = flags.has(Flags::END);
        let more = flags.has(Flags::MORE);
        match kind {
            Kind::Call => {
                let has_head = flags.has(Flags::HEAD);
                let head = if has_head { reader.head(&self.limits, declares)? } else { Default::default() };
                let has_body = flags.has(Flags::BODY);
                if !has_body {
                    exactly(0, kind, &reader)?;
                }
                Ok(Frame::Call(Box::new(CallFrame {
                    call,
                    method: code,
                    name: head.name,
                    timeout: head.timeout,
                    metadata: head.metadata,
                    message: has_body.then(|| Piece { bytes: reader.rest(), more }),
                    end,
                })))
            }
            Kind::Message => Ok(Frame::Message { call, piece: Piece { bytes: reader.rest(), more }, end }),
            Kind::Head => Ok(Frame::Head { call, metadata: reader.metadata(&self.limits)? }),
            Kind::End => {
                Ok(Frame::End { call, status: reader.status(Code::from_number(code), &self.limits)? })
            }
            Kind::Cancel => {
                exactly(0, kind, &reader)?;
                Ok(Frame::Cancel { call, code: Code::from_number(code) })
            }
            Kind::Credit => {
                exactly(4, kind, &reader)?;
                let bytes = u32::from_be_bytes(reader.array("the credit")?);
                if !(1..=super::Hello::MAX_WINDOW).contains(&bytes) {
                    return Err((Header::SIZE, Reason::Credit(bytes)));
                }
                Ok(Frame::Credit { call, bytes })
            }
            Kind::Ping => {
                exactly(8, kind, &reader)?;
                if code > 1 {
                    return Err((1, Reason::PingCode(code)));
                }
                Ok(Frame::Ping { reply: code == 1, data: reader.array("the data")? })
            }
            Kind::GoingAway => {
                let text = reader.text(payload.len(), "the text of GOING_AWAY")?;
                Ok(Frame::GoingAway { status: Status::new(Code::from_number(code), text.to_string()) })
            }
        }
    }

    fn error(
        &self,
        (offset, reason): (usize, Reason),
        header: Option<Header>,
        declares: Option<MethodName>,
    ) -> FrameError {
        let declares = declares.map(Box::new);
        FrameError { position: self.position + offset as u64, offset, header, declares, reason }
    }
}

impl FrameError {
    /// The status for what fails with this error.
    pub fn status(&self) -> Status {
        let code = match self.reason {
            Reason::MetadataTooLarge { .. } | Reason::TooManyFields { .. } => Code::ResourceExhausted,
            _ => Code::Internal,
        };
        Status::new(code, self.to_string())
    }
}

/// That exactly `expected` bytes of payload are left.
fn exactly(expected: usize, kind: Kind, reader: &Reader<'_>) -> Result<(), (usize, Reason)> {
    let found = reader.len();
    if found == expected {
        return Ok(());
    }
    Err(reader.error(Reason::PayloadLength { kind, expected, found }))
}
