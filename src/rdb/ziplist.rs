//! Ziplists and zipmaps: how Redis packed small collections before it had listpacks. They are only read.

use super::Corrupt;
use super::listpack::Element;

/// Bytes in front of a ziplist's first element.
const HEADER: usize = 10;

/// What ends either.
const END: u8 = 0xff;

/// The first byte of a length that is in the next four.
const WIDE: u8 = 0xfe;

/// A ziplist of which all elements are known to be whole.
#[derive(Clone, Copy)]
pub struct Ziplist<'a> {
    /// The elements' bytes, without header and end.
    elements: &'a [u8],
    count: usize,
}

impl<'a> Ziplist<'a> {
    /// Looks at every element. O(n).
    ///
    /// # Errors
    /// If it is not whole.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Corrupt)?;
        let (&end, elements) = rest.split_last().ok_or(Corrupt)?;
        let number = |at: usize| {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            u32::from_le_bytes(bytes) as usize
        };
        if number(0) != bytes.len() || end != END || number(4) > bytes.len() - 1 {
            return Err(Corrupt);
        }
        let mut walk = Elements(elements);
        let (mut count, mut last, mut len) = (0, None, 0);
        while !walk.0.is_empty() {
            let start = walk.0;
            let (_, before) = walk.read().ok_or(Corrupt)?;
            if before != len {
                return Err(Corrupt);
            }
            len = start.len() - walk.0.len();
            last = Some(HEADER + elements.len() - start.len());
            count += 1;
        }
        let noted = usize::from(u16::from_le_bytes([header[8], header[9]]));
        let miscounted = noted != usize::from(u16::MAX) && noted != count;
        if miscounted || last.is_some_and(|last| last != number(4)) {
            return Err(Corrupt);
        }
        Ok(Ziplist { elements, count })
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

/// Elements from the front.
#[derive(Clone)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, and the length that it says the one before it has.
    fn read(&mut self) -> Option<(Element<'a>, usize)> {
        let (&first, mut rest) = self.0.split_first()?;
        let mut before = usize::from(first);
        if first == WIDE {
            let (wide, behind) = rest.split_first_chunk()?;
            before = u32::from_le_bytes(*wide) as usize;
            rest = behind;
        } else if first == END {
            return None;
        }
        let (element, rest) = body(rest)?;
        self.0 = rest;
        Some((element, before))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        self.read().map(|(element, _)| element)
    }
}

/// An element without the length of the one before it, and what follows.
fn body(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let string = |head: usize, len: usize| {
        let (string, rest) = bytes.get(head..)?.split_at_checked(len)?;
        Some((Element::Bytes(string), rest))
    };
    let integer = |wide: usize| {
        let mut all = [0; 8];
        let (taken, rest) = rest.split_at_checked(wide)?;
        all[8 - wide..].copy_from_slice(taken);
        let shift = 64 - 8 * wide as u32;
        Some((Element::Int(i64::from_le_bytes(all) >> shift), rest))
    };
    let low = usize::from(first & 0x3f);
    match first {
        0..0x40 => string(1, low),
        0x40..0x80 => string(2, low << 8 | usize::from(*rest.first()?)),
        0x80..0xc0 => string(5, u32::from_be_bytes(*rest.first_chunk()?) as usize),
        0xc0 => integer(2),
        0xd0 => integer(4),
        0xe0 => integer(8),
        0xf0 => integer(3),
        0xfe => integer(1),
        0xf1..=0xfd => Some((Element::Int(i64::from(first & 0xf) - 1), rest)),
        _ => None,
    }
}

/// A field and its value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// The fields and values of a zipmap. O(n).
///
/// # Errors
/// If it is not whole, or has no fields.
pub fn zipmap(bytes: &[u8]) -> Result<Vec<Pair<'_>>, Corrupt> {
    let (&noted, mut rest) = bytes.split_first().ok_or(Corrupt)?;
    let mut pairs = Vec::new();
    loop {
        if rest == [END] {
            break;
        }
        let (field, behind) = zipmap_string(rest, 0).ok_or(Corrupt)?;
        let (value, behind) = zipmap_string(behind, 1).ok_or(Corrupt)?;
        pairs.push((field, value));
        rest = behind;
    }
    let is_counted = noted != WIDE && noted != END;
    if pairs.is_empty() || noted != WIDE && (!is_counted || usize::from(noted) != pairs.len()) {
        return Err(Corrupt);
    }
    Ok(pairs)
}

/// A string of a zipmap behind its length and `spare` bytes that say how many are unused behind it.
fn zipmap_string(bytes: &[u8], spare: usize) -> Option<(&[u8], &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut len = usize::from(first);
    if first == WIDE {
        let (wide, behind) = rest.split_first_chunk()?;
        len = u32::from_le_bytes(*wide) as usize;
        rest = behind;
    } else if first == END {
        return None;
    }
    let (unused, rest) = rest.split_at_checked(spare)?;
    let (string, rest) = rest.split_at_checked(len)?;
    let unused = unused.first().map_or(0, |&unused| usize::from(unused));
    Some((string, rest.get(unused..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ziplist_of_every_encoding() {
        let mut bodies: Vec<(Vec<u8>, Element<'static>)> = vec![
            (b"\x02ab".to_vec(), Element::Bytes(b"ab")),
            (b"\x40\x03xyz".to_vec(), Element::Bytes(b"xyz")),
            (b"\x80\0\0\0\x01q".to_vec(), Element::Bytes(b"q")),
            (b"\xc0\xfe\xff".to_vec(), Element::Int(-2)),
            (b"\xd0\x01\0\0\x80".to_vec(), Element::Int(-0x7fff_ffff)),
            (b"\xe0\0\0\0\0\0\0\0\x80".to_vec(), Element::Int(i64::MIN)),
            (b"\xf0\0\0\x80".to_vec(), Element::Int(-0x80_0000)),
            (b"\xfe\x80".to_vec(), Element::Int(-128)),
            (b"\xf1".to_vec(), Element::Int(0)),
            (b"\xfd".to_vec(), Element::Int(12)),
        ];
        let long = [b"\x41\x00".to_vec(), vec![b'z'; 256]].concat();
        let text: &'static [u8] = &[b'z'; 256];
        bodies.insert(5, (long, Element::Bytes(text)));
        let (mut bytes, mut before, mut tail) = (vec![0; HEADER], 0, 0);
        for (body, _) in &bodies {
            tail = bytes.len();
            if before < 254 {
                bytes.push(before as u8);
            } else {
                bytes.push(WIDE);
                bytes.extend((before as u32).to_le_bytes());
            }
            bytes.extend(body);
            before = bytes.len() - tail;
        }
        bytes.push(END);
        let len = bytes.len() as u32;
        bytes[..4].copy_from_slice(&len.to_le_bytes());
        bytes[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
        bytes[8..10].copy_from_slice(&(bodies.len() as u16).to_le_bytes());
        let ziplist = Ziplist::new(&bytes).unwrap();
        assert_eq!(ziplist.count(), bodies.len());
        assert!(ziplist.elements().eq(bodies.iter().map(|(_, one)| *one)));
        for at in 0..bytes.len() {
            assert!(Ziplist::new(&bytes[..at]).is_err());
        }
        for at in (0..HEADER).chain([bytes.len() - 1]) {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(Ziplist::new(&other).is_err(), "{at}");
        }
    }

    #[test]
    fn a_zipmap() {
        let bytes = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02worldxx\xff";
        let pairs = zipmap(bytes).unwrap();
        assert_eq!(pairs, [(&b"foo"[..], &b"bar"[..]), (b"hello", b"world")]);
        for at in 0..bytes.len() {
            assert!(zipmap(&bytes[..at]).is_err());
        }
        assert!(zipmap(b"\x00\xff").is_err());
        assert!(zipmap(b"\xfe\x01a\xfe\x01\0\0\0\0b\xff").is_ok());
    }
}
