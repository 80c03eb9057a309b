//! Servers of a `Kv` on every transport, and a `Kv` that does what a test tells it to.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test file uses its part.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use client::{CallOptions, Channel};
use kv::{Kv, KvClient, KvServer, proto};
use server::{Router, Server};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use transport::{Address, Connection, IncomingCall, Limits, Listener, Service, Serving, Status, tls};

/// Makes of each sentence one test for each transport.
#[allow(unused_macros)]
macro_rules! on_every_transport {
    ($($sentence:ident)*) => {
        on_every_transport!(memory: Memory, $($sentence)*);
        on_every_transport!(tcp: Tcp, $($sentence)*);
        on_every_transport!(http: Http, $($sentence)*);
        on_every_transport!(tls_tcp: TlsTcp, $($sentence)*);
        on_every_transport!(https: Https, $($sentence)*);
    };
    ($module:ident: $transport:ident, $($sentence:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $sentence() {
                    super::$sentence(super::Transport::$transport).await;
                }
            )*
        }
    };
}
#[allow(unused_imports)]
pub(crate) use on_every_transport;

#[derive(Clone, Copy, Debug)]
pub enum Transport {
    Memory,
    Tcp,
    Http,
    TlsTcp,
    Https,
}

/// A server that listens, and where.
pub struct Served {
    pub server: Server,
    pub address: String,
}

impl Transport {
    /// An address on which nobody listens yet.
    pub fn free_address(self) -> String {
        static NAMES: AtomicUsize = AtomicUsize::new(0);
        match self {
            Self::Memory => format!("memory:free-{}", NAMES.fetch_add(1, Ordering::Relaxed)),
            Self::Tcp => "tcp://127.0.0.1:0".to_owned(),
            Self::Http => "http://127.0.0.1:0".to_owned(),
            Self::TlsTcp => "tls+tcp://127.0.0.1:0".to_owned(),
            Self::Https => "https://127.0.0.1:0".to_owned(),
        }
    }

    /// Whether it is gRPC.
    pub fn is_grpc(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// A server of `kv`.
    pub async fn serve<K: Kv>(self, kv: K) -> Served {
        self.serve_with(kv, Limits::default()).await
    }

    /// A server of `kv` with limits of its own.
    pub async fn serve_with<K: Kv>(self, kv: K, limits: Limits) -> Served {
        self.serve_raw(Router::new().with(KvServer::new(kv)), limits).await
    }

    /// A server of any service.
    pub async fn serve_raw(self, service: impl Service, limits: Limits) -> Served {
        let mut server = server(service).limits(limits);
        let address = server.listen(&self.free_address()).await.unwrap().to_string();
        Served { server, address }
    }
}

impl Served {
    /// A `Kv` that is this server's.
    pub async fn kv(&self) -> KvClient {
        connect(&self.address).await.unwrap()
    }

    /// The generated stub of this server.
    pub async fn generated(&self) -> proto::KvClient {
        if !has_tls(&self.address) {
            return proto::KvClient::connect(&self.address).await.unwrap();
        }
        proto::KvClient::new(self.channel().await)
    }

    /// The way to this server.
    pub async fn channel(&self) -> Arc<dyn Connection> {
        channel(&self.address, Limits::default()).await.unwrap()
    }

    /// One connection to this server: unlike a channel, it is never made anew.
    pub async fn connection(&self) -> Arc<dyn Connection> {
        connection(&self.address).await.unwrap()
    }
}

/// A server that listens nowhere yet, and has a certificate.
pub fn server(service: impl Service) -> Server {
    Server::new(service).tls(TLS.0.clone())
}

/// Listens on an address, whatever the transport.
pub async fn listen(address: &str) -> Listener {
    let address: Address = address.parse().unwrap();
    address.listen_tls(&Limits::default(), &TLS.0).await.unwrap()
}

/// The client stub of the server at an address, whatever the transport, with the codec that goes with it.
pub async fn connect(address: &str) -> Result<KvClient, Status> {
    if !has_tls(address) {
        return KvClient::connect(address).await;
    }
    let channel = channel(address, Limits::default()).await?;
    let codec = channel.codec();
    Ok(KvClient::new(channel).with(CallOptions::new().codec(codec)))
}

/// The way to the server at an address, whatever the transport.
pub async fn channel(address: &str, limits: Limits) -> Result<Arc<Channel>, Status> {
    if !has_tls(address) {
        return Channel::connect_with(address, limits).await;
    }
    Channel::connect_tls(address, limits, TLS.1.clone()).await
}

/// One connection to the server at an address, whatever the transport.
pub async fn connection(address: &str) -> Result<Arc<dyn Connection>, Status> {
    let address: Address = address.parse().unwrap();
    match has_tls(&address.to_string()) {
        true => address.connect_tls(&Limits::default(), &TLS.1).await,
        false => address.connect(&Limits::default()).await,
    }
}

fn has_tls(address: &str) -> bool {
    address.starts_with("tls+tcp:") || address.starts_with("https:")
}

/// A server with a certificate of its own, and a client that trusts it.
static TLS: LazyLock<(tls::Server, tls::Client)> = LazyLock::new(|| {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let server = tls::Server::new(own.cert.pem(), own.signing_key.serialize_pem()).unwrap();
    (server, tls::Client::trusting(own.cert.pem()).unwrap())
});

/// A `Kv` whose `get` is a closure and that has nothing else.
pub struct Get<F>(F);

pub fn kv_whose_get_is<F, Fut>(get: F) -> Get<F>
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, Status>> + Send,
{
    Get(get)
}

impl<F, Fut> Kv for Get<F>
where
    F: Fn(String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, Status>> + Send,
{
    async fn get(&self, key: &str) -> Result<String, Status> {
        (self.0)(key.to_owned()).await
    }
}

/// A service that is one closure: a server with manners of its own.
pub struct Handler<F>(pub F);

impl<F, Fut> Service for Handler<F>
where
    F: Fn(IncomingCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn serve(&self, call: IncomingCall) -> Serving {
        Box::pin((self.0)(call))
    }
}

/// A `Kv` whose `get` waits until the test lets it end, and then returns its key.
#[derive(Clone, Default)]
pub struct Gate(Arc<Steps>);

struct Steps {
    begun: Semaphore,
    let_through: Semaphore,
    stopped: Semaphore,
    runs: AtomicUsize,
}

impl Gate {
    /// Waits until one more `get` has begun.
    pub async fn begun(&self) {
        self.0.begun.acquire().await.unwrap().forget();
    }

    /// Lets one `get` end.
    pub fn let_through(&self) {
        self.0.let_through.add_permits(1);
    }

    /// Waits until one more `get` was dropped before it was let through.
    pub async fn stopped(&self) {
        self.0.stopped.acquire().await.unwrap().forget();
    }

    /// How often `get` has begun.
    pub fn runs(&self) -> usize {
        self.0.runs.load(Ordering::SeqCst)
    }
}

impl Kv for Gate {
    async fn get(&self, key: &str) -> Result<String, Status> {
        let unfinished = Unfinished(&self.0.stopped);
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        self.0.begun.add_permits(1);
        self.0.let_through.acquire().await.unwrap().forget();
        std::mem::forget(unfinished);
        Ok(key.to_owned())
    }
}

impl Default for Steps {
    fn default() -> Self {
        let none = || Semaphore::new(0);
        Self { begun: none(), let_through: none(), stopped: none(), runs: AtomicUsize::new(0) }
    }
}

/// Tells when it is dropped.
struct Unfinished<'a>(&'a Semaphore);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// `kv.get(key)`, in a task of its own.
pub fn spawn_get(kv: &KvClient, key: &'static str) -> JoinHandle<Result<String, Status>> {
    let kv = kv.clone();
    tokio::spawn(async move { kv.get(key).await })
}

/// Lets everybody else run until `done`.
pub async fn until(mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000_000 {
        if done().await {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not happen");
}

/// Lets `time` pass at once, in a test whose clock is not paused.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
