//! What a server makes of the head of a request, and which it refuses.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use transport::{IncomingCall, RequestHead, Service};

use crate::peer::{Answer, Came, OK, Peer, REQUEST, pairs, request_with};
use crate::support::{echo, service};

/// A server that echoes, and the heads of the calls it has served.
pub fn telling() -> (Arc<dyn Service>, mpsc::UnboundedReceiver<RequestHead>) {
    let (tell, told) = mpsc::unbounded_channel();
    let service = service(move |call: IncomingCall| {
        tell.send(call.head.clone()).unwrap();
        echo(call)
    });
    (service, told)
}

/// The answer to a request without messages, and its head where it was served.
pub async fn outcome(fields: &[(&str, &str)]) -> (Answer, Option<RequestHead>) {
    let (service, mut told) = telling();
    let mut peer = Peer::client_of(service).await;
    let stream = peer.request(fields, b"").await;
    let answer = peer.answer(stream).await;
    (answer, told.try_recv().ok())
}

async fn served(fields: &[(&str, &str)]) -> RequestHead {
    let (answer, head) = outcome(fields).await;
    assert_eq!(answer.trailers, Some(pairs(&OK)), "{fields:?}");
    head.expect("it was served")
}

/// `:status` and `grpc-status` of the answer to a request that nobody has served.
pub async fn refused(fields: &[(&str, &str)]) -> (String, String) {
    let (answer, head) = outcome(fields).await;
    assert_eq!(head, None, "{fields:?}");
    let (http, grpc) = answer.status();
    (http.to_owned(), grpc.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_request_as_the_document_shows_it_is_served() {
    let head = served(&REQUEST).await;
    assert_eq!((head.path.as_str(), head.codec()), ("/kv.Kv/Get", "proto"));
    assert_eq!((head.metadata.len(), head.deadline), (0, None));
}

#[tokio::test(start_paused = true)]
async fn verbs_other_than_post_are_405() {
    for verb in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post"] {
        assert_eq!(refused(&request_with(":method", verb)).await.0, "405", "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_405_says_which_verb_is_allowed() {
    // RFC 9110 §15.5.6: "MUST generate an Allow header field in a 405 response".
    let (answer, _) = outcome(&request_with(":method", "GET")).await;
    assert_eq!(answer.value("allow"), Some("POST"));
}

#[tokio::test(start_paused = true)]
async fn content_types_that_are_not_grpc_are_415() {
    for wrong in [
        "text/html",
        "application/json",
        "application/grpcfoo",
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grp",
        "x-application/grpc",
        "",
    ] {
        assert_eq!(refused(&request_with("content-type", wrong)).await.0, "415", "{wrong:?}");
    }
    let without: Vec<_> = REQUEST.into_iter().filter(|(name, _)| *name != "content-type").collect();
    assert_eq!(refused(&without).await.0, "415");
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_reads_what_was_wrong() {
    for (name, wrong) in [("content-type", "text/html"), ("grpc-timeout", "5s")] {
        let (answer, _) = outcome(&request_with(name, wrong)).await;
        let message = answer.value("grpc-message").unwrap();
        assert!(message.contains(wrong), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_codec_is_learned_from_the_content_type() {
    for (content_type, codec) in [
        ("application/grpc", "proto"),
        ("application/grpc+proto", "proto"),
        ("application/grpc+json", "json"),
        ("application/grpc+json;charset=utf-8", "json"),
        ("application/grpc+json ; charset=utf-8", "json"),
        ("application/grpc;charset=utf-8", "proto"),
        ("application/grpc+vnd.example-1", "vnd.example-1"),
    ] {
        assert_eq!(
            served(&request_with("content-type", content_type)).await.codec(),
            codec,
            "{content_type}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_no_trailers_is_refused() {
    let without: Vec<_> = REQUEST.into_iter().filter(|(name, _)| *name != "te").collect();
    assert_eq!(refused(&without).await, ("200".into(), "13".into()));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_not_one_of_a_method_is_unimplemented() {
    for wrong in ["/", "/kv.Kv", "/kv.Kv/", "//Get"] {
        assert_eq!(refused(&request_with(":path", wrong)).await, ("200".into(), "12".into()), "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_without_a_slash_in_front_is_never_served() {
    for wrong in ["kv.Kv/Get", "*", "http://localhost/kv.Kv/Get"] {
        let (answer, head) = outcome(&request_with(":path", wrong)).await;
        assert_eq!(head, None, "{wrong:?}");
        assert!(answer.reset.is_some() || answer.status() == ("200", "12"), "{wrong:?}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_every_unit_becomes_a_deadline() {
    let seconds = Duration::from_secs;
    for (timeout, time) in [
        ("1H", seconds(3600)),
        ("2M", seconds(120)),
        ("3S", seconds(3)),
        ("4m", Duration::from_millis(4)),
        ("5u", Duration::from_micros(5)),
        ("6n", Duration::from_nanos(6)),
        ("00000007S", seconds(7)),
        ("99999999n", Duration::from_nanos(99_999_999)),
        ("99999999S", seconds(99_999_999)),
        ("99999999H", seconds(99_999_999 * 3600)),
    ] {
        let head = served(&request_with("grpc-timeout", timeout)).await;
        assert_eq!(head.deadline, Some((Instant::now() + time).into_std()), "{timeout}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_not_well_formed_is_an_error() {
    for wrong in ["", "S", "5", "5s", "123456789S", "-1S", "+1S", "1.5S", "1 S", "S1", "1SS", "0x1S", "1h"] {
        assert_eq!(
            refused(&request_with("grpc-timeout", wrong)).await,
            ("200".into(), "13".into()),
            "{wrong:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_encoding_is_unimplemented_and_the_answer_says_what_is_known() {
    for encoding in ["snappy", "zstd", "br", ""] {
        let (answer, head) = outcome(&request_with("grpc-encoding", encoding)).await;
        assert_eq!((answer.status(), head), (("200", "12"), None), "{encoding:?}");
        let accepted = answer.value("grpc-accept-encoding").expect("a list").split(',');
        assert_eq!(accepted.map(str::trim).collect::<Vec<_>>(), ["identity", "gzip", "deflate"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_encoding_that_changes_nothing_is_served() {
    served(&request_with("grpc-encoding", "identity")).await;
}

#[tokio::test(start_paused = true)]
async fn fields_that_belong_to_grpc_change_nothing_where_they_are_not_needed() {
    for (name, value) in [
        ("grpc-accept-encoding", "identity,deflate,gzip"),
        ("grpc-message-type", "kv.GetRequest"),
        ("user-agent", "grpc-java/1.2.3"),
        ("grpc-previous-rpc-attempts", "1"),
        ("grpc-of-tomorrow", "x"),
    ] {
        served(&request_with(name, value)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_that_is_not_over_is_reset_and_the_next_one_served() {
    let (service, _told) = telling();
    let mut peer = Peer::client_of(service).await;
    let stream = peer.new_stream();
    peer.headers(stream, &request_with("content-type", "text/html"), false).await;
    assert_eq!(peer.answer(stream).await.status().0, "415");
    assert_eq!(peer.next().await, Came::Reset { stream, code: http2::ErrorCode::NO_ERROR });
    // What was on its way meanwhile is ignored.
    peer.data(stream, b"hello", true).await;
    let stream = peer.request(&REQUEST, b"").await;
    assert_eq!(peer.answer(stream).await.status(), ("200", "0"));
}
