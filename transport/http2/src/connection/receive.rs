//! Frames in: what each means at its moment and on its stream (RFC 9113 §5.1, §6).

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};

use super::{Connection, Event, Role, calm_down, protocol_error};
use crate::closed::Closed;
use crate::error::{ErrorCode, Http2Error, Scope};
use crate::frame::{Data, Frame, Kind, Ping, RstStream, Setting, Settings, WindowUpdate};
use crate::stream::State;

impl Connection {
    /// Takes whole frames off the front of `input`, up to one that is an event. `None`: what is left is
    /// not a whole frame, and more has to come; or the connection is over.
    ///
    /// However the peer has cut its bytes, the events are the same.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) -> Option<Event> {
        self.set_time(now);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.has_failed() {
                input.clear();
                return None;
            }
            match self.receive_frame(input) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => self.handle_error(error),
            }
        }
    }

    /// Takes one frame. `false`: there is none.
    fn receive_frame(&mut self, input: &mut BytesMut) -> Result<bool, Http2Error> {
        if !self.take_preface(input)? {
            return Ok(false);
        }
        if !self.greeted && input.get(3).is_some_and(|kind| *kind != Kind::SETTINGS.0) {
            // Before the length: of another protocol that would be any number.
            return Err(protocol_error(
                "the peer does not speak HTTP/2: it does not begin with SETTINGS (§3.4)",
            ));
        }
        let Some(frame) = Frame::decode(input, self.limits.frame_size)? else {
            return Ok(false);
        };
        self.clock.heard();
        if self.partial.is_some() && !matches!(frame, Frame::Continuation(_)) {
            return Err(protocol_error("a field block is followed by CONTINUATION and nothing else (§6.10)"));
        }
        if !self.greeted && !matches!(frame, Frame::Settings(Settings { ack: false, .. })) {
            return Err(protocol_error("the first frame is SETTINGS (§3.4)"));
        }
        match frame {
            Frame::Data(data) => self.data(data)?,
            Frame::Headers(headers) => self.headers(headers)?,
            Frame::Continuation(continuation) => self.continuation(continuation)?,
            Frame::PushPromise(promise) => self.push_promise(promise)?,
            Frame::RstStream(reset) => self.rst_stream(reset)?,
            Frame::Settings(settings) => self.settings(&settings)?,
            Frame::Ping(ping) => self.ping(ping)?,
            Frame::GoAway(go_away) => self.go_away(go_away)?,
            Frame::WindowUpdate(update) => self.window_update(update)?,
            Frame::Priority(_) | Frame::Unknown(_) => {}
        }
        if self.answers > self.limits.queued_answers {
            return Err(calm_down("too many answers wait for a peer that does not read them"));
        }
        Ok(true)
    }

    /// Takes what is due of the client's preface. `false`: not all of it has come.
    fn take_preface(&mut self, input: &mut BytesMut) -> Result<bool, Http2Error> {
        let length = self.preface.len().min(input.len());
        let (due, rest) = self.preface.split_at(length);
        if input[..length] != *due {
            return Err(protocol_error("the peer does not speak HTTP/2: no client preface (§3.4)"));
        }
        input.advance(length);
        self.preface = rest;
        Ok(rest.is_empty())
    }

    /// An error costs what its scope says, or more where that is not possible.
    fn handle_error(&mut self, error: Http2Error) {
        match error.scope {
            Scope::Stream(stream) if self.greeted && self.partial.is_none() && !self.is_idle(stream) => {
                self.fail_stream(stream, error.code, error.reason);
            }
            Scope::Stream(_) | Scope::Connection => {
                self.fail(Http2Error::connection(error.code, error.reason))
            }
        }
    }

    fn data(&mut self, frame: Data) -> Result<(), Http2Error> {
        let size = frame.flow_controlled_size();
        if self.receive_window.receive(size).is_err() {
            let reason = "more DATA than the window of the connection allows (§6.9.1)";
            return Err(Http2Error::connection(ErrorCode::FLOW_CONTROL_ERROR, reason));
        }
        let taken = self.stream_data(frame, size);
        if !matches!(taken, Ok(true)) {
            // It counts for the connection all the same (§5.1, §6.9).
            self.read_connection(size);
        }
        taken.map(|_| ())
    }

    /// Takes data of a stream. `false`: nobody is going to read it.
    fn stream_data(&mut self, frame: Data, size: u32) -> Result<bool, Http2Error> {
        let Data { stream: id, mut data, end_stream, padding } = frame;
        if data.is_empty() && !end_stream && !self.useless.spend(self.clock.now()) {
            return Err(calm_down("too many empty DATA frames"));
        }
        let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.state != State::Closed) else {
            return self.on_no_stream(id, Kind::DATA).map(|()| false);
        };
        let fail = |code, reason| Err(Http2Error::stream(id, code, reason));
        if !stream.state.peer_can_send() {
            return fail(ErrorCode::STREAM_CLOSED, "DATA behind END_STREAM (§5.1)");
        }
        if !stream.incoming.begun {
            return fail(ErrorCode::PROTOCOL_ERROR, "DATA before HEADERS (§8.1)");
        }
        if let Err(reason) = stream.incoming.count(data.len(), end_stream) {
            return fail(ErrorCode::PROTOCOL_ERROR, reason);
        }
        if self.unread_frames == self.limits.unread_frames && !data.is_empty() {
            return fail(ErrorCode::ENHANCE_YOUR_CALM, "too many small DATA frames that nobody has read");
        }
        if stream.incoming.window.receive(size).is_err() {
            let reason = "more DATA than the window of the stream allows (§6.9.1)";
            return fail(ErrorCode::FLOW_CONTROL_ERROR, reason);
        }
        let is_wanted = !stream.released;
        if is_wanted {
            if padding > 0 {
                self.give_back(id, padding);
            }
            if self.unread_frames >= MAX_SHARED && data.len() < WORTH_SHARING {
                data = Bytes::copy_from_slice(&data);
            }
            if let Some(stream) = self.streams.get_mut(id).filter(|_| !data.is_empty()) {
                stream.incoming.unread_frames.push_back(data.len() as u32);
                self.unread_frames += 1;
            }
            if !data.is_empty() || end_stream {
                self.events.push_back(Event::Data { stream: id, data, end_stream });
            }
        } else {
            stream.incoming.window.read(size);
        }
        if end_stream {
            self.ended_by_peer(id);
        }
        Ok(is_wanted)
    }

    fn rst_stream(&mut self, frame: RstStream) -> Result<(), Http2Error> {
        let id = frame.stream;
        if self.is_idle(id) {
            return Err(protocol_error("RST_STREAM on an idle stream (§6.4)"));
        }
        self.count_reset()?;
        if self.is_open(id) {
            self.close_stream(id);
            self.closed.note(id);
            self.tell_reset(id, frame.code, None);
        }
        Ok(())
    }

    fn window_update(&mut self, frame: WindowUpdate) -> Result<(), Http2Error> {
        let WindowUpdate { stream: id, increment } = frame;
        if id == 0 {
            if self.send_window.add(increment.into()).is_err() {
                let reason = "the window of the connection grows past 2^31-1 (§6.9.1)";
                return Err(Http2Error::connection(ErrorCode::FLOW_CONTROL_ERROR, reason));
            }
            self.turn.append(&mut self.starved);
            return Ok(());
        }
        if self.is_idle(id) {
            return Err(protocol_error("WINDOW_UPDATE on an idle stream (§5.1)"));
        }
        let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.state != State::Closed) else {
            return Ok(());
        };
        if stream.outgoing.window.add(increment.into()).is_err() {
            let reason = "the window of the stream grows past 2^31-1 (§6.9.1)";
            return Err(Http2Error::stream(id, ErrorCode::FLOW_CONTROL_ERROR, reason));
        }
        self.give_turn(id);
        Ok(())
    }

    fn settings(&mut self, frame: &Settings) -> Result<(), Http2Error> {
        if frame.ack {
            return self.settings_acknowledged();
        }
        if self.greeted && !self.settings_changes.spend(self.clock.now()) {
            return Err(calm_down("too many SETTINGS frames"));
        }
        if !std::mem::replace(&mut self.greeted, true) {
            // As long as it says nothing about it, there is no limit (§6.5.2).
            self.peer.max_concurrent_streams = u32::MAX;
        }
        let former_window = self.peer.initial_window_size;
        for setting in &frame.settings {
            match *setting {
                Setting::HeaderTableSize(size) => self.encoder.allow_table_size(size as usize),
                Setting::EnablePush(true) if self.role == Role::Client => {
                    return Err(protocol_error("a server does not set SETTINGS_ENABLE_PUSH to 1 (§6.5.2)"));
                }
                Setting::EnablePush(_) => {}
                Setting::MaxConcurrentStreams(most) => self.peer.max_concurrent_streams = most,
                Setting::InitialWindowSize(size) => self.peer.initial_window_size = size,
                Setting::MaxFrameSize(size) => self.peer.max_frame_size = size,
                Setting::MaxHeaderListSize(size) => self.peer.max_header_list_size = size,
            }
        }
        self.shift_send_windows(i64::from(self.peer.initial_window_size) - i64::from(former_window))?;
        Settings { ack: true, settings: Vec::new() }.encode(self.out.tail());
        self.answers += 1;
        Ok(())
    }

    /// The peer keeps to our settings from here on.
    fn settings_acknowledged(&mut self) -> Result<(), Http2Error> {
        if std::mem::replace(&mut self.acknowledged, true) {
            return Err(protocol_error("an acknowledgment of SETTINGS that were not sent (§6.5.3)"));
        }
        self.clock.settings_acknowledged();
        self.decoder.allow_table_size(self.limits.header_table_size);
        let difference = i64::from(self.limits.stream_window) - i64::from(crate::flow::DEFAULT_WINDOW);
        if difference != 0 {
            for id in self.streams.ids() {
                if let Some(stream) = self.streams.get_mut(id) {
                    stream.incoming.window.shift(difference);
                }
                // A window that has become smaller may leave the peer waiting for what it is owed.
                self.update_window(id);
            }
        }
        Ok(())
    }

    /// The windows of all streams change with the one with which they begin (§6.9.2).
    fn shift_send_windows(&mut self, difference: i64) -> Result<(), Http2Error> {
        if difference == 0 {
            return Ok(());
        }
        for id in self.streams.ids() {
            let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.state != State::Closed) else {
                continue;
            };
            if stream.outgoing.window.add(difference).is_err() {
                let reason = "SETTINGS_INITIAL_WINDOW_SIZE makes a window larger than 2^31-1 (§6.9.2)";
                return Err(Http2Error::connection(ErrorCode::FLOW_CONTROL_ERROR, reason));
            }
            self.give_turn(id);
        }
        Ok(())
    }

    fn ping(&mut self, frame: Ping) -> Result<(), Http2Error> {
        if frame.ack {
            self.ping_acknowledged(frame.data);
            return Ok(());
        }
        if self.role == Role::Server && self.clock.is_pinged_too_often(self.limits.ping_gap) {
            return Err(calm_down("too_many_pings"));
        }
        Ping { ack: true, data: frame.data }.encode(self.out.tail());
        self.answers += 1;
        Ok(())
    }

    // ---- what frames have in common ----

    /// What a frame means whose stream is not there.
    pub(super) fn on_no_stream(&mut self, id: u32, kind: Kind) -> Result<(), Http2Error> {
        if self.is_idle(id) {
            return Err(protocol_error(match kind {
                Kind::DATA => "DATA on an idle stream (§5.1)",
                _ => "HEADERS on an idle stream that the peer cannot open (§5.1.1)",
            }));
        }
        match self.closed.find(id) {
            Closed::ResetHere => Ok(()),
            // A stream beyond the one that GOAWAY names (§6.8).
            _ if self.is_beyond_the_last(id) => Ok(()),
            Closed::LongAgo if kind == Kind::HEADERS => {
                Err(protocol_error("the ids of new streams rise (§5.1.1)"))
            }
            Closed::Known | Closed::LongAgo => {
                let reason = "DATA or HEADERS on a closed stream (§5.1)";
                Err(Http2Error::connection(ErrorCode::STREAM_CLOSED, reason))
            }
        }
    }

    /// Whether a stream has never been used (RFC 9113 §5.1).
    pub(super) fn is_idle(&self, id: u32) -> bool {
        if self.is_own(id) { id >= self.next_stream } else { id > self.last_peer_stream }
    }

    /// Whether a stream is of those that are opened from here.
    pub(super) fn is_own(&self, id: u32) -> bool {
        (self.role == Role::Client) == (id % 2 == 1)
    }

    pub(super) fn is_open(&self, id: u32) -> bool {
        self.streams.get(id).is_some_and(|stream| stream.state != State::Closed)
    }

    /// A stream that the peer has opened is reset, by the peer or because of it.
    pub(super) fn count_reset(&mut self) -> Result<(), Http2Error> {
        if self.role == Role::Server && !self.resets.spend(self.clock.now()) {
            return Err(calm_down("too many streams are reset"));
        }
        Ok(())
    }
}

/// How many unread DATA frames may share the buffers into which they were read. A reader that keeps up has
/// fewer; one that does not would let a peer make it hold a whole buffer for each few bytes.
const MAX_SHARED: u32 = 256;

/// From how many bytes on data is worth the buffer that it shares.
const WORTH_SHARING: usize = 8 << 10;
