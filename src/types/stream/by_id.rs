//! Things that have IDs, each ID once, in their order.
//!
//! What is pending in a group comes at the end and leaves nearly everywhere, mostly near the beginning.
//! So it lies in chunks of at most 64, each a ring that grows and shrinks at both ends without moving the
//! rest. The last chunk stands by itself, so that what comes needs no search; those before it are in a tree,
//! by an ID that no thing of the chunk precedes.
//!
//! Ascending insertion leaves full chunks behind. A chunk that has lost half of its things is merged with a
//! neighbour if together they fill at most three quarters of one.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use super::StreamId;
/// Most things in a chunk.
const CHUNK: usize = 64;

/// Most things in a chunk that came of two.
const MERGED: usize = CHUNK / 4 * 3;

/// Losses between attempts to merge a chunk.
const PATIENCE: usize = 8;

/// A thing that has an ID.
pub trait HasId: Copy {
    /// Its ID.
    fn id(&self) -> StreamId;
}

impl HasId for StreamId {
    #[inline]
    fn id(&self) -> StreamId {
        *self
    }
}

type Chunk<T> = VecDeque<T>;

/// Things in the order of their IDs.
#[derive(Clone)]
pub struct ById<T> {
    /// All chunks but the last, none of them empty.
    chunks: BTreeMap<StreamId, Chunk<T>>,
    /// Empty only if there is nothing at all.
    last: Chunk<T>,
    len: usize,
}

impl<T> Default for ById<T> {
    fn default() -> Self {
        ById {
            chunks: BTreeMap::new(),
            last: Chunk::new(),
            len: 0,
        }
    }
}

/// The place in a chunk of the thing with this ID, or where it would be.
#[inline]
fn search<T: HasId>(chunk: &Chunk<T>, id: StreamId) -> Result<usize, usize> {
    // What leaves is mostly the oldest.
    match chunk.front() {
        Some(first) if first.id() == id => Ok(0),
        _ => chunk.binary_search_by(|thing| thing.id().cmp(&id)),
    }
}

/// Whether the thing belongs behind all of the chunk.
#[inline]
fn is_behind<T: HasId>(chunk: &Chunk<T>, id: StreamId) -> bool {
    chunk.back().is_none_or(|last| last.id() < id)
}

impl<T: HasId> ById<T> {
    /// Number of things. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The thing with the lowest ID. O(log n).
    pub fn first(&self) -> Option<&T> {
        match self.chunks.first_key_value() {
            Some((_, chunk)) => chunk.front(),
            None => self.last.front(),
        }
    }

    /// The thing with the highest ID. O(1).
    pub fn last(&self) -> Option<&T> {
        self.last.back()
    }

    /// Whether a thing with this ID would be in the last chunk.
    #[inline]
    fn is_in_last(&self, id: StreamId) -> bool {
        self.chunks.is_empty() || self.last.front().is_some_and(|first| first.id() <= id)
    }

    /// The thing with this ID. O(log n).
    pub fn get(&self, id: StreamId) -> Option<&T> {
        let chunk = match self.is_in_last(id) {
            true => &self.last,
            false => self.chunks.range(..=id).next_back()?.1,
        };
        chunk.get(search(chunk, id).ok()?)
    }

    /// The thing with this ID, to be changed; its ID must stay. O(log n).
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut T> {
        let chunk = match self.is_in_last(id) {
            true => &mut self.last,
            false => self.chunks.range_mut(..=id).next_back()?.1,
        };
        let at = search(chunk, id).ok()?;
        chunk.get_mut(at)
    }

    /// Puts a thing in, unless there is one with its ID: then it returns false. O(log n), and O(1) if it
    /// belongs at the end.
    #[inline]
    pub fn insert(&mut self, thing: T) -> bool {
        let inserted = if is_behind(&self.last, thing.id()) {
            if self.last.len() == CHUNK {
                let full = std::mem::replace(&mut self.last, Chunk::with_capacity(CHUNK));
                self.keep(full);
            }
            self.last.push_back(thing);
            true
        } else {
            self.insert_within(thing)
        };
        self.len += usize::from(inserted);
        inserted
    }

    /// Puts a chunk among those before the last.
    fn keep(&mut self, chunk: Chunk<T>) {
        if let Some(first) = chunk.front().map(HasId::id) {
            self.chunks.insert(first, chunk);
        }
    }

    fn insert_within(&mut self, thing: T) -> bool {
        let id = thing.id();
        let in_last = self.is_in_last(id);
        if !in_last && self.chunks.range(..=id).next_back().is_none() {
            // Before all others: the first chunk becomes one for lower IDs too.
            if let Some((_, chunk)) = self.chunks.pop_first() {
                self.chunks.insert(StreamId::MIN, chunk);
            }
        }
        let chunk = match self.chunks.range_mut(..=id).next_back() {
            Some((_, chunk)) if !in_last => chunk,
            _ => &mut self.last,
        };
        let Err(at) = search(chunk, id) else {
            return false;
        };
        if chunk.len() < CHUNK {
            chunk.insert(at, thing);
            return true;
        }
        let mut upper = chunk.split_off(CHUNK / 2);
        match at.checked_sub(CHUNK / 2) {
            Some(at) => upper.insert(at, thing),
            None => chunk.insert(at, thing),
        }
        if in_last {
            upper = std::mem::replace(&mut self.last, upper);
        }
        self.keep(upper);
        true
    }

    /// Takes out the thing with this ID. O(log n).
    pub fn remove(&mut self, id: StreamId) -> Option<T> {
        let removed = if self.is_in_last(id) {
            let at = search(&self.last, id).ok()?;
            let removed = self.last.remove(at);
            if self.last.is_empty() && !self.chunks.is_empty() {
                self.last = self.chunks.pop_last().map(|(_, chunk)| chunk)?;
            } else if is_sparse(&self.last) {
                self.merge_last();
            }
            removed
        } else {
            let (key, chunk) = self.chunks.range_mut(..=id).next_back()?;
            let (key, at) = (*key, search(chunk, id).ok()?);
            let removed = chunk.remove(at);
            if chunk.is_empty() {
                self.chunks.remove(&key);
            } else if is_sparse(chunk) {
                let len = chunk.len();
                self.merge(key, len);
            }
            removed
        };
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Merges the chunk of `key`, in which `len` things are left, with a neighbour if that leaves room.
    fn merge(&mut self, key: StreamId, len: usize) {
        let fits = |chunk: &Chunk<T>| len + chunk.len() <= MERGED;
        let after = self.chunks.range((Excluded(key), Unbounded)).next();
        let before = self.chunks.range(..key).next_back();
        let (left, right) = match (after, before) {
            (Some((next, chunk)), _) if fits(chunk) => (key, *next),
            (None, _) if fits(&self.last) => return self.merge_last(),
            (_, Some((previous, chunk))) if fits(chunk) => (*previous, key),
            _ => return,
        };
        if let Some(mut things) = self.chunks.remove(&right)
            && let Some(chunk) = self.chunks.get_mut(&left)
        {
            chunk.append(&mut things);
        }
    }

    /// Merges the last chunk with the one before it, if that leaves room.
    fn merge_last(&mut self) {
        if let Some(before) = self.chunks.last_entry()
            && before.get().len() + self.last.len() <= MERGED
        {
            let mut chunk = before.remove();
            chunk.append(&mut self.last);
            self.last = chunk;
        }
    }

    /// The things whose IDs are `from` or higher, in order. O(log n) to begin.
    pub fn iter_from(&self, from: StreamId) -> impl Iterator<Item = &T> {
        let start = move |chunk: &Chunk<T>| match chunk.front() {
            Some(first) if first.id() < from => chunk.partition_point(|thing| thing.id() < from),
            _ => 0,
        };
        let first = match self.is_in_last(from) {
            true => None,
            false => self.chunks.range(..=from).next_back(),
        };
        let first = first.map(|(_, chunk)| chunk.range(start(chunk)..));
        let rest = self.chunks.range((Excluded(from), Unbounded));
        let rest = rest.flat_map(|(_, chunk)| chunk);
        let last = self.last.range(start(&self.last)..);
        first.into_iter().flatten().chain(rest).chain(last)
    }

    /// All things in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.values().flatten().chain(&self.last)
    }

    /// Bytes on the heap. O(n / 64).
    pub fn heap_bytes(&self) -> usize {
        let chunks = self.chunks.values().map(Chunk::capacity).sum::<usize>();
        // A B-tree that grows at its end fills its nodes half.
        let tree = 2 * size_of::<(StreamId, Chunk<T>)>() * self.chunks.len();
        (chunks + self.last.capacity()) * size_of::<T>() + tree
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let ids: Vec<StreamId> = self.iter().map(HasId::id).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert_eq!(ids.len(), self.len);
        assert!(!self.last.is_empty() || self.chunks.is_empty());
        let mut behind = None;
        for (key, chunk) in &self.chunks {
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK && chunk.capacity() <= CHUNK);
            assert!(behind < Some(*key) && *key <= chunk[0].id());
            behind = chunk.back().map(HasId::id);
        }
        assert!(self.last.len() <= CHUNK && self.last.capacity() <= CHUNK);
        // Some losses may go by, of either of two neighbours.
        let most = (self.len / CHUNK + 1) * 4;
        assert!(self.chunks.len() <= most, "{} chunks", self.chunks.len());
    }
}

/// Whether it is time to look for a neighbour to merge with.
#[inline]
fn is_sparse<T>(chunk: &Chunk<T>) -> bool {
    chunk.len() <= CHUNK / 2 && chunk.len().is_multiple_of(PATIENCE)
}
