//! One call at a time; and calls at planned times, whatever became of those before.

use super::{Run, wire};
use crate::contender::{Contender, Failure, Sizes};
use crate::figures::{Case, Entry, Metric};
use crate::load::{ClosedLoop, OpenLoop, Under};

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    let mut cases = vec![one_at_a_time(run)?];
    cases.extend(at_planned_times(run)?);
    Ok(cases)
}

fn one_at_a_time(run: &Run) -> Result<Case, Failure> {
    let (request, reply) = wire::bytes_of_a_call(run, Contender::Http)?;
    let title = "one call at a time, 32 B";
    let entries = run.in_turns(title, &Contender::ALL, run.rounds, |contender, server| {
        let sizes = Sizes { data: 32, bare: (request, reply) };
        let under = run.under(server);
        let load = ClosedLoop { under, connections: 1, in_flight: 1, sizes, timed_one_in: 1 };
        Ok(contender.drive(load)?.of_calls())
    })?;
    let same = format!("bare TCP sends {request} bytes and gets {reply}, as http+protobuf does.");
    Ok(Case {
        key: "latency".into(),
        title: title.into(),
        main: Metric::P50,
        columns: [Metric::P50, Metric::P99, Metric::P999, Metric::ClientCpu, Metric::ServerCpu].to_vec(),
        peers: vec![Contender::Bare, Contender::Tonic, Contender::Tarpc],
        entries,
        notes: vec!["All in µs; client, server: time on a processor for each call.".into(), same],
    })
}

/// At parts of the rate that was found to be possible just before.
fn at_planned_times(run: &Run) -> Result<Vec<Case>, Failure> {
    let sizes = Sizes::of(32);
    // Each turn has the figures of all parts behind each other.
    let mut of_parts = PARTS.map(|_| Contender::RPC.map(Entry::new));
    run.in_turns("calls at planned times", &Contender::RPC, run.rounds, |contender, server| {
        let under = run.under(server);
        let short = Under { length: run.length / 2, ..under };
        let peak = ClosedLoop { under: short, connections: 1, in_flight: 100, sizes, timed_one_in: u64::MAX };
        let peak = contender.drive(peak)?.each_second();
        for (part, entries) in PARTS.iter().zip(&mut of_parts) {
            let rate = peak * part;
            let window = contender.drive(OpenLoop { under, sizes, rate })?;
            let mut figures = vec![(Metric::Planned, rate), (Metric::Reached, window.each_second() / rate)];
            figures.extend(window.quantiles());
            if let Some(entry) = entries.iter_mut().find(|entry| entry.contender == contender) {
                entry.push(figures);
            }
        }
        Ok(Vec::new())
    })?;
    let cases = PARTS.iter().zip(of_parts).map(|(part, entries)| {
        let part = part * 100.0;
        Case {
            key: format!("planned-{part:.0}"),
            title: format!("calls at planned times, 32 B, at {part:.0} % of each contender's own peak"),
            main: Metric::P99,
            columns: [Metric::Planned, Metric::Reached, Metric::P50, Metric::P99, Metric::P999].to_vec(),
            peers: vec![Contender::Tonic],
            entries: entries.into(),
            notes: vec![
                "p50 …: µs from the planned time on, so waiting for a turn counts. The peak is that of 1 \
                 connection with 100 calls in flight, just before. The client plans without sleeping, and has \
                 256 calls in flight at most."
                    .into(),
            ],
        }
    });
    Ok(cases.collect())
}

const PARTS: [f64; 3] = [0.5, 0.7, 0.9];
