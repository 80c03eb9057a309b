//! What is measured, a file for each scenario.

pub mod allocations;
pub mod build;
pub mod bulk;
pub mod connections;
pub mod h2load;
pub mod instructions;
pub mod latency;
pub mod stream;
pub mod unary;
pub mod wire;

use std::path::PathBuf;
use std::time::Duration;

use crate::contender::{Contender, Failure};
use crate::cpu::Cores;
use crate::figures::{Case, Entry, Metric};
use crate::load::Under;
use crate::process::ServerProcess;
use crate::progress::Progress;

/// What is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Scenario {
    /// Small calls, as many as there can be: a second, at what cost
    Unary,
    /// One call at a time beside a bare socket; calls at planned times
    Latency,
    /// Many small messages in one call
    Stream,
    /// Large messages, both ways
    Bulk,
    /// From 1 to 1,000 calls in flight and connections; what an idle one holds
    Connections,
    /// The bytes of a call
    Wire,
    /// Allocations and system calls of a call
    Allocations,
    /// The packages of a small service and how long they take to build; minutes
    Build,
    /// Instructions of a call, against those on record
    Instructions {
        /// Put them on record
        #[arg(long)]
        record: bool,
    },
    /// All but the last two
    All,
}

/// How it is measured.
#[derive(Debug)]
pub struct Run {
    /// How often each contender has its turn.
    pub rounds: usize,
    /// How long a turn counts.
    pub length: Duration,
    /// Whether this is just to see that everything works.
    pub quick: bool,
    /// Where server and client run.
    pub cores: Cores,
    /// This program.
    pub program: PathBuf,
    /// How far it is.
    pub progress: Progress,
}

impl Scenario {
    /// Those that it consists of.
    pub fn parts(&self) -> &[Self] {
        if *self == Self::All { &Self::EACH } else { std::slice::from_ref(self) }
    }

    /// Measures it.
    ///
    /// # Errors
    /// When something does not work that should.
    pub fn measure(self, run: &Run) -> Result<Vec<Case>, Failure> {
        match self {
            Self::Unary => unary::measure(run),
            Self::Latency => latency::measure(run),
            Self::Stream => stream::measure(run),
            Self::Bulk => bulk::measure(run),
            Self::Connections => connections::measure(run),
            Self::Wire => wire::measure(run),
            Self::Allocations => allocations::measure(run),
            Self::Build => build::measure(run),
            Self::Instructions { record } => instructions::measure(run, record),
            Self::All => {
                let parts = self.parts().iter().map(|part| part.measure(run));
                Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
            }
        }
    }

    const EACH: [Self; 7] = [
        Self::Unary,
        Self::Latency,
        Self::Stream,
        Self::Bulk,
        Self::Connections,
        Self::Wire,
        Self::Allocations,
    ];
}

/// The figures of one turn.
type Figures = Vec<(Metric, f64)>;

impl Run {
    /// Starts a server of each contender and gives them turns, A B C A B C …; the others stand still
    /// meanwhile.
    fn in_turns(
        &self,
        what: &str,
        contenders: &[Contender],
        rounds: usize,
        mut turn: impl FnMut(Contender, &mut ServerProcess) -> Result<Figures, Failure>,
    ) -> Result<Vec<Entry>, Failure> {
        self.progress.expect(rounds * contenders.len());
        let start = |contender: &Contender| {
            let server = ServerProcess::start(&self.program, *contender, self.cores.server)?;
            Ok((Entry::new(*contender), server))
        };
        let mut pairs = contenders.iter().map(start).collect::<Result<Vec<_>, Failure>>()?;
        for round in 1..=rounds {
            for (entry, server) in &mut pairs {
                let name = entry.contender.label();
                self.progress.begin(&format!("{what}: {name}, round {round}"));
                let figures = turn(entry.contender, server);
                entry.push(figures.map_err(|failure| Failure(format!("{what}, {name}: {failure}")))?);
                self.progress.end();
            }
        }
        Ok(pairs.into_iter().map(|(entry, _)| entry).collect())
    }

    fn under(&self, server: &ServerProcess) -> Under {
        let warm_up = self.length.mul_f64(0.3);
        Under { address: server.address, process: server.id(), warm_up, length: self.length }
    }

    /// As often, but not more often than this.
    fn rounds_up_to(&self, most: usize) -> usize {
        self.rounds.min(most)
    }
}

/// What the columns mean, in the tables of unary calls.
const OF_CPU: &str = "client, server: time on a processor for each call, in µs. ±: how far the round \
                      furthest from the median was. /tonic: calls/s over tonic's, the median of the rounds.";
