//! Removes what is past its expiry: where a key is looked up, and in the active cycle.

use super::Db;
use crate::clock::Millis;
use crate::keyspace::entry::Entry;
use crate::keyspace::object::Kind;
use crate::keyspace::view::{Trace, View};
use crate::keyspace::watch::Blame;
use crate::resp::Key;
use crate::types::Hash;
use crate::types::table::Slot;

/// Removes fields that are past their expiry from the hashes of a segment.
struct FieldSweep {
    now: Millis,
    /// How many more are to be removed.
    left: usize,
    /// How many were.
    removed: u64,
    /// Whether somebody wants to know `swept`.
    watched: bool,
    /// The keys that lost fields, and the latest expiry of those.
    swept: Vec<(Box<[u8]>, Option<Millis>)>,
    /// The hashes of the keys that have more to lose.
    unfinished: Vec<u64>,
    /// Number of hashes that have no more fields with an expiry.
    timeless: usize,
}

impl FieldSweep {
    /// Sweeps one hash. Returns when it is to be looked at again; a moment that is not past `now` if it is
    /// empty.
    fn entry(&mut self, entry: &mut Entry) -> Option<Millis> {
        if !entry.is_due(self.now) {
            return entry.next_expiry();
        }
        if self.left == 0 {
            self.unfinished.push(Slot::hash(entry));
            return Some(self.now + 1);
        }
        let (count, latest) = entry.take_due_fields(self.now, self.left);
        self.left = self.left.saturating_sub(count);
        self.removed += count as u64;
        if self.watched && count > 0 {
            self.swept.push((entry.key().into(), latest));
        }
        if entry.object::<Hash>().is_ok_and(Hash::is_empty) {
            self.timeless += 1;
            return Some(self.now);
        }
        if entry.is_due(self.now) {
            self.unfinished.push(Slot::hash(entry));
            return Some(self.now + 1);
        }
        self.timeless += usize::from(!entry.has_timed_fields());
        entry.next_expiry()
    }
}

impl Db<'_> {
    /// Runs a read. What it meets past its expiry is removed, and then it runs once more.
    pub fn look_up<R>(&mut self, mut run: impl FnMut(&View<'_>) -> R) -> R {
        let (result, traces) = {
            let view = self.view().tentative();
            let result = run(&view);
            if !view.met_expired() || !view.access.removes_stale {
                view.count();
                (Some(result), view.take_traces())
            } else {
                (None, view.take_traces())
            }
        };
        for trace in &traces {
            match trace {
                Trace::Stale(key) => self.remove_if_stale(Key::new(key)),
                Trace::Missed(key) => self.notify_missed(Key::new(key)),
            }
        }
        if let Some(result) = result {
            return result;
        }
        let view = self.view();
        let result = run(&view);
        view.count();
        result
    }

    #[cold]
    pub(super) fn expire(&mut self, index: usize, key: Key<'_>) {
        let now = self.access.millis();
        match self.find(index, key) {
            Some(entry) if entry.is_past_expiry(now) => {}
            Some(_) => return self.expire_fields(index, key),
            None => return,
        }
        if let Some(entry) = self.detach(index, key) {
            self.discard(entry);
            self.access.stats.expired_keys.add(1);
            self.removed(index, key, "expired", 0);
        }
    }

    /// Removes the fields that are past their expiry, and with the last of them the key. A hash that has
    /// lost all is freed later, if it is large.
    fn expire_fields(&mut self, index: usize, key: Key<'_>) {
        let now = self.access.millis();
        let Some(entry) = self.find(index, key) else {
            return;
        };
        if entry.is_expired(now) {
            if let Some(entry) = self.detach(index, key) {
                let count = entry.object::<Hash>().map_or(0, Hash::len);
                self.discard(entry);
                self.access.stats.expired_subkeys.add(count as u64);
                // Who saw it before now saw a field that is gone: which was the latest need not be known.
                self.fields_expired(index, key, Some(now));
                self.removed(index, key, "del", 0);
            }
            return;
        }
        if let Some(database) = self.shard_mut(key).database_mut(index)
            && let Some(entry) = database.table.get_mut(key.hash, key.bytes)
        {
            let had = entry.has_timed_fields();
            let (count, latest) = entry.take_due_fields(now, usize::MAX);
            let has = entry.has_timed_fields();
            database.recount_fields(had, has);
            self.access.stats.expired_subkeys.add(count as u64);
            if count > 0 {
                self.fields_expired(index, key, latest);
            }
        }
    }

    /// Fields of a hash were removed, the `latest` of which expired then: dirty is who saw one of them.
    fn fields_expired(&mut self, index: usize, key: Key<'_>, latest: Option<Millis>) {
        if self.access.is_observed() {
            self.invalidate(key, 0);
        }
        let shard = self.shard_mut(key);
        if let Some(latest) = latest
            && !shard.watches.is_empty()
        {
            let blame = Blame {
                client: 0,
                event: "hexpired",
            };
            shard.watches.fields_expired(index, key, latest, blame);
        }
        self.notify_in(index, key, "hexpired");
    }

    /// Number of keys of one shard that have an expiry, in all databases.
    pub fn timed_keys(&self, number: usize) -> u64 {
        let shard = self.locked.shard(number);
        let databases = (0..shard.databases()).filter_map(|index| shard.database(index));
        databases.map(|database| database.expires as u64).sum()
    }

    /// Removes keys that are past their expiry, and such fields of hashes, from the segments of one shard,
    /// beginning at `at` (a database and a segment), until about `limit` slots were looked at, or about
    /// `limit` fields removed. Returns where to go on, or `None` at the end. The shard must be locked for writing.
    pub fn sweep(
        &mut self,
        number: usize,
        at: (usize, usize),
        limit: usize,
    ) -> Option<(usize, usize)> {
        let (mut index, mut segment) = at;
        let mut looked = 0;
        while index < self.locked.shard(number).databases() {
            while looked < limit {
                let now = self.access.millis();
                let Some(database) = self.locked.shard(number).database(index) else {
                    break;
                };
                if database.expires + database.timed_hashes == 0
                    || segment >= database.table.segments()
                {
                    break;
                }
                if database.table.earliest_expiry(segment) <= now {
                    if !self.sweep_segment(number, index, segment, limit) {
                        return Some((index, segment));
                    }
                    looked += crate::types::table::segment::MAX_GROUPS
                        * crate::types::table::group::WIDTH;
                }
                segment += 1;
            }
            if looked >= limit {
                return Some((index, segment));
            }
            index += 1;
            segment = 0;
        }
        None
    }

    /// Sweeps one segment, and removes about `limit` fields. False if some that are due are left.
    fn sweep_segment(&mut self, number: usize, index: usize, segment: usize, limit: usize) -> bool {
        let now = self.access.millis();
        let is_observed = self.access.is_observed();
        let shard = self.locked.shard_mut(number);
        let watched = is_observed || !shard.watches.is_empty();
        let mut sweep = FieldSweep {
            now,
            left: limit,
            removed: 0,
            watched,
            swept: Vec::new(),
            unfinished: Vec::new(),
            timeless: 0,
        };
        let mut expired = Vec::new();
        let Some(database) = shard.database_mut(index) else {
            return true;
        };
        database.table.take_expired(
            segment,
            now,
            |entry| {
                if entry.has_timed_fields() && !entry.is_past_expiry(now) {
                    sweep.entry(entry)
                } else {
                    entry.expiry()
                }
            },
            &mut expired,
        );
        database.timed_hashes -= sweep.timeless;
        for &hash in &sweep.unfinished {
            database.table.note_expiry(hash, now);
        }
        for entry in &expired {
            database.count_out(entry);
        }
        self.access.stats.expired_subkeys.add(sweep.removed);
        for (name, latest) in &sweep.swept {
            self.fields_expired(index, Key::new(name), *latest);
        }
        for entry in expired {
            let by_fields = !entry.is_past_expiry(now);
            if !by_fields {
                self.access.stats.expired_keys.add(1);
            }
            if entry.kind() == Some(Kind::Stream) {
                self.lost(index, Key::new(entry.key()));
            }
            if sweep.watched {
                let event = if by_fields { "del" } else { "expired" };
                self.removed(index, Key::new(entry.key()), event, 0);
            }
            self.discard(entry);
        }
        sweep.unfinished.is_empty()
    }
}
