//! HTTP/2 that is wrong on purpose.

use super::{CONTINUATION, DATA, Data, Head, Http2Code, PADDED, RIGHT};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<Http2Code>] = &[
    Wrong {
        mistake: LOWEST_FIRST,
        form: Http2Code {
            encode: |head| {
                let mut bytes = (RIGHT.encode)(head);
                bytes[..3].reverse();
                bytes
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: WHOLE_LENGTH,
        form: Http2Code { encode: |head| (RIGHT.encode)(Head { length: head.length + 9, ..head }), ..RIGHT },
    },
    Wrong {
        mistake: FLAGS_FIRST,
        form: Http2Code {
            encode: |head| (RIGHT.encode)(Head { kind: head.flags, flags: head.kind, ..head }),
            ..RIGHT
        },
    },
    Wrong {
        mistake: RESERVED_BIT,
        form: Http2Code {
            decode: |bytes| {
                let [.., s3, s2, s1, s0] = bytes;
                Head { stream: u32::from_be_bytes([s3, s2, s1, s0]), ..(RIGHT.decode)(bytes) }
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: ALWAYS_PADDED,
        form: Http2Code { data: |flags, payload| (RIGHT.data)(flags | PADDED, payload), ..RIGHT },
    },
    Wrong {
        mistake: PADDING_IS_DATA,
        form: Http2Code { data: |_, payload| (RIGHT.data)(0, payload), ..RIGHT },
    },
    Wrong {
        mistake: PADDING_IS_FREE,
        form: Http2Code {
            data: |flags, payload| {
                let Data { data, .. } = (RIGHT.data)(flags, payload)?;
                Some(Data { cost: data.len(), data })
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: LENGTH_IS_FREE,
        form: Http2Code {
            data: |flags, payload| {
                let Data { data, cost } = (RIGHT.data)(flags, payload)?;
                let length_of_padding = usize::from(flags & PADDED != 0);
                Some(Data { data, cost: cost - length_of_padding })
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: LONG_PADDING,
        form: Http2Code {
            data: |flags, payload| {
                let nothing = Data { data: Vec::new(), cost: payload.len() };
                Some((RIGHT.data)(flags, payload).unwrap_or(nothing))
            },
            ..RIGHT
        },
    },
    Wrong {
        mistake: BETWEEN,
        form: misplaced(|frames| {
            let blocks: Vec<_> = frames.iter().copied().filter(|head| head.kind != DATA).collect();
            (RIGHT.misplaced)(&blocks)
        }),
    },
    Wrong {
        mistake: OTHER_STREAM,
        form: misplaced(|frames| {
            let one_stream: Vec<_> = frames.iter().map(|head| Head { stream: 1, ..*head }).collect();
            (RIGHT.misplaced)(&one_stream)
        }),
    },
    Wrong {
        mistake: OF_NOTHING,
        form: misplaced(|frames| {
            (RIGHT.misplaced)(frames).filter(|at| {
                frames[*at].kind != CONTINUATION || frames[..*at].iter().all(|head| head.flags == 0)
            })
        }),
    },
];

pub(super) const LOWEST_FIRST: &str = "the length has its lowest byte first";
pub(super) const WHOLE_LENGTH: &str = "the length counts the head too";
pub(super) const FLAGS_FIRST: &str = "flags and type have changed places";
pub(super) const RESERVED_BIT: &str = "the reserved bit is taken for a part of the stream";
pub(super) const ALWAYS_PADDED: &str = "padding is looked for without the flag";
pub(super) const PADDING_IS_DATA: &str = "the padding is taken for data";
pub(super) const PADDING_IS_FREE: &str = "only the data is counted against the windows";
pub(super) const LENGTH_IS_FREE: &str = "the byte with the length of the padding is not counted";
pub(super) const LONG_PADDING: &str =
    "padding that is longer than its frame is taken for a frame without data";
pub(super) const BETWEEN: &str = "DATA between the pieces of a block is let through";
pub(super) const OTHER_STREAM: &str = "the stream of a CONTINUATION is not looked at";
pub(super) const OF_NOTHING: &str = "a CONTINUATION that continues nothing is let through";

const fn misplaced(misplaced: fn(&[Head]) -> Option<usize>) -> Http2Code {
    Http2Code { misplaced, ..RIGHT }
}
