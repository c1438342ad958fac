//! Changes inside a key's value that are none of the key: they count, but who watches or tracks the key hears
//! nothing (what the consumer groups of a stream do). Only marks see them.

use super::Db;
use crate::error::Error;
use crate::keyspace::object::Object;
use crate::resp::Key;

/// As what a look-up counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// As a read: in the statistics, and a miss is an event.
    Read,
    /// As a write: as nothing.
    Write,
}

impl Db<'_> {
    /// Gives `change` a collection of the selected database to be tended; it returns its result and how many
    /// changes that counts. No event is published: see [`Db::notify`]. `None` if there is no such key. O(1).
    ///
    /// # Errors
    /// `WRONGTYPE`, or what `change` returns; then it must have changed nothing.
    #[inline]
    pub fn tend_object<T: Object, R>(
        &mut self,
        key: Key<'_>,
        lookup: Lookup,
        change: impl FnOnce(&mut T) -> Result<(R, u64), Error>,
    ) -> Result<Option<R>, Error> {
        let access = self.access;
        let Some(entry) = self.live(access.index, key) else {
            if lookup == Lookup::Read {
                access.stats.keyspace_misses.add(1);
                self.notify(key, "keymiss");
            }
            return Ok(None);
        };
        access.touch(entry);
        if lookup == Lookup::Read {
            access.stats.keyspace_hits.add(1);
        }
        let (result, changes) = change(entry.object_mut::<T>()?)?;
        self.dirty += changes;
        let watches = &mut self.shard_mut(key).watches;
        if changes > 0 && !watches.is_empty() {
            watches.tended(access.index, key);
        }
        Ok(Some(result))
    }
}
