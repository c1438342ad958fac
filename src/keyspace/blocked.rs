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
    Ordering::{Acquire, Relaxed, Release},
};

use hashbrown::HashTable;

use crate::clients::Client;
use crate::error::Error;
use crate::keyspace::db::Db;
use crate::keyspace::locks::ShardSet;
use crate::keyspace::object::Kind;
use crate::resp::args::Slot;
use crate::resp::{Args, Key, Protocol, Reply};

/// Most waiting clients of which it is found out where they move what they get.
const MOST_FOLLOWED: usize = 32;

/// The next waiting client's ticket.
static TICKETS: AtomicU64 = AtomicU64::new(0);

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
    /// Whether it also runs again when a stream under one of the keys goes, whatever comes in its place.
    pub minds_loss: bool,
    /// Arguments that are others when it runs again (XREAD's `$`).
    pub rewritten: Vec<(usize, Box<[u8]>)>,
    /// The argument that is the key to which it moves what it gets. Such a command answers null, and not a null array,
    /// where it may not wait.
    pub destination: Option<usize>,
}

impl Want {
    /// For a key of a type, until a moment.
    pub fn new(kind: Kind, keys: Range<usize>, until: Option<i64>) -> Self {
        Want {
            kind,
            keys,
            until,
            minds_loss: false,
            rewritten: Vec::new(),
            destination: None,
        }
    }

    /// What comes is moved to the key that is argument `index`.
    pub fn to(mut self, index: usize) -> Self {
        self.destination = Some(index);
        self
    }
}

/// Runs a blocking command, at first and again when one of its keys got what it waits for. Then only
/// the shards that changed are locked, and it must pass over keys of others ([`Db::covers`]); the shard of a
/// destination is locked in any case.
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
    /// The moment at which its wait ends, in Unix microseconds; `None`: never.
    pub until: Option<i64>,
    /// Grows with each client that begins to wait, so that the clients in a row are in order.
    ticket: u64,
    kind: Kind,
    minds_loss: bool,
    keys: Range<usize>,
    destination: Option<usize>,
    buffer: Box<[u8]>,
    slots: Box<[Slot]>,
    /// The arguments with which it runs again, if they are others.
    rewritten: Option<OwnArgs>,
    wants_reply: bool,
    /// Whether it tracks what it reads.
    tracks: bool,
    answered: AtomicBool,
    /// Microseconds that its attempts took so far.
    pub spent: AtomicU64,
}

impl Waiter {
    /// A client that runs `attempt` with `args` and gets what it wants when it is there, made while the shards of
    /// its keys are locked. `context` is its database, its protocol, whether its look-ups count as uses and whether it wants the reply.
    pub fn new(
        client: Arc<Client>,
        context: (usize, Protocol, bool, bool),
        command: (usize, AttemptFn),
        args: Args<'_>,
        want: &Want,
    ) -> Self {
        let (buffer, slots) = args.to_owned_parts();
        let rewritten = (!want.rewritten.is_empty()).then(|| rewrite(args, &want.rewritten));
        Waiter {
            client,
            database: context.0,
            protocol: context.1,
            touch: context.2,
            command: command.0,
            attempt: command.1,
            until: want.until,
            ticket: TICKETS.fetch_add(1, Relaxed),
            kind: want.kind,
            minds_loss: want.minds_loss,
            keys: want.keys.clone(),
            destination: want.destination,
            buffer,
            slots,
            rewritten,
            wants_reply: context.3,
            tracks: false,
            answered: AtomicBool::new(false),
            spent: AtomicU64::new(0),
        }
    }

    /// Notes that the client tracks what the command reads.
    pub fn tracking(mut self, tracks: bool) -> Self {
        self.tracks = tracks;
        self
    }

    /// Whether the client tracks what the command reads.
    pub fn tracks(&self) -> bool {
        self.tracks
    }

    /// The command's arguments, as they were sent.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.slots)
    }

    /// The arguments with which the command runs again.
    pub fn args_again(&self) -> Args<'_> {
        match &self.rewritten {
            Some((buffer, slots)) => Args::new(buffer, slots),
            None => self.args(),
        }
    }

    /// The keys that it waits for.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys.clone().map(|index| self.args().key(index))
    }

    /// The key to which it moves what it gets.
    fn destination(&self) -> Option<Key<'_>> {
        self.destination.map(|index| self.args().key(index))
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

/// Arguments and the buffer in which they lie.
type OwnArgs = (Box<[u8]>, Box<[Slot]>);

/// A copy of the arguments, some of which are others.
fn rewrite(args: Args<'_>, others: &[(usize, Box<[u8]>)]) -> OwnArgs {
    let (buffer, mut slots) = args.to_owned_parts();
    let mut buffer = buffer.into_vec();
    for (index, text) in others {
        slots[*index] = Slot {
            start: buffer.len() as u32,
            len: text.len() as u32,
            hash: 0,
        };
        buffer.extend_from_slice(text);
    }
    (buffer.into(), slots)
}

/// A key for which clients are to be served, and how far that has gone: each that waited at the beginning
/// gets one turn.
#[derive(Debug)]
pub struct Ready {
    /// Its database.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// How many in front have been passed over, because they wait for another type.
    at: usize,
    /// How many are still to have their turn.
    left: usize,
}

struct Row {
    database: u16,
    hash: u64,
    key: Box<[u8]>,
    waiters: VecDeque<Arc<Waiter>>,
    /// How many of them mind the loss of the key.
    minding: usize,
    /// How many of them move what they get to another key.
    moving: usize,
    /// Whether the key is noted to be served.
    noted: bool,
}

impl Row {
    fn is(&self, database: usize, key: Key<'_>) -> bool {
        usize::from(self.database) == database && *self.key == *key.bytes
    }
}

impl Waiter {
    fn minds(&self) -> usize {
        usize::from(self.minds_loss)
    }

    fn moves(&self) -> usize {
        usize::from(self.destination.is_some())
    }
}

/// A shard's waiting clients.
#[derive(Default)]
pub struct BlockedTable {
    /// By the keys' hashes alone, so that a key is found in all databases.
    rows: HashTable<Row>,
    /// How many clients, in all rows, move what they get to another key.
    moving: usize,
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

    /// Number of keys whose loss somebody minds. O(keys that are waited for).
    pub fn minded_keys(&self) -> usize {
        self.rows.iter().filter(|row| row.minding > 0).count()
    }

    fn row_mut(&mut self, database: usize, key: Key<'_>) -> Option<&mut Row> {
        self.rows.find_mut(key.hash, |row| row.is(database, key))
    }

    /// Whether the key, which came or got entries, is to be served: a client waits for it, and it is not
    /// noted yet. It is from here on. O(1).
    pub fn note(&mut self, database: usize, key: Key<'_>) -> bool {
        let row = self.row_mut(database, key);
        row.is_some_and(|row| !std::mem::replace(&mut row.noted, true))
    }

    /// As [`BlockedTable::note`], for a key that lost its stream.
    pub fn note_lost(&mut self, database: usize, key: Key<'_>) -> bool {
        let row = self.row_mut(database, key);
        row.is_some_and(|row| row.minding > 0 && !std::mem::replace(&mut row.noted, true))
    }

    /// Begins to serve the key, which is no longer noted.
    pub fn begin(&mut self, database: usize, key: Box<[u8]>) -> Ready {
        let row = self.row_mut(database, Key::new(&key));
        let left = row.map_or(0, |row| {
            row.noted = false;
            row.waiters.len()
        });
        Ready {
            database,
            key,
            at: 0,
            left,
        }
    }

    /// Lets a client wait for a key, behind those that wait already. O(1).
    pub fn wait(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        let database = waiter.database;
        let row = self
            .rows
            .entry(key.hash, |row| row.is(database, key), |row| row.hash)
            .or_insert_with(|| Row {
                database: database as u16,
                hash: key.hash,
                key: key.bytes.into(),
                waiters: VecDeque::new(),
                minding: 0,
                moving: 0,
                noted: false,
            })
            .into_mut();
        // A key that is named twice: nobody else came between, for the shard is locked.
        if row
            .waiters
            .back()
            .is_none_or(|last| !Arc::ptr_eq(last, waiter))
        {
            row.waiters.push_back(waiter.clone());
            row.minding += waiter.minds();
            row.moving += waiter.moves();
            self.moving += waiter.moves();
        }
    }

    /// Whether clients wait here for what they then move to another key.
    #[inline]
    pub fn has_moving(&self) -> bool {
        self.moving > 0
    }

    /// Tells `found` to which keys clients move what they get from this key, in whatever database. False if there are
    /// too many to tell.
    pub fn destinations<'a>(&'a self, key: Key<'_>, mut found: impl FnMut(Key<'a>)) -> bool {
        for row in self.rows.iter_hash(key.hash) {
            if row.moving == 0 || *row.key != *key.bytes {
                continue;
            }
            if row.waiters.len() > MOST_FOLLOWED {
                return false;
            }
            let waiters = row.waiters.iter();
            waiters
                .filter_map(|waiter| waiter.destination())
                .for_each(&mut found);
        }
        true
    }

    /// Takes out the next client that waits for the key with a value of the type that it has now, or that
    /// minds its loss; in the order in which they came. O(clients that wait for another type).
    pub fn take_next(&mut self, ready: &mut Ready, kind: Option<Kind>) -> Option<Arc<Waiter>> {
        let key = Key::new(&ready.key);
        let (at, left) = (&mut ready.at, &mut ready.left);
        self.change_row(ready.database, key, |row| {
            if kind.is_none() && row.minding == 0 {
                return None;
            }
            while *left > 0 {
                let waiter = row.waiters.get(*at)?;
                *left -= 1;
                if Some(waiter.kind) == kind || waiter.minds_loss {
                    return row.waiters.remove(*at);
                }
                *at += 1;
            }
            None
        })
    }

    /// Gives a client its place in the key's row again, of which it was taken out just now, and has had its turn.
    pub fn wait_on(&mut self, ready: &mut Ready, waiter: &Arc<Waiter>) {
        let key = Key::new(&ready.key);
        if self.row_mut(ready.database, key).is_none() {
            self.wait(key, waiter);
        } else if let Some(row) = self.row_mut(ready.database, key) {
            row.waiters.insert(ready.at, waiter.clone());
            row.minding += waiter.minds();
            row.moving += waiter.moves();
            self.moving += waiter.moves();
        }
        ready.at += 1;
    }

    /// Takes a client out of the key's row, if it is there. O(log n) for n clients that wait for the key, besides
    /// moving a pointer for each that came before it, or after it.
    pub fn leave(&mut self, key: Key<'_>, waiter: &Arc<Waiter>) {
        self.change_row(waiter.database, key, |row| {
            let at = row
                .waiters
                .partition_point(|other| other.ticket < waiter.ticket);
            if !Arc::ptr_eq(row.waiters.get(at)?, waiter) {
                return None;
            }
            row.waiters.remove(at)
        });
    }

    /// Lets `take` take a client out of a row.
    fn change_row(
        &mut self,
        database: usize,
        key: Key<'_>,
        take: impl FnOnce(&mut Row) -> Option<Arc<Waiter>>,
    ) -> Option<Arc<Waiter>> {
        let mut entry = self
            .rows
            .find_entry(key.hash, |row| row.is(database, key))
            .ok()?;
        let row = entry.get_mut();
        let taken = take(row);
        if let Some(waiter) = &taken {
            row.minding -= waiter.minds();
            row.moving -= waiter.moves();
            self.moving -= waiter.moves();
        }
        if row.waiters.is_empty() {
            entry.remove();
            if self.rows.is_empty() {
                // Many clients at once must not leave a large table behind.
                self.rows = HashTable::new();
            }
        }
        taken
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
