//! How far it is, on standard error, when that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that grows with each turn.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// An empty one. On something that is no terminal nothing is drawn.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos:>3}/{len} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// So many turns more.
    pub fn expect(&self, turns: usize) {
        self.0.inc_length(turns as u64);
    }

    /// The next turn begins.
    pub fn begin(&self, turn: &str) {
        self.0.set_message(turn.to_owned());
    }

    /// It has ended.
    pub fn end(&self) {
        self.0.inc(1);
    }

    /// Prints on standard output without disturbing the bar.
    pub fn print(&self, text: &str) {
        self.0.suspend(|| println!("{text}"));
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
