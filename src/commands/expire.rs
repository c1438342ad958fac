//! Commands on expire times.

use crate::clock::Millis;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};

/// When EXPIRE and its kin set the expire time.
const CONDITION: Arg = Arg::new(
    "condition",
    ArgKind::OneOf(&[
        Arg::word("nx", "NX"),
        Arg::word("xx", "XX"),
        Arg::word("gt", "GT"),
        Arg::word("lt", "LT"),
    ]),
)
.optional()
.since("7.0.0");

const EXPIRE: CommandSpec =
    CommandSpec::write("EXPIRE", Arity::at_least(3), Group::Generic, expire)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc("1.0.0", "O(1)", "Sets a key's time to live in seconds.")
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("seconds", ArgKind::Integer),
            CONDITION,
        ]);

fn expire(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "expire", db.now(), Unit::Seconds)
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
            CONDITION,
        ]);

fn expireat(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "expireat", 0, Unit::Seconds)
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

fn expiretime(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, _| rounded(at))
}

const PERSIST: CommandSpec =
    CommandSpec::write("PERSIST", Arity::exactly(2), Group::Generic, persist)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc("2.2.0", "O(1)", "Removes a key's expire time.")
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn persist(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    let expires = db.get(key).is_some_and(|entry| entry.expiry().is_some());
    reply.flag(expires && db.set_expiry(key, None, "persist"));
    Ok(())
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
            CONDITION,
        ]);

fn pexpire(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "pexpire", db.now(), Unit::Milliseconds)
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
            CONDITION,
        ]);

fn pexpireat(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "pexpireat", 0, Unit::Milliseconds)
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

fn pexpiretime(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, _| at)
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

fn pttl(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, left)
}

const TTL: CommandSpec = CommandSpec::read("TTL", Arity::exactly(2), Group::Generic, ttl)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc("1.0.0", "O(1)", "Returns a key's time to live in seconds.")
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn ttl(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, now| rounded(left(at, now)))
}

/// The unit of a time that a client sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// What the key's expiry must be like for a new one to be set; all of them must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    /// Reads the options from argument 3 on.
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut conditions = Conditions::default();
        for index in 3..args.len() {
            *if args.is(index, "NX") {
                &mut conditions.nx
            } else if args.is(index, "XX") {
                &mut conditions.xx
            } else if args.is(index, "GT") {
                &mut conditions.gt
            } else if args.is(index, "LT") {
                &mut conditions.lt
            } else {
                let option = args.get(index);
                return Err(Error::quoting("ERR Unsupported option ", option, ""));
            } = true;
        }
        let Conditions { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(Error::Static(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(Error::Static(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// Whether a key that expires at `current` may get the expiry `at`. No expiry counts as an
    /// infinite one.
    fn allow(self, current: Option<Millis>, at: Millis) -> bool {
        match current {
            None => !self.xx && !self.gt,
            Some(current) => !self.nx && (!self.gt || at > current) && (!self.lt || at < current),
        }
    }
}

/// The moment that a client means by `time` after `base`, in Unix milliseconds. It may lie in the past.
fn moment(time: i64, unit: Unit, base: Millis) -> Option<Millis> {
    let millis = match unit {
        Unit::Seconds => time.checked_mul(1_000)?,
        Unit::Milliseconds => time,
    };
    millis.checked_add(base)
}

/// EXPIRE and its kin; `base` is the moment that the time counts from.
fn set_expiry(
    db: &mut Db<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    command: &'static str,
    base: Millis,
    unit: Unit,
) -> CommandResult {
    let conditions = Conditions::parse(args)?;
    let at = moment(args.integer(2)?, unit, base).ok_or(Error::InvalidExpire(command))?;
    let key = args.key(1);
    let allowed = db
        .get(key)
        .is_some_and(|entry| conditions.allow(entry.expiry(), at));
    if allowed {
        if at <= db.now() {
            db.remove(key, "del");
        } else {
            db.set_expiry(key, Some(at), "expire");
        }
    }
    reply.flag(allowed);
    Ok(())
}

/// TTL and its kin: what `answer` makes of the key's expiry and of now, -1 if the key does not expire,
/// -2 if there is none.
fn tell_expiry(
    view: &View<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    answer: fn(Millis, Millis) -> i64,
) -> CommandResult {
    reply.integer(match view.get_untouched(args.key(1)) {
        None => -2,
        Some(entry) => entry.expiry().map_or(-1, |at| answer(at, view.now())),
    });
    Ok(())
}

/// Milliseconds (not negative) as the nearest number of seconds.
fn rounded(millis: i64) -> i64 {
    ((millis as u64 + 500) / 1_000) as i64
}

/// Milliseconds until `at`.
fn left(at: Millis, now: Millis) -> i64 {
    at.saturating_sub(now).max(0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_at_the_limits() {
        let seconds = |time, base| moment(time, Unit::Seconds, base);
        let millis = |time, base| moment(time, Unit::Milliseconds, base);
        assert_eq!(seconds(100, 5), Some(100_005));
        assert_eq!(seconds(-100, 5), Some(-99_995));
        assert_eq!(seconds(i64::MAX / 1_000, 0), Some(i64::MAX / 1_000 * 1_000));
        assert_eq!(seconds(i64::MAX / 1_000 + 1, 0), None);
        assert_eq!(seconds(i64::MIN / 1_000 - 1, 0), None);
        assert_eq!(seconds(i64::MAX / 1_000, 1_000), None);
        assert_eq!(millis(i64::MAX, 0), Some(i64::MAX));
        assert_eq!(millis(i64::MAX, 1), None);
        assert_eq!(millis(i64::MAX - 1, 1), Some(i64::MAX));
        assert_eq!(millis(i64::MIN, 1), Some(i64::MIN + 1));
    }

    #[test]
    fn seconds_are_rounded() {
        assert_eq!([0, 499, 500, 1_499].map(rounded), [0, 0, 1, 1]);
        assert_eq!(rounded(i64::MAX), 9_223_372_036_854_776);
    }

    #[test]
    fn conditions_treat_no_expiry_as_infinite() {
        let none = Conditions::default();
        let (nx, xx) = (
            Conditions { nx: true, ..none },
            Conditions { xx: true, ..none },
        );
        let (gt, lt) = (
            Conditions { gt: true, ..none },
            Conditions { lt: true, ..none },
        );
        let both = Conditions { xx: true, ..lt };
        // For no expiry, and for one that is earlier than, equal to and later than the new one.
        let verdicts = |conditions: Conditions| {
            [None, Some(9), Some(10), Some(11)].map(|current| conditions.allow(current, 10))
        };
        assert_eq!(verdicts(none), [true, true, true, true]);
        assert_eq!(verdicts(nx), [true, false, false, false]);
        assert_eq!(verdicts(xx), [false, true, true, true]);
        assert_eq!(verdicts(gt), [false, true, false, false]);
        assert_eq!(verdicts(lt), [true, false, false, true]);
        assert_eq!(verdicts(both), [false, false, false, true]);
    }
}
