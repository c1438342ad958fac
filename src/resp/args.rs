//! The arguments of one command, as a view into the bytes that were received.

use crate::error::Error;
use crate::types::hasher;
use crate::types::number;

/// Where one argument lies in its buffer, and its hash once it is known to be a key.
///
/// A key is hashed once, before the locks are taken; the hash chooses the shard and serves the
/// table's probe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// Offset of the first byte. A query buffer is at most 4 GiB.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
    /// The key hash; 0 while it has not been computed.
    pub hash: u64,
}

/// A key with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key's bytes.
    pub bytes: &'a [u8],
    /// Its hash by [`hasher::hash`].
    pub hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Key {
            bytes,
            hash: hasher::hash(bytes),
        }
    }
}

/// The arguments of one command, its name being number 0. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    slots: &'a [Slot],
}

impl<'a> Args<'a> {
    /// A view of `slots`, which lie in `buffer`.
    pub fn new(buffer: &'a [u8], slots: &'a [Slot]) -> Self {
        Args { buffer, slots }
    }

    /// Number of arguments, the command's name included; at least 1.
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(self) -> usize {
        self.slots.len()
    }

    /// Argument `index`.
    ///
    /// # Panics
    /// If there is none: arity is checked before a command runs, options must check by `len`.
    #[inline]
    pub fn get(self, index: usize) -> &'a [u8] {
        let slot = self.slots[index];
        &self.buffer[slot.start as usize..slot.start as usize + slot.len as usize]
    }

    /// Argument `index`, if there is one.
    pub fn try_get(self, index: usize) -> Option<&'a [u8]> {
        (index < self.len()).then(|| self.get(index))
    }

    /// Argument `index` as a key.
    #[inline]
    pub fn key(self, index: usize) -> Key<'a> {
        let bytes = self.get(index);
        let hash = self.slots[index].hash;
        if hash == 0 {
            Key::new(bytes)
        } else {
            Key { bytes, hash }
        }
    }

    /// All arguments from `start` on.
    pub fn from(self, start: usize) -> impl ExactSizeIterator<Item = &'a [u8]> {
        (start..self.len().max(start)).map(move |index| self.get(index))
    }

    /// The view without its first `count` arguments.
    pub fn skip(self, count: usize) -> Args<'a> {
        Args {
            buffer: self.buffer,
            slots: &self.slots[count.min(self.slots.len())..],
        }
    }

    /// Whether argument `index` is this word, whatever its case.
    #[inline]
    pub fn is(self, index: usize, word: &str) -> bool {
        self.get(index).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Argument `index` as a 64-bit signed integer in Redis's strict form (no sign `+`, no spaces,
    /// no leading zeros).
    ///
    /// # Errors
    /// `ERR value is not an integer or out of range`.
    pub fn integer(self, index: usize) -> Result<i64, Error> {
        number::parse_i64(self.get(index)).ok_or(Error::NotInteger)
    }

    /// Argument `index` as an integer between `least` and `most`, both included.
    ///
    /// # Errors
    /// `ERR value is not an integer or out of range`, or for an integer elsewhere
    /// `ERR value is out of range, value must between ... and ...` (Redis's words).
    pub fn integer_between(self, index: usize, least: i64, most: i64) -> Result<i64, Error> {
        let value = self.integer(index)?;
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        Err(Error::text(format!(
            "ERR value is out of range, value must between {least} and {most}"
        )))
    }

    /// Argument `index` as a 32-bit integer.
    ///
    /// # Errors
    /// As [`Args::integer_between`].
    pub fn integer32(self, index: usize) -> Result<i32, Error> {
        self.integer_between(index, i32::MIN.into(), i32::MAX.into())
            .map(|value| value as i32)
    }

    /// Argument `index` as the number of one of `databases` databases.
    ///
    /// # Errors
    /// As [`Args::integer32`]; for a 32-bit integer outside, `ERR DB index is out of range`.
    pub fn database(self, index: usize, databases: usize) -> Result<usize, Error> {
        usize::try_from(self.integer32(index)?)
            .ok()
            .filter(|&number| number < databases)
            .ok_or(Error::DbIndexOutOfRange)
    }

    /// A copy of the arguments, whose slots lie in a buffer of their own.
    pub fn to_owned_parts(self) -> (Box<[u8]>, Box<[Slot]>) {
        let mut buffer = Vec::with_capacity(self.slots.iter().map(|slot| slot.len as usize).sum());
        let slots = (0..self.len())
            .map(|index| {
                let start = buffer.len() as u32;
                buffer.extend_from_slice(self.get(index));
                Slot {
                    start,
                    ..self.slots[index]
                }
            })
            .collect();
        (buffer.into(), slots)
    }

    /// The slots, for copying a command to a transaction's queue.
    pub fn slots(self) -> &'a [Slot] {
        self.slots
    }
}
