//! Two calls, with and without TLS, and all that passes for who looks on.

use client::{CallOptions, Channel};
use kv::{Kv, KvClient};
use transport::{Address, Limits, Status, tls};

use crate::relay::Relay;
use crate::tap::Chunk;

/// What has passed on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// All up to the end of the first call.
    pub before: Vec<Chunk>,
    /// The second one: put("greeting", "hello").
    pub call: Vec<Chunk>,
}

impl Recorded {
    /// What passes on a connection of its own to the `Kv` at `address`.
    ///
    /// # Errors
    /// Those of [`connect`], and of the calls.
    pub async fn of(address: &Address, tls: Option<tls::Client>) -> Result<Self, Status> {
        let relay = Relay::to(address).await?;
        let kv = connect(relay.address(), tls).await?;
        kv.put("first", "call").await?;
        let before = relay.passed();
        kv.put("greeting", "hello").await?;
        Ok(Self { before, call: relay.passed() })
    }

    /// All bytes, in the order in which they passed.
    pub fn bytes(&self) -> Vec<u8> {
        self.before.iter().chain(&self.call).flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

/// A client of the `Kv` at `address`, which `tls` checks, if it is one with TLS.
///
/// # Errors
/// Those of [`Channel::connect_tls`].
pub async fn connect(address: &Address, tls: Option<tls::Client>) -> Result<KvClient, Status> {
    let address = address.to_string();
    let channel = match tls {
        Some(tls) => Channel::connect_tls(&address, Limits::default(), tls).await?,
        None => Channel::connect(&address).await?,
    };
    let options = CallOptions::new().codec(channel.codec());
    Ok(KvClient::new(channel).with(options))
}
