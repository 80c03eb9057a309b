//! The last few of something.

/// The last few of something: one more takes the place of the oldest.
#[derive(Debug)]
pub struct Recent<T> {
    items: Vec<T>,
    /// Which is the next to be replaced.
    next: usize,
}

impl<T> Recent<T> {
    /// The first that `is_it`.
    pub fn find(&self, is_it: impl FnMut(&&T) -> bool) -> Option<&T> {
        self.items.iter().find(is_it)
    }

    /// One more.
    pub fn push(&mut self, item: T) {
        if self.items.len() < MOST {
            // Most connections have a few for all their life: no place is kept for more.
            self.items.reserve_exact(1);
            return self.items.push(item);
        }
        self.items[self.next] = item;
        self.next = (self.next + 1) % MOST;
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: 0 }
    }
}

/// How many there are at most: few, since they are looked through one by one.
const MOST: usize = 16;
