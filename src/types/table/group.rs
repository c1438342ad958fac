//! Sixteen control bytes of a table at once.

/// Slots in a group.
pub const WIDTH: usize = 16;

/// The control byte of a slot that has never been used since the last rebuild.
pub const EMPTY: u8 = 0xff;

/// The control byte of a slot whose entry was removed while its group was full.
pub const DELETED: u8 = 0x80;

/// A set of slots of a group, lowest first.
#[derive(Clone, Copy)]
pub struct Mask(u16);

impl Mask {
    /// Whether any slot is in it.
    #[inline]
    pub fn any(self) -> bool {
        self.0 != 0
    }
}

impl Iterator for Mask {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// The control bytes of one group.
#[derive(Clone, Copy)]
pub struct Group(Lanes);

#[cfg(target_arch = "x86_64")]
type Lanes = std::arch::x86_64::__m128i;
#[cfg(not(target_arch = "x86_64"))]
type Lanes = [u8; WIDTH];

#[cfg(target_arch = "x86_64")]
impl Group {
    /// Loads a group.
    #[inline]
    pub fn load(control: &[u8; WIDTH]) -> Self {
        // SAFETY: SSE2 is part of x86_64; the load is unaligned and within the array.
        Group(unsafe { std::arch::x86_64::_mm_loadu_si128(control.as_ptr().cast()) })
    }

    /// Slots whose control byte is `byte`.
    #[inline]
    pub fn matching(self, byte: u8) -> Mask {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
        // SAFETY: SSE2 is part of x86_64.
        Mask(unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(self.0, _mm_set1_epi8(byte as i8))) as u16 })
    }

    /// Slots that hold no entry.
    #[inline]
    pub fn vacant(self) -> Mask {
        // SAFETY: SSE2 is part of x86_64.
        Mask(unsafe { std::arch::x86_64::_mm_movemask_epi8(self.0) as u16 })
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Group {
    /// Loads a group.
    #[inline]
    pub fn load(control: &[u8; WIDTH]) -> Self {
        Group(*control)
    }

    fn mask(self, test: impl Fn(u8) -> bool) -> Mask {
        Mask(self.0.iter().enumerate().fold(0, |bits, (slot, &byte)| {
            bits | (u16::from(test(byte)) << slot)
        }))
    }

    /// Slots whose control byte is `byte`.
    #[inline]
    pub fn matching(self, byte: u8) -> Mask {
        self.mask(|candidate| candidate == byte)
    }

    /// Slots that hold no entry.
    #[inline]
    pub fn vacant(self) -> Mask {
        self.mask(|byte| byte & 0x80 != 0)
    }
}

impl Group {
    /// Slots that hold an entry.
    #[inline]
    pub fn occupied(self) -> Mask {
        Mask(!self.vacant().0)
    }
}

/// Asks the processor to fetch the cache line at `address`; any address is allowed.
#[inline]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
