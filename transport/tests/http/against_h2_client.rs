//! The crate `h2` as client, our server.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use http2::Limits;

use crate::application::{bytes, echo_server};

/// A client of `h2`, connected to a server of ours that echoes.
async fn client(builder: &h2::client::Builder, limits: Limits) -> SendRequest<Bytes> {
    let (client, connection) = builder.handshake(echo_server(limits)).await.unwrap();
    tokio::spawn(async move { connection.await.unwrap() });
    client.ready().await.unwrap()
}

/// Posts `data`, in pieces as the window allows, and trailers; returns what comes back.
async fn post(
    client: &mut SendRequest<Bytes>,
    mut data: Bytes,
    trailers: Option<HeaderMap>,
) -> Result<(Response<()>, Vec<u8>, Option<HeaderMap>), h2::Error> {
    let request = Request::post("http://example.com/").header("kind", "test").body(()).unwrap();
    let (response, mut send) = client.send_request(request, false)?;
    let sending = async move {
        while !data.is_empty() {
            send.reserve_capacity(data.len());
            let Some(capacity) = std::future::poll_fn(|cx| send.poll_capacity(cx)).await else { return };
            let piece = data.split_to(capacity.unwrap().min(data.len()));
            send.send_data(piece, false).unwrap();
        }
        match trailers {
            Some(trailers) => send.send_trailers(trailers).unwrap(),
            None => send.send_data(Bytes::new(), true).unwrap(),
        }
    };
    let receiving = async move {
        let (head, mut body) = response.await?.into_parts();
        let mut received = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece?;
            body.flow_control().release_capacity(piece.len())?;
            received.extend_from_slice(&piece);
        }
        let trailers = body.trailers().await?;
        Ok((Response::from_parts(head, ()), received, trailers))
    };
    tokio::join!(receiving, sending).0
}

#[tokio::test]
async fn bodies_of_all_sizes_come_back_as_they_were() {
    let mut client = client(&h2::client::Builder::new(), Limits::default()).await;
    for size in [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 1_000_000] {
        let (head, body, trailers) = post(&mut client, bytes(size), None).await.unwrap();
        assert_eq!((head.status().as_u16(), trailers), (200, None));
        assert_eq!(head.headers()["kind"], "test");
        assert!(body == bytes(size), "{size}");
    }
}

#[tokio::test]
async fn trailers_come_back_behind_the_body() {
    let mut client = client(&h2::client::Builder::new(), Limits::default()).await;
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "abc".parse().unwrap());
    let (_, body, returned) = post(&mut client, bytes(100_000), Some(trailers.clone())).await.unwrap();
    assert_eq!((body.len(), returned), (100_000, Some(trailers)));
}

#[tokio::test]
async fn windows_of_a_few_bytes_and_of_many_are_kept_to() {
    for (window, connection_window) in
        [(1, 65_535), (10, 65_535), (1 << 20, 1 << 20), ((1 << 31) - 1, 1 << 30)]
    {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(connection_window);
        let mut client = client(&builder, Limits::default()).await;
        let size = if window < 100 { 300 } else { 300_000 };
        assert!(post(&mut client, bytes(size), None).await.unwrap().1 == bytes(size), "{window}");
    }
}

#[tokio::test]
async fn settings_of_every_size_are_kept_to() {
    for (table, frame, window) in [(0, 16_384, 0), (100, 1 << 20, 70_000), (1 << 16, 16_777_215, 1)] {
        let mut builder = h2::client::Builder::new();
        builder.header_table_size(table).max_frame_size(frame);
        let limits = Limits {
            header_table_size: table as usize,
            frame_size: frame,
            stream_window: window.max(1),
            ..Limits::default()
        };
        let mut client = client(&builder, limits).await;
        let size = if window == 1 { 50 } else { 200_000 };
        for _ in 0..3 {
            let (head, body, _) = post(&mut client, bytes(size), None).await.unwrap();
            assert!(head.headers()["kind"] == "test" && body == bytes(size));
        }
    }
}

#[tokio::test]
async fn a_hundred_at_once_each_get_their_own() {
    let client = client(&h2::client::Builder::new(), Limits::default()).await;
    let calls = (0..100).map(|n| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let size = 1000 * n;
            assert!(post(&mut client, bytes(size), None).await.unwrap().1 == bytes(size));
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn fields_that_fill_several_frames_come_back() {
    let mut builder = h2::client::Builder::new();
    builder.max_header_list_size(1 << 20);
    let limits = Limits { header_list_size: 1 << 20, ..Limits::default() };
    let mut client = client(&builder, limits).await;
    let mut request = Request::get("http://example.com/");
    for n in 0..60 {
        request = request.header(format!("field-{n}"), "x".repeat(1000));
    }
    let (response, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.headers().len(), 60);
    assert!(response.headers().values().all(|value| value.len() == 1000));
}

#[tokio::test]
async fn more_fields_than_allowed_are_answered_431() {
    let mut client = client(&h2::client::Builder::new(), Limits::default()).await;
    let large = Request::get("http://example.com/").header("large", "x".repeat(20_000)).body(()).unwrap();
    let (response, _) = client.send_request(large, true).unwrap();
    assert_eq!(response.await.unwrap().status(), 431);
    assert!(post(&mut client, bytes(10), None).await.is_ok(), "and the connection goes on");
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_harm_the_next() {
    let mut client = client(&h2::client::Builder::new(), Limits::default()).await;
    for _ in 0..50 {
        let request = Request::post("http://example.com/").body(()).unwrap();
        let (response, mut send) = client.send_request(request, false).unwrap();
        send.send_data(bytes(1000), false).unwrap();
        send.send_reset(h2::Reason::CANCEL);
        drop(response);
        assert!(post(&mut client, bytes(10), None).await.is_ok());
    }
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (client, mut connection) = h2::client::handshake(echo_server(Limits::default())).await.unwrap();
    let _client: SendRequest<Bytes> = client;
    let mut ping = connection.ping_pong().unwrap();
    tokio::spawn(connection);
    ping.ping(h2::Ping::opaque()).await.unwrap();
}
