//! What of an entry is past its expiry: the key itself, or fields of its hash.
//!
//! One bit of the shape says that a field of the hash has an expiry, so that an entry without any expiry
//! is told by one test, and nothing but [`Entry::note_fields`] has to know when fields change.

use super::{BODY, Entry, TTL_SIZE, shape};
use crate::clock::Millis;
use crate::types::Hash;

impl Entry {
    /// Whether the key or a field of its hash has an expiry.
    #[inline]
    pub fn is_timed(&self) -> bool {
        self.shape & shape::TIMED != 0
    }

    /// Whether it holds a hash of which a field has an expiry.
    #[inline]
    pub fn has_timed_fields(&self) -> bool {
        self.shape & shape::FIELD_TTL != 0
    }

    /// Whether the key itself is past its expiry at `now`.
    #[inline]
    pub fn is_past_expiry(&self, now: Millis) -> bool {
        self.shape & shape::TTL != 0 && self.read::<Millis>(BODY - TTL_SIZE) <= now
    }

    /// Whether something in it is to be removed before anyone sees it at `now`: the key, or fields of its
    /// hash. It may be told so of a hash that proves to have nothing to remove. O(1).
    #[inline]
    pub fn is_due(&self, now: Millis) -> bool {
        self.is_timed() && (self.is_past_expiry(now) || self.may_have_due_fields(now))
    }

    /// Whether the key is not there any more at `now`: it is past its expiry, or every field of its hash
    /// is. O(1), or O(fields that are due).
    #[inline]
    pub fn is_expired(&self, now: Millis) -> bool {
        self.is_timed() && (self.is_past_expiry(now) || self.lost_every_field(now))
    }

    /// The hash, if a field of it has an expiry.
    fn timed_hash(&self) -> Option<&Hash> {
        if self.has_timed_fields() {
            self.object().ok()
        } else {
            None
        }
    }

    #[cold]
    fn may_have_due_fields(&self, now: Millis) -> bool {
        self.timed_hash()
            .and_then(Hash::earliest_expiry)
            .is_some_and(|at| at <= now)
    }

    #[cold]
    fn lost_every_field(&self, now: Millis) -> bool {
        self.may_have_due_fields(now)
            && self.timed_hash().is_some_and(|hash| {
                hash.iter()
                    .all(|field| field.expiry.is_some_and(|at| at <= now))
            })
    }

    /// The latest expiry among the fields that are past theirs at `now`. O(1) if there are none, else
    /// O(fields).
    pub fn latest_due_field(&self, now: Millis) -> Option<Millis> {
        if !self.has_timed_fields() || !self.may_have_due_fields(now) {
            return None;
        }
        self.timed_hash()?
            .iter()
            .filter_map(|field| field.expiry)
            .filter(|&at| at <= now)
            .max()
    }

    /// No key or field in it expires before this moment.
    pub fn next_expiry(&self) -> Option<Millis> {
        let field = self.timed_hash().and_then(Hash::earliest_expiry);
        match (self.expiry(), field) {
            (Some(key), Some(field)) => Some(key.min(field)),
            (key, field) => key.or(field),
        }
    }

    /// Notes whether a field of its hash has an expiry; to be called after each change of a hash. Returns
    /// a moment before which no field expires. O(1).
    #[inline]
    pub fn note_fields(&mut self) -> Option<Millis> {
        let hash = self.object::<Hash>().ok();
        if hash.is_some_and(Hash::has_expiring) {
            let earliest = hash.and_then(Hash::earliest_expiry);
            self.shape |= shape::FIELD_TTL;
            return earliest;
        }
        self.shape &= !shape::FIELD_TTL;
        None
    }

    /// Removes fields that are past their expiry at `now`, and stops soon after the first `limit` of them.
    /// Returns how many there were, and the latest expiry among them. The hash may be left empty.
    pub fn take_due_fields(&mut self, now: Millis, limit: usize) -> (usize, Option<Millis>) {
        let mut latest = None;
        let Ok(hash) = self.object_mut::<Hash>() else {
            return (0, None);
        };
        let count = hash.take_expired(now, limit, |field| latest = latest.max(field.expiry));
        self.note_fields();
        (count, latest)
    }

    /// A copy that lacks the fields that are past their expiry at `now`.
    pub fn without_due_fields(&self, now: Millis) -> Entry {
        let mut copy = self.duplicate(self.key(), self.expiry(), self.access_clock());
        copy.take_due_fields(now, usize::MAX);
        copy
    }
}
