//! Charts, as SVG that can be read on light and on dark ground.

use std::fmt::Write;

use crate::contender::Contender;
use crate::figures::{Case, Metric, grouped, three_digits};

/// A chart and its name as a file.
#[derive(Debug)]
pub struct Chart {
    /// Without an ending.
    pub name: String,
    /// The SVG.
    pub svg: String,
}

/// Bars that lie, one below the other, in groups.
struct Bars<'a> {
    title: &'a str,
    groups: Vec<(String, Vec<Bar>)>,
}

struct Bar {
    contender: Contender,
    figure: f64,
    /// The lowest and the highest of the rounds.
    range: Option<(f64, f64)>,
    text: String,
}

/// Lines over axes on which each step is ten times the one before.
struct Lines<'a> {
    title: &'a str,
    across: &'a str,
    up: &'a str,
    /// Whether the numbers across are few and stand where they are, in order.
    ticks: Vec<f64>,
    series: Vec<(Contender, Vec<(f64, f64)>)>,
}

/// All charts that these cases are enough for.
pub fn charts(cases: &[Case], subtitle: &str) -> Vec<Chart> {
    let find = |keys: &[&str]| -> Vec<&Case> {
        keys.iter().filter_map(|key| cases.iter().find(|case| case.key == *key)).collect()
    };
    let mut charts = Vec::new();
    let bars = [
        ("unary", "Unary calls a second", &["unary-32-1x100", "unary-32-100x1", "unary-1024-1x100"][..]),
        ("stream", "Messages of 32 B a second, in one call", &["stream"]),
        ("bulk", "Messages of 64 KiB: MB/s", &["bulk-down", "bulk-up"]),
        ("h2load", "Time of the server on a processor for each call, in µs", &["h2load"]),
        ("idle", "Heap that a server holds for an idle connection, in bytes", &["idle"]),
        ("wire", "Bytes of a warm unary call with 32 B each way", &["wire"]),
    ];
    for (name, title, keys) in bars {
        let groups = find(keys).into_iter().map(|case| (case.title.clone(), bars_of(case, case.main)));
        push_bars(&mut charts, name, title, groups.collect(), subtitle);
    }
    if let [latency] = find(&["latency"])[..] {
        let groups = [(Metric::P50, "p50"), (Metric::P99, "p99"), (Metric::P999, "p99.9")];
        let groups = groups.map(|(metric, name)| (name.to_owned(), bars_of(latency, metric)));
        push_bars(&mut charts, "latency", "One call at a time: µs", groups.into(), subtitle);
    }
    if let [allocations] = find(&["allocations"])[..] {
        let groups = [(Metric::ClientAllocations(100), "client"), (Metric::ServerAllocations(100), "server")];
        let groups = groups.map(|(metric, name)| (name.to_owned(), bars_of(allocations, metric)));
        push_bars(&mut charts, "allocations", "Allocations of a unary call", groups.into(), subtitle);
    }
    for (name, title, across) in [
        ("in-flight", "Calls a second as calls in flight grow, on 1 connection", "calls in flight"),
        ("connections", "Calls a second as connections grow, 1 call on each", "connections"),
    ] {
        if let [case] = find(&[name])[..] {
            let series = case.entries.iter().map(|entry| {
                let points = entry.figures.iter().filter_map(|(metric, samples)| match metric {
                    Metric::CallsAt(count) => Some((f64::from(*count), samples.median()?)),
                    _ => None,
                });
                (entry.contender, points.collect())
            });
            let ticks = vec![1.0, 10.0, 100.0, 1_000.0];
            let lines = Lines { title, across, up: "calls/s", ticks, series: series.collect() };
            charts.push(Chart { name: name.to_owned(), svg: lines.svg(subtitle) });
        }
    }
    let planned = find(&["planned-50", "planned-70", "planned-90"]);
    if let [first, ..] = planned[..] {
        let series = first.entries.iter().map(|entry| {
            let at = |(part, case): (f64, &&Case)| {
                Some((part, case.samples(entry.contender, Metric::P99)?.median()?))
            };
            (entry.contender, [50.0, 70.0, 90.0].into_iter().zip(&planned).filter_map(at).collect())
        });
        let lines = Lines {
            title: "p99 of calls at planned times",
            across: "% of the contender's own peak",
            up: "µs",
            ticks: vec![50.0, 70.0, 90.0],
            series: series.collect(),
        };
        charts.push(Chart { name: "planned".to_owned(), svg: lines.svg(subtitle) });
    }
    charts
}

fn push_bars(
    charts: &mut Vec<Chart>,
    name: &str,
    title: &str,
    groups: Vec<(String, Vec<Bar>)>,
    subtitle: &str,
) {
    let groups: Vec<_> = groups.into_iter().filter(|(_, bars)| !bars.is_empty()).collect();
    if !groups.is_empty() {
        charts.push(Chart { name: name.to_owned(), svg: Bars { title, groups }.svg(subtitle) });
    }
}

fn bars_of(case: &Case, metric: Metric) -> Vec<Bar> {
    let bar = |entry: &crate::figures::Entry| {
        let samples = entry.figures.get(&metric)?;
        let all = samples.all();
        let range = (all.len() > 1).then(|| {
            (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(0.0, f64::max))
        });
        let figure = samples.median()?;
        Some(Bar { contender: entry.contender, figure, range, text: metric.text(figure) })
    };
    case.entries.iter().filter_map(bar).collect()
}

impl Bars<'_> {
    fn svg(&self, subtitle: &str) -> String {
        let heights = self.groups.iter().map(|(_, bars)| GROUP_HEAD + bars.len() as f64 * BAR_STEP);
        let height = HEAD + heights.sum::<f64>() + 16.0;
        let most = |bar: &Bar| bar.range.map_or(bar.figure, |(_, highest)| highest.max(bar.figure));
        let mut body = String::new();
        let mut y = HEAD;
        for (name, bars) in &self.groups {
            // Each group has its own scale: what is compared stands in one group.
            let most = bars.iter().map(most).fold(f64::MIN_POSITIVE, f64::max);
            let scale = (WIDTH - LEFT - 120.0) / most;
            text(&mut body, 16.0, y + 18.0, "start", "strong", name);
            y += GROUP_HEAD;
            for bar in bars {
                let middle = y + BAR_STEP / 2.0;
                let length = (bar.figure * scale).max(1.0);
                text(&mut body, LEFT - 8.0, middle + 4.0, "end", "", bar.contender.label());
                let _ = writeln!(
                    body,
                    "<rect x='{LEFT}' y='{:.1}' width='{length:.1}' height='16' rx='2' class='{}'/>",
                    middle - 8.0,
                    class(bar.contender)
                );
                let mut end = LEFT + length;
                if let Some((lowest, highest)) = bar.range {
                    let (from, to) = (LEFT + lowest * scale, LEFT + highest * scale);
                    let _ = writeln!(body, "<path d='M{from:.1} {middle:.1}H{to:.1}' class='range'/>");
                    end = end.max(to);
                }
                text(&mut body, end + 6.0, middle + 4.0, "start", "", &bar.text);
                y += BAR_STEP;
            }
        }
        framed(self.title, subtitle, height, &body)
    }
}

impl Lines<'_> {
    fn svg(&self, subtitle: &str) -> String {
        let height = 440.0;
        let (left, right, top, bottom) = (96.0, WIDTH - 130.0, HEAD + 24.0, height - 52.0);
        let points = || self.series.iter().flat_map(|(_, points)| points.iter());
        let lowest = points().map(|(_, y)| *y).fold(f64::INFINITY, f64::min).max(1e-3);
        let highest = points().map(|(_, y)| *y).fold(lowest, f64::max);
        let (low, high) = (lowest.log10().floor(), highest.log10().ceil().max(lowest.log10().floor() + 1.0));
        let across = |x: f64| {
            let (first, last) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
            let part = if last / first < 10.0 {
                (x - first) / (last - first)
            } else {
                (x / first).ln() / (last / first).ln()
            };
            left + part * (right - left)
        };
        let up = |y: f64| bottom - (y.max(1e-3).log10() - low) / (high - low) * (bottom - top);
        let mut body = String::new();
        text(&mut body, left, top - 12.0, "end", "weak", self.up);
        for power in low as i32..=high as i32 {
            let y = up(10_f64.powi(power));
            let _ = writeln!(body, "<path d='M{left} {y:.1}H{right}' class='grid'/>");
            let figure = 10_f64.powi(power);
            let figure = if power < 0 { three_digits(figure) } else { grouped(figure) };
            text(&mut body, left - 8.0, y + 4.0, "end", "weak", &figure);
        }
        for tick in &self.ticks {
            text(&mut body, across(*tick), bottom + 20.0, "middle", "weak", &grouped(*tick));
        }
        text(&mut body, (left + right) / 2.0, bottom + 40.0, "middle", "weak", self.across);
        let mut labels = Vec::new();
        for (contender, points) in self.series.iter().filter(|(_, points)| !points.is_empty()) {
            let class = class(*contender);
            let steps: Vec<_> =
                points.iter().map(|(x, y)| format!("{:.1} {:.1}", across(*x), up(*y))).collect();
            let _ = writeln!(body, "<path d='M{}' class='line {class}'/>", steps.join("L"));
            for (x, y) in points {
                let _ = writeln!(
                    body,
                    "<circle cx='{:.1}' cy='{:.1}' r='3' class='{class}'/>",
                    across(*x),
                    up(*y)
                );
            }
            labels.push((points.last().map_or(bottom, |(_, y)| up(*y)), contender.label()));
        }
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = f64::MIN;
        for (y, label) in labels {
            // One below the other, where the lines end too close.
            let y = y.max(free);
            text(&mut body, right + 8.0, y + 4.0, "start", "", label);
            free = y + 16.0;
        }
        framed(self.title, subtitle, height, &body)
    }
}

fn framed(title: &str, subtitle: &str, height: f64, body: &str) -> String {
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height:.0}' \
         viewBox='0 0 {WIDTH} {height:.0}' role='img'>\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <rect width='100%' height='100%' class='ground'/>\n",
        escaped(title)
    );
    text(&mut svg, 16.0, 28.0, "start", "title", title);
    text(&mut svg, 16.0, 48.0, "start", "weak", subtitle);
    svg.push_str(body);
    svg.push_str("</svg>\n");
    svg
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
    let text = escaped(text);
    let _ = writeln!(svg, "<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}' class='{class}'>{text}</text>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn class(contender: Contender) -> &'static str {
    match contender {
        Contender::Http | Contender::Seam => "http",
        Contender::Tcp => "tcp",
        Contender::Tonic | Contender::TonicChannel => "tonic",
        Contender::Tarpc => "tarpc",
        Contender::Bare => "bare",
    }
}

const WIDTH: f64 = 760.0;
const HEAD: f64 = 60.0;
const LEFT: f64 = 130.0;
const GROUP_HEAD: f64 = 30.0;
const BAR_STEP: f64 = 24.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:17px;font-weight:600}.strong{font-weight:600}\
.weak{fill:#59636e;font-size:12px}.ground{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1}\
.range{stroke:#1f2328;stroke-width:1.5;opacity:.6}.http{fill:#0969da;stroke:#0969da}.tcp{fill:#54aeff;stroke:#54aeff}\
.tonic{fill:#bc4c00;stroke:#bc4c00}.tarpc{fill:#8250df;stroke:#8250df}.bare{fill:#8c959f;stroke:#8c959f}\
rect{stroke:none}.line{fill:none;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.weak{fill:#9198a1}.ground{fill:#0d1117}.grid{stroke:#3d444d}\
.range{stroke:#f0f6fc}.http{fill:#4493f8;stroke:#4493f8}.tcp{fill:#a5d6ff;stroke:#a5d6ff}\
.tonic{fill:#f0883e;stroke:#f0883e}.tarpc{fill:#ab7df8;stroke:#ab7df8}.line{fill:none}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Entry;

    #[test]
    fn a_bar_is_as_long_as_its_figure_says() {
        let mut ours = Entry::new(Contender::Http);
        let mut theirs = Entry::new(Contender::Tonic);
        ours.push([(Metric::Messages, 400.0)]);
        theirs.push([(Metric::Messages, 100.0)]);
        let case = Case {
            key: "stream".into(),
            title: "a < b & c".into(),
            main: Metric::Messages,
            columns: vec![Metric::Messages],
            peers: Vec::new(),
            entries: vec![ours, theirs],
            notes: Vec::new(),
        };
        let charts = charts(&[case], "a machine");
        let [chart] = &charts[..] else { panic!("one chart, not {charts:?}") };
        assert_eq!(chart.name, "stream");
        assert!(chart.svg.contains("width='510.0' height='16' rx='2' class='http'"), "{}", chart.svg);
        assert!(chart.svg.contains("width='127.5' height='16' rx='2' class='tonic'"));
        assert!(chart.svg.contains("a &lt; b &amp; c"), "what is a sign of SVG is escaped");
    }

    #[test]
    fn nothing_is_drawn_of_what_was_not_measured() {
        assert!(charts(&[], "a machine").is_empty());
    }
}
