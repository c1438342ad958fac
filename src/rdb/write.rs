//! Writes what the format is made of: lengths, strings, numbers.

use super::{code, lzf};
use crate::types::number;

/// Longest text that may be that of a 32-bit integer.
const INTEGER_TEXT: usize = 11;

/// A string must be longer than this to be compressed.
const NOT_COMPRESSED: usize = 20;

/// Bytes that compression must save.
const LEAST_SAVED: usize = 4;

/// Bytes that are written.
pub struct Writer {
    bytes: Vec<u8>,
    compresses: bool,
    scratch: Vec<u8>,
}

impl Writer {
    /// Writes strings compressed where that saves something, if `compresses` (`rdbcompression`).
    pub fn new(compresses: bool) -> Self {
        Writer {
            bytes: Vec::new(),
            compresses,
            scratch: Vec::new(),
        }
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// A length, or any number that is likely to be small.
    pub fn number(&mut self, number: u64) {
        if number < 1 << 6 {
            self.byte(number as u8);
        } else if number < 1 << 14 {
            self.raw(&(number as u16 | u16::from(code::LENGTH_14) << 14).to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.byte(code::LENGTH_32);
            self.raw(&number.to_be_bytes());
        } else {
            self.byte(code::LENGTH_64);
            self.raw(&number.to_be_bytes());
        }
    }

    /// The length of what follows.
    pub fn length(&mut self, len: usize) {
        self.number(len as u64);
    }

    /// A number of eight bytes, such as a moment.
    pub fn millis(&mut self, number: i64) {
        self.raw(&number.to_le_bytes());
    }

    /// A double in eight bytes.
    pub fn double(&mut self, number: f64) {
        self.raw(&number.to_le_bytes());
    }

    fn encoding(&mut self, encoding: u64) {
        self.byte(code::ENCODED << 6 | encoding as u8);
    }

    /// A string that is the text of an integer.
    pub fn integer(&mut self, integer: i64) {
        if let Ok(integer) = i8::try_from(integer) {
            self.encoding(code::INT_8);
            self.raw(&integer.to_le_bytes());
        } else if let Ok(integer) = i16::try_from(integer) {
            self.encoding(code::INT_16);
            self.raw(&integer.to_le_bytes());
        } else if let Ok(integer) = i32::try_from(integer) {
            self.encoding(code::INT_32);
            self.raw(&integer.to_le_bytes());
        } else {
            self.plain(itoa::Buffer::new().format(integer).as_bytes());
        }
    }

    fn plain(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.raw(bytes);
    }

    /// A string: as an integer if it is the text of a small one, else compressed if that saves something.
    pub fn string(&mut self, bytes: &[u8]) {
        if bytes.len() <= INTEGER_TEXT
            && let Some(integer) = number::parse_i64(bytes)
        {
            return self.integer(integer);
        }
        if self.compresses && bytes.len() > NOT_COMPRESSED {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            let shorter = lzf::compress(bytes, bytes.len() - LEAST_SAVED, &mut scratch);
            if shorter {
                self.encoding(code::LZF);
                self.length(scratch.len());
                self.length(bytes.len());
                self.raw(&scratch);
            }
            self.scratch = scratch;
            if shorter {
                return;
            }
        }
        self.plain(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn len(write: impl FnOnce(&mut Writer)) -> usize {
        let mut out = Writer::new(true);
        write(&mut out);
        out.bytes().len()
    }

    #[test]
    fn lengths_of_strings() {
        for (integer, expected) in [
            (0, 2),
            (-128, 2),
            (128, 3),
            (-32_768, 3),
            (32_768, 5),
            (i32::MIN.into(), 5),
            (1 << 31, 11),
            (i64::MIN, 21),
        ] {
            assert_eq!(len(|out| out.integer(integer)), expected);
            let text = integer.to_string();
            assert_eq!(len(|out| out.string(text.as_bytes())), expected);
        }
        for (size, expected) in [
            (0, 1),
            (63, 64),
            (64, 66),
            (16_383, 16_385),
            (16_384, 16_389),
        ] {
            let text = vec![b'x'; size];
            assert_eq!(len(|out| out.plain(&text)), expected);
        }
        // A reference of three bytes for each 264.
        assert!(len(|out| out.string(&[b'x'; 16_384])) < 250);
    }
}
