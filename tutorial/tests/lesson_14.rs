//! Lesson 14: gRPC = path + 5 bytes + trailers.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::net::SocketAddr;

use bytes::Bytes;
use kv::{Kv, KvServer, Store};
use server::{Router, Server};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use transport::Address;
use tutorial::by_hand::grpc::{self, Connection};
use tutorial::by_hand::protobuf::Writer;
use tutorial::exercise::grpc::mistaken;
use tutorial::onlooker::{Onlooker, Said, verdict};
use tutorial::tap::Way;

exercise::specification! { grpc:
    a_message_has_its_length_in_front_the_highest_byte_first
    a_message_without_bytes_is_a_message
    a_request_is_fields_and_data_of_which_the_last_frame_ends_the_stream
    the_names_of_fields_are_lowercase
    the_fields_say_how_the_method_is_called_and_that_trailers_are_understood
    the_data_is_the_message_behind_its_prefix
    bytes_in_a_field_are_base64_without_padding
    bytes_in_a_field_are_read_with_and_without_padding
    text_of_a_status_is_percent_encoded_byte_by_byte
    a_percent_sign_is_percent_encoded_too
    text_that_is_encoded_badly_is_taken_as_it_stands
    the_status_stands_in_the_trailers
    an_answer_of_one_frame_has_its_status_there
    an_answer_without_a_status_is_no_success
}

const PATH: &str = "/kv.Kv/Increment";

/// increment("hits", 3)
const MESSAGE: &[u8] = b"\x0a\x04hits\x10\x03";

/// Our server: where it listens.
async fn ours() -> (Server, SocketAddr) {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let Address::Http { host, port } = server.listen("http://127.0.0.1:0").await.unwrap() else {
        panic!("it was asked for http")
    };
    (server, format!("{host}:{port}").parse().unwrap())
}

fn right(stream: u32) -> Vec<u8> {
    grpc::call(stream, &grpc::fields(PATH, "kv.test"), MESSAGE)
}

/// Writes each call to the same connection, one after the other, on streams 1, 3, 5: all that passed.
async fn exchange(server: SocketAddr, calls: Vec<Vec<u8>>) -> Vec<Said> {
    let passed = spawn_blocking(move || {
        let (mut connection, mut passed) = Connection::open(server).unwrap();
        for (stream, call) in (1..).step_by(2).zip(&calls) {
            passed.extend(connection.send(stream, call).unwrap());
        }
        passed
    });
    Onlooker::new().sees(&passed.await.unwrap())
}

/// The frames of streams that came back.
fn back(said: &[Said]) -> Vec<&Said> {
    said.iter().filter(|said| said.frame.way == Way::In && said.frame.stream() > 0).collect()
}

// ---- the bytes ----

#[test]
fn a_message_has_five_bytes_in_front_a_flag_and_its_length_highest_byte_first() {
    assert_eq!(grpc::prefixed(MESSAGE), b"\0\0\0\0\x08\x0a\x04hits\x10\x03");
    assert_eq!(grpc::prefixed(&[7; 258])[..5], [0, 0, 0, 1, 2]);
    assert_eq!(grpc::prefixed(b""), [0; 5], "a message of no bytes is a message");
}

#[test]
fn a_field_is_a_zero_and_two_texts_behind_their_lengths() {
    assert_eq!(grpc::block(&[("te", "trailers")]), b"\0\x02te\x08trailers");
}

#[test]
fn a_call_is_headers_and_data_that_ends_the_stream() {
    let block = [
        &b"\0\x07:method\x04POST"[..],
        b"\0\x07:scheme\x04http",
        b"\0\x05:path\x10/kv.Kv/Increment",
        b"\0\x0a:authority\x07kv.test",
        b"\0\x02te\x08trailers",
        b"\0\x0ccontent-type\x10application/grpc",
    ]
    .concat();
    let headers = [&[0, 0, block.len() as u8, 1, 4, 0, 0, 0, 1], &block[..]].concat();
    let data = b"\0\0\x0d\0\x01\0\0\0\x01\0\0\0\0\x08\x0a\x04hits\x10\x03";
    assert_eq!(right(1), [&headers[..], data].concat());
}

#[test]
fn the_message_by_hand_is_the_one_that_is_generated() {
    assert_eq!(Writer::new().text(1, "hits").varint(2, 3).finish(), MESSAGE);
}

// ---- answered by ours ----

#[tokio::test]
async fn our_server_answers_with_a_head_a_message_and_trailers() {
    let (_server, address) = ours().await;
    let said = exchange(address, vec![right(1)]).await;
    assert_eq!(verdict(&said), "OK");
    let [head, data, trailers] = back(&said)[..] else { panic!("{said:?}") };
    assert_eq!(head.value(":status").as_deref(), Some("200"));
    assert_eq!(head.value("content-type").as_deref(), Some("application/grpc"));
    assert_eq!(data.frame.bytes, b"\0\0\x07\0\0\0\0\0\x01\0\0\0\0\x02\x08\x03");
    assert_eq!(trailers.value("grpc-status").as_deref(), Some("0"));
    assert!(trailers.frame.label().ends_with("END_STREAM"));
}

#[tokio::test]
async fn the_beginning_of_a_connection_is_written_once_and_calls_are_on_streams_1_3_5() {
    let (_server, address) = ours().await;
    let said = exchange(address, vec![right(1), right(3), right(5)]).await;
    let numbers: Vec<_> = back(&said)
        .iter()
        .filter(|said| said.value("grpc-status").is_none() && said.fields.is_none())
        .map(|said| *said.frame.bytes.last().unwrap())
        .collect();
    assert_eq!(numbers, [3, 6, 9], "the counter, after each");
}

#[tokio::test]
async fn what_was_written_by_hand_is_there_for_every_other_client() {
    let (_server, address) = ours().await;
    exchange(address, vec![right(1)]).await;
    let kv = kv::KvClient::connect(&format!("http://{address}")).await.unwrap();
    assert_eq!(kv.get("hits").await.unwrap(), "3");
}

#[tokio::test]
async fn an_error_is_one_frame_that_ends_the_stream() {
    let (_server, address) = ours().await;
    let get = grpc::call(1, &grpc::fields("/kv.Kv/Get", "kv.test"), b"\x0a\x07nothing");
    let said = exchange(address, vec![get]).await;
    let [only] = back(&said)[..] else { panic!("{said:?}") };
    assert_eq!(verdict(&said), "NOT_FOUND");
    assert_eq!(only.value("grpc-message").as_deref(), Some("no value for \"nothing\""));
}

#[tokio::test]
async fn the_text_of_a_status_is_encoded_as_the_exercise_says() {
    let (_server, address) = ours().await;
    let get = grpc::call(1, &grpc::fields("/kv.Kv/Get", "kv.test"), &Writer::new().text(1, "50% é").finish());
    let said = exchange(address, vec![get]).await;
    let text = back(&said)[0].value("grpc-message").unwrap();
    assert_eq!(text, (EXERCISE.right.text)("no value for \"50% é\""));
    assert_eq!((EXERCISE.right.read_text)(&text), "no value for \"50% é\"");
}

// ---- read by a library ----

#[tokio::test]
async fn a_server_made_of_the_h2_crate_reads_a_whole_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(exchange(address, vec![right(1)]));

    let mut connection = h2::server::handshake(listener.accept().await.unwrap().0).await.unwrap();
    let (request, mut respond) = connection.accept().await.unwrap().unwrap();
    let driver = tokio::spawn(async move { while connection.accept().await.is_some() {} });
    let (head, mut body) = request.into_parts();
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", PATH));
    assert_eq!(head.uri.authority().unwrap().as_str(), "kv.test");
    assert_eq!(head.headers["te"], "trailers");
    assert_eq!(head.headers["content-type"], "application/grpc");
    assert_eq!(body.data().await.unwrap().unwrap(), Bytes::from(grpc::prefixed(MESSAGE)));
    assert!(body.data().await.is_none() && body.is_end_stream(), "and that was all");
    assert_eq!(body.trailers().await.unwrap(), None, "request trailers do not exist");

    // What it answers is read by hand.
    let mut trailers = h2_headers(&[("grpc-status", "0")]);
    let mut stream = respond.send_response(h2_response(), false).unwrap();
    stream.send_data(Bytes::from(grpc::prefixed(b"\x08\x03")), false).unwrap();
    trailers.insert("grpc-message", "fine".parse().unwrap());
    stream.send_trailers(trailers).unwrap();
    let said = asked.await.unwrap();
    assert_eq!(verdict(&said), "OK");
    assert_eq!(back(&said).len(), 3);
    driver.abort();
}

fn h2_headers(fields: &[(&'static str, &'static str)]) -> http::HeaderMap {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn h2_response() -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.headers_mut() = h2_headers(&[("content-type", "application/grpc")]);
    response
}

// ---- wrong by one thing ----

#[tokio::test]
async fn each_mistake_is_answered_as_the_documents_say() {
    let expected = [
        // 134217728 bytes, where 4 MiB are allowed.
        ("the length with its lowest byte first", "RESOURCE_EXHAUSTED"),
        // RFC 9113 §5.1, half-closed (remote): "a stream error of type STREAM_CLOSED".
        ("END_STREAM on HEADERS, and DATA behind it", "RST_STREAM, STREAM_CLOSED"),
        // gRPC status codes: "Cardinality violation" is UNIMPLEMENTED.
        ("END_STREAM on HEADERS, and no message", "UNIMPLEMENTED"),
        // compression.md: a compressed flag without an encoding is INTERNAL.
        ("compressed, says the flag, and no field says how", "INTERNAL"),
        // PROTOCOL-HTTP2 asks for it; which code is for its absence it does not say.
        ("no te: trailers", "INTERNAL"),
        // RFC 9113 §8.1.1: malformed requests are stream errors of type PROTOCOL_ERROR.
        ("a path without its slash", "RST_STREAM, PROTOCOL_ERROR"),
        ("a field Te, with a capital", "RST_STREAM, PROTOCOL_ERROR"),
        ("GET", "HTTP 405, INTERNAL"),
        // PROTOCOL-HTTP2, Requests: "should return HTTP status of 415".
        ("content-type: application/json", "HTTP 415, INTERNAL"),
        ("trailers behind the message", "OK"),
    ];
    let (_server, address) = ours().await;
    let mut answered = Vec::new();
    for mistake in mistaken() {
        let frames = (mistake.frames)(PATH, "kv.test", MESSAGE);
        assert_ne!(frames, right(1), "{}", mistake.what);
        answered.push((mistake.what, verdict(&exchange(address, vec![frames]).await)));
    }
    assert_eq!(answered, expected.map(|(what, answer)| (what, answer.to_owned())));
    assert_eq!(verdict(&exchange(address, vec![right(1)]).await), "OK", "the server lives on");
}
