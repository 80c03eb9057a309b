//! What a server writes: heads, messages, and the status behind them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use transport::web::Web;
use transport::{Code, Metadata, Status};

use crate::ends::{
    Answer, VERSIONS, Version, answering, call, call_with, ending_with, message, request, trailers,
};
use crate::http1::Peer;
use crate::support::{echo, service};

/// The answer where the handler does nothing but end the call.
async fn answer_with_status(version: Version, status: Status) -> Answer {
    version.ask(ending_with(status), Web::new(), call(message("hello"))).await
}

fn metadata() -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    metadata.append("a", "2, 3").unwrap();
    metadata.append("b-bin", vec![0, 1, 255]).unwrap();
    metadata.append("b-bin", vec![0]).unwrap();
    metadata
}

/// [`metadata`] as lines.
const METADATA: &str = "a: 1\r\na: 2, 3\r\nb-bin: AAH/\r\nb-bin: AA\r\n";

#[tokio::test(start_paused = true)]
async fn a_small_answer_is_these_bytes() {
    let (io, _server) = crate::ends::serve(service(echo), Web::new());
    let mut peer = Peer::new(io);
    peer.write(
        b"POST /kv.Kv/Get HTTP/1.1\r\nhost: kv.example\r\ncontent-type: application/grpc-web+proto\r\n\
          content-length: 10\r\n\r\n\x00\x00\x00\x00\x05hello",
    )
    .await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: 31\r\n\r\n";
    assert_eq!(peer.head().await, head);
    assert_eq!(peer.take(31).await, &b"\x00\x00\x00\x00\x05hello\x80\x00\x00\x00\x10grpc-status: 0\r\n"[..]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_head_a_message_and_the_status() {
    for version in VERSIONS {
        let answer = version.ask(service(echo), Web::new(), call(message("hello"))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/grpc-web+proto"));
        assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat());
        assert_eq!(answer.header("grpc-status"), None);
        assert!(answer.trailers.is_empty(), "a page could not read them");
    }
}

#[tokio::test(start_paused = true)]
async fn the_length_of_an_answer_that_is_known_at_once_is_said() {
    for version in VERSIONS {
        let answer = version.ask(service(echo), Web::new(), call(message("hello"))).await;
        assert_eq!(answer.header("content-length"), Some("31"), "{version:?}");
        let answer = answer_with_status(version, Status::new(Code::NotFound, "")).await;
        assert_eq!(answer.header("content-length"), Some("0"), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_repeats_the_codec_of_its_call() {
    for version in VERSIONS {
        for (asked, answered) in [
            ("application/grpc-web", "application/grpc-web+proto"),
            ("application/grpc-web+json", "application/grpc-web+json"),
            ("application/grpc-web+thrift; charset=utf-8", "application/grpc-web+thrift"),
            ("Application/GRPC-Web+proto", "application/grpc-web+proto"),
            ("application/grpc-web-text", "application/grpc-web-text+proto"),
            ("application/grpc-web-text+json", "application/grpc-web-text+json"),
        ] {
            let body = if asked.contains("text") { "AAAAAAA=" } else { "\0\0\0\0\0" };
            let request = request("POST", "/kv.Kv/Get", &[("content-type", asked)], body);
            for service in [service(echo), ending_with(Status::new(Code::Aborted, ""))] {
                let answer = version.ask(service, Web::new(), request.clone()).await;
                assert_eq!(answer.header("content-type"), Some(answered), "{asked} {version:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_as_text_is_answered_as_text() {
    for version in VERSIONS {
        let text = [("content-type", "application/grpc-web-text+proto")];
        let request = request("POST", "/kv.Kv/Get", &text, STANDARD.encode(message("hello")));
        let answer = version.ask(service(echo), Web::new(), request).await;
        let expected = [message("hello"), trailers("grpc-status: 0\r\n")].concat();
        assert_eq!(answer.body, STANDARD.encode(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn who_accepts_text_is_answered_in_text() {
    for version in VERSIONS {
        let request = call_with(&[("accept", "application/grpc-web-text")], message("hello"));
        let answer = version.ask(service(echo), Web::new(), request).await;
        assert_eq!(answer.header("content-type"), Some("application/grpc-web-text+proto"));
        let expected = [message("hello"), trailers("grpc-status: 0\r\n")].concat();
        assert_eq!(STANDARD.decode(&answer.body).unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn who_accepts_bytes_is_answered_in_bytes_although_it_has_sent_text() {
    for version in VERSIONS {
        let headers =
            [("content-type", "application/grpc-web-text+proto"), ("accept", "application/grpc-web+proto")];
        let request = request("POST", "/kv.Kv/Get", &headers, STANDARD.encode(message("hello")));
        let answer = version.ask(service(echo), Web::new(), request).await;
        assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn messages_leave_as_they_come_and_the_status_behind_them() {
    for version in VERSIONS {
        let (next, waits) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let waits = std::sync::Arc::new(tokio::sync::Mutex::new(waits));
        let service = answering(move |mut send| {
            let waits = waits.clone();
            async move {
                while let Some(message) = waits.lock().await.recv().await {
                    send.send(message).await.unwrap();
                }
                send.finish(Status::new(Code::DataLoss, "three is lost").with_metadata(metadata()));
            }
        });
        let mut client = version.client(service, Web::new()).await;
        next.send("one".into()).unwrap();
        let mut answer = client.begin(call(message(""))).await;
        assert_eq!(answer.headers.get("content-length"), None);
        assert_eq!(answer.piece().await.unwrap(), message("one"));
        next.send("two".into()).unwrap();
        assert_eq!(answer.piece().await.unwrap(), message("two"));
        drop(next);
        let expected = format!("grpc-status: 15\r\ngrpc-message: three is lost\r\n{METADATA}");
        assert_eq!(answer.piece().await.unwrap(), trailers(expected));
        assert_eq!(answer.piece().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn each_piece_of_a_stream_as_text_is_padded_by_itself() {
    for version in VERSIONS {
        let (next, waits) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let waits = std::sync::Arc::new(tokio::sync::Mutex::new(waits));
        let service = answering(move |mut send| {
            let waits = waits.clone();
            async move {
                while let Some(message) = waits.lock().await.recv().await {
                    send.send(message).await.unwrap();
                }
                send.finish(Status::ok());
            }
        });
        let mut client = version.client(service, Web::new()).await;
        let request = call_with(&[("accept", "application/grpc-web-text+proto")], message(""));
        next.send("1".into()).unwrap();
        let mut answer = client.begin(request).await;
        assert_eq!(answer.piece().await.unwrap(), "AAAAAAEx");
        next.send("22".into()).unwrap();
        assert_eq!(answer.piece().await.unwrap(), "AAAAAAIyMg==");
        drop(next);
        assert_eq!(answer.piece().await.unwrap(), STANDARD.encode(trailers("grpc-status: 0\r\n")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_leaves_before_any_message() {
    for version in VERSIONS {
        let service = answering(|mut send| async move {
            send.respond(metadata()).unwrap();
            std::future::pending::<()>().await;
        });
        let mut client = version.client(service, Web::new()).await;
        let answer = client.begin(call(message(""))).await;
        let values = |name: &str| {
            answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((values("a"), values("b-bin")), (vec!["1", "2, 3"], vec!["AAH/", "AA"]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_alone_is_header_fields_and_no_body() {
    for version in VERSIONS {
        for code in Code::ALL.into_iter().skip(1) {
            let answer = answer_with_status(version, Status::new(code, "so it is")).await;
            assert_eq!(answer.status_alone(), (200, &*code.number().to_string(), "so it is"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_alone_brings_its_metadata() {
    for version in VERSIONS {
        let status = Status::new(Code::Aborted, "").with_metadata(metadata());
        let answer = answer_with_status(version, status).await;
        assert_eq!(answer.status_alone(), (200, "10", ""));
        assert_eq!(answer.header("grpc-message"), None);
        let values: Vec<_> = answer.headers.get_all("b-bin").iter().collect();
        assert_eq!(values, ["AAH/", "AA"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ok_without_messages_has_its_status_in_the_body() {
    for version in VERSIONS {
        let answer = answer_with_status(version, Status::ok().with_metadata(metadata())).await;
        assert_eq!(answer.header("grpc-status"), None);
        assert_eq!(answer.body, trailers(format!("grpc-status: 0\r\n{METADATA}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_behind_a_head_is_in_the_body() {
    for version in VERSIONS {
        let service = answering(|mut send| async move {
            send.respond(Metadata::new()).unwrap();
            send.finish(Status::new(Code::Aborted, "too late"));
        });
        let answer = version.ask(service, Web::new(), call(message(""))).await;
        assert_eq!(answer.header("grpc-status"), None);
        assert_eq!(answer.body, trailers("grpc-status: 10\r\ngrpc-message: too late\r\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_for_people_is_percent_encoded_in_a_head_and_in_a_body() {
    for version in VERSIONS {
        for (text, encoded) in
            [("100%", "100%25"), ("line\r\nbreak", "line%0D%0Abreak"), ("\u{fc}", "%C3%BC")]
        {
            let answer = answer_with_status(version, Status::new(Code::Internal, text)).await;
            assert_eq!(answer.header("grpc-message"), Some(encoded));
            let service = answering(move |mut send| async move {
                send.respond(Metadata::new()).unwrap();
                send.finish(Status::new(Code::Internal, text));
            });
            let answer = version.ask(service, Web::new(), call(message(""))).await;
            assert_eq!(answer.body, trailers(format!("grpc-status: 13\r\ngrpc-message: {encoded}\r\n")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http_1_0_gets_its_answer_up_to_the_end_of_the_connection() {
    let service = answering(|mut send| async move {
        send.send("one".into()).await.unwrap();
        tokio::task::yield_now().await;
        send.send_last("two".into()).await.unwrap();
    });
    let (io, _server) = crate::ends::serve(service, Web::new());
    let mut peer = Peer::new(io);
    let head = "POST /kv.Kv/Get HTTP/1.0\r\ncontent-type: application/grpc-web\r\ncontent-length: 5\r\n\r\n";
    peer.write([head.as_bytes(), &message("")].concat()).await;
    let (start, headers, _) = peer.parsed_head().await.unwrap();
    assert_eq!((&*start, headers.get("transfer-encoding")), ("HTTP/1.0 200 OK", None));
    let expected = [message("one"), message("two"), trailers("grpc-status: 0\r\n")].concat();
    assert_eq!(peer.rest().await, expected);
}
