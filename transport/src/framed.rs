//! [Our own frames](crate::frame) over a stream of bytes: a session, the decoder of what comes in, and
//! what time does, behind one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::conversation::Conversation;
use crate::driver::{CALLS_AT_ONCE, Protocol};
use crate::frame::{Decoder, Frame, Hello};
use crate::host::{Host, now, serve_accepted};
use crate::session::{Outlet, Role, Session};
use crate::{Code, Limits, Service, Status};

/// One end of a connection.
pub(crate) struct Framed {
    state: Mutex<State>,
    /// Serves calls; a client's connection has none.
    service: Option<Arc<dyn Service>>,
}

struct State {
    session: Session<BytesMut>,
    decoder: Decoder,
    silence: Silence,
    /// How long the peer may take to answer GOING_AWAY.
    farewell: Option<Instant>,
    /// The peer left, and nothing was lost with it.
    left_in_order: bool,
    driver: Option<Waker>,
}

impl Framed {
    /// A client's end, whose peer said `peer` at `now`.
    pub(crate) fn client(limits: Limits, peer: Hello, now: Instant) -> Self {
        Self::new(Role::Client, limits, peer, None, now)
    }

    /// A server's end, whose peer said `peer` at `now`.
    pub(crate) fn server(limits: Limits, peer: Hello, service: Arc<dyn Service>, now: Instant) -> Self {
        Self::new(Role::Server, limits, peer, Some(service), now)
    }

    fn new(role: Role, limits: Limits, peer: Hello, service: Option<Arc<dyn Service>>, now: Instant) -> Self {
        let state = State {
            silence: Silence { keepalive: limits.keepalive, heard: now, asked: false },
            decoder: Decoder::new(limits.clone(), Hello::SIZE as u64),
            session: Session::new(role, limits, peer, BytesMut::new()),
            farewell: None,
            left_in_order: false,
            driver: None,
        };
        Self { state: Mutex::new(state), service }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`; then, with the lock released, wakes whom that concerns.
    fn with_state<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = f(&mut state);
        let aftermath = state.session.take_aftermath();
        // While it runs, it is not parked, and asks by itself.
        let is_parked = state.driver.is_some();
        let driver = if is_parked && state.session.wants_driver() { state.driver.take() } else { None };
        drop(state);
        if let Some(aftermath) = aftermath {
            aftermath.run();
        }
        driver.into_iter().for_each(Waker::wake);
        result
    }
}

impl Host for Framed {
    type Conversation = Session<BytesMut>;

    fn with<R>(&self, f: impl FnOnce(&mut Session<BytesMut>) -> R) -> R {
        self.with_state(|state| f(&mut state.session))
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

impl Protocol for Framed {
    type Output = BytesMut;

    fn resume(&self) {
        self.lock().session.forget_called();
    }

    fn wants_input(&self) -> bool {
        let mut state = self.lock();
        let driver = state.driver.take();
        let wants_input = !state.session.is_flooded() && !state.session.has_failed();
        drop(state);
        drop(driver);
        wants_input
    }

    fn receive(&self, input: &mut BytesMut, now: Instant) -> bool {
        self.with_state(|State { session, decoder, silence, .. }| {
            silence.heard(now);
            // A small call is one frame each way.
            for _ in 0..CALLS_AT_ONCE {
                if session.has_failed() {
                    return false;
                }
                let handled = match decoder.decode(input) {
                    Ok(Some(frame)) => session.handle(frame, now),
                    Ok(None) => return false,
                    Err(error) => session.handle_error(error),
                };
                if let Err(status) = handled {
                    session.close_with(status);
                }
            }
            true
        })
    }

    fn end_of_input(&self, in_the_middle: bool, why: String) {
        self.with_state(|state| {
            state.left_in_order |= !in_the_middle && !state.session.has_open_calls();
            state.session.lose(Status::new(Code::Unavailable, why));
        });
    }

    fn serve(self: &Arc<Self>, _is_all: bool) {
        if let Some(service) = &self.service {
            serve_accepted(self, &**service);
        }
    }

    fn take_output(&self, output: &mut BytesMut) {
        self.with(|session| {
            session.pump();
            std::mem::swap(&mut session.out, output);
            session.pump();
        });
    }

    fn park(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        if state.session.wants_driver() {
            return false;
        }
        let former = state.driver.replace(waker.clone());
        let could_open = state.session.could_open();
        drop(state);
        drop(former);
        if could_open {
            // After those that were woken to open a call: they may have lost interest.
            waker.wake_by_ref();
        }
        true
    }

    fn next_timeout(&self) -> Option<Instant> {
        let state = self.lock();
        [state.silence.due(), state.farewell].into_iter().flatten().min()
    }

    fn handle_timeout(&self, now: Instant) {
        let is_given_up = self.with_state(|state| {
            if state.farewell.is_some_and(|until| until <= now) {
                state.farewell = None;
                state.session.stop_waiting_for_farewell();
            }
            if state.silence.due().is_none_or(|due| due > now) {
                return None;
            }
            if std::mem::replace(&mut state.silence.asked, true) {
                return Some(2 * state.silence.keepalive);
            }
            if !state.session.has_failed() {
                state.session.ping(*b"are you?");
            }
            None
        });
        if let Some(waited) = is_given_up {
            self.lose(format!("the peer has given no sign of life for {waited:?}"));
        }
    }

    fn drain(&self) {
        self.with_state(|state| {
            state.farewell = Some(now() + FAREWELL);
            state.session.drain();
        });
    }

    fn lose(&self, why: String) {
        self.with(|session| session.lose(Status::new(Code::Unavailable, why)));
    }

    fn is_done(&self) -> bool {
        let state = self.lock();
        state.session.is_done() && state.session.out.is_empty()
    }

    fn failure(&self) -> Option<Status> {
        let state = self.lock();
        state.session.failure().filter(|_| !state.left_in_order)
    }
}

/// How long the peer has been silent. It is asked for a sign of life after one `keepalive`, and given up
/// after two.
struct Silence {
    keepalive: Duration,
    heard: Instant,
    asked: bool,
}

impl Silence {
    fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = false;
    }

    /// When to ask, or to give up. Never, if there is no `keepalive`.
    fn due(&self) -> Option<Instant> {
        let patience = if self.asked { self.keepalive.checked_mul(2)? } else { self.keepalive };
        if patience.is_zero() { None } else { self.heard.checked_add(patience) }
    }
}

/// How long a peer may take to answer GOING_AWAY. What it calls after that is refused.
pub(crate) const FAREWELL: Duration = Duration::from_secs(3);
