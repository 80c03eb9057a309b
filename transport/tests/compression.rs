//! Messages that travel compressed, over gRPC.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use support::{Transport, end_of, head, next, service};
use transport::{Code, Compression, IncomingCall, Limits, Received, RequestHead, Status, open};

/// Answers each message with itself; compressed if it came so.
async fn echo(mut call: IncomingCall) {
    call.send.compress(true);
    while let Received::Message(message) = call.receive.receive().await {
        call.send.compress(call.receive.was_compressed());
        call.send.send(message).await.unwrap();
    }
    call.send.finish(Status::ok());
}

fn compressed(compression: Option<Compression>) -> RequestHead {
    let mut head = head("/test.Test/Call");
    head.compression = compression;
    head
}

#[tokio::test]
async fn each_message_is_compressed_or_not_as_its_sender_says() {
    for compression in Compression::ALL {
        let connected = Transport::Http.connect(service(echo)).await;
        let head = compressed(Some(compression));
        let mut call = open(&connected.connection, head, None, false).await.unwrap();
        for (on, size) in [(true, 100_000), (false, 10), (true, 0)] {
            let message = Bytes::from(vec![b'x'; size]);
            call.send.compress(on);
            call.send.send(message.clone()).await.unwrap();
            assert_eq!(next(&mut call.receive).await, Received::Message(message));
            assert_eq!(call.receive.was_compressed(), on, "{compression:?}, {size} bytes");
        }
        call.send.half_close().await.unwrap();
        assert_eq!(end_of(&mut call).await, Status::ok());
    }
}

#[tokio::test]
async fn the_first_message_travels_compressed_too() {
    let connected = Transport::Http
        .connect(service(|mut call: IncomingCall| async move {
            let Received::Message(_) = call.receive.receive().await else { return };
            let text = if call.receive.was_compressed() { "compressed" } else { "plain" };
            call.send.send_last(text.into()).await.unwrap();
        }))
        .await;
    for (compression, expected) in [(None, "plain"), (Some(Compression::Gzip), "compressed")] {
        let head = compressed(compression);
        let mut call = open(&connected.connection, head, Some("message".into()), true).await.unwrap();
        assert_eq!(next(&mut call.receive).await, Received::Message(expected.into()));
    }
}

#[tokio::test]
async fn a_message_that_becomes_larger_than_the_limit_is_refused_while_it_is_inflated() {
    let limits = Limits { message: 1000, ..Limits::default() };
    let connected = Transport::Http.connect_with(service(echo), &Limits::default(), &limits).await;
    let head = compressed(Some(Compression::Gzip));
    let bomb = Bytes::from(vec![0; 100_000]);
    let mut call = open(&connected.connection, head, Some(bomb), true).await.unwrap();
    assert_eq!(end_of(&mut call).await.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn where_the_transport_does_not_compress_messages_travel_as_they_are() {
    for transport in [Transport::Memory, Transport::Tcp] {
        let connected = transport.connect(service(echo)).await;
        let head = compressed(Some(Compression::Gzip));
        let mut call = open(&connected.connection, head, Some("message".into()), true).await.unwrap();
        assert_eq!(next(&mut call.receive).await, Received::Message("message".into()));
        assert!(!call.receive.was_compressed());
    }
}
