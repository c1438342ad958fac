//! What a session watches, and the taking and releasing of watches.

use crate::clock::Micros;
use crate::keyspace::watch::{Baseline, Seen};
use crate::keyspace::{Keyspace, Locked, Mode, ShardSet};
use crate::resp::{Args, Key};
use crate::session::Session;

struct Watched {
    db: usize,
    hash: u64,
    key: Box<[u8]>,
    baseline: Baseline,
}

/// The keys that a session watches.
#[derive(Default)]
pub struct Watches(Vec<Watched>);

impl Watches {
    /// Whether nothing is watched.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shards of the watched keys.
    pub fn shards(&self) -> ShardSet {
        self.0.iter().fold(ShardSet::NONE, |shards, watched| {
            shards.union(ShardSet::of(watched.hash))
        })
    }
}

/// WATCH: adds the keys `args[1..]`, of which the shards are `shards`. A key that is watched already
/// keeps its first baseline (`transactions.md` 4.2). Returns the shards, which are still locked.
pub fn watch<'k>(
    keyspace: &'k Keyspace,
    session: &mut Session,
    args: Args<'_>,
    shards: ShardSet,
    now: Micros,
) -> Locked<'k> {
    let mut locked = Locked::acquire(keyspace, shards, Mode::Exclusive);
    let now = locked.settle_time(now).millis();
    let db = session.db;
    for index in 1..args.len() {
        let key = args.key(index);
        let shard = locked.shard_mut(crate::keyspace::locks::shard_of(key.hash));
        if shard.watches.has_watcher(db, key, session.client.watch()) {
            continue;
        }
        let seen = match shard.entry(db, key.hash, key.bytes) {
            Some(entry) if !entry.is_expired(now) => Seen::Alive(now),
            _ => Seen::Nothing,
        };
        let baseline = shard.watches.watch(db, key, session.client.watch(), seen);
        session.watches.0.push(Watched {
            db,
            hash: key.hash,
            key: key.bytes.into(),
            baseline,
        });
    }
    session.client.watch().set_watched(session.watches.0.len());
    locked
}

/// Whether a watched key changed, or it or a field of its hash expired by `now` (4.6). The shards of all watches are locked.
pub fn is_dirty(locked: &Locked<'_>, session: &Session, now: Micros) -> bool {
    session.watches.0.iter().any(|watched| {
        let key = Key {
            bytes: &watched.key,
            hash: watched.hash,
        };
        let shard = locked.shard(crate::keyspace::locks::shard_of(watched.hash));
        let stored = shard.entry(watched.db, watched.hash, &watched.key);
        let now = now.millis();
        shard
            .watches
            .is_dirty(watched.db, key, watched.baseline, stored, now)
    })
}

/// Releases all watches. Their shards are locked.
pub fn release(locked: &mut Locked<'_>, session: &mut Session) {
    if session.watches.is_empty() {
        return;
    }
    for watched in session.watches.0.drain(..) {
        let key = Key {
            bytes: &watched.key,
            hash: watched.hash,
        };
        let shard = locked.shard_mut(crate::keyspace::locks::shard_of(watched.hash));
        shard
            .watches
            .unwatch(watched.db, key, session.client.watch());
    }
    if session.watches.0.capacity() > 64 {
        session.watches = Watches::default();
    }
    session.client.watch().clear();
}

/// UNWATCH, and the end of a session: releases all watches.
pub fn unwatch(keyspace: &Keyspace, session: &mut Session) {
    if !session.watches.is_empty() {
        let mut locked = Locked::acquire(keyspace, session.watches.shards(), Mode::Exclusive);
        release(&mut locked, session);
    }
}
