//! The lens on HTTP/1.1 (RFC 9112): lines of text, an empty one, and the content behind them.

use std::ops::Range;

use super::{Layer, Reader, Span, check, moved, put_in_place};
use crate::page::count;

/// What the lines in front of the content say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The target of a request: a path, mostly.
    pub target: Option<String>,
    /// The status of a response.
    pub status: Option<u16>,
    /// Names, in lower case, and values.
    fields: Vec<(String, String)>,
}

impl Head {
    /// The value of the first field of this name, which is to be in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What kind of content there is; empty where nobody says it.
    pub fn content_type(&self) -> &str {
        self.field("content-type").unwrap_or_default()
    }

    fn framing(&self) -> Framing {
        let coding = self.field("transfer-encoding").and_then(|codings| codings.rsplit(',').next());
        let length = self.field("content-length").and_then(|length| length.parse().ok());
        match (coding, length) {
            _ if self.status.is_some_and(|status| matches!(status, 100..=199 | 204 | 304)) => {
                Framing::Length(0)
            }
            (Some(coding), _) if coding.trim().eq_ignore_ascii_case("chunked") => Framing::Chunked,
            (_, Some(length)) => Framing::Length(length),
            _ if self.status.is_some() => Framing::Close,
            _ => Framing::Length(0),
        }
    }
}

/// Names the bytes of requests or of responses, one behind the other; `content` those that each carries, whatever
/// the chunks are in which they came.
///
/// A response to HEAD says how long the content would be, and has none: that is taken for content which is still
/// to come.
pub fn messages(bytes: &[u8], mut content: impl FnMut(&Head, &[u8]) -> Vec<Span>) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Fields, SPECIFICATION);
    let mut carried = Vec::new();
    while reader.left() > 0 {
        let Some(head) = read_head(&mut reader) else { break };
        let pieces = match head.framing() {
            Framing::Chunked => chunks(&mut reader),
            Framing::Length(length) => piece(&mut reader, length, "content").into_iter().collect(),
            Framing::Close => piece(&mut reader, usize::MAX, "content").into_iter().collect(),
        };
        carried.push((head, pieces));
    }
    let mut spans = reader.finish();
    for (head, pieces) in carried {
        let whole: Vec<_> = pieces.iter().flat_map(|piece| &bytes[piece.clone()]).copied().collect();
        put(&mut spans, &content(&head, &whole), &pieces);
    }
    spans
}

/// Names the lines of one request or response, up to the empty one, and reads them; what follows is its content.
pub fn head(bytes: &[u8]) -> (Vec<Span>, Option<Head>) {
    let mut reader = Reader::new(bytes, Layer::Fields, SPECIFICATION);
    let head = read_head(&mut reader);
    if reader.left() > 0 {
        reader.layer = Layer::Data;
        reader.take(reader.left(), "content", |bytes| count(bytes.len(), "byte"));
    }
    (reader.finish(), head)
}

/// Where the content ends (RFC 9112 §6.3).
enum Framing {
    Chunked,
    Length(usize),
    Close,
}

/// The lines up to the empty one. `None`: one of them, or all behind it, is none.
fn read_head(reader: &mut Reader<'_>) -> Option<Head> {
    reader.layer = Layer::Fields;
    let mut head = Head::default();
    start_line(reader, &mut head)?;
    head.fields = field_lines(reader, "end of the head")?;
    Some(head)
}

/// The first line. A space belongs to what is in front of it, as the end of a line does.
fn start_line(reader: &mut Reader<'_>, head: &mut Head) -> Option<()> {
    let line = line(reader)?;
    let is_response = line.starts_with(b"HTTP/1.");
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (Some(first), Some(second), Some(third)) = (parts.next(), parts.next(), parts.next()) else {
        let rule = if is_response { "version, status, reason" } else { "method, target, version" };
        return wrong(reader, line, rule);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
    if is_response {
        let opened = reader.open("status line", "§4");
        reader.take(first.len() + 1, "version", text);
        reader.take(second.len() + 1, "status", text);
        head.status = text(second).parse().ok();
        if head.status.is_none() {
            reader.last_is_wrong("three digits are due");
        }
        reader.take(third.len(), "reason", text);
        reader.close(opened, "");
    } else {
        let opened = reader.open("request line", "§3");
        reader.take(first.len() + 1, "method", text);
        reader.take(second.len() + 1, "target", text);
        reader.take(third.len(), "version", text);
        head.target = Some(text(second));
        if !third.starts_with(b"HTTP/1.") {
            reader.last_is_wrong("HTTP/1.1 is due");
        }
        reader.close(opened, "");
    }
    Some(())
}

/// Fields up to an empty line, which is called `end`.
fn field_lines(reader: &mut Reader<'_>, end: &str) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    let opened = reader.open("fields", "§5");
    loop {
        let line = line(reader)?;
        if matches!(line, b"\r\n" | b"\n") {
            reader.close(opened, count(fields.len(), "field"));
            reader.take(line.len(), end, |_| "an empty line".to_owned());
            reader.note("§2.1");
            return Some(fields);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let Some((name, value)) = colon.map(|at| (&line[..at], line[at + 1..].trim_ascii())) else {
            return wrong(reader, line, "a name, a colon, a value");
        };
        let shown = String::from_utf8_lossy(name).into_owned();
        if name.is_empty() || name.iter().any(|byte| byte.is_ascii_whitespace()) {
            return wrong(reader, line, "no white space in a name");
        }
        reader.take(line.len(), &shown, |_| String::from_utf8_lossy(value).into_owned());
        fields.push((shown.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned()));
    }
}

/// Content in chunks, each behind a line with its size (RFC 9112 §7.1), and the fields behind the last one; where
/// the content is.
fn chunks(reader: &mut Reader<'_>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    while reader.left() > 0 {
        reader.layer = Layer::Header;
        let Some(line) = line(reader) else { break };
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
        let size = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(size) = size else {
            let _: Option<()> = wrong(reader, line, "hexadecimal digits are due");
            break;
        };
        if size == 0 {
            let opened = reader.open("last chunk", "§7.1");
            reader.take(line.len(), "chunk size", |_| "0: the last one".to_owned());
            let _ = field_lines(reader, "end of the chunks");
            reader.close(opened, "");
            break;
        }
        let chunk = reader.open("chunk", "§7.1");
        reader.take(line.len(), "chunk size", |_| format!("{} follow", count(size, "byte")));
        pieces.extend(piece(reader, size, "chunk data"));
        reader.layer = Layer::Header;
        if reader.bytes[reader.at..].starts_with(b"\r\n") {
            reader.take(2, "end of chunk", |_| String::new());
        } else if reader.left() > 0 {
            reader.wrong("CR and LF are due");
        }
        reader.close(chunk, "");
    }
    pieces
}

/// So much content, or as much of it as is here; where it is.
fn piece(reader: &mut Reader<'_>, length: usize, name: &str) -> Option<Range<usize>> {
    if length == 0 || reader.left() == 0 {
        return None;
    }
    reader.layer = Layer::Data;
    let start = reader.at;
    let missing = if length == usize::MAX { 0 } else { length.saturating_sub(reader.left()) };
    reader.take(length, name, |bytes| match missing {
        0 => count(bytes.len(), "byte"),
        _ => format!("{} still to come", count(missing, "byte")),
    });
    reader.note("§6");
    Some(start..reader.at)
}

/// Puts what names the content into the pieces in which it came. What goes on in the next piece has no names here.
fn put(spans: &mut Vec<Span>, content: &[Span], pieces: &[Range<usize>]) {
    let mut at = 0;
    for piece in pieces {
        let part = at..at + piece.len();
        at = part.end;
        let is_in = |span: &&Span| part.start <= span.range.start && span.range.end <= part.end;
        let named: Vec<_> = content.iter().filter(is_in).cloned().collect();
        if check(&named, part.clone()).is_ok() {
            // What stands in front of a piece makes it begin behind where its content does.
            put_in_place(spans, moved(named, piece.start - part.start));
        }
    }
}

/// What is left up to the end of its first line, if that is here.
fn line<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let left = &reader.bytes[reader.at..];
    match left.iter().position(|byte| *byte == b'\n') {
        Some(end) => Some(&left[..=end]),
        None => {
            reader.wrong("the line has no end");
            None
        }
    }
}

/// A line that breaks `rule`, and all behind it.
fn wrong<T>(reader: &mut Reader<'_>, line: &[u8], rule: &str) -> Option<T> {
    reader.take(line.len(), "line", |_| String::new());
    reader.last_is_wrong(rule);
    if reader.left() > 0 {
        reader.wrong("cannot be read");
    }
    None
}

/// Whose rules these are.
const SPECIFICATION: &str = "RFC 9112";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{json, leaves, web};

    fn told(spans: &[Span]) -> Vec<String> {
        leaves(spans).map(|span| format!("{}: {}", span.name, span.value)).collect()
    }

    fn says(bytes: &[u8]) -> Vec<String> {
        told(&messages(bytes, |head, content| web::body(head.content_type(), content, None)))
    }

    #[test]
    fn a_request_is_a_line_fields_an_empty_line_and_its_content() {
        let request = b"PUT /v1 HTTP/1.1\r\nContent-Type: application/json\r\ncontent-length:1\r\n\r\n7";
        let expected = [
            "method: PUT",
            "target: /v1",
            "version: HTTP/1.1",
            "Content-Type: application/json",
            "content-length: 1",
            "end of the head: an empty line",
            "number: 7",
        ];
        assert_eq!(says(request), expected);
        let (spans, head) = head(request);
        let head = head.expect("it can be read");
        assert_eq!((head.target.as_deref(), head.content_type()), (Some("/v1"), "application/json"));
        assert_eq!(told(&spans)[6], "content: 1 byte");
    }

    #[test]
    fn a_response_is_a_status_line_and_the_same_and_another_may_follow() {
        let responses = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\nall that comes";
        let expected = [
            "version: HTTP/1.1",
            "status: 204",
            "reason: No Content",
            "end of the head: an empty line",
            "version: HTTP/1.1",
            "status: 200",
            "reason: OK",
            "end of the head: an empty line",
            "content: 14 bytes",
        ];
        assert_eq!(says(responses), expected);
    }

    /// A body of gRPC-Web: a message, and the trailers.
    const BODY: &[u8] = b"\0\0\0\0\x02\x0a\0\x80\0\0\0\x0fgrpc-status:0\r\n";

    fn chunked(pieces: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\n".to_vec();
        bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
        for piece in pieces {
            bytes.extend(format!("{:x}\r\n", piece.len()).bytes().chain(piece.iter().copied()));
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    #[test]
    fn chunks_have_their_size_in_front_and_what_is_whole_in_one_has_its_names() {
        let said = says(&chunked(&[&BODY[..7], &BODY[7..]]));
        let expected = [
            "chunk size: 7 bytes follow",
            "flags: message",
            "message length: 2",
            "tag: field 1, LEN",
            "length: 0 bytes",
            "end of chunk: ",
            "chunk size: 20 bytes follow",
            "flags: trailers",
            "trailers length: 15",
            "grpc-status: 0, OK",
            "end of chunk: ",
            "chunk size: 0: the last one",
            "end of the chunks: an empty line",
        ];
        assert_eq!(said[6..], expected);
    }

    #[test]
    fn what_goes_on_in_the_next_chunk_is_left_in_one_piece() {
        let said = says(&chunked(&[&BODY[..3], &BODY[3..]]));
        assert!(said.contains(&"chunk data: 3 bytes".to_owned()), "{said:?}");
        assert!(said.contains(&"chunk data: 24 bytes".to_owned()), "{said:?}");
    }

    #[test]
    fn what_is_missing_is_said() {
        let request = b"PUT / HTTP/1.1\r\ncontent-length: 9\r\n\r\n12";
        assert_eq!(told(&messages(request, |_, _| Vec::new()))[5], "content: 7 bytes still to come");
    }

    #[test]
    fn what_breaks_a_rule_is_shown_with_it() {
        for (text, rule) in [
            ("GET /\r\n\r\n", "method, target, version"),
            ("GET / HTTP/2\r\n\r\n", "HTTP/1.1 is due"),
            ("HTTP/1.1 200\r\n\r\n", "version, status, reason"),
            ("HTTP/1.1 OK 200\r\n\r\n", "three digits are due"),
            ("GET / HTTP/1.1\r\na\r\n\r\n", "a name, a colon, a value"),
            ("GET / HTTP/1.1\r\na : b\r\n\r\n", "no white space in a name"),
            ("GET / HTTP/1.1\r\na: b", "the line has no end"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz\r\n", "hexadecimal digits are due"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc", "CR and LF are due"),
        ] {
            let spans = messages(text.as_bytes(), |_, _| Vec::new());
            let wrong = leaves(&spans).find(|span| span.is_wrong()).map(|span| span.value.clone());
            assert_eq!(wrong.as_deref(), Some(rule), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_of_any_text_has_one_span(
            text in "(GET / |HTTP/1.1|200 OK|204 | |: |\r\n|content-length: 3|transfer-encoding: chunked|3|abc|0|ü){0,20}",
        ) {
            let spans = messages(text.as_bytes(), |_, content| json::text(content));
            prop_assert_eq!(check(&spans, 0..text.len()), Ok(()));
            prop_assert_eq!(check(&head(text.as_bytes()).0, 0..text.len()), Ok(()));
        }

        #[test]
        fn however_a_body_is_cut_into_chunks_every_byte_has_one_span(cuts in prop::collection::vec(0..BODY.len(), 0..5)) {
            let mut cuts = cuts;
            cuts.extend([0, BODY.len()]);
            cuts.sort_unstable();
            cuts.dedup();
            let pieces: Vec<_> = cuts.windows(2).map(|ends| &BODY[ends[0]..ends[1]]).collect();
            let bytes = chunked(&pieces);
            let spans = messages(&bytes, |head, content| web::body(head.content_type(), content, None));
            prop_assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
            prop_assert!(leaves(&spans).all(|span| !span.is_wrong()), "{:?}", spans);
        }
    }
}
