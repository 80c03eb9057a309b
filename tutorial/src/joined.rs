//! Two ends of one HTTP/2 connection, joined in memory: what passes between them is noted.

use std::time::Instant;

use bytes::{BufMut, BytesMut};
use http2::frame::{Frame, Head, Kind};
use http2::{Connection, Event, Limits, Output};

use crate::lens;
use crate::page::{DIM, Page, count};
use crate::tap::Way;

/// A client and a server. Between them time stands still, so that what happens is the same in every run.
#[derive(Debug)]
pub struct Joined {
    /// The client's end.
    pub client: Connection,
    /// The server's end.
    pub server: Connection,
    now: Instant,
    passed: Vec<Passed>,
}

/// A frame, or the client's preface, that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Out of the client, or into it.
    pub way: Way,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What has happened at both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// At the client.
    pub at_client: Vec<Event>,
    /// At the server.
    pub at_server: Vec<Event>,
}

impl Joined {
    /// Both ends at the beginning of a connection.
    pub fn new(client: Limits, server: Limits) -> Self {
        let now = Instant::now();
        let (client, server) = (Connection::client(client, now), Connection::server(server, now));
        Self { client, server, now, passed: Vec::new() }
    }

    /// Carries what both ends have to say to the other one, once.
    pub fn carry(&mut self) -> Happened {
        let (out, back) = (written(&mut self.client), written(&mut self.server));
        self.note(Way::Out, &out);
        self.note(Way::In, &back);
        Happened {
            at_server: deliver(&out, &mut self.server, self.now),
            at_client: deliver(&back, &mut self.client, self.now),
        }
    }

    /// Carries to and fro until nobody has anything to say.
    pub fn settle(&mut self) -> Happened {
        let mut all = Happened::default();
        while self.client.has_output() || self.server.has_output() {
            let happened = self.carry();
            all.at_client.extend(happened.at_client);
            all.at_server.extend(happened.at_server);
        }
        all
    }

    /// The frames that have passed since this was asked last.
    pub fn passed(&mut self) -> Vec<Passed> {
        std::mem::take(&mut self.passed)
    }

    fn note(&mut self, way: Way, bytes: &[u8]) {
        self.passed.extend(Passed::all(way, bytes));
    }
}

impl Passed {
    /// Bytes, frame by frame.
    pub fn all(way: Way, bytes: &[u8]) -> Vec<Self> {
        let (frames, _) = lens::http2::frames(bytes);
        frames.into_iter().map(|frame| Self { way, bytes: frame.to_vec() }).collect()
    }

    /// The frame; a preface is none.
    pub fn frame(&self) -> Option<Frame> {
        self.head()?;
        Frame::decode(&mut BytesMut::from(&self.bytes[..]), 1 << 24).ok().flatten()
    }

    /// Its stream, or 0.
    pub fn stream(&self) -> u32 {
        self.head().map_or(0, |head| head.stream)
    }

    /// The frame in a few words.
    pub fn label(&self) -> String {
        let Some(head) = self.head() else { return "preface".to_owned() };
        let mut label = lens::http2::name(head.kind);
        if head.stream > 0 {
            label += &format!(" {}", head.stream);
        }
        match self.frame() {
            Some(Frame::Data(data)) => label += &format!(", {}", count(data.data.len(), "byte")),
            Some(Frame::Headers(headers)) => {
                label += &format!(", {} of fields", count(headers.fragment.len(), "byte"));
            }
            Some(Frame::WindowUpdate(update)) => label += &format!(", {} more", update.increment),
            Some(Frame::GoAway(away)) => label += &format!(", last stream {}", away.last_stream),
            Some(Frame::RstStream(reset)) => label += &format!(", {}", reset.code),
            Some(Frame::Ping(ping)) if ping.ack => label += ", ACK",
            Some(Frame::Settings(settings)) if settings.ack => label += ", ACK",
            _ => {}
        }
        if self.ends_stream() { label + ", END_STREAM" } else { label }
    }

    fn ends_stream(&self) -> bool {
        let is_end =
            |head: Head| matches!(head.kind, Kind::DATA | Kind::HEADERS) && head.has(Head::END_STREAM);
        self.head().is_some_and(is_end)
    }

    fn head(&self) -> Option<Head> {
        lens::http2::frame(&self.bytes).head
    }
}

/// What the two lines stand for that [`draw`] draws.
pub fn sides(page: &mut Page) {
    page.line(format_args!("    client{:50}server", ""));
}

/// Draws the frames of a conversation, with a remark where a half of a stream ends.
pub fn draw<'a>(page: &mut Page, frames: impl IntoIterator<Item = &'a Passed>) {
    let mut ended = Vec::new();
    for frame in frames {
        page.arrow(frame.way == Way::Out, &frame.label());
        if !frame.ends_stream() {
            continue;
        }
        let who = if frame.way == Way::Out { "client" } else { "server" };
        let closed = match ended.contains(&frame.stream()) {
            true => format!(", and stream {} is closed", frame.stream()),
            false => String::new(),
        };
        ended.push(frame.stream());
        let remark = format!("the {who} has said all{closed}");
        page.line(format_args!("    {DIM}│    {remark:56}│{DIM:#}"));
    }
}

/// All that a connection has to write.
pub fn written(connection: &mut Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while connection.has_output() {
        let mut output = Output::default();
        connection.take_output(&mut output);
        connection.discarded().clear();
        bytes.put(output);
    }
    bytes
}

/// What bytes mean to a connection, if they are whole frames.
pub fn deliver(bytes: &[u8], to: &mut Connection, now: Instant) -> Vec<Event> {
    let mut input = BytesMut::from(bytes);
    std::iter::from_fn(|| to.receive(&mut input, now)).collect()
}
