//! Frees what was removed, after the locks: large values and whole databases on a thread of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::keyspace::Entry;
use crate::keyspace::db::Garbage;
use crate::types::table::Table;

/// The way to the thread that frees memory.
#[derive(Debug)]
pub struct Reaper {
    sender: Option<Sender<Garbage>>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    /// Objects that wait, and their bytes, about.
    pending: AtomicU64,
    pending_bytes: AtomicU64,
    freed: AtomicU64,
}

/// Bytes that may wait: a client that removes faster than the thread frees must not make them grow
/// without end.
const MOST_PENDING: u64 = 64 * 1024 * 1024;

impl Reaper {
    /// Starts the thread. Without one (the system may refuse) everything is freed at once.
    pub fn start() -> Self {
        let (sender, receiver) = channel::<Garbage>();
        let counters = Arc::<Counters>::default();
        let shared = counters.clone();
        let thread = std::thread::Builder::new()
            .name("reaper".to_owned())
            .spawn(move || {
                for garbage in receiver {
                    let (objects, bytes) = size(&garbage);
                    free_slowly(garbage);
                    crate::memory::publish();
                    shared.pending.fetch_sub(objects, Relaxed);
                    shared.pending_bytes.fetch_sub(bytes, Relaxed);
                    shared.freed.fetch_add(objects, Relaxed);
                }
            });
        Reaper {
            sender: thread.is_ok().then_some(sender),
            counters,
        }
    }

    /// Frees `garbage`: at once if it asks for that or if too much waits already, else on the thread.
    pub fn dispose(&self, garbage: Garbage) {
        let Some(sender) = &self.sender else { return };
        let counters = &self.counters;
        if garbage.now && !garbage.of_exec {
            // Redis frees it in the background, too, and lets the client wait, but not within EXEC.
            counters.freed.fetch_add(size(&garbage).0, Relaxed);
        }
        if !garbage.now && counters.pending_bytes.load(Relaxed) < MOST_PENDING {
            let (objects, bytes) = size(&garbage);
            counters.pending.fetch_add(objects, Relaxed);
            counters.pending_bytes.fetch_add(bytes, Relaxed);
            // If the thread is gone the garbage comes back in the error, and is freed here.
            let _ = sender.send(garbage);
        }
    }

    /// Objects waiting to be freed, and freed so far.
    pub fn counts(&self) -> (u64, u64) {
        let counters = &self.counters;
        (counters.pending.load(Relaxed), counters.freed.load(Relaxed))
    }

    /// Sets the count of freed objects to 0.
    pub fn reset(&self) {
        self.counters.freed.store(0, Relaxed);
    }
}

/// Number of keys, and bytes without what the entries of whole databases have on the heap.
fn size(garbage: &Garbage) -> (u64, u64) {
    let entries = garbage.entries.iter().map(Entry::heap_bytes);
    let tables = garbage.databases.iter().map(|database| &database.table);
    let tracked = garbage.tracked.iter();
    let keys: usize = tables.clone().map(Table::len).sum();
    let keys = keys + tracked.clone().map(Table::len).sum::<usize>();
    let bytes: usize = tables.map(Table::bytes).sum();
    let bytes = bytes + tracked.map(Table::bytes).sum::<usize>();
    let bytes = bytes + entries.sum::<usize>();
    ((garbage.entries.len() + keys) as u64, bytes as u64)
}

/// Bytes of single values that are one piece.
const PIECE: usize = 256 * 1024;

/// How long the thread rests after each piece. Its priority is not lowered instead: while it holds the
/// allocator's lock a worker may need it, and then must not wait for a thread that gets no turn.
const REST: Duration = Duration::from_micros(50);

/// Frees a segment at a time, so that workers on the same core get their turns in between.
fn free_slowly(garbage: Garbage) {
    let Garbage {
        entries,
        databases,
        tracked,
        ..
    } = garbage;
    let mut freed = 0;
    for entry in entries {
        freed += entry.heap_bytes();
        drop(entry);
        if freed >= PIECE {
            freed = 0;
            std::thread::sleep(REST);
        }
    }
    for database in databases {
        for segment in database.table.into_segments() {
            drop(segment);
            std::thread::sleep(REST);
        }
    }
    for table in tracked {
        for segment in table.into_segments() {
            drop(segment);
            std::thread::sleep(REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Value;

    #[test]
    fn what_waits_is_bounded() {
        // Nobody receives: the thread never gets the core.
        let (sender, receiver) = channel();
        let reaper = Reaper {
            sender: Some(sender),
            counters: Arc::default(),
        };
        let value = vec![0; 8 * 1024 * 1024];
        for _ in 0..20 {
            reaper.dispose(Garbage {
                entries: vec![Entry::new(b"key", Value::Bytes(&value), None, 0)],
                ..Garbage::default()
            });
        }
        assert_eq!(reaper.counts(), (8, 0));
        assert_eq!(receiver.try_iter().count(), 8);
    }
}
