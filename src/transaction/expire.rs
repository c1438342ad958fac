//! The active expiry cycle: removes keys that nobody asks for after they expired.

use crate::clock::Micros;
use crate::keyspace::group::WIDTH;
use crate::keyspace::segment::MAX_GROUPS;
use crate::keyspace::{Access, Db, Locked, Mode, ShardSet};
use crate::server::Server;
use crate::stats::WorkerStats;

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
    let locked = Locked::acquire(&server.keyspace, ShardSet::single(shard), Mode::Exclusive);
    let now = locked.settle_time(now);
    let access = Access {
        index: 0,
        now,
        client: 0,
        touch: false,
        removes_stale: true,
        config: &server.config,
        stats,
    };
    let mut db = Db::new(locked, access);
    let next = db.sweep(shard, at, MAX_GROUPS * WIDTH);
    let garbage = db.take_garbage();
    drop(db);
    if !garbage.is_empty() {
        server.reaper.dispose(garbage);
    }
    next
}
