//! A stream: entries of fields and values in the order of their IDs, to which one can only add at the end.
//!
//! Entries lie packed in chunks ([`chunk`]), as Redis's lie in listpacks, with the same boundaries: trimming
//! with `~` removes whole chunks, so they can be seen. The chunks are in a B-tree by the ID of their first
//! entry, but for the last, which stands by itself: there most entries are added and read. A chunk without
//! entries that are not deleted is dropped.
//!
//! It is one word, so that a key's entry holds it.

pub mod by_id;
mod chunk;
pub mod group;
#[cfg(test)]
mod group_tests;
mod id;
mod lag;
mod node;
mod radix;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::{Deref, DerefMut};

pub use chunk::{Entry, Pairs};
pub use id::{IdText, NewId, StreamId};
pub use node::{Misfit, Node, NodeEntry};
pub use value::Text;

use chunk::{Chunk, Entries};
use group::Groups;

/// Most bytes of a chunk, and of the texts of one entry, whatever the settings say.
const MOST_BYTES: usize = 1 << 30;

/// How large a chunk may be (`stream-node-max-bytes`, `stream-node-max-entries`); 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// Bytes, as Redis's listpack would have them.
    pub bytes: usize,
    /// Entries, deleted ones included.
    pub entries: u64,
}

/// What trimming leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many entries.
    Newest(u64),
    /// Those that do not come before this ID.
    From(StreamId),
}

/// How to trim a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What stays.
    pub keep: Keep,
    /// Whether only whole chunks go, so that more may stay.
    pub approximate: bool,
    /// How many entries are removed at most; 0 is no limit. A chunk that holds more stays.
    pub limit: u64,
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The ID does not come behind the last one.
    NotHigher,
    /// The entry has too many bytes.
    TooLarge,
}

/// A stream: its entries, and the groups that read them. One word: a pointer.
#[derive(Clone, Default)]
pub struct Stream(Box<Inner>);

const _: () = assert!(size_of::<Stream>() == 8);

#[derive(Clone, Default)]
struct Inner {
    log: Log,
    groups: Groups,
}

impl Stream {
    /// An empty stream.
    pub fn new() -> Self {
        Stream::default()
    }

    /// Number of entries. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.0.log.len
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its consumer groups.
    pub fn groups(&self) -> &Groups {
        &self.0.groups
    }

    /// Its consumer groups, to be changed.
    pub fn groups_mut(&mut self) -> &mut Groups {
        &mut self.0.groups
    }

    /// Its entries, and its groups to be changed while they are read.
    #[inline]
    pub fn parts(&mut self) -> (&Log, &mut Groups) {
        (&self.0.log, &mut self.0.groups)
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Whether it is so small that it is freed at once.
    pub fn is_compact(&self) -> bool {
        self.chunks() <= 1 && self.0.groups.is_empty()
    }

    /// Bytes on the heap. O(chunks, consumers, and what is pending / 64).
    pub fn heap_bytes(&self) -> usize {
        size_of::<Inner>() + self.0.log.heap_bytes() + self.0.groups.heap_bytes()
    }
}

impl Deref for Stream {
    type Target = Log;

    #[inline]
    fn deref(&self) -> &Log {
        &self.0.log
    }
}

impl DerefMut for Stream {
    #[inline]
    fn deref_mut(&mut self) -> &mut Log {
        &mut self.0.log
    }
}

/// The entries of a stream.
#[derive(Clone, Default)]
pub struct Log {
    /// All chunks but the last, by the ID of their first entry.
    chunks: BTreeMap<StreamId, Chunk>,
    last: Option<(StreamId, Chunk)>,
    len: usize,
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

impl Log {
    /// Number of entries. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ID of the first entry; `0-0` if there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The ID of the last entry that is there; `0-0` if there is none. O(1), but for deleted entries behind it.
    pub fn top_id(&self) -> StreamId {
        let last = self.range_rev(StreamId::MIN, StreamId::MAX).next();
        last.map_or(StreamId::MIN, |entry| entry.id)
    }

    /// The highest ID that was ever added or set.
    #[inline]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// Sets the ID behind which new entries come.
    pub fn set_last_id(&mut self, id: StreamId) {
        self.last_id = id;
    }

    /// The highest ID that was deleted by [`Log::delete`], or set.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// Sets the highest ID that counts as deleted.
    pub fn set_max_deleted_id(&mut self, id: StreamId) {
        self.max_deleted_id = id;
    }

    /// Number of entries that were ever added, or what was set.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// Sets the number of entries that were ever added.
    pub fn set_entries_added(&mut self, count: u64) {
        self.entries_added = count;
    }

    /// Number of chunks: the keys of Redis's radix tree.
    pub fn chunks(&self) -> usize {
        self.chunks.len() + usize::from(self.last.is_some())
    }

    /// Number of nodes of Redis's radix tree for it. O(chunks).
    pub fn radix_nodes(&self) -> usize {
        let last = self.last.iter().map(|(first, _)| *first);
        radix::nodes(self.chunks.keys().copied().chain(last))
    }

    /// Bytes that its chunks would have as Redis's listpacks. O(chunks).
    pub fn listpack_bytes(&self) -> usize {
        let last = self.last.iter().map(|(_, chunk)| chunk);
        let chunks = self.chunks.values().chain(last);
        chunks.map(Chunk::listpack_bytes).sum()
    }

    /// Adds an entry and returns its ID; `now` is the time in milliseconds. Amortised O(its bytes).
    ///
    /// # Errors
    /// The ID is not higher than the last, or the texts are more than a chunk may ever hold.
    pub fn append<'a, P>(
        &mut self,
        id: NewId,
        now: u64,
        pairs: P,
        limits: NodeLimits,
    ) -> Result<StreamId, AppendError>
    where
        P: ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        let last_id = self.last_id;
        let following = match id {
            NewId::Auto if now > last_id.ms => Some(StreamId::new(now, 0)),
            NewId::Auto => last_id.next(),
            NewId::AutoSeq(ms) if ms == last_id.ms => {
                last_id.seq.checked_add(1).map(|seq| StreamId::new(ms, seq))
            }
            NewId::AutoSeq(ms) => Some(StreamId::new(ms, 0)),
            NewId::Given(id) => Some(id),
        };
        let id = following
            .filter(|&id| id > last_id)
            .ok_or(AppendError::NotHigher)?;
        let bytes = pairs
            .clone()
            .map(|(field, value)| field.len() + value.len());
        let bytes: usize = bytes.sum();
        if bytes > MOST_BYTES {
            return Err(AppendError::TooLarge);
        }
        let last = match &mut self.last {
            Some((first, chunk)) if has_room(chunk, bytes, limits) => (*first, chunk),
            _ => {
                if let Some((first, mut full)) = self.last.take() {
                    full.seal();
                    self.chunks.insert(first, full);
                }
                let chunk = Chunk::new(pairs.clone().map(|(field, _)| field));
                let (first, chunk) = self.last.insert((id, chunk));
                (*first, chunk)
            }
        };
        last.1.append(last.0, id, pairs);
        self.len += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
        Ok(id)
    }

    /// The chunks that may hold entries from `from` to `to`, in order.
    #[inline]
    fn chunks_between(&self, from: StreamId, to: StreamId) -> Chunks<'_> {
        let in_last = |id| self.last.as_ref().is_some_and(|&(first, _)| first <= id);
        let last = self.last.as_ref().filter(|_| in_last(to));
        let tree = if in_last(from) || to < from {
            None
        } else {
            let before = self.chunks.range(..=from).next_back();
            let first = before.map_or(from, |(&first, _)| first);
            Some(self.chunks.range(first..=to))
        };
        Chunks { tree, last }
    }

    /// The entries from `from` to `to`, both included, in order. O(log n) and the length of a chunk.
    #[inline]
    pub fn range(&self, from: StreamId, to: StreamId) -> Range<'_> {
        Range {
            chunks: self.chunks_between(from, to),
            entries: None,
            from,
            to,
        }
    }

    /// As [`Log::range`], from the end.
    #[inline]
    pub fn range_rev(&self, from: StreamId, to: StreamId) -> RangeRev<'_> {
        RangeRev(self.range(from, to))
    }

    /// All entries in order.
    pub fn iter(&self) -> Range<'_> {
        self.range(StreamId::MIN, StreamId::MAX)
    }

    /// The entry of this ID. O(log n) and the length of a chunk.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (first, chunk) = self.chunks_between(id, id).next()?;
        chunk.find(first, id)
    }

    /// Deletes the entry of this ID. False if there is none. O(log n) and the length of a chunk.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let in_last = self.last.as_ref().is_some_and(|&(first, _)| first <= id);
        let found = if in_last {
            self.last.as_mut().map(|(first, chunk)| (*first, chunk))
        } else {
            let mut before = self.chunks.range_mut(..=id);
            before.next_back().map(|(&first, chunk)| (first, chunk))
        };
        let Some((first, chunk)) = found else {
            return false;
        };
        let Some(place) = chunk.find(first, id).map(|entry| entry.place) else {
            return false;
        };
        chunk.delete_at(place);
        if chunk.live() == 0 {
            if in_last {
                self.last = self.chunks.pop_last();
            } else {
                self.chunks.remove(&first);
            }
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if id == self.first_id {
            self.find_first();
        }
        true
    }

    /// Removes entries from the front, and returns how many. O(chunks removed), and the entries of one chunk.
    pub fn trim(&mut self, trim: Trim) -> u64 {
        let mut removed = 0;
        while let Some((first, chunk)) = self.first_chunk() {
            let live = chunk.live() as u64;
            let len = self.len as u64;
            if matches!(trim.keep, Keep::Newest(most) if len <= most)
                || (trim.limit > 0 && removed + live > trim.limit)
            {
                break;
            }
            let goes = match trim.keep {
                Keep::Newest(most) => len - live >= most,
                Keep::From(id) => chunk
                    .iter(first)
                    .next_back()
                    .is_none_or(|last| last.id < id),
            };
            if goes {
                if self.chunks.pop_first().is_none() {
                    self.last = None;
                }
                self.len -= live as usize;
                removed += live;
                continue;
            }
            if !trim.approximate {
                removed += self.trim_first(trim.keep);
            }
            break;
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }

    /// Deletes entries at the front of the first chunk, of which at least one stays.
    fn trim_first(&mut self, keep: Keep) -> u64 {
        let found = match self.chunks.first_entry() {
            Some(entry) => Some((*entry.key(), entry.into_mut())),
            None => self.last.as_mut().map(|(first, chunk)| (*first, chunk)),
        };
        let Some((first, chunk)) = found else {
            return 0;
        };
        let mut excess = match keep {
            Keep::Newest(most) => self.len - most as usize,
            Keep::From(_) => usize::MAX,
        };
        let mut places = Vec::new();
        for entry in chunk.iter(first).filter(|entry| !entry.is_deleted) {
            if excess == 0 || matches!(keep, Keep::From(id) if entry.id >= id) {
                break;
            }
            excess -= 1;
            places.push(entry.place);
        }
        places.iter().for_each(|&place| chunk.delete_at(place));
        self.len -= places.len();
        places.len() as u64
    }

    fn first_chunk(&self) -> Option<(StreamId, &Chunk)> {
        let first = self
            .chunks
            .first_key_value()
            .map(|(&first, chunk)| (first, chunk));
        first.or(self.last.as_ref().map(|(first, chunk)| (*first, chunk)))
    }

    fn find_first(&mut self) {
        self.first_id = self.iter().next().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Bytes on the heap. O(chunks).
    fn heap_bytes(&self) -> usize {
        let last = self.last.iter().map(|(_, chunk)| chunk);
        let chunks = self.chunks.values().chain(last).map(Chunk::heap_bytes);
        let slot = size_of::<(StreamId, Chunk)>();
        // A B-tree that grows at its end fills its nodes half.
        chunks.sum::<usize>() + 2 * slot * self.chunks.len()
    }
}

/// Whether an entry of so many bytes of text still goes into the chunk, by Redis's rule.
#[inline]
fn has_room(chunk: &Chunk, bytes: usize, limits: NodeLimits) -> bool {
    let most = match limits.bytes {
        0 => MOST_BYTES,
        limit => limit.min(MOST_BYTES),
    };
    chunk.listpack_bytes() + bytes < most
        && (limits.entries == 0 || (chunk.entries() as u64) < limits.entries)
}

/// Chunks of a stream with the IDs of their first entries, from both ends.
struct Chunks<'a> {
    tree: Option<btree_map::Range<'a, StreamId, Chunk>>,
    last: Option<&'a (StreamId, Chunk)>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (StreamId, &'a Chunk);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some((&first, chunk)) = self.tree.as_mut().and_then(Iterator::next) {
            return Some((first, chunk));
        }
        self.last.take().map(|(first, chunk)| (*first, chunk))
    }
}

impl DoubleEndedIterator for Chunks<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if let Some((first, chunk)) = self.last.take() {
            return Some((*first, chunk));
        }
        let (&first, chunk) = self.tree.as_mut()?.next_back()?;
        Some((first, chunk))
    }
}

/// Entries of a stream in order.
pub struct Range<'a> {
    chunks: Chunks<'a>,
    entries: Option<Entries<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entries) = &mut self.entries {
                for entry in entries {
                    if entry.is_deleted || entry.id < self.from {
                        continue;
                    }
                    return (entry.id <= self.to).then_some(entry);
                }
            }
            let (first, chunk) = self.chunks.next()?;
            self.entries = Some(chunk.iter(first));
        }
    }
}

/// Entries of a stream from the end.
pub struct RangeRev<'a>(Range<'a>);

impl<'a> Iterator for RangeRev<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let range = &mut self.0;
        loop {
            while let Some(entry) = range
                .entries
                .as_mut()
                .and_then(DoubleEndedIterator::next_back)
            {
                if entry.is_deleted || entry.id > range.to {
                    continue;
                }
                return (entry.id >= range.from).then_some(entry);
            }
            let (first, chunk) = range.chunks.next_back()?;
            range.entries = Some(chunk.iter(first));
        }
    }
}
