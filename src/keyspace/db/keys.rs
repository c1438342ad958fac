//! Changes of keys as a whole: their expiry, their names, and where they lie.

use super::Db;
use crate::clock::Millis;
use crate::error::Error;
use crate::resp::Key;

impl Db<'_> {
    /// Sets (`Some`) or removes (`None`) the expiry of an existing key. False if there is no such key.
    pub fn set_expiry(
        &mut self,
        key: Key<'_>,
        expiry: Option<Millis>,
        event: &'static str,
    ) -> bool {
        let index = self.access.index;
        self.expire_if_needed(index, key);
        let Some(database) = self.shard_mut(key).database_mut(index) else {
            return false;
        };
        let Some(entry) = database.table.get_mut(key.hash, key.bytes) else {
            return false;
        };
        let had_expiry = entry.expiry().is_some();
        entry.set_expiry(expiry);
        database.expires =
            database.expires + usize::from(expiry.is_some()) - usize::from(had_expiry);
        if let Some(at) = expiry {
            database.table.note_expiry(key.hash, at);
        }
        self.changed(index, key, event);
        true
    }

    /// Removes a key. False if there is no such key. O(1); a large value is freed later.
    pub fn remove(&mut self, key: Key<'_>, event: &'static str) -> bool {
        let index = self.access.index;
        self.expire_if_needed(index, key);
        match self.detach(index, key) {
            Some(entry) => {
                self.discard(entry);
                self.changed(index, key, event);
                true
            }
            None => false,
        }
    }

    /// Gives a key another name, replacing what was there; its expiry goes with it.
    ///
    /// # Errors
    /// `ERR no such key`.
    pub fn rename(&mut self, from: Key<'_>, to: Key<'_>) -> Result<(), Error> {
        let index = self.access.index;
        self.expire_if_needed(index, from);
        if from.bytes == to.bytes {
            return self.find(index, from).map(|_| ()).ok_or(Error::NoSuchKey);
        }
        let entry = self.detach(index, from).ok_or(Error::NoSuchKey)?;
        self.expire_if_needed(index, to);
        if let Some(old) = self.detach(index, to) {
            self.discard(old);
        }
        Self::put(
            self.shard_mut(to).make_database(index),
            to,
            entry.renamed(to.bytes),
        );
        self.arrived(index, to);
        self.notify(to, "new");
        self.changed(index, from, "rename_from");
        self.changed(index, to, "rename_to");
        self.dirty -= 1; // Two keys, but one change.
        Ok(())
    }

    /// Moves a key to another database. False if it is not here, or is there already.
    pub fn move_to(&mut self, key: Key<'_>, destination: usize) -> bool {
        let index = self.access.index;
        self.expire_if_needed(index, key);
        self.expire_if_needed(destination, key);
        if self.find(destination, key).is_some() {
            return false;
        }
        let Some(entry) = self.detach(index, key) else {
            return false;
        };
        Self::put(self.shard_mut(key).make_database(destination), key, entry);
        self.arrived(destination, key);
        self.notify_in(destination, key, "new");
        self.changed(index, key, "move_from");
        self.changed(destination, key, "move_to");
        self.dirty -= 1; // Two keys, but one change.
        true
    }

    /// Copies a key with its expiry. False if it is not there, or the destination is and `replace` is not set.
    pub fn copy(&mut self, from: Key<'_>, to: Key<'_>, destination: usize, replace: bool) -> bool {
        let index = self.access.index;
        self.expire_if_needed(index, from);
        self.expire_if_needed(destination, to);
        let Some(source) = self.find(index, from) else {
            return false;
        };
        let copy = source.duplicate(to.bytes, source.expiry(), self.access.fresh_clock());
        if self.find(destination, to).is_some() {
            if !replace {
                return false;
            }
            if let Some(old) = self.detach(destination, to) {
                self.discard(old);
            }
        }
        Self::put(self.shard_mut(to).make_database(destination), to, copy);
        self.arrived(destination, to);
        self.notify_in(destination, to, "new");
        self.changed(destination, to, "copy_to");
        true
    }
}
