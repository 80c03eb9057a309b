//! Lesson 16: deadlines, cancellation, metadata, status on the wire.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::CallOptions;
use http2::{ErrorCode, Fields};
use kv::message::{GET, GetReply, GetRequest};
use kv::proto::{self, WatchRequest};
use kv::{Kv, KvClient};
use server::{Router, Server, context};
use stub::Shape;
use stub::codec::{Coding, Protobuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use transport::{Address, Code, Limits, Metadata, Path, Received, RequestHead, Status, Value, open};
use tutorial::lens::leaves;
use tutorial::lesson::Lesson;
use tutorial::onlooker::{self, Onlooker, Said};
use tutorial::page::{BOLD, DIM, Page};
use tutorial::plain::{self, Answer};
use tutorial::relay::Relay;
use tutorial::slow::{News, Slow};
use tutorial::tap::Way;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(16) };
    let mut page = lesson.begin(
        &[
            "A deadline travels as the time that is left. Both sides keep it, and each call made on the way gets \
             what remains.",
            "Who gives a call up says so, and the work at the other end stops: its future is dropped.",
            "Metadata are header fields, before the messages and behind them; bytes are base64, and some names \
             are not yours.",
            "Every call ends with a status, also one that went well. It stands behind the messages, in trailers; or \
             alone, in a head that ends the stream.",
        ],
        "A call has 50 milliseconds, and its caller gets DEADLINE_EXCEEDED. Has the server done the work? Is it \
         still at it? And a server has sent half of its answers when it runs out of disk: HTTP's status 200 \
         is long gone. Where does it say so?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In server/src/deadline.rs, let `serve` begin with the line `return self.0.serve(call);`: now the server \
         does not look at the time. Run this again. Where the client keeps the deadline all goes on as before, \
         and that is most of the time. Where it does not, nobody ends the call: the lesson waits two seconds, \
         and stops. The test below fails too. A deadline is kept on both sides because each may be the \
         only one that still looks.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    let (news, mut heard) = unbounded_channel();
    let mut server = Server::new(Router::new().with(proto::KvServer::new(Slow::new(news.clone()))));
    let address = server.listen("http://127.0.0.1:0").await?;

    time_that_is_left(page, &address).await?;
    passed_on(page, &address).await?;
    two_clocks(page, &address, news, &mut heard).await?;
    what_it_means(page, &address, &mut heard).await?;
    given_up(page, &address, &mut heard).await?;
    metadata(page, &address).await?;
    where_the_status_is(page, &address).await?;
    seventeen(page, &address).await?;
    not_grpc(page).await?;

    page.heading("and the questions");
    page.say(
        "Nobody knows: DEADLINE_EXCEEDED says that no answer came in time. The work may be done, half done or not \
         begun. But it goes on no longer: the handler is dropped at its next .await. And what is only \
         known at the end stands at the end: in trailers, behind the last message that was sent.",
    );
    Ok(())
}

async fn time_that_is_left(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("a deadline is the time that is left");
    page.say(
        "A caller says when its call ends, at the latest. Two machines do not share a clock, so an instant \
         would mean nothing to the other one. What is sent is how long from now, as one field:",
    );
    page.blank();
    let mut watched = Watched::connect(address).await?;
    watched.kv.put("greeting", "hello").await?;
    watched.said();
    let mut spans = None;
    for (source, time) in [
        ("from_millis(50)", Duration::from_millis(50)),
        ("from_secs(5)", Duration::from_secs(5)),
        ("from_secs(600)", Duration::from_secs(600)),
        ("from_secs(40 * 24 * 3600)", Duration::from_secs(40 * 24 * 3600)),
    ] {
        watched.kv.with(CallOptions::new().timeout(time)).get("greeting").await?;
        let said = watched.said();
        let head = find(&said, "grpc-timeout")?;
        let value = head.value("grpc-timeout").unwrap_or_default();
        page.line(format_args!(
            "    {:38} grpc-timeout: {BOLD}{value}{BOLD:#}",
            format!("Duration::{source}")
        ));
        let named: Vec<_> = leaves(&head.spans).cloned().collect();
        let field = named.iter().position(|span| span.value.contains("grpc-timeout"));
        spans = spans.or(field.map(|at| (head.frame.bytes.clone(), named[at - 2..at + 3].to_vec())));
    }
    page.blank();
    page.say(
        "At most 8 digits and a unit: H, M, S, m, u, n for hours to nanoseconds. The finest unit is taken whose number \
         fits, rounded up, so that the server never gives up first. (transport/src/grpc/timeout.rs, `encode`) \
         What is gone since the caller asked is taken off: to the nanosecond it is never 50 milliseconds. In \
         bytes, the first of them:",
    );
    page.blank();
    if let Some((bytes, spans)) = spans {
        page.spans(&bytes, &spans);
    }
    page.blank();
    page.say("The value differs in each call, so HPACK is told not to keep it: it would push out what is worth keeping.");
    Ok(())
}

async fn passed_on(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("what is left is passed on");
    page.say(
        "A front server asks the one behind it, after 20 milliseconds of work of its own. It gives the call the \
         deadline of the call that it serves (tutorial/src/bin/lesson_16_status.rs, server/src/context.rs):",
    );
    page.blank();
    page.code("CallOptions::new().deadline(context::deadline())");
    page.blank();
    let Watched { relay, mut onlooker, kv } = Watched::connect(address).await?;
    let mut front = Server::new(Router::new().with(proto::KvServer::new(Front { back: kv })));
    let mut watched = Watched::connect(&front.listen("http://127.0.0.1:0").await?).await?;
    watched.kv.with(CallOptions::new().timeout(Duration::from_secs(2))).get("greeting").await?;
    let hops = [watched.said(), onlooker.sees(&relay.passed())];
    for (hop, said) in ["client to front", "front to back"].iter().zip(&hops) {
        let value = find(said, "grpc-timeout")?.value("grpc-timeout").unwrap_or_default();
        page.line(format_args!("    {hop:16}  grpc-timeout: {BOLD}{value}{BOLD:#}"));
    }
    page.blank();
    page.say(
        "So a deadline bounds the whole tree of calls below it. Nobody works for a caller that is gone. A timeout \
         that each server chooses for itself would not do that: five of them, 2 seconds each, wait for 10.",
    );
    Ok(())
}

async fn two_clocks(
    page: &mut Page,
    address: &Address,
    news: UnboundedSender<News>,
    heard: &mut UnboundedReceiver<News>,
) -> Result<(), Status> {
    page.heading("both sides look at the clock");
    page.say(
        "get(\"slow\") never ends by itself, and has 50 milliseconds. The first time the server knows nothing of \
         deadlines. The client ends the call by itself, and tells:",
    );
    page.blank();
    let careless = careless(news).await?;
    let mut watched = Watched::connect(&careless).await?;
    let kv = watched.kv.with(CallOptions::new().timeout(SOON));
    let status = failed(within(kv.get("slow")).await?)?;
    next(heard, News::Began).await?;
    next(heard, News::Dropped).await?;
    show(page, &watched.said());
    caller_has(page, &status);
    page.line(format_args!("    {BOLD}the handler was dropped{BOLD:#}"));
    page.blank();
    page.say(
        "The second time it is the client that does not look: it writes the field, and then waits for as long as it takes. \
         The server ends the call (server/src/deadline.rs, `serve`):",
    );
    page.blank();
    let relay = Relay::to(address).await?;
    let connection = relay.address().connect(&Limits::default()).await?;
    let mut head = RequestHead::new(Path::from_static("/kv.Kv/Get"), "proto");
    head.deadline = Some(Instant::now() + SOON);
    let message = Coding::of::<Protobuf>().encode(&GetRequest { key: "slow".to_owned() })?;
    let mut call = open(&connection, head, Some(message), true).await?;
    let Received::End(status) = within(call.receive.receive()).await? else {
        return Err(lost("a slow call was answered"));
    };
    next(heard, News::Began).await?;
    next(heard, News::Dropped).await?;
    show(page, &Onlooker::new().sees(&relay.passed()));
    caller_has(page, &status);
    page.line(format_args!("    {BOLD}the handler was dropped{BOLD:#}"));
    page.blank();
    page.say("With both, which is the rule, it is whichever comes first, and neither needs the other.");
    Ok(())
}

async fn what_it_means(
    page: &mut Page,
    address: &Address,
    heard: &mut UnboundedReceiver<News>,
) -> Result<(), Status> {
    page.heading("the trap: what a timeout means");
    page.say("increment(\"slow\", 1) adds 1 at once, and takes its time to answer. It has 50 milliseconds:");
    page.blank();
    let kv = KvClient::connect(&address.to_string()).await?;
    let status = failed(within(kv.with(CallOptions::new().timeout(SOON)).increment("slow", 1)).await?)?;
    caller_has(page, &status);
    next(heard, News::Began).await?;
    next(heard, News::Dropped).await?;
    let number = kv.increment("slow", 0).await?;
    page.line(format_args!("    and the counter is: {BOLD}{number}{BOLD:#}"));
    page.blank();
    page.say(
        "It failed, and it was done. A client that calls again now counts twice. A deadline ends the waiting; \
         whether the work was done is another question. (Lesson 8)",
    );
    Ok(())
}

async fn given_up(
    page: &mut Page,
    address: &Address,
    heard: &mut UnboundedReceiver<News>,
) -> Result<(), Status> {
    page.heading("a call that is dropped");
    page.say(
        "In Rust a future that nobody wants is dropped: because select! had another result, because a browser \
         went away, because of a panic. A call is such a future, and so is its handler at the other end:",
    );
    page.blank();
    let mut watched = Watched::connect(address).await?;
    let call = watched.kv.get("slow");
    tokio::select! {
        answer = call => return Err(lost(format!("slow was answered: {answer:?}"))),
        began = next(heard, News::Began) => began?,
    }
    // The call is dropped here.
    next(heard, News::Dropped).await?;
    let said = watched.said();
    show(page, &said);
    page.line(format_args!("    {BOLD}the handler was dropped{BOLD:#}"));
    page.blank();
    let last = said.last().ok_or_else(|| lost("nothing was said"))?;
    page.picture("16-cancel", "The caller has lost interest");
    page.spans(&last.frame.bytes, &last.spans);
    page.blank();
    page.say(
        "Thirteen bytes, and the work stops: where the handler waits for something, there it ends, and what it \
         held is dropped with it. That is how the guard in this lesson's handler knew. What does not stop: a handler that computes \
         without .await, a task that it has spawned, and what it has done already. (transport/src/host.rs)",
    );
    Ok(())
}

async fn metadata(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("metadata");
    page.say(
        "What is about the call and not in the message: who asks, which trace this is part of, for which customer. \
         With the request, with the head of the answer, and with its status:",
    );
    page.blank();
    let mut metadata = Metadata::new();
    metadata.append("tenant", "blue")?;
    metadata.append("trace-bin", vec![0x00, 0xff, 0x10])?;
    let relay = Relay::to(address).await?;
    let caller = client::Caller::connect(&relay.address().to_string()).await?;
    let caller = caller.with(CallOptions::new().metadata(metadata));
    let request = GetRequest { key: "echo".to_owned() };
    let (_, mut reply) = caller.open(&GET, Shape::Unary, Some(&request)).await?;
    let head = reply.head().await.clone();
    let GetReply { value } = reply.single().await?;
    let trailers = reply.trailers().cloned().unwrap_or_default();
    onlooker::draw(page, &Onlooker::new().sees(&relay.passed()), |name| !ALWAYS.contains(&name));
    page.blank();
    for (what, metadata) in [("head", &head), ("trailers", &trailers)] {
        for (name, value) in metadata.iter() {
            let value = match value {
                Value::Text(text) => format!("{:?}", &**text),
                Value::Binary(bytes) => format!("{:?}", &bytes[..]),
            };
            page.line(format_args!("    {what:9} {name} = {BOLD}{value}{BOLD:#}"));
        }
    }
    page.line(format_args!("    {:9} {BOLD}{value:?}{BOLD:#}", "message"));
    page.blank();
    page.say(
        "A field of HTTP is text. Bytes go under a name that ends in -bin, and are base64 on the wire and nowhere \
         else: handler and caller have the bytes. (transport/src/grpc/fields.rs) What a name or a value cannot be is said before \
         anything is sent:",
    );
    page.blank();
    let refused = [
        ("grpc-timeout", "5S"),
        ("te", "trailers"),
        ("Tenant", "blue"),
        ("tenant", "grün"),
        ("trace-bin", "text"),
    ];
    for (name, value) in refused {
        match Metadata::new().append(name, value) {
            Ok(()) => return Err(lost(format!("{name} is no metadata, and was accepted"))),
            Err(error) => {
                page.line(format_args!("    {BOLD}{name}: {value}{BOLD:#}"));
                page.point("  →", &error.to_string());
            }
        }
    }
    page.blank();
    page.say(
        "And a trap: request trailers do not exist. A client says what it has to say in the head of its request; behind its \
         messages there is END_STREAM and nothing. Only the server knows something new at the end.",
    );
    Ok(())
}

async fn where_the_status_is(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("where the status is");
    let mut watched = Watched::connect(address).await?;
    watched.kv.put("greeting", "hello").await?;
    watched.said();
    page.say("A call that goes well, get(\"greeting\"): head, message, trailers. OK is said, too: an answer without it broke off.");
    page.blank();
    watched.kv.get("greeting").await?;
    answered(page, &watched.said());
    page.blank();
    page.say("An error before any message, get(\"nothing\"): Trailers-Only. One HEADERS frame is head and trailers, and ends the stream.");
    page.blank();
    failed(watched.kv.get("nothing").await)?;
    answered(page, &watched.said());
    page.blank();
    page.say(
        "An error behind a message: a watcher that is told of one change, and then of a disk that is full.",
    );
    page.blank();
    let relay = Relay::to(address).await?;
    let kv = proto::KvClient::connect(&relay.address().to_string()).await?;
    let mut changes = kv.watch(&WatchRequest { key: "greeting".to_owned() }).await?;
    let change = changes.recv().await?;
    let status = failed(changes.recv().await)?;
    let said = Onlooker::new().sees(&relay.passed());
    answered(page, &said);
    page.blank();
    page.line(format_args!(
        "    first:  {BOLD}{:?}{BOLD:#}",
        change.and_then(|change| change.value).unwrap_or_default()
    ));
    page.line(format_args!("    then:   {BOLD}{status}{BOLD:#}"));
    let details = status.details().map(|details| details.to_vec()).unwrap_or_default();
    page.line(format_args!(
        "    and:    {BOLD}{}{BOLD:#} {DIM}in grpc-status-details-bin{DIM:#}",
        tutorial::page::hex(&details)
    ));
    page.blank();
    page.say(
        ":status is 200 each time: HTTP has done its part. The trap is Trailers-Only: a program that looks for the status \
         in trailers alone finds none, and one that takes 200 for success finds one. grpc-message is text for people; what is \
         not printable ASCII is percent-encoded, byte by byte. (transport/src/grpc/status.rs, `encode_message`) \
         For programs there may be details: a google.rpc.Status in protobuf, here the code and a text, \
         as bytes under a name of gRPC's own.",
    );
    Ok(())
}

async fn seventeen(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("all there are");
    page.say(
        "Seventeen calls, each answered with another code: what was in grpc-status, and what the caller has.",
    );
    page.blank();
    let mut watched = Watched::connect(address).await?;
    let mut cells = Vec::new();
    for sent in Code::ALL {
        let code = match watched.kv.get(&format!("status {}", sent.number())).await {
            Ok(_) => Code::Ok,
            Err(status) => status.code(),
        };
        let said = watched.said();
        let number = find(&said, "grpc-status")?.value("grpc-status").unwrap_or_default();
        cells.push(format!("{number:>2} {code}"));
    }
    let rows = cells.len().div_ceil(3);
    for row in 0..rows {
        let cell = |column: usize| cells.get(column * rows + row).map(String::as_str).unwrap_or_default();
        let line = format!("    {:22}{:24}{}", cell(0), cell(1), cell(2));
        page.line(format_args!("{}", line.trim_end()));
    }
    page.blank();
    page.say("There are no others: a number that is none of these means UNKNOWN. (transport/src/status.rs)");
    Ok(())
}

async fn not_grpc(page: &mut Page) -> Result<(), Status> {
    page.heading("when it is not gRPC that answers");
    page.say(
        "Between client and server there may be a proxy that speaks HTTP and no gRPC, and answers by itself. Then there is no \
         grpc-status, and something has to be made of what there is. Each of these was just asked for a value:",
    );
    page.blank();
    let head = |content_type| Fields::new([(":status", "200"), ("content-type", content_type)]);
    let grpc = || head("application/grpc");
    let mut answers: Vec<_> = ["400", "401", "403", "404", "429", "431", "500", "502", "503", "504"]
        .into_iter()
        .map(|status| (format!("HTTP {status} and a page"), Answer::page(status)))
        .collect();
    let hello = bytes::Bytes::from_static(b"\0\0\0\0\x07\x0a\x05hello");
    let response = |head, data, trailers| Answer::Response { head, data, trailers };
    answers.extend([
        ("HTTP 200 and a page".to_owned(), Answer::page("200")),
        ("a message, and no trailers".to_owned(), response(grpc(), hello.clone(), None)),
        (
            "a message, trailers without status".to_owned(),
            response(grpc(), hello, Some(Fields::new([("took", "7 ms")]))),
        ),
    ]);
    for code in [
        ErrorCode::REFUSED_STREAM,
        ErrorCode::CANCEL,
        ErrorCode::ENHANCE_YOUR_CALM,
        ErrorCode::INTERNAL_ERROR,
    ] {
        answers.push((format!("RST_STREAM, {code}"), Answer::Reset(code)));
    }
    for (what, answer) in answers {
        let status = failed(within(plain::kv_that_gets(answer).await?.get("greeting")).await?)?;
        page.line(format_args!("    {what:36}{BOLD}{}{BOLD:#}", status.code()));
    }
    page.blank();
    page.say(
        "A message that came whole is no success without a status: nobody knows whether more was to follow. \
         (transport/src/grpc/status.rs, `of_http` and `of_reset`)",
    );
    Ok(())
}

/// A client of a server over HTTP, and what passes between them.
struct Watched {
    relay: Relay,
    onlooker: Onlooker,
    kv: KvClient,
}

impl Watched {
    async fn connect(address: &Address) -> Result<Self, Status> {
        let relay = Relay::to(address).await?;
        let kv = KvClient::connect(&relay.address().to_string()).await?;
        Ok(Self { relay, onlooker: Onlooker::new(), kv })
    }

    /// What was said since this was asked last.
    fn said(&mut self) -> Vec<Said> {
        self.onlooker.sees(&self.relay.passed())
    }
}

/// A server that listens, and knows nothing of deadlines.
async fn careless(news: UnboundedSender<News>) -> Result<Address, Status> {
    let address: Address = "http://127.0.0.1:0".parse()?;
    let mut listener = address.listen(&Limits::default()).await?;
    let address = listener.address().map_err(lost)?;
    let router = Arc::new(Router::new().with(proto::KvServer::new(Slow::new(news))));
    tokio::spawn(async move {
        listener.accept().await?.serve(router, std::future::pending()).await.map_err(std::io::Error::other)
    });
    Ok(address)
}

/// Asks the one behind it, after some work.
struct Front {
    back: KvClient,
}

impl proto::Kv for Front {
    async fn get(&self, request: GetRequest) -> Result<GetReply, Status> {
        sleep(WORK).await;
        let options = CallOptions::new().deadline(context::deadline());
        let value = self.back.with(options).get(&request.key).await?;
        Ok(GetReply { value })
    }
}

/// Draws what was said of calls, with what is of interest in a request and in a status.
fn show(page: &mut Page, said: &[Said]) {
    onlooker::draw(page, said, |name| name.starts_with("grpc-"));
}

/// Draws the answer alone.
fn answered(page: &mut Page, said: &[Said]) {
    let back = said.iter().filter(|said| said.frame.way == Way::In);
    onlooker::draw(page, back, |name| name == ":status" || name.starts_with("grpc-"));
}

fn caller_has(page: &mut Page, status: &Status) {
    page.point("  the caller has:", &status.to_string());
}

/// The frame that has a field.
fn find<'a>(said: &'a [Said], name: &str) -> Result<&'a Said, Status> {
    said.iter().find(|said| said.value(name).is_some()).ok_or_else(|| lost(format!("no {name} was sent")))
}

fn failed<T: std::fmt::Debug>(result: Result<T, Status>) -> Result<Status, Status> {
    match result {
        Ok(answer) => Err(lost(format!("it should have failed, and is {answer:?}"))),
        Err(status) => Ok(status),
    }
}

async fn next(heard: &mut UnboundedReceiver<News>, expected: News) -> Result<(), Status> {
    match within(heard.recv()).await? {
        Some(news) if news == expected => Ok(()),
        other => Err(lost(format!("the handler says {other:?}, not {expected:?}"))),
    }
}

/// What should come soon, or why the lesson stops.
async fn within<T>(what: impl Future<Output = T>) -> Result<T, Status> {
    let late =
        |_| Status::new(Code::DeadlineExceeded, "two seconds have passed, and nobody has ended the call");
    timeout(Duration::from_secs(2), what).await.map_err(late)
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}

/// The fields that every call has.
const ALWAYS: [&str; 6] = [":method", ":scheme", ":authority", "te", "content-type", ":status"];
const SOON: Duration = Duration::from_millis(50);
const WORK: Duration = Duration::from_millis(20);
