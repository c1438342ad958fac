//! The order of a large sorted set: a B+tree that knows how many members lie below each node.
//!
//! A skip list touches a cache line or two for each of some twenty steps; nodes of 64 need three or
//! four for a million members, and a rank is the sum of a few counts on the way. The scores lie in
//! the leaves beside the members' slots, so that the slab is touched only where scores are equal.
//! Leaves know their neighbours, for ranges both ways.
//!
//! Invariants: no leaf is empty but the root; no inner node is, and the root has two children at
//! least; `keys[i]` of an inner node is the first entry of child `i`, except `keys[0]`, which is not
//! used. A node that has lost an entry is merged with a neighbour if together they are at most three
//! quarters full. A full leaf first gives to its neighbours, so that leaves are about four fifths full
//! after insertions in random order, and nearly full after ascending or descending ones.

use super::arena::Arena;
use super::slab::Slab;
use crate::types::table::group::prefetch;

/// Entries in a leaf.
const LEAF: usize = 64;

/// Children of an inner node.
const FAN: usize = 64;

/// More levels than 2^32 entries can need.
const MAX_HEIGHT: usize = 16;

/// No node.
const NONE: u32 = u32::MAX;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Scores and slots, as two arrays so that a search reads the scores alone.
#[repr(C)]
struct Keys<const N: usize> {
    scores: [f64; N],
    slots: [u32; N],
}

impl<const N: usize> Keys<N> {
    fn new() -> Self {
        Keys {
            scores: [0.0; N],
            slots: [0; N],
        }
    }

    #[inline]
    fn get(&self, at: usize) -> Key {
        Key {
            score: self.scores[at],
            slot: self.slots[at],
        }
    }

    #[inline]
    fn set(&mut self, at: usize, key: Key) {
        self.scores[at] = key.score;
        self.slots[at] = key.slot;
    }

    /// Makes a gap at `at` for one more, by moving those before `len`.
    #[inline]
    fn open(&mut self, at: usize, len: usize, key: Key) {
        self.scores.copy_within(at..len, at + 1);
        self.slots.copy_within(at..len, at + 1);
        self.set(at, key);
    }

    /// Closes the gap from `at` to `from`, by moving those before `len`.
    #[inline]
    fn close(&mut self, at: usize, from: usize, len: usize) {
        self.scores.copy_within(from..len, at);
        self.slots.copy_within(from..len, at);
    }

    /// Copies the keys `from..to` of another node to `at`.
    fn copy(&mut self, at: usize, other: &Self, from: usize, to: usize) {
        self.scores[at..at + to - from].copy_from_slice(&other.scores[from..to]);
        self.slots[at..at + to - from].copy_from_slice(&other.slots[from..to]);
    }
}

/// An entry: a member's score and its slot.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its score.
    pub score: f64,
    /// Its slot in the slab.
    pub slot: u32,
}

#[repr(C)]
struct Leaf {
    len: u32,
    previous: u32,
    next: u32,
    keys: Keys<LEAF>,
}

impl Leaf {
    fn new(previous: u32, next: u32) -> Box<Self> {
        Box::new(Leaf {
            len: 0,
            previous,
            next,
            keys: Keys::new(),
        })
    }

    #[inline]
    fn len(&self) -> usize {
        self.len as usize
    }

    /// Moves the last `count` entries to the front of the next leaf.
    fn give_right(&mut self, right: &mut Leaf, count: usize) {
        let (len, right_len) = (self.len(), right.len());
        right.keys.close(count, 0, right_len);
        right.keys.copy(0, &self.keys, len - count, len);
        self.len -= count as u32;
        right.len += count as u32;
    }

    /// Moves the first `count` entries to the end of the leaf before.
    fn give_left(&mut self, left: &mut Leaf, count: usize) {
        left.keys.copy(left.len(), &self.keys, 0, count);
        self.keys.close(0, count, self.len());
        self.len -= count as u32;
        left.len += count as u32;
    }
}

#[repr(C)]
struct Inner {
    len: u32,
    keys: Keys<FAN>,
    children: [u32; FAN],
    /// Entries below each child.
    counts: [u32; FAN],
}

impl Inner {
    fn new() -> Box<Self> {
        Box::new(Inner {
            len: 0,
            keys: Keys::new(),
            children: [NONE; FAN],
            counts: [0; FAN],
        })
    }

    #[inline]
    fn len(&self) -> usize {
        self.len as usize
    }

    fn push(&mut self, child: Child) {
        self.open(self.len(), child);
    }

    fn open(&mut self, at: usize, child: Child) {
        let len = self.len();
        self.keys.open(at, len, child.key);
        self.children.copy_within(at..len, at + 1);
        self.children[at] = child.node;
        self.counts.copy_within(at..len, at + 1);
        self.counts[at] = child.count;
        self.len += 1;
    }

    fn close(&mut self, at: usize) {
        let len = self.len();
        self.keys.close(at, at + 1, len);
        self.children.copy_within(at + 1..len, at);
        self.counts.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    /// Moves the children from `from` on to the end of another node.
    fn give(&mut self, from: usize, other: &mut Inner) {
        let (len, at) = (self.len(), other.len());
        let end = at + len - from;
        other.keys.copy(at, &self.keys, from, len);
        other.children[at..end].copy_from_slice(&self.children[from..len]);
        other.counts[at..end].copy_from_slice(&self.counts[from..len]);
        self.len = from as u32;
        other.len = end as u32;
    }

    fn total(&self) -> u32 {
        self.counts[..self.len()].iter().sum()
    }
}

/// A node with what its parent knows of it.
#[derive(Clone, Copy)]
struct Child {
    node: u32,
    /// Its first entry.
    key: Key,
    count: u32,
}

/// Where an entry is, or would be: the way to its leaf, and the place in it.
pub struct Path {
    /// Inner nodes from the root down, each with the child that was taken.
    steps: [(u32, u32); MAX_HEIGHT],
    leaf: u32,
    at: usize,
}

/// A place between entries, for going both ways.
#[derive(Clone, Copy)]
pub struct Cursor {
    leaf: u32,
    at: u32,
}

/// The left one of `child` and a neighbour that have at most `most` entries together, of `len` children.
fn mergeable(
    len: usize,
    child: usize,
    most: usize,
    size: impl Fn(usize) -> usize,
) -> Option<usize> {
    [Some(child), child.checked_sub(1)]
        .into_iter()
        .flatten()
        .find(|left| left + 1 < len && size(*left) + size(left + 1) <= most)
}

/// Fetches what a search of a node reads: the scores, which are at its beginning. A search would
/// otherwise wait for one cache miss after another.
#[inline]
fn fetch<T>(node: &T, bytes: usize) {
    let start = std::ptr::from_ref(node).cast::<u8>();
    for line in 0..bytes.div_ceil(LINE) {
        prefetch(start.wrapping_add(line * LINE));
    }
}

/// How many scores, which are in order, are `before`. A node is small and a branch costs as much as
/// several comparisons, so all are compared, several at a time.
#[inline]
fn count(scores: &[f64], before: impl Fn(f64) -> bool) -> usize {
    let one_or_none = scores.iter().map(|score| u64::from(before(*score)));
    one_or_none.sum::<u64>() as usize
}

/// How many of the first keys are not after the entry (`score`, `slot`), whose member is `member`.
#[inline]
fn upper_bound(slab: &Slab, entry: Key, member: &[u8], scores: &[f64], slots: &[u32]) -> usize {
    let lower = count(scores, |score| score < entry.score);
    if scores.get(lower).is_none_or(|score| *score != entry.score) {
        return lower;
    }
    let equal = count(&scores[lower..], |score| score == entry.score);
    let run = &slots[lower..lower + equal];
    lower + run.partition_point(|slot| *slot == entry.slot || slab.member(*slot) <= member)
}

/// Entries in order. Every method that takes a `Slab` reads members from it.
pub struct Tree {
    leaves: Arena<Leaf>,
    inners: Arena<Inner>,
    /// A leaf if `height` is 0, and an inner node if not.
    root: u32,
    height: usize,
    len: usize,
}

impl Tree {
    /// A tree of entries that are in order. O(n).
    pub fn from_sorted(entries: impl Iterator<Item = Key>) -> Self {
        let mut leaves = Arena::new();
        let mut level: Vec<Child> = Vec::new();
        let mut len = 0;
        for entry in entries {
            // Some room is left, so that the first insertions do not split every leaf.
            if len % (LEAF - LEAF / 16) == 0 {
                let previous = level.last().map_or(NONE, |child| child.node);
                let node = leaves.insert(Leaf::new(previous, NONE));
                if previous != NONE {
                    let previous: &mut Leaf = leaves.get_mut(previous);
                    previous.next = node;
                }
                let (key, count) = (entry, 0);
                level.push(Child { node, key, count });
            }
            let last = level.last_mut().expect("made for the first entry");
            let leaf = leaves.get_mut(last.node);
            leaf.keys.set(leaf.len(), entry);
            leaf.len += 1;
            last.count += 1;
            len += 1;
        }
        if level.is_empty() {
            leaves.insert(Leaf::new(NONE, NONE));
        }
        let mut tree = Tree {
            leaves,
            inners: Arena::new(),
            root: 0,
            height: 0,
            len,
        };
        while level.len() > 1 {
            level = level
                .chunks(FAN - FAN / 16)
                .map(|children| tree.join(children))
                .collect();
            tree.height += 1;
        }
        tree.root = level.first().map_or(0, |root| root.node);
        tree
    }

    /// Puts an inner node above these children.
    fn join(&mut self, children: &[Child]) -> Child {
        let mut inner = Inner::new();
        children.iter().for_each(|child| inner.push(*child));
        let count = inner.total();
        Child {
            node: self.inners.insert(inner),
            key: children[0].key,
            count,
        }
    }

    /// Number of entries.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated. O(1).
    pub fn bytes(&self) -> usize {
        self.leaves.bytes() + self.inners.bytes()
    }

    /// Goes down to where `search` leads: it says how many of a node's first keys come before.
    #[inline]
    fn descend(&self, mut search: impl FnMut(&[f64], &[u32]) -> usize) -> Path {
        let mut steps = [(NONE, 0); MAX_HEIGHT];
        let mut node = self.root;
        for step in &mut steps[..self.height] {
            let inner = self.inners.get(node);
            fetch(inner, size_of::<[f64; FAN]>() + LINE);
            let len = inner.len();
            let child = search(&inner.keys.scores[1..len], &inner.keys.slots[1..len]);
            *step = (node, child as u32);
            node = inner.children[child];
        }
        let leaf = self.leaves.get(node);
        fetch(leaf, size_of::<[f64; LEAF]>() + LINE);
        let at = search(
            &leaf.keys.scores[..leaf.len()],
            &leaf.keys.slots[..leaf.len()],
        );
        let leaf = node;
        Path { steps, leaf, at }
    }

    /// Behind the entry, or where it would be.
    #[inline]
    fn behind(&self, slab: &Slab, entry: Key, member: &[u8]) -> Path {
        self.descend(|scores, slots| upper_bound(slab, entry, member, scores, slots))
    }

    /// At an entry that is there.
    fn find(&self, slab: &Slab, entry: Key, member: &[u8]) -> Path {
        let mut path = self.behind(slab, entry, member);
        path.at -= 1;
        debug_assert_eq!(self.leaves.get(path.leaf).keys.slots[path.at], entry.slot);
        path
    }

    fn rank_at(&self, path: &Path) -> usize {
        let before = path.steps[..self.height].iter().map(|(node, child)| {
            let counts = &self.inners.get(*node).counts[..*child as usize];
            counts.iter().sum::<u32>() as usize
        });
        before.sum::<usize>() + path.at
    }

    /// How many entries come before one that is there. O(log n).
    pub fn rank(&self, slab: &Slab, entry: Key) -> usize {
        self.rank_at(&self.find(slab, entry, slab.member(entry.slot)))
    }

    /// How many of the first entries are `before`. O(log n).
    pub fn partition_point(&self, mut before: impl FnMut(Key) -> bool) -> usize {
        let path = self.descend(|scores, slots| {
            let (mut low, mut high) = (0, scores.len());
            while low < high {
                let middle = low.midpoint(high);
                let (score, slot) = (scores[middle], slots[middle]);
                if before(Key { score, slot }) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        });
        self.rank_at(&path)
    }

    /// At the entry of a rank below the length, or behind the last. O(log n).
    fn seek(&self, rank: usize) -> Path {
        debug_assert!(rank <= self.len);
        let mut rest = rank as u32;
        let mut steps = [(NONE, 0); MAX_HEIGHT];
        let mut node = self.root;
        for step in &mut steps[..self.height] {
            let inner = self.inners.get(node);
            let mut child = 0;
            while child + 1 < inner.len() && rest >= inner.counts[child] {
                rest -= inner.counts[child];
                child += 1;
            }
            *step = (node, child as u32);
            node = inner.children[child];
        }
        let (leaf, at) = (node, rest as usize);
        Path { steps, leaf, at }
    }

    /// The place in front of the entry of `rank`, which is at most the length. O(log n).
    pub fn cursor(&self, rank: usize) -> Cursor {
        let Path { leaf, at, .. } = self.seek(rank);
        let at = at as u32;
        Cursor { leaf, at }
    }

    /// The entry behind a place, which moves on. There must be one.
    #[inline]
    pub fn forward(&self, cursor: &mut Cursor) -> Key {
        let mut leaf = self.leaves.get(cursor.leaf);
        if cursor.at == leaf.len {
            *cursor = Cursor {
                leaf: leaf.next,
                at: 0,
            };
            leaf = self.leaves.get(cursor.leaf);
        }
        cursor.at += 1;
        leaf.keys.get(cursor.at as usize - 1)
    }

    /// The entry in front of a place, which moves back. There must be one.
    #[inline]
    pub fn backward(&self, cursor: &mut Cursor) -> Key {
        let mut leaf = self.leaves.get(cursor.leaf);
        if cursor.at == 0 {
            cursor.leaf = leaf.previous;
            leaf = self.leaves.get(cursor.leaf);
            cursor.at = leaf.len;
        }
        cursor.at -= 1;
        leaf.keys.get(cursor.at as usize)
    }

    /// The slot that lies `ahead` entries behind a place, if that is in the same leaf.
    #[inline]
    pub fn peek(&self, cursor: Cursor, ahead: u32) -> Option<u32> {
        let leaf = self.leaves.get(cursor.leaf);
        let at = cursor.at + ahead;
        (at < leaf.len).then(|| leaf.keys.slots[at as usize])
    }

    /// The slot that lies `behind` + 1 entries in front of a place, if that is in the same leaf.
    #[inline]
    pub fn peek_back(&self, cursor: Cursor, behind: u32) -> Option<u32> {
        let at = cursor.at.checked_sub(behind + 1)?;
        Some(self.leaves.get(cursor.leaf).keys.slots[at as usize])
    }

    /// Puts in an entry that is not there. O(log n).
    pub fn insert(&mut self, slab: &Slab, entry: Key) {
        let member = slab.member(entry.slot);
        let mut path = self.behind(slab, entry, member);
        while self.leaves.get(path.leaf).len() == LEAF {
            self.make_room(&path);
            path = self.behind(slab, entry, member);
        }
        let leaf = self.leaves.get_mut(path.leaf);
        leaf.keys.open(path.at, leaf.len(), entry);
        leaf.len += 1;
        for (node, child) in &path.steps[..self.height] {
            self.inners.get_mut(*node).counts[*child as usize] += 1;
        }
        self.len += 1;
    }

    /// Makes room in a full leaf, for an entry at the path's place.
    fn make_room(&mut self, path: &Path) {
        // Entries that come in order leave full leaves behind.
        let keep = match path.at {
            LEAF => LEAF - LEAF / 16,
            0 => LEAF / 16,
            _ if self.give(path) => return,
            _ => LEAF / 2,
        };
        let full = self.leaves.get(path.leaf);
        let (next, count) = (full.next, LEAF - keep);
        let mut fresh = Leaf::new(path.leaf, next);
        self.leaves.get_mut(path.leaf).give_right(&mut fresh, count);
        let key = fresh.keys.get(0);
        let node = self.leaves.insert(fresh);
        self.leaves.get_mut(path.leaf).next = node;
        if next != NONE {
            self.leaves.get_mut(next).previous = node;
        }
        let count = count as u32;
        self.add_child(path, self.height, Child { node, key, count });
    }

    /// Gives some of a full leaf's entries to a neighbour below the same parent, if one has room.
    fn give(&mut self, path: &Path) -> bool {
        let Some((parent, child)) = self.parent(path, self.height) else {
            return false;
        };
        let inner = self.inners.get_mut(parent);
        let room = |child: usize| {
            let taken = *inner.counts[..inner.len()].get(child)? as usize;
            Some((LEAF - taken) / 2).filter(|count| *count >= LEAF / 8)
        };
        if let Some(count) = room(child + 1) {
            let (full, right) = self.leaves.get_two(path.leaf, inner.children[child + 1]);
            full.give_right(right, count);
            inner.keys.set(child + 1, right.keys.get(0));
            inner.counts[child] -= count as u32;
            inner.counts[child + 1] += count as u32;
            return true;
        }
        let Some(count) = child.checked_sub(1).and_then(room) else {
            return false;
        };
        let (full, left) = self.leaves.get_two(path.leaf, inner.children[child - 1]);
        full.give_left(left, count);
        inner.keys.set(child, full.keys.get(0));
        inner.counts[child] -= count as u32;
        inner.counts[child - 1] += count as u32;
        true
    }

    /// The inner node above the node that `level` steps of the path lead to, and which child it is.
    #[inline]
    fn parent(&self, path: &Path, level: usize) -> Option<(u32, usize)> {
        let (node, child) = path.steps[level.checked_sub(1)?];
        Some((node, child as usize))
    }

    /// Puts `fresh` behind the node that `level` steps of the path lead to, from which its entries came.
    fn add_child(&mut self, path: &Path, level: usize, fresh: Child) {
        let Some((node, child)) = self.parent(path, level) else {
            let old = Child {
                node: self.root,
                key: fresh.key,
                count: self.len as u32 - fresh.count,
            };
            self.root = self.join(&[old, fresh]).node;
            self.height += 1;
            return;
        };
        let inner = self.inners.get_mut(node);
        inner.counts[child] -= fresh.count;
        if inner.len() < FAN {
            inner.open(child + 1, fresh);
            return;
        }
        let keep = match child + 1 {
            FAN => FAN - FAN / 16,
            1 => FAN / 16,
            _ => FAN / 2,
        };
        let mut right = Inner::new();
        inner.give(keep, &mut right);
        if child < keep {
            inner.open(child + 1, fresh);
        } else {
            right.open(child + 1 - keep, fresh);
        }
        let key = right.keys.get(0);
        let count = right.total();
        let node = self.inners.insert(right);
        self.add_child(path, level - 1, Child { node, key, count });
    }

    /// Takes out an entry that is there. O(log n).
    pub fn remove(&mut self, slab: &Slab, entry: Key) {
        let path = self.find(slab, entry, slab.member(entry.slot));
        self.cut(&path, 1);
    }

    /// Takes out entries from `rank` on: at least one, and at most `most`, as many as are in one leaf.
    /// Their slots are added to `slots`. O(log n).
    ///
    /// # Panics
    /// If there is no entry of that rank.
    pub fn remove_some(&mut self, rank: usize, most: usize, slots: &mut Vec<u32>) {
        assert!(rank < self.len && most > 0);
        let path = self.seek(rank);
        let leaf = self.leaves.get(path.leaf);
        let end = leaf.len().min(path.at.saturating_add(most));
        slots.extend_from_slice(&leaf.keys.slots[path.at..end]);
        self.cut(&path, end - path.at);
    }

    /// Takes `count` entries out of a leaf.
    fn cut(&mut self, path: &Path, count: usize) {
        let leaf = self.leaves.get_mut(path.leaf);
        leaf.keys.close(path.at, path.at + count, leaf.len());
        leaf.len -= count as u32;
        let (len, first) = (leaf.len, leaf.keys.get(0));
        for (node, child) in &path.steps[..self.height] {
            self.inners.get_mut(*node).counts[*child as usize] -= count as u32;
        }
        self.len -= count;
        if len == 0 {
            self.drop_leaf(path);
        } else {
            if path.at == 0 {
                self.set_first(path, self.height, first);
            }
            self.merge_leaf(path);
        }
    }

    /// Notes that the node that `level` steps of the path lead to begins with another entry.
    fn set_first(&mut self, path: &Path, level: usize, first: Key) {
        let turn = path.steps[..level]
            .iter()
            .rev()
            .find(|(_, child)| *child > 0);
        if let Some((node, child)) = turn {
            let inner = self.inners.get_mut(*node);
            inner.keys.set(*child as usize, first);
        }
    }

    /// Frees an empty leaf, unless it is the root.
    fn drop_leaf(&mut self, path: &Path) {
        if self.height == 0 {
            return;
        }
        let Leaf { previous, next, .. } = *self.leaves.remove(path.leaf);
        if previous != NONE {
            self.leaves.get_mut(previous).next = next;
        }
        if next != NONE {
            self.leaves.get_mut(next).previous = previous;
        }
        self.drop_child(path, self.height);
    }

    /// Forgets the node that `level` steps of the path lead to, which is empty and was freed.
    fn drop_child(&mut self, path: &Path, level: usize) {
        let Some((node, child)) = self.parent(path, level) else {
            return;
        };
        let inner = self.inners.get_mut(node);
        inner.close(child);
        if inner.len == 0 {
            self.inners.remove(node);
            self.drop_child(path, level - 1);
            return;
        }
        if child == 0 {
            let first = inner.keys.get(0);
            self.set_first(path, level - 1, first);
        }
        self.merge_inner(path, level - 1);
    }

    /// Joins a leaf with a neighbour below the same parent, if together they leave room.
    fn merge_leaf(&mut self, path: &Path) {
        let Some((parent, child)) = self.parent(path, self.height) else {
            return;
        };
        let inner = self.inners.get_mut(parent);
        let size = |child: usize| inner.counts[child] as usize;
        let Some(left) = mergeable(inner.len(), child, LEAF * 3 / 4, size) else {
            return;
        };
        let (into, from) = (inner.children[left], inner.children[left + 1]);
        let mut gone = self.leaves.remove(from);
        let count = gone.len();
        let leaf = self.leaves.get_mut(into);
        gone.give_left(leaf, count);
        leaf.next = gone.next;
        if gone.next != NONE {
            self.leaves.get_mut(gone.next).previous = into;
        }
        inner.counts[left] += count as u32;
        inner.close(left + 1);
        self.merge_inner(path, self.height - 1);
    }

    /// After a child of the inner node that `level` steps of the path lead to has gone: joins it with
    /// a neighbour, if together they leave room, and takes away a root with a single child.
    fn merge_inner(&mut self, path: &Path, level: usize) {
        let Some((parent, child)) = self.parent(path, level) else {
            self.lower_root();
            return;
        };
        let inner = self.inners.get(parent);
        let size = |child: usize| self.inners.get(inner.children[child]).len();
        let Some(left) = mergeable(inner.len(), child, FAN * 3 / 4, size) else {
            return;
        };
        let (into, from) = (inner.children[left], inner.children[left + 1]);
        let (key, count) = (inner.keys.get(left + 1), inner.counts[left + 1]);
        let mut gone = self.inners.remove(from);
        gone.keys.set(0, key);
        gone.give(0, self.inners.get_mut(into));
        let inner = self.inners.get_mut(parent);
        inner.counts[left] += count;
        inner.close(left + 1);
        self.merge_inner(path, level - 1);
    }

    /// Names the slot `to` in an entry that is there, whose member has moved there. O(log n).
    pub fn move_slot(&mut self, slab: &Slab, entry: Key, to: u32) {
        let path = self.find(slab, entry, slab.member(to));
        let score = entry.score;
        self.put(&path, Key { score, slot: to });
    }

    fn put(&mut self, path: &Path, with: Key) {
        self.leaves.get_mut(path.leaf).keys.set(path.at, with);
        if path.at == 0 {
            self.set_first(path, self.height, with);
        }
    }

    /// Changes the score of an entry that is there, and moves it if its place in the order changes.
    /// O(log n).
    pub fn rescore(&mut self, slab: &Slab, entry: Key, score: f64) {
        let path = self.find(slab, entry, slab.member(entry.slot));
        let with = Key { score, ..entry };
        let place = Cursor {
            leaf: path.leaf,
            at: path.at as u32,
        };
        if self.fits(slab, place, with) {
            self.put(&path, with);
        } else {
            self.cut(&path, 1);
            self.insert(slab, with);
        }
    }

    /// Whether the order is kept if the entry behind `place` becomes `with`.
    fn fits(&self, slab: &Slab, place: Cursor, with: Key) -> bool {
        // The slab is read only where the scores do not decide.
        let is_below = |one: Key, other: Key| {
            one.score < other.score
                || one.score == other.score && slab.member(one.slot) < slab.member(other.slot)
        };
        let leaf = self.leaves.get(place.leaf);
        let (mut before, mut after) = (place, place);
        after.at += 1;
        if place.at > 0 || leaf.previous != NONE {
            let before = self.backward(&mut before);
            if !is_below(before, with) {
                return false;
            }
        }
        if after.at < leaf.len || leaf.next != NONE {
            let after = self.forward(&mut after);
            if !is_below(with, after) {
                return false;
            }
        }
        true
    }

    /// Takes away roots with a single child.
    fn lower_root(&mut self) {
        while self.height > 0 && self.inners.get(self.root).len == 1 {
            self.root = self.inners.remove(self.root).children[0];
            self.height -= 1;
        }
    }
}

#[cfg(test)]
impl Tree {
    /// Checks every invariant and the order, in O(n log n).
    pub fn check(&self, slab: &Slab) {
        let mut leaves = Vec::new();
        let count = self.check_node(self.root, 0, None, &mut leaves);
        assert_eq!(count, self.len);
        assert_eq!(self.leaves.len(), leaves.len());
        let mut entries = Vec::new();
        for (index, number) in leaves.iter().enumerate() {
            let leaf = self.leaves.get(*number);
            let neighbour = |at: Option<usize>| at.and_then(|at| leaves.get(at)).copied();
            assert_eq!(
                leaf.previous,
                neighbour(index.checked_sub(1)).unwrap_or(NONE)
            );
            assert_eq!(leaf.next, neighbour(Some(index + 1)).unwrap_or(NONE));
            entries.extend((0..leaf.len()).map(|at| leaf.keys.get(at)));
        }
        for entry in &entries {
            assert_eq!(entry.score.to_bits(), slab.score(entry.slot).to_bits());
        }
        let in_order = entries.is_sorted_by(|one, other| {
            one.score < other.score
                || one.score == other.score && slab.member(one.slot) < slab.member(other.slot)
        });
        assert!(in_order);
    }

    fn check_node(&self, node: u32, level: usize, first: Option<Key>, out: &mut Vec<u32>) -> usize {
        let same = |key: Key| {
            let first = first.unwrap_or(key);
            assert_eq!(first.slot, key.slot);
            assert_eq!(first.score.to_bits(), key.score.to_bits());
        };
        if level == self.height {
            out.push(node);
            let leaf = self.leaves.get(node);
            assert!(leaf.len > 0 || level == 0);
            if leaf.len > 0 {
                same(leaf.keys.get(0));
            }
            return leaf.len();
        }
        let inner = self.inners.get(node);
        assert!(inner.len() >= if level == 0 { 2 } else { 1 });
        let mut total = 0;
        for child in 0..inner.len() {
            let first = if child == 0 {
                first
            } else {
                Some(inner.keys.get(child))
            };
            let count = self.check_node(inner.children[child], level + 1, first, out);
            assert_eq!(count, inner.counts[child] as usize);
            total += count;
        }
        total
    }

    /// How full the leaves are.
    pub fn fill(&self) -> f64 {
        self.len as f64 / (self.leaves.len() * LEAF) as f64
    }
}
