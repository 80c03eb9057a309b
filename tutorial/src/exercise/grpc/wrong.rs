//! gRPC that is wrong on purpose.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use super::GrpcCode;
use super::calls::{CALLS, NO_END};
use super::right::{RIGHT, UNKNOWN};
use crate::by_hand::grpc::{self, DATA, END_HEADERS, HEADERS};
use crate::exercise::Wrong;
use crate::page::hex;

pub(super) const WRONG: &[Wrong<GrpcCode>] = &[
    Wrong {
        mistake: LOWEST_FIRST,
        form: prefixed(|message| [&[0], &(message.len() as u32).to_le_bytes()[..], message].concat()),
    },
    Wrong {
        mistake: FOUR_BYTES,
        form: prefixed(|message| [&(message.len() as u32).to_be_bytes()[..], message].concat()),
    },
    Wrong {
        mistake: NO_MESSAGE,
        form: prefixed(|message| if message.is_empty() { Vec::new() } else { grpc::prefixed(message) }),
    },
    call(0),
    call(1),
    call(2),
    call(3),
    call(4),
    call(5),
    call(6),
    call(7),
    call(8),
    call(9),
    Wrong {
        mistake: NO_END,
        form: GrpcCode {
            call: |path, authority, message| {
                let block = grpc::block(&grpc::fields(path, authority));
                let data = grpc::frame(DATA, 0, 1, &grpc::prefixed(message));
                [grpc::frame(HEADERS, END_HEADERS, 1, &block), data].concat()
            },
            ..RIGHT
        },
    },
    Wrong { mistake: PADDED, form: bin(|bytes| BASE64_STANDARD.encode(bytes)) },
    Wrong { mistake: OF_URLS, form: bin(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes)) },
    Wrong { mistake: HEX, form: bin(|bytes| hex(bytes).replace(' ', "")) },
    Wrong {
        mistake: NO_PADDING,
        form: GrpcCode { read_bin: |text| BASE64_STANDARD_NO_PAD.decode(text).ok(), ..RIGHT },
    },
    Wrong {
        mistake: ONLY_PADDED,
        form: GrpcCode { read_bin: |text| BASE64_STANDARD.decode(text).ok(), ..RIGHT },
    },
    Wrong { mistake: AS_IT_IS, form: text(str::to_owned) },
    Wrong {
        mistake: BY_LETTER,
        form: text(|text| {
            let letter = |letter: char| {
                if letter.is_ascii() { letter.to_string() } else { format!("%{:02X}", letter as u32) }
            };
            text.chars().map(letter).collect()
        }),
    },
    Wrong { mistake: OF_FORMS, form: text(|text| (RIGHT.text)(text).replace(' ', "+")) },
    Wrong { mistake: PERCENT, form: text(|text| (RIGHT.text)(text).replace("%25", "%")) },
    Wrong {
        mistake: THROWN_AWAY,
        form: read_text(|value| {
            let is_whole = value.split('%').skip(1).all(|part| part.len() >= 2);
            if is_whole { (RIGHT.read_text)(value) } else { String::new() }
        }),
    },
    Wrong { mistake: HALF, form: read_text(|value| (RIGHT.read_text)(value).replace('%', "")) },
    Wrong {
        mistake: HTTP_IS_OK,
        form: GrpcCode {
            status: |head, _| if head.contains(&(":status", "200")) { 0 } else { UNKNOWN },
            ..RIGHT
        },
    },
    Wrong {
        mistake: TRAILERS_ONLY,
        form: GrpcCode { status: |_, trailers| (RIGHT.status)(&[], trailers), ..RIGHT },
    },
    Wrong {
        mistake: NONE_IS_OK,
        form: GrpcCode {
            status: |head, trailers| {
                let mut all = head.iter().chain(trailers.unwrap_or_default());
                if all.any(|(name, _)| *name == "grpc-status") { (RIGHT.status)(head, trailers) } else { 0 }
            },
            ..RIGHT
        },
    },
];

pub(super) const LOWEST_FIRST: &str = "the length of a message has its lowest byte first";
pub(super) const FOUR_BYTES: &str =
    "the byte in front of the length is missing, which says whether it is compressed";
pub(super) const NO_MESSAGE: &str = "a message without bytes is not sent at all";
pub(super) const PADDED: &str = "the padding is sent";
pub(super) const OF_URLS: &str = "it is the base64 of URLs, with - and _";
pub(super) const HEX: &str = "it is hexadecimal, not base64";
pub(super) const NO_PADDING: &str = "a value with padding is refused";
pub(super) const ONLY_PADDED: &str = "a value without padding is refused";
pub(super) const AS_IT_IS: &str = "letters that HTTP does not have are sent as they are";
pub(super) const BY_LETTER: &str = "letters are encoded, not their bytes";
pub(super) const OF_FORMS: &str = "a space becomes a plus, as in forms of web pages";
pub(super) const PERCENT: &str = "the percent sign is sent as it is, and read as something else";
pub(super) const THROWN_AWAY: &str = "a message with one wrong letter is thrown away";
pub(super) const HALF: &str = "what is encoded badly is left out";
pub(super) const HTTP_IS_OK: &str = "the status of HTTP is taken for that of the call";
pub(super) const TRAILERS_ONLY: &str =
    "the status is looked for behind the head only, and most errors are in it";
pub(super) const NONE_IS_OK: &str = "an answer that does not say how it ended is taken for a success";

const fn call(at: usize) -> Wrong<GrpcCode> {
    Wrong { mistake: CALLS[at].what, form: GrpcCode { call: CALLS[at].frames, ..RIGHT } }
}

const fn prefixed(prefixed: fn(&[u8]) -> Vec<u8>) -> GrpcCode {
    GrpcCode { prefixed, ..RIGHT }
}

const fn bin(bin: fn(&[u8]) -> String) -> GrpcCode {
    GrpcCode { bin, ..RIGHT }
}

const fn text(text: fn(&str) -> String) -> GrpcCode {
    GrpcCode { text, ..RIGHT }
}

const fn read_text(read_text: fn(&str) -> String) -> GrpcCode {
    GrpcCode { read_text, ..RIGHT }
}
