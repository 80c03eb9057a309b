//! The heads of a call: request and response as header fields.

use std::time::Duration;

use bytestring::ByteString;
use http2::{Field, Fields, Recent};

use super::{fields, status, timeout};
use crate::{Code, Compression, Metadata, Path, RequestHead, Status};

/// What a client writes on top of each request.
#[derive(Debug, Default)]
pub(super) struct Requests {
    scheme: &'static str,
    authority: ByteString,
    /// The fields of the last calls that have neither metadata nor a deadline: a list that is sent again
    /// costs nothing.
    plain: Recent<(Path, ByteString, Fields)>,
}

impl Requests {
    pub(super) fn new(scheme: &'static str, authority: ByteString) -> Self {
        Self { scheme, authority, plain: Recent::default() }
    }

    pub(super) fn are_inside_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// The fields of a request that is sent now, `timeout` before its deadline.
    pub(super) fn fields(&mut self, head: &RequestHead, timeout: Option<Duration>) -> Fields {
        if !head.metadata.is_empty() || timeout.is_some() || head.compression.is_some() {
            return self.make(head, timeout);
        }
        let is_it =
            |(path, codec, _): &&(Path, ByteString, Fields)| *path == head.path && *codec == head.codec;
        if let Some((_, _, fields)) = self.plain.find(is_it) {
            return fields.clone();
        }
        let fields = self.make(head, None);
        self.plain.push((head.path.clone(), head.codec.clone(), fields.clone()));
        fields
    }

    fn make(&self, head: &RequestHead, timeout: Option<Duration>) -> Fields {
        let mut fields = vec![
            Field::new(":method", "POST"),
            Field::new(":scheme", self.scheme),
            Field::new(":path", head.path.as_str().to_owned()),
            Field::new(":authority", self.authority.as_bytes().clone()),
        ];
        if let Some(timeout) = timeout {
            fields.push(Field { volatile: true, ..Field::new("grpc-timeout", timeout::encode(timeout)) });
        }
        fields.extend([Field::new("te", "trailers"), content_type(&head.codec)]);
        if let Some(compression) = head.compression {
            fields.push(Field::new("grpc-encoding", compression.name()));
            fields.push(Field::new("grpc-accept-encoding", ACCEPTED));
        }
        fields::append(&head.metadata, &mut fields);
        fields.into()
    }
}

/// Why a request is none of gRPC's.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is not even meant as one: an HTTP status, and what is said with it.
    Http(&'static str, Status),
    /// It is meant as one.
    Grpc(Status),
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// How the call begins, but for its deadline.
    pub(super) head: RequestHead,
    /// How much time the caller gives it.
    pub(super) timeout: Option<Duration>,
    /// How its answer may be compressed.
    pub(super) answer: Option<Compression>,
}

/// What a request asks for, or why it is none.
pub(super) fn parse_request(request: &Fields) -> Result<Request, Refusal> {
    let value = |name| request.value(name).map(|value| &value[..]).unwrap_or_default();
    if value(":method") != b"POST" {
        let text = format!("a call is a POST, not {}", value(":method").escape_ascii());
        return Err(Refusal::Http("405", Status::new(Code::Internal, text)));
    }
    let Some(codec) = codec_of(value("content-type")) else {
        let text =
            format!("content-type \"{}\" is not application/grpc", value("content-type").escape_ascii());
        return Err(Refusal::Http("415", Status::new(Code::Internal, text)));
    };
    if value("te") != b"trailers" {
        return Err(Refusal::Grpc(Status::new(Code::Internal, "a call says \"te: trailers\"")));
    }
    parse_call(request, codec).map_err(Refusal::Grpc)
}

/// What a request asks for that is known to be a call, with messages in `codec`.
pub(super) fn parse_call(request: &Fields, codec: ByteString) -> Result<Request, Status> {
    let path = request.value(":path").cloned().unwrap_or_default();
    let path = ByteString::try_from(path.clone()).unwrap_or_else(|_| path.escape_ascii().to_string().into());
    let path = Path::received(path).map_err(|error| Status::new(Code::Unimplemented, error.to_string()))?;
    let mut head = RequestHead::received(path, codec);
    head.compression = compression_of(request).map_err(|text| {
        let mut metadata = Metadata::new();
        metadata.append_own("grpc-accept-encoding", ACCEPTED);
        Status::new(Code::Unimplemented, text).with_metadata(metadata)
    })?;
    let timeout = request.value("grpc-timeout").map(|value| {
        timeout::decode(value).ok_or_else(|| {
            let text = format!("grpc-timeout \"{}\" is not 1 to 8 digits and a unit", value.escape_ascii());
            Status::new(Code::Internal, text)
        })
    });
    let timeout = timeout.transpose()?;
    head.metadata = fields::metadata(request)?;
    let accepted = request.value("grpc-accept-encoding").map(|value| &value[..]).unwrap_or_default();
    let answer = accepted.split(|byte| *byte == b',').find_map(|name| Compression::find(name.trim_ascii()));
    Ok(Request { head, timeout, answer })
}

/// The head of a response that goes on with messages.
pub(super) fn response(codec: &str, compression: Option<Compression>, metadata: &Metadata) -> Fields {
    let mut fields = vec![Field::new(":status", "200"), content_type(codec)];
    if let Some(compression) = compression {
        fields.push(Field::new("grpc-encoding", compression.name()));
    }
    fields::append(metadata, &mut fields);
    fields.into()
}

/// A response that is a status alone (*Trailers-Only*).
pub(super) fn trailers_only(http: &'static str, codec: &str, status: &Status) -> Fields {
    let mut fields = vec![Field::new(":status", http), content_type(codec)];
    if http == "405" {
        fields.push(Field::new("allow", "POST"));
    }
    status::append(status, &mut fields);
    fields.into()
}

/// Trailers.
pub(super) fn trailers(status: &Status) -> Fields {
    let mut fields = Vec::new();
    status::append(status, &mut fields);
    fields.into()
}

/// What the head of a response says: its metadata and how its messages may be compressed, or why there is
/// no call.
pub(super) fn parse_response(response: &Fields) -> Result<(Metadata, Option<Compression>), Status> {
    let http = response.value(":status").map(|value| &value[..]).unwrap_or_default();
    if http != b"200" {
        return Err(status::parse(response).unwrap_or_else(|| status::of_http(http)));
    }
    let content_type = response.value("content-type").map(|value| &value[..]).unwrap_or_default();
    if codec_of(content_type).is_none() {
        let text = format!("content-type \"{}\" is not application/grpc", content_type.escape_ascii());
        return Err(Status::new(Code::Unknown, text));
    }
    let compression = compression_of(response).map_err(|text| Status::new(Code::Internal, text))?;
    Ok((fields::metadata(response)?, compression))
}

/// How messages may be compressed; an error when it is not known how.
pub(super) fn compression_of(fields: &Fields) -> Result<Option<Compression>, String> {
    let Some(name) = fields.value("grpc-encoding").filter(|name| *name != "identity") else {
        return Ok(None);
    };
    match Compression::find(name) {
        Some(compression) => Ok(Some(compression)),
        None => Err(format!("messages compressed as {} are not understood here", name.escape_ascii())),
    }
}

/// `application/grpc`, and the name of the codec where it is not the one that goes without saying.
fn content_type(codec: &str) -> Field {
    match codec {
        DEFAULT_CODEC => Field::new("content-type", "application/grpc"),
        _ => Field::new("content-type", format!("application/grpc+{codec}")),
    }
}

fn codec_of(content_type: &[u8]) -> Option<ByteString> {
    codec_behind(content_type.strip_prefix(b"application/grpc")?)
}

/// The codec that stands behind the first part of a content type; `None`: it goes on in another way.
pub(super) fn codec_behind(rest: &[u8]) -> Option<ByteString> {
    // Parameters mean nothing here.
    let rest = rest.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    match rest.split_first() {
        None => Some(ByteString::from_static(DEFAULT_CODEC)),
        Some((b'+', codec)) if !codec.is_empty() && codec.len() <= 64 => {
            ByteString::try_from(codec).ok().filter(|codec| codec.bytes().all(|byte| byte.is_ascii_graphic()))
        }
        Some(_) => None,
    }
}

/// The codec of a call that names none.
const DEFAULT_CODEC: &str = "proto";

/// How messages may be compressed that come.
const ACCEPTED: &str = "identity,gzip,deflate";
