//! Small allocations that must begin at a multiple of 128 bytes.
//!
//! Every connection has two of them, its task and its registration with the poller, and the system's
//! allocator wastes up to as much again on the alignment of each. Here they are cut from large blocks.
//! A cell that is given back is used again, but a block is never returned: so much stays taken as the
//! most connections at one time needed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};

/// The alignment that is served here.
const ALIGN: usize = 128;

/// Alignment up to which nothing is served here.
pub const SYSTEM_ALIGN: usize = 64;

/// Sizes that are served here: multiples of [`ALIGN`], up to this many.
const SIZES: usize = 4;

/// Bytes taken from the system at once.
const BLOCK: usize = 64 * 1024;

/// The cells of one size.
struct Cells {
    busy: AtomicBool,
    state: UnsafeCell<State>,
}

struct State {
    /// Cells that were given back, each holding the address of the next.
    free: *mut u8,
    /// The part of the last block that was never used.
    fresh: *mut u8,
    left: usize,
}

// SAFETY: `state` is reached only by `with`, by one thread at a time.
unsafe impl Sync for Cells {}

static CELLS: [Cells; SIZES] = [const {
    Cells {
        busy: AtomicBool::new(false),
        state: UnsafeCell::new(State {
            free: null_mut(),
            fresh: null_mut(),
            left: 0,
        }),
    }
}; SIZES];

impl Cells {
    /// Runs `act` alone. A lock of a library might allocate, so this one only spins; it is held for
    /// some nanoseconds.
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        while self.busy.swap(true, Acquire) {
            std::thread::yield_now();
        }
        // SAFETY: `busy` keeps others out.
        let result = act(unsafe { &mut *self.state.get() });
        self.busy.store(false, Release);
        result
    }
}

/// Which cells serve this layout, if any do.
#[inline]
fn cells_for(layout: Layout) -> Option<(&'static Cells, usize)> {
    if layout.align() != ALIGN {
        return None;
    }
    let number = layout.size().div_ceil(ALIGN);
    let cells = CELLS.get(number.wrapping_sub(1))?;
    Some((cells, number * ALIGN))
}

/// A cell for `layout`, if this is where it is served. Null if the system has no memory.
#[inline]
pub fn take(layout: Layout) -> Option<*mut u8> {
    let (cells, size) = cells_for(layout)?;
    Some(cells.with(|state| {
        if !state.free.is_null() {
            let cell = state.free;
            // SAFETY: a free cell holds the address of the next.
            state.free = unsafe { cell.cast::<*mut u8>().read() };
            return cell;
        }
        if state.left < size {
            let block = Layout::from_size_align(BLOCK, ALIGN).expect("a valid layout");
            // SAFETY: the layout's size is not 0.
            let fresh = unsafe { System.alloc(block) };
            if fresh.is_null() {
                return fresh;
            }
            state.fresh = fresh;
            state.left = BLOCK;
        }
        let cell = state.fresh;
        // SAFETY: within the block.
        state.fresh = unsafe { cell.add(size) };
        state.left -= size;
        cell
    }))
}

/// Takes back a cell; false if `layout` is not served here.
///
/// # Safety
/// `cell` came from [`take`] with the same layout, and is not used any more.
#[inline]
pub unsafe fn give(cell: *mut u8, layout: Layout) -> bool {
    let Some((cells, _)) = cells_for(layout) else {
        return false;
    };
    cells.with(|state| {
        // SAFETY: the cell is ours again, and large enough for an address.
        unsafe { cell.cast::<*mut u8>().write(state.free) };
        state.free = cell;
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_aligned_distinct_and_used_again() {
        let layout = Layout::from_size_align(300, ALIGN).unwrap();
        let mut cells: Vec<*mut u8> = (0..1_000).map(|_| take(layout).unwrap()).collect();
        for (number, &cell) in cells.iter().enumerate() {
            assert_eq!(cell as usize % ALIGN, 0);
            // SAFETY: 300 bytes of our own.
            unsafe { cell.write_bytes(number as u8, 300) };
        }
        for (number, &cell) in cells.iter().enumerate() {
            // SAFETY: as above.
            assert!((0..300).all(|at| unsafe { *cell.add(at) } == number as u8));
        }
        cells.sort_unstable();
        cells.dedup();
        assert_eq!(cells.len(), 1_000);
        for &cell in &cells {
            // SAFETY: taken above with this layout.
            assert!(unsafe { give(cell, layout) });
        }
        let again = take(layout).unwrap();
        assert!(cells.contains(&again));
        // SAFETY: taken above with this layout.
        unsafe { give(again, layout) };
    }

    #[test]
    fn other_layouts_are_not_served() {
        for (size, align) in [(300, 64), (513, ALIGN), (300, 256), (0, ALIGN)] {
            assert!(take(Layout::from_size_align(size, align).unwrap()).is_none());
        }
    }
}
