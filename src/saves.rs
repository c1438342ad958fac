//! When the data was last saved, as clients that ask for it are told. Nothing is written anywhere: a save
//! is done at once.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::clock::Micros;
use crate::stats::Stats;

/// What SAVE, BGSAVE and BGREWRITEAOF did.
#[derive(Debug)]
pub struct Saves {
    /// When the last save was, in Unix seconds.
    last: AtomicI64,
    /// The changes of the keyspace that it covers.
    changes: AtomicU64,
    saves: AtomicU64,
    rewrites: AtomicU64,
    /// Whether there was one in the background, ever.
    saved_in_background: AtomicBool,
    rewritten: AtomicBool,
    /// Whether one is to come after the EXEC that asked for it.
    save_scheduled: AtomicBool,
    rewrite_scheduled: AtomicBool,
}

impl Saves {
    /// A server that starts: what it starts with counts as saved.
    pub fn new(started: Micros) -> Self {
        Saves {
            last: AtomicI64::new(started.seconds()),
            changes: AtomicU64::new(0),
            saves: AtomicU64::new(0),
            rewrites: AtomicU64::new(0),
            saved_in_background: AtomicBool::new(false),
            rewritten: AtomicBool::new(false),
            save_scheduled: AtomicBool::new(false),
            rewrite_scheduled: AtomicBool::new(false),
        }
    }

    /// A save that does not count as one, such as that of DEBUG RELOAD.
    pub fn note(&self, stats: &Stats, now: Micros) {
        self.last.store(now.seconds(), Relaxed);
        self.changes.store(stats.changes(), Relaxed);
    }

    /// SAVE.
    pub fn save(&self, stats: &Stats, now: Micros) {
        self.note(stats, now);
        self.saves.fetch_add(1, Relaxed);
    }

    /// BGSAVE.
    pub fn save_in_background(&self, stats: &Stats, now: Micros) {
        self.save(stats, now);
        self.saved_in_background.store(true, Relaxed);
    }

    /// BGREWRITEAOF.
    pub fn rewrite(&self) {
        self.rewrites.fetch_add(1, Relaxed);
        self.rewritten.store(true, Relaxed);
    }

    /// BGSAVE inside EXEC: to be done after it.
    pub fn schedule_save(&self) {
        self.save_scheduled.store(true, Relaxed);
    }

    /// BGREWRITEAOF inside EXEC: to be done after it.
    pub fn schedule_rewrite(&self) {
        self.rewrite_scheduled.store(true, Relaxed);
    }

    /// Does what is scheduled; to be called about ten times a second.
    pub fn do_scheduled(&self, stats: &Stats, now: Micros) {
        if self.save_scheduled.swap(false, Relaxed) {
            self.save_in_background(stats, now);
        }
        if self.rewrite_scheduled.swap(false, Relaxed) {
            self.rewrite();
        }
    }

    /// When the last save was, in Unix seconds.
    pub fn last(&self) -> i64 {
        self.last.load(Relaxed)
    }

    /// Changes of the keyspace since the last save.
    pub fn unsaved_changes(&self, stats: &Stats) -> u64 {
        stats.changes().saturating_sub(self.changes.load(Relaxed))
    }

    /// Saves since the start or CONFIG RESETSTAT.
    pub fn saves(&self) -> u64 {
        self.saves.load(Relaxed)
    }

    /// BGREWRITEAOFs since the start or CONFIG RESETSTAT.
    pub fn rewrites(&self) -> u64 {
        self.rewrites.load(Relaxed)
    }

    /// Seconds that the last BGSAVE took; -1 if there was none.
    pub fn save_seconds(&self) -> i64 {
        seconds(&self.saved_in_background)
    }

    /// Seconds that the last BGREWRITEAOF took; -1 if there was none.
    pub fn rewrite_seconds(&self) -> i64 {
        seconds(&self.rewritten)
    }

    /// Whether a BGREWRITEAOF is to come.
    pub fn is_rewrite_scheduled(&self) -> bool {
        self.rewrite_scheduled.load(Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.saves.store(0, Relaxed);
        self.rewrites.store(0, Relaxed);
    }
}

/// What was done took no time.
fn seconds(done: &AtomicBool) -> i64 {
    if done.load(Relaxed) { 0 } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_covers_what_changed_before_it() {
        let (stats, saves) = (Stats::new(2, 0), Saves::new(Micros(5_900_000)));
        assert_eq!((saves.last(), saves.unsaved_changes(&stats)), (5, 0));
        stats.worker(0).dirty.add(3);
        stats.worker(1).dirty.add(4);
        assert_eq!(saves.unsaved_changes(&stats), 7);
        saves.save(&stats, Micros(9_000_000));
        assert_eq!((saves.last(), saves.saves()), (9, 1));
        assert_eq!(saves.unsaved_changes(&stats), 0);
        assert_eq!(saves.save_seconds(), -1);
        stats.worker(1).dirty.add(1);
        stats.reset();
        saves.reset();
        assert_eq!((saves.unsaved_changes(&stats), saves.saves()), (1, 0));
        assert_eq!(saves.last(), 9);
    }

    #[test]
    fn what_is_scheduled_is_done_once() {
        let (stats, saves) = (Stats::new(1, 0), Saves::new(Micros(0)));
        stats.worker(0).dirty.add(2);
        saves.schedule_save();
        saves.schedule_rewrite();
        assert!(saves.is_rewrite_scheduled());
        assert_eq!((saves.saves(), saves.rewrites()), (0, 0));
        assert_eq!(saves.unsaved_changes(&stats), 2);
        for second in [1, 2] {
            saves.do_scheduled(&stats, Micros(second * 1_000_000));
            assert_eq!((saves.saves(), saves.rewrites(), saves.last()), (1, 1, 1));
        }
        assert!(!saves.is_rewrite_scheduled());
        assert_eq!((saves.save_seconds(), saves.rewrite_seconds()), (0, 0));
        assert_eq!(saves.unsaved_changes(&stats), 0);
    }
}
