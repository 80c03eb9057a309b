//! Metadata of a request, as a handler sees it.

use bytes::Bytes;
use transport::{Metadata, RequestHead, Value};

use crate::peer::{Peer, REQUEST};
use crate::server_requests::{outcome, refused, telling};

async fn metadata(more: &[(&str, &str)]) -> Metadata {
    let fields = [&REQUEST[..], more].concat();
    outcome(&fields).await.1.expect("it was served").metadata
}

#[tokio::test(start_paused = true)]
async fn binary_values_are_read_padded_or_not_and_split_on_commas() {
    for (sent, values) in [
        ("AAH/", &[&[0, 1, 255][..]][..]),
        ("AA==", &[&[0]]),
        ("AA", &[&[0]]),
        ("AAE=", &[&[0, 1]]),
        ("AAE", &[&[0, 1]]),
        ("AA==,AAE=", &[&[0], &[0, 1]]),
        ("AA,AAE,AAH/", &[&[0], &[0, 1], &[0, 1, 255]]),
        ("AA, AAE", &[&[0], &[0, 1]]),
        ("", &[&[]]),
    ] {
        let metadata = metadata(&[("trace-bin", sent)]).await;
        let expected: Vec<_> = values.iter().map(|value| Value::Binary(Bytes::from_static(value))).collect();
        assert_eq!(metadata.values("trace-bin").cloned().collect::<Vec<_>>(), expected, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_binary_value_that_is_not_base64_fails_the_call() {
    for wrong in ["!", "A", "A===", "AA=A", "AA,*", "AA-_"] {
        let fields = [&REQUEST[..], &[("trace-bin", wrong)]].concat();
        assert_eq!(refused(&fields).await, ("200".into(), "13".into()), "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn duplicate_names_keep_their_order_and_text_is_not_split() {
    let sent = [("a", "1"), ("b", "x, y"), ("a", "2"), ("c-bin", "AA"), ("a", "0"), ("c-bin", "AAE")];
    let metadata = metadata(&sent).await;
    let of_a: Vec<_> = metadata.values("a").map(Value::as_bytes).collect();
    assert_eq!(of_a, [b"1", b"2", b"0"]);
    assert_eq!(metadata.text("b"), Some("x, y"));
    let of_c: Vec<_> = metadata.values("c-bin").map(Value::as_bytes).collect();
    assert_eq!(of_c, [&[0][..], &[0, 1]]);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_the_protocol_is_not_metadata() {
    let metadata = metadata(&[
        ("grpc-timeout", "1S"),
        ("grpc-encoding", "identity"),
        ("grpc-accept-encoding", "gzip"),
        ("grpc-message-type", "x"),
        ("grpc-of-tomorrow", "x"),
        ("grpc-trace-bin", "AA"),
        ("mine", "yes"),
    ])
    .await;
    let names: Vec<_> = metadata.iter().map(|(name, _)| name).filter(|name| *name != "user-agent").collect();
    assert_eq!(names, ["mine"]);
}

#[tokio::test(start_paused = true)]
async fn names_of_every_allowed_character_and_values_of_every_printable_one_arrive() {
    let printable: String = (' '..='~').collect();
    let value = printable.trim();
    let name = "0123456789-abcdefghijklmnopqrstuvwxyz_.";
    let metadata = metadata(&[(name, value)]).await;
    assert_eq!((metadata.text(name), metadata.len()), (Some(value), 1));
}

/// The head of a request with one field whose value HTTP allows and gRPC does not.
async fn with_value(value: &[u8]) -> Option<RequestHead> {
    let (service, mut told) = telling();
    let mut peer = Peer::client_of(service).await;
    let mut fields: Vec<_> = REQUEST.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    fields.extend([("odd", value), ("even", b"2")]);
    let stream = peer.new_stream();
    peer.headers(stream, &fields, true).await;
    peer.answer(stream).await;
    told.try_recv().ok()
}

#[tokio::test(start_paused = true)]
async fn a_value_that_http_allows_and_grpc_does_not_fails_no_call() {
    // PROTOCOL-HTTP2, "Requests": "Implementations must not error due to receiving an invalid ASCII-Value
    // that's a valid field-value in HTTP".
    for value in [&b"tab\tinside"[..], "\u{fc}".as_bytes(), b"\xff\x80", b"latin \xfc"] {
        let head = with_value(value).await;
        let head = head.unwrap_or_else(|| panic!("\"{}\" is served", value.escape_ascii()));
        assert_eq!(head.metadata.text("even"), Some("2"));
    }
}
