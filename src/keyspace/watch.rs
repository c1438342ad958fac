//! Who watches which key: a shard's watch table.
//!
//! A row is made by WATCH and dropped with its last watcher. Its versions come from a counter that
//! never goes back, so that a key that is created and deleted again is seen as changed
//! (`transactions.md` 4.4). A key that was already past its expiry at WATCH counts as missing for that
//! watcher (4.5): its removal changes only `removal`, which such a watcher does not compare.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use hashbrown::HashTable;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::clock::Millis;
use crate::keyspace::entry::Entry;
use crate::resp::Key;

/// Who made a watched key dirty, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The client's id; 0 for the server itself (expiry, eviction).
    pub client: u64,
    /// The event: a keyspace event's name.
    pub event: &'static str,
}

/// The part of a watching session that others write to.
#[derive(Debug, Default)]
pub struct WatchSlot {
    dirty: AtomicBool,
    watched: AtomicU32,
    blame: Mutex<Option<(Blame, Box<[u8]>)>>,
}

impl WatchSlot {
    /// Whether a watched key was changed since WATCH.
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(Relaxed)
    }

    /// Number of watched keys; those of a dirty client no longer count.
    pub fn watched(&self) -> u32 {
        if self.is_dirty() {
            0
        } else {
            self.watched.load(Relaxed)
        }
    }

    /// Sets the number of watched keys.
    pub fn set_watched(&self, count: usize) {
        self.watched.store(count as u32, Relaxed);
    }

    /// Forgets dirtiness and watches.
    pub fn clear(&self) {
        self.watched.store(0, Relaxed);
        if self.dirty.swap(false, Relaxed) {
            *self.blame.lock() = None;
        }
    }

    /// The first change that made it dirty, with its key.
    pub fn blame(&self) -> Option<(Blame, Box<[u8]>)> {
        self.blame.lock().clone()
    }

    fn mark(&self, key: &[u8], blame: Blame) {
        if !self.dirty.swap(true, Relaxed) {
            *self.blame.lock() = Some((blame, key.into()));
        }
    }
}

/// What a watcher saw: to be compared at EXEC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    version: u64,
    removal: u64,
    seen: Seen,
}

/// What WATCH found under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A key that is not past its expiry: its removal, or its expiry by EXEC, is a change; so is the
    /// expiry of a field of its hash after this moment (Unix milliseconds).
    Alive(Millis),
    /// No key, or a stale one, which counts as none: only a change makes it dirty. A stale key may even
    /// take its place by SWAPDB.
    Nothing,
}

struct Watcher {
    slot: Arc<WatchSlot>,
    seen: Seen,
}

struct Row {
    database: u16,
    hash: u64,
    key: Box<[u8]>,
    version: u64,
    removal: u64,
    /// When the value was last tended, which is no change of the key.
    tended: u64,
    /// The latest expiry of a field that was removed because of it.
    last_field: Millis,
    watchers: SmallVec<[Watcher; 1]>,
}

fn row_hash(database: usize, hash: u64) -> u64 {
    hash.wrapping_add(database as u64)
}

/// A shard's watch table.
#[derive(Default)]
pub struct WatchTable {
    rows: HashTable<Row>,
    last_version: u64,
}

impl WatchTable {
    /// Whether nobody watches anything here. The only cost of a change while that is so.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of keys that a client watches which is not dirty yet. O(watchers).
    pub fn watched_keys(&self) -> usize {
        let clean = |row: &&Row| row.watchers.iter().any(|watcher| !watcher.slot.is_dirty());
        self.rows.iter().filter(clean).count()
    }

    fn row(&self, database: usize, key: Key<'_>) -> Option<&Row> {
        self.rows.find(row_hash(database, key.hash), |row| {
            row.database as usize == database && *row.key == *key.bytes
        })
    }

    fn row_mut(&mut self, database: usize, key: Key<'_>) -> Option<&mut Row> {
        self.rows.find_mut(row_hash(database, key.hash), |row| {
            row.database as usize == database && *row.key == *key.bytes
        })
    }

    /// Adds a watcher, who has `seen` the key as it is now. O(1).
    pub fn watch(
        &mut self,
        database: usize,
        key: Key<'_>,
        slot: &Arc<WatchSlot>,
        seen: Seen,
    ) -> Baseline {
        let last_version = self.last_version;
        let row = self
            .rows
            .entry(
                row_hash(database, key.hash),
                |row| row.database as usize == database && *row.key == *key.bytes,
                |row| row_hash(row.database as usize, row.hash),
            )
            .or_insert_with(|| Row {
                database: database as u16,
                hash: key.hash,
                key: key.bytes.into(),
                version: last_version,
                removal: last_version,
                tended: last_version,
                last_field: Millis::MIN,
                watchers: SmallVec::new(),
            })
            .into_mut();
        row.watchers.push(Watcher {
            slot: slot.clone(),
            seen,
        });
        Baseline {
            version: row.version,
            removal: row.removal,
            seen,
        }
    }

    /// Whether this slot's session watches the key already. O(watchers of the key).
    pub fn has_watcher(&self, database: usize, key: Key<'_>, slot: &Arc<WatchSlot>) -> bool {
        self.row(database, key).is_some_and(|row| {
            row.watchers
                .iter()
                .any(|watcher| Arc::ptr_eq(&watcher.slot, slot))
        })
    }

    /// Removes a watcher. O(watchers of the key).
    pub fn unwatch(&mut self, database: usize, key: Key<'_>, slot: &Arc<WatchSlot>) {
        let entry = self.rows.find_entry(row_hash(database, key.hash), |row| {
            row.database as usize == database && *row.key == *key.bytes
        });
        let Ok(mut entry) = entry else { return };
        let watchers = &mut entry.get_mut().watchers;
        if let Some(at) = watchers
            .iter()
            .position(|watcher| Arc::ptr_eq(&watcher.slot, slot))
        {
            watchers.swap_remove(at);
        }
        if watchers.is_empty() {
            entry.remove();
        }
        if self.rows.is_empty() {
            // Many watches at once must not leave a large table behind.
            self.rows = HashTable::new();
        }
    }

    /// Whether the key changed since `baseline`, or what was seen alive has expired by `now` although it
    /// is still in memory (4.6); `stored` is what is there.
    pub fn is_dirty(
        &self,
        database: usize,
        key: Key<'_>,
        baseline: Baseline,
        stored: Option<&Entry>,
        now: Millis,
    ) -> bool {
        let Some(row) = self.row(database, key) else {
            return true;
        };
        if row.version != baseline.version {
            return true;
        }
        let Seen::Alive(at) = baseline.seen else {
            return false;
        };
        row.removal != baseline.removal
            || row.last_field > at
            || stored.is_some_and(|entry| {
                entry.is_expired(now) || entry.latest_due_field(now).is_some_and(|due| due > at)
            })
    }

    /// The moment that [`WatchTable::is_tended`] is asked about: changes have higher numbers from here on.
    pub fn moment(&self) -> u64 {
        self.last_version
    }

    /// Whether the value under a watched key was tended since `moment`.
    pub fn is_tended(&self, database: usize, key: Key<'_>, moment: u64) -> bool {
        self.row(database, key)
            .is_some_and(|row| row.tended > moment)
    }

    /// A value was changed without a change of its key, of which nobody becomes dirty. O(1).
    pub fn tended(&mut self, database: usize, key: Key<'_>) {
        let version = self.next_version();
        if let Some(row) = self.row_mut(database, key) {
            row.tended = version;
        }
    }

    fn next_version(&mut self) -> u64 {
        self.last_version += 1;
        self.last_version
    }

    /// A key was changed: every watcher of it is dirty.
    pub fn changed(&mut self, database: usize, key: Key<'_>, blame: Blame) {
        let version = self.next_version();
        if let Some(row) = self.row_mut(database, key) {
            row.version = version;
            for watcher in &row.watchers {
                watcher.slot.mark(&row.key, blame);
            }
        }
    }

    /// A key was removed that may have been stale: dirty is who saw it alive.
    pub fn removed(&mut self, database: usize, key: Key<'_>, blame: Blame) {
        let version = self.next_version();
        if let Some(row) = self.row_mut(database, key) {
            row.removal = version;
            for watcher in row
                .watchers
                .iter()
                .filter(|watcher| matches!(watcher.seen, Seen::Alive(_)))
            {
                watcher.slot.mark(&row.key, blame);
            }
        }
    }

    /// Fields of a hash were removed because they had expired, the `latest` of them then: dirty is who
    /// saw it before.
    pub fn fields_expired(&mut self, database: usize, key: Key<'_>, latest: Millis, blame: Blame) {
        if let Some(row) = self.row_mut(database, key) {
            row.last_field = row.last_field.max(latest);
            for watcher in &row.watchers {
                if matches!(watcher.seen, Seen::Alive(at) if at < latest) {
                    watcher.slot.mark(&row.key, blame);
                }
            }
        }
    }

    /// The watched keys of a database, copied. O(rows).
    pub fn keys_of(&self, database: usize) -> Vec<(u64, Box<[u8]>)> {
        self.rows
            .iter()
            .filter(|row| row.database as usize == database)
            .map(|row| (row.hash, row.key.clone()))
            .collect()
    }
}
