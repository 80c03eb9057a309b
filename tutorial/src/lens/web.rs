//! The lens on gRPC-Web, for pages in a browser: messages behind their five bytes, and behind the last of them the
//! trailers, in a frame of their own ([gRPC Web](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md)).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;
use transport::Code;

use super::schema::MessageType;
use super::{Layer, Reader, Span, big_endian, events, grpc, json, moved, protobuf, put_in_place, quoted};
use crate::page::{count, hex};

/// Names the bytes of a body of this `content-type`: gRPC-Web, gRPC-Web as text, JSON, or server-sent events.
/// Messages in protobuf are of the type `of`. Of any other body it is only said how long it is.
pub fn body(content_type: &str, bytes: &[u8], of: Option<MessageType<'_>>) -> Vec<Span> {
    let media_type = media_type(content_type);
    if let Some(codec) = media_type.strip_prefix(GRPC_WEB) {
        return match codec {
            "" | "+proto" => frames(bytes, |message| protobuf::message(message, of)),
            "+json" => frames(bytes, json::text),
            codec if codec.starts_with("-text") => text(bytes).0,
            _ => frames(bytes, |_message| Vec::new()),
        };
    }
    match media_type.as_str() {
        "text/event-stream" => events::stream(bytes, json::text),
        "application/json" => json::text(bytes),
        other if other.ends_with("+json") => json::text(bytes),
        _ => {
            let mut reader = Reader::new(bytes, Layer::Data, "RFC 9110 §6.4");
            reader.take(bytes.len(), "content", |bytes| count(bytes.len(), "byte"));
            reader.finish()
        }
    }
}

/// Names the bytes of frames, and with `message` those of each message that is all here and not compressed.
pub fn frames(bytes: &[u8], message: impl Fn(&[u8]) -> Vec<Span>) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Prefix, SPECIFICATION);
    let mut messages = Vec::new();
    while reader.left() > 0 {
        reader.layer = Layer::Data;
        let frame = reader.open(grpc::PREFIXED, "");
        let flags = flags(&mut reader);
        let Some(length) = length(&mut reader, flags) else { break };
        let is_whole = length <= reader.left();
        let start = reader.at;
        if flags & TRAILERS == 0 {
            reader.layer = Layer::Message;
            content(&mut reader, length, "message");
            if is_whole && flags & COMPRESSED == 0 {
                messages.push(start..reader.at);
            }
            reader.close(frame, "");
            continue;
        }
        reader.layer = Layer::Status;
        if is_whole && flags & COMPRESSED == 0 {
            trailers(&mut reader, start + length);
        } else {
            content(&mut reader, length, "trailers");
        }
        reader.close_as(frame, "trailers frame", "");
        if is_whole && reader.left() > 0 {
            reader.wrong("nothing comes behind the trailers");
        }
    }
    let mut spans = reader.finish();
    for range in messages {
        put_in_place(&mut spans, moved(message(&bytes[range.clone()]), range.start));
    }
    spans
}

/// Names the letters of `application/grpc-web-text`, four by four, and what they are: the bytes of frames. What was
/// sent in several pieces is padded where each ends.
pub fn text(letters: &[u8]) -> (Vec<Span>, Vec<u8>) {
    let mut reader = Reader::new(letters, Layer::Data, SPECIFICATION);
    let mut decoded = Vec::new();
    let whole = reader.open("base64", "");
    while reader.left() >= LETTERS {
        let four = &letters[reader.at..reader.at + LETTERS];
        let Ok(bytes) = STANDARD.decode(four) else {
            reader.take(LETTERS, "four letters", quoted);
            reader.last_is_wrong("no base64");
            reader.wrong("no base64");
            break;
        };
        reader.take(LETTERS, "four letters", |_| hex(&bytes));
        decoded.extend(bytes);
    }
    if reader.left() > 0 {
        reader.take(reader.left(), "fewer than four letters", |_| "the others are still to come".to_owned());
    }
    reader.close(whole, count(decoded.len(), "byte"));
    (reader.finish(), decoded)
}

/// The first byte of a frame.
fn flags(reader: &mut Reader<'_>) -> usize {
    reader.layer = Layer::Prefix;
    let flags = big_endian(reader.take(1, "flags", |flags| {
        let compressed = if flags == [1] || flags == [0x81] { ", compressed" } else { "" };
        let what = if flags < &[0x80][..] { "message" } else { "trailers" };
        format!("{what}{compressed}")
    }));
    if flags & !(TRAILERS | COMPRESSED) != 0 {
        reader.last_is_wrong("a flag that there is not");
    }
    flags
}

/// The four bytes behind it, if they are all here.
fn length(reader: &mut Reader<'_>, flags: usize) -> Option<usize> {
    let name = if flags & TRAILERS == 0 { "message length" } else { "trailers length" };
    if reader.left() < LENGTH {
        if reader.left() > 0 {
            reader.take(reader.left(), name, |_| "goes on in the next".to_owned());
        }
        return None;
    }
    Some(reader.number(LENGTH, name, ""))
}

/// So many bytes, or as many of them as are here.
fn content(reader: &mut Reader<'_>, length: usize, name: &str) {
    let missing = length.saturating_sub(reader.left());
    if reader.left() > 0 && length > 0 {
        reader.take(length, name, |bytes| match missing {
            0 => count(bytes.len(), "byte"),
            _ => format!("{} still to come", count(missing, "byte")),
        });
    }
}

/// Lines up to `end`, each a field, as those of a head of HTTP/1.1.
fn trailers(reader: &mut Reader<'_>, end: usize) {
    while reader.at < end {
        let left = &reader.bytes[reader.at..end];
        let line = left.iter().position(|byte| *byte == b'\n').map_or(left, |at| &left[..=at]);
        let field = line.strip_suffix(b"\r\n").and_then(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        });
        let Some((name, value)) = field else {
            reader.take(line.len(), "trailer", quoted);
            reader.last_is_wrong("a line is a name, a colon, a value, CR and LF");
            continue;
        };
        let name = String::from_utf8_lossy(name);
        reader.take(line.len(), &name, |_| said(&name, value));
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            reader.last_is_wrong("names are in lower case");
        }
    }
}

/// What the value of a trailer says.
fn said(name: &str, value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    match (name, text.parse()) {
        ("grpc-status", Ok(number)) => format!("{number}, {}", Code::from_number(number).name()),
        ("grpc-message", _) => quoted(&percent_decode(value).collect::<Vec<_>>()),
        _ => quoted(value),
    }
}

/// What a content type says without its parameters.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

const GRPC_WEB: &str = "application/grpc-web";
/// The flag of a frame that has trailers.
const TRAILERS: usize = 0x80;
/// The flag of a frame that is compressed.
const COMPRESSED: usize = 1;
/// The length of a frame, in bytes.
const LENGTH: usize = 4;
/// How many letters of base64 three bytes are.
const LETTERS: usize = 4;

/// Whose rules these are.
const SPECIFICATION: &str = "gRPC Web";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::schema::Schema;
    use crate::lens::{check, leaves};

    fn kv() -> Schema {
        Schema::kv().expect("the contract of the example service can be read")
    }

    fn told(spans: &[Span]) -> Vec<String> {
        leaves(spans).map(|span| format!("{}: {}", span.name, span.value)).collect()
    }

    fn says(bytes: &[u8]) -> Vec<String> {
        told(&body("application/grpc-web+proto", bytes, kv().message("kv.GetReply")))
    }

    #[test]
    fn a_body_is_messages_and_then_the_trailers_with_their_lines() {
        let body = b"\0\0\0\0\x04\x0a\x02hi\x80\0\0\0\x0fgrpc-status:0\r\n";
        let expected = [
            "flags: message",
            "message length: 4",
            "tag: field 1, LEN: string",
            "length: 2 bytes",
            "value: \"hi\"",
            "flags: trailers",
            "trailers length: 15",
            "grpc-status: 0, OK",
        ];
        assert_eq!(says(body), expected);
    }

    #[test]
    fn the_text_of_a_status_is_decoded() {
        let body = b"\x80\0\0\0\x31grpc-status: 5\r\ngrpc-message: no k%C3%B6y \"%25\"\r\n";
        let said = says(body);
        assert_eq!(said[2..], ["grpc-status: 5, NOT_FOUND", "grpc-message: \"no köy \\\"%\\\"\""]);
    }

    #[test]
    fn the_trailers_have_the_layer_of_a_status_and_their_own_frame() {
        let spans = frames(b"\x80\0\0\0\x0fgrpc-status:0\r\n", |_| Vec::new());
        assert_eq!((spans.len(), spans[0].name.as_str()), (1, "trailers frame"));
        assert_eq!(spans[0].parts[2].layer, Layer::Status);
    }

    #[test]
    fn what_is_compressed_is_one_piece() {
        assert_eq!(
            says(b"\x01\0\0\0\x02\x0a\xff"),
            ["flags: message, compressed", "message length: 2", "message: 2 bytes"]
        );
        assert_eq!(says(b"\x81\0\0\0\x01z")[2], "trailers: 1 byte");
    }

    #[test]
    fn what_of_a_frame_is_missing_is_said() {
        assert_eq!(says(b"\0\0\0\0\x04\x0a")[2], "message: 3 bytes still to come");
        assert_eq!(says(b"\x80\0\0\0\x04g")[2], "trailers: 3 bytes still to come");
        assert_eq!(says(b"\0\0\0")[1], "message length: goes on in the next");
    }

    #[test]
    fn what_breaks_a_rule_is_shown_with_it() {
        for (bytes, rule) in [
            (&b"\x02\0\0\0\0"[..], "a flag that there is not"),
            (b"\x80\0\0\0\0\0", "nothing comes behind the trailers"),
            (b"\x80\0\0\0\x0dgrpc-status:0", "a line is a name, a colon, a value, CR and LF"),
            (b"\x80\0\0\0\x05a: b\n", "a line is a name, a colon, a value, CR and LF"),
            (b"\x80\0\0\0\x06A: b\r\n", "names are in lower case"),
        ] {
            let spans = frames(bytes, |_| Vec::new());
            let wrong = leaves(&spans).find(|span| span.is_wrong()).map(|span| span.value.clone());
            assert_eq!(wrong.as_deref(), Some(rule), "{bytes:02x?}");
        }
    }

    #[test]
    fn text_is_read_four_letters_at_a_time_also_where_a_piece_was_padded() {
        let (spans, bytes) = text(b"AAAAAAA=gAAAAA==");
        assert_eq!(bytes, b"\0\0\0\0\0\x80\0\0\0");
        let expected = ["00 00 00", "00 00", "80 00 00", "00"].map(|hex| format!("four letters: {hex}"));
        assert_eq!(told(&spans), expected);
        assert_eq!(told(&text(b"AAAA*===AAAA").0)[1..], ["four letters: no base64", "wrong: no base64"]);
        assert_eq!(told(&text(b"AAAAA").0)[1], "fewer than four letters: the others are still to come");
    }

    #[test]
    fn a_body_is_named_by_its_content_type() {
        for (content_type, bytes, first) in [
            ("application/grpc-web", &b"\0\0\0\0\0"[..], "flags: message"),
            ("application/grpc-web-text+proto", b"AAAAAAA=", "four letters: 00 00 00"),
            ("application/grpc-web+json", b"\0\0\0\0\x02{}", "flags: message"),
            ("Application/JSON; charset=utf-8", b"{}", "begin object: {"),
            ("application/problem+json", b"{}", "begin object: {"),
            ("text/event-stream", b"data: {}\n\n", "data: 2 bytes"),
            ("image/png", b"PNG", "content: 3 bytes"),
        ] {
            assert_eq!(told(&body(content_type, bytes, None))[0], first, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_of_any_body_has_one_span(
            bytes in prop::collection::vec(prop_oneof![0..4_u8, Just(0x80), any::<u8>()], 0..60),
            lines in "[a-z:\r\n ]{0,20}",
        ) {
            let mut with_trailers = bytes.clone();
            with_trailers.extend([0x80, 0, 0, 0, lines.len() as u8]);
            with_trailers.extend(lines.bytes());
            let schema = kv();
            for bytes in [&bytes, &with_trailers] {
                for kind in ["application/grpc-web", "application/grpc-web-text", "application/grpc-web+json", ""] {
                    let spans = body(kind, bytes, schema.message("kv.Change"));
                    prop_assert_eq!(check(&spans, 0..bytes.len()), Ok(()), "{}", kind);
                }
            }
        }

        #[test]
        fn every_letter_has_one_span_and_the_bytes_are_those_that_were_encoded(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4),
        ) {
            let letters: String = pieces.iter().map(|piece| STANDARD.encode(piece)).collect();
            let (spans, bytes) = text(letters.as_bytes());
            prop_assert_eq!(check(&spans, 0..letters.len()), Ok(()));
            prop_assert_eq!(bytes, pieces.concat());
        }
    }
}
