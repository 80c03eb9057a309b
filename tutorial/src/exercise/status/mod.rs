//! Lesson 16: deadlines, and what a call ends with when nobody has said it.

mod right;
pub mod starter;
mod wrong;

use std::time::Duration;

use transport::Code;

use super::{Check, Exercise, text, value};
use crate::lesson::Lesson;

/// Time on the wire, and the status of calls that end without one.
#[derive(Clone, Copy, Debug)]
pub struct StatusCode {
    /// The value of `grpc-timeout`: in the finest unit whose number has eight digits at most, and never less than
    /// what was meant.
    pub timeout: fn(Duration) -> String,
    /// The time that a value means; none where it is none.
    pub read_timeout: fn(&str) -> Option<Duration>,
    /// What a status of HTTP means where there is no `grpc-status`.
    pub of_http: fn(u16) -> Code,
    /// What RST_STREAM with this error code means.
    pub of_reset: fn(u32) -> Code,
}

/// The exercise.
pub static EXERCISE: Exercise<StatusCode> = Exercise {
    lesson: Lesson::numbered(16),
    task: "Write and read a timeout, and say what an answer means that is not of gRPC.",
    checks: CHECKS,
    right: right::RIGHT,
    right_is_in: "transport/src/grpc/timeout.rs, transport/src/grpc/status.rs",
    wrong: wrong::WRONG,
    starter: starter::YOURS,
};

const CHECKS: &[Check<StatusCode>] = &[
    Check {
        name: "a timeout has eight digits at most and a unit",
        layer: FIELDS,
        rule: "gRPC over HTTP2, \"Timeout\": a positive integer of at most 8 digits, and a unit. Five seconds in \
               nanoseconds would have ten.",
        holds: |it| {
            text("timeout(5 s)", (it.timeout)(Duration::from_secs(5))).is(
                "5000000u",
                [("5000000000n", wrong::TEN_DIGITS), ("5S", wrong::SECONDS), ("5", wrong::NO_UNIT)],
            )
        },
    },
    Check {
        name: "a timeout is rounded up",
        layer: FIELDS,
        rule: "gRPC over HTTP2, \"Timeout\". A server that is told less than was meant gives up while the client still \
               waits.",
        holds: |it| {
            text("timeout(100000001 ns)", (it.timeout)(Duration::from_nanos(100_000_001)))
                .is("100001u", [("100000u", wrong::ROUNDED_DOWN)])
        },
    },
    Check {
        name: "a timeout is never nothing",
        layer: FIELDS,
        rule: "gRPC over HTTP2, \"Timeout\": a positive integer.",
        holds: |it| text("timeout(0 s)", (it.timeout)(Duration::ZERO)).is("1n", [("0n", wrong::ZERO)]),
    },
    Check {
        name: "a small m is a thousandth and a large one a minute",
        layer: FIELDS,
        rule: "gRPC over HTTP2, \"Timeout\": H hours, M minutes, S seconds, m milliseconds, u microseconds, n nanoseconds.",
        holds: |it| {
            let read = ["7H", "7M", "7S", "7m", "7u", "7n"]
                .map(|text| (it.read_timeout)(text).map(|it| it.as_nanos()));
            let expected =
                |milli: u128| [7 * 3600 * SECOND, 7 * 60 * SECOND, 7 * SECOND, milli, 7000, 7].map(Some);
            value("read_timeout of 7H, 7M, 7S, 7m, 7u, 7n, in ns", read)
                .is(expected(7_000_000), [(expected(7 * 60 * SECOND), wrong::MINUTES)])
        },
    },
    Check {
        name: "what is no timeout is refused",
        layer: FIELDS,
        rule: "gRPC over HTTP2, \"Timeout\": 1 to 8 digits and one of six letters; no sign, no dot, no space.",
        holds: |it| {
            let given = ["123456789n", "5s", "+5S", "5"];
            let taken: Vec<_> = given.into_iter().filter(|text| (it.read_timeout)(text).is_some()).collect();
            text("of 123456789n, 5s, +5S, 5 read_timeout takes", taken.join(", ")).is(
                "",
                [
                    ("123456789n", wrong::NINE_DIGITS),
                    ("5s", wrong::SMALL_S),
                    ("+5S", wrong::SIGN),
                    ("5", wrong::BARE),
                ],
            )
        },
    },
    Check {
        name: "http 200 without a status is unknown",
        layer: "status of HTTP",
        rule: "gRPC, \"HTTP to gRPC Status Code Mapping\": it is for answers that have no grpc-status, and every one that \
               is not in its table is UNKNOWN; 200 is not.",
        holds: |it| value("of_http(200)", (it.of_http)(200)).is(Code::Unknown, [(Code::Ok, wrong::OK_IS_OK)]),
    },
    Check {
        name: "http 404 is a method that is not there",
        layer: "status of HTTP",
        rule: "gRPC, \"HTTP to gRPC Status Code Mapping\": 404 is UNIMPLEMENTED. NOT_FOUND is for what the method has \
               looked for.",
        holds: |it| {
            value("of_http(404)", (it.of_http)(404))
                .is(Code::Unimplemented, [(Code::NotFound, wrong::NOT_FOUND)])
        },
    },
    Check {
        name: "what a proxy says when it reaches nobody may be tried again",
        layer: "status of HTTP",
        rule: "gRPC, \"HTTP to gRPC Status Code Mapping\": 429, 502, 503 and 504 are UNAVAILABLE.",
        holds: |it| {
            let all = [429, 502, 503, 504].map(it.of_http);
            value("of_http of 429, 502, 503, 504", all)
                .is([Code::Unavailable; 4], [([Code::Internal; 4], wrong::FIVE_IS_INTERNAL)])
        },
    },
    Check {
        name: "a refused stream is unavailable",
        layer: "RST_STREAM",
        rule: "gRPC over HTTP2, \"Errors\": REFUSED_STREAM (7) says that nothing was processed: UNAVAILABLE, and safe to \
               try again.",
        holds: |it| {
            value("of_reset(7)", (it.of_reset)(7)).is(
                Code::Unavailable,
                [(Code::Internal, wrong::ALL_INTERNAL), (Code::Cancelled, wrong::ALL_CANCELLED)],
            )
        },
    },
    Check {
        name: "a cancelled stream is cancelled",
        layer: "RST_STREAM",
        rule: "gRPC over HTTP2, \"Errors\": CANCEL (8) is CANCELLED.",
        holds: |it| {
            value("of_reset(8)", (it.of_reset)(8))
                .is(Code::Cancelled, [(Code::Unavailable, wrong::CANCEL_RETRIED)])
        },
    },
    Check {
        name: "a stream that is reset without an error is an error",
        layer: "RST_STREAM",
        rule: "gRPC over HTTP2, \"Errors\": NO_ERROR (0) instead of trailers is INTERNAL: no status has come.",
        holds: |it| value("of_reset(0)", (it.of_reset)(0)).is(Code::Internal, [(Code::Ok, wrong::NO_ERROR)]),
    },
];

const FIELDS: &str = "field grpc-timeout";
const SECOND: u128 = 1_000_000_000;
