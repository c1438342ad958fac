//! Counters. Each worker counts for itself, without synchronisation; INFO sums them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::clock::Micros;
use crate::latency::histogram::{Distribution, Histogram};

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
    /// Microseconds that it took, in all.
    pub micros: Counter,
    /// How often it took how long.
    pub latency: Histogram,
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
            /// Which share of its keys with an expiry the active expiry cycle finds past it: a mean that
            /// forgets, as the bits of a floating point number.
            stale_share: AtomicU64,
            /// Error replies by their code, such as `ERR`.
            errors: Mutex<BTreeMap<String, u64>>,
            /// The codes of all workers.
            codes: Arc<ErrorCodes>,
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
            }
        }
    };
}

counters! {
    /// Connections accepted.
    connections_received,
    /// Connections refused because of `maxclients`.
    rejected_connections,
    /// Bytes read from clients.
    net_input_bytes,
    /// Bytes written to clients.
    net_output_bytes,
    /// Microseconds of commands inside EXEC, which are in EXEC's time too.
    nested_micros,
    /// Reads that found their key.
    keyspace_hits,
    /// Reads that did not.
    keyspace_misses,
    /// Keys removed because they expired.
    expired_keys,
    /// Microseconds that the active expiry cycle took.
    expire_cycle_micros,
    /// Fields of hashes removed because they expired.
    expired_subkeys,
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

impl Totals {
    /// Commands run, those inside EXEC included.
    pub fn commands_processed(&self) -> u64 {
        self.commands.iter().map(|[calls, ..]| calls).sum()
    }
}

impl WorkerStats {
    /// Commands run.
    fn commands_processed(&self) -> u64 {
        self.commands
            .iter()
            .map(|command| command.calls.get())
            .sum()
    }

    /// Counters for `commands` commands, all 0.
    fn new(commands: usize, codes: Arc<ErrorCodes>) -> Self {
        WorkerStats {
            commands: (0..commands).map(|_| CommandCounters::default()).collect(),
            codes,
            ..WorkerStats::default()
        }
    }

    /// Notes how many of `timed` keys the active expiry cycle has found past their expiry.
    pub fn note_stale(&self, stale: u64, timed: u64) {
        let share = if timed == 0 {
            0.0
        } else {
            stale as f64 / timed as f64
        };
        let mean = f64::from_bits(self.stale_share.load(Relaxed));
        // As much weight for the newest as in Redis.
        let mean = share * 0.05 + mean * 0.95;
        self.stale_share.store(mean.to_bits(), Relaxed);
    }

    /// Counts an error reply.
    pub fn count_error(&self, code: &str) {
        self.error_replies.add(1);
        if self.codes.disabled.load(Relaxed) {
            return;
        }
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(code) {
            *count += 1;
        } else if self.codes.admit(code) {
            errors.insert(code.to_owned(), 1);
        }
    }
}

/// The codes that are counted, so that hostile error texts cannot grow the tables without bound: once
/// they would be too many, no error is counted by its code until [`Stats::reset`].
#[derive(Debug, Default)]
struct ErrorCodes {
    known: Mutex<BTreeSet<String>>,
    disabled: AtomicBool,
}

impl ErrorCodes {
    /// Codes counted at most, as in Redis.
    const MOST: usize = 128;

    /// Whether the code may be counted.
    fn admit(&self, code: &str) -> bool {
        let mut known = self.known.lock();
        if known.len() >= Self::MOST && !known.contains(code) {
            if !self.disabled.swap(true, Relaxed) {
                let codes = Vec::from_iter(known.iter().map(String::as_str)).join(", ");
                tracing::warn!(
                    "Errorstats stopped adding new errors because the number of errors reached the limit, may be \
                     misuse of lua error_reply, please check INFO ERRORSTATS, this can be re-enabled via CONFIG \
                     RESETSTAT."
                );
                tracing::warn!("Current errors code list: {codes}");
            }
            return false;
        }
        known.insert(code.to_owned());
        true
    }
}

/// What the workers' event loops did: how often they looked for something to do, and how long they then
/// were at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loops {
    /// Turns.
    pub cycles: u64,
    /// Microseconds, without those of waiting.
    pub micros: u64,
}

/// How fast counters grow in a second, of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Commands run.
    pub commands: u64,
    /// Bytes read.
    pub input_bytes: u64,
    /// Bytes written.
    pub output_bytes: u64,
    /// Turns of event loops.
    pub loop_cycles: u64,
    /// Microseconds of these.
    pub loop_micros: u64,
}

/// Counters whose growth is measured.
const MEASURED: usize = 5;

/// How fast counters grew of late: the mean of the last samples.
#[derive(Debug, Default)]
struct Growth {
    at: Micros,
    last: [u64; MEASURED],
    samples: [[u64; MEASURED]; Growth::SAMPLES],
    next: usize,
}

impl Growth {
    const SAMPLES: usize = 16;

    fn sample(&mut self, now: Micros, values: [u64; MEASURED]) {
        let micros = now.since(self.at).max(1);
        // The first sample has nothing to be compared with.
        if self.at != Micros::default() {
            self.samples[self.next] = std::array::from_fn(|index| {
                let grown = u128::from(values[index].saturating_sub(self.last[index]));
                (grown * 1_000_000 / u128::from(micros)) as u64
            });
            self.next = (self.next + 1) % Self::SAMPLES;
        }
        (self.at, self.last) = (now, values);
    }

    fn means(&self) -> [u64; MEASURED] {
        std::array::from_fn(|index| {
            let sum: u64 = self.samples.iter().map(|sample| sample[index]).sum();
            sum / Self::SAMPLES as u64
        })
    }
}

/// The counters of all workers.
#[derive(Debug)]
pub struct Stats {
    workers: Vec<WorkerStats>,
    /// What CONFIG RESETSTAT has set to 0.
    baseline: Mutex<Totals>,
    /// The same for how long commands took, by command id; shorter if there is nothing more.
    earlier: Mutex<Vec<Distribution>>,
    codes: Arc<ErrorCodes>,
    growth: Mutex<Growth>,
}

impl Stats {
    /// Counters for `workers` workers and `commands` commands.
    pub fn new(workers: usize, commands: usize) -> Self {
        let codes = Arc::<ErrorCodes>::default();
        Stats {
            workers: (0..workers)
                .map(|_| WorkerStats::new(commands, codes.clone()))
                .collect(),
            baseline: Mutex::default(),
            earlier: Mutex::default(),
            codes,
            growth: Mutex::default(),
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

    /// Changes of the keyspace since the start.
    pub fn changes(&self) -> u64 {
        self.workers.iter().map(|worker| worker.dirty.get()).sum()
    }

    /// The sums since the start or the last [`Stats::reset`].
    pub fn totals(&self) -> Totals {
        let mut totals = self.sum();
        totals.subtract(&self.baseline.lock());
        if self.codes.disabled.load(Relaxed) {
            totals.errors = BTreeMap::from([("ERRORSTATS_DISABLED".to_owned(), 1)]);
        }
        totals
    }

    /// Which share of the keys with an expiry are past it and still there, about.
    pub fn stale_share(&self) -> f64 {
        // The last is the listener's, which has no keys.
        let shares = self.workers.iter().rev().skip(1);
        let count = shares.len().max(1) as f64;
        let of = |worker: &WorkerStats| f64::from_bits(worker.stale_share.load(Relaxed));
        shares.map(of).sum::<f64>() / count
    }

    /// How often a command took how long since the start or the last [`Stats::reset`]; empty if it was not
    /// measured.
    pub fn latency(&self, command: usize) -> Distribution {
        let mut sum = self.latency_so_far(command);
        if let Some(earlier) = self.earlier.lock().get(command) {
            sum.subtract(earlier);
        }
        sum
    }

    fn latency_so_far(&self, command: usize) -> Distribution {
        let mut sum = Distribution::default();
        for worker in &self.workers {
            worker.commands[command].latency.add_to(&mut sum);
        }
        sum
    }

    /// Measures how fast the counters of [`Stats::rates`] grow; to be called about ten times a second.
    pub fn sample(&self, now: Micros, loops: Loops) {
        let sum = |of: fn(&WorkerStats) -> u64| -> u64 { self.workers.iter().map(of).sum() };
        let values = [
            sum(WorkerStats::commands_processed),
            sum(|worker| worker.net_input_bytes.get()),
            sum(|worker| worker.net_output_bytes.get()),
            loops.cycles,
            loops.micros,
        ];
        self.growth.lock().sample(now, values);
    }

    /// How fast some counters grow in a second, over the last 1.6 seconds.
    pub fn rates(&self) -> Rates {
        let [
            commands,
            input_bytes,
            output_bytes,
            loop_cycles,
            loop_micros,
        ] = self.growth.lock().means();
        Rates {
            commands,
            input_bytes,
            output_bytes,
            loop_cycles,
            loop_micros,
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        let mut sum = self.sum();
        // Changes since the last save are not a statistic, and stay; so do refused passwords.
        sum.dirty = 0;
        sum.auth_failures = 0;
        let commands = sum.commands.len();
        *self.baseline.lock() = sum;
        *self.earlier.lock() = (0..commands)
            .map(|command| self.latency_so_far(command))
            .collect();
        self.codes.known.lock().clear();
        for worker in &self.workers {
            worker.errors.lock().clear();
            worker.stale_share.store(0.0f64.to_bits(), Relaxed);
        }
        self.codes.disabled.store(false, Relaxed);
        *self.growth.lock() = Growth::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_limited_over_all_workers() {
        let stats = Stats::new(2, 0);
        for number in 0..128 {
            stats.worker(number % 2).count_error(&format!("E{number}"));
        }
        stats.worker(0).count_error("E1");
        let totals = stats.totals();
        assert_eq!((totals.errors.len(), totals.errors["E1"]), (128, 2));
        assert_eq!(totals.error_replies, 129);
        stats.worker(1).count_error("ONE_TOO_MANY");
        stats.worker(0).count_error("E0");
        let totals = stats.totals();
        assert_eq!(
            totals.errors,
            BTreeMap::from([("ERRORSTATS_DISABLED".to_owned(), 1)])
        );
        assert_eq!(totals.error_replies, 131);
        stats.reset();
        assert!(stats.totals().errors.is_empty());
        stats.worker(0).count_error("E0");
        assert_eq!(
            stats.totals().errors,
            BTreeMap::from([("E0".to_owned(), 1)])
        );
        assert_eq!(stats.totals().error_replies, 1);
    }

    #[test]
    fn rates_are_per_second_and_forget() {
        let mut growth = Growth::default();
        let mut now = Micros(1_000_000);
        growth.sample(now, [1_000_000, 0, 0, 0, 0]);
        assert_eq!(growth.means(), [0; MEASURED]);
        for step in 1..=16 {
            now.0 += 100_000;
            growth.sample(now, [1_000_000 + 50 * step, 10 * step, 0, step, 300 * step]);
        }
        assert_eq!(growth.means(), [500, 100, 0, 10, 3_000]);
        for _ in 0..16 {
            now.0 += 100_000;
            growth.sample(now, [1_000_800, 160, 0, 16, 4_800]);
        }
        assert_eq!(growth.means(), [0; MEASURED]);
    }

    #[test]
    fn the_stale_share_is_a_mean_of_workers_that_forgets() {
        let stats = Stats::new(3, 0);
        assert_eq!(stats.stale_share(), 0.0);
        for _ in 0..1_000 {
            stats.worker(0).note_stale(1, 4);
            stats.worker(1).note_stale(3, 4);
        }
        assert!((stats.stale_share() - 0.5).abs() < 1e-9);
        stats.worker(1).note_stale(0, 0);
        assert!((stats.stale_share() - 0.48125).abs() < 1e-9);
        stats.reset();
        assert_eq!(stats.stale_share(), 0.0);
    }

    #[test]
    fn reset_keeps_what_is_no_statistic() {
        let stats = Stats::new(1, 1);
        let worker = stats.worker(0);
        worker.dirty.add(3);
        worker.auth_failures.add(2);
        worker.keyspace_hits.add(5);
        worker.commands[0].calls.add(4);
        worker.commands[0].latency.record(1_000, 4);
        stats.reset();
        assert_eq!(stats.latency(0).calls(), 0);
        worker.keyspace_hits.add(1);
        worker.commands[0].latency.record(1_000, 1);
        assert_eq!(stats.latency(0).cumulative(), [(1, 1)]);
        let totals = stats.totals();
        assert_eq!((totals.dirty, totals.auth_failures), (3, 2));
        assert_eq!((totals.keyspace_hits, totals.commands[0]), (1, [0; 4]));
    }
}
