//! Lesson 18: browsers cannot read trailers: gRPC-Web.

use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kv::proto;
use kv::{Kv, KvClient, Store};
use server::{Router, Server};
use tokio::sync::mpsc::unbounded_channel;
use transport::web::Web;
use transport::{Address, Code, Status};
use tutorial::by_hand::protobuf::Writer;
use tutorial::by_hand::web::{self, Answer};
use tutorial::lens::schema::Schema;
use tutorial::lens::{self, Layer, Span, http1, outline};
use tutorial::lesson::Lesson;
use tutorial::onlooker::{self, Onlooker};
use tutorial::page::{BOLD, DIM, Page};
use tutorial::relay::Relay;
use tutorial::slow::Slow;
use tutorial::tap::{Chunk, Way};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(18) };
    let mut page = lesson.begin(
        &[
            "A page gets the head of an answer and its body, and no trailers; and it sends a request whole. gRPC-Web is \
             gRPC that gets along with that.",
            "Messages are as ever, behind five bytes. Behind the last of them stands one more frame, with the flag 0x80: \
             the trailers, as lines of text.",
            "It is a POST of any HTTP, 1.1 too. As text, each piece is base64 for itself, with its own padding.",
            "Before a page of another origin may call, its browser asks the server. Who is no browser asks nobody.",
        ],
        "A server has sent half of a thousand messages, and cannot go on. A page is given the head of the answer and then the \
         bytes of its body, and nothing behind them. Where can the server say what happened? And a page of \
         https://evil.example calls your server: who is it that stops it?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In transport/src/grpc/web/trailers.rs, change `FLAG` from 0x80 to 0. Run this again. Every byte of the trailers \
         arrives, behind five bytes as before, and to who reads them they are one more message: the lesson finds no status, \
         and stops. The test below fails too. One bit tells how a call ended from what it said.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    let store = Store::new();
    let mut server =
        Server::new(Router::new().with(proto::KvServer::new(store))).web(Web::new().allow_origin(APP)?);
    let address = server.listen("http://127.0.0.1:0").await?;
    let kv = KvClient::connect(&address.to_string()).await?;
    kv.put("greeting", "hello").await?;
    let schema = Schema::kv().map_err(lost)?;

    what_a_page_misses(page, &address).await?;
    by_hand(page, &address, &schema).await?;
    errors(page, &address, &schema).await?;
    changes(page, &address, &kv, &schema).await?;
    text(page, &address, &kv, &schema).await?;
    one_message(page, &address).await?;
    origins(page, &address).await?;
    as_a_transport(page, &address).await?;

    page.heading("and the questions");
    page.say(
        "At the end of the body, as a frame that is no message: there is no other place behind the last message that a page can \
         read. And it is the browser that stops a page, by what the server answers. It protects the people who use it. A program \
         that is no browser says of itself what it likes, or nothing, and is stopped by no CORS: a server needs checks of its own \
         all the same.",
    );
    Ok(())
}

async fn what_a_page_misses(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("what a page misses");
    page.say("get(\"greeting\") in gRPC, from a client that sees frames. This is its answer:");
    page.blank();
    let relay = Relay::to(address).await?;
    KvClient::connect(&relay.address().to_string()).await?.get("greeting").await?;
    let said = Onlooker::new().sees(&relay.passed());
    let back = said.iter().filter(|said| said.frame.way == Way::In);
    onlooker::draw(page, back, |name| matches!(name, ":status" | "content-type" | "grpc-status"));
    page.blank();
    page.say(
        "A page calls fetch, and is given a Response: status, headers, and a body to read. The last HEADERS are trailers; the \
         browser reads them, and has no way to hand them over. So a page sees an answer that goes well and one that breaks off as the \
         same thing. Nor can it choose HTTP/2, or go on sending while it reads.",
    );
    Ok(())
}

async fn by_hand(page: &mut Page, address: &Address, schema: &Schema) -> Result<(), Status> {
    page.heading("the same call in gRPC-Web, by hand");
    page.say(
        "What fetch writes for a page, over a plain socket and in HTTP/1.1 (tutorial/src/by_hand/web.rs). The message and its five \
         bytes are those of lesson 14:",
    );
    page.blank();
    let request = web::call(GET, PROTO, &get("greeting"));
    page.legend(&[Layer::Fields, Layer::Prefix, Layer::Message, Layer::Status]);
    page.spans(&request, &named(&request, schema, "kv.GetRequest"));
    page.blank();
    page.say("And the answer, at the same port that answers gRPC (transport/src/grpc/web/):");
    page.blank();
    let mut answer = ask(address, &request).await?;
    let body = answer.rest().await.map_err(lost)?;
    let spans = named(answer.bytes(), schema, "kv.GetReply");
    page.spans(answer.bytes(), &spans);
    ended_with(&body, Code::Ok)?;
    page.blank();
    page.say(
        "Head, message, trailers, in the same order; but the trailers are bytes of the body now. Their frame has five bytes in front \
         like any message, and its first bit is set: a message has 0 or 1 there.",
    );
    page.blank();
    let trailers = find(&spans, "trailers frame").ok_or_else(|| lost("there are no trailers in the body"))?;
    page.picture("18-trailers", "Trailers at the end of a body");
    page.spans(answer.bytes(), std::slice::from_ref(trailers));
    Ok(())
}

async fn errors(page: &mut Page, address: &Address, schema: &Schema) -> Result<(), Status> {
    page.heading("when it goes wrong");
    page.say("An error before any message, get(\"nothing\"): what is Trailers-Only in gRPC has no body here. Only the head is left:");
    page.blank();
    let answer = ask(address, &web::call(GET, PROTO, &get("nothing"))).await?;
    lines(page, answer.head(), |_| true);
    page.blank();
    page.say(
        "An error behind a message, from a watcher whose server runs out of disk. HTTP has said 200 long ago, and the body has begun:",
    );
    page.blank();
    let mut slow = Server::new(Router::new().with(proto::KvServer::new(Slow::new(unbounded_channel().0))))
        .web(Web::new());
    let address = slow.listen("http://127.0.0.1:0").await?;
    let mut answer = ask(&address, &web::call(WATCH, PROTO, &get("greeting"))).await?;
    let body = answer.rest().await.map_err(lost)?;
    page.picture("18-error", "A message, and an error behind it");
    page.spans(&body, &lens::web::body(PROTO, &body, schema.message("kv.Change")));
    ended_with(&body, Code::ResourceExhausted)
}

async fn changes(page: &mut Page, address: &Address, kv: &KvClient, schema: &Schema) -> Result<(), Status> {
    page.heading("a stream of changes");
    page.say(
        "One request and many answers fit well: watch(\"greeting\"). How long the body will be nobody knows, so HTTP/1.1 sends it in chunks, \
         each with its length in front. A page reads them as they come. Between them somebody puts a value:",
    );
    page.blank();
    let mut answer = ask(address, &web::call(WATCH, PROTO, &get("greeting"))).await?;
    lines(page, answer.head(), |line| line.starts_with("HTTP") || line.starts_with("transfer-encoding"));
    for value in ["hello", "good morning", "bye"] {
        if value != "hello" {
            page.line(format_args!("    {DIM}put(\"greeting\", {value:?}){DIM:#}"));
            kv.put("greeting", value).await?;
        }
        let piece = answer.piece().await.map_err(lost)?.unwrap_or_default();
        let spans = lens::web::body(PROTO, &piece, schema.message("kv.Change"));
        let value = lens::leaves(&spans).filter(|leaf| leaf.name == "value").map(|leaf| leaf.value.as_str());
        let value: Vec<_> = value.collect();
        page.line(format_args!("    chunk of {:2} bytes: {BOLD}{}{BOLD:#}", piece.len(), value.join(", ")));
    }
    drop(answer);
    page.blank();
    page.say(
        "Then the page is closed, and with it the connection. That is all the cancelling there is in HTTP/1.1: the server notices, \
         and drops the handler. (In HTTP/2 a browser sends RST_STREAM, as in lesson 16.)",
    );
    Ok(())
}

async fn text(page: &mut Page, address: &Address, kv: &KvClient, schema: &Schema) -> Result<(), Status> {
    page.heading("as text");
    page.say(
        "XMLHttpRequest, with which pages read an answer while it came before there was fetch, knows only text. For it there is \
         application/grpc-web-text: the same bytes in base64. The request is encoded whole; of the answer each piece is, when it \
         leaves. The same watcher:",
    );
    page.blank();
    kv.put("greeting", "hello").await?;
    let letters = STANDARD.encode(web::prefixed(&get("greeting")));
    let request = web::request("POST", WATCH, &[("content-type", TEXT)], letters.as_bytes());
    let mut answer = ask(address, &request).await?;
    let mut all = answer.piece().await.map_err(lost)?.unwrap_or_default();
    kv.put("greeting", "bye").await?;
    all.extend(answer.piece().await.map_err(lost)?.unwrap_or_default());
    let (spans, bytes) = lens::web::text(&all);
    page.line(format_args!("    {BOLD}{}{BOLD:#}", String::from_utf8_lossy(&all)));
    page.blank();
    let padded = lens::leaves(&spans).find(|leaf| all[leaf.range.clone()].ends_with(b"="));
    let padded = padded.ok_or_else(|| lost("no piece is padded"))?;
    page.say(&format!(
        "In the midst stands {:?}: there the first piece ends. base64 writes three bytes as four letters, and what is left over is \
         padded. Who takes all for one text fails there:",
        String::from_utf8_lossy(&all[padded.range.clone()]),
    ));
    page.blank();
    match STANDARD.decode(&all) {
        Ok(_) => return Err(lost("the pieces are one text")),
        Err(error) => page.point("→", &error.to_string()),
    }
    page.blank();
    page.say("Four letters at a time they can be read, wherever a piece ends (transport/src/grpc/web/text.rs, `decode`):");
    page.blank();
    page.picture("18-text", "What the letters say");
    page.spans(&bytes, &lens::web::body(PROTO, &bytes, schema.message("kv.Change")));
    Ok(())
}

async fn one_message(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("what does not fit");
    page.say(
        "A page has to have its request together before anything of it leaves. A method to which a client sends many messages, and \
         reads answers between them, cannot be called so. It is refused, at either end:",
    );
    page.blank();
    let two = [web::prefixed(&get("a")), web::prefixed(&get("b"))].concat();
    let answer = ask(address, &web::request("POST", "/kv.Kv/Load", &[("content-type", PROTO)], &two)).await?;
    page.line(format_args!("    {BOLD}load, with two messages in one request{BOLD:#}"));
    let said = (answer.field("grpc-status"), answer.field("grpc-message"));
    page.point("  →", &format!("grpc-status {}: {}", said.0.unwrap_or("none"), said.1.unwrap_or_default()));
    let kv = proto::KvClient::connect(&format!("web+{address}")).await?;
    let status = kv.load().await.err().ok_or_else(|| lost("a stream of requests was taken"))?;
    page.line(format_args!("    {BOLD}load, from a client of this project{BOLD:#}"));
    page.point("  →", &status.to_string());
    Ok(())
}

async fn origins(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("pages of another origin");
    page.say(
        "An origin is scheme, host and port. Where a page of one wants something of another, the browser asks first, with a preflight: an \
         OPTIONS that says who, and what. This server was told to allow https://app.example:",
    );
    page.blank();
    for origin in [APP, "https://evil.example"] {
        let fields = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,x-grpc-web"),
        ];
        let request = web::request("OPTIONS", GET, &fields, b"");
        lines(page, &String::from_utf8_lossy(&request), |_| true);
        page.blank();
        let mut answer = ask(address, &request).await?;
        let body = answer.rest().await.map_err(lost)?;
        lines(page, answer.head(), |line| line.starts_with("HTTP") || line.starts_with("access-control"));
        lines(page, &String::from_utf8_lossy(&body), |_| true);
        page.blank();
    }
    page.say("The second page is never given a chance to ask. The first one calls now; its browser says where it comes from:");
    page.blank();
    let fields = [("content-type", PROTO), ("origin", APP)];
    let request = web::request("POST", GET, &fields, &web::prefixed(&get("greeting")));
    let answer = ask(address, &request).await?;
    lines(page, answer.head(), |line| line.starts_with("HTTP") || line.starts_with("access-control"));
    page.blank();
    page.say(
        "Of the headers a page may read those that are named. Without access-control-expose-headers a script does not see grpc-status in an \
         answer that is a status alone, though it has come: the call looks as if nobody had answered. \
         (transport/src/grpc/web/cors.rs, `expose`)",
    );
    Ok(())
}

async fn as_a_transport(page: &mut Page, address: &Address) -> Result<(), Status> {
    page.heading("one more transport");
    page.say("To a client of this project gRPC-Web is an address. The stubs are the same. What the second get(\"greeting\") of a connection costs:");
    page.blank();
    let mut sizes = Vec::new();
    for scheme in ["", "web+"] {
        let relay = Relay::to(&format!("{scheme}{address}").parse()?).await?;
        let kv = KvClient::connect(&relay.address().to_string()).await?;
        kv.get("greeting").await?;
        relay.passed();
        kv.get("greeting").await?;
        sizes.push((format!("{scheme}http://"), size(&relay.passed())));
    }
    for (scheme, size) in sizes {
        page.line(format_args!("    {scheme:12}{BOLD}{size:>5} bytes{BOLD:#}"));
    }
    page.blank();
    page.say(
        "HTTP/1.1 has no table, so all names and values are sent each time, in letters. And one request at a time: a connection that \
         carries a stream of answers carries nothing else.",
    );
    Ok(())
}

/// Sends a request by hand, over a connection of its own.
async fn ask(address: &Address, request: &[u8]) -> Result<Answer, Status> {
    let Address::Http { host, port } = address else { return Err(lost(format!("{address} is not http://"))) };
    Answer::to(&format!("{host}:{port}"), request).await.map_err(lost)
}

/// The message of get, and of watch: a key.
fn get(key: &str) -> Vec<u8> {
    Writer::new().text(1, key).finish()
}

/// Names the bytes of a request or an answer, down to the fields of its message.
fn named(bytes: &[u8], schema: &Schema, message: &str) -> Vec<Span> {
    http1::messages(bytes, |head, body| lens::web::body(head.content_type(), body, schema.message(message)))
}

fn ended_with(body: &[u8], code: Code) -> Result<(), Status> {
    match web::status(body) {
        Some(number) if number == code.number() => Ok(()),
        Some(number) => Err(lost(format!("the status is {number}"))),
        None => Err(lost("the body ends without a status: no frame in it has the flag 0x80")),
    }
}

/// The lines of a head that are wanted; a long one goes on in the next.
fn lines(page: &mut Page, head: &str, wanted: impl Fn(&str) -> bool) {
    for line in head.lines().filter(|line| !line.is_empty() && wanted(line)) {
        page.listing(line);
    }
}

/// The span with parts that has this name.
fn find<'a>(spans: &'a [Span], name: &str) -> Option<&'a Span> {
    outline(spans).map(|row| row.span).find(|span| span.name == name && !span.parts.is_empty())
}

fn size(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|(_, bytes)| bytes.len()).sum()
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}

const GET: &str = "/kv.Kv/Get";
const WATCH: &str = "/kv.Kv/Watch";
const PROTO: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text+proto";
const APP: &str = "https://app.example";
