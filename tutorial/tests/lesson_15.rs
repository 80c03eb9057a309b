//! Lesson 15: the swap: same contract, same stubs, other transport and codec. The contract suite itself runs
//! in every way in `all_ways_to_a_kv.rs`.

#![allow(clippy::unwrap_used)]

use client::CallOptions;
use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use transport::{Code, Status};
use tutorial::joined::Passed;
use tutorial::lens;
use tutorial::onlooker::Onlooker;
use tutorial::relay::Relay;
use tutorial::tap::{Chunk, Way};

const CODECS: [&str; 3] = ["bincode", "proto", "json"];

/// One object, one router, one server that listens in three places.
async fn served(memory: &str) -> (Server, [String; 3]) {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let mut addresses = Vec::new();
    for address in [memory, "tcp://127.0.0.1:0", "http://127.0.0.1:0"] {
        addresses.push(server.listen(address).await.unwrap().to_string());
    }
    (server, addresses.try_into().unwrap())
}

/// A client stub for each of the nine ways.
async fn nine_ways(addresses: &[String; 3]) -> Vec<KvClient> {
    let mut ways = Vec::new();
    for address in addresses {
        let kv = KvClient::connect(address).await.unwrap();
        ways.extend(CODECS.map(|codec| kv.with(CallOptions::new().codec(codec))));
    }
    ways
}

// ---- one object ----

#[tokio::test]
async fn a_value_put_through_one_way_is_got_through_every_other() {
    let (_server, addresses) = served("memory:lesson-15-values").await;
    let ways = nine_ways(&addresses).await;
    for (put, kv) in ways.iter().enumerate() {
        kv.put(&format!("from {put}"), &format!("value {put}")).await.unwrap();
    }
    for kv in &ways {
        for put in 0..ways.len() {
            assert_eq!(kv.get(&format!("from {put}")).await.unwrap(), format!("value {put}"));
        }
    }
}

#[tokio::test]
async fn a_counter_counts_the_calls_of_all_ways() {
    let (_server, addresses) = served("memory:lesson-15-counter").await;
    for (before, kv) in nine_ways(&addresses).await.iter().enumerate() {
        assert_eq!(kv.increment("hits", 1).await.unwrap(), before as i64 + 1);
    }
}

#[tokio::test]
async fn a_status_is_the_same_in_every_way_code_and_text() {
    let (_server, addresses) = served("memory:lesson-15-status").await;
    let kv = KvClient::connect(&addresses[0]).await.unwrap();
    kv.put("grüße", "100 % 🔑\n").await.unwrap();
    for kv in nine_ways(&addresses).await {
        let expected = Status::new(Code::NotFound, "no value for \"nothing\"");
        assert_eq!(kv.get("nothing").await.unwrap_err(), expected);
        let text = "the value of \"grüße\" is not a number: \"100 % 🔑\\n\"";
        let expected = Status::new(Code::FailedPrecondition, text);
        assert_eq!(kv.increment("grüße", 1).await.unwrap_err(), expected);
    }
}

// ---- what does not change ----

#[test]
fn contract_stubs_and_dispatcher_name_no_transport() {
    for (file, source) in [
        ("contract", include_str!("../../stub/kv/src/contract.rs")),
        ("client stub", include_str!("../../stub/kv/src/client_stub.rs")),
        ("server stub", include_str!("../../stub/kv/src/server_stub.rs")),
        ("dispatch", include_str!("../../server/src/dispatch.rs")),
        ("router", include_str!("../../server/src/router.rs")),
    ] {
        let code = source.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim().starts_with("//")) {
            for transport in ["tcp", "http", "grpc", "memory"] {
                assert!(!line.contains(transport), "the {file} knows of {transport}: {line}");
            }
        }
    }
}

#[tokio::test]
async fn the_codec_goes_with_the_transport_unless_one_asks_for_another() {
    let (_server, [_, tcp, http]) = served("memory:lesson-15-codec").await;
    for (codec, content_type) in [
        (None, "application/grpc"),
        (Some("proto"), "application/grpc"),
        (Some("bincode"), "application/grpc+bincode"),
        (Some("json"), "application/grpc+json"),
    ] {
        let said = Onlooker::new().sees(&called(&http, codec).await.concat());
        let types: Vec<_> = said.iter().filter_map(|said| said.value("content-type")).collect();
        assert!(!types.is_empty() && types.iter().all(|it| it == content_type), "{codec:?}: {types:?}");
    }
    for (codec, name) in [(None, "bincode"), (Some("proto"), "proto"), (Some("json"), "json")] {
        let out: Vec<u8> = out_of(&called(&tcp, codec).await.concat());
        let said = [&[name.len() as u8], name.as_bytes()].concat();
        assert!(out.windows(said.len()).any(|bytes| bytes == said), "{codec:?} is not declared");
    }
}

// ---- what each part becomes ----

/// What passes when get("greeting") is called three times: an element for each. In front of the first is
/// the beginning of the connection.
async fn called(address: &str, codec: Option<&'static str>) -> [Vec<Chunk>; 3] {
    let relay = Relay::to(&address.parse().unwrap()).await.unwrap();
    let mut kv = KvClient::connect(&relay.address().to_string()).await.unwrap();
    if let Some(codec) = codec {
        kv = kv.with(CallOptions::new().codec(codec));
    }
    let mut calls = Vec::new();
    for _ in 0..3 {
        let _ = kv.get("greeting").await;
        calls.push(relay.passed());
    }
    calls.try_into().unwrap()
}

fn out_of(chunks: &[Chunk]) -> Vec<u8> {
    chunks.iter().filter(|(way, _)| *way == Way::Out).flat_map(|(_, bytes)| bytes.clone()).collect()
}

#[tokio::test]
async fn a_warm_call_has_16_bytes_around_its_messages_in_our_frames_and_64_in_grpc() {
    let (_server, [memory, tcp, http]) = served("memory:lesson-15-sizes").await;
    KvClient::connect(&memory).await.unwrap().put("greeting", "hello").await.unwrap();
    for (codec, messages) in [("bincode", 9 + 6), ("proto", 10 + 7), ("json", 18 + 17)] {
        let [.., again] = called(&tcp, Some(codec)).await;
        let frames = again.iter().flat_map(|(_, bytes)| lens::frame::frames(bytes).0);
        let ours = frames.filter(|frame| lens::frame::frame(frame).header.unwrap().call > 0);
        assert_eq!(ours.map(<[u8]>::len).sum::<usize>(), 16 + messages, "{codec}, our frames");

        let [.., again] = called(&http, Some(codec)).await;
        let frames = again.iter().flat_map(|(way, bytes)| Passed::all(*way, bytes));
        let of_streams = frames.filter(|frame| frame.stream() > 0);
        assert_eq!(of_streams.map(|frame| frame.bytes.len()).sum::<usize>(), 64 + messages, "{codec}, gRPC");
    }
}

#[tokio::test]
async fn calls_are_numbered_1_2_3_in_our_frames_and_streams_1_3_5_in_grpc() {
    let (_server, [_, tcp, http]) = served("memory:lesson-15-numbers").await;
    let mut numbers = Vec::new();
    for (at, chunks) in called(&tcp, None).await.iter().enumerate() {
        let hello = if at == 0 { transport::frame::Hello::SIZE } else { 0 };
        let frames = lens::frame::frames(&out_of(chunks)[hello..]).0.concat();
        numbers.push(lens::frame::frame(&frames).header.unwrap().call);
    }
    assert_eq!(numbers, [1, 2, 3]);

    let said = Onlooker::new().sees(&called(&http, None).await.concat());
    let asked = said.iter().filter(|said| said.value(":path").is_some());
    assert_eq!(asked.map(|said| said.frame.stream()).collect::<Vec<_>>(), [1, 3, 5]);
}

#[tokio::test]
async fn a_status_stands_in_end_in_our_frames_and_in_fields_in_grpc() {
    let (_server, [_, tcp, http]) = served("memory:lesson-15-end").await;
    let [_, again, _] = called(&tcp, None).await;
    let (_, end) = again.iter().find(|(way, _)| *way == Way::In).unwrap();
    assert_eq!(end, b"\x04\x05\0\x19\0\0\0\x02\0\x17no value for \"greeting\"");

    let said = Onlooker::new().sees(&called(&http, None).await.concat());
    let status = said.iter().rfind(|said| said.value("grpc-status").is_some()).unwrap();
    assert_eq!(status.value("grpc-status").as_deref(), Some("5"));
    assert_eq!(status.value("grpc-message").as_deref(), Some("no value for \"greeting\""));
}
