//! The routes, and what they do.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use axum::{Json, Router};
use futures_util::Stream;
use futures_util::stream::unfold;
use kv::{Follow, Kv, Store};
use transport::Code;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Problem;
use crate::body::{Body, By, Change, Count, Entry, Existed, Number, Text, WrongBody};

/// The API on top of `store`, with its description at `/openapi.json`.
pub fn router(store: Arc<Store>) -> Router {
    let (router, description) = api().split_for_parts();
    router
        // A key has at least one character; without any, the path is another one.
        .route("/v1/values/", axum::routing::any(no_key))
        .route("/v1/values//increment", axum::routing::any(no_key))
        .route("/openapi.json", axum::routing::get(async || Json(description)))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(store)
}

/// The description of the API (OpenAPI 3.1).
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

fn api() -> OpenApiRouter<Arc<Store>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(get, put, delete))
        .routes(routes!(increment))
        .routes(routes!(changes))
        .routes(routes!(load))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Kv",
    description = "A key–value store with a counter.",
    license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
))]
struct Description;

/// The value of a key.
#[utoipa::path(get, path = "/v1/values/{key}", operation_id = "get",
    params(("key" = String, Path, description = "Whose value is wanted.")),
    responses(
        (status = 200, description = "The value.", body = Text),
        (status = 404, description = "NOT_FOUND: it has none.", body = Problem, content_type = "application/problem+json"),
    ))]
async fn get(State(store): State<Arc<Store>>, Path(key): Path<String>) -> Result<Json<Text>, Problem> {
    let value = store.get(&key).await?;
    Ok(Json(Text { value }))
}

/// Gives a key a value.
#[utoipa::path(put, path = "/v1/values/{key}", operation_id = "put",
    params(("key" = String, Path, description = "What gets a value.")),
    request_body = Text,
    responses(
        (status = 204, description = "It has the value."),
        (status = 400, description = "INVALID_ARGUMENT: the key is empty, or the body is not JSON.", body = Problem, content_type = "application/problem+json"),
        WrongBody,
    ))]
async fn put(
    State(store): State<Arc<Store>>,
    Path(key): Path<String>,
    Body(body): Body<Text>,
) -> Result<StatusCode, Problem> {
    store.put(&key, &body.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a key; whether it was there.
#[utoipa::path(delete, path = "/v1/values/{key}", operation_id = "delete",
    params(("key" = String, Path, description = "What is removed.")),
    responses((status = 200, description = "It is not there any more.", body = Existed)))]
async fn delete(State(store): State<Arc<Store>>, Path(key): Path<String>) -> Result<Json<Existed>, Problem> {
    let existed = store.delete(&key).await?;
    Ok(Json(Existed { existed }))
}

/// Adds to the number that is the value of a key, 0 if it has none. Called twice, it counts twice.
#[utoipa::path(post, path = "/v1/values/{key}/increment", operation_id = "increment",
    params(("key" = String, Path, description = "Whose number grows.")),
    request_body = By,
    responses(
        (status = 200, description = "The new number.", body = Number),
        (status = 400, description = "FAILED_PRECONDITION: the value is not a number; OUT_OF_RANGE: the new one would not fit into 64 bits; INVALID_ARGUMENT: the key is empty, or the body is not JSON.", body = Problem, content_type = "application/problem+json"),
        WrongBody,
    ))]
async fn increment(
    State(store): State<Arc<Store>>,
    Path(key): Path<String>,
    Body(body): Body<By>,
) -> Result<Json<Number>, Problem> {
    let value = store.increment(&key, body.by).await?;
    Ok(Json(Number { value }))
}

/// The changes of a key from now on, after its present value if it has one. It goes on until the caller hangs up.
#[utoipa::path(get, path = "/v1/values/{key}/changes", operation_id = "changes",
    params(("key" = String, Path, description = "Whose changes are wanted.")),
    responses((status = 200, description = "Each event is a change.", body = Change, content_type = "text/event-stream")))]
async fn changes(
    State(store): State<Arc<Store>>,
    Path(key): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let follow = Follow::new(store, key);
    let events = unfold(follow, async |mut follow| {
        let change = Change::from(follow.next().await?);
        let text = serde_json::to_string(&change).unwrap_or_default();
        Some((Ok(Event::default().data(text)), follow))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// Puts many entries, in order, up to the first that is wrong.
#[utoipa::path(post, path = "/v1/values", operation_id = "load",
    request_body = Vec<Entry>,
    responses(
        (status = 200, description = "All were put.", body = Count),
        (status = 400, description = "INVALID_ARGUMENT: a key is empty, or the body is not JSON.", body = Problem, content_type = "application/problem+json"),
        WrongBody,
    ))]
async fn load(
    State(store): State<Arc<Store>>,
    Body(entries): Body<Vec<Entry>>,
) -> Result<Json<Count>, Problem> {
    for Entry { key, value } in &entries {
        store.put(key, value).await?;
    }
    Ok(Json(Count { count: entries.len() as u64 }))
}

async fn no_key() -> Problem {
    Problem::new(Code::InvalidArgument, "a key has at least one character")
}

async fn no_route(uri: Uri) -> Problem {
    let detail = format!("nothing is at {}; /openapi.json says what there is", uri.path());
    Problem::with_status(StatusCode::NOT_FOUND, Code::Unimplemented, detail)
}

async fn no_method() -> impl IntoResponse {
    let detail = "this path has other methods; /openapi.json says which".to_owned();
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, detail)
}

/// As large as a message may be over gRPC, in bytes.
const LARGEST_BODY: usize = 4 << 20;
