//! The handles of a call as a `Stream` and a `Sink`.

#![allow(clippy::unwrap_used)]

mod support;

use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use kv::Store;
use kv::proto::{self, Change, Entry, KvClient, KvServer, LoadReply, WatchRequest};
use server::Router;
use stub::{Receiver, Sender};
use support::{Served, Transport, on_every_transport};
use transport::{Code, Limits, Status};

on_every_transport! {
    a_stream_forwarded_into_a_sink_sends_all_of_it_and_the_end
    a_stream_gives_every_message_and_ends
    a_stream_gives_the_status_of_a_failed_call_once_and_ends
    a_sink_says_why_the_call_is_over
    a_sink_can_be_closed_behind_a_message_that_was_only_fed
    a_handler_may_read_a_stream_and_close_a_sink
    a_handler_that_finishes_its_sender_can_still_fail
}

async fn serve<K: proto::Kv>(transport: Transport, kv: K) -> (Served, KvClient) {
    let served = transport.serve_raw(Router::new().with(KvServer::new(kv)), Limits::default()).await;
    let kv = served.generated().await;
    (served, kv)
}

fn entry(key: &str) -> Entry {
    Entry { key: key.to_owned(), value: "v".to_owned() }
}

fn change(key: &str) -> Change {
    Change { key: key.to_owned(), value: None }
}

/// Sends back what comes: all of it by way of a `Stream` and a `Sink`.
struct Echo;

impl proto::Kv for Echo {
    async fn sync(&self, requests: Receiver<Change>, replies: Sender<Change>) -> Result<(), Status> {
        requests.into_stream().forward(replies.into_sink()).await
    }

    async fn watch(&self, request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        replies.send(&change(&request.key)).await?;
        replies.finish().await?;
        Err(Status::new(Code::DataLoss, "the disk is gone"))
    }
}

async fn a_stream_forwarded_into_a_sink_sends_all_of_it_and_the_end(transport: Transport) {
    let (_served, kv) = serve(transport, Store::new()).await;
    let (entries, mut reply) = kv.load().await.unwrap();
    let all = stream::iter(0..1000).map(|number| Ok(entry(&number.to_string())));
    all.forward(entries.into_sink()).await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: 1000 }));
}

async fn a_stream_gives_every_message_and_ends(transport: Transport) {
    let (_served, kv) = serve(transport, Echo).await;
    let (mut asked, told) = kv.sync().await.unwrap();
    for key in ["a", "b", "c"] {
        asked.send(&change(key)).await.unwrap();
    }
    asked.finish().await.unwrap();
    let told: Vec<Change> = told.into_stream().try_collect().await.unwrap();
    assert_eq!(told, ["a", "b", "c"].map(change));
}

async fn a_stream_gives_the_status_of_a_failed_call_once_and_ends(transport: Transport) {
    let (_served, kv) = serve(transport, Store::new()).await;
    let (mut asked, told) = kv.sync().await.unwrap();
    asked.send(&change("one")).await.unwrap();
    asked.send(&Change { key: String::new(), value: Some("v".to_owned()) }).await.unwrap();
    let told: Vec<_> = told.into_stream().collect().await;
    let refused = Status::new(Code::InvalidArgument, "a key has at least one character");
    assert_eq!(told, [Err(refused)]);
}

async fn a_sink_says_why_the_call_is_over(transport: Transport) {
    let (_served, kv) = serve(transport, Store::new()).await;
    let (entries, _reply) = kv.load().await.unwrap();
    let mut entries = entries.into_sink();
    let ended = loop {
        if let Err(status) = entries.send(entry("")).await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::InvalidArgument);
}

async fn a_sink_can_be_closed_behind_a_message_that_was_only_fed(transport: Transport) {
    let (_served, kv) = serve(transport, Store::new()).await;
    let (entries, mut reply) = kv.load().await.unwrap();
    let mut entries = entries.into_sink();
    entries.feed(entry("one")).await.unwrap();
    entries.close().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: 1 }));
}

async fn a_handler_may_read_a_stream_and_close_a_sink(transport: Transport) {
    let (_served, kv) = serve(transport, Echo).await;
    let (asked, mut told) = kv.sync().await.unwrap();
    asked.finish().await.unwrap();
    assert_eq!(told.recv().await, Ok(None));
}

async fn a_handler_that_finishes_its_sender_can_still_fail(transport: Transport) {
    let (_served, kv) = serve(transport, Echo).await;
    let mut changes = kv.watch(&WatchRequest { key: "one".to_owned() }).await.unwrap();
    assert_eq!(changes.recv().await, Ok(Some(change("one"))));
    assert_eq!(changes.recv().await.unwrap_err().code(), Code::DataLoss);
}
