//! A stream of bytes around another one, that notes what passes through.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Which way bytes go through a [`Tap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Written by the owner of the tap.
    Out,
    /// Read by the owner of the tap.
    In,
}

/// Bytes that passed one behind the other, and which way.
pub type Chunk = (Way, Vec<u8>);

/// A stream of bytes around `Io`: each time bytes pass, `note` is told which, and which way.
pub struct Tap<Io, F> {
    io: Io,
    note: F,
}

impl<Io, F: FnMut(Way, &[u8])> Tap<Io, F> {
    /// A tap on `io`.
    pub fn new(io: Io, note: F) -> Self {
        Self { io, note }
    }
}

impl<Io: AsyncRead + Unpin, F: FnMut(Way, &[u8]) + Unpin> AsyncRead for Tap<Io, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            (self.note)(Way::In, &buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin, F: FnMut(Way, &[u8]) + Unpin> AsyncWrite for Tap<Io, F> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        (self.note)(Way::Out, &bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<Io, F> std::fmt::Debug for Tap<Io, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tap")
    }
}
