//! Redis's own form of values in bytes, as DUMP gives and RESTORE takes it, and as an RDB file holds it.
//!
//! Bytes in, values out: no protocol, no clock, no keys. What is written is what a Redis 7.0 can read
//! (version 10 of the format), wherever that can hold the value; what is read is all that Redis 7.0 to
//! 7.4, and those before, have ever written.
//!
//! Nothing that is read is believed: every length is compared with what there is before anything is
//! reserved for it, and every buffer of packed elements is walked once before it is used. So no bytes
//! can make the reader panic, or make it allocate more than a constant times their number (invariant 8);
//! the constant is large, because three bytes of compressed text can stand for 264.

pub mod code;
mod decode;
mod encode;
pub mod listpack;
pub mod lzf;
pub mod payload;
pub mod read;
mod stream;
#[cfg(test)]
mod tests;
pub mod write;
pub mod ziplist;

use crate::types::list::Fill;
use crate::types::set::SetLimits;
use crate::types::{self, Hash, List, Set, SortedSet, Stream};

pub use decode::decode;
pub use encode::{encode, saved_len};

/// The latest version of the format that is read: that of Redis 7.4.
pub const VERSION: u16 = 12;

/// The version that is written where it can hold the value: that of Redis 7.0.
pub const WRITTEN_VERSION: u16 = 10;

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// How large collections may be in their compact forms, and strings at all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of hashes.
    pub hash: types::Limits,
    /// Of the pieces of lists.
    pub list: Fill,
    /// Of sets.
    pub set: SetLimits,
    /// Of sorted sets.
    pub sorted_set: types::Limits,
    /// The most bytes that a string may have.
    pub longest: usize,
}

/// A value that was read.
#[derive(Clone)]
pub enum Loaded {
    /// A string.
    String(Vec<u8>),
    /// A hash.
    Hash(Hash),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A stream.
    Stream(Stream),
}
