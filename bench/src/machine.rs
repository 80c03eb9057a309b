//! What it was measured on.

use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;

/// What it was measured on, and with what.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// How many cores this program may use.
    pub cores: usize,
    /// The operating system and its version, and how its TCP avoids congestion, where that is known.
    pub system: String,
    /// The compiler.
    pub compiler: String,
    /// The versions of those that are compared.
    pub versions: String,
    /// The day, in UTC.
    pub date: String,
    /// How many threads wanted to run on average in the minute before, where the system says: others may
    /// have had work for this machine too.
    pub busy_before: Option<f64>,
}

impl Machine {
    /// This one, today.
    pub fn this() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()));
        let release = read("/proc/sys/kernel/osrelease");
        let congestion = read("/proc/sys/net/ipv4/tcp_congestion_control");
        let tcp = if congestion.is_empty() { String::new() } else { format!(", TCP {}", congestion.trim()) };
        Self {
            processor: processor
                .unwrap_or_else(|| format!("{}, not known more closely", std::env::consts::ARCH)),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned() + &tcp,
            compiler: env!("COMPILER").to_owned(),
            versions: ["tonic", "tarpc", "tokio"].map(|name| format!("{name} {}", version(name))).join(", "),
            date: day(SystemTime::now()),
            busy_before: read("/proc/loadavg").split_whitespace().next().and_then(|text| text.parse().ok()),
        }
    }
}

/// The version of a package, from the lock file that this was built with.
fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"\nversion = \"");
    let rest = LOCK.split_once(&name).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}

/// The day, in UTC.
fn day(time: SystemTime) -> String {
    let (year, month, day) = OffsetDateTime::from(time).to_calendar_date();
    format!("{year}-{:02}-{day:02}", u8::from(month))
}

const LOCK: &str = include_str!("../../Cargo.lock");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_become_dates() {
        let date = |days: u64| day(SystemTime::UNIX_EPOCH + Duration::from_secs(days * 24 * 60 * 60));
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_818), "2026-12-31");
    }

    #[test]
    fn versions_are_found_in_the_lock_file() {
        assert!(version("tonic").starts_with("0."), "{}", version("tonic"));
        assert_eq!(version("no-such-package"), "");
    }
}
