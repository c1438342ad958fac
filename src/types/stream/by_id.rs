//! Things that have IDs, each ID once, in their order.
//!
//! What is pending in a group comes at the end and leaves nearly everywhere, mostly near the beginning.
//! So it lies in chunks of at most 64, each a ring that grows and shrinks at both ends without moving the
//! rest. Few things are one chunk; many are a tree of chunks, by an ID that no thing of the chunk precedes.
//!
//! Ascending insertion leaves full chunks behind. A chunk that has lost half of its things is merged with a
//! neighbour if together they fill at most three quarters of one.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use super::StreamId;
use crate::types::word::Either;

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
type Chunks<T> = BTreeMap<StreamId, Chunk<T>>;

/// Things in the order of their IDs.
#[derive(Clone)]
pub struct ById<T> {
    form: Form<T>,
    len: usize,
}

#[derive(Clone)]
enum Form<T> {
    Few(Chunk<T>),
    /// At least two chunks, none of them empty.
    Many(Chunks<T>),
}

impl<T> Default for ById<T> {
    fn default() -> Self {
        ById {
            form: Form::Few(Chunk::new()),
            len: 0,
        }
    }
}

/// The place in a chunk of the thing with this ID, or where it would be.
#[inline]
fn search<T: HasId>(chunk: &Chunk<T>, id: StreamId) -> Result<usize, usize> {
    // What leaves is mostly the oldest.
    match chunk.front().map(|first| first.id().cmp(&id)) {
        Some(std::cmp::Ordering::Equal) => Ok(0),
        _ => chunk.binary_search_by(|thing| thing.id().cmp(&id)),
    }
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
        match &self.form {
            Form::Few(chunk) => chunk.front(),
            Form::Many(chunks) => chunks.first_key_value()?.1.front(),
        }
    }

    /// The thing with the highest ID. O(log n).
    pub fn last(&self) -> Option<&T> {
        match &self.form {
            Form::Few(chunk) => chunk.back(),
            Form::Many(chunks) => chunks.last_key_value()?.1.back(),
        }
    }

    /// The thing with this ID. O(log n).
    pub fn get(&self, id: StreamId) -> Option<&T> {
        let chunk = match &self.form {
            Form::Few(chunk) => chunk,
            Form::Many(chunks) => chunks.range(..=id).next_back()?.1,
        };
        chunk.get(search(chunk, id).ok()?)
    }

    /// The thing with this ID, to be changed; its ID must stay. O(log n).
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut T> {
        let chunk = match &mut self.form {
            Form::Few(chunk) => chunk,
            Form::Many(chunks) => chunks.range_mut(..=id).next_back()?.1,
        };
        let at = search(chunk, id).ok()?;
        chunk.get_mut(at)
    }

    /// Puts a thing in, unless there is one with its ID: then it returns false. O(log n).
    pub fn insert(&mut self, thing: T) -> bool {
        let inserted = match &mut self.form {
            Form::Few(chunk) if chunk.len() < CHUNK => insert_into(chunk, thing),
            Form::Few(chunk) => {
                if search(chunk, thing.id()).is_ok() {
                    return false;
                }
                let mut chunks = Chunks::new();
                chunks.insert(StreamId::MIN, std::mem::take(chunk));
                insert_among(&mut chunks, thing);
                self.form = Form::Many(chunks);
                true
            }
            Form::Many(chunks) => insert_among(chunks, thing),
        };
        self.len += usize::from(inserted);
        inserted
    }

    /// Takes out the thing with this ID. O(log n).
    pub fn remove(&mut self, id: StreamId) -> Option<T> {
        let removed = match &mut self.form {
            Form::Few(chunk) => {
                let at = search(chunk, id).ok()?;
                chunk.remove(at)
            }
            Form::Many(chunks) => {
                let removed = remove_among(chunks, id);
                if chunks.len() < 2 {
                    let last = chunks.pop_first().map(|(_, chunk)| chunk);
                    self.form = Form::Few(last.unwrap_or_default());
                }
                removed
            }
        };
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// The things whose IDs are `from` or higher, in order. O(log n) to begin.
    pub fn iter_from(&self, from: StreamId) -> impl Iterator<Item = &T> {
        let start = |chunk: &Chunk<T>| chunk.partition_point(|thing| thing.id() < from);
        match &self.form {
            Form::Few(chunk) => Either::First(chunk.range(start(chunk)..)),
            Form::Many(chunks) => {
                let first = chunks.range(..=from).next_back();
                let rest = chunks.range((Excluded(from), Unbounded));
                let first = first.map(|(_, chunk)| chunk.range(start(chunk)..));
                Either::Second(
                    first
                        .into_iter()
                        .flatten()
                        .chain(rest.flat_map(|(_, chunk)| chunk)),
                )
            }
        }
    }

    /// All things in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.iter_from(StreamId::MIN)
    }

    /// Bytes on the heap. O(n / 64).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Few(chunk) => chunk.capacity() * size_of::<T>(),
            Form::Many(chunks) => chunks
                .values()
                .map(|chunk| chunk.capacity() * size_of::<T>())
                // About half as much again for the tree's free places.
                .map(|bytes| bytes + size_of::<(StreamId, Chunk<T>)>() * 3 / 2)
                .sum(),
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let ids: Vec<StreamId> = self.iter().map(HasId::id).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert_eq!(ids.len(), self.len);
        let Form::Many(chunks) = &self.form else {
            return;
        };
        assert!(chunks.len() > 1);
        let mut behind = StreamId::MIN;
        for (key, chunk) in chunks {
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK && chunk.capacity() <= CHUNK);
            assert!(behind <= *key && *key <= chunk[0].id());
            behind = chunk[chunk.len() - 1].id();
        }
        // Eight losses may go by, of either of two.
        let most = (self.len + CHUNK) * 4;
        assert!(
            chunks.len() * CHUNK <= most.max(3 * CHUNK),
            "{} in {}",
            self.len,
            chunks.len()
        );
    }
}

fn insert_into<T: HasId>(chunk: &mut Chunk<T>, thing: T) -> bool {
    if chunk.back().is_none_or(|last| last.id() < thing.id()) {
        chunk.push_back(thing);
        return true;
    }
    match search(chunk, thing.id()) {
        Ok(_) => false,
        Err(at) => {
            chunk.insert(at, thing);
            true
        }
    }
}

fn insert_among<T: HasId>(chunks: &mut Chunks<T>, thing: T) -> bool {
    let id = thing.id();
    if let Some(mut last) = chunks.last_entry() {
        let chunk = last.get_mut();
        if chunk.back().is_none_or(|last| last.id() < id) {
            if chunk.len() < CHUNK {
                chunk.push_back(thing);
            } else {
                let mut next = Chunk::with_capacity(CHUNK);
                next.push_back(thing);
                chunks.insert(id, next);
            }
            return true;
        }
    }
    let Some((_, chunk)) = chunks.range_mut(..=id).next_back() else {
        // Before all others: the first chunk becomes one for lower IDs too.
        if let Some((_, chunk)) = chunks.pop_first() {
            chunks.insert(StreamId::MIN, chunk);
        }
        return insert_among(chunks, thing);
    };
    if chunk.len() < CHUNK {
        return insert_into(chunk, thing);
    }
    if search(chunk, id).is_ok() {
        return false;
    }
    let upper = chunk.split_off(CHUNK / 2);
    if let Some(first) = upper.front().map(HasId::id) {
        chunks.insert(first, upper);
    }
    insert_among(chunks, thing)
}

fn remove_among<T: HasId>(chunks: &mut Chunks<T>, id: StreamId) -> Option<T> {
    let (key, chunk) = chunks.range_mut(..=id).next_back()?;
    let (key, at) = (*key, search(chunk, id).ok()?);
    let removed = chunk.remove(at);
    let left = chunk.len();
    if left == 0 {
        chunks.remove(&key);
    } else if left <= CHUNK / 2 && left.is_multiple_of(PATIENCE) {
        merge(chunks, key, left);
    }
    removed
}

/// Merges the chunk of `key`, in which `len` things are left, with a neighbour if that leaves room.
fn merge<T>(chunks: &mut Chunks<T>, key: StreamId, len: usize) {
    let fits = |chunk: &Chunk<T>| len + chunk.len() <= MERGED;
    let after = chunks.range((Excluded(key), Unbounded)).next();
    let before = || chunks.range(..key).next_back();
    let (left, right) = match after {
        Some((next, chunk)) if fits(chunk) => (key, *next),
        _ => match before() {
            Some((previous, chunk)) if fits(chunk) => (*previous, key),
            _ => return,
        },
    };
    if let Some(mut things) = chunks.remove(&right)
        && let Some(chunk) = chunks.get_mut(&left)
    {
        chunk.append(&mut things);
    }
}
