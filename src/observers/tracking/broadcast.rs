//! Broadcasting: clients that are told of every change of a key with one of their prefixes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clients::{Client, flag};
use crate::resp::{Protocol, Reply};

/// A key that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Box<[u8]>,
    /// Which client changed it; 0: none, it expired or was evicted.
    pub client: u64,
    /// When, as [`Prefixes::stamp`] counts.
    pub stamp: u64,
}

/// The clients that have a prefix.
#[derive(Debug)]
struct Listeners {
    /// Changes from this stamp on concern them.
    since: u64,
    clients: BTreeMap<u64, Arc<Client>>,
}

/// All prefixes, in the order of their bytes.
#[derive(Debug, Default)]
pub struct Prefixes {
    listeners: BTreeMap<Box<[u8]>, Listeners>,
    last_stamp: u64,
}

impl Prefixes {
    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.listeners.len()
    }

    /// What a change is stamped with that happens now: 0 while there is no prefix that could concern it.
    pub fn stamp(&self) -> u64 {
        if self.listeners.is_empty() {
            0
        } else {
            self.last_stamp
        }
    }

    /// Tells the client of keys with this prefix from now on.
    pub fn add(&mut self, prefix: &[u8], client: &Arc<Client>) {
        if !self.listeners.contains_key(prefix) {
            self.last_stamp += 1;
            let listeners = Listeners {
                since: self.last_stamp,
                clients: BTreeMap::new(),
            };
            self.listeners.insert(prefix.into(), listeners);
        }
        if let Some(listeners) = self.listeners.get_mut(prefix) {
            listeners.clients.insert(client.id, client.clone());
        }
    }

    /// Ends that.
    pub fn remove(&mut self, prefix: &[u8], id: u64) {
        if let Some(listeners) = self.listeners.get_mut(prefix) {
            listeners.clients.remove(&id);
            if listeners.clients.is_empty() {
                self.listeners.remove(prefix);
            }
        }
    }

    /// Calls `tell` with each client that is to be told of some of the changes, and an array of their keys: one
    /// for each of its prefixes, without what it changed last itself if it wants no loop.
    pub fn broadcast(&self, changes: &[Change], mut tell: impl FnMut(&Arc<Client>, &[u8])) {
        // The last change of a key counts; the first are overwritten.
        let changed: BTreeMap<&[u8], &Change> = changes
            .iter()
            .map(|change| (change.key.as_ref(), change))
            .collect();
        for (prefix, listeners) in &self.listeners {
            let concerned: Vec<&Change> = changed
                .range(prefix.as_ref()..)
                .map(|(_, change)| *change)
                .take_while(|change| change.key.starts_with(prefix))
                .filter(|change| change.stamp >= listeners.since)
                .collect();
            if concerned.is_empty() {
                continue;
            }
            let all = array(&concerned);
            for client in listeners.clients.values() {
                if !client.has(flag::NO_LOOP) {
                    tell(client, &all);
                    continue;
                }
                let others = |change: &&Change| change.client != client.id;
                let foreign: Vec<&Change> = concerned.iter().copied().filter(others).collect();
                if !foreign.is_empty() {
                    tell(client, &array(&foreign));
                }
            }
        }
    }
}

/// The keys as an array, which is the same in both protocols.
fn array(changes: &[&Change]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, Protocol::Resp3);
    reply.array(changes.len());
    for change in changes {
        reply.bulk(&change.key);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    fn client(id: u64, flags: u32) -> Arc<Client> {
        let client = Client::new(id, String::new(), String::new(), 0, flags, Micros(1));
        Arc::new(client)
    }

    fn told(prefixes: &Prefixes, changes: &[Change]) -> Vec<(u64, String)> {
        let mut told = Vec::new();
        prefixes.broadcast(changes, |client, keys| {
            let keys = String::from_utf8_lossy(keys).replace("\r\n", " ");
            told.push((client.id, keys));
        });
        told
    }

    fn change(prefixes: &Prefixes, key: &str, client: u64) -> Change {
        Change {
            key: key.as_bytes().into(),
            client,
            stamp: prefixes.stamp(),
        }
    }

    #[test]
    fn each_prefix_gets_its_keys_once_and_in_order() {
        let mut prefixes = Prefixes::default();
        assert_eq!(prefixes.stamp(), 0);
        prefixes.add(b"b", &client(1, 0));
        prefixes.add(b"a", &client(2, flag::NO_LOOP));
        prefixes.add(b"a", &client(3, 0));
        let changes = [
            ("b", 9),
            ("a2", 2),
            ("a1", 2),
            ("c", 9),
            ("a2", 9),
            ("a3", 2),
        ];
        let changes = changes.map(|(key, client)| change(&prefixes, key, client));
        let all = "*3 $2 a1 $2 a2 $2 a3 ".to_owned();
        let expected = vec![
            (2, "*1 $2 a2 ".to_owned()),
            (3, all),
            (1, "*1 $1 b ".to_owned()),
        ];
        assert_eq!(told(&prefixes, &changes), expected);
        prefixes.remove(b"a", 3);
        assert_eq!(told(&prefixes, &changes[1..3]), vec![]);
    }

    #[test]
    fn a_new_prefix_hears_nothing_of_what_was_before() {
        let mut prefixes = Prefixes::default();
        prefixes.add(b"", &client(1, 0));
        let before = change(&prefixes, "k", 5);
        prefixes.add(b"k", &client(2, 0));
        // A client that joins a prefix hears what that prefix has still to be told, as in Redis.
        prefixes.add(b"", &client(3, 0));
        let keys = "*1 $1 k ".to_owned();
        let expected = vec![(1, keys.clone()), (3, keys.clone())];
        assert_eq!(told(&prefixes, &[before]), expected);
        let after = change(&prefixes, "k", 5);
        let expected = vec![(1, keys.clone()), (3, keys.clone()), (2, keys)];
        assert_eq!(told(&prefixes, &[after]), expected);
        for (prefix, id) in [("", 1), ("", 3), ("k", 2), ("k", 2)] {
            prefixes.remove(prefix.as_bytes(), id);
        }
        assert_eq!((prefixes.len(), prefixes.stamp()), (0, 0));
    }
}
