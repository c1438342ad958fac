//! CLIENT TRACKING: who is told that its copies of keys are no longer true.
//!
//! By default a client is told once of each key that it has read: readers are noted under the key's shard
//! lock, in the critical section of the read, and told under it by whoever changes the key, so that a client
//! hears of changes in the order in which they happen. A key counts without its database, as in Redis. A
//! client that broadcasts is told of all changed keys with its prefixes, at the end of each batch.
//!
//! What a client's own command has it told waits until the command, or all of EXEC, is over.

mod broadcast;
mod table;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

pub use self::broadcast::Change;
use self::broadcast::Prefixes;
use self::table::KeyTable;
pub use self::table::{Ids, Tracked};
use crate::clients::{Client, Clients, flag};
use crate::clock::Micros;
use crate::config::Config;
use crate::observers::Woken;
use crate::resp::{Key, Protocol, Reply};
use crate::types::table::Table;

/// The channel on which a client that speaks RESP2 hears for another that redirects to it.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Keys forgotten at once while there are more than `tracking-table-max-keys`; each further time in a row
/// as many more.
const EFFORT: u32 = 100;

/// Microseconds after the last client ended tracking until the keys that it left behind are forgotten.
const KEPT_FOR: u64 = 10_000_000;

/// Which of a client's reads count, if not all do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt {
    /// OPTIN: those after CLIENT CACHING YES.
    In,
    /// OPTOUT: all but those after CLIENT CACHING NO.
    Out,
}

/// What CLIENT TRACKING ON asks for.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// The client that is to be told; 0: the one that asks.
    pub redirection: u64,
    /// BCAST.
    pub broadcast: bool,
    /// OPTIN or OPTOUT.
    pub opt: Option<Opt>,
    /// NOLOOP: not what it changed itself.
    pub no_loop: bool,
    /// The prefixes of BCAST; none: of all keys.
    pub prefixes: Vec<&'a [u8]>,
}

/// What only the client's own session needs to know of its tracking.
#[derive(Debug, Default)]
pub struct Choice {
    /// Whether it is OPTIN or OPTOUT.
    pub opt: Option<Opt>,
    /// Whether CLIENT CACHING was given for the command, or the transaction, that runs.
    pub caching: bool,
    /// Its prefixes, if it broadcasts.
    pub prefixes: BTreeSet<Box<[u8]>>,
}

impl Choice {
    /// Whether the keys of a read are noted now.
    pub fn remembers(&self) -> bool {
        match self.opt {
            None => true,
            Some(Opt::In) => self.caching,
            Some(Opt::Out) => !self.caching,
        }
    }
}

/// What a client is told.
#[derive(Clone, Copy)]
enum News<'a> {
    /// That these keys, a whole array, have changed.
    Keys(&'a [u8]),
    /// That all keys have, or may have.
    All,
}

#[derive(Debug, Default)]
struct Members {
    /// Number of clients that track.
    clients: usize,
    prefixes: Prefixes,
    /// When it was first seen that nobody tracks any more.
    idle_since: Option<Micros>,
}

/// What every change looks at, and nearly nobody changes.
#[derive(Debug, Default)]
struct Signs {
    /// Whether somebody tracks, or did a moment ago.
    active: AtomicBool,
    /// [`Prefixes::stamp`], to be read without the lock.
    stamp: AtomicU64,
}

/// Who tracks what.
#[derive(Default)]
pub struct Tracking {
    clients: Arc<Clients>,
    members: Mutex<Members>,
    signs: CachePadded<Signs>,
    keys: KeyTable,
    /// How often in a row there were still too many keys after some were forgotten.
    overdue: AtomicU32,
}

impl Tracking {
    /// Nobody tracks anything; `clients` are those that may.
    pub fn new(clients: Arc<Clients>) -> Self {
        Tracking {
            clients,
            ..Tracking::default()
        }
    }

    /// Whether a change may concern somebody.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.signs.active.load(Relaxed)
    }

    /// Number of clients that track.
    pub fn client_count(&self) -> usize {
        self.members.lock().clients
    }

    /// Number of prefixes.
    pub fn prefix_count(&self) -> usize {
        self.members.lock().prefixes.len()
    }

    /// Number of keys that are noted, and of readers noted for them.
    pub fn key_counts(&self) -> (usize, usize) {
        (self.keys.len(), self.keys.items())
    }

    /// Lets a client track, or changes how it does.
    pub fn enable(&self, client: &Arc<Client>, choice: &mut Choice, options: &Options<'_>) {
        let mut members = self.members.lock();
        members.clients += usize::from(!client.has(flag::TRACKING));
        members.idle_since = None;
        choice.opt = options.opt;
        if options.broadcast {
            let everything: &[&[u8]] = &[b""];
            let prefixes = match options.prefixes.as_slice() {
                [] => everything,
                some => some,
            };
            for prefix in prefixes {
                members.prefixes.add(prefix, client);
                choice.prefixes.insert(Box::from(*prefix));
            }
            self.signs.stamp.store(members.prefixes.stamp(), Relaxed);
        }
        client.set_redirection(options.redirection);
        client.set_flag(flag::BROKEN_REDIRECTION, false);
        client.set_flag(flag::BROADCAST, options.broadcast);
        client.set_flag(flag::NO_LOOP, options.no_loop);
        client.set_flag(flag::TRACKING, true);
        self.signs.active.store(true, Relaxed);
    }

    /// Ends a client's tracking. The keys that it has read stay noted, as in Redis: if it tracks again before
    /// they change it will be told.
    pub fn disable(&self, client: &Client, choice: &Choice) {
        let mut members = self.members.lock();
        for prefix in &choice.prefixes {
            members.prefixes.remove(prefix, client.id);
        }
        self.signs.stamp.store(members.prefixes.stamp(), Relaxed);
        members.clients -= usize::from(client.has(flag::TRACKING));
        for each in [
            flag::TRACKING,
            flag::BROADCAST,
            flag::NO_LOOP,
            flag::BROKEN_REDIRECTION,
        ] {
            client.set_flag(each, false);
        }
    }

    /// Notes that a client has read a key, whose shard is locked.
    pub fn remember(&self, key: Key<'_>, id: u64) {
        self.keys.remember(key, id);
    }

    /// The clients that have read a key, which has changed and whose shard is locked for writing. They are
    /// noted for it no more.
    pub fn take_readers(&self, key: Key<'_>) -> Option<Ids> {
        self.keys.take(key)
    }

    /// What to stamp a change with; 0: nobody broadcasts.
    #[inline]
    pub fn stamp(&self) -> u64 {
        self.signs.stamp.load(Relaxed)
    }

    /// Tells the readers of a key that it has changed by a command of client `current`, if that is not 0. True
    /// if `current` itself is to be told once its command is over.
    pub fn tell_readers(
        &self,
        config: &Config,
        key: &[u8],
        ids: &[u64],
        current: u64,
        woken: &mut Woken,
    ) -> bool {
        let mut array = None;
        let mut own = false;
        for &id in ids {
            let Some(client) = self.clients.get(id) else {
                continue;
            };
            // One that has read keys before it began to broadcast is told as one that broadcasts.
            if !client.has(flag::TRACKING) || client.has(flag::BROADCAST) {
                continue;
            }
            if id == current {
                own = !client.has(flag::NO_LOOP);
                continue;
            }
            let array = array.get_or_insert_with(|| array_of(key));
            self.tell(config, &client, News::Keys(array), woken);
        }
        own
    }

    /// Tells a client what its own command, which is over, has changed: keys, or all of them for `None`.
    pub fn tell_own(
        &self,
        config: &Config,
        id: u64,
        keys: &[Option<Box<[u8]>>],
        woken: &mut Woken,
    ) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        for key in keys {
            let array = key.as_deref().map(array_of);
            let news = array.as_deref().map_or(News::All, News::Keys);
            self.tell_surely(config, &client, news, woken);
        }
    }

    /// Tells all clients that track that every key has changed, and forgets the keys; all shards are locked for
    /// writing. True if `current` itself is to be told once its command is over. Returns what is to be freed.
    pub fn flush(
        &self,
        config: &Config,
        current: u64,
        woken: &mut Woken,
    ) -> (bool, Vec<Table<Tracked>>) {
        let mut own = false;
        if self.client_count() > 0 {
            for client in self.clients.all() {
                if !client.has(flag::TRACKING) {
                    continue;
                }
                if client.id == current {
                    own = true;
                } else {
                    self.tell(config, &client, News::All, woken);
                }
            }
        }
        (own, self.keys.clear())
    }

    /// Tells the clients that broadcast what was changed in a batch, which is over.
    pub fn broadcast(&self, config: &Config, changes: &mut Vec<Change>, woken: &mut Woken) {
        if changes.is_empty() {
            return;
        }
        self.members
            .lock()
            .prefixes
            .broadcast(changes, |client, keys| {
                self.tell(config, client, News::Keys(keys), woken);
            });
        changes.clear();
    }

    /// Forgets random keys while there are more than `tracking-table-max-keys`, but not too many at once.
    pub fn keep_within_limit(&self, config: &Config, woken: &mut Woken) {
        let most = config.tracking_table_max_keys();
        if most == 0 || self.keys.len() <= most {
            self.overdue.store(0, Relaxed);
            return;
        }
        let effort = EFFORT.saturating_mul(self.overdue.load(Relaxed).saturating_add(1));
        for _ in 0..effort {
            // Also who wants no loop is told, and whoever's command this is: it does not know of it.
            let taken = self.keys.take_random(|key, ids| {
                self.tell_readers(config, key, ids, 0, woken);
            });
            if !taken || self.keys.len() <= most {
                self.overdue.store(0, Relaxed);
                return;
            }
        }
        self.overdue.fetch_add(1, Relaxed);
    }

    /// What is to be done now and then: see [`Tracking::keep_within_limit`], and keys that nobody can be told of
    /// are forgotten, so that writers need not look for them.
    pub fn tend(&self, config: &Config, now: Micros, woken: &mut Woken) {
        if !self.is_active() {
            return;
        }
        self.keep_within_limit(config, woken);
        let mut members = self.members.lock();
        if members.clients == 0 && now.since(*members.idle_since.get_or_insert(now)) >= KEPT_FOR {
            // Nobody can note a key before it is a member, for which it needs the lock.
            let garbage = self.keys.clear();
            self.signs.active.store(false, Relaxed);
            drop((members, garbage));
        }
    }

    /// Tells a client that tracks.
    fn tell(&self, config: &Config, client: &Arc<Client>, news: News<'_>, woken: &mut Woken) {
        if client.redirection() != 0 {
            return self.tell_surely(config, client, news, woken);
        }
        client.post(config, woken, |_, out| {
            // It may have ended just now, and confirmed it: its inbox is locked in between.
            if client.has(flag::TRACKING) {
                write(client, client, news, out);
            }
        });
    }

    /// Tells a client, or the one that it redirects to. If that is gone, it is told so.
    fn tell_surely(
        &self,
        config: &Config,
        client: &Arc<Client>,
        news: News<'_>,
        woken: &mut Woken,
    ) {
        let redirection = client.redirection();
        if redirection == 0 {
            return client.post(config, woken, |_, out| write(client, client, news, out));
        }
        let target = self.clients.get(redirection);
        if let Some(target) = target.filter(|target| !target.killed.load(Relaxed)) {
            target.post(config, woken, |_, out| write(client, &target, news, out));
            return;
        }
        client.set_flag(flag::BROKEN_REDIRECTION, true);
        client.post(config, woken, |protocol, out| {
            if protocol.has_push() {
                let mut reply = Reply::new(out, protocol);
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.integer(redirection as i64);
            }
        });
    }
}

fn array_of(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, Protocol::default());
    reply.array(1);
    reply.bulk(key);
    out
}

/// Writes what `client` is told as `target` is to read it: in RESP2 as a message of a channel, and only if it is
/// told for another client and is subscribed to something, for else it could not tell it from a reply.
fn write(client: &Arc<Client>, target: &Arc<Client>, news: News<'_>, out: &mut Vec<u8>) {
    let protocol = target.protocol();
    let mut reply = Reply::new(out, protocol);
    if protocol.has_push() {
        reply.push(2);
        reply.bulk(b"invalidate");
    } else if client.redirection() != 0 && target.is_subscribed() {
        reply.push(3);
        reply.bulk(b"message");
        reply.bulk(CHANNEL);
    } else {
        return;
    }
    match news {
        News::Keys(array) => reply.raw(array),
        News::All => {
            // Redis writes it in the protocol of the client that tracks.
            reply.set_protocol(client.protocol());
            reply.null();
        }
    }
}
