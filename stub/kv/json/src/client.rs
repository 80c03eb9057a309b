//! A `Kv` behind the API.

use kv::Kv;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use transport::{Code, Status};

use crate::Problem;
use crate::body::{By, Existed, Number, Text};
use crate::problem::code_of;

/// A [`Kv`] that is reached through the API. Cheap to clone; any number of calls may run at once, each on a
/// connection of its own as long as it runs (HTTP/1.1).
#[derive(Clone, Debug)]
pub struct JsonClient {
    client: Client,
    /// Ends with a slash.
    base: Url,
}

impl JsonClient {
    /// The API at `base`: `http://127.0.0.1:8080`. Nothing is sent yet.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when that is no URL of HTTP.
    pub fn new(base: &str) -> Result<Self, Status> {
        let wrong = |reason: &dyn std::fmt::Display| {
            let text = format!("{base:?} is not the URL of an API, such as http://127.0.0.1:8080: {reason}");
            Status::new(Code::InvalidArgument, text)
        };
        let url = Url::parse(base).map_err(|error| wrong(&error))?;
        if url.scheme() != "http" {
            return Err(wrong(&"its scheme is another"));
        }
        Ok(Self { client: Client::new(), base: url })
    }

    /// The place of `key`, and what is below it.
    fn url(&self, key: &str, below: Option<&str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "values", key]).extend(below);
        }
        url
    }
}

impl Kv for JsonClient {
    async fn get(&self, key: &str) -> Result<String, Status> {
        let reply: Text = body(send(self.client.get(self.url(key, None))).await?).await?;
        Ok(reply.value)
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Status> {
        let request = Text { value: value.to_owned() };
        send(self.client.put(self.url(key, None)).json(&request)).await?;
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<bool, Status> {
        let reply: Existed = body(send(self.client.delete(self.url(key, None))).await?).await?;
        Ok(reply.existed)
    }

    async fn increment(&self, key: &str, by: i64) -> Result<i64, Status> {
        let request = self.client.post(self.url(key, Some("increment"))).json(&By { by });
        let reply: Number = body(send(request).await?).await?;
        Ok(reply.value)
    }
}

/// Sends a request; an answer that is a problem is an error.
async fn send(request: RequestBuilder) -> Result<Response, Status> {
    let response = request.send().await.map_err(|error| lost(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.map_err(|error| lost(&error))?;
    Err(serde_json::from_str::<Problem>(&text).map_or_else(|_| without_problem(status), Status::from))
}

async fn body<T: DeserializeOwned>(response: Response) -> Result<T, Status> {
    let bytes = response.bytes().await.map_err(|error| lost(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Status::new(Code::Internal, format!("json layer, an answer of {} bytes: {error}", bytes.len()))
    })
}

fn lost(error: &reqwest::Error) -> Status {
    use std::error::Error;
    // What it was about says little; what was behind it says why.
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    Status::new(Code::Unavailable, text)
}

fn without_problem(status: StatusCode) -> Status {
    Status::new(code_of(status.as_u16()), format!("the answer is HTTP status {status}, and says no more"))
}
