//! Lesson 09: four shapes of a call, and back-pressure.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::CallOptions;
use kv::Store;
use kv::proto::{
    Change, Entry, GetReply, GetRequest, Kv, KvClient, KvServer, LoadReply, PutRequest, WatchRequest,
};
use server::{Router, Server};
use stub::Receiver;
use stub::codec::{Bincode, CodecName, Coding, Message, Protobuf};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use transport::frame::{Hello, Kind, MESSAGE_COST};
use transport::{Address, Code, Limits, RequestHead, Status};
use tutorial::joined::{self, Passed};
use tutorial::lab::{Diagram, Passing, Record, Side, Watched};
use tutorial::lens;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page};
use tutorial::tap::{Chunk, Way};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(9) };
    let mut page = lesson.begin(
        &[
            "A call is two streams of messages, one each way. Its shape only says how many messages each of \
             them has.",
            "Each side ends its own: the client when it has no more to say, the server with the status, which \
             ends the call, whatever the client still wanted to say.",
            "Who drops a call gives it up, and the handler at the other end is dropped too.",
            "A send waits while the other side does not read. What is on its way and unread never takes more than \
             a window.",
        ],
        "A client sends messages of 1 KiB, as fast as it can, to a method that reads none. How many is it rid of \
         before it has to wait, over tcp:// and over http://? And a server answers OK after two messages of \
         many: what becomes of the third?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In transport/src/call.rs, `receive_piece`, replace `self.partial_cost += cost` by `self.owed += cost`: \
         credit is given back for what has come, and not for what was read. Run this again. In memory and over \
         tcp:// nothing stops the sender any more: this lesson does, after 640 messages that all lie in the \
         server's memory. Over http:// all is as before. The test below fails.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    shapes(page).await?;
    early_answer(page).await?;
    stalled(page).await?;

    page.heading("and the questions");
    page.say(
        "The sender is rid of what fits into the window, some 60 messages; then it waits, for ever if need be. \
         tcp:// counts 64 bytes for each message besides its own, http:// five, so a few more fit. The third \
         message behind an early answer is read by nobody. That is no failure of the call: it has its answer.",
    );
    Ok(())
}

async fn shapes(page: &mut Page) -> Result<(), Status> {
    let calls = Calls::to("tcp://127.0.0.1:0", Store::new()).await?;

    page.heading("one there, one back: unary");
    page.say(
        "The client stub is the one that was written by a program, from stub/kv/proto/kv.proto. What is drawn \
         are messages as they leave one program and as the other one takes them, over tcp://, in this run.",
    );
    page.blank();
    calls.kv.put(&PutRequest { key: "a".into(), value: "1".into() }).await?;
    page.picture("09-unary", "One there, one back");
    calls.draw(page).await;
    page.blank();
    page.say("Request and END leave in one piece, and so do reply and status.");

    page.heading("many there, one back: client streaming");
    page.say("`Load` puts entries as they come, and answers how many there were.");
    page.blank();
    let (mut entries, mut reply) = calls.kv.load().await?;
    for (key, value) in [("a", "1"), ("b", "2")] {
        entries.send(&entry(key, value)).await?;
    }
    entries.finish().await?;
    reply.single().await?;
    page.picture("09-client-streaming", "Many there, one back");
    calls.draw(page).await;
    page.blank();
    page.say(
        "The client does not wait for anybody: three messages are on their way before the first was read. END \
         is its half-close: it has said all, and listens still. (`Sender::finish` in stub/src/streams.rs)",
    );

    page.heading("one there, many back: server streaming");
    page.say("`Watch` tells the value of a key, and each change. It never ends by itself.");
    page.blank();
    let mut changes = calls.kv.watch(&WatchRequest { key: "a".into() }).await?;
    changes.recv().await?;
    calls.somebody_puts("a", "2").await?;
    changes.recv().await?;
    drop(changes);
    page.picture("09-server-streaming", "One there, many back");
    calls.draw(page).await;
    page.blank();
    page.say(
        "So the client ends it: it drops the receiver. In our frames that is CANCEL, in HTTP/2 RST_STREAM with \
         CANCEL. The handler was waiting for the next change; its future is dropped where it waits, and what \
         it held is free. (transport/src/stream.rs, RecvStream; transport/src/host.rs, Handling)",
    );

    page.heading("many both ways: bidirectional");
    page.say("`Sync` applies the changes that come, and tells those that happen, whoever made them.");
    page.blank();
    let (mut asked, mut told) = calls.kv.sync().await?;
    told.head().await;
    asked.send(&Change { key: "a".into(), value: Some("3".into()) }).await?;
    told.recv().await?;
    calls.somebody_puts("b", "4").await?;
    told.recv().await?;
    asked.send(&Change { key: "a".into(), value: None }).await?;
    told.recv().await?;
    asked.finish().await?;
    while told.recv().await?.is_some() {}
    page.picture("09-bidirectional", "Many both ways");
    calls.draw(page).await;
    page.blank();
    page.say(
        "Neither side has to take turns: that they do is this service's way. Within one direction the order is \
         kept; between the two there is none but what the programs make.",
    );
    Ok(())
}

async fn early_answer(page: &mut Page) -> Result<(), Status> {
    page.heading("an answer before the question has ended");
    page.say(
        "This server reads two entries and answers: enough. Now over http://. The client is about to send a \
         third one when the answer comes.",
    );
    page.blank();
    let calls = Calls::to("http://127.0.0.1:0", Enough).await?;
    calls.passed.take();
    let (mut entries, mut reply) = calls.kv.load().await?;
    entries.send(&entry("a", "1")).await?;
    entries.send(&entry("b", "2")).await?;
    reply.head().await;
    let third = entries.send(&entry("c", "3")).await;
    let answer = reply.single().await;
    drop(entries);
    page.picture("09-early", "An answer before the question has ended");
    calls.draw(page).await;
    page.blank();
    page.line(format_args!("    entries.send(c).await  = {}", shown(&third)));
    page.line(format_args!("    reply.single().await   = {BOLD}{}{BOLD:#}", shown(&answer)));
    page.blank();
    page.say("The frames of that stream:");
    page.blank();
    let pieces = calls.passed.take();
    let frames: Vec<_> = pieces.iter().flat_map(|(way, bytes)| Passed::all(*way, bytes)).collect();
    let of_the_stream: Vec<_> = frames.iter().filter(|frame| frame.stream() > 0).collect();
    joined::sides(page);
    joined::draw(page, of_the_stream.iter().copied());
    page.blank();
    for reset in of_the_stream.iter().filter(|frame| frame.label().starts_with("RST_STREAM")) {
        page.spans(&reset.bytes, &lens::http2::frame(&reset.bytes).spans);
    }
    page.blank();
    page.say(
        "The server has said all, and the client's half is still open. RST_STREAM with NO_ERROR closes it: you \
         need not send the rest, and your answer is complete (RFC 9113 §8.1). It looks like a call that was \
         cancelled, and is taken for one by clients that let the reset win over the answer that came before it. \
         The same trap stands one floor higher: who stops at the error of `send` reports CANCELLED. How a call \
         ended is what its receiver says, and nobody else.",
    );
    Ok(())
}

async fn stalled(page: &mut Page) -> Result<(), Status> {
    page.heading("a reader that stalls");
    page.say(&format!(
        "A method that reads an entry only when it is told to; a client that sends as fast as it can. A send that \
         has waited for {} ms is taken to be stuck. How many entries were accepted until then:",
        STUCK.as_millis(),
    ));
    page.blank();
    let mut fillings = Vec::new();
    for address in ["memory:lesson-09", "tcp://127.0.0.1:0", "http://127.0.0.1:0"] {
        fillings.push(Filling::of(address).await?);
    }
    page.line(format_args!("    {BOLD}{:20} memory     tcp    http{BOLD:#}", "read until then"));
    let mut read = 0;
    for (step, more) in READS.iter().enumerate() {
        read += more;
        let accepted: String =
            fillings.iter().map(|filling| format!("{:7} ", filling.accepted[step])).collect();
        page.line(format_args!("    {read:<19}{}", accepted.trim_end()));
    }
    page.blank();
    let window = Limits::default().window as usize;
    let size = |codec| Ok::<_, Status>(Coding::find(codec)?.encode(&large())?.len());
    let (ours, theirs) = (size(Bincode::NAME)? + MESSAGE_COST as usize, size(Protobuf::NAME)? + PREFIX);
    page.say(&format!(
        "A window is {window} bytes (transport/src/limits.rs). An entry takes {ours} of them in our frames, 64 for \
         being a message, so {} fit; {theirs} in HTTP/2, so {} fit. One more is accepted and waits at the client, \
         partly sent where part of it fits. Then `send` waits, whatever is in between. Over http:// a window \
         grows where the reader is quick: if more was accepted there than the reads explain, that is why.",
        window / ours,
        window / theirs,
    ));
    page.blank();
    page.say(
        "What is read makes room, and not one entry at a time: credit goes back when half the window was read, \
         over http:// when a quarter was. It is these frames, the first of each (transport/src/call.rs, \
         `take_grant`; RFC 9113 §5.2, §6.9; open transport/http2/src/flow.rs, it is short):",
    );
    page.blank();
    page.picture("09-credit", "Credit in our frames");
    for filling in &fillings {
        if let Some((bytes, spans)) = &filling.credit {
            page.spans(bytes, spans);
            page.blank();
        }
    }
    let answered = fillings.iter().filter(|filling| filling.beside).count();
    page.say(&format!(
        "While the sender was stuck, another call on the same connection was answered: {answered} of {}. That is \
         why each call has a window of its own. With TCP's alone the connection would be stuck, and all calls \
         with it. (HTTP/2 has a second window for the connection; here it has room for all its streams.)",
        fillings.len(),
    ));
    page.blank();
    page.say(&format!(
        "When the reader went on, all arrived: {}. It works the same way back, where the client is the one who \
         does not read. So what a connection can make this process hold has a limit, and it is a product of \
         numbers in `Limits`. A queue without a limit anywhere, a channel in the handler, say, and it is lost.",
        fillings.iter().map(|filling| filling.arrived.to_string()).collect::<Vec<_>>().join(", "),
    ));
    Ok(())
}

/// How it went to send to a reader that stalls.
struct Filling {
    /// How many messages were accepted, after each of [`READS`].
    accepted: Vec<usize>,
    /// Whether another call on the connection was answered meanwhile.
    beside: bool,
    /// The first credit that came back.
    credit: Option<Credit>,
    /// How many messages arrived in the end.
    arrived: u64,
}

impl Filling {
    async fn of(address: &str) -> Result<Self, Status> {
        let told = Arc::new(Semaphore::new(0));
        let calls = Calls::to(address, ReadsWhenTold(told.clone())).await?;
        let (mut entries, mut reply) = calls.kv.load().await?;
        let entry = large();
        let (mut accepted, mut all) = (Vec::new(), 0);
        for reads in READS {
            told.add_permits(reads);
            while all < MOST
                && let Ok(sent) = timeout(STUCK, entries.send(&entry)).await
            {
                sent?;
                all += 1;
            }
            accepted.push(all);
        }
        let beside = calls.kv.get(&GetRequest { key: "any".into() }).await.is_ok();
        told.add_permits(Semaphore::MAX_PERMITS / 2);
        entries.finish().await?;
        let LoadReply { count } = reply.single().await?;
        Ok(Self {
            accepted,
            beside,
            credit: first_credit(&calls.address, &calls.passed.take()),
            arrived: count,
        })
    }
}

/// A server, and a client whose calls to it are watched.
struct Calls {
    kv: KvClient,
    /// Somebody else, whose calls are not watched.
    other: KvClient,
    watched: Watched,
    record: Record,
    passed: Passing,
    address: Address,
    _server: Server,
}

impl Calls {
    async fn to<K: Kv>(address: &str, kv: K) -> Result<Self, Status> {
        let record = Record::new();
        let watched = Watched::new(record.clone(), said);
        let mut server = Server::new(watched.service(Router::new().with(KvServer::new(kv))));
        let address = server.listen(address).await?;
        let passed = Passing::default();
        let codec = if matches!(address, Address::Http { .. }) { Protobuf::NAME } else { Bincode::NAME };
        let connection = watched.connection(passed.connect(&address).await?);
        let kv = KvClient::new(connection).with(CallOptions::new().codec(codec));
        let other = KvClient::connect(&address.to_string()).await?;
        Ok(Self { kv, other, watched, record, passed, address, _server: server })
    }

    async fn somebody_puts(&self, key: &str, value: &str) -> Result<(), Status> {
        self.record.note(Side::Server, format!("somebody puts {key}={value}"));
        self.other.put(&PutRequest { key: key.to_owned(), value: value.to_owned() }).await?;
        Ok(())
    }

    /// Draws what has passed, when no handler runs any more.
    async fn draw(&self, page: &mut Page) {
        self.watched.idle().await;
        Diagram::of(&self.record.take()).draw(page);
    }
}

/// What a message says.
fn said(head: &RequestHead, side: Side, message: &Bytes) -> String {
    fn decoded<T: Message>(head: &RequestHead, message: &Bytes, say: fn(T) -> String) -> String {
        let decoded = Coding::<T>::find(head.codec()).and_then(|coding| coding.decode(message.clone()));
        decoded.map_or_else(|status| status.code().to_string(), say)
    }
    match (head.path.method(), side) {
        ("Put", Side::Client) => {
            decoded(head, message, |put: PutRequest| format!("{}={}", put.key, put.value))
        }
        ("Load", Side::Client) => decoded(head, message, |it: Entry| format!("{}={}", it.key, it.value)),
        ("Load", Side::Server) => decoded(head, message, |reply: LoadReply| format!("count {}", reply.count)),
        ("Watch", Side::Client) => decoded(head, message, |watch: WatchRequest| watch.key),
        ("Watch" | "Sync", _) => decoded(head, message, |change: Change| match change.value {
            Some(value) => format!("{}={value}", change.key),
            None => format!("no {}", change.key),
        }),
        _ => "reply".to_owned(),
    }
}

/// The frame of our own that gives credit back, or the one of HTTP/2 for a stream: the first that came.
fn first_credit(address: &Address, passed: &[Chunk]) -> Option<Credit> {
    let bytes: Vec<u8> =
        passed.iter().filter(|(way, _)| *way == Way::In).flat_map(|(_, it)| it).copied().collect();
    if let Address::Http { .. } = address {
        let frames = Passed::all(Way::In, &bytes);
        let frame =
            frames.into_iter().find(|it| it.stream() > 0 && it.label().starts_with("WINDOW_UPDATE"))?;
        let spans = lens::http2::frame(&frame.bytes).spans;
        return Some((frame.bytes, spans));
    }
    let (frames, _) = lens::frame::frames(bytes.get(Hello::SIZE..)?);
    let seen = frames.into_iter().map(|frame| (frame, lens::frame::frame(frame)));
    let is_credit = |seen: &lens::frame::Seen| seen.header.is_some_and(|header| header.kind == Kind::Credit);
    seen.into_iter().find(|(_, seen)| is_credit(seen)).map(|(frame, seen)| (frame.to_vec(), seen.spans))
}

/// Bytes of a frame, and their names.
type Credit = (Vec<u8>, Vec<lens::Span>);

/// A server that has enough after two entries.
struct Enough;

impl Kv for Enough {
    async fn load(&self, mut entries: Receiver<Entry>) -> Result<LoadReply, Status> {
        let mut count = 0;
        while count < 2 && entries.recv().await?.is_some() {
            count += 1;
        }
        Ok(LoadReply { count })
    }
}

/// A server that reads an entry when it is told to.
struct ReadsWhenTold(Arc<Semaphore>);

impl Kv for ReadsWhenTold {
    async fn get(&self, _request: GetRequest) -> Result<GetReply, Status> {
        Ok(GetReply { value: "here".to_owned() })
    }

    async fn load(&self, mut entries: Receiver<Entry>) -> Result<LoadReply, Status> {
        let mut count = 0;
        loop {
            let told = self.0.acquire().await.map_err(|_| Status::new(Code::Internal, "nobody tells"))?;
            told.forget();
            match entries.recv().await? {
                Some(_) => count += 1,
                None => return Ok(LoadReply { count }),
            }
        }
    }
}

fn entry(key: &str, value: &str) -> Entry {
    Entry { key: key.to_owned(), value: value.to_owned() }
}

/// An entry with a value of 1 KiB.
fn large() -> Entry {
    entry("k", &"x".repeat(1024))
}

fn shown<T: std::fmt::Debug>(result: &Result<T, Status>) -> String {
    match result {
        Ok(value) => format!("Ok({value:?})"),
        Err(status) => format!("Err({status})"),
    }
}

/// How many entries are read, step by step.
const READS: [usize; 5] = [0, 10, 10, 20, 40];
/// A send that takes so long is taken to be stuck.
const STUCK: Duration = Duration::from_millis(50);
/// If so many entries are accepted, nothing stops the sender.
const MOST: usize = 640;
/// What gRPC puts in front of a message: compressed or not, and its length.
const PREFIX: usize = 5;
