//! Messages of a request in DATA frames, however these are cut.

use std::sync::Arc;

use tokio::sync::mpsc;
use transport::{Code, IncomingCall, Limits, Received, Service, Status};

use crate::peer::{OK, Peer, REQUEST, message, pairs};
use crate::support::{echo, service};

/// Tells all that a handler receives, and answers OK.
fn receiving() -> (Arc<dyn Service>, mpsc::UnboundedReceiver<Received>) {
    let (tell, told) = mpsc::unbounded_channel();
    let service = service(move |mut call: IncomingCall| {
        let tell = tell.clone();
        async move {
            loop {
                let received = call.receive.receive().await;
                let _ = tell.send(received.clone());
                if matches!(received, Received::End(_)) {
                    return call.send.finish(Status::ok());
                }
            }
        }
    });
    (service, told)
}

/// A server that echoes, and a call that is open.
async fn echoing() -> (Peer, u32) {
    let mut peer = Peer::client_of(service(echo)).await;
    let stream = peer.new_stream();
    peer.headers(stream, &REQUEST, false).await;
    (peer, stream)
}

#[tokio::test(start_paused = true)]
async fn messages_cut_at_every_byte_arrive_whole() {
    let body = [message(b"hello"), message(b""), message(b"gRPC")].concat();
    for cut in 0..=body.len() {
        let (mut peer, stream) = echoing().await;
        peer.data(stream, &body[..cut], false).await;
        peer.data(stream, &body[cut..], true).await;
        let answer = peer.answer(stream).await;
        assert_eq!((answer.data, answer.trailers), (body.clone(), Some(pairs(&OK))), "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_byte_by_byte_arrive_whole() {
    let body = [message(b"hello"), message(b""), message(b"gRPC")].concat();
    let (mut peer, stream) = echoing().await;
    for byte in &body {
        peer.data(stream, [*byte], false).await;
    }
    peer.data(stream, b"", true).await;
    assert_eq!(peer.answer(stream).await.data, body);
}

#[tokio::test(start_paused = true)]
async fn many_messages_in_one_frame_arrive_one_by_one() {
    let (service, mut told) = receiving();
    let mut peer = Peer::client_of(service).await;
    let messages: Vec<_> = (0..1000_u32).map(|n| n.to_be_bytes()).collect();
    let body: Vec<_> = messages.iter().flat_map(|payload| message(payload)).collect();
    let stream = peer.request(&REQUEST, &body).await;
    assert_eq!(peer.answer(stream).await.status(), ("200", "0"));
    for payload in messages {
        assert_eq!(told.recv().await, Some(Received::Message(payload.to_vec().into())));
    }
    assert_eq!(told.recv().await, Some(Received::End(Status::ok())));
}

#[tokio::test(start_paused = true)]
async fn padding_is_no_part_of_a_message() {
    let body = [message(b"hello"), message(b"gRPC")].concat();
    for padding in [0, 1, 255] {
        let (mut peer, stream) = echoing().await;
        peer.padded(stream, &body[..7], padding, false).await;
        peer.padded(stream, &[], padding, false).await;
        peer.padded(stream, &body[7..], padding, true).await;
        assert_eq!(peer.answer(stream).await.data, body, "{padding} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_with_its_last_data_with_empty_data_with_its_head_or_with_trailers() {
    let body = message(b"hello");
    let (mut peer, stream) = echoing().await;
    peer.data(stream, &body, true).await;
    assert_eq!(peer.answer(stream).await.status(), ("200", "0"));

    let (mut peer, stream) = echoing().await;
    peer.data(stream, &body, false).await;
    peer.data(stream, b"", true).await;
    assert_eq!(peer.answer(stream).await.status(), ("200", "0"));

    let mut peer = Peer::client_of(service(echo)).await;
    let stream = peer.new_stream();
    peer.headers(stream, &REQUEST, true).await;
    assert_eq!(peer.answer(stream).await.status(), ("200", "0"));

    let (mut peer, stream) = echoing().await;
    peer.data(stream, &body, false).await;
    peer.headers(stream, &[("checksum", "12"), ("grpc-status", "3")], true).await;
    let answer = peer.answer(stream).await;
    assert_eq!((answer.status(), &answer.data), (("200", "0"), &body));
}

/// `grpc-status` of a call that sends `body`, at a server whose limit is 100 bytes. Another call is unharmed.
async fn status_after(body: &[u8], end: bool) -> String {
    let limits = Limits { message: 100, ..Limits::default() };
    let mut peer = Peer::client_of_limited(service(strict_echo), limits).await;
    let stream = peer.new_stream();
    peer.headers(stream, &REQUEST, false).await;
    peer.data(stream, body, end).await;
    let status = peer.answer(stream).await.status().1.to_owned();
    let another = peer.request(&REQUEST, &message(b"another")).await;
    assert_eq!(peer.answer(another).await.status(), ("200", "0"));
    status
}

/// Echoes; ends with the status with which the request ends.
async fn strict_echo(mut call: IncomingCall) {
    loop {
        match call.receive.receive().await {
            Received::Message(message) => drop(call.send.send(message).await),
            Received::End(status) => return call.send.finish(status),
            Received::Head(_) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_message_without_an_encoding_is_internal() {
    assert_eq!(status_after(&[1, 0, 0, 0, 1, 7], true).await, "13");
    assert_eq!(status_after(&[1, 0, 0, 0, 0], false).await, "13");
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_is_neither_0_nor_1_is_internal() {
    for flag in [2, 3, 0x7f, 0x80, 0xff] {
        assert_eq!(status_after(&[flag, 0, 0, 0, 0], false).await, "13", "{flag}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_refused_by_its_prefix_alone() {
    assert_eq!(status_after(&message(&[7; 100]), true).await, "0", "the limit itself is allowed");
    assert_eq!(status_after(&[0, 0, 0, 0, 101], false).await, "8");
    assert_eq!(status_after(&[0, 0xff, 0xff, 0xff, 0xff], false).await, "8");
    let second = [message(b"first"), vec![0, 0, 0, 0, 101]].concat();
    assert_eq!(status_after(&second, false).await, "8");
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_4_mib_unless_another_is_set() {
    for (length, status) in [(4 << 20, "none"), ((4 << 20) + 1, "8")] {
        let (mut peer, stream) = echoing().await;
        peer.data(stream, [&[0][..], &u32::to_be_bytes(length)].concat(), false).await;
        if status == "none" {
            peer.reset(stream, http2::ErrorCode::CANCEL).await;
            let stream = peer.request(&REQUEST, b"").await;
            assert_eq!(peer.answer(stream).await.status(), ("200", "0"));
        } else {
            assert_eq!(peer.answer(stream).await.status(), ("200", status));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_ends_inside_a_message_is_internal() {
    for cut in [&[0][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 1], &[0, 0, 0, 0, 5, 1, 2]] {
        assert_eq!(status_after(cut, true).await, "13", "{cut:?}");
        let behind = [message(b"first"), cut.to_vec()].concat();
        assert_eq!(status_after(&behind, true).await, "13", "{behind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_sees_the_messages_before_a_broken_end_and_then_why() {
    let (service, mut told) = receiving();
    let mut peer = Peer::client_of(service).await;
    peer.request(&REQUEST, &[message(b"first"), vec![0, 0, 0]].concat()).await;
    assert_eq!(peer.answer(1).await.reset, None);
    assert_eq!(told.recv().await, Some(Received::Message("first".into())));
    let Some(Received::End(status)) = told.recv().await else { panic!("an end") };
    assert_eq!(status.code(), Code::Internal);
}
