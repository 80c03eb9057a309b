//! Processors: which one a process runs on, and for how long it ran.

use std::time::Duration;

/// Where server and client run.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Cores {
    /// The server's, if it has one of its own.
    pub server: Option<usize>,
    /// The client's.
    pub client: Option<usize>,
}

/// How long all threads of this process have run on a processor; nothing where the system does not say.
pub fn of(process: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut total = 0;
    for thread in threads {
        // The first number is the time on a processor, in nanoseconds.
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        total += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(total))
}

impl Cores {
    /// One for the server and one for the client, where there are two and the system lets one choose.
    pub fn find() -> Self {
        match allowed()[..] {
            [server, client, ..] => Self { server: Some(server), client: Some(client) },
            _ => Self::default(),
        }
    }
}

#[cfg(target_os = "linux")]
fn allowed() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else { return Vec::new() };
    (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Vec<usize> {
    Vec::new()
}

/// Runs this thread, and what it starts from now on, on this core only.
#[cfg(target_os = "linux")]
pub fn pin(core: Option<usize>) {
    let Some(core) = core else { return };
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        eprintln!("warning: cannot stay on core {core}: {error}");
    }
}

/// Nothing, where the system does not let one choose.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: Option<usize>) {}
