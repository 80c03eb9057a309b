//! One store, and a server of it on a thread of its own, in all ways at once.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kv::Store;
use kv::proto::KvServer;
use server::{Router, Server};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use transport::web::Web;
use transport::{Address, Status, tls};

use super::api::{Api, Client};
use super::lost;
use crate::relay::Relay;

/// A store that is served over every [`Api`], with TLS and without, until this is dropped.
#[derive(Debug)]
pub struct Served {
    /// The store itself.
    pub store: Arc<Store>,
    /// Trusts the server's certificate.
    pub trusting: tls::Client,
    /// The server's certificate, in PEM.
    pub certificate: String,
    bound: Bound,
    runtime: Handle,
    /// Dropped with this, which ends the server.
    _running: oneshot::Sender<()>,
}

/// Where the server listens: `HOST:PORT`.
#[derive(Clone, Debug)]
struct Bound {
    tcp: String,
    http: String,
    tls_tcp: String,
    https: String,
}

impl Served {
    /// Serves an empty store.
    ///
    /// # Errors
    /// UNAVAILABLE on a machine where nothing can listen.
    pub async fn start() -> Result<Self, Status> {
        let store = Arc::new(Store::new());
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(lost)?;
        let certificate = own.cert.pem();
        let secured = tls::Server::new(&certificate, own.signing_key.serialize_pem())?;
        let (listening, bound) = oneshot::channel();
        let (running, ended) = oneshot::channel::<()>();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(lost)?;
        let handle = runtime.handle().clone();
        let served = store.clone();
        thread::spawn(move || {
            runtime.block_on(async move {
                match serve(served, secured).await {
                    Ok((server, bound)) => {
                        // It fails when nobody waits for it any more.
                        let _ = listening.send(Ok(bound));
                        let _ = ended.await;
                        server.drain(Duration::ZERO).await;
                    }
                    Err(status) => drop(listening.send(Err(status))),
                }
            });
        });
        Ok(Self {
            store,
            trusting: tls::Client::trusting(&certificate)?,
            certificate,
            bound: bound.await.map_err(lost)??,
            runtime: handle,
            _running: running,
        })
    }

    /// Where `api` is to be found, without TLS.
    pub fn address(&self, api: Api) -> String {
        match api {
            Api::Ours => format!("tcp://{}", self.bound.tcp),
            Api::Grpc | Api::Json => format!("http://{}", self.bound.http),
            Api::GrpcWeb => format!("web+http://{}", self.bound.http),
        }
    }

    /// Where `api` is to be found inside of TLS.
    pub fn secured(&self, api: Api) -> String {
        match api {
            Api::Ours => format!("tls+tcp://{}", self.bound.tls_tcp),
            Api::Grpc | Api::Json => format!("https://{}", self.bound.https),
            Api::GrpcWeb => format!("web+https://{}", self.bound.https),
        }
    }

    /// A client of `api`, without TLS.
    ///
    /// # Errors
    /// UNAVAILABLE when the server has ended.
    pub async fn client(&self, api: Api) -> Result<Client, Status> {
        Client::connect(api, &self.address(api)).await
    }

    /// Runs `what` on the thread of the server.
    ///
    /// # Errors
    /// When the server has ended.
    pub async fn there<T: Send + 'static>(
        &self,
        what: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Status> {
        self.runtime.spawn(what).await.map_err(lost)
    }
}

/// A relay to `address`, and the address through it: another port, the rest as it was.
///
/// # Errors
/// Those of [`Relay::to`].
pub async fn through_a_relay(address: &str) -> Result<(Relay, String), Status> {
    let (scheme, place) =
        address.split_once("://").ok_or_else(|| lost(format!("{address} has no scheme")))?;
    // The relay passes on bytes; what they mean is not its business.
    let relay = Relay::to(&format!("tcp://{place}").parse::<Address>().map_err(lost)?).await?;
    let own = relay.address().to_string();
    let through = own.replace("tcp://", &format!("{scheme}://"));
    Ok((relay, through))
}

async fn serve(store: Arc<Store>, secured: tls::Server) -> Result<(Server, Bound), Status> {
    let web = Web::new().site(kv_json::router(store.clone()));
    let mut server = Server::new(Router::new().with(KvServer::<Store>::new(store))).tls(secured).web(web);
    let mut bound = Vec::new();
    for scheme in ["tcp", "http", "tls+tcp", "https"] {
        let address = server.listen(&format!("{scheme}://127.0.0.1:0")).await?.to_string();
        bound.push(address.split_once("://").map_or(String::new(), |(_, place)| place.to_owned()));
    }
    let [tcp, http, tls_tcp, https] = bound.try_into().map_err(|_| lost("four places were listened at"))?;
    Ok((server, Bound { tcp, http, tls_tcp, https }))
}
