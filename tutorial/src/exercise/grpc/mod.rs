//! Lesson 14: gRPC = path + 5 bytes + trailers.

mod calls;
mod right;
pub mod starter;
mod wrong;

pub use calls::{Mistaken, mistaken};

use http2::hpack::{Decoder, FieldList};

use super::{Check, Exercise, bytes, text, value};
use crate::lens;
use crate::lesson::Lesson;

/// gRPC by hand: the frames of a call, what fields need to carry bytes and any text, and the status of an answer.
#[derive(Clone, Copy, Debug)]
pub struct GrpcCode {
    /// A message behind its five bytes.
    pub prefixed: fn(message: &[u8]) -> Vec<u8>,
    /// The frames of a whole request on stream 1: path, authority, message.
    pub call: fn(path: &str, authority: &str, message: &[u8]) -> Vec<u8>,
    /// The value of a field whose name ends with `-bin`.
    pub bin: fn(&[u8]) -> String,
    /// The bytes of such a value; none where it is none.
    pub read_bin: fn(&str) -> Option<Vec<u8>>,
    /// The value of `grpc-message`.
    pub text: fn(&str) -> String,
    /// The text of such a value.
    pub read_text: fn(&str) -> String,
    /// The number of the status of an answer: its head, and its trailers if there are any.
    pub status: fn(head: &[Field<'_>], trailers: Option<&[Field<'_>]>) -> u8,
}

/// Name and value.
pub type Field<'a> = (&'a str, &'a str);

/// The exercise.
pub static EXERCISE: Exercise<GrpcCode> = Exercise {
    lesson: Lesson::numbered(14),
    task: "Write the frames of a call, the values of fields that carry bytes and text, and find the status.",
    checks: CHECKS,
    right: right::RIGHT,
    right_is_in: "tutorial/src/by_hand/grpc.rs, tutorial/src/exercise/grpc/right.rs, transport/src/grpc/",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

const CHECKS: &[Check<GrpcCode>] = &[
    Check {
        name: "a message has its length in front the highest byte first",
        layer: "message prefix",
        rule: "gRPC over HTTP2, \"Length-Prefixed-Message\": a byte, 0 for not compressed, and four bytes of length, big \
               endian.",
        holds: |it| {
            bytes("prefixed, 258 bytes of 07: the first six", &(it.prefixed)(&[7; 258])[..]).starts(6).is(
                &[0, 0, 0, 1, 2, 7][..],
                [(&[0, 2, 1, 0, 0, 7][..], wrong::LOWEST_FIRST), (&[0, 0, 1, 2, 7, 7], wrong::FOUR_BYTES)],
            )
        },
    },
    Check {
        name: "a message without bytes is a message",
        layer: "message prefix",
        rule: "gRPC over HTTP2, \"Length-Prefixed-Message\": the length may be 0, and no message is something else.",
        holds: |it| {
            bytes("prefixed, no bytes", (it.prefixed)(b"")).is(&[0; 5][..], [(&[][..], wrong::NO_MESSAGE)])
        },
    },
    Check {
        name: "a request is fields and data of which the last frame ends the stream",
        layer: "frames of the call",
        rule: "gRPC over HTTP2, \"Requests\": Request-Headers *Length-Prefixed-Message EOS; the end is the flag of the \
               last DATA. There are no trailers. (RFC 9113 §5.1: behind END_STREAM nothing follows.)",
        holds: |it| {
            text("the frames of call", frames(&called(it))).is("HEADERS, DATA END_STREAM", calls::SHAPES)
        },
    },
    Check {
        name: "the names of fields are lowercase",
        layer: "fields of the call",
        rule: "RFC 9113 §8.2.1: a name with a capital letter makes the request malformed.",
        holds: |it| {
            let names = fields(&called(it)).into_iter().map(|(name, _)| name);
            let capital: Vec<_> = names.filter(|name| name.chars().any(|c| c.is_ascii_uppercase())).collect();
            text("names with capitals in call", capital.join(", ")).is("", [("Te", calls::CAPITAL)])
        },
    },
    Check {
        name: "the fields say how the method is called and that trailers are understood",
        layer: "fields of the call",
        rule: "gRPC over HTTP2, \"Requests\": POST, the path /Service/Method, te: trailers, content-type: \
               application/grpc.",
        holds: |it| {
            let all = fields(&called(it));
            let value_of = |wanted: &str| {
                let field = all.iter().find(|(name, _)| name == wanted);
                field.map_or_else(|| "(none)".to_owned(), |(_, value)| value.clone())
            };
            let told = [":method", ":path", "te", "content-type"].map(value_of).join(" ");
            text("method, path, te and content-type in call", told)
                .is("POST /kv.Kv/Get trailers application/grpc", calls::FIELDS)
        },
    },
    Check {
        name: "the data is the message behind its prefix",
        layer: "message prefix",
        rule: "gRPC over HTTP2, \"Length-Prefixed-Message\". The flag says whether it is compressed, the field \
               grpc-encoding says how.",
        holds: |it| {
            bytes("the data of call", data(&called(it))).is(&b"\0\0\0\0\x03\x0a\x01k"[..], calls::PREFIXES)
        },
    },
    Check {
        name: "bytes in a field are base64 without padding",
        layer: "metadata",
        rule: "gRPC over HTTP2, \"Binary-Header\": base64 (RFC 4648 §4), and the padding should not be sent.",
        holds: |it| {
            text("bin of fb ff fe 01", (it.bin)(b"\xfb\xff\xfe\x01")).is(
                "+//+AQ",
                [("+//+AQ==", wrong::PADDED), ("-__-AQ", wrong::OF_URLS), ("fbfffe01", wrong::HEX)],
            )
        },
    },
    Check {
        name: "bytes in a field are read with and without padding",
        layer: "metadata",
        rule: "gRPC over HTTP2, \"Binary-Header\": implementations must accept padded and un-padded values.",
        holds: |it| {
            let both = ["AQ", "AQ=="].map(|text| (it.read_bin)(text));
            let byte = || Some(vec![1]);
            value("read_bin of AQ and of AQ==", both).is(
                [byte(), byte()],
                [([byte(), None], wrong::NO_PADDING), ([None, byte()], wrong::ONLY_PADDED)],
            )
        },
    },
    Check {
        name: "text of a status is percent encoded byte by byte",
        layer: "trailers",
        rule: "gRPC over HTTP2, \"Percent-Encoded\": the UTF-8 bytes that are not from space to ~ are % and two \
               hexadecimal digits.",
        holds: |it| {
            text("text(\"é is no key\")", (it.text)("é is no key")).is(
                "%C3%A9 is no key",
                [
                    ("é is no key", wrong::AS_IT_IS),
                    ("%E9 is no key", wrong::BY_LETTER),
                    ("%C3%A9+is+no+key", wrong::OF_FORMS),
                ],
            )
        },
    },
    Check {
        name: "a percent sign is percent encoded too",
        layer: "trailers",
        rule: "gRPC over HTTP2, \"Percent-Encoded\": from space to ~, but not the percent sign itself.",
        holds: |it| {
            text("text(\"50% of 41\")", (it.text)("50% of 41"))
                .is("50%25 of 41", [("50% of 41", wrong::PERCENT)])
        },
    },
    Check {
        name: "text that is encoded badly is taken as it stands",
        layer: "trailers",
        rule: "gRPC over HTTP2, \"Status-Message\": who decodes must not fail for a wrong encoding, and must not throw \
               the message away.",
        holds: |it| {
            text("read_text(\"%C3%A9 50%\")", (it.read_text)("%C3%A9 50%"))
                .is("é 50%", [("", wrong::THROWN_AWAY), ("é 50", wrong::HALF)])
        },
    },
    Check {
        name: "the status stands in the trailers",
        layer: "trailers",
        rule: "gRPC over HTTP2, \"Responses\": :status 200 says that there is an answer, grpc-status what it is.",
        holds: |it| {
            value(
                "status of an answer with grpc-status 5 in its trailers",
                (it.status)(HEAD, Some(&[STATUS])),
            )
            .is(5, [(0, wrong::HTTP_IS_OK)])
        },
    },
    Check {
        name: "an answer of one frame has its status there",
        layer: "trailers",
        rule: "gRPC over HTTP2, \"Responses\": Trailers-Only is HEADERS that end the stream, with the fields of both; so \
               most errors look.",
        holds: |it| {
            value("status of an answer that is only HEADERS", (it.status)(&[HEAD[0], HEAD[1], STATUS], None))
                .is(5, [(2, wrong::TRAILERS_ONLY)])
        },
    },
    Check {
        name: "an answer without a status is no success",
        layer: "trailers",
        rule: "gRPC over HTTP2, \"Responses\": every answer has a status. Trailers without one are UNKNOWN, 2, \
               whatever came before them.",
        holds: |it| {
            let trailers = [("took", "7 ms")];
            value("status of an answer with trailers, but no grpc-status", (it.status)(HEAD, Some(&trailers)))
                .is(2, [(0, wrong::NONE_IS_OK)])
        },
    },
];

fn called(it: &GrpcCode) -> Vec<u8> {
    (it.call)("/kv.Kv/Get", "kv.test", b"\x0a\x01k")
}

/// The frames, as their type and END_STREAM.
fn frames(call: &[u8]) -> String {
    let told = lens::http2::frames(call).0.into_iter().map(|frame| {
        let Some(head) = lens::http2::frame(frame).head else { return "no frame".to_owned() };
        let end = if head.has(http2::frame::Head::END_STREAM) { " END_STREAM" } else { "" };
        format!("{}{end}", lens::http2::name(head.kind))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The fields of the first block.
fn fields(call: &[u8]) -> Vec<(String, String)> {
    let (frames, _) = lens::http2::frames(call);
    let block =
        frames.into_iter().find_map(|frame| lens::http2::frame(frame).block.map(|range| &frame[range]));
    let decoded = block.and_then(|block| Decoder::new(1 << 12, 20).decode(block).ok());
    let Some(FieldList::Fields(fields)) = decoded else { return Vec::new() };
    let letters = |bytes: &[u8]| bytes.escape_ascii().to_string();
    fields.iter().map(|field| (letters(&field.name), letters(&field.value))).collect()
}

/// What DATA carries.
fn data(call: &[u8]) -> Vec<u8> {
    let (frames, _) = lens::http2::frames(call);
    frames
        .into_iter()
        .filter_map(|frame| lens::http2::frame(frame).data.map(|range| &frame[range]))
        .flatten()
        .copied()
        .collect()
}

const HEAD: &[Field<'_>] = &[(":status", "200"), ("content-type", "application/grpc")];
const STATUS: Field<'_> = ("grpc-status", "5");
