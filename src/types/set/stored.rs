//! A member of a large set in 24 bytes.
//!
//! Up to 23 bytes lie inside, which are the ids and the short names that sets are made of: then the
//! table's own cache miss is the only one, and there is no allocation. A longer member lies on the
//! heap, and its hash stays here: neither a search that only meets it, nor a table that grows, then
//! has to read it.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::types::hasher;
use crate::types::packed::same;
use crate::types::table::Slot;

/// Longest member that lies inside, in bytes.
const INLINE: usize = 23;

/// In place of the length inside: the member is on the heap.
const ON_HEAP: u8 = u8::MAX;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Inside {
    bytes: [MaybeUninit<u8>; INLINE],
    len: u8,
}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Outside {
    bytes: NonNull<u8>,
    hash: u64,
    len: u32,
    unused: [u8; 3],
    /// [`ON_HEAP`]; where the other form has its length.
    mark: u8,
}

/// A member.
#[repr(C)]
pub union Stored {
    inside: Inside,
    outside: Outside,
}

const _: () = assert!(size_of::<Stored>() == 24);

// SAFETY: the member owns what it points to, and shared access only reads it.
unsafe impl Send for Stored {}
// SAFETY: as above.
unsafe impl Sync for Stored {}

impl Stored {
    /// A member and its hash.
    #[inline]
    pub fn new(hash: u64, member: &[u8]) -> Self {
        if member.len() > INLINE {
            return Stored::on_heap(hash, member);
        }
        let mut inside = Inside {
            bytes: [MaybeUninit::uninit(); INLINE],
            len: member.len() as u8,
        };
        let to = inside.bytes.as_mut_ptr().cast::<u8>();
        // SAFETY: checked to fit, and `member` lies elsewhere.
        unsafe { to.copy_from_nonoverlapping(member.as_ptr(), member.len()) };
        Stored { inside }
    }

    fn on_heap(hash: u64, member: &[u8]) -> Self {
        let len = u32::try_from(member.len()).expect("a string is below 4 GiB");
        let bytes = Box::leak(Box::<[u8]>::from(member));
        Stored {
            outside: Outside {
                bytes: NonNull::from(bytes).cast(),
                hash,
                len,
                unused: [0; 3],
                mark: ON_HEAP,
            },
        }
    }

    /// The form on the heap, if it has that.
    #[inline]
    fn outside(&self) -> Option<&Outside> {
        // SAFETY: the last byte is initialised in both forms, and says which it is.
        unsafe { (self.inside.len == ON_HEAP).then_some(&self.outside) }
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        match self.outside() {
            // SAFETY: the pointer and length of the member's own allocation.
            Some(heap) => unsafe {
                std::slice::from_raw_parts(heap.bytes.as_ptr(), heap.len as usize)
            },
            // SAFETY: it lies inside, and so many bytes were written.
            None => unsafe {
                let inside = &self.inside;
                std::slice::from_raw_parts(inside.bytes.as_ptr().cast(), inside.len.into())
            },
        }
    }

    /// Whether it is this member, whose hash is `hash`.
    #[inline]
    pub fn is(&self, hash: u64, member: &[u8]) -> bool {
        if self.outside().is_some_and(|heap| heap.hash != hash) {
            return false;
        }
        let bytes = self.bytes();
        bytes.len() == member.len() && same(bytes, member)
    }

    /// Bytes on the heap.
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.outside().map_or(0, |heap| heap.len as usize)
    }
}

impl Slot for Stored {
    #[inline]
    fn hash(&self) -> u64 {
        match self.outside() {
            Some(heap) => heap.hash,
            None => hasher::hash(self.bytes()),
        }
    }
}

impl Clone for Stored {
    fn clone(&self) -> Self {
        match self.outside() {
            Some(heap) => Stored::on_heap(heap.hash, self.bytes()),
            // SAFETY: it lies inside.
            None => unsafe {
                Stored {
                    inside: self.inside,
                }
            },
        }
    }
}

impl Drop for Stored {
    #[inline]
    fn drop(&mut self) {
        if let Some(heap) = self.outside() {
            let bytes = std::ptr::slice_from_raw_parts_mut(heap.bytes.as_ptr(), heap.len as usize);
            // SAFETY: of a leaked box, and dropped once.
            drop(unsafe { Box::from_raw(bytes) });
        }
    }
}
