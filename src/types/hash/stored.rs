//! A field of a large hash in 40 bytes.
//!
//! Name, value and expiry lie inside as long as they fit into 38 bytes, as 16 + 16 do: then the
//! table's own cache miss is the only one. Else the value goes to the heap, and the name stays, so
//! that a search that only meets the field reads nothing else. Only a name that is too long for that
//! goes to the heap too, in front of its value in one allocation; its hash then stays instead.
//!
//! | form | the body's 38 bytes, from the front | before the expiry |
//! |---|---|---|
//! | inside | name, value | |
//! | value outside | name | 12: pointer, length |
//! | both outside | 24: pointer, hash, length of the name, of the value | |

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::Field;
use crate::types::hasher;
use crate::types::packed::same;
use crate::types::table::Slot;

const BODY: usize = 38;
const EXPIRY: usize = 8;
/// Bytes of a pointer and a length.
const HANDLE: usize = 12;

/// In place of the name's length: both are outside.
const BOTH_OUTSIDE: u8 = u8::MAX;

/// In place of the value's length: it is outside.
const OUTSIDE: u8 = 0x7f;

/// Beside the value's length: there is an expiry.
const EXPIRES: u8 = 0x80;

/// A field.
#[repr(C, align(8))]
pub struct Stored {
    body: [MaybeUninit<u8>; BODY],
    name_len: u8,
    value_len: u8,
}

const _: () = assert!(size_of::<Stored>() == 40);

// SAFETY: the field owns what it points to, and shared access only reads it.
unsafe impl Send for Stored {}
// SAFETY: as above.
unsafe impl Sync for Stored {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Inside,
    ValueOutside,
    BothOutside,
}

/// Bytes to allocate for `len` bytes: what the allocator gives anyway.
fn allocation(len: usize) -> usize {
    ((len + 8).next_multiple_of(16) - 8).max(24)
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(allocation(len), 1).expect("below 8 GiB")
}

fn allocate(len: usize) -> NonNull<u8> {
    // SAFETY: the layout's size is not 0.
    let fresh = unsafe { alloc(layout(len)) };
    NonNull::new(fresh).unwrap_or_else(|| handle_alloc_error(layout(len)))
}

/// Makes an allocation of `old` bytes one of `len`.
///
/// # Safety
/// `bytes` must be of [`allocate`] or this, with `old`.
unsafe fn reallocate(bytes: NonNull<u8>, old: usize, len: usize) -> NonNull<u8> {
    if allocation(old) == allocation(len) {
        return bytes;
    }
    // SAFETY: by the caller's promise.
    let fresh = unsafe { realloc(bytes.as_ptr(), layout(old), allocation(len)) };
    NonNull::new(fresh).unwrap_or_else(|| handle_alloc_error(layout(len)))
}

fn short(len: usize) -> u32 {
    u32::try_from(len).expect("a string is below 4 GiB")
}

impl Stored {
    /// A field; `hash` is its name's.
    pub fn new(hash: u64, name: &[u8], value: &[u8], expiry: Option<i64>) -> Self {
        let mut stored = Stored {
            body: [MaybeUninit::uninit(); BODY],
            name_len: 0,
            value_len: 0,
        };
        if let Some(at) = expiry {
            stored.value_len = EXPIRES;
            stored.write(BODY - EXPIRY, at);
        }
        let end = stored.end();
        if name.len() + value.len() <= end {
            stored.name_len = name.len() as u8;
            stored.write_bytes(0, name);
            stored.put_inside(value);
        } else if name.len() + HANDLE <= end {
            stored.name_len = name.len() as u8;
            stored.write_bytes(0, name);
            let bytes = allocate(value.len());
            // SAFETY: room for the value was just allocated.
            unsafe { copy(value, bytes, 0) };
            stored.put_handle(bytes, short(value.len()));
        } else {
            let bytes = allocate(name.len() + value.len());
            // SAFETY: room for both was just allocated.
            unsafe {
                copy(name, bytes, 0);
                copy(value, bytes, name.len());
            }
            stored.name_len = BOTH_OUTSIDE;
            stored.write(0, bytes);
            stored.write(8, hash);
            stored.write(16, short(name.len()));
            stored.write(20, short(value.len()));
        }
        stored
    }

    #[inline]
    fn form(&self) -> Form {
        if self.name_len == BOTH_OUTSIDE {
            Form::BothOutside
        } else if self.value_len & !EXPIRES == OUTSIDE {
            Form::ValueOutside
        } else {
            Form::Inside
        }
    }

    /// Where the room for name and value ends.
    #[inline]
    fn end(&self) -> usize {
        match self.value_len & EXPIRES {
            0 => BODY,
            _ => BODY - EXPIRY,
        }
    }

    #[inline]
    fn read<T: Copy>(&self, offset: usize) -> T {
        debug_assert!(offset + size_of::<T>() <= BODY);
        // SAFETY: within the body; each form reads only what it wrote, as the same type.
        unsafe { self.body.as_ptr().add(offset).cast::<T>().read_unaligned() }
    }

    #[inline]
    fn write<T: Copy>(&mut self, offset: usize, value: T) {
        assert!(offset + size_of::<T>() <= BODY);
        let to = self.body.as_mut_ptr();
        // SAFETY: within the body.
        unsafe { to.add(offset).cast::<T>().write_unaligned(value) }
    }

    #[inline]
    fn write_bytes(&mut self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= BODY);
        let to = self.body.as_mut_ptr().cast::<u8>();
        // SAFETY: within the body, and `bytes` lies elsewhere.
        unsafe {
            to.add(offset)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Puts the value behind the name. Both must fit.
    #[inline]
    fn put_inside(&mut self, value: &[u8]) {
        self.write_bytes(self.name_len.into(), value);
        self.value_len = self.value_len & EXPIRES | value.len() as u8;
    }

    #[inline]
    fn put_handle(&mut self, bytes: NonNull<u8>, len: u32) {
        let at = self.end() - HANDLE;
        self.write(at, bytes);
        self.write(at + 8, len);
        self.value_len |= OUTSIDE;
    }

    /// Pointer and length of the value that is outside alone.
    #[inline]
    fn handle(&self) -> (NonNull<u8>, u32) {
        debug_assert!(self.form() == Form::ValueOutside);
        let at = self.end() - HANDLE;
        (self.read(at), self.read(at + 8))
    }

    /// Pointer and lengths of name and value that are both outside.
    #[inline]
    fn outside(&self) -> (NonNull<u8>, usize, usize) {
        debug_assert!(self.form() == Form::BothOutside);
        let (name, value): (u32, u32) = (self.read(16), self.read(20));
        (self.read(0), name as usize, value as usize)
    }

    /// Its name.
    #[inline]
    pub fn name(&self) -> &[u8] {
        let (start, len) = match self.form() {
            Form::BothOutside => {
                let (bytes, len, _) = self.outside();
                (bytes.as_ptr().cast_const(), len)
            }
            _ => (self.body.as_ptr().cast(), self.name_len.into()),
        };
        // SAFETY: the name begins either, and was written.
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    /// Where the value begins, and its length.
    #[inline]
    fn value_at(&self) -> (*const u8, usize) {
        match self.form() {
            Form::Inside => {
                let start = self.body.as_ptr().cast::<u8>();
                let len = self.value_len & !EXPIRES;
                (start.wrapping_add(self.name_len.into()), len.into())
            }
            Form::ValueOutside => {
                let (bytes, len) = self.handle();
                (bytes.as_ptr(), len as usize)
            }
            Form::BothOutside => {
                let (bytes, name, value) = self.outside();
                (bytes.as_ptr().wrapping_add(name), value)
            }
        }
    }

    /// Its value.
    #[inline]
    pub fn value(&self) -> &[u8] {
        let (start, len) = self.value_at();
        // SAFETY: the value's place, and it was written.
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    /// The moment at which it expires, if it has one.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        match self.value_len & EXPIRES {
            0 => None,
            _ => Some(self.read(BODY - EXPIRY)),
        }
    }

    /// All of it.
    #[inline]
    pub fn field(&self) -> Field<'_> {
        Field {
            name: self.name(),
            value: self.value(),
            expiry: self.expiry(),
        }
    }

    /// Whether it has this name, whose hash is `hash`.
    #[inline]
    pub fn is(&self, hash: u64, name: &[u8]) -> bool {
        if self.form() == Form::BothOutside && self.read::<u64>(8) != hash {
            return false;
        }
        let own = self.name();
        own.len() == name.len() && same(own, name)
    }

    /// Sets the value; in place if its length, or what the allocator gives for it, stays. `hash` is
    /// the name's.
    pub fn set_value(&mut self, hash: u64, value: &[u8]) {
        let inside = self.name().len() + value.len() <= self.end();
        match self.form() {
            Form::Inside if inside => self.put_inside(value),
            Form::ValueOutside if !inside => {
                let (bytes, len) = self.handle();
                // SAFETY: allocated with this length; then there is room for the value.
                let bytes = unsafe {
                    let bytes = reallocate(bytes, len as usize, value.len());
                    copy(value, bytes, 0);
                    bytes
                };
                self.put_handle(bytes, short(value.len()));
            }
            Form::BothOutside if !inside => {
                let (bytes, name, old) = self.outside();
                // SAFETY: allocated with these lengths; then there is room for the value behind the
                // name, which stays.
                let bytes = unsafe {
                    let bytes = reallocate(bytes, name + old, name + value.len());
                    copy(value, bytes, name);
                    bytes
                };
                self.write(0, bytes);
                self.write(20, short(value.len()));
            }
            _ => *self = Stored::new(hash, self.name(), value, self.expiry()),
        }
    }

    /// Sets or removes the expiry. `hash` is the name's.
    pub fn set_expiry(&mut self, hash: u64, expiry: Option<i64>) {
        let end = BODY - if expiry.is_some() { EXPIRY } else { 0 };
        if end != self.end() {
            let name = usize::from(self.name_len);
            match self.form() {
                Form::Inside if name + usize::from(self.value_len & !EXPIRES) <= end => {
                    self.value_len ^= EXPIRES;
                }
                Form::BothOutside => self.value_len ^= EXPIRES,
                Form::ValueOutside if name + HANDLE <= end => {
                    let (bytes, len) = self.handle();
                    self.value_len ^= EXPIRES;
                    self.put_handle(bytes, len);
                }
                _ => *self = Stored::new(hash, self.name(), self.value(), expiry),
            }
        }
        if let Some(at) = expiry {
            self.write(BODY - EXPIRY, at);
        }
    }

    /// Pointer and length of what is on the heap.
    fn heap(&self) -> Option<(NonNull<u8>, usize)> {
        match self.form() {
            Form::Inside => None,
            Form::ValueOutside => {
                let (bytes, len) = self.handle();
                Some((bytes, len as usize))
            }
            Form::BothOutside => {
                let (bytes, name, value) = self.outside();
                Some((bytes, name + value))
            }
        }
    }

    /// Bytes on the heap.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.heap().map_or(0, |(_, len)| allocation(len))
    }
}

/// # Safety
/// From `offset` on, `bytes` must have room for `from`, and `from` must lie elsewhere.
#[inline]
unsafe fn copy(from: &[u8], bytes: NonNull<u8>, offset: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        let to = bytes.as_ptr().add(offset);
        to.copy_from_nonoverlapping(from.as_ptr(), from.len());
    }
}

impl Slot for Stored {
    #[inline]
    fn hash(&self) -> u64 {
        match self.form() {
            Form::BothOutside => self.read(8),
            _ => hasher::hash(self.name()),
        }
    }
}

impl Clone for Stored {
    /// In the same form, so that the clone has as many bytes on the heap.
    fn clone(&self) -> Self {
        let fresh = self.heap().map(|(bytes, len)| {
            let fresh = allocate(len);
            // SAFETY: so many bytes were written, and there is room for them.
            unsafe { copy(std::slice::from_raw_parts(bytes.as_ptr(), len), fresh, 0) };
            fresh
        });
        let mut clone = Stored {
            body: self.body,
            name_len: self.name_len,
            value_len: self.value_len,
        };
        match (fresh, self.form()) {
            (Some(fresh), Form::BothOutside) => clone.write(0, fresh),
            (Some(fresh), _) => clone.put_handle(fresh, self.handle().1),
            (None, _) => {}
        }
        clone
    }
}

impl Drop for Stored {
    #[inline]
    fn drop(&mut self) {
        if let Some((bytes, len)) = self.heap() {
            // SAFETY: allocated with this length, and freed once.
            unsafe { dealloc(bytes.as_ptr(), layout(len)) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn agrees_with_a_naive_model() {
        let mut chance = Chance::new(8);
        for _ in 0..3_000 {
            let name = chance.text(b"name", 50);
            let hash = hasher::hash(&name);
            let mut value = chance.text(b"val", 50);
            let mut expiry = (chance.below(2) == 0).then(|| chance.bits() as i64);
            let mut stored = Stored::new(hash, &name, &value, expiry);
            for _ in 0..15 {
                match chance.below(4) {
                    0 => {
                        expiry = (chance.below(2) == 0).then(|| chance.bits() as i64);
                        stored.set_expiry(hash, expiry);
                    }
                    1 => stored = stored.clone(),
                    _ => {
                        let longest = [10, 50, 3_000][chance.below(3)];
                        value = chance.text(b"other", longest);
                        stored.set_value(hash, &value);
                    }
                }
                let field = Field {
                    name: &name,
                    value: &value,
                    expiry,
                };
                assert_eq!(stored.field(), field);
                assert_eq!(stored.hash(), hash);
                assert!(stored.is(hash, &name));
                assert!(!stored.is(hash ^ 1, b"no such name"));
            }
        }
    }

    #[test]
    fn what_fits_needs_no_heap() {
        let stored = |name: usize, value: usize, expiry: Option<i64>| {
            Stored::new(1, &vec![b'n'; name], &vec![b'v'; value], expiry).heap_bytes()
        };
        assert_eq!(stored(16, 22, None), 0);
        assert_eq!(stored(16, 14, Some(1)), 0);
        assert_eq!(stored(16, 16, Some(1)), 24);
        assert_eq!(stored(26, 100, None), 104);
        assert_eq!(stored(27, 100, None), 136);
    }
}
