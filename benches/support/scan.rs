//! A scanner that counts replies without keeping them: the cheapest reader that still sees every error.

use std::fmt;

/// What arrived is no reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server sent something that is no reply")
    }
}

impl std::error::Error for Malformed {}

/// Counts what has passed since it was made. Each connection has its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scanner {
    /// Whole top-level replies, errors and pushes among them.
    pub replies: u64,
    /// Error replies, also those inside arrays.
    pub errors: u64,
    /// Null bulk strings and null arrays, also inside arrays.
    pub nils: u64,
    /// Bytes inside bulk strings.
    pub payload: u64,
    /// The sum of all integers, also those inside arrays. It wraps.
    pub integers: i64,
    /// The text of the first error, without its `-`.
    pub first_error: Option<String>,
    /// Values still missing from the current reply; 0 between replies. One number replaces a stack of arrays, because
    /// only the end of the outermost one matters.
    missing: u64,
    /// Bytes of the current bulk string still to come, its line end included; 0 outside one.
    skip: usize,
}

impl Scanner {
    /// Reads `bytes` and returns how many it took. The rest, an unfinished line, must come again with what follows it.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        loop {
            if self.skip > 0 {
                let step = self.skip.min(bytes.len() - at);
                at += step;
                self.skip -= step;
                if self.skip > 0 {
                    return Ok(at);
                }
                self.end_value();
            }
            let Some(length) = bytes[at..].iter().position(|&byte| byte == b'\n') else {
                return Ok(at);
            };
            self.line(&bytes[at..at + length])?;
            at += length + 1;
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let [kind, text @ .., b'\r'] = line else {
            return Err(Malformed);
        };
        if self.missing == 0 {
            self.missing = 1;
        }
        match kind {
            b'+' | b',' | b'#' => self.end_value(),
            b':' => {
                self.integers = self.integers.wrapping_add(integer(text)?);
                self.end_value();
            }
            b'-' => {
                self.errors += 1;
                if self.first_error.is_none() {
                    self.first_error = Some(String::from_utf8_lossy(text).into_owned());
                }
                self.end_value();
            }
            b'$' | b'*' if text == b"-1" => {
                self.nils += 1;
                self.end_value();
            }
            b'$' => {
                let length = number(text)?;
                self.payload += length;
                self.skip = length as usize + 2;
            }
            b'*' | b'>' | b'~' => {
                self.missing += number(text)?;
                self.end_value();
            }
            b'%' => {
                self.missing += 2 * number(text)?;
                self.end_value();
            }
            b'_' => {
                self.nils += 1;
                self.end_value();
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }

    fn end_value(&mut self) {
        self.missing -= 1;
        if self.missing == 0 {
            self.replies += 1;
        }
    }
}

/// An integer reply. It wraps.
fn integer(text: &[u8]) -> Result<i64, Malformed> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() {
        return Err(Malformed);
    }
    let value = digits.iter().try_fold(0, |value: i64, &byte| {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        let longer = value.wrapping_mul(10).wrapping_add(digit);
        byte.is_ascii_digit().then_some(longer).ok_or(Malformed)
    });
    Ok(value?.wrapping_mul(sign))
}

/// A length of at most ten digits, so that no sum of two overflows.
fn number(text: &[u8]) -> Result<u64, Malformed> {
    if text.is_empty() || text.len() > 10 {
        return Err(Malformed);
    }
    text.iter().try_fold(0, |value: u64, &byte| {
        if byte.is_ascii_digit() {
            Ok(value * 10 + u64::from(byte - b'0'))
        } else {
            Err(Malformed)
        }
    })
}
