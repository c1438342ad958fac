//! Commands on the server and on whole databases.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Footprint, Group, KeyFlags,
    KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};

const DBSIZE: CommandSpec = CommandSpec::read("DBSIZE", Arity::exactly(1), Group::Server, dbsize)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .footprint(Footprint::AllShared)
    .doc(
        "1.0.0",
        "O(1)",
        "Returns the number of keys in the database.",
    )
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"]);

fn dbsize(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const FLUSHALL: CommandSpec =
    CommandSpec::write("FLUSHALL", Arity::at_least(1), Group::Server, flushall)
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .footprint(Footprint::AllExclusive)
        .doc(
            "1.0.0",
            "O(N) where N is the number of keys in all databases.",
            "Deletes all keys of all databases.",
        )
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[Arg::new(
            "flush-type",
            ArgKind::OneOf(&[
                Arg::word("async", "ASYNC").since("4.0.0"),
                Arg::word("sync", "SYNC").since("6.2.0"),
            ]),
        )
        .optional()]);

fn flushall(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const FLUSHDB: CommandSpec =
    CommandSpec::write("FLUSHDB", Arity::at_least(1), Group::Server, flushdb)
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .footprint(Footprint::AllExclusive)
        .doc(
            "1.0.0",
            "O(N) where N is the number of keys in the database.",
            "Deletes all keys of the database.",
        )
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[Arg::new(
            "flush-type",
            ArgKind::OneOf(&[
                Arg::word("async", "ASYNC").since("4.0.0"),
                Arg::word("sync", "SYNC").since("6.2.0"),
            ]),
        )
        .optional()]);

fn flushdb(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const FUNCTION_FLUSH: CommandSpec = CommandSpec::session(
    "FLUSH",
    Arity::at_least(2),
    Group::Scripting,
    function_flush,
)
.flags(members!(Flags: WRITE | NOSCRIPT))
.categories(Categories::SCRIPTING)
.doc(
    "7.0.0",
    "O(N) where N is the number of functions.",
    "Deletes all functions.",
)
.tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
.args(&[Arg::new(
    "flush-type",
    ArgKind::OneOf(&[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")]),
)
.optional()]);

fn function_flush(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const FUNCTION: CommandSpec =
    CommandSpec::container("FUNCTION", Group::Scripting, &[FUNCTION_FLUSH]).doc(
        "7.0.0",
        "Depends on the subcommand.",
        "A container of commands on functions.",
    );

const LOLWUT: CommandSpec =
    CommandSpec::session("LOLWUT", Arity::at_least(1), Group::Server, lolwut)
        .flags(members!(Flags: READONLY | FAST))
        .doc("5.0.0", "", "Shows the version and a small picture.")
        .args(&[Arg::new("version", ArgKind::Integer)
            .token("VERSION")
            .optional()]);

fn lolwut(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const MEMORY_HELP: CommandSpec =
    CommandSpec::session("HELP", Arity::exactly(2), Group::Server, memory_help)
        .flags(members!(Flags: LOADING | STALE))
        .doc("4.0.0", "O(1)", "Explains the subcommands.");

fn memory_help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const MEMORY_USAGE: CommandSpec =
    CommandSpec::read("USAGE", Arity::at_least(3), Group::Server, memory_usage)
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

fn memory_usage(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const MEMORY: CommandSpec =
    CommandSpec::container("MEMORY", Group::Server, &[MEMORY_HELP, MEMORY_USAGE]).doc(
        "4.0.0",
        "Depends on the subcommand.",
        "A container of commands on memory.",
    );

const SWAPDB: CommandSpec = CommandSpec::write("SWAPDB", Arity::exactly(3), Group::Server, swapdb)
    .flags(Flags::FAST)
    .categories(members!(Categories: DANGEROUS | KEYSPACE))
    .footprint(Footprint::AllExclusive)
    .doc(
        "4.0.0",
        "O(N) where N is the number of clients that watch or wait for keys of the two databases.",
        "Swaps two databases.",
    )
    .args(&[
        Arg::new("index1", ArgKind::Integer),
        Arg::new("index2", ArgKind::Integer),
    ]);

fn swapdb(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const TIME: CommandSpec = CommandSpec::session("TIME", Arity::exactly(1), Group::Server, time)
    .flags(members!(Flags: LOADING | STALE | FAST))
    .doc("2.6.0", "O(1)", "Returns the server's time.")
    .tips(&["nondeterministic_output"]);

fn time(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    DBSIZE, FLUSHALL, FLUSHDB, FUNCTION, LOLWUT, MEMORY, SWAPDB, TIME,
];
