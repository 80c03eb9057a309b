//! Looks on at one connection.

use std::sync::Arc;

use ::http2::frame::{Head, Kind};
use bytes::BytesMut;

use super::event::{Event, whole};
use super::{http2, ours};
use crate::lens::Layer;
use crate::lens::schema::Schema;
use crate::page::count;
use crate::tap::Way;

/// Takes the bytes of a connection as they come, however they are cut, and says what happens. It keeps no more
/// of them than it needs for that, and never more than a few megabytes.
///
/// For [`Way::Out`] read: from the client to the server.
#[derive(Debug)]
pub struct Observer {
    schema: Arc<Schema>,
    spoken: Spoken,
    /// What came from the client, and from the server, and is not understood yet.
    held: [BytesMut; 2],
    /// What cannot be understood any more, by direction.
    opaque: [Option<Opaque>; 2],
}

/// The protocol, once it is known.
#[derive(Debug)]
enum Spoken {
    NotKnown,
    Http2(Box<http2::Session>),
    Ours(Box<ours::Session>),
    Other,
}

/// What a session makes of the bytes that have come.
pub(super) enum Step {
    /// It needs more of them.
    Wait,
    /// A step of the conversation.
    Event(Event),
    /// The last step that can be made out: where the next one begins is not known.
    Lost(Event),
}

/// Bytes that are passed on and not looked into.
#[derive(Debug)]
struct Opaque {
    what: &'static str,
    is_shown: bool,
    passed: u64,
}

impl Observer {
    /// Who looks on at a conversation that has not begun, with the contract of what may be called.
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { schema, spoken: Spoken::NotKnown, held: Default::default(), opaque: Default::default() }
    }

    /// What happens with these bytes.
    pub fn sees(&mut self, way: Way, bytes: &[u8]) -> Vec<Event> {
        self.held[side(way)].extend_from_slice(bytes);
        let mut events = Vec::new();
        if matches!(self.spoken, Spoken::NotKnown) {
            self.recognise(false);
            if matches!(self.spoken, Spoken::NotKnown) {
                return events;
            }
            // What the other side said before is understood only now.
            self.read(other(way), &mut events);
        }
        self.read(way, &mut events);
        events
    }

    /// What is left to be said when nothing more comes this way.
    pub fn ends(&mut self, way: Way) -> Vec<Event> {
        let mut events = Vec::new();
        if matches!(self.spoken, Spoken::NotKnown) {
            self.recognise(true);
            self.read(Way::Out, &mut events);
            self.read(Way::In, &mut events);
        }
        let held = std::mem::take(&mut self.held[side(way)]);
        match &mut self.opaque[side(way)] {
            Some(opaque) => events.extend(opaque.ends(way, &held)),
            None if held.is_empty() => {}
            None => events.push(match &self.spoken {
                Spoken::Http2(session) => session.rest(way, &held),
                _ => {
                    let value = format!("{}, then the connection ended", count(held.len(), "byte"));
                    let spans = whole(&held, Layer::Header, "part of a frame", value);
                    Event::new(way, "ends within a frame", held.to_vec(), spans)
                }
            }),
        }
        events
    }

    fn read(&mut self, way: Way, events: &mut Vec<Event>) {
        let held = &mut self.held[side(way)];
        loop {
            if let Some(opaque) = &mut self.opaque[side(way)] {
                events.extend(opaque.sees(way, held));
                return;
            }
            let step = match &mut self.spoken {
                Spoken::Http2(session) => session.step(way, held),
                Spoken::Ours(session) => session.step(way, held),
                Spoken::NotKnown | Spoken::Other => Step::Wait,
            };
            match step {
                Step::Wait => return,
                Step::Event(event) => events.push(event),
                Step::Lost(event) => {
                    events.push(event);
                    self.opaque[side(way)] = Some(Opaque::new("behind a fault"));
                }
            }
        }
    }

    /// Finds out what is spoken, by the first bytes of the client. `is_all`: no more will come.
    fn recognise(&mut self, is_all: bool) {
        let [client, server] = &self.held;
        let is_ours = client.is_empty() && server.starts_with(b"RPC\x01");
        let goes_on = |signature: &[u8]| signature.len() > client.len() && signature.starts_with(client);
        let may_be_more = SIGNATURES.iter().any(|(signature, _)| goes_on(signature));
        if may_be_more && !is_ours && !is_all && server.len() <= MOST_HELD {
            return;
        }
        let found = SIGNATURES.iter().find(|(signature, _)| client.starts_with(signature));
        let name = match found {
            Some((_, name)) => name,
            // Both ends of our own frames begin at once.
            None if is_ours => OURS,
            // A client that left before it said anything.
            None if client.is_empty() && begins_http2(server) => HTTP2,
            None => "not a protocol this lens knows",
        };
        self.spoken = match name {
            HTTP2 => Spoken::Http2(Box::new(http2::Session::new(self.schema.clone()))),
            OURS => Spoken::Ours(Box::new(ours::Session::new(self.schema.clone()))),
            what => {
                self.opaque = [Some(Opaque::new(what)), Some(Opaque::new(what))];
                Spoken::Other
            }
        };
    }
}

impl Opaque {
    fn new(what: &'static str) -> Self {
        Self { what, is_shown: false, passed: 0 }
    }

    /// The first bytes are shown, the others counted.
    fn sees(&mut self, way: Way, held: &mut BytesMut) -> Option<Event> {
        if self.is_shown {
            self.passed += held.len() as u64;
            held.clear();
            return None;
        }
        if held.len() < EXCERPT {
            return None;
        }
        let event = self.show(way, &held.split_to(EXCERPT));
        self.sees(way, held);
        Some(event)
    }

    fn ends(&mut self, way: Way, held: &[u8]) -> Option<Event> {
        if !self.is_shown && !held.is_empty() {
            return Some(self.show(way, held));
        }
        let passed = std::mem::take(&mut self.passed) + held.len() as u64;
        let label = format!("{}: {passed} bytes more, opaque", self.what);
        (passed > 0).then(|| Event {
            size: passed,
            is_opaque: true,
            ..Event::new(way, label, Vec::new(), Vec::new())
        })
    }

    fn show(&mut self, way: Way, bytes: &[u8]) -> Event {
        self.is_shown = true;
        let spans = whole(bytes, Layer::Data, "opaque", self.what);
        // What is not looked into has no name.
        let event = Event::new(way, format!("{}: opaque", self.what), bytes.to_vec(), spans);
        Event { is_opaque: true, ..event }
    }
}

/// Whether a server begins so in HTTP/2: with SETTINGS on stream 0.
fn begins_http2(server: &[u8]) -> bool {
    server.first_chunk().is_some_and(|first| {
        let head = Head::decode(*first);
        (head.kind, head.flags, head.stream) == (Kind::SETTINGS, 0, 0) && head.length.is_multiple_of(6)
    })
}

/// 0 for what comes from the client, 1 for what comes from the server.
pub(super) fn side(way: Way) -> usize {
    usize::from(way == Way::In)
}

pub(super) fn other(way: Way) -> Way {
    if way == Way::Out { Way::In } else { Way::Out }
}

/// What a client's first bytes are, in which protocol.
const SIGNATURES: [(&[u8], &str); 13] = [
    (::http2::connection::PREFACE, HTTP2),
    (b"RPC", OURS),
    (b"\x16\x03", "TLS"),
    (b"GET ", HTTP1),
    (b"HEAD ", HTTP1),
    (b"POST ", HTTP1),
    (b"PUT ", HTTP1),
    (b"DELETE ", HTTP1),
    (b"CONNECT ", HTTP1),
    (b"OPTIONS ", HTTP1),
    (b"TRACE ", HTTP1),
    (b"PATCH ", HTTP1),
    (b"PRI ", "HTTP/2, with another preface"),
];
const HTTP2: &str = "HTTP/2";
const OURS: &str = "our own frames";
const HTTP1: &str = "HTTP/1.1";
/// How many bytes are shown of what is not looked into.
const EXCERPT: usize = 32;
/// How much a server may say before its client does.
const MOST_HELD: usize = 64 << 10;
