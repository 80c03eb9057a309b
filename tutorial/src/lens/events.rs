//! The lens on server-sent events: lines of text, and an empty one behind each event
//! ([HTML §9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html)).

use super::{Layer, Reader, Span, moved, put_in_place, quoted};
use crate::page::count;

/// Names the bytes of a stream of events, and with `data` those behind each `data:`.
pub fn stream(bytes: &[u8], data: impl Fn(&[u8]) -> Vec<Span>) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Prefix, SPECIFICATION);
    let mut contents = Vec::new();
    while reader.left() > 0 {
        let event = reader.open("event", "§9.2.6");
        while reader.left() > 0 {
            let line = line(&reader);
            if line.trim_ascii().is_empty() {
                reader.layer = Layer::Prefix;
                reader.take(line.len(), "end of event", |_| "an empty line".to_owned());
                break;
            }
            contents.extend(field(&mut reader, line));
        }
        reader.close(event, "");
    }
    let mut spans = reader.finish();
    for range in contents {
        put_in_place(&mut spans, moved(data(&bytes[range.clone()]), range.start));
    }
    spans
}

/// One line; where in it the data is, if it has any.
fn field(reader: &mut Reader<'_>, line: &[u8]) -> Option<std::ops::Range<usize>> {
    reader.layer = Layer::Prefix;
    let text = line.trim_ascii_end();
    let Some(colon) = text.iter().position(|byte| *byte == b':') else {
        reader.take(line.len(), "field", quoted);
        return None;
    };
    let name = String::from_utf8_lossy(&text[..colon]);
    let value = text[colon + 1..].strip_prefix(b" ").unwrap_or(&text[colon + 1..]);
    if name != "data" || value.is_empty() {
        let name = if name.is_empty() { "comment" } else { &name };
        reader.take(line.len(), name, |_| quoted(value));
        return None;
    }
    reader.take(text.len() - value.len(), "data", |_| count(value.len(), "byte"));
    let start = reader.at;
    reader.layer = Layer::Message;
    reader.take(value.len(), "data", quoted);
    let range = start..reader.at;
    reader.layer = Layer::Prefix;
    reader.take(line.len() - text.len(), "end of line", |_| String::new());
    Some(range)
}

/// What is left up to the end of its first line.
fn line<'a>(reader: &Reader<'a>) -> &'a [u8] {
    let left = &reader.bytes[reader.at..];
    left.iter().position(|byte| *byte == b'\n').map_or(left, |at| &left[..=at])
}

/// Whose rules these are.
const SPECIFICATION: &str = "HTML";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, json, leaves};

    #[test]
    fn an_event_is_lines_and_an_empty_one_and_its_data_has_names_of_its_own() {
        let spans = stream(b"data: 1\n\n: still here\n\nid:7\r\n\r\n", json::text);
        assert_eq!(spans.len(), 3);
        let says: Vec<_> = leaves(&spans).map(|span| format!("{}: {}", span.name, span.value)).collect();
        let expected = [
            "data: 1 byte",
            "number: 1",
            "end of line: ",
            "end of event: an empty line",
            "comment: \"still here\"",
            "end of event: an empty line",
            "id: \"7\"",
            "end of event: an empty line",
        ];
        assert_eq!(says, expected);
    }

    proptest! {
        #[test]
        fn every_byte_has_one_span(text in "(data|id|:|: | |\\{\\}|\r|\n|x){0,30}") {
            prop_assert_eq!(check(&stream(text.as_bytes(), json::text), 0..text.len()), Ok(()));
        }
    }
}
