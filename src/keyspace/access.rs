//! What a batch brings along when it reaches for keys: its database, its time, and how it leaves traces.

use crate::clock::{Micros, Millis};
use crate::config::Config;
use crate::keyspace::entry::Entry;
use crate::observers::Observers;
use crate::random;
use crate::rdb;
use crate::stats::WorkerStats;
use crate::types::Limits;
use crate::types::list::Fill;
use crate::types::set::SetLimits;
use crate::types::stream::NodeLimits;

/// LFU counter of a new key, so that it is not evicted at once (Redis's `LFU_INIT_VAL`).
const LFU_INITIAL: u32 = 5;

/// Bits of the access clock.
const CLOCK_MASK: u32 = 0x00ff_ffff;

/// Who acts, on which database, when.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// The selected database.
    pub index: usize,
    /// The moment at which the whole batch happens.
    pub now: Micros,
    /// The client, for blame; 0 is the server itself.
    pub client: u64,
    /// Whether reads count as uses of a key (not after CLIENT NO-TOUCH ON).
    pub touch: bool,
    /// Whether stale keys are removed when they are met; they are not during a pause, as in Redis.
    pub removes_stale: bool,
    /// Settings.
    pub config: &'a Config,
    /// Who is told of changes.
    pub observers: &'a Observers,
    /// Where the worker counts.
    pub stats: &'a WorkerStats,
}

impl Access<'_> {
    /// Whether somebody may have to be told of a change.
    #[inline]
    pub fn is_observed(&self) -> bool {
        self.config.notify_keyspace_events() != 0 || self.observers.tracking.is_active()
    }

    /// `now` in milliseconds.
    #[inline]
    pub fn millis(&self) -> Millis {
        self.now.millis()
    }

    /// The most bytes that a string may have: `proto-max-bulk-len`, but below 4 GiB whatever it says, for
    /// an entry counts in 32 bits, and so does a list what it keeps around an element.
    pub fn longest_string(&self) -> usize {
        const AROUND: usize = 4096;
        let most = u32::MAX as usize - AROUND;
        self.config.proto_max_bulk_len().min(most)
    }

    /// How large a hash may be in its compact form.
    #[inline]
    pub fn hash_limits(&self) -> Limits {
        Limits {
            entries: self.config.hash_max_listpack_entries(),
            value: self.config.hash_max_listpack_value(),
        }
    }

    /// How large a set may be in its compact forms.
    #[inline]
    pub fn set_limits(&self) -> SetLimits {
        SetLimits {
            intset: self.config.set_max_intset_entries(),
            listpack: Limits {
                entries: self.config.set_max_listpack_entries(),
                value: self.config.set_max_listpack_value(),
            },
        }
    }

    /// How large a sorted set may be in its compact form.
    #[inline]
    pub fn sorted_set_limits(&self) -> Limits {
        Limits {
            entries: self.config.zset_max_listpack_entries(),
            value: self.config.zset_max_listpack_value(),
        }
    }

    /// How large a chunk of a stream may be.
    #[inline]
    pub fn stream_limits(&self) -> NodeLimits {
        NodeLimits {
            bytes: self.config.stream_node_max_bytes(),
            entries: self.config.stream_node_max_entries(),
        }
    }

    /// How much goes into one piece of a list.
    #[inline]
    pub fn list_fill(&self) -> Fill {
        Fill::new(self.config.list_max_listpack_size())
    }

    #[inline]
    fn lru_clock(&self) -> u32 {
        self.now.seconds() as u32 & CLOCK_MASK
    }

    fn lfu_minutes(&self) -> u32 {
        (self.now.seconds() / 60) as u32 & 0xffff
    }

    /// The access clock of a new key.
    #[inline]
    pub fn fresh_clock(&self) -> u32 {
        if self.config.maxmemory_policy().is_lfu() {
            self.lfu_minutes() << 8 | LFU_INITIAL
        } else {
            self.lru_clock()
        }
    }

    /// The access clock of a key that was used last `idle` seconds ago, or so often: what the policy looks
    /// at, if it is given.
    pub fn clock_of(&self, idle: Option<i64>, frequency: Option<u8>) -> u32 {
        match (self.config.maxmemory_policy().is_lfu(), idle, frequency) {
            (true, _, Some(frequency)) => self.lfu_minutes() << 8 | u32::from(frequency),
            (false, Some(idle), _) => self.lru_clock().wrapping_sub(idle as u32) & CLOCK_MASK,
            _ => self.fresh_clock(),
        }
    }

    /// How large values may be that are read from Redis's form.
    pub fn rdb_limits(&self) -> rdb::Limits {
        rdb::Limits {
            hash: self.hash_limits(),
            list: self.list_fill(),
            set: self.set_limits(),
            sorted_set: self.sorted_set_limits(),
            longest: self.longest_string(),
        }
    }

    /// Notes a use of the entry, if this client's uses count.
    #[inline]
    pub fn touch(&self, entry: &Entry) {
        if self.touch {
            if self.config.maxmemory_policy().is_lfu() {
                self.touch_lfu(entry);
            } else {
                entry.set_access_clock(self.lru_clock());
            }
        }
    }

    #[cold]
    fn touch_lfu(&self, entry: &Entry) {
        let counter = u32::from(self.frequency(entry));
        entry.set_access_clock(self.lfu_minutes() << 8 | self.incremented(counter));
    }

    /// Redis's logarithmic counter: the higher it is, the less likely it is to grow.
    fn incremented(&self, counter: u32) -> u32 {
        if counter == 255 {
            return 255;
        }
        let base = f64::from(counter.saturating_sub(LFU_INITIAL));
        let chance = 1.0 / (base * f64::from(self.config.lfu_log_factor()) + 1.0);
        let drawn = (random::next() >> 11) as f64 / (1u64 << 53) as f64;
        counter + u32::from(drawn < chance)
    }

    /// The entry's LFU counter, 0 to 255, decayed for the minutes since its last use.
    pub fn frequency(&self, entry: &Entry) -> u8 {
        let clock = entry.access_clock();
        let minutes = self.lfu_minutes().wrapping_sub(clock >> 8) & 0xffff;
        let decay = self.config.lfu_decay_time();
        let periods = minutes.checked_div(decay).unwrap_or(0);
        (clock & 0xff).saturating_sub(periods) as u8
    }

    /// Seconds since the entry's last use, modulo 2^24 (194 days), as OBJECT IDLETIME answers.
    pub fn idle_seconds(&self, entry: &Entry) -> u32 {
        self.lru_clock().wrapping_sub(entry.access_clock()) & CLOCK_MASK
    }
}
