//! Commands on expire times.

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};

const EXPIRE: CommandSpec =
    CommandSpec::write("EXPIRE", Arity::at_least(3), Group::Generic, expire)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc("1.0.0", "O(1)", "Sets a key's time to live in seconds.")
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("seconds", ArgKind::Integer),
            Arg::new(
                "condition",
                ArgKind::OneOf(&[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ]),
            )
            .optional()
            .since("7.0.0"),
        ]);

fn expire(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const EXPIREAT: CommandSpec =
    CommandSpec::write("EXPIREAT", Arity::at_least(3), Group::Generic, expireat)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "1.2.0",
            "O(1)",
            "Sets a key's expire time as Unix time in seconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("unix-time-seconds", ArgKind::UnixTime),
            Arg::new(
                "condition",
                ArgKind::OneOf(&[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ]),
            )
            .optional()
            .since("7.0.0"),
        ]);

fn expireat(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const EXPIRETIME: CommandSpec =
    CommandSpec::read("EXPIRETIME", Arity::exactly(2), Group::Generic, expiretime)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "7.0.0",
            "O(1)",
            "Returns a key's expire time as Unix time in seconds.",
        )
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn expiretime(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const PERSIST: CommandSpec =
    CommandSpec::write("PERSIST", Arity::exactly(2), Group::Generic, persist)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc("2.2.0", "O(1)", "Removes a key's expire time.")
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn persist(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const PEXPIRE: CommandSpec =
    CommandSpec::write("PEXPIRE", Arity::at_least(3), Group::Generic, pexpire)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "2.6.0",
            "O(1)",
            "Sets a key's time to live in milliseconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("milliseconds", ArgKind::Integer),
            Arg::new(
                "condition",
                ArgKind::OneOf(&[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ]),
            )
            .optional()
            .since("7.0.0"),
        ]);

fn pexpire(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const PEXPIREAT: CommandSpec =
    CommandSpec::write("PEXPIREAT", Arity::at_least(3), Group::Generic, pexpireat)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "2.6.0",
            "O(1)",
            "Sets a key's expire time as Unix time in milliseconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("unix-time-milliseconds", ArgKind::UnixTime),
            Arg::new(
                "condition",
                ArgKind::OneOf(&[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::word("gt", "GT"),
                    Arg::word("lt", "LT"),
                ]),
            )
            .optional()
            .since("7.0.0"),
        ]);

fn pexpireat(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const PEXPIRETIME: CommandSpec = CommandSpec::read(
    "PEXPIRETIME",
    Arity::exactly(2),
    Group::Generic,
    pexpiretime,
)
.flags(Flags::FAST)
.categories(Categories::KEYSPACE)
.keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
.doc(
    "7.0.0",
    "O(1)",
    "Returns a key's expire time as Unix time in milliseconds.",
)
.args(&[Arg::new("key", ArgKind::Key(0))]);

fn pexpiretime(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const PTTL: CommandSpec = CommandSpec::read("PTTL", Arity::exactly(2), Group::Generic, pttl)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.6.0",
        "O(1)",
        "Returns a key's time to live in milliseconds.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn pttl(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const TTL: CommandSpec = CommandSpec::read("TTL", Arity::exactly(2), Group::Generic, ttl)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc("1.0.0", "O(1)", "Returns a key's time to live in seconds.")
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn ttl(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    EXPIRE,
    EXPIREAT,
    EXPIRETIME,
    PERSIST,
    PEXPIRE,
    PEXPIREAT,
    PEXPIRETIME,
    PTTL,
    TTL,
];
