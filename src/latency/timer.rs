//! The time of each command, for little: two clock reads for a read from a socket, whose time its commands
//! share, and more only where a command may be slow by itself.
//!
//! A command that is alone in its read has all of its time, so that this costs nothing more. Among others
//! is measured by itself any whose work can grow without bound, such as KEYS or ZRANGE. If the settings ask for commands of less than
//! [`SHORT`], all are.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::Client;
use crate::clock::{self, Micros, take_apart};
use crate::commands::registry::{self, Command};
use crate::commands::spec::{BeginSearch, CommandSpec, FindKeys, Flags, Handler};
use crate::keyspace::blocked::Waiter;
use crate::latency::report;
use crate::resp::Args;
use crate::server::Server;
use crate::session::park::{Call, Wait};
use crate::stats::WorkerStats;

/// Microseconds below which a command that does little can be what somebody looks for.
const SHORT: u64 = 1_000;

/// Arguments, or commands in EXEC, from which on anything may take long.
const MANY: usize = 32;

/// Commands of which all calls in a read are noted together.
const FEW: usize = 8;

/// Runs for which there is room between reads.
const MOST_RUNS: usize = 16 * 1024;

/// With how many arguments a command is measured by itself, whatever it shares its read with.
pub fn measured_from(spec: &CommandSpec) -> usize {
    let fast = spec.flags.contains(Flags::FAST);
    let constant = spec.complexity.starts_with("O(1)") && !spec.complexity.contains("O(N)");
    match spec.handler {
        // EXEC is as much work as what it runs.
        Handler::Control(_) => MANY,
        Handler::Blocking(_) => 0,
        // A bound is given as the last argument, if at all.
        _ if fast && spec.args.iter().any(|arg| arg.name == "count") => {
            spec.arity.0.unsigned_abs() as usize + 1
        }
        _ if fast => MANY,
        // What tells how long commands took must know of those before it.
        Handler::Session(_) => 0,
        _ if constant || is_work_per_key(spec) => MANY,
        _ => 0,
    }
}

/// Whether a command does little for each key and has nothing but keys, or keys and values: DEL, MSET.
fn is_work_per_key(spec: &CommandSpec) -> bool {
    let [keys] = spec.keys else { return false };
    spec.flags.contains(Flags::WRITE)
        && keys.begin == BeginSearch::Index(1)
        && matches!(keys.find, FindKeys::Range { last: -1, .. })
}

/// Calls of one command that share the time of their read with others.
#[derive(Clone, Copy, Debug)]
struct Run {
    command: usize,
    times: u64,
    /// How many shares it gets in all: as many, but EXEC gets those of its commands too.
    shares: u64,
}

/// What a timer notes in lists; a worker lends it from read to read, for the memory.
#[derive(Debug, Default)]
pub struct Notes {
    /// What ran before the last command.
    runs: Vec<Run>,
    /// Slow commands of blocked clients that were served: Redis notes them after what served them.
    served: Vec<(Arc<Waiter>, u64)>,
}

/// A command that runs others: EXEC.
#[derive(Clone, Copy, Default)]
struct Outer {
    since: Micros,
    /// What of its time is not its own.
    apart: u64,
    /// The commands that it runs.
    commands: u64,
    /// When they began.
    entered: Micros,
    measured: bool,
}

/// Measures the commands of one read.
pub struct Timer<'a> {
    server: &'a Server,
    stats: &'a WorkerStats,
    /// Since when no time was given to any command.
    since: Micros,
    /// Whether every command is measured by itself.
    each: bool,
    /// Whether there is anything in the notes.
    noted: bool,
    /// The command that ran last without being measured, and how often in a row.
    last: usize,
    times: u64,
    notes: &'a mut Notes,
    outer: Outer,
}

impl<'a> Timer<'a> {
    /// For a read of which the bytes came at `now`. The notes are empty.
    #[inline]
    pub fn new(
        server: &'a Server,
        stats: &'a WorkerStats,
        now: Micros,
        notes: &'a mut Notes,
    ) -> Self {
        take_apart();
        Timer {
            server,
            stats,
            since: now,
            each: server.config.slow_command() < SHORT,
            noted: false,
            last: usize::MAX,
            times: 0,
            notes,
            outer: Outer::default(),
        }
    }

    /// From here on every command is measured by itself.
    pub fn measure_each(&mut self) {
        self.each = true;
    }

    /// Before a command: returns whether it is measured by itself, which [`Timer::end`] wants to know.
    #[inline]
    pub fn begin(&mut self, command: &Command, work: usize) -> bool {
        let measured = self.each || work >= command.measured_from;
        if measured && (self.times != 0 || self.noted) {
            self.settle();
        }
        measured
    }

    /// After a command has run.
    #[inline(always)]
    pub fn end(&mut self, measured: bool, client: &Client, command: &Command, args: Args<'_>) {
        if measured {
            self.measure(client, (command, args), self.since, 0);
        } else if self.last == command.id {
            self.times += 1;
        } else {
            self.change_run(command.id);
        }
    }

    /// As [`Timer::begin`], for a command that may run others.
    pub fn open(&mut self, command: &Command, work: usize) {
        self.outer.measured = self.begin(command, work);
        self.outer.since = self.since;
    }

    /// The command that was opened has its locks, and is about to run this many others.
    pub fn enter(&mut self, commands: usize) {
        self.outer.commands = commands as u64;
        if self.outer.measured {
            self.outer.apart = take_apart();
            self.since = clock::now();
            self.outer.entered = self.since;
            self.each = self.server.config.slow_command() < SHORT;
        }
    }

    /// As [`Timer::end`], for the command that was opened: the time of what it ran is its own too.
    pub fn close(&mut self, client: &Client, command: &Command, args: Args<'_>) {
        let outer = std::mem::take(&mut self.outer);
        if outer.measured {
            self.close_measured(client, (command, args), outer);
        } else if outer.commands == 0 {
            self.end(false, client, command, args);
        } else {
            self.change_run(usize::MAX);
            self.times = 0;
            self.note_run(Run {
                command: command.id,
                times: 1,
                shares: outer.commands + 1,
            });
        }
    }

    fn close_measured(&mut self, client: &Client, call: (&Command, Args<'_>), outer: Outer) {
        let mut apart = outer.apart;
        if self.times != 0 || self.noted {
            apart += self.settle();
        }
        if outer.commands > 0 {
            let inside = self.since.since(outer.entered);
            self.stats.nested_micros.add(inside);
        }
        self.measure(client, call, outer.since, apart);
    }

    /// The command's time, which `wait` keeps until it is answered.
    #[cold]
    pub fn suspend(&mut self, wait: &mut Wait, command: &'static Command, args: Args<'_>) {
        let now = clock::now();
        let spent = own_time(self.since, now, take_apart());
        let began = self.since;
        self.since = now;
        match wait {
            Wait::Keys { waiter, .. } => drop(waiter.spent.fetch_add(spent, Relaxed)),
            Wait::Replicas { call, .. }
            | Wait::Sleep { call, .. }
            | Wait::Migration { call, .. } => {
                *call = Some(Box::new(Call::new(command, args, began, spent)));
            }
            Wait::Postponed { .. } => {}
        }
    }

    /// A blocked client was served, for which its command ran `micros` long.
    #[cold]
    pub fn serve(&mut self, waiter: &Arc<Waiter>, micros: u64) {
        let micros = micros + waiter.spent.load(Relaxed);
        let command = &registry::all()[waiter.command];
        count(self.server, self.stats, command.id, micros);
        if micros >= self.server.config.slow_command() {
            self.notes.served.push((waiter.clone(), micros));
            self.noted = true;
        }
    }

    /// The end of the read. If one command alone was not given its time yet, that is all its own, and its
    /// microseconds are returned if the caller is to [`report`] it.
    #[inline]
    pub fn finish(&mut self) -> Option<u64> {
        if self.times == 1 && !self.noted {
            let micros = own_time(self.since, clock::now(), take_apart());
            count(self.server, self.stats, self.last, micros);
            return Some(micros).filter(|micros| *micros >= self.server.config.slow_command());
        }
        if self.times != 0 || self.noted {
            self.settle();
        }
        None
    }

    /// Gives a command the time since some moment, without what is known to be apart from it.
    #[inline(never)]
    fn measure(
        &mut self,
        client: &Client,
        (command, args): (&Command, Args<'_>),
        since: Micros,
        apart: u64,
    ) {
        let now = clock::now();
        let micros = own_time(since, now, take_apart() + apart);
        self.since = now;
        count(self.server, self.stats, command.id, micros);
        // CONFIG SET may have changed it just now.
        let slow = self.server.config.slow_command();
        self.each = slow < SHORT;
        if micros >= slow {
            report(self.server, client, (command, args), micros);
        }
    }

    /// Begins a run of another command.
    #[inline]
    fn change_run(&mut self, command: usize) {
        if self.times > 0 {
            self.note_run(Run {
                command: self.last,
                times: self.times,
                shares: self.times,
            });
        }
        (self.last, self.times) = (command, 1);
    }

    /// Notes calls, with others of the same command if there are any among the first of the notes.
    fn note_run(&mut self, run: Run) {
        self.noted = true;
        let runs = &mut self.notes.runs;
        let mut few = runs.iter_mut().take(FEW);
        match few.find(|known| known.command == run.command) {
            Some(known) => {
                known.times += run.times;
                known.shares += run.shares;
            }
            None => runs.push(run),
        }
    }

    /// Shares out the time up to now among the commands that have not been given any, and reports those
    /// that were served meanwhile. Returns what of the time was set apart.
    #[inline(never)]
    fn settle(&mut self) -> u64 {
        let apart = take_apart();
        self.change_run(usize::MAX);
        (self.times, self.noted) = (0, false);
        if !self.notes.runs.is_empty() {
            let now = clock::now();
            let micros = own_time(self.since, now, apart);
            self.since = now;
            self.share_out(micros);
        }
        for (waiter, micros) in self.notes.served.drain(..) {
            let command = &registry::all()[waiter.command];
            report(
                self.server,
                &waiter.client,
                (command, waiter.args()),
                micros,
            );
        }
        apart
    }

    fn share_out(&mut self, micros: u64) {
        let tracked = self.server.config.latency_tracking();
        let runs = &mut self.notes.runs;
        let count: u64 = runs.iter().map(|run| run.times).sum();
        let nanos = micros.saturating_mul(1_000) / count;
        // Whole microseconds: what is left over goes to the first.
        let (each, mut rest) = (micros / count, micros % count);
        for run in runs.iter() {
            let counters = &self.stats.commands[run.command];
            let more = rest.min(run.times);
            rest -= more;
            counters.calls.add(run.times);
            counters.micros.add(each * run.shares + more);
            let inside = run.shares - run.times;
            if inside > 0 {
                self.stats.nested_micros.add(each * inside);
            }
            if tracked {
                let nanos = match inside {
                    0 => nanos,
                    _ => nanos * run.shares / run.times,
                };
                counters.latency.record(nanos, run.times);
            }
        }
        runs.clear();
        if runs.capacity() > MOST_RUNS {
            // One long EXEC must not leave a large list behind.
            runs.shrink_to(MOST_RUNS);
        }
    }
}

/// Microseconds from `since` to `now`, without what is not the command's own.
#[inline]
fn own_time(since: Micros, now: Micros, apart: u64) -> u64 {
    let since = since.0.wrapping_add(apart as i64);
    now.0.wrapping_sub(since).max(0) as u64
}

/// Counts a call.
#[inline]
fn count(server: &Server, stats: &WorkerStats, command: usize, micros: u64) {
    let counters = &stats.commands[command];
    counters.calls.add(1);
    counters.micros.add(micros);
    if server.config.latency_tracking() {
        counters.latency.record_micros(micros);
    }
}

/// Counts the command of a blocked client that was served after the server's own work, for which it ran
/// `micros` long.
#[cold]
pub fn served_apart(server: &Server, stats: &WorkerStats, waiter: &Waiter, micros: u64) {
    let micros = micros + waiter.spent.load(Relaxed);
    let command = &registry::all()[waiter.command];
    count(server, stats, command.id, micros);
    if micros >= server.config.slow_command() {
        report(server, &waiter.client, (command, waiter.args()), micros);
    }
}

/// Counts a command that had to wait, and is answered now by its own connection, with the time that it took.
#[cold]
pub fn end_wait(server: &Server, stats: &WorkerStats, client: &Client, wait: &Wait) {
    let now = clock::now();
    let (command, args, micros) = match wait {
        Wait::Keys { waiter, .. } => (
            &registry::all()[waiter.command],
            waiter.args(),
            waiter.spent.load(Relaxed),
        ),
        Wait::Replicas {
            call: Some(call), ..
        } => (call.command, call.args(), call.spent),
        // The sleep is the command's own time, and so is the talk.
        Wait::Sleep {
            call: Some(call), ..
        }
        | Wait::Migration {
            call: Some(call), ..
        } => (call.command, call.args(), now.since(call.began)),
        Wait::Replicas { call: None, .. }
        | Wait::Sleep { call: None, .. }
        | Wait::Migration { call: None, .. }
        | Wait::Postponed { .. } => return,
    };
    count(server, stats, command.id, micros);
    if micros >= server.config.slow_command() {
        report(server, client, (command, args), micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_much_to_do_is_measured() {
        let from = |name: &str| {
            let command = registry::lookup_full(name.as_bytes());
            command.map(|command| command.measured_from)
        };
        for name in [
            "keys",
            "zrange",
            "sinter",
            "sunionstore",
            "hgetall",
            "scan",
            "hscan",
            "copy",
            "info",
            "flushall",
            "config|resetstat",
            "slowlog|get",
            "latency|histogram",
            "debug",
            "wait",
            "bzpopmin",
            "srandmember",
            "client|list",
        ] {
            assert_eq!(from(name), Some(0), "{name}");
        }
        for name in [
            "get", "set", "setex", "append", "incr", "mget", "mset", "del", "unlink", "hset",
            "hget", "sadd", "zadd", "zscore", "ping", "select", "multi", "exec", "watch",
        ] {
            assert_eq!(from(name), Some(MANY), "{name}");
        }
        for name in ["spop", "zpopmin", "zpopmax"] {
            assert_eq!(from(name), Some(3), "{name}");
        }
    }
}
