//! The end of MIGRATE: what another server has taken is removed here, if it is still what was sent.

use crate::clock;
use crate::keyspace::Locked;
use crate::keyspace::marks::Marks;
use crate::keyspace::{Access, Db, Mode};
use crate::latency::timer::{Notes, Timer};
use crate::observers::{self, Woken};
use crate::server::Server;
use crate::stats::WorkerStats;
use crate::transaction::runner::Turn;

/// Removes the keys of which `taken` is true, unless they were changed since they were marked, for a client.
/// Returns how many of them were changed and are still there. The marks are gone then.
pub fn remove_taken(
    server: &Server,
    stats: &WorkerStats,
    client: u64,
    marks: &Marks,
    taken: &[bool],
) -> usize {
    let (now, mut notes) = (clock::now(), Notes::default());
    let mut turn = Turn {
        server,
        stats,
        now,
        timer: Timer::new(server, stats, now, &mut notes),
        woken: Woken::new(),
        changes: Vec::new(),
        reply_start: 0,
        tells_first: false,
    };
    let locked = Locked::acquire(&server.keyspace, marks.shards(), Mode::Exclusive);
    let access = Access {
        index: marks.index,
        now: locked.settle_time(now),
        client,
        touch: false,
        removes_stale: !server.pause.is_on(now.0),
        config: &server.config,
        observers: &server.observers,
        stats,
    };
    let mut db = Db::new(locked, access);
    let changed = db.unmark(marks);
    let mut kept = 0;
    for (index, key) in marks.keys().enumerate() {
        if !taken.get(index).is_some_and(|taken| *taken) {
            continue;
        }
        if !changed[index] {
            db.remove(key, "del");
        } else if db.peek(key).is_some() {
            kept += 1;
        }
    }
    turn.finish(db);
    let tracking = &server.observers.tracking;
    if !turn.changes.is_empty() {
        tracking.broadcast(&server.config, &mut turn.changes, &mut turn.woken);
    }
    if !turn.woken.is_empty() {
        observers::wake(&mut turn.woken);
    }
    turn.timer.finish();
    kept
}
