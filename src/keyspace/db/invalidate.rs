//! Tells clients that track keys what has changed.

use super::Db;
use crate::keyspace::access::Access;
use crate::observers::tracking::Change;
use crate::resp::Key;

impl Db<'_> {
    /// Tells who tracks a key that it has changed, by `client` or, if that is 0, by itself.
    #[cold]
    pub(super) fn invalidate(&mut self, key: Key<'_>, client: u64) {
        let Access {
            observers, config, ..
        } = self.access;
        let tracking = &observers.tracking;
        let stamp = tracking.stamp();
        if stamp != 0 {
            let key = key.bytes.into();
            let changes = &mut self.aftermath().changes;
            changes.push(Change { key, client, stamp });
        }
        if let Some(ids) = tracking.take_readers(key) {
            let current = self.access.client;
            let woken = &mut self.aftermath().woken;
            if tracking.tell_readers(config, key.bytes, &ids, current, woken) {
                self.aftermath().own.push(Some(key.bytes.into()));
            }
        }
    }

    /// Tells who tracks anything that all keys have changed. Needs all shards.
    pub(super) fn invalidate_all(&mut self) {
        let Access {
            observers, config, ..
        } = self.access;
        if observers.tracking.is_active() {
            let current = self.access.client;
            let woken = &mut self.aftermath().woken;
            let (own, tables) = observers.tracking.flush(config, current, woken);
            let after = self.aftermath();
            after.garbage.tracked.extend(tables);
            if own {
                after.own.push(None);
            }
        }
    }

    /// Tells the client whose command, or EXEC, is over what it has changed and tracks itself.
    pub fn tell_own(&mut self) {
        let Access {
            observers,
            config,
            client,
            ..
        } = self.access;
        if let Some(after) = &mut self.aftermath
            && !after.own.is_empty()
        {
            let keys = std::mem::take(&mut after.own);
            let tracking = &observers.tracking;
            tracking.tell_own(config, client, &keys, &mut after.woken);
        }
    }

    /// Whether the client waits until what was flushed is freed.
    pub fn flushes_now(&self) -> bool {
        let aftermath = self.aftermath.as_ref();
        aftermath.is_some_and(|after| after.garbage.now)
    }

    /// Hands over the keys that were changed, for clients that broadcast.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let aftermath = self.aftermath.as_mut();
        aftermath.map_or_else(Vec::new, |after| std::mem::take(&mut after.changes))
    }
}
