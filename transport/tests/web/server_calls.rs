//! How calls end: at their deadline, with their client, in a panic; and what a client that does not read costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use transport::web::Web;
use transport::{Code, IncomingCall, Limits, Service, Status};

use crate::ends::{
    Begun, Client, VERSIONS, Version, answering, call, call_with, message, serve_with, trailers, uncalled,
};
use crate::http1::bytes_of;
use crate::support::{echo, service};

/// Handlers that have begun, and never end by themselves.
struct Endless {
    service: Arc<dyn Service>,
    begun: mpsc::UnboundedReceiver<()>,
    dropped: mpsc::UnboundedReceiver<()>,
}

/// Handlers that answer nothing, or `first`.
fn endless(first: Option<&'static str>) -> Endless {
    struct Dropped(mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (has_begun, begun) = mpsc::unbounded_channel();
    let (is_dropped, dropped) = mpsc::unbounded_channel();
    let service = service(move |mut call: IncomingCall| {
        let (has_begun, dropped) = (has_begun.clone(), Dropped(is_dropped.clone()));
        async move {
            let _dropped = dropped;
            has_begun.send(()).unwrap();
            if let Some(first) = first {
                call.send.send(first.into()).await.unwrap();
            }
            std::future::pending::<()>().await;
        }
    });
    Endless { service, begun, dropped }
}

/// Begins a request whose body does not come.
async fn ask_without_body(client: &mut Client, headers: &[(&str, &str)]) -> (String, String) {
    let head = call_with(headers, "");
    let answer = match client {
        Client::Http1(peer) => {
            let head = String::from_utf8(bytes_of(&head)).unwrap();
            peer.write(format!("{}content-length: 5\r\n\r\n", head.strip_suffix("\r\n").unwrap())).await;
            Begun::read(peer, false).await.whole().await
        }
        Client::Http2(sender) => {
            let (answer, _unended) = sender.send_request(head.map(|_| ()), false).unwrap();
            Begun::of(answer.await.unwrap()).whole().await
        }
    };
    let (_, code, text) = answer.status_alone();
    (code.to_owned(), text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_for_a_body_that_does_not_come() {
    for version in VERSIONS {
        let mut client = version.client(uncalled(), Web::new()).await;
        let started = Instant::now();
        let (code, text) = ask_without_body(&mut client, &[("grpc-timeout", "1500m")]).await;
        assert_eq!((&*code, &*text), ("4", "the deadline passed before the request had come"));
        assert_eq!(started.elapsed(), Duration::from_millis(1500), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_ends_with_the_limit_of_silence() {
    for version in VERSIONS {
        let mut client = version.client(uncalled(), Web::new()).await;
        let started = Instant::now();
        let (code, text) = ask_without_body(&mut client, &[]).await;
        assert_eq!((&*code, &*text), ("14", "the request did not come whole: nothing for 40s"));
        assert_eq!(started.elapsed(), 2 * Limits::default().keepalive);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cut_off_becomes_no_call() {
    let (io, server) = serve_with(uncalled(), Web::new(), Limits::default());
    let Client::Http1(mut peer) = Version::Http1.connect(io).await else { unreachable!() };
    let whole = bytes_of(&call(message("hello")));
    peer.write(&whole[..whole.len() - 1]).await;
    drop(peer);
    assert_eq!(server.outcome.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_drops_the_handler() {
    for version in VERSIONS {
        for first in [None, Some("first")] {
            let mut handlers = endless(first);
            let mut client = version.client(handlers.service.clone(), Web::new()).await;
            match &mut client {
                Client::Http1(peer) => peer.request(&call(message(""))).await,
                Client::Http2(sender) => {
                    let (_, mut send) = sender.send_request(call("").map(|_| ()), false).unwrap();
                    send.send_data(message("").into(), true).unwrap();
                    handlers.begun.recv().await.unwrap();
                    send.send_reset(Reason::CANCEL);
                    handlers.dropped.recv().await.unwrap();
                    continue;
                }
            }
            handlers.begun.recv().await.unwrap();
            drop(client);
            handlers.dropped.recv().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_while_it_reads_drops_the_handler() {
    for version in VERSIONS {
        let mut handlers = endless(Some("first"));
        let (io, server) = serve_with(handlers.service.clone(), Web::new(), Limits::default());
        let mut client = version.connect(io).await;
        let mut answer = client.begin(call(message(""))).await;
        assert_eq!(answer.piece().await.unwrap(), message("first"));
        drop(answer);
        drop(client);
        handlers.dropped.recv().await.unwrap();
        if version == Version::Http1 {
            assert_eq!(server.outcome.await.unwrap(), Ok(()), "there is no other way to give a call up");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_one_call_leaves_the_others() {
    let mut handlers = endless(Some("first"));
    let Client::Http2(mut sender) = Version::Http2.client(handlers.service.clone(), Web::new()).await else {
        unreachable!()
    };
    let mut open = async || {
        let (answer, mut send) = sender.send_request(call("").map(|_| ()), false).unwrap();
        send.send_data(message("").into(), true).unwrap();
        (Begun::of(answer.await.unwrap()), send)
    };
    let (mut one, _) = open().await;
    let (_other, mut reset) = open().await;
    reset.send_reset(Reason::CANCEL);
    handlers.dropped.recv().await.unwrap();
    assert_eq!(one.piece().await.unwrap(), message("first"));
    assert!(handlers.dropped.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_internal_and_the_connection_lives() {
    for version in VERSIONS {
        let panics_if_told = service(|call: IncomingCall| {
            assert_ne!(call.head.path.method(), "PanicAtOnce");
            async move {
                assert_ne!(call.head.path.method(), "Panic");
                echo(call).await;
            }
        });
        let mut client = version.client(panics_if_told, Web::new()).await;
        for path in ["/kv.Kv/Panic", "/kv.Kv/PanicAtOnce"] {
            let mut request = call(message(""));
            *request.uri_mut() = format!("http://kv.example{path}").parse().unwrap();
            assert_eq!(client.ask(request).await.status_alone(), (200, "13", "the handler panicked"));
        }
        assert_eq!(client.ask(call(message(""))).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_behind_messages_is_a_status_behind_messages() {
    for version in VERSIONS {
        let service = answering(|mut send| async move {
            send.send("one".into()).await.unwrap();
            panic!("two is too much");
        });
        let answer = version.ask(service, Web::new(), call(message(""))).await;
        let status = trailers("grpc-status: 13\r\ngrpc-message: the handler panicked\r\n");
        assert_eq!(answer.body, [message("one"), status].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_leaves_no_answer_is_internal() {
    for version in VERSIONS {
        let answer = version.ask(answering(|send| async { drop(send) }), Web::new(), call(message(""))).await;
        assert_eq!(answer.status_alone().1, "13");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_goes_on_after_its_answer_is_not_cut() {
    for version in VERSIONS {
        let go_on = Arc::new(Notify::new());
        let goes_on = go_on.clone();
        // Closed once the handler and its service are gone, whatever they have said.
        let (is_done, mut done) = mpsc::unbounded_channel();
        let service = answering(move |mut send| {
            let (go_on, is_done) = (go_on.clone(), is_done.clone());
            async move {
                send.send_last("answer".into()).await.unwrap();
                go_on.notified().await;
                is_done.send(()).unwrap();
            }
        });
        let mut client = version.client(service, Web::new()).await;
        let answer = client.ask(call(message(""))).await;
        assert_eq!(answer.body, [message("answer"), trailers("grpc-status: 0\r\n")].concat());
        goes_on.notify_one();
        assert_eq!(done.recv().await, Some(()), "{version:?}");
    }
}

/// A service whose handlers answer and never come to an end, and where one says so that was dropped.
fn never_ending() -> (Arc<dyn Service>, mpsc::UnboundedReceiver<()>) {
    struct Dropped(mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (dropped, told) = mpsc::unbounded_channel();
    let service = answering(move |mut send| {
        let dropped = Dropped(dropped.clone());
        async move {
            send.send_last("answer".into()).await.unwrap();
            std::future::pending::<()>().await;
            drop(dropped);
        }
    });
    (service, told)
}

#[tokio::test(start_paused = true)]
async fn handlers_that_go_on_end_with_their_connection() {
    for version in VERSIONS {
        let (service, mut dropped) = never_ending();
        let mut client = version.client(service, Web::new()).await;
        client.ask(call(message(""))).await;
        assert!(dropped.try_recv().is_err(), "{version:?}");
        drop(client);
        assert_eq!(dropped.recv().await, Some(()), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_handlers_go_on_than_there_may_be_calls() {
    for version in VERSIONS {
        let (service, mut dropped) = never_ending();
        let limits = Limits { calls: 2, ..Limits::default() };
        let mut client = version.client_limited(service, Web::new(), limits).await;
        for _ in 0..2 {
            client.ask(call(message(""))).await;
        }
        settle().await;
        assert!(dropped.try_recv().is_err(), "{version:?}");
        client.ask(call(message(""))).await;
        assert_eq!(dropped.recv().await, Some(()), "{version:?}");
        settle().await;
        assert!(dropped.try_recv().is_err(), "{version:?}");
    }
}

/// What a handler has sent that sends without end.
fn flood(size: usize) -> (Arc<AtomicUsize>, Arc<dyn Service>) {
    let count = Arc::new(AtomicUsize::new(0));
    let sent = count.clone();
    let service = answering(move |mut send| {
        let sent = sent.clone();
        async move {
            while send.send(vec![b'x'; size].into()).await.is_ok() {
                sent.fetch_add(size, Ordering::Relaxed);
            }
        }
    });
    (count, service)
}

/// Lets everybody do what can be done without time passing.
pub async fn settle() {
    for _ in 0..3_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_stops_the_handler() {
    for version in VERSIONS {
        let (sent, service) = flood(10_000);
        let limits = Limits { send_buffer: 50_000, ..Limits::default() };
        let mut client = version.client_limited(service, Web::new(), limits).await;
        let mut answer = client.begin(call(message(""))).await;
        settle().await;
        let waiting = sent.load(Ordering::Relaxed);
        assert!(waiting < 1_000_000, "{waiting} bytes wait over {version:?}");
        settle().await;
        assert_eq!(sent.load(Ordering::Relaxed), waiting, "the handler waits");
        let mut read = 0;
        while read < 3 * waiting {
            read += answer.piece().await.unwrap().len();
        }
        assert!(sent.load(Ordering::Relaxed) > waiting, "the handler goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_for_too_long_is_given_up() {
    let (sent, service) = flood(10_000);
    let (io, server) = serve_with(service, Web::new(), Limits::default());
    let mut client = Version::Http1.connect(io).await;
    let _unread = client.begin(call(message(""))).await;
    let error = server.outcome.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("timed out"), "{error}");
    let before = sent.load(Ordering::Relaxed);
    settle().await;
    assert_eq!(sent.load(Ordering::Relaxed), before, "the handler is gone");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_small_messages_arrives_whole_and_in_order() {
    for version in VERSIONS {
        let service = answering(|mut send| async move {
            for number in 0..5000_u32 {
                send.send(Bytes::copy_from_slice(&number.to_be_bytes())).await.unwrap();
            }
            send.finish(Status::ok());
        });
        let answer = version.ask(service, Web::new(), call(message(""))).await;
        let expected: Vec<u8> = (0..5000_u32).flat_map(|number| message(number.to_be_bytes())).collect();
        assert!(answer.body == [expected, trailers("grpc-status: 0\r\n")].concat(), "{version:?}");
    }
}
