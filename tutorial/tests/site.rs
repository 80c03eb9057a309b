//! What a browser gets: the files of the page, the lens, and the API with JSON.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, Response};
use kv::{Kv, Store};
use serde_json::{Value, json};
use tower::ServiceExt;

fn site() -> Router {
    tutorial::site::router(Arc::new(Store::new())).unwrap()
}

async fn answer(request: http::request::Builder, body: impl Into<Body>) -> Response<Body> {
    site().oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

async fn file(path: &str) -> (u16, String, String) {
    told(answer(Request::get(path), Body::empty()).await).await
}

async fn lens(path: &str, bytes: impl Into<Body>) -> (u16, Value) {
    let (status, _, text) = told(answer(Request::post(path), bytes).await).await;
    (status, serde_json::from_str(&text).unwrap())
}

/// The status, the content type and the text of an answer.
async fn told(response: Response<Body>) -> (u16, String, String) {
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, kind.unwrap_or_default(), String::from_utf8(bytes.to_vec()).unwrap())
}

/// The names and values of those spans that have no parts.
fn leaves(spans: &Value) -> Vec<String> {
    let one = |span: &Value| match &span["parts"].as_array().unwrap()[..] {
        [] => vec![format!("{}: {}", span["name"].as_str().unwrap(), span["value"].as_str().unwrap())],
        _ => leaves(&span["parts"]),
    };
    spans.as_array().unwrap().iter().flat_map(one).collect()
}

/// What stands in quotes behind each `before` in a text.
fn named<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_page_and_all_files_that_it_names_are_there_with_their_types() {
    let (status, kind, page) = file("/").await;
    assert_eq!((status, &kind[..]), (200, "text/html; charset=utf-8"));
    let links = [named(&page, "src=\""), named(&page, "rel=\"stylesheet\" href=\"")].concat();
    assert_eq!(links, ["/page.js", "/page.css"]);
    assert_eq!(file("/page.css").await.1, "text/css; charset=utf-8");
    assert_eq!(file("/icon.svg").await.1, "image/svg+xml");
}

#[tokio::test]
async fn every_module_that_one_imports_is_there() {
    let mut modules = vec!["/page.js".to_owned()];
    let mut at = 0;
    while let Some(module) = modules.get(at) {
        let (status, kind, text) = file(module).await;
        assert_eq!((status, &kind[..]), (200, "text/javascript; charset=utf-8"), "{module}");
        for imported in named(&text, " from \"") {
            if !modules.iter().any(|known| known == imported) {
                modules.push(imported.to_owned());
            }
        }
        at += 1;
    }
    assert!(modules.len() > 5, "{modules:?}");
}

#[tokio::test]
async fn the_page_may_load_and_call_nothing_but_its_own_server() {
    let response = answer(Request::get("/"), Body::empty()).await;
    let header = |name| response.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    let rules: Vec<_> = policy.split("; ").collect();
    for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(rules.contains(&rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains(':'), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-cache");
}

#[tokio::test]
async fn the_page_has_no_script_and_no_style_within_which_the_policy_would_stop() {
    let (.., page) = file("/").await;
    for forbidden in ["<style", " style=", " onclick=", "javascript:", "<script>", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn the_lens_names_frames_of_grpc_web_by_the_contract() {
    let body = &b"\0\0\0\0\x04\x0a\x02hi\x80\0\0\0\x0fgrpc-status:0\r\n"[..];
    let (status, spans) = lens("/lens/grpc-web/kv.GetReply", body).await;
    assert_eq!(status, 200);
    let said = leaves(&spans);
    assert_eq!(said[2..5], ["tag: field 1, LEN: string", "length: 2 bytes", "value: \"hi\""]);
    assert_eq!(said.last().unwrap(), "grpc-status: 0, OK");
    let flags = &spans[0]["parts"][0];
    let expected = json!({
        "name": "flags", "value": "message", "layer": "prefix", "section": "", "from": 0, "to": 1, "parts": [],
    });
    assert_eq!(*flags, expected);
}

#[tokio::test]
async fn the_lens_names_json_heads_and_base64() {
    let (_, spans) = lens("/lens/json", r#"{"by":1}"#).await;
    assert_eq!(leaves(&spans)[3], "by: 1");
    let (_, spans) = lens("/lens/head", "GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
    assert_eq!(leaves(&spans)[3], "host: here");
    let (_, spans) = lens("/lens/grpc-web-text", "AAAA").await;
    assert_eq!(leaves(&spans), ["four letters: 00 00 00"]);
}

#[tokio::test]
async fn bytes_that_break_a_rule_are_an_answer_that_says_which() {
    let (status, spans) = lens("/lens/json", "{").await;
    assert_eq!((status, &spans[0]["parts"][0]["layer"]), (200, &json!("wrong")));
    assert_eq!(lens("/lens/json", "").await, (200, json!([])));
}

#[tokio::test]
async fn more_bytes_than_the_lens_takes_are_refused() {
    let (status, problem) = lens("/lens/json", vec![b' '; (64 << 10) + 1]).await;
    assert_eq!((status, &problem["code"]), (413, &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(problem["detail"], "the lens takes 65536 bytes at most");
    assert_eq!(lens("/lens/json", vec![b' '; 64 << 10]).await.0, 200);
}

#[tokio::test]
async fn a_message_that_is_not_in_the_contract_and_a_lens_that_there_is_not_are_refused() {
    let (status, problem) = lens("/lens/grpc-web/kv.Nothing", "").await;
    assert_eq!((status, &problem["code"]), (404, &json!("NOT_FOUND")));
    assert!(problem["detail"].as_str().unwrap().contains("\"kv.Nothing\""), "{problem}");
    assert_eq!(lens("/lens/morse", "").await.0, 404);
    assert_eq!(answer(Request::get("/lens/json"), Body::empty()).await.status(), 405);
}

#[tokio::test]
async fn a_page_is_told_the_head_of_its_request_as_it_would_be_elsewhere() {
    let request = Request::put("/lens/request/v1/values/a%2Fb?c").header("host", "here").header("x-y", "z");
    let (_, kind, head) = told(answer(request, "body").await).await;
    assert_eq!(kind, "text/plain; charset=utf-8");
    assert_eq!(head, "PUT /v1/values/a%2Fb?c HTTP/1.1\r\nhost: here\r\nx-y: z\r\n\r\n");
}

#[tokio::test]
async fn a_request_of_http2_has_its_authority_in_the_place_of_a_host() {
    let request = Request::get("http://here:1/lens/request/v1").version(http::Version::HTTP_2);
    let (.., head) = told(answer(request, "").await).await;
    assert_eq!(head, "GET /v1 HTTP/1.1\r\nhost: here:1\r\n\r\n");
}

#[tokio::test]
async fn the_api_with_json_is_at_its_place_on_the_same_store() {
    let store = Arc::new(Store::new());
    store.put("greeting", "hello").await.unwrap();
    let site = tutorial::site::router(store).unwrap();
    let request = Request::get("/v1/values/greeting").body(Body::empty()).unwrap();
    let (status, _, value) = told(site.oneshot(request).await.unwrap()).await;
    assert_eq!((status, &value[..]), (200, r#"{"value":"hello"}"#));
    assert_eq!(file("/openapi.json").await.1, "application/json");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let (status, kind, _) = file("/elsewhere").await;
    assert_eq!((status, &kind[..]), (404, "application/problem+json"));
}
