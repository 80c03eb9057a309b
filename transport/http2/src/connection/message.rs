//! Field blocks in: from HEADERS and CONTINUATION to requests, responses and trailers (RFC 9113 §8).

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::{Connection, Event, Role, calm_down, protocol_error};
use crate::closed::Closed;
use crate::error::{ErrorCode, Http2Error};
use crate::frame::{Continuation, Headers, Kind, PushPromise, RstStream};
use crate::hpack::{FieldList, Fields, HpackError};
use crate::message::{Facts, Section, check};
use crate::stream::State;

/// A field block whose end has not come.
#[derive(Debug)]
pub(super) struct FieldBlock {
    opening: Opening,
    fragments: BytesMut,
    continuations: u32,
    since: Instant,
}

/// The frame that began a field block.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Headers { stream: u32, end_stream: bool },
    PushPromise { stream: u32, promised: u32 },
}

/// What a field block says.
type Said = Result<(Fields, Facts), Flaw>;

/// Why a field block is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    TooLarge,
    Malformed(&'static str),
}

impl Connection {
    pub(super) fn headers(&mut self, frame: Headers) -> Result<(), Http2Error> {
        let opening = Opening::Headers { stream: frame.stream, end_stream: frame.end_stream };
        self.begin_block(opening, frame.fragment, frame.end_headers)
    }

    pub(super) fn push_promise(&mut self, frame: PushPromise) -> Result<(), Http2Error> {
        if self.role == Role::Server || self.acknowledged {
            return Err(protocol_error("PUSH_PROMISE, although push is not enabled (§6.6)"));
        }
        let opening = Opening::PushPromise { stream: frame.stream, promised: frame.promised };
        self.begin_block(opening, frame.fragment, frame.end_headers)
    }

    pub(super) fn continuation(&mut self, frame: Continuation) -> Result<(), Http2Error> {
        let Some(mut block) = self.partial.take() else {
            return Err(protocol_error("CONTINUATION without a field block to go on with (§6.10)"));
        };
        let stream = match block.opening {
            Opening::Headers { stream, .. } | Opening::PushPromise { stream, .. } => stream,
        };
        if frame.stream != stream {
            return Err(protocol_error("CONTINUATION of another stream (§6.10)"));
        }
        block.continuations += 1;
        block.fragments.extend_from_slice(&frame.fragment);
        if block.continuations > self.limits.continuations
            || block.fragments.len() > self.limits.header_list_size.saturating_mul(4)
        {
            return Err(calm_down("a field block that does not end"));
        }
        if frame.end_headers {
            return self.end_block(block.opening, &block.fragments);
        }
        self.partial = Some(block);
        Ok(())
    }

    fn begin_block(&mut self, opening: Opening, fragment: Bytes, is_whole: bool) -> Result<(), Http2Error> {
        if is_whole {
            return self.end_block(opening, &fragment);
        }
        let (fragments, since) = (BytesMut::from(fragment), self.clock.now());
        self.partial = Some(FieldBlock { opening, fragments, continuations: 0, since });
        Ok(())
    }

    /// Since when a field block has not been complete.
    pub(super) fn partial_since(&self) -> Option<Instant> {
        self.partial.as_ref().map(|block| block.since)
    }

    /// A field block has come to its end. Whatever becomes of it, it is decoded, or the table would go
    /// out of step with the peer's.
    fn end_block(&mut self, opening: Opening, block: &[u8]) -> Result<(), Http2Error> {
        let Opening::Headers { stream: id, end_stream } = opening else {
            let _ = self.decode(Section::Request, block)?;
            return self.refuse_push(opening);
        };
        let stream = self.streams.get(id).filter(|stream| stream.state != State::Closed);
        match (self.role, stream) {
            (Role::Server, None) => {
                let said = self.decode(Section::Request, block)?;
                self.request(id, said, end_stream)
            }
            (Role::Client, Some(stream)) if !stream.incoming.begun => {
                let said = self.decode(Section::Response, block)?;
                self.response(id, said, end_stream)
            }
            (_, Some(_)) => {
                let said = self.decode(Section::Trailers, block)?;
                self.trailers(id, said, end_stream)
            }
            (Role::Client, None) => {
                let _ = self.decode(Section::Trailers, block)?;
                self.on_no_stream(id, Kind::HEADERS)
            }
        }
    }

    /// Decodes a field block and checks what it says, unless that was done before.
    fn decode(&mut self, section: Section, block: &[u8]) -> Result<Said, Http2Error> {
        let changes = self.decoder.changes();
        let was_seen =
            |seen: &&Seen| Some(seen.changes) == changes && seen.section == section && *seen.block == *block;
        if let Some(Seen { fields, facts, .. }) = self.seen.find(was_seen) {
            return Ok(Ok((fields.clone(), *facts)));
        }
        let list = self.decoder.decode(block).map_err(|error| match error {
            HpackError::ListTooLarge => calm_down("a field list more than four times as large as allowed"),
            _ => {
                let reason = "a field block that cannot be decoded (§4.3)";
                Http2Error::connection(ErrorCode::COMPRESSION_ERROR, reason)
            }
        })?;
        let FieldList::Fields(fields) = list else { return Ok(Err(Flaw::TooLarge)) };
        let facts = match check(section, &fields) {
            Ok(facts) => facts,
            Err(reason) => return Ok(Err(Flaw::Malformed(reason))),
        };
        if let Some(changes) = changes
            && self.decoder.changes() == Some(changes)
            && block.len() <= MAX_SEEN
        {
            let (block, fields) = (block.into(), fields.clone());
            self.seen.push(Seen { section, block, changes, fields, facts });
        }
        Ok(Ok((fields, facts)))
    }

    /// HEADERS came to a server on a stream that is not there.
    fn request(&mut self, id: u32, said: Said, end_stream: bool) -> Result<(), Http2Error> {
        if self.is_own(id) || !self.is_idle(id) {
            return self.on_no_stream(id, Kind::HEADERS);
        }
        self.last_peer_stream = id;
        if self.is_beyond_the_last(id) {
            return Ok(());
        }
        let (fields, facts) = match said {
            Ok(said) => said,
            Err(Flaw::TooLarge) => return self.answer_too_large(id, end_stream),
            Err(Flaw::Malformed(_)) => return self.refuse(id, ErrorCode::PROTOCOL_ERROR),
        };
        if end_stream && facts.content_length.is_some_and(|length| length > 0) {
            return self.refuse(id, ErrorCode::PROTOCOL_ERROR);
        }
        if self.open >= self.limits.streams {
            return self.refuse(id, ErrorCode::REFUSED_STREAM);
        }
        if self.streams.len() as u64 >= 2 * u64::from(self.limits.streams) {
            // The peer keeps to the limit: it cannot know of handlers that go on.
            self.reset_unknown(id, ErrorCode::REFUSED_STREAM);
            return Ok(());
        }
        let (receive, send) = (self.receive_window_of_new_streams(), self.peer.initial_window_size);
        let stream = self.streams.insert(id, receive, send);
        self.open += 1;
        stream.incoming.begun = true;
        stream.incoming.expected = facts.content_length;
        stream.outgoing.has_no_data = facts.has_no_data;
        stream.is_connect = facts.is_connect;
        if end_stream {
            stream.state = stream.state.ended_by_peer();
        }
        self.clock.busy();
        self.events.push_back(Event::Headers { stream: id, fields, end_stream });
        Ok(())
    }

    /// HEADERS came to a client, on a stream where the response is due.
    fn response(&mut self, id: u32, said: Said, end_stream: bool) -> Result<(), Http2Error> {
        let Some(stream) = self.streams.get_mut(id) else { return Ok(()) };
        if !stream.state.peer_can_send() {
            return Err(behind_the_end(id));
        }
        let (fields, facts) = said.map_err(|flaw| flaw.of_stream(id))?;
        let malformed = |reason| Http2Error::stream(id, ErrorCode::PROTOCOL_ERROR, reason);
        let is_wanted = !stream.released;
        if facts.is_informational {
            if end_stream {
                return Err(malformed("an informational response ends the stream (§8.1)"));
            }
            if !self.useless.spend(self.clock.now()) {
                return Err(calm_down("too many informational responses"));
            }
            if is_wanted {
                self.events.push_back(Event::Informational { stream: id, fields });
            }
            return Ok(());
        }
        stream.incoming.begun = true;
        stream.incoming.has_no_data |= facts.has_no_data;
        stream.is_tunnel = stream.is_connect && facts.is_successful;
        if !stream.incoming.has_no_data && !stream.is_tunnel {
            stream.incoming.expected = facts.content_length;
        }
        if end_stream {
            stream.incoming.count(0, true).map_err(malformed)?;
        }
        if is_wanted {
            self.events.push_back(Event::Headers { stream: id, fields, end_stream });
        }
        if end_stream {
            self.ended_by_peer(id);
        }
        Ok(())
    }

    /// HEADERS came behind the head of a message.
    fn trailers(&mut self, id: u32, said: Said, end_stream: bool) -> Result<(), Http2Error> {
        let Some(stream) = self.streams.get_mut(id) else { return Ok(()) };
        if !stream.state.peer_can_send() {
            return Err(behind_the_end(id));
        }
        let malformed = |reason| Http2Error::stream(id, ErrorCode::PROTOCOL_ERROR, reason);
        let (fields, _) = said.map_err(|flaw| flaw.of_stream(id))?;
        if stream.is_tunnel {
            return Err(malformed("HEADERS in a tunnel (§8.5)"));
        }
        if !end_stream {
            return Err(malformed("trailers without END_STREAM (§8.1)"));
        }
        stream.incoming.count(0, true).map_err(malformed)?;
        if !stream.released {
            self.events.push_back(Event::Trailers { stream: id, fields });
        }
        self.ended_by_peer(id);
        Ok(())
    }

    pub(super) fn ended_by_peer(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.state = stream.state.ended_by_peer();
        if stream.state == State::Closed {
            self.stream_ended(id);
        }
    }

    /// Refuses a stream that the peer has opened, and that nobody here knows yet.
    fn refuse(&mut self, id: u32, code: ErrorCode) -> Result<(), Http2Error> {
        self.count_reset()?;
        self.reset_unknown(id, code);
        Ok(())
    }

    fn reset_unknown(&mut self, id: u32, code: ErrorCode) {
        RstStream { stream: id, code }.encode(self.out.tail());
        self.closed.reset_here(id);
        self.answers += 1;
    }

    /// Answers a request with more fields than allowed (RFC 6585 §5; RFC 9113 §10.5.1).
    fn answer_too_large(&mut self, id: u32, end_stream: bool) -> Result<(), Http2Error> {
        self.count_reset()?;
        let status = Fields::new([(":status", "431")]);
        self.encode_headers(id, &status, true);
        if end_stream {
            self.closed.note(id);
        } else {
            RstStream { stream: id, code: ErrorCode::NO_ERROR }.encode(self.out.tail());
            self.closed.reset_here(id);
        }
        self.answers += 1;
        Ok(())
    }

    /// Refuses a pushed stream. The server could not know yet that none is wanted (RFC 9113 §6.6).
    fn refuse_push(&mut self, opening: Opening) -> Result<(), Http2Error> {
        let Opening::PushPromise { stream, promised } = opening else { return Ok(()) };
        let can_promise = self.streams.get(stream).is_some_and(|stream| stream.state.peer_can_send());
        if !can_promise && self.closed.find(stream) != Closed::ResetHere {
            return Err(protocol_error("PUSH_PROMISE on a stream that is not open (§6.6)"));
        }
        if self.is_own(promised) || !self.is_idle(promised) {
            return Err(protocol_error("PUSH_PROMISE of a stream that cannot be promised (§5.1.1, §6.6)"));
        }
        self.last_peer_stream = promised;
        self.refuse(promised, ErrorCode::REFUSED_STREAM)
    }
}

fn behind_the_end(id: u32) -> Http2Error {
    Http2Error::stream(id, ErrorCode::STREAM_CLOSED, "HEADERS behind END_STREAM (§5.1)")
}

impl Flaw {
    fn of_stream(self, id: u32) -> Http2Error {
        match self {
            Self::TooLarge => {
                let reason = "more fields than allowed (§10.5.1)";
                Http2Error::stream(id, ErrorCode::ENHANCE_YOUR_CALM, reason)
            }
            Self::Malformed(reason) => Http2Error::stream(id, ErrorCode::PROTOCOL_ERROR, reason),
        }
    }
}

/// A field block that was seen before, and what it says. As long as the table has not changed, the same
/// bytes say the same.
#[derive(Debug)]
pub(super) struct Seen {
    section: Section,
    block: Box<[u8]>,
    changes: u64,
    fields: Fields,
    facts: Facts,
}

/// How long a block may be that is remembered, in bytes.
const MAX_SEEN: usize = 256;
