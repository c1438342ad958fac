//! How long a blocking command waits.

use crate::clock::Micros;
use crate::error::Error;
use crate::types::long_double::LongDouble;
use crate::types::number;

/// A timeout in whole milliseconds (WAIT, CLIENT PAUSE) as the moment when it ends, in Unix
/// microseconds; `None` for 0, which is for ever.
///
/// # Errors
/// `ERR timeout is not an integer or out of range`, `ERR timeout is negative`, `ERR timeout is out of
/// range`.
pub fn milliseconds(text: &[u8], now: Micros) -> Result<Option<i64>, Error> {
    let millis = number::parse_i64(text).ok_or(Error::Static(
        "ERR timeout is not an integer or out of range",
    ))?;
    moment(millis, now)
}

/// A timeout in seconds, of which the parts of a millisecond count as a whole one, as the moment when
/// it ends, in Unix microseconds; `None` for 0, which is for ever.
///
/// # Errors
/// `ERR timeout is not a float or out of range`, `ERR timeout is negative`, `ERR timeout is out of
/// range`.
pub fn seconds(text: &[u8], now: Micros) -> Result<Option<i64>, Error> {
    let seconds = LongDouble::parse(text)
        .ok_or(Error::Static("ERR timeout is not a float or out of range"))?;
    let millis = seconds
        .thousandfold_up()
        .ok_or(Error::Static("ERR timeout is out of range"))?;
    moment(millis, now)
}

fn moment(millis: i64, now: Micros) -> Result<Option<i64>, Error> {
    if millis < 0 {
        return Err(Error::Static("ERR timeout is negative"));
    }
    if millis > i64::MAX - now.millis() {
        return Err(Error::Static("ERR timeout is out of range"));
    }
    // Moments are counted in microseconds: the last of them is 290,000 years away, and late enough.
    Ok((millis > 0).then(|| now.0.saturating_add(millis.saturating_mul(1_000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_700_000_000_000_000);

    #[test]
    fn timeouts_are_moments() {
        assert_eq!(milliseconds(b"0", NOW), Ok(None));
        assert_eq!(milliseconds(b"5", NOW), Ok(Some(NOW.0 + 5_000)));
        let most = i64::MAX - NOW.millis();
        assert_eq!(
            milliseconds(most.to_string().as_bytes(), NOW),
            Ok(Some(i64::MAX))
        );
        for (text, expected) in [
            ("-1", "ERR timeout is negative"),
            ("1.5", "ERR timeout is not an integer or out of range"),
            (&(most + 1).to_string(), "ERR timeout is out of range"),
        ] {
            let error = milliseconds(text.as_bytes(), NOW).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn seconds_may_be_fractions() {
        for (text, micros) in [
            ("1", 1_000_000),
            ("0.5", 500_000),
            ("0.0001", 1_000),
            ("1.1", 1_100_000),
        ] {
            assert_eq!(
                seconds(text.as_bytes(), NOW),
                Ok(Some(NOW.0 + micros)),
                "{text}"
            );
        }
        assert_eq!(seconds(b"0", NOW), Ok(None));
        assert_eq!(seconds(b"-0.0001", NOW), Ok(None));
        for (text, expected) in [
            ("-1", "ERR timeout is negative"),
            ("-inf", "ERR timeout is negative"),
            ("inf", "ERR timeout is out of range"),
            ("1e30", "ERR timeout is out of range"),
            ("9223372036854775.807", "ERR timeout is out of range"),
            ("x", "ERR timeout is not a float or out of range"),
            ("nan", "ERR timeout is not a float or out of range"),
            ("", "ERR timeout is not a float or out of range"),
        ] {
            let error = seconds(text.as_bytes(), NOW).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }
}
