//! Changes of whole databases.

use std::ops::Range;

use super::Db;
use crate::keyspace::locks::SHARDS;
use crate::resp::Key;

impl Db<'_> {
    /// Removes every key of some databases. Needs all shards. The tables are freed after the locks: before the
    /// reply if `now`, else in the background.
    pub fn flush(&mut self, databases: Range<usize>, now: bool) {
        self.invalidate_all();
        for index in databases {
            self.empty(index);
        }
        self.aftermath().garbage.now |= now;
    }

    fn empty(&mut self, index: usize) {
        let client = self.access.client;
        let mut count = 0;
        for number in 0..SHARDS {
            for (hash, key) in self.locked.shard(number).watches.keys_of(index) {
                if self.locked.shard(number).entry(index, hash, &key).is_some() {
                    self.removed_unnoticed(index, Key { bytes: &key, hash }, "flush", client);
                }
            }
            if let Some(database) = self.locked.shard_mut(number).take_database(index) {
                // Who minds the loss of a key has seen it.
                for (hash, bytes) in self.locked.shard(number).blocked.keys_of(index) {
                    let key = Key {
                        bytes: &bytes,
                        hash,
                    };
                    self.lost(index, key);
                }
                count += database.table.len();
                self.aftermath().garbage.databases.push(database);
            }
        }
        self.dirty += count as u64;
    }

    /// Exchanges two databases. Needs all shards. Watches and their keys stay with the numbers
    /// (`transactions.md` 4.8).
    pub fn swap(&mut self, first: usize, second: usize) {
        self.dirty += 1;
        if first == second {
            return;
        }
        for number in 0..SHARDS {
            self.signal_swap(number, first, second);
            self.signal_swap(number, second, first);
            self.locked.shard_mut(number).swap_databases(first, second);
            for index in [first, second] {
                for (hash, bytes) in self.locked.shard(number).blocked.keys_of(index) {
                    let key = Key {
                        bytes: &bytes,
                        hash,
                    };
                    match self.locked.shard(number).entry(index, hash, &bytes) {
                        Some(_) => self.arrived(index, key),
                        None => self.lost(index, key),
                    }
                }
            }
        }
    }
}
