//! SCAN and RANDOMKEY: keys that nobody has named.

use super::Db;
use crate::keyspace::entry::Entry;
use crate::keyspace::locks::{SHARD_BITS, SHARDS, shard_of};
use crate::resp::Key;
use crate::types::table::SCAN_BITS;

/// Draws of RANDOMKEY after which, while nothing may be removed, a stale key will do (as in Redis).
const RANDOM_TRIES: usize = 100;

impl Db<'_> {
    /// One step of SCAN over the selected database, from `cursor` on; about `count` keys are passed. Of those
    /// that are `wanted`, stale ones are removed and the others visited. Returns the
    /// next cursor, 0 at the end, and the number of stale keys. Needs all shards.
    pub fn scan(
        &mut self,
        cursor: u64,
        count: usize,
        wanted: impl Fn(&Entry) -> bool,
        mut visit: impl FnMut(&Entry),
    ) -> (u64, u64) {
        let index = self.access.index;
        let now = self.access.millis();
        let mut stale: Vec<Box<[u8]>> = Vec::new();
        let mut next = None;
        let mut left = count.max(1);
        let mut position = cursor;
        if cursor < 1 << SCAN_BITS {
            for number in shard_of(cursor << (64 - SCAN_BITS))..SHARDS {
                let Some(database) = self.locked.shard(number).database(index) else {
                    continue;
                };
                let start = position.max((number as u64) << (SCAN_BITS - u32::from(SHARD_BITS)));
                let (visited, more) = database.table.scan(start, left, |entry| {
                    if !wanted(entry) {
                        return;
                    }
                    if entry.is_expired(now) {
                        stale.push(entry.key().into());
                    } else {
                        visit(entry);
                    }
                });
                if let Some(more) = more {
                    next = Some(more);
                    break;
                }
                left = left.saturating_sub(visited);
                position = 0;
                if left == 0 {
                    // The next shard's first position, even if the shard is empty.
                    next = Some((number as u64 + 1) << (SCAN_BITS - u32::from(SHARD_BITS)));
                    break;
                }
            }
        }
        for key in &stale {
            self.remove_if_stale(Key::new(key));
        }
        let next = next.filter(|next| *next < 1 << SCAN_BITS).unwrap_or(0);
        (next, stale.len() as u64)
    }

    /// A random key of the selected database that is not stale, each with the same chance. Needs all
    /// shards. O(1) expected.
    pub fn random_key(&mut self) -> Option<Vec<u8>> {
        let index = self.access.index;
        let mut tries = 0;
        loop {
            let lens: Vec<usize> = (0..SHARDS)
                .map(|number| {
                    self.locked
                        .shard(number)
                        .database(index)
                        .map_or(0, |database| database.table.len())
                })
                .collect();
            let mut nth = crate::random::below(lens.iter().sum());
            let number = lens.iter().position(|&len| {
                let here = nth < len;
                nth = nth.saturating_sub(if here { 0 } else { len });
                here
            })?;
            let entry = self
                .locked
                .shard(number)
                .database(index)?
                .table
                .random(crate::random::below)?;
            let key = entry.key().to_vec();
            if !entry.is_expired(self.access.millis()) {
                return Some(key);
            }
            self.remove_if_stale(Key::new(&key));
            tries += 1;
            if tries == RANDOM_TRIES && !self.access.removes_stale {
                return Some(key);
            }
        }
    }
}
