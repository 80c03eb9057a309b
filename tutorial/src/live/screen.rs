//! Conversations in a terminal: a list of calls, the steps of one of them, and the bytes of one step.

use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::disable_raw_mode;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Block, Borders, List, ListItem, ListState, Paragraph};
use ratatui::{DefaultTerminal, Frame};

use super::listing::{self, Look, fitted};
use super::plain::{milliseconds, one_line};
use super::traffic::{Call, Traffic};
use super::{Event, Feed, Taken, face};
use crate::lens::{Layer, Span};
use crate::tap::Way;

/// Shows what comes out of `feed` until a key says that it is enough, or until `end`. The terminal is then as it was
/// before, and so it is when something panics. One that is blocked is not waited for for more than a second: it
/// takes keys as before, and cannot be told more.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn show(feed: Feed, title: String, end: impl Future) -> io::Result<()> {
    let draw = move |stop: face::Stop| {
        let mut terminal = ratatui::try_init()?;
        let result = Screen::new(&title).run(&mut terminal, &feed, &stop);
        ratatui::restore();
        result
    };
    match face::run(draw, end).await? {
        Some(result) => result,
        None => disable_raw_mode(),
    }
}

/// What is shown, and what of it is chosen.
#[derive(Debug)]
pub struct Screen {
    title: String,
    traffic: Traffic,
    focus: Pane,
    /// The chosen call, counted from the first one ever; `None`: the latest.
    call: Option<usize>,
    step: usize,
    /// The first line that is shown of the bytes.
    line: usize,
    /// Whether colours may be used.
    is_coloured: bool,
}

/// A part of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Calls,
    Steps,
    Bytes,
}

impl Screen {
    /// A screen on which nothing is yet, with this title.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            traffic: Traffic::new(),
            focus: Pane::Calls,
            call: None,
            step: 0,
            line: 0,
            is_coloured: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    fn run(&mut self, terminal: &mut DefaultTerminal, feed: &Feed, stop: &face::Stop) -> io::Result<()> {
        while !*stop.borrow() {
            self.shows(feed.take());
            terminal.draw(|frame| self.draw(frame))?;
            if event::poll(PAUSE)?
                && let Input::Key(key) = event::read()?
                && key.kind != KeyEventKind::Release
                && !self.press(key)
            {
                break;
            }
        }
        Ok(())
    }

    /// Shows what has been seen since, too.
    pub fn shows(&mut self, taken: Taken) {
        self.traffic.take(taken);
    }

    /// Does what a key asks for; whether to go on.
    pub fn press(&mut self, key: KeyEvent) -> bool {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('c') if is_control => return false,
            KeyCode::Tab | KeyCode::Right => self.focus = self.focus.next(),
            KeyCode::BackTab | KeyCode::Left => self.focus = self.focus.next().next(),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1),
            KeyCode::Down | KeyCode::Char('j') => self.go(1),
            KeyCode::PageUp => self.go(-PAGE),
            KeyCode::PageDown => self.go(PAGE),
            KeyCode::Home => self.go(isize::MIN / 2),
            KeyCode::End if self.focus == Pane::Calls => (self.call, self.step, self.line) = (None, 0, 0),
            KeyCode::End => self.go(isize::MAX / 2),
            _ => {}
        }
        true
    }

    /// Goes down by so many lines, in the pane that has the focus.
    fn go(&mut self, by: isize) {
        let Some(chosen) = self.chosen() else { return };
        let steps = self.traffic.calls()[chosen].steps.len();
        let moved = |from: usize, count: usize| from.saturating_add_signed(by).min(count.saturating_sub(1));
        // Who looks into a call stays with it, whatever comes.
        let mut place = chosen;
        match self.focus {
            Pane::Calls => {
                place = moved(chosen, self.traffic.calls().len());
                (self.step, self.line) = (0, 0);
            }
            Pane::Steps => (self.step, self.line) = (moved(self.step, steps), 0),
            Pane::Bytes => self.line = moved(self.line, self.lines(0).len()),
        }
        self.call = Some(self.traffic.forgotten() + place);
    }

    /// The place of the chosen call.
    fn chosen(&self) -> Option<usize> {
        let last = self.traffic.calls().len().checked_sub(1)?;
        Some(self.call.map_or(last, |call| call.saturating_sub(self.traffic.forgotten()).min(last)))
    }

    fn chosen_call(&self) -> Option<&Call> {
        self.traffic.calls().get(self.chosen()?)
    }

    fn chosen_event(&self) -> Option<&Event> {
        let steps = &self.chosen_call()?.steps;
        steps.get(self.step.min(steps.len().saturating_sub(1))).map(|(_, event)| event)
    }

    /// Draws it all. Narrow: three parts below one another. Wide: the bytes at the right.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let [top, middle, bottom] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
                .areas(frame.area());
        let (calls, steps, bytes) = if middle.width >= WIDE {
            let [left, right] =
                Layout::horizontal([Constraint::Fill(1), Constraint::Length(BYTES_WIDTH)]).areas(middle);
            let [calls, steps] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(left);
            (calls, steps, right)
        } else {
            let parts = [Constraint::Fill(3), Constraint::Fill(3), Constraint::Fill(5)];
            let [calls, steps, bytes] = Layout::vertical(parts).areas(middle);
            (calls, steps, bytes)
        };
        frame.render_widget(Paragraph::new(self.headline()), top);
        self.draw_calls(frame, calls);
        self.draw_steps(frame, steps);
        self.draw_bytes(frame, bytes);
        frame.render_widget(Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)), bottom);
    }

    fn headline(&self) -> Line<'static> {
        let traffic = &self.traffic;
        let (calls, connections) = (traffic.begun, traffic.connections);
        let mut text = format!(" lens  {}  calls {calls}, connections {connections}", self.title);
        if traffic.faults > 0 {
            text += &format!(", rules broken {}", traffic.faults);
        }
        if traffic.forgotten() > 0 {
            text += &format!(", lines forgotten {}", traffic.forgotten());
        }
        if traffic.missed > 0 {
            text += &format!(", steps not shown {}", traffic.missed);
        }
        Line::styled(text, Style::new().add_modifier(Modifier::BOLD))
    }

    fn draw_calls(&self, frame: &mut Frame<'_>, area: Rect) {
        let width = usize::from(area.width).saturating_sub(2);
        let name_width = width.saturating_sub(CALL_COLUMNS);
        let item = |call: &Call| {
            let number = call.number.map_or(String::new(), |number| format!(".{number}"));
            let time =
                call.ended.map_or("open".to_owned(), |ended| milliseconds(ended.saturating_sub(call.began)));
            let status = call.status.as_deref().unwrap_or(if call.ended.is_some() { "" } else { "…" });
            let size = call.bytes[0] + call.bytes[1];
            let mark = if call.is_wrong { "✗" } else { " " };
            let row = format!(
                "{mark}{:<8} {} {} {time:>10} {size:>8} B",
                format!("{}{number}", call.connection),
                fitted(&call.name, name_width),
                fitted(&one_line(status), 18),
            );
            ListItem::new(row).style(if call.is_wrong { self.style(Layer::Wrong) } else { Style::new() })
        };
        // Of many calls only those that can be seen are written.
        let height = usize::from(area.height).saturating_sub(2).max(1);
        let chosen = self.chosen().unwrap_or(0);
        let first = (chosen + 1).saturating_sub(height);
        let shown = self.traffic.calls().iter().skip(first).take(height).map(item);
        let follows = if self.call.is_none() { "calls, the latest chosen" } else { "calls" };
        let list = self.list(shown, Pane::Calls, follows);
        let state = &mut ListState::default().with_selected(self.chosen().map(|chosen| chosen - first));
        frame.render_stateful_widget(list, area, state);
    }

    fn draw_steps(&self, frame: &mut Frame<'_>, area: Rect) {
        let call = self.chosen_call();
        let steps = call.map_or(0, |call| call.steps.len());
        let chosen = self.step.min(steps.saturating_sub(1));
        let height = usize::from(area.height).saturating_sub(2).max(1);
        let first = (chosen + 1).saturating_sub(height);
        let items = call.iter().flat_map(|call| &call.steps).skip(first).take(height).map(|(at, event)| {
            let began = call.map_or(Duration::ZERO, |call| call.began);
            let arrow = if event.way == Way::Out { "→" } else { "←" };
            let mark = if event.faults().next().is_some() { "✗" } else { " " };
            let time = milliseconds(at.saturating_sub(began));
            let style = if mark == "✗" { self.style(Layer::Wrong) } else { Style::new() };
            ListItem::new(format!("{mark}{time:>10} {arrow} {}", one_line(&event.label))).style(style)
        });
        let list = self.list(items, Pane::Steps, "its steps: → from the client, ← from the server");
        let state = &mut ListState::default();
        state.select((steps > 0).then_some(chosen - first));
        frame.render_stateful_widget(list, area, state);
    }

    fn draw_bytes(&self, frame: &mut Frame<'_>, area: Rect) {
        let lines = self.lines(usize::from(area.width).saturating_sub(2));
        let height = usize::from(area.height).saturating_sub(2);
        let first = self.line.min(lines.len().saturating_sub(height));
        let more = lines.len().saturating_sub(first + height);
        let title = match more {
            0 => "the bytes of the step".to_owned(),
            _ => format!("the bytes of the step, {more} lines more below"),
        };
        let shown: Vec<_> = lines.into_iter().skip(first).take(height).collect();
        frame.render_widget(Paragraph::new(shown).block(self.block(Pane::Bytes, &title)), area);
    }

    /// The bytes of the chosen step, line by line, in so many columns.
    fn lines(&self, width: usize) -> Vec<Line<'static>> {
        let Some(event) = self.chosen_event() else {
            return vec![Line::raw(" Nothing has passed yet.")];
        };
        let mut lines = self.named(&event.bytes, &event.spans, width);
        if event.bytes.is_empty() {
            lines.push(Line::raw(format!(" {}", one_line(&event.label))));
        }
        for content in &event.contents {
            lines.push(Line::raw(format!(" {}", one_line(&content.label))));
            lines.extend(self.named(&content.bytes, &content.spans, width));
        }
        lines
    }

    fn named(&self, bytes: &[u8], spans: &[Span], width: usize) -> Vec<Line<'static>> {
        let piece = |(look, text): (Look, String)| match look {
            Look::Plain => Text::raw(text),
            Look::Of(layer) => Text::styled(text, self.style(layer)),
            Look::Dim => Text::styled(text, Style::new().add_modifier(Modifier::DIM)),
        };
        let line = |pieces: listing::Line| {
            Line::from_iter(std::iter::once(Text::raw(" ")).chain(pieces.into_iter().map(piece)))
        };
        listing::lines(bytes, spans, width.saturating_sub(1)).into_iter().map(line).collect()
    }

    fn list<'a>(&self, items: impl Iterator<Item = ListItem<'a>>, pane: Pane, title: &str) -> List<'a> {
        let chosen = Style::new().add_modifier(Modifier::REVERSED);
        List::new(items).block(self.block(pane, title)).highlight_style(chosen)
    }

    fn block<'a>(&self, pane: Pane, title: &str) -> Block<'a> {
        let has_focus = self.focus == pane;
        let (mark, style) = match has_focus {
            true => ("▶ ", Style::new().add_modifier(Modifier::BOLD)),
            false => ("", Style::new()),
        };
        Block::new().borders(Borders::ALL).border_style(style).title(format!(" {mark}{title} "))
    }

    /// The colours of the page.
    fn style(&self, layer: Layer) -> Style {
        if !self.is_coloured {
            return Style::new();
        }
        Style::new().fg(match layer {
            Layer::Hello | Layer::Control => Color::Blue,
            Layer::Header | Layer::Prefix | Layer::Record => Color::Cyan,
            Layer::Head | Layer::Fields | Layer::Handshake => Color::Magenta,
            Layer::Status => Color::Yellow,
            Layer::Message | Layer::Data => Color::Green,
            Layer::Sealed => Color::DarkGray,
            Layer::Wrong => Color::Red,
        })
    }
}

impl Pane {
    fn next(self) -> Self {
        match self {
            Self::Calls => Self::Steps,
            Self::Steps => Self::Bytes,
            Self::Bytes => Self::Calls,
        }
    }
}

const KEYS: &str = " Tab next part  ↑↓ PgUp PgDn choose  Home first  End latest  q quit";
/// How long to wait for a key before looking at what has come.
const PAUSE: Duration = Duration::from_millis(50);
const PAGE: isize = 10;
/// From which width on the bytes stand at the right, and how wide they are.
const WIDE: u16 = 150;
const BYTES_WIDTH: u16 = 84;
/// What a line of the list takes besides the name.
const CALL_COLUMNS: usize = 1 + 8 + 1 + 1 + 18 + 1 + 10 + 1 + 10;
