//! Lesson 02: arguments become bytes.

pub mod starter;
mod wrong;

use ::bytes::Bytes;
use kv::message::{GetReply, IncrementRequest, PutRequest};
use stub::codec::{Bincode, Codec};
use transport::Status;

use super::{Check, Exercise, bytes, value};
use crate::lesson::Lesson;

/// bincode by hand: text, a number, and a message of two texts.
#[derive(Clone, Copy, Debug)]
pub struct BytesCode {
    /// The bytes of a text.
    pub text: fn(&str) -> Vec<u8>,
    /// The bytes of a signed number.
    pub number: fn(i64) -> Vec<u8>,
    /// Key and value of a PutRequest; or at which byte the message is wrong, the first being 0.
    pub decode: fn(&[u8]) -> Result<PutRequest, usize>,
}

/// The exercise.
pub static EXERCISE: Exercise<BytesCode> = Exercise {
    lesson: Lesson::numbered(2),
    task: "Write text and numbers as bincode does, and read a message of two texts.",
    checks: CHECKS,
    right: RIGHT,
    right_is_in: "stub/src/codec/bincode.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

/// The project's own.
const RIGHT: BytesCode = BytesCode {
    text: |text| encoded(&GetReply { value: text.to_owned() }),
    number: |by| encoded(&IncrementRequest { key: String::new(), by })[1..].to_vec(),
    decode: |bytes| {
        let decoded: Result<PutRequest, Status> = Bincode.decode(Bytes::copy_from_slice(bytes));
        decoded.map_err(|status| byte_in(status.message()))
    },
};

fn encoded<T>(message: &T) -> Vec<u8>
where
    Bincode: Codec<T>,
{
    let mut bytes = Vec::new();
    // It fails for what these messages do not have.
    let _ = Bincode.encode(message, &mut bytes);
    bytes
}

/// The byte that an error names: "bincode layer, byte 10 of 12: …".
fn byte_in(message: &str) -> usize {
    let digits = message.split("byte ").nth(1).and_then(|rest| rest.split(' ').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX)
}

const CHECKS: &[Check<BytesCode>] = &[
    Check {
        name: "text is its length and its letters",
        layer: LAYER,
        rule: "Text is its length and its UTF-8 bytes. (stub/src/codec/bincode.rs, `Bincode`)",
        holds: |it| bytes("text(\"hello\")", (it.text)("hello")).is(*b"\x05hello", []),
    },
    Check {
        name: "the length of text is that of its bytes not of its letters",
        layer: LAYER,
        rule: "Text is its length and its UTF-8 bytes, and a letter may have up to four of them. \
               (stub/src/codec/bincode.rs, `Bincode`)",
        holds: |it| {
            bytes("text(\"ü\")", (it.text)("ü")).is([2, 0xc3, 0xbc], [([1, 0xc3, 0xbc], wrong::LETTERS)])
        },
    },
    Check {
        name: "a small number is one byte and a negative one too",
        layer: LAYER,
        rule: "Signed integers are first made small numbers: 0, -1, 1, -2 become 0, 1, 2, 3; up to 250 they take \
               one byte. (stub/src/codec/bincode.rs, `Bincode`)",
        holds: |it| {
            let unfolded = [253, 255, 255, 255, 255, 255, 255, 255, 255];
            bytes("number(-1)", (it.number)(-1)).is(
                &[1][..],
                [(&unfolded[..], wrong::NOT_FOLDED), (&[1, 0, 0, 0, 0, 0, 0, 0], wrong::ALWAYS_EIGHT)],
            )
        },
    },
    Check {
        name: "a number over 250 has its size in front",
        layer: LAYER,
        rule: "Above 250 a byte says how many follow: 251 two, 252 four, 253 eight. 126 is folded to 252. \
               (stub/src/codec/bincode.rs, `Bincode`)",
        holds: |it| {
            bytes("number(126)", (it.number)(126)).is(&[251, 252, 0][..], [(&[252][..], wrong::ONE_BYTE)])
        },
    },
    Check {
        name: "the bytes of a large number begin with the lowest",
        layer: LAYER,
        rule: "The bytes of an integer are little-endian. (stub/src/codec/bincode.rs, `Bincode`)",
        holds: |it| {
            bytes("number(1000000)", (it.number)(1_000_000))
                .is([252, 0x80, 0x84, 0x1e, 0], [([252, 0, 0x1e, 0x84, 0x80], wrong::BIG)])
        },
    },
    Check {
        name: "a message is its fields one after the other",
        layer: LAYER,
        rule: "A structure is its fields in order, without names. (stub/src/codec/bincode.rs, `Bincode`)",
        holds: |it| value("decode", (it.decode)(PUT)).of(PUT, 0).is(Ok(texts("greeting", "hello")), []),
    },
    Check {
        name: "a message cut short is refused where the text begins that is not complete",
        layer: LAYER,
        rule: "Bytes from elsewhere may be anything: a length is compared to what is there before it is used. \
               (stub/src/codec/bincode.rs, `decode`)",
        holds: |it| {
            value("decode", (it.decode)(&PUT[..12]))
                .of(&PUT[..12], 10)
                .is(Err(10), [(Ok(texts("greeting", "he")), wrong::CUT_SHORT)])
        },
    },
    Check {
        name: "bytes behind the message are refused at the first of them",
        layer: LAYER,
        rule: "What is left over was meant by somebody: two sides that disagree about a message must notice. \
               (stub/src/codec/bincode.rs, `decode`)",
        holds: |it| {
            let given = [PUT, b"!!"].concat();
            value("decode", (it.decode)(&given))
                .of(given, 15)
                .is(Err(15), [(Ok(texts("greeting", "hello")), wrong::LEFT_OVER)])
        },
    },
    Check {
        name: "text that is not utf8 is refused at the wrong byte",
        layer: LAYER,
        rule: "Text is UTF-8. Who repairs it stores under a key that nobody has sent. \
               (stub/src/codec/bincode.rs, `forward_read_str`)",
        holds: |it| {
            let given = b"\x02k\xff\x01v";
            value("decode", (it.decode)(given))
                .of(*given, 2)
                .is(Err(2), [(Ok(texts("k\u{fffd}", "v")), wrong::REPAIRED)])
        },
    },
    Check {
        name: "a length that is only claimed is refused",
        layer: LAYER,
        rule: "Only what has really come counts: nothing is allocated for a claim. \
               (stub/src/codec/bincode.rs, `decode`)",
        holds: |it| {
            let given = b"\xfd\0\0\0\0\0\0\0\x40";
            value("decode", (it.decode)(given)).of(*given, 8).is(Err(9), [])
        },
    },
];

fn texts(key: &str, value: &str) -> PutRequest {
    PutRequest { key: key.to_owned(), value: value.to_owned() }
}

const LAYER: &str = "message, in the bytes of bincode";
const PUT: &[u8] = b"\x08greeting\x05hello";
