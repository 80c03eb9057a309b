//! Listens, accepts, serves, and stops in good order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
#[cfg(feature = "tls")]
use transport::tls;
#[cfg(feature = "web")]
use transport::web::Web;
use transport::{Address, Code, Incoming, Limits, Listener, Service, Status};

use crate::Deadlines;

/// Serves one service on any number of addresses at once. Dropped, it stops at once, and its calls
/// end as UNAVAILABLE; [`Server::drain`] lets them end first.
#[derive(Debug)]
pub struct Server {
    service: Shared,
    limits: Limits,
    #[cfg(feature = "tls")]
    tls: Option<tls::Server>,
    #[cfg(feature = "web")]
    web: Option<Web>,
    listeners: JoinSet<()>,
    draining: watch::Sender<bool>,
}

impl Server {
    /// A server for `service`, which does not listen anywhere yet.
    pub fn new(service: impl Service) -> Self {
        Self {
            service: Shared(Arc::new(Deadlines(service))),
            limits: Limits::default(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "web")]
            web: None,
            listeners: JoinSet::new(),
            draining: watch::Sender::new(false),
        }
    }

    /// Holds the connections of listeners that are added from now on to `limits`.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Shows what `tls` says at those addresses with TLS (`https://`, `tls+tcp://`) that are added from now on. To show
    /// another certificate later, without a restart: [`tls::Server::reload`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: tls::Server) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Answers what `web` says too, gRPC-Web and perhaps more, at those addresses of gRPC (`http://`, `https://`) that are
    /// added from now on.
    #[cfg(feature = "web")]
    pub fn web(mut self, web: Web) -> Self {
        self.web = Some(web);
        self
    }

    /// Listens on `address` too: `memory`, `tcp://host:port`, `http://host:port`, or, with [a certificate](Self::tls),
    /// `tls+tcp://host:port`, `https://host:port`. Returns where, which for port 0 has the port that was free.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when that is no address; UNAVAILABLE when one cannot listen there; FAILED_PRECONDITION for TLS
    /// without a certificate.
    pub async fn listen(&mut self, address: &str) -> Result<Address, Status> {
        let address: Address = address.parse()?;
        let listener = self.listener(&address).await?;
        #[cfg(feature = "web")]
        let listener = match &self.web {
            Some(web) => listener.web(web.clone()),
            None => listener,
        };
        let bound = listener.address().map_err(|error| {
            Status::new(Code::Unavailable, format!("cannot listen on {address}: {error}"))
        })?;
        self.listeners.spawn(accept(listener, self.service.0.clone(), self.draining.subscribe()));
        Ok(bound)
    }

    async fn listener(&self, address: &Address) -> Result<Listener, Status> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return address.listen_tls(&self.limits, tls).await;
        }
        address.listen(&self.limits).await
    }

    /// Accepts no further connections and no further calls, and waits until the open calls have ended,
    /// for `grace` at most. Whether they all have; those that have not end as UNAVAILABLE now.
    pub async fn drain(mut self, grace: Duration) -> bool {
        self.draining.send_replace(true);
        let ended = async { while self.listeners.join_next().await.is_some() {} };
        timeout(grace, ended).await.is_ok()
    }
}

/// Accepts connections until the server drains; then waits for those it has accepted.
async fn accept(mut listener: Listener, service: Arc<dyn Service>, mut draining: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = drained(&mut draining) => break,
            accepted = listener.accept() => match accepted {
                Ok(incoming) => {
                    connections.spawn(serve(incoming, service.clone(), draining.clone()));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    sleep(AFTER_ACCEPT_FAILED).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(incoming: Incoming, service: Arc<dyn Service>, mut draining: watch::Receiver<bool>) {
    let peer = incoming.to_string();
    tracing::debug!("{peer} connected");
    // Apart: a future holds what is passed on once for each hand it goes through.
    let drained = Box::pin(async move { drained(&mut draining).await });
    match incoming.serve(service, drained).await {
        Ok(()) => tracing::debug!("{peer} disconnected"),
        Err(status) => tracing::warn!("{peer}: {status}"),
    }
}

/// Ready when the server drains, or is gone.
async fn drained(draining: &mut watch::Receiver<bool>) {
    let _ = draining.wait_for(|draining| *draining).await;
}

struct Shared(Arc<dyn Service>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

/// File descriptors do not come back faster when one asks again at once.
const AFTER_ACCEPT_FAILED: Duration = Duration::from_millis(100);
