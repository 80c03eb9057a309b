//! A client and a server joined by a wire that a test holds in its hands: whatever the two applications
//! do, and whenever bytes arrive, neither end accuses the other, and nothing is left when all is said.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http2::{Connection, ErrorCode, Event, Fields, Limits, Output, Role, SendError};
use proptest::prelude::*;
use proptest::sample::Index;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_correct_ends_never_accuse_each_other_and_keep_nothing_in_the_end(
        client in sizes(),
        server in sizes(),
        early in prop::collection::vec(early_step(), 0..20),
        steps in prop_oneof![
            prop::collection::vec(step(), 0..10),
            prop::collection::vec(step(), 0..150),
        ],
        last in role(),
    ) {
        let mut pair = Pair::new(client.limits(), server.limits());
        for step in early.into_iter().chain(steps) {
            pair.take(step);
            pair.check();
        }
        pair.come_to_rest();
        pair.end(last);
    }
}

/// Something that happens at one of the ends, or on the wire.
#[derive(Clone, Debug)]
enum Step {
    Open {
        fields: usize,
        end: bool,
    },
    /// The server answers.
    Head {
        call: Index,
        is_informational: bool,
        end: bool,
    },
    Send {
        at: Role,
        call: Index,
        size: usize,
        end: bool,
    },
    Trailers {
        at: Role,
        call: Index,
    },
    AwaitRoom {
        at: Role,
        call: Index,
    },
    Read {
        at: Role,
        call: Index,
        bytes: usize,
    },
    Reset {
        at: Role,
        call: Index,
    },
    Release {
        at: Role,
        call: Index,
    },
    Drain {
        at: Role,
    },
    /// What one end has to say is on its way.
    Write {
        at: Role,
    },
    /// So many bytes arrive.
    Arrive {
        at: Role,
        bytes: usize,
    },
    Wait {
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let size = || prop_oneof![0..3_usize, 0..2000_usize, 0..40_000_usize];
    let call = any::<Index>;
    let end = || prop::bool::weighted(0.2);
    let at_call = || (role(), call());
    prop_oneof![
        30 => (0..10_usize, end()).prop_map(|(fields, end)| Step::Open { fields, end }),
        30 => (call(), end(), end())
            .prop_map(|(call, is_informational, end)| Step::Head { call, is_informational, end }),
        60 => (at_call(), size(), end())
            .prop_map(|((at, call), size, end)| Step::Send { at, call, size, end }),
        10 => at_call().prop_map(|(at, call)| Step::Trailers { at, call }),
        10 => at_call().prop_map(|(at, call)| Step::AwaitRoom { at, call }),
        60 => (at_call(), size()).prop_map(|((at, call), bytes)| Step::Read { at, call, bytes }),
        5 => at_call().prop_map(|(at, call)| Step::Reset { at, call }),
        5 => at_call().prop_map(|(at, call)| Step::Release { at, call }),
        1 => role().prop_map(|at| Step::Drain { at }),
        60 => role().prop_map(|at| Step::Write { at }),
        80 => (role(), prop_oneof![0..20_usize, 0..30_000_usize])
            .prop_map(|(at, bytes)| Step::Arrive { at, bytes }),
        20 => (0..1000_u64).prop_map(|millis| Step::Wait { millis }),
    ]
}

/// Before the client has heard of the server's settings.
fn early_step() -> impl Strategy<Value = Step> {
    let (client, server) = (Just(Role::Client), Just(Role::Server));
    let (size, call) = (prop_oneof![0..200_usize, 0..10_000_usize], any::<Index>);
    prop_oneof![
        2 => Just(Step::Open { fields: 1, end: false }),
        3 => (client, call(), size).prop_map(|(at, call, size)| Step::Send { at, call, size, end: false }),
        2 => Just(Step::Write { at: Role::Client }),
        3 => Just(Step::Arrive { at: Role::Server, bytes: 100_000 }),
        2 => (server, call()).prop_map(|(at, call)| Step::Read { at, call, bytes: 100_000 }),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

/// The limits of one end that matter here.
#[derive(Clone, Debug)]
struct Sizes {
    stream_window: u32,
    largest_stream_window: u32,
    connection_window: u32,
    send_buffer: usize,
    streams: u32,
    header_table_size: usize,
    frame_size: u32,
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let stream_window = prop::sample::select(vec![65_535, 100, 1000, 100_000_u32]);
    let largest_stream_window = prop::sample::select(vec![0, 100_000, 4 << 20_u32]);
    let connection_window = prop::sample::select(vec![16 << 20, 65_535, 70_000_u32]);
    let send_buffer = prop::sample::select(vec![64 << 10, 1, 500_usize]);
    let streams = prop::sample::select(vec![200, 1, 3_u32]);
    let header_table_size = prop::sample::select(vec![4096, 0, 100, 10_000_usize]);
    let frame_size = prop::sample::select(vec![1 << 14, 20_000_u32]);
    let windows = (stream_window, largest_stream_window, connection_window);
    (windows, send_buffer, streams, header_table_size, frame_size).prop_map(
        |(windows, send_buffer, streams, header_table_size, frame_size)| {
            let (stream_window, largest_stream_window, connection_window) = windows;
            Sizes {
                stream_window,
                largest_stream_window,
                connection_window,
                send_buffer,
                streams,
                header_table_size,
                frame_size,
            }
        },
    )
}

impl Sizes {
    fn limits(&self) -> Limits {
        Limits {
            stream_window: self.stream_window,
            largest_stream_window: self.largest_stream_window,
            connection_window: self.connection_window,
            send_buffer: self.send_buffer,
            streams: self.streams,
            header_table_size: self.header_table_size,
            frame_size: self.frame_size,
            // Time passes here before anything arrives.
            handshake: Duration::MAX,
            ..Limits::default()
        }
    }
}

/// Both ends, and what the test knows of every call.
struct Pair {
    now: Instant,
    client: End,
    server: End,
    calls: BTreeMap<u32, Call>,
}

/// One end, and the bytes on their way to it.
struct End {
    connection: Connection,
    limits: Limits,
    wire: BytesMut,
    input: BytesMut,
}

struct Call {
    request: Fields,
    client: Side,
    server: Side,
}

/// What one application has done with a call, and what it was told.
#[derive(Debug, Default)]
struct Side {
    /// A client has opened it; a server was told.
    is_known: bool,
    has_sent_head: bool,
    sent: usize,
    end: Option<Ending>,
    is_awaited: bool,
    has_reset: bool,
    has_released: bool,

    has_head: bool,
    received: usize,
    unread: usize,
    ended: Option<Ending>,
    was_reset: Option<ErrorCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Plain,
    Trailers,
}

impl End {
    fn new(role: Role, limits: Limits, now: Instant) -> Self {
        let connection = match role {
            Role::Client => Connection::client(limits.clone(), now),
            Role::Server => Connection::server(limits.clone(), now),
        };
        Self { connection, limits, wire: BytesMut::new(), input: BytesMut::new() }
    }

    fn largest_window(&self) -> usize {
        self.limits.stream_window.max(self.limits.largest_stream_window).max(65_535) as usize
    }
}

impl Call {
    fn side(&mut self, role: Role) -> &mut Side {
        self.sides(role).0
    }

    /// The side of this role, and the other one.
    fn sides(&mut self, role: Role) -> (&mut Side, &mut Side) {
        match role {
            Role::Client => (&mut self.client, &mut self.server),
            Role::Server => (&mut self.server, &mut self.client),
        }
    }
}

impl Side {
    /// The application may still ask for it.
    fn is_held(&self) -> bool {
        self.is_known && !self.has_released
    }

    fn is_cut_off(&self) -> bool {
        self.has_reset || self.was_reset.is_some()
    }

    fn can_send(&self) -> bool {
        self.is_held() && !self.is_cut_off() && self.end.is_none()
    }

    /// Both directions have ended in good order, or the stream is over otherwise.
    fn is_finished(&self) -> bool {
        self.is_cut_off() || (self.end.is_some() && self.ended.is_some() && self.unread == 0)
    }
}

impl Pair {
    fn new(client: Limits, server: Limits) -> Self {
        let now = Instant::now();
        let (client, server) = (End::new(Role::Client, client, now), End::new(Role::Server, server, now));
        Self { now, client, server, calls: BTreeMap::new() }
    }

    fn at(&mut self, role: Role) -> &mut End {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    /// A call that the application at one end may still ask for.
    fn pick(&mut self, role: Role, call: Index) -> Option<u32> {
        let held = |(id, call): (&u32, &mut Call)| call.side(role).is_held().then_some(*id);
        let ids: Vec<_> = self.calls.iter_mut().filter_map(held).collect();
        (!ids.is_empty()).then(|| *call.get(&ids))
    }

    fn side(&mut self, role: Role, id: u32) -> &mut Side {
        self.calls.get_mut(&id).unwrap().side(role)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Open { fields, end } => self.open(fields, end),
            Step::Head { call, is_informational, end } => {
                if let Some(id) = self.pick(Role::Server, call) {
                    self.head(id, is_informational, end && !is_informational);
                }
            }
            Step::Send { at, call, size, end } => {
                if let Some(id) = self.pick(at, call) {
                    self.send(at, id, size, end);
                }
            }
            Step::Trailers { at, call } => {
                if let Some(id) = self.pick(at, call) {
                    self.trailers(at, id);
                }
            }
            Step::AwaitRoom { at, call } => {
                if let Some(id) = self.pick(at, call) {
                    let has_room = self.at(at).connection.await_room(id);
                    self.side(at, id).is_awaited = !has_room;
                }
            }
            Step::Read { at, call, bytes } => {
                if let Some(id) = self.pick(at, call) {
                    self.read(at, id, bytes);
                }
            }
            Step::Reset { at, call } => {
                if let Some(id) = self.pick(at, call) {
                    self.at(at).connection.reset(id, ErrorCode::CANCEL);
                    self.side(at, id).has_reset = true;
                }
            }
            Step::Release { at, call } => {
                if let Some(id) = self.pick(at, call) {
                    self.release(at, id);
                }
            }
            Step::Drain { at } => self.at(at).connection.drain(),
            Step::Write { at } => self.write(at),
            Step::Arrive { at, bytes } => self.arrive(at, bytes),
            Step::Wait { millis } => {
                self.now += Duration::from_millis(millis);
                for role in [Role::Client, Role::Server] {
                    let now = self.now;
                    self.at(role).connection.handle_timeout(now);
                    self.poll_events(role);
                }
            }
        }
    }

    // ---- what the applications do ----

    fn open(&mut self, fields: usize, end: bool) {
        let more = (0..fields).map(|n| (format!("field-{n}"), format!("{}", n * fields)));
        let head = [(":method", "POST"), (":scheme", "http"), (":path", "/")];
        let head = head.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Fields::new(head.chain(more));
        let id = match self.client.connection.open(&request, end) {
            Err(SendError::CannotOpen) => return assert!(!self.client.connection.can_open()),
            opened => opened.unwrap(),
        };
        let end = end.then_some(Ending::Plain);
        let client = Side { is_known: true, has_sent_head: true, end, ..Side::default() };
        self.calls.insert(id, Call { request, client, server: Side::default() });
    }

    fn head(&mut self, id: u32, is_informational: bool, end: bool) {
        let status = if is_informational { "103" } else { "200" };
        let sent = self.server.connection.send_headers(id, &Fields::new([(":status", status)]), end);
        let side = self.side(Role::Server, id);
        match (side.can_send(), side.has_sent_head) {
            (false, _) => assert_eq!(sent, Err(SendError::Ended)),
            (true, true) => assert_eq!(sent, Err(SendError::Order)),
            (true, false) => {
                assert_eq!(sent, Ok(()));
                side.has_sent_head = !is_informational;
                side.end = end.then_some(Ending::Plain);
            }
        }
    }

    fn send(&mut self, at: Role, id: u32, size: usize, end: bool) {
        let side = self.side(at, id);
        let expected = match (side.can_send(), side.has_sent_head) {
            (false, _) => Err(SendError::Ended),
            (true, false) => Err(SendError::Order),
            (true, true) => Ok(()),
        };
        let data: Bytes = (side.sent..side.sent + size).map(|at| at as u8).collect();
        if expected.is_ok() {
            side.sent += size;
            side.end = end.then_some(Ending::Plain);
        }
        assert_eq!(self.at(at).connection.send_data(id, data, end), expected);
    }

    fn trailers(&mut self, at: Role, id: u32) {
        let sent = self.at(at).connection.send_trailers(id, &Fields::new([("checksum", "x")]));
        let side = self.side(at, id);
        assert_eq!(sent.is_ok(), side.can_send() && side.has_sent_head);
        if sent.is_ok() {
            side.end = Some(Ending::Trailers);
        }
    }

    fn read(&mut self, at: Role, id: u32, bytes: usize) {
        self.at(at).connection.read(id, bytes);
        let side = self.side(at, id);
        side.unread -= bytes.min(side.unread);
    }

    fn release(&mut self, at: Role, id: u32) {
        self.at(at).connection.release(id);
        self.side(at, id).has_released = true;
    }

    // ---- the wire ----

    fn write(&mut self, from: Role) {
        let mut output = Output::default();
        let connection = &mut self.at(from).connection;
        connection.take_output(&mut output);
        connection.discarded().clear();
        self.at(other(from)).wire.put(output);
        self.poll_events(from);
    }

    fn arrive(&mut self, at: Role, bytes: usize) {
        let now = self.now;
        let end = self.at(at);
        let piece = end.wire.split_to(bytes.min(end.wire.len()));
        end.input.extend_from_slice(&piece);
        loop {
            let end = self.at(at);
            let Some(event) = end.connection.receive(&mut end.input, now) else { return };
            self.event(at, event);
        }
    }

    fn poll_events(&mut self, at: Role) {
        while let Some(event) = self.at(at).connection.poll_event() {
            self.event(at, event);
        }
    }

    // ---- what has to hold ----

    fn event(&mut self, at: Role, event: Event) {
        let shown = format!("to the {at:?}: {event:?}");
        let id = match &event {
            Event::Closed(_) => panic!("accused: {shown}"),
            Event::GoAway { code, .. } => return assert_eq!(*code, ErrorCode::NO_ERROR, "{shown}"),
            Event::Headers { stream, .. }
            | Event::Informational { stream, .. }
            | Event::Data { stream, .. }
            | Event::Trailers { stream, .. }
            | Event::Reset { stream, .. }
            | Event::Room { stream } => *stream,
        };
        let call = self.calls.get_mut(&id).unwrap_or_else(|| panic!("nobody's: {shown}"));
        let request = call.request.clone();
        let (side, peer) = call.sides(at);
        if let Event::Headers { fields, .. } = &event
            && at == Role::Server
        {
            assert_eq!(*fields, request);
            side.is_known = true;
        }
        assert!(side.is_held() && !side.is_cut_off(), "it is over: {shown}");
        match event {
            Event::Headers { end_stream, .. } => {
                assert!(!std::mem::replace(&mut side.has_head, true), "{shown}");
                side.ended = end_stream.then_some(Ending::Plain);
            }
            Event::Informational { .. } => assert!(!side.has_head, "{shown}"),
            Event::Data { data, end_stream, .. } => {
                assert!(side.has_head && side.ended.is_none(), "{shown}");
                let is_next = |(at, byte): (usize, &u8)| *byte == at as u8;
                assert!((side.received..).zip(&data).all(is_next), "in another order: {shown}");
                side.received += data.len();
                side.unread += data.len();
                assert!(side.received <= peer.sent, "{shown}");
                side.ended = end_stream.then_some(Ending::Plain);
            }
            Event::Trailers { .. } => {
                assert!(side.ended.is_none(), "{shown}");
                side.ended = Some(Ending::Trailers);
            }
            Event::Room { .. } => {
                assert!(std::mem::take(&mut side.is_awaited), "{shown}");
            }
            Event::Reset { code, reason, .. } => {
                assert_eq!(reason, None, "accused: {shown}");
                match code {
                    ErrorCode::CANCEL => assert!(peer.has_reset || peer.has_released, "{shown}"),
                    ErrorCode::REFUSED_STREAM => assert!(!peer.is_known && at == Role::Client, "{shown}"),
                    ErrorCode::NO_ERROR if at == Role::Server => assert!(peer.has_released, "{shown}"),
                    ErrorCode::NO_ERROR => {
                        assert!(peer.has_released && at == Role::Client, "{shown}");
                        assert!(side.received == peer.sent && side.ended == peer.end, "cut off: {shown}");
                    }
                    _ => panic!("{shown}"),
                }
                side.was_reset = Some(code);
            }
            Event::GoAway { .. } | Event::Closed(_) => {}
        }
    }

    /// What has left one application and was not read by the other is never more than the windows hold.
    fn check(&mut self) {
        for from in [Role::Client, Role::Server] {
            let mut on_all = 0;
            let (largest, most) = {
                let to = self.at(other(from));
                (to.largest_window(), to.limits.connection_window as usize)
            };
            let ids: Vec<_> = self.calls.keys().copied().collect();
            for id in ids {
                let (side, peer) = self.calls.get_mut(&id).unwrap().sides(from);
                if !side.is_held() || side.is_cut_off() || peer.is_cut_off() || peer.has_released {
                    continue;
                }
                let (sent, was_read) = (side.sent, peer.received - peer.unread);
                let queued = self.at(from).connection.queued(id);
                assert!(queued <= sent, "{queued} of {sent} bytes are queued on stream {id}");
                let under_way = sent - queued - was_read;
                assert!(under_way <= largest, "{under_way} bytes on stream {id}, its window is {largest}");
                on_all += under_way;
            }
            assert!(on_all <= most, "{on_all} bytes on all streams, their window is {most}");
        }
        assert_eq!(
            self.client.connection.stream_count(),
            self.calls.values().filter(|call| call.client.is_held()).count()
        );
    }

    /// Everybody says the rest and reads what there is; then nothing may be left anywhere.
    fn come_to_rest(&mut self) {
        let mut idle_rounds = 0;
        while idle_rounds < 3 {
            let mut is_busy = false;
            for role in [Role::Client, Role::Server] {
                is_busy |= self.at(role).connection.has_output();
                self.write(role);
            }
            for role in [Role::Client, Role::Server] {
                is_busy |= self.at(role).wire.has_remaining();
                self.arrive(role, usize::MAX);
                for id in self.calls.keys().copied().collect::<Vec<_>>() {
                    self.finish(role, id);
                }
            }
            self.check();
            idle_rounds = if is_busy { 0 } else { idle_rounds + 1 };
        }
        for (id, call) in &self.calls {
            is_complete(*id, &call.client, &call.server);
            is_complete(*id, &call.server, &call.client);
            let queued = self.client.connection.queued(*id) + self.server.connection.queued(*id);
            assert_eq!(queued, 0, "queued on stream {id}");
        }
        for end in [&self.client, &self.server] {
            let role = end.connection.role();
            assert_eq!(
                end.connection.stream_count(),
                0,
                "streams left at the {role:?}: {:#?}",
                self.unfinished()
            );
        }
    }

    /// One application says the rest of a call, reads what there is of it, and lets go of it in the end.
    fn finish(&mut self, role: Role, id: u32) {
        if !self.side(role, id).is_held() {
            return;
        }
        if self.side(role, id).can_send() {
            if role == Role::Server && !self.side(role, id).has_sent_head {
                self.head(id, false, false);
            }
            let some_more = if id % 4 == 1 { 3 } else { 0 };
            self.send(role, id, some_more, true);
        }
        let unread = self.side(role, id).unread;
        if unread > 0 {
            self.read(role, id, unread);
        }
        // A client that lets go of a request on its way cancels it.
        let (side, peer) = self.calls.get_mut(&id).unwrap().sides(role);
        let has_arrived = peer.ended.is_some() || peer.has_reset || peer.has_released;
        let is_said = role == Role::Server || side.is_cut_off() || has_arrived;
        if side.is_finished() && is_said {
            self.release(role, id);
        }
    }

    fn unfinished(&self) -> Vec<(u32, &Side, &Side)> {
        let is_held = |call: &&Call| call.client.is_held() || call.server.is_held();
        let shown = self.calls.iter().filter(|(_, call)| is_held(call));
        shown.map(|(id, call)| (*id, &call.client, &call.server)).collect()
    }

    /// One side ends the connection, which has no streams any more.
    fn end(&mut self, role: Role) {
        self.at(role).connection.drain();
        for _ in 0..4 {
            for role in [Role::Client, Role::Server] {
                self.write(role);
            }
            for role in [Role::Client, Role::Server] {
                self.arrive(role, usize::MAX);
            }
        }
        for end in [&self.client, &self.server] {
            assert!(end.connection.is_done() && !end.connection.has_failed(), "{:?}", end.connection.role());
            assert!(!end.connection.has_output());
        }
    }
}

/// What one side has sent has come whole, unless somebody cut it off.
fn is_complete(id: u32, from: &Side, to: &Side) {
    if !from.is_cut_off() && !to.is_cut_off() && from.is_finished() && to.is_finished() {
        assert_eq!((to.received, to.ended), (from.sent, from.end), "stream {id}");
    }
}

fn other(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}
