//! SETTINGS: what the sender wants the receiver to keep to (RFC 9113 §6.5).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Head, Kind, frame_size, on_the_connection, protocol};
use crate::error::{ErrorCode, Http2Error};

/// Settings, in the order in which they are to be applied, or the acknowledgment of the peer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether this acknowledges the peer's.
    pub ack: bool,
    /// What is set. One that RFC 9113 does not define is left out: to be ignored (§6.5.2).
    pub settings: Vec<Setting>,
}

/// One setting, whose value is one it may have (RFC 9113 §6.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// How large the receiver's field table may be, in bytes.
    HeaderTableSize(u32),
    /// Whether the sender takes pushed streams.
    EnablePush(bool),
    /// How many streams the receiver may have open at once.
    MaxConcurrentStreams(u32),
    /// The window with which each stream begins, in bytes, at most 2^31−1.
    InitialWindowSize(u32),
    /// The largest payload that the sender takes, 2^14 to 2^24−1.
    MaxFrameSize(u32),
    /// The largest field list that the sender takes, as HPACK counts it.
    MaxHeaderListSize(u32),
}

impl Settings {
    pub(super) fn decode(head: Head, mut payload: Bytes) -> Result<Self, Http2Error> {
        on_the_connection(&head, "SETTINGS belongs to the connection (§6.5)")?;
        let ack = head.has(Head::ACK);
        if ack && !payload.is_empty() {
            return Err(frame_size("the acknowledgment of SETTINGS is empty (§6.5)"));
        }
        if !payload.len().is_multiple_of(6) {
            return Err(frame_size("SETTINGS has six bytes for each setting (§6.5)"));
        }
        let mut settings = Vec::new();
        while payload.has_remaining() {
            let (identifier, value) = (payload.get_u16(), payload.get_u32());
            settings.extend(Setting::new(identifier, value)?);
        }
        Ok(Self { ack, settings })
    }

    /// Appends the frame.
    pub fn encode(&self, dst: &mut BytesMut) {
        let flags = super::head::flag(self.ack, Head::ACK);
        let length = 6 * self.settings.len() as u32;
        Head { length, kind: Kind::SETTINGS, flags, stream: 0 }.encode(dst);
        for setting in &self.settings {
            let (identifier, value) = setting.parts();
            dst.put_u16(identifier);
            dst.put_u32(value);
        }
    }
}

impl Setting {
    fn new(identifier: u16, value: u32) -> Result<Option<Self>, Http2Error> {
        Ok(Some(match identifier {
            0x1 => Self::HeaderTableSize(value),
            0x2 if value > 1 => return Err(protocol("SETTINGS_ENABLE_PUSH is 0 or 1 (§6.5.2)")),
            0x2 => Self::EnablePush(value == 1),
            0x3 => Self::MaxConcurrentStreams(value),
            0x4 if value > (1 << 31) - 1 => {
                let reason = "SETTINGS_INITIAL_WINDOW_SIZE is at most 2^31-1 (§6.5.2)";
                return Err(Http2Error::connection(ErrorCode::FLOW_CONTROL_ERROR, reason));
            }
            0x4 => Self::InitialWindowSize(value),
            0x5 if !(1 << 14..1 << 24).contains(&value) => {
                return Err(protocol("SETTINGS_MAX_FRAME_SIZE is 2^14 to 2^24-1 (§6.5.2)"));
            }
            0x5 => Self::MaxFrameSize(value),
            0x6 => Self::MaxHeaderListSize(value),
            _ => return Ok(None),
        }))
    }

    fn parts(self) -> (u16, u32) {
        match self {
            Self::HeaderTableSize(value) => (0x1, value),
            Self::EnablePush(value) => (0x2, value.into()),
            Self::MaxConcurrentStreams(value) => (0x3, value),
            Self::InitialWindowSize(value) => (0x4, value),
            Self::MaxFrameSize(value) => (0x5, value),
            Self::MaxHeaderListSize(value) => (0x6, value),
        }
    }
}
