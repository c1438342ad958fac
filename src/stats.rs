//! Counters. Each worker counts for itself, without synchronisation; INFO sums them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// A counter that one thread adds to and any thread reads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. Only the owning thread may call it, so no read-modify-write is needed.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What is counted for each command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Times it ran.
    pub calls: Counter,
    /// Microseconds that it took, in all. A batch's time is shared out evenly among its commands.
    pub micros: Counter,
    /// Times it was refused before it ran.
    pub rejected: Counter,
    /// Times it answered with an error.
    pub failed: Counter,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What one worker counts.
        #[derive(Debug, Default)]
        pub struct WorkerStats {
            $($(#[$doc])* pub $name: Counter,)*
            /// By command id.
            pub commands: Vec<CommandCounters>,
            /// Error replies by their code, such as `ERR`.
            pub errors: Mutex<BTreeMap<String, u64>>,
        }

        /// The sum of all workers' counters.
        #[derive(Clone, Debug, Default)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
            /// By command id: calls, microseconds, rejected, failed.
            pub commands: Vec<[u64; 4]>,
            /// Error replies by their code.
            pub errors: BTreeMap<String, u64>,
        }

        impl Totals {
            fn add(&mut self, worker: &WorkerStats) {
                $(self.$name += worker.$name.get();)*
                self.commands.resize(worker.commands.len(), [0; 4]);
                for (sum, counters) in self.commands.iter_mut().zip(&worker.commands) {
                    let values = [&counters.calls, &counters.micros, &counters.rejected, &counters.failed];
                    for (sum, value) in sum.iter_mut().zip(values) {
                        *sum += value.get();
                    }
                }
                for (code, count) in worker.errors.lock().iter() {
                    *self.errors.entry(code.clone()).or_default() += count;
                }
            }

            fn subtract(&mut self, baseline: &Totals) {
                $(self.$name = self.$name.saturating_sub(baseline.$name);)*
                for (sum, base) in self.commands.iter_mut().zip(&baseline.commands) {
                    for (sum, base) in sum.iter_mut().zip(base) {
                        *sum = sum.saturating_sub(*base);
                    }
                }
                for (code, base) in &baseline.errors {
                    if let Some(count) = self.errors.get_mut(code) {
                        *count = count.saturating_sub(*base);
                    }
                }
                self.errors.retain(|_, count| *count > 0);
            }
        }
    };
}

counters! {
    /// Connections accepted.
    connections_received,
    /// Connections refused because of `maxclients`.
    rejected_connections,
    /// Commands run, those inside EXEC included.
    commands_processed,
    /// Bytes read from clients.
    net_input_bytes,
    /// Bytes written to clients.
    net_output_bytes,
    /// Reads that found their key.
    keyspace_hits,
    /// Reads that did not.
    keyspace_misses,
    /// Keys removed because they expired.
    expired_keys,
    /// Keys removed because of `maxmemory`.
    evicted_keys,
    /// Changes of the keyspace.
    dirty,
    /// Replies that were errors.
    error_replies,
    /// Commands refused by an access rule: a wrong password.
    auth_failures,
    /// Reads from sockets.
    reads_processed,
    /// Writes to sockets.
    writes_processed,
    /// Clients closed because their request grew beyond `client-query-buffer-limit`.
    query_buffer_limit_disconnections,
    /// Clients closed because their replies grew beyond `client-output-buffer-limit`.
    output_buffer_limit_disconnections,
}

impl WorkerStats {
    /// Counters for `commands` commands, all 0.
    pub fn new(commands: usize) -> Self {
        WorkerStats {
            commands: (0..commands).map(|_| CommandCounters::default()).collect(),
            ..WorkerStats::default()
        }
    }

    /// Counts an error reply.
    pub fn count_error(&self, code: &str) {
        self.error_replies.add(1);
        let mut errors = self.errors.lock();
        // Hostile error texts must not grow the table without bound.
        let full = errors.len() >= 128 && !errors.contains_key(code);
        *errors
            .entry(if full { "ERRORSTATS_OVERFLOW" } else { code }.to_owned())
            .or_default() += 1;
    }
}

/// The counters of all workers.
#[derive(Debug)]
pub struct Stats {
    workers: Vec<WorkerStats>,
    /// What CONFIG RESETSTAT has set to 0.
    baseline: Mutex<Totals>,
}

impl Stats {
    /// Counters for `workers` workers and `commands` commands.
    pub fn new(workers: usize, commands: usize) -> Self {
        Stats {
            workers: (0..workers).map(|_| WorkerStats::new(commands)).collect(),
            baseline: Mutex::default(),
        }
    }

    /// The counters of worker `index`.
    pub fn worker(&self, index: usize) -> &WorkerStats {
        &self.workers[index]
    }

    fn sum(&self) -> Totals {
        let mut totals = Totals::default();
        for worker in &self.workers {
            totals.add(worker);
        }
        totals
    }

    /// The sums since the start or the last [`Stats::reset`].
    pub fn totals(&self) -> Totals {
        let mut totals = self.sum();
        totals.subtract(&self.baseline.lock());
        totals
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        let mut sum = self.sum();
        // Changes since the last save are not a statistic, and stay.
        sum.dirty = 0;
        *self.baseline.lock() = sum;
    }
}
