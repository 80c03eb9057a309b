//! The table itself: a line for each row, with what was found.

use super::Report;
use super::api::Api;
use super::chart::{grouped, three_digits};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is compared.
    pub name: &'static str,
    /// What was found of gRPC.
    pub grpc: String,
    /// What was found of the HTTP API with JSON.
    pub json: String,
}

/// The table.
pub fn rows(report: &Report) -> Vec<Row> {
    let row = |name, grpc, json| Row { name, grpc, json };
    let both = |of: &dyn Fn(Api) -> String| (of(Api::Grpc), of(Api::Json));
    let contract = &report.contract;
    let pairs = report.payload.messages.iter().find(|sizes| sizes.message == "a list of 50 pairs");
    let (pairs_grpc, pairs_json) = pairs.map(|sizes| (sizes.protobuf, sizes.json)).unzip();
    let size = |size: Option<super::payload::Size>| {
        size.map_or_else(String::new, |size| {
            format!("50 pairs {} bytes, in gzip {}", grouped(size.plain as f64), size.gzip)
        })
    };
    let bytes = both(&|api| report.protocol.of(api).map_or(0, |passed| passed.warm.both()).to_string());
    let pace = both(&|api| {
        let pace = report.speed.of(api);
        let micros = pace
            .and_then(|pace| pace.micros())
            .map(|it| format!(", {} µs of processors each", three_digits(it)));
        let calls = pace.map_or(0.0, |pace| pace.calls_a_second);
        format!("{} calls/s{}", grouped(calls), micros.unwrap_or_default())
    });
    let noticed = both(&|api| {
        let strictness = &report.strictness;
        format!("notices {} of {} wrong things", strictness.noticed(api), strictness.wrongs.len())
    });
    let shapes = both(&|api| format!("{} of 4 shapes of a call", report.streaming.count(api)));
    let used = |api| if report.browser.can_use(api) { "a page can call it" } else { "no page can call it" };
    let first = both(&|api| {
        let secured = report.security.apis.iter().find(|secured| secured.api == api);
        let both = secured.map_or(0, |secured| secured.first.both());
        format!("{} bytes until the first answer", grouped(both as f64))
    });
    let code = |what: &str| {
        report.client_code.clients.iter().find(|code| code.what == what).map_or(0, |code| code.lines)
    };
    vec![
        row(
            "contract",
            format!("{}, {} lines: the code is made of it", contract.proto.name, contract.proto.lines),
            format!("{}, {} lines: it is made of the code", contract.openapi.name, contract.openapi.lines),
        ),
        row("payload", format!("protobuf: {}", size(pairs_grpc)), format!("JSON: {}", size(pairs_json))),
        row(
            "protocol",
            format!("HTTP/2: {} bytes for a warm call", bytes.0),
            format!("HTTP/1.1: {} bytes for the same", bytes.1),
        ),
        row("speed", pace.0, pace.1),
        row(
            "strictness",
            format!("{}; what it does not know it passes over", noticed.0),
            format!("{}; what it does not know it passes over", noticed.1),
        ),
        row("streaming", shapes.0, format!("{}, with server-sent events", shapes.1)),
        row(
            "browser",
            format!("{}; through gRPC-Web {}", used(Api::Grpc), used(Api::GrpcWeb)),
            used(Api::Json).to_owned(),
        ),
        row("security", format!("TLS with ALPN h2: {}", first.0), format!("TLS: {}", first.1)),
        row(
            "client code",
            format!("{} lines by stub_build; errors and streams have types", code("gRPC, by stub_build")),
            format!("{} lines by progenitor; errors and events are bytes", code("JSON API, by progenitor")),
        ),
    ]
}
