//! `grpc-timeout`: how much time a call has left, as at most 8 digits and a unit.

use std::time::Duration;

/// The header's value: in the finest unit whose number fits, rounded up, so that the server does not give
/// up before the client does.
pub(super) fn encode(timeout: Duration) -> String {
    // A timeout is positive.
    let nanos = timeout.as_nanos().max(1);
    for (unit, size) in UNITS {
        let number = nanos.div_ceil(size);
        if number < MOST {
            return format!("{number}{unit}");
        }
    }
    // 11,000 years.
    format!("{}H", MOST - 1)
}

/// The time that a value means; `None` when it is not well-formed.
pub(super) fn decode(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (_, size) = UNITS.into_iter().find(|(known, _)| *known == char::from(*unit))?;
    let nanos = u128::from(number) * size;
    Some(Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32))
}

const SECOND: u128 = 1_000_000_000;

/// Each unit in nanoseconds, the finest first.
const UNITS: [(char, u128); 6] =
    [('n', 1), ('u', 1000), ('m', 1_000_000), ('S', SECOND), ('M', 60 * SECOND), ('H', 3600 * SECOND)];

/// What 8 digits cannot say any more.
const MOST: u128 = 100_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_finest_unit_that_fits_is_used_and_rounded_up() {
        for (timeout, value) in [
            (Duration::ZERO, "1n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_001), "100001u"),
            (Duration::from_secs(5), "5000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(200_000), "200000S"),
            (Duration::from_secs(u64::MAX), "99999999H"),
        ] {
            assert_eq!(encode(timeout), value);
        }
    }

    #[test]
    fn a_value_that_is_not_1_to_8_digits_and_a_unit_is_none() {
        for wrong in ["", "n", "5", "5s", "123456789n", "-1n", "1.5S", "1 S", "S1"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(decode(b"00000005S"), Some(Duration::from_secs(5)));
        assert_eq!(decode(b"99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    }

    proptest! {
        #[test]
        fn what_arrives_is_never_less_than_what_was_meant(nanos in any::<u64>()) {
            let timeout = Duration::from_nanos(nanos);
            prop_assert!(decode(encode(timeout).as_bytes()).is_some_and(|decoded| decoded >= timeout));
        }
    }
}
