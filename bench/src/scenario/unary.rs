//! Small calls, as many as there can be.

use super::{OF_CPU, Run, h2load};
use crate::contender::{Contender, Failure, Sizes};
use crate::figures::{Case, Metric};
use crate::load::ClosedLoop;

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    let situations = [
        ("unary-32-1x100", "unary, 32 B: 1 connection, 100 calls in flight", 1, 100, 32),
        ("unary-32-100x1", "unary, 32 B: 100 connections, 1 call in flight on each", 100, 1, 32),
        ("unary-1024-1x100", "unary, 1 KiB: 1 connection, 100 calls in flight", 1, 100, 1024),
    ];
    let mut cases = Vec::new();
    for (key, title, connections, in_flight, size) in situations {
        let entries = run.in_turns(title, &Contender::ALL, run.rounds, |contender, server| {
            let under = run.under(server);
            let sizes = Sizes::of(size);
            let load = ClosedLoop { under, connections, in_flight, sizes, timed_one_in: TIMED_ONE_IN };
            Ok(contender.drive(load)?.of_calls())
        })?;
        cases.push(Case {
            key: key.into(),
            title: title.into(),
            main: Metric::Calls,
            columns: COLUMNS.to_vec(),
            peers: vec![Contender::Tonic, Contender::Tarpc],
            entries,
            notes: vec![OF_CPU.into(), format!("p50 …: µs; one call in {TIMED_ONE_IN} is timed.")],
        });
    }
    cases.extend(h2load::measure(run)?);
    Ok(cases)
}

const COLUMNS: [Metric; 6] =
    [Metric::Calls, Metric::ClientCpu, Metric::ServerCpu, Metric::P50, Metric::P99, Metric::P999];

/// To read a clock costs as much as a twentieth of the fastest calls.
const TIMED_ONE_IN: u64 = 16;
