//! The lens on gRPC over HTTP/2: what a call puts into the frames.

use http2::frame::Head;

use super::{Layer, Reader, Span, big_endian, hpack, http2 as frames, moved, put_in_place};
use crate::page::count;

/// Names the bytes of a frame of HTTP/2, to the last field and the last message in it. A field block that
/// goes on in the next frame is left as one span.
pub fn frame(bytes: &[u8], table: &mut hpack::Table) -> Vec<Span> {
    let mut seen = frames::frame(bytes);
    if let Some(block) = seen.block.filter(|_| seen.head.is_some_and(|head| head.has(Head::END_HEADERS))) {
        put_in_place(&mut seen.spans, moved(hpack::block(&bytes[block.clone()], table), block.start));
    } else if let Some(data) = seen.data {
        put_in_place(&mut seen.spans, moved(self::data(&bytes[data.clone()]), data.start));
    }
    seen.spans
}

/// Names the bytes of DATA, if a message begins there: five in front of each.
pub fn data(bytes: &[u8]) -> Vec<Span> {
    let mut reader = Reader::new(bytes, Layer::Prefix, SPECIFICATION);
    while reader.left() > 0 {
        reader.layer = Layer::Data;
        let prefixed = reader.open(PREFIXED, "");
        message(&mut reader);
        reader.close(prefixed, "");
    }
    reader.finish()
}

/// One message, or as much of it as is here.
fn message(reader: &mut Reader<'_>) {
    reader.layer = Layer::Prefix;
    let flag = big_endian(reader.take(1, "compressed", |flag| match flag {
        [0] => "0, no".to_owned(),
        [1] => "1, yes".to_owned(),
        _ => String::new(),
    }));
    if flag > 1 {
        reader.last_is_wrong("neither 0 nor 1");
    }
    if reader.left() < LENGTH {
        if reader.left() > 0 {
            reader.take(reader.left(), "message length", |_| "goes on in the next".to_owned());
        }
        return;
    }
    let length = reader.number(LENGTH, "message length", "");
    reader.layer = Layer::Message;
    if length > 0 && reader.left() > 0 {
        let missing = length.saturating_sub(reader.left());
        reader.take(length, "message", |bytes| match missing {
            0 => count(bytes.len(), "byte"),
            _ => format!("{missing} bytes still to come"),
        });
    }
}

/// What gRPC calls Length-Prefixed-Message.
pub(crate) const PREFIXED: &str = "prefixed message";

/// The length of a message, in bytes.
const LENGTH: usize = 4;

/// Whose rules these are.
const SPECIFICATION: &str = "gRPC over HTTP/2";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::{check, leaves};

    fn named(bytes: &[u8]) -> Vec<(String, String)> {
        leaves(&data(bytes)).map(|span| (span.name.clone(), span.value.clone())).collect()
    }

    #[test]
    fn a_message_has_a_flag_and_four_bytes_of_length_in_front() {
        let says = named(b"\0\0\0\0\x02hi");
        let expected = [("compressed", "0, no"), ("message length", "2"), ("message", "2 bytes")];
        assert_eq!(says, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn two_messages_in_one_data_are_two() {
        let messages = data(b"\0\0\0\0\x02hi\x01\0\0\0\x01z");
        let ranges: Vec<_> = messages.iter().map(|message| message.range.clone()).collect();
        assert_eq!(ranges, [0..7, 7..13]);
        assert_eq!(messages[1].parts[0].value, "1, yes");
    }

    #[test]
    fn a_message_of_no_bytes_is_its_prefix() {
        assert_eq!(named(b"\0\0\0\0\0").len(), 2);
    }

    #[test]
    fn what_of_a_message_is_missing_is_said() {
        assert_eq!(named(b"\0\x02\0\0\0hi")[2].1, "33554430 bytes still to come");
    }

    #[test]
    fn fields_and_messages_take_the_place_of_block_and_data() {
        let mut table = hpack::Table::new();
        let headers = b"\0\0\x02\x01\x04\0\0\0\x01\x83\x86";
        let names = |spans: Vec<Span>| leaves(&spans).map(|span| span.name.clone()).collect::<Vec<_>>();
        let of_headers = names(frame(headers, &mut table));
        assert_eq!(of_headers[4..], ["indexed 3", "indexed 6"]);
        let data = b"\0\0\x07\0\x01\0\0\0\x01\0\0\0\0\x02hi";
        assert_eq!(names(frame(data, &mut table))[4..], ["compressed", "message length", "message"]);
    }

    proptest! {
        #[test]
        fn every_byte_of_data_has_one_span(bytes in prop::collection::vec(0..4_u8, 0..40)) {
            prop_assert_eq!(check(&data(&bytes), 0..bytes.len()), Ok(()));
        }

        #[test]
        fn every_byte_of_a_frame_has_one_span(
            kind in 0..2_u8,
            flags: u8,
            payload in prop::collection::vec(0..4_u8, 0..40),
        ) {
            let mut bytes = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1];
            bytes.extend(payload);
            let spans = frame(&bytes, &mut hpack::Table::new());
            prop_assert_eq!(check(&spans, 0..bytes.len()), Ok(()));
        }
    }
}
