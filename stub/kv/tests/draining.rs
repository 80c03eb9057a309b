//! How a server begins and ends: listening in several places, draining, stopping at once.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use support::{Gate, Transport, channel, connect, on_every_transport, server, spawn_get, until};
use tokio::time::Instant;
use transport::{Code, Limits, Status};

on_every_transport! {
    draining_lets_open_calls_end_and_says_that_all_have
    draining_does_not_wait_for_clients_that_have_no_calls
    draining_a_server_that_nobody_has_called_is_done_at_once
    a_call_that_does_not_end_within_the_grace_is_unavailable_and_its_method_is_dropped
    draining_ends_when_the_caller_gives_up_the_last_call
    a_draining_server_takes_no_further_call_on_the_connections_it_has
    a_draining_server_refuses_new_connections
    a_server_that_is_dropped_fails_open_calls_as_unavailable_and_drops_their_methods
    a_server_that_is_dropped_refuses_new_connections
    where_a_drained_server_listened_another_can
    listening_twice_in_one_place_is_refused_and_names_the_place
}

const HOUR: Duration = Duration::from_secs(3600);

// ---- draining ----

async fn draining_lets_open_calls_end_and_says_that_all_have(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let connection = served.connection().await;
    let kv = KvClient::new(connection.clone());
    let calls = [spawn_get(&kv, "one"), spawn_get(&kv, "other")];
    gate.begun().await;
    gate.begun().await;
    let drained = tokio::spawn(served.server.drain(HOUR));
    until(async || connection.is_closed()).await;
    assert!(!drained.is_finished());
    gate.let_through();
    gate.let_through();
    let [one, other] = calls;
    assert_eq!(one.await.unwrap(), Ok("one".to_owned()));
    assert_eq!(other.await.unwrap(), Ok("other".to_owned()));
    assert!(drained.await.unwrap());
}

async fn draining_does_not_wait_for_clients_that_have_no_calls(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    kv.put("greeting", "hello").await.unwrap();
    assert!(served.server.drain(HOUR).await);
    assert_eq!(kv.get("greeting").await.unwrap_err().code(), Code::Unavailable);
}

async fn draining_a_server_that_nobody_has_called_is_done_at_once(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    assert!(served.server.drain(HOUR).await);
}

async fn a_call_that_does_not_end_within_the_grace_is_unavailable_and_its_method_is_dropped(
    transport: Transport,
) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let call = spawn_get(&kv, "endless");
    gate.begun().await;
    assert!(!served.server.drain(Duration::ZERO).await);
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    gate.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn draining_waits_as_long_as_the_grace_and_no_longer() {
    let gate = Gate::default();
    let served = Transport::Memory.serve(gate.clone()).await;
    let kv = served.kv().await;
    let call = spawn_get(&kv, "endless");
    gate.begun().await;
    let begun = Instant::now();
    assert!(!served.server.drain(HOUR).await);
    let waited = begun.elapsed();
    assert!(waited >= HOUR && waited < HOUR + Duration::from_secs(1), "it waited {waited:?}");
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    gate.stopped().await;
}

async fn draining_ends_when_the_caller_gives_up_the_last_call(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let call = spawn_get(&kv, "endless");
    gate.begun().await;
    let drained = tokio::spawn(served.server.drain(HOUR));
    call.abort();
    assert!(drained.await.unwrap());
}

async fn a_draining_server_takes_no_further_call_on_the_connections_it_has(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let connection = served.connection().await;
    let kv = KvClient::new(connection.clone());
    let open = spawn_get(&kv, "open");
    gate.begun().await;
    let drained = tokio::spawn(served.server.drain(HOUR));
    until(async || connection.is_closed()).await;
    let refused = kv.get("next").await;
    assert_eq!(refused, Err(Status::new(Code::Unavailable, "the connection is going away")));
    gate.let_through();
    assert_eq!(open.await.unwrap(), Ok("open".to_owned()));
    assert!(drained.await.unwrap());
    assert_eq!(gate.runs(), 1);
}

async fn a_draining_server_refuses_new_connections(transport: Transport) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let (kv, address) = (served.kv().await, served.address.clone());
    let open = spawn_get(&kv, "open");
    gate.begun().await;
    let drained = tokio::spawn(served.server.drain(HOUR));
    until(async || channel(&address, Limits::default()).await.is_err()).await;
    let refused = channel(&address, Limits::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("is listening on"), "{refused}");
    gate.let_through();
    assert_eq!(open.await.unwrap(), Ok("open".to_owned()));
    assert!(drained.await.unwrap());
}

// ---- stopping at once ----

async fn a_server_that_is_dropped_fails_open_calls_as_unavailable_and_drops_their_methods(
    transport: Transport,
) {
    let gate = Gate::default();
    let served = transport.serve(gate.clone()).await;
    let kv = served.kv().await;
    let call = spawn_get(&kv, "endless");
    gate.begun().await;
    drop(served);
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
    gate.stopped().await;
}

async fn a_server_that_is_dropped_refuses_new_connections(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let address = served.address.clone();
    drop(served);
    until(async || channel(&address, Limits::default()).await.is_err()).await;
}

// ---- listening ----

async fn where_a_drained_server_listened_another_can(transport: Transport) {
    let first = transport.serve(Store::new()).await;
    let address = first.address.clone();
    first.kv().await.put("greeting", "hello").await.unwrap();
    assert!(first.server.drain(HOUR).await);
    let mut second = server(Router::new().with(KvServer::new(Store::new())));
    second.listen(&address).await.unwrap();
    let kv = connect(&address).await.unwrap();
    assert_eq!(kv.get("greeting").await.unwrap_err().code(), Code::NotFound);
}

async fn listening_twice_in_one_place_is_refused_and_names_the_place(transport: Transport) {
    let mut served = transport.serve(Store::new()).await;
    let again = served.server.listen(&served.address).await.unwrap_err();
    let place = served.address.split("://").last().unwrap();
    assert_eq!(again.code(), Code::Unavailable);
    assert!(again.message().contains(place) && again.message().contains("already"), "{again}");
    // Where it listened before, it still does.
    assert_eq!(served.kv().await.increment("hits", 1).await, Ok(1));
}

#[tokio::test]
async fn a_server_on_memory_and_on_two_ports_serves_one_store() {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let mut count = 0;
    for place in [Transport::Memory, Transport::Tcp, Transport::Tcp] {
        let address = server.listen(&place.free_address()).await.unwrap().to_string();
        let kv = KvClient::connect(&address).await.unwrap();
        count += 1;
        assert_eq!(kv.increment("hits", 1).await, Ok(count), "through {address}");
    }
}

#[tokio::test]
async fn draining_waits_for_the_calls_of_all_places() {
    let gate = Gate::default();
    let mut server = Server::new(Router::new().with(KvServer::new(gate.clone())));
    let mut calls = Vec::new();
    for place in [Transport::Memory, Transport::Tcp, Transport::Tcp] {
        let address = server.listen(&place.free_address()).await.unwrap().to_string();
        calls.push(spawn_get(&KvClient::connect(&address).await.unwrap(), "any"));
        gate.begun().await;
    }
    let drained = tokio::spawn(server.drain(HOUR));
    for call in calls {
        tokio::task::yield_now().await;
        assert!(!drained.is_finished());
        gate.let_through();
        let _ = call.await.unwrap();
    }
    assert!(drained.await.unwrap());
}

#[tokio::test]
async fn the_port_of_a_server_on_port_zero_is_one_that_was_free() {
    let mut server = Server::new(Router::new());
    let one = server.listen("tcp://127.0.0.1:0").await.unwrap().to_string();
    let other = server.listen("tcp://127.0.0.1:0").await.unwrap().to_string();
    assert!(one.starts_with("tcp://127.0.0.1:") && !one.ends_with(":0"), "{one}");
    assert_ne!(one, other);
}

#[tokio::test]
async fn limits_hold_for_the_places_that_are_added_after_them() {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let unlimited = server.listen(&Transport::Memory.free_address()).await.unwrap().to_string();
    let mut server = server.limits(Limits { message: 10, ..Limits::default() });
    let limited = server.listen(&Transport::Memory.free_address()).await.unwrap().to_string();
    let key = "a key of more than ten bytes";
    let ended = KvClient::connect(&unlimited).await.unwrap().get(key).await;
    assert_eq!(ended.unwrap_err().code(), Code::NotFound);
    let ended = KvClient::connect(&limited).await.unwrap().get(key).await;
    assert_eq!(ended.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn listening_on_what_is_no_address_is_an_invalid_argument_that_says_why() {
    let mut server = Server::new(Router::new());
    let mut refused = async |address: &str, reason: &str| {
        let text =
            format!("{address:?} is not an address: {reason}; addresses look like tcp://127.0.0.1:4000");
        assert_eq!(server.listen(address).await, Err(Status::new(Code::InvalidArgument, text)));
    };
    refused("127.0.0.1:4000", "it does not begin with a transport, such as tcp://").await;
    refused("ftp://127.0.0.1:4000", "this transport is not known").await;
    refused("tcp://127.0.0.1", "it has no port").await;
}
