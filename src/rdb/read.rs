//! Reads what the format is made of: lengths, strings, numbers.

use std::borrow::Cow;

use super::{Corrupt, code, lzf};

/// Bytes that are read from the front.
#[derive(Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    longest: usize,
}

/// A string as it is encoded.
enum Text<'a> {
    Bytes(&'a [u8]),
    Int(i64),
    Compressed { bytes: &'a [u8], len: usize },
}

/// A length, or how a string is encoded.
enum Prefix {
    Length(u64),
    Encoding(u64),
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, and no string that is longer than `longest`.
    pub fn new(bytes: &'a [u8], longest: usize) -> Self {
        Reader { bytes, longest }
    }

    /// Number of bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// If there are not so many.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Corrupt)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(Corrupt)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// If there is none.
    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        self.array().map(|[byte]| byte)
    }

    fn prefix(&mut self) -> Result<Prefix, Corrupt> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            code::LENGTH_6 => Prefix::Length(low.into()),
            code::LENGTH_14 => Prefix::Length(u64::from(low) << 8 | u64::from(self.byte()?)),
            code::ENCODED => Prefix::Encoding(low.into()),
            _ => Prefix::Length(match first {
                code::LENGTH_32 => u32::from_be_bytes(self.array()?).into(),
                code::LENGTH_64 => u64::from_be_bytes(self.array()?),
                _ => return Err(Corrupt),
            }),
        })
    }

    /// A number in the form of a length.
    ///
    /// # Errors
    /// If there is none. Redis takes the number of an encoding for one too.
    pub fn number(&mut self) -> Result<u64, Corrupt> {
        match self.prefix()? {
            Prefix::Length(number) | Prefix::Encoding(number) => Ok(number),
        }
    }

    /// How many of something follow. Whoever reserves room for them must ask [`Reader::at_most`].
    ///
    /// # Errors
    /// If that is not said, or is the largest number that there is.
    pub fn count(&mut self) -> Result<u64, Corrupt> {
        self.number().and_then(|count| {
            if count == u64::MAX {
                Err(Corrupt)
            } else {
                Ok(count)
            }
        })
    }

    /// `count`, but no more than there can be if each takes `bytes` or more of what is left.
    pub fn at_most(&self, count: u64, bytes: usize) -> usize {
        usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(self.left() / bytes + 1)
    }

    fn length(&mut self) -> Result<usize, Corrupt> {
        match self.number() {
            Ok(number) => usize::try_from(number).map_err(|_| Corrupt),
            Err(error) => Err(error),
        }
    }

    fn text(&mut self) -> Result<Text<'a>, Corrupt> {
        Ok(match self.prefix()? {
            Prefix::Length(len) => {
                let len = usize::try_from(len).map_err(|_| Corrupt)?;
                Text::Bytes(self.take(len)?)
            }
            Prefix::Encoding(code::INT_8) => Text::Int(i8::from_le_bytes(self.array()?).into()),
            Prefix::Encoding(code::INT_16) => Text::Int(i16::from_le_bytes(self.array()?).into()),
            Prefix::Encoding(code::INT_32) => Text::Int(i32::from_le_bytes(self.array()?).into()),
            Prefix::Encoding(code::LZF) => {
                let (compressed, len) = (self.length()?, self.length()?);
                let bytes = self.take(compressed)?;
                Text::Compressed { bytes, len }
            }
            Prefix::Encoding(_) => return Err(Corrupt),
        })
    }

    /// A string. It is copied only if it was compressed or an integer.
    ///
    /// # Errors
    /// If there is none, or one that is too long.
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, Corrupt> {
        let longest = self.longest;
        let fits = move |len: usize| if len > longest { Err(Corrupt) } else { Ok(()) };
        Ok(match self.text()? {
            Text::Bytes(bytes) => {
                fits(bytes.len())?;
                Cow::Borrowed(bytes)
            }
            Text::Int(number) => itoa::Buffer::new()
                .format(number)
                .as_bytes()
                .to_vec()
                .into(),
            Text::Compressed { bytes, len } => {
                fits(len)?;
                lzf::decompress(bytes, len)?.into()
            }
        })
    }

    /// A moment in Unix milliseconds, or any number of eight bytes.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn millis(&mut self) -> Result<i64, Corrupt> {
        self.array().map(i64::from_le_bytes)
    }

    /// A double in eight bytes.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn double(&mut self) -> Result<f64, Corrupt> {
        self.array().map(f64::from_le_bytes)
    }

    /// A double in text behind its length, as scores were written before Redis 4.0.
    ///
    /// # Errors
    /// As [`Reader::take`], and if it is no number.
    pub fn double_in_text(&mut self) -> Result<f64, Corrupt> {
        Ok(match self.byte()? {
            255 => f64::NEG_INFINITY,
            254 => f64::INFINITY,
            253 => f64::NAN,
            len => {
                let text = self.take(len.into())?;
                crate::types::number::parse_f64(text).ok_or(Corrupt)?
            }
        })
    }
}
