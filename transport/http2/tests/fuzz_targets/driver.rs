//! One end of a connection between a peer and an application that do anything, watched from both sides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http2::connection::PREFACE;
use http2::error::Scope;
use http2::frame::{Data, Frame, GoAway, Head, Kind, Setting};
use http2::hpack::{Decoder, FieldList};
use http2::{Connection, ErrorCode, Event, Fields, Follows, Limits, Output, Rate, Role, SendError};

use super::step::{BLOCKS, Step, Target};

/// How a connection begins.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The limits are so small that they matter.
    pub is_small: bool,
    /// The window of streams is other than the default.
    pub has_windows: bool,
    /// The peer has said what comes first, and acknowledged it.
    pub is_greeted: bool,
}

impl Setup {
    pub fn from_byte(byte: u8) -> Self {
        Self { is_small: byte & 1 != 0, has_windows: byte & 2 != 0, is_greeted: byte & 4 == 0 }
    }

    fn limits(self) -> Limits {
        let mut limits = Limits::default();
        if self.is_small {
            limits = Limits {
                streams: 3,
                header_list_size: 200,
                header_fields: 6,
                continuations: 2,
                header_table_size: 100,
                connection_window: 65_535,
                send_buffer: 300,
                queued_answers: 20,
                resets: Rate { burst: 6, per_second: 1 },
                useless: Rate { burst: 3, per_second: 1 },
                unread_frames: 5,
                settings: Rate { burst: 3, per_second: 1 },
                ..limits
            };
        }
        if self.has_windows {
            limits.stream_window = if self.is_small { 1000 } else { 100_000 };
        }
        limits
    }
}

/// One end of a connection, and what both sides of it know.
pub struct Driver {
    connection: Connection,
    limits: Limits,
    now: Instant,
    input: BytesMut,
    /// The streams that the application knows, by their ids, until it has released them.
    streams: BTreeMap<u32, Known>,
    last_announced: u32,
    /// The peer's first field block has to say that the table is smaller.
    is_change_due: bool,
    /// [`Event::Closed`] has come.
    is_closed: bool,
    /// How much may wait to be written, at most.
    may_wait: usize,
    peer: Peer,
}

/// What the application knows of a stream.
#[derive(Debug, Default)]
struct Known {
    has_head: bool,
    ended_by_peer: bool,
    ended_here: bool,
    is_reset: bool,
    is_awaited: bool,
    unread: usize,
    unread_frames: u32,
    queued: usize,
    /// How much was queued in all.
    sent: usize,
}

/// What the peer knows.
struct Peer {
    role: Role,
    /// What it has sent, as it would be read.
    sent: BytesMut,
    preface: usize,
    is_readable: bool,
    decoder: Decoder,
    /// What it has allowed to be sent on all streams, and on one besides the largest first window.
    credit: u64,
    credits: BTreeMap<u32, u64>,
    first_window: u64,
    /// What came on all streams.
    received: u64,
    /// What it may still send on all streams.
    allowance: i64,
    streams: BTreeMap<u32, Written>,
}

/// What was written on a stream.
#[derive(Debug, Default)]
struct Written {
    data: u64,
    has_ended: bool,
    is_reset: bool,
}

impl Driver {
    pub fn new(role: Role, setup: Setup) -> Self {
        let (now, limits) = (Instant::now(), setup.limits());
        let connection = match role {
            Role::Client => Connection::client(limits.clone(), now),
            Role::Server => Connection::server(limits.clone(), now),
        };
        let mut driver = Self {
            connection,
            now,
            input: BytesMut::new(),
            streams: BTreeMap::new(),
            last_announced: 0,
            is_change_due: setup.is_small && setup.is_greeted,
            is_closed: false,
            may_wait: 0,
            peer: Peer::new(role),
            limits,
        };
        driver.may_wait = driver.may_answer();
        if setup.is_greeted {
            if role == Role::Server {
                driver.receive(PREFACE);
            }
            driver.frame(Kind::SETTINGS, 0, Target::Id(0), &[]);
            driver.frame(Kind::SETTINGS, Head::ACK, Target::Id(0), &[]);
        }
        driver
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Bytes(bytes) => self.receive(&bytes),
            Step::Frame { kind, flags, stream, payload } => self.frame(Kind(kind), flags, stream, &payload),
            Step::Headers { stream, block, end_stream } => {
                let flags = Head::END_HEADERS | u8::from(end_stream);
                let change: &[u8] = if std::mem::take(&mut self.is_change_due) { TABLE_OF_100 } else { &[] };
                self.frame(Kind::HEADERS, flags, stream, &[change, BLOCKS[block]].concat());
            }
            Step::Credit { stream, bytes } => {
                self.frame(Kind::WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
            }
            Step::Open { end_stream } => self.open(end_stream),
            Step::Head { at, is_informational, end_stream } => {
                if let Some(id) = self.pick(at) {
                    self.head(id, is_informational, end_stream);
                }
            }
            Step::Data { at, size, end_stream } => {
                if let Some(id) = self.pick(at) {
                    self.data(id, size, end_stream);
                }
            }
            Step::Trailers { at } => {
                if let Some(id) = self.pick(at) {
                    self.trailers(id);
                }
            }
            Step::AwaitRoom { at } => {
                if let Some(id) = self.pick(at) {
                    self.known(id).is_awaited = !self.connection.await_room(id);
                }
            }
            Step::Read { at, bytes } => {
                if let Some(id) = self.pick(at) {
                    self.read(id, bytes);
                }
            }
            Step::Reset { at } => {
                if let Some(id) = self.pick(at) {
                    self.connection.reset(id, ErrorCode::CANCEL);
                    self.may_wait += AN_ACTION;
                    let known = self.known(id);
                    (known.is_reset, known.queued) = (true, 0);
                }
            }
            Step::Release { at } => {
                if let Some(id) = self.pick(at) {
                    self.release(id);
                }
            }
            Step::Drain => {
                self.connection.drain();
                self.may_wait += AN_ACTION;
            }
            Step::TakeOutput => self.take_output(),
            Step::Wait { millis } => self.wait(self.now + Duration::from_millis(millis)),
            Step::WaitForTimeout => {
                if let Some(due) = self.connection.next_timeout() {
                    self.wait(due);
                    let next = self.connection.next_timeout();
                    assert!(next.is_none_or(|next| next > self.now), "what is due was done");
                }
            }
        }
        self.check();
    }

    /// The application lets go of everything; then nothing may be left that it would have to wait for.
    pub fn finish(&mut self) {
        for id in self.streams.keys().copied().collect::<Vec<_>>() {
            self.release(id);
            self.check();
        }
        self.take_output();
        self.check();
        if self.connection.role() == Role::Client {
            assert_eq!(self.connection.stream_count(), 0, "a client that has released all streams has none");
        }
        self.connection.drain();
        self.connection.lose();
        assert!(self.connection.is_done() && self.connection.stream_count() == 0);
        assert_eq!(self.connection.waiting_output(), 0);
    }

    // ---- the peer ----

    fn frame(&mut self, kind: Kind, flags: u8, stream: Target, payload: &[u8]) {
        let next = if self.last_announced == 0 { 1 } else { self.last_announced.saturating_add(2) };
        let stream = match stream {
            Target::Id(id) => id,
            Target::Known(at) => match self.pick(at) {
                Some(id) => id,
                None => return,
            },
            Target::Next => next,
        };
        let mut frame = BytesMut::new();
        Head { length: payload.len() as u32, kind, flags, stream }.encode(&mut frame);
        frame.extend_from_slice(payload);
        self.receive(&frame);
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.peer.send(bytes, self.limits.frame_size);
        while let Some(event) = self.connection.receive(&mut self.input, self.now) {
            self.event(event);
        }
        assert!(
            self.input.len() < Head::SIZE + self.limits.frame_size as usize,
            "what is left is not a whole frame"
        );
    }

    // ---- the application ----

    fn known(&mut self, id: u32) -> &mut Known {
        self.streams.get_mut(&id).unwrap_or_else(|| panic!("stream {id} is not the application's"))
    }

    fn pick(&self, at: usize) -> Option<u32> {
        self.streams.keys().nth(at % self.streams.len().max(1)).copied()
    }

    fn open(&mut self, end_stream: bool) {
        let can_open = self.connection.can_open();
        let request = Fields::new([(":method", "POST"), (":scheme", "http"), (":path", "/")]);
        let opened = self.connection.open(&request, end_stream);
        match opened {
            Ok(id) => {
                assert!(can_open && !self.is_closed);
                let known = Known { ended_here: end_stream, ..Known::default() };
                assert!(self.streams.insert(id, known).is_none());
                self.peer.streams.insert(id, Written::default());
            }
            Err(SendError::CannotOpen) => assert!(!can_open),
            Err(SendError::TooLarge { size, limit }) => assert!(size > limit as usize),
            Err(error) => panic!("{error}"),
        }
        self.may_wait += AN_ACTION;
    }

    fn head(&mut self, id: u32, is_informational: bool, end_stream: bool) {
        let status = if is_informational { "103" } else { "200" };
        let sent = self.connection.send_headers(id, &Fields::new([(":status", status)]), end_stream);
        self.may_wait += AN_ACTION;
        let known = self.known(id);
        if known.ended_here || known.is_reset {
            assert_eq!(sent, Err(SendError::Ended));
        }
        known.ended_here |= end_stream && sent.is_ok();
    }

    fn data(&mut self, id: u32, size: usize, end_stream: bool) {
        let known = self.known(id);
        let (over, from) = (known.ended_here || known.is_reset, known.sent);
        let data: Bytes = (from..from + size).map(|at| at as u8).collect();
        let waiting = self.connection.waiting_output();
        let trailers = Fields::new([("x", "y")]);
        // Either way of sending is as good as the other.
        let sent = match size % 2 {
            0 => self.connection.send_data(id, data, end_stream),
            _ => {
                let follows = match end_stream {
                    true if size.is_multiple_of(3) => Follows::Trailers(&trailers),
                    true => Follows::End,
                    false => Follows::More,
                };
                self.connection.send_copy(id, [&data[..size / 3], &data[size / 3..]], follows)
            }
        };
        if over {
            assert_eq!(sent, Err(SendError::Ended));
        }
        if sent.is_ok() {
            let at_once = self.connection.waiting_output() - waiting;
            self.may_wait += at_once;
            let known = self.known(id);
            if at_once > 0 {
                // It ends the stream, and nothing was in its way.
                assert!(end_stream && known.queued == 0 && at_once >= size);
            } else {
                known.queued += size;
            }
            known.sent += size;
            known.ended_here |= end_stream;
        }
    }

    fn trailers(&mut self, id: u32) {
        let sent = self.connection.send_trailers(id, &Fields::new([("x", "y")]));
        self.may_wait += AN_ACTION;
        let known = self.known(id);
        if known.ended_here || known.is_reset {
            assert_eq!(sent, Err(SendError::Ended));
        }
        known.ended_here |= sent.is_ok();
    }

    fn read(&mut self, id: u32, bytes: usize) {
        self.connection.read(id, bytes);
        self.may_wait += AN_ACTION;
        let known = self.known(id);
        known.unread -= bytes.min(known.unread);
        if known.unread == 0 {
            known.unread_frames = 0;
        }
    }

    fn release(&mut self, id: u32) {
        self.connection.release(id);
        self.may_wait += AN_ACTION;
        self.streams.remove(&id);
    }

    fn wait(&mut self, until: Instant) {
        self.now = self.now.max(until);
        self.connection.handle_timeout(self.now);
        self.may_wait += AN_ACTION;
        self.poll_events();
    }

    fn take_output(&mut self) {
        let mut all = BytesMut::new();
        while self.connection.has_output() {
            let mut output = Output::default();
            self.connection.take_output(&mut output);
            self.connection.discarded().clear();
            all.put(output);
        }
        assert_eq!(self.connection.waiting_output(), 0, "all of it was taken");
        self.may_wait = self.may_answer();
        self.peer.receive(all, &mut self.streams);
        self.poll_events();
        if !self.is_closed && self.peer.is_readable {
            let unread: usize = self.streams.values().map(|known| known.unread).sum();
            let window = i64::from(self.limits.connection_window);
            let accounted = self.peer.allowance + unread as i64;
            let most_owed = window / 4;
            assert!(
                accounted <= window && accounted >= window - most_owed,
                "the peer may send {}, {unread} are unread: of {window}",
                self.peer.allowance
            );
        }
    }

    fn poll_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.event(event);
        }
    }

    // ---- what has to hold ----

    fn event(&mut self, event: Event) {
        let shown = format!("{event:?}");
        assert!(!self.is_closed, "nothing happens behind the end: {shown}");
        let (role, limits) = (self.connection.role(), self.limits.clone());
        let is_small = |fields: &Fields| {
            fields.len() <= limits.header_fields && fields.size() <= limits.header_list_size
        };
        if let Event::Headers { stream, .. } = &event
            && role == Role::Server
        {
            assert!(*stream % 2 == 1 && *stream > self.last_announced, "a new stream: {shown}");
            self.last_announced = *stream;
            self.streams.insert(*stream, Known::default());
        }
        let known = |streams: &mut BTreeMap<u32, Known>, id: u32| -> Known {
            let known = streams.remove(&id);
            let known = known.unwrap_or_else(|| panic!("of a stream that is not there: {shown}"));
            assert!(!known.is_reset, "of a stream that was reset: {shown}");
            known
        };
        let (id, mut now) = match &event {
            Event::Headers { stream, .. }
            | Event::Informational { stream, .. }
            | Event::Data { stream, .. }
            | Event::Trailers { stream, .. }
            | Event::Reset { stream, .. }
            | Event::Room { stream } => (*stream, known(&mut self.streams, *stream)),
            Event::GoAway { .. } => return,
            Event::Closed(error) => {
                assert!(error.scope == Scope::Connection && self.connection.has_failed());
                self.is_closed = true;
                self.streams.clear();
                return;
            }
        };
        if !matches!(event, Event::Reset { .. } | Event::Room { .. }) {
            assert!(!now.ended_by_peer, "behind the end of the stream: {shown}");
        }
        match event {
            Event::Headers { fields, end_stream, .. } => {
                assert!(!now.has_head && is_small(&fields), "{shown}");
                (now.has_head, now.ended_by_peer) = (true, end_stream);
            }
            Event::Informational { fields, .. } => {
                assert!(role == Role::Client && !now.has_head && is_small(&fields), "{shown}");
            }
            Event::Data { data, end_stream, .. } => {
                assert!(now.has_head && (end_stream || !data.is_empty()), "{shown}");
                now.unread += data.len();
                now.unread_frames += u32::from(!data.is_empty());
                now.ended_by_peer = end_stream;
            }
            Event::Trailers { fields, .. } => {
                assert!(now.has_head && is_small(&fields), "{shown}");
                now.ended_by_peer = true;
            }
            Event::Reset { .. } => (now.is_reset, now.queued) = (true, 0),
            Event::Room { .. } => {
                assert!(now.is_awaited && now.queued == 0, "{shown}");
                now.is_awaited = false;
            }
            Event::GoAway { .. } | Event::Closed(_) => {}
        }
        self.streams.insert(id, now);
    }

    fn check(&self) {
        let (connection, limits) = (&self.connection, &self.limits);
        if self.is_closed {
            assert!(connection.has_failed() && connection.is_done() && connection.stream_count() == 0);
            assert_eq!(connection.next_timeout(), None);
            return;
        }
        assert!(!connection.has_failed(), "the application was told nothing");
        match connection.role() {
            Role::Server => {
                assert!(connection.stream_count() >= self.streams.len());
                let most = 2 * limits.streams as usize;
                assert!(connection.stream_count() <= most, "{} streams", connection.stream_count());
            }
            Role::Client => assert_eq!(connection.stream_count(), self.streams.len()),
        }
        let waiting = connection.waiting_output();
        assert!(waiting <= self.may_wait, "{waiting} bytes wait, {} may", self.may_wait);
        let unread: usize = self.streams.values().map(|known| known.unread).sum();
        assert!(unread <= limits.connection_window as usize, "{unread} bytes are unread");
        let frames: u32 = self.streams.values().map(|known| known.unread_frames).sum();
        assert!(frames <= limits.unread_frames, "{frames} frames are unread");
        for (id, known) in &self.streams {
            assert_eq!(connection.queued(*id), known.queued, "queued on stream {id}");
        }
    }

    /// What may wait to be written if the application does nothing: SETTINGS, the answers, an error for
    /// each stream, and the end.
    fn may_answer(&self) -> usize {
        256 + AN_ANSWER * (self.limits.queued_answers + self.limits.streams + 1) as usize
    }
}

impl Peer {
    fn new(of: Role) -> Self {
        Self {
            role: of,
            sent: BytesMut::new(),
            preface: if of == Role::Server { PREFACE.len() } else { 0 },
            is_readable: true,
            decoder: Decoder::new(1 << 20, 10_000),
            credit: 65_535,
            credits: BTreeMap::new(),
            first_window: 65_535,
            received: 0,
            allowance: 65_535,
            streams: BTreeMap::new(),
        }
    }

    /// Takes note of what the peer sends.
    fn send(&mut self, bytes: &[u8], max_size: u32) {
        self.sent.extend_from_slice(bytes);
        let preface = self.preface.min(self.sent.len());
        self.sent.advance(preface);
        self.preface -= preface;
        while self.is_readable && self.preface == 0 {
            match Frame::decode(&mut self.sent, max_size) {
                Ok(Some(frame)) => self.sends(frame),
                Ok(None) => return,
                Err(error) => self.is_readable = error.scope != Scope::Connection,
            }
        }
    }

    fn sends(&mut self, frame: Frame) {
        match frame {
            Frame::Data(data) => self.allowance -= i64::from(data.flow_controlled_size()),
            Frame::WindowUpdate(update) if update.stream == 0 => self.credit += u64::from(update.increment),
            Frame::WindowUpdate(update) => {
                *self.credits.entry(update.stream).or_default() += u64::from(update.increment);
            }
            Frame::Settings(settings) => {
                for setting in settings.settings {
                    if let Setting::InitialWindowSize(size) = setting {
                        self.first_window = self.first_window.max(size.into());
                    }
                }
            }
            Frame::Headers(headers) if headers.stream % 2 == 1 && self.role == Role::Server => {
                self.streams.entry(headers.stream).or_default();
            }
            Frame::PushPromise(promise) => {
                self.streams.entry(promise.promised).or_default();
            }
            _ => {}
        }
    }

    /// Checks what was written.
    fn receive(&mut self, mut bytes: BytesMut, streams: &mut BTreeMap<u32, Known>) {
        if bytes.starts_with(PREFACE) {
            bytes.advance(PREFACE.len());
        }
        while let Some(frame) = Frame::decode(&mut bytes, 1 << 24).unwrap() {
            let shown = format!("{frame:?}");
            match frame {
                Frame::Data(data) => self.data(data, streams),
                Frame::Headers(headers) => {
                    let list = self.decoder.decode(&headers.fragment);
                    assert!(headers.end_headers && matches!(list, Ok(FieldList::Fields(_))), "{shown}");
                    let written = self.written(headers.stream, &shown);
                    assert!(!written.has_ended && !written.is_reset, "behind the end: {shown}");
                    written.has_ended = headers.end_stream;
                }
                Frame::RstStream(reset) => {
                    let written = self.written(reset.stream, &shown);
                    assert!(!std::mem::replace(&mut written.is_reset, true), "twice: {shown}");
                }
                Frame::WindowUpdate(update) if update.stream == 0 => {
                    self.allowance += i64::from(update.increment);
                }
                Frame::WindowUpdate(update) => {
                    assert!(!self.written(update.stream, &shown).is_reset, "behind the end: {shown}");
                }
                Frame::Settings(_) | Frame::Ping(_) => {}
                Frame::GoAway(GoAway { debug_data, .. }) => assert!(debug_data.len() < 128, "{shown}"),
                _ => panic!("never sent: {shown}"),
            }
        }
        assert!(bytes.is_empty(), "whole frames are written");
    }

    fn data(&mut self, frame: Data, streams: &mut BTreeMap<u32, Known>) {
        let (id, size) = (frame.stream, frame.data.len() as u64);
        let allowed = self.first_window + self.credits.get(&id).copied().unwrap_or(0);
        self.received += size;
        assert!(self.received <= self.credit, "more than the window of the connection");
        let written = self.written(id, "DATA");
        assert!(!written.has_ended && !written.is_reset, "DATA of stream {id} behind the end");
        let is_next = |(at, byte): (u64, &u8)| *byte == at as u8;
        assert!((written.data..).zip(&frame.data).all(is_next), "DATA of stream {id} in another order");
        written.data += size;
        assert!(written.data <= allowed, "more than the window of stream {id}");
        written.has_ended = frame.end_stream;
        if let Some(known) = streams.get_mut(&id) {
            known.queued = known.queued.saturating_sub(size as usize);
        }
    }

    fn written(&mut self, id: u32, shown: &str) -> &mut Written {
        self.streams.get_mut(&id).unwrap_or_else(|| panic!("on a stream that nobody has opened: {shown}"))
    }
}

/// In a field block: the table has 100 bytes from here on.
const TABLE_OF_100: &[u8] = &[0x3f, 0x45];

/// What one answer to the peer takes, at most.
const AN_ANSWER: usize = 64;

/// What one action of the application writes at once, at most.
const AN_ACTION: usize = 160;
