//! Makes calls, as many as there can be or as many as are planned, and watches for a while.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use crate::contender::{Client, Drive, Failure, Sizes};
use crate::cpu;

/// What calls, or messages, have been made until now. All of them are made by one thread.
#[derive(Debug)]
pub struct Load {
    done: AtomicU64,
    stopped: AtomicBool,
    /// Of how many calls the time of one is taken.
    timed_one_in: u64,
    latencies: Mutex<Histogram<u64>>,
}

/// What was seen between two moments.
#[derive(Debug)]
pub struct Window {
    /// How long it was.
    pub length: Duration,
    /// Calls, or messages, in it.
    pub done: u64,
    /// How long calls took, in nanoseconds.
    pub latencies: Histogram<u64>,
    /// The time that this process ran on a processor, where the system says.
    pub client_cpu: Option<Duration>,
    /// The time that the server's process did.
    pub server_cpu: Option<Duration>,
}

/// The server under load, and when to look.
#[derive(Clone, Copy, Debug)]
pub struct Under {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub process: u32,
    /// How long calls are made before they count.
    pub warm_up: Duration,
    /// How long they count.
    pub length: Duration,
}

/// Unary calls, each as soon as the one before it has ended.
#[derive(Clone, Copy, Debug)]
pub struct ClosedLoop {
    /// The server.
    pub under: Under,
    /// How many connections.
    pub connections: usize,
    /// How many calls at once on each.
    pub in_flight: usize,
    /// How large they are.
    pub sizes: Sizes,
    /// Of how many calls the time of one is taken.
    pub timed_one_in: u64,
}

/// Unary calls on one connection, each at its planned time, whatever became of those before. Where a call
/// has to wait for its turn, the waiting counts: its time is measured from when it was planned.
#[derive(Clone, Copy, Debug)]
pub struct OpenLoop {
    /// The server.
    pub under: Under,
    /// How large they are.
    pub sizes: Sizes,
    /// How many calls are planned for each second.
    pub rate: f64,
}

/// Messages of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// The server.
    pub under: Under,
    /// How many bytes of data are in each.
    pub size: usize,
    /// Whether the client sends them.
    pub up: bool,
}

impl Load {
    fn new(timed_one_in: u64) -> Arc<Self> {
        Arc::new(Self {
            done: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            timed_one_in,
            latencies: Mutex::new(histogram()),
        })
    }

    /// Whether it is over.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// One more.
    pub fn done(&self) {
        self.all_done(1);
    }

    /// So many more.
    pub fn all_done(&self, count: u64) {
        // One thread counts, so nothing is lost between the two.
        self.done.store(self.done.load(Relaxed) + count, Relaxed);
    }

    /// One more, which came with so many bytes of data.
    ///
    /// # Errors
    /// When these are not as many as were due.
    pub fn received(&self, bytes: usize, due: usize) -> Result<(), Failure> {
        if bytes != due {
            return Err(Failure(format!("{bytes} bytes of data came where {due} are due")));
        }
        self.done();
        Ok(())
    }

    /// The other side has counted too.
    ///
    /// # Errors
    /// When it has counted other than this side.
    pub fn all_came(&self, count: u64) -> Result<(), Failure> {
        let sent = self.done.load(Relaxed);
        if count != sent {
            return Err(Failure(format!("{sent} messages were sent, {count} came")));
        }
        Ok(())
    }

    fn took(&self, time: Duration) {
        // What is longer than the histogram is counts as its longest.
        self.latencies().saturating_record(time.as_nanos() as u64);
    }

    fn latencies(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the load to be warm, watches, and stops it.
    async fn watch(&self, under: &Under) -> Window {
        sleep(under.warm_up).await;
        self.latencies().reset();
        let (begin, done) = (Instant::now(), self.done.load(Relaxed));
        let (client_cpu, server_cpu) = (cpu::of(std::process::id()), cpu::of(under.process));
        sleep(under.length).await;
        let since = |cpu: Option<Duration>, process| Some(cpu::of(process)?.saturating_sub(cpu?));
        let window = Window {
            length: begin.elapsed(),
            done: self.done.load(Relaxed) - done,
            latencies: self.latencies().clone(),
            client_cpu: since(client_cpu, std::process::id()),
            server_cpu: since(server_cpu, under.process),
        };
        self.stopped.store(true, Relaxed);
        window
    }
}

/// Makes unary calls, one after the other, until the load is stopped; `due` is the size of a reply.
///
/// # Errors
/// When a call fails, or a reply has another size.
pub async fn call_in_turn<C: Client>(
    mut client: C,
    request: Arc<C::Request>,
    due: usize,
    load: Arc<Load>,
) -> Result<(), Failure> {
    let mut turn = 0;
    while !load.is_stopped() {
        turn += 1;
        let begin = (turn % load.timed_one_in == 0).then(Instant::now);
        let bytes = client.echo(&request).await?;
        if let Some(begin) = begin {
            load.took(begin.elapsed());
        }
        load.received(bytes, due)?;
    }
    Ok(())
}

/// Makes so many unary calls, so many at once.
///
/// # Errors
/// When one fails, or a reply has another size.
pub async fn call_so_often<C: Client>(
    client: &C,
    calls: u64,
    in_flight: u64,
    sizes: Sizes,
) -> Result<(), Failure> {
    let request = Arc::new(C::request(sizes.data));
    let left = Arc::new(AtomicU64::new(calls));
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let (mut client, request, left) = (client.clone(), request.clone(), left.clone());
        callers.spawn(async move {
            while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                let bytes = client.echo(&request).await?;
                if bytes != sizes.data {
                    return Err(Failure(format!("{bytes} bytes of data came where {} are due", sizes.data)));
                }
            }
            Ok(())
        });
    }
    ended(callers).await
}

impl Drive for ClosedLoop {
    type Output = Result<Window, Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        runtime.block_on(async {
            let load = Load::new(self.timed_one_in);
            let mut clients = JoinSet::new();
            for _ in 0..self.connections {
                let client = C::connect(self.under.address, self.sizes).await?;
                clients.spawn(client.keep_calling(self.in_flight, self.sizes, load.clone()));
            }
            let window = load.watch(&self.under).await;
            ended(clients).await?;
            Ok(window)
        })
    }
}

impl Drive for OpenLoop {
    type Output = Result<Window, Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        runtime.block_on(async {
            let load = Load::new(1);
            let client = C::connect(self.under.address, self.sizes).await?;
            let request = Arc::new(C::request(self.sizes.data));
            let plan = Arc::new(Plan {
                begin: Instant::now(),
                interval: 1.0 / self.rate,
                due: Semaphore::new(0),
                begun: AtomicU64::new(0),
            });
            let mut callers = JoinSet::new();
            for _ in 0..AT_ONCE {
                callers.spawn(plan.clone().keep_to(client.clone(), request.clone(), load.clone()));
            }
            callers.spawn(plan.clone().announce(load.clone()));
            let window = load.watch(&self.under).await;
            ended(callers).await?;
            Ok(window)
        })
    }
}

/// When calls are to be made.
struct Plan {
    begin: Instant,
    /// From one call to the next, in seconds.
    interval: f64,
    /// A permit for each call whose time has come and that nobody makes yet.
    due: Semaphore,
    begun: AtomicU64,
}

impl Plan {
    /// Gives out the calls whose time has come. It does not sleep, because timers are as coarse as a
    /// thousand calls.
    async fn announce(self: Arc<Self>, load: Arc<Load>) -> Result<(), Failure> {
        let mut announced = 0;
        while !load.is_stopped() {
            let due = (self.begin.elapsed().as_secs_f64() / self.interval) as u64;
            self.due.add_permits((due - announced) as usize);
            announced = due;
            yield_now().await;
        }
        self.due.close();
        Ok(())
    }

    async fn keep_to<C: Client>(
        self: Arc<Self>,
        mut client: C,
        request: Arc<C::Request>,
        load: Arc<Load>,
    ) -> Result<(), Failure> {
        while let Ok(permit) = self.due.acquire().await {
            permit.forget();
            if load.is_stopped() {
                break;
            }
            let call = self.begun.fetch_add(1, Relaxed) + 1;
            let planned = self.begin + Duration::from_secs_f64(call as f64 * self.interval);
            client.echo(&request).await?;
            load.took(planned.elapsed());
            load.done();
        }
        Ok(())
    }
}

impl Drive for Messages {
    type Output = Result<Window, Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        runtime.block_on(async {
            let load = Load::new(1);
            let mut client = C::connect(self.under.address, Sizes::of(self.size)).await?;
            let mut streams = JoinSet::new();
            let of_the_stream = load.clone();
            streams.spawn(async move {
                match self.up {
                    true => client.upload(self.size, &of_the_stream).await,
                    false => client.download(self.size, &of_the_stream).await,
                }
            });
            let window = load.watch(&self.under).await;
            ended(streams).await?;
            Ok(window)
        })
    }
}

async fn ended(mut tasks: JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| Failure(error.to_string()))??;
    }
    Ok(())
}

fn histogram() -> Histogram<u64> {
    // From 1 ns to 60 s, to three digits.
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("these bounds are in order")
}

/// How many calls an open loop has in flight at most; more wait, and their waiting counts.
const AT_ONCE: usize = 256;
