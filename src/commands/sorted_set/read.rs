//! Commands that look members up: ZCARD, ZMSCORE, ZRANK, ZREVRANK, ZSCAN and ZSCORE.

use crate::commands::scan::{self, Page, ScanOptions, Scanned};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::{SortedSet, number};

const READ: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))];

pub(super) const ZCARD: CommandSpec =
    CommandSpec::read("ZCARD", Arity::exactly(2), Group::SortedSet, zcard)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .doc(
            "1.2.0",
            "O(1)",
            "Returns the number of members of a sorted set.",
        )
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn zcard(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<SortedSet>(args.key(1))?;
    reply.count(set.map_or(0, SortedSet::len));
    Ok(())
}

pub(super) const ZMSCORE: CommandSpec =
    CommandSpec::read("ZMSCORE", Arity::at_least(3), Group::SortedSet, zmscore)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "6.2.0",
            "O(N) where N is the number of given members.",
            "Returns the scores of the given members of a sorted set.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("member", ArgKind::String).multiple(),
        ]);

fn zmscore(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<SortedSet>(args.key(1))?;
    reply.array(args.len() - 2);
    for member in args.from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply.score(score),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) const ZRANK: CommandSpec =
    CommandSpec::read("ZRANK", Arity::at_least(3), Group::SortedSet, zrank)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "2.0.0",
            "O(log(N)) where N is the number of members of the sorted set.",
            "Returns how many members of a sorted set come before a member, by ascending scores.",
        )
        .args(RANK_ARGS);

const RANK_ARGS: &[Arg] = &[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("member", ArgKind::String),
    Arg::word("withscore", "WITHSCORE").optional(),
];

fn zrank(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    rank(view, args, "zrank", |rank, _| rank, reply)
}

pub(super) const ZREVRANK: CommandSpec =
    CommandSpec::read("ZREVRANK", Arity::at_least(3), Group::SortedSet, zrevrank)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "2.0.0",
            "O(log(N)) where N is the number of members of the sorted set.",
            "Returns how many members of a sorted set come before a member, by descending scores.",
        )
        .args(RANK_ARGS);

fn zrevrank(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    rank(view, args, "zrevrank", |rank, len| len - 1 - rank, reply)
}

fn rank(
    view: &View<'_>,
    args: Args<'_>,
    command: &'static str,
    counted: fn(usize, usize) -> usize,
    reply: &mut Reply<'_>,
) -> CommandResult {
    if args.len() > 4 {
        return Err(Error::WrongArity(command));
    }
    let with_score = args.len() > 3;
    if with_score && !args.is(3, "WITHSCORE") {
        return Err(Error::Syntax);
    }
    let set = view.object::<SortedSet>(args.key(1))?;
    let found = set.and_then(|set| {
        let (rank, score) = set.rank(args.get(2))?;
        Some((counted(rank, set.len()), score))
    });
    match found {
        Some((rank, score)) if with_score => {
            reply.array(2);
            reply.count(rank);
            reply.score(score);
        }
        Some((rank, _)) => reply.count(rank),
        None if with_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

pub(super) const ZSCAN: CommandSpec =
    CommandSpec::read("ZSCAN", Arity::at_least(3), Group::SortedSet, zscan)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "2.8.0",
            "O(1) for each call, O(N) for a whole iteration, where N is the number of members of the sorted set.",
            "Returns some members of a sorted set with their scores, and the cursor with which to go on.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("cursor", ArgKind::Integer),
            scan::MATCH,
            scan::COUNT,
        ]);

fn zscan(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(args, 2)?;
    let mut page = Page::new(reply);
    let Some(set) = view.object::<SortedSet>(args.key(1))? else {
        page.send(0, reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args, Scanned::Other)?;
    // Redis prints scores here as it keeps them in the compact form, and with 17 digits from the large one.
    let print = if set.is_compact() {
        number::format_f64
    } else {
        number::format_17_digits
    };
    let next = set.scan(cursor, options.count, |member, score| {
        if options.filter.matches(member) {
            page.bulk(member);
            page.bulk(print(score).as_bytes());
        }
    });
    page.send(next, reply);
    Ok(())
}

pub(super) const ZSCORE: CommandSpec =
    CommandSpec::read("ZSCORE", Arity::exactly(3), Group::SortedSet, zscore)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "1.2.0",
            "O(1)",
            "Returns the score of a member of a sorted set.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("member", ArgKind::String),
        ]);

fn zscore(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<SortedSet>(args.key(1))?;
    match set.and_then(|set| set.score(args.get(2))) {
        Some(score) => reply.score(score),
        None => reply.null(),
    }
    Ok(())
}
