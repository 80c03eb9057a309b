//! The task of one connection: moves bytes between a stream of bytes and a protocol without I/O.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::Status;
use crate::host::now;

/// A protocol without I/O, behind the lock of its connection.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// What is to be written, in as many pieces as it likes.
    type Output: Buf + Default + Send + Unpin;

    /// The task runs again, after those that were woken before it.
    fn resume(&self) {}

    /// Whether more is to be read. The task that asks is running: nobody has to wake it.
    fn wants_input(&self) -> bool;

    /// Takes what is whole off the front of `input`; `true` when there may be more, after
    /// about [`CALLS_AT_ONCE`].
    fn receive(&self, input: &mut BytesMut, now: std::time::Instant) -> bool;

    /// The peer sends nothing more, which is what `why` says. `in_the_middle` says that something is left that is not
    /// whole.
    fn end_of_input(&self, in_the_middle: bool, why: String);

    /// Lets those begin, without the lock, who were waiting for what has come. `is_all`: nothing more has come just
    /// behind it, for which one of them might better wait.
    fn serve(self: &Arc<Self>, is_all: bool);

    /// Moves what is to be written to `output`, which is empty.
    fn take_output(&self, output: &mut Self::Output);

    /// Keeps `waker`, to be woken when there is something to do. `false`: there is already.
    fn park(&self, waker: &Waker) -> bool;

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    fn next_timeout(&self) -> Option<std::time::Instant>;

    /// Does what is due.
    fn handle_timeout(&self, now: std::time::Instant);

    /// Ends the connection in good order, after what is open.
    fn drain(&self);

    /// Ends the connection whose stream of bytes is of no use any more.
    fn lose(&self, why: String);

    /// Whether nothing will happen any more, and nothing is to be written.
    fn is_done(&self) -> bool;

    /// Why the connection ended, unless in good order.
    fn failure(&self) -> Option<Status>;
}

/// The task of one connection, client's or server's.
///
/// It reads what is there, hands it to the protocol under its lock, lets begin what came with it, and
/// writes all that has gathered meanwhile in one go.
pub(crate) struct Driver<Io, P: Protocol> {
    io: Io,
    protocol: Arc<P>,
    /// However the task ends, also when it is dropped, nobody is left waiting.
    _lose: LoseOnDrop<P>,
    /// What was read and is not whole yet, or not taken yet.
    input: BytesMut,
    /// How much is read at once, in bytes.
    read_size: usize,
    /// There may be more in the input that is whole.
    has_more: bool,
    /// What is being written. The protocol gathers the next meanwhile.
    output: P::Output,
    /// Bytes were written that the stream may hold back until it is flushed.
    unflushed: bool,
    /// Since when the peer has not taken any byte of what is being written.
    stuck: Option<Instant>,
    /// How long it may do so.
    patience: Duration,
    timer: Timer,
}

impl<Io, P> Driver<Io, P>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    P: Protocol,
{
    /// A driver that ends the connection when the peer takes no byte for as long as `patience`.
    pub(crate) fn new(io: Io, protocol: Arc<P>, patience: Duration) -> Self {
        Self {
            io,
            _lose: LoseOnDrop(protocol.clone()),
            protocol,
            input: BytesMut::new(),
            read_size: READ_SIZE,
            has_more: false,
            output: P::Output::default(),
            unflushed: false,
            stuck: None,
            patience,
            timer: Timer::default(),
        }
    }

    /// Runs the connection to its end, which comes in good order once `drain` is ready.
    ///
    /// # Errors
    /// Why it ended, unless in good order.
    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` would hold its arguments twice")]
    pub(crate) fn run(mut self, drain: impl Future<Output = ()>) -> impl Future<Output = Result<(), Status>> {
        async move {
            let mut drain = pin!(Some(drain));
            poll_fn(|cx| {
                if let Some(signal) = drain.as_mut().as_pin_mut()
                    && signal.poll(cx).is_ready()
                {
                    drain.set(None);
                    self.protocol.drain();
                }
                self.poll(cx)
            })
            .await;
            let failure = self.protocol.failure();
            say_goodbye(&mut self.io).await;
            failure.map_or(Ok(()), Err)
        }
    }

    /// Reads, serves and writes until nothing is ready any more. Ready when the connection is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.protocol.resume();
        // What has come of the part before goes out first.
        let _ = self.poll_write(cx);
        loop {
            let read = self.poll_read(cx).is_ready();
            self.protocol.serve(!read);
            let written = self.poll_write(cx).is_ready();
            if !self.output.has_remaining() && self.protocol.is_done() {
                return Poll::Ready(());
            }
            if read {
                // Those that were woken go on, and the peer with what was written, before more is taken.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !written {
                ready!(self.poll_timeout(cx));
            }
        }
    }

    /// Reads once. Pending also while the peer does not read the answers to what it sends.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.protocol.wants_input() {
            return Poll::Pending;
        }
        if self.has_more {
            self.has_more = self.protocol.receive(&mut self.input, now());
            return Poll::Ready(());
        }
        // What came before may be held by those it was for. To begin a new buffer for each few bytes
        // would let them hold far more than they got.
        if self.input.capacity() - self.input.len() < self.read_size / 4 {
            self.input.reserve(self.read_size);
        }
        let room = self.input.capacity() - self.input.len();
        let read = pin!(self.io.read_buf(&mut self.input)).poll(cx);
        if read.is_pending() && self.input.is_empty() {
            // A connection on which nothing comes holds no buffer.
            self.input = BytesMut::new();
        }
        match ready!(read) {
            Ok(0) => {
                let why = "the peer closed the connection".to_owned();
                self.protocol.end_of_input(!self.input.is_empty(), why);
            }
            Ok(count) => {
                // Much comes in few reads, and little in a small buffer.
                self.read_size = match count {
                    _ if count == room => (2 * self.read_size).min(LARGEST_READ),
                    _ if count < self.read_size / 4 => (self.read_size / 2).max(READ_SIZE),
                    _ => self.read_size,
                };
                self.has_more = self.protocol.receive(&mut self.input, now());
            }
            // Inside TLS an end should be announced, which a program that just ends does not. If nothing was open, nothing
            // is lost with it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.stop_writing();
                let why = format!("the connection was lost: {error}");
                self.protocol.end_of_input(!self.input.is_empty(), why);
            }
            Err(error) => self.lose(&error),
        }
        Poll::Ready(())
    }

    /// Writes once, if there is something to write.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.output.has_remaining() {
            self.protocol.take_output(&mut self.output);
            if !self.output.has_remaining() {
                if !self.protocol.park(cx.waker()) {
                    return Poll::Ready(());
                }
                return self.poll_flush(cx);
            }
        }
        let written = pin!(self.io.write_buf(&mut self.output)).poll(cx);
        if written.is_pending() {
            self.stuck.get_or_insert_with(Instant::now);
            return Poll::Pending;
        }
        self.stuck = None;
        match ready!(written) {
            Ok(0) => self.lose(&"it takes no more bytes"),
            Ok(_) => self.unflushed = true,
            Err(error) => self.lose(&error),
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
                self.lose(&error);
                Poll::Ready(())
            }
        }
    }

    /// Waits until something is due, and does it.
    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let stuck_until = self.stuck.and_then(|stuck| stuck.checked_add(self.patience));
        let due = self.protocol.next_timeout().map(Instant::from_std);
        let Some(next) = [stuck_until, due].into_iter().flatten().min() else { return Poll::Pending };
        ready!(self.timer.poll(cx, next));
        if stuck_until.is_some_and(|until| until <= Instant::now()) {
            let patience = self.patience;
            self.lose(&format_args!("the peer has taken no byte for {patience:?}"));
        } else {
            self.protocol.handle_timeout(now());
        }
        Poll::Ready(())
    }

    /// The stream is of no use any more.
    fn lose(&mut self, why: &dyn std::fmt::Display) {
        self.stop_writing();
        self.protocol.lose(format!("the connection was lost: {why}"));
    }

    fn stop_writing(&mut self) {
        self.output = P::Output::default();
        self.stuck = None;
    }
}

struct LoseOnDrop<P: Protocol>(Arc<P>);

impl<P: Protocol> Drop for LoseOnDrop<P> {
    fn drop(&mut self) {
        self.0.lose("the connection was closed".to_owned());
    }
}

/// A timer that is set seldom: when it is due too early, it is set again.
#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        loop {
            if sleep.deadline() > until {
                sleep.as_mut().reset(until);
            }
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= until {
                // It is due; the next one will be later.
                sleep.as_mut().reset(Instant::now() + FAR);
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
    }
}

/// Closes the sending side first, and reads what the peer was just sending: closed with bytes unread, TCP would
/// destroy what is still on its way to the peer.
pub(crate) async fn say_goodbye(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let goodbye = async {
        io.shutdown().await?;
        let mut unread = BytesMut::new();
        loop {
            unread.clear();
            unread.reserve(READ_SIZE);
            if io.read_buf(&mut unread).await? == 0 {
                return io::Result::Ok(());
            }
        }
    };
    let _ = timeout(LINGER, goodbye).await;
}

/// 10 years: a time that can be counted, and is as good as forever.
pub(crate) const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How many small calls are taken at once: few enough for both ends to work at the same time, each on what the
/// other has written before it goes on; enough for a write to be worth its while.
pub(crate) const CALLS_AT_ONCE: usize = 40;

/// How much is read at once, in bytes: at first, and where a peer has much to say.
const READ_SIZE: usize = 16 << 10;
const LARGEST_READ: usize = 64 << 10;

/// How long the last bytes may take to reach a peer, before the connection is closed all the same.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
