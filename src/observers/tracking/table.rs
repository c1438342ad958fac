//! Which clients may have copies of which keys, by key.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use crate::keyspace::locks::{SHARD_BITS, SHARDS, shard_of};
use crate::random;
use crate::resp::Key;
use crate::types::hasher;
use crate::types::table::{Keyed, Slot, Table};

/// Ids of clients, ascending. Most keys are in one client's cache.
pub type Ids = SmallVec<[u64; 2]>;

/// One key, and who may have a copy of it.
pub struct Tracked {
    key: Box<[u8]>,
    ids: Ids,
}

impl Slot for Tracked {
    fn hash(&self) -> u64 {
        hasher::hash(&self.key)
    }
}

impl Keyed for Tracked {
    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// The tracked keys that lie in one shard, whatever their database.
#[derive(Default)]
struct Part {
    /// Made on first use.
    table: Mutex<Option<Table<Tracked>>>,
    /// The number of keys, to be read without the lock.
    len: AtomicUsize,
}

/// All tracked keys. Who reads or changes a key does so here too, under the lock of the key's shard.
#[derive(Default)]
pub struct KeyTable {
    parts: [CachePadded<Part>; SHARDS],
    keys: AtomicUsize,
    items: AtomicUsize,
}

impl KeyTable {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// Number of ids, of all keys together.
    pub fn items(&self) -> usize {
        self.items.load(Relaxed)
    }

    fn part(&self, key: Key<'_>) -> &Part {
        &self.parts[shard_of(key.hash)]
    }

    /// Notes that a client has read a key, whose shard is locked. O(log n) for n clients of the key.
    pub fn remember(&self, key: Key<'_>, id: u64) {
        let part = self.part(key);
        let mut table = part.table.lock();
        let table = table.get_or_insert_with(|| Table::new(SHARD_BITS));
        if let Some(tracked) = table.get_mut(key.hash, key.bytes) {
            if let Err(at) = tracked.ids.binary_search(&id) {
                tracked.ids.insert(at, id);
                self.items.fetch_add(1, Relaxed);
            }
            return;
        }
        let mut ids = Ids::new();
        ids.push(id);
        let key_bytes = key.bytes.into();
        let tracked = Tracked {
            key: key_bytes,
            ids,
        };
        table.insert(key.hash, tracked);
        part.len.store(table.len(), Relaxed);
        self.keys.fetch_add(1, Relaxed);
        self.items.fetch_add(1, Relaxed);
    }

    /// Forgets a key, whose shard is locked for writing, and returns who had read it. O(1).
    pub fn take(&self, key: Key<'_>) -> Option<Ids> {
        let part = self.part(key);
        if part.len.load(Relaxed) == 0 {
            return None;
        }
        let mut table = part.table.lock();
        let tracked = table.as_mut()?.remove(key.hash, key.bytes)?;
        self.count_out(part, &table, &tracked);
        Some(tracked.ids)
    }

    fn count_out(&self, part: &Part, table: &Option<Table<Tracked>>, tracked: &Tracked) {
        let left = table.as_ref().map_or(0, Table::len);
        part.len.store(left, Relaxed);
        self.keys.fetch_sub(1, Relaxed);
        self.items.fetch_sub(tracked.ids.len(), Relaxed);
    }

    /// Forgets a random key, each with the same chance, and lets `tell` tell those who had read it. No shard
    /// need be locked: who changes the key meanwhile waits until they are told. False if there is none.
    pub fn take_random(&self, tell: impl FnOnce(&[u8], &[u64])) -> bool {
        let mut nth = random::below(self.len().max(1));
        for part in &self.parts {
            let len = part.len.load(Relaxed);
            if nth >= len {
                nth -= len;
                continue;
            }
            let mut table = part.table.lock();
            let Some(tracked) = take_one(&mut table) else {
                // Somebody else was faster: the next part will do.
                nth = 0;
                continue;
            };
            tell(&tracked.key, &tracked.ids);
            self.count_out(part, &table, &tracked);
            return true;
        }
        false
    }

    /// Forgets all keys; all shards are locked for writing, or nobody tracks any. Returns what is to be freed.
    pub fn clear(&self) -> Vec<Table<Tracked>> {
        let mut tables = Vec::new();
        for part in &self.parts {
            let Some(table) = part.table.lock().take() else {
                continue;
            };
            part.len.store(0, Relaxed);
            self.keys.fetch_sub(table.len(), Relaxed);
            let items: usize = table.iter().map(|tracked| tracked.ids.len()).sum();
            self.items.fetch_sub(items, Relaxed);
            tables.push(table);
        }
        tables
    }
}

fn take_one(table: &mut MutexGuard<'_, Option<Table<Tracked>>>) -> Option<Tracked> {
    let table = table.as_mut()?;
    let drawn = table.random(random::below)?;
    let (hash, key) = (drawn.hash(), drawn.key.clone());
    table.remove(hash, &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(table: &KeyTable) -> (usize, usize) {
        (table.len(), table.items())
    }

    #[test]
    fn a_key_is_remembered_once_for_each_client_until_it_is_taken() {
        let table = KeyTable::default();
        let (a, b) = (Key::new(b"a"), Key::new(b"b"));
        for id in [3, 1, 2, 3, 1] {
            table.remember(a, id);
        }
        table.remember(b, 1);
        assert_eq!(counts(&table), (2, 4));
        assert_eq!(table.take(a).as_deref(), Some(&[1, 2, 3][..]));
        assert_eq!(table.take(a), None);
        assert_eq!(counts(&table), (1, 1));
        assert_eq!(table.clear().len(), 1);
        assert_eq!(table.take(b), None);
        assert_eq!(counts(&table), (0, 0));
        assert!(table.clear().is_empty());
    }

    #[test]
    fn random_keys_are_taken_until_none_is_left() {
        let table = KeyTable::default();
        for number in 0..1_000_u32 {
            let key = number.to_le_bytes();
            table.remember(Key::new(&key), 7);
            table.remember(Key::new(&key), 8);
        }
        let mut taken = std::collections::BTreeSet::new();
        for left in (0..1_000).rev() {
            assert!(table.take_random(|key, ids| {
                assert_eq!(ids, [7, 8]);
                assert!(taken.insert(key.to_vec()));
            }));
            assert_eq!(counts(&table), (left, 2 * left));
        }
        assert!(!table.take_random(|_, _| panic!("there is none")));
    }
}
