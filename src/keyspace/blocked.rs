//! The clients that wait for a key: a shard's table of them, first come first served.
//!
//! A client that waits for several keys is in the rows of all, which may lie in several shards. Who
//! serves it claims it first, so that it is served once; what is left of it in other rows is skipped,
//! and removed by its own connection when its wait ends.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Release},
};

use hashbrown::HashTable;

use crate::clients::Client;
use crate::error::Error;
use crate::keyspace::db::Db;
use crate::keyspace::locks::ShardSet;
use crate::keyspace::object::Kind;
use crate::resp::args::Slot;
use crate::resp::{Args, Key, Protocol, Reply};

/// How an attempt of a blocking command ended.
#[derive(Debug)]
pub enum Attempt {
    /// The reply is written.
    Done,
    /// There was nothing: nothing was written or changed.
    Wait(Want),
}

/// For what a blocking command waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The type that a key must have.
    pub kind: Kind,
    /// The arguments that are the keys, in the order in which they are looked at.
    pub keys: Range<usize>,
    /// The moment at which the wait ends, in Unix microseconds; `None`: never.
    pub until: Option<i64>,
}

/// Runs a blocking command, at first and again when one of its keys got what it waits for. Then only
/// the shards that changed are locked, and it must pass over keys of others ([`Db::covers`]).
pub type AttemptFn = fn(&mut Db<'_>, Args<'_>, &mut Reply<'_>) -> Result<Attempt, Error>;

/// A client that waits for keys.
#[derive(Debug)]
pub struct Waiter {
    /// The client.
    pub client: Arc<Client>,
    /// The database that it had selected.
    pub database: usize,
    /// The protocol in which it is answered.
    pub protocol: Protocol,
    /// Whether its look-ups count as uses of keys.
    pub touch: bool,
    /// Its command's number in the registry.
    pub command: usize,
    /// The command.
    pub attempt: AttemptFn,
    kind: Kind,
    keys: Range<usize>,
    buffer: Box<[u8]>,
    slots: Box<[Slot]>,
    wants_reply: bool,
    answered: AtomicBool,
    /// Microseconds that its attempts took so far.
    pub spent: AtomicU64,
}

impl Waiter {
    /// A client that runs `attempt` with `args` and gets what it wants when it is there. `context` is its
    /// database, its protocol, whether its look-ups count as uses and whether it wants the reply.
    pub fn new(
        client: Arc<Client>,
        context: (usize, Protocol, bool, bool),
        command: (usize, AttemptFn),
        args: Args<'_>,
        want: &Want,
    ) -> Self {
        let (buffer, slots) = args.to_owned_parts();
        Waiter {
            client,
            database: context.0,
            protocol: context.1,
            touch: context.2,
            command: command.0,
            attempt: command.1,
            kind: want.kind,
            keys: want.keys.clone(),
            buffer,
            slots,
            wants_reply: context.3,
            answered: AtomicBool::new(false),
            spent: AtomicU64::new(0),
        }
    }

    /// The command's arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.slots)
    }

    /// The keys that it waits for.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys.clone().map(|index| self.args().key(index))
    }

    /// The shards of the keys that it waits for.
    pub fn shards(&self) -> ShardSet {
        self.keys().fold(ShardSet::NONE, |shards, key| {
            shards.union(ShardSet::of(key.hash))
        })
    }

    /// Leaves the reply for the client's connection to send: at its `place` among what the client was told, for
    /// what the command has had it told comes after the reply.
    pub fn answer(&self, place: u64, reply: &[u8]) {
        if self.wants_reply {
            self.client.inbox().insert(place, reply);
        }
        self.answered.store(true, Release);
    }

    /// Whether the reply is there.
    pub fn is_answered(&self) -> bool {
        self.answered.load(Acquire)
    }
}

struct Row {
    database: u16,
    hash: u64,
    key: Box<[u8]>,
    waiters: VecDeque<Arc<Waiter>>,
}

impl Row {
    fn is(&self, database: usize, key: Key<'_>) -> bool {
        usize::from(self.database) == database && *self.key == *key.bytes
    }
}

fn row_hash(database: usize, hash: u64) -> u64 {
    hash.wrapping_add(database as u64)
}

/// A shard's waiting clients.
#[derive(Default)]
pub struct BlockedTable {
    rows: HashTable<Row>,
}

impl BlockedTable {
    /// Whether nobody waits for anything here. The only cost of a new key while that is so.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of keys that are waited for.
    pub fn keys(&self) -> usize {
        self.rows.len()
    }

    /// Whether a client waits for the key. O(1).
    pub fn has(&self, database: usize, key: Key<'_>) -> bool {
        let hash = row_hash(database, key.hash);
        self.rows.find(hash, |row| row.is(database, key)).is_some()
    }

    /// Lets a client wait for a key, behind those that wait already. O(1).
    pub fn wait(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        let database = waiter.database;
        let row = self
            .rows
            .entry(
                row_hash(database, key.hash),
                |row| row.is(database, key),
                |row| row_hash(row.database.into(), row.hash),
            )
            .or_insert_with(|| Row {
                database: database as u16,
                hash: key.hash,
                key: key.bytes.into(),
                waiters: VecDeque::new(),
            })
            .into_mut();
        // A key that is named twice: nobody else came between, for the shard is locked.
        if row
            .waiters
            .back()
            .is_none_or(|last| !Arc::ptr_eq(last, waiter))
        {
            row.waiters.push_back(waiter.clone());
        }
    }

    /// Takes out the client that has waited longest for the key with a value of this type. O(clients
    /// that wait for another type).
    pub fn take_first(&mut self, database: usize, key: Key<'_>, kind: Kind) -> Option<Arc<Waiter>> {
        self.change_row(database, key, |waiters| {
            let at = waiters.iter().position(|waiter| waiter.kind == kind)?;
            waiters.remove(at)
        })
    }

    /// Takes a client out of the key's row, if it is there. O(clients that wait for the key).
    pub fn leave(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        self.change_row(waiter.database, key, |waiters| {
            let at = waiters
                .iter()
                .position(|other| Arc::ptr_eq(other, waiter))?;
            waiters.remove(at)
        });
    }

    fn change_row<R>(
        &mut self,
        database: usize,
        key: Key<'_>,
        change: impl FnOnce(&mut VecDeque<Arc<Waiter>>) -> Option<R>,
    ) -> Option<R> {
        let hash = row_hash(database, key.hash);
        let mut entry = self
            .rows
            .find_entry(hash, |row| row.is(database, key))
            .ok()?;
        let result = change(&mut entry.get_mut().waiters);
        if entry.get().waiters.is_empty() {
            entry.remove();
            if self.rows.is_empty() {
                // Many clients at once must not leave a large table behind.
                self.rows = HashTable::new();
            }
        }
        result
    }

    /// The keys of a database that are waited for, copied. O(rows).
    pub fn keys_of(&self, database: usize) -> Vec<(u64, Box<[u8]>)> {
        self.rows
            .iter()
            .filter(|row| usize::from(row.database) == database)
            .map(|row| (row.hash, row.key.clone()))
            .collect()
    }
}
