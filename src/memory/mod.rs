//! How much memory the process has allocated: the basis of `used_memory` and `maxmemory`.
//!
//! The global allocator counts. Each thread keeps its own difference and publishes it whenever it
//! passes 64 KiB, so that counting costs no shared write.

mod cells;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

const PUBLISH_AT: i64 = 64 * 1024;

static USED: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static UNPUBLISHED: Cell<i64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
pub struct Counting;

/// Bytes that an allocation of `size` bytes takes: glibc rounds up to 16 and adds a word.
#[inline]
pub fn footprint(size: usize) -> usize {
    ((size + 8 + 15) & !15).max(32)
}

#[inline]
fn count(difference: i64) {
    // A thread that is ending has no cell any more; what it frees then is not counted.
    let _ = UNPUBLISHED.try_with(|cell| {
        let sum = cell.get() + difference;
        if sum.abs() < PUBLISH_AT {
            cell.set(sum);
        } else {
            cell.set(0);
            USED.fetch_add(sum, Relaxed);
        }
    });
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(footprint(layout.size()) as i64);
        // SAFETY: by the caller's promise.
        cells::take(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(footprint(layout.size()) as i64));
        // SAFETY: by the caller's promise; whoever served the layout takes it back.
        unsafe {
            if !cells::give(ptr, layout) {
                System.dealloc(ptr, layout);
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(footprint(layout.size()) as i64);
        match cells::take(layout) {
            Some(cell) => {
                if !cell.is_null() {
                    // SAFETY: at least this many bytes, all ours.
                    unsafe { cell.write_bytes(0, layout.size()) };
                }
                cell
            }
            // SAFETY: by the caller's promise.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() > cells::SYSTEM_ALIGN {
            // SAFETY: by the caller's promise: the size is valid, and the old bytes are `ptr`'s own.
            unsafe {
                let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
                if !new.is_null() {
                    new.copy_from_nonoverlapping(ptr, new_size.min(layout.size()));
                    self.dealloc(ptr, layout);
                }
                return new;
            }
        }
        count(footprint(new_size) as i64 - footprint(layout.size()) as i64);
        // SAFETY: by the caller's promise.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// Bytes allocated, give or take 64 KiB for each thread; 0 if [`Counting`] is not the global allocator.
pub fn used() -> u64 {
    let used = USED.load(Relaxed).max(0) as u64;
    if used > PEAK.load(Relaxed) {
        PEAK.fetch_max(used, Relaxed);
    }
    used
}

/// As [`used`], exact for what the calling thread allocated and freed.
pub fn publish() -> u64 {
    let _ = UNPUBLISHED.try_with(|cell| USED.fetch_add(cell.take(), Relaxed));
    used()
}

/// The most that [`used`] has answered.
pub fn peak() -> u64 {
    PEAK.load(Relaxed).max(used())
}

/// Gives memory that is free back to the system, as far as whole pages are.
pub fn give_back() {
    // SAFETY: takes no pointers; the allocator locks what it changes.
    unsafe { libc::malloc_trim(0) };
}

/// Bytes of the process that are in memory, as the system counts them; 0 if it does not say.
pub fn resident() -> u64 {
    let Ok(statm) = std::fs::read_to_string("/proc/self/statm") else {
        return 0;
    };
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}

/// Bytes of memory that the machine has; 0 if it does not say.
pub fn of_system() -> u64 {
    // SAFETY: plain system calls without arguments that could be wrong.
    let (pages, size) = unsafe {
        (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    pages.max(0) as u64 * size.max(0) as u64
}
