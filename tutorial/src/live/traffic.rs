//! What has been seen, sorted by calls: for who wants to look at one of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::Event;
use super::feed::{Happened, Taken};
use crate::tap::Way;

/// The calls that were seen, the oldest first, and with each what happened in it.
#[derive(Debug, Default)]
pub struct Traffic {
    calls: VecDeque<Call>,
    /// The place of a call that is not over, counted from the first one ever.
    open: HashMap<(u64, Option<u32>), usize>,
    forgotten: usize,
    weight: usize,
    /// How many calls began in all.
    pub begun: u64,
    /// How many connections there are now.
    pub connections: usize,
    /// How many steps were missed.
    pub missed: u64,
    /// How many rules were broken.
    pub faults: u64,
}

/// A call, or what concerns a connection as a whole.
#[derive(Debug)]
pub struct Call {
    /// The connection's number.
    pub connection: u64,
    /// The call's, on its connection.
    pub number: Option<u32>,
    /// The path of the method, or where the client of the connection is.
    pub name: String,
    /// When it began.
    pub began: Duration,
    /// When it ended.
    pub ended: Option<Duration>,
    /// How.
    pub status: Option<String>,
    /// How many bytes passed, from the client and from the server.
    pub bytes: [u64; 2],
    /// Whether it breaks a rule.
    pub is_wrong: bool,
    /// What happened, and when.
    pub steps: VecDeque<(Duration, Event)>,
}

impl Traffic {
    /// Nothing has been seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The calls and connections, the oldest first.
    pub fn calls(&self) -> &VecDeque<Call> {
        &self.calls
    }

    /// How many of them were forgotten to make room.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// Takes note of what has happened.
    pub fn take(&mut self, taken: Taken) {
        self.missed += taken.missed;
        for seen in taken.seen {
            let connection = (seen.connection, None);
            match seen.what {
                Happened::Opened { client } => {
                    self.connections += 1;
                    self.begin(connection, format!("connection from {client}"), seen.at);
                }
                Happened::Event(event) => self.event(seen.connection, seen.at, *event),
                Happened::Closed { why, .. } => {
                    self.connections = self.connections.saturating_sub(1);
                    if let Some(call) = self.find(connection) {
                        (call.ended, call.status) = (Some(seen.at), Some(why.unwrap_or("closed".to_owned())));
                    }
                    self.open.retain(|(number, _), _| *number != seen.connection);
                }
            }
        }
        while self.calls.len() > MOST_CALLS || self.weight > LARGEST {
            self.forget();
        }
    }

    fn event(&mut self, connection: u64, at: Duration, event: Event) {
        let mut key = (connection, event.call);
        if let Some(path) = &event.path {
            self.begin(key, path.clone(), at);
        } else if !self.open.contains_key(&key) {
            // Of a call that was over before.
            key.1 = None;
        }
        let weight = event.weight();
        let is_wrong = event.faults().next().is_some();
        self.faults += u64::from(is_wrong);
        let Some(call) = self.find(key) else { return };
        call.bytes[usize::from(event.way == Way::In)] += event.size;
        call.is_wrong |= is_wrong;
        // What comes behind the end changes nothing.
        if event.status.is_some() && call.ended.is_none() {
            call.status.clone_from(&event.status);
        }
        if event.is_over && call.number.is_some() {
            call.ended = call.ended.or(Some(at));
        }
        call.steps.push_back((at, event));
        self.weight += weight;
    }

    fn begin(&mut self, key: (u64, Option<u32>), name: String, began: Duration) {
        let (connection, number) = key;
        self.begun += u64::from(number.is_some());
        self.open.insert(key, self.forgotten + self.calls.len());
        self.calls.push_back(Call {
            connection,
            number,
            name,
            began,
            ended: None,
            status: None,
            bytes: [0; 2],
            is_wrong: false,
            steps: VecDeque::new(),
        });
    }

    fn find(&mut self, key: (u64, Option<u32>)) -> Option<&mut Call> {
        let place = self.open.get(&key)?.checked_sub(self.forgotten)?;
        self.calls.get_mut(place)
    }

    /// The oldest call makes room; of a single one, its oldest step.
    fn forget(&mut self) {
        if let [call] = self.calls.make_contiguous() {
            self.weight -= call.steps.pop_front().map_or(self.weight, |(_, event)| event.weight());
        } else if let Some(call) = self.calls.pop_front() {
            self.weight -= call.steps.iter().map(|(_, event)| event.weight()).sum::<usize>();
            self.forgotten += 1;
            self.open.remove(&(call.connection, call.number));
        }
    }
}

/// How many calls are kept, and how much of what happened in them, in bytes.
const MOST_CALLS: usize = 10_000;
const LARGEST: usize = 128 << 20;
