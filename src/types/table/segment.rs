//! One segment of a [`Table`](super::table::Table): open addressing over groups of 16 slots, at
//! most about a thousand entries, rebuilt whole when it is full.
//!
//! An entry's home group is proportional to its position (its hash without the bits that chose the
//! segment), so that groups hold entries in ascending order of hash: a scan walks them in order.
//! Sizes grow by a quarter, not by doubling, which bounds the unused slots.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::types::table::Slot;
use crate::types::table::group::{self, DELETED, EMPTY, Group, WIDTH};

/// Groups of the largest segment; beyond it a segment is split.
pub const MAX_GROUPS: usize = 64;

/// Bits of a hash that count for its position: the top 48, so that entries which SCAN must return
/// together share a home group.
const POSITION_MASK: u64 = !0xffff;

/// Where a hash belongs in a table whose hashes all begin with the same `skip` bits.
#[inline]
pub fn position(hash: u64, skip: u8) -> u64 {
    (hash & POSITION_MASK) << skip
}

/// A segment.
pub struct Segment<T> {
    data: NonNull<u8>,
    groups: u32,
    len: u32,
    deleted: u32,
    /// Bits of the position that chose this segment.
    pub depth: u8,
    /// No entry expires before this.
    pub earliest_expiry: i64,
    entries: PhantomData<T>,
}

// SAFETY: the segment owns its entries.
unsafe impl<T: Send> Send for Segment<T> {}
// SAFETY: shared access only reads.
unsafe impl<T: Sync> Sync for Segment<T> {}

/// The seven bits kept in a control byte: the lowest, which no position uses.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash & 0x7f) as u8
}

impl<T> Segment<T> {
    /// Bytes from one group to the next: its control bytes, then its slots. They lie together, so that
    /// a look-up seldom needs a second page.
    const STRIDE: usize = (WIDTH + WIDTH * size_of::<T>()).next_multiple_of(WIDTH);

    fn layout(groups: usize) -> Layout {
        const { assert!(align_of::<T>() <= WIDTH) };
        Layout::from_size_align(groups * Self::STRIDE, WIDTH).expect("a segment is small")
    }

    /// An empty segment of `groups` groups, at least 1.
    pub fn with_groups(groups: usize, depth: u8) -> Self {
        let groups = groups.max(1);
        let layout = Self::layout(groups);
        // SAFETY: the layout's size is not 0.
        let data = NonNull::new(unsafe { alloc(layout) })
            .unwrap_or_else(|| handle_alloc_error(layout))
            .cast::<u8>();
        let mut segment = Segment {
            data,
            groups: groups as u32,
            len: 0,
            deleted: 0,
            depth,
            earliest_expiry: i64::MAX,
            entries: PhantomData,
        };
        segment.clear_control();
        segment
    }

    /// Groups that hold `len` entries with a little to spare.
    pub fn groups_for(len: usize) -> usize {
        (len + len / 16).div_ceil(WIDTH * 7 / 8).max(1)
    }

    /// Number of slots.
    #[inline]
    pub fn slots(&self) -> usize {
        self.groups as usize * WIDTH
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.groups as usize
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it holds no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        Self::layout(self.groups as usize).size()
    }

    /// Whether one more entry needs a rebuild first.
    #[inline]
    pub fn is_full(&self) -> bool {
        (self.len + self.deleted) as usize >= self.slots() * 7 / 8
    }

    /// Whether removed entries, not live ones, are what fills it.
    pub fn is_littered(&self) -> bool {
        self.deleted as usize * 8 > self.slots()
    }

    /// Where a group begins.
    #[inline]
    fn group_ptr(&self, group: usize) -> *mut u8 {
        debug_assert!(group < self.groups as usize);
        // SAFETY: within the allocation.
        unsafe { self.data.as_ptr().add(group * Self::STRIDE) }
    }

    /// The control byte of a slot.
    #[inline]
    fn control_ptr(&self, slot: usize) -> *mut u8 {
        assert!(slot < self.slots());
        // SAFETY: a group begins with the control bytes of its slots.
        unsafe { self.group_ptr(slot / WIDTH).add(slot % WIDTH) }
    }

    #[inline]
    fn control(&self, slot: usize) -> u8 {
        // SAFETY: initialised by `with_groups`.
        unsafe { *self.control_ptr(slot) }
    }

    #[inline]
    fn set_control(&mut self, slot: usize, byte: u8) {
        // SAFETY: within the allocation, and exclusive by `&mut self`.
        unsafe { *self.control_ptr(slot) = byte };
    }

    fn clear_control(&mut self) {
        for group in 0..self.groups as usize {
            // SAFETY: a group begins with its control bytes.
            unsafe { self.group_ptr(group).write_bytes(EMPTY, WIDTH) };
        }
    }

    #[inline]
    fn is_occupied(&self, slot: usize) -> bool {
        self.control(slot) < 0x80
    }

    #[inline]
    fn slot_ptr(&self, slot: usize) -> *mut T {
        // SAFETY: the slots of a group follow its control bytes.
        unsafe {
            self.group_ptr(slot / WIDTH)
                .add(WIDTH)
                .cast::<T>()
                .add(slot % WIDTH)
        }
    }

    #[inline]
    fn group(&self, index: usize) -> Group {
        // SAFETY: `index` is below the number of groups.
        Group::load(unsafe { &*self.group_ptr(index).cast::<[u8; WIDTH]>() })
    }

    /// The home group of a [`position`].
    #[inline]
    pub fn home(&self, position: u64) -> usize {
        let within = position << self.depth >> 32;
        ((within * u64::from(self.groups)) >> 32) as usize
    }

    /// # Safety
    /// The slot must be occupied.
    #[inline]
    unsafe fn slot(&self, index: usize) -> &T {
        // SAFETY: by the caller's promise.
        unsafe { &*self.slot_ptr(index) }
    }

    /// The entry in slot `index`, if it is occupied.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        // SAFETY: checked to be occupied.
        (self.is_occupied(index)).then(|| unsafe { self.slot(index) })
    }

    /// The entry in slot `index`, which must be occupied.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        assert!(self.is_occupied(index));
        // SAFETY: checked to be occupied.
        unsafe { &mut *self.slot_ptr(index) }
    }

    /// The occupied slots.
    pub fn occupied(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.groups as usize).flat_map(|group| {
            self.group(group)
                .occupied()
                .map(move |slot| group * WIDTH + slot)
        })
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        // SAFETY: only occupied slots.
        self.occupied().map(|index| unsafe { self.slot(index) })
    }

    /// Fetches the control bytes of a home group into the cache.
    #[inline]
    pub fn prefetch_group(&self, position: u64) {
        group::prefetch(self.group_ptr(self.home(position)));
    }

    /// Fetches the entry that probably has this hash.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64, position: u64) {
        let home = self.home(position);
        if let Some(slot) = self.group(home).matching(tag(hash)).next() {
            let entry = self.slot_ptr(home * WIDTH + slot);
            group::prefetch(entry.cast());
            if size_of::<T>() > 32 {
                group::prefetch(entry.cast::<u8>().wrapping_add(size_of::<T>() - 1));
            }
        }
    }
}

impl<T: Slot> Segment<T> {
    /// The slot of the entry of this hash that `is` the one.
    #[inline]
    pub fn find(&self, hash: u64, position: u64, is: impl Fn(&T) -> bool) -> Option<usize> {
        let mut index = self.home(position);
        for _ in 0..self.groups {
            let group = self.group(index);
            for slot in group.matching(tag(hash)) {
                let slot = index * WIDTH + slot;
                // SAFETY: a matching tag means that the slot is occupied.
                if is(unsafe { self.slot(slot) }) {
                    return Some(slot);
                }
            }
            if group.matching(EMPTY).any() {
                return None;
            }
            index += 1;
            if index == self.groups as usize {
                index = 0;
            }
        }
        None
    }

    /// Puts in an entry that is not there yet. The segment must not be full.
    #[inline]
    pub fn insert(&mut self, hash: u64, position: u64, entry: T) -> usize {
        debug_assert!(!self.is_full());
        let mut index = self.home(position);
        loop {
            if let Some(slot) = self.group(index).vacant().next() {
                let slot = index * WIDTH + slot;
                if self.control(slot) == DELETED {
                    self.deleted -= 1;
                }
                self.set_control(slot, tag(hash));
                // SAFETY: the slot was vacant and is within the allocation.
                unsafe { self.slot_ptr(slot).write(entry) };
                self.len += 1;
                return slot;
            }
            index += 1;
            if index == self.groups as usize {
                index = 0;
            }
        }
    }

    /// Takes out the entry of an occupied slot.
    pub fn take(&mut self, slot: usize) -> T {
        assert!(self.is_occupied(slot));
        // A probe never goes past a group with an empty slot, so such a group needs no tombstone.
        let mark = if self.group(slot / WIDTH).matching(EMPTY).any() {
            EMPTY
        } else {
            DELETED
        };
        self.set_control(slot, mark);
        self.deleted += u32::from(mark == DELETED);
        self.len -= 1;
        // SAFETY: the slot was occupied, and no longer is.
        unsafe { self.slot_ptr(slot).read() }
    }

    /// Moves all entries into `targets[choose(position)]`, leaving the segment empty.
    pub fn drain_into(
        &mut self,
        skip: u8,
        targets: &mut [Segment<T>],
        choose: impl Fn(u64) -> usize,
    ) {
        for slot in 0..self.slots() {
            if self.is_occupied(slot) {
                // SAFETY: the slot was occupied; the control bytes are reset below.
                let entry = unsafe { self.slot_ptr(slot).read() };
                self.set_control(slot, EMPTY);
                let hash = entry.hash();
                let position = position(hash, skip);
                targets[choose(position)].insert(hash, position, entry);
            }
        }
        self.clear_control();
        self.len = 0;
        self.deleted = 0;
        for target in targets {
            target.earliest_expiry = target.earliest_expiry.min(self.earliest_expiry);
        }
    }

    /// The entries whose home is `group`, each with the top 48 bits of its hash, in that order.
    pub fn with_home(&self, group: usize, skip: u8, found: &mut Vec<(u64, usize)>) {
        let start = found.len();
        let mut index = group;
        for _ in 0..self.groups {
            for slot in self.group(index).occupied() {
                let slot = index * WIDTH + slot;
                // SAFETY: only occupied slots.
                let hash = unsafe { self.slot(slot) }.hash();
                if self.home(position(hash, skip)) == group {
                    found.push((hash >> 16, slot));
                }
            }
            if self.group(index).matching(EMPTY).any() {
                break;
            }
            index = (index + 1) % self.groups as usize;
        }
        found[start..].sort_unstable();
    }
}

impl<T: Clone> Clone for Segment<T> {
    fn clone(&self) -> Self {
        let mut clone = Segment::<T>::with_groups(self.groups(), self.depth);
        clone.earliest_expiry = self.earliest_expiry;
        clone.deleted = self.deleted;
        for slot in 0..self.slots() {
            if let Some(entry) = self.get(slot) {
                // SAFETY: the slot is vacant in the fresh segment of the same size.
                unsafe { clone.slot_ptr(slot).write(entry.clone()) };
                clone.len += 1;
            }
            clone.set_control(slot, self.control(slot));
        }
        clone
    }
}

impl<T> Drop for Segment<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            for slot in 0..self.slots() {
                if self.is_occupied(slot) {
                    // SAFETY: occupied, and dropped once.
                    unsafe { self.slot_ptr(slot).drop_in_place() };
                }
            }
        }
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.data.as_ptr(), Self::layout(self.groups as usize)) };
    }
}
