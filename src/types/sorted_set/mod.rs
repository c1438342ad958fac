//! A sorted set: distinct members in the order of their scores.
//!
//! It is one word, so that a key's entry holds it. A small one is a single buffer that is walked
//! ([`compact`]); one that has grown beyond its limits is a slab of members with a table and a tree of
//! counted nodes over it ([`large`]), so that a member is found in O(1), and a rank, the member of a
//! rank or the beginning of any range in O(log n).
//!
//! The order is by score, -0.0 being equal to 0.0, and then by the members' bytes. Every range that
//! Redis knows (by rank, score or member) is a range of ranks between two partition points.

mod arena;
mod compact;
mod large;
mod slab;
#[cfg(test)]
mod tests;
mod tree;

use crate::types::Limits;
use crate::types::packed::Packed;
use crate::types::word::{Form, FormMut, Word};
use compact::Inserted;
use large::Large;

/// A sorted set. One word: a pointer.
#[derive(Clone)]
pub struct SortedSet(Word<Large>);

const _: () = assert!(size_of::<SortedSet>() == 8);

impl Default for SortedSet {
    fn default() -> Self {
        SortedSet::new()
    }
}

impl SortedSet {
    /// An empty sorted set. Allocates nothing.
    pub fn new() -> Self {
        SortedSet(Word::compact(Packed::new()))
    }

    /// A sorted set of `len` members, the longest of which has `longest` bytes, given in order and each
    /// once, with scores that are not NaN. O(n).
    pub fn from_sorted<'a>(
        len: usize,
        longest: usize,
        mut members: impl Iterator<Item = (&'a [u8], f64)>,
        limits: Limits,
    ) -> Self {
        if len > limits.entries || longest > limits.value {
            return SortedSet(Word::large(Large::from_sorted(len, members)));
        }
        let mut packed = Packed::new();
        let left_out = members.find(|(member, score)| !compact::push(&mut packed, member, *score));
        let mut set = SortedSet(Word::compact(packed));
        if let Some((member, score)) = left_out {
            let large = set.make_large();
            large.insert(member, score);
            for (member, score) in members {
                large.insert(member, score);
            }
        }
        set
    }

    /// Number of members. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => packed.count(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member. O(1), or O(n) in the compact form.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.0.get() {
            Form::Compact(packed) => compact::find(packed, member).map(|(_, entry)| entry.score),
            Form::Large(large) => large.score(member),
        }
    }

    /// Adds a member or changes its score, which is not NaN. Returns the score that it had; if that is
    /// equal, it stays, be it 0.0 or -0.0. O(log n), or O(n) in the compact form.
    pub fn insert(&mut self, member: &[u8], score: f64, limits: Limits) -> Option<f64> {
        debug_assert!(!score.is_nan());
        match self.0.get_mut() {
            FormMut::Compact(packed) => {
                let may_add = |packed: &Packed| {
                    packed.count() < limits.entries && member.len() <= limits.value
                };
                match compact::insert(packed, member, score, may_add) {
                    Inserted::New => return None,
                    Inserted::Had(before) => return Some(before),
                    Inserted::No => {}
                }
                self.make_large().insert(member, score)
            }
            FormMut::Large(large) => large.insert(member, score),
        }
    }

    /// Goes over to the large form if `entries` members are about to be added and are more than may be
    /// in the compact form, as Redis does even if some of them turn out to be the same.
    pub fn expect(&mut self, entries: usize, limits: Limits) {
        if self.is_compact() && entries > limits.entries {
            self.make_large();
        }
    }

    fn make_large(&mut self) -> &mut Large {
        if let Form::Compact(packed) = self.0.get() {
            let members = compact::entries(packed).map(|entry| (entry.member, entry.score));
            self.0 = Word::large(Large::from_sorted(packed.count(), members));
        }
        match self.0.get_mut() {
            FormMut::Large(large) => large,
            FormMut::Compact(_) => unreachable!("it was made large"),
        }
    }

    /// Removes a member. Returns the score that it had. O(log n), or O(n) in the compact form.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self.0.get_mut() {
            FormMut::Compact(packed) => compact::remove(packed, member),
            FormMut::Large(large) => large.remove(member),
        }
    }

    /// How many members come before this one, and its score. O(log n), or O(n) in the compact form.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0.get() {
            Form::Compact(packed) => {
                compact::find(packed, member).map(|(rank, entry)| (rank, entry.score))
            }
            Form::Large(large) => large.rank(member),
        }
    }

    /// The members of rank `from` to `to`, `to` excluded; both are cut to the length. O(log n) and
    /// O(1) for each, from either end; O(n) in the compact form.
    #[inline]
    pub fn range(&self, from: usize, to: usize) -> Range<'_> {
        let to = to.min(self.len());
        let from = from.min(to);
        Range(match self.0.get() {
            Form::Compact(packed) => Either::Compact(compact::Range::new(packed, from, to)),
            Form::Large(large) => Either::Large(large.range(from, to)),
        })
    }

    /// All members in order.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, self.len())
    }

    /// The rank of the first member for which `before` is false; it must be true for a beginning of
    /// the order, and false for the rest. O(log n), or O(n) in the compact form.
    ///
    /// Where the score alone decides, [`SortedSet::partition_point_by_score`] is several times faster.
    pub fn partition_point(&self, mut before: impl FnMut(f64, &[u8]) -> bool) -> usize {
        match self.0.get() {
            Form::Compact(packed) => compact::entries(packed)
                .take_while(|entry| before(entry.score, entry.member))
                .count(),
            Form::Large(large) => large.partition_point(before),
        }
    }

    /// As [`SortedSet::partition_point`], for a question about the score alone. Reads no members.
    pub fn partition_point_by_score(&self, mut before: impl FnMut(f64) -> bool) -> usize {
        match self.0.get() {
            Form::Compact(packed) => compact::entries(packed)
                .take_while(|entry| before(entry.score))
                .count(),
            Form::Large(large) => large.partition_point_by_score(before),
        }
    }

    /// Removes the members of rank `from` to `to`, `to` excluded, both cut to the length, and tells in
    /// order what they were. O(log n + k), or O(n) in the compact form.
    pub fn remove_range(&mut self, from: usize, to: usize, removed: impl FnMut(&[u8], f64)) {
        let to = to.min(self.len());
        let from = from.min(to);
        match self.0.get_mut() {
            FormMut::Compact(packed) => compact::remove_range(packed, from, to, removed),
            FormMut::Large(large) => large.remove_range(from, to, removed),
        }
    }

    /// Visits about `count` members from `cursor` on, in no order; the compact form visits all.
    /// Returns the next cursor, 0 at the end.
    ///
    /// A member that is there from the first call to the last is visited at least once, and exactly
    /// once if the set was in one form all the time, whatever is added and removed meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match self.0.get() {
            Form::Compact(packed) => {
                compact::entries(packed).for_each(|entry| visit(entry.member, entry.score));
                0
            }
            Form::Large(large) => large.scan(cursor, count, visit),
        }
    }

    /// A random member, each with the same chance; `below(n)` draws a number below `n`. O(log n), or
    /// O(n) in the compact form.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<(&[u8], f64)> {
        if self.is_empty() {
            return None;
        }
        let at = below(self.len());
        self.range(at, at + 1).next()
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        if self.is_compact() {
            "listpack"
        } else {
            "skiplist"
        }
    }

    /// Whether it is in the compact form: one piece of memory.
    #[inline]
    pub fn is_compact(&self) -> bool {
        self.0.is_compact()
    }

    /// Bytes on the heap. O(n / 1,000).
    pub fn heap_bytes(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => packed.heap_bytes(),
            Form::Large(large) => large.bytes(),
        }
    }
}

/// The members of a range with their scores, from both ends.
pub struct Range<'a>(Either<'a>);

enum Either<'a> {
    Compact(compact::Range<'a>),
    Large(large::Range<'a>),
}

impl<'a> Iterator for Range<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Either::Compact(range) => range.next(),
            Either::Large(range) => range.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Either::Compact(range) => range.len(),
            Either::Large(range) => range.len(),
        };
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Either::Compact(range) => range.next_back(),
            Either::Large(range) => range.next_back(),
        }
    }
}

impl ExactSizeIterator for Range<'_> {}

impl std::iter::FusedIterator for Range<'_> {}
