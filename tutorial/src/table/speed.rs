//! The time of calls: how many a second, and what each takes of a processor at either end.

use std::time::{Duration, Instant};

use kv::Kv;
use serde::Serialize;
use tokio::task::JoinSet;
use transport::Status;

use super::api::{Api, Client};
use super::lost;
use super::served::Served;

/// How fast each API is here and now. Client and server are two threads of one process.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// With one call at a time.
    pub one_at_a_time: Vec<Pace>,
    /// With as many calls at the same time as [`IN_FLIGHT`].
    pub many_at_once: Vec<Pace>,
}

/// How fast one API is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pace {
    /// Which.
    pub api: Api,
    /// Calls a second.
    pub calls_a_second: f64,
    /// What a call takes of the client's processor, in microseconds; nothing where the system does not say.
    pub client_micros: Option<f64>,
    /// The same of the server's.
    pub server_micros: Option<f64>,
}

impl Pace {
    /// What a call takes of both, in microseconds.
    pub fn micros(self) -> Option<f64> {
        Some(self.client_micros? + self.server_micros?)
    }
}

impl Speed {
    /// The pace of `api` with many calls at once.
    pub fn of(&self, api: Api) -> Option<&Pace> {
        self.many_at_once.iter().find(|pace| pace.api == api)
    }
}

/// Calls over each API for `time`, with one call at a time and with many at once. Who is measured changes in
/// short turns, so that whatever else the machine does concerns all.
///
/// # Errors
/// When a call fails.
pub async fn measure(served: &Served, time: Duration) -> Result<Speed, Status> {
    served.store.put("greeting", "hello").await?;
    Ok(Speed {
        one_at_a_time: all(served, 1, time).await?,
        many_at_once: all(served, IN_FLIGHT, time).await?,
    })
}

async fn all(served: &Served, in_flight: usize, time: Duration) -> Result<Vec<Pace>, Status> {
    let mut clients = Vec::new();
    for api in Api::ALL {
        let client = served.client(api).await?;
        // Connections are made, and tables are filled.
        turn(served, &client, in_flight, time / 10).await?;
        clients.push((api, client, Spent::default()));
    }
    for _ in 0..TURNS {
        for (_, client, spent) in &mut clients {
            spent.add(turn(served, client, in_flight, time / TURNS).await?);
        }
    }
    Ok(clients.into_iter().map(|(api, _, spent)| spent.pace(api)).collect())
}

/// What calls took.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    calls: u32,
    time: Duration,
    client: Option<Duration>,
    server: Option<Duration>,
}

impl Spent {
    fn add(&mut self, more: Self) {
        let sum = |before: Option<Duration>, more: Option<Duration>| Some(before.unwrap_or_default() + more?);
        *self = Self {
            calls: self.calls + more.calls,
            time: self.time + more.time,
            client: sum(self.client, more.client),
            server: sum(self.server, more.server),
        };
    }

    fn pace(self, api: Api) -> Pace {
        let calls = f64::from(self.calls.max(1));
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / calls;
        Pace {
            api,
            calls_a_second: calls / self.time.as_secs_f64(),
            client_micros: self.client.map(micros),
            server_micros: self.server.map(micros),
        }
    }
}

/// Calls for `time`, so many at once.
async fn turn(served: &Served, client: &Client, in_flight: usize, time: Duration) -> Result<Spent, Status> {
    let server_before = served.there(async { of_this_thread() }).await?;
    let (client_before, begin) = (of_this_thread(), Instant::now());
    let until = begin + time;
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let client = client.clone();
        callers.spawn(async move {
            let mut calls = 0;
            while Instant::now() < until {
                client.get("greeting").await?;
                calls += 1;
            }
            Ok::<u32, Status>(calls)
        });
    }
    let mut calls = 0;
    while let Some(made) = callers.join_next().await {
        calls += made.map_err(lost)??;
    }
    let time = begin.elapsed();
    let since = |before: Option<Duration>, now: Option<Duration>| now?.checked_sub(before?);
    Ok(Spent {
        calls,
        time,
        client: since(client_before, of_this_thread()),
        server: since(server_before, served.there(async { of_this_thread() }).await?),
    })
}

/// For how long this thread has run on a processor. The client is this thread as a whole: the runtime of a
/// lesson has no other.
#[cfg(unix)]
fn of_this_thread() -> Option<Duration> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(spent.tv_sec.try_into().ok()?, spent.tv_nsec.try_into().ok()?))
}

#[cfg(not(unix))]
fn of_this_thread() -> Option<Duration> {
    None
}

/// How many calls there are at the same time where there are many.
pub const IN_FLIGHT: usize = 100;
const TURNS: u32 = 4;
