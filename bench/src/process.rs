//! Server and client as processes of their own, which count when they are asked.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::contender::{Client, Contender, Drive, Failure, Sizes, runtime};
use crate::load::call_so_often;

/// A process that was started, and is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// A server in a process of its own.
#[derive(Debug)]
pub struct ServerProcess {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What the heap has seen since it was asked the last time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Heap {
    /// How often something was allocated.
    pub allocations: u64,
    /// By how many bytes it has grown.
    pub growth: i64,
}

/// Runs something and says what it did to the heap. Only the program `counting` has one: it has an
/// allocator that counts, which would slow those down that allocate most.
pub type Count = fn(&mut dyn FnMut()) -> Heap;

impl Process {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure("a process has no pipes".into()));
        };
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// A process of `program` that makes unary calls when it is told to: see [`Process::ask`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn caller(
        program: &Path,
        contender: Contender,
        at: SocketAddr,
        calls: Calls,
    ) -> Result<Self, Failure> {
        let Calls { in_flight, size } = calls;
        let mut command = Command::new(program);
        command.args(["call", contender.argument(), &at.to_string()]);
        command.args(["--in-flight", &in_flight.to_string(), "--size", &size.to_string()]);
        Self::start(&mut command)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something, for a caller how often to call, and waits for what came of it.
    ///
    /// # Errors
    /// When it has ended.
    pub fn ask(&mut self, what: u64) -> Result<Option<Heap>, Failure> {
        writeln!(self.input, "{what}")?;
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|_| Failure(line))
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(Failure("a process has ended early".into())),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ServerProcess {
    /// Starts `program` as a server.
    ///
    /// # Errors
    /// When it cannot be started, or does not listen.
    pub fn start(program: &Path, contender: Contender, core: Option<usize>) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.args(["serve", contender.argument(), "--listen", "127.0.0.1:0", "--controlled"]);
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        let mut process = Process::start(&mut command)?;
        let line = process.line()?;
        let address = line.strip_prefix(LISTENING).and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| Failure(format!("a server says: {line}")))?;
        Ok(Self { process, address })
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What its heap has seen since the last time; nothing where its program does not count.
    ///
    /// # Errors
    /// When it has ended.
    pub fn heap(&mut self) -> Result<Option<Heap>, Failure> {
        self.process.ask(0)
    }
}

/// This program.
///
/// # Errors
/// When the system does not say where it is.
pub fn this_program() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?)
}

/// The process of a server: until its input ends, or for ever.
///
/// # Errors
/// When it cannot listen.
pub fn serve(
    contender: Contender,
    listen: SocketAddr,
    controlled: bool,
    count: Option<Count>,
) -> Result<(), Failure> {
    let runtime = runtime();
    let bound = runtime.block_on(contender.serve(listen))?;
    println!("{LISTENING}{bound}");
    if !controlled {
        return runtime.block_on(std::future::pending());
    }
    let mut lines = lines();
    loop {
        let mut line = None;
        let heap = counted(count, &mut || line = runtime.block_on(lines.recv()));
        if line.is_none() {
            return Ok(());
        }
        answer(heap)?;
    }
}

/// How a process makes its calls.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Calls {
    /// How many at once
    #[arg(long, default_value_t = 1)]
    pub in_flight: u64,
    /// How many bytes of data in each
    #[arg(long, default_value_t = 32)]
    pub size: usize,
}

/// The process of a client: each line of its input says how many calls it is to make.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Where the server is.
    pub address: SocketAddr,
    /// How the calls are made.
    pub calls: Calls,
    /// What counts allocations, if anything does.
    pub count: Option<Count>,
}

impl Drive for Caller {
    type Output = Result<(), Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        let Self { address, calls: Calls { in_flight, size }, count } = self;
        let sizes = Sizes::of(size);
        let client = runtime.block_on(C::connect(address, sizes))?;
        for line in std::io::stdin().lines() {
            let calls = line?.trim().parse().map_err(|_| Failure("a number is due".into()))?;
            let mut made = Ok(());
            let heap = counted(count, &mut || {
                made = runtime.block_on(call_so_often(&client, calls, in_flight, sizes));
            });
            made?;
            answer(heap)?;
        }
        Ok(())
    }
}

fn counted(count: Option<Count>, run: &mut dyn FnMut()) -> Option<Heap> {
    match count {
        Some(count) => Some(count(run)),
        None => {
            run();
            None
        }
    }
}

fn answer(heap: Option<Heap>) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(&heap).map_err(|error| Failure(error.to_string()))?);
    Ok(())
}

/// The lines of the input, read by a thread of its own.
fn lines() -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

const LISTENING: &str = "listening on ";
