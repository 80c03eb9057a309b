//! The lens on HTTP/2: frames, by RFC 9113 §4 and §6.

use std::ops::Range;

use http2::ErrorCode;
use http2::connection::PREFACE;
use http2::frame::{Head, Kind};

use super::{Layer, Reader, Span, big_endian};
use crate::page::count;

/// What a frame begins with, and what of it other lenses look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The nine bytes at its beginning, if they are there; a preface has none.
    pub head: Option<Head>,
    /// Its header and its payload.
    pub spans: Vec<Span>,
    /// The field block, or the fragment of one, in the frame.
    pub block: Option<Range<usize>>,
    /// The data in the frame.
    pub data: Option<Range<usize>>,
}

/// Cuts `bytes` into frames; a preface in front is a piece by itself. What is left at the end is a frame
/// that is not complete.
pub fn frames(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut frames = Vec::new();
    if let Some((preface, rest)) = bytes.split_at_checked(PREFACE.len())
        && preface == PREFACE
    {
        frames.push(preface);
        bytes = rest;
    }
    while let Some((head, _)) = bytes.split_at_checked(Head::SIZE) {
        let size = Head::SIZE + big_endian(&head[..3]);
        let Some((frame, rest)) = bytes.split_at_checked(size) else { break };
        frames.push(frame);
        bytes = rest;
    }
    (frames, bytes)
}

/// Names the bytes of one frame, or of a preface. A field block and data are left as one span each.
pub fn frame(bytes: &[u8]) -> Seen {
    let mut seen = Seen { head: None, spans: Vec::new(), block: None, data: None };
    if bytes == PREFACE {
        seen.spans = preface(bytes);
        return seen;
    }
    let mut reader = Reader::new(bytes, Layer::Header, SPECIFICATION);
    let Some(first) = bytes.first_chunk() else {
        reader.wrong("§4.1: 9 bytes at least");
        seen.spans = reader.finish();
        return seen;
    };
    let head = Head::decode(*first);
    seen.head = Some(head);
    put_head(&mut reader, head);
    match (head.length as usize).checked_sub(reader.left()) {
        Some(0) => {
            let opened = reader.open_payload(&section(head.kind));
            payload(&mut reader, head, &mut seen);
            reader.close(opened, "");
        }
        Some(_) => reader.wrong("§4.1: not all is here"),
        None => reader.wrong("§4.1: more than length"),
    }
    seen.spans = reader.finish();
    seen
}

/// Names the nine bytes in front of a frame that is not here, or not all of it.
pub fn head(bytes: &[u8; Head::SIZE]) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Header, SPECIFICATION);
    put_head(&mut reader, Head::decode(*bytes));
    reader.finish()
}

/// The name of a type of frame.
pub fn name(kind: Kind) -> String {
    match KINDS.get(usize::from(kind.0)) {
        Some(name) => (*name).to_owned(),
        None => format!("type {}", kind.0),
    }
}

fn preface(bytes: &[u8]) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Hello, SPECIFICATION);
    let preface = reader.open("preface", "§3.4");
    // What it would be in HTTP/1.1.
    reader.text(16, "request line");
    reader.text(2, "no fields");
    reader.text(6, "content");
    reader.close(preface, "");
    reader.finish()
}

fn put_head(reader: &mut Reader<'_>, head: Head) {
    let header = reader.open("frame header", "§4.1");
    reader.take(3, "length", |_| {
        let follow = if head.length == 1 { "follows" } else { "follow" };
        format!("{} {follow}", count(head.length as usize, "byte"))
    });
    reader.take(1, "type", |_| name(head.kind));
    reader.note(&section(head.kind));
    reader.take(1, "flags", |_| flags(head));
    reader.take(4, "stream", |bytes| {
        let reserved = if bytes[0] & 0x80 != 0 { ", top bit ignored" } else { "" };
        let connection = if head.stream == 0 { ", the connection" } else { "" };
        format!("{}{connection}{reserved}", head.stream)
    });
    if let Some(rule) = wrong_stream(head) {
        reader.last_is_wrong(rule);
    }
    reader.close(header, "");
}

/// Where a type of frame is described. The sections are in the order of the numbers.
fn section(kind: Kind) -> String {
    if usize::from(kind.0) < KINDS.len() { format!("§6.{}", kind.0 + 1) } else { "§5.5".to_owned() }
}

/// The rule that the stream of a frame breaks.
fn wrong_stream(head: Head) -> Option<&'static str> {
    Some(match (head.kind, head.stream) {
        (Kind::DATA, 0) => "0; §6.1: needs a stream",
        (Kind::HEADERS, 0) => "0; §6.2: needs a stream",
        (Kind::PRIORITY, 0) => "0; §6.3: needs a stream",
        (Kind::RST_STREAM, 0) => "0; §6.4: needs a stream",
        (Kind::SETTINGS, 1..) => "§6.5: only on stream 0",
        (Kind::PUSH_PROMISE, 0) => "0; §6.6: needs a stream",
        (Kind::PING, 1..) => "§6.7: only on stream 0",
        (Kind::GOAWAY, 1..) => "§6.8: only on stream 0",
        (Kind::CONTINUATION, 0) => "0; §6.10 needs a stream",
        _ => return None,
    })
}

/// The flags that are set and mean something for the type.
fn flags(head: Head) -> String {
    let known: &[(u8, &str)] = match head.kind {
        Kind::SETTINGS | Kind::PING => &[(Head::ACK, "ACK")],
        Kind::DATA => &[(Head::END_STREAM, "END_STREAM"), (Head::PADDED, "PADDED")],
        Kind::HEADERS => &[
            (Head::END_STREAM, "END_STREAM"),
            (Head::END_HEADERS, "END_HEADERS"),
            (Head::PADDED, "PADDED"),
            (Head::PRIORITY, "PRIORITY"),
        ],
        Kind::PUSH_PROMISE => &[(Head::END_HEADERS, "END_HEADERS"), (Head::PADDED, "PADDED")],
        Kind::CONTINUATION => &[(Head::END_HEADERS, "END_HEADERS")],
        _ => &[],
    };
    let set: Vec<_> = known.iter().filter(|(bit, _)| head.has(*bit)).map(|(_, name)| *name).collect();
    match (set.is_empty(), head.flags) {
        (true, 0) => "none".to_owned(),
        (true, _) => "none that it knows".to_owned(),
        _ => set.join(" "),
    }
}

/// The payload, which is all that is left.
fn payload(reader: &mut Reader<'_>, head: Head, seen: &mut Seen) {
    reader.layer = Layer::Control;
    if let Some(rule) = wrong_length(head) {
        return reader.wrong(rule);
    }
    let mut padding = 0;
    let may_be_padded = matches!(head.kind, Kind::DATA | Kind::HEADERS | Kind::PUSH_PROMISE);
    if may_be_padded && head.has(Head::PADDED) {
        padding = reader.number(1, "padding", " bytes, at the end");
        if padding > reader.left() {
            return reader.wrong("§6.1: longer than all");
        }
    }
    let end = reader.bytes.len() - padding;
    match head.kind {
        Kind::DATA => seen.data = Some(up_to(end, reader, Layer::Data, "data", shown)),
        Kind::HEADERS => {
            if head.has(Head::PRIORITY) {
                if end - reader.at < 5 {
                    return reader.wrong("§6.2: 5 bytes at least");
                }
                put_priority(reader);
            }
            seen.block = Some(field_block(end, reader));
        }
        Kind::PUSH_PROMISE => {
            if end - reader.at < 4 {
                return reader.wrong("§6.6: 4 bytes at least");
            }
            stream(reader, "promised stream");
            seen.block = Some(field_block(end, reader));
        }
        Kind::CONTINUATION => seen.block = Some(field_block(end, reader)),
        Kind::PRIORITY => put_priority(reader),
        Kind::RST_STREAM => {
            reader.layer = Layer::Status;
            error_code(reader);
        }
        Kind::SETTINGS => settings(reader),
        Kind::PING => reader.text(8, "data"),
        Kind::GOAWAY => {
            stream(reader, "last stream");
            error_code(reader);
            if reader.left() > 0 {
                reader.text(reader.left(), "debug data");
            }
        }
        Kind::WINDOW_UPDATE => {
            let by = reader.take(4, "increment", |bytes| format!("{} more", count(low_31(bytes), "byte")));
            if low_31(by) == 0 {
                reader.last_is_wrong("0; §6.9: by 1 at least");
            }
        }
        _ => {
            up_to(end, reader, Layer::Control, "payload", |_| "§5.5: to be ignored".to_owned());
        }
    }
    if padding > 0 {
        reader.layer = Layer::Control;
        reader.take(padding, "padding", |_| count(padding, "byte"));
    }
}

/// The rule that the length of a payload breaks.
fn wrong_length(head: Head) -> Option<&'static str> {
    let length = head.length;
    let (is_right, rule) = match head.kind {
        Kind::PRIORITY => (length == 5, "§6.3: 5 bytes exactly"),
        Kind::RST_STREAM => (length == 4, "§6.4: 4 bytes exactly"),
        Kind::SETTINGS if head.has(Head::ACK) => (length == 0, "§6.5: an ACK is empty"),
        Kind::SETTINGS => (length.is_multiple_of(6), "§6.5: 6 bytes each"),
        Kind::PING => (length == 8, "§6.7: 8 bytes exactly"),
        Kind::GOAWAY => (length >= 8, "§6.8: 8 bytes at least"),
        Kind::WINDOW_UPDATE => (length == 4, "§6.9: 4 bytes exactly"),
        Kind::DATA | Kind::HEADERS | Kind::PUSH_PROMISE if head.has(Head::PADDED) => {
            (length > 0, "§6.1: padding's length?")
        }
        _ => (true, ""),
    };
    (!is_right).then_some(rule)
}

/// The bytes up to `end`, if there are any.
fn up_to(
    end: usize,
    reader: &mut Reader<'_>,
    layer: Layer,
    name: &str,
    value: impl FnOnce(&[u8]) -> String,
) -> Range<usize> {
    let start = reader.at;
    reader.layer = layer;
    if start < end {
        reader.take(end - start, name, value);
    }
    start..end
}

fn field_block(end: usize, reader: &mut Reader<'_>) -> Range<usize> {
    up_to(end, reader, Layer::Fields, "fields", |bytes| format!("{} of HPACK", count(bytes.len(), "byte")))
}

fn put_priority(reader: &mut Reader<'_>) {
    reader.layer = Layer::Control;
    reader.take(4, "depends on", |bytes| format!("{}, not used now", low_31(bytes)));
    reader.number(1, "weight", ", not used now");
}

fn settings(reader: &mut Reader<'_>) {
    while reader.left() > 0 {
        let opened = reader.open("setting", "§6.5.2");
        let setting = big_endian(reader.take(2, "setting", |bytes| setting_name(big_endian(bytes))));
        let value = reader.number(4, "its value", unit(setting));
        if let Some(rule) = wrong_setting(setting, value) {
            reader.last_is_wrong(rule);
        }
        reader.close(opened, format!("{} {value}", setting_name(setting)));
    }
}

fn setting_name(setting: usize) -> String {
    match SETTINGS.get(setting) {
        Some(name) if !name.is_empty() => (*name).to_owned(),
        _ => format!("{setting}: to be ignored"),
    }
}

/// The rule that a setting breaks.
fn wrong_setting(setting: usize, value: usize) -> Option<&'static str> {
    match (setting, value) {
        (2, 2..) => Some("§6.5.2: 0 or 1"),
        (4, 0x8000_0000..) => Some("§6.5.2: 2^31-1 at most"),
        (5, ..0x4000) => Some("§6.5.2: 2^14 at least"),
        (5, 0x100_0000..) => Some("§6.5.2: 2^24-1 at most"),
        _ => None,
    }
}

fn unit(setting: usize) -> &'static str {
    match setting {
        1 | 4 | 5 | 6 => " bytes",
        2 => " (0 no, 1 yes)",
        3 => " at once",
        _ => "",
    }
}

fn error_code(reader: &mut Reader<'_>) {
    reader.take(4, "error code", |bytes| ErrorCode(big_endian(bytes) as u32).to_string());
    reader.note("§7");
}

fn stream(reader: &mut Reader<'_>, name: &str) {
    reader.take(4, name, |bytes| low_31(bytes).to_string());
}

/// A 31-bit number; the bit above is ignored.
fn low_31(bytes: &[u8]) -> usize {
    big_endian(bytes) & 0x7fff_ffff
}

/// Data as text, if it is short and looks like it.
fn shown(bytes: &[u8]) -> String {
    let is_text = bytes.len() <= 16 && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if is_text { format!("{:?}", String::from_utf8_lossy(bytes)) } else { count(bytes.len(), "byte") }
}

/// RFC 9113 §6.
const KINDS: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];

/// RFC 9113 §6.5.2, by their numbers; each begins with SETTINGS_ there.
const SETTINGS: [&str; 7] = [
    "",
    "HEADER_TABLE_SIZE",
    "ENABLE_PUSH",
    "MAX_CONCURRENT_STREAMS",
    "INITIAL_WINDOW_SIZE",
    "MAX_FRAME_SIZE",
    "MAX_HEADER_LIST_SIZE",
];

/// Whose rules these are.
const SPECIFICATION: &str = "RFC 9113";

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};
    use http2::frame::{GoAway, Setting, Settings};
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, leaves, outline};

    fn written(head: Head, payload: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        head.encode(&mut bytes);
        bytes.put_slice(payload);
        bytes
    }

    fn raw(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> BytesMut {
        written(Head { length: payload.len() as u32, kind, flags, stream }, payload)
    }

    fn values(bytes: &[u8]) -> Vec<(Layer, String)> {
        leaves(&frame(bytes).spans).map(|span| (span.layer, span.value.clone())).collect()
    }

    /// What the lens says of a frame that breaks a rule.
    fn broken(bytes: &[u8]) -> String {
        let wrong = values(bytes).into_iter().find(|(layer, _)| *layer == Layer::Wrong);
        wrong.map(|(_, rule)| rule).unwrap_or_default()
    }

    #[test]
    fn a_head_is_four_spans() {
        let says: Vec<_> = values(&raw(Kind::SETTINGS, Head::ACK, 0, b"")).into_iter().collect();
        let expected = ["0 bytes follow", "SETTINGS", "ACK", "0, the connection"];
        assert_eq!(says, expected.map(|value| (Layer::Header, value.to_owned())));
    }

    #[test]
    fn each_setting_has_its_name_and_its_value() {
        let mut bytes = BytesMut::new();
        Settings { ack: false, settings: vec![Setting::InitialWindowSize(20)] }.encode(&mut bytes);
        let says = values(&bytes);
        assert_eq!(says[4].1, "INITIAL_WINDOW_SIZE");
        assert_eq!(says[5].1, "20 bytes");
    }

    #[test]
    fn goaway_is_a_stream_a_code_and_text() {
        let mut bytes = BytesMut::new();
        let debug_data = bytes::Bytes::from_static(b"bye");
        GoAway { last_stream: 7, code: ErrorCode::NO_ERROR, debug_data }.encode(&mut bytes);
        let says: Vec<_> = values(&bytes).into_iter().skip(4).map(|(_, value)| value).collect();
        assert_eq!(says, ["7", "NO_ERROR", "\"bye\""]);
    }

    #[test]
    fn padding_and_priority_are_not_of_the_field_block() {
        let padded = Head::PADDED | Head::PRIORITY | Head::END_HEADERS;
        let bytes = raw(Kind::HEADERS, padded, 1, b"\x02\0\0\0\0\x10\x82\x86\0\0");
        let seen = frame(&bytes);
        assert_eq!(seen.block.map(|range| bytes[range].to_vec()), Some(vec![0x82, 0x86]));
    }

    #[test]
    fn what_breaks_a_rule_is_shown_with_it() {
        for (bytes, rule) in [
            (raw(Kind::DATA, 0, 0, b"x"), "0; §6.1: needs a stream"),
            (raw(Kind::SETTINGS, 0, 1, b""), "§6.5: only on stream 0"),
            (raw(Kind::SETTINGS, Head::ACK, 0, b"\0\x02\0\0\0\0"), "§6.5: an ACK is empty"),
            (raw(Kind::SETTINGS, 0, 0, b"\0\x02\0\0\0\x02"), "§6.5.2: 0 or 1"),
            (raw(Kind::SETTINGS, 0, 0, b"\0\x02\0"), "§6.5: 6 bytes each"),
            (raw(Kind::WINDOW_UPDATE, 0, 1, b"\0\0\0\0"), "0; §6.9: by 1 at least"),
            (raw(Kind::WINDOW_UPDATE, 0, 1, b""), "§6.9: 4 bytes exactly"),
            (raw(Kind::DATA, Head::PADDED, 1, b"\x02x"), "§6.1: longer than all"),
            (raw(Kind::HEADERS, Head::PRIORITY, 1, b"\0"), "§6.2: 5 bytes at least"),
            (BytesMut::from(&b"\0\0\x04"[..]), "§4.1: 9 bytes at least"),
            (BytesMut::from(&b"\0\0\x04\x08\0\0\0\0\0\x01"[..]), "§4.1: not all is here"),
        ] {
            assert_eq!(broken(&bytes), rule);
            assert!(rule.chars().count() <= 23, "{rule} is cut off on the page");
        }
    }

    #[test]
    fn a_conversation_is_cut_into_its_preface_its_frames_and_a_rest() {
        let settings = raw(Kind::SETTINGS, 0, 0, b"");
        let bytes = [&PREFACE[..], &settings, &settings[..5]].concat();
        assert_eq!(frames(&bytes), (vec![&PREFACE[..], &settings], &settings[..5]));
    }

    #[test]
    fn a_frame_is_its_header_and_its_payload_and_a_payload_with_padding_has_parts() {
        let names = |bytes: &[u8]| {
            let spans = frame(bytes).spans;
            outline(&spans).map(|row| format!("{:1$}{2}", "", row.depth, row.span.name)).collect::<Vec<_>>()
        };
        let header = ["frame header", " length", " type", " flags", " stream"];
        let padded = raw(Kind::DATA, Head::PADDED, 1, b"\x01x\0");
        assert_eq!(names(&padded), [&header[..], &["payload", " padding", " data", " padding"]].concat());
        let single = raw(Kind::DATA, 0, 1, b"x");
        assert_eq!(names(&single), [&header[..], &["data"]].concat());
    }

    #[test]
    fn what_obeys_a_rule_has_its_section_too() {
        let spans = frame(&raw(Kind::RST_STREAM, 0, 1, b"\0\0\0\x08")).spans;
        let notes: Vec<_> = outline(&spans).map(|row| row.note).collect();
        let [header, of_type] = ["RFC 9113 §4.1", "RFC 9113 §6.4"];
        assert_eq!(notes, [header, header, of_type, header, header, "RFC 9113 §7"]);
    }

    proptest! {
        #[test]
        fn every_byte_of_a_frame_has_one_span(
            kind in 0..12_u8,
            flags: u8,
            stream in 0..3_u32,
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = raw(Kind(kind), flags, stream, &payload);
            prop_assert_eq!(check(&frame(&bytes).spans, 0..bytes.len()), Ok(()));
        }

        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(check(&frame(&bytes).spans, 0..bytes.len()), Ok(()));
        }
    }
}
