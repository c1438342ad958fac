//! The whole keyspace against a naive model: several databases, expiry, watches, and every kind of change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::locks::{SHARDS, shard_of};
use super::watch::{Baseline, Seen, WatchSlot};
use super::*;
use crate::clock::{Micros, Millis};
use crate::config::Config;
use crate::random;
use crate::resp::Key;
use crate::stats::WorkerStats;

const DATABASES: usize = 3;

/// Few enough that changes meet.
const KEYS: usize = 15;

type Model = [BTreeMap<Vec<u8>, (Vec<u8>, Option<Millis>)>; DATABASES];

struct World {
    keyspace: Keyspace,
    config: Config,
    stats: WorkerStats,
    model: Model,
    now: Millis,
}

fn some_key() -> Vec<u8> {
    let number = random::below(KEYS);
    // Some keys are long, and lie outside their entries.
    format!("key:{number}{}", "+".repeat(number % 7 * 8)).into_bytes()
}

fn some_value() -> Vec<u8> {
    match random::below(3) {
        0 => random::below(100_000).to_string().into_bytes(),
        1 => vec![b'v'; random::below(50)],
        _ => vec![b'w'; random::below(500)],
    }
}

impl World {
    fn new() -> Self {
        World {
            keyspace: Keyspace::new(DATABASES),
            config: Config::new(),
            stats: WorkerStats::default(),
            model: Model::default(),
            now: 1_000_000,
        }
    }

    fn db(&self, index: usize) -> Db<'_> {
        let locked = Locked::acquire(&self.keyspace, ShardSet::ALL, Mode::Exclusive);
        let access = Access {
            index,
            now: Micros(self.now * 1_000),
            client: 1,
            touch: true,
            removes_stale: true,
            config: &self.config,
            stats: &self.stats,
        };
        Db::new(locked, access)
    }

    fn pass_time(&mut self) {
        self.now += random::below(30) as Millis;
        let now = self.now;
        for database in &mut self.model {
            database.retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now));
        }
    }

    /// Makes one random change of both, and returns the names that a watcher must see changed.
    fn change(&mut self) -> BTreeSet<(usize, Vec<u8>)> {
        let index = random::below(DATABASES);
        let other = random::below(DATABASES);
        let (name, to) = (some_key(), some_key());
        let mut model = std::mem::take(&mut self.model);
        let touched = self.change_key(&mut model, index, other, &name, &to);
        self.model = model;
        touched.into_iter().collect()
    }

    fn change_key(
        &self,
        model: &mut Model,
        index: usize,
        other: usize,
        name: &[u8],
        to: &[u8],
    ) -> Vec<(usize, Vec<u8>)> {
        let mut db = self.db(index);
        let (key, to_key) = (Key::new(name), Key::new(to));
        let old = model[index].get(name).cloned();
        let at = self.now + 1 + random::below(100) as Millis;
        let here = vec![(index, name.to_vec())];
        let if_there = |there: bool| if there { here.clone() } else { Vec::new() };
        match random::below(40) {
            0..12 => {
                let value = some_value();
                let expiry =
                    [SetExpiry::Keep, SetExpiry::Clear, SetExpiry::At(at)][random::below(3)];
                db.set(key, Value::encode(&value), expiry, "set");
                let at = match expiry {
                    SetExpiry::Keep => old.and_then(|(_, at)| at),
                    SetExpiry::Clear => None,
                    SetExpiry::At(at) => Some(at),
                };
                model[index].insert(name.to_vec(), (value, at));
                here
            }
            12..15 => {
                let there = model[index].remove(name).is_some();
                assert_eq!(db.remove(key, "del"), there);
                if_there(there)
            }
            15..18 => {
                let expiry = (random::below(3) > 0).then_some(at);
                let entry = model[index].get_mut(name);
                assert_eq!(db.set_expiry(key, expiry, "expire"), entry.is_some());
                let there = entry.map(|entry| entry.1 = expiry);
                if_there(there.is_some())
            }
            18..21 => {
                let there = db
                    .edit(key, "append", |entry| entry.append(b"tail"))
                    .is_some();
                if let Some((value, _)) = model[index].get_mut(name) {
                    value.extend_from_slice(b"tail");
                }
                assert_eq!(there, old.is_some());
                if_there(there)
            }
            21..26 => {
                assert_eq!(db.rename(key, to_key).is_ok(), old.is_some());
                if name == to || old.is_none() {
                    return Vec::new();
                }
                let entry = model[index].remove(name).unwrap();
                model[index].insert(to.to_vec(), entry);
                vec![(index, name.to_vec()), (index, to.to_vec())]
            }
            26..30 if index != other => {
                let moves = old.is_some() && !model[other].contains_key(name);
                assert_eq!(db.move_to(key, other), moves);
                if !moves {
                    return Vec::new();
                }
                let entry = model[index].remove(name).unwrap();
                model[other].insert(name.to_vec(), entry);
                vec![(index, name.to_vec()), (other, name.to_vec())]
            }
            30..34 if (index, name) != (other, to) => {
                let replace = random::below(2) == 0;
                let copies = old.is_some() && (replace || !model[other].contains_key(to));
                assert_eq!(db.copy(key, to_key, other, replace), copies);
                if !copies {
                    return Vec::new();
                }
                model[other].insert(to.to_vec(), old.unwrap());
                vec![(other, to.to_vec())]
            }
            34 => {
                db.flush(index, true);
                let keys = std::mem::take(&mut model[index]).into_keys();
                keys.map(|name| (index, name)).collect()
            }
            35 if index != other => {
                db.swap(index, other);
                model.swap(index, other);
                let names = model[index].keys().chain(model[other].keys());
                let both = |name: &Vec<u8>| [(index, name.clone()), (other, name.clone())];
                names.flat_map(both).collect()
            }
            36 => {
                let (shard, mut at) = (shard_of(key.hash), Some((0, 0)));
                while let Some(position) = at {
                    at = db.sweep(shard, position, 1);
                }
                Vec::new()
            }
            37 => {
                let there = model[index].remove(name).is_some();
                let evicted = db.evict(index, key);
                // What is stale but stored goes too, and counts as missing.
                assert!(evicted || !there);
                if_there(there)
            }
            38 => {
                let found = db.random_key();
                assert_eq!(found.is_none(), model[index].is_empty());
                assert!(found.is_none_or(|found| model[index].contains_key(&found)));
                Vec::new()
            }
            _ => {
                let found = db.get(key).map(text);
                assert_eq!(found, old.map(|(value, _)| value));
                Vec::new()
            }
        }
    }

    /// Removes what is stale, or some of it, by one of the ways that do so.
    fn remove_stale(&self) {
        let way = random::below(3);
        for index in 0..DATABASES {
            let mut db = self.db(index);
            if way == 0 {
                db.scan(0, usize::MAX, |_| true, |_| {});
            }
        }
        for shard in (0..SHARDS).filter(|_| way == 1) {
            let mut at = Some((0, 0));
            while let Some(position) = at {
                at = self.db(0).sweep(shard, position, 1);
            }
        }
    }

    /// Compares everything that can be seen, by every way of seeing it.
    fn compare(&self, database: usize) {
        let model = &self.model[database];
        let mut db = self.db(database);
        let view = db.view();
        let found: BTreeMap<_, _> = view
            .entries_of(database)
            .map(|entry| (entry.key().to_vec(), (text(entry), entry.expiry())))
            .collect();
        assert_eq!(found, *model);
        let stored: Vec<_> = view.stored_entries_of(database).collect();
        assert_eq!(view.len_of(database), stored.len());
        let with_expiry = stored.iter().filter(|entry| entry.expiry().is_some());
        assert_eq!(view.expires_of(database), with_expiry.count());
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            let count = 1 + random::below(10);
            (cursor, _) = db.scan(
                cursor,
                count,
                |_| true,
                |entry| seen.push(entry.key().to_vec()),
            );
            if cursor == 0 {
                break;
            }
        }
        seen.sort();
        assert_eq!(seen, model.keys().cloned().collect::<Vec<_>>());
        // The scan has removed what was stale.
        assert_eq!(db.view().len_of(database), model.len());
    }
}

fn text(entry: &Entry) -> Vec<u8> {
    let string = entry.string().unwrap();
    string.bytes(&mut itoa::Buffer::new()).to_vec()
}

struct Watcher {
    database: usize,
    name: Vec<u8>,
    slot: Arc<WatchSlot>,
    baseline: Baseline,
    alive: bool,
}

fn watch(world: &World) -> Watcher {
    let (database, name, slot) = (random::below(DATABASES), some_key(), Arc::default());
    let alive = world.model[database].contains_key(&name);
    let seen = if alive {
        Seen::Alive(world.now)
    } else {
        Seen::Nothing
    };
    let key = Key::new(&name);
    let mut db = world.db(database);
    let shard = db.locked_mut().shard_mut(shard_of(key.hash));
    let baseline = shard.watches.watch(database, key, &slot, seen);
    Watcher {
        database,
        name,
        slot,
        baseline,
        alive,
    }
}

impl Watcher {
    /// Whether EXEC would abort now; the watch ends.
    fn end(self, world: &World) -> bool {
        let (key, mut db) = (Key::new(&self.name), world.db(self.database));
        let shard = db.locked_mut().shard_mut(shard_of(key.hash));
        let stored = shard.entry(self.database, key.hash, key.bytes);
        let dirty = shard
            .watches
            .is_dirty(self.database, key, self.baseline, stored, world.now);
        // What the slot says is dirty must be so by its version: EXEC relies on it.
        assert!(dirty || !self.slot.is_dirty());
        shard.watches.unwatch(self.database, key, &self.slot);
        dirty
    }
}

#[test]
fn every_change_agrees_with_a_naive_model() {
    let mut world = World::new();
    for round in 0..3_000 {
        let watchers: Vec<Watcher> = (0..4).map(|_| watch(&world)).collect();
        let mut touched = BTreeSet::new();
        let mut died = BTreeSet::new();
        for _ in 0..random::below(4) {
            let before: Vec<_> = world.model.iter().map(keys).collect();
            world.pass_time();
            for (index, names) in before.into_iter().enumerate() {
                let left = keys(&world.model[index]);
                died.extend(names.difference(&left).map(|name| (index, name.clone())));
            }
            touched.extend(world.change());
        }
        world.remove_stale();
        for watcher in watchers {
            let name = (watcher.database, watcher.name.clone());
            let expected = touched.contains(&name) || (watcher.alive && died.contains(&name));
            assert_eq!(watcher.end(&world), expected, "round {round}, {name:?}");
        }
        world.compare(round % DATABASES);
    }
    let mut db = world.db(0);
    for shard in 0..SHARDS {
        assert!(db.locked_mut().shard(shard).watches.is_empty());
    }
}

fn keys(database: &BTreeMap<Vec<u8>, (Vec<u8>, Option<Millis>)>) -> BTreeSet<Vec<u8>> {
    database.keys().cloned().collect()
}
