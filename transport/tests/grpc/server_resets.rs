//! A caller that gives a call up, or goes.

use std::sync::Arc;
use std::time::Duration;

use http2::ErrorCode;
use http2::frame::Setting;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use transport::{Code, IncomingCall, Limits, Metadata, Received, Service, Status};

use crate::peer::{Came, Peer, REQUEST, message};
use crate::support::service;

/// Says that it was dropped.
struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// Handlers that never end by themselves, and what they say: that they have begun, and were dropped.
fn endless() -> (Arc<dyn Service>, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, told) = mpsc::unbounded_channel();
    let service = service(move |call: IncomingCall| {
        let tell = tell.clone();
        async move {
            let _call = call;
            tell.send("began").unwrap();
            let _dropped = Dropped(tell);
            std::future::pending::<()>().await;
        }
    });
    (service, told)
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_every_code_stops_the_handler_and_nothing_else() {
    let (service, mut told) = endless();
    let mut peer = Peer::client_of(service).await;
    for code in (0..=0xd).chain([0xff, u32::MAX]) {
        let stream = peer.new_stream();
        peer.headers(stream, &REQUEST, false).await;
        assert_eq!(told.recv().await, Some("began"));
        peer.reset(stream, ErrorCode(code)).await;
        assert_eq!(told.recv().await, Some("dropped"), "{code}");
    }
    peer.ping(*b"are you?").await;
    assert_eq!(peer.next().await, Came::PingAck(*b"are you?"));
}

#[tokio::test(start_paused = true)]
async fn a_reset_behind_the_whole_request_stops_the_handler_too() {
    let (service, mut told) = endless();
    let mut peer = Peer::client_of(service).await;
    let stream = peer.request(&REQUEST, &message(b"hello")).await;
    assert_eq!(told.recv().await, Some("began"));
    peer.reset(stream, ErrorCode::CANCEL).await;
    assert_eq!(told.recv().await, Some("dropped"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_stops_its_handlers() {
    let (service, mut told) = endless();
    let mut peer = Peer::client_of(service).await;
    peer.request(&REQUEST, b"").await;
    assert_eq!(told.recv().await, Some("began"));
    drop(peer);
    assert_eq!(told.recv().await, Some("dropped"));
}

#[tokio::test(start_paused = true)]
async fn who_reads_in_another_task_learns_that_the_call_was_cancelled() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = service(move |mut call: IncomingCall| {
        let tell = tell.clone();
        tokio::spawn(async move {
            loop {
                let received = call.receive.receive().await;
                let is_end = matches!(received, Received::End(_));
                tell.send(received).unwrap();
                if is_end {
                    return call.send.finish(Status::ok());
                }
            }
        });
        std::future::pending()
    });
    let mut peer = Peer::client_of(service).await;
    let stream = peer.new_stream();
    peer.headers(stream, &REQUEST, false).await;
    peer.data(stream, message(b"hello"), false).await;
    assert_eq!(told.recv().await, Some(Received::Message("hello".into())));
    peer.reset(stream, ErrorCode::CANCEL).await;
    let Some(Received::End(status)) = told.recv().await else { panic!("an end") };
    assert_eq!(status.code(), Code::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_silent_peer_has_no_window_for_is_given_up_in_time() {
    let due = Arc::new(Notify::new());
    let is_due = due.clone();
    let service = service(move |mut call: IncomingCall| {
        let is_due = is_due.clone();
        async move {
            call.send.respond(Metadata::new()).unwrap();
            is_due.notified().await;
            call.send.send_last("answer".into()).await.unwrap();
        }
    });
    // Nothing else makes the connection look at its clock.
    let limits = Limits { keepalive: Duration::ZERO, ..Limits::default() };
    let mut peer = Peer::client_of_limited(service, limits).await;
    peer.settings(&[Setting::InitialWindowSize(0)]).await;
    let stream = peer.request(&REQUEST, &message(b"hello")).await;
    while !matches!(peer.next().await, Came::Headers { .. }) {}
    // Until nothing is left that is due in any case.
    sleep(2 * Limits::default().handshake).await;
    due.notify_one();
    let came = timeout(3 * Limits::default().write, peer.next()).await.unwrap();
    assert!(matches!(came, Came::Reset { stream: id, code: ErrorCode::CANCEL } if id == stream), "{came:?}");
}
