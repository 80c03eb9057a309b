//! When a call ends that does not end by itself: at its deadline, or when nobody waits for it.
//!
//! Where a test has a paused clock, time passes as soon as everybody waits for it.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use client::CallOptions;
use kv::{Kv, KvClient, Store};
use server::context;
use support::{Gate, Transport, kv_whose_get_is, on_every_transport, pass, spawn_get};
use tokio::sync::mpsc;
use tokio::time::{Instant, advance};
use transport::{Call, Code, Limits, Metadata, Path, Received, RequestHead, Status, open};

on_every_transport! {
    a_call_past_its_deadline_ends_and_its_method_is_dropped
    a_call_past_its_deadline_costs_no_other_call
    a_server_ends_a_call_at_its_deadline_though_its_caller_keeps_waiting
    a_call_whose_deadline_is_past_does_not_run_its_method
    a_call_that_is_answered_in_time_is_not_touched_by_its_deadline
    a_timeout_too_long_to_be_counted_is_no_deadline
    dropping_the_future_of_a_call_stops_its_method
    dropping_the_future_of_a_call_costs_no_other_call
    dropping_the_future_of_a_call_that_waits_for_its_turn_leaves_its_method_alone
    a_method_without_a_deadline_is_told_so
    a_task_that_a_method_spawns_has_no_deadline_and_no_metadata
    a_call_given_up_gives_up_the_call_that_its_method_made
}

const SECOND: Duration = Duration::from_secs(1);

fn timeout(timeout: Duration) -> CallOptions {
    CallOptions::new().timeout(timeout)
}

fn deadline(deadline: Instant) -> CallOptions {
    CallOptions::new().deadline(deadline.into_std())
}

fn is_exceeded(ended: Result<String, Status>) -> bool {
    ended.is_err_and(|status| status.code() == Code::DeadlineExceeded)
}

// ---- deadlines ----

async fn a_call_past_its_deadline_ends_and_its_method_is_dropped(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let call = spawn_get(&kv.with(timeout(10 * SECOND)), "any");
    gate.begun().await;
    pass(10 * SECOND).await;
    assert!(is_exceeded(call.await.unwrap()));
    gate.stopped().await;
}

async fn a_call_past_its_deadline_costs_no_other_call(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let other = spawn_get(&kv, "other");
    gate.begun().await;
    let call = spawn_get(&kv.with(timeout(10 * SECOND)), "any");
    gate.begun().await;
    pass(10 * SECOND).await;
    assert!(is_exceeded(call.await.unwrap()));
    gate.stopped().await;
    gate.let_through();
    assert_eq!(other.await.unwrap(), Ok("other".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_timeout_is_over_and_not_before() {
    let served = Transport::Memory.serve(Gate::default()).await;
    let kv = served.kv().await.with(timeout(10 * SECOND));
    let call = spawn_get(&kv, "any");
    // Only now does it begin.
    tokio::task::yield_now().await;
    advance(10 * SECOND - Duration::from_millis(10)).await;
    assert!(!call.is_finished());
    advance(Duration::from_millis(20)).await;
    assert!(is_exceeded(call.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_can_be_given_as_a_point_in_time() {
    let served = Transport::Memory.serve(Gate::default()).await;
    let ends = Instant::now() + 10 * SECOND;
    let kv = served.kv().await.with(deadline(ends));
    assert!(is_exceeded(kv.get("any").await));
    assert!(Instant::now() >= ends);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_begins_anew_with_each_call() {
    let gate = Gate::default();
    let served = Transport::Memory.serve(gate.clone()).await;
    let kv = served.kv().await.with(timeout(10 * SECOND));
    for _ in 0..3 {
        let call = spawn_get(&kv, "any");
        gate.begun().await;
        advance(9 * SECOND).await;
        gate.let_through();
        assert_eq!(call.await.unwrap(), Ok("any".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_deadline_waits_as_long_as_it_takes() {
    let gate = Gate::default();
    let served = Transport::Memory.serve(gate.clone()).await;
    let call = spawn_get(&served.kv().await, "any");
    gate.begun().await;
    advance(365 * 24 * 3600 * SECOND).await;
    assert!(!call.is_finished());
    gate.let_through();
    assert_eq!(call.await.unwrap(), Ok("any".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_its_turn_ends_at_its_deadline_too() {
    let gate = Gate::default();
    let limits = Limits { calls: 1, ..Limits::default() };
    let served = Transport::Memory.serve_with(gate.clone(), limits).await;
    let kv = served.kv().await;
    let first = spawn_get(&kv, "first");
    gate.begun().await;
    assert!(is_exceeded(kv.with(timeout(10 * SECOND)).get("second").await));
    gate.let_through();
    assert_eq!(first.await.unwrap(), Ok("first".to_owned()));
    assert_eq!(gate.runs(), 1);
}

async fn a_call_that_is_answered_in_time_is_not_touched_by_its_deadline(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await.with(timeout(10 * SECOND));
    assert_eq!(kv.increment("hits", 1).await, Ok(1));
    pass(11 * SECOND).await;
    assert_eq!(kv.increment("hits", 1).await, Ok(2));
}

async fn a_timeout_too_long_to_be_counted_is_no_deadline(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await.with(timeout(Duration::MAX));
    assert_eq!(kv.increment("hits", 1).await, Ok(1));
}

/// A call of `Get` that ends at `deadline` on the server, and here only when the server says so.
async fn patient_call(served: &support::Served, deadline: Instant) -> Call {
    let mut head = RequestHead::new(Path::from_static("/kv.Kv/Get"), "bincode");
    head.deadline = Some(deadline.into_std());
    open(&served.channel().await, head, Some("\u{3}any".into()), true).await.unwrap()
}

async fn a_server_ends_a_call_at_its_deadline_though_its_caller_keeps_waiting(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let mut call = patient_call(&served, Instant::now() + 10 * SECOND).await;
    gate.begun().await;
    pass(11 * SECOND).await;
    let exceeded = Status::new(Code::DeadlineExceeded, "the deadline passed before the method was done");
    assert_eq!(call.receive.receive().await, Received::End(exceeded));
    gate.stopped().await;
}

async fn a_call_whose_deadline_is_past_does_not_run_its_method(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    // What the client's stub says about it, and what the server says when it is asked all the same.
    let kv = served.kv().await;
    assert!(is_exceeded(kv.with(timeout(Duration::ZERO)).get("any").await));
    assert!(is_exceeded(kv.with(deadline(Instant::now())).get("any").await));
    let mut call = patient_call(&served, Instant::now()).await;
    let exceeded = Status::new(Code::DeadlineExceeded, "the deadline passed before the method was done");
    assert_eq!(call.receive.receive().await, Received::End(exceeded));
    // A call behind them on the same connection has run; they have not.
    gate.let_through();
    assert_eq!(kv.get("later").await, Ok("later".to_owned()));
    assert_eq!(gate.runs(), 1);
}

// ---- calls given up ----

async fn dropping_the_future_of_a_call_stops_its_method(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let call = spawn_get(&kv, "any");
    gate.begun().await;
    call.abort();
    gate.stopped().await;
}

async fn dropping_the_future_of_a_call_costs_no_other_call(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let other = spawn_get(&kv, "other");
    gate.begun().await;
    let call = spawn_get(&kv, "any");
    gate.begun().await;
    call.abort();
    gate.stopped().await;
    gate.let_through();
    assert_eq!(other.await.unwrap(), Ok("other".to_owned()));
}

async fn dropping_the_future_of_a_call_that_waits_for_its_turn_leaves_its_method_alone(transport: Transport) {
    let gate = Gate::default();
    let limits = Limits { calls: 1, ..Limits::default() };
    let served = transport.serve_with(gate.clone(), limits).await;
    let kv = served.kv().await;
    let first = spawn_get(&kv, "first");
    gate.begun().await;
    let second = spawn_get(&kv, "second");
    let third = spawn_get(&kv, "third");
    tokio::task::yield_now().await;
    second.abort();
    gate.let_through();
    gate.let_through();
    assert_eq!(first.await.unwrap(), Ok("first".to_owned()));
    assert_eq!(third.await.unwrap(), Ok("third".to_owned()));
    assert_eq!(gate.runs(), 2);
}

// ---- what a method knows of its deadline, and passes on ----

/// A `Kv` whose `get` tells its deadline and then returns its key.
fn tells_its_deadline() -> (impl Kv, mpsc::UnboundedReceiver<Option<std::time::Instant>>) {
    let (tell, told) = mpsc::unbounded_channel();
    let kv = kv_whose_get_is(move |key| {
        let tell = tell.clone();
        async move {
            tell.send(context::deadline()).unwrap();
            Ok(key)
        }
    });
    (kv, told)
}

/// A `Kv` whose `get` asks `back`, until its own deadline.
fn asks(back: KvClient) -> impl Kv {
    kv_whose_get_is(move |key| {
        let back = back.with(CallOptions::new().deadline(context::deadline()));
        async move { back.get(&key).await }
    })
}

#[tokio::test(start_paused = true)]
async fn a_method_is_told_its_deadline() {
    let (kv, mut told) = tells_its_deadline();
    let served = Transport::Memory.serve(kv).await;
    let ends = Instant::now() + 10 * SECOND;
    served.kv().await.with(deadline(ends)).get("any").await.unwrap();
    assert_eq!(told.recv().await, Some(Some(ends.into_std())));
    served.kv().await.with(timeout(10 * SECOND)).get("any").await.unwrap();
    assert_eq!(told.recv().await, Some(Some(ends.into_std())));
}

async fn a_method_without_a_deadline_is_told_so(transport: Transport) {
    let (kv, mut told) = tells_its_deadline();
    let served = transport.serve(kv).await;
    served.kv().await.get("any").await.unwrap();
    assert_eq!(told.recv().await, Some(None));
}

#[test]
fn outside_a_call_there_is_no_deadline() {
    assert_eq!(context::deadline(), None);
}

async fn a_task_that_a_method_spawns_has_no_deadline_and_no_metadata(transport: Transport) {
    let kv = kv_whose_get_is(|_| async {
        let task = async { format!("{:?}, {} fields", context::deadline(), context::metadata().len()) };
        Ok(tokio::spawn(task).await.unwrap())
    });
    let served = transport.serve(kv).await;
    let mut metadata = Metadata::new();
    metadata.append("tenant", "blue").unwrap();
    let kv = served.kv().await.with(timeout(10 * SECOND).metadata(metadata));
    assert_eq!(kv.get("any").await, Ok("None, 0 fields".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_method_passes_its_deadline_on_to_the_call_that_it_makes() {
    let (kv, mut told) = tells_its_deadline();
    let back = Transport::Memory.serve(kv).await;
    let front = Transport::Memory.serve(asks(back.kv().await)).await;
    let ends = Instant::now() + 10 * SECOND;
    assert_eq!(front.kv().await.with(deadline(ends)).get("any").await, Ok("any".to_owned()));
    assert_eq!(told.recv().await, Some(Some(ends.into_std())));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_method_makes_is_over_with_the_call_it_serves() {
    let gate = Gate::default();
    let back = Transport::Memory.serve(gate.clone()).await;
    let front = Transport::Memory.serve(asks(back.kv().await)).await;
    assert!(is_exceeded(front.kv().await.with(timeout(10 * SECOND)).get("any").await));
    gate.stopped().await;
}

async fn a_call_given_up_gives_up_the_call_that_its_method_made(transport: Transport) {
    let gate = Gate::default();
    let back = transport.serve(gate.clone()).await;
    let front = transport.serve(asks(back.kv().await)).await;
    let kv = front.kv().await;
    let call = spawn_get(&kv, "any");
    gate.begun().await;
    call.abort();
    gate.stopped().await;
}
