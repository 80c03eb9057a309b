//! What a server reads, and what it says to requests that are none of gRPC-Web.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use transport::web::Web;
use transport::{Code, IncomingCall, Limits, Metadata, RequestHead, Service, Status};

use crate::ends::{
    Answer, Begun, Client, VERSIONS, Version, call, call_with, ending_with, frame, message, request,
    trailers, uncalled,
};
use crate::support::{echo, service};

const TEXT: [(&str, &str); 1] = [("content-type", "application/grpc-web-text")];

/// What came to a handler.
type Heads = Arc<Mutex<Vec<RequestHead>>>;

fn noting() -> (Heads, Arc<dyn Service>) {
    let heads = Heads::default();
    let noted = heads.clone();
    let service = service(move |call: IncomingCall| {
        noted.lock().unwrap().push(call.head.clone());
        echo(call)
    });
    (heads, service)
}

/// The head of the call that `request` makes.
async fn head_of(version: Version, request: Request<Bytes>) -> RequestHead {
    let (heads, service) = noting();
    version.ask(service, Web::new(), request).await;
    heads.lock().unwrap().pop().expect("a call")
}

/// The status with which a request is refused that is not to become a call.
async fn refusal(version: Version, request: Request<Bytes>) -> (String, String) {
    let answer = version.ask(uncalled(), Web::new(), request).await;
    let (status, code, text) = answer.status_alone();
    assert_eq!(status, 200);
    (code.to_owned(), text.to_owned())
}

fn echoed(answer: &Answer, expected: &[u8]) {
    assert_eq!(answer.body, [message(expected), trailers("grpc-status: 0\r\n")].concat());
}

#[tokio::test(start_paused = true)]
async fn a_call_has_the_path_and_the_codec_of_its_request() {
    for version in VERSIONS {
        let headers = [("content-type", "application/grpc-web+x.1")];
        let head = head_of(version, request("POST", "/a.B/C", &headers, message(""))).await;
        assert_eq!((head.path.as_str(), head.codec()), ("/a.B/C", "x.1"));
        assert_eq!(head.deadline, None);
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_comes_with_a_call_and_what_belongs_to_http_or_a_browser_does_not() {
    for version in VERSIONS {
        let headers = [
            ("accept", "application/grpc-web+proto"),
            ("x-grpc-web", "1"),
            ("grpc-timeout", "1S"),
            ("grpc-accept-encoding", "identity"),
            ("authorization", "Bearer x"),
            ("a", "1"),
            ("a", "2"),
            ("b-bin", "AAH/"),
            ("b-bin", "AA=="),
        ];
        let head = head_of(version, call_with(&headers, message(""))).await;
        let mut expected = Metadata::new();
        expected.append("authorization", "Bearer x").unwrap();
        expected.append("a", "1").unwrap();
        expected.append("a", "2").unwrap();
        expected.append("b-bin", vec![0, 1, 255]).unwrap();
        expected.append("b-bin", vec![0]).unwrap();
        assert_eq!(head.metadata, expected, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_the_deadline_of_the_call() {
    for version in VERSIONS {
        let started = tokio::time::Instant::now().into_std();
        let head = head_of(version, call_with(&[("grpc-timeout", "1500m")], message(""))).await;
        assert_eq!(head.deadline, Some(started + Duration::from_millis(1500)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_none_is_internal() {
    for version in VERSIONS {
        let (code, text) = refusal(version, call_with(&[("grpc-timeout", "soon")], message(""))).await;
        assert_eq!((&*code, text.contains("soon")), ("13", true), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_binary_value_that_is_not_base64_is_internal() {
    for version in VERSIONS {
        let (code, text) = refusal(version, call_with(&[("b-bin", "*")], message(""))).await;
        assert_eq!((&*code, text.contains("b-bin")), ("13", true), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_much_metadata_is_refused() {
    for version in VERSIONS {
        let limits = Limits { metadata: 100, ..Limits::default() };
        let mut client = version.client_limited(uncalled(), Web::new(), limits).await;
        let request = call_with(&[("a", &*"x".repeat(200))], message(""));
        assert_eq!(client.ask(request).await.status_alone().1, "8");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_read_however_its_body_was_cut() {
    for cut in [1, 2, 3, 7] {
        let answer = cut_up(Version::Http1, call(""), &message("hello"), cut).await;
        echoed(&answer, b"hello");
        let answer = cut_up(Version::Http2, call(""), &message("hello"), cut).await;
        echoed(&answer, b"hello");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_as_text_is_read_however_it_was_cut() {
    for version in VERSIONS {
        for cut in [1, 2, 3, 5, 100] {
            let text = STANDARD.encode(message("hello"));
            let head = request("POST", "/kv.Kv/Get", &TEXT, "");
            let answer = cut_up(version, head, text.as_bytes(), cut).await;
            let expected = [message("hello"), trailers("grpc-status: 0\r\n")].concat();
            assert_eq!(STANDARD.decode(answer.body).unwrap(), expected);
        }
    }
}

/// What an echo answers to a request whose body comes in pieces of `cut` bytes.
async fn cut_up(version: Version, head: Request<Bytes>, body: &[u8], cut: usize) -> Answer {
    let client = version.client(service(echo), Web::new()).await;
    match client {
        Client::Http1(mut peer) => {
            let head = String::from_utf8(crate::http1::bytes_of(&head)).unwrap();
            let head = head.strip_suffix("\r\n").unwrap();
            peer.write(format!("{head}transfer-encoding: chunked\r\n\r\n")).await;
            for piece in body.chunks(cut) {
                peer.write(format!("{:x}\r\n", piece.len())).await;
                peer.write([piece, b"\r\n"].concat()).await;
                tokio::task::yield_now().await;
            }
            peer.write("0\r\n\r\n").await;
            Begun::read(&mut peer, false).await.whole().await
        }
        Client::Http2(mut sender) => {
            let (answer, mut send) = sender.send_request(head.map(|_| ()), false).unwrap();
            for piece in body.chunks(cut) {
                send.send_data(Bytes::copy_from_slice(piece), false).unwrap();
                tokio::task::yield_now().await;
            }
            send.send_data(Bytes::new(), true).unwrap();
            Begun::of(answer.await.unwrap()).whole().await
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pieces_of_text_may_be_padded_by_themselves() {
    for version in VERSIONS {
        let text = [STANDARD.encode([0]), STANDARD.encode([0, 0, 0, 5]), STANDARD.encode("hello")].concat();
        let answer = version.ask(service(echo), Web::new(), request("POST", "/kv.Kv/Get", &TEXT, text)).await;
        let expected = [message("hello"), trailers("grpc-status: 0\r\n")].concat();
        assert_eq!(STANDARD.decode(answer.body).unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_base64_or_not_whole_is_internal() {
    for version in VERSIONS {
        for wrong in ["AAAA*AAA", "AAAAAAA", "====", "AAAAAAA=A", "\0\0\0\0\0"] {
            let (code, text) = refusal(version, request("POST", "/kv.Kv/Get", &TEXT, wrong)).await;
            assert_eq!((&*code, text.contains("base64")), ("13", true), "{wrong:?}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_message_and_one_with_two_are_unimplemented() {
    for version in VERSIONS {
        for (body, said) in [(vec![], "has none"), ([message("a"), message("b")].concat(), "more follows")] {
            let (code, text) = refusal(version, call(body)).await;
            assert_eq!((&*code, text.contains(said)), ("12", true), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_a_message_are_no_message() {
    for version in VERSIONS {
        let (code, _) = refusal(version, call([&message("hello")[..], b"x"].concat())).await;
        assert_eq!(code, "12");
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_message_is_internal() {
    for version in VERSIONS {
        let whole = message("hello");
        for end in [1, 4, 5, 9] {
            let (code, text) = refusal(version, call(whole[..end].to_vec())).await;
            assert_eq!((&*code, text.contains("ends inside a message")), ("13", true), "{end}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn flags_that_a_request_cannot_have_are_internal() {
    for version in VERSIONS {
        for flag in [0x80, 0x81, 2, 0xff] {
            let (code, text) = refusal(version, call(frame(flag, "grpc-status: 0\r\n"))).await;
            assert_eq!((&*code, text.contains(&format!("{flag:#04x}"))), ("13", true), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_refused_by_its_prefix_alone() {
    for version in VERSIONS {
        for length in [101_u32, u32::MAX] {
            let limits = Limits { message: 100, ..Limits::default() };
            let mut client = version.client_limited(uncalled(), Web::new(), limits).await;
            let body = [&[0][..], &length.to_be_bytes()].concat();
            let answer = client.ask(call(body)).await;
            let (_, code, text) = answer.status_alone();
            assert_eq!((code, text.contains("the limit of this side is 100")), ("8", true), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_as_large_as_may_be_is_taken() {
    for version in VERSIONS {
        let limits = Limits { message: 100_000, ..Limits::default() };
        let mut client = version.client_limited(service(echo), Web::new(), limits).await;
        echoed(&client.ask(call(message([b'x'; 100_000]))).await, &[b'x'; 100_000]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_that_names_no_method_is_unimplemented() {
    for version in VERSIONS {
        for path in ["/", "/Get", "//Get", "/kv.Kv/"] {
            let headers = [("content-type", "application/grpc-web+proto")];
            let (code, text) = refusal(version, request("POST", path, &headers, message(""))).await;
            assert_eq!((&*code, text.contains(path)), ("12", true), "{path}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_without_a_slash_is_no_call() {
    let mut peer = Version::Http1.client(uncalled(), Web::new()).await.http1();
    let head = "POST kv.Kv/Get HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc-web\r\ncontent-length: 5\r\n\r\n";
    peer.write([head.as_bytes(), &message("")].concat()).await;
    let (start, ..) = peer.parsed_head().await.unwrap();
    assert_eq!(start, "HTTP/1.1 400 Bad Request");
}

#[tokio::test(start_paused = true)]
async fn another_method_than_post_is_405_and_says_which_is_allowed() {
    for version in VERSIONS {
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            for headers in [&[("content-type", "application/grpc-web+proto")][..], &[]] {
                let answer =
                    version.ask(uncalled(), Web::new(), request(method, "/kv.Kv/Get", headers, "")).await;
                assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
                assert_eq!(answer.body.is_empty(), method == "HEAD", "{method} {version:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_content_types_are_415_where_there_is_no_site() {
    for version in VERSIONS {
        for other in [
            "application/json",
            "application/grpc-web-texts",
            "application/grpc-webx",
            "application/grpc-web+",
        ] {
            let request = request("POST", "/kv.Kv/Get", &[("content-type", other)], message(""));
            let answer = version.ask(uncalled(), Web::new(), request).await;
            assert_eq!(answer.status, 415, "{other}");
            let said = String::from_utf8(answer.body.to_vec()).unwrap();
            assert!(said.contains("application/grpc-web+proto"), "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn grpc_over_http_1_1_is_415_and_the_text_helps() {
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let request = request("POST", "/kv.Kv/Get", &[("content-type", content_type)], message(""));
        let answer = Version::Http1.ask(uncalled(), Web::new(), request).await;
        assert_eq!((answer.status, answer.header("content-type")), (415, Some("text/plain; charset=utf-8")));
        let said = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(said.starts_with("gRPC goes over HTTP/2"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_http_1_1_without_a_host_or_with_two_is_400() {
    for hosts in ["", "host: a\r\nhost: b\r\n", "host: a\r\nhost: a\r\n"] {
        let mut peer = Version::Http1.client(uncalled(), Web::new()).await.http1();
        let head = format!("POST /a.B/C HTTP/1.1\r\n{hosts}content-type: application/grpc-web\r\n");
        peer.write(format!("{head}content-length: 5\r\n\r\n\0\0\0\0\0")).await;
        let (start, ..) = peer.parsed_head().await.unwrap();
        assert_eq!(start, "HTTP/1.1 400 Bad Request", "RFC 9112 §3.2: {hosts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_harms_no_other_on_its_connection() {
    for version in VERSIONS {
        let mut client = version.client(service(echo), Web::new()).await;
        assert_eq!(client.ask(call(frame(2, "x"))).await.status_alone().1, "13");
        echoed(&client.ask(call(message("hello"))).await, b"hello");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_before_the_message_was_read() {
    for version in VERSIONS {
        let early = service(|call: IncomingCall| async move {
            call.send.finish(Status::new(Code::PermissionDenied, "not you"));
        });
        let answer = version.ask(early, Web::new(), call(message("hello"))).await;
        assert_eq!(answer.status_alone(), (200, "7", "not you"));
        let answer = version.ask(ending_with(Status::ok()), Web::new(), call(message("hello"))).await;
        assert_eq!(answer.body, trailers("grpc-status: 0\r\n"));
    }
}
