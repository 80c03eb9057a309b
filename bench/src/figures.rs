//! What has been measured.

use std::collections::BTreeMap;

use crate::contender::Contender;
use crate::load::Window;
use crate::samples::Samples;

/// Something that is measured of a contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Unary calls a second.
    Calls,
    /// Unary calls a second, with so many calls or connections.
    CallsAt(u32),
    /// The lowest of these figures from the best one on, as a part of the best one.
    Kept,
    /// Messages of a stream a second.
    Messages,
    /// Millions of bytes of data a second.
    Megabytes,
    /// Calls a second that were planned.
    Planned,
    /// The part of the planned calls that was made.
    Reached,
    /// Microseconds on a processor for each call, of the client.
    ClientCpu,
    /// The same of the server.
    ServerCpu,
    /// Half of the calls take this long at most, in microseconds.
    P50,
    /// 99 % do.
    P99,
    /// 99.9 % do.
    P999,
    /// Bytes to the server for each call.
    RequestBytes,
    /// Bytes to the client for each call.
    ReplyBytes,
    /// Bytes both ways for each call: the median of many.
    CallBytes,
    /// Bytes both ways for each call: the mean of as many.
    MeanBytes,
    /// Allocations for each call of the client, with so many calls in flight.
    ClientAllocations(u32),
    /// The same of the server.
    ServerAllocations(u32),
    /// System calls for each call of the client, with so many calls in flight.
    ClientSystemCalls(u32),
    /// The same of the server.
    ServerSystemCalls(u32),
    /// Bytes of heap that a server holds for an idle connection.
    IdleHeap,
    /// Bytes of memory that it grows by.
    IdleResident,
    /// Packages that a program consists of.
    Dependencies,
    /// Seconds that building it takes.
    BuildSeconds,
    /// Instructions for each call, with so many calls in flight.
    Instructions(u32),
}

/// What has been measured of each contender, in one situation.
#[derive(Clone, Debug)]
pub struct Case {
    /// A short name, for programs.
    pub key: String,
    /// What the situation is.
    pub title: String,
    /// What tells most.
    pub main: Metric,
    /// What is shown.
    pub columns: Vec<Metric>,
    /// To whom the main figure is compared.
    pub peers: Vec<Contender>,
    /// The contenders.
    pub entries: Vec<Entry>,
    /// What a reader must know, and how many bytes `N` and `M` are, say.
    pub notes: Vec<String>,
}

/// What has been measured of one of them.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The contender.
    pub contender: Contender,
    /// The figures of all rounds.
    pub figures: BTreeMap<Metric, Samples>,
}

impl Case {
    /// What was measured of this contender.
    pub fn samples(&self, contender: Contender, metric: Metric) -> Option<&Samples> {
        let entry = self.entries.iter().find(|entry| entry.contender == contender)?;
        entry.figures.get(&metric)
    }

    /// The ratio of two contenders, round by round.
    pub fn ratio(&self, of: Contender, to: Contender, metric: Metric) -> Option<f64> {
        self.samples(of, metric)?.ratio(self.samples(to, metric)?)
    }
}

impl Entry {
    /// Nothing yet.
    pub fn new(contender: Contender) -> Self {
        Self { contender, figures: BTreeMap::new() }
    }

    /// The figures of one more round.
    pub fn push(&mut self, figures: impl IntoIterator<Item = (Metric, f64)>) {
        for (metric, figure) in figures {
            self.figures.entry(metric).or_default().push(figure);
        }
    }

    /// From figures of [`Metric::CallsAt`]: what is kept of the best one as there are more.
    pub fn push_kept(&mut self) {
        let steps = self.figures.iter().filter(|(metric, _)| matches!(metric, Metric::CallsAt(_)));
        let medians: Vec<f64> = steps.filter_map(|(_, samples)| samples.median()).collect();
        if let Some(kept) = kept(&medians) {
            self.push([(Metric::Kept, kept)]);
        }
    }
}

/// The lowest figure from the highest on, as a part of the highest.
fn kept(figures: &[f64]) -> Option<f64> {
    let best = figures.iter().copied().fold(0.0, f64::max);
    let at = figures.iter().position(|figure| *figure == best).filter(|_| best > 0.0)?;
    Some(figures[at..].iter().copied().fold(best, f64::min) / best)
}

impl Window {
    /// Its figures, where what was done was unary calls.
    pub fn of_calls(&self) -> Vec<(Metric, f64)> {
        let mut figures = vec![(Metric::Calls, self.each_second())];
        figures.extend(self.cpu());
        figures.extend(self.quantiles());
        figures
    }

    /// Its figures, where what was done was messages of so many bytes.
    pub fn of_messages(&self, size: usize) -> Vec<(Metric, f64)> {
        let megabytes = self.each_second() * size as f64 / 1e6;
        let mut figures = vec![(Metric::Messages, self.each_second()), (Metric::Megabytes, megabytes)];
        figures.extend(self.cpu());
        figures
    }

    /// How much was done in a second.
    pub fn each_second(&self) -> f64 {
        self.done as f64 / self.length.as_secs_f64()
    }

    /// How long calls took.
    pub fn quantiles(&self) -> Vec<(Metric, f64)> {
        if self.latencies.is_empty() {
            return Vec::new();
        }
        let at = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e3;
        vec![(Metric::P50, at(0.5)), (Metric::P99, at(0.99)), (Metric::P999, at(0.999))]
    }

    fn cpu(&self) -> Vec<(Metric, f64)> {
        let each = |cpu: std::time::Duration| cpu.as_secs_f64() * 1e6 / self.done.max(1) as f64;
        let client = self.client_cpu.map(|cpu| (Metric::ClientCpu, each(cpu)));
        let server = self.server_cpu.map(|cpu| (Metric::ServerCpu, each(cpu)));
        client.into_iter().chain(server).collect()
    }
}

impl Metric {
    /// Over which column it stands.
    pub fn heading(self) -> String {
        match self {
            Self::Calls => "calls/s".into(),
            Self::CallsAt(count) => grouped(f64::from(count)),
            Self::Kept => "kept".into(),
            Self::Messages => "messages/s".into(),
            Self::Megabytes => "MB/s".into(),
            Self::Planned => "planned/s".into(),
            Self::Reached => "made".into(),
            Self::ClientCpu => "client".into(),
            Self::ServerCpu => "server".into(),
            Self::P50 => "p50".into(),
            Self::P99 => "p99".into(),
            Self::P999 => "p99.9".into(),
            Self::RequestBytes => "request".into(),
            Self::ReplyBytes => "reply".into(),
            Self::CallBytes => "call".into(),
            Self::MeanBytes => "mean".into(),
            Self::ClientAllocations(count) | Self::ClientSystemCalls(count) => format!("client ×{count}"),
            Self::ServerAllocations(count) | Self::ServerSystemCalls(count) => format!("server ×{count}"),
            Self::IdleHeap => "heap".into(),
            Self::IdleResident => "resident".into(),
            Self::Dependencies => "packages".into(),
            Self::BuildSeconds => "build, s".into(),
            Self::Instructions(count) => format!("×{count}"),
        }
    }

    /// A figure as it is shown.
    pub fn text(self, figure: f64) -> String {
        match self {
            Self::Kept | Self::Reached => percent(figure),
            Self::ClientAllocations(_) | Self::ServerAllocations(_) => format!("{figure:.2}"),
            Self::ClientSystemCalls(_) | Self::ServerSystemCalls(_) => format!("{figure:.2}"),
            Self::MeanBytes | Self::BuildSeconds => format!("{figure:.1}"),
            Self::RequestBytes | Self::ReplyBytes | Self::CallBytes | Self::Dependencies => grouped(figure),
            _ => three_digits(figure),
        }
    }

    /// What it is called in JSON.
    pub fn key(self) -> String {
        let (name, at) = match self {
            Self::Calls => ("calls_per_second", None),
            Self::CallsAt(count) => ("calls_per_second", Some(count)),
            Self::Kept => ("kept_of_the_best", None),
            Self::Messages => ("messages_per_second", None),
            Self::Megabytes => ("megabytes_per_second", None),
            Self::Planned => ("planned_calls_per_second", None),
            Self::Reached => ("made_of_the_planned", None),
            Self::ClientCpu => ("client_cpu_microseconds", None),
            Self::ServerCpu => ("server_cpu_microseconds", None),
            Self::P50 => ("p50_microseconds", None),
            Self::P99 => ("p99_microseconds", None),
            Self::P999 => ("p99_9_microseconds", None),
            Self::RequestBytes => ("request_bytes", None),
            Self::ReplyBytes => ("reply_bytes", None),
            Self::CallBytes => ("call_bytes_median", None),
            Self::MeanBytes => ("call_bytes_mean", None),
            Self::ClientAllocations(count) => ("client_allocations_per_call", Some(count)),
            Self::ServerAllocations(count) => ("server_allocations_per_call", Some(count)),
            Self::ClientSystemCalls(count) => ("client_system_calls_per_call", Some(count)),
            Self::ServerSystemCalls(count) => ("server_system_calls_per_call", Some(count)),
            Self::IdleHeap => ("heap_bytes_per_idle_connection", None),
            Self::IdleResident => ("resident_bytes_per_idle_connection", None),
            Self::Dependencies => ("packages", None),
            Self::BuildSeconds => ("build_seconds", None),
            Self::Instructions(count) => ("instructions_per_call", Some(count)),
        };
        at.map_or_else(|| name.to_owned(), |at| format!("{name}_at_{at}"))
    }
}

/// Three digits that say something.
pub fn three_digits(figure: f64) -> String {
    match figure.abs() {
        size if size >= 99.95 => grouped(figure),
        size if size >= 9.995 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// A whole number, in groups of three digits.
pub fn grouped(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut text = if figure < -0.5 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole.
pub fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_three_digits_or_in_groups() {
        assert_eq!(three_digits(1.234), "1.23");
        assert_eq!(three_digits(12.34), "12.3");
        assert_eq!(three_digits(99.96), "100");
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(-1000.0), "-1,000");
        assert_eq!(percent(0.806), "81 %");
    }

    #[test]
    fn what_is_kept_counts_from_the_best_figure_on() {
        assert_eq!(kept(&[10.0, 100.0, 80.0, 90.0]), Some(0.8));
        assert_eq!(kept(&[10.0, 100.0]), Some(1.0), "what is slow before the best does not count");
        assert_eq!(kept(&[]), None);
    }

    #[test]
    fn a_ratio_of_two_contenders_is_that_of_their_rounds() {
        let mut ours = Entry::new(Contender::Http);
        let mut theirs = Entry::new(Contender::Tonic);
        for (our, their) in [(30.0, 3.0), (8.0, 1.0), (36.0, 3.0)] {
            ours.push([(Metric::Calls, our)]);
            theirs.push([(Metric::Calls, their)]);
        }
        let case = Case {
            key: "case".into(),
            title: "a case".into(),
            main: Metric::Calls,
            columns: vec![Metric::Calls],
            peers: vec![Contender::Tonic],
            entries: vec![ours, theirs],
            notes: Vec::new(),
        };
        assert_eq!(case.ratio(Contender::Http, Contender::Tonic, Metric::Calls), Some(10.0));
        assert_eq!(case.ratio(Contender::Http, Contender::Tarpc, Metric::Calls), None);
    }
}
