//! One HTTP/2 connection, the client's end of it or the server's (RFC 9113).
//!
//! It does no I/O and has no clock. Whoever drives it
//!
//! - hands it what has come, with [`Connection::receive`], and takes what that means, event by event;
//! - asks it to do something: [`open`](Connection::open) a stream, send on it, reset it;
//! - tells it what the application has [`read`](Connection::read), so that the peer may send more;
//! - takes what is to be written, with [`Connection::take_output`];
//! - calls it again at [`Connection::next_timeout`], and says what time it is.
//!
//! ```text
//!    bytes in ──▶ receive ──▶ Event                send_headers, send_data, send_trailers
//!                   │  ▲                                          │
//!         frame ── headers, data … ── stream ── flow ── send ── pump ──▶ take_output ──▶ bytes out
//!                   │                                     │
//!                 hpack (one table in)             hpack (one table out)
//! ```
//!
//! What belongs together stands in one file: `receive` (frames in), `message` (field blocks in), `send` (what
//! the application does), `pump` (frames out), `leave` (GOAWAY both ways, and errors), `clock` (what
//! time does).

mod clock;
mod leave;
mod message;
mod pump;
mod receive;
mod send;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::budget::Budget;
use crate::closed::ClosedStreams;
use crate::error::{ErrorCode, Http2Error};
use crate::flow::{DEFAULT_WINDOW, ReceiveWindow, SendWindow};
use crate::frame::{Settings, WindowUpdate};
use crate::hpack::{Decoder, Encoder, Fields};
use crate::limits::Limits;
use crate::output::{Discarded, Output};
use crate::recent::Recent;
use crate::settings::{PeerSettings, announcement};
use crate::streams::Streams;

pub use send::{Follows, SendError};

use clock::Clock;
use leave::Leaving;
use message::{FieldBlock, Seen};
use send::Checked;

/// What every client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens streams.
    Client,
    /// Answers on them.
    Server,
}

/// What has happened. A stream is named by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To a server: a request, on a new stream. To a client: the response.
    Headers {
        /// Which stream.
        stream: u32,
        /// Pseudo-header fields first. They have been checked (RFC 9113 §8).
        fields: Fields,
        /// Whether nothing follows.
        end_stream: bool,
    },
    /// To a client: a response that comes before the final one; its status is 1xx.
    Informational {
        /// Which stream.
        stream: u32,
        /// The status, and what goes with it.
        fields: Fields,
    },
    /// Data. Once it has been read, [`Connection::read`] has to be told.
    Data {
        /// Which stream.
        stream: u32,
        /// The bytes, which may be none at the end.
        data: Bytes,
        /// Whether nothing follows.
        end_stream: bool,
    },
    /// Trailers; nothing follows.
    Trailers {
        /// Which stream.
        stream: u32,
        /// The fields.
        fields: Fields,
    },
    /// A stream is over before its end.
    Reset {
        /// Which stream.
        stream: u32,
        /// Why. To a client, REFUSED_STREAM says that the request was not processed and can be sent again.
        code: ErrorCode,
        /// What the peer did wrong, if that is why.
        reason: Option<&'static str>,
    },
    /// All data that was queued on a stream is on its way, and somebody waits for that: see
    /// [`Connection::await_room`].
    Room {
        /// Which stream.
        stream: u32,
    },
    /// The peer is going away. A client opens no further streams, and those that the server never processed
    /// have been reset, REFUSED_STREAM.
    GoAway {
        /// Why.
        code: ErrorCode,
        /// For people who search for the reason.
        debug_data: Bytes,
    },
    /// The connection is over, because of the peer; it has been told. All streams are gone.
    Closed(Http2Error),
}

/// One end of an HTTP/2 connection. See the [module](self).
#[derive(Debug)]
pub struct Connection {
    role: Role,
    limits: Limits,
    peer: PeerSettings,

    /// What of the client's preface has not come.
    preface: &'static [u8],
    /// The peer's first SETTINGS have come.
    greeted: bool,
    /// Our SETTINGS hold, because the peer has acknowledged them.
    acknowledged: bool,

    decoder: Decoder,
    encoder: Encoder,
    /// A field block that CONTINUATION frames go on with.
    partial: Option<FieldBlock>,
    /// Field blocks that came before.
    seen: Recent<Seen>,
    /// Lists of fields that were sent before.
    checked: Recent<Checked>,

    streams: Streams,
    closed: ClosedStreams,
    /// How many streams are not closed.
    open: u32,
    /// The next stream to be opened from here.
    next_stream: u32,
    /// The last stream that the peer has opened, or promised.
    last_peer_stream: u32,

    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// How much the windows of streams may grow, all together, so that the window of the connection still
    /// has room for them all.
    spare_window: u32,
    /// How many DATA frames have come that were not read.
    unread_frames: u32,

    /// Streams that have something to send and may.
    turn: VecDeque<u32>,
    /// Streams that wait for the window of the connection.
    starved: VecDeque<u32>,
    out: Output,
    /// How many frames in `out` answer the peer.
    answers: u32,

    events: VecDeque<Event>,
    /// What nobody needs any more: its owner drops it when no lock is held.
    discarded: Vec<Discarded>,

    resets: Budget,
    useless: Budget,
    settings_changes: Budget,
    clock: Clock,
    leaving: Leaving,
}

impl Event {
    /// Which stream it is about, if it is about one.
    pub fn stream(&self) -> Option<u32> {
        match self {
            Self::Headers { stream, .. }
            | Self::Informational { stream, .. }
            | Self::Data { stream, .. }
            | Self::Trailers { stream, .. }
            | Self::Reset { stream, .. }
            | Self::Room { stream } => Some(*stream),
            Self::GoAway { .. } | Self::Closed(_) => None,
        }
    }
}

impl Connection {
    /// The client's end of a connection, at its beginning.
    pub fn client(limits: Limits, now: Instant) -> Self {
        Self::new(Role::Client, limits, now)
    }

    /// The server's end of a connection, at its beginning.
    pub fn server(limits: Limits, now: Instant) -> Self {
        Self::new(Role::Server, limits, now)
    }

    /// Which end this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The limits of this end.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many streams there are: those that are not closed, and those that were not released.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Whether the peer's first SETTINGS have come. Before that it is not known how many streams it allows,
    /// nor whether it speaks HTTP/2 at all.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// The next thing that has happened, if there is one. What comes in makes events appear in
    /// [`Connection::receive`]; this is for what happens otherwise: when output was taken, or time passed.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is not needed any more, to be dropped by whoever holds the lock when that is released.
    pub fn discarded(&mut self) -> &mut Vec<Discarded> {
        &mut self.discarded
    }

    fn new(role: Role, mut limits: Limits, now: Instant) -> Self {
        limits.frame_size = limits.frame_size.clamp(1 << 14, (1 << 24) - 1);
        limits.connection_window = limits.connection_window.clamp(DEFAULT_WINDOW, (1 << 31) - 1);
        limits.stream_window = limits.stream_window.min((1 << 31) - 1);
        limits.largest_stream_window = limits.largest_stream_window.min((1 << 31) - 1);
        limits.send_buffer = limits.send_buffer.max(1);
        let of_streams = limits.stream_window.saturating_mul(limits.streams);
        let mut connection = Self {
            role,
            peer: PeerSettings::UNSAID,
            preface: if role == Role::Server { PREFACE } else { &[] },
            greeted: false,
            acknowledged: false,
            decoder: Decoder::new(limits.header_list_size, limits.header_fields),
            encoder: Encoder::new(),
            partial: None,
            seen: Recent::default(),
            checked: Recent::default(),
            streams: Streams::default(),
            closed: ClosedStreams::default(),
            open: 0,
            next_stream: 1,
            last_peer_stream: 0,
            send_window: SendWindow::new(DEFAULT_WINDOW),
            receive_window: ReceiveWindow::new(limits.connection_window),
            spare_window: limits.connection_window.saturating_sub(of_streams),
            unread_frames: 0,
            turn: VecDeque::new(),
            starved: VecDeque::new(),
            out: Output::default(),
            answers: 0,
            events: VecDeque::new(),
            discarded: Vec::new(),
            resets: Budget::new(limits.resets),
            useless: Budget::new(limits.useless),
            settings_changes: Budget::new(limits.settings),
            clock: Clock::new(now),
            leaving: Leaving::default(),
            limits,
        };
        connection.greet();
        connection
    }

    /// Sends what comes first on a connection (RFC 9113 §3.4).
    fn greet(&mut self) {
        if self.role == Role::Client {
            self.out.put(PREFACE);
        }
        let settings = announcement(self.role, &self.limits);
        Settings { ack: false, settings }.encode(self.out.tail());
        let increment = self.limits.connection_window - DEFAULT_WINDOW;
        if increment > 0 {
            WindowUpdate { stream: 0, increment }.encode(self.out.tail());
        }
    }
}

fn protocol_error(reason: &'static str) -> Http2Error {
    Http2Error::connection(ErrorCode::PROTOCOL_ERROR, reason)
}

fn calm_down(reason: &'static str) -> Http2Error {
    Http2Error::connection(ErrorCode::ENHANCE_YOUR_CALM, reason)
}
