//! The heap part of an entry that does not fit inline: a key, or a string value.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Growth beyond this many spare bytes is linear, as in Redis's sds (`SDS_MAX_PREALLOC`).
const MAX_SPARE: usize = 1024 * 1024;

/// Bytes on the heap, as an entry notes them: not freed by itself.
#[derive(Clone, Copy)]
pub struct HeapString {
    /// Where they begin.
    pub ptr: NonNull<u8>,
    /// Bytes in use.
    pub len: u32,
    /// Bytes allocated.
    pub capacity: u32,
}

fn byte_layout(capacity: usize) -> Layout {
    Layout::array::<u8>(capacity).expect("capacity below 4 GiB")
}

fn allocate(capacity: usize) -> NonNull<u8> {
    debug_assert!(capacity > 0);
    let layout = byte_layout(capacity);
    // SAFETY: the layout's size is not 0.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

impl HeapString {
    /// A copy of `bytes` with room for `capacity` bytes.
    pub fn copy_of(bytes: &[u8], capacity: usize) -> Self {
        let capacity = capacity.max(bytes.len()).max(1);
        assert!(capacity <= u32::MAX as usize, "a string is below 4 GiB");
        let ptr = allocate(capacity);
        // SAFETY: freshly allocated with room for `bytes`.
        unsafe {
            ptr.as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
        HeapString {
            ptr,
            len: bytes.len() as u32,
            capacity: capacity as u32,
        }
    }

    /// Takes over what is on the heap already.
    pub fn adopt(mut bytes: Vec<u8>) -> Self {
        if bytes.capacity() == 0 {
            return Self::copy_of(&bytes, 0);
        }
        if bytes.capacity() > u32::MAX as usize {
            bytes.shrink_to_fit();
        }
        assert!(
            bytes.capacity() <= u32::MAX as usize,
            "a string is below 4 GiB"
        );
        let mut bytes = ManuallyDrop::new(bytes);
        // SAFETY: the pointer of a vector is never null; it has capacity, so that it was allocated with the
        // layout that `free` uses.
        let ptr = unsafe { NonNull::new_unchecked(bytes.as_mut_ptr()) };
        HeapString {
            ptr,
            len: bytes.len() as u32,
            capacity: bytes.capacity() as u32,
        }
    }

    /// Hands over the bytes: what [`HeapString::adopt`] does, backwards.
    pub fn into_vec(self) -> Vec<u8> {
        // SAFETY: allocated with the layout of a vector of this capacity, and handed over by its owner.
        unsafe { Vec::from_raw_parts(self.ptr.as_ptr(), self.len as usize, self.capacity as usize) }
    }

    /// Makes room for `capacity` bytes in all.
    pub fn reserve(&mut self, capacity: usize) {
        if capacity <= self.capacity as usize {
            return;
        }
        assert!(capacity <= u32::MAX as usize, "a string is below 4 GiB");
        let layout = byte_layout(capacity);
        // SAFETY: `ptr` was allocated with `self.capacity`; the new size is not 0.
        let ptr = unsafe {
            realloc(
                self.ptr.as_ptr(),
                byte_layout(self.capacity as usize),
                capacity,
            )
        };
        self.ptr = NonNull::new(ptr).unwrap_or_else(|| handle_alloc_error(layout));
        self.capacity = capacity as u32;
    }

    /// Frees them; by their owner, once.
    pub fn free(self) {
        // SAFETY: allocated with this layout, and freed once by its owner.
        unsafe { dealloc(self.ptr.as_ptr(), byte_layout(self.capacity as usize)) };
    }
}

/// Room for a string that has grown to `len`: twice as much up to [`MAX_SPARE`], as in Redis.
pub fn grown_capacity(len: usize) -> usize {
    (len + len.min(MAX_SPARE)).min(u32::MAX as usize).max(len)
}
