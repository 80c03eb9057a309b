//! The bytes of messages, in each codec, and what gzip makes of them.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use kv::proto::{Entry, IncrementRequest, PutRequest};
use serde::Serialize;
use stub::codec::{Bincode, Codec, Protobuf};
use transport::Status;

use super::lost;
use crate::lab::Dice;

/// The same messages in each codec.
#[derive(Clone, Debug, Serialize)]
pub struct Payload {
    /// A row for each message.
    pub messages: Vec<Sizes>,
}

/// One message in each codec.
#[derive(Clone, Debug, Serialize)]
pub struct Sizes {
    /// Which message.
    pub message: &'static str,
    /// In bincode, the codec of our own frames.
    pub bincode: Size,
    /// In protobuf, the codec of gRPC.
    pub protobuf: Size,
    /// As a JSON API sends it.
    pub json: Size,
}

/// How many bytes a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// As it is.
    pub plain: usize,
    /// The same in gzip, at its usual level.
    pub gzip: usize,
}

impl Sizes {
    /// The three of them, each under its name.
    pub fn each(&self) -> [(&'static str, Size); 3] {
        [("bincode", self.bincode), ("protobuf", self.protobuf), ("JSON", self.json)]
    }
}

/// Encodes some messages, and counts.
///
/// # Errors
/// None that is known: all of them have bytes in each codec.
pub fn measure() -> Result<Payload, Status> {
    let mut dice = Dice::new(19);
    let put = PutRequest { key: "greeting".to_owned(), value: "hello".to_owned() };
    let increment = IncrementRequest { key: "hits".to_owned(), by: -1 };
    let text = PutRequest { key: "story".to_owned(), value: text(&mut dice) };
    let entries = entries(&mut dice);
    let counts: Vec<u64> = (0..100).map(|_| dice.below(1_000_000)).collect();
    let fractions: Vec<f64> = (0..100).map(|_| dice.below(1 << 53) as f64 / (1u64 << 53) as f64).collect();
    let bytes: Vec<u8> = (0..1024).map(|_| dice.below(256) as u8).collect();
    let base64 = STANDARD.encode(&bytes);
    Ok(Payload {
        messages: vec![
            sizes("a small put", &put, &put)?,
            sizes("an increment by -1", &increment, &increment)?,
            sizes("1 KiB of text", &text, &text)?,
            sizes("a list of 50 pairs", &wire::Entries { entries: entries.clone() }, &entries)?,
            sizes("100 whole numbers", &wire::Counts { counts: counts.clone() }, &counts)?,
            sizes("100 fractions", &wire::Fractions { fractions: fractions.clone() }, &fractions)?,
            sizes("1 KiB of bytes", &wire::Blob { bytes }, &base64)?,
        ],
    })
}

/// A message, and what a JSON API sends in its place.
fn sizes<M>(name: &'static str, message: &M, json: &impl Serialize) -> Result<Sizes, Status>
where
    Bincode: Codec<M>,
    Protobuf: Codec<M>,
{
    Ok(Sizes {
        message: name,
        bincode: size(&encoded(Bincode, message)?)?,
        protobuf: size(&encoded(Protobuf, message)?)?,
        json: size(&serde_json::to_vec(json).map_err(lost)?)?,
    })
}

fn encoded<M>(codec: impl Codec<M>, message: &M) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::new();
    codec.encode(message, &mut bytes)?;
    Ok(bytes)
}

fn size(bytes: &[u8]) -> Result<Size, Status> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).map_err(lost)?;
    Ok(Size { plain: bytes.len(), gzip: gzip.finish().map_err(lost)?.len() })
}

/// Words in no order that makes sense, 1024 bytes of them: they repeat as words do.
fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    while text.len() < 1024 {
        text.push_str(word(dice));
        text.push(' ');
    }
    text.truncate(1024);
    text
}

fn entries(dice: &mut Dice) -> Vec<Entry> {
    let entry = |number| Entry { key: format!("{}-{number}", word(dice)), value: word(dice).to_owned() };
    (1..=50).map(entry).collect()
}

fn word(dice: &mut Dice) -> &'static str {
    WORDS[dice.below(WORDS.len() as u64) as usize]
}

const WORDS: [&str; 40] = [
    "call", "stream", "frame", "window", "message", "status", "deadline", "channel", "codec", "a", "an",
    "the", "of", "and", "is", "to", "in", "that", "it", "client", "server", "sends", "receives", "waits",
    "for", "bytes", "answer", "request", "one", "many", "each", "its", "own", "way", "back", "again",
    "until", "nobody", "listens", "more",
];

/// Messages that the contract of the example service has no need of.
mod wire {
    use kv::proto::Entry;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, PartialEq, prost::Message, Deserialize, Serialize)]
    pub(super) struct Entries {
        #[prost(message, repeated, tag = "1")]
        pub(super) entries: Vec<Entry>,
    }

    #[derive(Clone, PartialEq, prost::Message, Deserialize, Serialize)]
    pub(super) struct Counts {
        #[prost(uint64, repeated, tag = "1")]
        pub(super) counts: Vec<u64>,
    }

    #[derive(Clone, PartialEq, prost::Message, Deserialize, Serialize)]
    pub(super) struct Fractions {
        #[prost(double, repeated, tag = "1")]
        pub(super) fractions: Vec<f64>,
    }

    #[derive(Clone, PartialEq, prost::Message, Deserialize, Serialize)]
    pub(super) struct Blob {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) bytes: Vec<u8>,
    }
}
