//! Protobuf by hand: its [wire format](https://protobuf.dev/programming-guides/encoding/) in the fewest
//! functions that write and read any message. They know no contract: who calls says, and knows, which
//! fields there are.

use std::fmt;

/// How many bytes a varint has at most: 64 bits, 7 in each.
pub const MAX_VARINT: usize = 10;

/// The highest number that a field can have.
pub const MAX_FIELD: u32 = (1 << 29) - 1;

/// How a value is written: the lowest three bits of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    /// A varint: `int32`, `int64`, `uint32`, `uint64`, `sint32`, `sint64`, `bool`, an enum.
    Varint = 0,
    /// Eight bytes, the lowest first: `fixed64`, `sfixed64`, `double`.
    I64 = 1,
    /// A length as a varint, and as many bytes: `string`, `bytes`, a message, a packed list.
    Len = 2,
    /// The beginning of a group, which is deprecated.
    SGroup = 3,
    /// The end of a group.
    EGroup = 4,
    /// Four bytes, the lowest first: `fixed32`, `sfixed32`, `float`.
    I32 = 5,
}

impl WireType {
    /// The wire type with this number; 6 and 7 are none.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Varint, Self::I64, Self::Len, Self::SGroup, Self::EGroup, Self::I32]
            .get(usize::from(number))
            .copied()
    }

    /// What it is called in the specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Varint => "VARINT",
            Self::I64 => "I64",
            Self::Len => "LEN",
            Self::SGroup => "SGROUP",
            Self::EGroup => "EGROUP",
            Self::I32 => "I32",
        }
    }
}

/// A message that is being written, field by field.
///
/// It writes what it is told: that a field's number is from 1 to [`MAX_FIELD`], and that what has its
/// default is not sent, is for its caller to see to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A message without fields, which is a message too.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number. A negative one is given as the 64 bits that it has, `by as u64`, and takes ten bytes; a
    /// `sint64` goes through [`zigzag`] first.
    pub fn varint(mut self, field: u32, value: u64) -> Self {
        self.tag(field, WireType::Varint);
        put_varint(value, &mut self.bytes);
        self
    }

    /// Text.
    pub fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// Bytes; those of another message, if the field is one.
    pub fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.tag(field, WireType::Len);
        put_varint(value.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(value);
        self
    }

    /// A list of numbers, packed: one tag and one length for all of them.
    pub fn packed(self, field: u32, values: impl IntoIterator<Item = u64>) -> Self {
        let mut packed = Vec::new();
        values.into_iter().for_each(|value| put_varint(value, &mut packed));
        self.bytes(field, &packed)
    }

    /// Eight bytes; of a `double`, its `to_bits`.
    pub fn i64(mut self, field: u32, value: u64) -> Self {
        self.tag(field, WireType::I64);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// Four bytes; of a `float`, its `to_bits`.
    pub fn i32(mut self, field: u32, value: u32) -> Self {
        self.tag(field, WireType::I32);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// The bytes of the message. Nothing marks their end: who carries them says how many they are.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn tag(&mut self, field: u32, wire_type: WireType) {
        put_varint(u64::from(field) << 3 | wire_type as u64, &mut self.bytes);
    }
}

/// Writes a varint: seven bits a byte, the lowest first; the eighth says that more follow.
pub fn put_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The value of the varint that `bytes` begin with, and how many of them it takes.
///
/// # Errors
/// [`Rule::Ends`], [`Rule::LongVarint`], [`Rule::LargeVarint`].
pub fn varint(bytes: &[u8]) -> Result<(u64, usize), Rule> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(MAX_VARINT).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            // Nine bytes are 63 bits, so of the tenth one bit counts.
            let is_too_large = at + 1 == MAX_VARINT && *byte > 1;
            return if is_too_large { Err(Rule::LargeVarint) } else { Ok((value, at + 1)) };
        }
    }
    Err(if bytes.len() < MAX_VARINT { Rule::Ends } else { Rule::LongVarint })
}

/// 0, -1, 1, -2 become 0, 1, 2, 3: so what is near to 0 is short, on both sides of it.
pub fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// 0, 1, 2, 3 back to 0, -1, 1, -2.
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// The fields of a message, in the order in which they stand: any order, and any of them more than once.
///
/// After something that breaks a rule nothing follows, for nobody knows where the next field begins.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { bytes, at: 0 }
}

/// Iterates over fields, each its number and its value: see [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A value, as far as it can be known without a contract.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number: what it is, signed or not, yes or no, its field's type says.
    Varint(u64),
    /// Eight bytes.
    I64(u64),
    /// Bytes: text, another message, a packed list.
    Len(&'a [u8]),
    /// Four bytes.
    I32(u32),
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let start = self.at;
        let tag = self.varint()?;
        let wrong = |rule| Malformed { at: start, length: self.bytes.len(), rule };
        let number = tag >> 3;
        if !(1..=u64::from(MAX_FIELD)).contains(&number) {
            return Err(wrong(Rule::Field(number)));
        }
        let value = match WireType::from_number((tag & 7) as u8) {
            Some(WireType::Varint) => Value::Varint(self.varint()?),
            Some(WireType::I64) => Value::I64(u64::from_le_bytes(self.array()?)),
            Some(WireType::Len) => Value::Len(self.len()?),
            Some(WireType::I32) => Value::I32(u32::from_le_bytes(self.array()?)),
            Some(WireType::SGroup | WireType::EGroup) => return Err(wrong(Rule::Group)),
            None => return Err(wrong(Rule::WireType((tag & 7) as u8))),
        };
        Ok((number as u32, value))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let (value, size) = varint(&self.bytes[self.at..]).map_err(|rule| self.wrong(rule))?;
        self.at += size;
        Ok(value)
    }

    fn len(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        let claimed = self.varint()?;
        let left = &self.bytes[self.at..];
        // Never trust a length: it is compared to what is really there before anything is done with it.
        let taken = usize::try_from(claimed).ok().and_then(|length| left.get(..length));
        let taken = taken.ok_or(Malformed {
            at: start,
            length: self.bytes.len(),
            rule: Rule::Length { claimed, left: left.len() },
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let array = self.bytes[self.at..].first_chunk().ok_or_else(|| self.wrong(Rule::Ends))?;
        self.at += N;
        Ok(*array)
    }

    fn wrong(&self, rule: Rule) -> Malformed {
        Malformed { at: self.at, length: self.bytes.len(), rule }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.at = self.bytes.len();
        }
        Some(field)
    }
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where the part begins that is wrong or not complete; the first byte is 0.
    pub at: usize,
    /// How many bytes there are in all.
    pub length: usize,
    /// What it breaks.
    pub rule: Rule,
}

/// A rule of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The message ends within a field.
    Ends,
    /// A varint has at most ten bytes.
    LongVarint,
    /// A varint has at most 64 bits.
    LargeVarint,
    /// A field's number is from 1 to [`MAX_FIELD`].
    Field(u64),
    /// Groups are deprecated; this reader takes none.
    Group,
    /// There is no such wire type.
    WireType(u8),
    /// A length is at most what is left.
    Length {
        /// The length.
        claimed: u64,
        /// How many bytes there are behind it.
        left: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protobuf, byte {} of {}: {}", self.at, self.length, self.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ends => f.write_str("the message ends within this"),
            Self::LongVarint => write!(f, "a varint has at most {MAX_VARINT} bytes"),
            Self::LargeVarint => f.write_str("a varint has at most 64 bits"),
            Self::Field(0) => f.write_str("0 is no field number"),
            Self::Field(number) => write!(f, "{number} is no field number, the highest is {MAX_FIELD}"),
            Self::Group => f.write_str("groups are deprecated and not taken here"),
            Self::WireType(number) => write!(f, "there is no wire type {number}"),
            Self::Length { claimed, left } => write!(f, "a length of {claimed}, and {left} are left"),
        }
    }
}

impl std::error::Error for Malformed {}
