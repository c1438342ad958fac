//! A collection in one word: a compact buffer, or a pointer to the large form.
//!
//! The entry of a key then holds any collection in 8 bytes, and a small one costs one allocation and
//! one cache miss. Both are allocated at even addresses, so the lowest bit says which it is; a
//! compact one has it clear, so that the word itself is the buffer. Most compact forms are a
//! [`Packed`]; lists have a buffer of their own.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::packed::Packed;

const LARGE: usize = 1;

/// A buffer that is one pointer.
///
/// # Safety
/// The type is a transparent wrapper of a `NonNull` with an even address.
pub(super) unsafe trait Thin: Sized + Send + Sync {
    /// The pointer, which the caller then owns.
    fn into_raw(self) -> NonNull<u8>;

    /// # Safety
    /// `raw` must be of [`Thin::into_raw`], and is owned by the result.
    unsafe fn from_raw(raw: NonNull<u8>) -> Self;
}

// SAFETY: transparent, and a multiple of 4.
unsafe impl Thin for Packed {
    fn into_raw(self) -> NonNull<u8> {
        Packed::into_raw(self)
    }

    unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        // SAFETY: as the caller promises.
        unsafe { Packed::from_raw(raw) }
    }
}

/// Either a compact `C` or a boxed `L`.
#[repr(transparent)]
pub(super) struct Word<L, C: Thin = Packed> {
    /// The pointer of a `C`, or that of a `Box<L>` with the lowest bit set.
    pointer: NonNull<u8>,
    owns: PhantomData<(C, Box<L>)>,
}

/// What a word holds.
pub(super) enum Form<'a, L, C = Packed> {
    Compact(&'a C),
    Large(&'a L),
}

/// What a word holds, to be changed.
pub(super) enum FormMut<'a, L, C = Packed> {
    Compact(&'a mut C),
    Large(&'a mut L),
}

// SAFETY: the word owns what it points to, as a Box does.
unsafe impl<L: Send, C: Thin> Send for Word<L, C> {}
// SAFETY: shared access only gives out shared references.
unsafe impl<L: Sync, C: Thin> Sync for Word<L, C> {}

impl<L, C: Thin> Word<L, C> {
    pub fn compact(compact: C) -> Self {
        Word {
            pointer: compact.into_raw(),
            owns: PhantomData,
        }
    }

    pub fn large(large: L) -> Self {
        const { assert!(align_of::<L>() >= 2) };
        let raw = NonNull::from(Box::leak(Box::new(large))).cast::<u8>();
        Word {
            pointer: raw.map_addr(|address| address | LARGE),
            owns: PhantomData,
        }
    }

    #[inline]
    pub fn is_compact(&self) -> bool {
        self.pointer.addr().get() & LARGE == 0
    }

    #[inline]
    fn boxed(&self) -> NonNull<L> {
        // The bit was set on a pointer that had it clear, so this never wraps to null.
        let raw = self.pointer.as_ptr().map_addr(|address| address & !LARGE);
        // SAFETY: the pointer of a box is not null.
        unsafe { NonNull::new_unchecked(raw.cast()) }
    }

    #[inline]
    pub fn get(&self) -> Form<'_, L, C> {
        if self.is_compact() {
            // SAFETY: both types are one pointer, and it is that of a `C`.
            Form::Compact(unsafe { &*std::ptr::from_ref(self).cast::<C>() })
        } else {
            // SAFETY: the pointer of the box that this word owns.
            Form::Large(unsafe { self.boxed().as_ref() })
        }
    }

    #[inline]
    pub fn get_mut(&mut self) -> FormMut<'_, L, C> {
        if self.is_compact() {
            // SAFETY: as in `get`; whatever becomes of the buffer, its pointer is a `C`'s.
            FormMut::Compact(unsafe { &mut *std::ptr::from_mut(self).cast::<C>() })
        } else {
            // SAFETY: as in `get`, and exclusive by `&mut self`.
            FormMut::Large(unsafe { self.boxed().as_mut() })
        }
    }
}

impl<L, C: Thin> Drop for Word<L, C> {
    fn drop(&mut self) {
        if self.is_compact() {
            // SAFETY: of `into_raw`, owned by this word, and dropped once.
            drop(unsafe { C::from_raw(self.pointer) });
        } else {
            // SAFETY: of a leaked box, owned by this word, and dropped once.
            drop(unsafe { Box::from_raw(self.boxed().as_ptr()) });
        }
    }
}

impl<L: Clone, C: Thin + Clone> Clone for Word<L, C> {
    fn clone(&self) -> Self {
        match self.get() {
            Form::Compact(compact) => Word::compact(compact.clone()),
            Form::Large(large) => Word::large(large.clone()),
        }
    }
}

/// One of two iterators over the same.
pub(super) enum Either<A, B> {
    First(A),
    Second(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            Either::First(iter) => iter.next(),
            Either::Second(iter) => iter.next(),
        }
    }

    /// Decides once which one it is, where the standard loop would at each step.
    #[inline]
    fn fold<R, F: FnMut(R, T) -> R>(self, start: R, step: F) -> R {
        match self {
            Either::First(iter) => iter.fold(start, step),
            Either::Second(iter) => iter.fold(start, step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_either_and_drops_it() {
        let counter = std::sync::Arc::new(());
        let mut packed = Packed::new();
        packed.splice(0, 0, &[b"abc"]);
        let mut word: Word<(std::sync::Arc<()>, u64)> = Word::compact(packed);
        assert_eq!(size_of_val(&word), 8);
        let FormMut::Compact(packed) = word.get_mut() else {
            panic!("it is compact")
        };
        packed.splice(0, 1, &[&[b'x'; 1_000]]);
        let clone = word.clone();
        word = Word::large((counter.clone(), 5u64));
        assert!(!word.is_compact() && clone.is_compact());
        let FormMut::Large(large) = word.get_mut() else {
            panic!("it is large")
        };
        large.1 = 6;
        let second = word.clone();
        assert!(matches!(second.get(), Form::Large((_, 6))));
        assert!(matches!(clone.get(), Form::Compact(packed) if packed.bytes().len() == 1_002));
        drop((word, second, clone));
        assert_eq!(std::sync::Arc::strong_count(&counter), 1);
    }
}
