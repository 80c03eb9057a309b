//! What one connection may cost: every limit, with its default.

use std::time::Duration;

use crate::budget::Rate;
use crate::hpack;

/// What one connection may cost its owner.
///
/// At most, a connection holds [`connection_window`](Self::connection_window) bytes of data that nobody
/// has read, in buffers twice as large; [`send_buffer`](Self::send_buffer) bytes that wait to be written;
/// two tables of [`header_table_size`](Self::header_table_size), and a few field lists that it would
/// recognise; and one field block that is not complete. What the application hands over to be sent comes on
/// top, and the application can ask how much that is. Nothing is allocated for bytes that a peer only
/// announced.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many streams a peer may have open at once; and half of how many there may be that the
    /// application has not released: a handler that still runs still costs, also when the peer has reset
    /// its stream (CVE-2023-44487). Those above are refused. Default: 100.
    pub streams: u32,
    /// The largest payload of a frame that is accepted, in bytes, 2^14 to 2^24−1. Default: 2^14.
    pub frame_size: u32,
    /// The largest field list accepted, in bytes as HPACK counts them (RFC 7541 §4.1). A request that has
    /// more is answered with status 431, a response fails its stream; four times as much ends the
    /// connection. Default: 16 KiB.
    pub header_list_size: usize,
    /// The most fields accepted in one list, with the same consequences. Default: 100.
    pub header_fields: usize,
    /// How many CONTINUATION frames a field block may have (CVE-2024-27316). Default: 8.
    pub continuations: u32,
    /// The table for the field blocks that come in, in bytes. Default: 4,096.
    pub header_table_size: usize,
    /// The window with which each stream begins: how many bytes a peer may send on it before any was
    /// read. Up to 2^31−1. Default: 65,535.
    pub stream_window: u32,
    /// How large that window may become for a stream whose data is read as fast as it comes.
    /// Default: 4 MiB.
    pub largest_stream_window: u32,
    /// How many bytes of data a peer may send on all streams together before any was read. At least
    /// 65,535. At its default of 16 MiB it has room for all streams of a server at once, so that those
    /// nobody reads do not stop the others.
    pub connection_window: u32,
    /// How many bytes may wait to be written, beyond which no further data is taken from streams; a
    /// server does not read either, then, until its peer has read what waits. Default: 128 KiB.
    pub send_buffer: usize,
    /// How many frames that answer the peer may wait to be written (CVE-2019-9512, CVE-2019-9515).
    /// Default: 1,000.
    pub queued_answers: u32,
    /// How often streams may be reset that a client opened: by the client itself (CVE-2023-44487), or from
    /// here because of what it sent (CVE-2025-8671). Default: 200, then 33 a second.
    pub resets: Rate,
    /// How often a peer may send what carries nothing: DATA that is empty and ends nothing
    /// (CVE-2019-9518), informational responses, GOAWAY again. Default: 100, then 10 a second.
    pub useless: Rate,
    /// How many DATA frames may have come that nobody has read, however small they are. One more fails its
    /// stream. Default: 65,536.
    pub unread_frames: u32,
    /// How often a peer may change its settings (CVE-2019-9515). Default: 100, then 10 a second.
    pub settings: Rate,
    /// How far PINGs of a client have to be apart, as long as it is sent nothing else. The third in
    /// a row that comes too early ends the connection. Default: 1 s.
    pub ping_gap: Duration,
    /// How long a peer may take for its first SETTINGS, for the acknowledgment of ours, and for the end of a
    /// field block. Default: 10 s.
    pub handshake: Duration,
    /// How long a peer may be silent before it is asked for a sign of life. There are servers that take it
    /// amiss if that is less than 5 minutes. Default: 2 h.
    pub keepalive: Duration,
    /// How long the sign of life may take. Default: 20 s.
    pub keepalive_timeout: Duration,
    /// How long a peer may take nothing of what is written to it, or of what is left to be sent on a stream
    /// that the application has released, which is looked at as often: up to twice as long. Default: 30 s.
    pub write: Duration,
    /// How long a connection is kept that has no streams. Default: 30 min.
    pub idle: Duration,
    /// How long a peer may take to learn that the connection is going away, before the streams that it
    /// opens are refused. Default: 3 s.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 100,
            frame_size: 1 << 14,
            header_list_size: 16 << 10,
            header_fields: 100,
            continuations: 8,
            header_table_size: hpack::DEFAULT_TABLE_SIZE,
            stream_window: 65_535,
            largest_stream_window: 4 << 20,
            connection_window: 16 << 20,
            send_buffer: 128 << 10,
            queued_answers: 1000,
            resets: Rate { burst: 200, per_second: 33 },
            useless: Rate { burst: 100, per_second: 10 },
            unread_frames: 1 << 16,
            settings: Rate { burst: 100, per_second: 10 },
            ping_gap: Duration::from_secs(1),
            handshake: Duration::from_secs(10),
            keepalive: Duration::from_secs(2 * 60 * 60),
            keepalive_timeout: Duration::from_secs(20),
            write: Duration::from_secs(30),
            idle: Duration::from_secs(30 * 60),
            farewell: Duration::from_secs(3),
        }
    }
}
