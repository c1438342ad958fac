//! The door through which commands change keys. Every change is signalled here, in
//! [`Db::changed`] or [`Db::removed`], and nowhere else (invariant 3).

mod databases;
mod expiry;
mod invalidate;
mod keys;
mod reload;
mod restore;
mod scan;
mod tend;
mod text;
mod waiting;

pub use tend::Lookup;

use std::collections::VecDeque;

use crate::clock::Millis;
use crate::error::Error;
use crate::keyspace::access::Access;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::locks::{Locked, shard_of};
use crate::keyspace::object::{Kind, Object};
use crate::keyspace::shard::{Database, Shard};
use crate::keyspace::view::View;
use crate::keyspace::watch::Blame;
use crate::observers::tracking::{Change, Tracked};
use crate::observers::{Woken, events};
use crate::resp::Key;
use crate::types::table::Table;

/// What becomes of a key's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetExpiry {
    /// It stays as it was.
    Keep,
    /// It is removed.
    Clear,
    /// It becomes this moment, in Unix milliseconds; a moment in the past makes the key stale.
    At(Millis),
}

/// What happens where a collection is to be changed and there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is made, and kept if it is not empty afterwards; a stream is kept in any case.
    Make,
    /// Nothing.
    Skip,
}

/// What was removed and is to be dropped after the locks are released.
#[derive(Default)]
pub struct Garbage {
    /// Single large values.
    pub entries: Vec<Entry>,
    /// Whole databases.
    pub databases: Vec<Box<Database>>,
    /// Tables of tracked keys.
    pub tracked: Vec<Table<Tracked>>,
    /// Whether the client asked to wait for it (FLUSHALL SYNC).
    pub now: bool,
    /// Whether an EXEC left it.
    pub of_exec: bool,
}

impl Garbage {
    /// Whether there is nothing to drop.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.databases.is_empty() && self.tracked.is_empty()
    }
}

/// What a batch leaves to be done before and after its shards are unlocked.
#[derive(Default)]
struct Aftermath {
    garbage: Garbage,
    /// Keys that came, got entries or were lost while clients wait for that: the database and the key, in
    /// order.
    ready: VecDeque<(usize, Box<[u8]>)>,
    /// Clients that were told something.
    woken: Woken,
    /// Keys that the running command has changed and its own client tracks; `None` for all keys.
    own: Vec<Option<Box<[u8]>>>,
    /// Keys that were changed, for clients that broadcast.
    changes: Vec<Change>,
}

/// Keys for reading and writing.
pub struct Db<'a> {
    locked: Locked<'a>,
    /// Who acts, when.
    pub access: Access<'a>,
    dirty: u64,
    /// Made when there is something to do after the batch: seldom, and every write makes a `Db`.
    aftermath: Option<Box<Aftermath>>,
}

impl<'a> Db<'a> {
    /// Access to the locked shards.
    pub fn new(locked: Locked<'a>, access: Access<'a>) -> Self {
        Db {
            locked,
            access,
            dirty: 0,
            aftermath: None,
        }
    }

    /// The moment at which the batch happens, in Unix milliseconds.
    pub fn now(&self) -> Millis {
        self.access.millis()
    }

    /// The selected database.
    pub fn index(&self) -> usize {
        self.access.index
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.access.config.databases()
    }

    /// A view of the same keys for reading.
    pub fn view(&self) -> View<'_> {
        View::new(&self.locked, self.access)
    }

    /// Whether the shards are locked for writing.
    pub fn is_exclusive(&self) -> bool {
        self.locked.is_exclusive()
    }

    /// Changes made so far, as `rdb_changes_since_last_save` counts them.
    pub fn dirty(&self) -> u64 {
        self.dirty
    }

    /// Hands over what is to be dropped after the locks.
    pub fn take_garbage(&mut self) -> Garbage {
        let aftermath = self.aftermath.as_mut();
        aftermath.map_or_else(Garbage::default, |after| std::mem::take(&mut after.garbage))
    }

    /// Notes that what is to be dropped was left by an EXEC.
    pub fn mark_garbage_of_exec(&mut self) {
        if let Some(after) = &mut self.aftermath {
            after.garbage.of_exec = true;
        }
    }

    #[inline]
    fn shard_mut(&mut self, key: Key<'_>) -> &mut Shard {
        self.locked.shard_mut(shard_of(key.hash))
    }

    /// A real change of a key: watchers become dirty, and it is counted.
    #[inline]
    fn changed(&mut self, index: usize, key: Key<'_>, event: &'static str) {
        self.dirty += 1;
        // One branch for all, because there is nobody nearly always.
        if !self.shard_mut(key).watches.is_empty() | self.access.is_observed() {
            self.tell_of_change(index, key, event);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_of_change(&mut self, index: usize, key: Key<'_>, event: &'static str) {
        let client = self.access.client;
        let watches = &mut self.shard_mut(key).watches;
        if !watches.is_empty() {
            watches.changed(index, key, Blame { client, event });
        }
        if self.access.is_observed() {
            self.invalidate(key, client);
            self.publish(index, key, event);
        }
    }

    /// Publishes a keyspace event of a key of the selected database that is no change of its own.
    #[inline]
    pub fn notify(&mut self, key: Key<'_>, event: &'static str) {
        self.notify_in(self.access.index, key, event);
    }

    #[inline]
    fn notify_in(&mut self, index: usize, key: Key<'_>, event: &'static str) {
        if self.access.is_observed() {
            self.publish(index, key, event);
        }
    }

    #[cold]
    fn publish(&mut self, index: usize, key: Key<'_>, event: &'static str) {
        let (pubsub, config) = (&self.access.observers.pubsub, self.access.config);
        let mut woken = Woken::new();
        events::publish(pubsub, config, index, key.bytes, event, &mut woken);
        self.wake(&mut woken);
    }

    /// Notes clients that are to be woken after the batch, because they were told something.
    #[inline]
    pub fn wake(&mut self, woken: &mut Woken) {
        if !woken.is_empty() {
            self.aftermath().woken.append(woken);
        }
    }

    /// Hands over the clients that are to be woken.
    pub fn take_woken(&mut self) -> Woken {
        let aftermath = self.aftermath.as_mut();
        aftermath.map_or_else(Woken::new, |after| std::mem::take(&mut after.woken))
    }

    /// A key was removed because it was stale: dirty is who saw it alive.
    fn removed(&mut self, index: usize, key: Key<'_>, event: &'static str, client: u64) {
        self.removed_unnoticed(index, key, event, client);
        if self.access.is_observed() {
            self.publish(index, key, event);
            self.invalidate(key, client);
        }
    }

    /// As [`Db::removed`], of which only those hear who watch the key.
    fn removed_unnoticed(&mut self, index: usize, key: Key<'_>, event: &'static str, client: u64) {
        let shard = self.shard_mut(key);
        if !shard.watches.is_empty() {
            shard.watches.removed(index, key, Blame { client, event });
        }
    }

    fn aftermath(&mut self) -> &mut Aftermath {
        self.aftermath.get_or_insert_default()
    }

    /// Drops what is known to be empty without a look at it.
    #[inline]
    pub fn forget_aftermath(&mut self) {
        debug_assert!(self.aftermath.is_none());
        std::mem::forget(self.aftermath.take());
    }

    /// Whether there is anything to do after the batch: clients to serve, or memory to free.
    #[inline]
    pub fn has_aftermath(&self) -> bool {
        self.aftermath.is_some()
    }

    #[inline]
    fn find(&self, index: usize, key: Key<'_>) -> Option<&Entry> {
        self.locked
            .shard(shard_of(key.hash))
            .entry(index, key.hash, key.bytes)
    }

    #[inline]
    fn find_mut(&mut self, index: usize, key: Key<'_>) -> Option<&mut Entry> {
        self.shard_mut(key)
            .database_mut(index)?
            .table
            .get_mut(key.hash, key.bytes)
    }

    fn detach(&mut self, index: usize, key: Key<'_>) -> Option<Entry> {
        let database = self.shard_mut(key).database_mut(index)?;
        let entry = database.table.remove(key.hash, key.bytes)?;
        database.count_out(&entry);
        if entry.kind() == Some(Kind::Stream) {
            self.lost(index, key);
        }
        Some(entry)
    }

    fn discard(&mut self, entry: Entry) {
        if entry.is_slow_to_free() {
            self.aftermath().garbage.entries.push(entry);
        }
    }

    /// Removes the key, or fields of its hash, if they are past their expiry.
    #[inline]
    fn expire_if_needed(&mut self, index: usize, key: Key<'_>) {
        let now = self.access.millis();
        if self.find(index, key).is_some_and(|entry| entry.is_due(now)) {
            self.expire(index, key);
        }
    }

    /// Removes a key of the selected database, or fields of its hash, if they are past their expiry;
    /// called by the runner for a read command that met one.
    pub fn remove_if_stale(&mut self, key: Key<'_>) {
        if self.access.removes_stale {
            self.expire_if_needed(self.access.index, key);
        }
    }

    /// Looks a key up for a write: counts as a use of it, not in the statistics. O(1).
    #[inline]
    pub fn get(&mut self, key: Key<'_>) -> Option<&Entry> {
        self.get_in(self.access.index, key)
    }

    /// As [`Db::get`], in another database.
    #[inline]
    pub fn get_in(&mut self, index: usize, key: Key<'_>) -> Option<&Entry> {
        self.expire_if_needed(index, key);
        let entry = self.find(index, key)?;
        self.access.touch(entry);
        Some(entry)
    }

    /// Looks a key up for a read: counts as a use of it and in the statistics. O(1).
    pub fn read(&mut self, key: Key<'_>) -> Option<&Entry> {
        if self.get(key).is_none() {
            self.access.stats.keyspace_misses.add(1);
            self.notify(key, "keymiss");
            return None;
        }
        self.access.stats.keyspace_hits.add(1);
        self.find(self.access.index, key)
    }

    /// Publishes that a read looked for a key of the selected database in vain, unless it is there: it was
    /// a hash with fields past their expiry.
    pub fn notify_missed(&mut self, key: Key<'_>) {
        let now = self.access.millis();
        let entry = self.find(self.access.index, key);
        if entry.is_none_or(|entry| entry.is_expired(now)) {
            self.notify(key, "keymiss");
        }
    }

    /// Looks a key up without a trace. O(1).
    pub fn peek(&mut self, key: Key<'_>) -> Option<&Entry> {
        self.expire_if_needed(self.access.index, key);
        self.find(self.access.index, key)
    }

    /// Looks a collection up for a write, as [`Db::get`]. O(1).
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn object<T: Object>(&mut self, key: Key<'_>) -> Result<Option<&T>, Error> {
        self.get(key).map(Entry::object).transpose()
    }

    /// Gives `change` a collection to be changed; it returns its result and how many changes it made.
    /// If any, they are signalled as `event`; a collection other than a stream that is left empty is removed
    /// with its key, and a new one that stays empty is never stored. `None` if there is none and `missing` is to skip.
    ///
    /// # Errors
    /// `WRONGTYPE`, or what `change` returns; then it must have changed nothing, and nothing is
    /// signalled.
    #[inline]
    pub fn edit_object<T: Object, R>(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        event: &'static str,
        change: impl FnOnce(&mut T) -> Result<(R, u64), Error>,
    ) -> Result<Option<R>, Error> {
        let index = self.access.index;
        let access = self.access;
        if let Some(entry) = self.live(index, key) {
            access.touch(entry);
            let had_timed_fields = entry.has_timed_fields();
            let object = entry.object_mut::<T>()?;
            let (result, changes) = change(object)?;
            let emptied = object.is_void();
            if T::KIND == Kind::Hash {
                let earliest = entry.note_fields();
                if had_timed_fields || earliest.is_some() {
                    self.fields_changed(index, key, had_timed_fields, earliest);
                }
            }
            if changes > 0 {
                self.changed(index, key, event);
                self.dirty += changes - 1;
            }
            if emptied {
                self.remove_emptied(index, key);
            }
            return Ok(Some(result));
        }
        if missing == Missing::Skip {
            return Ok(None);
        }
        let mut object = T::default();
        let (result, changes) = change(&mut object)?;
        if !object.is_void() {
            let entry = Entry::with_object(key.bytes, object, None, access.fresh_clock());
            Self::put(self.shard_mut(key).make_database(index), key, entry);
            self.arrived(index, key);
            self.notify(key, "new");
        }
        if changes > 0 {
            self.changed(index, key, event);
            self.dirty += changes - 1;
        }
        Ok(Some(result))
    }

    /// Keeps the count of hashes with fields that expire, and the bound of the key's segment.
    fn fields_changed(&mut self, index: usize, key: Key<'_>, had: bool, earliest: Option<Millis>) {
        let database = self.shard_mut(key).make_database(index);
        database.recount_fields(had, earliest.is_some());
        if let Some(at) = earliest {
            database.table.note_expiry(key.hash, at);
        }
    }

    /// Removes the key of a collection that has nothing left: part of the change that emptied it.
    fn remove_emptied(&mut self, index: usize, key: Key<'_>) {
        if let Some(entry) = self.detach(index, key) {
            self.discard(entry);
            self.changed(index, key, "del");
            self.dirty -= 1;
        }
    }

    /// Puts a collection in place of whatever is there, without an expiry; an empty one removes the key.
    /// O(1); what was there is freed later if it is large.
    pub fn store_object<T: Object>(&mut self, key: Key<'_>, object: T, event: &'static str) {
        let index = self.access.index;
        if object.is_void() {
            return self.delete(index, key);
        }
        self.expire_if_needed(index, key);
        let old = self.detach(index, key);
        let is_new = old.is_none();
        if let Some(old) = old {
            self.discard(old);
        }
        let entry = Entry::with_object(key.bytes, object, None, self.access.fresh_clock());
        Self::put(self.shard_mut(key).make_database(index), key, entry);
        // Clients wait for a key to come: as in Redis, one that was there has not come.
        if is_new {
            self.arrived(index, key);
            self.notify(key, "new");
        }
        self.changed(index, key, event);
    }

    /// Counts changes that belong to one that was signalled.
    pub fn count_more(&mut self, changes: u64) {
        self.dirty += changes;
    }

    /// Counts fewer changes than were signalled: Redis takes them for fewer.
    pub fn count_less(&mut self, changes: u64) {
        self.dirty -= changes;
    }

    /// Takes a collection that was taken out of its key, to be freed after the locks if it is large.
    pub fn discard_object<T: Object>(&mut self, object: T) {
        self.discard(Entry::with_object(b"", object, None, 0));
    }

    /// Removes a key for want of a result to store in it. That counts as a change even if the key is past its
    /// expiry (as in Redis), of which watchers who saw it so already hear nothing.
    fn delete(&mut self, index: usize, key: Key<'_>) {
        let now = self.access.millis();
        let Some(entry) = self.detach(index, key) else {
            return;
        };
        if entry.is_expired(now) {
            self.dirty += 1;
            self.removed(index, key, "del", self.access.client);
        } else {
            self.changed(index, key, "del");
        }
        self.discard(entry);
    }

    /// Sets a key to a string value, whatever was there. O(length).
    pub fn set(&mut self, key: Key<'_>, value: Value<'_>, expiry: SetExpiry, event: &'static str) {
        let index = self.access.index;
        let access = self.access;
        if let Some(entry) = self.live(index, key) {
            access.touch(entry);
            let was_timed = entry.is_timed();
            let had_expiry = entry.expiry().is_some();
            let had_timed_fields = entry.has_timed_fields();
            let had_stream = entry.kind() == Some(Kind::Stream);
            if had_expiry && expiry == SetExpiry::Clear {
                entry.set_expiry(None);
            }
            entry.set_value(value);
            if let SetExpiry::At(at) = expiry {
                entry.set_expiry(Some(at));
            }
            if was_timed || expiry != SetExpiry::Clear {
                self.expiry_changed(index, key, had_expiry, expiry);
                if had_timed_fields {
                    self.fields_changed(index, key, true, None);
                }
            }
            if had_stream {
                self.lost(index, key);
            }
        } else {
            let at = if let SetExpiry::At(at) = expiry {
                Some(at)
            } else {
                None
            };
            let entry = Entry::new(key.bytes, value, at, access.fresh_clock());
            Self::put(self.shard_mut(key).make_database(index), key, entry);
            self.notify(key, "new");
        }
        self.changed(index, key, event);
    }

    /// Keeps the count of keys that expire, and the bound of the key's segment.
    fn expiry_changed(&mut self, index: usize, key: Key<'_>, had_expiry: bool, expiry: SetExpiry) {
        let database = self.shard_mut(key).make_database(index);
        match expiry {
            SetExpiry::Keep => {}
            SetExpiry::Clear => database.expires -= usize::from(had_expiry),
            SetExpiry::At(at) => {
                database.expires += usize::from(!had_expiry);
                database.table.note_expiry(key.hash, at);
            }
        }
    }

    fn put(database: &mut Database, key: Key<'_>, entry: Entry) {
        let next = if entry.is_timed() {
            database.count_in(&entry);
            entry.next_expiry()
        } else {
            None
        };
        database.table.insert(key.hash, entry);
        if let Some(at) = next {
            database.table.note_expiry(key.hash, at);
        }
    }

    /// Changes the value of an existing key in place. `None` if there is no such key.
    ///
    /// Always counts as a change: look first where a command may leave the value as it is.
    pub fn edit<R>(
        &mut self,
        key: Key<'_>,
        event: &'static str,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        self.try_edit(key, event, |entry| Ok(change(entry)))
            .and_then(Result::ok)
    }

    /// As [`Db::edit`]; if `change` fails, it must have left the value as it was, and nothing is signalled.
    ///
    /// # Errors
    /// What `change` returns.
    #[inline]
    pub fn try_edit<R>(
        &mut self,
        key: Key<'_>,
        event: &'static str,
        change: impl FnOnce(&mut Entry) -> Result<R, Error>,
    ) -> Option<Result<R, Error>> {
        let index = self.access.index;
        let access = self.access;
        let entry = self.live(index, key)?;
        access.touch(entry);
        let result = change(entry);
        if result.is_ok() {
            self.changed(index, key, event);
        }
        Some(result)
    }

    /// The entry of a key that is not past its expiry; one that is, is removed, and so are such fields of
    /// its hash.
    #[inline]
    fn live(&mut self, index: usize, key: Key<'_>) -> Option<&mut Entry> {
        let now = self.access.millis();
        let entry: *mut Entry = self.find_mut(index, key)?;
        // SAFETY: the entry is borrowed from `self`, and not used after `expire`. The borrow checker
        // would take the borrow that is returned to last in both branches.
        unsafe {
            if (*entry).is_due(now) {
                self.expire(index, key);
                return self.find_mut(index, key);
            }
            Some(&mut *entry)
        }
    }

    /// Tells the watchers of database `index`, which is about to get what `replacement` holds.
    fn signal_swap(&mut self, number: usize, index: usize, replacement: usize) {
        let (now, client) = (self.access.millis(), self.access.client);
        for (hash, bytes) in self.locked.shard(number).watches.keys_of(index) {
            let key = Key {
                bytes: &bytes,
                hash,
            };
            let shard = self.locked.shard_mut(number);
            let arrives_alive = shard
                .entry(replacement, hash, &bytes)
                .is_some_and(|entry| !entry.is_expired(now));
            let blame = Blame {
                client,
                event: "swapdb",
            };
            if arrives_alive {
                shard.watches.changed(index, key, blame);
            } else if shard.entry(index, hash, &bytes).is_some() {
                shard.watches.removed(index, key, blame);
            }
        }
    }

    /// Removes a key because of `maxmemory`; one past its expiry has expired instead, and who watches it
    /// as missing stays clean. False if it is gone already.
    pub fn evict(&mut self, index: usize, key: Key<'_>) -> bool {
        let now = self.access.millis();
        let stored = self.find(index, key);
        if stored.is_some_and(|entry| entry.is_expired(now)) {
            self.expire(index, key);
            return true;
        }
        match self.detach(index, key) {
            Some(entry) => {
                self.discard(entry);
                self.access.stats.evicted_keys.add(1);
                self.access.client = 0;
                self.changed(index, key, "evicted");
                true
            }
            None => false,
        }
    }

    /// A random key of a shard's part of a database, with its entry. The shard must be locked.
    pub fn sample(&self, number: usize, index: usize) -> Option<&Entry> {
        debug_assert!(self.locked.set().contains(number));
        self.locked
            .shard(number)
            .database(index)?
            .table
            .random(crate::random::below)
    }

    /// The keys of a shard's part of a database, stale ones included, in no order. The shard must be
    /// locked.
    pub fn entries(&self, number: usize, index: usize) -> impl Iterator<Item = &Entry> {
        self.locked
            .shard(number)
            .database(index)
            .into_iter()
            .flat_map(|database| database.table.iter())
    }

    /// The locked shards, for the transaction layer.
    pub(crate) fn locked_mut(&mut self) -> &mut Locked<'a> {
        &mut self.locked
    }
}
