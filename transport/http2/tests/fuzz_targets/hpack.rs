//! What has to hold of HPACK.

use bytes::BytesMut;
use http2::hpack::{Decoder, Encoder, Field, FieldList, Fields};

use super::step::Script;

const MAX_SIZE: usize = 2000;
const MAX_FIELDS: usize = 20;

/// A peer sends any blocks. What comes out keeps to the limits, can be sent on, and comes out again as
/// long as the table has not changed.
pub fn decode_anything(data: &[u8]) {
    let mut script = Script(data);
    let mut decoder = Decoder::new(MAX_SIZE, MAX_FIELDS);
    let (mut encoder, mut next_hop) = (Encoder::new(), Decoder::new(MAX_SIZE, MAX_FIELDS));
    while !script.0.is_empty() {
        let length = script.byte();
        if length == 255 {
            decoder.allow_table_size(usize::from(script.byte()) * 64);
            continue;
        }
        let block = script.bytes(length.into()).to_vec();
        let changes = decoder.changes();
        let Ok(list) = decoder.decode(&block) else { return };
        if changes.is_some() && decoder.changes() == changes {
            assert_eq!(decoder.decode(&block).as_ref(), Ok(&list), "the same block says the same");
            assert_eq!(decoder.changes(), changes);
        }
        if let FieldList::Fields(fields) = &list {
            assert!(fields.len() <= MAX_FIELDS && fields.size() <= MAX_SIZE, "{fields:?}");
            let mut block = BytesMut::new();
            encoder.encode(fields, &mut block);
            assert_eq!(next_hop.decode(&block).as_ref(), Ok(&list), "it can be sent on");
        }
    }
}

/// What is encoded is decoded to the same, list after list, however the size of the table changes.
pub fn encode_and_decode(data: &[u8]) {
    let mut script = Script(data);
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(1 << 24, 1 << 16));
    let mut lists: Vec<Fields> = Vec::new();
    let mut block = BytesMut::new();
    while !script.0.is_empty() {
        let what = script.byte();
        let list = match what % 8 {
            0 => {
                let size = usize::from(script.byte()) * 24;
                decoder.allow_table_size(size);
                encoder.allow_table_size(size);
                continue;
            }
            // A clone of a list that was sent.
            1..=3 if !lists.is_empty() => lists[usize::from(script.byte()) % lists.len()].clone(),
            _ => (0..what / 16).map(|_| field(&mut script)).collect(),
        };
        block.clear();
        encoder.encode(&list, &mut block);
        assert_eq!(decoder.decode(&block), Ok(FieldList::Fields(list.clone())));
        lists.push(list);
    }
}

fn field(script: &mut Script) -> Field {
    const NAMES: [&str; 8] = [":path", ":status", "content-type", "te", "a", "grpc-status", "", "x-long"];
    let what = script.byte();
    let name = match what % 16 {
        known @ 0..8 => NAMES[usize::from(known)].as_bytes().to_vec(),
        length => script.bytes(usize::from(length)).to_vec(),
    };
    let length = match script.byte() {
        length @ 0..250 => usize::from(length % 32),
        length => usize::from(length - 249) * 1000,
    };
    let mut value = script.bytes(length).to_vec();
    value.resize(length, b'v');
    Field { sensitive: what >= 240, ..Field::new(name, value) }
}
