//! The nine bytes that begin every frame (RFC 9113 §4.1).

use bytes::{BufMut, BytesMut};

/// The nine bytes that begin every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many bytes of payload follow, 24 bits.
    pub length: u32,
    /// The type.
    pub kind: Kind,
    /// The flags, whose meaning depends on the type.
    pub flags: u8,
    /// The stream, 31 bits; 0 for the connection.
    pub stream: u32,
}

/// The type of a frame: a number, so that one that nobody has defined yet is one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub u8);

#[allow(missing_docs)] // RFC 9113 §6 says what each is.
impl Kind {
    pub const DATA: Self = Self(0x0);
    pub const HEADERS: Self = Self(0x1);
    pub const PRIORITY: Self = Self(0x2);
    pub const RST_STREAM: Self = Self(0x3);
    pub const SETTINGS: Self = Self(0x4);
    pub const PUSH_PROMISE: Self = Self(0x5);
    pub const PING: Self = Self(0x6);
    pub const GOAWAY: Self = Self(0x7);
    pub const WINDOW_UPDATE: Self = Self(0x8);
    pub const CONTINUATION: Self = Self(0x9);
}

impl Head {
    /// How many bytes a head has.
    pub const SIZE: usize = 9;

    /// SETTINGS and PING: this acknowledges the peer's.
    pub const ACK: u8 = 0x01;
    /// DATA and HEADERS: the sender has nothing more to send on this stream.
    pub const END_STREAM: u8 = 0x01;
    /// HEADERS, PUSH_PROMISE and CONTINUATION: the field block ends here.
    pub const END_HEADERS: u8 = 0x04;
    /// DATA, HEADERS and PUSH_PROMISE: there is padding.
    pub const PADDED: u8 = 0x08;
    /// HEADERS: there are the five bytes of the deprecated priority.
    pub const PRIORITY: u8 = 0x20;

    /// The head that these bytes are; every nine bytes are one.
    pub const fn decode(bytes: [u8; Self::SIZE]) -> Self {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = bytes;
        Self {
            length: u32::from_be_bytes([0, l2, l1, l0]),
            kind: Kind(kind),
            flags,
            // The highest bit is reserved, and ignored.
            stream: u32::from_be_bytes([s3 & 0x7f, s2, s1, s0]),
        }
    }

    /// Appends the head.
    pub fn encode(self, dst: &mut BytesMut) {
        dst.put_slice(&self.bytes());
    }

    /// The bytes of the head.
    pub const fn bytes(self) -> [u8; Self::SIZE] {
        let [_, l2, l1, l0] = self.length.to_be_bytes();
        let [s3, s2, s1, s0] = self.stream.to_be_bytes();
        [l2, l1, l0, self.kind.0, self.flags, s3, s2, s1, s0]
    }

    /// Whether a flag is set.
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// `flag` if `set`.
pub(super) const fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}
