//! A conversation in HTTP/2, and the calls of gRPC in it.

use std::collections::HashMap;
use std::sync::Arc;

use ::http2::connection::PREFACE;
use ::http2::frame::{Head, Kind};
use ::http2::hpack::Field;
use bytes::BytesMut;
use transport::Code;

use super::Content;
use super::assembly::{Assembly, Form};
use super::event::{Event, breaks, remembered, whole};
use super::half::{Block, Half, Long};
use super::observer::{Step, other, side};
use crate::lens::schema::Schema;
use crate::lens::{self, Layer, Span, leaf_mut, leaves, moved, put_in_place};
use crate::page::count;
use crate::tap::Way;

/// What has to be remembered of a conversation to understand what comes next.
#[derive(Debug)]
pub(super) struct Session {
    schema: Arc<Schema>,
    /// The direction of the client, and that of the server.
    halves: [Half; 2],
    streams: HashMap<u32, Stream>,
    /// The highest stream that was opened.
    highest: u32,
}

/// A call.
#[derive(Debug, Default)]
struct Stream {
    path: String,
    /// What follows `application/grpc+`, if it is gRPC.
    codec: Option<String>,
    /// Whether it was said how the call ended.
    has_status: bool,
    directions: [Direction; 2],
}

#[derive(Debug, Default)]
struct Direction {
    assembly: Assembly,
    has_ended: bool,
}

impl Session {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        Self { schema, halves: [Half::new(true), Half::new(false)], streams: HashMap::new(), highest: 0 }
    }

    /// Takes one step of the conversation from the front of `held`.
    pub(super) fn step(&mut self, way: Way, held: &mut BytesMut) -> Step {
        let half = &mut self.halves[side(way)];
        if half.preface_is_due {
            if held.len() < PREFACE.len() {
                return Step::Wait;
            }
            half.preface_is_due = false;
            let bytes = held.split_to(PREFACE.len());
            return Step::Event(Event::new(way, "preface", bytes.to_vec(), lens::http2::frame(&bytes).spans));
        }
        if let Some(long) = half.long.take() {
            return self.go_on(way, long, held);
        }
        let Some(first) = held.first_chunk() else { return Step::Wait };
        let head = Head::decode(*first);
        let size = Head::SIZE + head.length as usize;
        if size > Head::SIZE + half.max_frame || (head.kind != Kind::DATA && size > LARGEST) {
            let mut spans = lens::http2::head(first);
            let rule = match size > Head::SIZE + half.max_frame {
                true => "§4.2: more than allowed",
                false => "more than the lens keeps",
            };
            breaks(&mut spans, 0, rule, "RFC 9113");
            let bytes = held.split_to(Head::SIZE).to_vec();
            return Step::Lost(Event::new(way, "a frame that is too large", bytes, spans));
        }
        if head.kind == Kind::DATA && size > PIECE {
            return self.begin_long(way, head, held);
        }
        if held.len() < size {
            return Step::Wait;
        }
        let bytes = held.split_to(size).to_vec();
        Step::Event(self.frame(way, head, bytes))
    }

    /// A frame of which not all has come, when nothing more comes.
    pub(super) fn rest(&self, way: Way, held: &[u8]) -> Event {
        let is_within_data = self.halves[side(way)].long.is_some();
        let head = held.first_chunk().filter(|_| !is_within_data);
        let mut spans = head.map(lens::http2::head).unwrap_or_default();
        let (name, at) = match spans.is_empty() {
            true if is_within_data => ("data", 0),
            true => ("part of a head", 0),
            false => ("part of it", Head::SIZE),
        };
        let value = format!("{}, then the connection ended", count(held.len() - at, "byte"));
        spans.extend(moved(whole(&held[at..], Layer::Header, name, value), at));
        Event::new(way, "ends within a frame", held.to_vec(), spans)
    }

    /// The first part of DATA that is too long to be kept in one piece.
    fn begin_long(&mut self, way: Way, head: Head, held: &mut BytesMut) -> Step {
        if held.len() < PIECE {
            return Step::Wait;
        }
        let bytes = held.split_to(PIECE).to_vec();
        let mut spans = bytes.first_chunk().map(lens::http2::head).unwrap_or_default();
        let mut at = Head::SIZE;
        let mut padding = 0;
        if head.has(Head::PADDED) {
            padding = usize::from(bytes[at]);
            let value = format!("{padding} bytes, at the end");
            spans.extend(moved(whole(&bytes[at..=at], Layer::Control, "padding", value), at));
            at += 1;
        }
        let data = head.length as usize + Head::SIZE - at - padding;
        let mut event = Event::new(way, "DATA, the first part", bytes, spans);
        event.call = Some(head.stream);
        let part = at..PIECE.min(at + data);
        let long = Long { head, data: data - part.len(), padding };
        self.read_data(&mut event, part);
        self.put_long(way, long, &mut event);
        Step::Event(event)
    }

    /// The next part of it.
    fn go_on(&mut self, way: Way, long: Long, held: &mut BytesMut) -> Step {
        let is_padding = long.data == 0;
        let size = if is_padding { long.padding } else { long.data.min(PIECE) };
        if held.len() < size {
            self.halves[side(way)].long = Some(long);
            return Step::Wait;
        }
        let bytes = held.split_to(size).to_vec();
        let mut event = Event::new(way, "DATA goes on", bytes, Vec::new());
        event.call = Some(long.head.stream);
        let left = if is_padding {
            event.spans = whole(&event.bytes, Layer::Control, "padding", count(size, "byte"));
            Long { padding: 0, ..long }
        } else {
            event.spans = whole(&event.bytes, Layer::Data, "data", count(size, "byte"));
            self.read_data(&mut event, 0..size);
            Long { data: long.data - size, ..long }
        };
        self.put_long(way, left, &mut event);
        Step::Event(event)
    }

    fn put_long(&mut self, way: Way, long: Long, event: &mut Event) {
        if long.data + long.padding > 0 {
            self.halves[side(way)].long = Some(long);
        } else if long.head.has(Head::END_STREAM) {
            self.end(long.head.stream, event);
        }
    }

    fn frame(&mut self, way: Way, head: Head, bytes: Vec<u8>) -> Event {
        let seen = lens::http2::frame(&bytes);
        let is_sound = !leaves(&seen.spans).any(Span::is_wrong);
        let mut event = Event::new(way, label(head, &seen.spans), bytes, seen.spans);
        event.call = (head.stream > 0).then_some(head.stream);
        self.check_order(way, head, &mut event);
        if let Some(block) = seen.block {
            self.block(head, &mut event, block);
        } else if let Some(data) = seen.data.filter(|_| is_sound) {
            self.read_data(&mut event, data);
            if head.has(Head::END_STREAM) {
                self.end(head.stream, &mut event);
                event.label += ", END_STREAM";
            }
        } else if head.kind == Kind::RST_STREAM && is_sound {
            event.is_over = true;
            event.status = leaves(&event.spans).last().map(|span| format!("reset, {}", span.value));
            self.streams.remove(&head.stream);
        } else if head.kind == Kind::SETTINGS && is_sound && !head.has(Head::ACK) {
            self.settings(way, &event.bytes[Head::SIZE..]);
        }
        event
    }

    /// Between the frames of a field block there are no others (RFC 9113 §6.10).
    fn check_order(&mut self, way: Way, head: Head, event: &mut Event) {
        let half = &mut self.halves[side(way)];
        let due = half.block.as_ref().map(|block| block.stream);
        let is_next = head.kind == Kind::CONTINUATION;
        let rule = match due {
            Some(stream) if !is_next || stream != head.stream => "§6.10: CONTINUATION due",
            None if is_next => "§6.10: behind HEADERS",
            _ => return,
        };
        half.block = None;
        half.is_table_lost = true;
        breaks(&mut event.spans, 3, rule, "RFC 9113");
    }

    /// What the other direction may do from now on.
    fn settings(&mut self, way: Way, payload: &[u8]) {
        let half = &mut self.halves[side(other(way))];
        for setting in payload.chunks_exact(6) {
            let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
            match (number(&setting[..2]), number(&setting[2..])) {
                (1, size) => half.table.allow(size.min(LARGEST_TABLE)),
                (5, size) => half.max_frame = half.max_frame.max(size),
                _ => {}
            }
        }
    }

    /// Reads a field block, or notes a part of one.
    fn block(&mut self, head: Head, event: &mut Event, range: std::ops::Range<usize>) {
        let half = &mut self.halves[side(event.way)];
        let fragment = &event.bytes[range.clone()];
        let pending = half.block.take();
        if !head.has(Head::END_HEADERS) || pending.is_some() {
            let mut block = pending.unwrap_or(Block {
                stream: head.stream,
                bytes: Vec::new(),
                ends_stream: head.kind == Kind::HEADERS && head.has(Head::END_STREAM),
                is_promise: head.kind == Kind::PUSH_PROMISE,
            });
            block.bytes.extend_from_slice(fragment);
            if block.bytes.len() > LARGEST {
                event.label += ", too large to be kept";
                half.is_table_lost = true;
                block.bytes.clear();
            }
            if !head.has(Head::END_HEADERS) {
                half.block = Some(block);
                return;
            }
            let (spans, fields) = half.fields(&block.bytes);
            let label = format!("the field block of {}, from its frames", count(block.bytes.len(), "byte"));
            event.contents.push(Content { label, bytes: block.bytes, spans });
            if !block.is_promise {
                self.headers(event, block.stream, &fields, block.ends_stream);
            }
            return;
        }
        let (spans, fields) = half.fields(fragment);
        put_in_place(&mut event.spans, moved(spans, range.start));
        if head.kind == Kind::HEADERS {
            self.headers(event, head.stream, &fields, head.has(Head::END_STREAM));
        }
    }

    /// What the fields say of the call.
    fn headers(&mut self, event: &mut Event, id: u32, fields: &[Field], ends: bool) {
        let value = |name: &str| {
            let field = fields.iter().find(|field| field.name == name.as_bytes())?;
            Some(remembered(&String::from_utf8_lossy(&field.value)))
        };
        let mut says = Vec::new();
        if let Some(path) = value(":path").filter(|_| event.way == Way::Out) {
            says.push(path.clone());
            self.highest = self.highest.max(id);
            if self.streams.len() < MOST_STREAMS {
                self.streams.entry(id).or_default().path.clone_from(&path);
            }
            event.path = Some(path);
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            if let Some(content) = value("content-type").filter(|_| event.way == Way::Out) {
                let grpc = content.strip_prefix("application/grpc").map(|rest| rest.trim_start_matches('+'));
                stream.codec = grpc.map(|codec| if codec.is_empty() { "proto" } else { codec }.to_owned());
            }
            if let Some(encoding) = value("grpc-encoding") {
                stream.directions[side(event.way)].assembly.encoding = encoding;
            }
        }
        for name in [":status", "grpc-encoding", "grpc-timeout", "grpc-status", "grpc-message"] {
            let Some(value) = value(name) else { continue };
            says.push(match name {
                ":status" | "grpc-message" => value,
                "grpc-status" => {
                    let code = value.parse().map_or(Code::Unknown, Code::from_number);
                    event.status = Some(code.to_string());
                    code.to_string()
                }
                _ => format!("{name} {value}"),
            });
        }
        if let Some(status) = value(":status").filter(|status| status != "200" && !status.starts_with('1')) {
            event.status.get_or_insert(format!("HTTP {status}"));
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.has_status |= event.status.is_some();
        }
        event.label =
            if says.is_empty() { "HEADERS".to_owned() } else { format!("HEADERS: {}", says.join(", ")) };
        if ends {
            event.label += ", END_STREAM";
            self.end(id, event);
        }
    }

    /// Reads the data in `range`, and puts what it says in place of the one span for all of it.
    fn read_data(&mut self, event: &mut Event, range: std::ops::Range<usize>) {
        let id = event.call.unwrap_or_default();
        let held: usize = self.streams.values().map(Stream::held).sum();
        let Some(stream) = self.streams.get_mut(&id) else {
            if id > self.highest {
                breaks(&mut event.spans, 5, "§5.1: stream is idle", "RFC 9113");
            } else if let Some(data) = leaf_mut(&mut event.spans, |span| span.layer == Layer::Data) {
                data.value += ", of a call that is over";
            }
            return;
        };
        let Some(codec) = &stream.codec else { return };
        let messages = self.schema.method(&stream.path);
        let of = messages.map(|(request, reply)| if event.way == Way::Out { request } else { reply });
        let bytes = &event.bytes[range.clone()];
        let assembly = &mut stream.directions[side(event.way)].assembly;
        let read = assembly.read(bytes, Form { codec, of }, MOST_HELD.saturating_sub(held));
        if !leaves(&event.spans).any(|span| span.range.start == range.start) && !range.is_empty() {
            event.spans.extend(moved(whole(bytes, Layer::Data, "data", ""), range.start));
        }
        put_in_place(&mut event.spans, moved(read.spans, range.start));
        event.contents = read.contents;
        if !read.messages.is_empty() {
            event.label = format!("DATA: {}", read.messages.join(", "));
        } else if !range.is_empty() {
            event.label = format!("DATA: {} of a message", count(range.len(), "byte"));
        }
    }

    /// One side has said all.
    fn end(&mut self, id: u32, event: &mut Event) {
        event.is_over |= event.way == Way::In;
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let direction = &mut stream.directions[side(event.way)];
        direction.has_ended = true;
        if event.way == Way::In && stream.codec.is_some() && !stream.has_status {
            event.status = Some("no grpc-status".to_owned());
        }
        if direction.assembly.is_amid_a_message() && event.bytes.len() >= Head::SIZE {
            breaks(&mut event.spans, 4, "ends within a message", "gRPC over HTTP/2");
        }
        if stream.directions.iter().all(|direction| direction.has_ended) {
            self.streams.remove(&id);
        }
    }
}

impl Stream {
    fn held(&self) -> usize {
        self.directions.iter().map(|direction| direction.assembly.held()).sum()
    }
}

/// A frame in a few words: its type, and what its payload says.
fn label(head: Head, spans: &[Span]) -> String {
    let mut label = lens::http2::name(head.kind);
    if head.has(Head::ACK) && matches!(head.kind, Kind::SETTINGS | Kind::PING) {
        label += ", ACK";
    }
    let payload = leaves(spans).skip(HEAD_SPANS);
    let says = match head.kind {
        Kind::SETTINGS => payload
            .collect::<Vec<_>>()
            .chunks(2)
            .map(|pair| pair.iter().map(|span| span.value.as_str()).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>(),
        _ => payload.map(|span| span.value.clone()).collect(),
    };
    if says.is_empty() { label } else { format!("{label}: {}", says.join(", ")) }
}

/// How many spans without parts a head is.
const HEAD_SPANS: usize = 4;
/// DATA in larger frames is read in parts of this size.
const PIECE: usize = 64 << 10;
/// The largest frame of any other type, and the largest field block, that is looked into.
const LARGEST: usize = 256 << 10;
/// The largest table that is kept, whatever the other side allows.
const LARGEST_TABLE: usize = 256 << 10;
/// How many calls at once are followed, and how much is kept of all their messages together.
const MOST_STREAMS: usize = 10_000;
const MOST_HELD: usize = 8 << 20;
