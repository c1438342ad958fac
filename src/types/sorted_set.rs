//! A sorted set: distinct members in the order of their scores.

use std::cmp::Ordering;

use crate::types::Limits;

#[derive(Clone, Default)]
struct Inner {
    members: Vec<(f64, Box<[u8]>)>,
    large: bool,
}

/// A sorted set. One word: a pointer.
#[derive(Clone, Default)]
pub struct SortedSet(Box<Inner>);

/// The order of members: by score, then by their bytes.
fn compare(left: (f64, &[u8]), right: (f64, &[u8])) -> Ordering {
    left.0
        .partial_cmp(&right.0)
        .unwrap_or(Ordering::Equal)
        .then_with(|| left.1.cmp(right.1))
}

impl SortedSet {
    /// An empty sorted set.
    pub fn new() -> Self {
        SortedSet::default()
    }

    /// A sorted set of `len` members, given in order and each once, with scores that are not NaN. O(len).
    pub fn from_sorted<'a>(
        len: usize,
        members: impl Iterator<Item = (&'a [u8], f64)>,
        limits: Limits,
    ) -> Self {
        let mut inner = Inner {
            members: Vec::with_capacity(len),
            large: len > limits.entries,
        };
        for (member, score) in members {
            inner.large |= member.len() > limits.value;
            inner.members.push((score, member.into()));
        }
        SortedSet(Box::new(inner))
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn position(&self, member: &[u8]) -> Option<usize> {
        self.0
            .members
            .iter()
            .position(|(_, other)| **other == *member)
    }

    /// The score of a member. O(1), or O(n) in the compact form.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.position(member).map(|at| self.0.members[at].0)
    }

    /// Adds a member or changes its score, which is not NaN. Returns the score that it had; if that is
    /// equal, it stays, be it 0.0 or -0.0. O(log n).
    pub fn insert(&mut self, member: &[u8], score: f64, limits: Limits) -> Option<f64> {
        if let Some(before) = self.score(member)
            && before == score
        {
            return Some(before);
        }
        let before = self.remove(member);
        let at = self.partition_point(|other_score, other| {
            compare((other_score, other), (score, member)) == Ordering::Less
        });
        self.0.members.insert(at, (score, member.into()));
        if before.is_none() {
            self.0.large |= member.len() > limits.value || self.len() > limits.entries;
        }
        before
    }

    /// Goes over to the large form if `entries` members are about to be added and are more than may be
    /// in the compact form, as Redis does even if some of them turn out to be the same.
    pub fn expect(&mut self, entries: usize, limits: Limits) {
        self.0.large |= entries > limits.entries;
    }

    /// Removes a member. Returns the score that it had. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.position(member)?;
        Some(self.0.members.remove(at).0)
    }

    /// How many members come before this one, and its score. O(log n).
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        self.position(member).map(|at| (at, self.0.members[at].0))
    }

    /// The members of rank `from` to `to`, `to` excluded. O(log n) and O(1) for each.
    pub fn range(
        &self,
        from: usize,
        to: usize,
    ) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + ExactSizeIterator {
        let to = to.min(self.len());
        self.0.members[from.min(to)..to]
            .iter()
            .map(|(score, member)| (&**member, *score))
    }

    /// All members in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + ExactSizeIterator {
        self.range(0, self.len())
    }

    /// The rank of the first member for which `before` is false; it must be true for a beginning of
    /// the order, and false for the rest. O(log n).
    pub fn partition_point(&self, mut before: impl FnMut(f64, &[u8]) -> bool) -> usize {
        self.0
            .members
            .partition_point(|(score, member)| before(*score, member))
    }

    /// As [`SortedSet::partition_point`], for a question about the score alone. Reads no members.
    pub fn partition_point_by_score(&self, mut before: impl FnMut(f64) -> bool) -> usize {
        self.partition_point(|score, _| before(score))
    }

    /// Removes the members of rank `from` to `to`, `to` excluded, and tells what they were.
    /// O(log n) for each.
    pub fn remove_range(&mut self, from: usize, to: usize, mut removed: impl FnMut(&[u8], f64)) {
        let to = to.min(self.len());
        for (score, member) in self.0.members.drain(from.min(to)..to) {
            removed(&member, score);
        }
    }

    /// Visits about `count` members from `cursor` on. Returns the next cursor, 0 at the end.
    pub fn scan(&self, _cursor: u64, _count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.iter().for_each(|(member, score)| visit(member, score));
        0
    }

    /// A random member, each with the same chance; `below(n)` draws a number below `n`.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<(&[u8], f64)> {
        if self.is_empty() {
            return None;
        }
        let at = below(self.len());
        self.range(at, at + 1).next()
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        if self.0.large { "skiplist" } else { "listpack" }
    }

    /// Whether it is in the compact form: one piece of memory.
    pub fn is_compact(&self) -> bool {
        !self.0.large
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Inner>()
            + self.0.members.capacity() * size_of::<(f64, Box<[u8]>)>()
            + self
                .0
                .members
                .iter()
                .map(|(_, member)| member.len())
                .sum::<usize>()
    }
}
