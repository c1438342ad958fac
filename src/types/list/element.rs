//! One element as bytes: what it is, its contents, and how long both are, so that it can be stepped over
//! from either side.
//!
//! The format is that of Redis's listpacks, whose sizes decide when a list changes its form; so the sizes
//! agree, and a chunk can be dumped as it is. The text of an integer is kept as the integer.

use crate::types::number;

/// Longest text of a 64-bit integer.
const INTEGER_TEXT: usize = 20;

const STRING_6_BITS: u8 = 0x80;
const INTEGER_13_BITS: u8 = 0xc0;
const STRING_12_BITS: u8 = 0xe0;
const STRING_32_BITS: u8 = 0xf0;
const INTEGER_16_BITS: u8 = 0xf1;
const INTEGER_24_BITS: u8 = 0xf2;
const INTEGER_32_BITS: u8 = 0xf3;
const INTEGER_64_BITS: u8 = 0xf4;

/// An element of a list, or of a listpack or ziplist that comes from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// An integer; the element is its text.
    Int(i64),
    /// Any other bytes. They may be an integer's text too, where another program wrote them.
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The element as it will be kept: as an integer if it is the text of one.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        if text.len() <= INTEGER_TEXT
            && text.last().is_some_and(|byte| byte.is_ascii_digit())
            && let Some(number) = number::parse_i64(text)
        {
            return Element::Int(number);
        }
        Element::Bytes(text)
    }

    /// The bytes; an integer's text is put into `buffer`.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Element::Int(number) => buffer.format(number).as_bytes(),
            Element::Bytes(bytes) => bytes,
        }
    }

    /// The integer that it is or that its text stands for.
    pub fn integer(self) -> Option<i64> {
        match self {
            Element::Int(number) => Some(number),
            Element::Bytes(bytes) => number::parse_i64(bytes),
        }
    }
}

/// The bytes of an element: `head`, the element's own if it is no integer, and `tail`.
pub struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    tail_len: u8,
    tail: [u8; 5],
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// Encodes an element. O(1).
    #[inline]
    pub fn new(element: Element<'a>) -> Self {
        let (head, head_len, body): (_, _, &[u8]) = match element {
            Element::Int(number) => {
                let (head, len) = integer_head(number);
                (head, len, &[])
            }
            Element::Bytes(bytes) => {
                let (head, len) = string_head(bytes.len());
                (head, len, bytes)
            }
        };
        let (tail, tail_len) = tail(head_len + body.len());
        Encoded {
            head,
            head_len: head_len as u8,
            tail_len: tail_len as u8,
            tail,
            body,
        }
    }

    /// Number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.head_len) + self.body.len() + usize::from(self.tail_len)
    }

    /// The three parts of most elements: one byte, the element's own, and one byte.
    #[inline]
    pub fn short(&self) -> Option<(u8, &[u8], u8)> {
        (self.head_len == 1 && self.tail_len == 1).then_some((
            self.head[0],
            self.body,
            self.tail[0],
        ))
    }

    /// The three parts, one after another.
    #[inline]
    pub fn parts(&self) -> [&[u8]; 3] {
        [
            &self.head[..usize::from(self.head_len)],
            self.body,
            &self.tail[..usize::from(self.tail_len)],
        ]
    }

    /// Whether an element with these bytes begins at `at`. Elements that are equal have the same bytes.
    #[inline]
    pub fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        let rest = &bytes[at..];
        let [head, body, _] = self.parts();
        rest[0] == head[0]
            && rest.get(..head.len()) == Some(head)
            && rest.get(head.len()..head.len() + body.len()) == Some(body)
    }
}

fn integer_head(number: i64) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    let bytes = number.to_le_bytes();
    let (first, len) = match number {
        0..=127 => {
            head[0] = number as u8;
            return (head, 1);
        }
        -4096..=4095 => {
            head[0] = INTEGER_13_BITS | (number >> 8) as u8 & 0x1f;
            head[1] = bytes[0];
            return (head, 2);
        }
        -0x8000..=0x7fff => (INTEGER_16_BITS, 2),
        -0x80_0000..=0x7f_ffff => (INTEGER_24_BITS, 3),
        -0x8000_0000..=0x7fff_ffff => (INTEGER_32_BITS, 4),
        _ => (INTEGER_64_BITS, 8),
    };
    head[0] = first;
    head[1..].copy_from_slice(&bytes);
    (head, 1 + len)
}

#[inline]
fn string_head(len: usize) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    match len {
        0..64 => {
            head[0] = STRING_6_BITS | len as u8;
            (head, 1)
        }
        64..4096 => {
            head[0] = STRING_12_BITS | (len >> 8) as u8;
            head[1] = len as u8;
            (head, 2)
        }
        _ => {
            head[0] = STRING_32_BITS;
            head[1..5].copy_from_slice(&(len as u32).to_le_bytes());
            (head, 5)
        }
    }
}

/// Bytes of the length that stands behind `len` bytes, for who comes from behind.
#[inline]
fn tail_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// The length itself: seven bits to a byte, the lowest last; every byte but the first has its top bit set.
#[inline]
fn tail(len: usize) -> ([u8; 5], usize) {
    let mut tail = [0; 5];
    let used = tail_len(len);
    if used == 1 {
        tail[0] = len as u8;
        return (tail, 1);
    }
    let mut rest = len;
    for byte in tail[..used].iter_mut().rev() {
        *byte = rest as u8 & 0x7f | 0x80;
        rest >>= 7;
    }
    tail[0] &= 0x7f;
    (tail, used)
}

/// Bytes of head and contents of the element at `at`.
#[inline]
fn front_len(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        0..0x80 => 1,
        first @ 0x80..0xc0 => 1 + usize::from(first & 0x3f),
        0xc0..0xe0 => 2,
        first @ 0xe0..0xf0 => 2 + (usize::from(first & 0x0f) << 8 | usize::from(bytes[at + 1])),
        STRING_32_BITS => 5 + length_32(bytes, at + 1),
        INTEGER_16_BITS => 3,
        INTEGER_24_BITS => 4,
        INTEGER_32_BITS => 5,
        _ => 9,
    }
}

#[inline]
fn length_32(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .first_chunk()
        .map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

/// Where the element behind the one at `at` begins.
#[inline]
pub fn next(bytes: &[u8], at: usize) -> usize {
    let len = front_len(bytes, at);
    at + len + tail_len(len)
}

/// Where the element begins that ends at `end`, which is not 0.
#[inline]
pub fn previous(bytes: &[u8], end: usize) -> usize {
    let last = bytes[end - 1];
    if last & 0x80 == 0 {
        return end - 1 - usize::from(last);
    }
    let (mut len, mut shift, mut used) = (usize::from(last & 0x7f), 7, 1);
    loop {
        used += 1;
        let byte = bytes[end - used];
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return end - used - len;
        }
    }
}

/// The element at `at`, and where the next one begins.
#[inline]
pub fn read(bytes: &[u8], at: usize) -> (Element<'_>, usize) {
    let first = bytes[at];
    if first & 0xc0 == STRING_6_BITS {
        let start = at + 1;
        let end = start + usize::from(first & 0x3f);
        return (Element::Bytes(&bytes[start..end]), end + 1);
    }
    if first & 0x80 == 0 {
        return (Element::Int(first.into()), at + 2);
    }
    read_longer(bytes, at)
}

fn read_longer(bytes: &[u8], at: usize) -> (Element<'_>, usize) {
    let len = front_len(bytes, at);
    let end = at + len;
    let next = end + tail_len(len);
    let first = bytes[at];
    let element = match first {
        0xc0..0xe0 => {
            let bits = i64::from(first & 0x1f) << 8 | i64::from(bytes[at + 1]);
            Element::Int(bits << 51 >> 51)
        }
        0xe0..0xf0 => Element::Bytes(&bytes[at + 2..end]),
        STRING_32_BITS => Element::Bytes(&bytes[at + 5..end]),
        _ => Element::Int(integer(&bytes[at + 1..end])),
    };
    (element, next)
}

/// A number of two to eight bytes, the lowest first.
fn integer(bytes: &[u8]) -> i64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    let shift = 64 - 8 * bytes.len() as u32;
    i64::from_le_bytes(all) << shift >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(text: &[u8]) -> Vec<u8> {
        Encoded::new(Element::of(text)).parts().concat()
    }

    #[test]
    fn elements_come_back_from_both_sides() {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for shift in 0..64 {
            for near in -2..=2 {
                texts.push((1i64 << shift).wrapping_add(near).to_string().into());
                texts.push((-1i64 << shift).wrapping_add(near).to_string().into());
            }
        }
        for len in (0..200).chain(4_080..4_110).chain(16_370..16_400) {
            texts.push(vec![b'x'; len]);
        }
        texts.extend([2_097_140, 2_097_160, 268_435_460].map(|len| vec![b'x'; len]));
        texts.extend([&b"01"[..], b"-0", b"+1", b" 1", b"9223372036854775808"].map(<[u8]>::to_vec));
        for text in texts {
            let encoded = [b"before".to_vec(), bytes_of(&text), b"behind".to_vec()].concat();
            let end = encoded.len() - 6;
            assert_eq!(next(&encoded, 6), end);
            assert_eq!(previous(&encoded, end), 6);
            let (element, behind) = read(&encoded, 6);
            assert_eq!(behind, end);
            assert!(element.bytes(&mut itoa::Buffer::new()) == text);
            assert!(Encoded::new(element).is_at(&encoded, 6));
            assert!(!Encoded::new(Element::of(b"other")).is_at(&encoded, 6));
        }
    }

    #[test]
    fn sizes_are_those_of_a_listpack() {
        for (text, size) in [
            ("", 2),
            ("0", 2),
            ("127", 2),
            ("128", 3),
            ("-4096", 3),
            ("4096", 4),
            ("-32768", 4),
            ("32768", 5),
            ("8388608", 6),
            ("-2147483648", 6),
            ("2147483648", 10),
            ("007", 5),
        ] {
            assert_eq!(bytes_of(text.as_bytes()).len(), size, "{text}");
        }
        for (len, size) in [(63, 65), (64, 67), (125, 128), (126, 130), (4_096, 4_103)] {
            assert_eq!(bytes_of(&vec![b'x'; len]).len(), size, "{len}");
        }
    }
}
