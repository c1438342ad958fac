//! The whole keyspace against a naive model: several databases, expiry of keys and of the fields of hashes,
//! watches, and every kind of change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::locks::{SHARDS, shard_of};
use super::watch::{Baseline, Seen, WatchSlot};
use super::*;
use crate::clock::{Micros, Millis};
use crate::config::Config;
use crate::observers::Observers;
use crate::random;
use crate::resp::Key;
use crate::stats::WorkerStats;
use crate::types::Hash;
use crate::types::hash::FieldExpiry;

const DATABASES: usize = 3;

/// Few enough that changes meet.
const KEYS: usize = 15;

/// Fields of a hash: few, so that changes meet.
const FIELDS: usize = 5;

type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<Millis>)>;

#[derive(Clone, Debug, PartialEq)]
enum Held {
    Text(Vec<u8>),
    Hash(Fields),
}

type Keys = BTreeMap<Vec<u8>, (Held, Option<Millis>)>;

type Model = [Keys; DATABASES];

struct World {
    keyspace: Keyspace,
    config: Config,
    observers: Observers,
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
            observers: Observers::default(),
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
            observers: &self.observers,
            stats: &self.stats,
        };
        Db::new(locked, access)
    }

    fn pass_time(&mut self) {
        self.now += random::below(30) as Millis;
        let now = self.now;
        for database in &mut self.model {
            for (held, _) in database.values_mut() {
                if let Held::Hash(fields) = held {
                    fields.retain(|_, (_, expiry)| expiry.is_none_or(|at| at > now));
                }
            }
            database.retain(|_, (held, expiry)| {
                expiry.is_none_or(|at| at > now)
                    && !matches!(held, Held::Hash(fields) if fields.is_empty())
            });
        }
    }

    /// Changes some fields of a hash, which is made if there is none. Returns whether anything changed.
    fn change_fields(&self, db: &mut Db<'_>, key: Key<'_>, model: &mut Keys) -> bool {
        let now = self.now;
        let limits = db.access.hash_limits();
        let old = model.get(key.bytes).cloned();
        let (held, expiry) = old.unwrap_or((Held::Hash(Fields::new()), None));
        let Held::Hash(mut fields) = held else {
            let edited = db.edit_object(key, Missing::Make, "hset", |_: &mut Hash| Ok(((), 1)));
            assert_eq!(edited, Err(crate::error::Error::WrongType));
            return false;
        };
        let mut changes = 0;
        let edited = db.edit_object(key, Missing::Make, "hset", |hash: &mut Hash| {
            for _ in 0..random::below(12) {
                let name = vec![b'f', b'0' + random::below(FIELDS) as u8];
                assert_eq!(hash.get(&name).is_some(), fields.contains_key(&name));
                match random::below(6) {
                    0 | 1 => {
                        let value = some_value();
                        hash.set(&name, &value, FieldExpiry::Clear, limits);
                        fields.insert(name, (value, None));
                        changes += 1;
                    }
                    2 => {
                        let there = fields.remove(&name).is_some();
                        assert_eq!(hash.remove(&name), there);
                        changes += u64::from(there);
                    }
                    way => {
                        let at = (way > 3).then_some(now + 1 + random::below(60) as Millis);
                        let there = fields.get_mut(&name).map(|field| field.1 = at).is_some();
                        assert_eq!(hash.set_expiry(&name, at), there);
                        changes += u64::from(there);
                    }
                }
            }
            assert_eq!(hash.len(), fields.len());
            Ok(((), changes))
        });
        assert_eq!(edited, Ok(Some(())));
        if fields.is_empty() {
            model.remove(key.bytes);
        } else {
            model.insert(key.bytes.to_vec(), (Held::Hash(fields), expiry));
        }
        changes > 0
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
            0..8 => if_there(self.change_fields(&mut db, key, &mut model[index])),
            8..12 => {
                let value = some_value();
                let expiry =
                    [SetExpiry::Keep, SetExpiry::Clear, SetExpiry::At(at)][random::below(3)];
                db.set(key, Value::encode(&value), expiry, "set");
                let at = match expiry {
                    SetExpiry::Keep => old.and_then(|(_, at)| at),
                    SetExpiry::Clear => None,
                    SetExpiry::At(at) => Some(at),
                };
                model[index].insert(name.to_vec(), (Held::Text(value), at));
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
                let appended = db.try_edit(key, "append", |entry| {
                    entry.string()?;
                    Ok(entry.append(b"tail"))
                });
                assert_eq!(appended.is_some(), old.is_some());
                if let Some((Held::Text(text), _)) = model[index].get_mut(name) {
                    text.extend_from_slice(b"tail");
                    return here;
                }
                Vec::new()
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
                db.flush(index..index + 1, true);
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
                let found = db.get(key).map(held);
                assert_eq!(found, old.map(|(held, _)| held));
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
        let db = self.db(0);
        let view = db.view();
        let mut stored = (0..DATABASES).flat_map(|index| view.stored_entries_of(index));
        assert!(way != 1 || stored.all(|entry| !entry.is_due(self.now)));
    }

    /// Compares everything that can be seen, by every way of seeing it.
    fn compare(&self, database: usize) {
        let model = &self.model[database];
        let mut db = self.db(database);
        let view = db.view();
        let found: BTreeMap<_, _> = view
            .entries_of(database)
            .map(|entry| {
                let seen = view.peek(Key::new(entry.key())).expect("it is there");
                (entry.key().to_vec(), (held(seen), entry.expiry()))
            })
            .collect();
        assert_eq!(found, *model);
        let stored: Vec<_> = view.stored_entries_of(database).collect();
        assert_eq!(view.len_of(database), stored.len());
        let with_expiry = stored.iter().filter(|entry| entry.expiry().is_some());
        assert_eq!(view.expires_of(database), with_expiry.count());
        let timed = |entry: &&&Entry| entry.object::<Hash>().is_ok_and(Hash::has_expiring);
        assert_eq!(
            view.timed_hashes_of(database),
            stored.iter().filter(timed).count()
        );
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

fn held(entry: &Entry) -> Held {
    if let Ok(hash) = entry.object::<Hash>() {
        let field = |field: crate::types::hash::Field<'_>| {
            (field.name.to_vec(), (field.value.to_vec(), field.expiry))
        };
        return Held::Hash(hash.iter().map(field).collect());
    }
    let string = entry.string().unwrap();
    Held::Text(string.bytes(&mut itoa::Buffer::new()).to_vec())
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
            let before = world.model.clone();
            world.pass_time();
            for (index, keys) in before.into_iter().enumerate() {
                let after = &world.model[index];
                let lost = keys
                    .into_iter()
                    .filter(|(name, was)| after.get(name) != Some(was));
                died.extend(lost.map(|(name, _)| (index, name)));
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
