//! A run of elements in one allocation, with room at both ends.
//!
//! The owner keeps one pointer; what lies where stands in front of the bytes. The elements may begin
//! anywhere in the allocation, so that a push or a pop at either end moves nothing else. When one end
//! has no room left, the elements are moved to where it is if there is enough elsewhere, or to a larger
//! allocation: so each byte is moved a bounded number of times. A chunk that has never held anything
//! owns no memory.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;

use super::element::{self, Element, Encoded};
use crate::types::word::Thin;

/// One end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first element.
    Front,
    /// The last element.
    Back,
}

#[repr(C)]
struct Header {
    /// Bytes behind the header.
    capacity: u32,
    /// Where the elements begin behind the header.
    start: u32,
    /// Bytes of the elements.
    len: u32,
    /// Number of elements in the lower 31 bits, and above whether it is plain.
    count: u32,
}

/// What every chunk points to that has never held anything. It is never written to.
static EMPTY: Header = Header {
    capacity: 0,
    start: 0,
    len: 0,
    count: 0,
};

const PLAIN: u32 = 1 << 31;

/// Most bytes that may be allocated for nothing in a chunk that will not grow.
const WASTE: usize = 32;

/// Elements in order. One pointer.
#[repr(transparent)]
pub struct Chunk {
    header: NonNull<Header>,
}

// SAFETY: the chunk owns its bytes, and shared access only reads them.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

// SAFETY: transparent, and aligned as the header.
unsafe impl Thin for Chunk {
    fn into_raw(self) -> NonNull<u8> {
        let raw = self.header.cast();
        std::mem::forget(self);
        raw
    }

    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Chunk { header: raw.cast() }
    }
}

/// The capacity for at least `len` bytes: glibc gives 16 n + 8 bytes, and at least 24.
fn capacity_for(len: usize) -> usize {
    let wanted = size_of::<Header>() + len;
    ((wanted + 8).next_multiple_of(16) - 8).max(24) - size_of::<Header>()
}

fn layout(capacity: usize) -> Layout {
    let size = size_of::<Header>() + capacity;
    Layout::from_size_align(size, align_of::<Header>()).expect("at most some 4 GiB")
}

impl Chunk {
    /// No elements. Allocates nothing.
    #[inline]
    pub fn new() -> Self {
        Chunk {
            header: NonNull::from(&EMPTY),
        }
    }

    /// A chunk with one element that is alone for its size.
    pub fn plain(element: &Encoded<'_>) -> Self {
        let mut chunk = Chunk::new();
        chunk.push(End::Back, element, 0);
        chunk.own().count |= PLAIN;
        chunk
    }

    /// A chunk with the elements in `bytes`, of which there are `count`.
    fn of(bytes: &[u8], count: usize) -> Self {
        let mut chunk = Chunk::new();
        if count > 0 {
            chunk.append(bytes, count);
        }
        chunk
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

    /// The header, to be changed.
    #[inline]
    fn own(&mut self) -> &mut Header {
        debug_assert!(self.is_owned());
        // SAFETY: every caller has made sure that it is owned, and exclusive by `&mut self`.
        unsafe { self.header.as_mut() }
    }

    #[inline]
    fn data(&self) -> *mut u8 {
        self.header.as_ptr().wrapping_add(1).cast()
    }

    /// The elements' bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let Header { start, len, .. } = *self.header();
        // SAFETY: these bytes behind the header are initialised; of EMPTY there are none.
        unsafe {
            std::slice::from_raw_parts(self.data().wrapping_add(start as usize), len as usize)
        }
    }

    /// Number of bytes of the elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.header().len as usize
    }

    /// Number of elements.
    #[inline]
    pub fn count(&self) -> usize {
        (self.header().count & !PLAIN) as usize
    }

    /// Whether it was made for one element that is alone for its size.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.header().count & PLAIN != 0
    }

    /// The element at one end, and how many bytes it takes; there is one.
    #[inline]
    pub fn at_end(&self, end: End) -> (Element<'_>, usize) {
        let bytes = self.bytes();
        let at = match end {
            End::Front => 0,
            End::Back => element::previous(bytes, bytes.len()),
        };
        let (element, next) = element::read(bytes, at);
        (element, next - at)
    }

    /// Where element `index` begins, which is at most the count. O(its distance from the nearer end).
    #[inline]
    pub fn offset(&self, index: usize) -> usize {
        let (bytes, count) = (self.bytes(), self.count());
        if index <= count / 2 {
            (0..index).fold(0, |at, _| element::next(bytes, at))
        } else {
            (index..count).fold(bytes.len(), |end, _| element::previous(bytes, end))
        }
    }

    /// Adds an element at one end. If it must move for that, it makes room for `spare` more bytes at that
    /// end. Amortised O(length of the element), if `spare` is not much less than the chunk's length.
    #[inline]
    pub fn push(&mut self, end: End, element: &Encoded<'_>, spare: usize) {
        let at = self.open(end, element.len(), spare);
        self.write(at, element);
        self.own().count += 1;
    }

    /// Makes a gap of `need` bytes at one end, which are part of the elements from then on. Returns where
    /// it begins behind the header.
    #[inline]
    fn open(&mut self, end: End, need: usize, spare: usize) -> usize {
        let Header {
            capacity,
            start,
            len,
            ..
        } = *self.header();
        let free = match end {
            End::Front => start,
            End::Back => capacity - start - len,
        };
        if need > free as usize {
            self.make_room(end, need, spare);
        }
        let header = self.own();
        header.len += need as u32;
        match end {
            End::Front => {
                header.start -= need as u32;
                header.start as usize
            }
            End::Back => (header.start + header.len) as usize - need,
        }
    }

    #[inline]
    fn write(&mut self, at: usize, element: &Encoded<'_>) {
        let mut to = at;
        if let Some((head, body, tail)) = element.short() {
            // SAFETY: as below; such an element has one byte on either side.
            unsafe {
                let to = self.data().add(at);
                to.write(head);
                to.add(1)
                    .copy_from_nonoverlapping(body.as_ptr(), body.len());
                to.add(1 + body.len()).write(tail);
            }
            return;
        }
        for part in element.parts() {
            // SAFETY: the caller has made a gap of the element's length there.
            unsafe {
                self.data()
                    .add(to)
                    .copy_from_nonoverlapping(part.as_ptr(), part.len())
            };
            to += part.len();
        }
    }

    #[cold]
    fn make_room(&mut self, end: End, need: usize, spare: usize) {
        let Header {
            capacity,
            start,
            len,
            ..
        } = *self.header();
        let (capacity, start, len) = (capacity as usize, start as usize, len as usize);
        let free = capacity - len;
        if free >= need + len / 8 && free > need {
            // Half of what is free beyond the need goes to this end, so that ends may take turns.
            let other = (free - need) / 2;
            let to = match end {
                End::Front => free - other,
                End::Back => other,
            };
            // SAFETY: both ranges lie within the capacity.
            unsafe { self.data().add(to).copy_from(self.data().add(start), len) };
            self.own().start = to as u32;
            return;
        }
        let other = match end {
            End::Front => capacity - start - len,
            End::Back => start,
        };
        let other = other.min(spare);
        let wanted = capacity_for(len + need + spare + other);
        self.reallocate(
            wanted,
            match end {
                End::Front => wanted - len - other,
                End::Back => other,
            },
        );
    }

    /// Moves the elements to an allocation of `capacity` bytes, where they begin at `to`.
    fn reallocate(&mut self, capacity: usize, to: usize) {
        let Header {
            capacity: before,
            start,
            len,
            count,
        } = *self.header();
        // What is written relies on it: a length that was cut would be a place outside.
        assert!(capacity <= u32::MAX as usize, "no chunk has 4 GiB");
        let wanted = layout(capacity);
        let stays = self.is_owned() && start as usize == to;
        let fresh = if stays {
            // SAFETY: allocated with the capacity that it notes; the new size is not 0.
            unsafe {
                realloc(
                    self.header.as_ptr().cast(),
                    layout(before as usize),
                    wanted.size(),
                )
            }
        } else {
            // SAFETY: the layout's size is not 0.
            unsafe { alloc(wanted) }
        };
        let fresh = NonNull::new(fresh).unwrap_or_else(|| handle_alloc_error(wanted));
        let fresh: NonNull<Header> = fresh.cast();
        let header = Header {
            capacity: capacity as u32,
            start: to as u32,
            len,
            count,
        };
        // SAFETY: large enough for a header, and aligned as one.
        unsafe { fresh.write(header) };
        if stays {
            self.header = fresh;
            return;
        }
        let old = std::mem::replace(self, Chunk { header: fresh });
        // SAFETY: the caller has chosen a capacity of at least `to` and the elements.
        unsafe {
            self.data()
                .add(to)
                .copy_from_nonoverlapping(old.data().add(start as usize), len as usize)
        };
    }

    /// Removes `count` elements of `bytes` bytes at one end. O(1).
    #[inline]
    pub fn cut(&mut self, end: End, bytes: usize, count: usize) {
        debug_assert!(bytes <= self.len() && count <= self.count());
        if count == 0 {
            return;
        }
        let header = self.own();
        header.len -= bytes as u32;
        header.count -= count as u32;
        if end == End::Front {
            header.start += bytes as u32;
        }
    }

    /// Puts `element`, if there is one, in the place of the `removed` elements in the `bytes` bytes at `at`. O(the
    /// bytes on the side that has fewer).
    pub fn splice(
        &mut self,
        at: usize,
        bytes: usize,
        removed: usize,
        element: Option<&Encoded<'_>>,
    ) {
        let len = self.len();
        debug_assert!(at + bytes <= len);
        let inserted = element.map_or(0, Encoded::len);
        let (before, behind) = (at, len - at - bytes);
        let end = if before < behind {
            End::Front
        } else {
            End::Back
        };
        if inserted > bytes {
            self.open(end, inserted - bytes, len / 8);
        } else if self.is_owned() {
            let header = self.own();
            header.len -= (bytes - inserted) as u32;
            if end == End::Front {
                header.start += (bytes - inserted) as u32;
            }
        }
        if !self.is_owned() {
            return;
        }
        let new_len = self.len();
        let start = self.header().start as usize;
        // Where the elements began before the gap was made or closed at the front.
        let old = match end {
            End::Front => start + new_len - len,
            End::Back => start,
        };
        // SAFETY: both ranges lie within the capacity: the elements' new and old places.
        unsafe {
            match end {
                End::Front => self
                    .data()
                    .add(start)
                    .copy_from(self.data().add(old), before),
                End::Back => self
                    .data()
                    .add(start + at + inserted)
                    .copy_from(self.data().add(old + at + bytes), behind),
            }
        }
        if let Some(element) = element {
            self.write(start + at, element);
        }
        let header = self.own();
        header.count = header.count - removed as u32 + u32::from(element.is_some());
    }

    /// Where elements equal to `wanted` begin, from one end on, among the first `limit` of them, until `found`
    /// says that it is enough; it is told each one's number from that end. O(n).
    #[inline]
    pub fn find(
        &self,
        wanted: &Encoded<'_>,
        from: End,
        limit: usize,
        mut found: impl FnMut(usize, usize) -> bool,
    ) -> bool {
        let bytes = self.bytes();
        let mut at = match from {
            End::Front => 0,
            End::Back => bytes.len(),
        };
        for number in 0..self.count().min(limit) {
            if from == End::Back {
                at = element::previous(bytes, at);
            }
            if wanted.is_at(bytes, at) && !found(number, at) {
                return false;
            }
            if from == End::Front {
                at = element::next(bytes, at);
            }
        }
        true
    }

    /// Removes the elements that begin at `starts`, which is in order. O(n).
    pub fn remove_each(&mut self, starts: &[usize]) {
        let Some(&first) = starts.first() else {
            return;
        };
        if starts.len() == 1 {
            let end = element::next(self.bytes(), first);
            return self.splice(first, end - first, 1, None);
        }
        let len = self.len();
        let start = self.header().start as usize;
        // SAFETY: the elements' bytes, which are initialised, and exclusive by `&mut self`.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.data().add(start), len) };
        let mut to = first;
        for (nth, &gone) in starts.iter().enumerate() {
            let from = element::next(bytes, gone);
            let end = starts.get(nth + 1).copied().unwrap_or(len);
            bytes.copy_within(from..end, to);
            to += end - from;
        }
        self.cut(End::Back, len - to, starts.len());
    }

    /// Adds elements behind all others. O(their bytes).
    pub fn append(&mut self, bytes: &[u8], count: usize) {
        let at = self.open(End::Back, bytes.len(), 0);
        // SAFETY: the gap has been made; `bytes` lie elsewhere, because `self` is borrowed exclusively.
        unsafe {
            self.data()
                .add(at)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
        self.own().count += count as u32;
    }

    /// Takes out the elements from number `index` on, which begins at `at`. O(the bytes).
    pub fn split_off(&mut self, index: usize, at: usize) -> Chunk {
        let count = self.count() - index;
        let rest = Chunk::of(&self.bytes()[at..], count);
        self.cut(End::Back, self.len() - at, count);
        self.trim();
        rest
    }

    /// Gives back memory that is not used, if it is worth it. O(n).
    pub fn trim(&mut self) {
        let (capacity, wanted) = (self.header().capacity as usize, capacity_for(self.len()));
        if !self.is_owned() || capacity <= wanted + WASTE {
            return;
        }
        let start = self.header().start as usize;
        if start > 0 {
            // SAFETY: both ranges lie within the capacity.
            unsafe { self.data().copy_from(self.data().add(start), self.len()) };
            self.own().start = 0;
        }
        self.reallocate(wanted, 0);
    }

    /// Gives back memory if three quarters of it are not used. Amortised O(1) for each byte removed.
    #[inline]
    pub fn trim_if_sparse(&mut self) {
        if self.header().capacity as usize > 4 * WASTE.max(self.len()) {
            self.trim();
        }
    }

    /// Bytes allocated.
    pub fn heap_bytes(&self) -> usize {
        if self.is_owned() {
            layout(self.header().capacity as usize).size()
        } else {
            0
        }
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Self {
        let mut clone = Chunk::of(self.bytes(), self.count());
        if self.is_plain() {
            clone.own().count |= PLAIN;
        }
        clone
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.is_owned() {
            let layout = layout(self.header().capacity as usize);
            // SAFETY: allocated with the capacity that it notes.
            unsafe { dealloc(self.header.as_ptr().cast(), layout) };
        }
    }
}
