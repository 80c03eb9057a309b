//! What a call does: arguments there, a result or an error back, and nothing else goes wrong with it.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use client::{CallOptions, Caller};
use kv::message::GetRequest;
use kv::{Kv, KvClient, Store};
use server::context;
use stub::Method;
use stub::codec::{Codec, CodecName};
use support::{Gate, Handler, Served, Transport, channel, kv_whose_get_is, on_every_transport, spawn_get};
use tokio::sync::mpsc;
use transport::{Code, IncomingCall, Limits, Metadata, Path, Received, RequestHead, Status, Value, open};

on_every_transport! {
    what_was_put_can_be_got
    a_later_value_replaces_an_earlier_one
    a_key_without_a_value_is_not_found
    deleting_tells_whether_there_was_a_value
    what_was_deleted_is_not_found
    a_counter_begins_at_zero_and_can_go_below
    a_value_that_is_a_number_can_be_incremented
    incrementing_what_is_not_a_number_fails_and_leaves_it_as_it_was
    incrementing_past_64_bits_fails_and_leaves_the_number_as_it_was
    an_empty_key_is_an_invalid_argument
    any_text_can_be_key_and_value
    a_value_of_megabytes_arrives_whole
    all_clients_of_a_server_share_its_store
    a_service_answers_without_a_router_too

    metadata_given_with_a_call_reaches_the_method
    a_call_without_metadata_brings_none
    options_given_to_one_stub_leave_the_stub_it_came_from_as_it_was
    the_metadata_of_an_error_comes_back_with_it

    a_method_that_is_not_implemented_says_so_by_its_name
    an_unknown_method_is_unimplemented
    an_unknown_service_is_unimplemented
    another_codec_is_unimplemented
    a_request_without_a_message_is_unimplemented
    a_request_of_two_messages_is_unimplemented
    an_answer_without_a_message_is_unimplemented
    an_answer_of_two_messages_is_unimplemented
    an_error_behind_a_message_is_what_the_call_ends_with
    a_request_that_does_not_decode_is_internal_and_names_the_byte
    a_request_with_bytes_behind_it_is_internal_and_names_the_byte
    an_answer_that_does_not_decode_is_internal_and_names_the_byte
    an_answer_with_bytes_behind_it_is_internal_and_names_the_byte

    a_method_that_panics_costs_its_own_call_only
    a_method_that_panics_after_waiting_costs_its_own_call_only
    a_reply_over_the_limit_of_the_client_costs_its_own_call_only
    a_request_over_the_limit_of_the_server_costs_its_own_call_only
    a_thousand_calls_at_once_each_get_their_own_answer
    more_calls_than_the_server_takes_at_once_wait_for_their_turn
}

// ---- results and errors ----

async fn what_was_put_can_be_got(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    assert_eq!(kv.put("greeting", "hello").await, Ok(()));
    assert_eq!(kv.get("greeting").await, Ok("hello".to_owned()));
}

async fn a_later_value_replaces_an_earlier_one(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    kv.put("greeting", "hello").await.unwrap();
    kv.put("greeting", "good evening").await.unwrap();
    assert_eq!(kv.get("greeting").await, Ok("good evening".to_owned()));
}

async fn a_key_without_a_value_is_not_found(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let refused = served.kv().await.get("greeting").await;
    assert_eq!(refused, Err(Status::new(Code::NotFound, "no value for \"greeting\"")));
}

async fn deleting_tells_whether_there_was_a_value(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    kv.put("greeting", "hello").await.unwrap();
    assert_eq!(kv.delete("greeting").await, Ok(true));
    assert_eq!(kv.delete("greeting").await, Ok(false));
}

async fn what_was_deleted_is_not_found(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    kv.put("greeting", "hello").await.unwrap();
    kv.delete("greeting").await.unwrap();
    assert_eq!(kv.get("greeting").await.unwrap_err().code(), Code::NotFound);
}

async fn a_counter_begins_at_zero_and_can_go_below(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    assert_eq!(kv.increment("hits", 2).await, Ok(2));
    assert_eq!(kv.increment("hits", -5).await, Ok(-3));
    assert_eq!(kv.increment("hits", 0).await, Ok(-3));
    assert_eq!(kv.get("hits").await, Ok("-3".to_owned()));
}

async fn a_value_that_is_a_number_can_be_incremented(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    kv.put("hits", "41").await.unwrap();
    assert_eq!(kv.increment("hits", 1).await, Ok(42));
}

async fn incrementing_what_is_not_a_number_fails_and_leaves_it_as_it_was(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    kv.put("greeting", "hello").await.unwrap();
    let text = "the value of \"greeting\" is not a number: \"hello\"";
    let refused = kv.increment("greeting", 1).await;
    assert_eq!(refused, Err(Status::new(Code::FailedPrecondition, text)));
    assert_eq!(kv.get("greeting").await, Ok("hello".to_owned()));
}

async fn incrementing_past_64_bits_fails_and_leaves_the_number_as_it_was(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    assert_eq!(kv.increment("hits", i64::MAX).await, Ok(i64::MAX));
    let text = "9223372036854775807 + 1 does not fit into 64 bits";
    assert_eq!(kv.increment("hits", 1).await, Err(Status::new(Code::OutOfRange, text)));
    assert_eq!(kv.increment("hits", 0).await, Ok(i64::MAX));
}

async fn an_empty_key_is_an_invalid_argument(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    let refused = Status::new(Code::InvalidArgument, "a key has at least one character");
    assert_eq!(kv.put("", "hello").await, Err(refused.clone()));
    assert_eq!(kv.increment("", 1).await, Err(refused));
}

async fn any_text_can_be_key_and_value(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    for (key, value) in [("a", ""), ("Grüße", "¡hola! 你好"), (" ", "\0\r\n"), ("🦀", "\u{10ffff}")] {
        kv.put(key, value).await.unwrap();
        assert_eq!(kv.get(key).await, Ok(value.to_owned()));
    }
}

async fn a_value_of_megabytes_arrives_whole(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = served.kv().await;
    let value: String = (0..300_000).map(|number| format!("{number:09};")).collect();
    kv.put("numbers", &value).await.unwrap();
    assert!(kv.get("numbers").await.unwrap() == value);
}

async fn all_clients_of_a_server_share_its_store(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let (one, other) = (served.kv().await, served.kv().await);
    one.put("greeting", "hello").await.unwrap();
    assert_eq!(other.get("greeting").await, Ok("hello".to_owned()));
}

async fn a_service_answers_without_a_router_too(transport: Transport) {
    let served = transport.serve_raw(kv::KvServer::new(Store::new()), Limits::default()).await;
    assert_eq!(served.kv().await.increment("hits", 1).await, Ok(1));
}

// ---- metadata ----

/// A server whose `get` tells what metadata came with it.
async fn metadata_seen(transport: Transport) -> (Served, mpsc::UnboundedReceiver<Metadata>) {
    let (seen, seen_by_method) = mpsc::unbounded_channel();
    let kv = kv_whose_get_is(move |key| {
        let seen = seen.clone();
        async move {
            tokio::task::yield_now().await; // It is known after waiting as it was before.
            seen.send(context::metadata()).unwrap();
            Ok(key)
        }
    });
    (transport.serve(kv).await, seen_by_method)
}

fn tenant(name: &'static str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append("tenant", name).unwrap();
    metadata
}

async fn metadata_given_with_a_call_reaches_the_method(transport: Transport) {
    let (served, mut seen) = metadata_seen(transport).await;
    let mut metadata = tenant("blue");
    metadata.append("hop", "one").unwrap();
    metadata.append("trace-bin", vec![0, 255]).unwrap();
    metadata.append("hop", "two").unwrap();
    let kv = served.kv().await.with(CallOptions::new().metadata(metadata.clone()));
    kv.get("any").await.unwrap();
    let seen = seen.recv().await.unwrap();
    assert_eq!(seen.text("tenant"), Some("blue"));
    assert_eq!(seen.binary("trace-bin").unwrap().as_ref(), [0, 255]);
    assert_eq!(seen.values("hop").collect::<Vec<_>>(), [&Value::from("one"), &Value::from("two")]);
    assert_eq!(seen, metadata);
}

async fn a_call_without_metadata_brings_none(transport: Transport) {
    let (served, mut seen) = metadata_seen(transport).await;
    served.kv().await.get("any").await.unwrap();
    assert_eq!(seen.recv().await, Some(Metadata::new()));
}

async fn options_given_to_one_stub_leave_the_stub_it_came_from_as_it_was(transport: Transport) {
    let (served, mut seen) = metadata_seen(transport).await;
    let kv = served.kv().await;
    let blue = kv.with(CallOptions::new().metadata(tenant("blue")));
    let red = blue.with(CallOptions::new().metadata(tenant("red")));
    for (kv, metadata) in [(red, tenant("red")), (blue, tenant("blue")), (kv, Metadata::new())] {
        kv.get("any").await.unwrap();
        assert_eq!(seen.recv().await, Some(metadata));
    }
}

#[test]
fn outside_a_call_there_is_no_metadata() {
    assert_eq!(context::metadata(), Metadata::new());
}

async fn the_metadata_of_an_error_comes_back_with_it(transport: Transport) {
    let error = Status::new(Code::PermissionDenied, "not for you").with_metadata(tenant("blue"));
    let answer = error.clone();
    let served = transport.serve(kv_whose_get_is(move |_| std::future::ready(Err(answer.clone())))).await;
    assert_eq!(served.kv().await.get("any").await, Err(error));
}

// ---- methods, services, codecs that are not there ----

struct Nothing;

impl Kv for Nothing {}

async fn a_method_that_is_not_implemented_says_so_by_its_name(transport: Transport) {
    let served = transport.serve(Nothing).await;
    let kv = served.kv().await;
    let not_here =
        |method| Status::new(Code::Unimplemented, format!("method {method} is not implemented here"));
    assert_eq!(kv.get("any").await, Err(not_here("Get")));
    assert_eq!(kv.put("any", "value").await, Err(not_here("Put")));
    assert_eq!(kv.delete("any").await, Err(not_here("Delete")));
    assert_eq!(kv.increment("any", 1).await, Err(not_here("Increment")));
}

/// A text, in a codec that only this file speaks: its UTF-8 bytes.
#[derive(Debug, PartialEq)]
struct Text(String);

stub::message!(Text: PlainText);

#[derive(Clone, Copy, Default)]
struct PlainText;

impl CodecName for PlainText {
    const NAME: &'static str = "plain-text";
}

impl Codec<Text> for PlainText {
    fn encode(self, message: &Text, dst: &mut Vec<u8>) -> Result<(), Status> {
        dst.extend_from_slice(message.0.as_bytes());
        Ok(())
    }

    fn decode(self, src: Bytes) -> Result<Text, Status> {
        String::from_utf8(src.to_vec())
            .map(Text)
            .map_err(|error| Status::new(Code::Internal, error.to_string()))
    }
}

async fn an_unknown_method_is_unimplemented(transport: Transport) {
    static FLY: Method<Text, Text> = Method::unary("/kv.Kv/Fly");
    let served = transport.serve(Store::new()).await;
    let caller = Caller::new(served.channel().await);
    let refused = caller.unary(&FLY, &Text(String::new())).await;
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, "service kv.Kv has no method Fly")));
}

async fn an_unknown_service_is_unimplemented(transport: Transport) {
    static GET: Method<Text, Text> = Method::unary("/zoo.Zoo/Get");
    let served = transport.serve(Store::new()).await;
    let caller = Caller::new(served.channel().await);
    let refused = caller.unary(&GET, &Text(String::new())).await;
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, "there is no service zoo.Zoo here")));
}

async fn another_codec_is_unimplemented(transport: Transport) {
    static GET: Method<Text, Text> = Method::unary("/kv.Kv/Get");
    let served = transport.serve(Store::new()).await;
    let caller = Caller::new(served.channel().await);
    let refused = caller.unary(&GET, &Text("greeting".to_owned())).await;
    let text = "these messages travel as bincode, proto, json, not as plain-text";
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, text)));
}

// ---- requests and answers that are not one whole message ----

/// What the server answers to a `Get` whose request is `messages`, byte by byte.
async fn get_of(transport: Transport, messages: &[&'static [u8]]) -> Result<Bytes, Status> {
    let served = transport.serve(Store::new()).await;
    let head = RequestHead::new(Path::from_static("/kv.Kv/Get"), "bincode");
    let mut call = open(&served.channel().await, head, None, false).await?;
    for message in messages {
        call.send.send(Bytes::from_static(message)).await?;
    }
    call.send.half_close().await?;
    let mut answer = None;
    loop {
        match call.receive.receive().await {
            Received::Head(_) => {}
            Received::Message(message) => answer = Some(message),
            Received::End(status) => {
                status.into_result()?;
                return Ok(answer.unwrap());
            }
        }
    }
}

/// What a client makes of an answer of `messages` and `status` to its `get`.
async fn answered(
    transport: Transport,
    messages: &'static [&'static [u8]],
    status: Status,
) -> Result<String, Status> {
    let service = Handler(move |mut call: IncomingCall| {
        let status = status.clone();
        async move {
            for message in messages {
                call.send.send(Bytes::from_static(message)).await.unwrap();
            }
            call.send.finish(status);
        }
    });
    let served = transport.serve_raw(service, Limits::default()).await;
    served.kv().await.with(CallOptions::new().codec("bincode")).get("any").await
}

async fn a_request_without_a_message_is_unimplemented(transport: Transport) {
    let refused = get_of(transport, &[]).await;
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, "no message where one is due")));
}

async fn a_request_of_two_messages_is_unimplemented(transport: Transport) {
    let refused = get_of(transport, &[b"\x01a", b"\x01b"]).await;
    let text = "more than one message where one is due";
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, text)));
}

async fn an_answer_without_a_message_is_unimplemented(transport: Transport) {
    let refused = answered(transport, &[], Status::ok()).await;
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, "no message where one is due")));
}

async fn an_answer_of_two_messages_is_unimplemented(transport: Transport) {
    let refused = answered(transport, &[b"\x01a", b"\x01b"], Status::ok()).await;
    let text = "more than one message where one is due";
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, text)));
}

async fn an_error_behind_a_message_is_what_the_call_ends_with(transport: Transport) {
    let error = Status::new(Code::DataLoss, "the disk is gone");
    assert_eq!(answered(transport, &[b"\x01a"], error.clone()).await, Err(error));
}

async fn a_request_that_does_not_decode_is_internal_and_names_the_byte(transport: Transport) {
    let refused = get_of(transport, &[b"\x05ab"]).await;
    let text = "bincode layer, byte 1 of 3: the message says it goes on, but it ends before that";
    assert_eq!(refused, Err(Status::new(Code::Internal, text)));
}

async fn a_request_with_bytes_behind_it_is_internal_and_names_the_byte(transport: Transport) {
    let refused = get_of(transport, &[b"\x01abc"]).await;
    let text = "bincode layer, byte 2 of 4: the message ends here, 2 bytes follow";
    assert_eq!(refused, Err(Status::new(Code::Internal, text)));
}

async fn an_answer_that_does_not_decode_is_internal_and_names_the_byte(transport: Transport) {
    let refused = answered(transport, &[b"\x05ab"], Status::ok()).await;
    let text = "bincode layer, byte 1 of 3: the message says it goes on, but it ends before that";
    assert_eq!(refused, Err(Status::new(Code::Internal, text)));
}

async fn an_answer_with_bytes_behind_it_is_internal_and_names_the_byte(transport: Transport) {
    let refused = answered(transport, &[b"\x01abc"], Status::ok()).await;
    let text = "bincode layer, byte 2 of 4: the message ends here, 2 bytes follow";
    assert_eq!(refused, Err(Status::new(Code::Internal, text)));
}

// ---- what costs one call ----

async fn a_method_that_panics_costs_its_own_call_only(transport: Transport) {
    let kv = kv_whose_get_is(|key| async move {
        assert_ne!(key, "panic", "as this test wants it");
        Ok(key)
    });
    let served = transport.serve(kv).await;
    let kv = served.kv().await;
    assert_eq!(kv.get("panic").await, Err(Status::new(Code::Internal, "the handler panicked")));
    assert_eq!(kv.get("next").await, Ok("next".to_owned()));
}

async fn a_method_that_panics_after_waiting_costs_its_own_call_only(transport: Transport) {
    let gate = Gate::default();
    let waits = gate.clone();
    let kv = kv_whose_get_is(move |key| {
        let waits = waits.clone();
        async move {
            waits.get(&key).await?;
            assert_ne!(key, "panic", "as this test wants it");
            Ok(key)
        }
    });
    let served = transport.serve(kv).await;
    let kv = served.kv().await;
    let (panics, other) = (spawn_get(&kv, "panic"), spawn_get(&kv, "other"));
    gate.begun().await;
    gate.begun().await;
    gate.let_through();
    gate.let_through();
    assert_eq!(panics.await.unwrap(), Err(Status::new(Code::Internal, "the handler panicked")));
    assert_eq!(other.await.unwrap(), Ok("other".to_owned()));
}

/// What a message of 101 bytes gets: from who would send it, where that knows the limit.
fn over_100(transport: Transport) -> Status {
    let whose = match transport {
        Transport::Memory | Transport::Tcp | Transport::TlsTcp => "the peer accepts 100",
        Transport::Http | Transport::Https => "the limit of this side is 100",
    };
    Status::new(Code::ResourceExhausted, format!("a message of 101 bytes, {whose}"))
}

async fn a_reply_over_the_limit_of_the_client_costs_its_own_call_only(transport: Transport) {
    let gate = Gate::default();
    let waits = gate.clone();
    let kv = kv_whose_get_is(move |key| {
        let waits = waits.clone();
        async move { if key == "large" { Ok("v".repeat(100)) } else { waits.get(&key).await } }
    });
    let served = transport.serve(kv).await;
    let limits = Limits { message: 100, ..Limits::default() };
    let kv = KvClient::new(channel(&served.address, limits).await.unwrap());
    let waiting = spawn_get(&kv, "open meanwhile");
    gate.begun().await;
    assert_eq!(kv.get("large").await, Err(over_100(transport)));
    gate.let_through();
    assert_eq!(waiting.await.unwrap(), Ok("open meanwhile".to_owned()));
}

async fn a_request_over_the_limit_of_the_server_costs_its_own_call_only(transport: Transport) {
    let limits = Limits { message: 100, ..Limits::default() };
    let served = transport.serve_with(Store::new(), limits).await;
    let kv = served.kv().await.with(CallOptions::new().codec("bincode"));
    assert_eq!(kv.put("k", &"v".repeat(98)).await, Err(over_100(transport)));
    assert_eq!(kv.put("k", &"v".repeat(97)).await, Ok(()));
}

// ---- many calls ----

/// `count` calls through `kv` at once, each of which is to get its own key back.
async fn all_get_their_own_key(kv: &KvClient, count: usize) {
    let calls: Vec<_> = (0..count)
        .map(|number| {
            let (kv, key) = (kv.clone(), number.to_string());
            tokio::spawn(async move { assert_eq!(kv.get(&key).await, Ok(key)) })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

async fn a_thousand_calls_at_once_each_get_their_own_answer(transport: Transport) {
    // Nobody is answered before the last has come: they are really here at once.
    let all = Arc::new(tokio::sync::Barrier::new(1000));
    let kv = kv_whose_get_is(move |key| {
        let all = all.clone();
        async move {
            all.wait().await;
            Ok(key)
        }
    });
    let served = transport.serve_with(kv, Limits { calls: 1000, ..Limits::default() }).await;
    all_get_their_own_key(&served.kv().await, 1000).await;
}

async fn more_calls_than_the_server_takes_at_once_wait_for_their_turn(transport: Transport) {
    let limits = Limits { calls: 3, ..Limits::default() };
    let kv = kv_whose_get_is(|key| async move {
        tokio::task::yield_now().await;
        Ok(key)
    });
    let served = transport.serve_with(kv, limits).await;
    all_get_their_own_key(&served.kv().await, 200).await;
}

#[test]
fn a_message_of_the_example_is_its_fields_one_after_the_other() {
    let mut bytes = Vec::new();
    stub::codec::Bincode.encode(&GetRequest { key: "hits".into() }, &mut bytes).unwrap();
    assert_eq!(bytes, b"\x04hits"[..]);
}
