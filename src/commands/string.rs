//! Commands on strings.

use crate::clock::Millis;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, SetExpiry, StringRef, Value, View};
use crate::resp::{Args, Key, Reply};
use crate::types::lcs::{self, LcsError};
use crate::types::long_double::{self, FloatError};

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

fn append(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, value) = (args.key(1), args.get(2));
    let limit = db.access.longest_string();
    let appended = db.try_edit(key, "append", |entry| {
        check_len(entry.string()?.len(), value.len(), limit)?;
        Ok(entry.append(value))
    });
    let len = match appended {
        Some(len) => len?,
        None => {
            db.set(key, Value::encode(value), SetExpiry::Clear, "append");
            value.len()
        }
    };
    reply.count(len);
    Ok(())
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

fn decr(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    increment(db, args.key(1), -1, reply)
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

fn decrby(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let decrement = args.integer(2)?;
    let increment_by = decrement.checked_neg().ok_or(Error::DecrementOverflow)?;
    increment(db, args.key(1), increment_by, reply)
}

const GET: CommandSpec = CommandSpec::read("GET", Arity::exactly(2), Group::String, get)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc("1.0.0", "O(1)", "Returns the string under a key.")
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn get(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.get(args.key(1)) {
        Some(entry) => write_string(entry.string()?, reply),
        None => reply.null(),
    }
    Ok(())
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

fn getdel(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    if read_old(db, key, reply)? {
        db.remove(key, "del");
    }
    Ok(())
}

const GETEX: CommandSpec = CommandSpec::write("GETEX", Arity::at_least(2), Group::String, getex)
    .flags(Flags::FAST)
    .categories(Categories::STRING)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))
        .notes("RW and UPDATE because it changes the TTL")])
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

fn getex(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    let options = Options::parse(args, 2, Allowed::Getex)?;
    let Some(entry) = db.read(key) else {
        reply.null();
        return Ok(());
    };
    write_string(entry.string()?, reply);
    match options.expiry {
        // Checked only now: a missing key is answered first, as in Redis.
        Some(expiry) => {
            let at = expiry.at(args, db.now(), "getex")?;
            if expiry.is_absolute() && at <= db.now() {
                db.remove(key, "del");
            } else {
                db.set_expiry(key, Some(at), "expire");
            }
        }
        None if options.persist && db.peek(key).is_some_and(|entry| entry.expiry().is_some()) => {
            db.set_expiry(key, None, "persist");
        }
        None => {}
    }
    Ok(())
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

fn getrange(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    get_range(view, args, reply)
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

fn getset(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    read_old(db, key, reply)?;
    db.set(key, Value::encode(args.get(2)), SetExpiry::Clear, "set");
    Ok(())
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

fn incr(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    increment(db, args.key(1), 1, reply)
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

fn incrby(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let by = args.integer(2)?;
    increment(db, args.key(1), by, reply)
}

const INCRBYFLOAT: CommandSpec = CommandSpec::write("INCRBYFLOAT", Arity::exactly(3), Group::String, incrbyfloat).flags(members!(Flags: DENY_OOM | FAST)).categories(Categories::STRING).keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))]).doc("2.6.0", "O(1)", "Adds a number to the floating point number under a key, starting from 0 if the key is missing.").args(&[Arg::new("key", ArgKind::Key(0)), Arg::new("increment", ArgKind::Double)]);

fn incrbyfloat(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, by) = (args.key(1), args.get(2));
    let add = |value: &[u8]| {
        long_double::increment(value, by).map_err(|error| match error {
            FloatError::NotFloat => Error::NotFloat,
            FloatError::NanOrInfinity => Error::NanOrInfinity,
        })
    };
    let edited = db.try_edit(key, "incrbyfloat", |entry| {
        let sum = add(entry.string()?.bytes(&mut itoa::Buffer::new()))?;
        entry.set_value(Value::Bytes(sum.as_bytes()));
        Ok(sum)
    });
    let sum = match edited {
        Some(sum) => sum?,
        None => {
            let sum = add(b"0")?;
            db.set(
                key,
                Value::Bytes(sum.as_bytes()),
                SetExpiry::Clear,
                "incrbyfloat",
            );
            sum
        }
    };
    reply.bulk(sum.as_bytes());
    Ok(())
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

fn lcs(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
    let texts = [view.get(args.key(1)), view.get(args.key(2))];
    if texts.iter().flatten().any(|entry| entry.string().is_err()) {
        return Err(Error::Static(
            "ERR The specified keys must contain string values",
        ));
    }
    let options = LcsOptions::parse(args)?;
    let [first, second] =
        [(texts[0], &mut first), (texts[1], &mut second)].map(|(entry, buffer)| {
            entry
                .and_then(|entry| entry.string().ok())
                .map_or(&b""[..], |text| text.bytes(buffer))
        });
    let limit = view.access.longest_string();
    let failed = |error: LcsError| Error::text(error.to_string());
    if options.len {
        reply.count(lcs::length(first, second, limit as u64).map_err(failed)?);
        return Ok(());
    }
    let found = lcs::compute(first, second, limit as u64).map_err(failed)?;
    if !options.idx {
        reply.bulk(&found.bytes);
        return Ok(());
    }
    let long_enough = |found: &&lcs::Match| found.len as i64 >= options.min_match_len;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(found.matches.iter().filter(long_enough).count());
    for run in found.matches.iter().filter(long_enough) {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for start in [run.a, run.b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + run.len - 1);
        }
        if options.with_match_len {
            reply.count(run.len);
        }
    }
    reply.bulk(b"len");
    reply.count(found.bytes.len());
    Ok(())
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

fn mget(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.array(args.len() - 1);
    for index in 1..args.len() {
        match view.get(args.key(index)).map(|entry| entry.string()) {
            Some(Ok(value)) => write_string(value, reply),
            Some(Err(_)) | None => reply.null(),
        }
    }
    Ok(())
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

fn mset(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_pairs(db, args, "mset")?;
    reply.ok();
    Ok(())
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

fn msetnx(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(Error::WrongArity("msetnx"));
    }
    let any = (1..args.len())
        .step_by(2)
        .any(|index| db.get(args.key(index)).is_some());
    if !any {
        set_pairs(db, args, "msetnx")?;
    }
    reply.flag(!any);
    Ok(())
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

fn psetex(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_with_expiry(db, args, Unit::Milliseconds, "psetex", reply)
}

const SET: CommandSpec = CommandSpec::write("SET", Arity::at_least(3), Group::String, set).flags(Flags::DENY_OOM).categories(Categories::STRING).keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE | VARIABLE_FLAGS))
        .notes("RW and ACCESS due to the optional `GET` argument")]).doc("1.0.0", "O(1)", "Sets a key to a string, whatever it held; optionally under a condition or with an expire time.").args(&[Arg::new("key", ArgKind::Key(0)), Arg::new("value", ArgKind::String), Arg::new("condition", ArgKind::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")])).optional().since("2.6.12"), Arg::word("get", "GET").optional().since("6.2.0"), Arg::new("expiration", ArgKind::OneOf(&[Arg::new("seconds", ArgKind::Integer).token("EX").since("2.6.12"), Arg::new("milliseconds", ArgKind::Integer).token("PX").since("2.6.12"), Arg::new("unix-time-seconds", ArgKind::UnixTime).token("EXAT").since("6.2.0"), Arg::new("unix-time-milliseconds", ArgKind::UnixTime).token("PXAT").since("6.2.0"), Arg::word("keepttl", "KEEPTTL").since("6.0.0")])).optional()]);

fn set(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    let value = args.get(2);
    if args.len() == 3 {
        db.set(key, Value::encode(value), SetExpiry::Clear, "set");
        reply.ok();
        return Ok(());
    }
    let options = Options::parse(args, 3, Allowed::Set)?;
    let expiry = match options.expiry {
        Some(expiry) => SetExpiry::At(expiry.at(args, db.now(), "set")?),
        None if options.keep_ttl => SetExpiry::Keep,
        None => SetExpiry::Clear,
    };
    if options.get {
        read_old(db, key, reply)?;
    }
    let refused = match options.condition {
        Some(Condition::IfMissing) => db.get(key).is_some(),
        Some(Condition::IfExists) => db.get(key).is_none(),
        None => false,
    };
    if !refused {
        db.set(key, Value::encode(value), expiry, "set");
        if let SetExpiry::At(_) = expiry {
            db.notify(key, "expire");
        }
    }
    match (options.get, refused) {
        (true, _) => {}
        (false, true) => reply.null(),
        (false, false) => reply.ok(),
    }
    Ok(())
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

fn setex(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_with_expiry(db, args, Unit::Seconds, "setex", reply)
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

fn setnx(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    let missing = db.get(key).is_none();
    if missing {
        db.set(key, Value::encode(args.get(2)), SetExpiry::Clear, "set");
    }
    reply.flag(missing);
    Ok(())
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

fn setrange(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, value) = (args.key(1), args.get(3));
    let offset = usize::try_from(args.integer(2)?).map_err(|_| Error::OffsetOutOfRange)?;
    let limit = db.access.longest_string();
    let Some(entry) = db.get(key) else {
        if !value.is_empty() {
            check_len(offset, value.len(), limit)?;
            let mut bytes = vec![0; offset];
            bytes.extend_from_slice(value);
            db.set(key, Value::RawBytes(&bytes), SetExpiry::Clear, "setrange");
            reply.count(bytes.len());
        } else {
            reply.integer(0);
        }
        return Ok(());
    };
    let len = entry.string()?.len();
    if value.is_empty() {
        reply.count(len);
        return Ok(());
    }
    check_len(offset, value.len(), limit)?;
    let end = offset + value.len();
    db.edit(key, "setrange", |entry| {
        entry.edit(end, |bytes| bytes[offset..end].copy_from_slice(value))
    });
    reply.count(len.max(end));
    Ok(())
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

fn strlen(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let len = match view.get(args.key(1)) {
        Some(entry) => entry.string()?.len(),
        None => 0,
    };
    reply.count(len);
    Ok(())
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

fn substr(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    get_range(view, args, reply)
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

/// Writes a string as a bulk.
#[inline]
pub(super) fn write_string(value: StringRef<'_>, reply: &mut Reply<'_>) {
    match value {
        StringRef::Int(number) => reply.bulk_integer(number),
        StringRef::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// Answers the string under a key before it is changed. Whether there is one.
fn read_old(db: &mut Db<'_>, key: Key<'_>, reply: &mut Reply<'_>) -> Result<bool, Error> {
    match db.read(key) {
        Some(entry) => {
            write_string(entry.string()?, reply);
            Ok(true)
        }
        None => {
            reply.null();
            Ok(false)
        }
    }
}

/// Refuses a string that would be longer than `limit`.
fn check_len(len: usize, more: usize, limit: usize) -> CommandResult {
    match len.checked_add(more) {
        Some(total) if total <= limit => Ok(()),
        _ => Err(Error::StringTooLong),
    }
}

fn increment(db: &mut Db<'_>, key: Key<'_>, by: i64, reply: &mut Reply<'_>) -> CommandResult {
    let edited = db.try_edit(key, "incrby", |entry| {
        let sum = entry
            .string()?
            .integer()?
            .checked_add(by)
            .ok_or(Error::Overflow)?;
        entry.set_value(Value::Int(sum));
        Ok(sum)
    });
    let sum = match edited {
        Some(sum) => sum?,
        None => {
            db.set(key, Value::Int(by), SetExpiry::Clear, "incrby");
            by
        }
    };
    reply.integer(sum);
    Ok(())
}

fn get_range(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (start, end) = (args.integer(2)?, args.integer(3)?);
    let Some(entry) = view.get(args.key(1)) else {
        reply.bulk(b"");
        return Ok(());
    };
    let mut buffer = itoa::Buffer::new();
    let bytes = entry.string()?.bytes(&mut buffer);
    let len = bytes.len() as i64;
    if start < 0 && end < 0 && start > end {
        reply.bulk(b"");
        return Ok(());
    }
    let from_start = |index: i64| {
        if index < 0 {
            index.saturating_add(len).max(0)
        } else {
            index
        }
    };
    let (start, end) = (from_start(start), from_start(end).min(len - 1));
    let range = if start > end {
        &[]
    } else {
        &bytes[start as usize..=end as usize]
    };
    reply.bulk(range);
    Ok(())
}

fn set_pairs(db: &mut Db<'_>, args: Args<'_>, command: &'static str) -> CommandResult {
    if args.len().is_multiple_of(2) {
        return Err(Error::WrongArity(command));
    }
    for index in (1..args.len()).step_by(2) {
        db.set(
            args.key(index),
            Value::encode(args.get(index + 1)),
            SetExpiry::Clear,
            "set",
        );
    }
    Ok(())
}

fn set_with_expiry(
    db: &mut Db<'_>,
    args: Args<'_>,
    unit: Unit,
    command: &'static str,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let at = ExpiryOption {
        unit,
        absolute: false,
        index: 2,
    }
    .at(args, db.now(), command)?;
    let key = args.key(1);
    db.set(key, Value::encode(args.get(3)), SetExpiry::At(at), "set");
    db.notify(key, "expire");
    reply.ok();
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// EX, PX, EXAT or PXAT, and where its number is.
#[derive(Clone, Copy)]
struct ExpiryOption {
    unit: Unit,
    absolute: bool,
    index: usize,
}

impl ExpiryOption {
    fn is_absolute(self) -> bool {
        self.absolute
    }

    /// The moment in Unix milliseconds.
    fn at(self, args: Args<'_>, now: Millis, command: &'static str) -> Result<Millis, Error> {
        let invalid = Error::InvalidExpire(command);
        let number = args.integer(self.index)?;
        if number <= 0 {
            return Err(invalid);
        }
        let millis = match self.unit {
            Unit::Seconds => number.checked_mul(1_000),
            Unit::Milliseconds => Some(number),
        };
        let at = if self.absolute {
            millis
        } else {
            millis.and_then(|millis| millis.checked_add(now))
        };
        at.ok_or(invalid)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    IfMissing,
    IfExists,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Set,
    Getex,
}

/// The options of SET and GETEX.
#[derive(Default)]
struct Options {
    condition: Option<Condition>,
    get: bool,
    keep_ttl: bool,
    persist: bool,
    expiry: Option<ExpiryOption>,
}

impl Options {
    fn parse(args: Args<'_>, start: usize, allowed: Allowed) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut index = start;
        while index < args.len() {
            let has_next = index + 1 < args.len();
            let set = allowed == Allowed::Set;
            if set && args.is(index, "NX") && options.condition != Some(Condition::IfExists) {
                options.condition = Some(Condition::IfMissing);
            } else if set && args.is(index, "XX") && options.condition != Some(Condition::IfMissing)
            {
                options.condition = Some(Condition::IfExists);
            } else if set && args.is(index, "GET") {
                options.get = true;
            } else if set && args.is(index, "KEEPTTL") && options.expiry.is_none() {
                options.keep_ttl = true;
            } else if !set && args.is(index, "PERSIST") && options.expiry.is_none() {
                options.persist = true;
            } else if let Some((unit, absolute)) = expiry_word(args.get(index))
                && has_next
                && !options.keep_ttl
                && !options.persist
                && options
                    .expiry
                    .is_none_or(|old| old.unit == unit && old.absolute == absolute)
            {
                options.expiry = Some(ExpiryOption {
                    unit,
                    absolute,
                    index: index + 1,
                });
                index += 1;
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }
}

fn expiry_word(word: &[u8]) -> Option<(Unit, bool)> {
    const WORDS: [(&[u8], Unit, bool); 4] = [
        (b"EX", Unit::Seconds, false),
        (b"PX", Unit::Milliseconds, false),
        (b"EXAT", Unit::Seconds, true),
        (b"PXAT", Unit::Milliseconds, true),
    ];
    let found = WORDS
        .iter()
        .find(|(text, ..)| text.eq_ignore_ascii_case(word))?;
    Some((found.1, found.2))
}

#[derive(Default)]
struct LcsOptions {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl LcsOptions {
    fn parse(args: Args<'_>) -> Result<LcsOptions, Error> {
        let mut options = LcsOptions::default();
        let mut index = 3;
        while index < args.len() {
            if args.is(index, "IDX") {
                options.idx = true;
            } else if args.is(index, "LEN") {
                options.len = true;
            } else if args.is(index, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.is(index, "MINMATCHLEN") && index + 1 < args.len() {
                options.min_match_len = args.integer(index + 1)?.max(0);
                index += 1;
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        if options.idx && options.len {
            return Err(Error::Static(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}
