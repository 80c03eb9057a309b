//! A stream of bytes inside TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::failure::End;

/// A stream of bytes inside TLS, whose errors say what happened. Its end is an error, `UnexpectedEof`, unless the peer has
/// announced it (`close_notify`, RFC 8446 §6.1): whoever stands between can cut a connection off, and must not be able to
/// end it.
pub(crate) struct Stream {
    // Apart: it is large, and is moved from hand to hand.
    inner: Box<TlsStream<TcpStream>>,
    end: End,
}

impl Stream {
    pub(super) fn new(stream: impl Into<TlsStream<TcpStream>>, end: End) -> Self {
        Self { inner: Box::new(stream.into()), end }
    }

    /// The chain of certificates that the peer has shown.
    pub(super) fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.inner.get_ref().1.peer_certificates()
    }

    fn explain<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        polled.map_err(|error| self.end.lost(error))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut *self.inner).poll_read(cx, buffer);
        self.explain(read)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.inner).poll_write(cx, bytes);
        self.explain(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.inner).poll_write_vectored(cx, pieces);
        self.explain(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut *self.inner).poll_flush(cx);
        self.explain(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut *self.inner).poll_shutdown(cx);
        self.explain(shut)
    }
}
