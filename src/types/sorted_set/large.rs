//! The large form of a sorted set: a slab of members, a table to find them in, and a tree of their order.
//!
//! Each member lies once, in the slab. The table's entry is its hash and its slot, so that the table
//! splits and is scanned without a look at the slab, and it is the keyspace's table, so that a scan
//! keeps the same promise. The tree's entry is its score and its slot. With names of 16 to 20 bytes
//! a member takes 32 bytes in the slab, some 16 in the table and 15 in the tree.

use super::slab::Slab;
use super::tree::{Cursor, Key, Tree};
use crate::types::hasher;
use crate::types::table::group::prefetch;
use crate::types::table::{Slot, Table};

/// How many members ahead a walk fetches: enough to hide a cache miss.
const AHEAD: u32 = 8;

/// A member in the table.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
struct Link {
    hash: u64,
    slot: u32,
}

const _: () = assert!(size_of::<Link>() == 12);

impl Slot for Link {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }
}

/// Members, found by name and in order.
pub struct Large {
    slab: Slab,
    table: Table<Link>,
    tree: Tree,
}

impl Large {
    /// A set of these members, `len` of them, which are distinct and in order. O(n).
    pub fn from_sorted<'a>(len: usize, members: impl Iterator<Item = (&'a [u8], f64)>) -> Self {
        let mut slab = Slab::with_capacity(len);
        let mut table = Table::new(0);
        let tree = Tree::from_sorted(members.map(|(member, score)| {
            let slot = slab.insert(member, score);
            let hash = hasher::hash(member);
            table.insert(hash, Link { hash, slot });
            Key { score, slot }
        }));
        Large { slab, table, tree }
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    #[inline]
    fn slot(&self, hash: u64, member: &[u8]) -> Option<u32> {
        self.table
            .find(hash, |link| {
                link.hash == hash && self.slab.member(link.slot) == member
            })
            .map(|link| link.slot)
    }

    #[inline]
    fn key(&self, slot: u32) -> Key {
        let score = self.slab.score(slot);
        Key { score, slot }
    }

    /// The member and the score in a slot.
    #[inline]
    fn entry(&self, key: Key) -> (&[u8], f64) {
        (self.slab.member(key.slot), key.score)
    }

    /// The score of a member. O(1).
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.slot(hasher::hash(member), member)
            .map(|slot| self.slab.score(slot))
    }

    /// How many come before a member, and its score. O(log n).
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let key = self.key(self.slot(hasher::hash(member), member)?);
        Some((self.tree.rank(&self.slab, key), key.score))
    }

    /// How many of the first entries are `before`. O(log n).
    pub fn partition_point(&self, mut before: impl FnMut(f64, &[u8]) -> bool) -> usize {
        self.tree
            .partition_point(|key| before(key.score, self.slab.member(key.slot)))
    }

    /// How many of the first scores are `before`. O(log n).
    pub fn partition_point_by_score(&self, mut before: impl FnMut(f64) -> bool) -> usize {
        self.tree.partition_point(|key| before(key.score))
    }

    /// Adds a member or changes its score. Returns the score that it had. O(log n).
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = hasher::hash(member);
        let Some(slot) = self.slot(hash, member) else {
            let slot = self.slab.insert(member, score);
            self.table.insert(hash, Link { hash, slot });
            self.tree.insert(&self.slab, Key { score, slot });
            return None;
        };
        let key = self.key(slot);
        if key.score != score {
            self.tree.rescore(&self.slab, key, score);
            self.slab.set_score(slot, score);
        }
        Some(key.score)
    }

    /// Removes a member. Returns the score that it had. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = hasher::hash(member);
        let slab = &self.slab;
        let link = self.table.remove_by(hash, |link| {
            link.hash == hash && slab.member(link.slot) == member
        })?;
        let key = self.key(link.slot);
        self.tree.remove(&self.slab, key);
        self.slab.remove(key.slot);
        self.tidy(1);
        Some(key.score)
    }

    /// Removes the members of rank `from` to `to`, `to` excluded; both are at most the length.
    /// O(log n + k).
    pub fn remove_range(&mut self, from: usize, to: usize, mut removed: impl FnMut(&[u8], f64)) {
        let mut slots = Vec::new();
        let mut rest = to.saturating_sub(from);
        if rest == self.len() {
            self.range(from, to)
                .for_each(|(member, score)| removed(member, score));
            *self = Large::from_sorted(0, std::iter::empty());
            return;
        }
        while rest > 0 {
            self.tree.remove_some(from, rest, &mut slots);
            rest -= slots.len();
            let count = slots.len();
            slots
                .iter()
                .for_each(|slot| prefetch(self.slab.address(*slot)));
            for slot in slots.drain(..) {
                let member = self.slab.member(slot);
                removed(member, self.slab.score(slot));
                let hash = hasher::hash(member);
                self.table.remove_by(hash, |link| link.slot == slot);
                self.slab.remove(slot);
            }
            self.tidy(count);
        }
    }

    /// After `count` removals: closes some of the gaps, if more than half of the slab is gaps. Two for
    /// each removal are enough to keep it so.
    fn tidy(&mut self, count: usize) {
        for _ in 0..2 * count {
            if !self.slab.is_sparse() {
                return;
            }
            if let Some((slot, to)) = self.slab.compact() {
                let hash = hasher::hash(self.slab.member(to));
                let link = self.table.find_mut(hash, |link| link.slot == slot);
                link.expect("every member is in the table").slot = to;
                let score = self.slab.score(to);
                self.tree.move_slot(&self.slab, Key { score, slot }, to);
            }
        }
    }

    /// Visits about `count` members from `cursor` on, in the table's order. Returns the next cursor, 0
    /// at the end. A member that stays is visited once, whatever else changes.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let (_, next) = self.table.scan(cursor, count, |link| {
            visit(self.slab.member(link.slot), self.slab.score(link.slot));
        });
        next.unwrap_or(0)
    }

    /// The members of rank `from` to `to`; both are at most the length.
    #[inline]
    pub fn range(&self, from: usize, to: usize) -> Range<'_> {
        Range {
            set: self,
            from,
            to: to.max(from),
            front: None,
            back: None,
        }
    }

    /// Bytes allocated. O(segments of the table).
    pub fn bytes(&self) -> usize {
        size_of::<Large>() + self.slab.bytes() + self.table.bytes() + self.tree.bytes()
    }
}

impl Clone for Large {
    /// O(n). The clone's members lie in order.
    fn clone(&self) -> Self {
        let len = self.len();
        Large::from_sorted(len, self.range(0, len))
    }
}

/// The members of a range, from both ends.
pub struct Range<'a> {
    set: &'a Large,
    from: usize,
    to: usize,
    /// Each is looked for when it is first needed.
    front: Option<Cursor>,
    back: Option<Cursor>,
}

impl Range<'_> {
    /// How many are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.to - self.from
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.from == self.to {
            return None;
        }
        let Large { slab, tree, .. } = self.set;
        let fetch = |cursor, ahead| {
            if let Some(slot) = tree.peek(cursor, ahead) {
                prefetch(slab.address(slot));
            }
        };
        let mut cursor = self.front.unwrap_or_else(|| {
            let cursor = tree.cursor(self.from);
            (1..AHEAD.min(self.len() as u32)).for_each(|ahead| fetch(cursor, ahead));
            cursor
        });
        let key = tree.forward(&mut cursor);
        self.from += 1;
        self.front = Some(cursor);
        if self.len() >= AHEAD as usize {
            fetch(cursor, AHEAD - 1);
        }
        Some(self.set.entry(key))
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from == self.to {
            return None;
        }
        let Large { slab, tree, .. } = self.set;
        let fetch = |cursor, behind| {
            if let Some(slot) = tree.peek_back(cursor, behind) {
                prefetch(slab.address(slot));
            }
        };
        let mut cursor = self.back.unwrap_or_else(|| {
            let cursor = tree.cursor(self.to);
            (1..AHEAD.min(self.len() as u32)).for_each(|behind| fetch(cursor, behind));
            cursor
        });
        let key = tree.backward(&mut cursor);
        self.to -= 1;
        self.back = Some(cursor);
        if self.len() >= AHEAD as usize {
            fetch(cursor, AHEAD - 1);
        }
        Some(self.set.entry(key))
    }
}

#[cfg(test)]
impl Large {
    /// Checks that the three parts agree.
    pub fn check(&self) {
        assert_eq!(self.slab.len(), self.tree.len());
        assert_eq!(self.slab.len(), self.table.len());
        self.tree.check(&self.slab);
        let mut links = 0;
        for link in self.table.iter() {
            let (hash, slot) = (link.hash, link.slot);
            assert_eq!(hash, hasher::hash(self.slab.member(slot)));
            links += 1;
        }
        assert_eq!(links, self.len());
    }

    /// How full the leaves of the tree are.
    pub fn fill(&self) -> f64 {
        self.tree.fill()
    }
}
