//! What a message takes of memory while it is read.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use stub::codec::{Bincode, Codec};

/// The most that is in use at one time while `message` is read, in bytes.
fn most<T>(message: &Bytes) -> u64
where
    Bincode: Codec<T>,
{
    let message = message.clone();
    allocation_counter::measure(|| drop(Codec::<T>::decode(Bincode, message))).bytes_max
}

#[test]
fn the_length_that_bytes_claim_takes_no_memory() {
    // 251 KiB, 1 GiB, and the most that there is; the byte before it says how many follow.
    let claims: [&[u8]; 3] =
        [b"\xfc\x00\xec\x03\x00", b"\xfc\x00\x00\x00\x40", b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff"];
    for claim in claims {
        let message = Bytes::from([claim, b"little follows"].concat());
        let most = most::<Bytes>(&message);
        assert!(most < 1_000, "{claim:?}: {most}");
    }
}

#[test]
fn a_length_counts_against_what_is_left_of_the_message() {
    let first = Bytes::from(vec![7; 300 << 10]);
    let mut message = Vec::new();
    Bincode.encode(&first, &mut message).unwrap();
    message.extend_from_slice(b"\xfc\x00\xec\x03\x00");
    let most = most::<(Bytes, Bytes)>(&message.into());
    let kept = first.len() as u64;
    assert!((kept..kept + 1_000).contains(&most), "251 KiB are claimed behind {kept} bytes: {most}");
}

#[test]
fn bytes_are_copied_once() {
    const LENGTH: usize = 1 << 20;
    let mut message = Vec::new();
    Bincode.encode(&Bytes::from(vec![7; LENGTH]), &mut message).unwrap();
    let most = most::<Bytes>(&message.into());
    assert!((LENGTH as u64..LENGTH as u64 + 1_000).contains(&most), "{most}");
}
