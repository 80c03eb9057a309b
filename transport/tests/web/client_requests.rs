//! What a client writes.

use std::time::Duration;

use transport::{Code, Compression, Metadata, Path, RequestHead, Status, open};

use crate::ends::{message, trailers};
use crate::hand_made::{Server, answer, calling, calling_with, end_of, head, request_of};
use crate::server_compression::gzip;

/// The request that a call makes, without the host that is another each time.
async fn request(head: RequestHead) -> (String, Vec<u8>) {
    let (server, connection, mut peer) = Server::connected().await;
    let call = calling_with(&connection, head, "hello");
    let (head, body) = request_of(&mut peer).await;
    call.abort();
    (head.replace(&server.port.to_string(), "PORT"), body.to_vec())
}

#[tokio::test]
async fn a_request_is_these_bytes() {
    let (head, body) = request(head()).await;
    let expected = "POST /kv.Kv/Get HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\n\
                    content-type: application/grpc-web+proto\r\naccept: application/grpc-web+proto\r\n\
                    x-grpc-web: 1\r\ncontent-length: 10\r\n\r\n";
    assert_eq!((&*head, body), (expected, message("hello")));
}

#[tokio::test]
async fn the_codec_is_in_both_types() {
    let (head, _) = request(RequestHead::new(Path::from_static("/a.B/C"), "json")).await;
    assert!(head.starts_with("POST /a.B/C HTTP/1.1\r\n"));
    assert!(head.contains("\r\ncontent-type: application/grpc-web+json\r\n"), "{head}");
    assert!(head.contains("\r\naccept: application/grpc-web+json\r\n"), "{head}");
}

#[tokio::test]
async fn metadata_is_header_fields() {
    let mut asked = head();
    asked.metadata.append("authorization", "Bearer x").unwrap();
    asked.metadata.append("a", "1").unwrap();
    asked.metadata.append("a", "2").unwrap();
    asked.metadata.append("b-bin", vec![0, 1, 255]).unwrap();
    let (head, _) = request(asked).await;
    assert!(head.contains("\r\nauthorization: Bearer x\r\na: 1\r\na: 2\r\nb-bin: AAH/\r\n"), "{head}");
    assert!(!head.contains("\r\nte:"), "there are no trailers to wait for: {head}");
}

#[tokio::test]
async fn a_deadline_is_what_is_left_of_it() {
    let mut asked = head();
    asked.deadline = Some(tokio::time::Instant::now().into_std() + Duration::from_secs(3600));
    let (head, _) = request(asked).await;
    let timeout = head.lines().find_map(|line| line.strip_prefix("grpc-timeout: ")).unwrap();
    let (digits, unit) = timeout.split_at(timeout.len() - 1);
    let unit = match unit {
        "S" => 1_000_000,
        "m" => 1000,
        "u" => 1,
        other => panic!("{other}"),
    };
    let left = digits.parse::<u64>().unwrap() * unit;
    assert!(digits.len() <= 8 && left > 3_000_000_000 && left <= 3_600_000_000, "{timeout}");
}

#[tokio::test]
async fn a_request_is_compressed_where_the_caller_wants_it() {
    let mut asked = head();
    asked.compression = Some(Compression::Gzip);
    let (head, body) = request(asked).await;
    assert!(head.contains("\r\ngrpc-encoding: gzip\r\n"), "{head}");
    assert!(head.contains("\r\ngrpc-accept-encoding: identity,gzip,deflate\r\n"), "{head}");
    let (prefix, compressed) = body.split_at(5);
    assert_eq!(
        (prefix[0], compressed.len()),
        (1, u32::from_be_bytes(*prefix[1..].first_chunk().unwrap()) as usize)
    );
    assert_eq!(compressed, gzip(b"hello"));
}

#[tokio::test]
async fn a_method_with_many_messages_there_is_unimplemented_and_nothing_is_sent() {
    let (_server, connection, mut peer) = Server::connected().await;
    for (message, end) in [(None, false), (None, true), (Some("one".into()), false)] {
        let status = open(&connection, head(), message, end).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().starts_with("gRPC-Web sends a request whole"), "{status}");
    }
    let call = calling(&connection, "hello");
    assert_eq!(request_of(&mut peer).await.1, message("hello"));
    peer.write(answer("", [message("hello"), trailers("grpc-status: 0\r\n")].concat())).await;
    assert_eq!(end_of(call.await.unwrap()), Status::ok());
}

#[tokio::test]
async fn nothing_more_can_be_sent_on_a_call() {
    let (_server, connection, _peer) = Server::connected().await;
    let mut call = open(&connection, head(), Some("one".into()), true).await.unwrap();
    let status = call.send.send("two".into()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(call.send.respond(Metadata::new()).unwrap_err().code(), Code::FailedPrecondition);
}
