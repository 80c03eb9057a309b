//! gRPC and an HTTP API with JSON, row by row. Nothing is claimed: each row is tried or measured when it is
//! asked for, with one store behind all APIs.
//!
//! [`Report::make`] does it. The report is a value: as JSON it is for programs, [`terminal`] and [`html`] are
//! two views of it for people.

pub mod api;
pub mod browser;
pub mod chart;
pub mod client_code;
pub mod contract;
pub mod html;
pub mod payload;
pub mod protocol;
pub mod security;
pub mod served;
pub mod speed;
pub mod streaming;
pub mod strictness;
pub mod summary;
pub mod terminal;

use std::time::Duration;

use serde::Serialize;
use transport::{Code, Status};

use self::served::Served;

/// All rows, as they were found here and now.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// What both sides agree upon, as a document.
    pub contract: contract::Contract,
    /// The bytes of messages.
    pub payload: payload::Payload,
    /// The bytes of calls.
    pub protocol: protocol::Protocol,
    /// The time of calls.
    pub speed: speed::Speed,
    /// What becomes of wrong messages.
    pub strictness: strictness::Strictness,
    /// Which shapes of a call there are.
    pub streaming: streaming::Streaming,
    /// What a page in a browser can do.
    pub browser: browser::Browser,
    /// What TLS does to each, and who notices when it is missing.
    pub security: security::Security,
    /// What a caller writes, and who has written the rest.
    pub client_code: client_code::ClientCode,
}

/// What a report was made on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// How many threads can run at once.
    pub cores: usize,
    /// The operating system.
    pub system: &'static str,
    /// Whether the compiler has made this program fast. If not, no figure of speed says anything about a
    /// program in use.
    pub optimised: bool,
}

impl Report {
    /// Tries and measures all rows; each measurement of speed takes `time`.
    ///
    /// # Errors
    /// When something that has to work does not.
    pub async fn make(time: Duration) -> Result<Self, Status> {
        let served = Served::start().await?;
        Ok(Self {
            machine: Machine::this(),
            contract: contract::read()?,
            payload: payload::measure()?,
            protocol: protocol::measure(&served).await?,
            speed: speed::measure(&served, time).await?,
            strictness: strictness::measure(&served).await?,
            streaming: streaming::measure(&served).await?,
            browser: browser::measure(&served).await?,
            security: security::measure(&served).await?,
            client_code: client_code::read()?,
        })
    }

    /// The report for programs.
    ///
    /// # Errors
    /// None that is known: all of it can be written as JSON.
    pub fn json(&self) -> Result<String, Status> {
        serde_json::to_string_pretty(self).map_err(lost)
    }
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let described = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = described.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: model.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: std::env::consts::OS,
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// Why a row cannot be had.
fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}
