//! What is to be reached, and whether it is.

use crate::contender::Contender::{self, Bare, Http, Seam, Tarpc, Tcp, Tonic};
use crate::figures::{Case, Metric, grouped, percent, three_digits};

/// A figure that is to be reached.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is of.
    pub text: &'static str,
    /// In which direction.
    pub sense: Sense,
    /// What it is counted in.
    pub unit: Unit,
    /// What is due.
    pub floor: f64,
    /// What is hoped for.
    pub aim: Option<f64>,
    /// What was measured, if it was.
    pub measured: Option<f64>,
}

/// Which figures are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// High ones.
    AtLeast,
    /// Low ones.
    AtMost,
}

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A ratio.
    Times,
    /// A part of a whole.
    Part,
    /// Whole things.
    Count,
    /// Things, on average.
    Mean,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What was hoped for, or all that was due where nothing more is.
    Aim,
    /// What was due.
    Floor,
    /// Less than that.
    Missed,
    /// It was not measured in this run.
    NotMeasured,
}

impl Target {
    /// Whether it is reached.
    pub fn verdict(&self) -> Verdict {
        let Some(measured) = self.measured else { return Verdict::NotMeasured };
        let reaches = |bound: f64| match self.sense {
            Sense::AtLeast => measured >= bound,
            Sense::AtMost => measured <= bound,
        };
        match self.aim {
            Some(aim) if reaches(aim) => Verdict::Aim,
            _ if !reaches(self.floor) => Verdict::Missed,
            Some(_) => Verdict::Floor,
            None => Verdict::Aim,
        }
    }

    /// A bound as it is shown.
    pub fn bound(&self, bound: f64) -> String {
        let sign = if self.sense == Sense::AtLeast { "≥" } else { "≤" };
        let text = match self.unit {
            // As it was written down, without zeros behind it.
            Unit::Times | Unit::Mean => format!("{bound}"),
            unit => unit.text(bound),
        };
        format!("{sign} {text}")
    }
}

impl Unit {
    /// A figure as it is shown.
    pub fn text(self, figure: f64) -> String {
        match self {
            Self::Times | Self::Mean => three_digits(figure),
            Self::Part => percent(figure),
            Self::Count => grouped(figure),
        }
    }
}

/// All targets, with what is known from these cases.
pub fn targets(cases: &[Case]) -> Vec<Target> {
    let case = |key: &str| cases.iter().find(|case| case.key == key);
    let ratio = |key, of, to, metric| case(key)?.ratio(of, to, metric);
    let calls = |key, of, to| ratio(key, of, to, Metric::Calls);
    let median = |key, contender: Contender, metric| case(key)?.samples(contender, metric)?.median();
    let at_least = |text, floor, aim, measured| Target {
        text,
        sense: Sense::AtLeast,
        unit: Unit::Times,
        floor,
        aim: Some(aim),
        measured,
    };
    let at_most =
        |text, floor, aim, measured| Target { sense: Sense::AtMost, ..at_least(text, floor, aim, measured) };
    let part = |target: Target| Target { unit: Unit::Part, ..target };
    let count = |target: Target| Target { unit: Unit::Count, ..target };
    let mean = |target: Target| Target { unit: Unit::Mean, ..target };
    // 34 is what 32 bytes of data are as a protobuf message: tag, length, data.
    let wire = 64.0 + 34.0 + 34.0;
    vec![
        at_least("unary 32 B, 1×100: http / tonic", 8.0, 15.0, calls("unary-32-1x100", Http, Tonic)),
        at_least("unary 32 B, 1×100: http / tarpc", 1.5, 3.0, calls("unary-32-1x100", Http, Tarpc)),
        at_least("unary 32 B, 1×100: tcp / tarpc", 2.5, 5.0, calls("unary-32-1x100", Tcp, Tarpc)),
        at_least(
            "h2load, server CPU: tonic / http",
            8.0,
            15.0,
            ratio("h2load", Tonic, Http, Metric::ServerCpu),
        ),
        at_least("unary 32 B, 100×1: http / tonic", 1.5, 2.0, calls("unary-32-100x1", Http, Tonic)),
        at_least("unary 1 KiB, 1×100: http / tonic", 6.0, 10.0, calls("unary-1024-1x100", Http, Tonic)),
        at_most("p50 of one call: http / bare TCP", 1.25, 1.1, ratio("latency", Http, Bare, Metric::P50)),
        at_most("p50 of one call: http / tonic", 0.5, 0.35, ratio("latency", Http, Tonic, Metric::P50)),
        at_least("stream of 32 B: http / tonic", 4.0, 8.0, ratio("stream", Http, Tonic, Metric::Messages)),
        part(at_least(
            "64 KiB down: http / bare TCP",
            0.75,
            0.9,
            ratio("bulk-down", Http, Bare, Metric::Megabytes),
        )),
        at_least("64 KiB down: http / tonic", 1.5, 2.0, ratio("bulk-down", Http, Tonic, Metric::Megabytes)),
        part(at_least(
            "64 KiB up: http / bare TCP",
            0.75,
            0.9,
            ratio("bulk-up", Http, Bare, Metric::Megabytes),
        )),
        at_least("64 KiB up: http / tonic", 1.5, 2.0, ratio("bulk-up", Http, Tonic, Metric::Megabytes)),
        Target {
            aim: None,
            ..count(at_most(
                "bytes of a warm call, 64 + N + M",
                wire,
                wire,
                median("wire", Http, Metric::CallBytes),
            ))
        },
        mean(at_most(
            "allocations in transport, client",
            2.0,
            0.0,
            median("allocations", Seam, Metric::ClientAllocations(100)),
        )),
        mean(at_most(
            "allocations in transport, server",
            2.0,
            0.0,
            median("allocations", Seam, Metric::ServerAllocations(100)),
        )),
        count(at_most(
            "heap of an idle connection, bytes",
            8192.0,
            2048.0,
            median("idle", Http, Metric::IdleHeap),
        )),
        part(Target {
            aim: None,
            ..at_least(
                "kept as calls in flight grow: http",
                0.8,
                0.8,
                median("in-flight", Http, Metric::Kept),
            )
        }),
        part(Target {
            aim: None,
            ..at_least("kept as connections grow: http", 0.8, 0.8, median("connections", Http, Metric::Kept))
        }),
        at_most(
            "packages of a service: http / tonic",
            0.99,
            0.5,
            ratio("build", Http, Tonic, Metric::Dependencies),
        ),
        at_most(
            "clean release build: http / tonic",
            0.6,
            0.4,
            ratio("build", Http, Tonic, Metric::BuildSeconds),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(sense: Sense, measured: Option<f64>) -> Target {
        let (floor, aim) = if sense == Sense::AtLeast { (8.0, 15.0) } else { (15.0, 8.0) };
        Target { text: "a target", sense, unit: Unit::Times, floor, aim: Some(aim), measured }
    }

    #[test]
    fn a_target_is_met_at_its_bounds() {
        for sense in [Sense::AtLeast, Sense::AtMost] {
            let (floor, aim) = (target(sense, None).floor, target(sense, None).aim);
            assert_eq!(target(sense, aim).verdict(), Verdict::Aim);
            assert_eq!(target(sense, Some(10.0)).verdict(), Verdict::Floor);
            assert_eq!(target(sense, Some(floor)).verdict(), Verdict::Floor);
        }
        assert_eq!(target(Sense::AtLeast, Some(7.99)).verdict(), Verdict::Missed);
        assert_eq!(target(Sense::AtMost, Some(15.01)).verdict(), Verdict::Missed);
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert_eq!(target(Sense::AtLeast, None).verdict(), Verdict::NotMeasured);
        assert!(targets(&[]).iter().all(|target| target.verdict() == Verdict::NotMeasured));
    }

    #[test]
    fn bounds_are_shown_as_they_were_written() {
        assert_eq!(target(Sense::AtLeast, None).bound(8.0), "≥ 8");
        assert_eq!(target(Sense::AtMost, None).bound(1.25), "≤ 1.25");
    }
}
