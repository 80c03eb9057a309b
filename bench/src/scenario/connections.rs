//! From one to a thousand: calls in flight, connections, and connections on which nothing happens.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Run, allocations};
use crate::contender::{Client, Contender, Drive, Failure, Sizes};
use crate::figures::{Case, Entry, Metric};
use crate::load::{ClosedLoop, Under};
use crate::process::ServerProcess;

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    Ok(vec![
        growing(run, "in-flight", "calls/s, 32 B: 1 connection, so many calls in flight", |n| (1, n))?,
        growing(run, "connections", "calls/s, 32 B: so many connections, 1 call on each", |n| (n, 1))?,
        idle(run)?,
    ])
}

fn growing(
    run: &Run,
    key: &str,
    title: &str,
    situation: fn(usize) -> (usize, usize),
) -> Result<Case, Failure> {
    let sizes = Sizes::of(32);
    let steps = if run.quick { &STEPS[..2] } else { &STEPS };
    let mut entries = run.in_turns(title, &Contender::ALL, run.rounds_up_to(3), |contender, server| {
        let under = Under { length: run.length / 2, ..run.under(server) };
        let mut figures = Vec::new();
        for &count in steps {
            let (connections, in_flight) = situation(count);
            let load = ClosedLoop { under, connections, in_flight, sizes, timed_one_in: u64::MAX };
            figures.push((Metric::CallsAt(count as u32), contender.drive(load)?.each_second()));
        }
        Ok(figures)
    })?;
    entries.iter_mut().for_each(Entry::push_kept);
    let mut columns: Vec<_> = steps.iter().map(|count| Metric::CallsAt(*count as u32)).collect();
    columns.push(Metric::Kept);
    Ok(Case {
        key: key.into(),
        title: title.into(),
        main: Metric::Kept,
        columns,
        peers: Vec::new(),
        entries,
        notes: vec!["kept: the lowest figure from the best one on, as a part of the best one.".into()],
    })
}

/// What a server holds for a connection that has had one call.
fn idle(run: &Run) -> Result<Case, Failure> {
    let connections = if run.quick { 10 } else { 1_000 };
    let title = format!("what a server holds for each of {connections} idle connections, in bytes");
    let counting = allocations::counting_program();
    run.progress.expect(Contender::ALL.len());
    let mut entries = Vec::new();
    for contender in Contender::ALL {
        run.progress.begin(&format!("idle connections: {}", contender.label()));
        let mut entry = Entry::new(contender);
        let server = ServerProcess::start(&run.program, contender, run.cores.server)?;
        let mut growth = 0.0;
        held(contender, server.address, connections, &mut |before| {
            let resident = resident(server.id()).unwrap_or_default();
            growth = if before { -resident } else { growth + resident };
            Ok(())
        })?;
        if resident(server.id()).is_some() {
            entry.push([(Metric::IdleResident, growth / connections as f64)]);
        }
        if let Ok(counting) = &counting {
            let mut server = ServerProcess::start(counting, contender, run.cores.server)?;
            let address = server.address;
            let mut growth = 0;
            held(contender, address, connections, &mut |_| {
                growth = server.heap()?.unwrap_or_default().growth;
                Ok(())
            })?;
            entry.push([(Metric::IdleHeap, growth as f64 / connections as f64)]);
        }
        run.progress.end();
        entries.push(entry);
    }
    let mut notes =
        vec!["Each has had one call. resident: what the process grows by, by the page.".to_owned()];
    notes.extend(counting.err().map(|failure| format!("heap: not measured here: {failure}")));
    Ok(Case {
        key: "idle".into(),
        title,
        main: Metric::IdleHeap,
        columns: vec![Metric::IdleHeap, Metric::IdleResident],
        peers: vec![Contender::Tonic, Contender::Tarpc],
        entries,
        notes,
    })
}

/// Looks before the connections are made, and while they are idle.
fn held(
    contender: Contender,
    address: SocketAddr,
    connections: usize,
    look: &mut dyn FnMut(bool) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // What the first connection makes a server allocate for all is not counted.
    contender.drive(Idle { address, connections: 1, look: &mut || Ok(()) })?;
    look(true)?;
    contender.drive(Idle { address, connections, look: &mut || look(false) })
}

struct Idle<'a> {
    address: SocketAddr,
    connections: usize,
    look: &'a mut dyn FnMut() -> Result<(), Failure>,
}

impl Drive for Idle<'_> {
    type Output = Result<(), Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        let sizes = Sizes::of(32);
        let clients: Result<Vec<C>, Failure> = runtime.block_on(async {
            let mut clients = Vec::new();
            let request = C::request(sizes.data);
            for _ in 0..self.connections {
                let mut client = C::connect(self.address, sizes).await?;
                client.echo(&request).await?;
                clients.push(client);
            }
            // Acknowledgments and signs of life that follow the first call are over by then.
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(clients)
        });
        let clients = clients?;
        let looked = (self.look)();
        drop(clients);
        looked
    }
}

/// The memory of a process, in bytes, where the system says.
fn resident(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

const STEPS: [usize; 4] = [1, 10, 100, 1_000];
