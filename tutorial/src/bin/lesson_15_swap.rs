//! Lesson 15: the swap: same contract, same stubs, other transport and codec.

use std::process::ExitCode;

use client::CallOptions;
use kv::message::{GetReply, GetRequest};
use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use stub::codec::Coding;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use transport::frame::{Hello, Kind};
use transport::{Address, Status};
use tutorial::lens;
use tutorial::lens::{Layer, Span, leaves, moved};
use tutorial::lesson::Lesson;
use tutorial::onlooker::Onlooker;
use tutorial::page::{BOLD, DIM, Page};
use tutorial::relay::Relay;
use tutorial::source;
use tutorial::tap::{Chunk, Way};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(15) };
    let mut page = lesson.begin(
        &[
            "The transport is an address, and the codec goes with it. What stands above the seam never learns \
             which it is: contract, stubs, dispatcher and tests stay as they are.",
            "One server serves one object over every transport at the same time.",
            "Whatever our own frames say has its place in gRPC too, under another name: call number and \
             stream id, method number and :path, END and trailers, CREDIT and WINDOW_UPDATE.",
        ],
        "A program calls put and get over our own frames. It is to speak gRPC from tomorrow on. How many lines \
         change in it? How many in the server? And which of the two ways takes fewer bytes for the same call, \
         and by how much?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In transport/src/grpc/head.rs, `content_type`, let the last arm of the match say \"application/grpc\" \
         too: now the name of the codec is not sent. Run this again. Nothing is to be seen until the \
         program speaks bincode over gRPC: the server takes these bytes for protobuf, 08 for the tag of a \
         field number 1 that is a number, and the call ends INTERNAL. Bytes do not say what they are: one field of the \
         head does. The test below fails too.",
    )
}

/// The program. Whatever `kv` is, this stays.
async fn program(kv: &impl Kv) -> Result<String, Status> {
    kv.put("greeting", "hello").await?;
    kv.get("greeting").await
}

async fn run(page: &mut Page) -> Result<(), Status> {
    page.heading("one program");
    page.say("This is all of it (tutorial/src/bin/lesson_15_swap.rs, `program`):");
    page.blank();
    page.listing(&source::item(include_str!("lesson_15_swap.rs"), "async fn program(").unwrap_or_default());
    page.blank();
    page.say("And one server. It has one object, one router, and listens in three places:");
    page.blank();
    let (left, mut news) = unbounded_channel();
    let mut server = Server::new(Router::new().with(KvServer::new(Slow { store: Store::new(), left })));
    let memory = server.listen("memory:lesson-15").await?;
    let tcp = server.listen("tcp://127.0.0.1:0").await?;
    let http = server.listen("http://127.0.0.1:0").await?;
    for address in [&memory, &tcp, &http] {
        page.code(&format!("server.listen({:?})", address.to_string()));
    }

    one_line(page, &memory, &tcp, &http).await?;
    let [ours, grpc] = all_ways(page, &tcp, &http).await?;
    the_same_call(page, &ours, &grpc);
    the_same_error(page, &tcp, &http).await?;
    credit(page, &tcp, &http).await?;
    given_up(page, &tcp, &http, &mut news).await?;

    page.heading("what stayed");
    page.say("None of these knows which transport carries a call:");
    page.blank();
    page.table(&[
        ("stub/kv/src/contract.rs", "what can be called"),
        ("stub/kv/src/client_stub.rs", "arguments to a message"),
        ("stub/kv/src/server_stub.rs", "a message to arguments"),
        ("server/src/dispatch.rs", "bytes, method, bytes"),
        ("server/src/router.rs", "which service"),
        ("tutorial/tests/contract/", "the sentences that hold for every Kv"),
        ("tutorial/tests/all_ways_to_a_kv.rs", "every way, a line each"),
    ]);
    page.blank();
    page.say(
        "What gRPC takes is below the seam: transport/src/grpc/ on the crate transport/http2, one variant of \
         Address in transport/src/address.rs; and beside the messages a codec, stub/src/codec/protobuf.rs.",
    );

    page.heading("and the questions");
    let [ours, grpc] = [ours, grpc].map(|named| named.size(Way::Out) + named.size(Way::In));
    page.say(&format!(
        "One line in the program, one in the server: the address. The call takes {ours} bytes in our frames and {grpc} \
         in gRPC, whose frames begin with nine bytes where ours have eight, and which takes five of \
         them where we take two. What one gets for that: every program that speaks gRPC can make this call.",
    ));
    Ok(())
}

async fn one_line(page: &mut Page, memory: &Address, tcp: &Address, http: &Address) -> Result<(), Status> {
    page.heading("one line changes");
    page.code("let kv = Store::new();");
    said(page, &program(&Store::new()).await?);
    for address in [memory, tcp, http] {
        let kv = KvClient::connect(&address.to_string()).await?;
        page.code(&format!("let kv = KvClient::connect({:?}).await?;", address.to_string()));
        said(page, &program(&kv).await?);
    }
    page.blank();
    page.say(
        "The object itself, the object behind a queue, behind our frames, behind gRPC. An address is read in one \
         place (transport/src/address.rs), and the codec that goes with it is chosen in one place \
         (client/src/call.rs, `codec_of`).",
    );
    page.blank();
    page.say("The three addresses lead to the same object. What was put over one is got over another:");
    page.blank();
    let [here, there] = [tcp, http].map(|address| address.to_string());
    KvClient::connect(&here).await?.put("from", "our frames").await?;
    let value = KvClient::connect(&there).await?.get("from").await?;
    page.line(format_args!("    put over tcp, got over http: {BOLD}{value:?}{BOLD:#}"));
    Ok(())
}

/// The frames of one call, there and back, with all their bytes named.
struct Named {
    transport: &'static str,
    frames: Vec<(Way, Vec<u8>, Vec<Span>)>,
}

/// Runs the program in every way there is, and counts the bytes; the frames of the two usual ways.
async fn all_ways(page: &mut Page, tcp: &Address, http: &Address) -> Result<[Named; 2], Status> {
    page.heading("three transports, three codecs");
    page.say(
        "A codec other than the one that goes with the transport is an option of the stub: \
         kv.with(CallOptions::new().codec(\"json\")). So there are nine ways. These are the bytes of \
         get(\"greeting\"), there + back, counted by a relay between client and server, without what belongs to the connection \
         (tutorial/src/relay.rs):",
    );
    page.blank();
    page.line(format_args!(
        "    {BOLD}{:9}  {:8}  {:>10}  {:>12}  {:>12}{BOLD:#}",
        "", "", "messages", "first call", "called again"
    ));
    for codec in CODECS {
        row(page, ["memory", codec, &messages(codec)?, "no bytes", "no bytes"]);
    }
    let mut usual = Vec::new();
    for (transport, address) in [("tcp", tcp), ("http", http)] {
        for codec in CODECS {
            let (first, again) = counted(address, codec, transport == "tcp").await?;
            row(page, [transport, codec, &messages(codec)?, &first.sizes(), &again.sizes()]);
            if matches!((transport, codec), ("tcp", "bincode") | ("http", "proto")) {
                usual.push(again);
            }
        }
    }
    page.blank();
    page.say(
        "In memory frames are handed over as values, and no bytes are made but those of the messages. The first call \
         over a connection names its method in full; later ones do it with a number, or with an entry of HPACK's \
         table. (The first call here is the second one of the program: put was before.)",
    );
    usual.try_into().map_err(|_| lost("two ways are the usual ones"))
}

fn row(page: &mut Page, [transport, codec, messages, first, again]: [&str; 5]) {
    page.line(format_args!("    {transport:9}  {codec:8}  {messages:>10}  {first:>12}  {again:>12}"));
}

/// The sizes of the two messages, in a codec.
fn messages(codec: &str) -> Result<String, Status> {
    let request = Coding::<GetRequest>::find(codec)?.encode(&GetRequest { key: "greeting".to_owned() })?;
    let reply = Coding::<GetReply>::find(codec)?.encode(&GetReply { value: "hello".to_owned() })?;
    Ok(format!("{} + {}", request.len(), reply.len()))
}

/// The frames of get, when it is called for the first time and when it is called again.
async fn counted(address: &Address, codec: &'static str, is_ours: bool) -> Result<(Named, Named), Status> {
    let relay = Relay::to(address).await?;
    let kv = KvClient::connect(&relay.address().to_string()).await?;
    let kv = kv.with(CallOptions::new().codec(codec));
    let mut lens = CallLens::new(is_ours);
    kv.put("greeting", "hello").await?;
    lens.name(&relay.passed());
    let mut both = Vec::new();
    for _ in 0..2 {
        kv.get("greeting").await?;
        both.push(lens.name(&relay.passed()));
    }
    let again = both.pop().ok_or_else(|| lost("no call"))?;
    let first = both.pop().ok_or_else(|| lost("no call"))?;
    Ok((first, again))
}

/// Names the bytes of what belongs to calls, on one connection from its beginning.
enum CallLens {
    /// On our frames; and whether the first bytes have come, there and back.
    Ours {
        began: [bool; 2],
    },
    Grpc(Box<Onlooker>),
}

impl CallLens {
    fn new(is_ours: bool) -> Self {
        if is_ours { Self::Ours { began: [false; 2] } } else { Self::Grpc(Box::default()) }
    }

    fn name(&mut self, chunks: &[Chunk]) -> Named {
        match self {
            Self::Grpc(onlooker) => {
                let said = onlooker.sees(chunks).into_iter().filter(|said| said.frame.stream() > 0);
                let frames = said.map(|said| (said.frame.way, said.frame.bytes, said.spans)).collect();
                Named { transport: "gRPC", frames }
            }
            Self::Ours { began } => {
                let mut frames = Vec::new();
                for (way, bytes) in chunks {
                    let had_begun = std::mem::replace(&mut began[*way as usize], true);
                    let hello = if had_begun { 0 } else { Hello::SIZE };
                    for frame in lens::frame::frames(&bytes[hello..]).0 {
                        let seen = lens::frame::frame(frame);
                        if seen.header.is_some_and(|header| header.call > 0) {
                            frames.push((*way, frame.to_vec(), seen.spans));
                        }
                    }
                }
                Named { transport: "our frames", frames }
            }
        }
    }
}

fn the_same_call(page: &mut Page, ours: &Named, grpc: &Named) {
    page.heading("the same call, byte by byte");
    page.legend(&[Layer::Header, Layer::Fields, Layer::Message]);
    for Named { transport, frames } in [ours, grpc] {
        for (way, what) in [(Way::Out, "get(\"greeting\")"), (Way::In, "Ok(\"hello\")")] {
            page.line(format_args!("    {BOLD}{transport}: {what}{BOLD:#}"));
            for (_, bytes, spans) in frames.iter().filter(|(it, ..)| *it == way) {
                page.spans(bytes, spans);
            }
            page.blank();
        }
        picture_of_the_answer(page, transport, frames);
    }
    page.say("What became of each part:");
    page.blank();
    let (ours, grpc) = (|name| ours.find(name), |name| grpc.find(name));
    became(page, "", "our frames", "gRPC");
    became(page, "the call", &format!("call {}", ours("call")), &format!("stream {}", grpc("stream")));
    became(page, "the method", &ours("method"), &grpc(":path"));
    became(page, "the codec", "said with the method, once", &grpc("content-type"));
    became(page, "a message", "behind the header", "behind five bytes, in DATA");
    became(page, "all is sent", "the flag END", "the flag END_STREAM");
    became(page, "it went well", "the flag END", &format!("trailers, {}", grpc("grpc-status")));
    page.blank();
    page.say(
        "gRPC's answer has three frames where we have one: a head, which says that there is an answer and in which \
         codec, the message, and the trailers. A status comes behind the messages, because only then it is \
         known; and it comes also when all went well, so that an answer that breaks off is never taken for one \
         that ended. (transport/src/grpc/mod.rs has this table in short)",
    );
}

/// All frames of the answer in one picture.
fn picture_of_the_answer(page: &mut Page, transport: &str, frames: &[(Way, Vec<u8>, Vec<Span>)]) {
    let (mut answer, mut named) = (Vec::new(), Vec::new());
    for (_, bytes, spans) in frames.iter().filter(|(way, ..)| *way == Way::In) {
        let start = answer.len();
        named.extend(moved(spans.clone(), start));
        answer.extend_from_slice(bytes);
    }
    let name = if transport == "gRPC" { "15-answer-grpc" } else { "15-answer-ours" };
    page.picture(name, &format!("The answer in {transport}"));
    page.drawn(|title| lens::svg(title, &answer, &named));
}

impl Named {
    fn size(&self, way: Way) -> usize {
        self.frames.iter().filter(|(it, ..)| *it == way).map(|(_, bytes, _)| bytes.len()).sum()
    }

    fn sizes(&self) -> String {
        format!("{} + {}", self.size(Way::Out), self.size(Way::In))
    }

    /// The value of the first span with this name, or that begins with it as a field does.
    fn find(&self, name: &str) -> String {
        let spans = || self.frames.iter().flat_map(|(_, _, spans)| leaves(spans));
        let by_value = || spans().find(|span| span.value.starts_with(&format!("{name}:")));
        let found = spans().find(|span| span.name == name).or_else(by_value);
        found.map(|span| span.value.clone()).unwrap_or_else(|| "?".to_owned())
    }
}

async fn the_same_error(page: &mut Page, tcp: &Address, http: &Address) -> Result<(), Status> {
    page.heading("the same error");
    page.say("get(\"nothing\"), and what the caller has in hand:");
    page.blank();
    for (address, is_ours) in [(tcp, true), (http, false)] {
        let relay = Relay::to(address).await?;
        let kv = KvClient::connect(&relay.address().to_string()).await?;
        let status = match kv.get("nothing").await {
            Ok(value) => return Err(lost(format!("there is a value: {value:?}"))),
            Err(status) => status,
        };
        let mut lens = CallLens::new(is_ours);
        let named = lens.name(&relay.passed());
        page.line(format_args!("    {}: {BOLD}{status}{BOLD:#}", named.transport));
        for (_, bytes, spans) in named.frames.iter().filter(|(way, ..)| *way == Way::In) {
            page.spans(bytes, spans);
        }
        page.blank();
    }
    page.say(
        "END has the code in its header, and the text behind it. In gRPC they are two fields. As no message went before, \
         head and trailers are one: Trailers-Only, of which more in lesson 16.",
    );
    Ok(())
}

async fn credit(page: &mut Page, tcp: &Address, http: &Address) -> Result<(), Status> {
    page.heading("the same brake");
    page.say(
        "put(\"large\", …) with 200000 letters. A sender may be so far ahead of who reads, and no \
         further; what was read is told back. The first such frame of each way:",
    );
    page.blank();
    let large = "x".repeat(200_000);
    for (address, is_ours) in [(tcp, true), (http, false)] {
        let relay = Relay::to(address).await?;
        let kv = KvClient::connect(&relay.address().to_string()).await?;
        kv.put("large", &large).await?;
        let mut lens = CallLens::new(is_ours);
        let named = lens.name(&relay.passed());
        let first = named.frames.iter().find(|(_, frame, _)| gives_credit(frame, is_ours));
        let (_, bytes, spans) = first.ok_or_else(|| lost("no credit was given"))?;
        page.line(format_args!("    {BOLD}{}{BOLD:#}", named.transport));
        page.spans(bytes, spans);
        page.blank();
    }
    page.say(
        "Ours counts a call alone; HTTP/2 counts each stream, and all streams of a connection once more. \
         (Lesson 12; transport/src/call.rs and transport/http2/src/flow.rs)",
    );
    Ok(())
}

fn gives_credit(frame: &[u8], is_ours: bool) -> bool {
    match is_ours {
        true => lens::frame::frame(frame).header.is_some_and(|header| header.kind == Kind::Credit),
        false => frame.get(3) == Some(&http2::frame::Kind::WINDOW_UPDATE.0),
    }
}

async fn given_up(
    page: &mut Page,
    tcp: &Address,
    http: &Address,
    news: &mut UnboundedReceiver<News>,
) -> Result<(), Status> {
    page.heading("the same change of mind");
    page.say("get(\"slow\") is never answered. The caller drops the call, and the handler is dropped too:");
    page.blank();
    for (address, is_ours) in [(tcp, true), (http, false)] {
        let relay = Relay::to(address).await?;
        let kv = KvClient::connect(&relay.address().to_string()).await?;
        tokio::select! {
            answer = kv.get("slow") => return Err(lost(format!("slow was answered: {answer:?}"))),
            began = news.recv() => expect(began, "began")?,
        }
        // The call is dropped here.
        let dropped = news.recv().await;
        expect(dropped, "was dropped")?;
        let mut lens = CallLens::new(is_ours);
        let named = lens.name(&relay.passed());
        let last = named.frames.iter().rfind(|(way, ..)| *way == Way::Out);
        let (_, bytes, spans) = last.ok_or_else(|| lost("nothing was said"))?;
        page.line(format_args!("    {BOLD}{}{BOLD:#}", named.transport));
        page.spans(bytes, spans);
        page.blank();
    }
    page.say("We answer CANCEL with END, so that both sides always agree which calls are open. RST_STREAM ends the stream by itself.");
    Ok(())
}

/// A store whose get("slow") never answers, and that tells when it begins and when it is dropped.
struct Slow {
    store: Store,
    left: UnboundedSender<News>,
}

/// What a handler has to tell.
type News = &'static str;

fn expect(news: Option<News>, expected: News) -> Result<(), Status> {
    let is_so = news == Some(expected);
    if is_so { Ok(()) } else { Err(lost(format!("the handler says {news:?}, not {expected:?}"))) }
}

impl Kv for Slow {
    async fn get(&self, key: &str) -> Result<String, Status> {
        if key == "slow" {
            let _guard = Guard(self.left.clone());
            let _ = self.left.send("began");
            std::future::pending::<()>().await;
        }
        self.store.get(key).await
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        self.store.put(key, value).await
    }
}

struct Guard(UnboundedSender<News>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("was dropped");
    }
}

fn said(page: &mut Page, value: &str) {
    page.line(format_args!("      {DIM}program(&kv){DIM:#} = {BOLD}{value:?}{BOLD:#}"));
}

fn became(page: &mut Page, part: &str, ours: &str, grpc: &str) {
    let style = if part.is_empty() { BOLD } else { anstyle::Style::new() };
    page.line(format_args!("    {style}{part:14}  {ours:26}  {grpc}{style:#}"));
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(transport::Code::Internal, what.to_string())
}

/// The codecs that the messages have.
const CODECS: [&str; 3] = ["bincode", "proto", "json"];
