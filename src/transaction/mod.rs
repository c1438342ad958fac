//! The road of every command: lock, run, unlock. The only place that locks shards, always in
//! ascending order (invariant 1), and a plain `fn`: nothing waits between lock and unlock (invariant 2).

pub mod blocking;
pub mod evict;
pub mod expire;
pub mod migrate;
pub mod runner;
pub mod watch;

use smallvec::SmallVec;

use crate::clock::Micros;
use crate::commands::keys::KeyPlan;
use crate::commands::registry::Command;
use crate::commands::spec::Footprint;
use crate::keyspace::{Access, Db, Locked, Mode, ShardSet};
use crate::resp::Args;
use crate::resp::args::Slot;
use crate::server::Server;
use crate::stats::WorkerStats;
use crate::types::hasher;

/// Locks one shard for the server's own work on it, expiry and eviction: no client is to blame, and no
/// key counts as used.
fn lock_shard<'a>(server: &'a Server, stats: &'a WorkerStats, shard: usize, now: Micros) -> Db<'a> {
    let locked = Locked::acquire(&server.keyspace, ShardSet::single(shard), Mode::Exclusive);
    let now = locked.settle_time(now);
    let access = Access {
        index: 0,
        now,
        client: 0,
        touch: false,
        removes_stale: true,
        config: &server.config,
        observers: &server.observers,
        stats,
    };
    Db::new(locked, access)
}

/// Hashes the keys of a command into their slots, and returns the shards that it will lock.
#[inline]
pub fn hash_keys(command: &Command, buffer: &[u8], slots: &mut [Slot]) -> ShardSet {
    let mut shards = match command.spec.footprint {
        Footprint::Keys => ShardSet::NONE,
        Footprint::KeysOrAll(asks_for_others) => match asks_for_others(Args::new(buffer, slots)) {
            true => ShardSet::ALL,
            false => ShardSet::NONE,
        },
        Footprint::AllShared | Footprint::AllExclusive => ShardSet::ALL,
    };
    let mut hash = |slot: &mut Slot| {
        slot.hash = hasher::hash(&buffer[slot.start as usize..(slot.start + slot.len) as usize]);
        shards = shards.union(ShardSet::of(slot.hash));
    };
    match command.keys {
        KeyPlan::None => {}
        KeyPlan::Range { first, last, step } => {
            let end = if last < 0 {
                slots.len().saturating_sub(last.unsigned_abs() - 1)
            } else {
                last as usize + 1
            };
            if let Some(keys) = slots.get_mut(first..end) {
                keys.iter_mut().step_by(step).for_each(hash);
            }
        }
        KeyPlan::General => {
            let mut positions: SmallVec<[usize; 8]> = SmallVec::new();
            command.for_each_possible_key(Args::new(buffer, slots), |position, _| {
                positions.push(position)
            });
            for position in positions {
                hash(&mut slots[position]);
            }
        }
    }
    shards
}
