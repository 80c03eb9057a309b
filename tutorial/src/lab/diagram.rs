//! Draws what happened: two lines, along which time goes down, and a slanting arrow for each message. It is
//! the diagram of L. Lamport, *Time, clocks, and the ordering of events in a distributed system* (1978).

use std::collections::HashMap;

use anstyle::{AnsiColor, Color, Style};

use crate::lab::{Event, MessageId, Side};
use crate::page::{BOLD, DIM, Page, shorten};

/// What happened, in rows from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    /// How many rows there are.
    pub rows: usize,
    /// What happened on one of the lines.
    pub points: Vec<Point>,
    /// What passed between them, or did not.
    pub arrows: Vec<Arrow>,
}

/// Something that happened on one of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// In which row.
    pub row: usize,
    /// On which line.
    pub side: Side,
    /// What; empty where something arrived.
    pub text: String,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Whose.
    pub from: Side,
    /// Where it left.
    pub start: usize,
    /// Where it arrived; or, if it did not, where the arrow ends.
    pub end: usize,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Arrived,
    /// It was lost.
    Lost,
    /// Neither, until now.
    OnItsWay,
}

impl Diagram {
    /// The diagram of `events`. Only their order counts: the rows are no measure of time.
    pub fn of(events: &[Event]) -> Self {
        let mut diagram = Self { rows: 0, points: Vec::new(), arrows: Vec::new() };
        let mut sent: HashMap<MessageId, (usize, Side)> = HashMap::new();
        let mut settled = Vec::new();
        for event in events {
            match event {
                Event::Note { side, text } => diagram.point(*side, text, 0),
                Event::Sent { message, from, text } => {
                    diagram.point(*from, text, 0);
                    sent.insert(*message, (diagram.rows - 1, *from));
                }
                Event::Arrived { message } => {
                    let Some(&(start, from)) = sent.get(message) else { continue };
                    diagram.point(from.other(), "", start + SLANT);
                    diagram.arrow(from, start, diagram.rows - 1, Fate::Arrived);
                    settled.push(*message);
                }
                Event::Lost { message } => {
                    let Some(&(start, from)) = sent.get(message) else { continue };
                    diagram.arrow(from, start, start + SLANT, Fate::Lost);
                    settled.push(*message);
                }
            }
        }
        sent.retain(|message, _| !settled.contains(message));
        for (start, from) in sent.into_values() {
            diagram.arrow(from, start, start + SLANT, Fate::OnItsWay);
        }
        diagram.arrows.sort_by_key(|arrow| (arrow.start, arrow.end));
        diagram
    }

    /// Draws it on a page.
    pub fn draw(&self, page: &mut Page) {
        page.drawn(|title| self.svg(title));
        page.line(format_args!("  {BOLD}{:>LEFT$} client{:24}server{BOLD:#}", "", ""));
        for row in self.grid() {
            page.line(format_args!("{}", row.trim_end()));
        }
    }

    fn point(&mut self, side: Side, text: &str, at_least: usize) {
        let row = self.rows.max(at_least);
        self.points.push(Point { row, side, text: text.to_owned() });
        self.rows = row + 1;
    }

    fn arrow(&mut self, from: Side, start: usize, end: usize, fate: Fate) {
        self.rows = self.rows.max(end + 1);
        self.arrows.push(Arrow { from, start, end, fate });
    }

    fn grid(&self) -> Vec<String> {
        let mut middle = vec![vec![(' ', Style::new()); GAP]; self.rows];
        for arrow in &self.arrows {
            arrow.paint(&mut middle);
        }
        let label = |row: usize, side: Side| {
            self.points.iter().find(|point| point.row == row && point.side == side).map(|point| &point.text)
        };
        let mark = |point: Option<&String>| if point.is_some() { "●" } else { "│" };
        let text = |point: Option<&String>, width| point.map(|text| shorten(text, width)).unwrap_or_default();
        middle
            .into_iter()
            .enumerate()
            .map(|(row, middle)| {
                let (left, right) = (label(row, Side::Client), label(row, Side::Server));
                let between: String =
                    middle.into_iter().map(|(letter, style)| format!("{style}{letter}{style:#}")).collect();
                let (near, far) = (mark(left), mark(right));
                let (left, right) = (text(left, LEFT), text(right, RIGHT));
                format!("  {left:>LEFT$} {DIM}{near}{DIM:#}{between}{DIM}{far}{DIM:#} {right}")
            })
            .collect()
    }
}

impl Arrow {
    /// Puts the arrow into the rows between the lines.
    fn paint(&self, middle: &mut [Vec<(char, Style)>]) {
        let rows = self.end - self.start + 1;
        let length = if self.fate == Fate::Arrived { GAP } else { 2 * GAP / 3 };
        let style = self.style();
        for step in 0..length {
            // What has begun on one row goes on in the next: a stroke along the bottom of the one ends at
            // the top of the other.
            let row = step * rows / length;
            let begins = step > 0 && (step - 1) * rows / length < row;
            let (column, stroke, head) = match self.from {
                Side::Client => (step, '╲', '▶'),
                Side::Server => (GAP - 1 - step, '╱', '◀'),
            };
            let letter = match self.fate {
                _ if step + 1 < length => {
                    if begins {
                        stroke
                    } else {
                        '_'
                    }
                }
                Fate::Arrived => head,
                Fate::Lost => '✗',
                Fate::OnItsWay => '…',
            };
            put(&mut middle[self.start + row][column], letter, style);
        }
        if self.fate == Fate::Lost {
            let begins = if self.from == Side::Client { length + 1 } else { GAP - length - 1 - LOST.len() };
            for (cell, letter) in middle[self.end][begins..].iter_mut().zip(LOST.chars()) {
                put(cell, letter, style);
            }
        }
    }

    fn style(&self) -> Style {
        let color = match (self.fate, self.from) {
            (Fate::Lost, _) => AnsiColor::Red,
            (_, Side::Client) => AnsiColor::Cyan,
            (_, Side::Server) => AnsiColor::Green,
        };
        Style::new().fg_color(Some(Color::Ansi(color)))
    }
}

/// Paints a cell; what is painted already stays where only the stroke of an arrow passes.
fn put(cell: &mut (char, Style), letter: char, style: Style) {
    if cell.0 == ' ' || letter != '_' {
        *cell = (letter, style);
    }
}

/// What stands beside the end of an arrow that does not arrive.
const LOST: &str = "lost";
/// How many rows down an arrow goes at least.
const SLANT: usize = 2;
/// How wide the labels of the client are, how far the lines are from each other, and how wide the labels of the
/// server: with two columns in front and the lines between, 80 in all.
const LEFT: usize = 20;
const GAP: usize = 31;
const RIGHT: usize = 23;
