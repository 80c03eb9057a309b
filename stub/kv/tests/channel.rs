//! The way to the server at an address, whatever becomes of the connections on it.

#![allow(clippy::unwrap_used)]

mod support;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use client::{CallOptions, Channel};
use kv::{Kv, KvClient, KvServer, Store};
use server::Router;
use support::{
    Gate, Served, Transport, connect, connection, listen, on_every_transport, pass, server, spawn_get, until,
};
use tokio::sync::Notify;
use tokio::time::{Instant, advance, timeout};
use transport::{Address, Call, Code, Connection, Limits, Opening, Status};

on_every_transport! {
    calls_fail_while_the_server_is_gone_and_work_again_when_another_listens
    a_call_that_was_sent_fails_with_its_server_and_is_never_repeated
    a_call_that_was_never_sent_moves_on_to_the_new_connection
    after_a_server_began_to_drain_the_next_call_goes_to_the_new_one
    calls_that_wait_for_a_new_connection_share_one
    a_channel_outlives_any_number_of_servers
    what_wraps_a_channel_is_a_connection_too
    a_channel_that_nobody_needs_any_more_ends_its_connection
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A server of `kv` at an address that another one may just be leaving.
async fn serve_at(address: &str, kv: impl Kv) -> Served {
    let mut server = server(Router::new().with(KvServer::new(kv)));
    until(async || server.listen(address).await.is_ok()).await;
    Served { server, address: address.to_owned() }
}

/// Stops a server at once, and waits until nobody listens where it did.
async fn stop(served: Served) {
    let Served { server, address } = served;
    drop(server);
    until(async || connection(&address).await.is_err()).await;
}

async fn fails(kv: &KvClient) -> bool {
    kv.get("any").await.is_err_and(|status| status.code() == Code::Unavailable)
}

// ---- connecting ----

#[tokio::test]
async fn connecting_to_a_port_where_nothing_listens_is_unavailable_and_says_so() {
    let served = Transport::Tcp.serve(Store::new()).await;
    let address = served.address.clone();
    stop(served).await;
    let text = format!("nothing is listening on {}", address.trim_start_matches("tcp://"));
    let refused = KvClient::connect(&address).await.unwrap_err();
    assert_eq!(refused, Status::new(Code::Unavailable, text));
}

#[tokio::test]
async fn connecting_to_a_name_where_nothing_listens_is_unavailable_and_says_so() {
    let refused = KvClient::connect("memory:nobody").await.unwrap_err();
    let text = "nothing in this process is listening on memory:nobody";
    assert_eq!(refused, Status::new(Code::Unavailable, text));
}

#[tokio::test]
async fn connecting_to_what_is_no_address_is_an_invalid_argument_that_says_why() {
    let refused = Channel::connect("127.0.0.1:4000").await.unwrap_err();
    let text = "\"127.0.0.1:4000\" is not an address: it does not begin with a transport, such as tcp://; \
        addresses look like tcp://127.0.0.1:4000";
    assert_eq!(refused, Status::new(Code::InvalidArgument, text));
}

// ---- when a server goes ----

async fn calls_fail_while_the_server_is_gone_and_work_again_when_another_listens(transport: Transport) {
    let first = transport.serve(Store::new()).await;
    let (kv, address) = (first.kv().await, first.address.clone());
    assert_eq!(kv.increment("hits", 1).await, Ok(1));
    stop(first).await;
    assert!(fails(&kv).await);
    assert!(fails(&kv).await);
    let _second = serve_at(&address, Store::new()).await;
    until(async || kv.increment("hits", 1).await.is_ok()).await;
    assert_eq!(kv.increment("hits", 1).await, Ok(2));
}

async fn a_call_that_was_sent_fails_with_its_server_and_is_never_repeated(transport: Transport) {
    let (gate, other_gate) = (Gate::default(), Gate::default());
    let first = transport.serve(gate.clone()).await;
    let (kv, address) = (first.kv().await, first.address.clone());
    let call = spawn_get(&kv, "sent");
    gate.begun().await;
    drop(first);
    let _second = serve_at(&address, other_gate.clone()).await;
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    other_gate.let_through();
    until(async || kv.get("next").await.is_ok()).await;
    assert_eq!((gate.runs(), other_gate.runs()), (1, 1));
}

async fn a_call_that_was_never_sent_moves_on_to_the_new_connection(transport: Transport) {
    let gate = Gate::default();
    let limits = Limits { calls: 1, ..Limits::default() };
    let first = transport.serve_with(gate.clone(), limits).await;
    let (kv, address) = (first.kv().await, first.address.clone());
    let sent = spawn_get(&kv, "sent");
    gate.begun().await;
    // The server takes one call at once, so this one waits here.
    let mut waits = pin!(kv.get("waits"));
    assert!(poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_pending())).await);
    pass(SECOND).await;
    let drained = tokio::spawn(first.server.drain(HOUR));
    let other_gate = Gate::default();
    let _second = serve_at(&address, other_gate.clone()).await;
    other_gate.let_through();
    assert_eq!(waits.await, Ok("waits".to_owned()));
    gate.let_through();
    assert_eq!(sent.await.unwrap(), Ok("sent".to_owned()));
    assert!(drained.await.unwrap());
    assert_eq!((gate.runs(), other_gate.runs()), (1, 1));
}

async fn after_a_server_began_to_drain_the_next_call_goes_to_the_new_one(transport: Transport) {
    let gate = Gate::default();
    let first = transport.serve(gate.clone()).await;
    let (kv, address) = (first.kv().await, first.address.clone());
    let slow = spawn_get(&kv, "slow");
    gate.begun().await;
    pass(SECOND).await;
    let drained = tokio::spawn(first.server.drain(HOUR));
    let _second = serve_at(&address, Store::new()).await;
    until(async || kv.increment("hits", 1).await.is_ok()).await;
    assert!(!slow.is_finished());
    gate.let_through();
    assert_eq!(slow.await.unwrap(), Ok("slow".to_owned()));
    assert!(drained.await.unwrap());
}

async fn calls_that_wait_for_a_new_connection_share_one(transport: Transport) {
    let mut listener = listen(&transport.free_address()).await;
    let address = listener.address().unwrap().to_string();
    let connecting = tokio::spawn(async move { connect(&address).await.unwrap() });
    let drain = Arc::new(Notify::new());
    let draining = drain.clone();
    let incoming = listener.accept().await.unwrap();
    let first = tokio::spawn(incoming.serve(store(), async move { draining.notified().await }));
    let kv = connecting.await.unwrap();
    pass(SECOND).await;
    drain.notify_one();
    // It ends when the client has agreed that there will be no further call on it.
    assert_eq!(first.await.unwrap(), Ok(()));
    let calls: Vec<_> = (0..100).map(|_| spawn_get(&kv, "any")).collect();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    tokio::spawn(async move {
        while let Ok(incoming) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(incoming.serve(store(), std::future::pending()));
        }
    });
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

fn store() -> Arc<Router> {
    Arc::new(Router::new().with(KvServer::new(Store::new())))
}

async fn a_channel_outlives_any_number_of_servers(transport: Transport) {
    let mut served = transport.serve(Store::new()).await;
    let (kv, address) = (served.kv().await, served.address.clone());
    for _ in 0..5 {
        pass(SECOND).await;
        assert!(served.server.drain(HOUR).await);
        served = serve_at(&address, Store::new()).await;
        assert_eq!(kv.increment("hits", 1).await, Ok(1));
    }
}

// ---- how often a channel tries ----

/// What a call ends with that ends without waiting for anything.
async fn at_once(kv: &KvClient) -> Result<String, Status> {
    timeout(Duration::ZERO, kv.get("any")).await.expect("it waits")
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_attempt_calls_fail_with_its_reason_and_without_another() {
    let first = Transport::Memory.serve(Store::new()).await;
    let (kv, address) = (first.kv().await, first.address.clone());
    advance(SECOND).await;
    stop(first).await;
    let reason = Status::new(Code::Unavailable, format!("nothing in this process is listening on {address}"));
    assert_eq!(kv.get("any").await, Err(reason.clone()));
    let _second = serve_at(&address, Store::new()).await;
    assert_eq!(at_once(&kv).await, Err(reason));
}

#[tokio::test(start_paused = true)]
async fn the_time_between_attempts_doubles_from_a_tenth_of_a_second_to_one_second() {
    let first = Transport::Memory.serve(Store::new()).await;
    let (kv, address) = (first.kv().await, first.address.clone());
    advance(SECOND).await;
    stop(first).await;
    for millis in [100, 200, 400, 800, 1000, 1000] {
        assert!(fails(&kv).await, "a failed attempt");
        let another = serve_at(&address, Store::new()).await;
        advance(Duration::from_millis(millis - 1)).await;
        assert!(at_once(&kv).await.is_err(), "no attempt {} ms after the last", millis - 1);
        stop(another).await;
        advance(Duration::from_millis(1)).await;
    }
    let _last = serve_at(&address, Store::new()).await;
    assert_eq!(kv.increment("hits", 1).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_each_connection_at_once_is_not_asked_again_and_again() {
    let name = Transport::Memory.free_address();
    let mut listener = name.parse::<Address>().unwrap().listen(&Limits::default()).await.unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    tokio::spawn(async move {
        while let Ok(incoming) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            drop(incoming);
        }
    });
    let kv = KvClient::connect(&name).await.unwrap();
    until(async || accepted.load(Ordering::SeqCst) == 1).await;
    for _ in 0..100 {
        assert!(fails(&kv).await);
    }
    // The first loss may be chance; the second is not.
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
    advance(SECOND).await;
    for _ in 0..100 {
        assert!(fails(&kv).await);
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_connection_ends_at_its_deadline() {
    let name = Transport::Memory.free_address();
    let address = name.parse::<Address>().unwrap();
    let mut listener = address.listen(&Limits::default()).await.unwrap();
    let (kv, nobody_serves_it) = tokio::join!(KvClient::connect(&name), listener.accept());
    let (kv, nobody_serves_it) = (kv.unwrap(), nobody_serves_it.unwrap());
    let begun = Instant::now();
    let ended = kv.with(CallOptions::new().timeout(SECOND)).get("any").await;
    assert_eq!(ended.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < 2 * SECOND);
    drop(nobody_serves_it);
}

// ---- composition ----

/// Counts the calls that are opened through it.
struct Counting {
    inner: Arc<dyn Connection>,
    calls: AtomicUsize,
}

impl Connection for Counting {
    fn poll_open(
        self: Arc<Self>,
        cx: &mut Context<'_>,
        opening: &mut Option<Opening>,
    ) -> Poll<Result<Call, Status>> {
        let opened = self.inner.clone().poll_open(cx, opening);
        if matches!(opened, Poll::Ready(Ok(_))) {
            self.calls.fetch_add(1, Ordering::SeqCst);
        }
        opened
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }
}

async fn what_wraps_a_channel_is_a_connection_too(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let inner = served.channel().await;
    let counting = Arc::new(Counting { inner, calls: AtomicUsize::new(0) });
    let kv = KvClient::new(counting.clone());
    kv.put("greeting", "hello").await.unwrap();
    assert_eq!(kv.get("greeting").await, Ok("hello".to_owned()));
    assert_eq!(kv.get("nothing").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(counting.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_channel_is_never_closed_itself() {
    let served = Transport::Memory.serve(Store::new()).await;
    let channel = served.channel().await;
    stop(served).await;
    assert!(fails(&KvClient::new(channel.clone())).await);
    assert!(!channel.is_closed());
}

async fn a_channel_that_nobody_needs_any_more_ends_its_connection(transport: Transport) {
    let mut listener = listen(&transport.free_address()).await;
    let address = listener.address().unwrap().to_string();
    let client = tokio::spawn(async move {
        let kv = connect(&address).await.unwrap();
        assert_eq!(kv.get("any").await.unwrap_err().code(), Code::NotFound);
    });
    let incoming = listener.accept().await.unwrap();
    assert_eq!(incoming.serve(store(), std::future::pending()).await, Ok(()));
    client.await.unwrap();
}
