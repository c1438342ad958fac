//! Who is subscribed to which channel, shard channel and pattern, and the publishing of messages.
//!
//! A message reaches all subscribers of its channel under that channel's lock, so that all of them see the
//! messages of one channel in the same order. The lock of the patterns comes after that of a channel.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::clients::Client;
use crate::config::Config;
use crate::observers::Woken;
use crate::resp::Push;
use crate::types::{glob, hasher};

type Name = Box<[u8]>;
type Channels = DashMap<Name, Subscribers, hasher::Keyed>;

/// To what a client subscribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SUBSCRIBE: a channel.
    Channel,
    /// PSUBSCRIBE: all channels that match a pattern.
    Pattern,
    /// SSUBSCRIBE: a shard channel, which has nothing to do with a channel of that name.
    ShardChannel,
}

/// The subscribers of one channel or pattern, by ascending id.
#[derive(Debug, Default)]
struct Subscribers(Vec<(u64, Arc<Client>)>);

impl Subscribers {
    /// O(log n) for the newest client.
    fn add(&mut self, client: &Arc<Client>) {
        if let Err(at) = self.0.binary_search_by_key(&client.id, |(id, _)| *id) {
            self.0.insert(at, (client.id, client.clone()));
        }
    }

    /// O(n), but a mere move of the ids behind it.
    fn remove(&mut self, id: u64) {
        if let Ok(at) = self.0.binary_search_by_key(&id, |(id, _)| *id) {
            self.0.remove(at);
        }
    }

    fn send(&self, config: &Config, message: &Push, woken: &mut Woken) -> usize {
        for (_, client) in &self.0 {
            client.post(config, woken, |protocol, out| message.append(protocol, out));
        }
        self.0.len()
    }
}

/// All subscriptions.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: Channels,
    shard_channels: Channels,
    patterns: Mutex<BTreeMap<Name, Subscribers>>,
    /// The number of `channels`, to be read without a lock.
    channel_count: AtomicUsize,
    /// The number of `patterns`, to be read without the lock.
    pattern_count: AtomicUsize,
}

impl PubSub {
    fn channels_of(&self, kind: Kind) -> &Channels {
        match kind {
            Kind::ShardChannel => &self.shard_channels,
            Kind::Channel | Kind::Pattern => &self.channels,
        }
    }

    fn subscribe(&self, kind: Kind, name: &[u8], client: &Arc<Client>) {
        if kind == Kind::Pattern {
            let mut patterns = self.patterns.lock();
            patterns.entry(name.into()).or_default().add(client);
            self.pattern_count.store(patterns.len(), Relaxed);
        } else {
            let channels = self.channels_of(kind);
            let mut subscribers = channels.entry(name.into()).or_default();
            if kind == Kind::Channel && subscribers.0.is_empty() {
                self.channel_count.fetch_add(1, Relaxed);
            }
            subscribers.add(client);
        }
    }

    fn unsubscribe(&self, kind: Kind, name: &[u8], id: u64) {
        if kind == Kind::Pattern {
            let mut patterns = self.patterns.lock();
            if let Some(subscribers) = patterns.get_mut(name) {
                subscribers.remove(id);
                if subscribers.0.is_empty() {
                    patterns.remove(name);
                }
            }
            self.pattern_count.store(patterns.len(), Relaxed);
        } else {
            self.channels_of(kind)
                .remove_if_mut(name, |_, subscribers| {
                    subscribers.remove(id);
                    let last = subscribers.0.is_empty();
                    if last && kind == Kind::Channel {
                        self.channel_count.fetch_sub(1, Relaxed);
                    }
                    last
                });
        }
    }

    /// Ends all subscriptions of a client that was killed: when this returns, nobody counts it any more, though
    /// its task may not have seen its end yet. O(all channels and patterns).
    pub fn forget(&self, id: u64) {
        let stays = |subscribers: &mut Subscribers| {
            subscribers.remove(id);
            !subscribers.0.is_empty()
        };
        self.channels.retain(|_, subscribers| {
            let stays = stays(subscribers);
            if !stays {
                self.channel_count.fetch_sub(1, Relaxed);
            }
            stays
        });
        self.shard_channels
            .retain(|_, subscribers| stays(subscribers));
        let mut patterns = self.patterns.lock();
        patterns.retain(|_, subscribers| stays(subscribers));
        self.pattern_count.store(patterns.len(), Relaxed);
    }

    /// PUBLISH: sends a message to the subscribers of a channel, then to those of each pattern that matches
    /// it. Returns how many times it was sent. O(subscribers + patterns).
    pub fn publish(
        &self,
        config: &Config,
        channel: &[u8],
        message: &[u8],
        woken: &mut Woken,
    ) -> usize {
        let mut sent = 0;
        // Held to the end: who is subscribed to a pattern sees the same order.
        let subscribers = (self.channel_count.load(Relaxed) > 0)
            .then(|| self.channels.get_mut(channel))
            .flatten();
        if let Some(subscribers) = &subscribers {
            let push = Push::new(&[b"message", channel, message]);
            sent += subscribers.send(config, &push, woken);
        }
        if self.pattern_count.load(Relaxed) > 0 {
            for (pattern, subscribers) in self.patterns.lock().iter() {
                if glob::matches(pattern, channel, false) {
                    let push = Push::new(&[b"pmessage", pattern, channel, message]);
                    sent += subscribers.send(config, &push, woken);
                }
            }
        }
        sent
    }

    /// SPUBLISH: sends a message to the subscribers of a shard channel. Returns how many there are.
    pub fn publish_to_shard(
        &self,
        config: &Config,
        channel: &[u8],
        message: &[u8],
        woken: &mut Woken,
    ) -> usize {
        self.shard_channels
            .get_mut(channel)
            .map_or(0, |subscribers| {
                let push = Push::new(&[b"smessage", channel, message]);
                subscribers.send(config, &push, woken)
            })
    }

    /// Whether somebody may hear what is published: a mere hint, for who would have to make a message first.
    pub fn has_subscribers(&self) -> bool {
        self.pattern_count.load(Relaxed) > 0 || self.channel_count.load(Relaxed) > 0
    }

    /// The channels with subscribers whose names match `pattern`, if there is one; in no order.
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        self.channels_of(kind)
            .iter()
            .map(|entry| entry.key().clone())
            .filter(|name| pattern.is_none_or(|pattern| glob::matches(pattern, name, false)))
            .collect()
    }

    /// Number of channels with subscribers.
    pub fn channel_count(&self, kind: Kind) -> usize {
        self.channels_of(kind).len()
    }

    /// Number of subscribers of a channel.
    pub fn subscribers(&self, kind: Kind, channel: &[u8]) -> usize {
        self.channels_of(kind)
            .get(channel)
            .map_or(0, |subscribers| subscribers.0.len())
    }

    /// Number of patterns with subscribers.
    pub fn pattern_count(&self) -> usize {
        self.pattern_count.load(Relaxed)
    }
}

/// What one client is subscribed to; kept by its session.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Name>,
    patterns: BTreeSet<Name>,
    shard_channels: BTreeSet<Name>,
}

impl Subscriptions {
    fn of(&mut self, kind: Kind) -> &mut BTreeSet<Name> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }

    /// The number that a confirmation of SUBSCRIBE and its kin carries: channels and patterns together,
    /// shard channels for themselves.
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.channels.len() + self.patterns.len(),
            Kind::ShardChannel => self.shard_channels.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty()
    }

    /// The names of a kind, in order.
    pub fn names(&self, kind: Kind) -> Vec<Name> {
        let names = match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::ShardChannel => &self.shard_channels,
        };
        names.iter().cloned().collect()
    }

    /// Subscribes the client. O(log n).
    pub fn add(&mut self, pubsub: &PubSub, kind: Kind, name: &[u8], client: &Arc<Client>) {
        if self.of(kind).insert(name.into()) {
            pubsub.subscribe(kind, name, client);
            self.show(client);
        }
    }

    /// Unsubscribes the client: when this returns, nobody sends it such a message any more.
    pub fn remove(&mut self, pubsub: &PubSub, kind: Kind, name: &[u8], client: &Client) {
        if self.of(kind).remove(name) {
            pubsub.unsubscribe(kind, name, client.id);
            self.show(client);
        }
    }

    /// Unsubscribes the client from everything.
    pub fn clear(&mut self, pubsub: &PubSub, client: &Client) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            for name in std::mem::take(self.of(kind)) {
                pubsub.unsubscribe(kind, &name, client.id);
            }
        }
        self.show(client);
    }

    /// Lets others see how many there are.
    fn show(&self, client: &Client) {
        let inbox = client.inbox();
        inbox.channels.store(self.channels.len() as u32, Relaxed);
        inbox.patterns.store(self.patterns.len() as u32, Relaxed);
        inbox
            .shard_channels
            .store(self.shard_channels.len() as u32, Relaxed);
    }
}
