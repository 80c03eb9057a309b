//! What can happen to one end of a connection, and how bytes say it.

/// What the peer sends, or the application does.
#[derive(Clone, Debug)]
pub enum Step {
    /// The peer sends any bytes.
    Bytes(Vec<u8>),
    /// The peer sends a frame that is whole, but may be any.
    Frame {
        kind: u8,
        flags: u8,
        stream: Target,
        payload: Vec<u8>,
    },
    /// The peer sends HEADERS with one of [`BLOCKS`].
    Headers {
        stream: Target,
        block: usize,
        end_stream: bool,
    },
    /// The peer gives credit.
    Credit {
        stream: Target,
        bytes: u32,
    },

    Open {
        end_stream: bool,
    },
    /// The application sends the head of a response.
    Head {
        at: usize,
        is_informational: bool,
        end_stream: bool,
    },
    Data {
        at: usize,
        size: usize,
        end_stream: bool,
    },
    Trailers {
        at: usize,
    },
    AwaitRoom {
        at: usize,
    },
    Read {
        at: usize,
        bytes: usize,
    },
    Reset {
        at: usize,
    },
    Release {
        at: usize,
    },
    Drain,
    TakeOutput,
    /// Time passes.
    Wait {
        millis: u64,
    },
    /// Time passes until something is due.
    WaitForTimeout,
}

/// Which stream the peer means.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    Id(u32),
    /// One that the application knows.
    Known(usize),
    /// The next one that a client opens.
    Next,
}

/// Field blocks: requests, responses, trailers; with and without additions to the table.
pub const BLOCKS: [&[u8]; 8] = [
    // :method POST, :scheme http, :path /
    &[0x83, 0x86, 0x84],
    // The same, and content-length 5.
    &[0x83, 0x86, 0x84, 0x0f, 0x0d, 0x01, b'5'],
    // :method HEAD
    &[0x02, 0x04, b'H', b'E', b'A', b'D', 0x86, 0x84, 0x40, 0x01, b'a', 0x01, b'b'],
    // :status 200
    &[0x88],
    // :status 200, content-length 5
    &[0x88, 0x5c, 0x01, b'5'],
    // :status 103
    &[0x08, 0x03, b'1', b'0', b'3'],
    // Trailers.
    &[0x40, 0x01, b'x', 0x01, b'y'],
    // The newest field of the table.
    &[0xbe],
];

/// Bytes that say what happens.
pub struct Script<'a>(pub &'a [u8]);

impl Script<'_> {
    /// The next byte, and 0 behind the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next bytes, fewer at the end.
    pub fn bytes(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// What happens next.
    pub fn step(&mut self) -> Option<Step> {
        if self.0.is_empty() {
            return None;
        }
        let what = self.byte();
        // The highest bit is a choice within the step.
        let choice = what & 0x80 != 0;
        Some(match what % 20 {
            0 => Step::Bytes(self.counted()),
            1..=4 => {
                let (kind, flags, stream) = (self.byte() % 12, self.byte(), self.stream());
                Step::Frame { kind, flags, stream, payload: self.counted() }
            }
            5 | 6 => {
                let (stream, block) = (self.stream(), usize::from(self.byte()) % BLOCKS.len());
                Step::Headers { stream, block, end_stream: choice }
            }
            7 => {
                let stream = self.stream();
                Step::Credit { stream, bytes: self.size() as u32 }
            }
            8 => Step::Open { end_stream: choice },
            9 => {
                let which = self.byte();
                let is_informational = which & 0x80 != 0;
                Step::Head { at: usize::from(which & 0x7f), is_informational, end_stream: choice }
            }
            10 | 11 => {
                let at = self.at();
                Step::Data { at, size: self.size(), end_stream: choice }
            }
            12 => Step::Trailers { at: self.at() },
            13 => Step::AwaitRoom { at: self.at() },
            14 => {
                let at = self.at();
                Step::Read { at, bytes: self.size() }
            }
            15 => Step::Reset { at: self.at() },
            16 => Step::Release { at: self.at() },
            17 if choice => Step::Drain,
            17 | 18 => Step::TakeOutput,
            _ if choice => Step::WaitForTimeout,
            _ => Step::Wait { millis: u64::from(self.byte()) * 10 },
        })
    }

    fn at(&mut self) -> usize {
        self.byte().into()
    }

    fn stream(&mut self) -> Target {
        match self.byte() {
            byte @ 0..100 => Target::Known(byte.into()),
            100..200 => Target::Next,
            byte @ 200..250 => Target::Id(u32::from(byte % 16)),
            _ => Target::Id(
                u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()]) & 0x7fff_ffff,
            ),
        }
    }

    /// A byte for what is small, and more for what is not.
    fn size(&mut self) -> usize {
        match self.byte() {
            byte @ 0..200 => byte.into(),
            byte => usize::from(byte - 199) << 11 | usize::from(self.byte()),
        }
    }

    fn counted(&mut self) -> Vec<u8> {
        let count = self.size();
        self.bytes(count).to_vec()
    }
}
