//! What a caller writes, and who has written the rest: stubs and clients, by hand and by program.

use serde::Serialize;
use stub_build::{Builder, Codec};
use transport::Status;

use super::lost;
use crate::lens::schema;
use crate::source;

/// The clients that there are.
#[derive(Clone, Debug, Serialize)]
pub struct ClientCode {
    /// A row for each.
    pub clients: Vec<Code>,
}

/// One client.
#[derive(Clone, Debug, Serialize)]
pub struct Code {
    /// Of what, and who has written it.
    pub what: &'static str,
    /// Where it is.
    pub file: &'static str,
    /// Its lines, without comments and empty ones.
    pub lines: usize,
    /// Of how many methods.
    pub methods: usize,
    /// What `increment` looks like to a caller.
    pub signature: String,
    /// What a caller gets when it fails.
    pub error: &'static str,
    /// What a caller gets of changes.
    pub changes: &'static str,
}

/// Reads the clients, and generates that of the contract.
///
/// # Errors
/// When one of them has no `increment` any more.
pub fn read() -> Result<ClientCode, Status> {
    let builder = Builder::new().codecs([Codec::Bincode, Codec::Protobuf, Codec::Json]);
    let mut generated = builder.generate(schema::KV).map_err(lost)?;
    let generated = generated.packages.remove("kv").ok_or_else(|| lost("there is no package kv"))?;
    let stub =
        ["pub struct KvClient", "impl KvClient"].map(|it| source::item(&generated, it).unwrap_or_default());
    let by_program =
        |text: &str| text.matches("pub async fn ").count() - text.matches("pub async fn connect(").count();
    Ok(ClientCode {
        clients: vec![
            Code {
                what: "gRPC, by hand",
                file: "stub/kv/src/client_stub.rs",
                lines: lines(STUB),
                methods: STUB.matches("    async fn ").count(),
                signature: signature(STUB, "async fn increment(")?,
                error: "Status: a code of 17 and a text",
                changes: "not in it",
            },
            Code {
                what: "gRPC, by stub_build",
                file: "what stub_build writes of kv.proto",
                lines: lines(&stub.join("\n")),
                methods: by_program(&stub[1]),
                signature: signature(&stub[1], "pub async fn increment(")?,
                error: "Status: a code of 17 and a text",
                changes: "Receiver<Change>",
            },
            Code {
                what: "JSON API, by hand",
                file: "stub/kv/json/src/client.rs",
                lines: lines(JSON_CLIENT),
                methods: JSON_CLIENT.matches("    async fn ").count(),
                signature: signature(JSON_CLIENT, "async fn increment(")?,
                error: "Status, made of the problem",
                changes: "not in it",
            },
            Code {
                what: "JSON API, by progenitor",
                file: "stub/kv/json/tests/generated/client.rs",
                lines: lines(WRITTEN),
                methods: by_program(WRITTEN),
                signature: signature(WRITTEN, "pub async fn increment<")?,
                error: "HTTP's status and bytes",
                changes: "ByteStream",
            },
        ],
    })
}

fn signature(text: &str, beginning: &str) -> Result<String, Status> {
    source::signature(text, beginning).ok_or_else(|| lost(format!("a client has no {beginning:?}")))
}

/// The lines that are neither empty nor a comment.
fn lines(text: &str) -> usize {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    let mut is_inside = false;
    let of_code = text.lines().map(str::trim).filter(is_code).filter(|line| {
        // progenitor writes comments of several lines.
        let was_inside = is_inside;
        is_inside = (is_inside || line.starts_with("/*")) && !line.ends_with("*/");
        !was_inside && !line.starts_with("/*")
    });
    of_code.count()
}

const STUB: &str = include_str!("../../../stub/kv/src/client_stub.rs");
const JSON_CLIENT: &str = include_str!("../../../stub/kv/json/src/client.rs");
const WRITTEN: &str = include_str!("../../../stub/kv/json/tests/generated/client.rs");
