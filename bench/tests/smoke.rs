//! Every contender does what is measured of it. How fast it is, no test asks.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use bench::contender::{Client, Contender, Drive, Failure, Sizes};
use bench::cpu::Cores;
use bench::figures::Metric;
use bench::load::{ClosedLoop, Messages, OpenLoop, Under};
use bench::process::{Calls, Process, ServerProcess};
use bench::progress::Progress;
use bench::scenario::{Run, Scenario};
use tokio::runtime::Runtime;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");
const COUNTING: &str = env!("CARGO_BIN_EXE_counting");

fn server(contender: Contender) -> ServerProcess {
    ServerProcess::start(Path::new(BENCH), contender, None).unwrap()
}

/// The shortest time in which something is seen to happen.
fn under(server: &ServerProcess) -> Under {
    let moment = Duration::from_millis(20);
    Under { address: server.address, process: server.id(), warm_up: moment, length: moment }
}

struct Handful<'a>(&'a ServerProcess);

impl Drive for Handful<'_> {
    type Output = Result<(), Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        runtime.block_on(async {
            for size in [1, 32, 1024] {
                let mut client = C::connect(self.0.address, Sizes::of(size)).await?;
                let request = C::request(size);
                for _ in 0..3 {
                    assert_eq!(client.echo(&request).await?, size);
                }
            }
            Ok(())
        })
    }
}

#[test]
fn every_contender_gives_the_same_bytes_back() {
    for contender in Contender::ALL.into_iter().chain([Contender::Seam]) {
        contender.drive(Handful(&server(contender))).unwrap_or_else(|failure| {
            panic!("{}: {failure}", contender.label());
        });
    }
}

#[test]
fn many_calls_at_once_on_many_connections_all_end_well() {
    for contender in Contender::ALL {
        let server = server(contender);
        let sizes = Sizes::of(32);
        let load =
            ClosedLoop { under: under(&server), connections: 2, in_flight: 10, sizes, timed_one_in: 1 };
        let window = contender.drive(load).unwrap();
        assert!(window.length >= load.under.length);
    }
}

#[test]
fn calls_at_planned_times_are_timed_one_by_one() {
    for contender in Contender::RPC {
        let server = server(contender);
        let load = OpenLoop { under: under(&server), sizes: Sizes::of(32), rate: 1_000.0 };
        let window = contender.drive(load).unwrap();
        assert_eq!(window.latencies.len(), window.done, "{}", contender.label());
    }
}

#[test]
fn streams_carry_whole_messages_both_ways() {
    for contender in Contender::STREAMING.into_iter().chain([Contender::Bare]) {
        let server = server(contender);
        for up in [false, true] {
            // It fails by itself if the other side has counted other than this one.
            contender.drive(Messages { under: under(&server), size: 1024, up }).unwrap();
        }
    }
}

#[test]
fn a_contender_without_streams_says_so() {
    let server = server(Contender::Tarpc);
    let messages = Messages { under: under(&server), size: 32, up: false };
    assert_eq!(Contender::Tarpc.drive(messages).unwrap_err().0, "tarpc has no streams");
}

#[test]
fn the_program_that_counts_says_what_calls_allocate_on_each_side() {
    let counting = Path::new(COUNTING);
    let mut server = ServerProcess::start(counting, Contender::Tonic, None).unwrap();
    let calls = Calls { in_flight: 1, size: 32 };
    let mut caller = Process::caller(counting, Contender::Tonic, server.address, calls).unwrap();
    caller.ask(10).unwrap();
    server.heap().unwrap();
    let (few, of_few) = (caller.ask(10).unwrap().unwrap(), server.heap().unwrap().unwrap());
    let (many, of_many) = (caller.ask(1_000).unwrap().unwrap(), server.heap().unwrap().unwrap());
    assert!(
        of_few.allocations > 10 && of_many.allocations > 50 * of_few.allocations,
        "{of_few:?} {of_many:?}"
    );
    assert!(few.allocations > 10 && many.allocations > 50 * few.allocations, "{few:?} {many:?}");
}

#[test]
fn the_program_for_times_does_not_count() {
    assert!(server(Contender::Http).heap().unwrap().is_none());
}

#[test]
fn a_relay_counts_the_bytes_of_a_call() {
    let run = Run {
        rounds: 1,
        length: Duration::from_millis(20),
        quick: true,
        cores: Cores::default(),
        program: BENCH.into(),
        progress: Progress::new(),
    };
    let cases = Scenario::Wire.measure(&run).unwrap();
    let of = |contender, metric| cases[0].samples(contender, metric).unwrap().median().unwrap();
    for contender in Contender::RPC {
        let both = of(contender, Metric::RequestBytes) + of(contender, Metric::ReplyBytes);
        assert_eq!(of(contender, Metric::CallBytes), both, "{}", contender.label());
        assert!(both > 64.0, "the data alone is 64 bytes");
    }
}
