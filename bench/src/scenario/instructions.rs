//! The instructions of a call, which are the same however busy the machine is.
//!
//! Both sides run in one thread of one process, under callgrind. It is run twice, with more calls the
//! second time: the difference belongs to the calls alone.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::runtime::Runtime;

use super::Run;
use crate::contender::{Client, Contender, Drive, Failure, Sizes};
use crate::figures::{Case, Entry, Metric};
use crate::load::call_so_often;
use crate::process::Calls;

/// What this project may take: counts of an earlier state, and how far one may be above.
#[derive(Debug, PartialEq)]
struct Record {
    compiler: String,
    /// A part of each count.
    tolerance: f64,
    counts: Vec<(String, f64)>,
}

pub(super) fn measure(run: &Run, record: bool) -> Result<Vec<Case>, Failure> {
    let mut case = Case {
        key: "instructions".into(),
        title: "instructions of a unary call, 32 B, both sides: so many calls in flight".into(),
        main: Metric::Instructions(100),
        columns: IN_FLIGHT.map(Metric::Instructions).to_vec(),
        peers: vec![Contender::Tonic, Contender::Tarpc],
        entries: Vec::new(),
        notes: vec!["Of programs, without the operating system's; counted by callgrind.".into()],
    };
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        case.notes = vec!["not measured here: valgrind is not installed".into()];
        return Ok(vec![case]);
    }
    run.progress.expect(Contender::RPC.len());
    for contender in Contender::RPC {
        run.progress.begin(&format!("instructions: {}", contender.label()));
        let mut entry = Entry::new(contender);
        for in_flight in IN_FLIGHT {
            let few = counted(run, contender, in_flight, CALLS)?;
            let many = counted(run, contender, in_flight, 3 * CALLS)?;
            entry.push([(Metric::Instructions(in_flight), (many - few) as f64 / (2 * CALLS) as f64)]);
        }
        case.entries.push(entry);
        run.progress.end();
    }
    let now = Record { compiler: env!("COMPILER").to_owned(), tolerance: TOLERANCE, counts: ours(&case) };
    if record {
        std::fs::write(RECORD, now.text())?;
        case.notes.push(format!("recorded in {RECORD}"));
        return Ok(vec![case]);
    }
    let before = Record::parse(&std::fs::read_to_string(RECORD)?)?;
    if before.compiler != now.compiler {
        case.notes.push(format!("not compared: the record is of {}", before.compiler));
        return Ok(vec![case]);
    }
    let (more, less) = before.compare(&now.counts);
    if !more.is_empty() {
        return Err(Failure(format!("a call takes more instructions than on record:\n{}", more.join("\n"))));
    }
    if less.is_empty() {
        case.notes.push(format!("within {:.0} % of the record", before.tolerance * 100.0));
    } else {
        case.notes.push(format!("fewer than on record ({}): record it, with --record", less.join("; ")));
    }
    Ok(vec![case])
}

/// The instructions of a process that makes so many calls.
fn counted(run: &Run, contender: Contender, in_flight: u32, calls: u64) -> Result<u64, Failure> {
    let file = Output(std::env::temp_dir().join(format!("bench-callgrind-{}", std::process::id())));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.0.display()))
        .arg(&run.program)
        .args(["together", contender.argument(), "--calls", &calls.to_string()])
        .args(["--in-flight", &in_flight.to_string()])
        .output()?;
    let said = || Failure(format!("callgrind says:\n{}", String::from_utf8_lossy(&output.stderr)));
    if !output.status.success() {
        return Err(said());
    }
    let text = std::fs::read_to_string(&file.0)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals:"));
    total.and_then(|total| total.trim().parse().ok()).ok_or_else(said)
}

struct Output(PathBuf);

impl Drop for Output {
    fn drop(&mut self) {
        // Whatever is left lies in the folder for what may be deleted.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Client and server in one thread.
#[derive(Clone, Copy, Debug)]
pub struct Together {
    /// Who calls and serves.
    pub contender: Contender,
    /// How often.
    pub calls: u64,
    /// How.
    pub how: Calls,
}

impl Drive for Together {
    type Output = Result<(), Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        let Calls { in_flight, size } = self.how;
        let sizes = Sizes::of(size);
        runtime.block_on(async {
            let address = self.contender.serve(([127, 0, 0, 1], 0).into()).await?;
            let client = C::connect(address, sizes).await?;
            call_so_often(&client, self.calls, in_flight, sizes).await
        })
    }
}

fn ours(case: &Case) -> Vec<(String, f64)> {
    let ours = [Contender::Http, Contender::Tcp];
    let each = ours.into_iter().flat_map(|contender| IN_FLIGHT.map(|in_flight| (contender, in_flight)));
    each.filter_map(|(contender, in_flight)| {
        let median = case.samples(contender, Metric::Instructions(in_flight))?.median()?;
        Some((format!("{} ×{in_flight}", contender.label()), median.round()))
    })
    .collect()
}

impl Record {
    fn parse(text: &str) -> Result<Self, Failure> {
        let mut record = Self { compiler: String::new(), tolerance: 0.0, counts: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let wrong = || Failure(format!("in {RECORD}: {line}"));
            let (name, value) = line.split_once(": ").ok_or_else(wrong)?;
            match name {
                "compiler" => record.compiler = value.to_owned(),
                "tolerance" => {
                    let percent: f64 = value.trim_end_matches(" %").parse().map_err(|_| wrong())?;
                    record.tolerance = percent / 100.0;
                }
                _ => record.counts.push((name.to_owned(), value.parse().map_err(|_| wrong())?)),
            }
        }
        Ok(record)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Instructions of a unary call with 32 B each way, client and server together.\n\
             # Written by: cargo run --release -p bench -- instructions --record\n\
             compiler: {}\ntolerance: {:.0} %\n",
            self.compiler,
            self.tolerance * 100.0
        );
        self.counts.iter().for_each(|(name, count)| text.push_str(&format!("{name}: {count:.0}\n")));
        text
    }

    /// Which of these counts are more than the tolerance above and below.
    fn compare(&self, counts: &[(String, f64)]) -> (Vec<String>, Vec<String>) {
        let (mut more, mut less) = (Vec::new(), Vec::new());
        for (name, count) in counts {
            let Some((_, before)) = self.counts.iter().find(|(it, _)| it == name) else {
                more.push(format!("{name}: {count:.0}, and there is no record of it"));
                continue;
            };
            let text = format!("{name}: {count:.0}, on record {before:.0}");
            if *count > before * (1.0 + self.tolerance) {
                more.push(text);
            } else if *count < before * (1.0 - self.tolerance) {
                less.push(text);
            }
        }
        (more, less)
    }
}

const IN_FLIGHT: [u32; 2] = [1, 100];
const CALLS: u64 = 2_000;
const TOLERANCE: f64 = 0.03;
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let counts = vec![("http+protobuf ×1".to_owned(), 1000.0), ("tcp+bincode ×1".to_owned(), 500.0)];
        Record { compiler: "rustc 1.91.0".into(), tolerance: 0.03, counts }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        assert_eq!(Record::parse(&record().text()).unwrap(), record());
        assert!(Record::parse("http+protobuf ×1: many").is_err());
    }

    #[test]
    fn a_count_that_is_further_above_than_the_tolerance_is_too_much() {
        let with = |count| record().compare(&[("http+protobuf ×1".to_owned(), count)]);
        assert_eq!(with(1030.0), (vec![], vec![]));
        assert_eq!(with(1031.0).0, ["http+protobuf ×1: 1031, on record 1000"]);
        assert_eq!(with(969.0).1, ["http+protobuf ×1: 969, on record 1000"]);
    }

    #[test]
    fn a_count_without_a_record_is_too_much() {
        assert_eq!(record().compare(&[("new".to_owned(), 1.0)]).0.len(), 1);
    }
}
