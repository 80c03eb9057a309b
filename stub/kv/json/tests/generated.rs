//! A client that a program writes from the description: progenitor, for OpenAPI 3.0. It is as in
//! `generated/client.rs`, it compiles, and the API takes it for a client.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use kv::{Kv, Store};
use kv_json::Problem;
use progenitor_impl::Generator;
use serde_json::{Value, json};

#[path = "generated/client.rs"]
#[rustfmt::skip]
#[allow(dead_code, missing_debug_implementations, missing_docs, unreachable_pub)]
mod client;

use client::{Client, Error, types};

/// The description in the words of OpenAPI 3.0: where a value may be null, that is said beside its type, and
/// a license has a name alone.
fn as_3_0() -> Value {
    fn lowered(value: &mut Value) {
        if let Some(types) = value.get("type").and_then(Value::as_array) {
            let others: Vec<_> = types.iter().filter(|it| *it != "null").cloned().collect();
            let [only] = &others[..] else { panic!("3.0 has no value of several types: {value}") };
            value["type"] = only.clone();
            value["nullable"] = json!(true);
        }
        match value {
            Value::Object(fields) => fields.values_mut().for_each(lowered),
            Value::Array(values) => values.iter_mut().for_each(lowered),
            _ => {}
        }
    }
    let mut description = serde_json::to_value(kv_json::openapi()).unwrap();
    description["openapi"] = json!("3.0.3");
    description["info"]["license"].as_object_mut().unwrap().remove("identifier");
    lowered(&mut description);
    description
}

fn written(description: Value) -> Result<String, String> {
    let description = serde_json::from_value(description).map_err(|error| error.to_string())?;
    let tokens = Generator::default().generate_tokens(&description).map_err(|error| error.to_string())?;
    Ok(prettyplease::unparse(&syn::parse2(tokens).unwrap()))
}

/// `WRITE=1 cargo test -p kv_json` makes it so.
#[test]
fn what_is_written_is_as_it_was() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated/client.rs");
    let text = written(as_3_0()).unwrap();
    if std::env::var_os("WRITE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&file).unwrap() == text, "{} is not what is written", file.display());
}

/// As it is, with a type that is a list; and where nothing is written in another way but the version.
#[test]
fn a_description_in_openapi_3_1_is_refused_by_it() {
    let description = serde_json::to_value(kv_json::openapi()).unwrap();
    assert_eq!(written(description).unwrap_err(), "invalid type: sequence, expected a string");
    let mut description = as_3_0();
    description["openapi"] = json!("3.1.0");
    let refused = written(description).unwrap_err();
    assert!(refused.contains("invalid version: 3.1.0"), "{refused}");
}

#[tokio::test]
async fn what_was_put_through_it_is_in_the_store_and_can_be_got() {
    let (client, store) = api().await;
    let text = types::Text { value: "a/b ü".to_owned() };
    client.put("a/b ü", &text).await.unwrap();
    assert_eq!(store.get("a/b ü").await.unwrap(), "a/b ü");
    assert_eq!(client.get("a/b ü").await.unwrap().into_inner().value, "a/b ü");
    let number = client.increment("hits", &types::By { by: 3 }).await.unwrap().into_inner();
    assert_eq!(number.value, 3);
    let entry = |key: &str| types::Entry { key: key.to_owned(), value: "1".to_owned() };
    assert_eq!(client.load(&vec![entry("a"), entry("b")]).await.unwrap().into_inner().count, 2);
    assert!(client.delete("a").await.unwrap().into_inner().existed);
}

/// It has types for what is `application/json`, and a problem is `application/problem+json`.
#[tokio::test]
async fn an_error_is_an_http_status_and_bytes_to_it() {
    let (client, _) = api().await;
    let Err(Error::ErrorResponse(answer)) = client.get("nothing").await else { panic!("it is an error") };
    assert_eq!(answer.status(), 404);
    let body: Vec<u8> = answer.into_inner().into_inner().map(|chunk| chunk.unwrap().to_vec()).concat().await;
    assert_eq!(serde_json::from_slice::<Problem>(&body).unwrap().code, "NOT_FOUND");
}

#[tokio::test]
async fn changes_are_bytes_to_it_and_not_events() {
    let (client, store) = api().await;
    store.put("k", "v").await.unwrap();
    let mut bytes = client.changes("k").await.unwrap().into_inner();
    let first = bytes.next().await.unwrap().unwrap();
    assert_eq!(&first[..], b"data: {\"key\":\"k\",\"value\":\"v\"}\n\n");
}

/// The client, of an API on a free port, and the store behind that.
async fn api() -> (Client, Arc<Store>) {
    let store = Arc::new(Store::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(axum::serve(listener, kv_json::router(store.clone())).into_future());
    (client, store)
}
