//! Tables, of 80 columns at most, and JSON.

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::figures::{Case, Metric, percent, three_digits};
use crate::machine::Machine;
use crate::target::{Target, Verdict};

/// A table that aligns its columns: the first to the left, the others to the right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// One with these headings.
    pub fn new(headings: Vec<String>) -> Self {
        Self { rows: vec![headings] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Its text, with a line under the headings.
    pub fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match at {
                    0 => line.push_str(&format!("{cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
            if number == 0 {
                let line: usize = widths.iter().sum::<usize>() + 2 * (columns.max(1) - 1);
                text.push_str(&"─".repeat(line));
                text.push('\n');
            }
        }
        text
    }
}

/// What it was measured on.
pub fn machine(machine: &Machine) -> String {
    let Machine { processor, cores, system, compiler, versions, date, busy_before } = machine;
    let mut text = format!(
        "{processor}, {cores} {}, {system}\n{compiler}\n{versions}\n{date}",
        if *cores == 1 { "core" } else { "cores" }
    );
    if let Some(busy) = busy_before {
        text.push_str(&format!("; {busy} threads wanted to run in the minute before this began"));
    }
    text.push('\n');
    text
}

/// Who is measured, and how each was set up.
pub fn contenders() -> String {
    let line = |contender: Contender| wrapped(&format!("{}: {}.", contender.label(), contender.settings()));
    Contender::ALL.map(line).concat()
}

/// A case as a table, with its notes or without.
pub fn case(case: &Case, with_notes: bool) -> String {
    let mut headings = vec![String::new()];
    for column in &case.columns {
        headings.push(column.heading());
        if *column == case.main && has_rounds(case) {
            headings.push("±".to_owned());
        }
    }
    headings.extend(case.peers.iter().map(|peer| format!("/{}", short(*peer))));
    let mut table = Table::new(headings);
    for entry in &case.entries {
        let mut row = vec![entry.contender.label().to_owned()];
        for column in &case.columns {
            let samples = entry.figures.get(column);
            let median = samples.and_then(|samples| samples.median());
            row.push(median.map_or_else(|| "–".to_owned(), |figure| column.text(figure)));
            if *column == case.main && has_rounds(case) {
                let spread = samples.and_then(|samples| samples.spread());
                row.push(spread.map_or_else(|| "–".to_owned(), |spread| percent(spread).replace(' ', "")));
            }
        }
        for peer in &case.peers {
            let ratio = case.ratio(entry.contender, *peer, case.main).filter(|_| entry.contender != *peer);
            row.push(ratio.map_or_else(|| "–".to_owned(), three_digits));
        }
        table.row(row);
    }
    let mut text = format!("{}\n\n{}", case.title, table.text());
    for note in case.notes.iter().filter(|_| with_notes) {
        text.push_str(&wrapped(note));
    }
    text
}

/// The targets, and whether they are met.
pub fn targets(targets: &[Target]) -> String {
    let headings = ["target", "floor", "aim", "measured", ""];
    let mut table = Table::new(headings.map(str::to_owned).to_vec());
    for target in targets {
        let verdict = match target.verdict() {
            Verdict::Aim if target.aim.is_none() => "met",
            Verdict::Aim => "aim met",
            Verdict::Floor => "floor met",
            Verdict::Missed => "NOT met",
            Verdict::NotMeasured => "–",
        };
        let measured = target.measured.map_or_else(|| "–".to_owned(), |figure| target.unit.text(figure));
        let (floor, aim) =
            (target.bound(target.floor), target.aim.map_or_else(String::new, |aim| target.bound(aim)));
        table.row(vec![target.text.to_owned(), floor, aim, measured, verdict.to_owned()]);
    }
    table.text()
}

/// Everything, for programs.
pub fn json(machine: &Machine, settings: Value, cases: &[Case], targets: &[Target]) -> Value {
    let cases = cases.iter().map(|case| {
        let entries = case.entries.iter().map(|entry| {
            let figures = entry.figures.iter().map(|(metric, samples)| {
                let figure = json!({
                    "median": samples.median(), "spread": samples.spread(), "rounds": samples.all(),
                });
                (metric.key(), figure)
            });
            (entry.contender.label().to_owned(), Value::Object(figures.collect()))
        });
        json!({
            "case": case.key, "title": case.title, "main": case.main.key(), "notes": case.notes,
            "contenders": Value::Object(entries.collect()),
        })
    });
    let targets = targets.iter().map(|target| {
        json!({
            "target": target.text, "floor": target.floor, "aim": target.aim, "measured": target.measured,
            "verdict": format!("{:?}", target.verdict()),
        })
    });
    let set_up = Contender::ALL.map(|it| (it.label().to_owned(), Value::from(it.settings())));
    json!({
        "machine": machine, "settings": settings, "set_up": Value::Object(set_up.into_iter().collect()),
        "cases": cases.collect::<Vec<_>>(), "targets": targets.collect::<Vec<_>>(),
    })
}

/// Text in lines of 80 columns.
pub fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines.push('\n');
    lines
}

fn has_rounds(case: &Case) -> bool {
    let of_main = case.entries.iter().filter_map(|entry| entry.figures.get(&case.main));
    case.main != Metric::Kept && of_main.into_iter().any(|samples| samples.all().len() > 1)
}

fn short(contender: Contender) -> &'static str {
    contender.argument()
}

const WIDTH: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Entry;

    #[test]
    fn columns_are_aligned_and_the_first_is_a_name() {
        let mut table = Table::new(["", "calls/s"].map(str::to_owned).to_vec());
        table.row(["tonic", "9"].map(str::to_owned).to_vec());
        assert_eq!(table.text(), "       calls/s\n──────────────\ntonic        9\n");
    }

    #[test]
    fn a_case_shows_medians_their_spread_and_ratios_to_each_peer() {
        let mut ours = Entry::new(Contender::Http);
        let mut theirs = Entry::new(Contender::Tonic);
        for (our, their) in [(3000.0, 300.0), (1600.0, 200.0), (2000.0, 100.0)] {
            ours.push([(Metric::Calls, our)]);
            theirs.push([(Metric::Calls, their)]);
        }
        let figures = Case {
            key: "case".into(),
            title: "a case".into(),
            main: Metric::Calls,
            columns: vec![Metric::Calls, Metric::P50],
            peers: vec![Contender::Tonic],
            entries: vec![ours, theirs],
            notes: vec!["a note".into()],
        };
        let text = case(&figures, true);
        assert!(text.contains("http+protobuf    2,000  50%    –    10.0\n"), "{text}");
        assert!(text.contains("tonic              200  50%    –       –\n"), "{text}");
        assert!(text.ends_with("a note\n"));
    }

    #[test]
    fn notes_are_broken_into_lines_of_80_columns() {
        let text = wrapped(&"word ".repeat(40));
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
