//! The right ones, in a few lines: the project's own are not public.

use std::time::Duration;

use transport::Code;

use super::{SECOND, StatusCode};

pub(super) const RIGHT: StatusCode = StatusCode { timeout, read_timeout, of_http, of_reset };

fn timeout(timeout: Duration) -> String {
    let nanos = timeout.as_nanos().max(1);
    let mut fitting = UNITS.into_iter().map(|(unit, size)| (unit, nanos.div_ceil(size)));
    let (unit, number) = fitting.find(|(_, number)| *number <= MOST).unwrap_or(('H', MOST));
    format!("{number}{unit}")
}

fn read_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (_, size) = UNITS.into_iter().find(|(known, _)| unit == known.to_string())?;
    let nanos = digits.parse::<u128>().ok()? * size;
    Some(Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32))
}

fn of_http(status: u16) -> Code {
    match status {
        400 | 431 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

fn of_reset(code: u32) -> Code {
    match code {
        0x7 => Code::Unavailable,
        0x8 => Code::Cancelled,
        0xb => Code::ResourceExhausted,
        0xc => Code::PermissionDenied,
        _ => Code::Internal,
    }
}

/// Each unit in nanoseconds, the finest first.
const UNITS: [(char, u128); 6] =
    [('n', 1), ('u', 1000), ('m', 1_000_000), ('S', SECOND), ('M', 60 * SECOND), ('H', 3600 * SECOND)];
const MOST: u128 = 99_999_999;
