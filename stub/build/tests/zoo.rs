//! What is written for `zoo/zoo.proto`, which has all that is hard: it is as in `zoo/*.rs`, it compiles, and
//! it does what it says.

#![allow(clippy::unwrap_used, unreachable_pub)]

use std::collections::HashMap;
use std::path::Path;

use prost::bytes::Bytes;
use serde::{Deserialize, Serialize};
use server::{Router, Server};
use stub::codec::{Bincode, Coding, Json, Message, Protobuf};
use stub::{Receiver, Sender};
use stub_build::Builder;
use transport::Code;

#[path = "zoo/zoo.rs"]
#[rustfmt::skip]
#[allow(dead_code)]
mod zoo;

use zoo::food::Apple;
use zoo::{Album, Animal, CallClient, CallServer, Number, Zoo, ZooClient, ZooServer, album, animal};

/// `WRITE=1 cargo test -p stub_build` makes it so.
#[test]
fn what_is_written_is_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo");
    let generated = Builder::new().generate(folder.join("zoo.proto")).unwrap();
    assert_eq!(generated.packages.keys().collect::<Vec<_>>(), ["zoo", "zoo.food"]);
    let text = |package: &str| generated.packages[package].clone();
    // The module of the package zoo.food is inside that of zoo.
    let inner = "\n#[path = \"food.rs\"]\npub mod food;\n";
    for (file, text) in [("zoo.rs", text("zoo") + inner), ("food.rs", text("zoo.food"))] {
        let file = folder.join(file);
        if std::env::var_os("WRITE").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert!(std::fs::read_to_string(&file).unwrap() == text, "{} is not what is written", file.display());
    }
}

#[test]
fn a_contract_can_be_had_as_values_each_file_behind_those_that_it_imports() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo");
    let files = Builder::new().descriptors(folder.join("zoo.proto")).unwrap().file;
    let at = |name: &str| files.iter().position(|file| file.name() == name).unwrap();
    for file in &files {
        assert!(file.dependency.iter().all(|import| at(import) < at(file.name())), "{}", file.name());
    }
    let zoo = &files[at("zoo.proto")];
    assert_eq!(zoo.package(), "zoo");
    let animal = zoo.message_type.iter().find(|message| message.name() == "Animal").unwrap();
    assert_eq!((animal.field[1].name(), animal.field[1].type_name()), ("kind", ".zoo.Animal.Kind"));
}

struct Small;

impl Zoo for Small {
    async fn count(&self, _request: ()) -> Result<Number, transport::Status> {
        Ok(Number { value: 2 })
    }

    async fn close(&self, _request: Number) -> Result<(), transport::Status> {
        Ok(())
    }

    async fn r#move(&self, request: Animal) -> Result<animal::Place, transport::Status> {
        match request.home {
            Some(animal::Home::Place(place)) => Ok(place),
            _ => Err(transport::Status::new(Code::NotFound, "it is wild")),
        }
    }

    async fn feed(
        &self,
        mut requests: Receiver<Apple>,
        mut replies: Sender<()>,
    ) -> Result<(), transport::Status> {
        while let Some(_apple) = requests.recv().await? {
            replies.send(&()).await?;
        }
        Ok(())
    }

    async fn show(&self, request: Album) -> Result<Album, transport::Status> {
        Ok(request)
    }

    async fn visits(&self, _request: (), mut replies: Sender<zoo::Visit>) -> Result<(), transport::Status> {
        replies.send(&zoo::Visit { at: Some(prost_types::Timestamp { seconds: 7, nanos: 0 }) }).await
    }
}

impl zoo::Call for Small {}

async fn served(address: &str) -> (Server, String) {
    let router = Router::new().with(ZooServer::new(Small)).with(CallServer::new(Small));
    let mut server = Server::new(router);
    let address = server.listen(address).await.unwrap().to_string();
    (server, address)
}

#[tokio::test]
async fn a_method_can_take_or_return_nothing() {
    for address in ["memory:zoo-nothing", "tcp://127.0.0.1:0"] {
        let (_server, address) = served(address).await;
        let zoo = ZooClient::connect(&address).await.unwrap();
        assert_eq!(zoo.count(&()).await, Ok(Number { value: 2 }));
        assert_eq!(zoo.close(&Number { value: 2 }).await, Ok(()));
        let (mut apples, mut fed) = zoo.feed().await.unwrap();
        apples.send(&Apple { weight: 100 }).await.unwrap();
        assert_eq!(fed.recv().await, Ok(Some(())));
        apples.finish().await.unwrap();
        assert_eq!(fed.recv().await, Ok(None));
    }
}

#[tokio::test]
async fn a_message_in_another_travels_in_every_codec_that_it_has() {
    let (_server, address) = served("memory:zoo-nested").await;
    let place = animal::Place { cage: "3".to_owned() };
    let animal = Animal {
        name: "Balu".to_owned(),
        kind: animal::Kind::Bear.into(),
        home: Some(animal::Home::Place(place.clone())),
        weights: [("May".to_owned(), Number { value: 120 })].into(),
        young: vec![Animal::default()],
        mother: Some(Box::default()),
        picture: Some(vec![1, 2].into()),
        nickname: Some("B".to_owned()),
    };
    let zoo = ZooClient::connect(&address).await.unwrap();
    assert_eq!(Animal::CODECS, ["proto", "json", "bincode"]);
    for codec in Animal::CODECS {
        let zoo = zoo.with(client::CallOptions::new().codec(codec));
        assert_eq!(zoo.r#move(&animal).await, Ok(place.clone()), "{codec}");
    }
}

/// An album whose pages have 0 to 100,000 bytes: the length takes one byte, three, or five.
fn album() -> Album {
    let page = |length: u32| (0..length).map(|at| at as u8).collect::<Bytes>();
    Album {
        cover: page(3),
        back: Some(page(2)),
        pages: [0, 250, 251, 100_000].map(page).to_vec(),
        portraits: [("Balu".to_owned(), page(300))].into(),
        stamp: Some(page(1)),
        signature: Some(album::Signature::Drawn(page(5))),
    }
}

#[tokio::test]
async fn bytes_travel_wherever_they_stand() {
    let (_server, address) = served("tcp://127.0.0.1:0").await;
    let zoo = ZooClient::connect(&address).await.unwrap();
    for codec in Album::CODECS {
        let zoo = zoo.with(client::CallOptions::new().codec(codec));
        assert_eq!(zoo.show(&album()).await, Ok(album()), "{codec}");
    }
}

#[test]
fn bytes_are_in_bincode_and_json_what_the_list_of_their_numbers_is() {
    /// The fields of an album in their order.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Lists {
        cover: Vec<u8>,
        back: Option<Vec<u8>>,
        pages: Vec<Vec<u8>>,
        portraits: HashMap<String, Vec<u8>>,
        stamp: Option<Vec<u8>>,
        signature: Option<Signature>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Signature {
        Drawn(Vec<u8>),
    }
    let Album { cover, back, pages, portraits, stamp, signature } = album();
    let lists = Lists {
        cover: cover.into(),
        back: back.map(Into::into),
        pages: pages.into_iter().map(Into::into).collect(),
        portraits: portraits.into_iter().map(|(name, portrait)| (name, portrait.into())).collect(),
        stamp: stamp.map(Into::into),
        signature: match signature {
            Some(album::Signature::Drawn(drawn)) => Some(Signature::Drawn(drawn.into())),
            _ => None,
        },
    };
    for (as_bytes, as_lists) in [
        (Coding::<Album>::of::<Bincode>(), Coding::<Lists>::of::<Bincode>()),
        (Coding::<Album>::of::<Json>(), Coding::<Lists>::of::<Json>()),
    ] {
        let wire = as_bytes.encode(&album()).unwrap();
        assert!(wire == as_lists.encode(&lists).unwrap(), "{}", as_bytes.name());
        assert_eq!(as_lists.decode(wire.clone()).unwrap(), lists);
        assert_eq!(as_bytes.decode(wire).unwrap(), album());
    }
}

#[test]
fn bytes_of_protobuf_are_a_part_of_what_was_received() {
    let codec = Coding::<Album>::of::<Protobuf>();
    let wire = codec.encode(&album()).unwrap();
    let Album { cover, back, pages, portraits, stamp, signature } = codec.decode(wire.clone()).unwrap();
    let drawn = signature.map(|signature| match signature {
        album::Signature::Drawn(drawn) => drawn,
        album::Signature::Typed(typed) => panic!("{typed}"),
    });
    let all =
        [cover].into_iter().chain(back).chain(pages).chain(portraits.into_values()).chain(stamp).chain(drawn);
    // Of no bytes there is no part.
    let all: Vec<_> = all.filter(|bytes| !bytes.is_empty()).collect();
    assert_eq!(all.len(), 8);
    for bytes in all {
        assert!(wire.as_ptr_range().contains(&bytes.as_ptr()), "{} bytes are copied", bytes.len());
    }
}

#[tokio::test]
async fn a_message_with_a_type_from_elsewhere_travels_as_protobuf() {
    assert_eq!(zoo::Visit::CODECS, ["proto"]);
    assert_eq!(zoo::Result::CODECS, ["proto"], "it holds a visit");
    for address in ["memory:zoo-elsewhere", "tcp://127.0.0.1:0"] {
        let (_server, address) = served(address).await;
        let zoo = ZooClient::connect(&address).await.unwrap();
        let mut visits = zoo.visits(&()).await.unwrap();
        assert_eq!(visits.recv().await.unwrap().unwrap().at.unwrap().seconds, 7);
        assert_eq!(visits.recv().await, Ok(None));
    }
}

#[tokio::test]
async fn a_method_whose_name_the_client_stub_has_itself_gets_another() {
    let (_server, address) = served("memory:zoo-names").await;
    let zoo = ZooClient::connect(&address).await.unwrap();
    let (results, mut status) = zoo.connect_().await.unwrap();
    results.finish().await.unwrap();
    assert_eq!(status.single().await.unwrap_err().message(), "method Connect is not implemented here");
}

#[tokio::test]
async fn two_services_can_have_a_method_of_the_same_name() {
    let (_server, address) = served("memory:zoo-same").await;
    let call = CallClient::connect(&address).await.unwrap();
    let refused = call.count(&Number { value: 1 }).await.unwrap_err();
    assert_eq!(refused.message(), "method Count is not implemented here");
    assert_eq!(ZooClient::connect(&address).await.unwrap().count(&()).await, Ok(Number { value: 2 }));
}

#[tokio::test]
async fn the_stubs_of_two_services_share_a_connection() {
    let (_server, address) = served("tcp://127.0.0.1:0").await;
    let call = CallClient::connect(&address).await.unwrap();
    let zoo = ZooClient::from(call.caller().clone());
    assert_eq!(zoo.count(&()).await, Ok(Number { value: 2 }));
}
