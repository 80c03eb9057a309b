//! Conversations as lines of text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use anstyle::Style;
use tokio::runtime::Handle;

use super::event::Fault;
use super::feed::{Happened, Seen, Taken};
use super::listing::{self, Look};
use super::{Event, Feed, face};
use crate::lens::{Layer, Span};
use crate::page::{BOLD, DIM, Page, WIDTH, hex, shorten, style};
use crate::tap::Way;

/// Prints `first`, and then what happens, a line a step, until `end`, or until nobody reads it any more.
///
/// Where standard output is blocked, only this waits: the feed keeps what fits, and who reads on is told how much was
/// missed. At the end what is left has a second to be written.
///
/// # Errors
/// When there can be no further thread.
pub async fn print(feed: Feed, first: String, with_bytes: bool, end: impl Future) -> io::Result<()> {
    let runtime = Handle::current();
    let write = move |mut stop: face::Stop| {
        let mut page = Page::printed();
        page.line(format_args!("{first}"));
        let mut lines = Lines::new(page, with_bytes);
        while !lines.page.is_closed() {
            let taken = runtime.block_on(async {
                tokio::select! {
                    taken = feed.next() => Some(taken),
                    _ = stop.wait_for(|stop| *stop) => None,
                }
            });
            let Some(taken) = taken else { return lines.take(&feed.take()) };
            lines.take(&taken);
        }
    };
    face::run(write, end).await.map(|_| ())
}

/// Writes lines, and remembers when calls began.
#[derive(Debug)]
pub struct Lines {
    page: Page,
    with_bytes: bool,
    began: HashMap<(u64, u32), Duration>,
}

impl Lines {
    /// Writes on `page`; with the names of all bytes or without.
    pub fn new(page: Page, with_bytes: bool) -> Self {
        Self { page, with_bytes, began: HashMap::new() }
    }

    /// What was written, if the page keeps it.
    pub fn text(&self) -> &str {
        self.page.text()
    }

    /// Writes down what has happened.
    pub fn take(&mut self, taken: &Taken) {
        for seen in &taken.seen {
            self.seen(seen);
            if self.page.is_closed() {
                return;
            }
        }
        if taken.missed > 0 {
            self.page
                .line(format_args!("{BOLD}{} steps are not shown: too many at once{BOLD:#}", taken.missed));
        }
    }

    fn seen(&mut self, seen: &Seen) {
        let connection = format!("#{}", seen.connection);
        match &seen.what {
            Happened::Opened { client } => {
                self.page.line(format_args!("{connection:<25} {DIM}connected: {client}{DIM:#}"));
            }
            Happened::Event(event) => self.event(seen, &connection, event),
            Happened::Closed { why, passed, named, faults } => {
                self.began.retain(|(number, _), _| *number != seen.connection);
                let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                let faults = if *faults > 0 { format!(", rules broken: {faults}") } else { String::new() };
                self.page.line(format_args!(
                    "{connection:<25} {DIM}closed{why}: {named} of {passed} bytes named{faults}{DIM:#}"
                ));
            }
        }
    }

    fn event(&mut self, seen: &Seen, connection: &str, event: &Event) {
        let arrow = if event.way == Way::Out { "→" } else { "←" };
        let mut call = String::new();
        let mut time = String::new();
        if let Some(number) = event.call {
            call = format!("call {number}");
            let key = (seen.connection, number);
            if event.path.is_some() {
                if self.began.len() == MOST_CALLS {
                    self.began.clear();
                }
                self.began.insert(key, seen.at);
            }
            if let Some(began) = self.began.get(&key) {
                time = milliseconds(seen.at.saturating_sub(*began));
            }
            if event.is_over {
                self.began.remove(&key);
            }
        }
        self.page
            .line(format_args!("{connection:<4} {call:<9} {time:>8} {arrow} {}", one_line(&event.label)));
        for fault in event.faults() {
            self.fault(fault);
        }
        if self.with_bytes {
            self.bytes(&event.bytes, &event.spans);
        }
        for content in &event.contents {
            self.page.line(format_args!("{DIM}{:27}{}{DIM:#}", "", one_line(&content.label)));
            if self.with_bytes {
                self.bytes(&content.bytes, &content.spans);
            }
        }
    }

    /// The bytes and their names, indented.
    fn bytes(&mut self, bytes: &[u8], spans: &[Span]) {
        for pieces in listing::lines(bytes, spans, WIDTH - MARGIN) {
            let mut line = " ".repeat(MARGIN);
            for (look, text) in pieces {
                let style = match look {
                    Look::Plain => Style::new(),
                    Look::Of(layer) => style(layer),
                    Look::Dim => DIM,
                };
                let _ = write!(line, "{style}{text}{style:#}");
            }
            self.page.line(format_args!("{line}"));
        }
    }

    /// The bytes, a caret under those that break a rule, and the rule.
    fn fault(&mut self, Fault { bytes, span }: Fault<'_>) {
        let red = style(Layer::Wrong);
        self.page.line(format_args!(
            "  {red}✗ {}: {} ({}){red:#}",
            span.name,
            one_line(&span.value),
            span.note
        ));
        let start = span.range.start.saturating_sub(BEFORE);
        let end = bytes.len().min(start + SHOWN);
        let marked = span.range.len().min(end - span.range.start);
        let (before, after) = (if start > 0 { "… " } else { "" }, if end < bytes.len() { " …" } else { "" });
        self.page.line(format_args!("    {before}{}{after}", hex(&bytes[start..end])));
        let margin = 4 + before.chars().count() + 3 * (span.range.start - start);
        let carets = vec!["^^"; marked].join(" ");
        self.page.line(format_args!("{:margin$}{red}{carets}{red:#}", ""));
    }
}

/// A time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Text that stays in one line, and leaves the terminal as it is.
pub(super) fn one_line(text: &str) -> String {
    let shown: String = text.chars().map(|letter| if letter.is_control() { '·' } else { letter }).collect();
    shorten(&shown, LONGEST)
}

/// Of how many calls that are not over it is remembered when they began.
const MOST_CALLS: usize = 100_000;
/// How many bytes are shown in front of a fault, and in all.
const BEFORE: usize = 8;
const SHOWN: usize = 24;
/// How far bytes and their names are indented.
const MARGIN: usize = 2;
/// The longest text of a line.
const LONGEST: usize = 400;
