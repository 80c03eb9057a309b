//! The generated stubs: calls of all four shapes, and that nobody can tell them from those written by hand.

#![allow(clippy::unwrap_used)]

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use client::CallOptions;
use kv::proto::{
    self, Change, DeleteReply, DeleteRequest, Entry, GetReply, GetRequest, IncrementReply, IncrementRequest,
    LoadReply, PutReply, PutRequest, WatchRequest,
};
use kv::{Kv, Store};
use server::{Router, context};
use stub::codec::Message;
use stub::{Receiver, Sender, Shape};
use support::{Handler, Served, Transport, channel, on_every_transport, pass};
use tokio::sync::{Semaphore, mpsc};
use transport::{
    Code, Compression, IncomingCall, Limits, Metadata, Path, Received, RequestHead, Status, open,
};

on_every_transport! {
    what_was_put_can_be_got_incremented_and_deleted
    a_method_that_is_not_implemented_says_so_by_its_name
    every_method_answers_in_every_codec

    a_watcher_that_falls_behind_gets_the_latest_value
    a_sync_that_falls_behind_is_told_so

    an_error_after_some_messages_comes_behind_them
    replies_go_on_when_the_requests_have_ended
    requests_go_on_while_replies_come
    a_caller_that_is_dropped_stops_the_handler_of_each_shape
    a_reader_that_stalls_stops_the_writer_at_the_server
    a_reader_that_stalls_stops_the_writer_at_the_client
    a_deadline_ends_a_stream_and_stops_its_handler
    metadata_travels_in_head_and_trailers
    a_method_sees_whether_its_request_was_compressed_and_compresses_its_reply

    both_client_stubs_send_the_same_bytes
    both_server_stubs_answer_the_same_bytes
    the_generated_client_talks_to_the_server_written_by_hand
    the_client_written_by_hand_talks_to_the_generated_server
}

async fn serve<K: proto::Kv>(transport: Transport, kv: K) -> Served {
    transport.serve_raw(Router::new().with(proto::KvServer::new(kv)), Limits::default()).await
}

async fn client(served: &Served) -> proto::KvClient {
    served.generated().await
}

/// A client that reads at most a little ahead.
async fn narrow_client(served: &Served) -> proto::KvClient {
    proto::KvClient::new(channel(&served.address, narrow()).await.unwrap())
}

fn narrow() -> Limits {
    Limits { window: 1024, ..Limits::default() }
}

/// How many messages with a [`wide`] value fit into such a window, and one that is being sent.
const NARROW: usize = 1024 / 64 + 1;

/// `number` in 64 letters.
fn wide(number: usize) -> String {
    format!("{number:064}")
}

fn get(key: &str) -> GetRequest {
    GetRequest { key: key.to_owned() }
}

fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned(), value: value.to_owned() }
}

fn entry(key: &str, value: &str) -> Entry {
    Entry { key: key.to_owned(), value: value.to_owned() }
}

fn change(key: &str, value: &str) -> Change {
    Change { key: key.to_owned(), value: Some(value.to_owned()) }
}

fn watch(key: &str) -> WatchRequest {
    WatchRequest { key: key.to_owned() }
}

// ---- one message each way ----

async fn what_was_put_can_be_got_incremented_and_deleted(transport: Transport) {
    let served = serve(transport, Store::new()).await;
    let kv = client(&served).await;
    assert_eq!(kv.put(&put("hits", "41")).await, Ok(PutReply {}));
    assert_eq!(kv.get(&get("hits")).await, Ok(GetReply { value: "41".to_owned() }));
    let increment = IncrementRequest { key: "hits".to_owned(), by: 1 };
    assert_eq!(kv.increment(&increment).await, Ok(IncrementReply { value: 42 }));
    let delete = DeleteRequest { key: "hits".to_owned() };
    assert_eq!(kv.delete(&delete).await, Ok(DeleteReply { existed: true }));
    let refused = Status::new(Code::NotFound, "no value for \"hits\"");
    assert_eq!(kv.get(&get("hits")).await, Err(refused));
}

struct Nothing;

impl proto::Kv for Nothing {}

async fn a_method_that_is_not_implemented_says_so_by_its_name(transport: Transport) {
    let served = serve(transport, Nothing).await;
    let kv = client(&served).await;
    let not_here =
        |method| Status::new(Code::Unimplemented, format!("method {method} is not implemented here"));
    assert_eq!(kv.get(&get("any")).await, Err(not_here("Get")));
    assert_eq!(kv.watch(&watch("any")).await.unwrap().recv().await, Err(not_here("Watch")));
    let (_entries, mut reply) = kv.load().await.unwrap();
    assert_eq!(reply.single().await, Err(not_here("Load")));
    let (_changes, mut replies) = kv.sync().await.unwrap();
    assert_eq!(replies.recv().await, Err(not_here("Sync")));
}

async fn every_method_answers_in_every_codec(transport: Transport) {
    let served = serve(transport, Store::new()).await;
    for codec in Change::CODECS {
        let kv = client(&served).await.with(CallOptions::new().codec(codec));
        kv.put(&put("greeting", codec)).await.unwrap();
        assert_eq!(kv.get(&get("greeting")).await.unwrap().value, *codec);
        let mut changes = kv.watch(&watch("greeting")).await.unwrap();
        assert_eq!(changes.recv().await, Ok(Some(change("greeting", codec))));
        let (mut entries, mut reply) = kv.load().await.unwrap();
        entries.send(&entry("one", codec)).await.unwrap();
        entries.finish().await.unwrap();
        assert_eq!(reply.single().await, Ok(LoadReply { count: 1 }));
        let (mut asked, mut told) = kv.sync().await.unwrap();
        asked.send(&change("two", codec)).await.unwrap();
        assert_eq!(told.recv().await, Ok(Some(change("two", codec))));
    }
}

// ---- the store ----

async fn a_watcher_that_falls_behind_gets_the_latest_value(transport: Transport) {
    const PUTS: i64 = 2000;
    let served = serve(transport, Store::new()).await;
    let mut changes = narrow_client(&served).await.watch(&watch("hits")).await.unwrap();
    changes.head().await;
    let kv = client(&served).await;
    for _ in 0..PUTS {
        kv.increment(&IncrementRequest { key: "hits".to_owned(), by: 1 }).await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&PUTS) {
        let Some(Change { value: Some(value), .. }) = changes.recv().await.unwrap() else { panic!() };
        seen.push(value.parse::<i64>().unwrap());
    }
    assert!(seen.is_sorted(), "what is older never comes later: {seen:?}");
    assert!(seen.len() < PUTS as usize / 2, "{} changes came", seen.len());
}

async fn a_sync_that_falls_behind_is_told_so(transport: Transport) {
    let served = serve(transport, Store::new()).await;
    let (_asked, mut told) = narrow_client(&served).await.sync().await.unwrap();
    told.head().await;
    let kv = client(&served).await;
    for number in 0..1000 {
        kv.put(&put("number", &number.to_string())).await.unwrap();
    }
    let mut seen = 0;
    let ended = loop {
        match told.recv().await {
            Ok(Some(next)) => assert_eq!(next, change("number", &seen.to_string())),
            Ok(None) => panic!("it ends well"),
            Err(status) => break status,
        }
        seen += 1;
    };
    assert_eq!(ended.code(), Code::Aborted);
    assert!(ended.message().ends_with(" changes were missed: read them sooner"), "{ended}");
}

// ---- streams, whatever the service ----

/// Sends two replies, and then fails.
struct Fails;

impl proto::Kv for Fails {
    async fn watch(&self, _request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        replies.send(&change("any", "1")).await?;
        replies.send(&change("any", "2")).await?;
        Err(failure())
    }
}

fn failure() -> Status {
    Status::new(Code::DataLoss, "the disk is gone").with_metadata(tenant("blue"))
}

fn tenant(name: &'static str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append("tenant", name).unwrap();
    metadata
}

async fn an_error_after_some_messages_comes_behind_them(transport: Transport) {
    let served = serve(transport, Fails).await;
    let mut changes = client(&served).await.watch(&watch("any")).await.unwrap();
    assert_eq!(changes.recv().await, Ok(Some(change("any", "1"))));
    assert_eq!(changes.recv().await, Ok(Some(change("any", "2"))));
    assert_eq!(changes.recv().await, Err(failure()));
    assert_eq!(changes.recv().await, Err(failure()), "and stays so");
    assert_eq!(changes.trailers(), Some(&tenant("blue")));
}

/// Answers each change, and all of them once more in the end.
struct Echo;

impl proto::Kv for Echo {
    async fn sync(&self, mut requests: Receiver<Change>, mut replies: Sender<Change>) -> Result<(), Status> {
        let mut all = Vec::new();
        while let Some(change) = requests.recv().await? {
            replies.send(&change).await?;
            all.push(change);
        }
        for change in all {
            replies.send(&change).await?;
        }
        Ok(())
    }
}

async fn replies_go_on_when_the_requests_have_ended(transport: Transport) {
    let served = serve(transport, Echo).await;
    let (mut asked, mut told) = client(&served).await.sync().await.unwrap();
    asked.send(&change("one", "1")).await.unwrap();
    assert_eq!(told.recv().await, Ok(Some(change("one", "1"))));
    asked.finish().await.unwrap();
    assert_eq!(told.recv().await, Ok(Some(change("one", "1"))));
    assert_eq!(told.recv().await, Ok(None));
    assert_eq!(told.recv().await, Ok(None), "and stays so");
}

async fn requests_go_on_while_replies_come(transport: Transport) {
    let served = serve(transport, Echo).await;
    let (mut asked, mut told) = client(&served).await.sync().await.unwrap();
    for number in 0..100 {
        let change = change("number", &number.to_string());
        asked.send(&change).await.unwrap();
        assert_eq!(told.recv().await, Ok(Some(change)));
    }
}

/// Never answers; counts what has begun and what was dropped.
#[derive(Clone, Default)]
struct Waits(Arc<(Count, Count)>);

struct Count(Semaphore);

impl Default for Count {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Count {
    async fn one(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

impl Waits {
    async fn forever<T>(&self) -> T {
        struct Dropped<'a>(&'a Count);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.0.add_permits(1);
            }
        }
        let (begun, dropped) = &*self.0;
        let _dropped = Dropped(dropped);
        begun.0.add_permits(1);
        std::future::pending().await
    }
}

impl proto::Kv for Waits {
    async fn get(&self, _request: GetRequest) -> Result<GetReply, Status> {
        self.forever().await
    }

    async fn watch(&self, _request: WatchRequest, _replies: Sender<Change>) -> Result<(), Status> {
        self.forever().await
    }

    async fn load(&self, _requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        self.forever().await
    }

    async fn sync(&self, _requests: Receiver<Change>, _replies: Sender<Change>) -> Result<(), Status> {
        self.forever().await
    }
}

async fn a_caller_that_is_dropped_stops_the_handler_of_each_shape(transport: Transport) {
    let waits = Waits::default();
    let served = serve(transport, waits.clone()).await;
    let kv = client(&served).await;
    let (begun, dropped) = &*waits.0;

    let caller = kv.clone();
    let unary = tokio::spawn(async move { caller.get(&get("any")).await });
    begun.one().await;
    unary.abort();
    dropped.one().await;

    let changes = kv.watch(&watch("any")).await.unwrap();
    begun.one().await;
    drop(changes);
    dropped.one().await;

    let (entries, reply) = kv.load().await.unwrap();
    begun.one().await;
    drop(entries);
    dropped.one().await;
    drop(reply);

    let (asked, told) = kv.sync().await.unwrap();
    begun.one().await;
    drop(told);
    dropped.one().await;
    drop(asked);
}

/// Sends numbers for ever; counts what was sent, and says when it has to wait.
#[derive(Clone, Default)]
struct Writes(Arc<(AtomicUsize, Count)>);

impl proto::Kv for Writes {
    async fn watch(&self, _request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        let (sent, waiting) = &*self.0;
        loop {
            let next = change("number", &wide(sent.load(Ordering::SeqCst)));
            let mut send = pin!(replies.send(&next));
            if let Some(sent) = now_or_never(send.as_mut()).await {
                sent?;
            } else {
                waiting.0.add_permits(1);
                send.await?;
            }
            sent.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What `future` ends with, if it ends at once.
async fn now_or_never<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

async fn a_reader_that_stalls_stops_the_writer_at_the_server(transport: Transport) {
    let writes = Writes::default();
    let served = serve(transport, writes.clone()).await;
    let mut changes = narrow_client(&served).await.watch(&watch("any")).await.unwrap();
    let (sent, waiting) = &*writes.0;
    waiting.one().await;
    assert!(sent.load(Ordering::SeqCst) <= NARROW, "{sent:?} are sent and nobody has read one");
    for number in 0..10 * NARROW {
        assert_eq!(changes.recv().await, Ok(Some(change("number", &wide(number)))));
        // The window of HTTP/2 grows for who reads quickly.
        let grows = transport.is_grpc();
        assert!(grows || sent.load(Ordering::SeqCst) <= number + 1 + NARROW);
    }
}

/// Reads only when it may.
#[derive(Clone, Default)]
struct Reads(Arc<Count>);

impl proto::Kv for Reads {
    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        self.0.one().await;
        let mut count = 0;
        while requests.recv().await?.is_some() {
            count += 1;
        }
        Ok(LoadReply { count })
    }
}

async fn a_reader_that_stalls_stops_the_writer_at_the_client(transport: Transport) {
    let reads = Reads::default();
    let served = transport.serve_raw(proto::KvServer::new(reads.clone()), narrow()).await;
    let (mut entries, mut reply) = client(&served).await.load().await.unwrap();
    let next = entry("k", &wide(0));
    let mut sent = 0;
    loop {
        let mut send = pin!(entries.send(&next));
        if now_or_never(send.as_mut()).await.is_none() {
            assert!(sent <= NARROW, "{sent} are sent and nobody has read one");
            reads.0.0.add_permits(1);
            send.await.unwrap();
            break;
        }
        sent += 1;
    }
    entries.finish().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: sent as u64 + 1 }));
}

async fn a_deadline_ends_a_stream_and_stops_its_handler(transport: Transport) {
    let waits = Waits::default();
    let served = serve(transport, waits.clone()).await;
    let (begun, dropped) = &*waits.0;
    let hurried = client(&served).await.with(CallOptions::new().timeout(Duration::from_secs(10)));
    let mut changes = hurried.watch(&watch("any")).await.unwrap();
    let (_asked, mut told) = hurried.sync().await.unwrap();
    begun.one().await;
    begun.one().await;
    let (watched, synced) = tokio::join!(changes.recv(), async {
        pass(Duration::from_secs(10)).await;
        told.recv().await
    });
    assert_eq!(watched.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(synced.unwrap_err().code(), Code::DeadlineExceeded);
    dropped.one().await;
    dropped.one().await;
}

/// Answers with metadata.
struct Tells;

impl proto::Kv for Tells {
    async fn watch(&self, _request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        replies.respond(context::metadata())?;
        context::set_trailers(tenant("green"));
        replies.send(&change("any", "1")).await
    }

    async fn load(&self, _requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        context::set_head(context::metadata());
        context::set_trailers(tenant("green"));
        Ok(LoadReply { count: 0 })
    }
}

async fn metadata_travels_in_head_and_trailers(transport: Transport) {
    let served = serve(transport, Tells).await;
    let kv = client(&served).await.with(CallOptions::new().metadata(tenant("blue")));
    let mut changes = kv.watch(&watch("any")).await.unwrap();
    assert_eq!(changes.head().await, &tenant("blue"));
    assert_eq!(changes.recv().await, Ok(Some(change("any", "1"))));
    assert_eq!(changes.trailers(), None, "it is not over");
    assert_eq!(changes.recv().await, Ok(None));
    assert_eq!(changes.trailers(), Some(&tenant("green")));

    let (entries, mut reply) = kv.load().await.unwrap();
    entries.finish().await.unwrap();
    assert_eq!(reply.head().await, &tenant("blue"));
    assert_eq!(reply.single().await, Ok(LoadReply { count: 0 }));
    assert_eq!(reply.trailers(), Some(&tenant("green")));
}

/// Answers compressed, and says whether it was asked so.
struct Compresses;

impl proto::Kv for Compresses {
    async fn get(&self, _request: GetRequest) -> Result<GetReply, Status> {
        context::compress_reply();
        Ok(GetReply { value: context::request_was_compressed().to_string() })
    }

    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        context::compress_reply();
        let mut count = 0;
        while requests.recv().await?.is_some() {
            count += u64::from(requests.was_compressed());
        }
        Ok(LoadReply { count })
    }
}

async fn a_method_sees_whether_its_request_was_compressed_and_compresses_its_reply(transport: Transport) {
    let served = serve(transport, Compresses).await;
    let plain = client(&served).await;
    assert_eq!(plain.get(&get("any")).await, Ok(GetReply { value: "false".to_owned() }));

    // Only gRPC carries what is compressed.
    let carried = transport.is_grpc();
    let kv = plain.with(CallOptions::new().compression(Compression::Gzip));
    let request = get("any");
    let called = kv.caller().open(&proto::KV_GET, Shape::Unary, Some(&request)).await;
    let (_sender, mut reply) = called.unwrap();
    assert_eq!(reply.single().await, Ok(GetReply { value: carried.to_string() }));
    assert_eq!(reply.was_compressed(), carried, "also behind the end");

    let (mut entries, mut reply) = kv.load().await.unwrap();
    for on in [true, false, true] {
        entries.compress(on);
        entries.send(&entry("k", "v")).await.unwrap();
    }
    entries.finish().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: if carried { 2 } else { 0 } }));
    assert_eq!(reply.was_compressed(), carried);
}

// ---- generated and written by hand ----

async fn both_client_stubs_send_the_same_bytes(transport: Transport) {
    let (heard, mut said) = mpsc::unbounded_channel();
    let service = Handler(move |mut call: IncomingCall| {
        let heard = heard.clone();
        async move {
            let message = call.receive.single_message().await.unwrap();
            heard.send((call.head.path.as_str().to_owned(), call.head.codec().to_owned(), message)).unwrap();
            call.send.finish(Status::new(Code::Aborted, "heard"));
        }
    });
    let served = transport.serve_raw(service, Limits::default()).await;
    let (by_hand, generated) = (served.kv().await, client(&served).await);
    let delete = DeleteRequest { key: "greeting".to_owned() };
    let increment = IncrementRequest { key: "hits".to_owned(), by: -3 };
    for codec in GetRequest::CODECS {
        let options = || CallOptions::new().codec(codec);
        let (by_hand, generated) = (by_hand.with(options()), generated.with(options()));
        by_hand.get("greeting").await.unwrap_err();
        by_hand.put("greeting", "hello").await.unwrap_err();
        by_hand.delete("greeting").await.unwrap_err();
        by_hand.increment("hits", -3).await.unwrap_err();
        generated.get(&get("greeting")).await.unwrap_err();
        generated.put(&put("greeting", "hello")).await.unwrap_err();
        generated.delete(&delete).await.unwrap_err();
        generated.increment(&increment).await.unwrap_err();
        let mut four = Vec::new();
        for _ in 0..4 {
            four.push(said.recv().await.unwrap());
        }
        for of_hand in four {
            assert_eq!(said.recv().await.unwrap(), of_hand);
        }
    }
}

async fn both_server_stubs_answer_the_same_bytes(transport: Transport) {
    let (by_hand, generated) = (transport.serve(Store::new()).await, serve(transport, Store::new()).await);
    let calls: [(&'static str, &'static str, &'static [u8]); 9] = [
        ("/kv.Kv/Get", "bincode", b"\x08greeting"),
        ("/kv.Kv/Put", "bincode", b"\x08greeting\x05hello"),
        ("/kv.Kv/Get", "proto", b"\x0a\x08greeting"),
        ("/kv.Kv/Get", "json", b"{\"key\":\"greeting\"}"),
        ("/kv.Kv/Increment", "proto", b"\x0a\x04hits\x10\x03"),
        ("/kv.Kv/Delete", "bincode", b"\x04hits"),
        ("/kv.Kv/Delete", "bincode", b"\x05hits"),
        ("/kv.Kv/Get", "other", b""),
        ("/kv.Kv/Fly", "bincode", b""),
    ];
    for (path, codec, message) in calls {
        let of_hand = answer(&by_hand, path, codec, message).await;
        assert_eq!(answer(&generated, path, codec, message).await, of_hand, "{path} in {codec}");
    }
}

/// All that comes back when `message` is sent.
async fn answer(
    served: &Served,
    path: &'static str,
    codec: &'static str,
    message: &'static [u8],
) -> (Vec<Bytes>, Status) {
    let head = RequestHead::new(Path::from_static(path), codec);
    let call = open(&served.channel().await, head, Some(Bytes::from_static(message)), true).await.unwrap();
    let (mut receive, mut messages) = (call.receive, Vec::new());
    loop {
        match receive.receive().await {
            Received::Head(_) => {}
            Received::Message(message) => messages.push(message),
            Received::End(status) => return (messages, status),
        }
    }
}

async fn the_generated_client_talks_to_the_server_written_by_hand(transport: Transport) {
    let served = transport.serve(Store::new()).await;
    let kv = client(&served).await;
    kv.put(&put("greeting", "hello")).await.unwrap();
    assert_eq!(kv.get(&get("greeting")).await.unwrap().value, "hello");
    let text = "service kv.Kv has no method Watch";
    let refused = kv.watch(&watch("greeting")).await.unwrap().recv().await;
    assert_eq!(refused, Err(Status::new(Code::Unimplemented, text)));
}

async fn the_client_written_by_hand_talks_to_the_generated_server(transport: Transport) {
    let served = serve(transport, Store::new()).await;
    let kv = served.kv().await;
    kv.put("greeting", "hello").await.unwrap();
    assert_eq!(kv.get("greeting").await, Ok("hello".to_owned()));
    assert_eq!(kv.increment("hits", 2).await, Ok(2));
    assert_eq!(kv.delete("hits").await, Ok(true));
    assert_eq!(kv.get("hits").await.unwrap_err().code(), Code::NotFound);
}
