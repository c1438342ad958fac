//! Numbers as text: which bytes are a number, and how a number is printed.

use rustc_apfloat::{Float, Round, Status, StatusAnd, ieee::Double};

use super::grisu;

/// A 64-bit integer in its one canonical form: no sign but `-`, no leading zeros, no `-0`, no
/// spaces. Text and number therefore stand for each other, and a string may be stored as a number.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // 19 digits cannot overflow 64 unsigned bits, and 20 are never in range.
    if digits.is_empty() || digits.len() > 19 || digits[0] == b'0' {
        return None;
    }
    let mut magnitude = 0u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// A whole number as C's `atoi` reads it: white space, a sign, digits; 0 if there is none. What follows is
/// not looked at. A number beyond 64 bits becomes the nearest one that fits.
pub fn parse_leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |value, byte| {
            let digit = i64::from(byte - b'0');
            let value = value.saturating_mul(10);
            if negative {
                value.saturating_sub(digit)
            } else {
                value.saturating_add(digit)
            }
        })
}

/// A floating point number as C's `strtod` reads it, from decimal digits: what follows it is not looked
/// at, and without any number it is 0.
pub fn parse_leading_f64(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let longest = text
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        .count();
    (1..=longest)
        .rev()
        .find_map(|end| std::str::from_utf8(&text[..end]).ok()?.parse().ok())
        .unwrap_or(0.0)
}

/// A 64-bit unsigned integer as SCAN's cursor is read.
///
/// A text that [`parse_i64`] takes must not be negative. Any other text goes by C's `strtoull`:
/// leading white space, a `+` and leading zeros are fine, and `-` wraps around (`-01` is
/// 18,446,744,073,709,551,615). What follows a NUL byte is not looked at. A magnitude of more than
/// 64 bits is refused.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    let text = &text[..end];
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let (negative, digits) = match skip_blanks(text) {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// A double as C's `strtod` reads one, all of `text` and without white space: decimal (`5`, `.5`,
/// `5.`, `-1e3`), hexadecimal (`0x1.8p3`) or `inf`/`infinity`, with `+` or `-`, in either case.
///
/// NaN is refused, and so is a number too large for a double, or so small that it becomes zero.
/// Subnormal results are fine.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let ascii = std::str::from_utf8(text).ok()?;
    let Ok(value) = ascii.parse::<f64>() else {
        return parse_hex_f64(text);
    };
    let refused = value.is_nan()
        || value.is_infinite() && !names_infinity(text)
        || value == 0.0 && !is_zero_mantissa(text);
    (!refused).then_some(value)
}

/// A double as C's `strtod` reads one, up to the first NUL byte if there is one: leading white space is
/// fine, no text at all is 0, and what is too large or too small becomes an infinity or zero. NaN is
/// refused, and so is anything behind the number.
pub fn parse_c_f64(text: &[u8]) -> Option<f64> {
    c_f64(text).map(|(value, _)| value)
}

/// As [`parse_c_f64`], but what is too large, or too small for all its digits to count, is refused (SORT).
#[inline]
pub fn parse_c_f64_in_range(text: &[u8]) -> Option<f64> {
    match parse_i64(text) {
        Some(whole) => Some(whole as f64),
        None => c_f64(text).and_then(|(value, fits)| fits.then_some(value)),
    }
}

/// The number, and whether C's `strtod` finds it in range.
fn c_f64(text: &[u8]) -> Option<(f64, bool)> {
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    if text.is_empty() {
        return Some((0.0, true));
    }
    let text = skip_blanks(text);
    let (value, fits) = match std::str::from_utf8(text).ok()?.parse::<f64>() {
        Ok(value) if value.is_infinite() => (value, names_infinity(text)),
        Ok(value) => (value, value.is_normal() || is_zero_mantissa(text)),
        Err(_) => {
            let nearest = Hex::parse(text)?.nearest::<Double>()?;
            let lost = Status::OVERFLOW | Status::UNDERFLOW;
            let value = f64::from_bits(nearest.value.to_bits() as u64);
            (value, !nearest.status.intersects(lost))
        }
    };
    (!value.is_nan()).then_some((value, fits))
}

/// The text without its leading white space, as C's `isspace` sees it.
fn skip_blanks(text: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let start = text.iter().take_while(|&b| blank(b)).count();
    &text[start..]
}

/// Whether a text that reads as infinity says so, instead of being too large.
fn names_infinity(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.eq_ignore_ascii_case(&b'i'))
}

/// Whether a decimal text that reads as zero is zero, instead of being too small.
fn is_zero_mantissa(text: &[u8]) -> bool {
    text.iter()
        .take_while(|byte| !byte.eq_ignore_ascii_case(&b'e'))
        .all(|byte| !matches!(byte, b'1'..=b'9'))
}

fn parse_hex_f64(text: &[u8]) -> Option<f64> {
    let hex = Hex::parse(text)?;
    let bits = hex.round::<Double>()?.to_bits() as u64;
    Some(f64::from_bits(bits))
}

/// A hexadecimal floating point number as it was written: `mantissa * 2^exponent`.
pub(super) struct Hex {
    negative: bool,
    /// Up to 124 bits; the last one is set if anything but zeros was cut off behind it.
    mantissa: u128,
    exponent: i64,
}

impl Hex {
    /// Sign, `0x`, hex digits with at most one `.` and at least one digit, and if there is a `p`, a
    /// decimal exponent behind it.
    pub(super) fn parse(text: &[u8]) -> Option<Hex> {
        let (negative, text) = split_sign(text);
        let [b'0', b'x' | b'X', digits @ ..] = text else {
            return None;
        };
        let mut hex = Hex {
            negative,
            mantissa: 0,
            exponent: 0,
        };
        let (mut any, mut dot) = (false, false);
        let mut rest = digits;
        while let [byte, tail @ ..] = rest {
            if *byte == b'.' && !dot {
                dot = true;
            } else if let Some(digit) = char::from(*byte).to_digit(16) {
                any = true;
                hex.push(digit, dot);
            } else {
                break;
            }
            rest = tail;
        }
        if !any {
            return None;
        }
        match rest {
            [] => {}
            [b'p' | b'P', exponent @ ..] => {
                hex.exponent = hex.exponent.saturating_add(parse_exponent(exponent)?);
            }
            _ => return None,
        }
        Some(hex)
    }

    fn push(&mut self, digit: u32, behind_dot: bool) {
        if self.mantissa >> 120 == 0 {
            self.mantissa = self.mantissa << 4 | u128::from(digit);
            self.exponent -= 4 * i64::from(behind_dot);
        } else {
            self.mantissa |= u128::from(digit != 0);
            self.exponent += 4 * i64::from(!behind_dot);
        }
    }

    /// The nearest number of a type; `None` if it is too large, or not zero yet would become zero.
    pub(super) fn round<F: Float>(&self) -> Option<F> {
        let value = self.nearest::<F>()?.value;
        let lost = value.is_infinite() || value.is_zero() && self.mantissa != 0;
        (!lost).then_some(value)
    }

    /// The nearest number of a type, be it zero or an infinity, and whether something was lost.
    fn nearest<F: Float>(&self) -> Option<StatusAnd<F>> {
        // Far outside of every type's range, yet within what exponents can be computed with.
        let exponent = self.exponent.clamp(-40_000, 40_000);
        let sign = if self.negative { "-" } else { "" };
        let text = format!("{sign}0x{:x}p{exponent}", self.mantissa);
        F::from_str_r(&text, Round::NearestTiesToEven).ok()
    }
}

/// Takes a `+` or `-` off; says whether it was `-`.
pub(super) fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A decimal exponent with an optional sign; one of many digits saturates.
pub(super) fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Half of the range, so that a length can be added without overflow.
    let value = digits.iter().fold(0i64, |value, &byte| {
        (value * 10 + i64::from(byte - b'0')).min(i64::MAX / 20)
    });
    Some(if negative { -value } else { value })
}

/// A double as the reference prints it: `inf`, `-inf`, `nan`, `-0`; a whole number of up to about
/// 4.6e18 in full; otherwise digits that read back as the same number, nearly always the shortest,
/// with an exponent (`1e+20`, `1.5e-7`) where the plain form would be long.
pub fn format_f64(value: f64) -> String {
    const WHOLE: f64 = (i64::MAX / 2) as f64;
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    if value.abs() <= WHOLE && value == value.trunc() {
        return itoa::Buffer::new().format(value as i64).to_owned();
    }
    let digits = grisu::digits(value.abs());
    let text: String = digits.as_bytes().iter().map(|&b| char::from(b)).collect();
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", place_point(&text, digits.exponent))
}

/// A double as C prints it with `%.17g`: 17 digits without trailing zeros, with an exponent if that is
/// below -4 or above 16. `inf` and `-inf` too.
pub fn format_17_digits(value: f64) -> String {
    if !value.is_finite() {
        return format_f64(value);
    }
    let text = format!("{value:.16e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let strip = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..17).contains(&exponent) {
        return strip(&format!("{value:.*}", (16 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", strip(mantissa), exponent.unsigned_abs())
}

/// Writes `digits * 10^scale` plainly where that is short, otherwise with an exponent.
fn place_point(digits: &str, scale: i32) -> String {
    let count = digits.len() as i32;
    let exponent = scale + count - 1;
    if scale >= 0 && exponent.abs() < count + 7 {
        return format!("{digits}{}", "0".repeat(scale as usize));
    }
    if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        let before = count + scale;
        if before <= 0 {
            return format!("0.{}{digits}", "0".repeat(before.unsigned_abs() as usize));
        }
        let (whole, fraction) = digits.split_at(before as usize);
        return format!("{whole}.{fraction}");
    }
    let (first, others) = digits.split_at(1);
    let point = if others.is_empty() { "" } else { "." };
    format!("{first}{point}{others}e{exponent:+}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn leading_numbers() {
        for (text, value) in [
            ("0", 0),
            ("1", 1),
            (" +7x", 7),
            ("-12-3", -12),
            ("x1", 0),
            ("", 0),
            ("-", 0),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(parse_leading_integer(text.as_bytes()), value, "{text:?}");
        }
        for (text, value) in [
            ("0.5", 0.5),
            (" 1.5s", 1.5),
            ("-1", -1.0),
            ("1e-1e", 0.1),
            (".25.", 0.25),
            ("3.", 3.0),
            ("e", 0.0),
            ("", 0.0),
            ("one", 0.0),
        ] {
            assert_eq!(parse_leading_f64(text.as_bytes()), value, "{text:?}");
        }
    }

    #[test]
    fn integers() {
        for text in [
            "0",
            "1",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "--1",
            "1\0",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "10000000000000000000",
            "99999999999999999999",
            "100000000000000000000",
            "/",
            ":",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn integers_are_those_that_print_the_same() {
        let mut chance = Chance::new(1);
        for _ in 0..100_000 {
            let value = chance.bits() as i64 >> chance.below(64);
            assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
            let text = chance.text(b"0123456789-+ ", 4);
            let same = std::str::from_utf8(&text)
                .ok()
                .and_then(|text| text.parse::<i64>().ok())
                .filter(|value| value.to_string().as_bytes() == text);
            assert_eq!(parse_i64(&text), same, "{text:?}");
        }
    }

    #[test]
    fn cursors() {
        let table: &[(&[u8], Option<u64>)] = &[
            (b"0", Some(0)),
            (b"42", Some(42)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"99999999999999999999999", None),
            (b" 1", Some(1)),
            (b"\t\x0b+001", Some(1)),
            (b"1 ", None),
            (b"-1", None),
            (b"-01", Some(u64::MAX)),
            (b"-0", Some(0)),
            (b"-9223372036854775808", None),
            (b"-9223372036854775809", Some(9_223_372_036_854_775_807)),
            (b"-18446744073709551616", None),
            (b"", None),
            (b" ", None),
            (b"+", None),
            (b"+-1", None),
            (b"abc", None),
            (b"1a", None),
            (b"7\0abc", Some(7)),
            (b"\x007", None),
        ];
        for &(text, expected) in table {
            assert_eq!(
                parse_u64(text),
                expected,
                "{:?}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn doubles() {
        let table: &[(&[u8], Option<f64>)] = &[
            (b"0", Some(0.0)),
            (b"1.5", Some(1.5)),
            (b"+1.5", Some(1.5)),
            (b".5", Some(0.5)),
            (b"5.", Some(5.0)),
            (b"-1e3", Some(-1000.0)),
            (b"0001", Some(1.0)),
            (b"0e99999", Some(0.0)),
            (b"inf", Some(f64::INFINITY)),
            (b"+INF", Some(f64::INFINITY)),
            (b"-Infinity", Some(f64::NEG_INFINITY)),
            (b"0x10", Some(16.0)),
            (b"-0X1.8P1", Some(-3.0)),
            (b"0x.8", Some(0.5)),
            (b"0x1e5", Some(485.0)),
            (b"0x1p-1074", Some(5e-324)),
            (b"0x1p-1075", None),
            (b"0x1.8p-1075", Some(5e-324)),
            (b"0x1.fffffffffffff7p1023", Some(f64::MAX)),
            (b"0x1.fffffffffffff8p1023", None),
            (b"0x0p999999999999999999999", Some(0.0)),
            (b"0x1p999999999999999999999", None),
            (b"4e-324", Some(5e-324)),
            (b"1e-400", None),
            (b"1e400", None),
            (b"-1e400", None),
            (b"nan", None),
            (b"-nan", None),
            (b"nan(1)", None),
            (b"infi", None),
            (b"", None),
            (b"+", None),
            (b".", None),
            (b"e5", None),
            (b"1e", None),
            (b"1e+", None),
            (b" 1", None),
            (b"1 ", None),
            (b"1\0", None),
            (b"0x", None),
            (b"0x.", None),
            (b"0x1p", None),
            (b"0x1.1.1", None),
            (b"1_0", None),
            (b"1,5", None),
            (b"\xff", None),
        ];
        for &(text, expected) in table {
            assert_eq!(
                parse_f64(text),
                expected,
                "{:?}",
                String::from_utf8_lossy(text)
            );
        }
        assert!(parse_f64(b"-0").is_some_and(f64::is_sign_negative));
    }

    /// Long mantissas: what is cut off must still decide a tie.
    #[test]
    fn hex_doubles_round_once() {
        let zeros = "0".repeat(60);
        let half = format!("0x10000000000000.8{zeros}");
        assert_eq!(parse_f64(half.as_bytes()), Some((1u64 << 52) as f64));
        let more = format!("0x10000000000000.8{zeros}1");
        assert_eq!(parse_f64(more.as_bytes()), Some(((1u64 << 52) + 1) as f64));
        let large = format!("0x1{zeros}");
        assert_eq!(parse_f64(large.as_bytes()), Some(2f64.powi(240)));
    }

    #[test]
    fn printed_doubles_as_recorded() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (0.1, "0.1"),
            (2.75, "2.75"),
            (1e15, "1000000000000000"),
            (1e17, "100000000000000000"),
            (4611686018427387904.0, "4611686018427387904"),
            (4611686018427388928.0, "4611686018427389000"),
            (-4611686018427388928.0, "-4611686018427389000"),
            (1e19, "1e+19"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (-1e21, "-1e+21"),
            (123456789012345680000.0, "123456789012345680000"),
            (1.5e300, "1.5e+300"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.00001, "0.00001"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (1.25e-5, "1.25e-5"),
            (123456.789, "123456.789"),
            (1e-10, "1e-10"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"),
            (1e100, "1e+100"),
            (1e-100, "1e-100"),
            (0.30000000000000004, "0.30000000000000004"),
            (100.5, "100.5"),
            (-2.5e-9, "-2.5e-9"),
            (0.43503, "0.43502999999999997"),
            (1796707478134640.8, "1796707478134640.7"),
            (4809361092510400000.0, "4809361092510401000"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(format_f64(value), expected);
        }
    }

    #[test]
    fn doubles_as_c_reads_them() {
        for (text, value) in [
            ("", 0.0),
            ("\0x", 0.0),
            ("1\0x", 1.0),
            (" \t\n\x0b\x0c\r1.5", 1.5),
            ("1e400", f64::INFINITY),
            ("-1e400", f64::NEG_INFINITY),
            ("1e-400", 0.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("+inf", f64::INFINITY),
            ("-0x1.8p1", -3.0),
            ("0x1p5000", f64::INFINITY),
            ("0x1p-5000", 0.0),
            (".5", 0.5),
            ("5.", 5.0),
        ] {
            assert_eq!(parse_c_f64(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in [
            " ", "1 ", "1x", "x", "nan", "-nan", "0x", "1e", ".", "(1", "+", "--1", "1_0",
        ] {
            assert_eq!(parse_c_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn doubles_in_range() {
        for (text, value) in [
            ("", 0.0),
            ("-0", 0.0),
            (" 0x10", 16.0),
            ("7\0x", 7.0),
            ("-inf", f64::NEG_INFINITY),
            ("0e-999", 0.0),
            ("2.3e-308", 2.3e-308),
            ("0x1p-1074", 5e-324),
            ("9223372036854775807", 9_223_372_036_854_775_807.0),
            ("123456789012345678901234567890", 1.234_567_890_123_456_8e29),
        ] {
            let found = parse_c_f64_in_range(text.as_bytes());
            assert_eq!(found, Some(value), "{text:?}");
        }
        for text in [
            "1 ",
            "x",
            "nan",
            "1e400",
            "-1e400",
            "1e-400",
            "5e-324",
            "0x1p5000",
            "0x1p-5000",
            "0x1.8p-1074",
        ] {
            assert_eq!(parse_c_f64_in_range(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn seventeen_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (100.0, "100"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e-7, "9.9999999999999995e-08"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (1e300, "1.0000000000000001e+300"),
            (5e-324, "4.9406564584124654e-324"),
            // Half way between two texts of 17 digits: to the even one.
            (1.0 / f64::from(1 << 25), "2.9802322387695312e-08"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_17_digits(value), text);
        }
        let mut chance = Chance::new(17);
        for _ in 0..10_000 {
            let value = f64::from_bits(chance.bits());
            if !value.is_nan() {
                let text = format_17_digits(value);
                assert_eq!(parse_c_f64(text.as_bytes()), Some(value), "{text}");
            }
        }
    }

    #[test]
    fn printed_doubles_read_back() {
        let mut chance = Chance::new(9);
        for _ in 0..100_000 {
            let value = f64::from_bits(chance.bits());
            if !value.is_nan() {
                assert_eq!(parse_f64(format_f64(value).as_bytes()), Some(value));
            }
        }
    }
}
