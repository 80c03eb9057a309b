//! The same wrong things under each API, and what came back.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use client::Channel;
use kv::Kv;
use kv::proto::IncrementReply;
use reqwest::Method;
use serde::Serialize;
use stub::codec::{Codec, Protobuf};
use transport::{Code, Connection, Path, RequestHead, Status, open};

use super::api::Api;
use super::lost;
use super::served::Served;
use crate::by_hand::protobuf::Writer;

/// What came of each wrong thing.
#[derive(Clone, Debug, Serialize)]
pub struct Strictness {
    /// A row for each.
    pub wrongs: Vec<Wrong>,
}

/// One wrong thing under each API.
#[derive(Clone, Debug, Serialize)]
pub struct Wrong {
    /// What is wrong.
    pub what: &'static str,
    /// What came back, in the order of [`Api::ALL`].
    pub answers: Vec<Answer>,
}

/// What came back.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Who answered.
    pub api: Api,
    /// Whether it was taken for right.
    pub accepted: bool,
    /// A code, for programs: of the contract, and of HTTP where there is one.
    pub code: String,
    /// A text, for people.
    pub text: String,
}

impl Answer {
    /// Whether `other` was told the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        (self.accepted, &self.code, &self.text) == (other.accepted, &other.code, &other.text)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.text {
            "" => f.write_str(&self.code),
            text => write!(f, "{}: {text}", self.code),
        }
    }
}

impl Strictness {
    /// How many wrong things `api` has noticed.
    pub fn noticed(&self, api: Api) -> usize {
        let noticed =
            |wrong: &&Wrong| wrong.answers.iter().any(|answer| answer.api == api && !answer.accepted);
        self.wrongs.iter().filter(noticed).count()
    }
}

/// A wrong thing as each API would be told it.
struct Request {
    what: &'static str,
    path: &'static str,
    bincode: Vec<u8>,
    protobuf: Vec<u8>,
    json: (Method, &'static str, Vec<u8>),
}

/// Says all wrong things to each API.
///
/// # Errors
/// When there is no answer at all.
pub async fn measure(served: &Served) -> Result<Strictness, Status> {
    let mut wrongs = Vec::new();
    for request in wrong_requests() {
        let mut answers = Vec::new();
        for api in Api::ALL {
            // Each finds the store as it was.
            served.store.delete("n").await?;
            answers.push(told(served, api, &request).await?);
        }
        wrongs.push(Wrong { what: request.what, answers });
    }
    Ok(Strictness { wrongs })
}

async fn told(served: &Served, api: Api, request: &Request) -> Result<Answer, Status> {
    let (codec, message) = match api {
        Api::Json => return of_json(&served.address(api), &request.json).await,
        Api::Ours => ("bincode", &request.bincode),
        _ => ("proto", &request.protobuf),
    };
    let connection: Arc<dyn Connection> = Channel::connect(&served.address(api)).await?;
    let head = RequestHead::new(Path::from_static(request.path), codec);
    let reply = match open(&connection, head, Some(message.clone().into()), true).await {
        Ok(mut call) => call.receive.single_message().await,
        Err(status) => Err(status),
    };
    Ok(match reply {
        Ok(reply) => {
            Answer { api, accepted: true, code: Code::Ok.name().to_owned(), text: read(api, request, reply) }
        }
        Err(status) => {
            let (code, text) = (status.code().name().to_owned(), status.message().to_owned());
            Answer { api, accepted: false, code, text }
        }
    })
}

/// What an answer says that has taken something wrong for right.
fn read(api: Api, request: &Request, reply: Bytes) -> String {
    let number = match (api, request.path) {
        (_, PUT) => return String::new(),
        (Api::Ours, _) => stub::codec::Bincode.decode(reply).map(|reply: IncrementReply| reply.value),
        _ => Protobuf.decode(reply).map(|reply: IncrementReply| reply.value),
    };
    number.map_or_else(|status| status.to_string(), |number| format!("the number is {number}"))
}

async fn of_json(base: &str, (method, path, body): &(Method, &str, Vec<u8>)) -> Result<Answer, Status> {
    let request = reqwest::Client::new().request(method.clone(), format!("{base}{path}"));
    let request = request.header("content-type", "application/json").body(body.clone());
    let response = request.send().await.map_err(lost)?;
    let status = response.status();
    let body = response.text().await.map_err(lost)?;
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let accepted = status.is_success();
    let code = format!("{} {}", status.as_u16(), if accepted { String::new() } else { field("code") });
    let text = match (accepted, problem["value"].as_i64()) {
        (true, Some(number)) => format!("the number is {number}"),
        (true, None) => String::new(),
        _ => field("detail"),
    };
    Ok(Answer { api: Api::Json, accepted, code: code.trim_end().to_owned(), text })
}

fn wrong_requests() -> Vec<Request> {
    let put = |what, bincode: &[u8], protobuf: Vec<u8>, json: &[u8]| Request {
        what,
        path: PUT,
        bincode: bincode.to_vec(),
        protobuf,
        json: (Method::PUT, "/v1/values/k", json.to_vec()),
    };
    let increment = |what, bincode: &[u8], protobuf: Vec<u8>, json: &str| Request {
        what,
        path: INCREMENT,
        bincode: bincode.to_vec(),
        protobuf,
        json: (Method::POST, "/v1/values/n/increment", json.as_bytes().to_vec()),
    };
    let message = Writer::new;
    let whole = message().text(1, "k").text(2, "v").finish();
    let large = "x".repeat(LARGEST);
    vec![
        put(
            "a field that nobody knows",
            b"\x01k\x01v\x01w",
            message().text(1, "k").text(2, "v").text(3, "w").finish(),
            br#"{"value":"v","vaule":"w"}"#,
        ),
        put(
            "a field twice",
            b"\x01k\x01v\x01w",
            message().text(1, "k").text(2, "v").text(2, "w").finish(),
            br#"{"value":"v","value":"w"}"#,
        ),
        increment("a field is missing", b"\x01n", message().text(1, "n").finish(), "{}"),
        increment(
            "a text for a number",
            b"\x01n\x012",
            message().text(1, "n").text(2, "2").finish(),
            r#"{"by":"2"}"#,
        ),
        increment(
            "2^63, too large by one",
            b"\x01n\xfd\0\0\0\0\0\0\0\x80",
            message().text(1, "n").varint(2, 1 << 63).finish(),
            r#"{"by":9223372036854775808}"#,
        ),
        put(
            "bytes that are no text",
            b"\x01k\x01\xff",
            [&whole[..4], b"\x01\xff"].concat(),
            b"{\"value\":\"\xff\"}",
        ),
        put("half of a message", b"\x01k\x01", whole[..5].to_vec(), br#"{"value":"v"#),
        put("garbage behind it", b"\x01k\x01v!", [&whole[..], b"!"].concat(), br#"{"value":"v"}!"#),
        put(
            "more than 4 MiB",
            &[b"\x01k\xfc\0\0\x40\0", large.as_bytes()].concat(),
            message().text(1, "k").text(2, &large).finish(),
            format!("{{\"value\":\"{large}\"}}").as_bytes(),
        ),
        Request {
            what: "a method that is not there",
            path: "/kv.Kv/Gett",
            bincode: b"\x01k".to_vec(),
            protobuf: message().text(1, "k").finish(),
            json: (Method::GET, "/v1/valuez/k", Vec::new()),
        },
    ]
}

const PUT: &str = "/kv.Kv/Put";
const INCREMENT: &str = "/kv.Kv/Increment";
/// As large as a message may be, without all that stands around a value.
const LARGEST: usize = 4 << 20;
