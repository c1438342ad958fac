//! Pops that wait until there is a member.

use crate::commands::pops::{COUNT, KEY_NUMBER, MultiPop, NUMKEYS, pop_or_wait};
use crate::commands::sorted_set::pop::{End, POPPED, Shape, pop};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandSpec, Flags, Group, KeySpec,
};
use crate::commands::timeout;
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Want};
use crate::keyspace::{Db, Object};
use crate::resp::{Args, Reply};
use crate::types::SortedSet;

const KEYS_TIMEOUT: &[Arg] = &[
    Arg::new("key", ArgKind::Key(0)).multiple(),
    Arg::new("timeout", ArgKind::Double),
];

/// BZPOPMIN and BZPOPMAX: keys, then the timeout.
fn pop_one(
    db: &mut Db<'_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<Attempt, Error> {
    let last = args.len() - 1;
    let until = timeout::seconds(args.get(last), db.access.now)?;
    pop_or_wait(
        db,
        args,
        Want::new(SortedSet::KIND, 1..last, until),
        |db, key| pop(db, key, end, 1, Shape::KeyedFlat, reply),
    )
}

pub(super) const BZMPOP: CommandSpec =
    CommandSpec::blocking("BZMPOP", Arity::at_least(5), Group::SortedSet, bzmpop)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec {
            begin: BeginSearch::Index(2),
            find: KEY_NUMBER,
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
            NUMKEYS,
            Arg::new("key", ArgKind::Key(0)).multiple(),
            Arg::new(
                "where",
                ArgKind::OneOf(&[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            ),
            COUNT,
        ]);

fn bzmpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let MultiPop { keys, end, count } = MultiPop::parse(args, 2, End::parse)?;
    let until = timeout::seconds(args.get(1), db.access.now)?;
    pop_or_wait(
        db,
        args,
        Want::new(SortedSet::KIND, keys, until),
        |db, key| pop(db, key, end, count, Shape::Keyed, reply),
    )
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
