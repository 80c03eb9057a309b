//! This project and its peers side by side, in one run.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::program::run(None)
}
