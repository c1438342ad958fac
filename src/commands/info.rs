//! INFO: what the server is and what it has done, in sections of `name:value` lines.
//!
//! The names and their order are those of Redis. Features that do not exist here are reported as
//! unused; what cannot be said truly is left out.

use std::fmt::{Display, Write};
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::waiting;
use crate::commands::context::{Context, Flow};
use crate::commands::memory::MemoryUse;
use crate::commands::registry::{self, Command};
use crate::commands::replication::REPLICATION_OFFSET;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Footprint, Group, members,
};
use crate::config::{REDIS_VERSION, build_id};
use crate::error::Error;
use crate::memory;
use crate::resp::{Args, Reply};
use crate::stats::Totals;

const INFO: CommandSpec = CommandSpec::session("INFO", Arity::at_least(1), Group::Server, info)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::DANGEROUS)
    .footprint(Footprint::AllShared)
    .doc(
        "1.0.0",
        "O(1)",
        "Describes the server's state and counts what it has done.",
    )
    .tips(&[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ])
    .args(&[Arg::new("section", ArgKind::String).optional().multiple()]);

fn info(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let sections = Sections::parse(args);
    let mut report = Report::default();
    for &(name, write) in SECTIONS {
        if sections.contains(name) {
            report.section(name);
            write(&mut report, context);
        }
    }
    reply.verbatim(report.out.as_bytes());
    Ok(Flow::Done)
}

/// Keys of a database that are looked at to estimate the mean time to live.
const TTL_SAMPLE: usize = 1_000;

/// The sections in their order: the name as a heading, and what writes it.
type Section = (&'static str, fn(&mut Report, &Context<'_, '_>));

const SECTIONS: &[Section] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory_use),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", cpu),
    // There are no modules: the section is a heading only.
    ("Modules", |_, _| {}),
    ("Commandstats", command_stats),
    ("Errorstats", error_stats),
    ("Latencystats", latency_stats),
    ("Cluster", |report, _| report.field("cluster_enabled", 0)),
    ("Keyspace", keyspace),
];

/// Sections that INFO shows only when it is asked for them, or for all.
const NOT_BY_DEFAULT: &[&str] = &["Commandstats", "Latencystats"];

/// Which sections were asked for.
struct Sections<'a> {
    named: Vec<&'a [u8]>,
    default: bool,
    all: bool,
}

impl<'a> Sections<'a> {
    fn parse(args: Args<'a>) -> Self {
        let any = |words: &[&str]| {
            (1..args.len()).any(|index| words.iter().any(|word| args.is(index, word)))
        };
        Sections {
            named: args.from(1).collect(),
            default: args.len() == 1 || any(&["default"]),
            all: any(&["all", "everything"]),
        }
    }

    fn contains(&self, section: &str) -> bool {
        let named = |name: &str| {
            self.named
                .iter()
                .any(|given| given.eq_ignore_ascii_case(name.as_bytes()))
        };
        self.all
            || (self.default && !NOT_BY_DEFAULT.contains(&section))
            || named(section)
            || (section == "Modules" && named("module_list"))
    }
}

/// The text, as far as it is written.
#[derive(Default)]
struct Report {
    out: String,
}

impl Report {
    fn section(&mut self, name: &str) {
        if !self.out.is_empty() {
            self.out.push_str("\r\n");
        }
        let _ = write!(self.out, "# {name}\r\n");
    }

    fn field(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.out, "{name}:{value}\r\n");
    }

    /// Fields of features that are not used.
    fn zeros(&mut self, names: &[&str]) {
        for name in names {
            self.field(name, 0);
        }
    }

    /// A number of bytes.
    fn bytes(&mut self, name: &str, count: u64) {
        self.field(name, count);
    }

    /// A number of bytes, followed by the same number in words.
    fn bytes_and_human(&mut self, name: &str, count: u64) {
        self.bytes(name, count);
        self.field(&format!("{name}_human"), human(count));
    }

    fn two_decimals(&mut self, name: &str, value: f64) {
        self.field(name, format_args!("{value:.2}"));
    }

    fn percentage(&mut self, name: &str, value: f64) {
        self.field(name, format_args!("{value:.2}%"));
    }
}

/// A number of bytes as people read it: `512B`, `1.50K`.
fn human(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let power = (bytes.ilog2() / 10) as usize;
    match UNITS.get(power - 1) {
        Some(unit) => {
            let amount = bytes as f64 / (1u64 << (10 * power)) as f64;
            format!("{amount:.2}{unit}")
        }
        None => format!("{bytes}B"),
    }
}

fn server(report: &mut Report, context: &Context<'_, '_>) {
    let (server, now) = (context.server, context.db.access.now);
    let config = &server.config;
    let uptime = now.seconds() - server.started.seconds();
    report.field("redis_version", REDIS_VERSION);
    report.field("redis_git_sha1", "00000000");
    report.field("redis_git_dirty", 0);
    report.field("redis_build_id", format_args!("{:x}", build_id()));
    report.field("redis_mode", "standalone");
    report.field("os", &*SYSTEM);
    report.field("arch_bits", usize::BITS);
    report.field("monotonic_clock", "POSIX clock_gettime");
    report.field("multiplexing_api", "epoll");
    report.field("gcc_version", "0.0.0");
    report.field("process_id", std::process::id());
    report.field("process_supervised", "no");
    report.field("run_id", &server.run_id);
    report.field("tcp_port", server.port.load(Relaxed));
    report.field("server_time_usec", now.0);
    report.field("uptime_in_seconds", uptime.max(0));
    report.field("uptime_in_days", uptime.max(0) / 86_400);
    report.field("hz", config.hz());
    report.field("configured_hz", config.hz());
    report.field("lru_clock", now.seconds() & 0x00ff_ffff);
    report.field("executable", &*EXECUTABLE);
    let file = config.file().map(|path| path.display().to_string());
    report.field("config_file", file.unwrap_or_default());
    report.field("io_threads_active", 0);
    let port = server.port.load(Relaxed);
    if port != 0 {
        let addresses: String = config
            .bind()
            .iter()
            .map(|address| format!(",bind={address}"))
            .collect();
        report.field("listener0", format_args!("name=tcp{addresses},port={port}"));
    }
    if let Some(path) = config.unixsocket() {
        report.field(
            "listener1",
            format_args!("name=unix,bind={}", path.display()),
        );
    }
}

/// The operating system with its release, and the machine's kind.
static SYSTEM: LazyLock<String> = LazyLock::new(|| {
    // SAFETY: all bytes zero are a valid value of a structure of C texts, which the call fills.
    let name = unsafe {
        let mut name = std::mem::zeroed::<libc::utsname>();
        libc::uname(&raw mut name);
        name
    };
    let text = |field: &[libc::c_char]| {
        let bytes: Vec<u8> = field
            .iter()
            .map(|&byte| byte as u8)
            .take_while(|&byte| byte != 0)
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    format!(
        "{} {} {}",
        text(&name.sysname),
        text(&name.release),
        text(&name.machine)
    )
});

static EXECUTABLE: LazyLock<String> = LazyLock::new(|| {
    std::env::current_exe().map_or_else(|_| String::new(), |path| path.display().to_string())
});

fn clients(report: &mut Report, context: &Context<'_, '_>) {
    let server = context.server;
    let mut clients = server.clients.all();
    clients.retain(|client| !client.killed.load(Relaxed));
    let most = |of: fn(&crate::clients::Client) -> u64| {
        clients.iter().map(|client| of(client)).max().unwrap_or(0)
    };
    let count = |holds: fn(&crate::clients::Client) -> bool| {
        clients.iter().filter(|client| holds(client)).count()
    };
    report.field("connected_clients", clients.len());
    report.field("cluster_connections", 0);
    report.field("maxclients", server.config.maxclients());
    report.field(
        "client_recent_max_input_buffer",
        most(|client| client.query_bytes.load(Relaxed)),
    );
    report.field(
        "client_recent_max_output_buffer",
        most(|client| client.output_bytes.load(Relaxed)),
    );
    report.field(
        "blocked_clients",
        count(|client| client.waiting.load(Relaxed) != waiting::NOT),
    );
    report.field("tracking_clients", server.observers.tracking.client_count());
    report.zeros(&["pubsub_clients"]);
    report.field("watching_clients", count(|client| client.watched() > 0));
    report.field(
        "clients_in_timeout_table",
        server.clients.blocked_with_timeout.load(Relaxed),
    );
    report.field("total_watched_keys", context.db.view().watched_keys());
    report.field("total_blocking_keys", context.db.view().blocking_keys());
    report.field(
        "total_blocking_keys_on_nokey",
        context.db.view().minded_keys(),
    );
}

fn memory_use(report: &mut Report, context: &Context<'_, '_>) {
    let server = context.server;
    let memory = MemoryUse::of(context);
    report.bytes_and_human("used_memory", memory.used);
    report.bytes_and_human("used_memory_rss", memory.resident);
    report.bytes_and_human("used_memory_peak", memory.peak);
    report.percentage("used_memory_peak_perc", memory.peak_percentage());
    report.bytes("used_memory_overhead", memory.overhead());
    report.bytes("used_memory_startup", memory.startup);
    report.bytes("used_memory_dataset", memory.dataset());
    report.percentage("used_memory_dataset_perc", memory.dataset_percentage());
    // The system's allocator says nothing of itself: as in Redis, the process's numbers stand for it.
    report.bytes("allocator_allocated", memory.used);
    report.bytes("allocator_active", memory.resident);
    report.bytes("allocator_resident", memory.resident);
    report.bytes("allocator_muzzy", 0);
    report.bytes_and_human("total_system_memory", memory::of_system());
    script_memory(report);
    report.bytes_and_human("maxmemory", server.config.maxmemory());
    report.field("maxmemory_policy", server.config.maxmemory_policy().name());
    for name in ["allocator_frag", "allocator_rss", "rss_overhead"] {
        report.field(&format!("{name}_ratio"), "1.00");
        report.field(&format!("{name}_bytes"), 0);
    }
    report.two_decimals("mem_fragmentation_ratio", memory.fragmentation());
    report.field("mem_fragmentation_bytes", memory.fragmentation_bytes());
    report.zeros(&[
        "mem_not_counted_for_evict",
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_clients_slaves",
    ]);
    report.bytes("mem_clients_normal", memory.clients);
    report.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    report.field("mem_allocator", "libc");
    report.zeros(&[
        "mem_overhead_db_hashtable_rehashing",
        "active_defrag_running",
    ]);
    let (pending, freed) = server.reaper.counts();
    report.field("lazyfree_pending_objects", pending);
    report.field("lazyfreed_objects", freed);
}

/// There are no scripts.
fn script_memory(report: &mut Report) {
    report.zeros(&["used_memory_lua", "used_memory_vm_eval"]);
    report.field("used_memory_lua_human", human(0));
    report.zeros(&[
        "used_memory_scripts_eval",
        "number_of_cached_scripts",
        "number_of_functions",
        "number_of_libraries",
        "used_memory_vm_functions",
    ]);
    report.bytes_and_human("used_memory_vm_total", 0);
    report.bytes("used_memory_functions", 0);
    report.bytes_and_human("used_memory_scripts", 0);
}

/// A save is done at once, and so never in progress.
fn persistence(report: &mut Report, context: &Context<'_, '_>) {
    report.zeros(&[
        "loading",
        "async_loading",
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    report.field("current_fork_perc", "0.00");
    report.zeros(&["current_save_keys_processed", "current_save_keys_total"]);
    let saves = &context.server.saves;
    let changes = saves.unsaved_changes(&context.server.stats);
    report.field("rdb_changes_since_last_save", changes);
    report.field("rdb_bgsave_in_progress", 0);
    report.field("rdb_last_save_time", saves.last());
    report.field("rdb_last_bgsave_status", "ok");
    report.field("rdb_last_bgsave_time_sec", saves.save_seconds());
    report.field("rdb_current_bgsave_time_sec", -1);
    report.field("rdb_saves", saves.saves());
    report.zeros(&[
        "rdb_last_cow_size",
        "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded",
        "aof_enabled",
        "aof_rewrite_in_progress",
    ]);
    let scheduled = u8::from(saves.is_rewrite_scheduled());
    report.field("aof_rewrite_scheduled", scheduled);
    report.field("aof_last_rewrite_time_sec", saves.rewrite_seconds());
    report.field("aof_current_rewrite_time_sec", -1);
    report.field("aof_last_bgrewrite_status", "ok");
    report.field("aof_rewrites", saves.rewrites());
    report.field("aof_rewrites_consecutive_failures", 0);
    report.field("aof_last_write_status", "ok");
    report.zeros(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
}

fn stats(report: &mut Report, context: &Context<'_, '_>) {
    let server = context.server;
    let totals = server.stats.totals();
    let rates = server.stats.rates();
    let kib = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    report.field("total_connections_received", totals.connections_received);
    report.field("total_commands_processed", totals.commands_processed());
    report.field("instantaneous_ops_per_sec", rates.commands);
    report.field("total_net_input_bytes", totals.net_input_bytes);
    report.field("total_net_output_bytes", totals.net_output_bytes);
    report.zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    report.field("instantaneous_input_kbps", kib(rates.input_bytes));
    report.field("instantaneous_output_kbps", kib(rates.output_bytes));
    report.field("instantaneous_input_repl_kbps", "0.00");
    report.field("instantaneous_output_repl_kbps", "0.00");
    report.field("rejected_connections", totals.rejected_connections);
    report.zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    report.field("expired_subkeys", totals.expired_subkeys);
    report.field("expired_keys", totals.expired_keys);
    let stale = server.stats.stale_share() * 100.0;
    report.two_decimals("expired_stale_perc", stale);
    // The expiry cycle looks at all that is due, however long it takes: clients come between.
    report.field("expired_time_cap_reached_count", 0);
    let millis = totals.expire_cycle_micros / 1_000;
    report.field("expire_cycle_cpu_milliseconds", millis);
    report.field("evicted_keys", totals.evicted_keys);
    report.zeros(&["evicted_clients", "evicted_scripts"]);
    let (current, total) = server.over_limit.millis(context.db.access.now);
    report.field("total_eviction_exceeded_time", total);
    report.field("current_eviction_exceeded_time", current);
    report.field("keyspace_hits", totals.keyspace_hits);
    report.field("keyspace_misses", totals.keyspace_misses);
    report.zeros(&[
        "pubsub_channels",
        "pubsub_patterns",
        "pubsubshard_channels",
        "latest_fork_usec",
        "total_forks",
        "migrate_cached_sockets",
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    let tracking = &context.server.observers.tracking;
    let (keys, items) = tracking.key_counts();
    report.field("tracking_total_keys", keys);
    report.field("tracking_total_items", items);
    report.field("tracking_total_prefixes", tracking.prefix_count());
    report.zeros(&["unexpected_error_replies"]);
    report.field("total_error_replies", totals.error_replies);
    report.field("dump_payload_sanitizations", 0);
    report.field("total_reads_processed", totals.reads_processed);
    report.field("total_writes_processed", totals.writes_processed);
    report.zeros(&[
        "io_threaded_reads_processed",
        "io_threaded_writes_processed",
    ]);
    report.field(
        "client_query_buffer_limit_disconnections",
        totals.query_buffer_limit_disconnections,
    );
    report.field(
        "client_output_buffer_limit_disconnections",
        totals.output_buffer_limit_disconnections,
    );
    event_loops(report, context, &totals);
    report.field("acl_access_denied_auth", totals.auth_failures);
    report.zeros(&[
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
    ]);
}

/// The event loops of all workers together.
fn event_loops(report: &mut Report, context: &Context<'_, '_>, totals: &Totals) {
    let loops = context.server.event_loops();
    let rates = context.server.stats.rates();
    let all: u64 = totals.commands.iter().map(|[_, micros, ..]| micros).sum();
    let in_commands = all.saturating_sub(totals.nested_micros);
    report.field("eventloop_cycles", loops.cycles);
    report.field("eventloop_duration_sum", loops.micros);
    report.field("eventloop_duration_cmd_sum", in_commands);
    report.field("instantaneous_eventloop_cycles_per_sec", rates.loop_cycles);
    let each = rates.loop_micros.checked_div(rates.loop_cycles);
    report.field("instantaneous_eventloop_duration_usec", each.unwrap_or(0));
}

fn replication(report: &mut Report, context: &Context<'_, '_>) {
    let backlog = context.server.config.get(&["repl-backlog-size"]);
    let backlog = backlog.first().map(|(_, value)| value.as_slice());
    report.field("role", "master");
    report.field("connected_slaves", 0);
    report.field("master_failover_state", "no-failover");
    report.field("master_replid", &context.server.replication_id);
    report.field("master_replid2", format_args!("{:040}", 0));
    report.field("master_repl_offset", REPLICATION_OFFSET);
    report.field("second_repl_offset", -1);
    report.field("repl_backlog_active", 0);
    report.field(
        "repl_backlog_size",
        String::from_utf8_lossy(backlog.unwrap_or(b"0")),
    );
    report.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

fn cpu(report: &mut Report, _context: &Context<'_, '_>) {
    for (who, suffix) in [
        (libc::RUSAGE_SELF, ""),
        (libc::RUSAGE_CHILDREN, "_children"),
    ] {
        // SAFETY: all bytes zero are a valid value of a structure of numbers, which the call fills.
        let usage = unsafe {
            let mut usage = std::mem::zeroed::<libc::rusage>();
            libc::getrusage(who, &raw mut usage);
            usage
        };
        for (name, time) in [("sys", usage.ru_stime), ("user", usage.ru_utime)] {
            report.field(
                &format!("used_cpu_{name}{suffix}"),
                format_args!("{}.{:06}", time.tv_sec, time.tv_usec),
            );
        }
    }
}

fn command_stats(report: &mut Report, context: &Context<'_, '_>) {
    let totals = context.server.stats.totals();
    for command in registry::top_level() {
        command_line(report, command, &totals);
        for sub in command.subcommands() {
            command_line(report, sub, &totals);
        }
    }
}

fn command_line(report: &mut Report, command: &Command, totals: &Totals) {
    let [calls, micros, rejected, failed] = totals.commands[command.id];
    if calls == 0 && rejected == 0 && failed == 0 {
        return;
    }
    // Single precision, as in Redis.
    let each = if calls == 0 {
        0.0
    } else {
        micros as f32 / calls as f32
    };
    report.field(
        &format!("cmdstat_{}", command.full_name),
        format_args!(
            "calls={calls},usec={micros},usec_per_call={:.2},rejected_calls={rejected},failed_calls={failed}",
            f64::from(each)
        ),
    );
}

fn error_stats(report: &mut Report, context: &Context<'_, '_>) {
    for (code, count) in &context.server.stats.totals().errors {
        // What would break the lines' form is replaced.
        let code = code.replace(['#', ':', '\n', '\r'], "_");
        report.field(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

fn latency_stats(report: &mut Report, context: &Context<'_, '_>) {
    let config = &context.server.config;
    if !config.latency_tracking() {
        return;
    }
    let percentiles = config.latency_percentiles();
    for command in registry::top_level() {
        for command in std::iter::once(command).chain(command.subcommands()) {
            latency_line(report, command, &percentiles, context);
        }
    }
}

fn latency_line(
    report: &mut Report,
    command: &Command,
    percentiles: &[String],
    context: &Context<'_, '_>,
) {
    let times = context.server.stats.latency(command.id);
    if times.calls() == 0 {
        return;
    }
    let values: Vec<String> = percentiles
        .iter()
        .map(|name| {
            let nanos = times.percentile(name.parse().unwrap_or(0.0));
            format!("p{name}={:.3}", nanos as f64 / 1_000.0)
        })
        .collect();
    report.field(
        &format!("latency_percentiles_usec_{}", command.full_name),
        values.join(","),
    );
}

fn keyspace(report: &mut Report, context: &Context<'_, '_>) {
    let view = context.db.view();
    for index in 0..view.databases() {
        let (keys, expires) = (view.len_of(index), view.expires_of(index));
        let subexpiry = view.timed_hashes_of(index);
        if keys == 0 {
            continue;
        }
        let now = view.now();
        let left: Vec<i64> = view
            .entries_of(index)
            .take(TTL_SAMPLE)
            .filter_map(|entry| entry.expiry())
            .map(|expiry| expiry - now)
            .collect();
        let mean =
            left.iter().map(|&left| i128::from(left)).sum::<i128>() / (left.len().max(1) as i128);
        report.field(
            &format!("db{index}"),
            format_args!("keys={keys},expires={expires},avg_ttl={mean},subexpiry={subexpiry}"),
        );
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[INFO];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::Slot;

    fn shown(words: &[&str]) -> Vec<&'static str> {
        let (mut buffer, mut slots) = (Vec::new(), Vec::new());
        for word in [&["INFO"], words].concat() {
            slots.push(Slot {
                start: buffer.len() as u32,
                len: word.len() as u32,
                hash: 0,
            });
            buffer.extend_from_slice(word.as_bytes());
        }
        let sections = Sections::parse(Args::new(&buffer, &slots));
        SECTIONS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| sections.contains(name))
            .collect()
    }

    #[test]
    fn sections_are_chosen_by_name_in_any_case() {
        let all: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(shown(&["all"]), all);
        assert_eq!(shown(&["EVERYTHING"]), all);
        assert_eq!(shown(&["nothing", "ALL"]), all);
        let default: Vec<&str> = all
            .iter()
            .copied()
            .filter(|name| !NOT_BY_DEFAULT.contains(name))
            .collect();
        assert_eq!(shown(&[]), default);
        assert_eq!(shown(&["Default", "server"]), default);
        assert_eq!(
            shown(&["commandstats", "SERVER"]),
            ["Server", "Commandstats"]
        );
        assert_eq!(shown(&["module_list"]), ["Modules"]);
        assert!(shown(&["nosuch"]).is_empty());
    }

    #[test]
    fn bytes_are_readable() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1536, "1.50K"),
            (1 << 20, "1.00M"),
            ((1 << 30) - 1, "1024.00M"),
            (1 << 30, "1.00G"),
            (5 << 40, "5.00T"),
            (3 << 50, "3.00P"),
            (1 << 60, "1152921504606846976B"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
