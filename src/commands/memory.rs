//! MEMORY: what takes memory.

use std::sync::atomic::Ordering::Relaxed;

use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{
    Arg, ArgKind, Arity, CommandResult, CommandSpec, Flags, Footprint, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Entry, View};
use crate::memory;
use crate::resp::{Args, Reply};

/// What memory is used for.
#[derive(Debug, Default)]
pub struct MemoryUse {
    /// Bytes that are allocated.
    pub used: u64,
    /// Bytes of the process that are in memory.
    pub resident: u64,
    /// The most that were allocated so far.
    pub peak: u64,
    /// Bytes that were allocated before the first client came.
    pub startup: u64,
    /// Bytes of the clients.
    pub clients: u64,
    /// The databases that hold keys.
    pub databases: Vec<DatabaseUse>,
}

/// What a database takes.
#[derive(Debug, Default)]
pub struct DatabaseUse {
    /// Its number.
    pub index: usize,
    /// Its keys.
    pub keys: u64,
    /// Bytes of its tables, without what entries have on the heap.
    pub table: u64,
}

impl MemoryUse {
    /// Measures it. Needs all shards.
    pub fn of(context: &Context<'_, '_>) -> Self {
        let server = context.server;
        let view = context.db.view();
        let databases = (0..view.databases()).filter(|&index| view.len_of(index) > 0);
        MemoryUse {
            used: memory::publish(),
            resident: memory::resident(),
            peak: memory::peak(),
            startup: server.initial_memory.load(Relaxed),
            clients: server
                .clients
                .all()
                .iter()
                .map(|client| client.memory())
                .sum(),
            databases: databases
                .map(|index| DatabaseUse {
                    index,
                    keys: view.len_of(index) as u64,
                    table: view.table_bytes_of(index) as u64,
                })
                .collect(),
        }
    }

    /// Keys of all databases.
    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|database| database.keys).sum()
    }

    fn tables(&self) -> u64 {
        self.databases.iter().map(|database| database.table).sum()
    }

    /// Bytes of the tables besides their entries.
    pub fn lookup(&self) -> u64 {
        self.tables()
            .saturating_sub(self.keys() * size_of::<Entry>() as u64)
    }

    /// Bytes that are not data.
    pub fn overhead(&self) -> u64 {
        self.startup + self.clients + self.tables()
    }

    /// Bytes that are data.
    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// How much of what came after the start is data.
    pub fn dataset_percentage(&self) -> f64 {
        share(self.dataset(), self.used.saturating_sub(self.startup)) * 100.0
    }

    /// What is used now, compared with the most so far.
    pub fn peak_percentage(&self) -> f64 {
        share(self.used, self.peak) * 100.0
    }

    /// Bytes in memory for each that is allocated.
    pub fn fragmentation(&self) -> f64 {
        share(self.resident, self.used)
    }

    /// Bytes in memory beyond those that are allocated.
    pub fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

/// A part of a whole; 0 of nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

const DOCTOR: CommandSpec =
    CommandSpec::session("DOCTOR", Arity::exactly(2), Group::Server, doctor)
        .footprint(Footprint::AllShared)
        .doc(
            "4.0.0",
            "O(1)",
            "Says what is unusual about the use of memory.",
        )
        .tips(&[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ]);

fn doctor(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let memory = MemoryUse::of(context);
    let clients = context.server.clients.len();
    reply.verbatim(diagnosis(&memory, clients).as_bytes());
    Ok(Flow::Done)
}

/// Below this many bytes nothing can be said, as in Redis.
const LITTLE: u64 = 5 << 20;

/// Bytes below which fragmentation is none to speak of, as in Redis.
const FRAGMENTED: u64 = 10 << 20;

/// Bytes of a client that are many, as in Redis.
const LARGE_CLIENT: u64 = 200 << 10;

/// What is unusual, by Redis's rules, as far as they concern what exists here.
fn diagnosis(memory: &MemoryUse, clients: usize) -> String {
    if memory.used < LITTLE {
        return "The server uses very little memory: nothing can be said about it before there is more data.\n"
            .to_owned();
    }
    let beyond = memory.resident.saturating_sub(memory.used);
    let clients = memory.clients / clients.max(1) as u64;
    let findings = [
        (
            memory.peak as f64 / memory.used as f64 > 1.5,
            "Peak: the server has used more than 1.5 times the memory that it uses now. What was freed may still \
             be in the process, and is used again when it is needed; MEMORY PURGE gives it back to the system.",
        ),
        (
            memory.fragmentation() > 1.4 && beyond > FRAGMENTED,
            "Resident memory: the process keeps more than 1.4 times the memory that is in use. It may have used \
             more before, or keep pieces that are too small to be used; MEMORY PURGE gives back what is whole.",
        ),
        (
            clients > LARGE_CLIENT,
            "Clients: each uses more than 200 KiB on average. They may not read their replies or messages, or send \
             very large requests; CLIENT LIST shows which.",
        ),
    ];
    let found: Vec<&str> = findings
        .iter()
        .filter_map(|&(found, text)| found.then_some(text))
        .collect();
    if found.is_empty() {
        return "Nothing is unusual about the use of memory.\n".to_owned();
    }
    let mut report = "These are unusual about the use of memory:\n".to_owned();
    for text in found {
        report.push_str("\n * ");
        report.push_str(text);
        report.push('\n');
    }
    report
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("4.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, MEMORY.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "DOCTOR",
    "    Say what is unusual about the use of memory.",
    "MALLOC-STATS",
    "    Return what the allocator says of itself.",
    "PURGE",
    "    Give free memory back to the system.",
    "STATS",
    "    Return what memory is used for.",
    "USAGE <key> [SAMPLES <count>]",
    "    Return the bytes that the key and its value use. Nested values are measured",
    "    whole; <count> is accepted without effect.",
];

const MALLOC_STATS: CommandSpec = CommandSpec::session(
    "MALLOC-STATS",
    Arity::exactly(2),
    Group::Server,
    malloc_stats,
)
.doc(
    "4.0.0",
    "Depends on the allocator.",
    "Returns what the allocator says of itself.",
)
.tips(&[
    "nondeterministic_output",
    "request_policy:all_shards",
    "response_policy:special",
]);

fn malloc_stats(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.bulk(b"Stats not supported for the current allocator");
    Ok(Flow::Done)
}

const PURGE: CommandSpec = CommandSpec::session("PURGE", Arity::exactly(2), Group::Server, purge)
    .doc(
        "4.0.0",
        "Depends on the allocator.",
        "Has the allocator give memory back to the system.",
    )
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]);

fn purge(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    memory::give_back();
    reply.ok();
    Ok(Flow::Done)
}

const STATS: CommandSpec = CommandSpec::session("STATS", Arity::exactly(2), Group::Server, stats)
    .footprint(Footprint::AllShared)
    .doc("4.0.0", "O(1)", "Returns what memory is used for.")
    .tips(&[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ]);

fn stats(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let memory = MemoryUse::of(context);
    let number = |reply: &mut Reply<'_>, name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    let bytes = |reply: &mut Reply<'_>, name: &str, value: u64| number(reply, name, value as i64);
    let ratio = |reply: &mut Reply<'_>, name: &str, value: f64| {
        reply.bulk(name.as_bytes());
        reply.score(value);
    };
    reply.map(FIELDS + memory.databases.len());
    bytes(reply, "peak.allocated", memory.peak);
    bytes(reply, "total.allocated", memory.used);
    bytes(reply, "startup.allocated", memory.startup);
    bytes(reply, "replication.backlog", 0);
    bytes(reply, "clients.slaves", 0);
    bytes(reply, "clients.normal", memory.clients);
    for unused in [
        "cluster.links",
        "aof.buffer",
        "lua.caches",
        "functions.caches",
    ] {
        bytes(reply, unused, 0);
    }
    for database in &memory.databases {
        reply.bulk(format!("db.{}", database.index).as_bytes());
        reply.map(2);
        bytes(reply, "overhead.hashtable.main", database.table);
        // An expiry is part of its key's entry.
        bytes(reply, "overhead.hashtable.expires", 0);
    }
    bytes(reply, "overhead.db.hashtable.lut", memory.lookup());
    bytes(reply, "overhead.db.hashtable.rehashing", 0);
    bytes(reply, "overhead.total", memory.overhead());
    bytes(reply, "db.dict.rehashing.count", 0);
    bytes(reply, "keys.count", memory.keys());
    let each = memory.dataset().checked_div(memory.keys());
    bytes(reply, "keys.bytes-per-key", each.unwrap_or(0));
    bytes(reply, "dataset.bytes", memory.dataset());
    ratio(reply, "dataset.percentage", memory.dataset_percentage());
    ratio(reply, "peak.percentage", memory.peak_percentage());
    bytes(reply, "allocator.allocated", memory.used);
    bytes(reply, "allocator.active", memory.resident);
    bytes(reply, "allocator.resident", memory.resident);
    bytes(reply, "allocator.muzzy", 0);
    for name in ["allocator-fragmentation", "allocator-rss", "rss-overhead"] {
        ratio(reply, &format!("{name}.ratio"), 1.0);
        bytes(reply, &format!("{name}.bytes"), 0);
    }
    ratio(reply, "fragmentation", memory.fragmentation());
    number(reply, "fragmentation.bytes", memory.fragmentation_bytes());
    Ok(Flow::Done)
}

/// Pairs of MEMORY STATS besides those of the databases.
const FIELDS: usize = 31;

const USAGE: CommandSpec = CommandSpec::read("USAGE", Arity::at_least(3), Group::Server, usage)
    .keys(&[KeySpec::at(2, KeyFlags::RO)])
    .doc(
        "4.0.0",
        "O(N) where N is the number of samples.",
        "Estimates the memory that a key and its value use, in bytes.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("count", ArgKind::Integer)
            .token("SAMPLES")
            .optional(),
    ]);

fn usage(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    for index in (3..args.len()).step_by(2) {
        if !args.is(index, "SAMPLES") || index + 1 == args.len() {
            return Err(Error::Syntax);
        }
        // Every value is measured whole, whatever the number of samples.
        if args.integer(index + 1)? < 0 {
            return Err(Error::Syntax);
        }
    }
    match view.find_stored(args.key(2)) {
        Some(entry) => reply.count(entry.memory_usage()),
        None => reply.null(),
    }
    Ok(())
}

const MEMORY: CommandSpec = CommandSpec::container(
    "MEMORY",
    Group::Server,
    &[DOCTOR, HELP, MALLOC_STATS, PURGE, STATS, USAGE],
)
.doc(
    "4.0.0",
    "Depends on the subcommand.",
    "A container of commands on memory.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[MEMORY];
