//! Our client, the crate `h2` as server.

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Request, Response};
use http2::{ErrorCode, Fields, Limits};
use tokio::io::duplex;
use transport::http::Client;

use crate::application::{Collect, bytes, collecting_client, fetch, post};

/// A client of ours, connected to a server of `h2` that echoes.
fn client(builder: h2::server::Builder, limits: Limits) -> Client<Collect> {
    let (near, far) = duplex(64 << 10);
    tokio::spawn(async move {
        let mut connection = builder.handshake::<_, Bytes>(far).await.unwrap();
        while let Some(accepted) = connection.accept().await {
            let (request, respond) = accepted.unwrap();
            tokio::spawn(async move {
                // A caller may give up.
                let _ = echo(request, respond).await;
            });
        }
    });
    collecting_client(near, limits)
}

async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    if head.uri.path() == "/refuse" {
        respond.send_reset(h2::Reason::REFUSED_STREAM);
        return Ok(());
    }
    let mut response = Response::new(());
    *response.headers_mut() = head.headers;
    let mut send = respond.send_response(response, false)?;
    while let Some(piece) = body.data().await {
        let mut piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        while !piece.is_empty() {
            send.reserve_capacity(piece.len());
            let Some(capacity) = std::future::poll_fn(|cx| send.poll_capacity(cx)).await else {
                return Ok(());
            };
            send.send_data(piece.split_to(capacity?.min(piece.len())), false)?;
        }
    }
    match body.trailers().await? {
        Some(trailers) => send.send_trailers(trailers),
        None => send.send_data(Bytes::new(), true),
    }
}

fn server() -> h2::server::Builder {
    h2::server::Builder::new()
}

#[tokio::test]
async fn bodies_of_all_sizes_come_back_as_they_were() {
    let client = client(server(), Limits::default());
    for size in [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 1_000_000] {
        let response = fetch(&client, post([]), bytes(size), None).await.unwrap();
        assert_eq!(response.fields[0].value, "200");
        assert!(response.data == bytes(size), "{size}");
    }
}

#[tokio::test]
async fn trailers_come_back_behind_the_body() {
    let client = client(server(), Limits::default());
    let trailers = Fields::new([("checksum", "abc")]);
    let response = fetch(&client, post([]), bytes(100_000), Some(trailers.clone())).await.unwrap();
    assert_eq!((response.data.len(), response.trailers), (100_000, Some(trailers)));
}

#[tokio::test]
async fn windows_of_a_few_bytes_and_of_many_are_kept_to() {
    for (window, connection_window) in
        [(1, 65_535), (10, 65_535), (1 << 20, 1 << 20), ((1 << 31) - 1, 1 << 30)]
    {
        let mut server = server();
        server.initial_window_size(window).initial_connection_window_size(connection_window);
        let client = client(server, Limits::default());
        let size = if window < 100 { 300 } else { 300_000 };
        let response = fetch(&client, post([]), bytes(size), None).await.unwrap();
        assert!(response.data == bytes(size), "{window}");
    }
}

#[tokio::test]
async fn settings_of_every_size_are_kept_to() {
    for (table, frame, window) in [(0, 16_384, 65_535), (100, 1 << 20, 70_000), (1 << 16, 16_777_215, 1)] {
        let mut server = server();
        server.max_frame_size(frame).max_header_list_size(1 << 20);
        let limits = Limits {
            header_table_size: table,
            frame_size: frame,
            stream_window: window,
            ..Limits::default()
        };
        let client = client(server, limits);
        let size = if window == 1 { 50 } else { 200_000 };
        for _ in 0..3 {
            let response = fetch(&client, post([]), bytes(size), None).await.unwrap();
            assert!(response.data == bytes(size));
        }
    }
}

#[tokio::test]
async fn a_hundred_at_once_each_get_their_own() {
    let client = std::sync::Arc::new(client(server(), Limits::default()));
    let calls = (0..100).map(|n| {
        let client = client.clone();
        tokio::spawn(async move {
            let size = 1000 * n;
            assert!(fetch(&client, post([]), bytes(size), None).await.unwrap().data == bytes(size));
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_says_so_and_the_others_go_on() {
    let client = client(server(), Limits::default());
    let refused = Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "example.com"),
        (":path", "/refuse"),
    ]);
    assert_eq!(fetch(&client, refused, bytes(10), None).await, Err(ErrorCode::REFUSED_STREAM));
    assert!(fetch(&client, post([]), bytes(10), None).await.is_ok());
}
