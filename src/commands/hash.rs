//! Commands on hashes.
//!
//! No command here meets a field past its expiry: the keyspace removes or hides such fields before a hash
//! is looked at.

use crate::commands::sample;
use crate::commands::scan::{self, Page, ScanOptions, Scanned};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing, View};
use crate::random;
use crate::resp::{Args, Key, Reply};
use crate::types::Hash;
use crate::types::hash::{Field, FieldExpiry};
use crate::types::long_double::LongDouble;
use crate::types::number;

/// The field `name` of the hash under `key`, if both are there.
#[inline]
fn read<'a>(view: &'a View<'_>, key: Key<'_>, name: &[u8]) -> Result<Option<Field<'a>>, Error> {
    let hash = view.object::<Hash>(key)?;
    Ok(hash.and_then(|hash| hash.get(name)))
}

const KEY: Arg = Arg::new("key", ArgKind::Key(0));
const FIELD: Arg = Arg::new("field", ArgKind::String);
const FIELD_AND_VALUE: Arg = Arg::new(
    "data",
    ArgKind::Block(&[FIELD, Arg::new("value", ArgKind::String)]),
)
.multiple();

const HDEL: CommandSpec = CommandSpec::write("HDEL", Arity::at_least(3), Group::Hash, hdel)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | DELETE))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields to delete.",
        "Deletes fields of a hash; a hash without fields is deleted with its key.",
    )
    .args(&[KEY, FIELD.multiple()]);

fn hdel(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let removed = db.edit_object(args.key(1), Missing::Skip, "hdel", |hash: &mut Hash| {
        let removed = args.from(2).filter(|name| hash.remove(name)).count();
        Ok((removed, removed as u64))
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

const HEXISTS: CommandSpec = CommandSpec::read("HEXISTS", Arity::exactly(3), Group::Hash, hexists)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc("2.0.0", "O(1)", "Tells whether a hash has a field.")
    .args(&[KEY, FIELD]);

fn hexists(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.flag(read(view, args.key(1), args.get(2))?.is_some());
    Ok(())
}

const HGET: CommandSpec = CommandSpec::read("HGET", Arity::exactly(3), Group::Hash, hget)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc("2.0.0", "O(1)", "Returns the value of a field of a hash.")
    .args(&[KEY, FIELD]);

fn hget(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match read(view, args.key(1), args.get(2))? {
        Some(field) => reply.bulk(field.value),
        None => reply.null(),
    }
    Ok(())
}

const HGETALL: CommandSpec = CommandSpec::read("HGETALL", Arity::exactly(2), Group::Hash, hgetall)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields.",
        "Returns all fields of a hash with their values.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY]);

fn hgetall(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let Some(hash) = view.object::<Hash>(args.key(1))? else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.len());
    hash.iter().for_each(|field| {
        reply.bulk(field.name);
        reply.bulk(field.value);
    });
    Ok(())
}

const HINCRBY: CommandSpec = CommandSpec::write("HINCRBY", Arity::exactly(4), Group::Hash, hincrby)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "2.0.0",
        "O(1)",
        "Adds a number to the integer in a field of a hash, starting from 0 if there is none.",
    )
    .args(&[KEY, FIELD, Arg::new("increment", ArgKind::Integer)]);

fn hincrby(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let by = args.integer(3)?;
    let (name, limits) = (args.get(2), db.access.hash_limits());
    let sum = db.edit_object(args.key(1), Missing::Make, "hincrby", |hash: &mut Hash| {
        let value = match hash.get(name) {
            Some(field) => number::parse_i64(field.value)
                .ok_or(Error::Static("ERR hash value is not an integer"))?,
            None => 0,
        };
        let sum = value.checked_add(by).ok_or(Error::Overflow)?;
        let mut buffer = itoa::Buffer::new();
        hash.set(
            name,
            buffer.format(sum).as_bytes(),
            FieldExpiry::Keep,
            limits,
        );
        Ok((sum, 1))
    })?;
    reply.integer(sum.unwrap_or_default());
    Ok(())
}

const HINCRBYFLOAT: CommandSpec = CommandSpec::write("HINCRBYFLOAT", Arity::exactly(4), Group::Hash, hincrbyfloat).flags(members!(Flags: DENY_OOM | FAST)).categories(Categories::HASH).keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))]).doc("2.6.0", "O(1)", "Adds a number to the floating point number in a field of a hash, starting from 0 if there is none.").args(&[KEY, FIELD, Arg::new("increment", ArgKind::Double)]);

fn hincrbyfloat(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let by = LongDouble::parse(args.get(3)).ok_or(Error::NotFloat)?;
    if !by.is_finite() {
        return Err(Error::Static("ERR value is NaN or Infinity"));
    }
    let (name, limits) = (args.get(2), db.access.hash_limits());
    let sum = db.edit_object(
        args.key(1),
        Missing::Make,
        "hincrbyfloat",
        |hash: &mut Hash| {
            let value = hash.get(name).map_or(&b"0"[..], |field| field.value);
            let value =
                LongDouble::parse(value).ok_or(Error::Static("ERR hash value is not a float"))?;
            let sum = value.add(by);
            if !sum.is_finite() {
                return Err(Error::NanOrInfinity);
            }
            let sum = sum.to_string();
            hash.set(name, sum.as_bytes(), FieldExpiry::Keep, limits);
            Ok((sum, 1))
        },
    )?;
    reply.bulk(sum.unwrap_or_default().as_bytes());
    Ok(())
}

const HKEYS: CommandSpec = CommandSpec::read("HKEYS", Arity::exactly(2), Group::Hash, hkeys)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields.",
        "Returns the names of all fields of a hash.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY]);

fn hkeys(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_each(view, args, reply, |field| field.name)
}

/// Answers one part of every field.
fn write_each(
    view: &View<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    part: impl for<'a> Fn(Field<'a>) -> &'a [u8],
) -> CommandResult {
    let Some(hash) = view.object::<Hash>(args.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    reply.array(hash.len());
    hash.iter().for_each(|field| reply.bulk(part(field)));
    Ok(())
}

const HLEN: CommandSpec = CommandSpec::read("HLEN", Arity::exactly(2), Group::Hash, hlen)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc("2.0.0", "O(1)", "Returns the number of fields of a hash.")
    .args(&[KEY]);

fn hlen(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let hash = view.object::<Hash>(args.key(1))?;
    reply.count(hash.map_or(0, Hash::len));
    Ok(())
}

const HMGET: CommandSpec = CommandSpec::read("HMGET", Arity::at_least(3), Group::Hash, hmget)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields to read.",
        "Returns the values of several fields of a hash.",
    )
    .args(&[KEY, FIELD.multiple()]);

fn hmget(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let hash = view.object::<Hash>(args.key(1))?;
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match hash.and_then(|hash| hash.get(name)) {
            Some(field) => reply.bulk(field.value),
            None => reply.null(),
        }
    }
    Ok(())
}

const HMSET: CommandSpec = CommandSpec::write("HMSET", Arity::at_least(4), Group::Hash, hmset)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields to set.",
        "Sets fields of a hash.",
    )
    .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
    .args(&[KEY, FIELD_AND_VALUE]);

fn hmset(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    set_fields(db, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// Sets the fields from argument 2 on, which takes their expiry away. Returns how many are new.
#[inline]
fn set_fields(db: &mut Db<'_>, args: Args<'_>, command: &'static str) -> Result<usize, Error> {
    if !args.len().is_multiple_of(2) {
        return Err(Error::WrongArity(command));
    }
    let limits = db.access.hash_limits();
    let fields = args.len() / 2 - 1;
    let new = db.edit_object(args.key(1), Missing::Make, "hset", |hash: &mut Hash| {
        // Each `set` looks at the lengths itself.
        hash.prepare(0, fields, limits);
        let new = (2..args.len())
            .step_by(2)
            .filter(|&at| hash.set(args.get(at), args.get(at + 1), FieldExpiry::Clear, limits))
            .count();
        Ok((new, fields as u64))
    })?;
    Ok(new.unwrap_or(0))
}

const HRANDFIELD: CommandSpec =
    CommandSpec::read("HRANDFIELD", Arity::at_least(2), Group::Hash, hrandfield)
        .categories(Categories::HASH)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "6.2.0",
            "O(N) where N is the number of fields to return, or of the fields of a small hash.",
            "Returns fields of a hash chosen by chance.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            KEY,
            Arg::new(
                "options",
                ArgKind::Block(&[
                    Arg::new("count", ArgKind::Integer),
                    Arg::word("withvalues", "WITHVALUES").optional(),
                ]),
            )
            .optional(),
        ]);

fn hrandfield(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    if args.len() == 2 {
        let hash = view.object::<Hash>(key)?;
        match hash.and_then(|hash| hash.random(random::below)) {
            Some(field) => reply.bulk(field.name),
            None => reply.null(),
        }
        return Ok(());
    }
    let count = args.integer_between(2, -i64::MAX, i64::MAX)?;
    let with_values = args.len() == 4 && args.is(3, "WITHVALUES");
    if args.len() > 3 && !with_values {
        return Err(Error::Syntax);
    }
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::OutOfRange);
    }
    match view.object::<Hash>(key)? {
        Some(hash) if count != 0 => Picks {
            hash,
            count: count.unsigned_abs(),
            with_values,
        }
        .write(count < 0, reply),
        _ => {
            reply.array(0);
            Ok(())
        }
    }
}

/// What HRANDFIELD with a count is to return.
struct Picks<'a> {
    hash: &'a Hash,
    count: u64,
    with_values: bool,
}

impl Picks<'_> {
    fn write(self, repeated: bool, reply: &mut Reply<'_>) -> CommandResult {
        let len = self.hash.len();
        if repeated {
            return self.write_repeated(len, reply);
        }
        let count = usize::try_from(self.count).map_or(len, |count| count.min(len));
        self.header(count as u64, reply);
        if count == 1 && len > 1 {
            self.hash
                .random(random::below)
                .into_iter()
                .for_each(|field| self.field(field, reply));
        } else if self.is_quick_to_draw(count, len) {
            sample::distinct(
                count,
                || self.hash.random(random::below),
                // A name's place tells fields apart, and its length the empty name, which has none.
                |field| (field.name.as_ptr(), field.name.len()),
                |field| self.field(field, reply),
            );
        } else {
            sample::subset(self.hash.iter(), len, count, |field| {
                self.field(field, reply);
            });
        }
        Ok(())
    }

    /// Each pick stands alone, so that a field may come several times.
    fn write_repeated(self, len: usize, reply: &mut Reply<'_>) -> CommandResult {
        self.header(self.count, reply);
        let drawn =
            usize::try_from(self.count).is_ok_and(|count| self.is_quick_to_draw(count, len));
        if drawn || self.count == 1 {
            return sample::repeat(self.count, reply, |reply| {
                if let Some(field) = self.hash.random(random::below) {
                    self.field(field, reply);
                }
            });
        }
        let all: Vec<_> = self.hash.iter().collect();
        sample::repeat(self.count, reply, |reply| {
            self.field(all[random::below(all.len())], reply);
        })
    }

    /// Whether drawing fields one by one is quicker than passing over all of them.
    fn is_quick_to_draw(&self, count: usize, len: usize) -> bool {
        !self.hash.is_compact() && sample::is_drawn(count, len)
    }

    fn header(&self, count: u64, reply: &mut Reply<'_>) {
        if self.with_values {
            reply.pairs(count as usize);
        } else {
            reply.array(count as usize);
        }
    }

    fn field(&self, field: Field<'_>, reply: &mut Reply<'_>) {
        if self.with_values {
            reply.pair();
        }
        reply.bulk(field.name);
        if self.with_values {
            reply.bulk(field.value);
        }
    }
}

const HSCAN: CommandSpec = CommandSpec::read("HSCAN", Arity::at_least(3), Group::Hash, hscan)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.8.0",
        "O(1) for a call, O(N) for a complete iteration, where N is the number of fields.",
        "Returns some fields of a hash and a cursor to go on from.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[
        KEY,
        Arg::new("cursor", ArgKind::Integer),
        scan::MATCH,
        scan::COUNT,
        Arg::word("novalues", "NOVALUES").optional(),
    ]);

fn hscan(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(args, 2)?;
    let mut page = Page::new(reply);
    let Some(hash) = view.object::<Hash>(args.key(1))? else {
        page.send(0, reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, Scanned::Hash)?;
    let next = hash.scan(cursor, options.count, |field| {
        if options.filter.matches(field.name) {
            page.bulk(field.name);
            if !options.no_values {
                page.bulk(field.value);
            }
        }
    });
    page.send(next, reply);
    Ok(())
}

const HSET: CommandSpec = CommandSpec::write("HSET", Arity::at_least(4), Group::Hash, hset)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields to set.",
        "Sets fields of a hash; makes the key if it is missing.",
    )
    .args(&[KEY, FIELD_AND_VALUE]);

fn hset(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let new = set_fields(db, args, "hset")?;
    reply.count(new);
    Ok(())
}

const HSETNX: CommandSpec = CommandSpec::write("HSETNX", Arity::exactly(4), Group::Hash, hsetnx)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | INSERT))])
    .doc(
        "2.0.0",
        "O(1)",
        "Sets a field of a hash, but only if the hash has no such field.",
    )
    .args(&[KEY, FIELD, Arg::new("value", ArgKind::String)]);

fn hsetnx(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (name, limits) = (args.get(2), db.access.hash_limits());
    let set = db.edit_object(args.key(1), Missing::Make, "hset", |hash: &mut Hash| {
        let free = hash.get(name).is_none();
        if free {
            hash.set(name, args.get(3), FieldExpiry::Clear, limits);
        }
        Ok((free, u64::from(free)))
    })?;
    reply.flag(set.unwrap_or(false));
    Ok(())
}

const HSTRLEN: CommandSpec = CommandSpec::read("HSTRLEN", Arity::exactly(3), Group::Hash, hstrlen)
    .flags(Flags::FAST)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc(
        "3.2.0",
        "O(1)",
        "Returns the length of the value of a field of a hash.",
    )
    .args(&[KEY, FIELD]);

fn hstrlen(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let field = read(view, args.key(1), args.get(2))?;
    reply.count(field.map_or(0, |field| field.value.len()));
    Ok(())
}

const HVALS: CommandSpec = CommandSpec::read("HVALS", Arity::exactly(2), Group::Hash, hvals)
    .categories(Categories::HASH)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.0.0",
        "O(N) where N is the number of fields.",
        "Returns the values of all fields of a hash.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[KEY]);

fn hvals(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_each(view, args, reply, |field| field.value)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    HDEL,
    HEXISTS,
    HGET,
    HGETALL,
    HINCRBY,
    HINCRBYFLOAT,
    HKEYS,
    HLEN,
    HMGET,
    HMSET,
    HRANDFIELD,
    HSCAN,
    HSET,
    HSETNX,
    HSTRLEN,
    HVALS,
];
