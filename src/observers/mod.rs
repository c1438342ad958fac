//! What clients are told without having asked at that moment: published messages, keyspace events,
//! invalidations of tracked keys, and the feed of MONITOR.
//!
//! All of it goes through the receiver's [`inbox`]: whoever has something to tell appends it there, at once
//! and in the order in which things happen (under the shard lock of the change, where it tells of one), and
//! the receiver's own task sends it between replies. Locks are taken in one order: shards, then one entry of
//! a registry, then one inbox.

pub mod events;
pub mod inbox;
pub mod monitor;
pub mod pubsub;
pub mod tracking;

use std::sync::Arc;

use crate::clients::{Client, Clients};
use crate::observers::monitor::Monitors;
use crate::observers::pubsub::PubSub;
use crate::observers::tracking::Tracking;

/// Clients whose inbox is no longer empty, to be woken once nothing is locked.
pub type Woken = Vec<Arc<Client>>;

/// Who is told what.
#[derive(Default)]
pub struct Observers {
    /// Subscriptions to channels and patterns.
    pub pubsub: PubSub,
    /// Clients that are told of changed keys.
    pub tracking: Tracking,
    /// Clients that see every command.
    pub monitors: Monitors,
}

impl Observers {
    /// Nobody is told anything yet; `clients` are those that may be.
    pub fn new(clients: Arc<Clients>) -> Self {
        Observers {
            pubsub: PubSub::default(),
            tracking: Tracking::new(clients),
            monitors: Monitors::default(),
        }
    }
}

/// Wakes clients, each once. Nothing is locked.
pub fn wake(woken: &mut Woken) {
    for client in woken.drain(..) {
        client.wake();
    }
}
