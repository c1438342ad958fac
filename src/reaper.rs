//! Frees what was removed, after the locks: large values and whole databases on a thread of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::keyspace::db::Garbage;

/// The way to the thread that frees memory.
#[derive(Debug)]
pub struct Reaper {
    sender: Option<Sender<Garbage>>,
    pending: Arc<AtomicU64>,
    freed: Arc<AtomicU64>,
}

impl Reaper {
    /// Starts the thread. Without one (the system may refuse) everything is freed at once.
    pub fn start() -> Self {
        let (sender, receiver) = channel::<Garbage>();
        let (pending, freed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counters = (pending.clone(), freed.clone());
        let thread = std::thread::Builder::new()
            .name("reaper".to_owned())
            .spawn(move || {
                for garbage in receiver {
                    let objects = count(&garbage);
                    free_slowly(garbage);
                    crate::memory::publish();
                    counters.0.fetch_sub(objects, Relaxed);
                    counters.1.fetch_add(objects, Relaxed);
                }
            });
        Reaper {
            sender: thread.is_ok().then_some(sender),
            pending,
            freed,
        }
    }

    /// Frees `garbage`: at once if it asks for that, else on the thread.
    pub fn dispose(&self, garbage: Garbage) {
        let Some(sender) = &self.sender else { return };
        if !garbage.now {
            self.pending.fetch_add(count(&garbage), Relaxed);
            // If the thread is gone the garbage comes back in the error, and is freed here.
            let _ = sender.send(garbage);
        }
    }

    /// Objects waiting to be freed, and freed so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.pending.load(Relaxed), self.freed.load(Relaxed))
    }

    /// Sets the count of freed objects to 0.
    pub fn reset(&self) {
        self.freed.store(0, Relaxed);
    }
}

fn count(garbage: &Garbage) -> u64 {
    let keys: usize = garbage
        .databases
        .iter()
        .map(|database| database.table.len())
        .sum();
    (garbage.entries.len() + keys) as u64
}

/// How long the thread rests after each piece. Its priority is not lowered instead: while it holds the
/// allocator's lock a worker may need it, and then must not wait for a thread that gets no turn.
const REST: Duration = Duration::from_micros(50);

/// Frees a segment at a time, so that workers on the same core get their turns in between.
fn free_slowly(garbage: Garbage) {
    let Garbage {
        entries, databases, ..
    } = garbage;
    for entry in entries {
        drop(entry);
        std::thread::sleep(REST);
    }
    for database in databases {
        for segment in database.table.into_segments() {
            drop(segment);
            std::thread::sleep(REST);
        }
    }
}
