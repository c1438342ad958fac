//! How far a group is behind, as far as that can be known, by Redis's rules.
//!
//! Entries are counted from the first that was ever added. An entry that was deleted in the middle (not at
//! the front, as by trimming) spoils the count of all before it: it is a tombstone.

use super::group::Group;
use super::{Log, StreamId};

impl Log {
    /// Whether an entry was deleted at or behind `from`, and behind the first that is left.
    fn has_tombstone_from(&self, from: StreamId) -> bool {
        let deleted = self.max_deleted_id;
        self.len > 0 && deleted > StreamId::MIN && deleted >= self.first_id && deleted >= from
    }

    /// How many entries were ever added up to `id`, if that can be told from the ends of the stream. O(1).
    fn entries_up_to(&self, id: StreamId) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 || id == self.last_id || (self.len == 0 && id < self.last_id) {
            return Some(added);
        }
        let whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        if id > self.last_id || id > self.first_id || !whole {
            return None;
        }
        let before = added.wrapping_sub(self.len as i64);
        Some(before.wrapping_add(i64::from(id == self.first_id)))
    }

    /// How many entries the group has not read, if that can be told. O(1).
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_tombstone_from(group.last_id) => read,
            _ => self.entries_up_to(group.last_id)?,
        };
        Some(added.wrapping_sub(read))
    }

    /// Notes that the group was given the entry `id`, which is behind its last. O(1).
    #[inline]
    pub fn pass(&self, group: &mut Group, id: StreamId) {
        match &mut group.entries_read {
            Some(read) if !self.has_tombstone_from(id) => *read = read.wrapping_add(1),
            read if self.entries_added > 0 => *read = self.entries_up_to(id),
            _ => {}
        }
        group.last_id = id;
    }
}
