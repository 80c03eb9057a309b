//! The body of a response, as its client reads it: messages, and the status behind them.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;

use super::http1::lost;
use super::text::Decoder;
use super::trailers;
use crate::grpc::message::{Assembler, Framed, PREFIX, violation};
use crate::{Code, Compression, Limits, Received, Status};

/// What comes behind the head of a response.
pub(super) struct Reply {
    body: Incoming,
    text: Option<Decoder>,
    compression: Option<Compression>,
    /// What has come and was not taken apart.
    data: Bytes,
    assembler: Assembler,
    /// What has come of the trailers, with their prefix, once they have begun.
    trailers: Option<BytesMut>,
    was_compressed: bool,
}

impl Reply {
    pub(super) fn new(body: Incoming, is_text: bool, compression: Option<Compression>) -> Self {
        Self {
            body,
            text: is_text.then(Decoder::default),
            compression,
            data: Bytes::new(),
            assembler: Assembler::default(),
            trailers: None,
            was_compressed: false,
        }
    }

    /// The next message, or the status.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, limits: &Limits) -> Poll<Received> {
        loop {
            match self.take(limits) {
                Ok(Some(received)) => return Poll::Ready(received),
                Ok(None) => {}
                Err(status) => return Poll::Ready(Received::End(status)),
            }
            match ready!(self.poll_data(cx)) {
                Ok(Some(data)) => self.data = data,
                Ok(None) => return Poll::Ready(Received::End(self.cut_off())),
                Err(status) => return Poll::Ready(Received::End(status)),
            }
        }
    }

    /// Whether the last message came compressed.
    pub(super) fn was_compressed(&self) -> bool {
        self.was_compressed
    }

    /// Whether nothing follows, as far as that is known.
    pub(super) fn has_ended(mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.data.is_empty() && matches!(self.poll_data(&mut cx), Poll::Ready(Ok(None)))
    }

    /// What is whole in what has come.
    fn take(&mut self, limits: &Limits) -> Result<Option<Received>, Status> {
        if self.trailers.is_none() {
            let begins_frame = !self.assembler.is_in_the_middle();
            match self.data.first() {
                None => return Ok(None),
                Some(flag) if begins_frame && flag & trailers::FLAG != 0 => {
                    self.trailers = Some(BytesMut::new())
                }
                Some(_) => {
                    let message = self.assembler.next(&mut self.data, limits.message)?;
                    return message
                        .map(|message| self.inflate(message, limits.message).map(Received::Message))
                        .transpose();
                }
            }
        }
        let Some(trailers) = &mut self.trailers else { return Ok(None) };
        let missing = PREFIX.saturating_sub(trailers.len()).min(self.data.len());
        trailers.extend_from_slice(&self.data.split_to(missing));
        let Some([flag, length @ ..]) = trailers.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        let is_compressed = match *flag {
            trailers::FLAG => false,
            COMPRESSED => true,
            flag => {
                return Err(violation(format!(
                    "the flags of the trailers are {flag:#04x}; known are 0x80 and 0x81"
                )));
            }
        };
        let most = limits.header_list();
        if length > most {
            let text = format!("trailers of {length} bytes, the limit of this side is {most}");
            return Err(Status::new(Code::ResourceExhausted, text));
        }
        let missing = (PREFIX + length - trailers.len()).min(self.data.len());
        trailers.extend_from_slice(&self.data.split_to(missing));
        if trailers.len() < PREFIX + length {
            return Ok(None);
        }
        trailers.advance(PREFIX);
        let lines = Framed { bytes: trailers.split().freeze(), is_compressed };
        let status = trailers::parse(&self.inflate(lines, most)?)?;
        limits.check(status.metadata())?;
        Ok(Some(Received::End(status)))
    }

    fn inflate(&mut self, framed: Framed, limit: usize) -> Result<Bytes, Status> {
        self.was_compressed = framed.is_compressed;
        framed.inflate(self.compression, limit)
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                return Poll::Ready(Ok(None));
            };
            let frame = frame.map_err(|error| lost(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            return Poll::Ready(match &mut self.text {
                Some(text) => text.decode(&data).map(Some),
                None => Ok(Some(data)),
            });
        }
    }

    /// The body has ended, and no status has come.
    fn cut_off(&self) -> Status {
        let is_cut = self.assembler.is_in_the_middle() || self.trailers.is_some();
        let end = self.text.as_ref().map(Decoder::finish).transpose();
        violation(match end {
            Err(error) => return error,
            Ok(_) if is_cut => "the body ends inside a message",
            Ok(_) => "the body ended without a status",
        })
    }
}

/// The flag of trailers that are compressed.
const COMPRESSED: u8 = trailers::FLAG | 1;
