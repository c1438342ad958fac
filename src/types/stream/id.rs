//! The ID of an entry of a stream: a time in milliseconds and a number within it.

use std::fmt;

use crate::types::number;

/// Longest text that can be an ID, in bytes (as in Redis).
const LONGEST: usize = 127;

/// The ID of an entry. IDs are ordered by time, then by number.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Milliseconds, of Unix time if the server made the ID.
    pub ms: u64,
    /// The number among the IDs of the same millisecond.
    pub seq: u64,
}

/// What XADD may be told as the ID of a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// `*`: the time, or what follows the last ID if that is not lower.
    Auto,
    /// `ms-*`: the next number within this millisecond.
    AutoSeq(u64),
    /// The whole ID.
    Given(StreamId),
}

impl StreamId {
    /// `0-0`, which no entry has.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The highest ID.
    pub const MAX: StreamId = StreamId {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// The ID of these two numbers.
    pub const fn new(ms: u64, seq: u64) -> Self {
        StreamId { ms, seq }
    }

    /// Reads `ms-seq` or `ms` alone, for which `missing_seq` completes it; `-` and `+` are the lowest and
    /// the highest. Numbers are read as C's `strtoull` does, as in Redis: spaces before them, a sign and
    /// leading zeros are allowed, and a NUL ends the text. `None` is Redis's `Invalid stream ID`.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        match until_nul(text)? {
            b"-" => Some(StreamId::MIN),
            b"+" => Some(StreamId::MAX),
            text => parse_parts(text, missing_seq),
        }
    }

    /// As [`StreamId::parse`], without `-` and `+`.
    pub fn parse_strict(text: &[u8], missing_seq: u64) -> Option<Self> {
        match until_nul(text)? {
            b"-" | b"+" => None,
            text => parse_parts(text, missing_seq),
        }
    }

    /// The next ID, if there is one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId::new(self.ms, seq)),
            None => Some(StreamId::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The ID before, if there is one.
    #[must_use]
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId::new(self.ms, seq)),
            None => Some(StreamId::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// Its text, without an allocation.
    #[inline]
    pub fn text(self) -> IdText {
        let mut text = IdText {
            bytes: [0; IdText::MOST],
            len: 0,
        };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(b"-");
        text.push(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }
}

impl NewId {
    /// Reads what XADD is told: `*`, `ms-*` or a whole ID, of which `ms` alone is number 0. `None` is
    /// Redis's `Invalid stream ID`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = until_nul(text)?;
        if text == b"*" {
            return Some(NewId::Auto);
        }
        if let Some(ms) = text.strip_suffix(b"-*")
            && !ms.contains(&b'-')
        {
            return number::parse_u64(ms).map(NewId::AutoSeq);
        }
        StreamId::parse_strict(text, 0).map(NewId::Given)
    }
}

/// The text as C sees it, if it is not too long.
fn until_nul(text: &[u8]) -> Option<&[u8]> {
    if text.len() > LONGEST {
        return None;
    }
    let end = text.iter().position(|&byte| byte == 0);
    Some(&text[..end.unwrap_or(text.len())])
}

fn parse_parts(text: &[u8], missing_seq: u64) -> Option<StreamId> {
    match text.iter().position(|&byte| byte == b'-') {
        None => Some(StreamId::new(number::parse_u64(text)?, missing_seq)),
        Some(at) => {
            let ms = number::parse_u64(&text[..at])?;
            let seq = number::parse_u64(&text[at + 1..])?;
            Some(StreamId::new(ms, seq))
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// The text of an ID.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; IdText::MOST],
    len: u8,
}

impl IdText {
    /// Two numbers of twenty digits and what is between them.
    const MOST: usize = 41;

    #[inline]
    fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = u64::MAX;

    #[test]
    fn neighbours() {
        let id = StreamId::new;
        assert_eq!(id(1, 2).next(), Some(id(1, 3)));
        assert_eq!(id(1, MAX).next(), Some(id(2, 0)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(id(1, 2).prev(), Some(id(1, 1)));
        assert_eq!(id(1, 0).prev(), Some(id(0, MAX)));
        assert_eq!(StreamId::MIN.prev(), None);
        assert!(id(1, MAX) < id(2, 0) && id(2, 0) < id(2, 1));
    }

    #[test]
    fn texts_are_read_as_in_c() {
        let read = |text: &[u8]| StreamId::parse(text, 7).map(|id| (id.ms, id.seq));
        assert_eq!(read(b"-"), Some((0, 0)));
        assert_eq!(read(b"+"), Some((MAX, MAX)));
        assert_eq!(read(b"5"), Some((5, 7)));
        assert_eq!(read(b"5-3"), Some((5, 3)));
        assert_eq!(
            read(b"18446744073709551615-18446744073709551615"),
            Some((MAX, MAX))
        );
        assert_eq!(read(b"18446744073709551616"), None);
        assert_eq!(read(b"+05- 3"), Some((5, 3)));
        assert_eq!(read(b"5-3\0junk"), Some((5, 3)));
        for wrong in [
            &b""[..],
            b"5-",
            b"-5",
            b"a",
            b"5-3-",
            b"5-*",
            b"*",
            b"5-3 ",
            b"--",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert_eq!(read(&[b'0'; 127]), Some((0, 7)));
        assert_eq!(read(&[b'0'; 128]), None);
        assert_eq!(StreamId::parse_strict(b"-", 0), None);
        assert_eq!(StreamId::parse_strict(b"+", 0), None);
    }

    #[test]
    fn new_ids() {
        assert_eq!(NewId::parse(b"*"), Some(NewId::Auto));
        assert_eq!(NewId::parse(b"5-*"), Some(NewId::AutoSeq(5)));
        assert_eq!(NewId::parse(b"5"), Some(NewId::Given(StreamId::new(5, 0))));
        for wrong in [&b"-"[..], b"+", b"-*", b"5-1-*", b"**", b"*-*"] {
            assert_eq!(NewId::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn texts_are_written() {
        for id in [StreamId::MIN, StreamId::MAX, StreamId::new(12, 345)] {
            assert_eq!(id.text().bytes(), id.to_string().as_bytes());
            assert_eq!(StreamId::parse(id.text().bytes(), 0), Some(id));
        }
    }
}
