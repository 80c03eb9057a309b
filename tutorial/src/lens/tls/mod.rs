//! The lens on TLS 1.3 (RFC 8446): records, and of the handshake what is in the clear, or has been opened.

mod names;

use std::ops::Range;

use names::{extension_name, group, message_name, scheme, section, version};
pub use names::{kind, suite};

use super::{Layer, Reader, Span, big_endian};
use crate::page::count;

/// A record, or what was sealed in one: its spans, and what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its header and its payload; of what was sealed the content and its type.
    pub spans: Vec<Span>,
    /// Handshake, alert, application data: the type of the content, if there is one.
    pub kind: Option<u8>,
    /// The content.
    pub content: Range<usize>,
}

/// Cuts `bytes` into records. What is left at the end is a record that is not complete.
pub fn records(mut bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut records = Vec::new();
    while let Some(header) = bytes.first_chunk::<HEADER>() {
        let size = HEADER + big_endian(&header[3..]);
        let Some((record, rest)) = bytes.split_at_checked(size) else { break };
        records.push(record);
        bytes = rest;
    }
    (records, bytes)
}

/// Names the bytes of one record.
pub fn record(bytes: &[u8]) -> Seen {
    let mut reader = Reader::new(bytes, Layer::Record, SPECIFICATION);
    if bytes.len() < HEADER {
        reader.wrong("§5.1: 5 bytes at least");
        return Seen { spans: reader.finish(), kind: None, content: 0..0 };
    }
    let header = reader.open("record header", "§5.1");
    let kind = bytes[0];
    reader.take(1, "type", |_| names::kind(kind));
    reader.take(2, "version", |bytes| format!("{}, ignored", version(bytes)));
    let length = big_endian(reader.take(2, "length", |bytes| format!("{} follow", bytes_of(bytes))));
    reader.close(header, "");
    let content = reader.at..bytes.len();
    match (length.checked_sub(reader.left()), kind) {
        (None, _) => reader.wrong("§5.1: more than length"),
        (Some(1..), _) => reader.wrong("§5.1: not all is here"),
        (Some(0), APPLICATION_DATA) => sealed(&mut reader),
        (Some(0), _) => open(&mut reader, kind, bytes.len()),
    }
    Seen { spans: reader.finish(), kind: Some(kind), content }
}

/// Names the bytes of what was sealed in a record: content, its type, and zeros that hide its length.
pub fn inner(bytes: &[u8]) -> Seen {
    let mut reader = Reader::new(bytes, Layer::Data, SPECIFICATION);
    let Some(at) = bytes.iter().rposition(|byte| *byte != 0) else {
        reader.wrong("§5.4: no type of content");
        return Seen { spans: reader.finish(), kind: None, content: 0..0 };
    };
    open(&mut reader, bytes[at], at);
    reader.layer = Layer::Record;
    reader.take(1, "content type", |kind| names::kind(kind[0]));
    reader.note("§5.2");
    if reader.left() > 0 {
        reader.take(reader.left(), "padding", |bytes| count(bytes.len(), "zero"));
        reader.note("§5.4");
    }
    Seen { spans: reader.finish(), kind: Some(bytes[at]), content: 0..at }
}

/// The names of the handshake messages that begin in `content`.
pub fn messages(mut content: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(head) = content.first_chunk::<4>() {
        names.push(message_name(head[0]));
        content = content.get(4 + big_endian(&head[1..])..).unwrap_or_default();
    }
    names
}

/// What of a record only who has the keys can read.
fn sealed(reader: &mut Reader<'_>) {
    reader.layer = Layer::Sealed;
    let whole = reader.open("sealed", "§5.2");
    let length = reader.left().saturating_sub(TAG);
    if length > 0 {
        reader.take(length, "ciphertext", |bytes| count(bytes.len(), "byte"));
    }
    if reader.left() == TAG {
        reader.take(TAG, "auth tag", |_| "nothing was changed".to_owned());
    } else {
        reader.wrong("§5.2: 17 bytes at least");
    }
    reader.close(whole, "");
}

/// What can be read, up to `end`.
fn open(reader: &mut Reader<'_>, kind: u8, end: usize) {
    match kind {
        HANDSHAKE => {
            while reader.at < end {
                message(reader, end);
            }
        }
        ALERT if end - reader.at == 2 => alert(reader),
        CHANGE_CIPHER_SPEC => {
            reader.layer = Layer::Control;
            rest(reader, end, "no meaning now", |_| "for old boxes".to_owned());
            reader.note("§D.4");
        }
        _ => {
            reader.layer = Layer::Data;
            rest(reader, end, "data", |bytes| count(bytes.len(), "byte"));
        }
    }
}

fn alert(reader: &mut Reader<'_>) {
    reader.layer = Layer::Status;
    let alert = reader.open("alert", "§6");
    reader.take(1, "level", |level| if level == [1] { "warning" } else { "fatal" }.to_owned());
    reader.take(1, "description", |number| format!("{}, {}", number[0], names::alert(number[0])));
    reader.close(alert, "");
}

/// One handshake message, or as much of it as is here.
fn message(reader: &mut Reader<'_>, end: usize) {
    reader.layer = Layer::Handshake;
    let kind = reader.bytes[reader.at];
    let whole = reader.open(&message_name(kind), section(kind));
    reader.take(1, "message", |_| message_name(kind));
    match length(reader, 3, "length", end) {
        Some(end) => {
            if body(reader, kind, end).is_none() || reader.at < end {
                rest(reader, end, "not expected", |_| String::new());
                reader.last_is_wrong("lengths do not fit");
            }
        }
        None => rest(reader, end, "beginning", |_| "goes on in the next".to_owned()),
    }
    reader.close(whole, "");
}

/// What a message says. `None`: a length in it goes beyond its end.
fn body(reader: &mut Reader<'_>, kind: u8, end: usize) -> Option<()> {
    match kind {
        CLIENT_HELLO => {
            part(reader, 2, "version", end, |bytes| format!("{}, as ever", version(bytes)))?;
            part(reader, 32, "random", end, |_| "names the connection".to_owned())?;
            let session = length(reader, 1, "session length", end)?;
            rest(reader, session, "session", |_| "for old boxes".to_owned());
            let suites = length(reader, 2, "suites length", end)?;
            each(reader, suites, 2, "cipher suite", suite)?;
            let compressions = length(reader, 1, "methods length", end)?;
            each(reader, compressions, 1, "compression", |_| "none, as ever".to_owned())?;
            extensions(reader, kind, end)
        }
        SERVER_HELLO => {
            part(reader, 2, "version", end, |bytes| format!("{}, as ever", version(bytes)))?;
            part(reader, 32, "random", end, |_| String::new())?;
            let session = length(reader, 1, "session length", end)?;
            rest(reader, session, "session", |_| "as it came".to_owned());
            part(reader, 2, "cipher suite", end, suite)?;
            part(reader, 1, "compression", end, |_| "none, as ever".to_owned())?;
            extensions(reader, kind, end)
        }
        ENCRYPTED_EXTENSIONS => extensions(reader, kind, end),
        CERTIFICATE_REQUEST => {
            let context = length(reader, 1, "context length", end)?;
            rest(reader, context, "context", |_| String::new());
            extensions(reader, kind, end)
        }
        CERTIFICATE => {
            let context = length(reader, 1, "context length", end)?;
            rest(reader, context, "context", |_| String::new());
            let list = length(reader, 3, "list length", end)?;
            while reader.at < list {
                let certificate = length(reader, 3, "length", list)?;
                rest(reader, certificate, "certificate", |bytes| format!("{} of DER", bytes.len()));
                extensions(reader, kind, list)?;
            }
            Some(())
        }
        CERTIFICATE_VERIFY => {
            part(reader, 2, "algorithm", end, scheme)?;
            let signature = length(reader, 2, "length", end)?;
            rest(reader, signature, "signature", |_| "of all up to here".to_owned());
            Some(())
        }
        FINISHED => {
            rest(reader, end, "verify data", |_| "of all up to here".to_owned());
            Some(())
        }
        _ => {
            rest(reader, end, "content", |bytes| count(bytes.len(), "byte"));
            Some(())
        }
    }
}

fn extensions(reader: &mut Reader<'_>, message: u8, end: usize) -> Option<()> {
    let end = length(reader, 2, "extensions", end)?;
    while reader.at < end {
        let whole = reader.open("extension", "§4.2");
        let number =
            big_endian(part(reader, 2, "extension", end, |number| extension_name(big_endian(number)))?);
        let end = length(reader, 2, "length", end)?;
        extension(reader, number, message, end)?;
        reader.close_as(whole, &extension_name(number), "");
    }
    Some(())
}

fn extension(reader: &mut Reader<'_>, number: usize, message: u8, end: usize) -> Option<()> {
    match (number, message) {
        _ if reader.at == end => {}
        (SERVER_NAME, CLIENT_HELLO) => {
            length(reader, 2, "list length", end)?;
            part(reader, 1, "name type", end, |kind| if kind == [0] { "host name" } else { "" }.to_owned())?;
            let name = length(reader, 2, "name length", end)?;
            reader.text(name - reader.at, "server name");
        }
        (ALPN, _) => {
            length(reader, 2, "list length", end)?;
            while reader.at < end {
                let name = length(reader, 1, "name length", end)?;
                reader.text(name - reader.at, "protocol");
            }
        }
        (SUPPORTED_VERSIONS, CLIENT_HELLO) => {
            let list = length(reader, 1, "list length", end)?;
            each(reader, list, 2, "version", version)?;
        }
        (SUPPORTED_VERSIONS, SERVER_HELLO) => {
            part(reader, 2, "version", end, version)?;
        }
        (SUPPORTED_GROUPS, _) => {
            let list = length(reader, 2, "list length", end)?;
            each(reader, list, 2, "group", group)?;
        }
        (SIGNATURE_ALGORITHMS, _) => {
            let list = length(reader, 2, "list length", end)?;
            each(reader, list, 2, "algorithm", scheme)?;
        }
        (KEY_SHARE, CLIENT_HELLO) => {
            let list = length(reader, 2, "list length", end)?;
            while reader.at < list {
                key_share(reader, list)?;
            }
        }
        (KEY_SHARE, SERVER_HELLO) if end - reader.at > 2 => key_share(reader, end)?,
        _ => rest(reader, end, "content", |bytes| count(bytes.len(), "byte")),
    }
    (reader.at == end).then_some(())
}

fn key_share(reader: &mut Reader<'_>, end: usize) -> Option<()> {
    part(reader, 2, "group", end, group)?;
    let key = length(reader, 2, "key length", end)?;
    rest(reader, key, "public key", |_| "for this connection".to_owned());
    Some(())
}

/// The next `length` bytes, if they are there up to `end`.
fn part<'a>(
    reader: &mut Reader<'a>,
    length: usize,
    name: &str,
    end: usize,
    value: impl FnOnce(&[u8]) -> String,
) -> Option<&'a [u8]> {
    (end - reader.at >= length).then(|| reader.take(length, name, value))
}

/// A length of `size` bytes, as the place where what it counts ends.
fn length(reader: &mut Reader<'_>, size: usize, name: &str, end: usize) -> Option<usize> {
    let length = big_endian(part(reader, size, name, end, bytes_of)?);
    (end - reader.at >= length).then(|| reader.at + length)
}

/// What is left up to `end`, as one.
fn rest(reader: &mut Reader<'_>, end: usize, name: &str, value: impl FnOnce(&[u8]) -> String) {
    if reader.at < end {
        reader.take(end - reader.at, name, value);
    }
}

/// All up to `end`, in pieces of `size` bytes.
fn each(
    reader: &mut Reader<'_>,
    end: usize,
    size: usize,
    name: &str,
    value: impl Fn(&[u8]) -> String,
) -> Option<()> {
    while reader.at < end {
        part(reader, size, name, end, &value)?;
    }
    Some(())
}

fn bytes_of(length: &[u8]) -> String {
    count(big_endian(length), "byte")
}

/// The type of a record that only says something to boxes which expect TLS 1.2.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// The type of a record with an alert in the clear.
pub const ALERT: u8 = 21;
/// The type of a record with handshake messages in the clear.
pub const HANDSHAKE: u8 = 22;
/// The type of a record that is sealed, whatever is in it.
pub const APPLICATION_DATA: u8 = 23;
/// How long the header of a record is, in bytes.
pub const HEADER: usize = 5;
/// How much longer a record becomes when it is sealed, in bytes: in all cipher suites that are in use.
pub const TAG: usize = 16;

/// The types of handshake messages (§4).
pub const CLIENT_HELLO: u8 = 1;
/// The server's answer to [`CLIENT_HELLO`].
pub const SERVER_HELLO: u8 = 2;
const ENCRYPTED_EXTENSIONS: u8 = 8;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;
const CERTIFICATE_VERIFY: u8 = 15;
/// The last message of each side.
pub const FINISHED: u8 = 20;

const SERVER_NAME: usize = 0;
const SUPPORTED_GROUPS: usize = 10;
const SIGNATURE_ALGORITHMS: usize = 13;
const ALPN: usize = 16;
const SUPPORTED_VERSIONS: usize = 43;
const KEY_SHARE: usize = 51;

/// Whose rules these are.
const SPECIFICATION: &str = "RFC 8446";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, leaves};

    fn named(spans: &[Span]) -> Vec<(&str, &str)> {
        leaves(spans).map(|span| (span.name.as_str(), span.value.as_str())).collect()
    }

    fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3, (payload.len() >> 8) as u8, payload.len() as u8], payload].concat()
    }

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0, 0, extensions.len() as u8], extensions]
            .concat();
        framed(HANDSHAKE, &[&[CLIENT_HELLO, 0, 0, body.len() as u8], &body[..]].concat())
    }

    #[test]
    fn a_client_hello_says_where_to_and_what_is_spoken_there() {
        let server_name = b"\0\0\0\x09\0\x07\0\0\x04host";
        let alpn = b"\0\x10\0\x05\0\x03\x02h2";
        let seen = record(&hello(&[&server_name[..], alpn].concat()));
        let rows = named(&seen.spans);
        for row in [
            ("message", "ClientHello"),
            ("cipher suite", "AES_128_GCM_SHA256"),
            ("server name", "\"host\""),
            ("protocol", "\"h2\""),
        ] {
            assert!(rows.contains(&row), "{row:?} is not in {rows:?}");
        }
        assert_eq!(seen.kind, Some(HANDSHAKE));
    }

    #[test]
    fn what_is_sealed_has_a_length_and_a_tag_and_no_more() {
        let seen = record(&framed(APPLICATION_DATA, &[9; 20]));
        let rows = named(&seen.spans);
        assert_eq!(rows[3..], [("ciphertext", "4 bytes"), ("auth tag", "nothing was changed")]);
        assert!(leaves(&seen.spans).skip(3).all(|span| span.layer == Layer::Sealed));
    }

    #[test]
    fn a_sealed_record_that_has_no_room_for_its_tag_is_wrong() {
        let seen = record(&framed(APPLICATION_DATA, &[9; 15]));
        assert!(leaves(&seen.spans).any(Span::is_wrong));
    }

    #[test]
    fn an_alert_is_named() {
        let alert = record(b"\x15\x03\x03\0\x02\x02\x78");
        assert_eq!(
            named(&alert.spans)[3..],
            [("level", "fatal"), ("description", "120, no_application_protocol")]
        );
    }

    #[test]
    fn behind_the_content_stands_its_type_and_zeros_hide_how_long_it_is() {
        let seen = inner(b"hello\x17\0\0");
        let expected = [("data", "5 bytes"), ("content type", "application_data"), ("padding", "2 zeros")];
        assert_eq!(named(&seen.spans), expected);
        assert_eq!((seen.kind, seen.content), (Some(APPLICATION_DATA), 0..5));
        assert!(inner(&[0; 4]).spans[0].is_wrong(), "§5.4: it must not be all zeros");
    }

    #[test]
    fn a_length_in_a_message_that_goes_beyond_it_is_wrong_and_the_next_message_is_read() {
        let finished = [FINISHED, 0, 0, 1, 5];
        // A list of certificates that is longer than its message.
        let two = [&[CERTIFICATE, 0, 0, 5, 0, 0, 0, 9, 1][..], &finished].concat();
        let seen = record(&framed(HANDSHAKE, &two));
        assert!(leaves(&seen.spans).any(Span::is_wrong));
        assert!(named(&seen.spans).contains(&("message", "Finished")));
        assert_eq!(messages(&two), ["Certificate", "Finished"]);
    }

    #[test]
    fn records_are_cut_by_their_lengths() {
        let two = [framed(HANDSHAKE, &[1; 300]), framed(ALERT, &[2, 0])].concat();
        let (whole, rest) = records(&two[..two.len() - 1]);
        assert_eq!((whole.len(), whole[0].len(), rest.len()), (1, 305, 6));
        assert_eq!(records(&two).0.len(), 2);
    }

    proptest! {
        #[test]
        fn every_byte_of_any_bytes_has_one_span(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(check(&record(&bytes).spans, 0..bytes.len()), Ok(()));
            prop_assert_eq!(check(&inner(&bytes).spans, 0..bytes.len()), Ok(()));
        }

        #[test]
        fn every_byte_of_a_record_has_one_span(
            kind in 19..25_u8,
            message in prop::sample::select(vec![1, 2, 8, 11, 13, 15, 20, 99]),
            body in prop::collection::vec(0..5_u8, 0..90),
        ) {
            let bytes = framed(kind, &[&[message, 0, 0, body.len() as u8], &body[..]].concat());
            prop_assert_eq!(check(&record(&bytes).spans, 0..bytes.len()), Ok(()));
        }

        #[test]
        fn every_byte_of_an_extension_has_one_span(
            number in prop::sample::select(vec![0, 5, 10, 13, 16, 43, 51]),
            body in prop::collection::vec(0..5_u8, 0..40),
        ) {
            let bytes = hello(&[&[0, number, 0, body.len() as u8], &body[..]].concat());
            prop_assert_eq!(check(&record(&bytes).spans, 0..bytes.len()), Ok(()));
        }
    }
}
