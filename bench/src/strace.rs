//! Counts the system calls of a process, with the program `strace`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::contender::Failure;

/// A process that is being watched.
#[derive(Debug)]
pub struct Trace {
    strace: Child,
    /// Read until its end, so that it can write.
    errors: BufReader<ChildStderr>,
    summary: PathBuf,
}

/// Whether it is installed.
pub fn is_here() -> bool {
    let mut command = Command::new("strace");
    cfg!(target_os = "linux") && command.arg("--version").stdout(Stdio::null()).status().is_ok()
}

impl Trace {
    /// Begins to watch a process, all its threads.
    ///
    /// # Errors
    /// When the system does not allow that.
    pub fn attach(process: u32) -> Result<Self, Failure> {
        let summary = std::env::temp_dir().join(format!("bench-strace-{process}"));
        let mut strace = Command::new("strace")
            .args(["-c", "-f", "-p", &process.to_string(), "-o"])
            .arg(&summary)
            .stderr(Stdio::piped())
            .spawn()?;
        let errors = strace.stderr.take().ok_or_else(|| Failure("strace has no standard error".into()))?;
        let mut errors = BufReader::new(errors);
        let mut line = String::new();
        errors.read_line(&mut line)?;
        if !line.contains("attached") {
            return Err(Failure(format!("strace says: {}", line.trim())));
        }
        Ok(Self { strace, errors, summary })
    }

    /// Ends it; how many system calls there were.
    ///
    /// # Errors
    /// When it does not say.
    pub fn end(mut self) -> Result<u64, Failure> {
        interrupt(self.strace.id())?;
        std::io::copy(&mut self.errors, &mut std::io::sink())?;
        self.strace.wait()?;
        let summary = std::fs::read_to_string(&self.summary)?;
        std::fs::remove_file(&self.summary)?;
        total(&summary).ok_or_else(|| Failure(format!("strace says:\n{summary}")))
    }
}

#[cfg(target_os = "linux")]
fn interrupt(process: u32) -> Result<(), Failure> {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let process = process.ok_or_else(|| Failure("a process has no number".into()))?;
    rustix::process::kill_process(process, rustix::process::Signal::INT)
        .map_err(|error| Failure(error.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn interrupt(_: u32) -> Result<(), Failure> {
    Err(Failure("strace is a program for Linux".into()))
}

/// The number of calls in the last line: share, seconds, microseconds each, calls, errors if any, `total`.
fn total(summary: &str) -> Option<u64> {
    let line = summary.lines().rfind(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_with_and_without_errors() {
        let head = "% time     seconds  usecs/call     calls    errors syscall\n";
        let with = format!("{head}100.00    0.017304           8      2001         4 total\n");
        let without = format!("{head}100.00    0.017304           8      2001           total\n");
        assert_eq!(total(&with), Some(2001));
        assert_eq!(total(&without), Some(2001));
        assert_eq!(total(head), None);
    }
}
