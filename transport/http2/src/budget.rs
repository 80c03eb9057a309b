//! What a peer may do now and then, but not all the time.

use std::time::{Duration, Instant};

/// So many at once, and so many a second in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many a second after that. At least 1.
    pub per_second: u32,
}

/// Counts what happens against a [`Rate`].
#[derive(Debug)]
pub(crate) struct Budget {
    interval: Duration,
    burst: Duration,
    /// The moment up to which all that has happened is paid for, at one an interval.
    paid_until: Option<Instant>,
}

impl Budget {
    pub(crate) fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        Self { interval, burst: interval * rate.burst, paid_until: None }
    }

    /// Spends one. `false`: there is none left.
    #[must_use]
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let paid_until = self.paid_until.map_or(now, |paid_until| paid_until.max(now)) + self.interval;
        let is_left = paid_until - now <= self.burst;
        if is_left {
            self.paid_until = Some(paid_until);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut budget = Budget::new(Rate { burst: 200, per_second: 33 });
        assert_eq!((0..500).filter(|_| budget.spend(start)).count(), 200);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..500).filter(|_| budget.spend(later)).count(), 33);
        let much_later = start + Duration::from_secs(60);
        assert_eq!((0..500).filter(|_| budget.spend(much_later)).count(), 200, "no more is ever saved");
    }
}
