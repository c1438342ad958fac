//! The shards and their locks. Only `transaction` acquires them (invariant 1).

use std::marker::PhantomData;

use crossbeam_utils::CachePadded;
use parking_lot::RwLock;
use parking_lot::lock_api::RawRwLock as _;

use crate::clock::{self, Micros};
use crate::keyspace::shard::Shard;

/// Bits of a hash that choose its shard.
pub const SHARD_BITS: u8 = 5;

/// Number of shards.
pub const SHARDS: usize = 1 << SHARD_BITS;

/// The shard of a key's hash.
#[inline]
pub fn shard_of(hash: u64) -> usize {
    (hash >> (64 - SHARD_BITS)) as usize
}

/// A set of shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u32);

impl ShardSet {
    /// No shard.
    pub const NONE: ShardSet = ShardSet(0);
    /// Every shard.
    pub const ALL: ShardSet = ShardSet(u32::MAX);

    /// The shard of one key.
    #[inline]
    pub fn of(hash: u64) -> Self {
        ShardSet(1 << shard_of(hash))
    }

    /// The shard of this number.
    pub fn single(index: usize) -> Self {
        ShardSet(1 << index)
    }

    /// The shards of both.
    #[inline]
    #[must_use]
    pub fn union(self, other: ShardSet) -> Self {
        ShardSet(self.0 | other.0)
    }

    /// The shards that are not in `other`.
    #[must_use]
    pub fn without(self, other: ShardSet) -> Self {
        ShardSet(self.0 & !other.0)
    }

    /// Whether the shard is in it.
    #[inline]
    pub fn contains(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for ShardSet {
    type Item = usize;

    /// The shards in ascending order, which is the order of locking.
    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(index)
    }
}

const _: () = assert!(SHARDS == 32, "a ShardSet has one bit for each shard");

/// Whether shards are locked for reading or for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Other readers may hold them too.
    Shared,
    /// Nobody else holds them.
    Exclusive,
}

/// All keys.
pub struct Keyspace {
    shards: Box<[CachePadded<RwLock<Shard>>]>,
    databases: usize,
}

impl Keyspace {
    /// An empty keyspace of `databases` numbered databases.
    pub fn new(databases: usize) -> Self {
        let shards = (0..SHARDS)
            .map(|_| CachePadded::new(RwLock::new(Shard::new(databases))))
            .collect();
        Keyspace { shards, databases }
    }

    /// Number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// Locks a shard that somebody else holds. The wait is not the command's own time.
    #[cold]
    fn wait_for(&self, index: usize, mode: Mode) {
        // SAFETY: the caller releases it, in the same mode.
        let raw = unsafe { self.shards[index].raw() };
        clock::apart(|| match mode {
            Mode::Shared => raw.lock_shared(),
            Mode::Exclusive => raw.lock_exclusive(),
        });
    }

    /// Brings what a command on `hash` will read into the cache, if nobody is writing there.
    ///
    /// Waits for nothing, so it may be called before the locks are taken.
    #[inline]
    pub fn prefetch(&self, hash: u64, database: usize, stage: Prefetch) {
        if let Some(shard) = self.shards[shard_of(hash)].try_read() {
            shard.prefetch(hash, database, stage);
        }
    }
}

/// Which part of a look-up to prefetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefetch {
    /// Where the entry's slot is noted.
    Group,
    /// The entry itself; of use once its group is in the cache.
    Entry,
}

/// Shards that are locked until this is dropped.
pub struct Locked<'k> {
    keyspace: &'k Keyspace,
    set: ShardSet,
    mode: Mode,
    /// A lock is released by the thread that took it.
    not_send: PhantomData<*const ()>,
}

impl<'k> Locked<'k> {
    /// Locks `set` in ascending order. Called by `transaction` only.
    #[inline]
    pub(crate) fn acquire(keyspace: &'k Keyspace, set: ShardSet, mode: Mode) -> Self {
        for index in set {
            // SAFETY: every lock that is taken here is released by `drop`, in the same mode.
            let raw = unsafe { keyspace.shards[index].raw() };
            let free = match mode {
                Mode::Shared => raw.try_lock_shared(),
                Mode::Exclusive => raw.try_lock_exclusive(),
            };
            if !free {
                keyspace.wait_for(index, mode);
            }
        }
        Locked {
            keyspace,
            set,
            mode,
            not_send: PhantomData,
        }
    }

    /// Locks more shards for writing, all of them or none: false if one is held by somebody else. Waits
    /// for nothing, so that it may be done out of order.
    pub(crate) fn try_extend(&mut self, set: ShardSet) -> bool {
        debug_assert!(self.is_exclusive());
        let mut added = ShardSet::NONE;
        for index in set.without(self.set) {
            // SAFETY: what is locked here is released by `drop`, or just below.
            let raw = unsafe { self.keyspace.shards[index].raw() };
            if !raw.try_lock_exclusive() {
                for index in added {
                    // SAFETY: locked by this call.
                    unsafe { self.keyspace.shards[index].raw().unlock_exclusive() };
                }
                return false;
            }
            added = added.union(ShardSet::single(index));
        }
        self.set = self.set.union(added);
        true
    }

    /// Whether the shards are locked for writing.
    pub fn is_exclusive(&self) -> bool {
        self.mode == Mode::Exclusive
    }

    /// The locked shards.
    pub fn set(&self) -> ShardSet {
        self.set
    }

    /// The moment at which the batch happens: `now`, but never before an earlier batch on the same shards.
    #[inline]
    pub fn settle_time(&self, now: Micros) -> Micros {
        // First the latest of all shards, then every shard's note of it: else one of them could later
        // be shown a time before this batch's.
        let latest = self
            .set
            .fold(now, |now, index| now.max(self.shard(index).last_now()));
        for index in self.set {
            self.shard(index).note_now(latest);
        }
        latest
    }

    /// A locked shard.
    ///
    /// # Panics
    /// If it is not locked, which would be a command whose key specifications miss a key.
    #[inline]
    pub fn shard(&self, index: usize) -> &Shard {
        assert!(self.set.contains(index), "shard {index} is not locked");
        // SAFETY: the shard is locked, and `&mut Shard` is handed out for `&mut self` only.
        unsafe { &*self.keyspace.shards[index].data_ptr() }
    }

    /// A shard that is locked exclusively.
    ///
    /// # Panics
    /// If it is not.
    #[inline]
    pub fn shard_mut(&mut self, index: usize) -> &mut Shard {
        assert!(
            self.set.contains(index) && self.mode == Mode::Exclusive,
            "shard {index} is not locked for writing"
        );
        // SAFETY: locked exclusively, and borrowed from `&mut self`.
        unsafe { &mut *self.keyspace.shards[index].data_ptr() }
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        for index in self.set {
            // SAFETY: locked in this mode by `acquire`, and not since unlocked.
            unsafe {
                let raw = self.keyspace.shards[index].raw();
                match self.mode {
                    Mode::Shared => raw.unlock_shared(),
                    Mode::Exclusive => raw.unlock_exclusive(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_for_any_shard_of_a_batch() {
        let keyspace = Keyspace::new(1);
        let settle = |set, now| {
            Locked::acquire(&keyspace, set, Mode::Exclusive)
                .settle_time(Micros(now))
                .0
        };
        let (low, high) = (ShardSet::single(3), ShardSet::single(7));
        assert_eq!(settle(high, 100), 100);
        assert_eq!(settle(low.union(high), 90), 100);
        assert_eq!(settle(low, 95), 100);
        assert_eq!(settle(ShardSet::single(0), 80), 80);
        assert_eq!(settle(ShardSet::ALL, 110), 110);
        assert_eq!(settle(ShardSet::single(31), 105), 110);
    }
}
