//! ZREM, and ZREMRANGEBYRANK and its kin.

use std::ops::Range;

use crate::commands::sorted_set::bounds::{LexRange, RankRange, ScoreRange};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Key, Reply};
use crate::types::SortedSet;

const REMOVED: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RW | DELETE))];

const COMPLEXITY: &str = "O(log(N)+M) where N is the number of members of the sorted set, and M the number of members that are removed.";

pub(super) const ZREM: CommandSpec =
    CommandSpec::write("ZREM", Arity::at_least(3), Group::SortedSet, zrem)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(REMOVED)
        .doc(
            "1.2.0",
            "O(M*log(N)) where N is the number of members of the sorted set, and M the number of members to remove.",
            "Removes members from a sorted set.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("member", ArgKind::String).multiple(),
        ]);

fn zrem(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let removed = db.edit_object(args.key(1), Missing::Skip, "zrem", |set: &mut SortedSet| {
        let removed = args
            .from(2)
            .filter(|member| set.remove(member).is_some())
            .count();
        Ok((removed, removed as u64))
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

pub(super) const ZREMRANGEBYLEX: CommandSpec = CommandSpec::write(
    "ZREMRANGEBYLEX",
    Arity::exactly(4),
    Group::SortedSet,
    zremrangebylex,
)
.categories(Categories::SORTEDSET)
.keys(REMOVED)
.doc(
    "2.8.9",
    COMPLEXITY,
    "Removes the members of a sorted set in a range of members; all scores must be equal.",
)
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("min", ArgKind::String),
    Arg::new("max", ArgKind::String),
]);

fn zremrangebylex(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let range = LexRange::parse(args.get(2), args.get(3))?;
    remove_range(
        db,
        args.key(1),
        "zremrangebylex",
        |set| range.ranks(set),
        reply,
    )
}

pub(super) const ZREMRANGEBYRANK: CommandSpec = CommandSpec::write(
    "ZREMRANGEBYRANK",
    Arity::exactly(4),
    Group::SortedSet,
    zremrangebyrank,
)
.categories(Categories::SORTEDSET)
.keys(REMOVED)
.doc(
    "2.0.0",
    COMPLEXITY,
    "Removes the members of a sorted set in a range of ranks.",
)
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("start", ArgKind::Integer),
    Arg::new("stop", ArgKind::Integer),
]);

fn zremrangebyrank(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let range = RankRange {
        start: args.integer(2)?,
        stop: args.integer(3)?,
    };
    let ranks = |set: &SortedSet| range.ranks(set.len(), false);
    remove_range(db, args.key(1), "zremrangebyrank", ranks, reply)
}

pub(super) const ZREMRANGEBYSCORE: CommandSpec = CommandSpec::write(
    "ZREMRANGEBYSCORE",
    Arity::exactly(4),
    Group::SortedSet,
    zremrangebyscore,
)
.categories(Categories::SORTEDSET)
.keys(REMOVED)
.doc(
    "1.2.0",
    COMPLEXITY,
    "Removes the members of a sorted set whose scores are in a range.",
)
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("min", ArgKind::Double),
    Arg::new("max", ArgKind::Double),
]);

fn zremrangebyscore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let range = ScoreRange::parse(args.get(2), args.get(3))?;
    remove_range(
        db,
        args.key(1),
        "zremrangebyscore",
        |set| range.ranks(set),
        reply,
    )
}

fn remove_range(
    db: &mut Db<'_>,
    key: Key<'_>,
    event: &'static str,
    ranks: impl FnOnce(&SortedSet) -> Range<usize>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let removed = db.edit_object(key, Missing::Skip, event, |set: &mut SortedSet| {
        let ranks = ranks(set);
        set.remove_range(ranks.start, ranks.end, |_, _| {});
        Ok((ranks.len(), ranks.len() as u64))
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}
