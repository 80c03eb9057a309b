//! Steady calls to `Kv`, unary ones and streams, to see what becomes of them while one of the servers behind a proxy
//! goes away.
//!
//! ```text
//! cargo run -p interop --example load -- --connect http://127.0.0.1:8080
//! ```
//!
//! prints `steady` once a call of each kind has ended well, goes on until Ctrl-C or SIGTERM, lets the calls that are open
//! end, and prints how many there were. It increments a number that must not be there before, and looks whether each
//! increment was made once: by one server, or by two of which each has a number of its own. It exits with 0 if all calls
//! ended OK and so it was, 1 if not, 2 if its command line is wrong, and 3 if no connection could be made.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use client::CallOptions;
use kv::proto::{Change, DeleteRequest, Entry, IncrementRequest, KvClient};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use transport::{Code, Status};
use tutorial::signals::Signals;

/// Call a key-value store all the time, and say how it went
#[derive(Parser)]
#[command(name = "load", term_width = 80)]
struct Args {
    /// Where the server is, or the proxy
    #[arg(long, value_name = "ADDRESS")]
    connect: String,
    /// The number that is incremented
    #[arg(long, value_name = "KEY", default_value = "hits")]
    key: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let (kv, mut signals) = match begin(&args.connect).await {
        Ok(begun) => begun,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(3);
        }
    };
    let ending = watch::Sender::new(false);
    let mut steady = Vec::new();
    let mut workers = JoinSet::new();
    for (number, kind) in (0..).zip(KINDS) {
        let (first, has_begun) = watch::channel(());
        steady.push(has_begun);
        let key =
            if matches!(kind, Kind::Increment) { args.key.clone() } else { format!("{kind:?} {number}") };
        workers.spawn(work(kind, kv.clone(), key, first, ending.subscribe()));
    }
    let is_steady = async {
        for mut first in steady {
            // A worker that is gone has said why.
            let _ = first.changed().await;
        }
        println!("steady");
        std::future::pending().await
    };
    tokio::select! {
        _ = signals.next() => {}
        () = is_steady => {}
    }
    ending.send_replace(true);
    report(&workers.join_all().await)
}

async fn begin(address: &str) -> Result<(KvClient, Signals), String> {
    let signals = Signals::new().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let kv = KvClient::connect(address).await.map_err(|status| status.to_string())?;
    Ok((kv.with(CallOptions::new().timeout(LONGEST)), signals))
}

/// What is called, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// As often as it goes. It changes nothing.
    Delete,
    /// With pauses: those who call `Sync` are told of each.
    Increment,
    /// A stream of requests.
    Load,
    /// Streams both ways.
    Sync,
}

/// One kind for each worker.
const KINDS: [Kind; 12] = {
    use Kind::{Delete, Increment, Load, Sync};
    [Delete, Delete, Delete, Delete, Increment, Increment, Load, Load, Load, Sync, Sync, Sync]
};

/// What a worker has seen.
struct Seen {
    kind: Kind,
    ended_ok: usize,
    failures: Vec<Status>,
    /// The numbers that increments came to.
    numbers: Vec<i64>,
}

async fn work(
    kind: Kind,
    kv: KvClient,
    key: String,
    first: watch::Sender<()>,
    ending: watch::Receiver<bool>,
) -> Seen {
    let mut seen = Seen { kind, ended_ok: 0, failures: Vec::new(), numbers: Vec::new() };
    while !*ending.borrow() && seen.failures.len() < ENOUGH {
        match call(kind, &kv, &key).await {
            Ok(number) => {
                seen.numbers.extend(number);
                seen.ended_ok += 1;
                first.send_replace(());
            }
            Err(status) => seen.failures.push(status),
        }
    }
    seen
}

/// Makes one call; the number, for an increment.
async fn call(kind: Kind, kv: &KvClient, key: &str) -> Result<Option<i64>, Status> {
    let key = key.to_owned();
    match kind {
        Kind::Delete => kv.delete(&DeleteRequest { key }).await.map(|_reply| None),
        Kind::Increment => {
            sleep(PAUSE).await;
            kv.increment(&IncrementRequest { key, by: 1 }).await.map(|reply| Some(reply.value))
        }
        Kind::Load => {
            let (mut entries, mut reply) = kv.load().await?;
            for number in 0..MESSAGES {
                sleep(PAUSE).await;
                entries.send(&Entry { key: key.clone(), value: number.to_string() }).await?;
            }
            entries.finish().await?;
            expect(MESSAGES, reply.single().await?.count)
        }
        Kind::Sync => {
            let (mut own, mut all) = kv.sync().await?;
            let sending = async {
                for number in 0..MESSAGES {
                    sleep(PAUSE).await;
                    own.send(&Change { key: key.clone(), value: Some(number.to_string()) }).await?;
                }
                own.finish().await
            };
            let receiving = async {
                let mut count = 0;
                while let Some(change) = all.recv().await? {
                    count += u64::from(change.key == key);
                }
                Ok(count)
            };
            let ((), count) = tokio::try_join!(sending, receiving)?;
            expect(MESSAGES, count)
        }
    }
}

fn expect(sent: u64, counted: u64) -> Result<Option<i64>, Status> {
    if counted == sent {
        return Ok(None);
    }
    Err(Status::new(Code::DataLoss, format!("{sent} messages were sent, and {counted} counted")))
}

fn report(workers: &[Seen]) -> ExitCode {
    let mut ended_ok = BTreeMap::new();
    for seen in workers {
        *ended_ok.entry(seen.kind).or_insert(0) += seen.ended_ok;
        for status in &seen.failures {
            eprintln!("{:?}: {status}", seen.kind);
        }
    }
    for (kind, count) in ended_ok {
        println!("{kind:?}: {count} calls ended OK");
    }
    let numbers = workers.iter().flat_map(|seen| &seen.numbers).copied().collect();
    let made = made_once(numbers);
    match &made {
        Ok((0, all)) => println!("each increment was made once, all {all} by one server"),
        Ok((few, many)) => {
            println!("each increment was made once, {many} by one server and {few} by the other")
        }
        Err(why) => eprintln!("Increment: {why}"),
    }
    if made.is_ok() && workers.iter().all(|seen| seen.failures.is_empty()) {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// How many increments each of two servers has made, the lesser first. All have 1 then 2 and so on; so up to the number of
/// the lesser there are two of each, and beyond it one.
fn made_once(mut numbers: Vec<i64>) -> Result<(usize, usize), String> {
    numbers.sort_unstable();
    let many = numbers.last().map_or(0, |last| usize::try_from(*last).unwrap_or(usize::MAX));
    let few = numbers.len().saturating_sub(many);
    let expected = (1..).flat_map(|number| std::iter::repeat_n(number, if number <= few { 2 } else { 1 }));
    for (number, expected) in numbers.iter().zip(expected) {
        if usize::try_from(*number) != Ok(expected) {
            return Err(format!(
                "nobody was told of {expected}: an increment was made twice, or its reply lost"
            ));
        }
    }
    Ok((few, many))
}

/// How long a call may take before it counts as lost.
const LONGEST: Duration = Duration::from_secs(20);

/// How long a worker waits before each increment and before each message of a stream. A stream is open for half a second.
const PAUSE: Duration = Duration::from_millis(20);

const MESSAGES: u64 = 25;

/// With so many failures a worker has seen enough.
const ENOUGH: usize = 5;
