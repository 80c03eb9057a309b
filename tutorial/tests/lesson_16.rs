//! Lesson 16: deadlines, cancellation, metadata, status on the wire.

#![allow(clippy::unwrap_used)]

mod exercise;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use client::{CallOptions, Caller};
use http2::{ErrorCode, Fields};
use kv::message::{GET, GetReply, GetRequest};
use kv::proto::{self, Change, IncrementReply, IncrementRequest, WatchRequest};
use kv::{Kv, KvClient, Store};
use server::{Deadlines, Router, context};
use stub::codec::{Coding, Protobuf};
use stub::{Sender, Shape};
use tokio::io::duplex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, advance, sleep, timeout};
use transport::{
    Code, Connection, Limits, Metadata, Path, Received, RequestHead, Service, Status, Value, grpc, open,
};
use tutorial::onlooker::{Onlooker, Said};
use tutorial::plain::{self, Answer};
use tutorial::slow::{News, forever};
use tutorial::tap::{Chunk, Tap, Way};

exercise::specification! { status:
    a_timeout_has_eight_digits_at_most_and_a_unit
    a_timeout_is_rounded_up
    a_timeout_is_never_nothing
    a_small_m_is_a_thousandth_and_a_large_one_a_minute
    what_is_no_timeout_is_refused
    http_200_without_a_status_is_unknown
    http_404_is_a_method_that_is_not_there
    what_a_proxy_says_when_it_reaches_nobody_may_be_tried_again
    a_refused_stream_is_unavailable
    a_cancelled_stream_is_cancelled
    a_stream_that_is_reset_without_an_error_is_an_error
}

/// A connection to a service, over gRPC in memory, and what passes over it.
struct Wire {
    connection: Arc<dyn Connection>,
    passed: Arc<Mutex<Vec<Chunk>>>,
}

impl Wire {
    async fn to(service: impl Service) -> Self {
        let (near, far) = duplex(64 << 10);
        let service = Arc::new(service);
        tokio::spawn(async move {
            grpc::serve_over(far, &Limits::default(), service, std::future::pending()).await
        });
        let passed = Arc::new(Mutex::new(Vec::new()));
        let notes = passed.clone();
        let tap = Tap::new(near, move |way, bytes: &[u8]| notes.lock().unwrap().push((way, bytes.to_vec())));
        let connection = grpc::connect_over(tap, &Limits::default(), "kv.test").await.unwrap();
        Self { connection, passed }
    }

    fn kv(&self) -> KvClient {
        KvClient::new(self.connection.clone()).with(CallOptions::new().codec("proto"))
    }

    fn with_timeout(&self, timeout: Duration) -> KvClient {
        KvClient::new(self.connection.clone()).with(CallOptions::new().codec("proto").timeout(timeout))
    }

    /// All that was said, from the beginning, on streams.
    fn said(&self) -> Vec<Said> {
        let said = Onlooker::new().sees(&self.passed.lock().unwrap());
        said.into_iter().filter(|said| said.frame.stream() > 0).collect()
    }

    /// Every value of a field that was said, in order.
    fn values(&self, name: &str) -> Vec<String> {
        self.said().iter().filter_map(|said| said.value(name)).collect()
    }
}

/// A store where what is called slow never ends, "echo" answers with the metadata of the request, and
/// "status N" with status N.
struct Slow {
    store: Store,
    news: UnboundedSender<News>,
}

impl proto::Kv for Slow {
    async fn get(&self, request: GetRequest) -> Result<GetReply, Status> {
        if request.key == "slow" {
            forever(&self.news).await;
        }
        if request.key == "echo" {
            context::set_head(context::metadata());
            context::set_trailers(context::metadata());
        }
        if let Some(number) = request.key.strip_prefix("status ") {
            let code = Code::from_number(number.parse().unwrap());
            Status::new(code, TEXT).with_details(DETAILS).into_result()?;
        }
        Ok(GetReply { value: request.key })
    }

    async fn increment(&self, request: IncrementRequest) -> Result<IncrementReply, Status> {
        let reply = proto::Kv::increment(&self.store, request.clone()).await?;
        if request.by != 0 {
            forever(&self.news).await;
        }
        Ok(reply)
    }

    async fn watch(&self, request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        replies.send(&Change { key: request.key, value: None }).await?;
        Err(Status::new(Code::DataLoss, TEXT))
    }
}

const TEXT: &str = "100 % of \"grün\"\n is 🔑";
const DETAILS: &[u8] = b"\x08\x05\xff";

fn slow() -> (Router, UnboundedReceiver<News>) {
    let (news, heard) = unbounded_channel();
    (Router::new().with(proto::KvServer::new(Slow { store: Store::new(), news })), heard)
}

async fn began_and_dropped(heard: &mut UnboundedReceiver<News>) {
    assert_eq!(heard.recv().await, Some(News::Began));
    assert_eq!(heard.recv().await, Some(News::Dropped));
}

// ---- deadlines ----

#[tokio::test(start_paused = true)]
async fn a_deadline_is_sent_in_the_finest_unit_for_which_8_digits_are_enough() {
    let forms = [
        (Duration::from_nanos(1), "1n"),
        (Duration::from_millis(50), "50000000n"),
        (Duration::from_nanos(100_000_001), "100001u"),
        (Duration::from_secs(5), "5000000u"),
        (Duration::from_secs(600), "600000m"),
        (Duration::from_secs(40 * 24 * 3600), "3456000S"),
        (Duration::from_secs(100_000_000), "1666667M"),
        (Duration::from_secs(6_000_000_000), "1666667H"),
    ];
    let wire = Wire::to(slow().0).await;
    for (timeout, _) in forms {
        wire.with_timeout(timeout).get("x").await.unwrap();
    }
    assert_eq!(wire.values("grpc-timeout"), forms.map(|(_, form)| form));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_deadline_says_nothing_of_one() {
    let wire = Wire::to(slow().0).await;
    wire.kv().get("x").await.unwrap();
    assert_eq!(wire.values("grpc-timeout"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_since_the_caller_asked_is_taken_off() {
    let wire = Wire::to(slow().0).await;
    let deadline = (Instant::now() + Duration::from_secs(10)).into_std();
    let kv = wire.kv().with(CallOptions::new().codec("proto").deadline(deadline));
    advance(Duration::from_secs(4)).await;
    kv.get("x").await.unwrap();
    assert_eq!(wire.values("grpc-timeout"), ["6000000u"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_made_for_another_call_has_what_is_left_of_its_time() {
    /// Asks the one behind it, after 30 milliseconds.
    struct Front(KvClient);
    impl proto::Kv for Front {
        async fn get(&self, request: GetRequest) -> Result<GetReply, Status> {
            sleep(Duration::from_millis(30)).await;
            let options = CallOptions::new().codec("proto").deadline(context::deadline());
            Ok(GetReply { value: self.0.with(options).get(&request.key).await? })
        }
    }
    let back = Wire::to(slow().0).await;
    let front = Wire::to(Router::new().with(proto::KvServer::new(Front(back.kv())))).await;
    front.with_timeout(Duration::from_secs(2)).get("x").await.unwrap();
    assert_eq!(front.values("grpc-timeout"), ["2000000u"]);
    assert_eq!(back.values("grpc-timeout"), ["1970000u"]);
    front.kv().get("x").await.unwrap();
    assert_eq!(back.values("grpc-timeout").len(), 1, "no deadline is passed on as none");
}

#[tokio::test(start_paused = true)]
async fn the_client_ends_a_call_at_its_deadline_though_the_server_has_no_clock() {
    let (router, mut heard) = slow();
    let wire = Wire::to(router).await;
    let status = wire.with_timeout(Duration::from_secs(1)).get("slow").await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    began_and_dropped(&mut heard).await;
    let last = wire.said().pop().unwrap().frame;
    assert_eq!((last.way, &last.bytes[..]), (Way::Out, RST_STREAM_CANCEL));
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_a_call_at_its_deadline_though_the_client_does_not_look() {
    let (router, mut heard) = slow();
    let wire = Wire::to(Deadlines(router)).await;
    let mut head = RequestHead::new(Path::from_static("/kv.Kv/Get"), "proto");
    head.deadline = Some((Instant::now() + Duration::from_secs(1)).into_std());
    let message = Coding::of::<Protobuf>().encode(&GetRequest { key: "slow".to_owned() }).unwrap();
    let mut call = open(&wire.connection, head, Some(message), true).await.unwrap();
    // An hour of a clock that stands still: where nobody ends the call, this test does.
    let received = timeout(Duration::from_secs(3600), call.receive.receive()).await;
    let Ok(Received::End(status)) = received else { panic!("the server does not end it: {received:?}") };
    assert_eq!(status.code(), Code::DeadlineExceeded);
    began_and_dropped(&mut heard).await;
    let last = wire.said().pop().unwrap();
    assert_eq!(last.frame.way, Way::In);
    assert_eq!(last.value("grpc-status").as_deref(), Some("4"));
}

#[tokio::test(start_paused = true)]
async fn what_failed_at_its_deadline_may_be_done_all_the_same() {
    let wire = Wire::to(Deadlines(slow().0)).await;
    let status = wire.with_timeout(Duration::from_secs(1)).increment("hits", 1).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(wire.kv().increment("hits", 0).await.unwrap(), 1);
}

// ---- to give up ----

/// RFC 9113 §6.4: 4 bytes, type 3, on stream 1; code 8.
const RST_STREAM_CANCEL: &[u8] = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08";

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_reset_and_its_handler_is_dropped() {
    let (router, mut heard) = slow();
    let wire = Wire::to(router).await;
    let kv = wire.kv();
    tokio::select! {
        answer = kv.get("slow") => panic!("{answer:?}"),
        began = heard.recv() => assert_eq!(began, Some(News::Began)),
    }
    assert_eq!(heard.recv().await, Some(News::Dropped));
    assert_eq!(wire.said().pop().unwrap().frame.bytes, RST_STREAM_CANCEL);
}

// ---- metadata ----

#[tokio::test(start_paused = true)]
async fn metadata_goes_there_and_comes_back_before_and_behind_the_message() {
    let mut metadata = Metadata::new();
    metadata.append("tenant", "blue").unwrap();
    metadata.append("trace-bin", vec![0x00, 0xff, 0x10, 0x80]).unwrap();
    let wire = Wire::to(slow().0).await;
    let caller = Caller::new(wire.connection.clone());
    let caller = caller.with(CallOptions::new().codec("proto").metadata(metadata.clone()));
    let request = GetRequest { key: "echo".to_owned() };
    let (_, mut reply) = caller.open(&GET, Shape::Unary, Some(&request)).await.unwrap();
    assert_eq!(reply.head().await, &metadata);
    assert_eq!(reply.single().await.unwrap().value, "echo");
    assert_eq!(reply.trailers(), Some(&metadata));
    // Base64 without padding; with it there would be two = more.
    assert_eq!(wire.values("trace-bin"), ["AP8QgA"; 3]);
    assert_eq!(wire.values("tenant"), ["blue"; 3]);
}

#[test]
fn what_is_not_for_a_caller_to_say_is_refused_before_it_is_sent() {
    for name in ["grpc-timeout", "grpc-status", ":path", "te", "content-type", "Tenant", ""] {
        assert!(Metadata::new().append(name, "x").is_err(), "{name:?}");
    }
    assert!(Metadata::new().append("tenant", "grün").is_err());
    assert!(Metadata::new().append("tenant", vec![1]).is_err(), "bytes need a name that ends in -bin");
    assert!(Metadata::new().append("tenant-bin", Value::from("text")).is_err());
}

// ---- status ----

#[tokio::test(start_paused = true)]
async fn each_of_the_17_codes_comes_back_as_it_was_sent_with_text_and_details() {
    let wire = Wire::to(slow().0).await;
    for code in Code::ALL {
        let result = wire.kv().get(&format!("status {}", code.number())).await;
        if code == Code::Ok {
            result.unwrap();
            continue;
        }
        let status = result.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, TEXT));
        assert_eq!(status.details().unwrap(), DETAILS);
    }
    let numbers: Vec<_> = (0..=16).map(|number: u8| number.to_string()).collect();
    assert_eq!(wire.values("grpc-status"), numbers);
}

#[tokio::test(start_paused = true)]
async fn a_text_is_percent_encoded_byte_by_byte_and_details_are_base64() {
    let wire = Wire::to(slow().0).await;
    wire.kv().get("status 5").await.unwrap_err();
    assert_eq!(wire.values("grpc-message"), ["100 %25 of \"gr%C3%BCn\"%0A is %F0%9F%94%91"]);
    assert_eq!(wire.values("grpc-status-details-bin"), ["CAX/"]);
}

/// What a server said: whether it ends the stream, and its grpc-status.
fn answer(wire: &Wire) -> Vec<(bool, Option<String>)> {
    let back = wire.said().into_iter().filter(|said| said.frame.way == Way::In);
    back.map(|said| (said.frame.label().ends_with("END_STREAM"), said.value("grpc-status"))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_well_says_so_in_trailers_behind_its_message() {
    let wire = Wire::to(slow().0).await;
    wire.kv().get("x").await.unwrap();
    assert_eq!(answer(&wire), [(false, None), (false, None), (true, Some("0".to_owned()))]);
}

#[tokio::test(start_paused = true)]
async fn an_error_before_any_message_is_one_frame_that_ends_the_stream() {
    let wire = Wire::to(slow().0).await;
    wire.kv().get("status 5").await.unwrap_err();
    assert_eq!(answer(&wire), [(true, Some("5".to_owned()))]);
    assert_eq!(wire.values(":status"), ["200"], "HTTP has done its part");
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_a_message_leaves_the_message_and_is_in_trailers() {
    let wire = Wire::to(slow().0).await;
    let kv = proto::KvClient::new(wire.connection.clone()).with(CallOptions::new().codec("proto"));
    let mut changes = kv.watch(&WatchRequest { key: "x".to_owned() }).await.unwrap();
    assert!(changes.recv().await.unwrap().is_some());
    assert_eq!(changes.recv().await.unwrap_err(), Status::new(Code::DataLoss, TEXT));
    assert_eq!(answer(&wire), [(false, None), (false, None), (true, Some("15".to_owned()))]);
}

// ---- no status ----

async fn code_of(answer: Answer) -> Code {
    let kv = plain::kv_that_gets(answer).await.unwrap().with(CallOptions::new().codec("proto"));
    kv.get("x").await.unwrap_err().code()
}

#[tokio::test(start_paused = true)]
async fn a_status_of_http_alone_means_what_the_documents_say() {
    for (http, code) in [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("431", Code::Internal),
        ("500", Code::Unknown),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("200", Code::Unknown),
    ] {
        assert_eq!(code_of(Answer::page(http)).await, code, "HTTP {http}");
        assert_eq!((EXERCISE.right.of_http)(http.parse().unwrap()), code, "and so says the exercise");
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_message_without_a_status_is_no_success() {
    let head = Fields::new([(":status", "200"), ("content-type", "application/grpc")]);
    let data = Bytes::from_static(b"\0\0\0\0\x07\x0a\x05hello");
    let with = |trailers| Answer::Response { head: head.clone(), data: data.clone(), trailers };
    assert_eq!(code_of(with(None)).await, Code::Internal);
    assert_eq!(code_of(with(Some(Fields::new([("took", "7 ms")])))).await, Code::Unknown);

    let kv = plain::kv_that_gets(with(Some(Fields::new([("grpc-status", "0")])))).await.unwrap();
    let kv = kv.with(CallOptions::new().codec("proto"));
    assert_eq!(kv.get("x").await.unwrap(), "hello", "with one it is");
}

#[tokio::test(start_paused = true)]
async fn a_reset_means_what_the_documents_say() {
    for (reset, code) in [
        (ErrorCode::REFUSED_STREAM, Code::Unavailable),
        (ErrorCode::CANCEL, Code::Cancelled),
        (ErrorCode::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (ErrorCode::INTERNAL_ERROR, Code::Internal),
    ] {
        assert_eq!(code_of(Answer::Reset(reset)).await, code, "{reset}");
        assert_eq!((EXERCISE.right.of_reset)(reset.0), code, "and so says the exercise");
    }
}
