//! Which pages may call: cross-origin resource sharing ([Fetch, "CORS protocol"](https://fetch.spec.whatwg.org/#http-cors-protocol)).

use std::sync::Arc;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::uri::Authority;
use ::http::{Method, StatusCode, Uri};

use crate::{Code, Status};

/// The origins whose pages may call beside those of the server's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Cors {
    allowed: Arc<Vec<HeaderValue>>,
}

/// Where a request comes from, as its browser says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From a page of this server, or from what is no page.
    Own,
    /// From a page of another, which may call.
    Allowed(HeaderValue),
    /// From a page that may not.
    Refused(String),
}

impl Cors {
    /// Allows pages of `origin`.
    pub(super) fn allow(&mut self, origin: &str) -> Result<(), Status> {
        let wrong = |reason: &str| {
            let text = format!("{origin:?} is not an origin, such as https://app.example: {reason}");
            Status::new(Code::InvalidArgument, text)
        };
        let uri: Uri = origin.parse().map_err(|_| wrong("it is no URI"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let usual_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(wrong("it begins with http:// or https://")),
        };
        let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
        if !origin.eq_ignore_ascii_case(&format!("{scheme}://{authority}")) {
            return Err(wrong("it ends behind the host and the port"));
        }
        if authority.contains('@') {
            return Err(wrong("there is nobody in it"));
        }
        if uri.port_u16() == Some(usual_port) {
            return Err(wrong("the port of the scheme goes without saying"));
        }
        if uri.port_u16().is_none() && authority.len() > uri.host().unwrap_or_default().len() {
            return Err(wrong("the port is no number from 0 to 65535"));
        }
        let origin = HeaderValue::from_str(&origin.to_ascii_lowercase());
        Arc::make_mut(&mut self.allowed).push(origin.map_err(|_| wrong("it is no URI"))?);
        Ok(())
    }

    /// Where a request comes from that was sent to `host`.
    pub(super) fn origin(&self, headers: &HeaderMap, host: &str) -> Origin {
        let Some(origin) = headers.get(header::ORIGIN) else { return Origin::Own };
        let text = String::from_utf8_lossy(origin.as_bytes());
        // By host and port alone: what is in front of this server may have taken TLS off.
        let from = text.split_once("://").map(|(_, from)| from);
        if from.is_some_and(|from| !host.is_empty() && from.eq_ignore_ascii_case(host)) {
            return Origin::Own;
        }
        if self.allowed.contains(origin) {
            return Origin::Allowed(origin.clone());
        }
        Origin::Refused(text.into_owned())
    }

    /// Whether answers differ by where their requests come from.
    pub(super) fn allows_others(&self) -> bool {
        !self.allowed.is_empty()
    }
}

/// Whether a browser asks with this whether it may ask.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to one that may: status and headers.
pub(super) fn may_ask(headers: &HeaderMap) -> (StatusCode, HeaderMap) {
    let mut answer = HeaderMap::new();
    // Who may call may call all there is, with whatever metadata.
    for (asked, allowed) in [
        (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        answer.extend(headers.get(asked).map(|value| (allowed, value.clone())));
    }
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(TWO_HOURS));
    answer.insert(
        header::VARY,
        HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers"),
    );
    (StatusCode::NO_CONTENT, answer)
}

/// Lets the page at `origin` read an answer with these headers, all of them.
pub(super) fn expose(headers: &mut HeaderMap, origin: HeaderValue) {
    let known = [STATUS, MESSAGE, DETAILS, ENCODING].map(HeaderName::from_static);
    let mut names: Vec<&str> = known.iter().map(HeaderName::as_str).collect();
    for name in headers.keys() {
        let is_cors = name.as_str().starts_with("access-control-");
        if !known.contains(name) && !READABLE.contains(&name.as_str()) && !is_cors {
            names.push(name.as_str());
        }
    }
    // They are names of headers, and commas.
    let exposed = HeaderValue::from_str(&names.join(","));
    headers.extend(exposed.ok().map(|exposed| (header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed)));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const DETAILS: &str = "grpc-status-details-bin";
const ENCODING: &str = "grpc-encoding";

/// What a page may read anyway, or never.
const READABLE: [&str; 10] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "expires",
    "last-modified",
    "pragma",
    "set-cookie",
    "vary",
];

/// As long as browsers keep an answer at most, in seconds.
const TWO_HOURS: &str = "7200";

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))])
    }

    #[test]
    fn a_page_of_the_server_itself_may_call() {
        let cors = Cors::default();
        assert_eq!(cors.origin(&from("http://127.0.0.1:8080"), "127.0.0.1:8080"), Origin::Own);
        assert_eq!(cors.origin(&from("https://Kv.Example"), "kv.example"), Origin::Own);
        assert_eq!(cors.origin(&HeaderMap::new(), "kv.example"), Origin::Own);
    }

    #[test]
    fn no_other_page_may_unless_it_was_allowed() {
        let mut cors = Cors::default();
        let app = HeaderValue::from_static("https://app.example");
        let origin = |cors: &Cors, origin| cors.origin(&from(origin), "kv.example");
        assert!(matches!(origin(&cors, "https://app.example"), Origin::Refused(_)));
        cors.allow("https://App.example").unwrap();
        assert_eq!(origin(&cors, "https://app.example"), Origin::Allowed(app));
        for other in
            ["http://app.example", "https://app.example:8443", "https://app.example.evil.example", "null"]
        {
            assert_eq!(origin(&cors, other), Origin::Refused(other.to_owned()));
        }
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        let mut cors = Cors::default();
        for right in ["http://localhost:5173", "https://app.example", "https://[::1]:8443"] {
            cors.allow(right).unwrap();
        }
        for wrong in [
            "*",
            "app.example",
            "ftp://app.example",
            "https://app.example/",
            "https://a@b",
            "https://app.example/x",
            "https://app.example#x",
            "https://app.example:",
            "https://app.example:443",
            "",
        ] {
            let error = cors.allow(wrong).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains("is not an origin"), "{error}");
        }
    }
}
