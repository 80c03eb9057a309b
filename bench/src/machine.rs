//! What it was measured on.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

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
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
        let (year, month, day) = civil(today as i64);
        Self {
            processor: processor
                .unwrap_or_else(|| format!("{}, not known more closely", std::env::consts::ARCH)),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned() + &tcp,
            compiler: env!("COMPILER").to_owned(),
            versions: ["tonic", "tarpc", "tokio"].map(|name| format!("{name} {}", version(name))).join(", "),
            date: format!("{year}-{month:02}-{day:02}"),
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

/// Year, month and day so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that some years have more is their last. 400 years have
    // 146,097 days, and the months from March on follow each other in a pattern of five with 153 days.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

const LOCK: &str = include_str!("../../Cargo.lock");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_818), (2026, 12, 31));
    }

    #[test]
    fn versions_are_found_in_the_lock_file() {
        assert!(version("tonic").starts_with("0."), "{}", version("tonic"));
        assert_eq!(version("no-such-package"), "");
    }
}
