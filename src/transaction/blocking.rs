//! Clients that wait for keys: how they begin to wait, how a batch that brought what they wait for
//! serves them, and how they stop.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use smallvec::SmallVec;

use crate::clients::{signal, waiting};
use crate::clock;
use crate::commands::registry;
use crate::commands::spec::Flags;
use crate::config::MaxmemoryPolicy;
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Waiter};
use crate::keyspace::locks::shard_of;
use crate::keyspace::{Db, Keyspace, Locked, Mode, ShardSet};
use crate::latency::timer;
use crate::memory;
use crate::observers::inbox::Inbox;
use crate::resp::{Key, Reply};
use crate::server::Server;
use crate::stats::WorkerStats;

/// Clients that are to be woken once the shards are unlocked: those that were served, with the microseconds
/// that this took, and those that were refused or are to look again.
pub type Served = SmallVec<[(Arc<Waiter>, Option<u64>); 1]>;

/// Lets a client wait. The shards of its keys are locked, so that nothing comes between the attempt
/// that found nothing and this.
pub fn wait(db: &mut Db<'_>, waiter: &Arc<Waiter>) {
    // From here on whoever serves it, or ends its wait, can claim it.
    waiter.client.waiting.store(waiting::BLOCKED, Relaxed);
    for key in waiter.keys() {
        db.wait_for(key, waiter);
    }
}

/// Serves the clients that wait for what the batch brought, after all of the batch and under its locks
/// (`transactions.md` 3.12): for each key in the order in which the keys came, first come first served. Each
/// gets one turn for a key: entries of a stream are for all who wait for them.
#[cold]
pub fn serve(db: &mut Db<'_>, stats: &WorkerStats) -> Served {
    let mut served = Served::new();
    if !db.has_ready() {
        return served;
    }
    // A long EXEC may have outlived what it brought.
    db.pass_time(clock::now());
    while let Some(mut ready) = db.take_ready() {
        while let Some(waiter) = db.next_waiter(&mut ready) {
            // Not one whose time has run out, or that was unblocked or closed, just now.
            if waiter.client.killed.load(Relaxed) || !waiter.client.claim_wait() {
                continue;
            }
            if lacks_memory(db, &waiter) {
                refuse(stats, &waiter, &Error::Oom);
                served.push((waiter, None));
                continue;
            }
            db.cover(&waiter);
            let (done, micros) = clock::apart(|| run(db, stats, &waiter));
            if done {
                served.push((waiter, Some(micros)));
            } else {
                waiter.spent.fetch_add(micros, Relaxed);
                // Only this key's row lost it; the other rows may lie in shards that are not locked.
                waiter.client.waiting.store(waiting::BLOCKED, Relaxed);
                db.wait_on(&mut ready, &waiter);
                // Its time may have run out while it was claimed: it looks again.
                if waiter.until.is_some_and(|until| until <= clock::now().0) {
                    served.push((waiter, None));
                }
            }
        }
    }
    served
}

/// Whether clients wait in these shards for what they then move to other keys.
#[inline]
pub fn has_moving(locked: &Locked<'_>) -> bool {
    let mut shards = locked.set();
    shards.any(|shard| locked.shard(shard).blocked.has_moving())
}

/// Keys that a batch may write.
pub type Keys<'k> = dyn Fn(&mut dyn FnMut(Key<'k>)) + 'k;

/// Locks, besides what is locked, the shards of all keys to which clients may move what they get from the keys that
/// the batch may write, and so on from there: before the batch runs, for serving must not wait for a lock. Each of
/// a few tries sees more; the last locks all.
#[cold]
pub fn cover<'a>(keyspace: &'a Keyspace, locked: Locked<'a>, keys: &Keys<'_>) -> Locked<'a> {
    const TRIES: usize = 3;
    let mut locked = locked;
    for nth in 1.. {
        let wanted = reach(&locked, keys).union(locked.set());
        if wanted == locked.set() {
            break;
        }
        drop(locked);
        let shards = if nth < TRIES { wanted } else { ShardSet::ALL };
        locked = Locked::acquire(keyspace, shards, Mode::Exclusive);
    }
    locked
}

/// The shards to which something may be moved from the keys, as far as can be seen.
fn reach(locked: &Locked<'_>, keys: &Keys<'_>) -> ShardSet {
    let mut shards = ShardSet::NONE;
    let mut reached: SmallVec<[Key<'_>; 8]> = SmallVec::new();
    keys(&mut |key| reached.push(key));
    let mut next = 0;
    while let Some(&key) = reached.get(next) {
        next += 1;
        let shard = shard_of(key.hash);
        shards = shards.union(ShardSet::single(shard));
        if !locked.set().contains(shard) {
            continue;
        }
        let all_seen = locked.shard(shard).blocked.destinations(key, |to| {
            if !reached.iter().any(|known| known.bytes == to.bytes) {
                reached.push(to);
            }
        });
        if !all_seen {
            return ShardSet::ALL;
        }
    }
    shards
}

/// Notes that the client has read the keys of its command, if it tracks what it reads: those whose shards are
/// not locked too, of which it has seen nothing.
fn remember(db: &Db<'_>, waiter: &Waiter) {
    if waiter.tracks() {
        let tracking = &db.access.observers.tracking;
        waiter
            .keys()
            .for_each(|key| tracking.remember(key, waiter.client.id));
    }
}

/// Whether the client's command is one that is refused over `maxmemory`, which is passed: since Redis 7.4 it is looked at
/// anew when it runs again. Where there is something to evict the next command makes room, for here shards are locked.
fn lacks_memory(db: &Db<'_>, waiter: &Waiter) -> bool {
    let config = db.access.config;
    let limit = config.maxmemory();
    limit != 0
        && config.maxmemory_policy() == MaxmemoryPolicy::NoEviction
        && registry::all()[waiter.command]
            .flags
            .contains(Flags::DENY_OOM)
        && memory::publish() > limit
}

/// Answers a client, which has been claimed, without running its command.
fn refuse(stats: &WorkerStats, waiter: &Waiter, error: &Error) {
    let place = waiter.client.known_inbox().map_or(0, Inbox::place);
    let mut out = Vec::new();
    Reply::new(&mut out, waiter.protocol).error(error);
    stats.count_error(&error.code());
    stats.commands[waiter.command].rejected.add(1);
    waiter.answer(place, &out);
}

/// Runs the command of a client for it. False if there still is nothing for it.
fn run(db: &mut Db<'_>, stats: &WorkerStats, waiter: &Waiter) -> bool {
    let own = db.access;
    db.access.index = waiter.database;
    db.access.client = waiter.client.id;
    db.access.touch = waiter.touch;
    let place = waiter.client.known_inbox().map_or(0, Inbox::place);
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, waiter.protocol);
    let mark = reply.mark();
    let done = match (waiter.attempt)(db, waiter.args_again(), &mut reply) {
        Ok(Attempt::Done) => true,
        Ok(Attempt::Wait(_)) => false,
        Err(error) => {
            reply.cut(mark);
            reply.error(&error);
            stats.count_error(&error.code());
            stats.commands[waiter.command].failed.add(1);
            true
        }
    };
    remember(db, waiter);
    if done {
        waiter.answer(place, &out);
        db.tell_own();
    }
    db.access = own;
    done
}

/// As [`serve`] after the server's own work, which has no timer: what was served is to be [`settle`]d.
pub fn serve_apart(db: &mut Db<'_>, stats: &WorkerStats) -> Served {
    if db.has_aftermath() {
        serve(db, stats)
    } else {
        Served::new()
    }
}

/// Notes how long it took to serve clients after the server's own work, and wakes them. Nothing is locked.
pub fn settle(server: &Server, stats: &WorkerStats, served: Served) {
    for (waiter, micros) in &served {
        if let Some(micros) = micros {
            timer::served_apart(server, stats, waiter, *micros);
        }
    }
    wake(served);
}

/// Wakes the clients that were served. Nothing is locked.
pub fn wake(served: Served) {
    for (waiter, _) in served {
        waiter.client.signal(signal::RESUME);
    }
}

/// Forgets a client whose wait is over, in every row where it may still be.
pub fn leave(keyspace: &Keyspace, waiter: &Arc<Waiter>) {
    let mut locked = Locked::acquire(keyspace, waiter.shards(), Mode::Exclusive);
    for key in waiter.keys() {
        let shard = locked.shard_mut(crate::keyspace::locks::shard_of(key.hash));
        shard.blocked.leave(key, waiter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Client;
    use crate::clock::Micros;
    use crate::config::Config;
    use crate::keyspace::blocked::Want;
    use crate::keyspace::locks::shard_of;
    use crate::keyspace::object::Kind;
    use crate::keyspace::{Access, ShardSet};
    use crate::observers::Observers;
    use crate::resp::args::Slot;
    use crate::resp::{Args, Protocol};
    use crate::types::Set;

    fn want() -> Want {
        Want::new(Kind::Set, 0..2, None)
    }

    /// As if what came had expired when its turn was there.
    fn finds_nothing(_: &mut Db<'_>, _: Args<'_>, _: &mut Reply<'_>) -> Result<Attempt, Error> {
        Ok(Attempt::Wait(want()))
    }

    fn waiter(id: u64, keys: &[u8; 2]) -> Arc<Waiter> {
        waiter_for(id, keys, &want())
    }

    fn waiter_for(id: u64, keys: &[u8; 2], want: &Want) -> Arc<Waiter> {
        let client = Client::new(id, String::new(), String::new(), 0, 0, Micros(1));
        let slots = [0, 1].map(|start| Slot {
            start,
            len: 1,
            hash: Key::new(&keys[start as usize..][..1]).hash,
        });
        Arc::new(Waiter::new(
            Arc::new(client),
            (0, Protocol::Resp2, true, true),
            (0, finds_nothing),
            Args::new(keys, &slots),
            want,
        ))
    }

    #[test]
    fn what_is_moved_on_is_followed_to_its_end() {
        let keyspace = Keyspace::new(1);
        let shard = |key: u8| ShardSet::of(Key::new(&[key]).hash);
        let moves =
            |id, from, to| waiter_for(id, &[from, to], &Want::new(Kind::List, 0..1, None).to(1));
        let enter = |waiters: &[Arc<Waiter>]| {
            let mut locked = Locked::acquire(&keyspace, ShardSet::ALL, Mode::Exclusive);
            for (waiter, key) in waiters
                .iter()
                .flat_map(|one| one.keys().map(move |key| (one, key)))
            {
                let blocked = &mut locked.shard_mut(shard_of(key.hash)).blocked;
                blocked.wait(key, waiter);
            }
        };
        let covered = |key: u8| {
            let locked = Locked::acquire(&keyspace, shard(key), Mode::Exclusive);
            let has_moving = has_moving(&locked);
            let bytes = [key];
            let set = cover(&keyspace, locked, &|found| found(Key::new(&bytes))).set();
            assert!(has_moving || set == shard(key));
            set
        };
        let mut waiters = vec![
            moves(1, b'a', b'b'),
            moves(2, b'b', b'c'),
            moves(3, b'c', b'a'),
        ];
        waiters.extend([waiter(4, b"ab"), waiter(5, b"de"), moves(6, b'f', b'g')]);
        enter(&waiters);
        let circle = [b'a', b'b', b'c'].map(shard);
        let circle = circle.into_iter().fold(ShardSet::NONE, ShardSet::union);
        for key in [b'a', b'b', b'c'] {
            assert_eq!(covered(key), circle);
        }
        assert_eq!(covered(b'd'), shard(b'd'));
        assert_eq!(covered(b'f'), shard(b'f').union(shard(b'g')));
        assert_eq!(covered(b'g'), shard(b'g'));
        let many: Vec<_> = (10..50).map(|id| moves(id, b'f', b'g')).collect();
        enter(&many);
        assert_eq!(covered(b'f'), ShardSet::ALL);
        // Whoever leaves, in whatever order, is found.
        waiters.extend(many);
        for waiter in waiters
            .iter()
            .step_by(2)
            .chain(waiters.iter().skip(1).step_by(2))
        {
            leave(&keyspace, waiter);
        }
        let locked = Locked::acquire(&keyspace, ShardSet::ALL, Mode::Exclusive);
        assert!(!has_moving(&locked));
        assert_eq!(
            locked
                .set()
                .map(|shard| locked.shard(shard).blocked.keys())
                .sum::<usize>(),
            0
        );
    }

    #[test]
    fn who_got_nothing_waits_on_and_leaves_nothing_behind() {
        let (keyspace, config, stats) = (Keyspace::new(1), Config::new(), WorkerStats::default());
        let observers = Observers::default();
        let lock = |shards| {
            let access = Access {
                index: 0,
                now: Micros(1),
                client: 1,
                touch: true,
                removes_stale: true,
                config: &config,
                observers: &observers,
                stats: &stats,
            };
            Db::new(Locked::acquire(&keyspace, shards, Mode::Exclusive), access)
        };
        let shard = |key: u8| shard_of(Key::new(&[key]).hash);
        let far = (b'b'..)
            .find(|key| shard(*key) != shard(b'a'))
            .unwrap_or(b'b');
        let keys = [b'a', far];
        let waiters = [1, 2].map(|id| waiter(id, &keys));
        let mut db = lock(ShardSet::ALL);
        for waiter in &waiters {
            wait(&mut db, waiter);
        }
        drop(db);
        let came = Key::new(&keys[..1]);
        for other_is_held in [true, false] {
            let other = ShardSet::of(Key::new(&keys[1..]).hash);
            let held = other_is_held.then(|| Locked::acquire(&keyspace, other, Mode::Exclusive));
            let mut db = lock(ShardSet::of(came.hash));
            let mut set = Set::new();
            set.add(b"member", &db.access.set_limits());
            db.store_object(came, set, "sadd");
            assert!(db.has_ready());
            let served = serve(&mut db, &stats);
            assert!(served.is_empty());
            for waiter in &waiters {
                assert!(!waiter.is_answered());
                assert!(waiter.client.claim_wait(), "it waits on");
                waiter.client.waiting.store(waiting::BLOCKED, Relaxed);
            }
            db.remove(came, "del");
            drop((db, held));
        }
        for waiter in &waiters {
            leave(&keyspace, waiter);
        }
        let locked = Locked::acquire(&keyspace, ShardSet::ALL, Mode::Exclusive);
        for key in keys {
            assert_eq!(locked.shard(shard(key)).blocked.keys(), 0);
        }
    }
}
