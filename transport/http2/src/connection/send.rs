//! What the application does: opens streams, sends on them, reads, resets, releases.

use bytes::{Buf, BufMut, Bytes};
use thiserror::Error;

use super::{Connection, Event, Role};
use crate::error::ErrorCode;
use crate::flow::DEFAULT_WINDOW;
use crate::frame::{Data, RstStream, WindowUpdate};
use crate::hpack::{Fields, Identity};
use crate::message::{Facts, Section, check};
use crate::output::Discarded;
use crate::stream::{End, State, Stream};
use crate::streams::Streams;

/// Why something cannot be sent. Nothing was sent then, and the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The stream is over, or this side has ended it.
    #[error("the stream is over, or was ended from here")]
    Ended,
    /// HEADERS come before data and trailers, and once.
    #[error("not in this order: informational responses, the head, data, trailers (RFC 9113 §8.1)")]
    Order,
    /// A response to HEAD has no data, and neither has one with status 204 or 304.
    #[error("there is no data in this response (RFC 9110 §6.4.1)")]
    NoData,
    /// The fields do not make a message.
    #[error("{0}")]
    Malformed(&'static str),
    /// There are more fields than the peer takes.
    #[error("the fields count {size} bytes, the peer takes {limit} (SETTINGS_MAX_HEADER_LIST_SIZE)")]
    TooLarge {
        /// What they count.
        size: usize,
        /// What the peer takes.
        limit: u32,
    },
    /// No stream can be opened: see [`Connection::can_open`].
    #[error("no stream can be opened now")]
    CannotOpen,
}

/// What follows data that is sent: see [`Connection::send_copy`].
#[derive(Clone, Copy, Debug)]
pub enum Follows<'a> {
    /// More of it, or something else, later.
    More,
    /// Nothing: it ends the stream.
    End,
    /// Trailers, which end the stream.
    Trailers(&'a Fields),
}

impl Connection {
    /// Whether a client can open a stream now: the peer allows one more, and nobody is going away. No event
    /// says that this has changed: it may have whenever something has come, or a stream was closed.
    pub fn can_open(&self) -> bool {
        self.role == Role::Client && self.open < self.peer.max_concurrent_streams && !self.is_leaving()
    }

    /// How many streams the peer allows a client at once: those that are open, and how many more.
    pub fn allowed_streams(&self) -> (u32, u32) {
        (self.open, self.peer.max_concurrent_streams.saturating_sub(self.open))
    }

    /// Opens a stream with a request, and returns its id. With `end_stream`, that is all of it.
    ///
    /// # Errors
    /// When no stream can be opened, and when the fields are none that a request can have.
    pub fn open(&mut self, request: &Fields, end_stream: bool) -> Result<u32, SendError> {
        if !self.can_open() {
            return Err(SendError::CannotOpen);
        }
        let facts = self.check(Section::Request, request)?;
        let id = self.next_stream;
        self.next_stream += 2;
        self.open += 1;
        let (receive, send) = (self.receive_window_of_new_streams(), self.peer.initial_window_size);
        let stream = self.streams.insert(id, receive, send);
        stream.outgoing.begun = true;
        stream.incoming.has_no_data = facts.has_no_data;
        stream.is_connect = facts.is_connect;
        if end_stream {
            stream.state = stream.state.ended_here();
        }
        self.clock.busy();
        self.encode_headers(id, request, end_stream);
        Ok(id)
    }

    /// Sends the head of a response; or an informational one, with a status of 1xx, of which there may be
    /// any number before. With `end_stream`, that is all of the response.
    ///
    /// # Errors
    /// When the stream is over, the response has begun, or the fields are none that a response can have.
    pub fn send_headers(&mut self, id: u32, response: &Fields, end_stream: bool) -> Result<(), SendError> {
        let stream = self.streams.get(id).filter(|stream| stream.can_send()).ok_or(SendError::Ended)?;
        if stream.outgoing.begun {
            return Err(SendError::Order);
        }
        let facts = self.check(Section::Response, response)?;
        if facts.is_informational && end_stream {
            return Err(SendError::Order);
        }
        self.encode_headers(id, response, end_stream);
        let Some(stream) = self.streams.get_mut(id) else { return Ok(()) };
        stream.outgoing.begun = !facts.is_informational;
        stream.outgoing.has_no_data |= facts.has_no_data;
        stream.is_tunnel = stream.is_connect && facts.is_successful;
        if end_stream {
            self.ended_here(id);
        }
        Ok(())
    }

    /// Sends data, or the end of the stream behind all data, or both. It leaves as the windows allow.
    ///
    /// All of it is accepted: whoever has more than a little asks [`queued`](Self::queued) first.
    ///
    /// # Errors
    /// When the stream is over or was ended, and before its head was sent.
    pub fn send_data(&mut self, id: u32, data: Bytes, end_stream: bool) -> Result<(), SendError> {
        let stream = match sending_data(&mut self.streams, id, data.is_empty()) {
            Ok(stream) => stream,
            Err(error) => {
                self.discarded.push(Discarded::Data(data));
                return Err(error);
            }
        };
        if data.is_empty() {
            self.discarded.push(Discarded::Data(data));
        } else {
            stream.outgoing.push(data);
        }
        if end_stream {
            stream.outgoing.end = Some(End::Data);
        }
        stream.outgoing.take_turn(id, &mut self.turn);
        Ok(())
    }

    /// As [`send_data`](Self::send_data), for a little data: `parts` are copied behind what was sent before, so
    /// that many of them cost as little as one.
    ///
    /// # Errors
    /// Those of [`send_data`](Self::send_data) and, with trailers, of [`send_trailers`](Self::send_trailers).
    pub fn send_copy(&mut self, id: u32, parts: [&[u8]; 2], follows: Follows<'_>) -> Result<(), SendError> {
        if let Follows::Trailers(trailers) = follows {
            self.check(Section::Trailers, trailers)?;
        }
        let size = parts[0].len() + parts[1].len();
        let stream = sending_data(&mut self.streams, id, size == 0)?;
        if stream.is_tunnel && matches!(follows, Follows::Trailers(_)) {
            return Err(SendError::Order);
        }
        // Where nobody waits for a turn, who ends with this needs none.
        if !matches!(follows, Follows::More)
            && self.turn.is_empty()
            && self.starved.is_empty()
            && self.out.remaining() < self.limits.send_buffer
            && stream.outgoing.queued == 0
            && size > 0
            && size <= stream.outgoing.window.available().min(self.send_window.available())
            && size <= self.peer.max_frame_size as usize
        {
            stream.outgoing.window.spend(size);
            self.send_last(id, parts, size, follows);
            return Ok(());
        }
        for part in parts {
            stream.outgoing.gather(part);
        }
        stream.outgoing.end = match follows {
            Follows::More => None,
            Follows::End => Some(End::Data),
            Follows::Trailers(trailers) => Some(End::Trailers(trailers.clone())),
        };
        stream.outgoing.take_turn(id, &mut self.turn);
        Ok(())
    }

    /// As [`send_copy`](Self::send_copy) of something that more follows, if [`has_room`](Self::has_room) says so
    /// and nothing else is wrong. `false`: nothing was sent.
    pub fn send_with_room(&mut self, id: u32, parts: [&[u8]; 2], ahead: usize) -> bool {
        let Ok(stream) = sending_data(&mut self.streams, id, false) else { return false };
        let outgoing = &mut stream.outgoing;
        if !outgoing.has_room(ahead, self.send_window) {
            return false;
        }
        parts.iter().for_each(|part| outgoing.gather(part));
        outgoing.take_turn(id, &mut self.turn);
        true
    }

    /// Puts the last data of a stream, and its end, into the output at once.
    fn send_last(&mut self, id: u32, parts: [&[u8]; 2], size: usize, follows: Follows<'_>) {
        self.send_window.spend(size);
        let out = self.out.tail();
        Data::encode_head(id, size as u32, matches!(follows, Follows::End), out);
        for part in parts {
            out.put_slice(part);
        }
        match follows {
            Follows::Trailers(trailers) => self.encode_headers(id, trailers, true),
            Follows::More | Follows::End => self.clock.useful(),
        }
        self.ended_here(id);
    }

    /// Sends trailers behind all data; they end the stream.
    ///
    /// # Errors
    /// When the stream is over or was ended, before its head was sent, and when the fields are none that
    /// trailers can have.
    pub fn send_trailers(&mut self, id: u32, trailers: &Fields) -> Result<(), SendError> {
        self.check(Section::Trailers, trailers)?;
        let stream = sending(&mut self.streams, id)?;
        if stream.is_tunnel {
            return Err(SendError::Order);
        }
        stream.outgoing.end = Some(End::Trailers(trailers.clone()));
        self.give_turn(id);
        Ok(())
    }

    /// Whether less than `ahead` bytes of data wait on a stream, and no more than the windows let go.
    pub fn has_room(&self, id: u32, ahead: usize) -> bool {
        self.streams.get(id).is_none_or(|stream| stream.outgoing.has_room(ahead, self.send_window))
    }

    /// How many bytes of data wait on a stream for their turn and for the windows.
    pub fn queued(&self, id: u32) -> usize {
        self.streams.get(id).map_or(0, |stream| stream.outgoing.queued)
    }

    /// Whether all data that was queued on a stream is on its way. If not, [`Event::Room`] will say so.
    pub fn await_room(&mut self, id: u32) -> bool {
        let Some(stream) = self.streams.get_mut(id) else { return true };
        stream.outgoing.is_awaited = stream.outgoing.queued > 0 && !stream.released;
        stream.outgoing.queued == 0
    }

    /// The application has read `bytes` of the data of a stream: the peer may send as much again.
    pub fn read(&mut self, id: u32, bytes: usize) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(stream.incoming.window.unread());
        if bytes > 0 {
            self.unread_frames -= stream.incoming.read_frames(bytes);
            self.give_back(id, bytes);
        }
    }

    /// Gives the peer credit for `bytes` of a stream that nobody has to hold any more.
    pub(super) fn give_back(&mut self, id: u32, bytes: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.incoming.window.read(bytes);
        if stream.incoming.window.is_worth_an_update() {
            self.update_window(id);
        }
        self.read_connection(bytes);
    }

    /// Drops the data that waits to be sent on a stream, but for its first `keep` bytes. The stream can still
    /// be ended.
    pub fn drop_queued(&mut self, id: u32, keep: usize) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        self.discarded.extend(stream.outgoing.truncate(keep).into_iter().map(Discarded::Data));
        if stream.outgoing.queued > 0 {
            return;
        }
        // What ends it needs no window.
        if let Some(at) = self.starved.iter().position(|starved| *starved == id) {
            self.starved.remove(at);
            self.turn.push_back(id);
        }
    }

    /// Ends a stream at once, in both directions; data that waits is dropped, and nothing is told of the
    /// stream any more.
    pub fn reset(&mut self, id: u32, code: ErrorCode) {
        if self.is_open(id) {
            self.events.retain(|event| event.stream() != Some(id));
            self.close_stream(id);
            self.closed.reset_here(id);
            RstStream { stream: id, code }.encode(self.out.tail());
            self.forget_if_over(id);
        }
    }

    /// The application will not ask for a stream any more. What still comes on it is not told; what a server
    /// has queued is still sent. A client's stream that is not closed is reset: NO_ERROR if all of the answer
    /// has come, else CANCEL. So is a server's whose response has no end; and a server that has answered
    /// resets a request that still comes, NO_ERROR (RFC 9113 §8.1).
    ///
    /// Only then does the stream not count any more.
    pub fn release(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        // The time is as of the last input: the first look at what is left only begins to count.
        stream.outgoing.has_moved |= !stream.released;
        stream.released = true;
        stream.outgoing.is_awaited = false;
        let (state, unread) = (stream.state, stream.incoming.window.unread());
        let is_unfinished = self.role == Role::Client || stream.can_send();
        if !self.events.is_empty() {
            self.events.retain(|event| event.stream() != Some(id));
        }
        self.read(id, unread as usize);
        if state == State::Closed {
            return self.forget_if_over(id);
        }
        if is_unfinished {
            // Who has all of the answer does not cancel: it has just no more to say.
            let is_answered = self.role == Role::Client && state == State::HalfClosedRemote;
            return self.reset(id, if is_answered { ErrorCode::NO_ERROR } else { ErrorCode::CANCEL });
        }
        if state == State::HalfClosedLocal {
            return self.finish_early(id);
        }
        self.linger();
    }

    // ---- what these have in common ----

    /// Checks fields before they are sent, unless that was done before with the same list.
    fn check(&mut self, section: Section, fields: &Fields) -> Result<Facts, SendError> {
        let was_checked = |checked: &&Checked| checked.section == section && checked.list.is_that_of(fields);
        let (facts, size) = match self.checked.find(was_checked) {
            Some(checked) => (checked.facts, checked.size),
            None => {
                let facts = check(section, fields).map_err(SendError::Malformed)?;
                let (list, size) = (fields.identity(), fields.size());
                self.checked.push(Checked { section, list, facts, size });
                (facts, size)
            }
        };
        let limit = self.peer.max_header_list_size;
        if size > limit as usize { Err(SendError::TooLarge { size, limit }) } else { Ok(facts) }
    }

    pub(super) fn receive_window_of_new_streams(&self) -> u32 {
        if self.acknowledged { self.limits.stream_window } else { DEFAULT_WINDOW }
    }

    /// Gives a stream the credit that is due, and more of it if the window holds the peer back.
    pub(super) fn update_window(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        if stream.released || !stream.state.peer_can_send() {
            return;
        }
        let (window, now) = (&mut stream.incoming.window, self.clock.now());
        if let Some(round_trip) = self.clock.round_trip()
            && window.is_too_small(now, round_trip)
        {
            let room = self.limits.largest_stream_window.saturating_sub(window.size());
            let more = window.size().min(room).min(self.spare_window);
            self.spare_window -= more;
            window.grow(more);
        }
        if let Some(increment) = window.take_update(now) {
            WindowUpdate { stream: id, increment }.encode(self.out.tail());
        }
    }

    /// Data was read, or will never be: the connection has room for as much again.
    pub(super) fn read_connection(&mut self, bytes: u32) {
        self.receive_window.read(bytes);
        if self.receive_window.is_worth_an_update()
            && let Some(increment) = self.receive_window.take_update(self.clock.now())
        {
            WindowUpdate { stream: 0, increment }.encode(self.out.tail());
        }
    }

    /// This side has sent END_STREAM.
    pub(super) fn ended_here(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.state = stream.state.ended_here();
        if stream.state == State::Closed {
            self.stream_ended(id);
        } else {
            self.finish_early(id);
        }
    }

    /// A server that has answered, and wants no more of the request, says so (RFC 9113 §8.1).
    fn finish_early(&mut self, id: u32) {
        let Some(stream) = self.streams.get(id) else { return };
        if self.role == Role::Server && stream.released && stream.state == State::HalfClosedLocal {
            self.reset(id, ErrorCode::NO_ERROR);
        }
    }

    /// Both sides have ended a stream.
    pub(super) fn stream_ended(&mut self, id: u32) {
        self.close_stream(id);
        self.closed.note(id);
        self.forget_if_over(id);
    }

    /// A stream is closed, however that came about.
    pub(super) fn close_stream(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.state = State::Closed;
        let outgoing = &mut stream.outgoing;
        self.discarded.extend(outgoing.queue.drain(..).map(Discarded::Data));
        outgoing.gathered.clear();
        outgoing.queued = 0;
        if let Some(End::Trailers(trailers)) = outgoing.end.take() {
            self.discarded.push(Discarded::Fields(trailers));
        }
        if outgoing.has_turn && !self.starved.is_empty() {
            self.starved.retain(|starved| *starved != id);
        }
        self.open -= 1;
    }

    /// A stream has gone wrong through the peer's fault.
    pub(super) fn fail_stream(&mut self, id: u32, code: ErrorCode, reason: &'static str) {
        if !self.is_open(id) {
            return;
        }
        self.reset(id, code);
        self.tell_reset(id, code, Some(reason));
        self.answers += 1;
        if let Err(error) = self.count_reset() {
            self.fail(error);
        }
    }

    /// Tells the application that a stream is over, unless it has released it.
    pub(super) fn tell_reset(&mut self, id: u32, code: ErrorCode, reason: Option<&'static str>) {
        let Some(stream) = self.streams.get(id) else { return };
        if !stream.released {
            let (code, reason) = match code {
                ErrorCode::REFUSED_STREAM if stream.incoming.begun && self.role == Role::Client => {
                    (ErrorCode::PROTOCOL_ERROR, Some("REFUSED_STREAM after the response has begun (§8.7)"))
                }
                _ => (code, reason),
            };
            self.events.push_back(Event::Reset { stream: id, code, reason });
        }
        self.forget_if_over(id);
    }

    /// Gives the slot of a stream back that is closed and released.
    pub(super) fn forget_if_over(&mut self, id: u32) {
        if let Some(stream) = self.streams.get(id)
            && stream.released
            && stream.state == State::Closed
        {
            self.spare_window += stream.incoming.window.grown();
            self.streams.remove(id);
            if self.streams.is_empty() {
                self.clock.idle();
            }
        }
    }
}

/// A stream on which data or trailers can be sent.
fn sending(streams: &mut Streams, id: u32) -> Result<&mut Stream, SendError> {
    let stream = streams.get_mut(id).filter(|stream| stream.can_send()).ok_or(SendError::Ended)?;
    if stream.outgoing.begun { Ok(stream) } else { Err(SendError::Order) }
}

/// A stream on which data can be sent, or at least none.
fn sending_data(streams: &mut Streams, id: u32, is_empty: bool) -> Result<&mut Stream, SendError> {
    let stream = sending(streams, id)?;
    if stream.outgoing.has_no_data && !is_empty { Err(SendError::NoData) } else { Ok(stream) }
}

/// A list of fields that was sent before, and so has been checked.
#[derive(Debug)]
pub(super) struct Checked {
    section: Section,
    list: Identity,
    facts: Facts,
    size: usize,
}
