//! Commands on keys of any type.

use crate::commands::client;
use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Footprint, Group, KeyFlags,
    KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};
use crate::session::park::Wait;

const COPY: CommandSpec = CommandSpec::write("COPY", Arity::at_least(3), Group::Generic, copy)
    .flags(Flags::DENY_OOM)
    .categories(Categories::KEYSPACE)
    .keys(&[
        KeySpec::at(1, members!(KeyFlags: RO | ACCESS)),
        KeySpec::at(2, members!(KeyFlags: OW | UPDATE)),
    ])
    .doc(
        "6.2.0",
        "O(1) for strings, O(N) for collections, where N is the number of elements.",
        "Copies the value of a key to another key.",
    )
    .args(&[
        Arg::new("source", ArgKind::Key(0)),
        Arg::new("destination", ArgKind::Key(1)),
        Arg::new("destination-db", ArgKind::Integer)
            .token("DB")
            .optional(),
        Arg::word("replace", "REPLACE").optional(),
    ]);

fn copy(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const DEL: CommandSpec = CommandSpec::write("DEL", Arity::at_least(2), Group::Generic, del)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::range(1, -1, 1, members!(KeyFlags: RM | DELETE))])
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys, and O(M) for each collection of M elements.",
        "Deletes keys.",
    )
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn del(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const EXISTS: CommandSpec = CommandSpec::read("EXISTS", Arity::at_least(2), Group::Generic, exists)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys to look for.",
        "Counts the given keys that exist.",
    )
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn exists(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const KEYS: CommandSpec = CommandSpec::read("KEYS", Arity::exactly(2), Group::Generic, keys)
    .categories(members!(Categories: DANGEROUS | KEYSPACE))
    .footprint(Footprint::AllShared)
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys in the database.",
        "Returns the names of all keys that match a pattern.",
    )
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .args(&[Arg::new("pattern", ArgKind::Pattern)]);

fn keys(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const MOVE: CommandSpec = CommandSpec::write("MOVE", Arity::exactly(3), Group::Generic, move_)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc("1.0.0", "O(1)", "Moves a key to another database.")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("db", ArgKind::Integer),
    ]);

fn move_(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const RANDOMKEY: CommandSpec =
    CommandSpec::read_exclusive("RANDOMKEY", Arity::exactly(1), Group::Generic, randomkey)
        .flags(Flags::TOUCHES_ARBITRARY_KEYS)
        .categories(Categories::KEYSPACE)
        .footprint(Footprint::AllExclusive)
        .doc(
            "1.0.0",
            "O(1)",
            "Returns the name of a key chosen by chance.",
        )
        .tips(&[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ]);

fn randomkey(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const RENAME: CommandSpec = CommandSpec::write("RENAME", Arity::exactly(3), Group::Generic, rename)
    .categories(Categories::KEYSPACE)
    .keys(&[
        KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE)),
        KeySpec::at(2, members!(KeyFlags: OW | UPDATE)),
    ])
    .doc(
        "1.0.0",
        "O(1)",
        "Renames a key, replacing whatever has the new name.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("newkey", ArgKind::Key(1)),
    ]);

fn rename(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const RENAMENX: CommandSpec =
    CommandSpec::write("RENAMENX", Arity::exactly(3), Group::Generic, renamenx)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[
            KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE)),
            KeySpec::at(2, members!(KeyFlags: OW | INSERT)),
        ])
        .doc(
            "1.0.0",
            "O(1)",
            "Renames a key, but only if no key has the new name.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("newkey", ArgKind::Key(1)),
        ]);

fn renamenx(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const SCAN: CommandSpec =
    CommandSpec::read_exclusive("SCAN", Arity::at_least(2), Group::Generic, scan)
        .flags(Flags::TOUCHES_ARBITRARY_KEYS)
        .categories(Categories::KEYSPACE)
        .footprint(Footprint::AllExclusive)
        .doc(
            "2.8.0",
            "O(1) for a call, O(N) for a complete iteration, where N is the number of keys.",
            "Returns the names of some keys and a cursor to go on from.",
        )
        .tips(&[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ])
        .args(&[
            Arg::new("cursor", ArgKind::Integer),
            Arg::new("pattern", ArgKind::Pattern)
                .token("MATCH")
                .optional(),
            Arg::new("count", ArgKind::Integer)
                .token("COUNT")
                .optional(),
            Arg::new("type", ArgKind::String)
                .token("TYPE")
                .optional()
                .since("6.0.0"),
        ]);

fn scan(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const TOUCH: CommandSpec = CommandSpec::read("TOUCH", Arity::at_least(2), Group::Generic, touch)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
    .doc(
        "3.2.1",
        "O(N) where N is the number of keys to touch.",
        "Sets the last access time of keys to now and counts those that exist.",
    )
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn touch(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const TYPE: CommandSpec = CommandSpec::read("TYPE", Arity::exactly(2), Group::Generic, type_)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc(
        "1.0.0",
        "O(1)",
        "Returns the type of the value under a key.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn type_(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const UNLINK: CommandSpec = CommandSpec::write("UNLINK", Arity::at_least(2), Group::Generic, unlink).flags(Flags::FAST).categories(Categories::KEYSPACE).keys(&[KeySpec::range(1, -1, 1, members!(KeyFlags: RM | DELETE))]).doc("4.0.0", "O(1) for each key; the memory is freed in the background in O(N), where N is the number of allocations.", "Deletes keys and leaves it to a background thread to free large values.").tips(&["request_policy:multi_shard", "response_policy:agg_sum"]).args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn unlink(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const WAIT: CommandSpec = CommandSpec::session("WAIT", Arity::exactly(3), Group::Generic, wait)
    .flags(Flags::BLOCKING)
    .categories(Categories::CONNECTION)
    .doc(
        "3.0.0",
        "O(1)",
        "Waits until this connection's writes have reached a number of replicas.",
    )
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args(&[
        Arg::new("numreplicas", ArgKind::Integer),
        Arg::new("timeout", ArgKind::Integer),
    ]);

fn wait(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let replicas = args.integer(1)?;
    let timeout = client::timeout(args.get(2), context.db.access.now)?;
    // There are no replicas, so that none or fewer are all there already.
    if replicas <= 0 || context.session.in_exec {
        reply.integer(0);
        return Ok(Flow::Done);
    }
    Ok(Flow::Park(Wait::Replicas { until: timeout }))
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    COPY, DEL, EXISTS, KEYS, MOVE, RANDOMKEY, RENAME, RENAMENX, SCAN, TOUCH, TYPE, UNLINK, WAIT,
];
