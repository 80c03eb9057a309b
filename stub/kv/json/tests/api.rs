//! The API by raw HTTP: what a client in any language sees.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use kv::{Kv, Store};
use kv_json::{JsonClient, router};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use transport::Code;

/// An API on a free port, and the store behind it.
async fn api() -> (String, Arc<Store>) {
    let store = Arc::new(Store::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router(store.clone())).into_future());
    (base, store)
}

async fn call(method: Method, url: String, body: Option<&str>) -> Response {
    let mut request = Client::new().request(method, url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    request.send().await.unwrap()
}

/// The status, the content type and the body of an answer.
async fn told(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let body = response.text().await.unwrap();
    (status, kind.unwrap_or_default(), serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_value_is_put_and_got_by_its_url() {
    let (base, _) = api().await;
    let put = call(Method::PUT, format!("{base}/v1/values/color"), Some(r#"{"value":"red"}"#)).await;
    assert_eq!(told(put).await, (204, String::new(), Value::Null));
    let got = call(Method::GET, format!("{base}/v1/values/color"), None).await;
    assert_eq!(told(got).await, (200, "application/json".to_owned(), json!({ "value": "red" })));
}

#[tokio::test]
async fn a_key_is_one_segment_of_the_path_whatever_is_in_it() {
    let (base, store) = api().await;
    let url = format!("{base}/v1/values/a%2Fb%20%3F%C3%BC/increment");
    let counted = call(Method::POST, url, Some(r#"{"by":2}"#)).await;
    assert_eq!(told(counted).await.2, json!({ "value": 2 }));
    assert_eq!(store.get("a/b ?ü").await.unwrap(), "2");
}

#[tokio::test]
async fn what_goes_wrong_is_a_problem_with_the_code_of_the_contract() {
    let (base, _) = api().await;
    let missing = call(Method::GET, format!("{base}/v1/values/nothing"), None).await;
    let problem = json!({
        "status": 404, "title": "Not Found", "detail": "no value for \"nothing\"", "code": "NOT_FOUND",
    });
    assert_eq!(told(missing).await, (404, "application/problem+json".to_owned(), problem));
}

#[tokio::test]
async fn a_body_that_is_not_what_is_due_is_told_what_is_wrong_and_where() {
    let (base, _) = api().await;
    let url = format!("{base}/v1/values/n/increment");
    for (body, status, why) in [
        ("{", 400, "EOF while parsing an object at line 1 column 1"),
        ("{}", 422, "missing field `by`"),
        (r#"{"by":"2"}"#, 422, "by: invalid type: string \"2\", expected i64"),
        (r#"{"by":9223372036854775808}"#, 422, "expected i64"),
    ] {
        let (found, kind, problem) = told(call(Method::POST, url.clone(), Some(body)).await).await;
        assert_eq!((found, &kind[..]), (status, "application/problem+json"), "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
        assert_eq!(problem["code"], "INVALID_ARGUMENT");
    }
    let unsaid = Client::new().post(url).body(r#"{"by":1}"#).send().await.unwrap();
    assert_eq!(told(unsaid).await.0, 415);
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_passed_over() {
    let (base, _) = api().await;
    let put = call(Method::PUT, format!("{base}/v1/values/k"), Some(r#"{"value":"v","vaule":"w"}"#)).await;
    assert_eq!(told(put).await.0, 204);
}

#[tokio::test]
async fn a_path_without_a_key_a_path_that_leads_nowhere_and_a_wrong_method_are_problems_too() {
    let (base, _) = api().await;
    for (method, path, status, code) in [
        (Method::PUT, "/v1/values/", 400, "INVALID_ARGUMENT"),
        (Method::POST, "/v1/values//increment", 400, "INVALID_ARGUMENT"),
        (Method::GET, "/v2", 404, "UNIMPLEMENTED"),
        (Method::PATCH, "/v1/values/k", 405, "UNIMPLEMENTED"),
    ] {
        let (found, kind, problem) = told(call(method, format!("{base}{path}"), None).await).await;
        assert_eq!((found, &kind[..]), (status, "application/problem+json"), "{path}");
        assert_eq!(problem["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_body_larger_than_a_message_may_be_is_refused() {
    let (base, _) = api().await;
    let body = json!({ "value": "x".repeat(4 << 20) }).to_string();
    let (status, ..) = told(call(Method::PUT, format!("{base}/v1/values/k"), Some(&body)).await).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn the_changes_of_a_key_come_as_events_while_they_happen() {
    let (base, store) = api().await;
    store.put("k", "before").await.unwrap();
    let mut response = call(Method::GET, format!("{base}/v1/values/k/changes"), None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = String::new();
    let mut next = async || {
        loop {
            if let Some((event, rest)) = events.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                events = rest;
                return event;
            }
            events.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        }
    };
    assert_eq!(next().await, r#"data: {"key":"k","value":"before"}"#);
    store.put("other", "x").await.unwrap();
    store.put("k", "two\nlines").await.unwrap();
    store.delete("k").await.unwrap();
    assert_eq!(next().await, r#"data: {"key":"k","value":"two\nlines"}"#);
    assert_eq!(next().await, r#"data: {"key":"k","value":null}"#);
}

#[tokio::test]
async fn many_entries_are_put_up_to_the_first_that_is_wrong() {
    let (base, store) = api().await;
    let url = format!("{base}/v1/values");
    let all = r#"[{"key":"a","value":"1"},{"key":"b","value":"2"}]"#;
    assert_eq!(told(call(Method::POST, url.clone(), Some(all)).await).await.2, json!({ "count": 2 }));
    let wrong = r#"[{"key":"c","value":"3"},{"key":"","value":"4"}]"#;
    assert_eq!(told(call(Method::POST, url, Some(wrong)).await).await.2["code"], "INVALID_ARGUMENT");
    assert_eq!(store.get("c").await.unwrap(), "3");
}

#[tokio::test]
async fn the_description_says_every_route_and_every_answer() {
    let (base, _) = api().await;
    let (_, kind, description) = told(call(Method::GET, format!("{base}/openapi.json"), None).await).await;
    assert_eq!(kind, "application/json");
    assert_eq!(description, serde_json::to_value(kv_json::openapi()).unwrap());
    assert_eq!(description["openapi"], "3.1.0");
    let mut routes: Vec<_> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        })
        .collect();
    routes.sort();
    let expected = [
        "delete /v1/values/{key}",
        "get /v1/values/{key}",
        "get /v1/values/{key}/changes",
        "post /v1/values",
        "post /v1/values/{key}/increment",
        "put /v1/values/{key}",
    ];
    assert_eq!(routes, expected);
    let missing = &description["paths"]["/v1/values/{key}"]["get"]["responses"]["404"]["content"];
    assert_eq!(missing["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
    for (method, path) in
        [("put", "/v1/values/{key}"), ("post", "/v1/values/{key}/increment"), ("post", "/v1/values")]
    {
        for status in ["400", "413", "415", "422"] {
            let wrong = &description["paths"][path][method]["responses"][status]["content"];
            let schema = &wrong["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{status} of {method} {path}");
        }
    }
}

#[test]
fn no_body_is_described_as_just_anything() {
    fn find(value: &Value, at: &str) {
        assert!(!at.ends_with("/schema") || *value != json!({}), "{at} says nothing");
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| find(value, &format!("{at}/{name}")))
            }
            Value::Array(values) => values.iter().for_each(|value| find(value, at)),
            _ => {}
        }
    }
    find(&serde_json::to_value(kv_json::openapi()).unwrap(), "");
}

#[tokio::test]
async fn a_client_says_what_is_wrong_where_there_is_no_api() {
    assert_eq!(JsonClient::new("ftp://here").unwrap_err().code(), Code::InvalidArgument);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = JsonClient::new(&format!("http://{address}")).unwrap().get("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn an_answer_of_something_else_is_an_error_with_its_http_status() {
    let (base, _) = api().await;
    let error = JsonClient::new(&format!("{base}/elsewhere")).unwrap().get("k").await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
}
