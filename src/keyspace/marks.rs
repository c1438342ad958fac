//! Keys that were looked at, of which one will ask later whether they are still the same.
//!
//! A mark is a watch (`transactions.md` 4) of nobody's session: it sees whatever WATCH would, and what consumer
//! groups do to a stream besides.

use std::sync::Arc;

use crate::clock::Millis;
use crate::keyspace::db::Db;
use crate::keyspace::locks::{ShardSet, shard_of};
use crate::keyspace::watch::{Baseline, Seen, WatchSlot};
use crate::resp::Key;

struct Marked {
    hash: u64,
    key: Box<[u8]>,
    baseline: Baseline,
    moment: u64,
}

/// Marked keys of one database. They must be unmarked.
pub struct Marks {
    /// The database.
    pub index: usize,
    slot: Arc<WatchSlot>,
    keys: Vec<Marked>,
}

impl Marks {
    /// Nothing yet, in the database of this number.
    pub fn new(index: usize) -> Self {
        Marks {
            index,
            slot: Arc::default(),
            keys: Vec::new(),
        }
    }

    /// The shards of the keys.
    pub fn shards(&self) -> ShardSet {
        let shards = self.keys.iter().map(|marked| ShardSet::of(marked.hash));
        shards.fold(ShardSet::NONE, ShardSet::union)
    }

    /// The keys, in the order in which they were marked.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = Key<'_>> {
        self.keys.iter().map(|marked| Key {
            bytes: &marked.key,
            hash: marked.hash,
        })
    }
}

impl Db<'_> {
    /// Marks a key of the selected database, which is there. O(1).
    pub fn mark(&mut self, key: Key<'_>, marks: &mut Marks) {
        let seen = Seen::Alive(self.access.millis());
        let watches = &mut self.locked_mut().shard_mut(shard_of(key.hash)).watches;
        marks.keys.push(Marked {
            hash: key.hash,
            key: key.bytes.into(),
            moment: watches.moment(),
            baseline: watches.watch(marks.index, key, &marks.slot, seen),
        });
    }

    /// Whether each of the keys, whose shards are locked, was changed since it was marked, or has expired. The
    /// marks are gone then. O(n).
    pub fn unmark(&mut self, marks: &Marks) -> Vec<bool> {
        let now: Millis = self.access.millis();
        let (locked, index) = (self.locked_mut(), marks.index);
        let keys = || marks.keys.iter().zip(marks.keys());
        let changed = keys().map(|(marked, key)| {
            let shard = locked.shard(shard_of(key.hash));
            let stored = shard.entry(index, key.hash, key.bytes);
            let watches = &shard.watches;
            watches.is_dirty(index, key, marked.baseline, stored, now)
                || watches.is_tended(index, key, marked.moment)
        });
        let changed: Vec<bool> = changed.collect();
        for (_, key) in keys() {
            let watches = &mut locked.shard_mut(shard_of(key.hash)).watches;
            watches.unwatch(index, key, &marks.slot);
        }
        changed
    }
}
