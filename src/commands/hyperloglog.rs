//! Commands on HyperLogLogs: strings that estimate how many different elements were added to them.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::Db;
use crate::random;
use crate::resp::{Args, Key, Reply};
use crate::types::hyperloglog::{self, Corrupted, REGISTERS, Union};

/// Elements that PFSELFTEST adds: more would keep a worker from its clients for long.
const TESTED_ELEMENTS: u64 = 1_000_000;

const PFADD: CommandSpec =
    CommandSpec::write("PFADD", Arity::at_least(2), Group::HyperLogLog, pfadd)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::HYPERLOGLOG)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | INSERT))])
        .doc(
            "2.8.9",
            "O(1) for each element.",
            "Adds elements to a HyperLogLog; makes the key if it is missing.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("element", ArgKind::String).optional().multiple(),
        ]);

fn pfadd(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let most = db.access.config.hll_sparse_max_bytes();
    let known = |value: &[u8]| {
        check::<u64>(value)?;
        // A HyperLogLog that has seen much is changed by few elements.
        let has_all = args.from(2).all(|element| hyperloglog::has(value, element));
        Ok(has_all.then_some(0))
    };
    let changes = db.edit_bytes(args.key(1), "pfadd", known, |value| {
        let mut changes = 0;
        if value.is_empty() {
            *value = hyperloglog::empty();
            hyperloglog::forget_count(value);
            changes = 1;
        }
        // Only a sparse value can turn out to be corrupted, and only before the first element is added
        // nothing has changed.
        let may_fail = args.len() > 3 && changes == 0 && !hyperloglog::is_dense(value);
        let before = may_fail.then(|| value.clone());
        for element in args.from(2) {
            match hyperloglog::add(value, element, most) {
                Ok(changed) => changes += u64::from(changed),
                Err(Corrupted) => {
                    if let Some(before) = before {
                        *value = before;
                    }
                    return Err(CORRUPTED);
                }
            }
        }
        Ok((changes, changes))
    })?;
    reply.flag(changes > 0);
    Ok(())
}

const PFCOUNT: CommandSpec = CommandSpec::read_exclusive(
    "PFCOUNT",
    Arity::at_least(2),
    Group::HyperLogLog,
    pfcount,
)
.flags(Flags::MAY_REPLICATE)
.categories(Categories::HYPERLOGLOG)
.keys(&[
    KeySpec::range(1, -1, 1, members!(KeyFlags: RW | ACCESS)).notes(
        "RW because it may change the internal representation of the key, and propagate to replicas",
    ),
])
.doc(
    "2.8.9",
    "O(1) for one key whose count is known, otherwise O(N) where N is the number of keys, each of which takes long.",
    "Estimates how many different elements were added to HyperLogLogs.",
)
.args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn pfcount(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = if args.len() == 2 {
        count_one(db, args.key(1))?
    } else {
        read_all(db, args)?.0.count()
    };
    reply.integer(count as i64);
    Ok(())
}

/// The count of one key; it is noted in the value.
fn count_one(db: &mut Db<'_>, key: Key<'_>) -> Result<u64, Error> {
    if db.read(key).is_none() {
        return Ok(0);
    }
    let known = |value: &[u8]| {
        check::<u64>(value)?;
        Ok(hyperloglog::noted_count(value))
    };
    db.edit_bytes(key, "pfcount", known, |value| {
        let count = hyperloglog::count(value).map_err(|Corrupted| CORRUPTED)?;
        hyperloglog::note_count(value, count);
        Ok((count, 1))
    })
}

const PFDEBUG: CommandSpec =
    CommandSpec::write("PFDEBUG", Arity::exactly(3), Group::HyperLogLog, pfdebug)
        .flags(members!(Flags: DENY_OOM | ADMIN))
        .categories(Categories::HYPERLOGLOG)
        .keys(&[KeySpec::at(2, members!(KeyFlags: RW | ACCESS))])
        .doc(
            "2.8.9",
            "O(N) where N is the number of registers.",
            "Shows the registers or the encoding of a HyperLogLog, or makes it dense.",
        )
        .syscmd()
        .args(&[
            Arg::new("subcommand", ArgKind::String),
            Arg::new("key", ArgKind::Key(0)),
        ]);

fn pfdebug(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(2);
    if db.get(key).is_none() {
        return Err(Error::Static("ERR The specified key does not exist"));
    }
    db.edit_bytes(key, "pfdebug", check, |value| {
        let mut converted = false;
        match () {
            _ if args.is(1, "GETREG") => {
                converted = make_dense(value)?;
                reply.array(REGISTERS);
                hyperloglog::registers(value).for_each(|register| reply.integer(register.into()));
            }
            _ if args.is(1, "DECODE") => {
                if hyperloglog::is_dense(value) {
                    return Err(Error::Static("ERR HLL encoding is not sparse"));
                }
                reply.bulk(hyperloglog::describe(value).as_bytes());
            }
            _ if args.is(1, "ENCODING") => {
                let dense = hyperloglog::is_dense(value);
                reply.simple(if dense { "dense" } else { "sparse" });
            }
            _ if args.is(1, "TODENSE") => {
                converted = make_dense(value)?;
                reply.flag(converted);
            }
            _ => {
                let sent = args.get(1);
                return Err(Error::quoting(
                    "ERR Unknown PFDEBUG subcommand '",
                    sent,
                    "'",
                ));
            }
        }
        Ok(((), converted.into()))
    })
}

const PFMERGE: CommandSpec =
    CommandSpec::write("PFMERGE", Arity::at_least(2), Group::HyperLogLog, pfmerge)
        .flags(Flags::DENY_OOM)
        .categories(Categories::HYPERLOGLOG)
        .keys(&[
            KeySpec::at(1, members!(KeyFlags: RW | ACCESS | INSERT)),
            KeySpec::range(2, -1, 1, members!(KeyFlags: RO | ACCESS)),
        ])
        .doc(
            "2.8.9",
            "O(N) where N is the number of keys, each of which takes long.",
            "Adds to a HyperLogLog all that was added to others.",
        )
        .args(&[
            Arg::new("destkey", ArgKind::Key(0)),
            Arg::new("sourcekey", ArgKind::Key(1)).optional().multiple(),
        ]);

fn pfmerge(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (union, dense) = read_all(db, args)?;
    let most = db.access.config.hll_sparse_max_bytes();
    db.edit_bytes(args.key(1), "pfadd", check, |value| {
        if value.is_empty() {
            *value = hyperloglog::empty();
        }
        if dense {
            make_dense(value)?;
        }
        union.write(value, most);
        Ok(((), 1))
    })?;
    reply.ok();
    Ok(())
}

const PFSELFTEST: CommandSpec = CommandSpec::session(
    "PFSELFTEST",
    Arity::exactly(1),
    Group::HyperLogLog,
    pfselftest,
)
.flags(Flags::ADMIN)
.categories(Categories::HYPERLOGLOG)
.doc(
    "2.8.9",
    "O(1), but takes long.",
    "Checks that HyperLogLogs work and count well.",
)
.syscmd();

fn pfselftest(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let most = context.server.config.hll_sparse_max_bytes();
    hyperloglog::self_test(TESTED_ELEMENTS, most, random::next)
        .map_err(|wrong| Error::text(format!("ERR TESTFAILED {wrong}")))?;
    reply.ok();
    Ok(Flow::Done)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[PFADD, PFCOUNT, PFDEBUG, PFMERGE, PFSELFTEST];

const CORRUPTED: Error = Error::Static("INVALIDOBJ Corrupted HLL object detected");

fn check<R>(bytes: &[u8]) -> Result<Option<R>, Error> {
    match hyperloglog::is_value(bytes) {
        true => Ok(None),
        false => Err(Error::Static(
            "WRONGTYPE Key is not a valid HyperLogLog string value.",
        )),
    }
}

fn make_dense(value: &mut Vec<u8>) -> Result<bool, Error> {
    hyperloglog::make_dense(value).map_err(|Corrupted| CORRUPTED)
}

/// All values under the keys from argument 1 on together, and whether one of them is dense.
fn read_all(db: &mut Db<'_>, args: Args<'_>) -> Result<(Union, bool), Error> {
    let mut union = Union::default();
    let mut dense = false;
    for index in 1..args.len() {
        let Some(entry) = db.read(args.key(index)) else {
            continue;
        };
        let mut buffer = itoa::Buffer::new();
        let value = entry.string()?.bytes(&mut buffer);
        check::<()>(value)?;
        union.add(value).map_err(|Corrupted| CORRUPTED)?;
        dense |= hyperloglog::is_dense(value);
    }
    Ok((union, dense))
}
