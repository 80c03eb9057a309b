//! Lesson 10: stubs are mechanical. What is generated is, for everybody else, what was written by hand.

#![allow(clippy::unwrap_used)]

mod contract;
mod exercise;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use client::CallOptions;
use contract::{Way, contract_suite};
use kv::proto::{
    self, Change, DeleteRequest, Entry, GetReply, GetRequest, IncrementRequest, LoadReply, PutRequest,
    WatchRequest,
};
use kv::{Kv, KvClient, KvServer, Store, message};
use server::{Router, Server};
use stub::codec::Message;
use stub::{Method, NamedService, Receiver, Sender, Shape};
use stub_build::{Builder, Codec};
use transport::{Code, Connection, Service, Status};
use tutorial::conversation::Conversation;
use tutorial::lens::schema;
use tutorial::{lens, source};

exercise::specification! { generated:
    a_method_has_a_name_and_two_types
    stream_is_a_word_of_the_contract_and_no_part_of_a_type
    a_type_whose_name_begins_like_stream_is_one_message
    a_path_is_package_and_service_and_method
    without_a_package_there_is_no_dot_in_front_of_the_service
    a_function_is_small_letters_with_underscores_between_its_words
    a_method_may_be_called_like_a_word_of_the_language
}

#[test]
fn the_exercise_reads_the_contract_as_the_generator_does() {
    let contract = std::fs::read_to_string(schema::KV).unwrap();
    let read = contract.lines().filter_map(EXERCISE.right.read);
    let mut paths: Vec<_> = read.map(|rpc| (EXERCISE.right.path)("kv", "Kv", &rpc.method)).collect();
    paths.sort_unstable();
    let schema = schema::Schema::kv().unwrap();
    let mut known: Vec<_> = schema.paths().map(str::to_owned).collect();
    known.sort_unstable();
    assert_eq!(paths, known);
}

/// What the generated client makes possible, under the trait written by hand.
struct Generated(proto::KvClient);

impl Kv for Generated {
    async fn get(&self, key: &str) -> Result<String, Status> {
        Ok(self.0.get(&GetRequest { key: key.to_owned() }).await?.value)
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        self.0.put(&PutRequest { key: key.to_owned(), value: value.to_owned() }).await?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        Ok(self.0.delete(&DeleteRequest { key: key.to_owned() }).await?.existed)
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        Ok(self.0.increment(&IncrementRequest { key: key.to_owned(), by }).await?.value)
    }
}

/// A server of `service`, and where it listens.
async fn served(service: impl NamedService, address: &str) -> (Server, String) {
    let mut server = Server::new(Router::new().with(service));
    let bound = server.listen(address).await.unwrap().to_string();
    (server, bound)
}

fn server_by_hand() -> KvServer<Store> {
    KvServer::new(Store::new())
}

fn generated_server() -> proto::KvServer<Store> {
    proto::KvServer::new(Store::new())
}

async fn by_hand_to(service: impl NamedService, address: &str) -> Way<KvClient> {
    let (server, bound) = served(service, address).await;
    Way::to(server, KvClient::connect(&bound).await.unwrap())
}

async fn generated_to(service: impl NamedService, address: &str) -> Way<Generated> {
    let (server, bound) = served(service, address).await;
    Way::to(server, Generated(proto::KvClient::connect(&bound).await.unwrap()))
}

contract_suite! {
    generated_to_generated_over_tcp: generated_to(generated_server(), "tcp://127.0.0.1:0"),
    generated_to_by_hand_over_tcp: generated_to(server_by_hand(), "tcp://127.0.0.1:0"),
    by_hand_to_generated_over_tcp: by_hand_to(generated_server(), "tcp://127.0.0.1:0"),
    generated_to_generated_over_http: generated_to(generated_server(), "http://127.0.0.1:0"),
    generated_to_by_hand_over_http: generated_to(server_by_hand(), "http://127.0.0.1:0"),
    by_hand_to_generated_over_http: by_hand_to(generated_server(), "http://127.0.0.1:0"),
}

// ---- the same on the wire ----

#[test]
fn the_paths_are_the_same() {
    assert_eq!(proto::KV_GET.path(), message::GET.path());
    assert_eq!(proto::KV_PUT.path(), message::PUT.path());
    assert_eq!(proto::KV_DELETE.path(), message::DELETE.path());
    assert_eq!(proto::KV_INCREMENT.path(), message::INCREMENT.path());
    assert_eq!(<proto::KvServer<Store> as NamedService>::NAME, message::SERVICE);
}

#[test]
fn they_are_those_of_the_contract() {
    let contract = lens::schema::Schema::kv().unwrap();
    let generated = [
        proto::KV_DELETE.path(),
        proto::KV_GET.path(),
        proto::KV_INCREMENT.path(),
        proto::KV_LOAD.path(),
        proto::KV_PUT.path(),
        proto::KV_SYNC.path(),
        proto::KV_WATCH.path(),
    ];
    assert_eq!(generated.map(|path| path.as_str()).to_vec(), contract.paths().collect::<Vec<_>>());
}

/// The same calls through any `Kv`, those that fail too.
async fn calls(kv: &impl Kv) -> Vec<Result<String, Status>> {
    vec![
        kv.put("greeting", "hello").await.map(|()| String::new()),
        kv.get("greeting").await,
        kv.increment("hits", -3).await.map(|number| number.to_string()),
        kv.increment("greeting", 1).await.map(|number| number.to_string()),
        kv.delete("greeting").await.map(|existed| existed.to_string()),
        kv.get("greeting").await,
        kv.put("", "nobody").await.map(|()| String::new()),
    ]
}

#[tokio::test]
async fn the_same_calls_are_the_same_bytes_in_both_directions_in_every_codec() {
    for codec in GetRequest::CODECS {
        let by_hand = async |connection: Arc<dyn Connection>| {
            calls(&KvClient::new(connection).with(CallOptions::new().codec(codec))).await
        };
        let generated = async |connection: Arc<dyn Connection>| {
            let kv = proto::KvClient::new(connection).with(CallOptions::new().codec(codec));
            calls(&Generated(kv)).await
        };
        let servers: [fn() -> Arc<dyn Service>; 2] =
            [|| Arc::new(server_by_hand()), || Arc::new(generated_server())];
        let first = Conversation::of(servers[0](), by_hand).await.unwrap();
        assert!(first.0.out.windows(10).any(|bytes| bytes == b"/kv.Kv/Get"), "the calls are in it");
        assert_eq!(first.1[1], Ok("hello".to_owned()));
        for server in servers {
            assert_eq!(Conversation::of(server(), by_hand).await.unwrap(), first, "{codec}");
            assert_eq!(Conversation::of(server(), generated).await.unwrap(), first, "{codec}");
        }
    }
}

#[tokio::test]
async fn a_method_that_the_server_by_hand_does_not_have_is_unimplemented() {
    let (_server, address) = served(server_by_hand(), "tcp://127.0.0.1:0").await;
    let kv = proto::KvClient::connect(&address).await.unwrap();
    let request = WatchRequest { key: "greeting".to_owned() };
    let refused = kv.watch(&request).await.unwrap().recv().await.unwrap_err();
    assert_eq!(refused, Status::new(Code::Unimplemented, "service kv.Kv has no method Watch"));
}

// ---- the four shapes ----

#[test]
fn each_method_has_the_shape_that_the_contract_gives_it() {
    fn shape<Request, Reply>(method: &Method<Request, Reply>) -> Shape {
        method.shape()
    }
    assert_eq!(shape::<GetRequest, GetReply>(&proto::KV_GET), Shape::Unary);
    assert_eq!(shape::<WatchRequest, Change>(&proto::KV_WATCH), Shape::ServerStreaming);
    assert_eq!(shape::<Entry, LoadReply>(&proto::KV_LOAD), Shape::ClientStreaming);
    assert_eq!(shape::<Change, Change>(&proto::KV_SYNC), Shape::Bidirectional);
}

/// Compiles with these signatures only.
struct FourShapes;

impl proto::Kv for FourShapes {
    async fn get(&self, request: GetRequest) -> Result<GetReply, Status> {
        Ok(GetReply { value: request.key })
    }

    async fn watch(&self, request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        for value in ["1", "2"] {
            replies.send(&Change { key: request.key.clone(), value: Some(value.to_owned()) }).await?;
        }
        Ok(())
    }

    async fn load(&self, mut requests: Receiver<Entry>) -> Result<LoadReply, Status> {
        let mut count = 0;
        while requests.recv().await?.is_some() {
            count += 1;
        }
        Ok(LoadReply { count })
    }

    async fn sync(&self, mut requests: Receiver<Change>, mut replies: Sender<Change>) -> Result<(), Status> {
        while let Some(change) = requests.recv().await? {
            replies.send(&change).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn each_shape_has_its_signature_at_the_client_and_at_the_server() {
    let (_server, address) = served(proto::KvServer::new(FourShapes), "tcp://127.0.0.1:0").await;
    let kv = proto::KvClient::connect(&address).await.unwrap();

    let reply: Result<GetReply, Status> = kv.get(&GetRequest { key: "echo".to_owned() }).await;
    assert_eq!(reply.unwrap().value, "echo");

    let replies: Result<Receiver<Change>, Status> = kv.watch(&WatchRequest { key: "n".to_owned() }).await;
    let mut replies = replies.unwrap();
    for value in ["1", "2"] {
        assert_eq!(replies.recv().await.unwrap().unwrap().value.as_deref(), Some(value));
    }
    assert_eq!(replies.recv().await, Ok(None));

    let call: Result<(Sender<Entry>, Receiver<LoadReply>), Status> = kv.load().await;
    let (mut entries, mut reply) = call.unwrap();
    entries.send(&Entry::default()).await.unwrap();
    entries.finish().await.unwrap();
    assert_eq!(reply.single().await, Ok(LoadReply { count: 1 }));

    let call: Result<(Sender<Change>, Receiver<Change>), Status> = kv.sync().await;
    let (mut there, mut back) = call.unwrap();
    let change = Change { key: "n".to_owned(), value: None };
    there.send(&change).await.unwrap();
    assert_eq!(back.recv().await, Ok(Some(change)));
}

// ---- a contract with a mistake ----

/// What is said about a copy of the contract, in a file of this name, in which `wrong` stands for `right`.
fn said(name: &str, right: &str, wrong: &str) -> (PathBuf, String) {
    let contract = std::fs::read_to_string(schema::KV).unwrap();
    assert!(contract.contains(right));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, contract.replacen(right, wrong, 1)).unwrap();
    let said = Builder::new().generate(&file).unwrap_err().to_string();
    (file, said)
}

/// The number of the first line of the contract that has `text`.
fn line(text: &str) -> usize {
    let contract = std::fs::read_to_string(schema::KV).unwrap();
    contract.lines().position(|line| line.contains(text)).unwrap() + 1
}

#[test]
fn a_name_that_is_not_there_is_shown_with_file_and_line_and_what_to_do() {
    let (file, said) = said("lesson_10_name.proto", "returns (GetReply)", "returns (GetAnswer)");
    let place = format!("{}:{}:32: name 'GetAnswer' is not defined\n", file.display(), line("rpc Get("));
    assert!(said.starts_with(&place), "{said}");
    assert!(said.contains("= Define a message or enum of this name"), "{said}");
}

#[test]
fn a_number_that_is_taken_is_shown_with_file_and_line_and_what_to_do() {
    let (file, said) = said("lesson_10_number.proto", "string value = 2;", "string value = 1;");
    let number = line("string value = 2;");
    let place = format!("{}:{number}:18: field number '1' is already used\n", file.display());
    assert!(said.starts_with(&place), "{said}");
    assert!(said.contains("= Give each field a number of its own."), "{said}");
}

// ---- what the lesson prints ----

/// The lesson's output, without its margin, and with lines that were broken made whole.
fn printed() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lesson_10_generated")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut text = String::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        assert!(line.chars().count() <= 80, "too long: {line}");
        match line.trim_start().strip_prefix("↪ ") {
            Some(rest) => text.push_str(&format!(" {rest}")),
            None => text.push_str(&format!("\n{}", line.strip_prefix("    ").unwrap_or(line))),
        }
    }
    text
}

#[test]
fn what_it_shows_as_generated_is_what_the_generator_writes_and_the_rest_is_what_is_in_the_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stub/kv");
    let file = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let builder = Builder::new().codecs([Codec::Bincode, Codec::Protobuf, Codec::Json]);
    let generated = builder.generate(schema::KV).unwrap().packages.remove("kv").unwrap();
    let printed = printed();
    for (text, beginning) in [
        (file("proto/kv.proto"), "message GetRequest "),
        (file("src/message.rs"), "pub static GET:"),
        (file("src/contract.rs"), "fn get("),
        (file("src/client_stub.rs"), "async fn get("),
        (file("src/server_stub.rs"), "\"/kv.Kv/Get\" =>"),
        (generated.clone(), "pub struct GetRequest "),
        (generated.clone(), "pub static KV_GET:"),
        (generated.clone(), "fn get("),
        (generated.clone(), "pub async fn get("),
        (generated.clone(), "\"/kv.Kv/Get\" =>"),
    ] {
        let item = source::item(&text, beginning).unwrap();
        assert!(printed.contains(&format!("\n{item}\n")), "not printed:\n{item}");
    }
    for function in ["get", "watch", "load", "sync"] {
        for beginning in [format!("pub async fn {function}("), format!("fn {function}(")] {
            let signature = source::signature(&generated, &beginning).unwrap();
            assert!(printed.contains(&format!("\n{signature}\n")), "not printed:\n{signature}");
        }
    }
}

#[test]
fn it_finds_the_bytes_the_same_whoever_speaks_to_whom_in_every_codec() {
    let printed = printed();
    for (client, server) in [("generated", "by hand"), ("by hand", "generated"), ("generated", "generated")] {
        let same = "the same";
        let row = format!("\n{client:10} {server:10} {same:16} {same:16} {same}\n");
        assert!(printed.contains(&row), "not printed: {row}");
    }
}
