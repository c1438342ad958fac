//! Clients that wait for keys: what they are served for, and how a batch reaches for their other keys.

use std::sync::Arc;

use super::Db;
use crate::clock::Micros;
use crate::keyspace::blocked::{Ready, Waiter};
use crate::keyspace::locks::shard_of;
use crate::resp::Key;

impl Db<'_> {
    /// A collection came to lie under a key: clients that wait for it are served after the batch.
    #[inline]
    pub(super) fn arrived(&mut self, index: usize, key: Key<'_>) {
        let blocked = &mut self.shard_mut(key).blocked;
        if !blocked.is_empty() && blocked.note(index, key) {
            self.aftermath().ready.push_back((index, key.bytes.into()));
        }
    }

    /// A stream no longer lies under a key: clients that mind it are served after the batch.
    #[inline]
    pub(super) fn lost(&mut self, index: usize, key: Key<'_>) {
        let blocked = &mut self.shard_mut(key).blocked;
        if !blocked.is_empty() && blocked.note_lost(index, key) {
            self.aftermath().ready.push_back((index, key.bytes.into()));
        }
    }

    /// Entries came to the stream under a key of the selected database, or one of its groups went: clients that
    /// wait for it are served after the batch.
    #[inline]
    pub fn stream_changed(&mut self, key: Key<'_>) {
        self.arrived(self.access.index, key);
    }

    /// Whether the key's shard is locked: not always while a waiting client is served.
    pub fn covers(&self, key: Key<'_>) -> bool {
        self.locked.set().contains(shard_of(key.hash))
    }

    /// Locks the shards of all keys that a waiting client may look at, if nobody else holds them. Its
    /// command passes over keys that are not locked: they did not come in this batch.
    pub fn cover(&mut self, waiter: &Waiter) {
        if self.locked.try_extend(waiter.shards()) {
            self.pass_time(self.access.now);
        }
    }

    /// Lets time go on to `now`: the batch itself is over, and what follows happens after it.
    pub fn pass_time(&mut self, now: Micros) {
        self.access.now = self.locked.settle_time(self.access.now.max(now));
    }

    /// Whether a key came that clients wait for.
    pub fn has_ready(&self) -> bool {
        let aftermath = self.aftermath.as_ref();
        aftermath.is_some_and(|after| !after.ready.is_empty())
    }

    /// The next key for which clients are to be served.
    pub fn take_ready(&mut self) -> Option<Ready> {
        let (index, key) = self.aftermath.as_mut()?.ready.pop_front()?;
        let shard = self.shard_mut(Key::new(&key));
        Some(shard.blocked.begin(index, key))
    }

    /// Lets a client wait for a key of its database.
    pub fn wait_for(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        self.shard_mut(key).blocked.wait(key, waiter);
    }

    /// Gives a client, which has had its turn in vain, its place among those who wait for the key again.
    pub fn wait_on(&mut self, ready: &mut Ready, waiter: &Arc<Waiter>) {
        let shard = self.shard_mut(Key::new(&ready.key));
        shard.blocked.wait_on(ready, waiter);
    }

    /// The client that waits longest for the key with a value of the type that is there now, or that minds
    /// its loss, and has not had its turn. It no longer waits for this key.
    pub fn next_waiter(&mut self, ready: &mut Ready) -> Option<Arc<Waiter>> {
        let key = ready.key.clone();
        let key = Key::new(&key);
        let entry = self.live(ready.database, key);
        let kind = entry.and_then(|entry| entry.kind());
        self.shard_mut(key).blocked.take_next(ready, kind)
    }
}
