//! x87 extended precision (80 bits, a 64-bit mantissa), which the reference calculates INCRBYFLOAT
//! and HINCRBYFLOAT with: it is why 0.1 + 0.2 prints 0.3.

use std::fmt;

use rustc_apfloat::{Float, Round, Status, ieee::X87DoubleExtended};

use super::number::{Hex, parse_exponent, split_sign};

/// The longest text that is read, in bytes.
const LONGEST: usize = 5 * 1024 - 1;

/// Digits printed behind the point, before zeros are cut off.
const FRACTION_DIGITS: u32 = 17;

/// Why [`increment`] gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FloatError {
    /// One of both is not a number.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// The sum is not a finite number.
    #[error("ERR increment would produce NaN or Infinity")]
    NanOrInfinity,
}

/// `value + increment`, both as text, printed as INCRBYFLOAT prints and stores it.
pub fn increment(value: &[u8], increment: &[u8]) -> Result<String, FloatError> {
    let value = LongDouble::parse(value).ok_or(FloatError::NotFloat)?;
    let increment = LongDouble::parse(increment).ok_or(FloatError::NotFloat)?;
    let sum = value.add(increment);
    if !sum.is_finite() {
        return Err(FloatError::NanOrInfinity);
    }
    Ok(sum.to_string())
}

/// A number of 80 bits.
///
/// It prints in full, never with an exponent: rounded to 17 digits behind the point (halves to
/// even), without trailing zeros, and never as `-0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// A thousand times the number, rounded up to a whole one. `None` if it is larger than 64 bits hold;
    /// what is below them becomes the least number.
    pub fn thousandfold_up(self) -> Option<i64> {
        let thousand = X87DoubleExtended::from_u128(1_000).value;
        let product = (self.0 * thousand).value;
        let rounded = product.to_i128_r(64, Round::TowardPositive, &mut false);
        if !rounded.status.contains(Status::INVALID_OP) {
            return Some(rounded.value as i64);
        }
        product.is_negative().then_some(i64::MIN)
    }

    /// Reads all of `text` as C's `strtold` does, without white space: decimal, hexadecimal
    /// (`0x1.8p3`) or `inf`/`infinity`, with `+` or `-`, in either case.
    ///
    /// Refused are NaN, numbers too large for the type (from about 1.19e4932), numbers that would
    /// become zero (below about 1.8e-4951), and texts of 5,120 bytes or more.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > LONGEST {
            return None;
        }
        let (negative, magnitude) = split_sign(text);
        let value = if magnitude.eq_ignore_ascii_case(b"inf")
            || magnitude.eq_ignore_ascii_case(b"infinity")
        {
            X87DoubleExtended::INFINITY
        } else if matches!(magnitude, [b'0', b'x' | b'X', ..]) {
            Hex::parse(magnitude)?.round()?
        } else {
            parse_decimal(magnitude)?
        };
        Some(LongDouble(if negative { -value } else { value }))
    }

    /// The sum, rounded once.
    #[allow(clippy::should_implement_trait)]
    pub fn add(self, other: LongDouble) -> LongDouble {
        LongDouble((self.0 + other.0).value)
    }

    /// Whether it is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Sign, mantissa and exponent of a finite number: `mantissa * 2^exponent`.
    fn parts(self) -> (bool, u64, i32) {
        let bits = self.0.to_bits();
        let biased = (bits >> 64) as i32 & 0x7fff;
        (
            bits >> 79 & 1 == 1,
            bits as u64,
            biased.max(1) - 16_383 - 63,
        )
    }
}

/// Digits with at most one `.` and at least one digit, and if there is an `e`, an exponent.
fn parse_decimal(text: &[u8]) -> Option<X87DoubleExtended> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b'.')
        .unwrap_or(text.len());
    let (mantissa, rest) = text.split_at(end);
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', exponent @ ..] => parse_exponent(exponent)?,
        _ => return None,
    };
    let dots = mantissa.iter().filter(|&&byte| byte == b'.').count();
    if dots > 1 || mantissa.len() == dots {
        return None;
    }
    if mantissa.iter().all(|byte| matches!(byte, b'0' | b'.')) {
        return Some(X87DoubleExtended::ZERO);
    }
    // Far outside of the type's range even after the mantissa's own digits have moved the point.
    let exponent = exponent.clamp(-20_000, 20_000);
    let mantissa = std::str::from_utf8(mantissa).ok()?;
    let value: X87DoubleExtended = format!("{mantissa}e{exponent}").parse().ok()?;
    (value.is_finite() && !value.is_zero()).then_some(value)
}

impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("nan");
        }
        if self.0.is_infinite() {
            return f.write_str(if self.0.is_negative() { "-inf" } else { "inf" });
        }
        let (negative, mantissa, exponent) = self.parts();
        let text = if exponent >= 0 {
            whole_number(mantissa, exponent as u32)
        } else {
            fixed_point(mantissa, exponent.unsigned_abs())
        };
        if negative && text != "0" {
            f.write_str("-")?;
        }
        f.write_str(&text)
    }
}

/// `mantissa / 2^shift`, with `shift` at least 1.
fn fixed_point(mantissa: u64, shift: u32) -> String {
    const SCALE: u128 = 10u128.pow(FRACTION_DIGITS);
    // Below 2^64 * 10^17, which is below 2^121.
    let scaled = u128::from(mantissa) * SCALE;
    let rounded = if shift > 127 {
        0
    } else {
        let (down, left) = (scaled >> shift, scaled & ((1 << shift) - 1));
        let half = 1 << (shift - 1);
        down + u128::from(left > half || left == half && down & 1 == 1)
    };
    let (whole, fraction) = (rounded / SCALE, rounded % SCALE);
    if fraction == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{fraction:017}");
    text.trim_end_matches('0').to_owned()
}

/// `mantissa * 2^shift`, all digits.
fn whole_number(mantissa: u64, mut shift: u32) -> String {
    const BASE: u64 = 1_000_000_000;
    // Nine decimal digits each, the lowest first.
    let mut limbs: Vec<u32> = Vec::new();
    let mut rest = mantissa;
    while rest > 0 {
        limbs.push((rest % BASE) as u32);
        rest /= BASE;
    }
    while shift > 0 {
        let step = shift.min(32);
        shift -= step;
        let mut carry = 0u64;
        for limb in &mut limbs {
            let value = (u64::from(*limb) << step) + carry;
            *limb = (value % BASE) as u32;
            carry = value / BASE;
        }
        while carry > 0 {
            limbs.push((carry % BASE) as u32);
            carry /= BASE;
        }
    }
    let mut text = limbs.pop().unwrap_or(0).to_string();
    for limb in limbs.iter().rev() {
        text.push_str(&format!("{limb:09}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::FloatError::{NanOrInfinity, NotFloat};
    use super::*;

    #[test]
    fn sums_as_recorded() {
        let table: &[(&str, &str, Result<&str, FloatError>)] = &[
            ("0.1", "0.2", Ok("0.3")),
            ("3.0", "1", Ok("4")),
            ("10.50", "0.1", Ok("10.6")),
            ("5.0e3", "2.0e2", Ok("5200")),
            ("-0", "0", Ok("0")),
            ("1", "-1", Ok("0")),
            ("-0.000000000000000001", "0", Ok("0")),
            ("0.000000000000000005", "0", Ok("0")),
            ("0.0000000000000000050001", "0", Ok("0.00000000000000001")),
            ("0.000000000000000015", "0", Ok("0.00000000000000002")),
            ("9223372036854775807", "1", Ok("9223372036854775808")),
            ("18446744073709551615", "1", Ok("18446744073709551616")),
            ("18446744073709551616", "1", Ok("18446744073709551616")),
            ("1e20", "0.5", Ok("100000000000000000000")),
            ("1e30", "1", Ok("1000000000000000000024696061952")),
            (
                "123456789012345678",
                "0.1",
                Ok("123456789012345678.1015625"),
            ),
            ("0.1", "-0.3", Ok("-0.2")),
            ("1.1", "2.2", Ok("3.3")),
            ("3.14159265358979323846", "0", Ok("3.14159265358979324")),
            ("1e-17", "1e-17", Ok("0.00000000000000002")),
            ("1e-4951", "0", Err(NotFloat)),
            ("1e-4952", "0", Err(NotFloat)),
            ("1e4933", "0", Err(NotFloat)),
            ("0x10", "0x.8", Ok("16.5")),
            ("0x1p-3", "0", Ok("0.125")),
            ("0X1.8P+1", "-0x1.8p1", Ok("0")),
            ("0x", "0", Err(NotFloat)),
            ("0x1p", "0", Err(NotFloat)),
            ("0x1p99999", "0", Err(NotFloat)),
            ("0x0p99999", "1", Ok("1")),
            ("0x1p-99999", "1", Err(NotFloat)),
            ("0e99999999999999999999", "1", Ok("1")),
            ("inf", "1", Err(NanOrInfinity)),
            ("1", "-inf", Err(NanOrInfinity)),
            ("inf", "-inf", Err(NanOrInfinity)),
            ("Infinity", "0", Err(NanOrInfinity)),
            ("nan", "1", Err(NotFloat)),
            ("1", "nan", Err(NotFloat)),
            (
                "1.189731495357231765e4932",
                "1.189731495357231765e4932",
                Err(NanOrInfinity),
            ),
            (" 1", "1", Err(NotFloat)),
            ("1 ", "1", Err(NotFloat)),
            ("", "1", Err(NotFloat)),
            (".", "1", Err(NotFloat)),
            (".5", "5.", Ok("5.5")),
            ("+1", "+1", Ok("2")),
            ("--1", "1", Err(NotFloat)),
            ("1e", "1", Err(NotFloat)),
            ("1e+", "1", Err(NotFloat)),
            ("1e5", "1E-5", Ok("100000.00001000000000317")),
            ("abc", "1", Err(NotFloat)),
            ("1", "1_0", Err(NotFloat)),
            ("1,5", "1", Err(NotFloat)),
            ("0b1", "1", Err(NotFloat)),
        ];
        for &(value, by, expected) in table {
            let found = increment(value.as_bytes(), by.as_bytes());
            assert_eq!(
                found.as_deref(),
                expected.as_ref().copied(),
                "{value:?} {by:?}"
            );
        }
    }

    #[test]
    fn length_limits() {
        let nines = |count: usize| vec![b'0'; count];
        assert_eq!(increment(&nines(5_119), b"1").as_deref(), Ok("1"));
        assert_eq!(increment(&nines(5_120), b"1"), Err(NotFloat));
        let largest = increment(b"1.18973149535723176502e4932", b"0").unwrap();
        assert_eq!(largest.len(), 4_933);
        assert!(largest.starts_with("1189731495357231765021263853"));
        assert_eq!(increment(b"0", b"1\0"), Err(NotFloat));
    }

    #[test]
    fn whole_numbers_print_all_digits() {
        for shift in 0..64 {
            let expected = (u128::from(u64::MAX) << shift).to_string();
            assert_eq!(whole_number(u64::MAX, shift), expected);
        }
        let text = format!("0x1p{}", 100);
        assert_eq!(
            increment(text.as_bytes(), b"0"),
            Ok((1u128 << 100).to_string())
        );
    }
}
