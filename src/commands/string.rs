//! Commands on strings.

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};

const APPEND: CommandSpec = CommandSpec::write("APPEND", Arity::exactly(3), Group::String, append)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | INSERT))])
    .doc(
        "2.0.0",
        "O(1) amortized.",
        "Adds to the end of a string; makes the key if it is missing.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("value", ArgKind::String),
    ]);

fn append(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const DECR: CommandSpec = CommandSpec::write("DECR", Arity::exactly(2), Group::String, decr)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "1.0.0",
        "O(1)",
        "Subtracts one from the integer under a key, starting from 0 if the key is missing.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn decr(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const DECRBY: CommandSpec = CommandSpec::write("DECRBY", Arity::exactly(3), Group::String, decrby)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "1.0.0",
        "O(1)",
        "Subtracts a number from the integer under a key, starting from 0 if the key is missing.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("decrement", ArgKind::Integer),
    ]);

fn decrby(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const GET: CommandSpec = CommandSpec::read("GET", Arity::exactly(2), Group::String, get)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc("1.0.0", "O(1)", "Returns the string under a key.")
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn get(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const GETDEL: CommandSpec = CommandSpec::write("GETDEL", Arity::exactly(2), Group::String, getdel)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE))])
    .doc(
        "6.2.0",
        "O(1)",
        "Returns the string under a key and deletes the key.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn getdel(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const GETEX: CommandSpec = CommandSpec::write("GETEX", Arity::at_least(2), Group::String, getex)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "6.2.0",
        "O(1)",
        "Returns the string under a key and sets or removes the key's expire time.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new(
            "expiration",
            ArgKind::OneOf(&[
                Arg::new("seconds", ArgKind::Integer).token("EX"),
                Arg::new("milliseconds", ArgKind::Integer).token("PX"),
                Arg::new("unix-time-seconds", ArgKind::UnixTime).token("EXAT"),
                Arg::new("unix-time-milliseconds", ArgKind::UnixTime).token("PXAT"),
                Arg::word("persist", "PERSIST"),
            ]),
        )
        .optional(),
    ]);

fn getex(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const GETRANGE: CommandSpec =
    CommandSpec::read("GETRANGE", Arity::exactly(4), Group::String, getrange)
        .categories(Categories::STRING)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "2.4.0",
            "O(N) where N is the length of the returned string.",
            "Returns part of the string under a key.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("start", ArgKind::Integer),
            Arg::new("end", ArgKind::Integer),
        ]);

fn getrange(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const GETSET: CommandSpec = CommandSpec::write("GETSET", Arity::exactly(3), Group::String, getset)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "1.0.0",
        "O(1)",
        "Sets a key to a new string and returns the one it held before.",
    )
    .deprecated("6.2.0", "`SET` with the `!GET` argument")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("value", ArgKind::String),
    ]);

fn getset(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const INCR: CommandSpec = CommandSpec::write("INCR", Arity::exactly(2), Group::String, incr)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "1.0.0",
        "O(1)",
        "Adds one to the integer under a key, starting from 0 if the key is missing.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn incr(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const INCRBY: CommandSpec = CommandSpec::write("INCRBY", Arity::exactly(3), Group::String, incrby)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "1.0.0",
        "O(1)",
        "Adds a number to the integer under a key, starting from 0 if the key is missing.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("increment", ArgKind::Integer),
    ]);

fn incrby(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const INCRBYFLOAT: CommandSpec = CommandSpec::write("INCRBYFLOAT", Arity::exactly(3), Group::String, incrbyfloat).flags(members!(Flags: DENY_OOM | FAST)).categories(Categories::STRING).keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))]).doc("2.6.0", "O(1)", "Adds a number to the floating point number under a key, starting from 0 if the key is missing.").args(&[Arg::new("key", ArgKind::Key(0)), Arg::new("increment", ArgKind::Double)]);

fn incrbyfloat(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const LCS: CommandSpec = CommandSpec::read("LCS", Arity::at_least(3), Group::String, lcs)
    .categories(Categories::STRING)
    .keys(&[KeySpec::range(1, 1, 1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "7.0.0",
        "O(N*M) where N and M are the lengths of the two strings.",
        "Finds the longest subsequence that two strings share.",
    )
    .args(&[
        Arg::new("key1", ArgKind::Key(0)),
        Arg::new("key2", ArgKind::Key(0)),
        Arg::word("len", "LEN").optional(),
        Arg::word("idx", "IDX").optional(),
        Arg::new("min-match-len", ArgKind::Integer)
            .token("MINMATCHLEN")
            .optional(),
        Arg::word("withmatchlen", "WITHMATCHLEN").optional(),
    ]);

fn lcs(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const MGET: CommandSpec = CommandSpec::read("MGET", Arity::at_least(2), Group::String, mget)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::range(1, -1, 1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys to read.",
        "Returns the strings under several keys at one moment.",
    )
    .tips(&["request_policy:multi_shard"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn mget(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const MSET: CommandSpec = CommandSpec::write("MSET", Arity::at_least(3), Group::String, mset)
    .flags(Flags::DENY_OOM)
    .categories(Categories::STRING)
    .keys(&[KeySpec::range(1, -1, 2, members!(KeyFlags: OW | UPDATE))])
    .doc(
        "1.0.1",
        "O(N) where N is the number of keys to set.",
        "Sets several keys to strings at one moment.",
    )
    .tips(&[
        "request_policy:multi_shard",
        "response_policy:all_succeeded",
    ])
    .args(&[Arg::new(
        "data",
        ArgKind::Block(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("value", ArgKind::String),
        ]),
    )
    .multiple()]);

fn mset(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const MSETNX: CommandSpec = CommandSpec::write("MSETNX", Arity::at_least(3), Group::String, msetnx)
    .flags(Flags::DENY_OOM)
    .categories(Categories::STRING)
    .keys(&[KeySpec::range(1, -1, 2, members!(KeyFlags: OW | INSERT))])
    .doc(
        "1.0.1",
        "O(N) where N is the number of keys to set.",
        "Sets several keys to strings, but only if none of them exists.",
    )
    .args(&[Arg::new(
        "data",
        ArgKind::Block(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("value", ArgKind::String),
        ]),
    )
    .multiple()]);

fn msetnx(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const PSETEX: CommandSpec = CommandSpec::write("PSETEX", Arity::exactly(4), Group::String, psetex)
    .flags(Flags::DENY_OOM)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: OW | UPDATE))])
    .doc(
        "2.6.0",
        "O(1)",
        "Sets a key to a string and its time to live in milliseconds.",
    )
    .deprecated("2.6.12", "`SET` with the `PX` argument")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("milliseconds", ArgKind::Integer),
        Arg::new("value", ArgKind::String),
    ]);

fn psetex(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const SET: CommandSpec = CommandSpec::write("SET", Arity::at_least(3), Group::String, set).flags(Flags::DENY_OOM).categories(Categories::STRING).keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE | VARIABLE_FLAGS))]).doc("1.0.0", "O(1)", "Sets a key to a string, whatever it held; optionally under a condition or with an expire time.").args(&[Arg::new("key", ArgKind::Key(0)), Arg::new("value", ArgKind::String), Arg::new("condition", ArgKind::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")])).optional().since("2.6.12"), Arg::word("get", "GET").optional().since("6.2.0"), Arg::new("expiration", ArgKind::OneOf(&[Arg::new("seconds", ArgKind::Integer).token("EX").since("2.6.12"), Arg::new("milliseconds", ArgKind::Integer).token("PX").since("2.6.12"), Arg::new("unix-time-seconds", ArgKind::UnixTime).token("EXAT").since("6.2.0"), Arg::new("unix-time-milliseconds", ArgKind::UnixTime).token("PXAT").since("6.2.0"), Arg::word("keepttl", "KEEPTTL").since("6.0.0")])).optional()]);

fn set(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const SETEX: CommandSpec = CommandSpec::write("SETEX", Arity::exactly(4), Group::String, setex)
    .flags(Flags::DENY_OOM)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: OW | UPDATE))])
    .doc(
        "2.0.0",
        "O(1)",
        "Sets a key to a string and its time to live in seconds.",
    )
    .deprecated("2.6.12", "`SET` with the `EX` argument")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("seconds", ArgKind::Integer),
        Arg::new("value", ArgKind::String),
    ]);

fn setex(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const SETNX: CommandSpec = CommandSpec::write("SETNX", Arity::exactly(3), Group::String, setnx)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: OW | INSERT))])
    .doc(
        "1.0.0",
        "O(1)",
        "Sets a key to a string, but only if the key does not exist.",
    )
    .deprecated("2.6.12", "`SET` with the `NX` argument")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("value", ArgKind::String),
    ]);

fn setnx(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const SETRANGE: CommandSpec =
    CommandSpec::write("SETRANGE", Arity::exactly(4), Group::String, setrange)
        .flags(Flags::DENY_OOM)
        .categories(Categories::STRING)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "2.2.0",
            "O(M) where M is the length of the value.",
            "Overwrites part of the string under a key from an offset on.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("offset", ArgKind::Integer),
            Arg::new("value", ArgKind::String),
        ]);

fn setrange(_db: &mut Db<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const STRLEN: CommandSpec = CommandSpec::read("STRLEN", Arity::exactly(2), Group::String, strlen)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc(
        "2.2.0",
        "O(1)",
        "Returns the length of the string under a key.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn strlen(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const SUBSTR: CommandSpec = CommandSpec::read("SUBSTR", Arity::exactly(4), Group::String, substr)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "1.0.0",
        "O(N) where N is the length of the returned string.",
        "Returns part of the string under a key.",
    )
    .deprecated("2.0.0", "`GETRANGE`")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("start", ArgKind::Integer),
        Arg::new("end", ArgKind::Integer),
    ]);

fn substr(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    APPEND,
    DECR,
    DECRBY,
    GET,
    GETDEL,
    GETEX,
    GETRANGE,
    GETSET,
    INCR,
    INCRBY,
    INCRBYFLOAT,
    LCS,
    MGET,
    MSET,
    MSETNX,
    PSETEX,
    SET,
    SETEX,
    SETNX,
    SETRANGE,
    STRLEN,
    SUBSTR,
];
