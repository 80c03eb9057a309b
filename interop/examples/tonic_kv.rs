//! `Kv` made with tonic alone: a server and a client that share nothing with this project but
//! `stub/kv/proto/kv.proto`.
//!
//! ```text
//! cargo run -p interop --example tonic_kv -- --listen 127.0.0.1:0
//! ```
//!
//! prints `listening on http://IP:PORT` and serves, in memory, until its standard input is closed or it is
//! killed. So a program that starts it holds a pipe to it, and lets go of that to stop it; with `/dev/null`
//! as standard input it ends at once.
//!
//! ```text
//! cargo run -p interop --example tonic_kv -- --connect http://IP:PORT put KEY VALUE
//! cargo run -p interop --example tonic_kv -- --connect http://IP:PORT get KEY
//! cargo run -p interop --example tonic_kv -- --connect http://IP:PORT incr KEY BY
//! cargo run -p interop --example tonic_kv -- --connect http://IP:PORT delete KEY
//! cargo run -p interop --example tonic_kv -- --connect http://IP:PORT watch KEY
//! cargo run -p interop --example tonic_kv -- --connect http://IP:PORT load KEY=VALUE …
//! ```
//!
//! make one call. The result is one line: a value, a new number, `true` or `false`, how many; nothing for
//! `put`. `watch` prints a line for each change, `KEY=VALUE` or `KEY removed`, until it is killed. If the
//! call fails, standard error gets `CODE: message`, such as `NOT_FOUND: no value for "greeting"`, and the
//! program exits with 1; with 2 if its command line is wrong.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::error::ErrorKind;
use clap::{ArgGroup, CommandFactory, Parser, Subcommand};
use proto::kv_client::KvClient;
use proto::kv_server::{Kv, KvServer};
use proto::{
    Change, DeleteReply, DeleteRequest, Entry, GetReply, GetRequest, IncrementReply, IncrementRequest,
    LoadReply, PutReply, PutRequest, WatchRequest,
};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};

/// What tonic and prost write of the contract.
mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::all)]

    include!(concat!(env!("OUT_DIR"), "/tonic/kv.rs"));
}

/// A key-value store by tonic, or one call to one
#[derive(Parser)]
#[command(name = "tonic_kv", term_width = 80, group(ArgGroup::new("side").required(true)))]
struct Args {
    /// Serve here until standard input is closed; port 0 is a free one
    #[arg(long, value_name = "IP:PORT", group = "side")]
    listen: Option<SocketAddr>,
    /// Make one call to the server at this URL
    #[arg(long, value_name = "URL", group = "side")]
    connect: Option<String>,
    #[command(subcommand)]
    call: Option<Call>,
}

#[derive(Subcommand)]
enum Call {
    /// Print the value of a key
    Get { key: String },
    /// Give a key a value
    Put { key: String, value: String },
    /// Remove a key; print whether it was there
    Delete { key: String },
    /// Add to the number of a key; print the new number
    Incr {
        key: String,
        #[arg(allow_negative_numbers = true)]
        by: i64,
    },
    /// Print the changes of a key as they happen
    Watch { key: String },
    /// Put many entries; print how many
    Load {
        #[arg(value_name = "KEY=VALUE", value_parser = entry)]
        entries: Vec<Entry>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Args::parse() {
        Args { connect: Some(url), call: Some(call), .. } => make(call, url).await,
        Args { listen: Some(address), .. } => serve(address).await,
        _ => Args::command().error(ErrorKind::MissingSubcommand, "which call is to be made?").exit(),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    match error.downcast_ref::<Status>() {
        Some(status) => eprintln!("{}: {}", name(status.code()), status.message()),
        None => eprintln!("error: {}", with_reason(&*error)),
    }
    ExitCode::FAILURE
}

async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let incoming = TcpIncoming::bind(address)?;
    println!("listening on http://{}", incoming.local_addr()?);
    let input_ended =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        served = Server::builder().serve_with_incoming(KvServer::new(Store::new()), incoming) => Ok(served?),
        _ = input_ended => Ok(()),
    }
}

async fn make(call: Call, url: String) -> Result<(), Box<dyn Error>> {
    let mut kv = KvClient::connect(url).await?;
    match call {
        Call::Get { key } => println!("{}", kv.get(GetRequest { key }).await?.into_inner().value),
        Call::Put { key, value } => {
            kv.put(PutRequest { key, value }).await?;
        }
        Call::Delete { key } => println!("{}", kv.delete(DeleteRequest { key }).await?.into_inner().existed),
        Call::Incr { key, by } => {
            println!("{}", kv.increment(IncrementRequest { key, by }).await?.into_inner().value);
        }
        Call::Watch { key } => {
            let mut changes = kv.watch(WatchRequest { key }).await?.into_inner();
            while let Some(Change { key, value }) = changes.message().await? {
                match value {
                    Some(value) => println!("{key}={value}"),
                    None => println!("{key} removed"),
                }
            }
        }
        Call::Load { entries } => {
            println!("{}", kv.load(tokio_stream::iter(entries)).await?.into_inner().count);
        }
    }
    Ok(())
}

/// What the contract asks of a `Kv`, and no more.
#[derive(Clone)]
struct Store {
    values: Arc<Mutex<HashMap<String, String>>>,
    /// Sent to with the lock held, so that changes come in the order in which they happen.
    changes: broadcast::Sender<Change>,
}

impl Store {
    fn new() -> Self {
        Self { values: Arc::default(), changes: broadcast::Sender::new(CHANGES) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, values: &mut HashMap<String, String>, key: String, value: String) {
        values.insert(key.clone(), value.clone());
        self.tell(key, Some(value));
    }

    fn remove(&self, key: String) -> bool {
        let mut values = self.lock();
        let existed = values.remove(&key).is_some();
        if existed {
            self.tell(key, None);
        }
        existed
    }

    fn tell(&self, key: String, value: Option<String>) {
        // It fails when nobody listens.
        let _ = self.changes.send(Change { key, value });
    }

    fn apply(&self, Change { key, value }: Change) -> Result<(), Status> {
        match value {
            Some(value) => {
                check_key(&key)?;
                self.set(&mut self.lock(), key, value);
            }
            None => {
                self.remove(key);
            }
        }
        Ok(())
    }

    /// The present value of `key`, and all changes after it.
    fn subscribe(&self, key: &str) -> (Option<String>, broadcast::Receiver<Change>) {
        let values = self.lock();
        (values.get(key).cloned(), self.changes.subscribe())
    }
}

#[tonic::async_trait]
impl Kv for Store {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetReply>, Status> {
        let GetRequest { key } = request.into_inner();
        let value = self.lock().get(&key).cloned();
        let value = value.ok_or_else(|| Status::not_found(format!("no value for {key:?}")))?;
        Ok(Response::new(GetReply { value }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutReply>, Status> {
        let PutRequest { key, value } = request.into_inner();
        check_key(&key)?;
        self.set(&mut self.lock(), key, value);
        Ok(Response::new(PutReply {}))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteReply>, Status> {
        let existed = self.remove(request.into_inner().key);
        Ok(Response::new(DeleteReply { existed }))
    }

    async fn increment(
        &self,
        request: Request<IncrementRequest>,
    ) -> Result<Response<IncrementReply>, Status> {
        let IncrementRequest { key, by } = request.into_inner();
        check_key(&key)?;
        let mut values = self.lock();
        let present = values.get(&key).map_or("0", String::as_str);
        let number: i64 = present.parse().map_err(|_| {
            Status::failed_precondition(format!("the value of {key:?} is not a number: {present:?}"))
        })?;
        let value = number
            .checked_add(by)
            .ok_or_else(|| Status::out_of_range(format!("{number} + {by} does not fit into 64 bits")))?;
        self.set(&mut values, key, value.to_string());
        Ok(Response::new(IncrementReply { value }))
    }

    type WatchStream = Replies<Change>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let WatchRequest { key } = request.into_inner();
        let (value, mut changes) = self.subscribe(&key);
        let store = self.clone();
        Ok(replies(async move |replies| {
            if value.is_some() {
                send(&replies, Change { key: key.clone(), value }).await?;
            }
            loop {
                let change = tokio::select! {
                    change = changes.recv() => change,
                    () = replies.closed() => return Ok(()),
                };
                match change {
                    Ok(change) if change.key == key => send(&replies, change).await?,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        let (value, newer) = store.subscribe(&key);
                        changes = newer;
                        send(&replies, Change { key: key.clone(), value }).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                }
            }
        }))
    }

    async fn load(&self, request: Request<Streaming<Entry>>) -> Result<Response<LoadReply>, Status> {
        let mut entries = request.into_inner();
        let mut count = 0;
        while let Some(Entry { key, value }) = entries.message().await? {
            self.apply(Change { key, value: Some(value) })?;
            count += 1;
        }
        Ok(Response::new(LoadReply { count }))
    }

    type SyncStream = Replies<Change>;

    async fn sync(&self, request: Request<Streaming<Change>>) -> Result<Response<Self::SyncStream>, Status> {
        let mut requests = request.into_inner();
        let mut changes = self.changes.subscribe();
        let store = self.clone();
        Ok(replies(async move |replies| {
            loop {
                tokio::select! {
                    change = changes.recv() => send(&replies, change.map_err(|_| missed())?).await?,
                    request = requests.message() => match request? {
                        Some(change) => store.apply(change)?,
                        None => break,
                    },
                }
            }
            loop {
                match changes.try_recv() {
                    Ok(change) => send(&replies, change).await?,
                    Err(TryRecvError::Lagged(_)) => return Err(missed()),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
                }
            }
        }))
    }
}

/// The replies of a call that has many.
type Replies<T> = ReceiverStream<Result<T, Status>>;

/// Where they are put in.
type Sender<T> = mpsc::Sender<Result<T, Status>>;

/// An answer whose messages are what `method` sends; with the error that it returns, if it does.
fn replies<T: Send + 'static, F>(method: impl FnOnce(Sender<T>) -> F) -> Response<Replies<T>>
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(16);
    let sent = method(sender.clone());
    tokio::spawn(async move {
        if let Err(status) = sent.await {
            // The caller may have given the call up: then nobody is told.
            let _ = sender.send(Err(status)).await;
        }
    });
    Response::new(ReceiverStream::new(receiver))
}

async fn send<T>(replies: &Sender<T>, message: T) -> Result<(), Status> {
    replies.send(Ok(message)).await.map_err(|_| Status::cancelled("the caller has given the call up"))
}

fn check_key(key: &str) -> Result<(), Status> {
    if key.is_empty() {
        return Err(Status::invalid_argument("a key has at least one character"));
    }
    Ok(())
}

fn missed() -> Status {
    Status::aborted("changes were missed: read them sooner")
}

fn entry(text: &str) -> Result<Entry, String> {
    let (key, value) = text.split_once('=').ok_or("an entry is KEY=VALUE")?;
    Ok(Entry { key: key.to_owned(), value: value.to_owned() })
}

/// The name that the specification gives a code: tonic writes it in words.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// `error`, and the innermost reason for it.
fn with_reason(error: &dyn Error) -> String {
    let mut reason = None;
    let mut source = error.source();
    while let Some(error) = source {
        reason = Some(error);
        source = error.source();
    }
    reason.map_or_else(|| error.to_string(), |reason| format!("{error}: {reason}"))
}

/// How many changes are kept for those who have not read them yet.
const CHANGES: usize = 256;
