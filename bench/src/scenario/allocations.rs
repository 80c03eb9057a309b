//! How often a call allocates, and how often it asks the operating system for something.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::Run;
use crate::contender::{Contender, Failure};
use crate::figures::{Case, Entry, Metric};
use crate::process::{Calls, Heap, Process, ServerProcess, this_program};
use crate::strace::{self, Trace};

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    Ok(vec![allocations(run)?, system_calls(run)?])
}

fn allocations(run: &Run) -> Result<Case, Failure> {
    let mut case = Case {
        key: "allocations".into(),
        title: "allocations of a warm unary call, 32 B: 1 connection, so many calls in flight".into(),
        main: Metric::ServerAllocations(100),
        columns: columns(Metric::ClientAllocations, Metric::ServerAllocations),
        peers: Vec::new(),
        entries: Vec::new(),
        notes: vec![
            "http, no stubs: the transport by itself, from a message as bytes to one as bytes; one of the \
             server's is the handler's own box."
                .into(),
        ],
    };
    let counting = match counting_program() {
        Ok(counting) => counting,
        Err(failure) => {
            case.notes = vec![format!("not measured here: {failure}")];
            return Ok(case);
        }
    };
    let contenders = [Contender::Http, Contender::Seam, Contender::Tcp, Contender::Tonic, Contender::Tarpc];
    run.progress.expect(contenders.len());
    for contender in contenders {
        run.progress.begin(&format!("allocations: {}", contender.label()));
        let mut entry = Entry::new(contender);
        for in_flight in IN_FLIGHT {
            let mut server = ServerProcess::start(&counting, contender, run.cores.server)?;
            let mut caller = caller(&counting, contender, &server, in_flight)?;
            let calls = if run.quick { 1_000 } else { 20_000 };
            caller.ask(calls)?;
            server.heap()?;
            let client = caller.ask(calls)?.unwrap_or_default();
            let server = server.heap()?.unwrap_or_default();
            let each = |heap: Heap| heap.allocations as f64 / calls as f64;
            entry.push([
                (Metric::ClientAllocations(in_flight), each(client)),
                (Metric::ServerAllocations(in_flight), each(server)),
            ]);
        }
        case.entries.push(entry);
        run.progress.end();
    }
    Ok(case)
}

fn system_calls(run: &Run) -> Result<Case, Failure> {
    let mut case = Case {
        key: "system-calls".into(),
        title: "system calls of a unary call, 32 B: 1 connection, so many calls in flight".into(),
        main: Metric::ServerSystemCalls(100),
        columns: columns(Metric::ClientSystemCalls, Metric::ServerSystemCalls),
        peers: Vec::new(),
        entries: Vec::new(),
        notes: vec![
            "Counted by strace, which makes the side that it watches slower; so that side finds more to do \
             each time it looks."
                .into(),
        ],
    };
    if !strace::is_here() {
        case.notes = vec!["not measured here: strace is not installed".into()];
        return Ok(case);
    }
    run.progress.expect(Contender::RPC.len());
    for contender in Contender::RPC {
        run.progress.begin(&format!("system calls: {}", contender.label()));
        let mut entry = Entry::new(contender);
        for in_flight in IN_FLIGHT {
            let server = ServerProcess::start(&run.program, contender, run.cores.server)?;
            let mut caller = caller(&run.program, contender, &server, in_flight)?;
            let calls = if run.quick { 200 } else { 2_000 * u64::from(in_flight.min(10)) };
            caller.ask(calls)?;
            let sides = [
                (Metric::ClientSystemCalls(in_flight), caller.id()),
                (Metric::ServerSystemCalls(in_flight), server.id()),
            ];
            for (metric, process) in sides {
                let trace = Trace::attach(process)?;
                caller.ask(calls)?;
                entry.push([(metric, trace.end()? as f64 / calls as f64)]);
            }
        }
        case.entries.push(entry);
        run.progress.end();
    }
    Ok(case)
}

fn columns(client: fn(u32) -> Metric, server: fn(u32) -> Metric) -> Vec<Metric> {
    IN_FLIGHT.iter().flat_map(|in_flight| [client(*in_flight), server(*in_flight)]).collect()
}

fn caller(
    program: &Path,
    contender: Contender,
    server: &ServerProcess,
    in_flight: u32,
) -> Result<Process, Failure> {
    Process::caller(program, contender, server.address, Calls { in_flight: in_flight.into(), size: 32 })
}

/// The program `counting`, which lies beside this one; built if it is not there or older.
///
/// # Errors
/// When it cannot be built.
pub(super) fn counting_program() -> Result<PathBuf, Failure> {
    let this = this_program()?;
    let counting = this.with_file_name(format!("counting{}", std::env::consts::EXE_SUFFIX));
    let built = |program: &Path| std::fs::metadata(program).and_then(|it| it.modified());
    if let Ok(time) = built(&counting)
        && time >= built(&this).unwrap_or(SystemTime::UNIX_EPOCH)
    {
        return Ok(counting);
    }
    let folder = this.parent().unwrap_or(Path::new("."));
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let target = folder.parent().unwrap_or(folder);
    let status = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "bench",
            "--bin",
            "counting",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .status()?;
    match status.success() && counting.exists() {
        true => Ok(counting),
        false => Err(Failure("the program that counts allocations cannot be built".into())),
    }
}

const IN_FLIGHT: [u32; 2] = [1, 100];
