//! The active expiry cycle: removes keys that nobody asks for after they expired.

use crate::clock::Micros;
use crate::observers;
use crate::server::Server;
use crate::stats::WorkerStats;
use crate::transaction::lock_shard;
use crate::types::table::group::WIDTH;
use crate::types::table::segment::MAX_GROUPS;

/// Where a sweep over a shard is: the database and the segment.
pub type Position = (usize, usize);

/// Looks at the keys of about one segment of a shard, and removes those past their expiry; so the
/// shard is locked for some tens of microseconds at most. Returns where to go on, if not at the end.
pub fn sweep(
    server: &Server,
    stats: &WorkerStats,
    shard: usize,
    at: Position,
    now: Micros,
) -> Option<Position> {
    let mut db = lock_shard(server, stats, shard, now);
    let next = db.sweep(shard, at, MAX_GROUPS * WIDTH);
    let garbage = db.take_garbage();
    let mut woken = std::mem::take(db.woken());
    drop(db);
    observers::wake(&mut woken);
    if !garbage.is_empty() {
        server.reaper.dispose(garbage);
    }
    next
}
