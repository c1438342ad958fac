//! The active expiry cycle: removes keys that nobody asks for after they expired.

use crate::clock::Micros;
use crate::observers;
use crate::server::Server;
use crate::stats::WorkerStats;
use crate::transaction::{blocking, lock_shard};
use crate::types::table::group::WIDTH;
use crate::types::table::segment::MAX_GROUPS;

/// Where a sweep over a shard is: the database and the segment.
pub type Position = (usize, usize);

/// What a sweep came to.
#[derive(Clone, Copy, Debug)]
pub struct Swept {
    /// Where to go on, if not at the end.
    pub next: Option<Position>,
    /// Keys past their expiry.
    pub stale: u64,
    /// Keys of the shard that have an expiry; 0 if the sweep goes on with an earlier one.
    pub timed: u64,
}

/// Looks at the keys of about one segment of a shard, and removes those past their expiry; so the
/// shard is locked for some tens of microseconds at most.
pub fn sweep(
    server: &Server,
    stats: &WorkerStats,
    shard: usize,
    at: Position,
    now: Micros,
) -> Swept {
    let mut db = lock_shard(server, stats, shard, now);
    let timed = if at == (0, 0) {
        db.timed_keys(shard)
    } else {
        0
    };
    let before = stats.expired_keys.get();
    let next = db.sweep(shard, at, MAX_GROUPS * WIDTH);
    let stale = stats.expired_keys.get() - before;
    let served = blocking::serve_apart(&mut db, stats);
    let garbage = db.take_garbage();
    let (mut woken, mut changes) = (db.take_woken(), db.take_changes());
    drop(db);
    blocking::settle(server, stats, served);
    let tracking = &server.observers.tracking;
    tracking.broadcast(&server.config, &mut changes, &mut woken);
    observers::wake(&mut woken);
    if !garbage.is_empty() {
        server.reaper.dispose(garbage);
    }
    Swept { next, stale, timed }
}
