//! What a call ended with, as a client tells from the fields that came, or did not.

use std::time::Duration;

use bytes::Bytes;
use http2::ErrorCode;
use tokio::time::{Instant, advance};
use transport::{Code, Received, Status, Value, open};

use crate::peer::{OK, Peer, RESPONSE, all, head, message, unary};

/// HEADERS, or else DATA.
type Frame<'a> = Result<&'a [(&'a str, &'a str)], &'a [u8]>;

/// What a call ends with when these have come, the last with END_STREAM.
async fn end_of(frames: &[Frame<'_>]) -> Status {
    let (connection, mut peer) = Peer::server().await;
    let mut call = unary(&connection).await;
    let (stream, ..) = peer.whole_request().await;
    for (at, frame) in frames.iter().enumerate() {
        let is_last = at + 1 == frames.len();
        match frame {
            Ok(fields) => peer.headers(stream, fields, is_last).await,
            Err(data) => peer.data(stream, data, is_last).await,
        }
    }
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    assert!(!connection.is_closed(), "the connection goes on");
    status
}

/// The status of a call whose trailers are these.
async fn of_trailers(trailers: &[(&str, &str)]) -> Status {
    let alone = end_of(&[Ok(&[&RESPONSE[..], trailers].concat())]).await;
    let behind = end_of(&[Ok(&RESPONSE), Ok(trailers)]).await;
    assert_eq!(alone, behind, "where the trailers stand changes nothing");
    behind
}

#[tokio::test(start_paused = true)]
async fn every_number_is_its_code() {
    for code in Code::ALL {
        let number = code.number().to_string();
        assert_eq!(of_trailers(&[("grpc-status", &number)]).await, Status::new(code, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_not_known_is_unknown() {
    for wrong in ["17", "99", "255", "256", "4294967296", "-1", "OK", "0x0", "1.0", ""] {
        assert_eq!(of_trailers(&[("grpc-status", wrong)]).await.code(), Code::Unknown, "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_not_all_digits_is_unknown() {
    // PROTOCOL-HTTP2, "Responses": "Status → "grpc-status" 1*DIGIT"; statuscodes: "Error parsing returned
    // status: UNKNOWN".
    for wrong in ["+0", "+5"] {
        assert_eq!(of_trailers(&[("grpc-status", wrong)]).await.code(), Code::Unknown, "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_decoded_and_never_fails_the_call() {
    for (sent, message) in [
        ("plain", "plain"),
        ("100%25", "100%"),
        ("%C3%BC%0a", "\u{fc}\n"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ("%+1", "%+1"),
        ("%ff", "\u{fffd}"),
        ("", ""),
    ] {
        let status = of_trailers(&[("grpc-status", "5"), ("grpc-message", sent)]).await;
        assert_eq!(status, Status::new(Code::NotFound, message), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_behind_a_status_is_delivered_in_order() {
    let fields = [("grpc-status", "5"), ("a", "1"), ("b-bin", "AA==,AAE"), ("a", "2"), ("grpc-new", "x")];
    let status = of_trailers(&fields).await;
    let metadata: Vec<_> = status
        .metadata()
        .iter()
        .map(|(name, value)| (name, value.as_bytes()))
        .filter(|(n, _)| *n != "content-type")
        .collect();
    assert_eq!(metadata, [("a", &b"1"[..]), ("b-bin", &[0]), ("b-bin", &[0, 1]), ("a", b"2")]);
}

#[tokio::test(start_paused = true)]
async fn an_http_status_without_a_grpc_status_is_mapped() {
    for (http, code) in [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("431", Code::Internal),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("201", Code::Unknown),
        ("204", Code::Unknown),
        ("302", Code::Unknown),
        ("405", Code::Unknown),
        ("415", Code::Unknown),
        ("500", Code::Unknown),
        ("999", Code::Unknown),
    ] {
        let head = [(":status", http), ("content-type", "text/html")];
        assert_eq!(end_of(&[Ok(&head)]).await.code(), code, "{http}");
        assert_eq!(end_of(&[Ok(&head), Err(b"<html>")]).await.code(), code, "{http} and a body");
        let like_grpc = [(":status", http), RESPONSE[1]];
        assert_eq!(end_of(&[Ok(&like_grpc)]).await.code(), code, "{http}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_status_counts_more_than_the_http_status() {
    for http in ["400", "404", "500", "503"] {
        let head = [(":status", http), RESPONSE[1], ("grpc-status", "5"), ("grpc-message", "no such key")];
        assert_eq!(end_of(&[Ok(&head)]).await, Status::new(Code::NotFound, "no such key"), "{http}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_status_counts_more_than_the_content_type() {
    // http-grpc-status-mapping: "If grpc-status was provided, it must be used."
    for content_type in ["text/html", "application/json"] {
        let head = [(":status", "200"), ("content-type", content_type), ("grpc-status", "5")];
        assert_eq!(end_of(&[Ok(&head)]).await.code(), Code::NotFound, "{content_type}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_grpc_is_unknown_although_its_http_status_is_200() {
    for content_type in ["text/html", "application/json", "application/grpcfoo", "application/grpc-web"] {
        let head = [(":status", "200"), ("content-type", content_type)];
        let status = end_of(&[Ok(&head), Err(b"<html>")]).await;
        assert_eq!(status.code(), Code::Unknown, "{content_type}");
    }
    assert_eq!(end_of(&[Ok(&[(":status", "200")]), Err(b"<html>")]).await.code(), Code::Unknown);
}

#[tokio::test(start_paused = true)]
async fn who_meets_an_answer_that_is_not_grpc_reads_what_it_is() {
    let head = [(":status", "200"), ("content-type", "text/html")];
    let status = end_of(&[Ok(&head)]).await;
    assert!(status.message().contains("text/html"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn content_types_of_grpc_are_all_understood() {
    for content_type in ["application/grpc+proto", "application/grpc+json;charset=utf-8", "application/grpc"]
    {
        let head = [(":status", "200"), ("content-type", content_type)];
        assert_eq!(end_of(&[Ok(&head), Ok(&OK)]).await, Status::ok(), "{content_type}");
    }
}

#[tokio::test(start_paused = true)]
async fn data_that_ends_an_answer_is_internal() {
    let message = message(b"hello");
    for data in [&b""[..], &message, &message[..3], &message[..7]] {
        assert_eq!(end_of(&[Ok(&RESPONSE), Err(data)]).await.code(), Code::Internal, "{data:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_without_a_status_are_an_error() {
    for frames in [&[Ok(&RESPONSE[..])][..], &[Ok(&RESPONSE), Ok(&[("a", "1")])]] {
        assert!(matches!(end_of(frames).await.code(), Code::Internal | Code::Unknown));
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_without_a_status_are_unknown() {
    // http-grpc-status-mapping: "200 is UNKNOWN because there should be a grpc-status in case of truly OK
    // response."
    assert_eq!(end_of(&[Ok(&RESPONSE)]).await.code(), Code::Unknown);
    assert_eq!(end_of(&[Ok(&RESPONSE), Ok(&[("a", "1")])]).await.code(), Code::Unknown);
    assert_eq!(end_of(&[Ok(&RESPONSE), Err(&message(b"x")), Ok(&[("a", "1")])]).await.code(), Code::Unknown);
}

#[tokio::test(start_paused = true)]
async fn every_code_of_a_reset_is_mapped() {
    for (code, expected) in [
        (ErrorCode::NO_ERROR, Code::Internal),
        (ErrorCode::PROTOCOL_ERROR, Code::Internal),
        (ErrorCode::INTERNAL_ERROR, Code::Internal),
        (ErrorCode::FLOW_CONTROL_ERROR, Code::Internal),
        (ErrorCode::SETTINGS_TIMEOUT, Code::Internal),
        (ErrorCode::FRAME_SIZE_ERROR, Code::Internal),
        (ErrorCode::REFUSED_STREAM, Code::Unavailable),
        (ErrorCode::CANCEL, Code::Cancelled),
        (ErrorCode::COMPRESSION_ERROR, Code::Internal),
        (ErrorCode::CONNECT_ERROR, Code::Internal),
        (ErrorCode::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (ErrorCode::INADEQUATE_SECURITY, Code::PermissionDenied),
    ] {
        let (connection, mut peer) = Peer::server().await;
        for begins in [false, true] {
            if begins && code == ErrorCode::REFUSED_STREAM {
                continue; // A contradiction (RFC 9113 §8.7): it says that nothing was processed.
            }
            let mut call = unary(&connection).await;
            let (stream, ..) = peer.whole_request().await;
            if begins {
                peer.headers(stream, &RESPONSE, false).await;
            }
            peer.reset(stream, code).await;
            let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
            assert_eq!(status.code(), expected, "{code}");
        }
    }
}

/// What a call with a deadline in a second ends with when it is reset `waited` after it began.
async fn end_of_reset(waited: Duration, code: ErrorCode) -> Code {
    let (connection, mut peer) = Peer::server().await;
    let mut head = head();
    head.deadline = Some((Instant::now() + Duration::from_secs(1)).into_std());
    let mut call = open(&connection, head, Some(Bytes::new()), true).await.unwrap();
    let (stream, ..) = peer.whole_request().await;
    advance(waited).await;
    peer.reset(stream, code).await;
    let Some(Received::End(status)) = all(&mut call).await.pop() else { panic!("an end") };
    status.code()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gives_up_at_the_deadline_says_that_it_has_passed() {
    let (before, at) = (Duration::from_millis(999), Duration::from_secs(1));
    assert_eq!(end_of_reset(at, ErrorCode::CANCEL).await, Code::DeadlineExceeded);
    assert_eq!(end_of_reset(before, ErrorCode::CANCEL).await, Code::Cancelled);
    assert_eq!(end_of_reset(at, ErrorCode::INTERNAL_ERROR).await, Code::Internal);
}

#[tokio::test(start_paused = true)]
async fn a_binary_value_that_is_not_base64_hides_no_error() {
    let trailers = [("grpc-status", "5"), ("b-bin", "!")];
    assert_eq!(end_of(&[Ok(&RESPONSE), Ok(&trailers)]).await.code(), Code::NotFound);
    let trailers = [("grpc-status", "0"), ("b-bin", "!")];
    assert_eq!(end_of(&[Ok(&RESPONSE), Ok(&trailers)]).await.code(), Code::Internal);
}

#[tokio::test(start_paused = true)]
async fn a_binary_value_that_is_not_base64_hides_no_error_in_a_status_alone() {
    // http-grpc-status-mapping: "If grpc-status was provided, it must be used."
    let head = [RESPONSE[0], RESPONSE[1], ("grpc-status", "5"), ("b-bin", "!")];
    assert_eq!(end_of(&[Ok(&head)]).await.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_http_allows_and_grpc_does_not_fails_no_call() {
    // PROTOCOL-HTTP2, "Requests": "Implementations must not error due to receiving an invalid ASCII-Value
    // that's a valid field-value in HTTP".
    for value in ["tab\tinside", "\u{fc}"] {
        let head = [RESPONSE[0], RESPONSE[1], ("odd", value), ("even", "2")];
        assert_eq!(end_of(&[Ok(&head), Ok(&OK)]).await, Status::ok(), "{value:?}");
        let status = of_trailers(&[OK[0], ("odd", value), ("even", "2")]).await;
        assert_eq!(status.code(), Code::Ok, "{value:?}");
        assert_eq!(status.metadata().values("even").next(), Some(&Value::from("2")));
    }
}
