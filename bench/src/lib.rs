//! This project and its peers side by side, in one run.
//!
//! ```text
//! cargo run --release -p bench -- unary
//! cargo run --release -p bench -- --help
//! ```
//!
//! Server and client are two processes with one thread each, and where the system lets one choose, each has
//! a core of its own. The contenders have turns, A B C A B C …, so whatever else the machine does meanwhile
//! it does to all of them. What is printed are medians of the rounds, how far the rounds were apart, and
//! ratios round by round.
//!
//! | file | what it is |
//! |------|------------|
//! | `contender/` | who is measured: a file for each, with its server and its client |
//! | `scenario/` | what is measured: a file for each |
//! | `load.rs` | makes calls, as many as there can be or as planned, and watches |
//! | `process.rs` | server and client as processes that count when they are asked |
//! | `cpu.rs`, `relay.rs`, `strace.rs` | time on a processor; bytes; system calls |
//! | `samples.rs`, `figures.rs` | the figures of several rounds; those of a whole case |
//! | `target.rs` | what is to be reached |
//! | `report.rs`, `chart.rs`, `progress.rs` | tables and JSON; SVG; how far it is |
//! | `machine.rs` | what it was measured on |
//! | `program.rs` | the command line |
//! | `bin/counting.rs` | the same program with an allocator that counts |

pub mod chart;
pub mod contender;
pub mod cpu;
pub mod figures;
pub mod load;
pub mod machine;
pub mod process;
pub mod program;
pub mod progress;
pub mod proto;
pub mod relay;
pub mod report;
pub mod samples;
pub mod scenario;
pub mod strace;
pub mod target;
