//! The bytes of calls, counted by a relay between client and server.

use kv::Kv;
use kv::message::{GetReply, GetRequest};
use serde::Serialize;
use stub::codec::Coding;
use transport::Status;

use super::api::{Api, Client};
use super::lost;
use super::served::{Served, through_a_relay};
use crate::tap::{Chunk, Way};

/// What a call of get("greeting") that returns "hello" takes on the wire.
#[derive(Clone, Debug, Serialize)]
pub struct Protocol {
    /// A row for each API.
    pub calls: Vec<Passed>,
    /// Request and answer of the JSON API, as they pass.
    pub exchange: [String; 2],
}

/// What passed, in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Passed {
    /// Over which API.
    pub api: Api,
    /// The two messages by themselves.
    pub messages: Bytes,
    /// The first call, with all that begins a connection.
    pub first: Bytes,
    /// A later call on the same connection.
    pub warm: Bytes,
}

/// Bytes there and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Bytes {
    /// To the server.
    pub there: usize,
    /// To the client.
    pub back: usize,
}

impl Bytes {
    /// Both ways.
    pub fn both(self) -> usize {
        self.there + self.back
    }

    /// Those that have passed.
    pub fn of(chunks: &[Chunk]) -> Self {
        let size =
            |wanted| chunks.iter().filter(|(way, _)| *way == wanted).map(|(_, bytes)| bytes.len()).sum();
        Self { there: size(Way::Out), back: size(Way::In) }
    }
}

impl Protocol {
    /// What passed over `api`.
    pub fn of(&self, api: Api) -> Option<&Passed> {
        self.calls.iter().find(|passed| passed.api == api)
    }
}

/// Calls over each API, through a relay.
///
/// # Errors
/// When a call that has to work does not.
pub async fn measure(served: &Served) -> Result<Protocol, Status> {
    served.store.put("greeting", "hello").await?;
    let mut calls = Vec::new();
    let mut exchange = Vec::new();
    for api in Api::ALL {
        let (relay, address) = through_a_relay(&served.address(api)).await?;
        let client = Client::connect(api, &address).await?;
        client.get("greeting").await?;
        let first = Bytes::of(&relay.passed());
        let mut later = Vec::new();
        for _ in 0..CALLS {
            client.get("greeting").await?;
            exchange = relay.passed();
            later.push(Bytes::of(&exchange));
        }
        later.sort();
        // Now and then something else passes, such as an acknowledgment of settings.
        calls.push(Passed { api, messages: messages(api)?, first, warm: later[CALLS / 2] });
    }
    let text = |wanted| {
        let bytes = exchange.iter().filter(|(way, _)| *way == wanted).flat_map(|(_, bytes)| bytes.clone());
        String::from_utf8(bytes.collect()).map_err(lost)
    };
    Ok(Protocol { calls, exchange: [text(Way::Out)?, text(Way::In)?] })
}

/// The two messages by themselves. The JSON API has no body in its request: the key is in the path.
fn messages(api: Api) -> Result<Bytes, Status> {
    let codec = match api {
        Api::Ours => "bincode",
        Api::Grpc | Api::GrpcWeb => "proto",
        Api::Json => "json",
    };
    let request = Coding::<GetRequest>::find(codec)?.encode(&GetRequest { key: "greeting".to_owned() })?;
    let reply = Coding::<GetReply>::find(codec)?.encode(&GetReply { value: "hello".to_owned() })?;
    let there = if api == Api::Json { 0 } else { request.len() };
    Ok(Bytes { there, back: reply.len() })
}

const CALLS: usize = 9;
