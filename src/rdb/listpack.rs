//! Listpacks: strings and integers one after another in one buffer, as Redis keeps small collections and
//! the nodes of lists and streams.
//!
//! A header of six bytes says how many bytes there are, and how many elements if they are fewer than 65,535.
//! An element is its encoding, its bytes, and the length of both, which is read from behind. 255 ends it.

use super::Corrupt;
pub use crate::types::list::Element;
use crate::types::number;

/// Bytes in front of the first element.
const HEADER: usize = 6;

/// What ends it.
const END: u8 = 0xff;

/// The number of elements that says that they must be counted.
const UNCOUNTED: u16 = u16::MAX;

/// Most bytes of the length behind an element.
const LONGEST_BACK_LENGTH: usize = 5;

/// The length behind an element of `len` bytes, in seven bits each, the lowest last.
fn back_length(len: usize) -> ([u8; LONGEST_BACK_LENGTH], usize) {
    let count = match len {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut bytes = [0; LONGEST_BACK_LENGTH];
    for (index, byte) in bytes[..count].iter_mut().enumerate() {
        let group = (len >> (7 * (count - 1 - index)) & 0x7f) as u8;
        *byte = group | if index > 0 { 0x80 } else { 0 };
    }
    (bytes, count)
}

/// A listpack that is being written.
pub struct Builder {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// One without elements.
    pub fn new() -> Self {
        Builder {
            bytes: vec![0; HEADER],
            count: 0,
        }
    }

    /// Bytes that it has so far, with its end.
    pub fn len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes that [`Builder::string`] would add for a string.
    pub fn size_of(string: &[u8]) -> usize {
        let len = match number::parse_i64(string) {
            Some(integer) => integer_size(integer),
            None => string_head(string.len()) + string.len(),
        };
        len + back_length(len).1
    }

    /// Adds a string; as an integer if it is the text of one.
    pub fn string(&mut self, string: &[u8]) {
        if let Some(integer) = number::parse_i64(string) {
            return self.integer(integer);
        }
        let (start, len) = (self.bytes.len(), string.len());
        match string_head(len) {
            1 => self.bytes.push(0x80 | len as u8),
            2 => self
                .bytes
                .extend_from_slice(&(0xe000 | len as u16).to_be_bytes()),
            _ => {
                self.bytes.push(0xf0);
                self.bytes.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(string);
        self.close(start);
    }

    /// Adds an integer.
    pub fn integer(&mut self, integer: i64) {
        let start = self.bytes.len();
        let (head, wide) = match integer_size(integer) {
            1 => (integer as u8, 0),
            2 => {
                let bits = integer as u16 & 0x1fff | 0xc000;
                self.bytes.extend_from_slice(&bits.to_be_bytes());
                return self.close(start);
            }
            3 => (0xf1, 2),
            4 => (0xf2, 3),
            5 => (0xf3, 4),
            _ => (0xf4, 8),
        };
        self.bytes.push(head);
        self.bytes.extend_from_slice(&integer.to_le_bytes()[..wide]);
        self.close(start);
    }

    /// Ends the element that began at `start`.
    fn close(&mut self, start: usize) {
        let (bytes, count) = back_length(self.bytes.len() - start);
        self.bytes.extend_from_slice(&bytes[..count]);
        self.count += 1;
    }

    /// The whole listpack.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let header = header(self.bytes.len(), self.count);
        self.bytes[..HEADER].copy_from_slice(&header);
        self.bytes
    }
}

/// What stands in front of `count` elements in a listpack of `len` bytes.
fn header(len: usize, count: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&(len as u32).to_le_bytes());
    let count = u16::try_from(count).unwrap_or(UNCOUNTED);
    header[4..].copy_from_slice(&count.to_le_bytes());
    header
}

/// The listpack of `count` elements that lie one after another as they do in one.
pub fn framed(elements: &[u8], count: usize) -> Vec<u8> {
    let len = HEADER + elements.len() + 1;
    let mut bytes = Vec::with_capacity(len);
    bytes.extend_from_slice(&header(len, count));
    bytes.extend_from_slice(elements);
    bytes.push(END);
    bytes
}

/// Bytes in front of a string of `len` bytes.
fn string_head(len: usize) -> usize {
    match len {
        0..64 => 1,
        64..4096 => 2,
        _ => 5,
    }
}

/// Bytes of an integer, without the length behind it.
fn integer_size(integer: i64) -> usize {
    match integer {
        0..=127 => 1,
        -4096..=4095 => 2,
        -0x8000..=0x7fff => 3,
        -0x80_0000..=0x7f_ffff => 4,
        -0x8000_0000..=0x7fff_ffff => 5,
        _ => 9,
    }
}

/// A listpack of which all elements are known to be whole.
#[derive(Clone, Copy)]
pub struct Listpack<'a> {
    /// The elements' bytes, without header and end.
    elements: &'a [u8],
    count: usize,
}

impl<'a> Listpack<'a> {
    /// Looks at every element. O(n).
    ///
    /// # Errors
    /// If it is not whole.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Corrupt)?;
        let (&end, elements) = rest.split_last().ok_or(Corrupt)?;
        let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        if len as usize != bytes.len() || end != END {
            return Err(Corrupt);
        }
        let mut walk = Elements(elements);
        let count = walk.by_ref().count();
        if !walk.0.is_empty() {
            return Err(Corrupt);
        }
        let noted = u16::from_le_bytes([header[4], header[5]]);
        if noted != UNCOUNTED && usize::from(noted) != count {
            return Err(Corrupt);
        }
        Ok(Listpack { elements, count })
    }

    /// Number of elements. O(1).
    pub fn count(self) -> usize {
        self.count
    }

    /// The elements in order.
    pub fn elements(self) -> Elements<'a> {
        Elements(self.elements)
    }
}

/// Elements from the front. They end before one that is not whole.
#[derive(Clone)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let (element, len) = read(self.0)?;
        let (back, count) = back_length(len);
        let rest = self.0.get(len..)?;
        self.0 = rest.strip_prefix(&back[..count])?;
        Some(element)
    }
}

/// The first element, and how many bytes it has without the length behind it.
#[inline]
fn read(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let string = |head: usize, len: usize| {
        let end = head.checked_add(len)?;
        Some((Element::Bytes(bytes.get(head..end)?), end))
    };
    let integer = |wide: usize| {
        let mut all = [0; 8];
        all[8 - wide..].copy_from_slice(rest.get(..wide)?);
        let shift = 64 - 8 * wide as u32;
        Some((Element::Int(i64::from_le_bytes(all) >> shift), 1 + wide))
    };
    match first {
        0..0x80 => Some((Element::Int(first.into()), 1)),
        0x80..0xc0 => string(1, usize::from(first & 0x3f)),
        0xc0..0xe0 => {
            let bits = u16::from(first & 0x1f) << 8 | u16::from(*rest.first()?);
            Some((Element::Int(i64::from((bits << 3) as i16 >> 3)), 2))
        }
        0xe0..0xf0 => string(
            2,
            usize::from(first & 0xf) << 8 | usize::from(*rest.first()?),
        ),
        0xf0 => string(5, u32::from_le_bytes(*rest.first_chunk()?) as usize),
        0xf1 => integer(2),
        0xf2 => integer(3),
        0xf3 => integer(4),
        0xf4 => integer(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn what_was_put_in_comes_out() {
        let mut chance = Chance::new(7);
        for round in 0..300 {
            let mut builder = Builder::new();
            let mut model = Vec::new();
            for _ in 0..chance.below(40) {
                let string = match chance.below(4) {
                    0 => chance.text(b"-0123456789", 12),
                    1 => {
                        let bits = chance.below(64);
                        (chance.bits() as i64 >> bits).to_string().into_bytes()
                    }
                    2 => chance.text(b"xyz", 130),
                    _ => chance.text(b"xyz", [5_000, 20_000, 70_000][round % 3]),
                };
                let before = builder.len();
                builder.string(&string);
                assert_eq!(builder.len() - before, Builder::size_of(&string));
                model.push(string);
            }
            let bytes = builder.finish();
            let listpack = Listpack::new(&bytes).unwrap();
            assert_eq!(listpack.count(), model.len());
            let mut buffer = itoa::Buffer::new();
            for (element, string) in listpack.elements().zip(&model) {
                assert_eq!(element.bytes(&mut buffer), string);
                let is_integer = number::parse_i64(string).is_some();
                assert_eq!(matches!(element, Element::Int(_)), is_integer);
            }
        }
    }

    #[test]
    fn integers_at_the_edges() {
        for edge in [0, 127, 4_095, 0x7fff, 0x7f_ffff, 0x7fff_ffff, i64::MAX] {
            for integer in [edge, edge.wrapping_add(1), -edge, -edge - 1, edge - 1] {
                let mut builder = Builder::new();
                builder.integer(integer);
                let bytes = builder.finish();
                let listpack = Listpack::new(&bytes).unwrap();
                assert!(listpack.elements().eq([Element::Int(integer)]), "{integer}");
            }
        }
    }

    #[test]
    fn more_elements_than_the_header_counts() {
        let mut builder = Builder::new();
        (0..70_000).for_each(|integer| builder.integer(integer));
        let bytes = builder.finish();
        assert_eq!(bytes[4..6], [0xff, 0xff]);
        assert_eq!(Listpack::new(&bytes).unwrap().count(), 70_000);
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let mut builder = Builder::new();
        builder.string(b"text");
        builder.integer(-300);
        let bytes = builder.finish();
        for at in 0..bytes.len() {
            assert!(Listpack::new(&bytes[..at]).is_err());
            // A letter of the text, or a bit of the integer, may be any.
            let inside = (7..11).contains(&at) || at == 13;
            let mut other = bytes.clone();
            other[at] ^= 0x41;
            assert!(inside || Listpack::new(&other).is_err(), "{at}");
        }
    }
}
