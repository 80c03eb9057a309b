//! A server whose handlers take their time, for who wants to see what becomes of them.

use kv::Store;
use kv::message::{GetReply, GetRequest};
use kv::proto::{self, Change, IncrementReply, IncrementRequest, WatchRequest};
use server::context;
use stub::Sender;
use tokio::sync::mpsc::UnboundedSender;
use transport::{Code, Metadata, Status};

/// What a slow handler has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It was called.
    Began,
    /// Nobody wants its answer any more.
    Dropped,
}

/// A store some of whose keys do something else: "slow" is never answered, "echo" answers with the metadata of
/// the request, "status N" with status N.
#[derive(Debug)]
pub struct Slow {
    store: Store,
    news: UnboundedSender<News>,
}

impl Slow {
    /// An empty store, that tells `news` what becomes of a call that is never answered.
    pub fn new(news: UnboundedSender<News>) -> Self {
        Self { store: Store::new(), news }
    }
}

/// Never ends; tells `news` that it has begun, and that it is dropped.
pub async fn forever(news: &UnboundedSender<News>) {
    let _guard = Guard(news.clone());
    let _ = news.send(News::Began);
    std::future::pending().await
}

impl proto::Kv for Slow {
    async fn get(&self, request: GetRequest) -> Result<GetReply, Status> {
        match request.key.split_once(' ') {
            None if request.key == "slow" => forever(&self.news).await,
            None if request.key == "echo" => {
                context::set_head(context::metadata());
                let mut trailers = Metadata::new();
                trailers.append("took", "7 ms")?;
                context::set_trailers(trailers);
                return Ok(GetReply { value: "hello".to_owned() });
            }
            Some(("status", number)) => {
                let code = Code::from_number(number.parse().unwrap_or(u8::MAX));
                Status::new(code, "as you wish").into_result()?;
                return Ok(GetReply::default());
            }
            _ => {}
        }
        proto::Kv::get(&self.store, request).await
    }

    async fn put(&self, request: proto::PutRequest) -> Result<proto::PutReply, Status> {
        proto::Kv::put(&self.store, request).await
    }

    async fn increment(&self, request: IncrementRequest) -> Result<IncrementReply, Status> {
        let is_slow = request.key == "slow" && request.by != 0;
        let reply = proto::Kv::increment(&self.store, request).await?;
        if is_slow {
            forever(&self.news).await;
        }
        Ok(reply)
    }

    async fn watch(&self, request: WatchRequest, mut replies: Sender<Change>) -> Result<(), Status> {
        replies.send(&Change { key: request.key, value: Some("hello".to_owned()) }).await?;
        // A google.rpc.Status: field 1, the code; field 2, a text.
        let details = b"\x08\x08\x12\x0a3 GB short".to_vec();
        Err(Status::new(Code::ResourceExhausted, "the disk of \"grün\" is 100 % full").with_details(details))
    }
}

struct Guard(UnboundedSender<News>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send(News::Dropped);
    }
}
