//! What a read command gets: look-ups that change nothing.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::clock::Millis;
use crate::config::notify;
use crate::error::Error;
use crate::keyspace::access::Access;
use crate::keyspace::entry::Entry;
use crate::keyspace::locks::{Locked, SHARDS, shard_of};
use crate::keyspace::object::Object;
use crate::keyspace::shard::Database;
use crate::resp::Key;

/// Keys for reading.
///
/// A key past its expiry is not there, nor is such a field of a hash; that one was met is noted, and the
/// runner then removes it and runs the command once more (a read command has no effect, so it may run
/// twice). Where nothing may be removed, because clients are paused, a hash is seen as a copy without those
/// fields: it costs what it weighs, but only then.
pub struct View<'a> {
    locked: &'a Locked<'a>,
    /// Who reads, when.
    pub access: Access<'a>,
    hits: Cell<u32>,
    misses: Cell<u32>,
    /// Whether the command runs again if it meets something past its expiry: what it sees of that does
    /// not matter then.
    tentative: bool,
    /// Made when something is met that the runner is to know of: nearly never, and every read makes a view.
    met: OnceCell<Box<Met>>,
}

/// What look-ups met that the runner is to know of, in order.
pub enum Trace {
    /// A key past its expiry, or with a field that is.
    Stale(Box<[u8]>),
    /// A key that is not there, if that is an event. It may be one that was met as stale.
    Missed(Box<[u8]>),
}

/// What a view has met.
#[derive(Default)]
struct Met {
    traces: RefCell<Vec<Trace>>,
    /// Whether one of them is stale.
    expired: Cell<bool>,
    /// Hashes as they are seen without such fields, by the place of the entry that each stands for; the
    /// copies stay where they are as long as the view.
    shown: RefCell<HashMap<*const Entry, Rc<Entry>>>,
}

impl<'a> View<'a> {
    /// A view of the locked shards.
    pub fn new(locked: &'a Locked<'a>, access: Access<'a>) -> Self {
        View {
            locked,
            access,
            hits: Cell::new(0),
            misses: Cell::new(0),
            tentative: false,
            met: OnceCell::new(),
        }
    }

    /// The view for a first run, which does not count if it meets something past its expiry that may be
    /// removed.
    #[inline]
    pub fn tentative(mut self) -> Self {
        self.tentative = self.access.removes_stale;
        self
    }

    /// Whether a look-up met a key past its expiry.
    pub fn met_expired(&self) -> bool {
        self.met.get().is_some_and(|met| met.expired.get())
    }

    /// Whether there are traces to take.
    pub fn has_traces(&self) -> bool {
        self.met.get().is_some()
    }

    /// What the look-ups met.
    pub fn take_traces(&self) -> Vec<Trace> {
        self.met.get().map_or(Vec::new(), |met| met.traces.take())
    }

    /// Adds the look-ups to the statistics; once, after the run that counts.
    pub fn count(&self) {
        self.access
            .stats
            .keyspace_hits
            .add(u64::from(self.hits.get()));
        self.access
            .stats
            .keyspace_misses
            .add(u64::from(self.misses.get()));
    }

    /// The moment at which the batch happens, in Unix milliseconds.
    pub fn now(&self) -> Millis {
        self.access.millis()
    }

    /// The selected database.
    pub fn index(&self) -> usize {
        self.access.index
    }

    /// Looks a key up and counts as a use of it. O(1).
    #[inline]
    pub fn get(&self, key: Key<'_>) -> Option<&Entry> {
        let entry = self.peek(key);
        match entry {
            Some(entry) => {
                self.access.touch(entry);
                self.hits.set(self.hits.get() + 1);
            }
            None => self.missed(key),
        }
        entry
    }

    #[inline]
    fn missed(&self, key: Key<'_>) {
        self.misses.set(self.misses.get() + 1);
        if self.access.config.notify_keyspace_events() & notify::KEY_MISS != 0 {
            let met = self.met.get_or_init(Box::default);
            met.traces
                .borrow_mut()
                .push(Trace::Missed(key.bytes.into()));
        }
    }

    /// Looks a collection up, as [`View::get`]. O(1).
    ///
    /// # Errors
    /// `WRONGTYPE`.
    #[inline]
    pub fn object<T: Object>(&self, key: Key<'_>) -> Result<Option<&T>, Error> {
        self.get(key).map(Entry::object).transpose()
    }

    /// Looks a key up without a trace. O(1).
    #[inline]
    pub fn peek(&self, key: Key<'_>) -> Option<&Entry> {
        let entry =
            self.locked
                .shard(shard_of(key.hash))
                .entry(self.access.index, key.hash, key.bytes)?;
        if entry.is_due(self.access.millis()) {
            return self.peek_due(entry);
        }
        Some(entry)
    }

    /// What is seen of an entry of which something is past its expiry.
    #[cold]
    fn peek_due(&self, entry: &Entry) -> Option<&Entry> {
        let met = self.met.get_or_init(Box::default);
        met.expired.set(true);
        met.traces
            .borrow_mut()
            .push(Trace::Stale(entry.key().into()));
        let now = self.access.millis();
        if self.tentative || entry.is_expired(now) {
            return None;
        }
        let mut shown = met.shown.borrow_mut();
        let copy = shown
            .entry(entry)
            .or_insert_with(|| Rc::new(entry.without_due_fields(now)));
        let copy: *const Entry = Rc::as_ptr(copy);
        // SAFETY: the copy is dropped with the view, and nobody changes it before.
        Some(unsafe { &*copy })
    }

    /// Looks a key up without counting as a use of it, but in the statistics (TTL, TYPE and their
    /// kin). O(1).
    pub fn get_untouched(&self, key: Key<'_>) -> Option<&Entry> {
        let entry = self.peek(key);
        match entry {
            Some(_) => self.hits.set(self.hits.get() + 1),
            None => self.missed(key),
        }
        entry
    }

    /// As [`View::get_untouched`], but that there is no such key is no event (OBJECT). O(1).
    pub fn get_unnoticed(&self, key: Key<'_>) -> Option<&Entry> {
        let entry = self.peek(key);
        let counter = if entry.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.set(counter.get() + 1);
        entry
    }

    /// Looks a key up without a trace, even if it is past its expiry but still in memory (MEMORY USAGE
    /// and DEBUG). O(1).
    pub fn find_stored(&self, key: Key<'_>) -> Option<&Entry> {
        self.locked
            .shard(shard_of(key.hash))
            .entry(self.access.index, key.hash, key.bytes)
    }

    fn parts(&self, index: usize) -> impl Iterator<Item = &Database> {
        (0..SHARDS).filter_map(move |shard| self.locked.shard(shard).database(index))
    }

    /// Number of keys, those past their expiry but still in memory included. Needs all shards.
    pub fn len(&self) -> usize {
        self.len_of(self.access.index)
    }

    /// Whether the database has no keys. Needs all shards.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys of a database. Needs all shards.
    pub fn len_of(&self, index: usize) -> usize {
        self.parts(index).map(|part| part.table.len()).sum()
    }

    /// Number of keys of a database that have an expiry. Needs all shards.
    pub fn expires_of(&self, index: usize) -> usize {
        self.parts(index).map(|part| part.expires).sum()
    }

    /// Number of keys of a database that hold a hash of which a field has an expiry. Needs all shards.
    pub fn timed_hashes_of(&self, index: usize) -> usize {
        self.parts(index).map(|part| part.timed_hashes).sum()
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.locked.shard(0).databases()
    }

    /// Number of watched keys of all databases. Needs all shards. O(watchers).
    pub fn watched_keys(&self) -> usize {
        (0..SHARDS)
            .map(|shard| self.locked.shard(shard).watches.watched_keys())
            .sum()
    }

    /// Number of keys of all databases for which clients wait. Needs all shards.
    pub fn blocking_keys(&self) -> usize {
        (0..SHARDS)
            .map(|shard| self.locked.shard(shard).blocked.keys())
            .sum()
    }

    /// Number of keys of all databases for whose loss clients wait too. Needs all shards.
    pub fn minded_keys(&self) -> usize {
        (0..SHARDS)
            .map(|shard| self.locked.shard(shard).blocked.minded_keys())
            .sum()
    }

    /// Bytes of the tables of a database, without what entries have on the heap. Needs all shards.
    pub fn table_bytes_of(&self, index: usize) -> usize {
        self.parts(index).map(|part| part.table.bytes()).sum()
    }

    /// The keys of a database that are not past their expiry, in no order. Needs all shards. O(n).
    pub fn entries_of(&self, index: usize) -> impl Iterator<Item = &Entry> {
        let now = self.access.millis();
        self.stored_entries_of(index)
            .filter(move |entry| !entry.is_expired(now))
    }

    /// The keys of a database, those past their expiry but still in memory included, in no order.
    /// Needs all shards. O(n).
    pub fn stored_entries_of(&self, index: usize) -> impl Iterator<Item = &Entry> {
        self.parts(index).flat_map(|part| part.table.iter())
    }

    /// Number of keys for which the tables of a database have room. Needs all shards.
    pub fn slots_of(&self, index: usize) -> usize {
        self.parts(index).map(|part| part.table.slots()).sum()
    }
}
