//! The lens between clients and servers: every byte has a name, and every byte arrives.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use client::CallOptions;
use http2::connection::PREFACE;
use kv::Store;
use kv::proto::{
    Change, DeleteRequest, Entry, GetRequest, IncrementRequest, KvClient, KvServer, PutRequest, WatchRequest,
};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use server::{Router, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use transport::{Code, Compression};
use tutorial::by_hand::grpc as by_hand;
use tutorial::lens::schema::Schema;
use tutorial::lens::{Layer, check, leaves};
use tutorial::live::plain::Lines;
use tutorial::live::screen::Screen;
use tutorial::live::{Event, Feed, Happened, Observer, Seen, Taken, proxy};
use tutorial::page::Page;
use tutorial::tap::{Chunk, Way};

/// A lens on a free port, in front of something.
struct Lens {
    address: String,
    feed: Feed,
    running: AbortHandle,
}

impl Lens {
    async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let feed = Feed::new();
        let schema = Arc::new(Schema::kv().unwrap());
        let running = tokio::spawn(proxy::run(listener, server, schema, feed.clone())).abort_handle();
        Self { address, feed, running }
    }

    /// All that is seen until so many connections are closed.
    async fn seen_until_closed(&self, connections: usize) -> Taken {
        let mut all = Taken::default();
        let is_closed = |seen: &&Seen| matches!(seen.what, Happened::Closed { .. });
        while all.seen.iter().filter(is_closed).count() < connections {
            let taken = self.feed.next().await;
            all.seen.extend(taken.seen);
            all.missed += taken.missed;
        }
        all
    }
}

impl Drop for Lens {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A server of `Kv` with a lens in front of it, and a client behind that.
async fn kv_through_a_lens(scheme: &str) -> (Server, Lens, KvClient) {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let address = server.listen(&format!("{scheme}127.0.0.1:0")).await.unwrap().to_string();
    let lens = Lens::before(address.trim_start_matches(scheme).to_owned()).await;
    let kv = KvClient::connect(&format!("{scheme}{}", lens.address)).await.unwrap();
    (server, lens, kv)
}

fn entry(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned(), value: value.to_owned() }
}

fn key(key: &str) -> GetRequest {
    GetRequest { key: key.to_owned() }
}

/// Calls of all four shapes, large messages and small ones, and an error.
async fn call_all(kv: &KvClient) {
    kv.put(&entry("greeting", "hello")).await.unwrap();
    assert_eq!(kv.get(&key("greeting")).await.unwrap().value, "hello");
    assert_eq!(kv.get(&key("nothing")).await.unwrap_err().code(), Code::NotFound);
    let large = "x".repeat(200_000);
    kv.put(&entry("large", &large)).await.unwrap();
    assert_eq!(kv.get(&key("large")).await.unwrap().value, large);
    let by = IncrementRequest { key: "hits".to_owned(), by: -3 };
    assert_eq!(kv.increment(&by).await.unwrap().value, -3);
    assert!(kv.delete(&DeleteRequest { key: "hits".to_owned() }).await.unwrap().existed);
    let mut changes = kv.watch(&WatchRequest { key: "greeting".to_owned() }).await.unwrap();
    assert_eq!(changes.recv().await.unwrap().unwrap().value.as_deref(), Some("hello"));
    drop(changes);
    let (mut entries, mut count) = kv.load().await.unwrap();
    for number in 0..10 {
        entries.send(&Entry { key: number.to_string(), value: "v".to_owned() }).await.unwrap();
    }
    entries.finish().await.unwrap();
    assert_eq!(count.single().await.unwrap().count, 10);
    let (mut out, mut back) = kv.sync().await.unwrap();
    let change = Change { key: "synced".to_owned(), value: Some("both ways".to_owned()) };
    out.send(&change).await.unwrap();
    assert_eq!(back.recv().await.unwrap().unwrap(), change);
    out.finish().await.unwrap();
    assert!(back.recv().await.unwrap().is_none());
}

fn events(taken: &Taken) -> impl Iterator<Item = &Event> {
    taken.seen.iter().filter_map(|seen| match &seen.what {
        Happened::Event(event) => Some(&**event),
        _ => None,
    })
}

/// Every byte of a step has exactly one name, and the parts of a span are all of it.
fn assert_named(event: &Event) {
    let contents = event.contents.iter().map(|content| (&content.bytes, &content.spans));
    for (bytes, spans) in std::iter::once((&event.bytes, &event.spans)).chain(contents) {
        assert_eq!(check(spans, 0..bytes.len()), Ok(()), "in {}", event.label);
    }
}

async fn assert_every_byte_of_kv_has_a_name(scheme: &str, codec: &'static str) {
    let (_server, lens, kv) = kv_through_a_lens(scheme).await;
    call_all(&kv.with(CallOptions::new().codec(codec))).await;
    drop(kv);
    let taken = lens.seen_until_closed(1).await;
    assert_eq!(taken.missed, 0);
    let mut sum = 0;
    for event in events(&taken) {
        assert_named(event);
        assert_eq!(event.size, event.bytes.len() as u64, "all of {} is kept", event.label);
        assert!(!event.is_opaque && event.faults().next().is_none(), "{event:?}");
        let mut spans = leaves(&event.spans);
        assert!(spans.all(|span| !span.value.contains("unknown") && span.layer != Layer::Data), "{event:?}");
        sum += event.size;
    }
    for seen in &taken.seen {
        if let Happened::Closed { passed, named, faults, .. } = &seen.what {
            assert_eq!((*named, sum, *faults), (*passed, *passed, 0));
            assert!(*passed > 400_000, "{passed} bytes of large messages and others");
        }
    }
    let paths: Vec<_> = events(&taken).filter_map(|event| event.path.as_deref()).collect();
    assert_eq!(paths.len(), 10, "{paths:?}");
    let failed = events(&taken).filter(|event| event.status.as_deref() == Some("NOT_FOUND")).count();
    assert_eq!(failed, 1);
    // What came in pieces is shown in one, with the names of its fields.
    let large =
        events(&taken).flat_map(|event| &event.contents).filter(|content| content.bytes.len() >= 200_000);
    let wanted = if codec == "json" { "JSON" } else { "value" };
    assert!(large.map(|content| leaves(&content.spans).last().unwrap()).all(|last| last.name == wanted));
}

#[tokio::test]
async fn every_byte_of_kv_over_our_own_frames_has_a_name() {
    for codec in ["bincode", "proto", "json"] {
        assert_every_byte_of_kv_has_a_name("tcp://", codec).await;
    }
}

#[tokio::test]
async fn every_byte_of_kv_over_http2_has_a_name() {
    for codec in ["bincode", "proto", "json"] {
        assert_every_byte_of_kv_has_a_name("http://", codec).await;
    }
}

#[tokio::test]
async fn a_compressed_message_is_shown_as_what_it_is() {
    let (_server, lens, kv) = kv_through_a_lens("http://").await;
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Deflate, "deflate")] {
        let kv = kv.with(CallOptions::new().compression(compression));
        kv.put(&entry("greeting", &format!("{name} ").repeat(100))).await.unwrap();
    }
    drop(kv);
    let taken = lens.seen_until_closed(1).await;
    let contents: Vec<_> = events(&taken).flat_map(|event| &event.contents).collect();
    for name in ["gzip", "deflate"] {
        let content = contents.iter().find(|content| content.label.contains(&format!("of {name}"))).unwrap();
        let names: Vec<_> = leaves(&content.spans).map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["tag", "length", "key", "tag", "length", "value"]);
        assert!(leaves(&content.spans).last().unwrap().value.starts_with(&format!("\"{name} {name}")));
    }
    events(&taken).for_each(assert_named);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_on_several_connections_go_through_unharmed() {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let address = server.listen("http://127.0.0.1:0").await.unwrap().to_string();
    let lens = Lens::before(address.trim_start_matches("http://").to_owned()).await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..5 {
        let address = format!("http://{}", lens.address);
        clients.spawn(async move {
            let kv = KvClient::connect(&address).await.unwrap();
            let name = format!("client {client}");
            for number in 1..=2000 {
                let by = IncrementRequest { key: name.clone(), by: 1 };
                assert_eq!(kv.increment(&by).await.unwrap().value, number);
            }
        });
    }
    clients.join_all().await;
    let taken = lens.seen_until_closed(5).await;
    let mut calls = 0;
    for event in events(&taken) {
        calls += usize::from(event.is_over);
        assert!(event.faults().next().is_none(), "{event:?}");
    }
    assert!(calls == 10_000 || taken.missed > 0, "{calls} calls seen, {} steps missed", taken.missed);
    for seen in &taken.seen {
        if let Happened::Closed { passed, named, .. } = &seen.what {
            assert_eq!(passed, named);
        }
    }
}

#[tokio::test]
async fn who_does_not_keep_up_misses_steps_and_is_told_how_many_and_all_is_passed_on() {
    let (_server, lens, kv) = kv_through_a_lens("tcp://").await;
    let large = "x".repeat(3_000_000);
    for _ in 0..15 {
        kv.put(&entry("large", &large)).await.unwrap();
        assert_eq!(kv.get(&key("large")).await.unwrap().value.len(), large.len());
    }
    drop(kv);
    let taken = lens.seen_until_closed(1).await;
    assert!(taken.missed > 0);
    let kept: usize = events(&taken)
        .map(|event| {
            event.bytes.len() + event.contents.iter().map(|content| content.bytes.len()).sum::<usize>()
        })
        .sum();
    assert!(kept <= 64 << 20, "{kept} bytes are kept");
    let mut lines = Lines::new(Page::kept(), false);
    lines.take(&taken);
    assert!(lines.text().contains(&format!("{} steps are not shown", taken.missed)), "{}", lines.text());
}

/// What a client sends and gets, through a lens, from a server that sends back what comes.
async fn echoed(sent: &[&[u8]]) -> (Vec<u8>, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lens = Lens::before(listener.local_addr().unwrap().to_string()).await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut client = TcpStream::connect(&lens.address).await.unwrap();
    for part in sent {
        client.write_all(part).await.unwrap();
    }
    client.shutdown().await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    (got, lens.seen_until_closed(1).await)
}

fn text(taken: &Taken) -> String {
    let mut lines = Lines::new(Page::kept(), true);
    lines.take(taken);
    lines.text().to_owned()
}

#[tokio::test]
async fn what_cannot_be_looked_into_is_named_and_passed_on() {
    let tls = [b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), vec![7; 600]].concat();
    for (bytes, name) in [
        (&tls[..], "TLS: opaque"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1: opaque"),
        (b"\0\0\0\0", "not a protocol this lens knows: opaque"),
        (b"PRI", "not a protocol this lens knows: opaque"),
    ] {
        let (got, taken) = echoed(&[bytes]).await;
        assert_eq!(got, bytes);
        let text = text(&taken);
        assert!(text.contains(&format!("→ {name}")) && text.contains("closed: 0 of"), "{text}");
        let sizes: u64 = events(&taken).map(|event| event.size).sum();
        assert_eq!(sizes, 2 * bytes.len() as u64);
    }
}

/// The first frames of a client, and a request whose second field has index 0.
fn malformed() -> Vec<u8> {
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let headers = b"\0\0\x03\x01\x04\0\0\0\x01\x83\x80\x86";
    let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong";
    [&PREFACE[..], settings, headers, ping].concat()
}

#[tokio::test]
async fn a_malformed_byte_is_shown_with_a_caret_and_its_rule_and_all_is_passed_on() {
    let sent = malformed();
    let (got, taken) = echoed(&[&sent, b"and more"]).await;
    assert_eq!(got, [&sent[..], b"and more"].concat());
    let text = text(&taken);
    let shown = "\
  ✗ indexed 0: §6.1: 0 is no index (RFC 7541, field block)
    … 03 01 04 00 00 00 01 83 80 86
                              ^^
";
    assert!(text.contains(shown), "{text}");
    // The frames behind it are read as before.
    assert!(text.contains("→ PING: \"pingpong\""), "{text}");
    events(&taken).for_each(assert_named);
}

#[tokio::test]
async fn behind_a_frame_that_is_none_nothing_is_looked_into_but_all_is_passed_on() {
    let sent = [&PREFACE[..], b"\xff\xff\xff\x04\0\0\0\0\0", &[7; 100]].concat();
    let (got, taken) = echoed(&[&sent]).await;
    assert_eq!(got, sent);
    let text = text(&taken);
    assert!(text.contains("§4.2: more than allowed (RFC 9113, frame header)"), "{text}");
    assert!(text.contains("→ behind a fault: opaque"), "{text}");
}

#[tokio::test]
async fn a_reset_is_passed_on_as_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lens = Lens::before(listener.local_addr().unwrap().to_string()).await;
    let mut client = TcpStream::connect(&lens.address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"hello").await.unwrap();
    server.read_exact(&mut [0; 5]).await.unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    let error = server.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let text = text(&lens.seen_until_closed(1).await);
    assert!(text.contains("closed ("), "{text}");
}

#[tokio::test]
async fn without_a_server_a_client_is_sent_away_and_the_lens_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lens = Lens::before(listener.local_addr().unwrap().to_string()).await;
    drop(listener);
    let mut client = TcpStream::connect(&lens.address).await.unwrap();
    assert!(client.read(&mut [0; 1]).await.is_err());
    let text = text(&lens.seen_until_closed(1).await);
    assert!(text.contains("cannot connect to 127.0.0.1:"), "{text}");
}

#[tokio::test]
async fn a_terminal_of_80_by_24_shows_calls_steps_bytes_and_keys() {
    let (_server, lens, kv) = kv_through_a_lens("http://").await;
    kv.put(&entry("greeting", "hello")).await.unwrap();
    kv.get(&key("nothing")).await.unwrap_err();
    let mut screen = Screen::new("here → there");
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    screen.shows(lens.feed.take());
    // The latest call is chosen; its last step, and of that the bytes from the beginning.
    for key in [KeyCode::Tab, KeyCode::End] {
        assert!(screen.press(KeyEvent::from(key)));
    }
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    let shown = terminal.backend().to_string();
    for part in ["here → there", "/kv.Kv/Put", "/kv.Kv/Get", "NOT_FOUND", "END_STREAM END_HEADERS", "q quit"]
    {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    assert!(!screen.press(KeyEvent::from(KeyCode::Char('q'))));
}

#[tokio::test]
async fn in_a_terminal_of_any_size_every_key_finds_its_place() {
    let (_, taken) = echoed(&[&malformed()]).await;
    let keys = [KeyCode::Up, KeyCode::Down, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End];
    for (width, height) in [(1, 1), (20, 5), (80, 24), (200, 60)] {
        let mut screen = Screen::new("here → there");
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        screen.shows(taken.clone());
        for key in [KeyCode::Null, KeyCode::Tab, KeyCode::Tab, KeyCode::BackTab, KeyCode::Tab] {
            for key in [key].into_iter().chain(keys) {
                assert!(screen.press(KeyEvent::from(key)));
                terminal.draw(|frame| screen.draw(frame)).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_malformed_byte_has_a_caret_in_a_terminal_too() {
    let (_, taken) = echoed(&[&malformed()]).await;
    let mut screen = Screen::new("");
    screen.shows(taken);
    // The connection's steps: preface, SETTINGS, and the request that is none.
    for key in [KeyCode::Tab, KeyCode::Home, KeyCode::Down, KeyCode::Down] {
        screen.press(KeyEvent::from(key));
    }
    let mut terminal = Terminal::new(TestBackend::new(160, 40)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    let shown = terminal.backend().to_string();
    assert!(shown.contains("✗ §6.1: 0 is no index"), "{shown}");
    let caret = shown.lines().find(|line| line.contains("^^")).unwrap();
    assert!(caret.contains("RFC 7541, field block"), "{shown}");
}

/// A request whose field block is cut in three, and whose message of 200,000 bytes stands in one frame, with
/// padding: which the server has allowed.
fn in_large_frames_and_small_ones() -> Vec<Chunk> {
    let settings = by_hand::frame(4, 0, 0, b"\0\x05\0\x10\0\0");
    let block = by_hand::block(&by_hand::fields("/kv.Kv/Put", "x"));
    let (first, rest) = block.split_at(20);
    let (second, third) = rest.split_at(1);
    let put = PutRequest { key: "k".to_owned(), value: "x".repeat(200_000) };
    let message = by_hand::prefixed(&prost::Message::encode_to_vec(&put));
    let data = [&[200], &message[..], &[0; 200]].concat();
    let frames = [
        PREFACE.to_vec(),
        by_hand::frame(1, 0, 1, first),
        by_hand::frame(9, 0, 1, second),
        by_hand::frame(9, 4, 1, third),
        by_hand::frame(0, 9, 1, &data),
        by_hand::frame(6, 0, 0, b"pingpong"),
    ];
    vec![(Way::In, settings), (Way::Out, frames.concat())]
}

#[test]
fn what_comes_in_several_frames_is_shown_in_one_piece_too() {
    let events = observed(&in_large_frames_and_small_ones(), |length| length);
    events.iter().for_each(assert_named);
    assert!(events.iter().all(|event| event.faults().next().is_none()));
    let opened = events.iter().find(|event| event.path.is_some()).unwrap();
    assert_eq!((opened.label.as_str(), opened.call), ("HEADERS: /kv.Kv/Put", Some(1)));
    assert_eq!(leaves(&opened.contents[0].spans).next().unwrap().name, "literal, unkept");
    let parts: Vec<_> = events.iter().filter(|event| event.label.starts_with("DATA")).collect();
    assert!(parts.len() > 3, "it is read in parts");
    let contents: Vec<_> = parts.iter().flat_map(|event| &event.contents).collect();
    assert_eq!(contents.len(), 1);
    assert_eq!(contents[0].label, "the message of 200007 bytes, from its pieces");
    assert_eq!(leaves(&contents[0].spans).last().unwrap().name, "value");
    assert_eq!(events.last().unwrap().label, "PING: \"pingpong\"");
}

#[test]
fn frames_in_the_wrong_place_are_shown_with_the_rule() {
    let fields = by_hand::block(&by_hand::fields("/kv.Kv/Put", "x"));
    let headers = by_hand::frame(1, 4, 1, &fields);
    let half_a_message = by_hand::frame(0, 1, 1, &by_hand::prefixed(b"abc")[..6]);
    for (frames, rule) in [
        (vec![by_hand::frame(1, 0, 1, &fields), headers.clone()], "§6.10: CONTINUATION due"),
        (vec![by_hand::frame(9, 4, 1, &fields)], "§6.10: behind HEADERS"),
        (vec![by_hand::frame(0, 0, 7, b"x")], "§5.1: stream is idle"),
        (vec![headers.clone(), half_a_message], "ends within a message"),
        (vec![headers.clone(), by_hand::frame(0, 0, 1, b"\x02")], "neither 0 nor 1"),
        (vec![headers.clone(), by_hand::frame(0, 0, 1, b"\x01\0\0\0\x01z")], "in which compression?"),
    ] {
        let chunks = [(Way::Out, PREFACE.to_vec()), (Way::Out, frames.concat())];
        let events = observed(&chunks, |length| length);
        let rules: Vec<_> =
            events.iter().flat_map(|event| event.faults().map(|fault| fault.span.value.as_str())).collect();
        assert_eq!(rules.first(), Some(&rule), "{rules:?}");
        events.iter().for_each(assert_named);
    }
}

/// All that passed while Kv was called, frame by frame.
static CONVERSATIONS: LazyLock<Vec<Vec<Chunk>>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let record = async |scheme: &str| {
        let (_server, lens, kv) = kv_through_a_lens(scheme).await;
        let kv_gzip = kv.with(CallOptions::new().compression(Compression::Gzip));
        kv_gzip.put(&entry("greeting", &"hello".repeat(20))).await.unwrap();
        kv.get(&key("nothing")).await.unwrap_err();
        kv.put(&entry("large", &"x".repeat(40_000))).await.unwrap();
        drop((kv, kv_gzip));
        let taken = lens.seen_until_closed(1).await;
        events(&taken).map(|event| (event.way, event.bytes.clone())).collect()
    };
    let mut all = vec![runtime.block_on(record("tcp://")), runtime.block_on(record("http://"))];
    all.push(vec![(Way::Out, malformed())]);
    all.push(in_large_frames_and_small_ones());
    all
});

fn observed(chunks: &[Chunk], mut cut: impl FnMut(usize) -> usize) -> Vec<Event> {
    let mut observer = Observer::new(Arc::new(Schema::kv().unwrap()));
    let mut events = Vec::new();
    for (way, bytes) in chunks {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
            events.extend(observer.sees(*way, now));
            rest = later;
        }
    }
    events.extend(observer.ends(Way::Out));
    events.extend(observer.ends(Way::In));
    events
}

#[test]
fn one_byte_at_a_time_gives_the_same_steps() {
    for chunks in CONVERSATIONS.iter() {
        assert!(observed(chunks, |_| 1) == observed(chunks, |length| length));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn any_cut_gives_the_same_steps(sizes in prop::collection::vec(1..3000_usize, 1..20)) {
        for chunks in CONVERSATIONS.iter() {
            let mut sizes = sizes.iter().cycle();
            let cut = observed(chunks, |_| *sizes.next().unwrap());
            prop_assert!(cut == observed(chunks, |length| length));
        }
    }

    #[test]
    fn any_bytes_have_names_and_do_no_harm(
        beginning in prop::sample::select(vec![&b""[..], &PREFACE[..], b"RPC\x01\0\x01\0\0\0\0\0\0\0\x40\0\0"]),
        frames in prop::collection::vec((0..11_u8, any::<u8>(), 0..4_u32, like_a_payload()), 0..12),
        way in prop::sample::select(vec![Way::Out, Way::In]),
        end in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = beginning.to_vec();
        for (kind, flags, stream, payload) in frames {
            bytes.extend(by_hand::frame(kind, flags, stream, &payload));
        }
        bytes.extend(end);
        let chunks = [(Way::Out, beginning.to_vec()), (way, bytes)];
        for event in observed(&chunks, |length| length) {
            assert_named(&event);
            Lines::new(Page::kept(), true).take(&Taken {
                seen: vec![Seen { at: Duration::ZERO, connection: 1, what: Happened::Event(Box::new(event)) }],
                missed: 0,
            });
        }
    }
}

/// Field blocks, messages behind a prefix, and anything.
fn like_a_payload() -> impl Strategy<Value = Vec<u8>> {
    let fields = by_hand::block(&by_hand::fields("/kv.Kv/Put", "x"));
    let message = by_hand::prefixed(b"\x0a\x01k\x12\x01v");
    prop_oneof![
        Just(fields),
        Just(message.clone()),
        (0..message.len()).prop_map(move |end| message[..end].to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}
