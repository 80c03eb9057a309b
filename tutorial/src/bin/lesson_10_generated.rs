//! Lesson 10: stubs are mechanical: generate them from a contract.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use client::CallOptions;
use kv::proto::{DeleteRequest, GetRequest, IncrementRequest, PutRequest, WatchRequest};
use kv::{Kv, KvClient, KvServer, Store, proto};
use stub::codec::Message;
use stub_build::{Builder, Codec};
use transport::{Code, Connection, Service, Status};
use tutorial::conversation::Conversation;
use tutorial::lens::schema;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page, count};
use tutorial::source;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(10) };
    let mut page = lesson.begin(
        &[
            "A stub does the same for each method: a message, a path, a call, an answer. What differs from one \
             method to the next is in the contract.",
            "So a program can write it. The contract is a .proto file; of it come the messages, the trait and both \
             stubs, here and in every other language.",
            "On the wire nobody can tell a generated stub from one that a person wrote.",
            "`stream` in the contract is all that it takes to have many messages one way or both.",
        ],
        "The client stub of lesson 5 has four methods. If you had to write a fifth, which words of the others would \
         you change? And the contract says `rpc Watch(WatchRequest) returns (stream Change)`: what does a function \
         return that stands for this?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In stub/build/src/service.rs, `path`, replace `method.proto_name` by `method.name`, which is the name that the \
         method has in Rust. Run this again: the generated stubs say /kv.Kv/get now, and agree with each other, but \
         with nobody else. The server written by hand answers that it has no such method, the lesson stops there, \
         and the test below fails. Other people have generators of their own; what they all agree upon is the \
         contract, to the letter.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    let generated = generate()?;
    one_method(page, &generated)?;
    line_by_line(page, &generated)?;
    four_shapes(page, &generated)?;
    mistakes(page)?;
    who_speaks_to_whom(page).await?;

    page.heading("and the questions");
    page.say(
        "The names: of the method, of its messages, of the path. Not one line would be another one, which is why a \
         program can write it. And the function for Watch returns a Receiver<Change>, from which one message after \
         the other can be taken: a handle of lesson 9, with a codec in it.",
    );
    Ok(())
}

/// What `stub/kv/build.rs` has written when this was built, written once more.
fn generate() -> Result<String, Status> {
    let builder = Builder::new().codecs([Codec::Bincode, Codec::Protobuf, Codec::Json]);
    let mut generated = builder.generate(schema::KV).map_err(lost)?;
    generated.packages.remove("kv").ok_or_else(|| lost("there is no package kv"))
}

fn one_method(page: &mut Page, generated: &str) -> Result<(), Status> {
    page.heading("a method in the contract");
    page.say("What `get` is, for all languages. (stub/kv/proto/kv.proto)");
    page.blank();
    for beginning in ["rpc Get(", "message GetRequest ", "message GetReply "] {
        show(page, CONTRACT, beginning)?;
    }
    page.blank();
    page.say(
        "stub_build reads it and writes Rust. It runs before the crate kv is compiled (stub/kv/build.rs); what it \
         writes is in target/debug/build/kv-…/out/kv.rs. Now it runs in this program too, and what is called \
         generated below is what it has just written.",
    );
    page.blank();
    show(page, BUILD, "Builder::new()")?;

    page.heading("the messages");
    page.say("Generated only: the stubs written by hand use the same ones, or there would be two contracts.");
    page.blank();
    show(page, generated, "pub struct GetRequest ")?;

    page.heading("the path");
    by_hand(page, "stub/kv/src/message.rs", MESSAGE, "pub static GET:")?;
    then_generated(page, generated, "pub static KV_GET:")?;
    page.blank();
    page.say(
        "Package, service, method: /kv.Kv/Get. The name begins with the service here, because a file may have \
         several.",
    );

    page.heading("the trait");
    by_hand(page, "stub/kv/src/contract.rs", TRAIT, "fn get(")?;
    then_generated(page, generated, "fn get(")?;
    page.blank();
    page.say(
        "Here they differ. A person knows that a key is all that matters, and makes it an argument. The contract \
         knows messages: one there, one back. That is less pretty, and it lasts: a message can get another field, and \
         programs that were built before still understand it.",
    );

    page.heading("the client stub");
    by_hand(page, "stub/kv/src/client_stub.rs", CLIENT_STUB, "async fn get(")?;
    then_generated(page, generated, "pub async fn get(")?;
    page.blank();
    page.say("Without arguments to be packed and a result to be unpacked, one line is left: the call.");

    page.heading("the server stub");
    // The first arm of each is that of `get`.
    by_hand(page, "stub/kv/src/server_stub.rs", SERVER_STUB, "\"/kv.Kv/")?;
    then_generated(page, generated, "\"/kv.Kv/")?;
    page.blank();
    page.say("The same path again, the same way in, and the method.");
    Ok(())
}

fn line_by_line(page: &mut Page, generated: &str) -> Result<(), Status> {
    page.heading("what became of each line");
    for (of, became) in [
        ("package kv;", &["const NAME:"][..]),
        ("service Kv {", &["pub trait Kv:", "pub struct KvClient {", "pub struct KvServer<"]),
        ("// The value of a key.", &["/// The value of a key."]),
        ("message GetRequest {", &["pub struct GetRequest {"]),
        ("string key = 1;", &["#[prost(string, tag = \"1\")]", "pub key:"]),
        ("int64 by = 2;", &["#[prost(int64, tag = \"2\")]", "pub by:"]),
        ("optional string value = 2;", &["#[prost(string, optional, tag = \"2\")]", "pub value: Option"]),
    ] {
        let mut of = line_of(CONTRACT, of)?;
        for became in became {
            page.line(format_args!("    {of:32}  {BOLD}{}{BOLD:#}", line_of(generated, became)?));
            of = "";
        }
    }
    page.blank();
    page.say(&format!(
        "Counted in this run, without comments and empty lines: {} of contract, {} of Rust.",
        count(lines_of_code(CONTRACT), "line"),
        count(lines_of_code(generated), "line"),
    ));
    Ok(())
}

fn four_shapes(page: &mut Page, generated: &str) -> Result<(), Status> {
    page.heading("four shapes");
    page.say(
        "`stream` on one side or the other makes the four shapes of lesson 9. First the line of the contract, then \
         what a client calls, then what a server has to have:",
    );
    for (method, function) in [("Get", "get"), ("Watch", "watch"), ("Load", "load"), ("Sync", "sync")] {
        page.blank();
        page.line(format_args!("    {BOLD}{}{BOLD:#}", cut_out(CONTRACT, &format!("rpc {method}("))?));
        for beginning in [format!("pub async fn {function}("), format!("fn {function}(")] {
            let signature = source::signature(generated, &beginning);
            page.listing(&signature.ok_or_else(|| lost(format!("no {beginning} was generated")))?);
        }
    }
    page.blank();
    page.say(
        "A client that sends many gets a Sender, a server that receives many a Receiver. The messages keep their \
         types on the way: what does not fit is an error of the compiler, at both ends.",
    );
    Ok(())
}

fn mistakes(page: &mut Page) -> Result<(), Status> {
    page.heading("a mistake in the contract");
    page.say(
        "The build ends, and says what, where, and what to do. (stub/build/src/error.rs) Two copies of the contract, \
         each with a mistake. In the first, a message is called by a name that it does not have:",
    );
    page.blank();
    page.listing(&refused("returns (GetReply)", "returns (GetAnswer)")?);
    page.blank();
    page.say("In the second, PutRequest gives both its fields the number 1:");
    page.blank();
    page.listing(&refused("string value = 2;", "string value = 1;")?);
    page.blank();
    page.say(
        "What it cannot see is that a number or a type has changed since yesterday: it knows one version of the \
         contract only. Why that matters is lesson 11.",
    );
    Ok(())
}

async fn who_speaks_to_whom(page: &mut Page) -> Result<(), Status> {
    page.heading("who speaks to whom");
    page.say(
        "put, get, increment, delete, and a get that fails: with each client and each server, in each codec, over \
         our own frames. The bytes are those of the whole connection, there and back:",
    );
    page.blank();
    page.line(format_args!(
        "    {BOLD}{:10} {:10} {:16} {:16} json{BOLD:#}",
        "client", "server", "bincode", "proto"
    ));
    let mut first = Vec::new();
    for (client, server) in [(HAND, HAND), (GENERATED, HAND), (HAND, GENERATED), (GENERATED, GENERATED)] {
        let mut row = format!("    {client:10} {server:10}");
        for (number, codec) in GetRequest::CODECS.iter().enumerate() {
            let said = conversation(client, server, codec).await?;
            let cell = match first.get(number) {
                None => format!("{} + {} bytes", said.out.len(), said.back.len()),
                Some(before) if *before == said => "the same".to_owned(),
                Some(_) => "other bytes!".to_owned(),
            };
            row += &format!(" {cell:16}");
            first.push(said);
        }
        page.line(format_args!("{}", row.trim_end()));
    }
    page.blank();
    page.say(
        "Same path, same messages, so same bytes. The codec is not part of the contract: each call names its own, and \
         both ends have to have it. Ours have three. A stub that another language has made of kv.proto has one, \
         protobuf, whose numbers of fields are in the contract; bincode does not send them, and counts on the order.",
    );
    page.blank();
    page.say("What the server written by hand does not have, it says: three methods of the contract are missing there.");
    page.blank();
    let service = Arc::new(KvServer::new(Store::new()));
    let (_, refused) = Conversation::of(service, async |connection| {
        let request = WatchRequest { key: "greeting".to_owned() };
        proto::KvClient::new(connection).watch(&request).await?.recv().await
    })
    .await?;
    page.code("kv.watch(&request).await?.recv().await");
    let refused = refused.map_or_else(|status| format!("Err({status})"), |change| format!("Ok({change:?})"));
    page.point("  =", &refused);
    Ok(())
}

/// Makes the calls, and checks that they end as they should.
async fn conversation(client: &str, server: &str, codec: &'static str) -> Result<Conversation, Status> {
    let service: Arc<dyn Service> = match server {
        HAND => Arc::new(KvServer::new(Store::new())),
        _ => Arc::new(proto::KvServer::new(Store::new())),
    };
    let options = CallOptions::new().codec(codec);
    let (said, missing) = Conversation::of(service, async |connection| match client {
        HAND => call_by_hand(connection, options).await,
        _ => call_generated(connection, options).await,
    })
    .await?;
    match missing? {
        Err(status) if status.code() == Code::NotFound => Ok(said),
        other => Err(lost(format!("the last get returned {other:?}"))),
    }
}

async fn call_by_hand(
    connection: Arc<dyn Connection>,
    options: CallOptions,
) -> Result<Result<String, Status>, Status> {
    let kv = KvClient::new(connection).with(options);
    kv.put("greeting", "hello").await?;
    kv.get("greeting").await?;
    kv.increment("hits", -3).await?;
    kv.delete("greeting").await?;
    Ok(kv.get("greeting").await)
}

async fn call_generated(
    connection: Arc<dyn Connection>,
    options: CallOptions,
) -> Result<Result<String, Status>, Status> {
    let kv = proto::KvClient::new(connection).with(options);
    let key = || "greeting".to_owned();
    kv.put(&PutRequest { key: key(), value: "hello".to_owned() }).await?;
    kv.get(&GetRequest { key: key() }).await?;
    kv.increment(&IncrementRequest { key: "hits".to_owned(), by: -3 }).await?;
    kv.delete(&DeleteRequest { key: key() }).await?;
    Ok(kv.get(&GetRequest { key: key() }).await.map(|reply| reply.value))
}

/// What is said about a copy of the contract in which `wrong` stands for `right`, at the first place that has
/// it. The folder of the copy is left out.
fn refused(right: &str, wrong: &str) -> Result<String, Status> {
    let folder: PathBuf = std::env::temp_dir().join(format!("lesson_10_{}", std::process::id()));
    let file = folder.join("kv.proto");
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&file, CONTRACT.replacen(right, wrong, 1)));
    let generated = Builder::new().generate(&file);
    let _ = std::fs::remove_dir_all(&folder);
    written.map_err(|error| lost(format!("cannot write {}: {error}", file.display())))?;
    match generated {
        Ok(_) => Err(lost(format!("{wrong} was taken"))),
        Err(error) => {
            let folder = format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR);
            Ok(error.to_string().replace(&folder, ""))
        }
    }
}

fn by_hand(page: &mut Page, file: &str, text: &str, beginning: &str) -> Result<(), Status> {
    page.line(format_args!("  {BOLD}by hand{BOLD:#}, {file}"));
    page.blank();
    show(page, text, beginning)
}

fn then_generated(page: &mut Page, text: &str, beginning: &str) -> Result<(), Status> {
    page.blank();
    page.line(format_args!("  {BOLD}generated{BOLD:#}"));
    page.blank();
    show(page, text, beginning)
}

fn show(page: &mut Page, text: &str, beginning: &str) -> Result<(), Status> {
    page.listing(&cut_out(text, beginning)?);
    Ok(())
}

fn cut_out(text: &str, beginning: &str) -> Result<String, Status> {
    source::item(text, beginning).ok_or_else(|| lost(format!("nothing begins with {beginning}")))
}

/// The line of `text` that begins so.
fn line_of<'a>(text: &'a str, beginning: &str) -> Result<&'a str, Status> {
    let line = text.lines().map(str::trim).find(|line| line.starts_with(beginning));
    line.ok_or_else(|| lost(format!("no line begins with {beginning}")))
}

fn lines_of_code(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}

const HAND: &str = "by hand";
const GENERATED: &str = "generated";

const CONTRACT: &str = include_str!("../../../stub/kv/proto/kv.proto");
const BUILD: &str = include_str!("../../../stub/kv/build.rs");
const MESSAGE: &str = include_str!("../../../stub/kv/src/message.rs");
const TRAIT: &str = include_str!("../../../stub/kv/src/contract.rs");
const CLIENT_STUB: &str = include_str!("../../../stub/kv/src/client_stub.rs");
const SERVER_STUB: &str = include_str!("../../../stub/kv/src/server_stub.rs");
