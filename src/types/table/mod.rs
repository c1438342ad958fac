//! The hash table of databases, and of large hashes, sets and sorted sets: extendible hashing, as in the Dash paper.
//!
//! A directory, indexed by the top bits of a key's position, points to [`Segment`]s of at most
//! about a thousand entries. A full segment grows by a quarter or is split in two; after mass
//! deletion buddies are merged. No operation ever moves more than one segment's entries, so there is
//! no long pause at any size.
//!
//! SCAN falls out of it: segments, and the groups within them, are in ascending order of hash, so a
//! cursor is simply the hash that was reached. A key that stays is returned exactly once, whatever is
//! inserted, removed, split or merged meanwhile.

pub mod group;
pub mod segment;

use crate::types::table::group::WIDTH;
use crate::types::table::segment::{MAX_GROUPS, Segment};

/// What a table needs to know of its entries.
pub trait Slot {
    /// The hash by which it was put in: of its key, or one that it keeps.
    fn hash(&self) -> u64;
}

/// An entry that holds its key.
pub trait Keyed: Slot {
    /// The key, by which the entry is found.
    fn key(&self) -> &[u8];
}

/// Bits of a hash that order a scan.
pub const SCAN_BITS: u32 = 48;

/// Depth beyond which a segment grows instead of being split; reached only if hashes collide.
const MAX_DEPTH: u8 = 26;

/// A hash table of entries that know their hashes. The caller hashes, by
/// [`hasher::hash`](crate::types::hasher::hash).
#[derive(Clone)]
pub struct Table<T> {
    /// For each value of the position's top `depth` bits, a segment's index.
    directory: Vec<u32>,
    segments: Vec<Segment<T>>,
    depth: u8,
    /// Top bits of every hash in the table that are the same, because they chose the shard.
    skip: u8,
    len: usize,
    /// No segment has more slots, nor ever had.
    most_slots: usize,
}

impl<T: Slot> Table<T> {
    /// An empty table for hashes whose top `skip` bits are all the same.
    pub fn new(skip: u8) -> Self {
        Table {
            directory: vec![0],
            segments: vec![Segment::with_groups(1, 0)],
            depth: 0,
            skip,
            len: 0,
            most_slots: MAX_GROUPS * WIDTH,
        }
    }

    /// As [`Table::new`], with room for `len` entries if they fit into one segment.
    pub fn with_room(skip: u8, len: usize) -> Self {
        let groups = Segment::<T>::groups_for(len.min(MAX_GROUPS * WIDTH));
        let mut table = Table::new(skip);
        table.segments = vec![Segment::with_groups(groups.min(MAX_GROUPS), 0)];
        table
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn position(&self, hash: u64) -> u64 {
        segment::position(hash, self.skip)
    }

    #[inline]
    fn directory_index(&self, position: u64) -> usize {
        // Two shifts: one by 64 would overflow when the depth is 0.
        (position >> 1 >> (63 - self.depth)) as usize
    }

    #[inline]
    fn segment_index(&self, position: u64) -> usize {
        self.directory[self.directory_index(position)] as usize
    }

    #[inline]
    fn segment(&self, position: u64) -> &Segment<T> {
        &self.segments[self.segment_index(position)]
    }

    /// Fetches what a look-up of `hash` reads first.
    #[inline]
    pub fn prefetch_group(&self, hash: u64) {
        let position = self.position(hash);
        self.segment(position).prefetch_group(position);
    }

    /// Fetches what a look-up of `hash` reads last.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        let position = self.position(hash);
        self.segment(position).prefetch_entry(hash, position);
    }

    /// The entry of this hash that `is` the one. O(1).
    #[inline]
    pub fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        let position = self.position(hash);
        let segment = self.segment(position);
        segment
            .find(hash, position, is)
            .and_then(|slot| segment.get(slot))
    }

    /// The entry of this hash that `is` the one, to be changed; its hash must stay. O(1).
    #[inline]
    pub fn find_mut(&mut self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&mut T> {
        let position = self.position(hash);
        let index = self.segment_index(position);
        let segment = &mut self.segments[index];
        segment
            .find(hash, position, is)
            .map(|slot| segment.get_mut(slot))
    }

    /// Puts in an entry that is not there yet. O(1) amortised; at most one segment is rebuilt.
    pub fn insert(&mut self, hash: u64, entry: T) -> &mut T {
        let position = self.position(hash);
        let mut index = self.segment_index(position);
        while self.segments[index].is_full() {
            self.make_room(index, position);
            index = self.segment_index(position);
        }
        self.len += 1;
        let segment = &mut self.segments[index];
        let slot = segment.insert(hash, position, entry);
        segment.get_mut(slot)
    }

    /// Takes out the entry of this hash that `is` the one. O(1) amortised.
    pub fn remove_by(&mut self, hash: u64, is: impl Fn(&T) -> bool) -> Option<T> {
        let position = self.position(hash);
        let index = self.segment_index(position);
        let slot = self.segments[index].find(hash, position, is)?;
        let entry = self.segments[index].take(slot);
        self.len -= 1;
        self.shrink(index, position);
        Some(entry)
    }

    /// Tells the table that the entry of `hash` may expire at `at`.
    #[inline]
    pub fn note_expiry(&mut self, hash: u64, at: i64) {
        let index = self.segment_index(self.position(hash));
        let earliest = &mut self.segments[index].earliest_expiry;
        *earliest = (*earliest).min(at);
    }

    fn rebuild(&mut self, index: usize, groups: usize) {
        let mut fresh = [Segment::with_groups(groups, self.segments[index].depth)];
        self.segments[index].drain_into(self.skip, &mut fresh, |_| 0);
        let [fresh] = fresh;
        self.most_slots = self.most_slots.max(fresh.slots());
        self.segments[index] = fresh;
    }

    fn make_room(&mut self, index: usize, position: u64) {
        let segment = &self.segments[index];
        let groups = segment.groups();
        if segment.is_littered() {
            self.rebuild(index, groups);
        } else if groups < MAX_GROUPS || segment.depth >= MAX_DEPTH {
            let larger = groups + (groups / 4).max(1);
            self.rebuild(
                index,
                if groups < MAX_GROUPS {
                    larger.min(MAX_GROUPS)
                } else {
                    larger
                },
            );
        } else {
            self.split(index, position);
        }
    }

    fn split(&mut self, index: usize, position: u64) {
        let depth = self.segments[index].depth + 1;
        if depth > self.depth {
            self.directory = self
                .directory
                .iter()
                .flat_map(|&segment| [segment, segment])
                .collect();
            self.depth = depth;
        }
        let upper_bit = 1u64 << (64 - depth);
        let (skip, upper_len) = (self.skip, {
            let segment = &self.segments[index];
            segment
                .iter()
                .filter(|entry| self.position(entry.hash()) & upper_bit != 0)
                .count()
        });
        let lower_len = self.segments[index].len() - upper_len;
        let mut halves = [lower_len, upper_len]
            .map(|len| Segment::with_groups(Segment::<T>::groups_for(len + len / 8), depth));
        self.segments[index].drain_into(skip, &mut halves, |position| {
            usize::from(position & upper_bit != 0)
        });
        let [lower, upper] = halves;
        self.segments[index] = lower;
        let new_index = self.segments.len() as u32;
        self.segments.push(upper);
        let first = (position & prefix_mask(depth - 1)) | upper_bit;
        let start = self.directory_index(first);
        let count = 1usize << (self.depth - depth);
        self.directory[start..start + count].fill(new_index);
    }

    #[inline]
    fn shrink(&mut self, index: usize, position: u64) {
        let segment = &self.segments[index];
        if segment.len() * 4 <= segment.slots() {
            self.shrink_sparse(index, position);
        }
    }

    #[cold]
    fn shrink_sparse(&mut self, index: usize, position: u64) {
        if self.merge(index, position) {
            // Many entries may have gone at once (expiry): what is left may fit further down.
            while self.merge(self.segment_index(position), position) {}
            return;
        }
        let segment = &self.segments[index];
        if segment.groups() > 1 {
            let len = segment.len();
            self.rebuild(index, Segment::<T>::groups_for(len + len / 4));
        }
    }

    /// Joins a segment with its buddy, if both have the same depth and fill a segment at most half.
    fn merge(&mut self, index: usize, position: u64) -> bool {
        let depth = self.segments[index].depth;
        if depth == 0 {
            return false;
        }
        let bit = 1u64 << (64 - depth);
        let start = position & prefix_mask(depth);
        let buddy = self.segment_index(start ^ bit);
        let len = self.segments[index].len() + self.segments[buddy].len();
        if self.segments[buddy].depth != depth || len * 2 > MAX_GROUPS * WIDTH * 7 / 8 {
            return false;
        }
        let mut joined = [Segment::with_groups(
            Segment::<T>::groups_for(len + len / 4),
            depth - 1,
        )];
        for part in [index, buddy] {
            self.segments[part].drain_into(self.skip, &mut joined, |_| 0);
        }
        let [joined] = joined;
        self.segments[index] = joined;
        let first = self.directory_index(start & !bit);
        let count = 1usize << (self.depth - depth + 1);
        self.directory[first..first + count].fill(index as u32);
        self.drop_segment(buddy);
        self.shrink_directory();
        true
    }

    /// Removes an empty segment that nothing points to; the last one takes its index.
    fn drop_segment(&mut self, index: usize) {
        let last = self.segments.len() - 1;
        if index != last {
            let hash = self.segments[last].iter().next().map(Slot::hash);
            // An empty segment has no key to be found by: look for it.
            let at = match hash {
                Some(hash) => self.directory_index(self.position(hash)),
                None => self
                    .directory
                    .iter()
                    .position(|&segment| segment as usize == last)
                    .unwrap_or(0),
            };
            let count = 1usize << (self.depth - self.segments[last].depth);
            let first = at & !(count - 1);
            self.directory[first..first + count].fill(index as u32);
        }
        self.segments.swap_remove(index);
    }

    fn shrink_directory(&mut self) {
        while self.depth > 0
            && self.segments.len() * 4 <= self.directory.len()
            && self
                .segments
                .iter()
                .all(|segment| segment.depth < self.depth)
        {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
        }
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flat_map(Segment::iter)
    }

    /// Visits entries in ascending order of the top 48 bits of their hash, from those at `cursor` on,
    /// until `count` entries were visited. Entries equal in those bits are visited together.
    ///
    /// Returns how many were visited, and the cursor to go on from, or `None` at the table's end.
    /// O(entries visited + groups passed).
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&T),
    ) -> (usize, Option<u64>) {
        let mut visited = 0;
        let mut found = Vec::new();
        let mut position = self.position(cursor << (64 - SCAN_BITS));
        loop {
            let segment = self.segment(position);
            let first = segment.home(position);
            for group in first..segment.groups() {
                found.clear();
                segment.with_home(group, self.skip, &mut found);
                let mut rest = found.iter().filter(|(hash, _)| *hash >= cursor).peekable();
                while let Some(&(hash, slot)) = rest.next() {
                    if let Some(entry) = segment.get(slot) {
                        visit(entry);
                        visited += 1;
                    }
                    if visited >= count && rest.peek().is_none_or(|(next, _)| *next != hash) {
                        return (visited, Some(hash + 1));
                    }
                }
            }
            let span = 1u128 << (64 - segment.depth);
            let next = u128::from(position & prefix_mask(segment.depth)) + span;
            match u64::try_from(next) {
                Ok(next) => position = next,
                Err(_) => return (visited, None),
            }
        }
    }

    /// A random entry, each with the same chance; `below(n)` draws a number below `n`. O(1) expected:
    /// segments that are nearly empty are merged.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        // Segments are weighted by their slots by rejection: a slot number that each could have.
        let slots = match &self.segments[..] {
            [only] => only.slots(),
            _ => self.most_slots,
        };
        loop {
            let segment = &self.segments[below(self.segments.len())];
            let slot = below(slots);
            if slot < segment.slots()
                && let Some(entry) = segment.get(slot)
            {
                return Some(entry);
            }
        }
    }

    /// Number of segments, for [`Table::take_expired`].
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// A lower bound of the moment at which an entry of segment `index` expires.
    pub fn earliest_expiry(&self, index: usize) -> i64 {
        self.segments
            .get(index)
            .map_or(i64::MAX, |segment| segment.earliest_expiry)
    }

    /// Takes the entries of one segment whose `expiry` is at or before `now`, and sets the segment's
    /// bound anew. Each entry is asked once, and may be changed at that. O(slots of a segment).
    pub fn take_expired(
        &mut self,
        index: usize,
        now: i64,
        mut expiry: impl FnMut(&mut T) -> Option<i64>,
        out: &mut Vec<T>,
    ) {
        let Some(segment) = self.segments.get_mut(index) else {
            return;
        };
        let mut earliest = i64::MAX;
        let before = out.len();
        for slot in 0..segment.slots() {
            if segment.get(slot).is_none() {
                continue;
            }
            match expiry(segment.get_mut(slot)) {
                Some(at) if at <= now => out.push(segment.take(slot)),
                Some(at) => earliest = earliest.min(at),
                None => {}
            }
        }
        segment.earliest_expiry = earliest;
        self.len -= out.len() - before;
        if let Some(entry) = out.get(before) {
            let position = self.position(entry.hash());
            let index = self.segment_index(position);
            self.shrink(index, position);
        }
    }

    /// Bytes allocated, without what the entries own.
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(Segment::bytes).sum::<usize>()
            + self.segments.capacity() * size_of::<Segment<T>>()
            + self.directory.capacity() * size_of::<u32>()
    }

    /// Slots allocated for entries.
    pub fn slots(&self) -> usize {
        self.segments.iter().map(Segment::slots).sum()
    }

    /// Takes the table apart, so that it can be dropped a segment at a time.
    pub fn into_segments(self) -> Vec<Segment<T>> {
        self.segments
    }
}

impl<T: Keyed> Table<T> {
    /// The entry of `key`. O(1).
    #[inline]
    pub fn get(&self, hash: u64, key: &[u8]) -> Option<&T> {
        self.find(hash, |entry: &T| entry.key() == key)
    }

    /// The entry of `key`, to be changed; its key must stay. O(1).
    #[inline]
    pub fn get_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut T> {
        self.find_mut(hash, |entry: &T| entry.key() == key)
    }

    /// Takes out the entry of `key`. O(1) amortised.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<T> {
        self.remove_by(hash, |entry: &T| entry.key() == key)
    }
}

/// The top `depth` bits.
fn prefix_mask(depth: u8) -> u64 {
    if depth == 0 {
        0
    } else {
        u64::MAX << (64 - depth)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::types::hasher;

    #[derive(Clone)]
    struct Pair(Vec<u8>, u64);

    /// Numbers for the tests below, one sequence for each thread.
    mod random {
        use std::cell::RefCell;

        use crate::types::chance::Chance;

        thread_local! {
            static CHANCE: RefCell<Chance> = RefCell::new(Chance::new(1));
        }

        pub fn next() -> u64 {
            CHANCE.with_borrow_mut(Chance::bits)
        }

        pub fn below(end: usize) -> usize {
            CHANCE.with_borrow_mut(|chance| chance.below(end))
        }
    }

    impl Slot for Pair {
        fn hash(&self) -> u64 {
            hasher::hash(&self.0)
        }
    }

    impl Keyed for Pair {
        fn key(&self) -> &[u8] {
            &self.0
        }
    }

    fn key(number: usize) -> Vec<u8> {
        format!("key:{number}").into_bytes()
    }

    fn put(table: &mut Table<Pair>, number: usize, value: u64) {
        let key = key(number);
        let hash = hasher::hash(&key);
        match table.get_mut(hash, &key) {
            Some(pair) => pair.1 = value,
            None => {
                table.insert(hash, Pair(key, value));
            }
        }
    }

    fn remove(table: &mut Table<Pair>, number: usize) -> Option<u64> {
        table
            .remove(hasher::hash(&key(number)), &key(number))
            .map(|pair| pair.1)
    }

    fn scan_all(table: &Table<Pair>, count: usize, mut between: impl FnMut()) -> Vec<Vec<u8>> {
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            let (_, next) = table.scan(cursor, count, |pair| seen.push(pair.0.clone()));
            between();
            match next {
                Some(next) => cursor = next,
                None => return seen,
            }
        }
    }

    #[test]
    fn agrees_with_a_naive_model() {
        for range in [10, 1_000, 40_000] {
            let mut table = Table::new(0);
            let mut model = HashMap::new();
            for phase in 0..6 {
                // Phases of growing and of shrinking, so that segments are split and merged.
                for _ in 0..range {
                    let number = random::below(range);
                    if random::below(10) < if phase % 2 == 0 { 8 } else { 1 } {
                        let value = random::next();
                        put(&mut table, number, value);
                        model.insert(number, value);
                    } else {
                        assert_eq!(remove(&mut table, number), model.remove(&number));
                    }
                    assert_eq!(table.len(), model.len());
                }
                if phase % 2 == 1 {
                    let gone: Vec<usize> = model.keys().copied().skip(range / 20).collect();
                    for number in gone {
                        assert_eq!(remove(&mut table, number), model.remove(&number));
                    }
                }
                for number in 0..range {
                    let found = table
                        .get(hasher::hash(&key(number)), &key(number))
                        .map(|pair| pair.1);
                    assert_eq!(found, model.get(&number).copied());
                }
                let seen = scan_all(&table, 10, || {});
                assert_eq!(seen.len(), model.len());
                assert_eq!(seen.iter().collect::<HashSet<_>>().len(), model.len());
                assert_eq!(table.iter().count(), model.len());
            }
        }
    }

    /// What must hold whatever was done before.
    fn check(table: &Table<Pair>) {
        assert_eq!(table.directory.len(), 1 << table.depth);
        let mut pointers = vec![0; table.segments.len()];
        for &segment in &table.directory {
            pointers[segment as usize] += 1;
        }
        let mut len = 0;
        for (index, segment) in table.segments.iter().enumerate() {
            assert!(segment.depth <= table.depth);
            assert_eq!(pointers[index], 1 << (table.depth - segment.depth));
            assert!(segment.slots() <= table.most_slots);
            assert_eq!(segment.iter().count(), segment.len());
            for Pair(key, expiry) in segment.iter() {
                let hash = hasher::hash(key);
                assert_eq!(table.segment_index(table.position(hash)), index);
                assert_eq!(table.get(hash, key).map(|pair| pair.1), Some(*expiry));
                assert!(*expiry == 0 || segment.earliest_expiry <= *expiry as i64);
            }
            len += segment.len();
        }
        assert_eq!(table.len(), len);
    }

    /// Everything at once, in a table that is a shard's part: the top bits of its hashes are the same.
    #[test]
    fn stays_consistent_whatever_comes() {
        let skip = 3;
        let keys: Vec<usize> = (0..60_000)
            .filter(|&number| hasher::hash(&key(number)) >> (64 - skip) == 5)
            .collect();
        let mut table = Table::with_room(skip, 700);
        let mut model: HashMap<usize, u64> = HashMap::new();
        let mut now = 1;
        for phase in 0..24 {
            let fill = [9, 9, 1, 6, 0][phase % 5];
            for _ in 0..1 + random::below(6_000) {
                let number = keys[random::below(keys.len())];
                if random::below(10) < fill {
                    // An expiry, or 0 for none.
                    let expiry = match random::below(3) {
                        0 => 0,
                        _ => now + random::below(5_000) as u64,
                    };
                    put(&mut table, number, expiry);
                    if expiry > 0 {
                        table.note_expiry(hasher::hash(&key(number)), expiry as i64);
                    }
                    model.insert(number, expiry);
                } else {
                    assert_eq!(remove(&mut table, number), model.remove(&number));
                }
                now += random::below(2) as u64;
            }
            if phase % 2 == 1 {
                let mut expired = Vec::new();
                let mut index = 0;
                while index < table.segments() {
                    // Merging moves segments: one is passed only when it holds nothing stale.
                    let before = expired.len();
                    let expiry = |pair: &mut Pair| (pair.1 > 0).then_some(pair.1 as i64);
                    if table.earliest_expiry(index) <= now as i64 {
                        table.take_expired(index, now as i64, expiry, &mut expired);
                    }
                    index = if expired.len() > before { 0 } else { index + 1 };
                }
                let stale = model.extract_if(|_, expiry| *expiry > 0 && *expiry <= now);
                assert_eq!(stale.count(), expired.len());
            }
            check(&table);
            if phase % 3 == 0 {
                // The clone goes on, with the marks of what was removed.
                table = table.clone();
                check(&table);
            }
            assert_eq!(table.len(), model.len());
            let seen = scan_all(&table, 1 + random::below(50), || {});
            assert_eq!(seen.len(), model.len());
            let numbers: HashSet<&[u8]> = seen.iter().map(Vec::as_slice).collect();
            assert!(
                model
                    .keys()
                    .all(|&number| numbers.contains(&key(number)[..]))
            );
        }
    }

    #[test]
    fn what_empties_at_once_leaves_no_empty_segments() {
        let mut table = Table::new(0);
        for number in 0..40_000 {
            put(&mut table, number, u64::from(number > 0));
        }
        let mut expired = Vec::new();
        let mut index = 0;
        while index < table.segments() {
            let before = expired.len();
            let expiry = |pair: &mut Pair| (pair.1 > 0).then_some(pair.1 as i64);
            table.take_expired(index, 1, expiry, &mut expired);
            index = if expired.len() > before { 0 } else { index + 1 };
        }
        assert_eq!((expired.len(), table.len()), (39_999, 1));
        assert_eq!(table.segments(), 1);
        assert!(table.directory.len() < 4);
        assert_eq!(table.random(random::below).map(|pair| pair.1), Some(0));
    }

    /// Cursors that no scan returned: of another table, at the edges, or made up.
    #[test]
    fn any_cursor_returns_what_lies_beyond_it() {
        let mut table = Table::new(0);
        for number in 0..5_000 {
            put(&mut table, number, 0);
        }
        let end = 1 << SCAN_BITS;
        let edges = [0, 1, end / 2 - 1, end / 2, end - 1];
        for cursor in edges
            .into_iter()
            .chain((0..200).map(|_| random::next() >> 16))
        {
            let (mut found, mut at) = (0, Some(cursor));
            while let Some(from) = at {
                let (visited, next) = table.scan(from, 100, |_| found += 1);
                assert!(next.is_none_or(|next| next > from && visited >= 100));
                at = next.filter(|&next| next < end);
            }
            let beyond = |pair: &&Pair| hasher::hash(&pair.0) >> 16 >= cursor;
            assert_eq!(
                found,
                table.iter().filter(beyond).count(),
                "cursor {cursor}"
            );
        }
    }

    /// The SCAN promise, and more: a key that stays is returned exactly once.
    #[test]
    fn a_scan_returns_what_stays_exactly_once_while_the_table_changes() {
        let mut table = Table::new(0);
        for number in 0..3_000 {
            put(&mut table, number, 0);
        }
        let (mut cursor, mut seen, mut fresh) = (0, HashMap::new(), 3_000);
        loop {
            let (_, next) = table.scan(cursor, 7, |pair| {
                *seen.entry(pair.0.clone()).or_insert(0) += 1
            });
            for _ in 0..100 {
                put(&mut table, fresh, 0);
                fresh += 1;
            }
            for number in (1_000..fresh)
                .filter(|_| random::below(40) == 0)
                .collect::<Vec<_>>()
            {
                remove(&mut table, number);
            }
            match next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        for number in 0..1_000 {
            assert_eq!(seen.get(&key(number)), Some(&1), "key {number}");
        }
    }

    #[test]
    fn random_entries_are_uniform() {
        let mut table = Table::new(0);
        for number in 0..50 {
            put(&mut table, number, number as u64);
        }
        let mut counts = [0u32; 50];
        for _ in 0..50_000 {
            counts[table.random(random::below).unwrap().1 as usize] += 1;
        }
        // Expected 1,000 each, standard deviation 31: ten of them never happen by chance.
        assert!(
            counts.iter().all(|count| (690..1_310).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn random_entries_are_uniform_over_segments_of_unequal_size() {
        let mut table = Table::new(0);
        for number in 0..2_000 {
            put(&mut table, number, 0);
        }
        // One half of the hashes is thinned out: its segments have fewer slots, and fewer entries.
        let upper = |number: &usize| hasher::hash(&key(*number)) >> 63 == 1;
        for number in (0..2_000).filter(upper).step_by(2) {
            remove(&mut table, number);
        }
        let slots = |segment: &Segment<Pair>| segment.slots();
        assert!(
            table
                .segments
                .iter()
                .map(slots)
                .collect::<HashSet<_>>()
                .len()
                > 1
        );
        let draws = 40_000;
        let drawn = (0..draws)
            .filter(|_| hasher::hash(&table.random(random::below).unwrap().0) >> 63 == 1)
            .count() as f64;
        let share = table.iter().filter(|pair| hasher::hash(&pair.0) >> 63 == 1);
        let share = share.count() as f64 / table.len() as f64;
        // Standard deviation below 100.
        assert!(
            (drawn - draws as f64 * share).abs() < 1_000.0,
            "{drawn} {share}"
        );
    }
}
