//! The command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::contender::{Contender, Failure};
use crate::cpu::{self, Cores, pin};
use crate::machine::Machine;
use crate::process::{Caller, Calls, Count, serve, this_program};
use crate::progress::Progress;
use crate::scenario::instructions::Together;
use crate::scenario::{Run, Scenario};
use crate::{chart, report, target};

/// This project and its peers side by side, in one run
#[derive(Parser)]
#[command(name = "bench", term_width = 80)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    how: How,
}

#[derive(Args)]
struct How {
    /// How often each contender has its turn
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How many seconds a turn counts
    #[arg(long, global = true, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// One short turn each, to see that all works: its figures say little
    #[arg(long, global = true)]
    quick: bool,
    /// The folder for results.json and the charts
    #[arg(long, global = true, value_name = "FOLDER", default_value = "target/bench")]
    out: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Measure(Scenario),
    /// Serve one contender, for load generators such as h2load
    Serve {
        contender: Contender,
        /// Where
        #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50051")]
        listen: SocketAddr,
        /// Stay on this core
        #[arg(long)]
        core: Option<usize>,
        /// End with the input, and answer its lines
        #[arg(long, hide = true)]
        controlled: bool,
    },
    /// Make calls when told to
    #[command(hide = true)]
    Call {
        contender: Contender,
        address: SocketAddr,
        #[command(flatten)]
        calls: Calls,
    },
    /// Serve and call in one thread
    #[command(hide = true)]
    Together {
        contender: Contender,
        #[arg(long)]
        calls: u64,
        #[command(flatten)]
        how: Calls,
    },
}

/// The program. `count` counts allocations, if this is the one that does.
pub fn run(count: Option<Count>) -> ExitCode {
    let Arguments { command, how } = Arguments::parse();
    if let Err(error) = with_glibc_tuned() {
        eprintln!("error: cannot start again: {error}");
        return ExitCode::FAILURE;
    }
    allow_many_sockets();
    let done = match command {
        Command::Measure(scenario) => measure(scenario, &how),
        Command::Serve { contender, listen, core, controlled } => {
            pin(core);
            serve(contender, listen, controlled, count)
        }
        Command::Call { contender, address, calls } => contender.drive(Caller { address, calls, count }),
        Command::Together { contender, calls, how } => contender.drive(Together { contender, calls, how }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(scenario: Scenario, how: &How) -> Result<(), Failure> {
    let machine = Machine::this();
    let builds = scenario == Scenario::Build;
    let cores = if builds { Cores::default() } else { Cores::find() };
    // From now on: what is started inherits it.
    pin(cores.client);
    let run = Run {
        rounds: if how.quick { 1 } else { how.rounds.into() },
        length: Duration::from_secs_f64(if how.quick { 0.02 } else { how.seconds }),
        quick: how.quick,
        cores,
        program: this_program()?,
        progress: Progress::new(),
    };
    println!("{}", report::machine(&machine));
    println!("{}", report::contenders());
    println!("{}", report::wrapped(&setup(&run)));
    if cfg!(debug_assertions) {
        println!("{}", report::wrapped("Built without optimization: these figures say nothing."));
    }
    let mut cases = Vec::new();
    for part in scenario.parts() {
        let of_part = part.measure(&run)?;
        for (at, case) in of_part.iter().enumerate() {
            let same_below = of_part.get(at + 1).is_some_and(|next| next.notes == case.notes);
            run.progress.print(&report::case(case, !same_below));
        }
        cases.extend(of_part);
    }
    let Run { rounds, length, .. } = run;
    drop(run.progress);
    let targets = target::targets(&cases);
    let (measured, missing): (Vec<_>, Vec<_>) =
        targets.iter().cloned().partition(|target| target.measured.is_some());
    if !measured.is_empty() && !how.quick {
        println!("{}", report::targets(&measured));
    }
    if scenario == Scenario::All && !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|target| target.text).collect();
        println!("{}", report::wrapped(&format!("Not measured in this run: {}.", names.join("; "))));
    }
    let settings =
        json!({ "rounds": rounds, "seconds": length.as_secs_f64(), "cores": cores, "quick": how.quick });
    std::fs::create_dir_all(&how.out)?;
    let json = report::json(&machine, settings, &cases, &targets);
    write(&how.out.join("results.json"), &format!("{json:#}\n"))?;
    let subtitle =
        format!("{}, {} · {} · medians of {rounds} rounds", machine.processor, machine.system, machine.date);
    for chart in chart::charts(&cases, &subtitle) {
        write(&how.out.join(format!("{}.svg", chart.name)), &chart.svg)?;
    }
    println!("{} has results.json and the charts.", how.out.display());
    Ok(())
}

/// How it was measured, in words.
fn setup(run: &Run) -> String {
    let Run { rounds, length, cores, quick, .. } = run;
    let on_cores = match (cores.server, cores.client) {
        (Some(server), Some(client)) => format!("the server on core {server}, the client on core {client}"),
        _ => "neither server nor client bound to a core".to_owned(),
    };
    let time = match cpu::of(std::process::id()) {
        Some(_) => "",
        None => " Time on a processor is not measured here: the system does not say.",
    };
    let quick = if *quick { " This is a quick run: its figures say little." } else { "" };
    format!(
        "In turns, {rounds} round(s) of {} s each after a warm-up of a third of that; {on_cores}, each with one \
         thread. Figures are medians.{time}{quick}",
        length.as_secs_f64()
    )
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| Failure(format!("cannot write {}: {error}", file.display())))
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "that is no number".to_owned())?;
    match (0.01..=60.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("0.01 to 60".to_owned()),
    }
}

/// A thousand connections need more than the thousand files that many systems allow at first.
#[cfg(target_os = "linux")]
fn allow_many_sockets() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is not allowed, the scenario that needs it says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(not(target_os = "linux"))]
fn allow_many_sockets() {}

/// Starts this program again, so that glibc treats all contenders alike; what it starts inherits that.
///
/// Messages of 64 KiB would be measured by chance else. Free memory at the end of the heap goes back to the system
/// from 128 KiB on, and is got again page by page. And `rep movsb`, with which large blocks are copied, takes up
/// to 20 times as long on processors of AMD if a block lies a little behind another as seen within a page
/// (sourceware.org/bugzilla, 30994): that depends on where they happen to be.
#[cfg(target_os = "linux")]
fn with_glibc_tuned() -> std::io::Result<()> {
    use std::os::unix::process::CommandExt;
    if std::env::var_os(STARTED_AGAIN).is_some() {
        return Ok(());
    }
    let mut again = std::process::Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env("GLIBC_TUNABLES", TUNABLES).env(STARTED_AGAIN, "1");
    Err(again.exec())
}

#[cfg(not(target_os = "linux"))]
fn with_glibc_tuned() -> std::io::Result<()> {
    Ok(())
}

/// They take the place of what the user may have set, who is measuring this.
#[cfg(target_os = "linux")]
const TUNABLES: &str = "glibc.cpu.x86_rep_movsb_threshold=1000000000:\
                        glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864";

/// The variable that says so.
#[cfg(target_os = "linux")]
const STARTED_AGAIN: &str = "BENCH_STARTED_AGAIN";
