//! Lesson 19: gRPC and an HTTP API with JSON, row by row.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use kv::{Kv, Store};
use serde_json::Value;
use tutorial::table::api::Api;
use tutorial::table::payload::Size;
use tutorial::table::served::Served;
use tutorial::table::{
    Report, browser, client_code, contract, html, payload, protocol, security, streaming, strictness, summary,
};

// ---- the same service ----

/// What a series of calls has returned, errors with code and text.
async fn answers(kv: &impl Kv) -> Vec<String> {
    let mut told = Vec::new();
    for (key, value) in [("greeting", "hello"), ("a/b ?ü", "🔑\n"), ("", "x"), ("hits", "no number")] {
        told.push(format!("{:?}", kv.put(key, value).await));
    }
    for key in ["greeting", "a/b ?ü", "nothing"] {
        told.push(format!("{:?}", kv.get(key).await));
    }
    for (key, by) in [("hits", 1), ("n", i64::MAX), ("n", 1), ("n", -1), ("", 1)] {
        told.push(format!("{:?}", kv.increment(key, by).await));
    }
    for key in ["n", "n", "hits"] {
        told.push(format!("{:?}", kv.delete(key).await));
    }
    told
}

#[tokio::test]
async fn the_same_calls_have_the_same_answers_over_each_api() {
    let expected = answers(&Store::new()).await;
    let served = Served::start().await.unwrap();
    for api in Api::ALL {
        let client = served.client(api).await.unwrap();
        assert_eq!(answers(&client).await, expected, "{api:?}");
    }
}

#[tokio::test]
async fn what_was_put_over_one_api_is_got_over_each() {
    let served = Served::start().await.unwrap();
    for api in Api::ALL {
        served.client(api).await.unwrap().put("from", api.name()).await.unwrap();
        for other in Api::ALL {
            assert_eq!(served.client(other).await.unwrap().get("from").await.unwrap(), api.name());
        }
    }
}

// ---- contract and client code ----

#[test]
fn the_contract_has_a_method_that_the_description_has_no_words_for() {
    let contract = contract::read().unwrap();
    assert_eq!((contract.proto.methods, contract.openapi.methods), (7, 6));
    let sync = contract.says.iter().find(|says| says.of == "both sides send").unwrap();
    assert_eq!(sync.proto, "rpc Sync(stream Change) returns (stream Change);");
}

#[test]
fn a_program_writes_all_methods_of_either_document() {
    let code = client_code::read().unwrap();
    let methods = |what: &str| code.clients.iter().find(|code| code.what == what).unwrap().methods;
    assert_eq!(methods("gRPC, by stub_build"), 7);
    assert_eq!(methods("JSON API, by progenitor"), 6);
}

// ---- payload ----

#[test]
fn messages_have_these_sizes_and_these_in_gzip() {
    let size = |plain, gzip| Size { plain, gzip };
    let expected = [
        ("a small put", [size(15, 35), size(17, 37), size(34, 57)]),
        ("an increment by -1", [size(6, 26), size(17, 30), size(22, 40)]),
        ("1 KiB of text", [size(1033, 395), size(1034, 399), size(1050, 409)]),
        ("a list of 50 pairs", [size(681, 389), size(880, 488), size(1681, 445)]),
        ("100 whole numbers", [size(491, 423), size(302, 325), size(691, 376)]),
        ("100 fractions", [size(801, 824), size(803, 826), size(1935, 965)]),
        ("1 KiB of bytes", [size(1027, 1050), size(1027, 1050), size(1370, 1080)]),
    ];
    let payload = payload::measure().unwrap();
    let found: Vec<_> =
        payload.messages.iter().map(|sizes| (sizes.message, sizes.each().map(|(_, size)| size))).collect();
    assert_eq!(found, expected);
}

// ---- protocol ----

#[tokio::test]
async fn a_later_call_takes_these_bytes_over_each_api() {
    let protocol = protocol::measure(&Served::start().await.unwrap()).await.unwrap();
    let of = |api| {
        let passed = protocol.of(api).unwrap();
        (passed.messages.both(), passed.warm.both())
    };
    assert_eq!(of(Api::Ours), (15, 31));
    assert_eq!(of(Api::Grpc), (17, 81));
    assert_eq!(of(Api::GrpcWeb), (17, 330));
    assert_eq!(of(Api::Json), (17, 197));
}

// ---- strictness ----

#[tokio::test]
async fn each_api_takes_these_wrong_things_for_right_and_no_others() {
    let strictness = strictness::measure(&Served::start().await.unwrap()).await.unwrap();
    let of_protobuf =
        ["a field that nobody knows", "a field twice", "a field is missing", "2^63, too large by one"];
    for (api, expected) in [
        (Api::Ours, &["2^63, too large by one"][..]),
        (Api::Grpc, &of_protobuf),
        (Api::GrpcWeb, &of_protobuf),
        (Api::Json, &["a field that nobody knows"]),
    ] {
        let accepted =
            |wrong: &&strictness::Wrong| wrong.answers.iter().any(|it| it.api == api && it.accepted);
        let found: Vec<_> = strictness.wrongs.iter().filter(accepted).map(|wrong| wrong.what).collect();
        assert_eq!(found, expected, "{api:?}");
    }
}

#[tokio::test]
async fn what_is_refused_is_refused_with_these_codes() {
    let strictness = strictness::measure(&Served::start().await.unwrap()).await.unwrap();
    for (what, grpc, json) in [
        ("a text for a number", "INTERNAL", "422 INVALID_ARGUMENT"),
        ("bytes that are no text", "INTERNAL", "400 INVALID_ARGUMENT"),
        ("half of a message", "INTERNAL", "400 INVALID_ARGUMENT"),
        ("garbage behind it", "INTERNAL", "400 INVALID_ARGUMENT"),
        ("more than 4 MiB", "RESOURCE_EXHAUSTED", "413 INVALID_ARGUMENT"),
        ("a method that is not there", "UNIMPLEMENTED", "404 UNIMPLEMENTED"),
    ] {
        let wrong = strictness.wrongs.iter().find(|wrong| wrong.what == what).unwrap();
        let code = |api| &wrong.answers.iter().find(|answer| answer.api == api).unwrap().code;
        assert_eq!([code(Api::Grpc), code(Api::GrpcWeb), code(Api::Json)], [grpc, grpc, json], "{what}");
    }
}

// ---- streaming ----

#[tokio::test]
async fn grpc_has_four_shapes_of_a_call_and_the_others_that_a_page_can_use_have_two() {
    let streaming = streaming::measure(&Served::start().await.unwrap()).await.unwrap();
    for shapes in &streaming.apis {
        let all = matches!(shapes.api, Api::Ours | Api::Grpc);
        let works = shapes.shapes.each_ref().map(|tried| tried.works);
        assert_eq!(works, [true, true, all, all], "{:?}", shapes.api);
    }
}

// ---- browser ----

#[tokio::test]
async fn a_page_can_use_all_but_grpc_whose_status_is_where_it_cannot_look() {
    let browser = browser::measure(&Served::start().await.unwrap()).await.unwrap();
    assert!(!browser.can_use(Api::Grpc) && browser.can_use(Api::GrpcWeb) && browser.can_use(Api::Json));
    for stands in &browser.statuses {
        let is_hidden = stands.api == Api::Grpc && stands.call == "get(\"greeting\")";
        assert_eq!(stands.is_seen, !is_hidden, "{stands:?}");
    }
}

#[tokio::test]
async fn only_pages_of_the_origin_that_was_allowed_may_call() {
    let browser = browser::measure(&Served::start().await.unwrap()).await.unwrap();
    assert_eq!(browser.preflights.len(), 6);
    for preflight in &browser.preflights {
        assert_eq!(preflight.allowed, preflight.allows == "this one", "{preflight:?}");
    }
}

// ---- security ----

#[tokio::test]
async fn each_api_works_inside_of_tls_and_a_later_call_takes_22_bytes_more_each_way() {
    let served = Served::start().await.unwrap();
    let (security, protocol) =
        (security::measure(&served).await.unwrap(), protocol::measure(&served).await.unwrap());
    for secured in &security.apis {
        assert_eq!(secured.value, "hello");
        let plain = protocol.of(secured.api).unwrap().warm;
        // 22 bytes around each record (RFC 8446 §5.2), and one record each way.
        let added = (secured.warm.there - plain.there, secured.warm.back - plain.back);
        assert_eq!(added, (22, 22), "{:?}", secured.api);
    }
}

// ---- the report ----

#[tokio::test]
async fn the_report_for_programs_has_every_row() {
    let report = Report::make(Duration::from_millis(10)).await.unwrap();
    let json: Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    let rows = ["contract", "payload", "protocol", "speed", "strictness", "streaming", "browser", "security"];
    for row in rows.into_iter().chain(["client_code", "machine"]) {
        assert!(json[row].is_object(), "{row}");
    }
    let names: Vec<_> = summary::rows(&report).iter().map(|row| row.name).collect();
    assert_eq!(
        names[..],
        [&["contract", "payload", "protocol", "speed"][..], &rows[4..], &["client code"]].concat()
    );
}

#[tokio::test]
async fn the_page_has_every_row_and_needs_nothing_from_elsewhere() {
    let page = html::page(&Report::make(Duration::from_millis(10)).await.unwrap());
    for row in ["contract", "payload", "protocol", "speed", "strictness", "browser", "client-code"] {
        assert!(page.contains(&format!("<section id=\"{row}\">")), "{row}");
    }
    for absent in ["<script", "<link", "src=", "url(", "@import"] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn the_lesson_is_given_to_its_end_on_80_columns_and_writes_what_it_is_asked_for() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let (html, json) = (format!("{folder}/table.html"), format!("{folder}/table.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_lesson_19_table"))
        .args(["--time", "0.01", "--html", &html, "--json", &json])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "longer than 80 columns: {line}");
    }
    for part in ["strictness", "security", "the table"] {
        assert!(text.contains(&format!("── {part} ─")), "{part}");
    }
    assert!(std::fs::read_to_string(html).unwrap().starts_with("<!DOCTYPE html>"));
    serde_json::from_str::<Value>(&std::fs::read_to_string(json).unwrap()).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_lesson_19_table"))
        .args(["--time", "0.01", "--html", "/no/such/folder/table.html"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("/no/such/folder/table.html"));
}
