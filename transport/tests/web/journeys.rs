//! Messages from a client to a server and back, whatever happens to their bytes between.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use transport::web::{Web, connect};
use transport::{Code, Compression, IncomingCall, Limits, Metadata, Received, Service, Status, open};

use crate::ends::{call_with, serve};
use crate::hand_made::{all, head};
use crate::support::service;

/// Passes on what comes, `cut` bytes at a time.
async fn pass_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, cut: usize) {
    let mut bytes = vec![0; cut];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// What a client receives of a call with `request` of `service`, with a relay between that cuts what it passes on.
async fn journey(
    service: Arc<dyn Service>,
    request: Bytes,
    compression: Option<Compression>,
    cut: usize,
) -> Vec<Received> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let relay = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        client.set_nodelay(true).unwrap();
        let (server, _outcome) = serve(service, Web::new());
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = tokio::io::split(server);
        tokio::join!(pass_on(from_client, to_server, cut), pass_on(from_server, to_client, cut));
    });
    let connection = connect("127.0.0.1", port, &Limits::default()).await.unwrap();
    let mut head = head();
    head.compression = compression;
    let mut call = open(&connection, head, Some(request), true).await.unwrap();
    let received = all(&mut call).await;
    relay.abort();
    received
}

/// Expects `request`, answers `messages` and `status`.
fn answering(request: Bytes, messages: Vec<Bytes>, status: Status) -> Arc<dyn Service> {
    service(move |mut call: IncomingCall| {
        let (request, messages, status) = (request.clone(), messages.clone(), status.clone());
        async move {
            assert_eq!(call.receive.receive().await, Received::Message(request));
            call.send.compress(true);
            for message in messages {
                call.send.send(message).await.unwrap();
                tokio::task::yield_now().await;
            }
            call.send.finish(status);
        }
    })
}

fn messages() -> impl Strategy<Value = Vec<Bytes>> {
    let message = prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    prop::collection::vec(message, 0..6)
}

fn status() -> impl Strategy<Value = Status> {
    (0..17_u8, any::<String>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(
        |(number, text, value)| {
            let mut metadata = Metadata::new();
            metadata.append("a-bin", value).unwrap();
            let code = Code::ALL[usize::from(number)];
            let text = if code == Code::Ok { String::new() } else { text };
            Status::new(code, text).with_metadata(metadata)
        },
    )
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn messages_and_status_are_the_same_after_their_journey(
        request in prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from),
        messages in messages(),
        status in status(),
        compression in prop::sample::select(vec![None, Some(Compression::Gzip), Some(Compression::Deflate)]),
        cut in 1..200_usize,
    ) {
        let service = answering(request.clone(), messages.clone(), status.clone());
        let received = wait_for(journey(service, request, compression, cut));
        let heads = received.iter().filter(|received| matches!(received, Received::Head(_))).count();
        let expected = messages.into_iter().map(Received::Message).chain([Received::End(status)]);
        prop_assert_eq!(received.into_iter().skip(heads).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_of_a_client_make_the_server_panic_or_hang(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        is_text in any::<bool>(),
    ) {
        wait_for(async {
            tokio::time::pause();
            let echoes = service(crate::support::echo);
            let text = [("accept", "application/grpc-web-text")];
            let request = call_with(if is_text { &text } else { &[] }, bytes);
            let mut client = crate::ends::Version::Http1.client(echoes, Web::new()).await;
            let answer = client.ask(request).await;
            assert_eq!(answer.status, 200);
        });
    }

    #[test]
    fn no_answer_makes_a_client_panic_or_hang(body in prop::collection::vec(any::<u8>(), 0..200)) {
        wait_for(async {
            let answer = crate::hand_made::answer("grpc-encoding: gzip\r\n", body);
            crate::hand_made::received(answer).await;
        });
    }
}
