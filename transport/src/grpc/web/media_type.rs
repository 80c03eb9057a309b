//! The `content-type` of gRPC-Web.

use ::http::HeaderValue;
use bytestring::ByteString;

use crate::grpc::head;

/// How the messages of a call stand in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    /// The body is base64.
    pub(super) is_text: bool,
    pub(super) codec: ByteString,
}

impl MediaType {
    /// `None`: it is none of gRPC-Web.
    pub(super) fn parse(content_type: &[u8]) -> Option<Self> {
        let (family, rest) = content_type.split_at_checked(FAMILY.len())?;
        if !family.eq_ignore_ascii_case(FAMILY.as_bytes()) {
            return None;
        }
        let (is_text, rest) = match rest.split_at_checked(TEXT.len()) {
            Some((text, rest)) if text.eq_ignore_ascii_case(TEXT.as_bytes()) => (true, rest),
            _ => (false, rest),
        };
        Some(Self { is_text, codec: head::codec_behind(rest)? })
    }

    /// The same for the answer, which may be asked for as text, or not, by `accept`.
    pub(super) fn for_answer(mut self, accept: Option<&HeaderValue>) -> Self {
        let accepted = accept.map(HeaderValue::as_bytes).unwrap_or_default();
        let mut accepted = accepted.split(|byte| *byte == b',');
        if let Some(asked) = accepted.find_map(|accepted| Self::parse(accepted.trim_ascii())) {
            self.is_text = asked.is_text;
        }
        self
    }

    /// As it stands in a header.
    pub(super) fn name(&self) -> String {
        let text = if self.is_text { TEXT } else { "" };
        format!("{FAMILY}{text}+{}", self.codec)
    }
}

const FAMILY: &str = "application/grpc-web";
const TEXT: &str = "-text";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_says_whether_the_body_is_text_and_which_codec_it_has() {
        let parse =
            |text: &str| MediaType::parse(text.as_bytes()).map(|it| (it.is_text, it.codec.to_string()));
        let proto = |is_text| Some((is_text, "proto".to_owned()));
        assert_eq!(parse("application/grpc-web"), proto(false));
        assert_eq!(parse("application/grpc-web+proto"), proto(false));
        assert_eq!(parse("application/grpc-web-text"), proto(true));
        assert_eq!(parse("Application/gRPC-Web-Text+proto; charset=utf-8"), proto(true));
        assert_eq!(parse("application/grpc-web+x.1"), Some((false, "x.1".to_owned())));
    }

    #[test]
    fn what_is_no_grpc_web_has_no_type() {
        for other in [
            "",
            "application/grpc",
            "application/grpc+proto",
            "application/octet-stream",
            "application/grpc-web-texts",
        ] {
            assert_eq!(MediaType::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn an_answer_is_as_its_request_unless_accept_says_otherwise() {
        let of = |accept: &'static str| {
            let asked = MediaType::parse(b"application/grpc-web+proto").unwrap();
            asked.for_answer(Some(&HeaderValue::from_static(accept))).name()
        };
        assert_eq!(of("*/*"), "application/grpc-web+proto");
        assert_eq!(of("text/html, application/grpc-web-text"), "application/grpc-web-text+proto");
    }
}
