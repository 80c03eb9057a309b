//! What a browser gets: a page that calls the example service through gRPC-Web and through the API with JSON, the
//! API itself, and a lens on what passed.
//!
//! | request | answer |
//! |---------|--------|
//! | `GET /` and the files it names | the page, from `tutorial/page/` |
//! | `/v1/…`, `/openapi.json` | the API: [`kv_json`] |
//! | `POST /lens/head` | the lines of a request or a response of HTTP/1.1, named |
//! | `POST /lens/json` | a text of JSON, named |
//! | `POST /lens/grpc-web/{message}` | frames of gRPC-Web with messages of this type (`kv.PutReply`), named |
//! | `POST /lens/grpc-web-text` | base64, named |
//! | any method, `/lens/request/…` | the head of this very request, as HTTP/1.1 would write it, to the path behind |
//!
//! Bytes are named as a list of spans, each `{"name", "value", "layer", "section", "from", "to", "parts"}`: see
//! [`Span`].

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderName, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use kv::Store;
use kv_json::Problem;
use serde::Serialize;
use transport::Code;

use crate::lens::schema::Schema;
use crate::lens::{Span, http1, json, protobuf, web};

/// The site, with the API on top of `store`.
///
/// # Errors
/// That the contract of the example service cannot be read, with whose names the lens calls its messages.
pub fn router(store: Arc<Store>) -> Result<Router, stub_build::Error> {
    let lens = Router::new()
        .route("/lens/head", post(async |bytes: Sent| named(bytes, |bytes| http1::head(bytes).0)))
        .route("/lens/json", post(async |bytes: Sent| named(bytes, json::text)))
        .route("/lens/grpc-web-text", post(async |bytes: Sent| named(bytes, |bytes| web::text(bytes).0)))
        .route("/lens/grpc-web/{message}", post(frames))
        .layer(DefaultBodyLimit::max(MOST))
        .route("/lens/request/{*path}", any(request_head))
        .with_state(Arc::new(Schema::kv()?));
    let files = FILES.into_iter().fold(Router::new(), |router, file| {
        router
            .route(file.path, get(async move || (PROTECTED, [(header::CONTENT_TYPE, file.kind)], file.text)))
    });
    Ok(kv_json::router(store).merge(lens).merge(files))
}

/// What was sent, or why it cannot be taken.
type Sent = Result<Bytes, BytesRejection>;

/// Frames of gRPC-Web, whose messages are of one type.
async fn frames(
    State(schema): State<Arc<Schema>>,
    Path(message): Path<String>,
    bytes: Sent,
) -> Result<Response, Problem> {
    let Some(of) = schema.message(&message) else {
        let detail = format!("there is no message {message:?} in kv.proto; one there is is kv.PutRequest");
        return Err(Problem::new(Code::NotFound, detail));
    };
    named(bytes, |bytes| web::frames(bytes, |message| protobuf::message(message, Some(of))))
}

/// The answer of a lens.
fn named(bytes: Sent, lens: impl Fn(&[u8]) -> Vec<Span>) -> Result<Response, Problem> {
    let bytes = bytes.map_err(|rejected| match rejected.status().as_u16() {
        413 => Problem {
            status: 413,
            title: "Content Too Large".into(),
            detail: format!("the lens takes {MOST} bytes at most"),
            code: Code::ResourceExhausted.name().into(),
        },
        _ => Problem::new(Code::InvalidArgument, rejected.body_text()),
    })?;
    let spans = lens(&bytes);
    Ok(Json(spans.iter().map(Named::from).collect::<Vec<_>>()).into_response())
}

/// A span, for a page.
#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    value: &'a str,
    layer: &'static str,
    section: &'a str,
    from: usize,
    to: usize,
    parts: Vec<Self>,
}

impl<'a> From<&'a Span> for Named<'a> {
    fn from(span: &'a Span) -> Self {
        Self {
            name: &span.name,
            value: &span.value,
            layer: span.layer.name(),
            section: &span.note,
            from: span.range.start,
            to: span.range.end,
            parts: span.parts.iter().map(Self::from).collect(),
        }
    }
}

/// What a page cannot see of its own requests: the head with all that the browser added to it.
async fn request_head(request: Request) -> impl IntoResponse {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = target.strip_prefix("/lens/request").unwrap_or(target);
    let mut head = format!("{} {target} HTTP/1.1\r\n", request.method());
    if request.version() >= Version::HTTP_2
        && let Some(authority) = uri.authority()
    {
        head.push_str(&format!("host: {authority}\r\n"));
    }
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes())));
    }
    ([(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], head + "\r\n")
}

/// A file of the page, part of the program.
#[derive(Clone, Copy)]
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

const FILES: [File; 11] = [
    File { path: "/", kind: HTML, text: include_str!("../page/index.html") },
    File { path: "/page.css", kind: CSS, text: include_str!("../page/page.css") },
    File { path: "/icon.svg", kind: ICON, text: include_str!("../page/icon.svg") },
    File { path: "/page.js", kind: SCRIPT, text: include_str!("../page/page.js") },
    File { path: "/bytes.js", kind: SCRIPT, text: include_str!("../page/bytes.js") },
    File { path: "/exchange.js", kind: SCRIPT, text: include_str!("../page/exchange.js") },
    File { path: "/grpc_web.js", kind: SCRIPT, text: include_str!("../page/grpc_web.js") },
    File { path: "/json_api.js", kind: SCRIPT, text: include_str!("../page/json_api.js") },
    File { path: "/kv.js", kind: SCRIPT, text: include_str!("../page/kv.js") },
    File { path: "/protobuf.js", kind: SCRIPT, text: include_str!("../page/protobuf.js") },
    File { path: "/watch.js", kind: SCRIPT, text: include_str!("../page/watch.js") },
];

/// The page loads nothing from elsewhere, calls nobody else, and is shown in no other page.
const PROTECTED: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // Another build may have another page.
    (header::CACHE_CONTROL, "no-cache"),
];

/// How much a lens takes, in bytes.
const MOST: usize = 64 << 10;
