//! What time does: limits to how long a peer may take, and how long a round trip is.

use std::time::{Duration, Instant};

use super::{Connection, Role, calm_down};
use crate::error::{ErrorCode, Http2Error};
use crate::frame::Ping;
use crate::stream::State;

/// When what has happened, by the times that were passed in.
#[derive(Debug)]
pub(super) struct Clock {
    now: Instant,
    began: Instant,
    /// The last frame of the peer.
    heard: Instant,
    /// The PING that asks for a sign of life.
    asked: Option<Instant>,
    /// Since when there has been no stream.
    idle_since: Option<Instant>,
    /// When released streams are looked at that are not sent to their end.
    lingering_until: Option<Instant>,
    /// The next timeout has become earlier since the output was taken last.
    pub(super) is_sooner: bool,
    /// When a server has announced its end.
    announced: Option<Instant>,
    round_trip: Option<Duration>,
    /// The last PING of the peer, if it was sent nothing useful since.
    pinged: Option<Instant>,
    /// How many PINGs came too early, one after the other.
    strikes: u32,
}

impl Connection {
    /// Says that it is `now`. [`receive`](Self::receive) and [`handle_timeout`](Self::handle_timeout) say so
    /// themselves; everything else that is done counts as done at the last moment that was said.
    pub fn set_time(&mut self, now: Instant) {
        self.clock.now = self.clock.now.max(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, unless something else happens
    /// before. Asked again after whatever happens.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.has_failed() {
            return None;
        }
        let is_new = !self.greeted || !self.acknowledged;
        [
            is_new.then(|| self.clock.began.checked_add(self.limits.handshake)),
            Some(self.sign_of_life_due()),
            self.idle_since().map(|since| since.checked_add(self.limits.idle)),
            self.farewell_since().map(|since| since.checked_add(self.limits.farewell)),
            self.partial_since().map(|since| since.checked_add(self.limits.handshake)),
            Some(self.clock.lingering_until),
        ]
        .into_iter()
        .flatten()
        .flatten()
        .min()
    }

    /// Whether [`next_timeout`](Self::next_timeout) has become earlier since [`take_output`](Self::take_output): who
    /// waits for the former asks again.
    pub fn is_due_sooner(&self) -> bool {
        self.clock.is_sooner
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.set_time(now);
        let now = self.clock.now;
        let is_due = |since: Instant, time: Duration| now.saturating_duration_since(since) >= time;
        if self.has_failed() {
            return;
        }
        if is_due(self.clock.began, self.limits.handshake) && !(self.greeted && self.acknowledged) {
            let (code, reason) = match self.greeted {
                true => (ErrorCode::SETTINGS_TIMEOUT, "SETTINGS were not acknowledged in time (§6.5.3)"),
                false => (ErrorCode::PROTOCOL_ERROR, "the peer's SETTINGS did not come in time (§3.4)"),
            };
            return self.fail(Http2Error::connection(code, reason));
        }
        if self.partial_since().is_some_and(|since| is_due(since, self.limits.handshake)) {
            return self.fail(calm_down("a field block that does not end"));
        }
        if self.clock.lingering_until.is_some_and(|until| until <= now) {
            self.look_at_lingering_streams();
        }
        if self.farewell_since().is_some_and(|since| is_due(since, self.limits.farewell)) {
            self.name_the_last();
        }
        if self.idle_since().is_some_and(|since| is_due(since, self.limits.idle)) {
            self.drain();
        }
        if self.sign_of_life_due().is_some_and(|due| due <= now) {
            if self.clock.asked.is_some() {
                let reason = "no sign of life";
                return self.fail(Http2Error::connection(ErrorCode::NO_ERROR, reason));
            }
            self.clock.asked = Some(now);
            Ping { ack: false, data: SIGN_OF_LIFE }.encode(self.out.tail());
        }
    }

    /// A stream was released that has not been sent to its end.
    pub(super) fn linger(&mut self) {
        if self.clock.lingering_until.is_none() {
            self.clock.lingering_until = self.clock.now.checked_add(self.limits.write);
            self.clock.is_sooner = true;
        }
    }

    /// Resets the streams that were released, and of which the peer has taken nothing for too long.
    fn look_at_lingering_streams(&mut self) {
        self.clock.lingering_until = None;
        for id in self.streams.ids() {
            let Some(stream) = self.streams.get_mut(id) else { continue };
            if !stream.released || stream.state == State::Closed {
                continue;
            }
            if std::mem::take(&mut stream.outgoing.has_moved) {
                self.linger();
            } else {
                self.reset(id, ErrorCode::CANCEL);
            }
        }
    }

    /// When the peer's silence has lasted too long: to ask, or, once it was asked, to give it up.
    fn sign_of_life_due(&self) -> Option<Instant> {
        match self.clock.asked {
            Some(asked) => asked.checked_add(self.limits.keepalive_timeout),
            None => self.clock.heard.checked_add(self.limits.keepalive),
        }
    }

    fn idle_since(&self) -> Option<Instant> {
        self.clock.idle_since.filter(|_| !self.is_leaving())
    }

    fn farewell_since(&self) -> Option<Instant> {
        self.clock.announced.filter(|_| self.role == Role::Server && self.is_announced())
    }
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            now,
            began: now,
            heard: now,
            asked: None,
            idle_since: Some(now),
            lingering_until: None,
            is_sooner: false,
            announced: None,
            round_trip: None,
            pinged: None,
            strikes: 0,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// A frame has come.
    pub(super) fn heard(&mut self) {
        self.heard = self.now;
        self.asked = None;
    }

    /// There is a stream.
    pub(super) fn busy(&mut self) {
        self.idle_since = None;
    }

    /// There is none any more.
    pub(super) fn idle(&mut self) {
        self.idle_since = Some(self.now);
    }

    /// A server has announced its end.
    pub(super) fn announced(&mut self) {
        self.announced = Some(self.now);
    }

    /// Our SETTINGS, which were the first thing sent, have come back: that was a round trip.
    pub(super) fn settings_acknowledged(&mut self) {
        self.round_trip = Some(self.now - self.began);
    }

    /// How long a round trip takes, once that is known.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// The peer was sent HEADERS or DATA: a PING is no nuisance then, but a measurement.
    pub(super) fn useful(&mut self) {
        self.pinged = None;
        self.strikes = 0;
    }

    /// The peer has sent a PING. Whether it does so far too often.
    pub(super) fn is_pinged_too_often(&mut self, gap: Duration) -> bool {
        let is_early = self.pinged.replace(self.now).is_some_and(|before| self.now - before < gap);
        self.strikes = if is_early { self.strikes + 1 } else { 0 };
        self.strikes >= MAX_STRIKES
    }
}

/// What the PING carries that asks for a sign of life.
const SIGN_OF_LIFE: [u8; 8] = *b"are you?";

/// With how many PINGs too early, one after the other, a peer has gone too far.
const MAX_STRIKES: u32 = 3;
