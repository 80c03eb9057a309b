//! The 8 bytes that begin every frame.

use std::fmt;
use std::ops::BitOr;

use super::Reason;

/// The 8 bytes that begin every frame: the table in [the specification](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame says.
    pub kind: Kind,
    /// What its payload holds.
    pub flags: Flags,
    /// The number of a method, a status code, or 1 for the reply to a PING.
    pub code: u8,
    /// How many bytes follow the header.
    pub length: u16,
    /// The call it belongs to; 0 for the connection.
    pub call: u32,
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // The table in the module's documentation says what each kind is.
pub enum Kind {
    Call = 1,
    Message = 2,
    Head = 3,
    End = 4,
    Cancel = 5,
    Credit = 6,
    Ping = 7,
    GoingAway = 8,
}

/// What the payload of a frame holds: a set of the four flags.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flags(u8);

impl Header {
    /// How many bytes a header has.
    pub const SIZE: usize = 8;

    /// The header's bytes.
    pub const fn encode(self) -> [u8; Self::SIZE] {
        let [length_high, length_low] = self.length.to_be_bytes();
        let [call_3, call_2, call_1, call_0] = self.call.to_be_bytes();
        let first = self.flags.0 | self.kind as u8;
        [first, self.code, length_high, length_low, call_3, call_2, call_1, call_0]
    }

    /// The header that these bytes are.
    ///
    /// # Errors
    /// What is wrong, and at which byte of the header: a kind that does not exist, a flag the kind
    /// does not have, a payload over the limit, a call where none may be or none where one must be.
    pub fn decode(bytes: [u8; Self::SIZE]) -> Result<Self, (usize, Reason)> {
        let [first, code, length_high, length_low, call_3, call_2, call_1, call_0] = bytes;
        let kind = Kind::from_number(first & 0x0f).ok_or((0, Reason::UnknownKind(first & 0x0f)))?;
        let flags = Flags(first & 0xf0);
        if !flags.fit(kind) {
            return Err((0, Reason::Flags { flags, kind }));
        }
        let length = u16::from_be_bytes([length_high, length_low]);
        if usize::from(length) > super::MAX_PAYLOAD {
            return Err((2, Reason::PayloadTooLarge(length)));
        }
        let call = u32::from_be_bytes([call_3, call_2, call_1, call_0]);
        if code != 0 && matches!(kind, Kind::Message | Kind::Head | Kind::Credit) {
            return Err((1, Reason::UnusedCode { kind, code }));
        }
        if (call == 0) != kind.concerns_the_connection() {
            return Err((4, Reason::CallId { call, kind }));
        }
        Ok(Self { kind, flags, code, length, call })
    }
}

impl Kind {
    /// Every kind, in the order of their numbers, which begin at 1.
    pub const ALL: [Self; 8] = [
        Self::Call,
        Self::Message,
        Self::Head,
        Self::End,
        Self::Cancel,
        Self::Credit,
        Self::Ping,
        Self::GoingAway,
    ];

    /// The name as the specification spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::Message => "MESSAGE",
            Self::Head => "HEAD",
            Self::End => "END",
            Self::Cancel => "CANCEL",
            Self::Credit => "CREDIT",
            Self::Ping => "PING",
            Self::GoingAway => "GOING_AWAY",
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    fn concerns_the_connection(self) -> bool {
        matches!(self, Self::Ping | Self::GoingAway)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The payload begins with a head block.
    pub const HEAD: Self = Self(0x10);
    /// A message, or its first piece, follows.
    pub const BODY: Self = Self(0x20);
    /// The message goes on in the next MESSAGE frame of this call.
    pub const MORE: Self = Self(0x40);
    /// The sender has nothing more to say on this call.
    pub const END: Self = Self(0x80);

    /// Whether all of `flags` are set.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    pub(super) fn of_piece(more: bool, end: bool) -> Self {
        let more = if more { Self::MORE } else { Self::NONE };
        more | if end { Self::END } else { Self::NONE }
    }

    /// Whether a frame of `kind` may have this set of flags.
    fn fit(self, kind: Kind) -> bool {
        let allowed = match kind {
            Kind::Call => Self::HEAD | Self::BODY | Self::MORE | Self::END,
            Kind::Message => Self::MORE | Self::END,
            _ => Self::NONE,
        };
        let more_without_message = kind == Kind::Call && self.has(Self::MORE) && !self.has(Self::BODY);
        allowed.has(self) && !self.has(Self::MORE | Self::END) && !more_without_message
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(Self::HEAD, "HEAD"), (Self::BODY, "BODY"), (Self::MORE, "MORE"), (Self::END, "END")];
        let set: Vec<_> = names.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name).collect();
        f.write_str(&set.join(" "))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { kind: Kind::Call, flags: Flags(0xa0), code: 2, length: 0x0102, call: 0x0304_0506 };

    #[test]
    fn a_header_is_kind_and_flags_then_code_then_length_then_call() {
        assert_eq!(HEADER.encode(), [0xa1, 2, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Header::decode(HEADER.encode()), Ok(HEADER));
    }

    #[test]
    fn a_kind_that_does_not_exist_is_refused_at_byte_0() {
        for number in [0, 9, 15] {
            let bytes = [number, 0, 0, 0, 0, 0, 0, 1];
            assert_eq!(Header::decode(bytes), Err((0, Reason::UnknownKind(number))));
        }
    }

    #[test]
    fn a_flag_the_kind_does_not_have_is_refused_at_byte_0() {
        for first in [0x12, 0x83, 0x84, 0x45, 0x26, 0xc1, 0xc2, 0x41, 0x87] {
            let bytes = [first, 0, 0, 0, 0, 0, 0, u8::from(first != 0x87)];
            let refused = Header::decode(bytes).unwrap_err();
            assert!(matches!(refused, (0, Reason::Flags { .. })), "{first:#x}: {refused:?}");
        }
    }

    #[test]
    fn a_payload_over_the_limit_is_refused_before_any_of_it_is_read() {
        assert!(Header::decode([2, 0, 0xa0, 0x00, 0, 0, 0, 1]).is_ok());
        let over = Header::decode([2, 0, 0xa0, 0x01, 0, 0, 0, 1]);
        assert_eq!(over, Err((2, Reason::PayloadTooLarge(0xa001))));
    }

    #[test]
    fn a_code_where_none_belongs_is_refused_at_byte_1() {
        for kind in [Kind::Message, Kind::Head, Kind::Credit] {
            let bytes = [kind as u8, 7, 0, 0, 0, 0, 0, 1];
            assert_eq!(Header::decode(bytes), Err((1, Reason::UnusedCode { kind, code: 7 })));
        }
    }

    #[test]
    fn call_0_is_the_connection_and_only_the_connection() {
        let message = Header::decode([2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message, Err((4, Reason::CallId { call: 0, kind: Kind::Message })));
        let ping = Header::decode([7, 0, 0, 8, 0, 0, 0, 1]);
        assert_eq!(ping, Err((4, Reason::CallId { call: 1, kind: Kind::Ping })));
    }
}
