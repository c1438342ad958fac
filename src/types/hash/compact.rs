//! The fields of a small hash, one after another in one buffer.
//!
//! A field is the lengths of its name and its value, then both; the two lengths stand together, in
//! one byte if they are short, so that a search steps from field to field with one read that the
//! next depends on. If any field ever
//! had an expiry, each has 8 bytes behind its value. Then those that expire stand first, the next one
//! foremost (as in Redis, so that clients see the same order): the earliest expiry is known at once,
//! and what is due is taken off the front.

use super::Field;
use crate::types::packed::{Lengths, Packed, read_pair, same};

/// The tag of a buffer whose fields have room for an expiry.
const EXPIRING: u8 = 1;

/// Bytes of an expiry.
const EXPIRY: usize = 8;

/// The expiry of a field that has none: it stands behind all others.
const NEVER: i64 = i64::MAX;

/// Bytes that one more field may need besides those of its name and value.
pub const OVERHEAD: usize = Lengths::MOST_BYTES + EXPIRY;

/// Where a field lies in the bytes.
#[derive(Clone, Copy)]
struct Spot {
    start: usize,
    name: usize,
    value: usize,
    /// Where the value ends and the expiry, if there is room for one, begins.
    tail: usize,
}

/// The fields of a buffer, in their order.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes behind each value.
    extra: usize,
}

/// Whether fields have room for an expiry.
#[inline]
pub fn may_expire(packed: &Packed) -> bool {
    packed.tag() == EXPIRING
}

impl<'a> Fields<'a> {
    #[inline]
    pub fn of(packed: &'a Packed) -> Self {
        Fields {
            bytes: packed.bytes(),
            at: 0,
            extra: if may_expire(packed) { EXPIRY } else { 0 },
        }
    }

    /// The next field's place.
    #[inline]
    fn step(&mut self) -> Option<Spot> {
        let start = self.at;
        if start == self.bytes.len() {
            return None;
        }
        let (name_len, value_len) = read_pair(self.bytes, &mut self.at);
        let name = self.at;
        let value = name + name_len;
        let tail = value + value_len;
        self.at = tail + self.extra;
        Some(Spot {
            start,
            name,
            value,
            tail,
        })
    }

    #[inline]
    fn find(mut self, name: &[u8]) -> Option<Spot> {
        loop {
            let spot = self.step()?;
            if spot.value - spot.name == name.len()
                && same(&self.bytes[spot.name..spot.value], name)
            {
                return Some(spot);
            }
        }
    }

    #[inline]
    fn expiry(&self, spot: Spot) -> i64 {
        if self.extra == 0 {
            return NEVER;
        }
        let bytes = self.bytes[spot.tail..].first_chunk();
        bytes.map_or(NEVER, |bytes| i64::from_le_bytes(*bytes))
    }

    #[inline]
    fn field(&self, spot: Spot) -> Field<'a> {
        let expiry = self.expiry(spot);
        Field {
            name: &self.bytes[spot.name..spot.value],
            value: &self.bytes[spot.value..spot.tail],
            expiry: (expiry != NEVER).then_some(expiry),
        }
    }

    /// The field of this name. O(n).
    #[inline]
    pub fn get(self, name: &[u8]) -> Option<Field<'a>> {
        self.find(name).map(|spot| self.field(spot))
    }

    /// The earliest expiry. O(1).
    #[inline]
    pub fn earliest(mut self) -> Option<i64> {
        let first = self.step()?;
        self.field(first).expiry
    }

    /// Where the field at `own` belongs if it expires at `at`: before the others that expire then or
    /// later; without an expiry, behind all.
    fn place_for(mut self, at: i64, own: usize) -> usize {
        while let Some(spot) = self.step()
            && at != NEVER
        {
            if spot.start != own && self.expiry(spot) >= at {
                return spot.start;
            }
        }
        self.bytes.len()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let spot = self.step()?;
        Some(self.field(spot))
    }
}

/// Sets a field's value; with `clear` its expiry goes. Returns whether the field is new. O(n).
pub fn set(packed: &mut Packed, name: &[u8], value: &[u8], clear: bool) -> bool {
    let fields = Fields::of(packed);
    let Some(spot) = fields.find(name) else {
        push(packed, name, value, None);
        return true;
    };
    let clear = clear && fields.expiry(spot) != NEVER;
    let old = spot.tail - spot.value;
    if old == value.len() {
        packed.bytes_mut()[spot.value..spot.tail].copy_from_slice(value);
    } else {
        let lengths = Lengths::pair(name.len(), value.len());
        if lengths.bytes().len() == spot.name - spot.start {
            packed.bytes_mut()[spot.start..spot.name].copy_from_slice(lengths.bytes());
            packed.splice(spot.value, old, &[value]);
        } else {
            let parts = [lengths.bytes(), name, value];
            packed.splice(spot.start, spot.tail - spot.start, &parts);
        }
    }
    if clear {
        set_expiry(packed, name, None);
    }
    false
}

/// Adds a field that is not there behind all others, which must be its place. The fields must have room for
/// an expiry if it has one. O(1).
pub fn push(packed: &mut Packed, name: &[u8], value: &[u8], expiry: Option<i64>) {
    let lengths = Lengths::pair(name.len(), value.len());
    let expiry = expiry.unwrap_or(NEVER).to_le_bytes();
    let extra = if may_expire(packed) { EXPIRY } else { 0 };
    let parts = [lengths.bytes(), name, value, &expiry[..extra]];
    packed.splice(packed.bytes().len(), 0, &parts);
    packed.set_count(packed.count() + 1);
}

/// Makes room for an expiry behind every field. The caller has checked that there is. O(n).
pub fn let_expire(packed: &mut Packed) {
    if may_expire(packed) {
        return;
    }
    let mut fields = Fields::of(packed);
    let mut bytes = Vec::with_capacity(fields.bytes.len() + packed.count() * EXPIRY);
    while let Some(spot) = fields.step() {
        bytes.extend_from_slice(&fields.bytes[spot.start..spot.tail]);
        bytes.extend_from_slice(&NEVER.to_le_bytes());
    }
    packed.splice(0, packed.bytes().len(), &[&bytes]);
    packed.set_tag(EXPIRING);
}

/// Bytes that [`let_expire`] needs.
pub fn room_to_expire(packed: &Packed) -> usize {
    packed.count() * EXPIRY
}

/// Sets or removes a field's expiry, and moves the field to where it then belongs. False if there is
/// no such field. The fields must have room for an expiry if one is set. O(n).
pub fn set_expiry(packed: &mut Packed, name: &[u8], expiry: Option<i64>) -> bool {
    let fields = Fields::of(packed);
    let Some(spot) = fields.find(name) else {
        return false;
    };
    let at = expiry.map_or(NEVER, |at| at.min(NEVER - 1));
    let before = fields.expiry(spot);
    if at == NEVER && before == NEVER {
        return true;
    }
    assert!(fields.extra > 0, "there is room for an expiry");
    let end = spot.tail + EXPIRY;
    let place = fields.place_for(at, spot.start);
    let bytes = packed.bytes_mut();
    bytes[spot.tail..end].copy_from_slice(&at.to_le_bytes());
    if place > spot.start {
        bytes[spot.start..place].rotate_left(end - spot.start);
    } else {
        bytes[place..end].rotate_right(end - spot.start);
    }
    true
}

/// Removes a field. False if there is no such field. O(n).
pub fn remove(packed: &mut Packed, name: &[u8]) -> bool {
    let fields = Fields::of(packed);
    let Some(spot) = fields.find(name) else {
        return false;
    };
    let len = spot.tail + fields.extra - spot.start;
    packed.splice(spot.start, len, &[]);
    packed.set_count(packed.count() - 1);
    true
}

/// Takes off the fields that expire at or before `now`. O(n) if there are any, else O(1).
pub fn take_expired(
    packed: &mut Packed,
    now: i64,
    limit: usize,
    mut removed: impl FnMut(Field<'_>),
) -> usize {
    let mut fields = Fields::of(packed);
    let (mut end, mut count) = (0, 0);
    while count < limit
        && let Some(spot) = fields.step()
        && fields.expiry(spot) <= now.min(NEVER - 1)
    {
        removed(fields.field(spot));
        end = fields.at;
        count += 1;
    }
    if count > 0 {
        packed.splice(0, end, &[]);
        packed.set_count(packed.count() - count);
    }
    count
}
