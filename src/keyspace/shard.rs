//! One shard: its part of every database, who watches its keys, and who waits for them. The lock around it is in
//! [`locks`](super::locks).

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use crate::clock::Micros;
use crate::keyspace::blocked::BlockedTable;
use crate::keyspace::entry::Entry;
use crate::keyspace::locks::{Prefetch, SHARD_BITS};
use crate::keyspace::watch::WatchTable;
use crate::types::table::Table;

/// A shard's part of one numbered database.
pub struct Database {
    /// The keys.
    pub table: Table<Entry>,
    /// How many of them have an expiry.
    pub expires: usize,
    /// How many hold a hash of which a field has an expiry.
    pub timed_hashes: usize,
}

impl Database {
    /// Counts an entry that was put in.
    #[inline]
    pub fn count_in(&mut self, entry: &Entry) {
        self.expires += usize::from(entry.expiry().is_some());
        self.timed_hashes += usize::from(entry.has_timed_fields());
    }

    /// Counts an entry that was taken out.
    #[inline]
    pub fn count_out(&mut self, entry: &Entry) {
        self.expires -= usize::from(entry.expiry().is_some());
        self.timed_hashes -= usize::from(entry.has_timed_fields());
    }

    /// Counts an entry of which the fields were changed; `had` says whether one had an expiry before.
    #[inline]
    pub fn recount_fields(&mut self, had: bool, has: bool) {
        self.timed_hashes = self.timed_hashes + usize::from(has) - usize::from(had);
    }

    fn new() -> Self {
        Database {
            table: Table::new(SHARD_BITS),
            expires: 0,
            timed_hashes: 0,
        }
    }
}

/// One shard.
pub struct Shard {
    /// By number; made on first use.
    databases: Box<[Option<Box<Database>>]>,
    /// Who watches which key.
    pub watches: WatchTable,
    /// Who waits for which key.
    pub blocked: BlockedTable,
    /// The latest `now` of a batch that held the lock: time never goes back for a key.
    last_now: AtomicI64,
}

impl Shard {
    /// A shard of `databases` empty databases.
    pub fn new(databases: usize) -> Self {
        Shard {
            databases: (0..databases).map(|_| None).collect(),
            watches: WatchTable::default(),
            blocked: BlockedTable::default(),
            last_now: AtomicI64::new(0),
        }
    }

    /// Database `index`, if it was ever used.
    #[inline]
    pub fn database(&self, index: usize) -> Option<&Database> {
        self.databases[index].as_deref()
    }

    /// Database `index`, if it was ever used, to be changed.
    #[inline]
    pub fn database_mut(&mut self, index: usize) -> Option<&mut Database> {
        self.databases[index].as_deref_mut()
    }

    /// Database `index`, made if needed.
    #[inline]
    pub fn make_database(&mut self, index: usize) -> &mut Database {
        self.databases[index].get_or_insert_with(|| Box::new(Database::new()))
    }

    /// Empties database `index`, and returns what was in it.
    pub fn take_database(&mut self, index: usize) -> Option<Box<Database>> {
        self.databases[index].take()
    }

    /// Exchanges the contents of two databases. Watches stay with the numbers.
    pub fn swap_databases(&mut self, first: usize, second: usize) {
        self.databases.swap(first, second);
    }

    /// The entry of a key, expired or not.
    #[inline]
    pub fn entry(&self, database: usize, hash: u64, key: &[u8]) -> Option<&Entry> {
        self.database(database)?.table.get(hash, key)
    }

    /// The latest moment of a batch that held the lock.
    #[inline]
    pub fn last_now(&self) -> Micros {
        Micros(self.last_now.load(Relaxed))
    }

    /// Notes the moment of a batch that holds the lock, perhaps with other readers.
    #[inline]
    pub fn note_now(&self, now: Micros) {
        if self.last_now.load(Relaxed) < now.0 {
            self.last_now.fetch_max(now.0, Relaxed);
        }
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// See [`Keyspace::prefetch`](super::locks::Keyspace::prefetch).
    #[inline]
    pub fn prefetch(&self, hash: u64, database: usize, stage: Prefetch) {
        if let Some(database) = self.database(database) {
            match stage {
                Prefetch::Group => database.table.prefetch_group(hash),
                Prefetch::Entry => database.table.prefetch_entry(hash),
            }
        }
    }
}
