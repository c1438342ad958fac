//! DUMP and RESTORE: values in Redis's own form.

use crate::clock::Millis;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, View};
use crate::rdb::payload;
use crate::resp::{Args, Reply};

const DUMP: CommandSpec = CommandSpec::read("DUMP", Arity::exactly(2), Group::Generic, dump)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.6.0",
        "O(1) to find the key, and O(N*M) for N elements of M bytes on average.",
        "Returns the value of a key in Redis's own form.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn dump(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.get(args.key(1)) {
        Some(entry) => {
            let compresses = view.access.config.rdbcompression();
            reply.bulk(&payload::dump(entry.value(), compresses));
        }
        None => reply.null(),
    }
    Ok(())
}

const RESTORE_ARGS: &[Arg] = &[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("ttl", ArgKind::Integer),
    Arg::new("serialized-value", ArgKind::String),
    Arg::word("replace", "REPLACE").optional().since("3.0.0"),
    Arg::word("absttl", "ABSTTL").optional().since("5.0.0"),
    Arg::new("seconds", ArgKind::Integer)
        .token("IDLETIME")
        .optional()
        .since("5.0.0"),
    Arg::new("frequency", ArgKind::Integer)
        .token("FREQ")
        .optional()
        .since("5.0.0"),
];

const RESTORE: CommandSpec =
    CommandSpec::write("RESTORE", Arity::at_least(4), Group::Generic, restore)
        .flags(Flags::DENY_OOM)
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .keys(&[KeySpec::at(1, members!(KeyFlags: OW | UPDATE))])
        .doc(
            "2.6.0",
            "O(1) to create the key, and O(N*M) for N elements of M bytes on average; \
             O(N*M*log(N)) for sorted sets.",
            "Creates a key from a value in Redis's own form.",
        )
        .args(RESTORE_ARGS);

const RESTORE_ASKING: CommandSpec =
    CommandSpec::write("RESTORE-ASKING", Arity::at_least(4), Group::Server, restore)
        .flags(members!(Flags: ASKING | DENY_OOM))
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .keys(&[KeySpec::at(1, members!(KeyFlags: OW | UPDATE))])
        .doc(
            "3.0.0",
            "O(1) to create the key, and O(N*M) for N elements of M bytes on average; \
             O(N*M*log(N)) for sorted sets.",
            "RESTORE between the nodes of a cluster.",
        )
        .syscmd()
        .args(RESTORE_ARGS);

/// What RESTORE is to do besides.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle: Option<i64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut options = Options::default();
        let mut index = 4;
        while index < args.len() {
            let more = index + 1 < args.len();
            if args.is(index, "REPLACE") {
                options.replace = true;
            } else if args.is(index, "ABSTTL") {
                options.absolute = true;
            } else if args.is(index, "IDLETIME") && more && options.frequency.is_none() {
                index += 1;
                let idle = args.integer(index)?;
                if idle < 0 {
                    return Err(Error::Static("ERR Invalid IDLETIME value, must be >= 0"));
                }
                options.idle = Some(idle);
            } else if args.is(index, "FREQ") && more && options.idle.is_none() {
                index += 1;
                let frequency = u8::try_from(args.integer(index)?).map_err(|_| {
                    Error::Static("ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?;
                options.frequency = Some(frequency);
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }

    /// The key's expiry; one in the past if the sum is too large, as in Redis.
    fn expiry(&self, ttl: i64, now: Millis) -> Option<Millis> {
        match (ttl, self.absolute) {
            (0, _) => None,
            (at, true) => Some(at),
            (ttl, false) => Some(now.wrapping_add(ttl)),
        }
    }
}

fn restore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args)?;
    let key = args.key(1);
    if !options.replace && db.get(key).is_some() {
        return Err(Error::Static("BUSYKEY Target key name already exists."));
    }
    let ttl = args.integer(2)?;
    if ttl < 0 {
        return Err(Error::Static("ERR Invalid TTL value, must be >= 0"));
    }
    let value = payload::restore(args.get(3), &db.access.rdb_limits())
        .map_err(|refusal| Error::text(format!("ERR {refusal}")))?;
    let expiry = options.expiry(ttl, db.now());
    if expiry.is_some_and(|at| at <= db.now()) {
        db.restore_nothing(key);
    } else {
        let clock = db.access.clock_of(options.idle, options.frequency);
        db.restore(key, value, expiry, clock);
    }
    reply.ok();
    Ok(())
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[DUMP, RESTORE, RESTORE_ASKING];
