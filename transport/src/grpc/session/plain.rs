//! Streams that are no calls: what else comes over HTTP/2, for whoever serves that here.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http2::{ErrorCode, Event, Fields, SendError};
use rustc_hash::FxHashMap;

use super::Session;
use crate::session::park;

/// The streams that are no calls.
#[derive(Default)]
pub(super) struct Plain {
    streams: FxHashMap<u32, PlainStream>,
    /// Requests that nobody has taken yet.
    arrived: VecDeque<(u32, Fields)>,
}

/// What is known of one of them.
#[derive(Default)]
struct PlainStream {
    /// What has come and was not read.
    data: VecDeque<Bytes>,
    end: Option<End>,
    /// The response was sent to its end.
    is_answered: bool,
    reader: Option<Waker>,
    sender: Option<Waker>,
    handler: Option<Waker>,
}

/// How what the peer sends has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// The stream was reset, or the connection is gone.
    Cut,
}

/// The stream is over, and nothing can be done on it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grpc) struct Gone;

impl Plain {
    /// A request has come.
    pub(super) fn request(&mut self, id: u32, fields: &Fields, end_stream: bool) {
        let end = end_stream.then_some(End::Whole);
        self.streams.insert(id, PlainStream { end, ..PlainStream::default() });
        self.arrived.push_back((id, fields.clone()));
    }

    /// The connection is over.
    pub(super) fn close(&mut self, wakes: &mut Vec<Waker>) {
        self.streams.values_mut().for_each(|stream| stream.cut(wakes));
    }

    /// Something has happened; what is about a call comes back.
    fn handle(&mut self, event: Event, wakes: &mut Vec<Waker>) -> Option<Event> {
        if self.streams.is_empty() {
            return Some(event);
        }
        let Some(stream) = event.stream().and_then(|id| self.streams.get_mut(&id)) else {
            return Some(event);
        };
        match event {
            Event::Data { data, end_stream, .. } => stream.data(data, end_stream),
            Event::Trailers { .. } => stream.data(Bytes::new(), true),
            Event::Reset { .. } => stream.cut(wakes),
            Event::Room { .. } => wakes.extend(stream.sender.take()),
            _ => {}
        }
        wakes.extend(stream.reader.take());
        None
    }
}

impl PlainStream {
    fn data(&mut self, data: Bytes, end_stream: bool) {
        if !data.is_empty() {
            self.data.push_back(data);
        }
        if end_stream {
            self.end.get_or_insert(End::Whole);
        }
    }

    fn cut(&mut self, wakes: &mut Vec<Waker>) {
        self.end = Some(End::Cut);
        wakes.extend([self.reader.take(), self.sender.take(), self.handler.take()].into_iter().flatten());
    }

    fn is_cut(&self) -> bool {
        self.end == Some(End::Cut)
    }
}

impl Session {
    /// Something has happened on the connection; what is about a call comes back.
    pub(super) fn handle_plain(&mut self, event: Event) -> Option<Event> {
        match &mut self.plain {
            Some(plain) => plain.handle(event, &mut self.wakes),
            None => Some(event),
        }
    }

    /// Takes requests that are no calls from now on, instead of refusing them.
    pub(in crate::grpc) fn take_plain(&mut self) {
        self.plain = Some(Plain::default());
    }

    /// The next request that is no call. Its stream is there until it is [released](Self::release_plain).
    pub(in crate::grpc) fn next_plain(&mut self) -> Option<(u32, Fields)> {
        self.plain.as_mut()?.arrived.pop_front()
    }

    /// The next data; none behind the last.
    pub(in crate::grpc) fn poll_plain_data(
        &mut self,
        cx: &mut Context<'_>,
        id: u32,
    ) -> Poll<Option<Result<Bytes, Gone>>> {
        let Some(stream) = self.plain_stream(id).filter(|stream| !stream.is_cut()) else {
            return Poll::Ready(Some(Err(Gone)));
        };
        if let Some(data) = stream.data.pop_front() {
            self.read(id, data.len());
            return Poll::Ready(Some(Ok(data)));
        }
        if stream.end.is_some() {
            return Poll::Ready(None);
        }
        self.park_plain(cx, id, |stream| &mut stream.reader);
        Poll::Pending
    }

    /// Whether all data has come and was read.
    pub(in crate::grpc) fn is_plain_read(&mut self, id: u32) -> bool {
        let is_read = |stream: &mut PlainStream| stream.end == Some(End::Whole) && stream.data.is_empty();
        self.plain_stream(id).is_some_and(is_read)
    }

    /// Sends the head of the response.
    pub(in crate::grpc) fn respond_plain(
        &mut self,
        id: u32,
        head: &Fields,
        end: bool,
    ) -> Result<(), SendError> {
        self.connection.send_headers(id, head, end).inspect(|()| self.answered_plain(id, end))
    }

    /// Ready when more can be sent.
    pub(in crate::grpc) fn poll_plain_room(
        &mut self,
        cx: &mut Context<'_>,
        id: u32,
    ) -> Poll<Result<(), Gone>> {
        if self.plain_stream(id).is_none_or(|stream| stream.is_cut()) {
            return Poll::Ready(Err(Gone));
        }
        if self.connection.has_room(id, self.limits.send_buffer) || self.connection.await_room(id) {
            return Poll::Ready(Ok(()));
        }
        self.park_plain(cx, id, |stream| &mut stream.sender);
        Poll::Pending
    }

    /// Sends data of the response, its end, or both.
    pub(in crate::grpc) fn send_plain(&mut self, id: u32, data: Bytes, end: bool) -> Result<(), SendError> {
        self.connection.set_time((self.clock)());
        self.connection.send_data(id, data, end).inspect(|()| self.answered_plain(id, end))
    }

    /// Sends trailers, which end the response.
    pub(in crate::grpc) fn end_plain(&mut self, id: u32, trailers: &Fields) -> Result<(), SendError> {
        self.connection.send_trailers(id, trailers).inspect(|()| self.answered_plain(id, true))
    }

    /// Ready when nobody waits for the response any more.
    pub(in crate::grpc) fn poll_plain_gone(&mut self, cx: &mut Context<'_>, id: u32) -> Poll<()> {
        if self.plain_stream(id).is_none_or(|stream| stream.is_cut()) {
            return Poll::Ready(());
        }
        self.park_plain(cx, id, |stream| &mut stream.handler);
        Poll::Pending
    }

    /// The stream is of no interest any more; if its response has no end, it is reset.
    pub(in crate::grpc) fn release_plain(&mut self, id: u32) {
        let Some(stream) = self.plain.as_mut().and_then(|plain| plain.streams.remove(&id)) else { return };
        for waker in [stream.reader, stream.sender, stream.handler].into_iter().flatten() {
            self.discarded.waker(waker);
        }
        for data in stream.data {
            self.discarded.message(data);
        }
        self.connection.set_time((self.clock)());
        if !stream.is_answered && stream.end != Some(End::Cut) {
            self.connection.reset(id, ErrorCode::INTERNAL_ERROR);
        }
        self.connection.release(id);
    }

    fn answered_plain(&mut self, id: u32, end: bool) {
        if let Some(stream) = self.plain_stream(id) {
            stream.is_answered |= end;
        }
    }

    fn plain_stream(&mut self, id: u32) -> Option<&mut PlainStream> {
        self.plain.as_mut()?.streams.get_mut(&id)
    }

    fn park_plain(
        &mut self,
        cx: &Context<'_>,
        id: u32,
        place: impl FnOnce(&mut PlainStream) -> &mut Option<Waker>,
    ) {
        let Some(stream) = self.plain.as_mut().and_then(|plain| plain.streams.get_mut(&id)) else { return };
        park(place(stream), cx, &mut self.discarded);
    }
}
