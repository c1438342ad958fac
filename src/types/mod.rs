//! Pure structures and text rules: no protocol, no clock, no sockets.
//!
//! Everything here works on bytes and gives the same answer for the same input.

pub mod bitmap;
pub mod digest;
pub mod geo;
pub mod glob;
mod grisu;
pub mod hash;
pub mod hasher;
pub mod hyperloglog;
mod intset;
pub mod lcs;
pub mod list;
pub mod long_double;
pub mod number;
pub mod packed;
pub mod quicksort;
pub mod quoting;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod table;
mod word;

pub use hash::Hash;
pub use list::List;
pub use set::Set;
pub use sorted_set::SortedSet;
pub use stream::Stream;

/// How large a collection may be in its compact form (`hash-max-listpack-entries` and its kin).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fields or members.
    pub entries: usize,
    /// Bytes of a field, value or member.
    pub value: usize,
}

#[cfg(test)]
pub(crate) mod chance {
    /// A fixed sequence of numbers for random tests: a failure always comes back.
    pub struct Chance(u64);

    impl Chance {
        pub fn new(seed: u64) -> Self {
            Chance(seed.wrapping_mul(2).wrapping_add(1))
        }

        /// The next 64 bits (splitmix64).
        pub fn bits(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        /// A number below `end`.
        pub fn below(&mut self, end: usize) -> usize {
            (self.bits() % end as u64) as usize
        }

        /// Up to `longest` bytes out of `alphabet`.
        pub fn text(&mut self, alphabet: &[u8], longest: usize) -> Vec<u8> {
            let len = self.below(longest + 1);
            (0..len)
                .map(|_| alphabet[self.below(alphabet.len())])
                .collect()
        }
    }
}
