//! What a page in a browser can do: its requests are made here as a browser makes them, and of the answers is
//! told what a page can see.

use std::time::Duration;

use kv::proto::{GetRequest, KvServer};
use kv::{Kv, KvClient, Store};
use reqwest::{Method, Response};
use serde::Serialize;
use server::{Router, Server};
use stub::codec::Coding;
use tokio::time::timeout;
use transport::Status;
use transport::web::Web;

use super::api::Api;
use super::lost;
use super::served::{Served, through_a_relay};
use crate::onlooker::{Onlooker, Said};
use crate::tap::Way;

/// What a page can do with each API.
#[derive(Clone, Debug, Serialize)]
pub struct Browser {
    /// A value, asked for by HTTP/1.1, which is what a page has where there is no TLS.
    pub requests: Vec<Asked>,
    /// Where the status of a call stands.
    pub statuses: Vec<Stands>,
    /// Whether pages of other origins may call.
    pub preflights: Vec<Preflight>,
    /// A whole number as it stands in JSON, and what JSON.parse makes of it.
    pub number: [String; 2],
}

/// A request of a page, and what came back.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Of which API.
    pub api: Api,
    /// The request.
    pub request: String,
    /// What came back.
    pub answer: String,
    /// Whether that is the value, and it is said that it is.
    pub works: bool,
}

/// Where an answer has what a page needs to know how a call ended.
#[derive(Clone, Debug, Serialize)]
pub struct Stands {
    /// Of which API.
    pub api: Api,
    /// Which call.
    pub call: &'static str,
    /// The status, as it stands there.
    pub status: String,
    /// Where.
    pub place: &'static str,
    /// Whether a page can read it.
    pub is_seen: bool,
}

/// What was answered to who asks whether a page may call.
#[derive(Clone, Debug, Serialize)]
pub struct Preflight {
    /// Of which API.
    pub api: Api,
    /// Which origins the server allows besides its own.
    pub allows: &'static str,
    /// Where the page comes from.
    pub origin: &'static str,
    /// The answer.
    pub answer: String,
    /// Whether the browser lets the page call then.
    pub allowed: bool,
}

impl Browser {
    /// Whether a page can use `api`.
    pub fn can_use(&self, api: Api) -> bool {
        self.requests.iter().any(|asked| asked.api == api && asked.works)
    }
}

/// Makes the requests.
///
/// # Errors
/// When nobody answers at all.
pub async fn measure(served: &Served) -> Result<Browser, Status> {
    served.store.put("greeting", "hello").await?;
    let base = served.address(Api::Json);
    let exact = (1_i64 << 53) + 1;
    Ok(Browser {
        requests: vec![
            posted(Api::Grpc, &base, "application/grpc+proto").await?,
            posted(Api::GrpcWeb, &base, "application/grpc-web+proto").await?,
            json(&base).await?,
        ],
        statuses: statuses(served).await?,
        preflights: preflights(served).await?,
        number: [exact.to_string(), format!("{:.0}", exact as f64)],
    })
}

/// get("greeting") with this content type.
async fn posted(api: Api, base: &str, content_type: &str) -> Result<Asked, Status> {
    let response = call(base, content_type, "greeting").await?;
    let (answer, body) = heard(response).await?;
    let works =
        answer.starts_with("200") && ends(&body).is_some_and(|status| status.contains("grpc-status:0"));
    Ok(Asked { api, request: format!("POST /kv.Kv/Get, {content_type}"), answer, works })
}

async fn json(base: &str) -> Result<Asked, Status> {
    let response = reqwest::get(format!("{base}/v1/values/greeting")).await.map_err(lost)?;
    let (answer, _) = heard(response).await?;
    let works = answer.starts_with("200");
    Ok(Asked { api: Api::Json, request: "GET /v1/values/greeting".to_owned(), answer, works })
}

/// get(`key`), as fetch() would send it.
async fn call(base: &str, content_type: &str, key: &str) -> Result<Response, Status> {
    let message = Coding::<GetRequest>::find("proto")?.encode(&GetRequest { key: key.to_owned() })?;
    let mut body = vec![0];
    body.extend_from_slice(&(message.len() as u32).to_be_bytes());
    body.extend_from_slice(&message);
    let request = reqwest::Client::new().post(format!("{base}/kv.Kv/Get"));
    request.header("content-type", content_type).body(body).send().await.map_err(lost)
}

/// The answer in a line, and its body.
async fn heard(response: Response) -> Result<(String, Vec<u8>), Status> {
    let status = response.status();
    let body = timeout(SOON, response.bytes()).await.map_err(lost)?.map_err(lost)?;
    let text = match std::str::from_utf8(&body) {
        Ok(text) if !text.contains('\0') => text.trim().to_owned(),
        _ => format!("{} bytes", body.len()),
    };
    Ok((format!("{} {text}", status.as_u16()).trim().to_owned(), body.into()))
}

/// What stands in the last frame of an answer in gRPC-Web, if it is one with trailers: flag 0x80, four bytes
/// of length, and lines.
fn ends(body: &[u8]) -> Option<String> {
    let mut rest = body;
    loop {
        let (head, behind) = rest.split_first_chunk::<5>()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (payload, next) = behind.split_at_checked(length)?;
        if head[0] & 0x80 != 0 {
            let text = String::from_utf8_lossy(payload).replace(": ", ":");
            return Some(text.trim_end().replace("\r\n", ", "));
        }
        rest = next;
    }
}

async fn statuses(served: &Served) -> Result<Vec<Stands>, Status> {
    let mut found = Vec::new();
    for (key, call) in CALLS {
        found.push(in_grpc(served, key, call).await?);
    }
    let base = served.address(Api::Json);
    for (key, call_of) in CALLS {
        let response = call(&base, "application/grpc-web+proto", key).await?;
        let in_head =
            response.headers().get("grpc-status").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (_, body) = heard(response).await?;
        let (status, place) = match (in_head, ends(&body)) {
            (_, Some(status)) => (status, "the body, flag 0x80"),
            (Some(number), None) => (format!("grpc-status:{number}"), "the head"),
            (None, None) => ("none".to_owned(), "nowhere"),
        };
        found.push(Stands { api: Api::GrpcWeb, call: call_of, status, place, is_seen: place != "nowhere" });
    }
    for (key, call) in CALLS {
        let status = reqwest::get(format!("{base}/v1/values/{key}")).await.map_err(lost)?.status();
        found.push(Stands {
            api: Api::Json,
            call,
            status: status.to_string(),
            place: "the first line",
            is_seen: true,
        });
    }
    Ok(found)
}

/// Over HTTP/2, by who looks on: a page gets what stands before the body, and the body.
async fn in_grpc(served: &Served, key: &str, call: &'static str) -> Result<Stands, Status> {
    let (relay, address) = through_a_relay(&served.address(Api::Grpc)).await?;
    let _ = KvClient::connect(&address).await?.get(key).await;
    let said = Onlooker::new().sees(&relay.passed());
    let heads: Vec<&Said> =
        said.iter().filter(|said| said.frame.way == Way::In && said.fields.is_some()).collect();
    let at = heads.iter().position(|said| said.value("grpc-status").is_some());
    let at = at.ok_or_else(|| lost("no grpc-status was sent"))?;
    let number = heads[at].value("grpc-status").unwrap_or_default();
    let place = if at == 0 { "the head" } else { "the trailers" };
    Ok(Stands { api: Api::Grpc, call, status: format!("grpc-status:{number}"), place, is_seen: at == 0 })
}

async fn preflights(served: &Served) -> Result<Vec<Preflight>, Status> {
    let web = Web::new().allow_origin(ORIGIN)?.site(kv_json::router(served.store.clone()));
    let mut open = Server::new(Router::new().with(KvServer::<Store>::new(served.store.clone()))).web(web);
    let (closed, open_to_one) =
        (served.address(Api::Json), open.listen("http://127.0.0.1:0").await?.to_string());
    let mut found = Vec::new();
    for api in [Api::GrpcWeb, Api::Json] {
        for (base, allows, origin) in [
            (&closed, "its own", ORIGIN),
            (&open_to_one, "this one", ORIGIN),
            (&open_to_one, "another", "https://elsewhere.example"),
        ] {
            let (answer, allowed) = preflight(base, api, origin).await?;
            found.push(Preflight { api, allows, origin, answer, allowed });
        }
    }
    Ok(found)
}

/// Asks as a browser does before a page of `origin` may call (Fetch §4.8).
async fn preflight(base: &str, api: Api, origin: &str) -> Result<(String, bool), Status> {
    let (method, path, headers) = match api {
        Api::Json => ("PUT", "/v1/values/greeting", "content-type"),
        _ => ("POST", "/kv.Kv/Get", "content-type,x-grpc-web"),
    };
    let request = reqwest::Client::new().request(Method::OPTIONS, format!("{base}{path}"));
    let request = request
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers);
    let response = request.send().await.map_err(lost)?;
    let name = "access-control-allow-origin";
    let allows = response.headers().get(name).and_then(|value| value.to_str().ok());
    let allowed = response.status().is_success() && allows.is_some_and(|it| it == origin || it == "*");
    let said = allows.map_or_else(|| format!("no {name}"), |value| format!("{name}: {value}"));
    Ok((format!("{}, {said}", response.status().as_u16()), allowed))
}

const ORIGIN: &str = "https://app.example";
/// One that goes well and one that does not: the key, and the call.
const CALLS: [(&str, &str); 2] = [("greeting", "get(\"greeting\")"), ("nothing", "get(\"nothing\")")];
const SOON: Duration = Duration::from_secs(2);
