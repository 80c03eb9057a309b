//! A conversation in our own frames (`transport::frame`).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;
use transport::Code;
use transport::frame::{Flags, Header, Hello, Kind};

use super::Content;
use super::assembly::{Form, named};
use super::event::{Event, breaks, remembered};
use super::observer::{Step, side};
use crate::lens::frame::Seen;
use crate::lens::schema::Schema;
use crate::lens::{self, Span, leaf_mut, leaves, moved, put_in_place};
use crate::page::count;
use crate::tap::Way;

/// What has to be remembered of a conversation to understand what comes next.
#[derive(Debug)]
pub(super) struct Session {
    schema: Arc<Schema>,
    is_greeted: [bool; 2],
    /// Which method a number stands for.
    methods: HashMap<u8, Method>,
    calls: HashMap<u32, Call>,
}

#[derive(Clone, Debug, Default)]
struct Method {
    path: String,
    codec: String,
}

#[derive(Debug, Default)]
struct Call {
    method: Method,
    /// The pieces of a message that have come, by direction.
    pieces: [Option<Pieces>; 2],
}

#[derive(Debug, Default)]
struct Pieces {
    bytes: Vec<u8>,
    size: usize,
}

impl Session {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        Self { schema, is_greeted: [false; 2], methods: HashMap::new(), calls: HashMap::new() }
    }

    /// Takes one step of the conversation from the front of `held`.
    pub(super) fn step(&mut self, way: Way, held: &mut BytesMut) -> Step {
        if !self.is_greeted[side(way)] {
            return self.hello(way, held);
        }
        let Some(first) = held.first_chunk::<{ Header::SIZE }>() else { return Step::Wait };
        let Ok(header) = Header::decode(*first) else {
            let bytes = held.split_to(Header::SIZE).to_vec();
            let spans = lens::frame::frame(&bytes).spans;
            return Step::Lost(Event::new(way, "not a frame", bytes, spans));
        };
        let size = Header::SIZE + usize::from(header.length);
        if held.len() < size {
            return Step::Wait;
        }
        Step::Event(self.frame(way, header, held.split_to(size).to_vec()))
    }

    fn hello(&mut self, way: Way, held: &mut BytesMut) -> Step {
        let Some(hello) = held.first_chunk::<{ Hello::SIZE }>() else { return Step::Wait };
        let spans = lens::frame::hello(hello);
        self.is_greeted[side(way)] = true;
        let is_wrong = leaves(&spans).any(Span::is_wrong);
        let event = Event::new(way, "hello", held.split_to(Hello::SIZE).to_vec(), spans);
        if is_wrong { Step::Lost(event) } else { Step::Event(event) }
    }

    fn frame(&mut self, way: Way, header: Header, bytes: Vec<u8>) -> Event {
        let Seen { spans, message, .. } = lens::frame::frame(&bytes);
        let mut event = Event::new(way, header.kind.name(), bytes, spans);
        event.call = (header.call > 0).then_some(header.call);
        if header.kind == Kind::Call {
            self.open(header, &mut event);
        }
        if let Some(range) = message {
            let says = self.message(header, &mut event, range);
            event.label += &format!(": {says}");
        }
        match header.kind {
            Kind::End | Kind::Cancel | Kind::GoingAway => {
                let code = Code::from_number(header.code);
                let text = leaves(&event.spans).find(|span| span.name == "text");
                let text = text.map(|text| format!(", {}", text.value)).unwrap_or_default();
                event.label += &format!(": {code}{text}");
                if header.kind == Kind::End && way == Way::In {
                    event.status = Some(code.to_string());
                }
            }
            Kind::Credit | Kind::Ping => {
                let value = leaves(&event.spans).last().map(|span| span.value.clone()).unwrap_or_default();
                event.label += &format!(": {value}");
            }
            _ => {}
        }
        if header.flags.has(Flags::END) {
            event.label += ", END";
            if way == Way::In {
                event.status = Some(Code::Ok.to_string());
            }
        }
        if event.status.is_some() {
            event.is_over = true;
            self.calls.remove(&header.call);
        }
        event
    }

    /// Notes which method is called.
    fn open(&mut self, header: Header, event: &mut Event) {
        let text = |name: &str| {
            let span = leaves(&event.spans).find(|span| span.name == name)?;
            Some(remembered(&String::from_utf8_lossy(&event.bytes[span.range.clone()])))
        };
        let declared = text("path").map(|path| Method { path, codec: text("codec").unwrap_or_default() });
        if let Some(method) = &declared
            && header.code > 0
        {
            self.methods.insert(header.code, method.clone());
        }
        let known = || self.methods.get(&header.code).filter(|_| header.code > 0).cloned();
        let Some(method) = declared.or_else(known) else {
            breaks(&mut event.spans, 1, "a number not declared", "transport::frame");
            return;
        };
        event.label += &format!(" {}", method.path);
        event.path = Some(method.path.clone());
        if self.calls.len() < MOST_CALLS {
            self.calls.insert(header.call, Call { method, pieces: Default::default() });
        }
    }

    /// Reads a message, or notes a piece of one; what it is in a few words.
    fn message(&mut self, header: Header, event: &mut Event, range: std::ops::Range<usize>) -> String {
        let goes_on = header.flags.has(Flags::MORE);
        let held: usize = self.calls.values().map(Call::held).sum();
        let size = count(range.len(), "byte");
        let Some(call) = self.calls.get_mut(&header.call) else { return format!("{size}, call is over") };
        let messages = self.schema.method(&call.method.path);
        let of = messages.map(|(request, reply)| if event.way == Way::Out { request } else { reply });
        let form = Form { codec: &call.method.codec, of };
        let bytes = &event.bytes[range.clone()];
        let pieces = &mut call.pieces[side(event.way)];
        if !goes_on && pieces.is_none() {
            let inner = moved(named(bytes, form), range.start);
            put_in_place(&mut event.spans, inner);
            return format!("message of {size}");
        }
        let mut all = pieces.take().unwrap_or_default();
        all.size += bytes.len();
        if all.bytes.len() + bytes.len() == all.size && held + bytes.len() <= MOST_HELD {
            all.bytes.extend_from_slice(bytes);
        }
        if let Some(span) = leaf_mut(&mut event.spans, |span| span.range == range) {
            span.name = "piece of it".to_owned();
        }
        if goes_on {
            *pieces = Some(all);
            return format!("{size} of a message");
        }
        let whole = count(all.size, "byte");
        let spans = named(&all.bytes, form);
        event.contents.push(match all.bytes.len() == all.size {
            true => {
                Content { label: format!("the message of {whole}, from its pieces"), bytes: all.bytes, spans }
            }
            false => Content {
                label: format!("the message of {whole} is too large to be shown"),
                bytes: Vec::new(),
                spans: Vec::new(),
            },
        });
        format!("{size}, the last of a message of {whole}")
    }
}

impl Call {
    fn held(&self) -> usize {
        self.pieces.iter().flatten().map(|pieces| pieces.bytes.len()).sum()
    }
}

/// How many calls at once are followed, and how much is kept of all their messages together.
const MOST_CALLS: usize = 10_000;
const MOST_HELD: usize = 8 << 20;
