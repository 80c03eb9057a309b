//! Lesson 18: browsers cannot read trailers: gRPC-Web.

#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kv::proto::{self, Change};
use kv::{Kv, KvClient, Store};
use prost::Message;
use server::{Router, Server};
use stub::NamedService;
use tokio::sync::mpsc::unbounded_channel;
use transport::web::Web;
use transport::{Address, Code};
use tutorial::by_hand::web::{self, Answer};
use tutorial::lens::{check, http1, leaves};
use tutorial::onlooker::{Onlooker, verdict};
use tutorial::relay::Relay;
use tutorial::slow::Slow;

const GET: &str = "/kv.Kv/Get";
const WATCH: &str = "/kv.Kv/Watch";
const PROTO: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text+proto";
const APP: &str = "https://app.example";

/// A server of gRPC and gRPC-Web that lets pages of one other origin call.
struct Site {
    address: Address,
    kv: KvClient,
    _server: Server,
}

impl Site {
    async fn with(service: impl NamedService) -> Self {
        let web = Web::new().allow_origin(APP).unwrap();
        let mut server = Server::new(Router::new().with(service)).web(web);
        let address = server.listen("http://127.0.0.1:0").await.unwrap();
        let kv = KvClient::connect(&address.to_string()).await.unwrap();
        Self { address, kv, _server: server }
    }

    /// With a store whose "greeting" is "hello".
    async fn new() -> Self {
        let site = Self::with(proto::KvServer::new(Store::new())).await;
        site.kv.put("greeting", "hello").await.unwrap();
        site
    }

    async fn ask(&self, request: &[u8]) -> Answer {
        let address = self.address.to_string();
        Answer::to(address.strip_prefix("http://").unwrap(), request).await.unwrap()
    }

    async fn post(&self, path: &str, content_type: &str, message: &[u8]) -> Answer {
        self.ask(&web::call(path, content_type, message)).await
    }
}

/// The message of get, and of watch: field 1, a text.
fn key(key: &str) -> Vec<u8> {
    [&[0x0a, key.len() as u8], key.as_bytes()].concat()
}

/// What a change looks like behind its five bytes.
fn change(value: &str) -> Vec<u8> {
    let change = Change { key: "greeting".to_owned(), value: Some(value.to_owned()) };
    web::prefixed(&change.encode_to_vec())
}

const OK: &[u8] = b"\x80\0\0\0\x10grpc-status: 0\r\n";

// ---- what a page misses ----

#[tokio::test]
async fn in_grpc_the_status_is_behind_the_body_where_no_page_can_read_it() {
    let site = Site::new().await;
    let relay = Relay::to(&site.address).await.unwrap();
    KvClient::connect(&relay.address().to_string()).await.unwrap().get("greeting").await.unwrap();
    let said = Onlooker::new().sees(&relay.passed());
    let statuses: Vec<_> = said.iter().map(|said| said.value("grpc-status")).collect();
    assert_eq!(statuses.iter().flatten().count(), 1);
    assert_eq!(statuses.last().unwrap().as_deref(), Some("0"), "the last of all frames");
    assert_eq!(verdict(&said), "OK");
}

// ---- the body ----

#[tokio::test]
async fn the_body_is_the_message_of_grpc_and_behind_it_a_frame_with_the_trailers() {
    let site = Site::new().await;
    let mut answer = site.post(GET, PROTO, &key("greeting")).await;
    assert_eq!((answer.http_status(), answer.field("content-type")), ("200", Some(PROTO)));
    let body = answer.rest().await.unwrap();
    assert_eq!(body, [b"\0\0\0\0\x07\x0a\x05hello", OK].concat());
    assert_eq!(web::status(&body), Some(0));
}

#[test]
fn the_first_bit_tells_trailers_from_a_message() {
    let lines = b"grpc-status: 5\r\n";
    let trailers = [&[0x80, 0, 0, 0, lines.len() as u8], &lines[..]].concat();
    assert_eq!(web::status(&trailers), Some(5));
    assert_eq!(web::status(&web::prefixed(lines)), None, "that is a message with the same bytes");
    assert_eq!(web::status(&[web::prefixed(b"x"), trailers.clone()].concat()), Some(5));
    assert_eq!(web::status(&trailers[..trailers.len() - 1]), None, "not all is there");
}

#[tokio::test]
async fn the_lens_has_a_name_for_every_byte_of_both() {
    let site = Site::new().await;
    let request = web::call(GET, PROTO, &key("greeting"));
    let mut answer = site.ask(&request).await;
    answer.rest().await.unwrap();
    for bytes in [&request[..], answer.bytes()] {
        let spans =
            http1::messages(bytes, |head, body| tutorial::lens::web::body(head.content_type(), body, None));
        assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
        assert!(leaves(&spans).all(|leaf| !leaf.is_wrong()), "{spans:#?}");
    }
}

#[tokio::test]
async fn an_error_before_any_message_is_in_the_head_and_there_is_no_body() {
    let site = Site::new().await;
    let mut answer = site.post(GET, PROTO, &key("nothing")).await;
    assert_eq!(answer.http_status(), "200", "HTTP has done its part");
    assert_eq!(answer.field("grpc-status"), Some("5"));
    assert_eq!(answer.field("grpc-message"), Some("no value for \"nothing\""));
    assert_eq!(answer.piece().await.unwrap(), None);
}

#[tokio::test]
async fn an_error_behind_a_message_leaves_the_message_and_is_in_the_trailers() {
    let site = Site::with(proto::KvServer::new(Slow::new(unbounded_channel().0))).await;
    let mut answer = site.post(WATCH, PROTO, &key("greeting")).await;
    assert_eq!(answer.field("grpc-status"), None);
    let body = answer.rest().await.unwrap();
    assert!(body.starts_with(&change("hello")));
    assert_eq!(web::status(&body), Some(Code::ResourceExhausted.number()));
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("\r\ngrpc-message: the disk of \"gr%C3%BCn\" is 100 %25 full\r\n"), "{text}");
}

// ---- a stream ----

#[tokio::test]
async fn each_change_is_a_chunk_that_comes_when_it_happens() {
    let site = Site::new().await;
    let mut answer = site.post(WATCH, PROTO, &key("greeting")).await;
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"), "nobody knows how long it will be");
    assert_eq!(answer.piece().await.unwrap().unwrap(), change("hello"));
    for value in ["good morning", "bye"] {
        site.kv.put("greeting", value).await.unwrap();
        assert_eq!(answer.piece().await.unwrap().unwrap(), change(value));
    }
}

// ---- text ----

#[tokio::test]
async fn as_text_request_and_answer_are_base64_of_the_same_bytes() {
    let site = Site::new().await;
    let letters = STANDARD.encode(web::prefixed(&key("greeting")));
    let request = web::request("POST", GET, &[("content-type", TEXT)], letters.as_bytes());
    let mut answer = site.ask(&request).await;
    assert_eq!(answer.field("content-type"), Some(TEXT));
    let (_, bytes) = tutorial::lens::web::text(&answer.rest().await.unwrap());
    assert_eq!(bytes, [b"\0\0\0\0\x07\x0a\x05hello", OK].concat());
}

#[tokio::test]
async fn each_piece_of_text_is_padded_for_itself_so_padding_stands_in_the_midst() {
    let site = Site::new().await;
    let letters = STANDARD.encode(web::prefixed(&key("greeting")));
    let mut answer =
        site.ask(&web::request("POST", WATCH, &[("content-type", TEXT)], letters.as_bytes())).await;
    let mut all = answer.piece().await.unwrap().unwrap();
    assert!(all.ends_with(b"="), "{}", all.escape_ascii());
    site.kv.put("greeting", "bye").await.unwrap();
    all.extend(answer.piece().await.unwrap().unwrap());
    assert!(STANDARD.decode(&all).is_err(), "it is not one text");
    assert_eq!(tutorial::lens::web::text(&all).1, [change("hello"), change("bye")].concat());
}

#[tokio::test]
async fn a_request_may_come_in_pieces_of_text_too() {
    let site = Site::new().await;
    let whole = web::prefixed(&key("greeting"));
    let letters = STANDARD.encode(&whole[..4]) + &STANDARD.encode(&whole[4..]);
    assert!(letters[..8].ends_with("=="));
    let request = web::request("POST", GET, &[("content-type", TEXT)], letters.as_bytes());
    let (_, bytes) = tutorial::lens::web::text(&site.ask(&request).await.rest().await.unwrap());
    assert_eq!(web::status(&bytes), Some(0));
}

// ---- what does not fit ----

#[tokio::test]
async fn a_request_has_one_message_and_neither_two_nor_none() {
    let site = Site::new().await;
    let one = web::prefixed(&key("greeting"));
    for (path, body) in [("/kv.Kv/Load", [&one[..], &one].concat()), (GET, [&one[..], &one].concat())] {
        let answer = site.ask(&web::request("POST", path, &[("content-type", PROTO)], &body)).await;
        assert_eq!(answer.field("grpc-status"), Some("12"), "{path}");
        assert!(answer.field("grpc-message").unwrap().contains("has one message, and more follows"));
    }
    let answer = site.ask(&web::request("POST", GET, &[("content-type", PROTO)], b"")).await;
    assert_eq!(answer.field("grpc-status"), Some("12"));
}

#[tokio::test]
async fn a_client_of_ours_knows_that_before_it_sends_anything() {
    let site = Site::new().await;
    let relay = Relay::to(&format!("web+{}", site.address).parse().unwrap()).await.unwrap();
    let kv = proto::KvClient::connect(&relay.address().to_string()).await.unwrap();
    let status = kv.load().await.err().unwrap();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(relay.passed().is_empty());
}

#[tokio::test]
async fn grpc_itself_does_not_go_over_http_1_1() {
    let site = Site::new().await;
    let answer = site.post(GET, "application/grpc", &key("greeting")).await;
    assert_eq!(answer.http_status(), "415");
}

// ---- other origins ----

/// What a browser asks on behalf of a page, before that may call.
fn preflight(origin: &str) -> Vec<u8> {
    let fields = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-grpc-web"),
    ];
    web::request("OPTIONS", GET, &fields, b"")
}

async fn call_from(site: &Site, origin: &str, message: &str) -> Answer {
    let fields = [("content-type", PROTO), ("origin", origin)];
    site.ask(&web::request("POST", GET, &fields, &web::prefixed(&key(message)))).await
}

#[tokio::test]
async fn a_page_of_an_origin_that_was_allowed_may_call_and_read_the_status() {
    let site = Site::new().await;
    let answer = site.ask(&preflight(APP)).await;
    assert_eq!(answer.http_status(), "204");
    assert_eq!(answer.field("access-control-allow-origin"), Some(APP));
    assert_eq!(answer.field("access-control-allow-headers"), Some("content-type,x-grpc-web"));
    let answer = call_from(&site, APP, "nothing").await;
    assert_eq!(answer.field("access-control-allow-origin"), Some(APP));
    let exposed = answer.field("access-control-expose-headers").unwrap();
    assert!(["grpc-status", "grpc-message"].iter().all(|name| exposed.split(',').any(|it| it == *name)));
}

#[tokio::test]
async fn a_page_of_another_is_told_no_before_it_calls_and_when_it_does() {
    let site = Site::new().await;
    for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"] {
        for answer in [site.ask(&preflight(origin)).await, call_from(&site, origin, "greeting").await] {
            assert_eq!(answer.http_status(), "403", "{origin}");
            assert_eq!(answer.field("access-control-allow-origin"), None, "{origin}");
        }
    }
}

#[tokio::test]
async fn a_page_of_the_server_itself_and_who_is_no_page_asks_nobody() {
    let site = Site::new().await;
    let mut answer = call_from(&site, "http://kv.example", "greeting").await;
    assert_eq!(web::status(&answer.rest().await.unwrap()), Some(0), "the host of the request is kv.example");
    let mut answer = site.post(GET, PROTO, &key("greeting")).await;
    assert_eq!(web::status(&answer.rest().await.unwrap()), Some(0));
}

// ---- one more transport ----

#[tokio::test]
async fn the_same_stub_calls_through_it() {
    let site = Site::new().await;
    let kv = KvClient::connect(&format!("web+{}", site.address)).await.unwrap();
    assert_eq!(kv.get("greeting").await.unwrap(), "hello");
    assert_eq!(kv.increment("hits", 3).await.unwrap(), 3);
    assert_eq!(kv.get("nothing").await.unwrap_err().code(), Code::NotFound);
}
