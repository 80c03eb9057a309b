//! Time and status that are wrong on purpose.

use std::time::Duration;

use transport::Code;

use super::StatusCode;
use super::right::RIGHT;
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<StatusCode>] = &[
    Wrong { mistake: TEN_DIGITS, form: timeout(|time| format!("{}n", time.as_nanos().max(1))) },
    Wrong { mistake: SECONDS, form: timeout(|time| format!("{}S", time.as_secs())) },
    Wrong { mistake: NO_UNIT, form: timeout(|time| time.as_secs().to_string()) },
    Wrong {
        mistake: ROUNDED_DOWN,
        form: timeout(|time| match time.as_nanos() {
            nanos if nanos < 100_000_000 => (RIGHT.timeout)(time),
            nanos => format!("{}u", nanos / 1000),
        }),
    },
    Wrong {
        mistake: ZERO,
        form: timeout(|time| if time.is_zero() { "0n".to_owned() } else { (RIGHT.timeout)(time) }),
    },
    Wrong { mistake: MINUTES, form: read(|text| (RIGHT.read_timeout)(&text.replace('m', "M"))) },
    Wrong {
        mistake: NINE_DIGITS,
        form: read(|text| {
            let nanos = text.strip_suffix('n').and_then(|digits| digits.parse().ok());
            (RIGHT.read_timeout)(text).or(nanos.map(Duration::from_nanos))
        }),
    },
    Wrong { mistake: SMALL_S, form: read(|text| (RIGHT.read_timeout)(&text.replace('s', "S"))) },
    Wrong { mistake: SIGN, form: read(|text| (RIGHT.read_timeout)(text.trim_start_matches('+'))) },
    Wrong {
        mistake: BARE,
        form: read(|text| (RIGHT.read_timeout)(text).or_else(|| text.parse().ok().map(Duration::from_secs))),
    },
    Wrong {
        mistake: OK_IS_OK,
        form: of_http(|status| if status == 200 { Code::Ok } else { (RIGHT.of_http)(status) }),
    },
    Wrong {
        mistake: NOT_FOUND,
        form: of_http(|status| if status == 404 { Code::NotFound } else { (RIGHT.of_http)(status) }),
    },
    Wrong {
        mistake: FIVE_IS_INTERNAL,
        form: of_http(|status| if status > 404 { Code::Internal } else { (RIGHT.of_http)(status) }),
    },
    Wrong { mistake: ALL_INTERNAL, form: of_reset(|_| Code::Internal) },
    Wrong { mistake: ALL_CANCELLED, form: of_reset(|_| Code::Cancelled) },
    Wrong {
        mistake: CANCEL_RETRIED,
        form: of_reset(|code| if code == 8 { Code::Unavailable } else { (RIGHT.of_reset)(code) }),
    },
    Wrong {
        mistake: NO_ERROR,
        form: of_reset(|code| if code == 0 { Code::Ok } else { (RIGHT.of_reset)(code) }),
    },
];

pub(super) const TEN_DIGITS: &str = "everything is sent in nanoseconds, with more than eight digits";
pub(super) const SECONDS: &str = "everything is sent in whole seconds, and half a second is none";
pub(super) const NO_UNIT: &str = "a number is sent without its unit";
pub(super) const ROUNDED_DOWN: &str = "it is rounded down, and the server gives up too early";
pub(super) const ZERO: &str = "a timeout of zero is sent";
pub(super) const MINUTES: &str = "m is taken for minutes";
pub(super) const NINE_DIGITS: &str = "more than eight digits are taken";
pub(super) const SMALL_S: &str = "units are read in small letters too";
pub(super) const SIGN: &str = "a sign in front is taken";
pub(super) const BARE: &str = "a number without a unit is taken for seconds";
pub(super) const OK_IS_OK: &str = "HTTP 200 is taken for a call that went well";
pub(super) const NOT_FOUND: &str = "HTTP 404 is taken for NOT_FOUND, which a method says";
pub(super) const FIVE_IS_INTERNAL: &str = "what a proxy says is taken for an error of the server";
pub(super) const ALL_INTERNAL: &str = "every reset is INTERNAL, and nobody tries again";
pub(super) const ALL_CANCELLED: &str = "every reset is CANCELLED, though the caller has not cancelled";
pub(super) const CANCEL_RETRIED: &str = "CANCEL is taken for something that may be tried again";
pub(super) const NO_ERROR: &str = "NO_ERROR is taken for OK, and an answer is believed that has not come";

const fn timeout(timeout: fn(Duration) -> String) -> StatusCode {
    StatusCode { timeout, ..RIGHT }
}

const fn read(read_timeout: fn(&str) -> Option<Duration>) -> StatusCode {
    StatusCode { read_timeout, ..RIGHT }
}

const fn of_http(of_http: fn(u16) -> Code) -> StatusCode {
    StatusCode { of_http, ..RIGHT }
}

const fn of_reset(of_reset: fn(u32) -> Code) -> StatusCode {
    StatusCode { of_reset, ..RIGHT }
}
