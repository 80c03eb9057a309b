//! The four shapes of a call under each API, tried.

use client::Channel;
use kv::Kv;
use kv::proto::{Change, Entry, KvClient, WatchRequest};
use serde::Serialize;
use transport::Status;

use super::api::Api;
use super::lost;
use super::served::Served;

/// Which shapes of a call work.
#[derive(Clone, Debug, Serialize)]
pub struct Streaming {
    /// A row for each API.
    pub apis: Vec<Shapes>,
}

/// What one API can do.
#[derive(Clone, Debug, Serialize)]
pub struct Shapes {
    /// Which.
    pub api: Api,
    /// The four shapes, in the order of [`SHAPES`].
    pub shapes: [Tried; 4],
}

/// What came of trying.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// Whether each message passed when it was there, before the next one.
    pub works: bool,
    /// How it is done, or what was said.
    pub how: String,
}

impl Tried {
    fn works(how: &str) -> Self {
        Self { works: true, how: how.to_owned() }
    }

    fn fails(how: impl std::fmt::Display) -> Self {
        Self { works: false, how: how.to_string() }
    }
}

impl Streaming {
    /// How many of the shapes work under `api`.
    pub fn count(&self, api: Api) -> usize {
        let shapes = self.apis.iter().find(|shapes| shapes.api == api);
        shapes.map_or(0, |shapes| shapes.shapes.iter().filter(|tried| tried.works).count())
    }
}

/// Tries the four shapes under each API.
///
/// # Errors
/// When nobody answers.
pub async fn measure(served: &Served) -> Result<Streaming, Status> {
    let mut apis = Vec::new();
    for api in Api::ALL {
        served.store.put("k", "before").await?;
        let shapes = match api {
            Api::Json => over_json(served).await?,
            _ => over_calls(served, api).await?,
        };
        apis.push(Shapes { api, shapes });
    }
    Ok(Streaming { apis })
}

async fn over_calls(served: &Served, api: Api) -> Result<[Tried; 4], Status> {
    let kv = KvClient::new(Channel::connect(&served.address(api)).await?);
    let kv = if api == Api::Ours { kv } else { kv.with(client::CallOptions::new().codec("proto")) };
    let tried = |result: Result<(), Status>, how| result.map_or_else(Tried::fails, |()| Tried::works(how));
    Ok([
        tried(served.client(api).await?.get("k").await.map(drop), "one message there, one back"),
        tried(watch(served, &kv).await, "each change as it happens"),
        tried(load(served, &kv).await, "each entry as it is sent"),
        tried(sync(&kv).await, "both sides, each when it likes"),
    ])
}

/// A change that is made while the call runs comes before the call ends.
async fn watch(served: &Served, kv: &KvClient) -> Result<(), Status> {
    let mut changes = kv.watch(&WatchRequest { key: "k".to_owned() }).await?;
    changes.recv().await?;
    served.store.put("k", "after").await?;
    match changes.recv().await? {
        Some(Change { value: Some(value), .. }) if value == "after" => Ok(()),
        other => Err(lost(format!("no change came, but {other:?}"))),
    }
}

/// An entry is in the store before the next one is sent.
async fn load(served: &Served, kv: &KvClient) -> Result<(), Status> {
    let mut changes = KvClient::new(Channel::connect(&served.address(Api::Ours)).await?)
        .watch(&WatchRequest { key: "loaded".to_owned() })
        .await?;
    changes.head().await;
    let (mut entries, mut reply) = kv.load().await?;
    let entry = |value: &str| Entry { key: "loaded".to_owned(), value: value.to_owned() };
    entries.send(&entry("first")).await?;
    // Where the call has failed, nothing ever comes.
    tokio::select! {
        change = changes.recv() => drop(change?),
        ended = reply.single() => return ended.map(drop),
    }
    entries.send(&entry("second")).await?;
    entries.finish().await?;
    match reply.single().await?.count {
        2 => served.store.delete("loaded").await.map(drop),
        other => Err(lost(format!("two entries were loaded, and counted as {other}"))),
    }
}

/// What is sent comes back before more is sent.
async fn sync(kv: &KvClient) -> Result<(), Status> {
    let (mut there, mut back) = kv.sync().await?;
    back.head().await;
    for value in ["one", "two"] {
        let change = Change { key: "k".to_owned(), value: Some(value.to_owned()) };
        there.send(&change).await?;
        if back.recv().await? != Some(change) {
            return Err(lost("what was sent did not come back"));
        }
    }
    there.finish().await
}

async fn over_json(served: &Served) -> Result<[Tried; 4], Status> {
    let base = served.address(Api::Json);
    let client = reqwest::Client::new();
    let said = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        Ok::<_, Status>((status, response.text().await.map_err(lost)?))
    };
    let unary = client.get(format!("{base}/v1/values/k"));
    let (status, _) = said(unary).await?;
    if !status.is_success() {
        return Err(lost(format!("a value is answered with {status}")));
    }

    let mut events = client.get(format!("{base}/v1/values/k/changes")).send().await.map_err(lost)?;
    let mut text = String::new();
    served.store.put("k", "after").await?;
    while !text.contains("\"after\"") {
        let chunk = events.chunk().await.map_err(lost)?.ok_or_else(|| lost("events ended"))?;
        text.push_str(&String::from_utf8_lossy(&chunk));
    }

    let list = r#"[{"key":"a","value":"1"},{"key":"b","value":"2"}]"#;
    let load = client.post(format!("{base}/v1/values")).header("content-type", "application/json").body(list);
    let (_, counted) = said(load).await?;
    let (status, sync) = said(client.post(format!("{base}/v1/sync"))).await?;
    let problem: serde_json::Value = serde_json::from_str(&sync).unwrap_or_default();
    Ok([
        Tried::works("one request, one answer"),
        Tried::works("server-sent events, each a JSON text"),
        Tried::fails(format!("as one list, when all of it is there: {counted}")),
        Tried::fails(format!("{}: {}", status.as_u16(), problem["detail"].as_str().unwrap_or_default())),
    ])
}

/// What the four shapes are called.
pub const SHAPES: [&str; 4] = ["unary", "server streaming", "client streaming", "bidirectional"];
