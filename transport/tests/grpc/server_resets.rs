//! A caller that gives a call up, or goes.

use std::sync::Arc;

use http2::ErrorCode;
use tokio::sync::mpsc;
use transport::{Code, IncomingCall, Received, Service, Status};

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
