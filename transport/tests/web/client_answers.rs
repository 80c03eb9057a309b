//! What a client makes of answers, right ones and wrong ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use transport::{Code, Limits, Metadata, Received, Status};

use crate::ends::{frame, message, trailers};
use crate::hand_made::{Server, answer, calling, end, end_of, received, received_by, request_of};
use crate::server_compression::gzip;

const OK: &str = "grpc-status: 0\r\n";

fn head() -> Received {
    Received::Head(Metadata::new())
}

/// A head, these messages, OK.
fn well(messages: &[&'static str]) -> Vec<Received> {
    let messages = messages.iter().map(|message| Received::Message((*message).into()));
    std::iter::once(head()).chain(messages).chain([Received::End(Status::ok())]).collect()
}

fn metadata() -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    metadata.append("a", "2, 3").unwrap();
    metadata.append("b-bin", vec![0, 1, 255]).unwrap();
    metadata
}

/// An answer whose body comes in chunks of `cut` bytes.
fn in_chunks(headers: &str, body: &[u8], cut: usize) -> Vec<u8> {
    let chunks =
        body.chunks(cut).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    let head = format!("HTTP/1.1 200 OK\r\n{headers}transfer-encoding: chunked\r\n\r\n");
    [head.into_bytes(), chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
}

#[tokio::test]
async fn an_answer_is_a_head_messages_and_a_status() {
    let body = [message("one"), message(""), message("three"), trailers(OK)].concat();
    assert_eq!(received(answer("", body)).await, well(&["one", "", "three"]));
    assert_eq!(received(answer("", trailers(OK))).await, well(&[]));
}

#[tokio::test]
async fn an_answer_is_the_same_however_it_is_cut() {
    let body = [message("one"), message(""), message("three"), trailers(OK)].concat();
    for cut in [1, 2, 3, 4, 5, 6, 7, 11] {
        let answer = in_chunks("content-type: application/grpc-web\r\n", &body, cut);
        assert_eq!(received(answer).await, well(&["one", "", "three"]));
    }
}

#[tokio::test]
async fn an_answer_is_the_same_when_each_byte_arrives_by_itself() {
    let (_server, connection, mut peer) = Server::connected().await;
    let call = calling(&connection, "hello");
    request_of(&mut peer).await;
    for byte in answer("", [message("one"), trailers(OK)].concat()) {
        peer.write([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(call.await.unwrap(), well(&["one"]));
}

#[tokio::test]
async fn an_answer_as_text_is_read_however_it_is_cut_and_padded() {
    let pieces = [message("one"), message(""), message("three"), trailers(OK)];
    let at_once = STANDARD.encode(pieces.concat());
    let by_themselves: String = pieces.iter().map(|piece| STANDARD.encode(piece)).collect();
    let anywhere: String = pieces.concat().chunks(4).map(|piece| STANDARD.encode(piece)).collect();
    for text in [at_once, by_themselves, anywhere] {
        for cut in [1, 3, 4, 1000] {
            let answer = in_chunks("content-type: application/grpc-web-text+proto\r\n", text.as_bytes(), cut);
            assert_eq!(received(answer).await, well(&["one", "", "three"]), "{text}");
        }
    }
}

#[tokio::test]
async fn messages_arrive_as_they_come() {
    let (_server, connection, mut peer) = Server::connected().await;
    let head = crate::hand_made::head();
    let mut call = transport::open(&connection, head, Some("hello".into()), true).await.unwrap();
    let serving = tokio::spawn(async move {
        request_of(&mut peer).await;
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\ntransfer-encoding: chunked\r\n\r\n";
        peer.write([head.as_bytes(), b"8\r\n", &message("one"), b"\r\n"].concat()).await;
        peer
    });
    assert_eq!(call.receive.receive().await, self::head());
    assert_eq!(call.receive.receive().await, Received::Message("one".into()));
    let mut peer = serving.await.unwrap();
    peer.write([b"15\r\n", &trailers(OK)[..], b"\r\n"].concat()).await;
    assert_eq!(call.receive.receive().await, Received::End(Status::ok()));
}

#[tokio::test]
async fn metadata_comes_with_a_head_and_with_a_status() {
    let fields = "a: 1\r\na: 2, 3\r\nb-bin: AAH/\r\n";
    let lines = format!("grpc-status: 9\r\ngrpc-message: not%20so\r\n{fields}");
    let expected = Status::new(Code::FailedPrecondition, "not so").with_metadata(metadata());
    let came = received(answer(fields, trailers(lines))).await;
    assert_eq!(came, [Received::Head(metadata()), Received::End(expected)]);
}

#[tokio::test]
async fn headers_about_the_connection_or_for_browsers_are_no_metadata() {
    let fields = "date: then\r\nvary: origin\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n\
                  access-control-allow-origin: *\r\naccess-control-expose-headers: grpc-status\r\n";
    assert_eq!(received(answer(fields, trailers(OK))).await, well(&[]));
}

#[tokio::test]
async fn a_status_alone_is_read_from_the_head() {
    let fields = "grpc-status: 5\r\ngrpc-message: no%20such\r\na: 1\r\na: 2, 3\r\nb-bin: AAH/\r\n";
    let expected = Status::new(Code::NotFound, "no such").with_metadata(metadata());
    assert_eq!(received(answer(fields, "")).await, [Received::End(expected)]);
}

#[tokio::test]
async fn trailers_are_read_as_others_write_them() {
    for lines in [
        "Grpc-Status: 5\r\nGrpc-Message: no such\r\n",
        "grpc-status:5\r\ngrpc-message:no such\r\n",
        "grpc-message: no such\ngrpc-status: 5",
        "grpc-status: 5\r\ngrpc-message: no such\r\n\r\n",
        "grpc-status:  5 \r\ngrpc-message: no such \r\n",
    ] {
        assert_eq!(
            end(answer("", trailers(lines))).await,
            Status::new(Code::NotFound, "no such"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn messages_and_trailers_may_be_compressed() {
    let body = [frame(1, gzip(b"one")), message("two"), frame(0x81, gzip(OK.as_bytes()))].concat();
    assert_eq!(received(answer("grpc-encoding: gzip\r\n", body)).await, well(&["one", "two"]));
}

#[tokio::test]
async fn what_is_compressed_without_an_encoding_is_internal() {
    for body in [frame(1, gzip(b"one")), frame(0x81, gzip(OK.as_bytes()))] {
        let status = end(answer("", body)).await;
        assert_eq!(status.code(), Code::Internal);
        assert!(status.message().contains("without grpc-encoding"), "{status}");
    }
}

#[tokio::test]
async fn an_unknown_encoding_is_internal() {
    let status = end(answer("grpc-encoding: br\r\n", trailers(OK))).await;
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("br are not understood"), "{status}");
}

#[tokio::test]
async fn a_body_without_a_status_is_internal() {
    for body in [vec![], message("one")] {
        let status = end(answer("", body)).await;
        assert_eq!(
            (status.code(), status.message()),
            (Code::Internal, "gRPC layer: the body ended without a status")
        );
    }
}

#[tokio::test]
async fn a_body_that_ends_inside_a_message_or_its_trailers_is_internal() {
    for whole in [message("one"), trailers(OK)] {
        for length in [1, 4, 5, whole.len() - 1] {
            let status = end(answer("", &whole[..length])).await;
            let expected = "gRPC layer: the body ends inside a message";
            assert_eq!((status.code(), status.message()), (Code::Internal, expected), "{length}");
        }
    }
}

#[tokio::test]
async fn trailers_without_a_status_are_unknown() {
    for lines in ["", "a: 1\r\n"] {
        assert_eq!(end(answer("", trailers(lines))).await.code(), Code::Unknown);
    }
}

#[tokio::test]
async fn a_line_that_is_no_field_is_internal() {
    let status = end(answer("", trailers("grpc-status 0\r\n"))).await;
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("grpc-status 0"), "{status}");
}

#[tokio::test]
async fn flags_without_a_meaning_are_internal() {
    for flag in [2, 0x7f, 0x82, 0xff] {
        let status = end(answer("", frame(flag, OK))).await;
        assert_eq!(status.code(), Code::Internal);
        assert!(status.message().contains(&format!("{flag:#04x}")), "{status}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_by_its_prefix_alone() {
    for flag in [0, 1, 0x80, 0x81] {
        let (_server, connection, mut peer) = Server::connected().await;
        let call = calling(&connection, "hello");
        request_of(&mut peer).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\ngrpc-encoding: gzip\r\n\r\n";
        peer.write([head.as_bytes(), &[flag, 0xff, 0xff, 0xff, 0xff]].concat()).await;
        let status = end_of(call.await.unwrap());
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("4294967295 bytes"), "{status}");
        assert_eq!(peer.rest().await, "", "the connection is closed");
    }
}

#[tokio::test]
async fn bombs_are_resource_exhausted() {
    let limits = Limits { message: 1 << 20, metadata: 1000, ..Limits::default() };
    let lines = "a: 1\r\n".repeat(100_000);
    for bomb in [frame(1, gzip(&vec![0; 2 << 20])), frame(0x81, gzip(lines.as_bytes()))] {
        let status = end_of(received_by(limits.clone(), answer("grpc-encoding: gzip\r\n", bomb)).await);
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("once inflated"), "{status}");
    }
}

#[tokio::test]
async fn too_much_metadata_is_resource_exhausted_wherever_it_stands() {
    let limits = Limits { metadata: 100, ..Limits::default() };
    let large = format!("a: {}\r\n", "x".repeat(200));
    for answer in [
        answer(&large, trailers(OK)),
        answer("", trailers(format!("{OK}{large}"))),
        answer(&format!("grpc-status: 5\r\n{large}"), ""),
    ] {
        let status = end_of(received_by(limits.clone(), answer).await);
        assert_eq!(status.code(), Code::ResourceExhausted);
    }
}

#[tokio::test]
async fn an_http_status_says_what_has_gone_wrong_where_there_is_no_grpc_status() {
    for (http, code) in [
        ("400 Bad Request", Code::Internal),
        ("401 Unauthorized", Code::Unauthenticated),
        ("403 Forbidden", Code::PermissionDenied),
        ("404 Not Found", Code::Unimplemented),
        ("405 Method Not Allowed", Code::Unknown),
        ("415 Unsupported Media Type", Code::Unknown),
        ("429 Too Many Requests", Code::Unavailable),
        ("431 Request Header Fields Too Large", Code::Internal),
        ("500 Internal Server Error", Code::Unknown),
        ("502 Bad Gateway", Code::Unavailable),
        ("503 Service Unavailable", Code::Unavailable),
        ("504 Gateway Timeout", Code::Unavailable),
        ("204 No Content", Code::Unknown),
        ("302 Found", Code::Unknown),
    ] {
        let status = end(format!("HTTP/1.1 {http}\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(status.code(), code, "{http}");
        assert!(status.message().contains(&http[..3]), "{status}");
    }
}

#[tokio::test]
async fn a_grpc_status_says_more_than_an_http_status() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\ngrpc-status: 8\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(end(answer).await.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn another_content_type_is_unknown() {
    for other in ["", "content-type: text/html\r\n", "content-type: application/grpc\r\n"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{other}content-length: 5\r\n\r\n<br/>");
        let status = end(answer).await;
        assert_eq!(status.code(), Code::Unknown);
        assert!(status.message().contains("is not application/grpc-web"), "{status}");
    }
}

#[tokio::test]
async fn text_that_is_not_base64_is_internal() {
    for wrong in ["gAAA*AAA", "gAAAA"] {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web-text\r\n";
        let status = end(format!("{head}content-length: {}\r\n\r\n{wrong}", wrong.len())).await;
        assert_eq!((status.code(), status.message().contains("base64")), (Code::Internal, true), "{status}");
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_is_unavailable() {
    let whole = answer("", [message("one"), trailers(OK)].concat());
    for length in [0, 1, 20, whole.len() - 30, whole.len() - 1] {
        let status = end(&whole[..length]).await;
        assert_eq!(status.code(), Code::Unavailable, "{length}: {status}");
        assert!(status.message().starts_with("HTTP/1.1: "), "{status}");
    }
}

#[tokio::test]
async fn what_is_no_http_1_1_is_unavailable() {
    for nonsense in ["hello\r\n\r\n", "RPC\x01\0\0\0\0\0\0\0\0", "\0\0\x12\x04\0\0\0\0\0"] {
        let status = end(nonsense).await;
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().starts_with("HTTP/1.1: "), "{status}");
    }
}

#[tokio::test]
async fn what_is_said_before_an_answer_is_no_answer() {
    let early = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let answer = [early.as_bytes(), &answer("", [message("one"), trailers(OK)].concat())].concat();
    assert_eq!(received(answer).await, well(&["one"]));
}
