//! The compact form of a small collection: its bytes, one after another, in one thin allocation.
//!
//! A hash of ten fields has some two hundred bytes. Kept in a table it would cost a table, and in a
//! `Vec` 24 bytes and a second cache miss where the pointer lies. Here the owner keeps one word; the
//! length and the count stand in front of the bytes. The buffer grows in steps of what the allocator
//! gives anyway and of at most an eighth, so that growing byte by byte moves each byte a bounded
//! number of times; and it shrinks only when a quarter is free, so that members that come and go
//! do not move it. One that has never held anything owns no memory.
//!
//! This file knows bytes alone. What they mean is for `intset`, `set`, `hash` and `sorted_set` to
//! say; the helpers for lengths and comparison that they share are at the end.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;

/// Most bytes that a buffer may hold. Whoever adds checks [`Packed::has_room`] before, and goes over
/// to the large form instead.
pub const MOST_BYTES: usize = 1 << 30;

/// Most entries that a buffer may count.
const MOST_ENTRIES: usize = (1 << COUNT_BITS) - 1;
const COUNT_BITS: u32 = 28;

#[repr(C)]
struct Header {
    bytes: u32,
    /// The count in the lower 28 bits, the tag above.
    count: u32,
    /// Bytes allocated, the header's too.
    capacity: u32,
}

/// What every buffer points to that has never held anything. It is never written to.
static EMPTY: Header = NOTHING;
const NOTHING: Header = Header {
    bytes: 0,
    count: 0,
    capacity: 0,
};

/// Bytes with a count and a small tag; the owner's part is one pointer.
#[repr(transparent)]
pub struct Packed {
    header: NonNull<Header>,
}

// SAFETY: the buffer owns its bytes, and shared access only reads them.
unsafe impl Send for Packed {}
// SAFETY: as above.
unsafe impl Sync for Packed {}

/// Bytes to allocate for `len` bytes and their header: glibc gives 16 n + 8, and at least 24.
fn allocation(len: usize) -> usize {
    let wanted = size_of::<Header>() + len;
    let step = (wanted.next_power_of_two() / 16).max(16);
    ((wanted + 8).next_multiple_of(step) - 8).max(24)
}

fn layout(capacity: usize) -> Layout {
    Layout::from_size_align(capacity, align_of::<Header>()).expect("at most 2 GiB")
}

impl Packed {
    /// An empty buffer with tag 0. Allocates nothing.
    #[inline]
    pub fn new() -> Self {
        let header = NonNull::from(&EMPTY);
        Packed { header }
    }

    /// An empty buffer with `tag`.
    fn with_tag(tag: u8) -> Self {
        let mut packed = Packed::new();
        packed.set_tag(tag);
        packed
    }

    #[inline]
    fn is_owned(&self) -> bool {
        !std::ptr::eq(self.header.as_ptr(), &EMPTY)
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: always points to a header.
        unsafe { self.header.as_ref() }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let len = self.header().bytes as usize;
        // SAFETY: `len` bytes behind the header are initialised; of EMPTY there are none.
        unsafe { std::slice::from_raw_parts(self.data(), len) }
    }

    /// The bytes, to be changed where they are.
    ///
    /// # Panics
    /// If there are none.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        assert!(self.is_owned(), "an empty buffer has nothing to change");
        let len = self.header().bytes as usize;
        // SAFETY: as in `bytes`, and exclusive by `&mut self`.
        unsafe { std::slice::from_raw_parts_mut(self.data(), len) }
    }

    #[inline]
    fn data(&self) -> *mut u8 {
        self.header.as_ptr().wrapping_add(1).cast()
    }

    /// Number of entries, as the owner has counted them.
    #[inline]
    pub fn count(&self) -> usize {
        (self.header().count & MOST_ENTRIES as u32) as usize
    }

    /// What the owner noted about the bytes: a number below 16.
    #[inline]
    pub fn tag(&self) -> u8 {
        (self.header().count >> COUNT_BITS) as u8
    }

    /// Whether `bytes` more bytes, as one more entry, are within what a buffer may hold.
    #[inline]
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= MOST_BYTES
            && self.header().bytes as usize + bytes <= MOST_BYTES
            && self.count() < MOST_ENTRIES
    }

    /// Notes `tag`, below 16.
    pub fn set_tag(&mut self, tag: u8) {
        assert!(tag < 16);
        if self.tag() != tag {
            let count = self.count() as u32 | u32::from(tag) << COUNT_BITS;
            self.own().count = count;
        }
    }

    /// Notes the number of entries.
    ///
    /// # Panics
    /// If they are more than a buffer may count.
    #[inline]
    pub fn set_count(&mut self, count: usize) {
        assert!(count <= MOST_ENTRIES);
        if self.count() != count {
            let tag = self.header().count & !(MOST_ENTRIES as u32);
            self.own().count = tag | count as u32;
        }
    }

    /// The header, to be changed.
    #[inline]
    fn own(&mut self) -> &mut Header {
        if !self.is_owned() {
            self.reallocate(allocation(0));
        }
        // SAFETY: owned, and exclusive by `&mut self`.
        unsafe { self.header.as_mut() }
    }

    /// Makes room for `len` bytes, and notes `len`. Bytes beyond the old length are not initialised:
    /// the caller writes them before anyone reads.
    fn resize(&mut self, len: usize) {
        assert!(len <= MOST_BYTES, "the owner checks has_room");
        let old = self.header().capacity as usize;
        let wanted = allocation(len);
        if size_of::<Header>() + len > old || wanted <= old / 4 * 3 {
            self.reallocate(wanted);
        }
        self.own().bytes = len as u32;
    }

    /// Moves the buffer to an allocation of `capacity` bytes, which the header and the bytes that are
    /// to stay must fit into.
    fn reallocate(&mut self, capacity: usize) {
        let wanted = layout(capacity);
        let owned = self.is_owned();
        let fresh = if owned {
            let old = layout(self.header().capacity as usize);
            // SAFETY: allocated with the capacity that it notes; the new size is not 0.
            unsafe { realloc(self.header.as_ptr().cast(), old, capacity) }
        } else {
            // SAFETY: the layout's size is not 0.
            unsafe { alloc(wanted) }
        };
        let fresh = NonNull::new(fresh).unwrap_or_else(|| handle_alloc_error(wanted));
        self.header = fresh.cast();
        if !owned {
            // SAFETY: owned now, and large enough for a header.
            unsafe { self.header.write(NOTHING) };
        }
        self.own().capacity = capacity as u32;
    }

    /// Puts `parts`, one after another, in the place of the `removed` bytes at `at`. The bytes behind
    /// move; O(their number + the parts). If nothing needs to move, nothing does.
    ///
    /// # Panics
    /// If the range is not within the bytes, or they would become more than [`MOST_BYTES`].
    pub fn splice(&mut self, at: usize, removed: usize, parts: &[&[u8]]) {
        let old = self.header().bytes as usize;
        let behind = old
            .checked_sub(at)
            .and_then(|rest| rest.checked_sub(removed))
            .expect("a range within the bytes");
        let inserted: usize = parts.iter().map(|part| part.len()).sum();
        if inserted > removed {
            self.resize(old - removed + inserted);
        }
        let data = self.data();
        if inserted != removed && behind > 0 {
            // SAFETY: both ranges are within the larger of the old and the new length, for which
            // there is room at this point.
            unsafe {
                data.add(at + inserted)
                    .copy_from(data.add(at + removed), behind)
            };
        }
        let mut to = at;
        for part in parts {
            // SAFETY: the parts fill exactly the gap; they lie elsewhere, because `self` is borrowed
            // exclusively. Without room nothing is copied.
            unsafe {
                data.add(to)
                    .copy_from_nonoverlapping(part.as_ptr(), part.len())
            };
            to += part.len();
        }
        if inserted < removed {
            self.resize(old - removed + inserted);
        }
    }

    /// Removes all bytes and entries; the tag stays.
    pub fn clear(&mut self) {
        *self = Packed::with_tag(self.tag());
    }

    /// Bytes allocated.
    pub fn heap_bytes(&self) -> usize {
        self.header().capacity as usize
    }

    /// The pointer, for an owner that keeps it among others; a multiple of 4.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<u8> {
        let raw = self.header.cast();
        std::mem::forget(self);
        raw
    }

    /// # Safety
    /// `raw` must be of [`Packed::into_raw`], and is owned by the result.
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Packed { header: raw.cast() }
    }
}

impl Default for Packed {
    fn default() -> Self {
        Packed::new()
    }
}

impl Clone for Packed {
    fn clone(&self) -> Self {
        let mut clone = Packed::new();
        if self.is_owned() {
            clone.splice(0, 0, &[self.bytes()]);
            clone.own().count = self.header().count;
        }
        clone
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        if self.is_owned() {
            let layout = layout(self.header().capacity as usize);
            // SAFETY: allocated with the capacity that it notes.
            unsafe { dealloc(self.header.as_ptr().cast(), layout) };
        }
    }
}

/// Lengths in front of strings: seven bits to a byte, the lowest first; every byte but the last has
/// its top bit set.
///
/// A pair of lengths shares its first byte: four bits for each, of which 15 say that the length is
/// longer by what follows. So most fields of small hashes have one byte for both.
#[derive(Clone, Copy, Default)]
pub struct Lengths {
    bytes: [u8; Lengths::MOST_BYTES],
    used: u8,
}

/// A length of a pair that is longer than its four bits say.
const LONGER: usize = 15;

impl Lengths {
    /// Most bytes of two lengths.
    pub const MOST_BYTES: usize = 11;

    /// Two lengths, for [`read_pair`].
    #[inline]
    pub fn pair(one: usize, other: usize) -> Self {
        let mut lengths = Lengths::new();
        lengths.bytes[0] = (one.min(LONGER) << 4 | other.min(LONGER)) as u8;
        lengths.used = 1;
        for len in [one, other] {
            if len >= LONGER {
                lengths = lengths.and(len - LONGER);
            }
        }
        lengths
    }

    /// No length yet; at most two may be added.
    #[inline]
    pub fn new() -> Self {
        Lengths::default()
    }

    /// Adds a length, of less than 4 GiB.
    #[inline]
    pub fn and(mut self, len: usize) -> Self {
        let mut rest = len as u32;
        while rest >= 0x80 {
            self.bytes[self.used as usize] = rest as u8 | 0x80;
            self.used += 1;
            rest >>= 7;
        }
        self.bytes[self.used as usize] = rest as u8;
        self.used += 1;
        self
    }

    /// As they are written.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used as usize]
    }
}

/// Reads a pair of lengths at `at`, and moves `at` behind it.
#[inline]
pub fn read_pair(bytes: &[u8], at: &mut usize) -> (usize, usize) {
    let byte = usize::from(bytes[*at]);
    *at += 1;
    let (mut one, mut other) = (byte >> 4, byte & 0xf);
    if one == LONGER {
        one += read_len(bytes, at);
    }
    if other == LONGER {
        other += read_len(bytes, at);
    }
    (one, other)
}

/// Reads a length at `at`, and moves `at` behind it.
#[inline]
pub fn read_len(bytes: &[u8], at: &mut usize) -> usize {
    let first = bytes[*at];
    *at += 1;
    if first < 0x80 {
        return usize::from(first);
    }
    read_long_len(bytes, at, usize::from(first & 0x7f))
}

#[cold]
fn read_long_len(bytes: &[u8], at: &mut usize, mut len: usize) -> usize {
    let mut shift = 7;
    loop {
        let byte = bytes[*at];
        *at += 1;
        len |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return len;
        }
        shift += 7;
    }
}

/// Whether two strings of the same length are equal. Names of small collections are short and often
/// of one length, where a call of `memcmp` for each would cost more than the search.
#[inline]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    debug_assert_eq!(one.len(), other.len());
    fn ends<const N: usize>(one: &[u8], other: &[u8]) -> Option<bool> {
        let first = one.first_chunk::<N>()? == other.first_chunk::<N>()?;
        Some(first && one.last_chunk::<N>()? == other.last_chunk::<N>()?)
    }
    match one.len() {
        0 => true,
        1 => one[0] == other[0],
        2..4 => ends::<2>(one, other) == Some(true),
        4..8 => ends::<4>(one, other) == Some(true),
        8..17 => ends::<8>(one, other) == Some(true),
        _ => ends::<8>(one, other) == Some(true) && one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn agrees_with_a_vec() {
        let mut chance = Chance::new(1);
        for round in 0..300 {
            let (mut packed, mut model) = (Packed::new(), Vec::new());
            let longest = [3, 30, 3_000][round % 3];
            for step in 0..60 {
                let at = chance.below(model.len() + 1);
                let removed = chance.below((model.len() - at).min(2 * longest) + 1);
                let parts = [chance.text(b"abc", longest), chance.text(b"de", longest)];
                packed.splice(at, removed, &[&parts[0], &parts[1]]);
                model.splice(at..at + removed, parts.concat());
                packed.set_count(step);
                packed.set_tag((round % 16) as u8);
                assert_eq!(packed.bytes(), model);
                assert_eq!((packed.count(), packed.tag()), (step, (round % 16) as u8));
                if !model.is_empty() {
                    packed.bytes_mut()[model.len() / 2] = b'x';
                    let middle = model.len() / 2;
                    model[middle] = b'x';
                }
                let clone = packed.clone();
                assert_eq!(clone.bytes(), packed.bytes());
                assert_eq!((clone.count(), clone.tag()), (packed.count(), packed.tag()));
                assert!(clone.heap_bytes() <= allocation(model.len()));
                assert!(packed.heap_bytes() <= model.len() / 2 * 3 + 48);
            }
            packed.clear();
            assert_eq!((packed.bytes(), packed.count()), (&[][..], 0));
            assert_eq!(packed.tag(), (round % 16) as u8);
        }
    }

    #[test]
    fn capacity_wastes_at_most_an_eighth() {
        assert_eq!(size_of::<Option<Packed>>(), 8);
        assert_eq!(Packed::new().heap_bytes(), 0);
        let mut before = 0;
        for len in (0..5_000).chain((5_000..3_000_000).step_by(997)) {
            let given = allocation(len);
            assert!(given >= len + 12 && given >= before);
            assert!(given - len - 12 <= (len / 8).max(24), "{len}: {given}");
            assert_eq!(given % 16, 8);
            before = given;
        }
    }

    #[test]
    fn what_is_too_much_has_no_room() {
        let packed = Packed::new();
        assert!(packed.has_room(MOST_BYTES));
        assert!(!packed.has_room(MOST_BYTES + 1));
        assert!(!packed.has_room(usize::MAX));
    }

    #[test]
    fn lengths_come_back() {
        let sizes = [
            0,
            1,
            14,
            15,
            142,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            u32::MAX as usize,
        ];
        for one in sizes {
            for other in sizes {
                let written = Lengths::new().and(one).and(other);
                let mut at = 0;
                assert_eq!(read_len(written.bytes(), &mut at), one);
                assert_eq!(read_len(written.bytes(), &mut at), other);
                assert_eq!(at, written.bytes().len());
                let pair = Lengths::pair(one, other);
                let mut at = 0;
                assert_eq!(read_pair(pair.bytes(), &mut at), (one, other));
                assert_eq!(at, pair.bytes().len());
                assert_eq!(at == 1, one.max(other) < 15);
            }
        }
    }

    #[test]
    fn same_is_equality() {
        for len in 0..40 {
            let one: Vec<u8> = (0..len).collect();
            assert!(same(&one, &one.clone()));
            for differs in 0..one.len() {
                let mut other = one.clone();
                other[differs] ^= 1;
                assert!(!same(&one, &other), "{len} {differs}");
            }
        }
    }
}
