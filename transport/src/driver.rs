//! The task of one connection: moves bytes between a stream and the connection's session.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use crate::frame::{Decoder, Frame, Hello};
use crate::host::{Host, now, serve_accepted};
use crate::session::{Outlet, Role, Session};
use crate::{Code, Limits, Service, Status};

/// A session, and the task to be woken when it has something to write.
pub(crate) struct Shared(Mutex<State>);

struct State {
    session: Session<BytesMut>,
    driver: Option<Waker>,
}

/// The task of one connection, client's or server's.
///
/// It reads what is there, hands it to the session under its lock, serves the calls that came with
/// it, and writes all that has gathered meanwhile in one go.
pub(crate) struct Driver<Io, D> {
    io: Io,
    shared: Arc<Shared>,
    /// However the task ends, also when it is dropped, no call is left waiting.
    _close: CloseOnDrop,
    decoder: Decoder,
    /// Serves calls; a client's connection has none.
    service: Option<Arc<dyn Service>>,
    drain: Option<D>,
    /// What was read and is not a whole frame yet.
    input: BytesMut,
    /// What is being written. The session gathers the next in a buffer of its own.
    output: BytesMut,
    /// Bytes were written that the stream may hold back until it is flushed.
    unflushed: bool,
    silence: Silence,
    /// The peer left, and nothing was lost with it.
    in_order: bool,
}

impl Shared {
    pub(crate) fn new(role: Role, limits: Limits, peer: Hello) -> Self {
        let session = Session::new(role, limits, peer, BytesMut::new());
        Self(Mutex::new(State { session, driver: None }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Shared {
    type Out = BytesMut;

    fn with<R>(&self, f: impl FnOnce(&mut Session<BytesMut>) -> R) -> R {
        let mut state = self.lock();
        let result = f(&mut state.session);
        let wakes = std::mem::take(&mut state.session.wakes);
        let discarded = std::mem::take(&mut state.session.discarded);
        let driver = if state.session.wants_driver() { state.driver.take() } else { None };
        drop(state);
        drop(discarded);
        wakes.into_iter().chain(driver).for_each(Waker::wake);
        result
    }
}

impl Outlet for BytesMut {
    fn push(&mut self, frame: Frame) -> Option<Frame> {
        frame.encode(self);
        Some(frame)
    }

    fn waiting(&self) -> usize {
        self.len()
    }
}

impl<Io, D> Driver<Io, D>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    D: Future<Output = ()>,
{
    pub(crate) fn new(
        io: Io,
        shared: Arc<Shared>,
        decoder: Decoder,
        service: Option<Arc<dyn Service>>,
        drain: D,
    ) -> Self {
        let keepalive = shared.lock().session.limits().keepalive;
        Self {
            io,
            _close: CloseOnDrop(shared.clone()),
            shared,
            decoder,
            service,
            drain: Some(drain),
            input: BytesMut::new(),
            output: BytesMut::new(),
            unflushed: false,
            silence: Silence::new(keepalive),
            in_order: false,
        }
    }

    /// Runs the connection to its end.
    ///
    /// # Errors
    /// Why it ended, unless in good order.
    pub(crate) async fn run(mut self) -> Result<(), Status> {
        let drain = self.drain.take();
        let mut drain = pin!(drain);
        let mut farewell = pin!(None);
        poll_fn(|cx| {
            if let Some(signal) = drain.as_mut().as_pin_mut()
                && signal.poll(cx).is_ready()
            {
                drain.set(None);
                farewell.set(Some(sleep(FAREWELL)));
                self.shared.with(Session::drain);
            }
            if let Some(waited) = farewell.as_mut().as_pin_mut()
                && waited.poll(cx).is_ready()
            {
                farewell.set(None);
                self.shared.with(Session::stop_waiting_for_farewell);
            }
            self.poll(cx)
        })
        .await;
        let failure = self.shared.with(|session| session.failure());
        let _ = timeout(LINGER, self.say_goodbye()).await;
        failure.filter(|_| !self.in_order).map_or(Ok(()), Err)
    }

    /// Reads, serves and writes until nothing is ready any more. Ready when the connection is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.lock().session.forget_called();
        loop {
            let read = self.poll_read(cx).is_ready();
            if let Some(service) = &self.service {
                serve_accepted(&self.shared, &**service);
            }
            let written = self.poll_write(cx).is_ready();
            if self.output.is_empty() && self.is_done() {
                return Poll::Ready(());
            }
            if !read && !written {
                ready!(self.poll_silence(cx));
            }
        }
    }

    /// Reads once. Pending also while the peer does not read the answers to what it sends.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        {
            let mut state = self.shared.lock();
            // This task is running: nobody has to wake it.
            let driver = state.driver.take();
            let reads = !state.session.is_flooded() && !state.session.has_failed();
            drop(state);
            drop(driver);
            if !reads {
                return Poll::Pending;
            }
        }
        self.input.reserve(READ_SIZE);
        match ready!(pin!(self.io.read_buf(&mut self.input)).poll(cx)) {
            Ok(0) => self.end_of_stream(),
            Ok(_) => {
                self.silence.heard();
                let now = now();
                let Self { shared, input, decoder, .. } = self;
                shared.with(|session| receive(session, decoder, input, now));
            }
            Err(error) => self.fail(format!("the connection was lost: {error}")),
        }
        Poll::Ready(())
    }

    /// Writes once, if there is something to write.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.output.is_empty() {
            let Self { shared, output, .. } = self;
            shared.with(|session| {
                session.pump();
                std::mem::swap(&mut session.out, output);
                session.pump();
            });
            if self.output.is_empty() {
                // Whoever has something for the peer wakes this task.
                let mut state = self.shared.lock();
                if state.session.wants_driver() {
                    return Poll::Ready(());
                }
                state.driver = Some(cx.waker().clone());
                let could_open = state.session.could_open();
                drop(state);
                if could_open {
                    // After those that were woken to open a call: they may have lost interest.
                    cx.waker().wake_by_ref();
                }
                return self.poll_flush(cx);
            }
        }
        match ready!(Pin::new(&mut self.io).poll_write(cx, &self.output)) {
            Ok(0) => self.fail("the connection takes no more bytes".to_owned()),
            Ok(n) => {
                self.output.advance(n);
                self.unflushed = true;
            }
            Err(error) => self.fail(format!("the connection was lost: {error}")),
        }
        Poll::Ready(())
    }

    /// Lets go what the stream holds back. Pending also when that is done.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.unflushed {
            return Poll::Pending;
        }
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        self.unflushed = false;
        match flushed {
            Ok(()) => Poll::Pending,
            Err(error) => {
                self.fail(format!("the connection was lost: {error}"));
                Poll::Ready(())
            }
        }
    }

    /// Asks a silent peer for a sign of life; gives it up if there is none.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.silence.poll(cx)) {
            Silent::Ask => self.shared.with(|session| {
                if !session.has_failed() {
                    session.ping(*b"are you?");
                }
            }),
            Silent::GiveUp => {
                let waited = 2 * self.silence.keepalive;
                self.fail(format!("the peer has given no sign of life for {waited:?}"));
            }
        }
        Poll::Ready(())
    }

    /// The peer sends nothing more, which is in order between two frames and without open calls.
    fn end_of_stream(&mut self) {
        let in_order = self.input.is_empty() && !self.shared.lock().session.has_open_calls();
        self.fail("the peer closed the connection".to_owned());
        self.in_order = in_order;
    }

    /// The stream is of no use any more.
    fn fail(&mut self, text: String) {
        self.output.clear();
        self.shared.with(|session| session.lose(Status::new(Code::Unavailable, text)));
    }

    fn is_done(&self) -> bool {
        let state = self.shared.lock();
        state.session.is_done() && state.session.out.is_empty()
    }

    /// Closes the sending side first, and reads what the peer was just sending: closed with bytes
    /// unread, TCP would destroy what is still on its way to the peer.
    async fn say_goodbye(&mut self) -> io::Result<()> {
        self.io.shutdown().await?;
        loop {
            self.input.clear();
            self.input.reserve(READ_SIZE);
            if self.io.read_buf(&mut self.input).await? == 0 {
                return Ok(());
            }
        }
    }
}

/// Hands all whole frames of `input` to the session.
fn receive(
    session: &mut Session<BytesMut>,
    decoder: &mut Decoder,
    input: &mut BytesMut,
    now: std::time::Instant,
) {
    while !session.has_failed() {
        let handled = match decoder.decode(input) {
            Ok(Some(frame)) => session.handle(frame, now),
            Ok(None) => return,
            Err(error) => session.handle_error(error),
        };
        if let Err(status) = handled {
            session.close_with(status);
        }
    }
}

struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let gone = Status::new(Code::Unavailable, "the connection was closed");
        self.0.with(|session| session.lose(gone));
    }
}

/// Measures how long the peer has been silent.
struct Silence {
    keepalive: Duration,
    heard: Instant,
    asked: bool,
    timer: Pin<Box<Sleep>>,
}

enum Silent {
    Ask,
    GiveUp,
}

impl Silence {
    fn new(keepalive: Duration) -> Self {
        let heard = Instant::now();
        let keepalive = if keepalive.is_zero() { FAR } else { keepalive.min(FAR) };
        Self { keepalive, heard, asked: false, timer: Box::pin(sleep_until(heard + keepalive)) }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
        self.asked = false;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Silent> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let patience = if self.asked { 2 * self.keepalive } else { self.keepalive };
            let until = self.heard + patience;
            if until > Instant::now() {
                self.timer.as_mut().reset(until);
                continue;
            }
            self.timer.as_mut().reset(until + self.keepalive);
            return Poll::Ready(match std::mem::replace(&mut self.asked, true) {
                false => Silent::Ask,
                true => Silent::GiveUp,
            });
        }
    }
}

/// 10 years: a time that can be counted, and is as good as forever.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How much is read at once, in bytes.
const READ_SIZE: usize = 16 << 10;

/// How long a peer may take to answer GOING_AWAY. What it calls after that is refused.
pub(crate) const FAREWELL: Duration = Duration::from_secs(3);

/// How long the last bytes may take to reach a peer, before the connection is closed all the same.
const LINGER: Duration = Duration::from_secs(1);
