//! Flow control: who may still send how much (RFC 9113 §5.2, §6.9).
//!
//! There is a window for each direction of each stream, and one for each direction of the connection. DATA
//! takes from two of them, WINDOW_UPDATE adds to one.
//!
//! How large a window is worth having depends on the path: what is sent during one round trip should
//! fit into it, or the sender waits for credit although there is room on the wire. Therefore the window
//! of a stream is doubled as long as a quarter of it is sent and read in less than half a round trip: then it
//! may well be the window that holds the sender back. It stops at twice what is sent and read in a round
//! trip, or at the limit. A round trip counts as [`WAKING`] at least.

use std::time::{Duration, Instant};

/// What this side may still send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendWindow(i64);

/// A window past 2^31−1, which is an error of whose window it is (RFC 9113 §6.9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl SendWindow {
    pub(crate) fn new(size: u32) -> Self {
        Self(size.into())
    }

    /// How many bytes may be sent.
    pub(crate) fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// Takes note of `bytes` that were sent.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }

    /// Adds what a WINDOW_UPDATE gives; or the difference between two initial sizes, which may be
    /// negative and may leave a window that is (RFC 9113 §6.9.2).
    pub(crate) fn add(&mut self, bytes: i64) -> Result<(), Overflow> {
        self.0 += bytes;
        if self.0 > MAX_WINDOW { Err(Overflow) } else { Ok(()) }
    }
}

/// What the peer may still send, and what it is owed for what was read.
///
/// At any time `left + unread + owed` is the size of the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveWindow {
    size: u32,
    left: i64,
    unread: u32,
    owed: u32,
    /// By how much the window has grown.
    grown: u32,
    updated: Option<Instant>,
}

/// More was sent than the window allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded;

impl ReceiveWindow {
    pub(crate) fn new(size: u32) -> Self {
        Self { size, left: size.into(), unread: 0, owed: 0, grown: 0, updated: None }
    }

    /// Takes note of `bytes` that have come.
    pub(crate) fn receive(&mut self, bytes: u32) -> Result<(), Exceeded> {
        // What takes nothing may also come when the window is negative (RFC 9113 §6.9.1).
        if i64::from(bytes) > self.left.max(0) {
            return Err(Exceeded);
        }
        self.left -= i64::from(bytes);
        self.unread += bytes;
        Ok(())
    }

    /// Takes note of `bytes` that were read.
    pub(crate) fn read(&mut self, bytes: u32) {
        self.unread -= bytes;
        self.owed += bytes;
    }

    /// What has come and was not read.
    pub(crate) fn unread(&self) -> u32 {
        self.unread
    }

    /// How large the window is.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// Changes the size by what the initial one was changed by.
    pub(crate) fn shift(&mut self, difference: i64) {
        self.size = (i64::from(self.size) + difference).max(0) as u32;
        self.left += difference;
    }

    /// Whether credit is due that was given last less than half a round trip ago.
    pub(crate) fn is_too_small(&self, now: Instant, round_trip: Duration) -> bool {
        let round_trip = round_trip.max(WAKING);
        self.is_worth_an_update() && self.updated.is_some_and(|updated| now - updated < round_trip / 2)
    }

    /// Makes the window larger.
    pub(crate) fn grow(&mut self, bytes: u32) {
        self.size += bytes;
        self.owed += bytes;
        self.grown += bytes;
    }

    /// By how much the window has grown.
    pub(crate) fn grown(&self) -> u32 {
        self.grown
    }

    /// What the peer is to be given now, if that is worth a frame: a quarter of the window.
    pub(crate) fn take_update(&mut self, now: Instant) -> Option<u32> {
        if !self.is_worth_an_update() {
            return None;
        }
        self.updated = Some(now);
        self.left += i64::from(self.owed);
        Some(std::mem::take(&mut self.owed))
    }

    /// Whether what the peer is owed is worth a frame.
    pub(crate) fn is_worth_an_update(&self) -> bool {
        self.owed > 0 && self.owed >= self.size / 4
    }
}

/// How long credit may be on its way whatever the distance: both ends are woken for it, each behind what else its
/// processor has to do. Between two processes of one machine, messages of 64 KiB took two to three times as long in a
/// window of 256 KiB as in one of 4 MiB.
const WAKING: Duration = Duration::from_millis(2);

/// The window with which everything begins (RFC 9113 §6.9.2).
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;

/// The largest window (RFC 9113 §6.9.1).
const MAX_WINDOW: i64 = (1 << 31) - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(10);

    #[test]
    fn rfc9113_6_9_2_a_window_can_become_negative_and_nothing_can_be_sent_until_it_is_positive() {
        let mut window = SendWindow::new(65_535);
        window.spend(60_000);
        assert_eq!(window.add(16_384 - 65_535), Ok(()));
        assert_eq!(window.available(), 0, "it is -43,616 now");
        assert_eq!(window.add(43_616), Ok(()));
        assert_eq!(window.available(), 0);
        assert_eq!(window.add(1), Ok(()));
        assert_eq!(window.available(), 1);
    }

    #[test]
    fn rfc9113_6_9_1_a_window_past_31_bits_is_refused() {
        let mut window = SendWindow::new(65_535);
        assert_eq!(window.add(MAX_WINDOW - 65_535), Ok(()));
        assert_eq!(window.add(1), Err(Overflow));
    }

    #[test]
    fn credit_is_given_back_for_what_was_read_not_for_what_has_come() {
        let mut window = ReceiveWindow::new(1000);
        window.receive(1000).unwrap();
        assert_eq!(window.take_update(Instant::now()), None);
        window.read(249);
        assert_eq!(window.take_update(Instant::now()), None, "less than a quarter is not worth a frame");
        window.read(1);
        assert_eq!(window.take_update(Instant::now()), Some(250));
        assert_eq!(window.receive(251), Err(Exceeded));
        assert_eq!(window.receive(250), Ok(()));
    }

    #[test]
    fn a_window_that_holds_the_sender_back_is_too_small() {
        let start = Instant::now();
        let mut window = ReceiveWindow::new(1000);
        let mut use_a_quarter = |at: Duration| {
            window.receive(250).unwrap();
            window.read(250);
            let is_too_small = window.is_too_small(start + at, ROUND_TRIP);
            window.take_update(start + at);
            is_too_small
        };
        assert!(!use_a_quarter(Duration::ZERO), "there was none before");
        assert!(use_a_quarter(ROUND_TRIP / 4));
        assert!(!use_a_quarter(ROUND_TRIP), "that took more than half a round trip");
    }

    #[test]
    fn a_peer_is_not_woken_at_once_however_near_it_is() {
        let start = Instant::now();
        let mut window = ReceiveWindow::new(1000);
        for at in [Duration::ZERO, WAKING / 4] {
            window.receive(250).unwrap();
            window.read(250);
            assert_eq!(window.is_too_small(start + at, Duration::ZERO), !at.is_zero());
            window.take_update(start + at);
        }
    }

    proptest! {
        #[test]
        fn credit_given_and_left_and_owed_always_accounts_for_all_data(
            steps in prop::collection::vec((0..3_u8, 0..5000_u32), 0..200),
        ) {
            let now = Instant::now();
            let mut window = ReceiveWindow::new(10_000);
            let (mut given, mut taken) = (10_000_u64, 0_u64);
            for (step, bytes) in steps {
                match step {
                    0 => {
                        let allowed = window.receive(bytes).is_ok();
                        prop_assert_eq!(allowed, u64::from(bytes) <= given - taken);
                        taken += if allowed { u64::from(bytes) } else { 0 };
                    }
                    1 => window.read(bytes.min(window.unread())),
                    _ => window.grow(bytes),
                }
                given += u64::from(window.take_update(now).unwrap_or(0));
                let all = window.left + i64::from(window.unread) + i64::from(window.owed);
                prop_assert_eq!(all, i64::from(window.size));
                prop_assert_eq!(window.left as u64, given - taken);
            }
        }
    }
}
