//! What one connection may cost: every limit, with its default.

use std::time::Duration;

use crate::{Code, Metadata, Status};

/// What one connection may cost its owner. Each end sets its own; a peer is told those it must
/// keep to, and held to them.
///
/// For each call a connection holds at most one [`window`](Self::window) of messages nobody has
/// read yet, one message of at most [`message`](Self::message) bytes that is still arriving, one
/// that waits to be sent, and the head and status of its answer, 48 KiB at most; besides that, one
/// [`send_buffer`](Self::send_buffer) being filled and one being written. Over HTTP/2 as many bytes may wait on each call
/// in front of the message that waits, if the peer's windows have room for them. Handlers that go on after
/// their answer count as calls, up to twice as many. Nothing is allocated for bytes that a peer only
/// announced; but a peer that really sends them can, with the defaults, make 100 calls hold 4 MiB each. Over
/// HTTP/2 a message of no bytes takes 5 bytes of the window, and about 40 here. Who serves strangers lowers
/// [`calls`](Self::calls) or [`message`](Self::message).
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest message accepted, in bytes. A larger one fails its call with
    /// RESOURCE_EXHAUSTED. Default: 4 MiB.
    pub message: usize,
    /// The most metadata accepted in one place, measured as [`Metadata::size`]. More fails the
    /// call with RESOURCE_EXHAUSTED. Default: 16 KiB.
    ///
    /// [`Metadata::size`]: crate::Metadata::size
    pub metadata: usize,
    /// The most metadata fields accepted in one place. Default: 100.
    pub metadata_fields: usize,
    /// How many calls a peer may have open at once on one connection. Default: 100.
    pub calls: u32,
    /// How many bytes of messages a peer may send on one call before they are read; every message
    /// counts [64 bytes](crate::frame::MESSAGE_COST) more in our own frames. At least 1 KiB. Over HTTP/2 it is
    /// where the window begins: for a call that is read as fast as it comes it grows, to 4 MiB at most.
    /// Default: 64 KiB.
    pub window: u32,
    /// How many bytes may wait to be written on one connection before senders wait; over HTTP/2, on one call too.
    /// Default: 128 KiB.
    pub send_buffer: usize,
    /// How long a peer may take for the first bytes of a connection; with TLS, before that, for its handshake. Default:
    /// 10 s.
    pub handshake: Duration,
    /// How long a connection may be silent before the peer is asked for a sign of life, and
    /// again how long it may take to give one. A client of gRPC asks every 5 minutes at most, because there
    /// are servers that hang up on one that asks more often. Default: 20 s.
    pub keepalive: Duration,
    /// How long a peer may take no byte of what is written to it. Default: 30 s.
    pub write: Duration,
}

impl Limits {
    /// The limits of the HTTP/2 connection under one with these.
    pub(crate) fn http2(&self, role: http2::Role) -> http2::Limits {
        let fields_of_grpc = 12;
        let keepalive = if self.keepalive.is_zero() { Duration::MAX } else { self.keepalive };
        http2::Limits {
            streams: self.calls,
            header_list_size: self.header_list(),
            header_fields: self.metadata_fields.saturating_add(fields_of_grpc),
            stream_window: self.window.max(MIN_WINDOW),
            send_buffer: self.send_buffer,
            handshake: self.handshake,
            // Servers of gRPC hang up on clients that ask for a sign of life more often than every 5 minutes.
            keepalive: match role {
                http2::Role::Client => keepalive.max(Duration::from_secs(5 * 60)),
                http2::Role::Server => keepalive,
            },
            write: self.write,
            // A message of 64 KiB comes in one frame then, and need not be put together.
            frame_size: 65 << 10,
            ..http2::Limits::default()
        }
    }

    /// The most bytes of fields that metadata can take, and what gRPC says beside it.
    pub(crate) fn header_list(&self) -> usize {
        // Binary values become a third longer, and a status has a text beside its metadata.
        self.metadata.saturating_add(self.metadata / 3).saturating_add(8 << 10)
    }

    /// Makes sure that there is not too much metadata in one place.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when there is.
    pub(crate) fn check(&self, received: &Metadata) -> Result<(), Status> {
        let Self { metadata, metadata_fields, .. } = self;
        if received.size() <= *metadata && received.len() <= *metadata_fields {
            return Ok(());
        }
        let text = format!("more than {metadata} bytes or {metadata_fields} fields of metadata");
        Err(Status::new(Code::ResourceExhausted, text))
    }

    /// How long a peer may be silent that cannot be asked for a sign of life.
    #[cfg(feature = "web")]
    pub(crate) fn silence(&self) -> Duration {
        if self.keepalive.is_zero() { Duration::MAX } else { self.keepalive.saturating_mul(2) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 4 << 20,
            metadata: 16 << 10,
            metadata_fields: 100,
            calls: 100,
            window: 64 << 10,
            send_buffer: 128 << 10,
            handshake: Duration::from_secs(10),
            keepalive: Duration::from_secs(20),
            write: Duration::from_secs(30),
        }
    }
}

/// The smallest window.
const MIN_WINDOW: u32 = 1 << 10;
