//! Pops that wait until there is a member.

use std::ops::Range;

use crate::commands::sorted_set::pop::{End, MultiPop, POPPED, Shape, pop};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandSpec, FindKeys, Flags, Group, KeySpec,
};
use crate::commands::timeout;
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Want};
use crate::keyspace::{Db, Object};
use crate::resp::{Args, Key, Reply};
use crate::types::SortedSet;

const KEYS_TIMEOUT: &[Arg] = &[
    Arg::new("key", ArgKind::Key(0)).multiple(),
    Arg::new("timeout", ArgKind::Double),
];

/// Pops from the first of the keys that holds a member; if none does, says for what to wait, until
/// `until`.
///
/// # Errors
/// `WRONGTYPE` if a key of another type comes first.
fn pop_or_wait(
    db: &mut Db<'_>,
    args: Args<'_>,
    keys: Range<usize>,
    until: Option<i64>,
    mut pop: impl FnMut(&mut Db<'_>, Key<'_>) -> Result<bool, Error>,
) -> Result<Attempt, Error> {
    for index in keys.clone() {
        let key = args.key(index);
        if db.covers(key) && pop(db, key)? {
            return Ok(Attempt::Done);
        }
    }
    Ok(Attempt::Wait(Want::new(SortedSet::KIND, keys, until)))
}

/// BZPOPMIN and BZPOPMAX: keys, then the timeout.
fn pop_one(
    db: &mut Db<'_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<Attempt, Error> {
    let last = args.len() - 1;
    let until = timeout::seconds(args.get(last), db.access.now)?;
    pop_or_wait(db, args, 1..last, until, |db, key| {
        pop(db, key, end, 1, Shape::KeyedFlat, reply)
    })
}

pub(super) const BZMPOP: CommandSpec =
    CommandSpec::blocking("BZMPOP", Arity::at_least(5), Group::SortedSet, bzmpop)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec {
            begin: BeginSearch::Index(2),
            find: FindKeys::KeyNum {
                index: 0,
                first: 1,
                step: 1,
            },
            flags: POPPED,
            notes: None,
        }])
        .doc(
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of keys, N the number of members of the sorted set, and M the number of members that are removed.",
            "As ZMPOP, but waits until there is a member.",
        )
        .args(&[
            Arg::new("timeout", ArgKind::Double),
            Arg::new("numkeys", ArgKind::Integer),
            Arg::new("key", ArgKind::Key(0)).multiple(),
            Arg::new(
                "where",
                ArgKind::OneOf(&[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            ),
            Arg::new("count", ArgKind::Integer).token("COUNT").optional(),
        ]);

fn bzmpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let MultiPop { keys, end, count } = MultiPop::parse(args, 2)?;
    let until = timeout::seconds(args.get(1), db.access.now)?;
    pop_or_wait(db, args, keys, until, |db, key| {
        pop(db, key, end, count, Shape::Keyed, reply)
    })
}

pub(super) const BZPOPMAX: CommandSpec =
    CommandSpec::blocking("BZPOPMAX", Arity::at_least(3), Group::SortedSet, bzpopmax)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::range(
            1,
            -2,
            1,
            POPPED,
        )])
        .doc(
            "5.0.0",
            "O(log(N)) with N being the number of members.",
            "Pops the member with the highest score from the first sorted set that has one, and waits until there is one.",
        )
        .args(KEYS_TIMEOUT);

fn bzpopmax(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    pop_one(db, args, End::Max, reply)
}

pub(super) const BZPOPMIN: CommandSpec =
    CommandSpec::blocking("BZPOPMIN", Arity::at_least(3), Group::SortedSet, bzpopmin)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::range(
            1,
            -2,
            1,
            POPPED,
        )])
        .doc(
            "5.0.0",
            "O(log(N)) with N being the number of members.",
            "Pops the member with the lowest score from the first sorted set that has one, and waits until there is one.",
        )
        .args(KEYS_TIMEOUT);

fn bzpopmin(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    pop_one(db, args, End::Min, reply)
}
