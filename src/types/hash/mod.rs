//! A hash: fields with values, each with an expiry if it was given one. In one word.
//!
//! Two forms, as in Redis: few short fields one after another in one allocation (`compact`), and a
//! table for large hashes (`stored`). Some ten fields are found in a buffer of two or three cache
//! lines as fast as in a table, and cost a fifth of its memory.
//!
//! Expiries cost nothing until the first one is set. Then a compact hash keeps its fields in the
//! order in which they expire, and a large one keeps a bound of the earliest expiry for each
//! segment of its table and one for all, so that looking for what is due reads next to nothing.

mod compact;
mod stored;
#[cfg(test)]
mod tests;

use super::packed::Packed;
use super::table::Table;
use super::word::{Either, Form, FormMut, Word};
use super::{Limits, hasher};
use compact::Fields;
use stored::Stored;

/// A field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// The moment at which it expires, in Unix milliseconds, if it has one.
    pub expiry: Option<i64>,
}

/// What becomes of a field's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpiry {
    /// It stays as it was.
    Keep,
    /// It is removed.
    Clear,
}

#[derive(Clone)]
struct Large {
    table: Table<Stored>,
    /// Bytes of the fields that lie on the heap.
    heap: usize,
    /// Number of fields that have an expiry.
    expiring: usize,
    /// None of them expires before this.
    earliest: i64,
}

impl Large {
    fn with_room(len: usize) -> Self {
        Large {
            table: Table::with_room(0, len),
            heap: 0,
            expiring: 0,
            earliest: i64::MAX,
        }
    }

    #[inline]
    fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        let hash = hasher::hash(name);
        let stored = self.table.find(hash, |stored| stored.is(hash, name))?;
        Some(stored.field())
    }

    /// Puts in a field that is not there.
    fn insert(&mut self, hash: u64, field: Field<'_>) {
        let stored = Stored::new(hash, field.name, field.value, field.expiry);
        self.heap += stored.heap_bytes();
        self.table.insert(hash, stored);
        if let Some(at) = field.expiry {
            self.note_expiry(hash, at);
        }
    }

    fn note_expiry(&mut self, hash: u64, at: i64) {
        // A bound that is left from fields that are gone would only be too early.
        self.earliest = match self.expiring {
            0 => at,
            _ => self.earliest.min(at),
        };
        self.expiring += 1;
        self.table.note_expiry(hash, at);
    }

    fn set(&mut self, name: &[u8], value: &[u8], expiry: FieldExpiry) -> bool {
        let hash = hasher::hash(name);
        let Some(stored) = self.table.find_mut(hash, |stored| stored.is(hash, name)) else {
            let expiry = None;
            self.insert(
                hash,
                Field {
                    name,
                    value,
                    expiry,
                },
            );
            return true;
        };
        let before = stored.heap_bytes();
        if expiry == FieldExpiry::Clear && stored.expiry().is_some() {
            stored.set_expiry(hash, None);
            self.expiring -= 1;
        }
        stored.set_value(hash, value);
        self.heap = self.heap - before + stored.heap_bytes();
        false
    }

    fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        let hash = hasher::hash(name);
        let Some(stored) = self.table.find_mut(hash, |stored| stored.is(hash, name)) else {
            return false;
        };
        let before = stored.heap_bytes();
        self.expiring -= usize::from(stored.expiry().is_some());
        stored.set_expiry(hash, expiry);
        self.heap = self.heap - before + stored.heap_bytes();
        if let Some(at) = expiry {
            self.note_expiry(hash, at);
        }
        true
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let hash = hasher::hash(name);
        let removed = self.table.remove_by(hash, |stored| stored.is(hash, name));
        if let Some(stored) = &removed {
            self.forget(stored);
        }
        removed.is_some()
    }

    /// Counts a field off that was taken out.
    fn forget(&mut self, stored: &Stored) {
        self.heap -= stored.heap_bytes();
        self.expiring -= usize::from(stored.expiry().is_some());
    }

    fn take_expired(
        &mut self,
        now: i64,
        limit: usize,
        mut removed: impl FnMut(Field<'_>),
    ) -> usize {
        let mut taken = Vec::new();
        let mut count = 0;
        // Segments that are joined change their places, so go on until none was due.
        let mut again = true;
        while self.expiring > 0 && self.earliest <= now && again {
            again = false;
            let mut earliest = i64::MAX;
            let mut index = 0;
            while index < self.table.segments() {
                if self.table.earliest_expiry(index) <= now {
                    if count >= limit {
                        return count;
                    }
                    again = true;
                    self.table
                        .take_expired(index, now, |stored| stored.expiry(), &mut taken);
                }
                earliest = earliest.min(self.table.earliest_expiry(index));
                index += 1;
                count += taken.len();
                for stored in taken.drain(..) {
                    removed(stored.field());
                    self.forget(&stored);
                }
            }
            if !again {
                self.earliest = earliest;
            }
        }
        count
    }
}

/// A hash.
#[derive(Clone)]
pub struct Hash(Word<Large>);

impl Default for Hash {
    fn default() -> Self {
        Hash::new()
    }
}

impl Hash {
    /// An empty hash. Allocates nothing.
    pub fn new() -> Self {
        Hash(Word::compact(Packed::new()))
    }

    /// Number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => packed.count(),
            Form::Large(large) => large.table.len(),
        }
    }

    /// Whether it has no field.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The field of this name. O(1), or O(n) in the compact form.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        match self.0.get() {
            Form::Compact(packed) => Fields::of(packed).get(name),
            Form::Large(large) => large.get(name),
        }
    }

    /// Readies the hash for setting `count` fields, the longest of whose names and values has
    /// `longest` bytes, as HSET, HSETNX and their kin do before they set any: Redis chooses the form
    /// by what is given, whether or not some of it is there already.
    pub fn prepare(&mut self, longest: usize, count: usize, limits: Limits) {
        if self.is_compact() && (count > limits.entries || longest > limits.value) {
            self.enlarge(count);
        }
    }

    /// Sets a field. Returns whether it is new. Costs as [`Hash::get`].
    pub fn set(&mut self, name: &[u8], value: &[u8], expiry: FieldExpiry, limits: Limits) -> bool {
        let packed = match self.0.get_mut() {
            FormMut::Compact(packed) => packed,
            FormMut::Large(large) => return large.set(name, value, expiry),
        };
        let longest = name.len().max(value.len());
        if longest > limits.value || !packed.has_room(name.len() + value.len() + compact::OVERHEAD)
        {
            return self.enlarge(1).set(name, value, expiry);
        }
        let fresh = compact::set(packed, name, value, expiry == FieldExpiry::Clear);
        if packed.count() > limits.entries {
            self.enlarge(0);
        }
        fresh
    }

    /// Adds a field with its expiry behind all others, whatever the limits: of a compact hash, none of them
    /// may expire later, and [`Hash::let_expire`] must have been called if it has one. False if there is a
    /// field of this name. Costs as [`Hash::get`].
    pub fn push(&mut self, field: Field<'_>) -> bool {
        if self.get(field.name).is_some() {
            return false;
        }
        let Field {
            name,
            value,
            expiry,
        } = field;
        let needed = name.len() + value.len() + compact::OVERHEAD;
        match self.0.get_mut() {
            FormMut::Compact(packed) if packed.has_room(needed) => {
                compact::push(packed, name, value, expiry);
            }
            _ => self.enlarge(1).insert(hasher::hash(name), field),
        }
        true
    }

    /// Goes over to the large form, with room for `more` fields.
    pub fn make_large(&mut self, more: usize) {
        if self.is_compact() {
            self.enlarge(more);
        }
    }

    /// As [`Hash::make_large`].
    #[cold]
    fn enlarge(&mut self, more: usize) -> &mut Large {
        if let Form::Compact(packed) = self.0.get() {
            let mut large = Large::with_room(packed.count() + more);
            for field in Fields::of(packed) {
                large.insert(hasher::hash(field.name), field);
            }
            self.0 = Word::large(large);
        }
        match self.0.get_mut() {
            FormMut::Large(large) => large,
            FormMut::Compact(_) => unreachable!("it has just become large"),
        }
    }

    /// Readies a compact hash for expiries, as HEXPIRE and its kin do even where they set none: its
    /// encoding is then `listpackex`.
    pub fn let_expire(&mut self) {
        if let FormMut::Compact(packed) = self.0.get_mut() {
            if packed.has_room(compact::room_to_expire(packed)) {
                compact::let_expire(packed);
            } else {
                self.enlarge(0);
            }
        }
    }

    /// Sets or removes the expiry of a field, in Unix milliseconds and below `i64::MAX`. False if there
    /// is no such field. Costs as [`Hash::get`].
    pub fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        if expiry.is_some() && self.get(name).is_some() {
            self.let_expire();
        }
        match self.0.get_mut() {
            FormMut::Compact(packed) => compact::set_expiry(packed, name, expiry),
            FormMut::Large(large) => large.set_expiry(name, expiry),
        }
    }

    /// Removes a field. False if there is no such field. Costs as [`Hash::get`].
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match self.0.get_mut() {
            FormMut::Compact(packed) => compact::remove(packed, name),
            FormMut::Large(large) => large.remove(name),
        }
    }

    /// The fields. Of a compact hash those that expire come first, the earliest foremost, then the
    /// others in the order in which they came; of a large one they come in no order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        match self.0.get() {
            Form::Compact(packed) => Either::First(Fields::of(packed)),
            Form::Large(large) => Either::Second(large.table.iter().map(Stored::field)),
        }
    }

    /// Visits about `count` fields from `cursor` on, all of them if the hash is compact. Returns the
    /// next cursor, 0 at the end. A field that stays is visited, whatever changes meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Field<'_>)) -> u64 {
        match self.0.get() {
            Form::Compact(packed) => {
                Fields::of(packed).for_each(visit);
                0
            }
            Form::Large(large) => {
                let visit = |stored: &Stored| visit(stored.field());
                large.table.scan(cursor, count, visit).1.unwrap_or(0)
            }
        }
    }

    /// A random field, each with the same chance; `below(n)` draws a number below `n`. Costs as
    /// [`Hash::get`].
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<Field<'_>> {
        match self.0.get() {
            Form::Compact(packed) if packed.count() == 0 => None,
            Form::Compact(packed) => Fields::of(packed).nth(below(packed.count())),
            Form::Large(large) => large.table.random(below).map(Stored::field),
        }
    }

    /// Whether a field has an expiry. O(1).
    #[inline]
    pub fn has_expiring(&self) -> bool {
        match self.0.get() {
            Form::Compact(packed) => {
                compact::may_expire(packed) && Fields::of(packed).earliest().is_some()
            }
            Form::Large(large) => large.expiring > 0,
        }
    }

    /// A moment before which no field expires; `None` if none has an expiry. Right after
    /// [`Hash::take_expired`] it is later than its `now`. Exact in the compact form; in the large one
    /// it may be too early after expiries were removed or put off. O(1).
    #[inline]
    pub fn earliest_expiry(&self) -> Option<i64> {
        match self.0.get() {
            Form::Compact(packed) if compact::may_expire(packed) => Fields::of(packed).earliest(),
            Form::Compact(_) => None,
            Form::Large(large) => (large.expiring > 0).then_some(large.earliest),
        }
    }

    /// Number of fields that have an expiry. O(1), or O(n) in the compact form.
    pub fn expiring(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => Fields::of(packed)
                .take_while(|field| field.expiry.is_some())
                .count(),
            Form::Large(large) => large.expiring,
        }
    }

    /// Removes the fields that expire at or before `now`, and tells which. Once `limit` are removed, no
    /// other segment of a large hash's table is looked at. Returns how many; fewer than `limit` only if
    /// none is left. O(1) if the bound says that there are none; else a large hash looks only at
    /// segments of its table whose own bound is due.
    pub fn take_expired(
        &mut self,
        now: i64,
        limit: usize,
        removed: impl FnMut(Field<'_>),
    ) -> usize {
        match self.0.get_mut() {
            FormMut::Compact(packed) if compact::may_expire(packed) => {
                compact::take_expired(packed, now, limit, removed)
            }
            FormMut::Compact(_) => 0,
            FormMut::Large(large) => large.take_expired(now, limit, removed),
        }
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.0.get() {
            Form::Compact(packed) if compact::may_expire(packed) => "listpackex",
            Form::Compact(_) => "listpack",
            Form::Large(_) => "hashtable",
        }
    }

    /// Whether it is in the compact form: one piece of memory.
    #[inline]
    pub fn is_compact(&self) -> bool {
        self.0.is_compact()
    }

    /// Bytes allocated. O(1), or O(segments) of a large one.
    pub fn heap_bytes(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => packed.heap_bytes(),
            Form::Large(large) => size_of::<Large>() + large.table.bytes() + large.heap,
        }
    }
}
