//! The ten frames of HTTP/2 (RFC 9113 §4, §6): a file each, bytes to frame and frame to bytes.
//!
//! Here stands what is wrong with a frame by itself. What is wrong with it at its moment, or on its
//! stream, the connection decides.

mod continuation;
mod data;
mod go_away;
mod head;
mod headers;
mod ping;
mod priority;
mod push_promise;
mod rst_stream;
mod settings;
mod window_update;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{ErrorCode, Http2Error};

pub use continuation::Continuation;
pub use data::Data;
pub use go_away::GoAway;
pub use head::{Head, Kind};
pub use headers::Headers;
pub use ping::Ping;
pub use priority::Priority;
pub use push_promise::PushPromise;
pub use rst_stream::RstStream;
pub use settings::{Setting, Settings};
pub use window_update::WindowUpdate;

/// Any frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each type has its own.
pub enum Frame {
    Data(Data),
    Headers(Headers),
    Priority(Priority),
    RstStream(RstStream),
    Settings(Settings),
    PushPromise(PushPromise),
    Ping(Ping),
    GoAway(GoAway),
    WindowUpdate(WindowUpdate),
    Continuation(Continuation),
    /// Of a type that RFC 9113 does not define: to be ignored (§4.1, §5.5).
    Unknown(Head),
}

impl Frame {
    /// Takes the next frame off the front of `src`, without copying its payload. `None`: it is not
    /// complete yet, and nothing was taken.
    ///
    /// # Errors
    /// FRAME_SIZE_ERROR as soon as a head claims more than `max_size` bytes of payload; and what is
    /// wrong with the frame itself. If the error is one of a stream, the frame was taken, and the next
    /// one can be.
    pub fn decode(src: &mut BytesMut, max_size: u32) -> Result<Option<Self>, Http2Error> {
        let Some(first) = src.first_chunk::<{ Head::SIZE }>() else {
            return Ok(None);
        };
        let head = Head::decode(*first);
        if head.length > max_size {
            // §4.2 lets some of these cost a stream alone; but then its payload would have to be skipped,
            // however long. A peer that was told the limit and ignores it is not worth that.
            return Err(frame_size("a frame is larger than SETTINGS_MAX_FRAME_SIZE allows (§4.2)"));
        }
        if src.len() < Head::SIZE + head.length as usize {
            return Ok(None);
        }
        let mut payload = src.split_to(Head::SIZE + head.length as usize).freeze();
        payload.advance(Head::SIZE);
        Self::parse(head, payload).map(Some)
    }

    fn parse(head: Head, payload: Bytes) -> Result<Self, Http2Error> {
        Ok(match head.kind {
            Kind::DATA => Self::Data(Data::decode(head, payload)?),
            Kind::HEADERS => Self::Headers(Headers::decode(head, payload)?),
            Kind::PRIORITY => Self::Priority(Priority::decode(head, payload)?),
            Kind::RST_STREAM => Self::RstStream(RstStream::decode(head, payload)?),
            Kind::SETTINGS => Self::Settings(Settings::decode(head, payload)?),
            Kind::PUSH_PROMISE => Self::PushPromise(PushPromise::decode(head, payload)?),
            Kind::PING => Self::Ping(Ping::decode(head, payload)?),
            Kind::GOAWAY => Self::GoAway(GoAway::decode(head, payload)?),
            Kind::WINDOW_UPDATE => Self::WindowUpdate(WindowUpdate::decode(head, payload)?),
            Kind::CONTINUATION => Self::Continuation(Continuation::decode(head, payload)?),
            _ => Self::Unknown(head),
        })
    }
}

/// Takes the padding off a payload: its length in front, its zeros behind (RFC 9113 §6.1). Returns how
/// many bytes it took in all.
fn unpad(head: &Head, payload: &mut Bytes) -> Result<u32, Http2Error> {
    if !head.has(Head::PADDED) {
        return Ok(0);
    }
    if payload.is_empty() {
        return Err(frame_size("a padded frame has at least the length of its padding (§6.1)"));
    }
    let length = usize::from(payload.get_u8());
    if length > payload.len() {
        return Err(protocol("the padding is longer than the frame (§6.1)"));
    }
    payload.truncate(payload.len() - length);
    Ok(1 + length as u32)
}

/// That a frame belongs to a stream.
fn on_a_stream(head: &Head, reason: &'static str) -> Result<(), Http2Error> {
    if head.stream == 0 { Err(protocol(reason)) } else { Ok(()) }
}

/// That a frame belongs to the connection.
fn on_the_connection(head: &Head, reason: &'static str) -> Result<(), Http2Error> {
    if head.stream == 0 { Ok(()) } else { Err(protocol(reason)) }
}

fn protocol(reason: &'static str) -> Http2Error {
    Http2Error::connection(ErrorCode::PROTOCOL_ERROR, reason)
}

fn frame_size(reason: &'static str) -> Http2Error {
    Http2Error::connection(ErrorCode::FRAME_SIZE_ERROR, reason)
}

/// A 31-bit number; the bit above is reserved and ignored (RFC 9113 §4.1).
fn get_u31(payload: &mut Bytes) -> u32 {
    payload.get_u32() & 0x7fff_ffff
}
