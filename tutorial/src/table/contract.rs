//! What both sides agree upon, as a document: `kv.proto`, and the API's description in OpenAPI.

use serde::Serialize;
use serde_json::Value;
use transport::Status;

use super::lost;
use crate::source;

/// Two documents that say the same.
#[derive(Clone, Debug, Serialize)]
pub struct Contract {
    /// The contract of gRPC, written before the code.
    pub proto: Document,
    /// The description of the API, made of the code.
    pub openapi: Document,
    /// What each says of the same thing, in its own words.
    pub says: Vec<Says>,
    /// The same method in each.
    pub method: [String; 2],
}

/// How much a document has in it.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// What it is called.
    pub name: &'static str,
    /// Its lines, without empty ones.
    pub lines: usize,
    /// Its bytes.
    pub bytes: usize,
    /// The methods, or operations.
    pub methods: usize,
    /// The messages, or schemas.
    pub types: usize,
}

/// What the documents say of something.
#[derive(Clone, Debug, Serialize)]
pub struct Says {
    /// Of what.
    pub of: &'static str,
    /// The contract of gRPC.
    pub proto: String,
    /// The description of the API.
    pub openapi: String,
    /// Whether it is more than words for people, in each.
    pub checked: [bool; 2],
}

/// Reads both documents.
///
/// # Errors
/// When one of them does not say any more what this looks for.
pub fn read() -> Result<Contract, Status> {
    let api = serde_json::to_value(kv_json::openapi()).map_err(lost)?;
    let pretty = |value: &Value| serde_json::to_string_pretty(value).map_err(lost);
    let whole = pretty(&api)?;
    let operations = api["paths"].as_object().into_iter().flatten();
    let operations = operations.flat_map(|(_, path)| path.as_object().into_iter().flatten());
    let proto = Document {
        name: "kv.proto",
        lines: lines(PROTO),
        bytes: PROTO.len(),
        methods: PROTO.lines().filter(|line| line.trim().starts_with("rpc ")).count(),
        types: PROTO.lines().filter(|line| line.starts_with("message ")).count(),
    };
    let openapi = Document {
        name: "openapi.json",
        lines: lines(&whole),
        bytes: whole.len(),
        methods: operations.count(),
        types: api["components"]["schemas"].as_object().map_or(0, serde_json::Map::len),
    };
    let at =
        |pointer: &str| api.pointer(pointer).ok_or_else(|| lost(format!("the description has no {pointer}")));
    let increment = at("/paths/~1v1~1values~1{key}~1increment/post")?;
    let method = [
        [cut("rpc Increment(")?, cut("message IncrementRequest ")?, cut("message IncrementReply ")?]
            .join("\n\n"),
        pretty(increment)?,
    ];
    Ok(Contract { proto, openapi, says: says(&at)?, method })
}

fn says<'a>(at: &impl Fn(&str) -> Result<&'a Value, Status>) -> Result<Vec<Says>, Status> {
    let shown = |pointer: &str| at(pointer).map(Value::to_string);
    let by = "/components/schemas/By/properties/by";
    let value = "/components/schemas/Change/properties/value/type";
    let changes =
        "/paths/~1v1~1values~1{key}~1changes/get/responses/200/content/text~1event-stream/schema/$ref";
    let missing = "/paths/~1v1~1values~1{key}/get/responses/404/description";
    let empty = "/paths/~1v1~1values~1{key}/put/responses/400/description";
    at("/paths/~1v1~1values~1{key}~1increment/post")?;
    let row = |of, proto, openapi, checked| Says { of, proto, openapi, checked };
    Ok(vec![
        row("a method", line("rpc Increment(")?, "POST /v1/values/{key}/increment".to_owned(), [true, true]),
        row(
            "a number",
            line("int64 by")?,
            format!("type: {}, format: {}", shown(&format!("{by}/type"))?, shown(&format!("{by}/format"))?),
            [true, true],
        ),
        row(
            "what may be absent",
            line("optional string value")?,
            format!("type: {}", shown(value)?),
            [true, true],
        ),
        row(
            "many messages",
            line("rpc Watch(")?,
            format!("text/event-stream of {}", shown(changes)?),
            [true, false],
        ),
        row("both sides send", line("rpc Sync(")?, "it has no words for that".to_owned(), [true, false]),
        row("an error", line("// NOT_FOUND when")?, format!("404: {}", shown(missing)?), [false, true]),
        row(
            "a rule for a value",
            line("// INVALID_ARGUMENT when the key")?,
            format!("400: {}", shown(empty)?),
            [false; 2],
        ),
    ])
}

/// The first line of the contract that begins so.
fn line(beginning: &str) -> Result<String, Status> {
    let line = PROTO.lines().map(str::trim).find(|line| line.starts_with(beginning));
    line.map(str::to_owned).ok_or_else(|| lost(format!("kv.proto has no line {beginning:?}")))
}

fn cut(beginning: &str) -> Result<String, Status> {
    source::item(PROTO, beginning).ok_or_else(|| lost(format!("kv.proto has no {beginning:?}")))
}

fn lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

const PROTO: &str = include_str!("../../../stub/kv/proto/kv.proto");
