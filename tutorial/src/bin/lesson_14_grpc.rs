//! Lesson 14: gRPC = path + 5 bytes + trailers.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Arg, value_parser};
use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use tokio::task::spawn_blocking;
use transport::{Address, Code, Status};
use tutorial::by_hand::grpc::{self, Connection, Passed};
use tutorial::by_hand::protobuf::{self, Value, Writer};
use tutorial::exercise::grpc::mistaken;
use tutorial::lens::schema::Schema;
use tutorial::lens::{self, Layer};
use tutorial::lesson::Lesson;
use tutorial::onlooker::{self, Onlooker, Said};
use tutorial::page::{BOLD, DIM, Page, count};
use tutorial::tap::Way;
use tutorial::tonic_kv::TonicKv;

#[tokio::main]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(14) };
    let to = Arg::new("to")
        .long("to")
        .value_name("HOST:PORT")
        .help("Send the same bytes to this server too: a kv.Kv in any language, without TLS")
        .value_parser(value_parser!(String));
    let (mut page, given) = lesson.begin_with(
        [to],
        &[
            "A call of gRPC is a POST on a stream of HTTP/2: the path names the method, five bytes stand in front of \
             each message, and the status comes in trailers.",
            "There is no more to it: bytes that are put together by hand are answered by any server of gRPC.",
            "A server that was written by others takes our bytes, and our server theirs, because both keep to the \
             same three documents.",
        ],
        "increment(\"hits\", 3) is 8 bytes of protobuf. How many bytes does a client write to a fresh socket \
         until a server has the whole call? And what does a server of gRPC say when these 8 bytes are announced with \
         the lowest byte of the length in front, as x86 has it?",
    );
    let given = run(&mut page, given.get_one::<String>("to").cloned()).await;
    lesson.end(
        page,
        given,
        "In tutorial/src/by_hand/grpc.rs, `call`, change `END_STREAM` to `0`. Run this again. Every \
         byte arrives and is right, and there is no answer: the server waits for the message that may still come, \
         and after five seconds the lesson stops. Who has asked must say that this was all. The test below fails too.",
    )
}

async fn run(page: &mut Page, to: Option<String>) -> Result<(), Status> {
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    let ours = socket(&server.listen("http://127.0.0.1:0").await?)?;
    let message = message();

    bytes(page, ours, &message)?;
    let asked = increment(ours, &message).await?;
    answer(page, &asked)?;

    page.heading("a server that is not ours");
    page.say(
        "That our server understands our bytes proves little. tonic is the gRPC of most Rust programs, on an HTTP/2 of \
         its own; interop/examples/tonic_kv.rs is a Kv made of it that shares nothing with this project but the .proto file.",
    );
    page.blank();
    page.line(format_args!("    {DIM}building it; the first time that takes a minute or more …{DIM:#}"));
    let tonic = spawn_blocking(TonicKv::build).await.map_err(lost)?;
    let serving = match &tonic {
        Ok(tonic) => Some(tonic.serve().map_err(lost)?),
        Err(why) => {
            page.blank();
            page.point("→", &format!("It cannot be had here, so this lesson goes on without it: {why}"));
            None
        }
    };
    let theirs = serving.as_ref().map(|serving| serving.address());
    if let Some(theirs) = theirs {
        page.blank();
        page.say("The same bytes, to tonic:");
        page.blank();
        let asked = increment(theirs, &message).await?;
        onlooker::draw(page, &asked, |name| {
            matches!(name, ":path" | ":status" | "content-type" | "grpc-status")
        });
        page.line(format_args!("    the counter is {BOLD}{}{BOLD:#}", counter(&asked)?));
    }
    if let Some(to) = to {
        page.blank();
        page.say(&format!("The same bytes, to {to}:"));
        page.blank();
        let server = tokio::net::lookup_host(&to).await.map_err(|error| unavailable(&to, error))?.next();
        let server = server.ok_or_else(|| unavailable(&to, "there is no such host"))?;
        let asked = increment(server, &message).await?;
        onlooker::draw(page, &asked, |name| {
            matches!(name, ":path" | ":status" | "content-type" | "grpc-status" | "grpc-message")
        });
        page.line(format_args!("    {BOLD}{}{BOLD:#}", onlooker::verdict(&asked)));
    }

    who_calls_whom(page, ours, theirs, tonic.as_ref().ok()).await?;
    wrong(page, ours, theirs, &message).await?;

    page.heading("and the questions");
    let before_any_answer = asked.iter().take_while(|said| said.frame.way == Way::Out);
    let size: usize = before_any_answer.map(|said| said.frame.bytes.len()).sum();
    page.say(&format!(
        "{size} bytes, most of them letters of fields, of which HPACK would make few. And a length of 8 with its \
         lowest byte first is 134217728 to who reads it as it is meant. So large a message is refused before any of \
         it has come, and nobody looks at the 8 bytes.",
    ));
    Ok(())
}

/// The message of increment("hits", 3).
fn message() -> Vec<u8> {
    Writer::new().text(1, "hits").varint(2, 3).finish()
}

const NOT_HERE: &str = "not here";
const PATH: &str = "/kv.Kv/Increment";

/// Opens a connection by hand, and makes the call: all that passed.
async fn increment(server: SocketAddr, message: &[u8]) -> Result<Vec<Said>, Status> {
    let authority = server.to_string();
    exchange(server, grpc::call(1, &grpc::fields(PATH, &authority), message)).await
}

/// Writes frames to a fresh connection, and reads until stream 1 is answered.
async fn exchange(server: SocketAddr, frames: Vec<u8>) -> Result<Vec<Said>, Status> {
    let passed = spawn_blocking(move || -> std::io::Result<Passed> {
        let (mut connection, mut passed) = Connection::open(server)?;
        passed.extend(connection.send(1, &frames)?);
        Ok(passed)
    });
    let passed = passed.await.map_err(lost)?.map_err(|error| unavailable(&server.to_string(), error))?;
    Ok(Onlooker::new().sees(&passed))
}

fn bytes(page: &mut Page, server: SocketAddr, message: &[u8]) -> Result<(), Status> {
    page.heading("the bytes, by hand");
    page.say(
        "No library and no crate of this project: push and concat (tutorial/src/by_hand/grpc.rs). The message is \
         protobuf, as in lesson 11:",
    );
    page.blank();
    let schema = Schema::kv().map_err(lost)?;
    page.legend(&[Layer::Header, Layer::Fields, Layer::Message]);
    page.picture("14-message", "increment(\"hits\", 3) in protobuf");
    page.spans(message, &lens::protobuf::message(message, schema.message("kv.IncrementRequest")));
    page.blank();
    page.say("In front of it five bytes: whether it is compressed, and its length, the highest byte first.");
    page.blank();
    let prefixed = grpc::prefixed(message);
    page.picture("14-prefixed", "The five bytes and the message");
    page.spans(&prefixed, &lens::grpc::data(&prefixed));
    page.blank();
    page.say(
        "Around that DATA, in front of it HEADERS. Each field is written as a literal without indexing, with all its letters: so no table \
         is needed, and HPACK is a byte 0 and two lengths. (`block`) The path is the whole addressing of gRPC: /package.Service/Method.",
    );
    page.blank();
    let authority = server.to_string();
    let frames = grpc::call(1, &grpc::fields(PATH, &authority), message);
    let beginning = [grpc::PREFACE, &grpc::frame(4, 0, 0, &[])].concat();
    let said = Onlooker::new().sees(&[(Way::Out, beginning), (Way::Out, frames)]);
    for said in &said[2..] {
        page.spans(&said.frame.bytes, &said.spans);
    }
    page.blank();
    page.say("And before all that, once a connection, the preface and SETTINGS that set nothing:");
    page.blank();
    for said in &said[..2] {
        page.spans(&said.frame.bytes, &said.spans);
    }
    let sizes: Vec<_> = said.iter().map(|said| said.frame.bytes.len()).collect();
    page.blank();
    page.say(&format!(
        "{} + {} + {} + {} = {}, written to a TcpStream of the standard library.",
        sizes[0],
        sizes[1],
        sizes[2],
        sizes[3],
        count(sizes.iter().sum(), "byte"),
    ));
    Ok(())
}

fn answer(page: &mut Page, asked: &[Said]) -> Result<(), Status> {
    page.heading("what comes back, from our server");
    onlooker::draw(page, asked.iter().filter(|said| said.frame.way == Way::In), |_| true);
    page.blank();
    for said in asked.iter().filter(|said| said.frame.way == Way::In && said.frame.stream() > 0) {
        page.picture("14-trailers", "The last frame of the answer: trailers");
        page.spans(&said.frame.bytes, &said.spans);
    }
    page.blank();
    page.say(&format!(
        "The head of the answer, the message behind its five bytes, and the trailers, which are fields again: \
         grpc-status 0 is OK. In the message field 1 is {}: the counter. Only now is the call over. An answer that ends \
         without trailers is no answer, whatever came before (lesson 16).",
        counter(asked)?,
    ));
    Ok(())
}

async fn who_calls_whom(
    page: &mut Page,
    ours: SocketAddr,
    theirs: Option<SocketAddr>,
    tonic: Option<&TonicKv>,
) -> Result<(), Status> {
    page.heading("who calls whom");
    page.say("Each adds 1 to a counter of its own, \"by NAME\", and says what it is then:");
    page.blank();
    page.line(format_args!("    {BOLD}{:24}{:>14}{:>14}{BOLD:#}", "", "our server", "tonic's"));
    let of_ours = three_clients(ours, tonic).await?;
    let of_theirs = match theirs {
        Some(theirs) => three_clients(theirs, tonic).await?,
        None => [(); 3].map(|()| NOT_HERE.to_owned()),
    };
    for (at, client) in ["bytes by hand", "our client", "tonic's client"].iter().enumerate() {
        page.line(format_args!("    {client:24}{BOLD}{:>14}{:>14}{BOLD:#}", of_ours[at], of_theirs[at]));
    }
    page.blank();
    page.say(
        "Neither knows who is at the other end. The same for a program of yours, in whatever language: let it serve \
         stub/kv/proto/kv.proto, and give its place to this lesson:",
    );
    page.blank();
    page.code("cargo lesson 14 --to 127.0.0.1:50051");
    Ok(())
}

/// What each of three clients gets from a server.
async fn three_clients(server: SocketAddr, tonic: Option<&TonicKv>) -> Result<[String; 3], Status> {
    let message = Writer::new().text(1, "by hand").varint(2, 1).finish();
    let by_hand = counter(&increment(server, &message).await?)?;
    let kv = KvClient::connect(&format!("http://{server}")).await?;
    let by_us = kv.increment("by us", 1).await?;
    let by_them = match tonic.cloned() {
        Some(tonic) => {
            let called = spawn_blocking(move || tonic.call(server, &["incr", "by them", "1"]));
            called.await.map_err(lost)?.map_err(lost)?
        }
        None => NOT_HERE.to_owned(),
    };
    Ok([by_hand.to_string(), by_us.to_string(), by_them])
}

async fn wrong(
    page: &mut Page,
    ours: SocketAddr,
    theirs: Option<SocketAddr>,
    message: &[u8],
) -> Result<(), Status> {
    page.heading("wrong by one thing");
    page.say(
        "The same call, each time with one mistake, on a connection of its own. What breaks, and what the servers \
         answer (tutorial/src/exercise/grpc/calls.rs):",
    );
    page.blank();
    for mistake in mistaken() {
        let frames = (mistake.frames)(PATH, &ours.to_string(), message);
        page.line(format_args!("    {BOLD}{}{BOLD:#}", mistake.what));
        page.line(format_args!("      {DIM}{}{DIM:#}", mistake.rule));
        for (name, server) in [("ours", Some(ours)), ("tonic", theirs)] {
            if let Some(server) = server {
                let said = exchange(server, frames.clone()).await?;
                page.line(format_args!("      {name:6} {}", onlooker::verdict(&said)));
            }
        }
    }
    page.blank();
    page.say(
        "What a client has to do is one thing, what each server looks at is another: te is there so that a proxy \
         which cannot carry trailers is found out, and tonic takes a call without it, and a GET too. And a trap: request trailers do \
         not exist. HTTP/2 has a place for them, no client of gRPC sends any, and a server that gets some \
         takes them for the end and nothing more.",
    );
    Ok(())
}

/// The number in the answer.
fn counter(said: &[Said]) -> Result<u64, Status> {
    if onlooker::verdict(said) != "OK" {
        return Err(Status::new(Code::Internal, format!("the server answers {}", onlooker::verdict(said))));
    }
    let data = said.iter().filter(|said| said.frame.way == Way::In).find_map(|said| {
        let range = lens::http2::frame(&said.frame.bytes).data?;
        said.frame.bytes[range].get(5..).map(<[u8]>::to_vec)
    });
    match protobuf::fields(&data.unwrap_or_default()).next() {
        Some(Ok((1, Value::Varint(number)))) => Ok(number),
        other => Err(Status::new(Code::Internal, format!("there is no number in the answer: {other:?}"))),
    }
}

fn socket(address: &Address) -> Result<SocketAddr, Status> {
    let text = address.to_string();
    text.strip_prefix("http://")
        .and_then(|at| at.parse().ok())
        .ok_or_else(|| lost(format!("{text} is no socket")))
}

fn unavailable(server: &str, why: impl std::fmt::Display) -> Status {
    Status::new(Code::Unavailable, format!("{server} did not answer: {why}"))
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}
