//! The task of an HTTP/2 connection: how it begins, and every way in which it ends.

use bytes::Bytes;
use http2::{Connection, Event, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::{mpsc, oneshot};
use transport::http::{Application, connect_over, serve_over};
use transport::{Code, Status};

use crate::application::{Echo, bytes, collecting_client, fetch, post};

/// Tells what happens.
struct Tell(mpsc::UnboundedSender<Result<Event, Status>>);

impl Application for Tell {
    fn handle(&mut self, _connection: &mut Connection, event: Event) {
        let _ = self.0.send(Ok(event));
    }

    fn closed(&mut self, why: &Status) {
        let _ = self.0.send(Err(why.clone()));
    }
}

#[tokio::test]
async fn a_client_that_is_dropped_ends_the_connection_in_good_order() {
    let (near, far) = duplex(64 << 10);
    let served = tokio::spawn(serve_over(far, Limits::default(), Echo::default(), std::future::pending()));
    let client = collecting_client(near, Limits::default());
    fetch(&client, post([]), bytes(10), None).await.unwrap();
    drop(client);
    assert_eq!(served.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_client_that_is_dropped_still_gets_the_answers_to_what_it_asked() {
    let (near, far) = duplex(64 << 10);
    tokio::spawn(serve_over(far, Limits::default(), Echo::default(), std::future::pending()));
    let (events, mut happened) = mpsc::unbounded_channel();
    let client = connect_over(near, Limits::default(), Tell(events));
    client.with(|connection, _| {
        let stream = connection.open(&post([]), false).unwrap();
        connection.send_data(stream, Bytes::from_static(b"last words"), true).unwrap();
    });
    drop(client);
    let mut answered = false;
    while let Some(Ok(event)) = happened.recv().await {
        if let Event::Data { data, end_stream: true, .. } = event {
            assert_eq!(data, "last words");
            answered = true;
            break;
        }
    }
    assert!(answered);
}

#[tokio::test]
async fn a_server_that_drains_answers_what_was_asked_and_ends_in_good_order() {
    let (near, far) = duplex(64 << 10);
    let (drain, drained) = oneshot::channel::<()>();
    let drained = async {
        let _ = drained.await;
    };
    let served = tokio::spawn(serve_over(far, Limits::default(), Echo::default(), drained));
    let client = collecting_client(near, Limits::default());
    for _ in 0..10 {
        fetch(&client, post([]), bytes(10), None).await.unwrap();
    }
    let last = fetch(&client, post([]), bytes(1_000_000), None);
    drain.send(()).unwrap();
    assert_eq!(last.await.unwrap().data, bytes(1_000_000));
    assert_eq!(served.await.unwrap(), Ok(()));
    assert!(client.with(|connection, _| !connection.can_open()));
}

#[tokio::test]
async fn a_peer_that_leaves_in_the_middle_is_an_error_that_is_told_once() {
    let (near, far) = duplex(64 << 10);
    let (events, mut happened) = mpsc::unbounded_channel();
    let client = connect_over(near, Limits::default(), Tell(events));
    client.with(|connection, _| connection.open(&post([]), false)).unwrap();
    drop(far);
    let why = happened.recv().await.unwrap().unwrap_err();
    assert_eq!(why.code(), Code::Unavailable);
    drop(client);
    assert!(happened.recv().await.is_none(), "nothing after the end");
}

#[tokio::test]
async fn a_peer_that_speaks_http_1_is_told_what_is_spoken_here() {
    let (mut near, far) = duplex(64 << 10);
    let served = tokio::spawn(serve_over(far, Limits::default(), Echo::default(), std::future::pending()));
    near.write_all(b"GET / HTTP/1.1\r\nhost: example.com\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("the peer does not speak HTTP/2: no client preface"), "{text}");
    assert!(served.await.unwrap().unwrap_err().message().contains("does not speak HTTP/2"));
}

#[tokio::test]
async fn a_client_that_meets_http_1_says_so() {
    let (near, mut far) = duplex(64 << 10);
    let (events, mut happened) = mpsc::unbounded_channel();
    let _client = connect_over(near, Limits::default(), Tell(events));
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let why = happened.recv().await.unwrap().unwrap_err();
    assert!(why.message().contains("the peer does not speak HTTP/2"), "{why}");
}

#[tokio::test]
async fn what_is_sent_while_the_peer_does_not_read_is_bounded_by_its_windows() {
    let (near, far) = duplex(1024);
    let (events, _happened) = mpsc::unbounded_channel();
    let client = connect_over(near, Limits::default(), Tell(events));
    let stream = client.with(|connection, _| {
        let stream = connection.open(&post([]), false).unwrap();
        connection.send_data(stream, bytes(10_000_000), true).unwrap();
        stream
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let queued = client.with(|connection, _| connection.queued(stream));
    assert!(queued >= 10_000_000 - 65_535, "{queued}");
    drop(far);
}
