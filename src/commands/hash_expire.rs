//! Expire times of the fields of a hash.
//!
//! A field past its expire time is not there: `Db` and `View` see to it before a command sees the hash. So
//! the commands here only set, tell and remove expire times that lie ahead.

use crate::clock::Millis;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing, View};
use crate::resp::{Args, Reply};
use crate::types::Hash;
use crate::types::hash::FieldExpiry;
use crate::types::number;

/// The latest expire time that a field may have: Redis keeps two bits of its 48 for itself.
const LATEST: Millis = (1 << 46) - 1;

const NO_SUCH_FIELD: i64 = -2;
const NO_EXPIRY: i64 = -1;
const CONDITION_NOT_MET: i64 = 0;
const DONE: i64 = 1;
const DELETED: i64 = 2;

const TOO_FEW_FIELDS: &str = "ERR Number of fields must be a positive integer";

/// When HEXPIRE and its kin set the expire time.
const CONDITION: Arg = Arg::new(
    "condition",
    ArgKind::OneOf(&[
        Arg::word("nx", "NX"),
        Arg::word("xx", "XX"),
        Arg::word("gt", "GT"),
        Arg::word("lt", "LT"),
    ]),
)
.optional();

/// The names of fields.
const FIELDS: Arg = Arg::new(
    "fields",
    ArgKind::Block(&[
        Arg::new("numfields", ArgKind::Integer),
        Arg::new("field", ArgKind::String).multiple(),
    ]),
)
.token("FIELDS");

const EXPIRE_KEY: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))];

const HEXPIRE: CommandSpec =
    CommandSpec::write("HEXPIRE", Arity::at_least(6), Group::Hash, hexpire)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::HASH)
        .keys(EXPIRE_KEY)
        .doc(
            "7.4.0",
            "O(N) where N is the number of specified fields",
            "Sets the time to live of hash fields in seconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("seconds", ArgKind::Integer),
            CONDITION,
            FIELDS,
        ]);

fn hexpire(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "hexpire", TimeOption::Ex)
}

const HEXPIREAT: CommandSpec =
    CommandSpec::write("HEXPIREAT", Arity::at_least(6), Group::Hash, hexpireat)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::HASH)
        .keys(EXPIRE_KEY)
        .doc(
            "7.4.0",
            "O(N) where N is the number of specified fields",
            "Sets the expire time of hash fields as Unix time in seconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("unix-time-seconds", ArgKind::UnixTime),
            CONDITION,
            FIELDS,
        ]);

fn hexpireat(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "hexpireat", TimeOption::ExAt)
}

const HEXPIRETIME: CommandSpec =
    CommandSpec::read("HEXPIRETIME", Arity::at_least(5), Group::Hash, hexpiretime)
        .flags(Flags::FAST)
        .categories(Categories::HASH)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "7.4.0",
            "O(N) where N is the number of specified fields",
            "Returns the expire time of hash fields as Unix time in seconds.",
        )
        .args(&[Arg::new("key", ArgKind::Key(0)), FIELDS]);

fn hexpiretime(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, _| seconds_up(at))
}

const HGETDEL: CommandSpec =
    CommandSpec::write("HGETDEL", Arity::at_least(5), Group::Hash, hgetdel)
        .flags(Flags::FAST)
        .categories(Categories::HASH)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE))])
        .doc(
            "8.0.0",
            "O(N) where N is the number of specified fields",
            "Returns the values of hash fields and deletes the fields.",
        )
        .args(&[Arg::new("key", ArgKind::Key(0)), FIELDS]);

fn hgetdel(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let names = names(args, 2, TOO_FEW_FIELDS);
    let found = db.edit_object(args.key(1), Missing::Skip, "hdel", |hash: &mut Hash| {
        let names = names.clone()?;
        reply.array(names.len());
        let mut deleted = 0;
        for name in names.from(0) {
            value_of(hash, name, reply);
            deleted += u64::from(hash.remove(name));
        }
        Ok(((), deleted))
    })?;
    if found.is_none() {
        nothing(names?, reply);
    }
    Ok(())
}

const HGETEX: CommandSpec = CommandSpec::write("HGETEX", Arity::at_least(5), Group::Hash, hgetex)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))
        .notes("RW and UPDATE because it changes the TTL")])
    .doc(
        "8.0.0",
        "O(N) where N is the number of specified fields",
        "Returns the values of hash fields, and optionally sets or removes their expire time.",
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
        FIELDS,
    ]);

/// What HGETEX does to the expire time of the fields.
#[derive(Clone, Copy)]
enum Then {
    Keep,
    Persist,
    Set(Millis),
}

fn hgetex(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let now = db.now();
    let request = read_hgetex(args, now);
    let event = match request {
        Ok((Then::Set(at), _)) => expiry_event(at, now),
        _ => "hpersist",
    };
    let mut expired = 0;
    let found = db.edit_object(args.key(1), Missing::Skip, event, |hash: &mut Hash| {
        let (then, names) = request.clone()?;
        reply.array(names.len());
        let mut changes = 0;
        for name in names.from(0) {
            value_of(hash, name, reply);
            match then {
                Then::Keep => {}
                Then::Persist => changes += u64::from(persist(hash, name) == DONE),
                Then::Set(at) => match expire(hash, name, at, now, Condition::None) {
                    DELETED => expired += 1,
                    code => changes += u64::from(code == DONE),
                },
            }
        }
        Ok(((), changes + expired))
    })?;
    db.access.stats.expired_subkeys.add(expired);
    if found.is_none() {
        nothing(request?.1, reply);
    }
    Ok(())
}

fn read_hgetex(args: Args<'_>, now: Millis) -> Result<(Then, Args<'_>), Error> {
    let (then, fields) = match TimeOption::read(args, 2) {
        Some(option) => (Then::Set(option.moment(args, 3, now, "hgetex")?), 4),
        None if args.is(2, "PERSIST") => (Then::Persist, 3),
        None => (Then::Keep, 2),
    };
    Ok((then, names(args, fields, TOO_FEW_FIELDS)?))
}

const HPERSIST: CommandSpec =
    CommandSpec::write("HPERSIST", Arity::at_least(5), Group::Hash, hpersist)
        .flags(Flags::FAST)
        .categories(Categories::HASH)
        .keys(EXPIRE_KEY)
        .doc(
            "7.4.0",
            "O(N) where N is the number of specified fields",
            "Removes the expire time of hash fields.",
        )
        .args(&[Arg::new("key", ArgKind::Key(0)), FIELDS]);

fn hpersist(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let names = names(args, 2, TOO_FEW_FIELDS);
    let found = db.edit_object(args.key(1), Missing::Skip, "hpersist", |hash: &mut Hash| {
        let names = names.clone()?;
        reply.array(names.len());
        let mut changed = false;
        for name in names.from(0) {
            let code = persist(hash, name);
            changed |= code == DONE;
            reply.integer(code);
        }
        Ok(((), u64::from(changed)))
    })?;
    if found.is_none() {
        no_such_fields(names?, reply);
    }
    Ok(())
}

const HPEXPIRE: CommandSpec =
    CommandSpec::write("HPEXPIRE", Arity::at_least(6), Group::Hash, hpexpire)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::HASH)
        .keys(EXPIRE_KEY)
        .doc(
            "7.4.0",
            "O(N) where N is the number of specified fields",
            "Sets the time to live of hash fields in milliseconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("milliseconds", ArgKind::Integer),
            CONDITION,
            FIELDS,
        ]);

fn hpexpire(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "hpexpire", TimeOption::Px)
}

const HPEXPIREAT: CommandSpec =
    CommandSpec::write("HPEXPIREAT", Arity::at_least(6), Group::Hash, hpexpireat)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::HASH)
        .keys(EXPIRE_KEY)
        .doc(
            "7.4.0",
            "O(N) where N is the number of specified fields",
            "Sets the expire time of hash fields as Unix time in milliseconds.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("unix-time-milliseconds", ArgKind::UnixTime),
            CONDITION,
            FIELDS,
        ]);

fn hpexpireat(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_expiry(db, args, reply, "hpexpireat", TimeOption::PxAt)
}

const HPEXPIRETIME: CommandSpec = CommandSpec::read(
    "HPEXPIRETIME",
    Arity::at_least(5),
    Group::Hash,
    hpexpiretime,
)
.flags(Flags::FAST)
.categories(Categories::HASH)
.keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
.doc(
    "7.4.0",
    "O(N) where N is the number of specified fields",
    "Returns the expire time of hash fields as Unix time in milliseconds.",
)
.args(&[Arg::new("key", ArgKind::Key(0)), FIELDS]);

fn hpexpiretime(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, _| at)
}

const HPTTL: CommandSpec = CommandSpec::read("HPTTL", Arity::at_least(5), Group::Hash, hpttl)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "7.4.0",
        "O(N) where N is the number of specified fields",
        "Returns the time to live of hash fields in milliseconds.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0)), FIELDS]);

fn hpttl(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, now| at - now)
}

const HSETEX: CommandSpec = CommandSpec::write("HSETEX", Arity::at_least(6), Group::Hash, hsetex)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::HASH)
    .keys(EXPIRE_KEY)
    .doc(
        "8.0.0",
        "O(N) where N is the number of fields being set.",
        "Sets the values of hash fields, and optionally their expire time.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new(
            "condition",
            ArgKind::OneOf(&[Arg::word("fnx", "FNX"), Arg::word("fxx", "FXX")]),
        )
        .optional(),
        Arg::new(
            "expiration",
            ArgKind::OneOf(&[
                Arg::new("seconds", ArgKind::Integer).token("EX"),
                Arg::new("milliseconds", ArgKind::Integer).token("PX"),
                Arg::new("unix-time-seconds", ArgKind::UnixTime).token("EXAT"),
                Arg::new("unix-time-milliseconds", ArgKind::UnixTime).token("PXAT"),
                Arg::word("keepttl", "KEEPTTL"),
            ]),
        )
        .optional(),
        Arg::new(
            "fields",
            ArgKind::Block(&[
                Arg::new("numfields", ArgKind::Integer),
                Arg::new(
                    "data",
                    ArgKind::Block(&[
                        Arg::new("field", ArgKind::String),
                        Arg::new("value", ArgKind::String),
                    ]),
                )
                .multiple(),
            ]),
        )
        .token("FIELDS"),
    ]);

/// What HSETEX is asked to do.
struct SetEx<'a> {
    /// Whether all of the fields must be there (`true`) or none of them.
    there: Option<bool>,
    keep: bool,
    at: Option<Millis>,
    /// Names and values in turn.
    pairs: Args<'a>,
}

impl<'a> SetEx<'a> {
    fn read(args: Args<'a>, now: Millis) -> Result<Self, Error> {
        let (mut there, mut keep, mut at) = (None, false, None);
        let mut index = 2;
        while index < args.len() {
            if args.is(index, "FIELDS") {
                let pairs = Self::pairs(args, index)?;
                return Ok(SetEx {
                    there,
                    keep,
                    at,
                    pairs,
                });
            }
            let option = TimeOption::read(args, index);
            if option.is_some() || args.is(index, "KEEPTTL") {
                if keep || at.is_some() {
                    return Err(Error::Static(
                        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
                    ));
                }
                match option {
                    Some(_) if index + 1 == args.len() => {
                        return Err(Error::Static("ERR missing expire time"));
                    }
                    Some(option) => {
                        index += 1;
                        at = Some(option.moment(args, index, now, "hsetex")?);
                    }
                    None => keep = true,
                }
            } else if args.is(index, "FXX") || args.is(index, "FNX") {
                if there.is_some() {
                    return Err(Error::Static(
                        "ERR Only one of FXX or FNX arguments can be specified",
                    ));
                }
                there = Some(args.is(index, "FXX"));
            } else {
                return Err(Error::quoting(
                    "ERR unknown argument: ",
                    args.get(index),
                    "",
                ));
            }
            index += 1;
        }
        // The reference has no answer: it ends here.
        Err(Error::WrongArity("hsetex"))
    }

    /// The fields and values behind the word FIELDS.
    fn pairs(args: Args<'a>, at: usize) -> Result<Args<'a>, Error> {
        let pairs = args.skip(at + 2);
        if at + 3 >= args.len() {
            return Err(Error::WrongArity("hsetex"));
        }
        let count = number::parse_i64(args.get(at + 1))
            .filter(|count| (1..=i64::from(i32::MAX)).contains(count))
            .ok_or(Error::Static("ERR invalid number of fields"))?;
        if !pairs.len().is_multiple_of(2) || count != (pairs.len() / 2) as i64 {
            return Err(Error::WrongArity("hsetex"));
        }
        Ok(pairs)
    }

    fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.pairs.from(0).step_by(2)
    }
}

/// Setting and expiring are two changes, each with its event, as in Redis.
fn hsetex(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, now) = (args.key(1), db.now());
    let request = SetEx::read(args, now)?;
    let missing = match request.there {
        Some(true) => Missing::Skip,
        _ => Missing::Make,
    };
    let limits = db.access.hash_limits();
    let keep = request.keep || request.at.is_some();
    let set = db.edit_object(key, missing, "hset", |hash: &mut Hash| {
        if let Some(there) = request.there
            && request
                .names()
                .any(|name| hash.get(name).is_some() != there)
        {
            return Ok((false, 0));
        }
        let expiry = if keep {
            FieldExpiry::Keep
        } else {
            FieldExpiry::Clear
        };
        for (name, value) in request.names().zip(request.pairs.from(1).step_by(2)) {
            hash.set(name, value, expiry, limits);
        }
        Ok((true, (request.pairs.len() / 2) as u64))
    })?;
    let set = set.unwrap_or(false);
    if let Some(at) = request.at.filter(|_| set) {
        let mut expired = 0;
        db.edit_object(
            key,
            Missing::Skip,
            expiry_event(at, now),
            |hash: &mut Hash| {
                let mut changes = 0;
                for name in request.names() {
                    let code = expire(hash, name, at, now, Condition::None);
                    expired += u64::from(code == DELETED);
                    changes += u64::from(code > 0);
                }
                Ok(((), changes))
            },
        )?;
        db.access.stats.expired_subkeys.add(expired);
    }
    reply.flag(set);
    Ok(())
}

const HTTL: CommandSpec = CommandSpec::read("HTTL", Arity::at_least(5), Group::Hash, httl)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "7.4.0",
        "O(N) where N is the number of specified fields",
        "Returns the time to live of hash fields in seconds.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0)), FIELDS]);

fn httl(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    tell_expiry(view, args, reply, |at, now| seconds_up(at - now))
}

/// How a client says when a field expires.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TimeOption {
    Ex,
    Px,
    ExAt,
    PxAt,
}

impl TimeOption {
    /// The option that argument `index` is, if it is one.
    fn read(args: Args<'_>, index: usize) -> Option<Self> {
        [
            ("EX", TimeOption::Ex),
            ("PX", TimeOption::Px),
            ("EXAT", TimeOption::ExAt),
            ("PXAT", TimeOption::PxAt),
        ]
        .into_iter()
        .find_map(|(word, option)| args.is(index, word).then_some(option))
    }

    /// The moment that argument `index` means, in Unix milliseconds. It may lie in the past.
    fn moment(
        self,
        args: Args<'_>,
        index: usize,
        now: Millis,
        command: &'static str,
    ) -> Result<Millis, Error> {
        let time = args.integer(index)?;
        if time < 0 {
            return Err(Error::Static("ERR invalid expire time, must be >= 0"));
        }
        let millis = match self {
            TimeOption::Ex | TimeOption::ExAt => time.checked_mul(1_000),
            TimeOption::Px | TimeOption::PxAt => Some(time),
        };
        let base = match self {
            TimeOption::Ex | TimeOption::Px => now,
            TimeOption::ExAt | TimeOption::PxAt => 0,
        };
        millis
            .and_then(|millis| millis.checked_add(base))
            .filter(|&at| at <= LATEST)
            .ok_or(Error::InvalidExpire(command))
    }
}

/// What a field's expiry must be like for a new one to be set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    None,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    /// The condition that argument `index` is.
    fn read(args: Args<'_>, index: usize) -> Self {
        [
            ("NX", Condition::Nx),
            ("XX", Condition::Xx),
            ("GT", Condition::Gt),
            ("LT", Condition::Lt),
        ]
        .into_iter()
        .find_map(|(word, condition)| args.is(index, word).then_some(condition))
        .unwrap_or(Condition::None)
    }

    /// Whether a field that expires at `current` may get the expiry `at`. No expiry counts as an infinite
    /// one.
    fn allows(self, current: Option<Millis>, at: Millis) -> bool {
        match self {
            Condition::None => true,
            Condition::Nx => current.is_none(),
            Condition::Xx => current.is_some(),
            Condition::Gt => current.is_some_and(|current| at > current),
            Condition::Lt => current.is_none_or(|current| at < current),
        }
    }
}

/// The names of fields, which stand behind the word FIELDS, argument `at`, and their number.
fn names<'a>(args: Args<'a>, at: usize, bad_count: &'static str) -> Result<Args<'a>, Error> {
    if !args
        .try_get(at)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"FIELDS"))
    {
        return Err(Error::Static(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let count = args
        .try_get(at + 1)
        .and_then(number::parse_i64)
        .filter(|&count| count > 0)
        .ok_or(Error::Static(bad_count))?;
    let names = args.skip(at + 2);
    if count != names.len() as i64 {
        return Err(Error::Static(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(names)
}

/// HEXPIRE and its kin.
fn set_expiry(
    db: &mut Db<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    command: &'static str,
    option: TimeOption,
) -> CommandResult {
    let now = db.now();
    let read = || {
        let at = option.moment(args, 2, now, command)?;
        let condition = Condition::read(args, 3);
        let fields = if condition == Condition::None { 3 } else { 4 };
        let bad_count = "ERR Parameter `numFields` should be greater than 0";
        Ok((at, condition, names(args, fields, bad_count)?))
    };
    // The type of what is there is checked before the rest.
    let request: Result<_, Error> = read();
    let event = match request {
        Ok((at, ..)) => expiry_event(at, now),
        Err(_) => "",
    };
    let mut expired = 0;
    let found = db.edit_object(args.key(1), Missing::Skip, event, |hash: &mut Hash| {
        let (at, condition, names) = request.clone()?;
        // Whether or not it has the fields: the encoding shows it.
        hash.let_expire();
        reply.array(names.len());
        let mut changes = 0;
        for name in names.from(0) {
            let code = expire(hash, name, at, now, condition);
            expired += u64::from(code == DELETED);
            changes += u64::from(code > 0);
            reply.integer(code);
        }
        Ok(((), changes))
    })?;
    db.access.stats.expired_subkeys.add(expired);
    if found.is_none() {
        no_such_fields(request?.2, reply);
    }
    Ok(())
}

/// The event of fields that get the expire time `at`.
fn expiry_event(at: Millis, now: Millis) -> &'static str {
    if at <= now { "hdel" } else { "hexpire" }
}

/// Lets a field expire at `at`, or removes it if that is past. Returns what HEXPIRE answers.
fn expire(hash: &mut Hash, name: &[u8], at: Millis, now: Millis, condition: Condition) -> i64 {
    let Some(field) = hash.get(name) else {
        return NO_SUCH_FIELD;
    };
    if !condition.allows(field.expiry, at) {
        CONDITION_NOT_MET
    } else if at <= now {
        hash.remove(name);
        DELETED
    } else {
        hash.set_expiry(name, Some(at));
        DONE
    }
}

/// Removes a field's expire time. Returns what HPERSIST answers.
fn persist(hash: &mut Hash, name: &[u8]) -> i64 {
    match hash.get(name).map(|field| field.expiry) {
        None => NO_SUCH_FIELD,
        Some(None) => NO_EXPIRY,
        Some(Some(_)) => {
            hash.set_expiry(name, None);
            DONE
        }
    }
}

/// HTTL and its kin: what `answer` makes of each field's expiry and of now.
fn tell_expiry(
    view: &View<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    answer: fn(Millis, Millis) -> i64,
) -> CommandResult {
    let hash = view.object::<Hash>(args.key(1))?;
    let names = names(args, 2, TOO_FEW_FIELDS)?;
    reply.array(names.len());
    for name in names.from(0) {
        let field = hash.and_then(|hash| hash.get(name));
        reply.integer(match field.map(|field| field.expiry) {
            None => NO_SUCH_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => answer(at, view.now()),
        });
    }
    Ok(())
}

/// Milliseconds (not negative) in seconds, rounded up.
fn seconds_up(millis: i64) -> i64 {
    (millis + 999) / 1_000
}

fn value_of(hash: &Hash, name: &[u8], reply: &mut Reply<'_>) {
    match hash.get(name) {
        Some(field) => reply.bulk(field.value),
        None => reply.null(),
    }
}

/// What the commands that return values answer where there is no hash.
fn nothing(names: Args<'_>, reply: &mut Reply<'_>) {
    reply.array(names.len());
    for _ in 0..names.len() {
        reply.null();
    }
}

/// What the commands on expire times answer where there is no hash.
fn no_such_fields(names: Args<'_>, reply: &mut Reply<'_>) {
    reply.array(names.len());
    for _ in 0..names.len() {
        reply.integer(NO_SUCH_FIELD);
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    HEXPIRE,
    HEXPIREAT,
    HEXPIRETIME,
    HGETDEL,
    HGETEX,
    HPERSIST,
    HPEXPIRE,
    HPEXPIREAT,
    HPEXPIRETIME,
    HPTTL,
    HSETEX,
    HTTL,
];
