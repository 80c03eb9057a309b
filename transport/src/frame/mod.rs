//! Our own frames: the bytes that carry calls over any stream of bytes. Pure: no I/O, no clock.
//!
//! This page is the specification; nothing else is needed to write a peer in another language.
//! All numbers are big-endian (the first byte is the most significant). Lengths are in bytes.
//!
//! # Conversation
//!
//! Each side first sends a [`Hello`] (16 bytes) without waiting for the other's, and sends no frame
//! before it has read the other's. Then each side sends frames. Every frame is a header of 8 bytes
//! and a payload:
//!
//! | offset | size | field | meaning |
//! |-------:|-----:|-------|---------|
//! | 0 | 1 | kind and flags | low four bits: the kind; high four bits: flags |
//! | 1 | 1 | code | CALL: the method's number. END, CANCEL, GOING_AWAY: a status code. PING: 1 in the reply. Else 0 |
//! | 2 | 2 | length | of the payload, at most 40,960 |
//! | 4 | 4 | call | the call's id; 0 in PING and GOING_AWAY, which concern the connection |
//!
//! # Kinds
//!
//! C is the client, S the server. `[x]` is there only with the flag of that name.
//!
//! | kind | name | from | flags | payload |
//! |-----:|------|------|-------|---------|
//! | 1 | CALL | C | HEAD BODY MORE END | `[head block]` `[message]`: opens a call |
//! | 2 | MESSAGE | C, S | MORE END | a message, or its next piece |
//! | 3 | HEAD | S | | metadata of the response; at most once, before any message |
//! | 4 | END | C, S | | nothing; or text length (2), text, metadata. The sender's last word on the call: from C half-close, code 0; from S the call's status |
//! | 5 | CANCEL | C | | nothing: the caller has given up; code says why |
//! | 6 | CREDIT | C, S | | 4: how many more bytes the peer may send on this call, 1 to 2^31−1 |
//! | 7 | PING | C, S | | 8 bytes of the sender's choice, returned in the reply |
//! | 8 | GOING_AWAY | C, S | | text. Code 0: I open no further calls, and ask you to open none; else what went wrong, and the connection closes |
//!
//! | flag | bit | meaning |
//! |------|----:|---------|
//! | HEAD | 0x10 | the payload begins with a head block |
//! | BODY | 0x20 | a message, or its first piece, follows |
//! | MORE | 0x40 | the message goes on in the next MESSAGE frame of this call |
//! | END | 0x80 | behind this frame an END with code 0, no text and no metadata is understood |
//!
//! MORE needs a message in the frame and excludes END. A flag not listed for a kind is an error.
//!
//! # Blocks
//!
//! The head block of a CALL: its own length (2, not counting itself), then a byte of parts; with
//! part 0x01 the method: path length (2), path, codec length (1), codec; with part 0x02 the time
//! that remains until the deadline, in microseconds (8); then metadata until the block's end.
//! A metadata field: name length (1), name, value length (2), value; a binary value stands as it is.
//!
//! A path is `/`, a service, `/` and a method, at most 1,024 bytes of visible ASCII; a codec 1 to 64
//! bytes of visible ASCII. Metadata keeps to the rules of gRPC: see [`Metadata`].
//!
//! A client numbers methods one after the other, from 1 to 255: a CALL whose head block has a method
//! declares the next number, and later calls of the same path and codec name only the number. Number
//! 0 declares nothing and always comes with a method.
//!
//! # Rules
//!
//! * Call ids rise: the client's first is 1 or higher, each later one higher than all before. A
//!   frame for a call that is over is ignored; one for an id above all so far is a connection error.
//! * Every CALL gets exactly one END (or END flag) from the server, also after CANCEL; until then
//!   it counts towards the number of calls the server's [`Hello`] allows.
//! * A message, or a piece of one, in CALL or MESSAGE spends credit: its bytes and 64 for being one.
//!   Each side of a call begins with the window in the other's hello, and never has more than 2^31−1.
//!   More credit comes as messages are read. Who has less than a message needs sends it in pieces.
//! * Whoever gets GOING_AWAY with code 0 answers it with the same (once), after its last CALL if it
//!   is the client. Until that answer a server still serves what is called, for three seconds at
//!   least, and then refuses it (END with UNAVAILABLE); after that answer, a CALL is a connection
//!   error. The connection closes when no call is open any more.
//! * An error inside a frame whose header is sound costs its call; a method that a CALL declares is
//!   declared all the same, if its part of the head block is sound. Any other error costs the
//!   connection: the side that finds it sends GOING_AWAY with code and text, and closes. After a wrong
//!   hello it closes without a word, since none would be understood.
//!
//! # What it costs
//!
//! A warm unary call is two frames, CALL with BODY and END, and MESSAGE with END: 16 bytes and the
//! two messages.

mod block;
mod decode;
mod header;
mod hello;

pub(crate) use block::is_codec_name;

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::{Code, Metadata, Path, Status};

pub use decode::{Decoder, FrameError, Reason};
pub use header::{Flags, Header, Kind};
pub use hello::{Hello, HelloError};

/// The largest payload of a frame, in bytes. It bounds how long one frame keeps the frames of other
/// calls waiting, and what a receiver has to hold of a frame that is not complete yet.
pub const MAX_PAYLOAD: usize = 40 << 10;

/// The most bytes of a message that a sender puts into one frame.
pub const MAX_PIECE: usize = 16 << 10;

/// What a message, or a piece of one, spends of a call's credit over its bytes: about what a receiver
/// needs to keep it, so that a window bounds memory also when messages are small.
pub const MESSAGE_COST: u32 = 64;

/// The most that metadata, measured by [`Metadata::size`], and a status text may each take in one
/// frame; what is larger is refused (metadata) or cut (text) by its sender.
pub const MAX_BLOCK: usize = 16 << 10;

/// One frame, as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The table in the module's documentation says what each field is.
pub enum Frame {
    Call(Box<CallFrame>),
    Message { call: u32, piece: Piece, end: bool },
    Head { call: u32, metadata: Metadata },
    End { call: u32, status: Status },
    Cancel { call: u32, code: Code },
    Credit { call: u32, bytes: u32 },
    Ping { reply: bool, data: [u8; 8] },
    GoingAway { status: Status },
}

/// A CALL frame: it opens a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFrame {
    /// The call's id.
    pub call: u32,
    /// The number of the method, 0 for none.
    pub method: u8,
    /// What the number stands for, where it is new or 0.
    pub name: Option<MethodName>,
    /// How much time remains until the deadline.
    pub timeout: Option<Duration>,
    /// The metadata of the request.
    pub metadata: Metadata,
    /// The first message, or its first piece.
    pub message: Option<Piece>,
    /// Whether the request ends with this frame.
    pub end: bool,
}

/// What the number of a method stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodName {
    /// The method.
    pub path: Path,
    /// The codec of its messages.
    pub codec: ByteString,
}

/// A message, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether the message goes on in the next MESSAGE frame of the call.
    pub more: bool,
}

// A head block or a status text beside a full piece or full metadata fits into one frame.
const _: () = assert!(MAX_PIECE + MAX_BLOCK + Path::MAX_LENGTH + 128 <= MAX_PAYLOAD);

impl Frame {
    /// Appends the frame's bytes to `dst`.
    ///
    /// What a frame cannot hold must have been refused before: a message in pieces of at most
    /// [`MAX_PIECE`], metadata of at most [`MAX_BLOCK`] with values of at most 65,535 bytes. Text
    /// is cut at [`MAX_BLOCK`].
    pub fn encode(&self, dst: &mut BytesMut) {
        let start = dst.len();
        dst.put_bytes(0, Header::SIZE);
        let (kind, flags, code, call) = match self {
            Self::Call(frame) => {
                let flags = frame.encode_payload(dst);
                (Kind::Call, flags, frame.method, frame.call)
            }
            Self::Message { call, piece, end } => {
                dst.put_slice(&piece.bytes);
                (Kind::Message, Flags::of_piece(piece.more, *end), 0, *call)
            }
            Self::Head { call, metadata } => {
                block::put_metadata(metadata, dst);
                (Kind::Head, Flags::NONE, 0, *call)
            }
            Self::End { call, status } => {
                if !(status.message().is_empty() && status.metadata().is_empty()) {
                    let text = cut(status.message());
                    dst.put_u16(text.len() as u16);
                    dst.put_slice(text.as_bytes());
                    block::put_metadata(status.metadata(), dst);
                }
                (Kind::End, Flags::NONE, status.code().number(), *call)
            }
            Self::Cancel { call, code } => (Kind::Cancel, Flags::NONE, code.number(), *call),
            Self::Credit { call, bytes } => {
                dst.put_u32(*bytes);
                (Kind::Credit, Flags::NONE, 0, *call)
            }
            Self::Ping { reply, data } => {
                dst.put_slice(data);
                (Kind::Ping, Flags::NONE, u8::from(*reply), 0)
            }
            Self::GoingAway { status } => {
                dst.put_slice(cut(status.message()).as_bytes());
                (Kind::GoingAway, Flags::NONE, status.code().number(), 0)
            }
        };
        let length = (dst.len() - start - Header::SIZE) as u16;
        let header = Header { kind, flags, code, length, call };
        dst[start..start + Header::SIZE].copy_from_slice(&header.encode());
    }
}

impl CallFrame {
    fn encode_payload(&self, dst: &mut BytesMut) -> Flags {
        let mut flags = Flags::NONE;
        if self.name.is_some() || self.timeout.is_some() || !self.metadata.is_empty() {
            block::put_head(self, dst);
            flags = flags | Flags::HEAD;
        }
        match &self.message {
            Some(piece) => {
                dst.put_slice(&piece.bytes);
                flags | Flags::BODY | Flags::of_piece(piece.more, self.end)
            }
            None => flags | Flags::of_piece(false, self.end),
        }
    }
}

/// The part of a status text that a frame holds.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_BLOCK)]
}
