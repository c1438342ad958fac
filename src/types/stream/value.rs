//! How fields and values lie in a chunk, and how many bytes Redis's listpack would have for them.
//!
//! A text is a number in front of its bytes, seven bits to a byte, the lowest first: twice its length.
//! The text of an integer is the number alone: of its remaining bits the lowest says whether the integer,
//! zigzag, fills the rest, or whether eight bytes follow.

use crate::types::number;

/// Longest text of a 64-bit integer.
const INTEGER_TEXT_LIMIT: usize = 20;

/// Integers whose zigzag form is below are held in the number itself.
const SHORT: u64 = 1 << 61;

/// A field or a value as it lies in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// The text of an integer.
    Int(i64),
    /// Any other bytes.
    Bytes(&'a [u8]),
}

impl<'a> Text<'a> {
    /// The integer, if it is the text of one, else the bytes.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        let may_be_integer =
            bytes.len() <= INTEGER_TEXT_LIMIT && bytes.first().is_some_and(|&byte| byte <= b'9');
        if may_be_integer && let Some(number) = number::parse_i64(bytes) {
            return Text::Int(number);
        }
        Text::Bytes(bytes)
    }

    /// The bytes; an integer's text is put into `buffer`.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Text::Int(number) => buffer.format(number).as_bytes(),
            Text::Bytes(bytes) => bytes,
        }
    }

    /// Appends it.
    #[inline]
    pub(super) fn push(self, out: &mut Vec<u8>) {
        match self {
            Text::Bytes(bytes) => {
                push_number(out, (bytes.len() as u64) << 1);
                out.extend_from_slice(bytes);
            }
            Text::Int(number) => {
                let zigzag = zigzag(number);
                if zigzag < SHORT {
                    push_number(out, zigzag << 2 | 1);
                } else {
                    push_number(out, 0b11);
                    out.extend_from_slice(&number.to_le_bytes());
                }
            }
        }
    }

    /// Reads one at `at`, and moves `at` behind it.
    #[inline]
    pub(super) fn read(bytes: &'a [u8], at: &mut usize) -> Self {
        let number = read_number(bytes, at);
        if number & 1 == 0 {
            let start = *at;
            *at += (number >> 1) as usize;
            return Text::Bytes(&bytes[start..*at]);
        }
        if number & 2 == 0 {
            return Text::Int(unzigzag(number >> 2));
        }
        let start = *at;
        *at += 8;
        let whole = bytes[start..*at].first_chunk().copied();
        Text::Int(i64::from_le_bytes(whole.unwrap_or_default()))
    }

    /// Bytes of it in a listpack, what it has there behind it for the way back included.
    #[inline]
    pub(super) fn listpack_bytes(self) -> usize {
        match self {
            Text::Int(number) => listpack_integer(number),
            Text::Bytes(bytes) => {
                let head = match bytes.len() {
                    0..64 => 1,
                    64..4096 => 2,
                    _ => 5,
                };
                let len = head + bytes.len();
                len + match len {
                    0..128 => 1,
                    128..16_383 => 2,
                    16_383..2_097_151 => 3,
                    2_097_151..268_435_455 => 4,
                    _ => 5,
                }
            }
        }
    }
}

/// Bytes of an integer in a listpack.
#[inline]
pub(super) fn listpack_integer(number: i64) -> usize {
    match number {
        0..=127 => 2,
        -4096..=4095 => 3,
        -32_768..=32_767 => 4,
        -8_388_608..=8_388_607 => 5,
        -2_147_483_648..=2_147_483_647 => 6,
        _ => 10,
    }
}

/// Small numbers of either sign as small numbers without one.
#[inline]
pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

/// The reverse of [`zigzag`].
#[inline]
pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Appends a number.
#[inline]
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bytes of a number.
#[inline]
pub(super) fn number_len(number: u64) -> usize {
    (70 - (number | 1).leading_zeros() as usize) / 7
}

/// Reads a number at `at`, and moves `at` behind it.
#[inline]
pub(super) fn read_number(bytes: &[u8], at: &mut usize) -> u64 {
    let first = bytes[*at];
    *at += 1;
    if first < 0x80 {
        return u64::from(first);
    }
    let second = bytes[*at];
    *at += 1;
    let number = u64::from(first & 0x7f) | u64::from(second & 0x7f) << 7;
    if second < 0x80 {
        return number;
    }
    read_long_number(bytes, at, number)
}

#[cold]
fn read_long_number(bytes: &[u8], at: &mut usize, mut number: u64) -> u64 {
    let mut shift = 14;
    loop {
        let byte = bytes[*at];
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let long = vec![b'x'; 70_000];
        let mut texts: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"a".to_vec(),
            b"007".to_vec(),
            b"-0".to_vec(),
            b"9223372036854775808".to_vec(),
            b"99999999999999999999".to_vec(),
            b"123456789012345678901".to_vec(),
            long[..63].to_vec(),
            long[..64].to_vec(),
            long,
        ];
        for power in 0..63 {
            for near in -2..=2 {
                let number = (1i64 << power).saturating_add(near);
                texts.push(number.to_string().into_bytes());
                texts.push(number.wrapping_neg().to_string().into_bytes());
            }
        }
        texts.push(i64::MIN.to_string().into_bytes());
        let mut out = Vec::new();
        for text in &texts {
            let before = out.len();
            Text::of(text).push(&mut out);
            assert!(out.len() - before <= Text::of(text).listpack_bytes());
        }
        let mut at = 0;
        for text in &texts {
            let read = Text::read(&out, &mut at);
            assert_eq!(read, Text::of(text));
            assert_eq!(read.bytes(&mut itoa::Buffer::new()), text);
        }
        assert_eq!(at, out.len());
    }

    #[test]
    fn numbers_have_the_length_that_is_foretold() {
        for power in 0..64 {
            for number in [(1u64 << power) - 1, 1 << power, u64::MAX >> power] {
                let mut out = Vec::new();
                push_number(&mut out, number);
                assert_eq!(out.len(), number_len(number), "{number}");
                let mut at = 0;
                assert_eq!((read_number(&out, &mut at), at), (number, out.len()));
            }
        }
    }

    /// The sizes that Redis documents for its listpacks.
    #[test]
    fn listpack_sizes() {
        let size = |text: &[u8]| Text::of(text).listpack_bytes();
        assert_eq!((size(b""), size(b"a"), size(&[b'x'; 63])), (2, 3, 65));
        assert_eq!((size(&[b'x'; 64]), size(&[b'x'; 125])), (67, 128));
        assert_eq!((size(&[b'x'; 126]), size(&[b'x'; 4095])), (130, 4099));
        assert_eq!(size(&[b'x'; 4096]), 4103);
        assert_eq!((size(b"127"), size(b"128"), size(b"-1")), (2, 3, 3));
        assert_eq!((size(b"4096"), size(b"32768"), size(b"8388608")), (4, 5, 6));
        assert_eq!((size(b"2147483648"), size(b"-2147483649")), (10, 10));
    }
}
