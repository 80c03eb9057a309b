//! Frames out: what waits on the streams, as far as the windows allow, each stream in its turn.

use bytes::{Buf, Bytes};

use super::{Connection, Event, Role};
use crate::frame::{Data, Headers};
use crate::hpack::Fields;
use crate::output::Output;
use crate::stream::{End, Outgoing};

impl Connection {
    /// Moves what is to be written to `output`, if nothing is left in that. What was allocated for it is
    /// used again.
    ///
    /// Data comes from the streams in turn, a frame each, until [`Limits::send_buffer`] is full.
    ///
    /// [`Limits::send_buffer`]: crate::Limits::send_buffer
    pub fn take_output(&mut self, output: &mut Output) {
        if output.has_remaining() {
            return;
        }
        while self.out.remaining() < self.limits.send_buffer
            && let Some(id) = self.turn.pop_front()
        {
            self.send_next(id);
        }
        std::mem::swap(&mut self.out, output);
        self.clock.is_sooner = false;
        self.answers = 0;
    }

    /// Whether there may be something to be written.
    pub fn has_output(&self) -> bool {
        self.out.has_remaining() || !self.turn.is_empty()
    }

    /// How many bytes of frames wait to be taken, besides the data on the streams.
    pub fn waiting_output(&self) -> usize {
        self.out.remaining()
    }

    /// Whether more should be read. A server does not read requests whose answers its peer does not read.
    pub fn wants_input(&self) -> bool {
        let is_behind = self.out.remaining() > self.limits.send_buffer;
        !self.has_failed() && (self.role == Role::Client || !is_behind)
    }

    /// Lets a stream send in its turn, if it has something to send and may.
    pub(super) fn give_turn(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.outgoing.take_turn(id, &mut self.turn);
        }
    }

    /// Sends one frame of data of a stream, and its end if that was all.
    fn send_next(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let outgoing = &mut stream.outgoing;
        outgoing.has_turn = false;
        if outgoing.queued > 0 {
            let most = self.send_window.available().min(self.peer.max_frame_size as usize).min(MAX_DATA);
            let size = outgoing.queued.min(most).min(outgoing.window.available());
            if size == 0 {
                if self.send_window.available() == 0 && outgoing.is_ready() {
                    outgoing.has_turn = true;
                    self.starved.push_back(id);
                }
                return;
            }
            let is_last = size == outgoing.queued;
            let end_stream = is_last && outgoing.end.take_if(|end| matches!(end, End::Data)).is_some();
            outgoing.has_moved = true;
            outgoing.queued -= size;
            outgoing.window.spend(size);
            self.send_window.spend(size);
            if is_last && std::mem::take(&mut outgoing.is_awaited) {
                self.events.push_back(Event::Room { stream: id });
            }
            self.send_frame(id, size, end_stream);
            if end_stream {
                return self.ended_here(id);
            }
            if !is_last {
                return self.give_turn(id);
            }
        }
        let end = self.streams.get_mut(id).and_then(|stream| stream.outgoing.end.take());
        match end {
            Some(End::Data) => self.send_frame(id, 0, true),
            Some(End::Trailers(trailers)) => {
                self.encode_headers(id, &trailers, true);
                self.out.push_encoded(trailers);
            }
            None => return,
        }
        self.ended_here(id);
    }

    /// Sends one DATA frame with the next `size` bytes of a stream's queue, however they were queued: small
    /// messages travel together.
    fn send_frame(&mut self, id: u32, mut size: usize, end_stream: bool) {
        Data::encode_head(id, size as u32, end_stream, self.out.tail());
        self.clock.useful();
        let Some(stream) = self.streams.get_mut(id) else { return };
        let Outgoing { queue, gathered, .. } = &mut stream.outgoing;
        while size > 0
            && let Some(first) = queue.front_mut()
        {
            let piece = if first.len() > size {
                first.split_to(size)
            } else {
                queue.pop_front().unwrap_or_else(Bytes::new)
            };
            size -= piece.len();
            self.out.push(piece);
        }
        self.out.put(&gathered[..size]);
        gathered.drain(..size);
        if gathered.is_empty() && gathered.capacity() > MUCH {
            *gathered = Vec::new();
        }
    }

    /// Sends a field block.
    pub(super) fn encode_headers(&mut self, id: u32, fields: &Fields, end_stream: bool) {
        let encoder = &mut self.encoder;
        Headers::encode_block(id, end_stream, self.peer.max_frame_size, self.out.tail(), |block| {
            encoder.encode(fields, block);
        });
        self.clock.useful();
    }
}

/// How much data one stream may send before it is the next one's turn, whatever the peer would take.
/// It is 64 KiB, and room for what stands in front of a message of that size.
const MAX_DATA: usize = 65 << 10;

/// How many bytes for small data a stream keeps that has sent all it had, at most.
const MUCH: usize = 16 << 10;
