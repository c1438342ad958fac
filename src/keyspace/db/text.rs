//! Changes of strings in place, and strings that are made as a whole.

use crate::error::Error;
use crate::keyspace::db::{Db, SetExpiry};
use crate::keyspace::entry::{Entry, Value};
use crate::resp::Key;

impl Db<'_> {
    /// Gives `change` the string under a key, grown with zero bytes to at least `min_len`, to be changed in
    /// place, and says whether it has grown; a missing key gets one. It returns its result and how many
    /// changes it made. If any, or if the string grew, they are signalled as `event`. The string's encoding
    /// becomes `raw`.
    ///
    /// # Errors
    /// `WRONGTYPE`.
    pub fn edit_string<R>(
        &mut self,
        key: Key<'_>,
        min_len: usize,
        event: &'static str,
        change: impl FnOnce(&mut [u8], bool) -> (R, u64),
    ) -> Result<R, Error> {
        let (index, access) = (self.access.index, self.access);
        let (result, changes) = match self.live(index, key) {
            Some(entry) => {
                access.touch(entry);
                let grows = entry.string()?.len() < min_len;
                let (result, changes) = entry.edit(min_len, |bytes| change(bytes, grows));
                (result, changes.max(u64::from(grows)))
            }
            None => {
                let clock = access.fresh_clock();
                let mut entry = Entry::new(key.bytes, Value::RawBytes(b""), None, clock);
                let (result, changes) = entry.edit(min_len, |bytes| change(bytes, true));
                Self::put(self.shard_mut(key).make_database(index), key, entry);
                self.notify(key, "new");
                (result, changes.max(1))
            }
        };
        if changes > 0 {
            self.changed(index, key, event);
            self.dirty += changes - 1;
        }
        Ok(result)
    }

    /// Gives `change` the bytes under a key to be changed in any way, if `check` accepts them and does not know a
    /// result for which nothing needs to change; for a missing key, no bytes. It returns its result and how many
    /// changes it made. If any, they are signalled as `event`. The string's encoding becomes `raw`.
    ///
    /// # Errors
    /// `WRONGTYPE`, or what `check` or `change` return; `change` must then have changed nothing.
    pub fn edit_bytes<R>(
        &mut self,
        key: Key<'_>,
        event: &'static str,
        check: impl FnOnce(&[u8]) -> Result<Option<R>, Error>,
        change: impl FnOnce(&mut Vec<u8>) -> Result<(R, u64), Error>,
    ) -> Result<R, Error> {
        let (index, access) = (self.access.index, self.access);
        let edited = match self.live(index, key) {
            Some(entry) => {
                access.touch(entry);
                if let Some(known) = check(entry.string()?.bytes(&mut itoa::Buffer::new()))? {
                    return Ok(known);
                }
                let mut bytes = entry.take_bytes();
                let edited = change(&mut bytes);
                entry.adopt(bytes);
                edited
            }
            None => {
                let mut bytes = Vec::new();
                let edited = change(&mut bytes);
                if edited.is_ok() {
                    let clock = access.fresh_clock();
                    let mut entry = Entry::new(key.bytes, Value::RawBytes(b""), None, clock);
                    entry.adopt(bytes);
                    Self::put(self.shard_mut(key).make_database(index), key, entry);
                    self.notify(key, "new");
                }
                edited
            }
        };
        let (result, changes) = edited?;
        if changes > 0 {
            self.changed(index, key, event);
            self.dirty += changes - 1;
        }
        Ok(result)
    }

    /// Puts a string in place of whatever is there, without an expiry; an empty one removes the key. Its
    /// encoding is `raw`.
    pub fn store_string(&mut self, key: Key<'_>, bytes: Vec<u8>, event: &'static str) {
        let index = self.access.index;
        if bytes.is_empty() {
            return self.delete(index, key);
        }
        self.set(key, Value::RawBytes(b""), SetExpiry::Clear, event);
        if let Some(entry) = self.find_mut(index, key) {
            entry.adopt(bytes);
        }
    }
}
