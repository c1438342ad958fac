//! What clients are told without having asked at that moment: published messages, keyspace events,
//! invalidations of tracked keys, and the feed of MONITOR.
//!
//! All of it goes through the receiver's [`inbox`]: whoever has something to tell appends it there, at once
//! and in the order in which things happen (under the shard lock of the change, where it tells of one), and
//! the receiver's own task sends it between replies. Locks are taken in one order: shards, then one entry of
//! a registry, then one inbox.

pub mod events;
pub mod inbox;
pub mod pubsub;

use std::sync::Arc;

use crate::clients::Client;
use crate::observers::pubsub::PubSub;

/// Clients whose inbox is no longer empty, to be woken once nothing is locked.
pub type Woken = Vec<Arc<Client>>;

/// Who is told what.
#[derive(Debug, Default)]
pub struct Observers {
    /// Subscriptions to channels and patterns.
    pub pubsub: PubSub,
}

/// Wakes clients, each once. Nothing is locked.
pub fn wake(woken: &mut Woken) {
    for client in woken.drain(..) {
        client.wake();
    }
}
