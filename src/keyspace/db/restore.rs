//! Puts values back that were taken out in Redis's form.

use super::Db;
use crate::clock::Millis;
use crate::keyspace::entry::Entry;
use crate::rdb::Loaded;
use crate::resp::Key;

impl Db<'_> {
    /// Puts a value in place of whatever is there, as RESTORE does: what was there is removed without a
    /// word, be it past its expiry or not. O(1); what was there is freed later if it is large.
    pub fn restore(&mut self, key: Key<'_>, value: Loaded, expiry: Option<Millis>, clock: u32) {
        let index = self.access.index;
        if let Some(old) = self.detach(index, key) {
            self.discard(old);
        }
        let entry = Entry::with_loaded(key.bytes, value, expiry, clock);
        Self::put(self.shard_mut(key).make_database(index), key, entry);
        self.arrived(index, key);
        self.notify(key, "new");
        self.changed(index, key, "restore");
    }

    /// Removes what is there, because the value that would come in its place is past its expiry.
    pub fn restore_nothing(&mut self, key: Key<'_>) {
        self.delete(self.access.index, key);
    }
}
