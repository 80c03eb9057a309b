//! Tasks that wait their turn.

use std::collections::VecDeque;
use std::task::Waker;

use rustc_hash::FxHashSet;

/// Tasks that wait their turn: each once, first come, first woken; and nobody passes them.
///
/// A task that has lost interest cannot be told from one that waits; it is forgotten when its turn has
/// come and gone. Therefore there is a limit to how many are kept.
#[derive(Default)]
pub(crate) struct Waiters {
    queue: VecDeque<Waker>,
    known: FxHashSet<(usize, usize)>,
    /// Those that were woken and have not come yet.
    called: FxHashSet<(usize, usize)>,
}

impl Waiters {
    /// How many may wait.
    pub(crate) const LIMIT: usize = 16 << 10;

    /// Whether it is the turn of the task of `waker`: it was called, or nobody else waits.
    pub(crate) fn may_pass(&mut self, waker: &Waker) -> bool {
        let nobody_waits = !self.has_any();
        nobody_waits || self.called.remove(&identity(waker))
    }

    /// Lets the task of `waker` wait, if it does not already. `false`: too many wait.
    pub(crate) fn push(&mut self, waker: &Waker) -> bool {
        let identity = identity(waker);
        if self.known.contains(&identity) {
            return true;
        }
        if self.queue.len() == Self::LIMIT {
            return false;
        }
        self.known.insert(identity);
        self.queue.push_back(waker.clone());
        true
    }

    /// The task whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Waker> {
        let waker = self.queue.pop_front()?;
        let identity = identity(&waker);
        self.known.remove(&identity);
        self.called.insert(identity);
        Some(waker)
    }

    /// All of them.
    pub(crate) fn take_all(&mut self) -> VecDeque<Waker> {
        self.known.clear();
        self.called.clear();
        std::mem::take(&mut self.queue)
    }

    /// How many were called and have not come yet.
    pub(crate) fn called(&self) -> usize {
        self.called.len()
    }

    /// Those that were called and have not come by now have lost interest.
    pub(crate) fn forget_called(&mut self) {
        self.called.clear();
    }

    /// Whether anybody waits, or was called and has not come yet.
    pub(crate) fn has_any(&self) -> bool {
        !self.queue.is_empty() || !self.called.is_empty()
    }
}

/// What two wakers of the same task have in common, as [`Waker::will_wake`] sees it.
fn identity(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_task_waits_once_however_often_it_asks() {
        let waker = Waker::from(Arc::new(Task));
        let mut waiters = Waiters::default();
        assert!(waiters.push(&waker) && waiters.push(&waker.clone()));
        assert!(waiters.pop().is_some());
        assert!(waiters.pop().is_none());
        assert!(waiters.push(&waker), "and again after its turn");
    }

    #[test]
    fn the_first_to_come_is_the_first_to_be_woken() {
        let tasks: Vec<_> = (0..3).map(|_| Waker::from(Arc::new(Task))).collect();
        let mut waiters = Waiters::default();
        tasks.iter().for_each(|task| assert!(waiters.push(task)));
        for task in &tasks {
            assert!(waiters.pop().is_some_and(|waker| waker.will_wake(task)));
        }
    }

    #[test]
    fn nobody_passes_those_that_wait_or_were_called() {
        let (first, newcomer) = (Waker::from(Arc::new(Task)), Waker::from(Arc::new(Task)));
        let mut waiters = Waiters::default();
        assert!(waiters.may_pass(&newcomer), "nobody waits");
        waiters.push(&first);
        assert!(!waiters.may_pass(&newcomer) && !waiters.may_pass(&first));
        waiters.pop();
        assert!(!waiters.may_pass(&newcomer), "the first was called");
        assert!(waiters.may_pass(&first));
        assert!(waiters.may_pass(&newcomer), "and has come");
    }

    #[test]
    fn who_was_called_and_does_not_come_holds_nobody_up_for_long() {
        let (first, newcomer) = (Waker::from(Arc::new(Task)), Waker::from(Arc::new(Task)));
        let mut waiters = Waiters::default();
        waiters.push(&first);
        waiters.pop();
        waiters.forget_called();
        assert!(waiters.may_pass(&newcomer));
    }

    #[test]
    fn more_than_the_limit_cannot_wait() {
        let mut waiters = Waiters::default();
        for _ in 0..Waiters::LIMIT {
            assert!(waiters.push(&Waker::from(Arc::new(Task))));
        }
        assert!(!waiters.push(&Waker::from(Arc::new(Task))));
        assert_eq!(waiters.take_all().len(), Waiters::LIMIT);
    }
}
