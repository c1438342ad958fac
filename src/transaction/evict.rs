//! Eviction: what happens when `maxmemory` is passed. Runs before a batch takes its locks, and locks
//! one shard at a time.

use parking_lot::Mutex;

use crate::clock::Micros;
use crate::config::MaxmemoryPolicy;
use crate::keyspace::locks::SHARDS;
use crate::keyspace::{Access, Db, Entry, Locked, Mode, ShardSet};
use crate::memory;
use crate::random;
use crate::resp::Key;
use crate::server::Server;
use crate::stats::WorkerStats;

/// One thread evicts at a time: two would evict twice as much as is needed.
static EVICTING: Mutex<()> = Mutex::new(());

/// Most keys removed for one command; what is left over is the next command's.
const MOST_AT_ONCE: usize = 1_000;

/// Draws in a row that may find no candidate before memory counts as used up.
const FRUITLESS_DRAWS: usize = 256;

/// Evicts until memory is within `maxmemory`, as the policy says. Returns whether it still is over.
pub fn make_room(server: &Server, stats: &WorkerStats, now: Micros) -> bool {
    let limit = server.config.maxmemory();
    if limit == 0 || memory::publish() <= limit {
        return false;
    }
    let policy = server.config.maxmemory_policy();
    if policy == MaxmemoryPolicy::NoEviction {
        return true;
    }
    let _one = EVICTING.lock();
    let mut fruitless = 0;
    for _ in 0..MOST_AT_ONCE {
        if memory::publish() <= limit {
            return false;
        }
        while !evict_one(server, stats, policy, now) {
            fruitless += 1;
            if fruitless >= FRUITLESS_DRAWS {
                return memory::publish() > limit;
            }
        }
        fruitless = 0;
    }
    // Progress was made; Redis too lets the command pass and goes on with the next.
    false
}

/// Draws some keys of one shard and removes the best candidate. False if there was none.
fn evict_one(server: &Server, stats: &WorkerStats, policy: MaxmemoryPolicy, now: Micros) -> bool {
    let shard = random::below(SHARDS);
    let database = random::below(server.keyspace.databases());
    let locked = Locked::acquire(&server.keyspace, ShardSet::single(shard), Mode::Exclusive);
    let now = locked.settle_time(now);
    let access = Access {
        index: database,
        now,
        client: 0,
        touch: false,
        removes_stale: true,
        config: &server.config,
        stats,
    };
    let mut db = Db::new(locked, access);
    let mut best: Option<(i64, Vec<u8>)> = None;
    for _ in 0..server.config.maxmemory_samples() {
        let Some(entry) = db.sample(shard, database) else {
            break;
        };
        if policy.is_volatile() && entry.expiry().is_none() {
            continue;
        }
        let score = score(&access, policy, entry);
        if best.as_ref().is_none_or(|(least, _)| score < *least) {
            best = Some((score, entry.key().to_vec()));
        }
    }
    let evicted = best.is_some_and(|(_, key)| db.evict(database, Key::new(&key)));
    let garbage = db.take_garbage();
    drop(db);
    drop(garbage);
    evicted
}

/// The lower, the sooner it is evicted.
fn score(access: &Access<'_>, policy: MaxmemoryPolicy, entry: &Entry) -> i64 {
    match policy {
        MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => {
            -i64::from(access.idle_seconds(entry))
        }
        MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu => {
            i64::from(access.frequency(entry))
        }
        MaxmemoryPolicy::VolatileTtl => entry.expiry().unwrap_or(i64::MAX),
        MaxmemoryPolicy::AllkeysRandom
        | MaxmemoryPolicy::VolatileRandom
        | MaxmemoryPolicy::NoEviction => 0,
    }
}
