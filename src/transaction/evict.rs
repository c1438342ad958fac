//! Eviction: what happens when `maxmemory` is passed. Runs before a batch takes its locks, and locks
//! one shard at a time.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::clock::{self, Micros};
use crate::config::MaxmemoryPolicy;
use crate::keyspace::locks::SHARDS;
use crate::keyspace::{Access, Db, Entry};
use crate::latency;
use crate::latency::events::event;
use crate::memory;
use crate::observers;
use crate::observers::tracking::Change;
use crate::random;
use crate::resp::Key;
use crate::server::Server;
use crate::stats::WorkerStats;
use crate::transaction::{blocking, lock_shard};

/// One thread evicts at a time: two would evict twice as much as is needed.
static EVICTING: Mutex<()> = Mutex::new(());

/// Most keys removed for one command; what is left over is the next command's.
const MOST_AT_ONCE: usize = 1_000;

/// Draws in a row that may find no candidate before every place is looked at.
const FRUITLESS_DRAWS: usize = 16;

/// How long memory was over `maxmemory` although it was tried to evict.
#[derive(Debug, Default)]
pub struct OverLimit {
    /// Since when it is, in Unix microseconds; 0: it is not.
    since: AtomicI64,
    /// Microseconds of earlier times.
    before: AtomicI64,
}

impl OverLimit {
    fn begin(&self, now: Micros) {
        let _ = self.since.compare_exchange(0, now.0, Relaxed, Relaxed);
    }

    fn end(&self, now: Micros) {
        if self.since.load(Relaxed) != 0 {
            let since = self.since.swap(0, Relaxed);
            self.before.fetch_add(lasted(since, now), Relaxed);
        }
    }

    /// Milliseconds of this time, if it is one, and of all.
    pub fn millis(&self, now: Micros) -> (i64, i64) {
        let current = lasted(self.since.load(Relaxed), now);
        let total = self.before.load(Relaxed) + current;
        (current / 1_000, total / 1_000)
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        self.since.store(0, Relaxed);
        self.before.store(0, Relaxed);
    }
}

/// Microseconds from `since`, if there is such a moment.
fn lasted(since: i64, now: Micros) -> i64 {
    if since == 0 {
        0
    } else {
        (now.0 - since).max(0)
    }
}

/// What eviction came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Memory is within the limit.
    Within,
    /// It is not yet. Redis too lets the command pass then, and goes on with the next.
    Progress,
    /// It is not, and nothing can be evicted.
    Over,
}

/// Evicts until memory is within `maxmemory`, as the policy says. Returns whether it still is over, and
/// nothing can be done about it. The keys are added to `changes`.
pub fn make_room(
    server: &Server,
    stats: &WorkerStats,
    now: Micros,
    changes: &mut Vec<Change>,
) -> bool {
    evict(server, stats, now, changes) == Outcome::Over
}

/// As [`make_room`], without a command for which it is made. Returns whether there is more to evict.
pub fn make_some_room(
    server: &Server,
    stats: &WorkerStats,
    now: Micros,
    changes: &mut Vec<Change>,
) -> bool {
    evict(server, stats, now, changes) == Outcome::Progress
}

fn evict(server: &Server, stats: &WorkerStats, now: Micros, changes: &mut Vec<Change>) -> Outcome {
    let mut eviction = Eviction {
        server,
        stats,
        now,
        changes,
    };
    let outcome = eviction.run();
    match outcome {
        Outcome::Within => server.over_limit.end(now),
        Outcome::Progress | Outcome::Over => server.over_limit.begin(now),
    }
    outcome
}

/// How candidates are found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    /// At random: cheap, but a rare kind of key may be missed.
    Draw,
    /// By looking at every key until there are enough.
    Walk,
}

/// One command's eviction.
struct Eviction<'a> {
    server: &'a Server,
    stats: &'a WorkerStats,
    now: Micros,
    changes: &'a mut Vec<Change>,
}

impl Eviction<'_> {
    fn run(&mut self) -> Outcome {
        let config = &self.server.config;
        let limit = config.maxmemory();
        if limit == 0 || memory::publish() <= limit {
            return Outcome::Within;
        }
        if config.maxmemory_policy() == MaxmemoryPolicy::NoEviction {
            return Outcome::Over;
        }
        // What comes before a command is not its own time; and who waits for another thread does not evict.
        let (outcome, _) = clock::apart(|| {
            let _one = EVICTING.lock();
            let (outcome, micros) = clock::apart(|| self.evict_down_to(limit));
            latency::sample(self.server, event::EVICTION_CYCLE, micros);
            outcome
        });
        outcome
    }

    fn evict_down_to(&mut self, limit: u64) -> Outcome {
        for _ in 0..MOST_AT_ONCE {
            if memory::publish() <= limit {
                return Outcome::Within;
            }
            let drawn =
                (0..FRUITLESS_DRAWS).any(|_| self.evict_one(random::below(SHARDS), Search::Draw));
            if !drawn && !self.evict_anywhere() {
                return Outcome::Over;
            }
        }
        Outcome::Progress
    }

    /// Looks at every shard, from a random one on: few keys among many are seldom drawn.
    fn evict_anywhere(&mut self) -> bool {
        let start = random::below(SHARDS);
        (start..start + SHARDS).any(|shard| self.evict_one(shard % SHARDS, Search::Walk))
    }

    /// Removes the best of some candidates in one shard, in the first database that has any, from a random
    /// one on. False if there was none.
    fn evict_one(&mut self, shard: usize, search: Search) -> bool {
        let policy = self.server.config.maxmemory_policy();
        let db = lock_shard(self.server, self.stats, shard, self.now);
        let access = db.access;
        let databases = self.server.keyspace.databases();
        let start = random::below(databases);
        let samples = self.server.config.maxmemory_samples();
        let found = (start..start + databases).find_map(|index| {
            let index = index % databases;
            let candidate = |entry: &&Entry| !policy.is_volatile() || entry.expiry().is_some();
            let best = |entry: &&Entry| score(&access, policy, entry);
            let entry = match search {
                Search::Draw => (0..samples)
                    .map_while(|_| db.sample(shard, index))
                    .filter(candidate)
                    .min_by_key(best),
                Search::Walk => db
                    .entries(shard, index)
                    .filter(candidate)
                    .take(samples)
                    .min_by_key(best),
            };
            entry.map(|entry| (index, entry.key().to_vec()))
        });
        let Some((index, key)) = found else {
            return false;
        };
        if !latency::monitors(self.server) {
            return self.remove(db, index, &key);
        }
        let began = clock::now();
        let evicted = self.remove(db, index, &key);
        let micros = clock::now().since(began);
        latency::sample(self.server, event::EVICTION_DEL, micros);
        evicted
    }

    /// Removes one key, and frees its memory at once: that is what it is removed for.
    fn remove(&mut self, mut db: Db<'_>, index: usize, key: &[u8]) -> bool {
        let evicted = db.evict(index, Key::new(key));
        let served = blocking::serve_apart(&mut db, self.stats);
        let garbage = db.take_garbage();
        let mut woken = db.take_woken();
        self.changes.append(&mut db.take_changes());
        drop(db);
        blocking::settle(self.server, self.stats, served);
        observers::wake(&mut woken);
        drop(garbage);
        evicted
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_over_the_limit_add_up() {
        let over = OverLimit::default();
        over.end(Micros(5_000));
        assert_eq!(over.millis(Micros(9_000)), (0, 0));
        over.begin(Micros(10_000));
        over.begin(Micros(12_000));
        assert_eq!(over.millis(Micros(15_000)), (5, 5));
        over.end(Micros(20_000));
        assert_eq!(over.millis(Micros(90_000)), (0, 10));
        over.begin(Micros(100_000));
        assert_eq!(over.millis(Micros(103_000)), (3, 13));
        over.reset();
        assert_eq!(over.millis(Micros(104_000)), (0, 0));
    }
}
