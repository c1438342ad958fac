//! Reads every value anew, as a server does that loads what it has saved.

use super::Db;
use crate::clock::Millis;
use crate::keyspace::access::Access;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::locks::SHARDS;
use crate::keyspace::object::ValueRef;
use crate::resp::Key;
use crate::types::hash::FieldExpiry;
use crate::types::list::Builder;
use crate::types::{Hash, List, Set, SortedSet};

impl Db<'_> {
    /// Stores every key anew, in the form that its content and the settings call for; keys past their
    /// expiry are dropped. Needs all shards. Who watches a key that is there becomes dirty
    /// (`transactions.md` 4.8). O(n).
    pub fn reload(&mut self) {
        let (now, client) = (self.access.millis(), self.access.client);
        self.invalidate_all();
        for number in 0..SHARDS {
            for index in 0..self.databases() {
                for (hash, key) in self.locked.shard(number).watches.keys_of(index) {
                    if self.locked.shard(number).entry(index, hash, &key).is_some() {
                        self.removed_unnoticed(index, Key { bytes: &key, hash }, "reload", client);
                    }
                }
                let Some(old) = self.locked.shard_mut(number).take_database(index) else {
                    continue;
                };
                for entry in old.table.iter().filter(|entry| !entry.is_expired(now)) {
                    let fresh = read_anew(entry, now, &self.access);
                    let database = self.locked.shard_mut(number).make_database(index);
                    Self::put(database, Key::new(entry.key()), fresh);
                }
                self.aftermath().garbage.databases.push(old);
            }
        }
    }
}

/// The same key with its value in the form that it would have if it was put in now.
fn read_anew(entry: &Entry, now: Millis, access: &Access<'_>) -> Entry {
    let (key, expiry, clock) = (entry.key(), entry.expiry(), access.fresh_clock());
    match entry.value() {
        ValueRef::String(string) => {
            let mut buffer = itoa::Buffer::new();
            Entry::new(key, Value::encode(string.bytes(&mut buffer)), expiry, clock)
        }
        ValueRef::Hash(hash) => {
            let hash = hash_anew(hash, now, access);
            Entry::with_object(key, hash, expiry, clock)
        }
        ValueRef::Set(set) => {
            let limits = access.set_limits();
            let fits = set.len() <= limits.listpack.entries.min(limits.intset);
            if set.is_compact() && fits {
                return Entry::with_object(key, set.clone(), expiry, clock);
            }
            let mut fresh = Set::new();
            set.iter().for_each(|member| {
                fresh.add(member.bytes(&mut itoa::Buffer::new()), &limits);
            });
            Entry::with_object(key, fresh, expiry, clock)
        }
        ValueRef::SortedSet(sorted_set) => {
            let limits = access.sorted_set_limits();
            let lengths = sorted_set.iter().map(|(member, _)| member.len());
            let longest = lengths.max().unwrap_or(0);
            let members = sorted_set.iter();
            let fresh = SortedSet::from_sorted(sorted_set.len(), longest, members, limits);
            Entry::with_object(key, fresh, expiry, clock)
        }
        ValueRef::Stream(stream) => Entry::with_object(key, stream.clone(), expiry, clock),
        ValueRef::List(list) => Entry::with_object(key, list_anew(list, access), expiry, clock),
    }
}

/// The pieces of a list are saved as they are.
fn list_anew(list: &List, access: &Access<'_>) -> List {
    let mut builder = Builder::new(access.list_fill());
    for node in list.nodes() {
        builder.append(node);
    }
    builder.finish()
}

fn hash_anew(hash: &Hash, now: Millis, access: &Access<'_>) -> Hash {
    let limits = access.hash_limits();
    let mut fresh = Hash::new();
    fresh.prepare(0, hash.len(), limits);
    let live = |at: Option<Millis>| at.is_none_or(|at| at > now);
    for field in hash.iter().filter(|field| live(field.expiry)) {
        fresh.set(field.name, field.value, FieldExpiry::Clear, limits);
        if field.expiry.is_some() {
            fresh.set_expiry(field.name, field.expiry);
        }
    }
    fresh
}
