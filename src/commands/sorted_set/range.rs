//! Commands on ranges: ZRANGE and its older forms, ZRANGESTORE, ZCOUNT and ZLEXCOUNT.

use std::ops::Range;

use crate::commands::sorted_set::bounds::{LexRange, Limit, RankRange, ScoreRange};
use crate::commands::sorted_set::{put, write_members};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Entry, View};
use crate::resp::{Args, Reply};
use crate::types::SortedSet;

const READ: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))];

const COMPLEXITY: &str = "O(log(N)+M) where N is the number of members of the sorted set, and M the number of members that are returned.";

const LIMIT: Arg = Arg::new(
    "limit",
    ArgKind::Block(&[
        Arg::new("offset", ArgKind::Integer),
        Arg::new("count", ArgKind::Integer),
    ]),
)
.token("LIMIT")
.optional();

const SORT_BY: Arg = Arg::new(
    "sortby",
    ArgKind::OneOf(&[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")]),
)
.optional();

pub(super) const ZCOUNT: CommandSpec =
    CommandSpec::read("ZCOUNT", Arity::exactly(4), Group::SortedSet, zcount)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "2.0.0",
            "O(log(N)) where N is the number of members of the sorted set.",
            "Counts the members of a sorted set whose scores are in a range.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("min", ArgKind::Double),
            Arg::new("max", ArgKind::Double),
        ]);

fn zcount(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let range = ScoreRange::parse(args.get(2), args.get(3))?;
    let set = view.object::<SortedSet>(args.key(1))?;
    reply.count(set.map_or(0, |set| range.ranks(set).len()));
    Ok(())
}

pub(super) const ZLEXCOUNT: CommandSpec =
    CommandSpec::read("ZLEXCOUNT", Arity::exactly(4), Group::SortedSet, zlexcount)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "2.8.9",
            "O(log(N)) where N is the number of members of the sorted set.",
            "Counts the members of a sorted set in a range of members; all scores must be equal.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("min", ArgKind::String),
            Arg::new("max", ArgKind::String),
        ]);

fn zlexcount(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let range = LexRange::parse(args.get(2), args.get(3))?;
    let set = view.object::<SortedSet>(args.key(1))?;
    reply.count(set.map_or(0, |set| range.ranks(set).len()));
    Ok(())
}

pub(super) const ZRANGE: CommandSpec =
    CommandSpec::read("ZRANGE", Arity::at_least(4), Group::SortedSet, zrange)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "1.2.0",
            COMPLEXITY,
            "Returns the members of a sorted set in a range of ranks, scores or members.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("start", ArgKind::String),
            Arg::new("stop", ArgKind::String),
            SORT_BY.since("6.2.0"),
            Arg::word("rev", "REV").optional().since("6.2.0"),
            LIMIT.since("6.2.0"),
            Arg::word("withscores", "WITHSCORES").optional(),
        ]);

fn zrange(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_range(view, args, Form::ANY, reply)
}

pub(super) const ZRANGEBYLEX: CommandSpec = CommandSpec::read(
    "ZRANGEBYLEX",
    Arity::at_least(4),
    Group::SortedSet,
    zrangebylex,
)
.categories(Categories::SORTEDSET)
.keys(READ)
.doc(
    "2.8.9",
    COMPLEXITY,
    "Returns the members of a sorted set in a range of members; all scores must be equal.",
)
.deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("min", ArgKind::String),
    Arg::new("max", ArgKind::String),
    LIMIT,
]);

fn zrangebylex(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_range(view, args, Form::of(By::Lex, false), reply)
}

pub(super) const ZRANGEBYSCORE: CommandSpec = CommandSpec::read(
    "ZRANGEBYSCORE",
    Arity::at_least(4),
    Group::SortedSet,
    zrangebyscore,
)
.categories(Categories::SORTEDSET)
.keys(READ)
.doc(
    "1.0.5",
    COMPLEXITY,
    "Returns the members of a sorted set whose scores are in a range.",
)
.deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("min", ArgKind::Double),
    Arg::new("max", ArgKind::Double),
    Arg::word("withscores", "WITHSCORES")
        .optional()
        .since("2.0.0"),
    LIMIT,
]);

fn zrangebyscore(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_range(view, args, Form::of(By::Score, false), reply)
}

pub(super) const ZRANGESTORE: CommandSpec =
    CommandSpec::write("ZRANGESTORE", Arity::at_least(5), Group::SortedSet, zrangestore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SORTEDSET)
        .keys(&[
            KeySpec::at(1, members!(KeyFlags: OW | UPDATE)),
            KeySpec::at(2, members!(KeyFlags: RO | ACCESS)),
        ])
        .doc(
            "6.2.0",
            "O(log(N)+M*log(M)) where N is the number of members of the sorted set, and M the number of members that are stored.",
            "Stores the members of a sorted set in a range of ranks, scores or members under another key.",
        )
        .args(&[
            Arg::new("dst", ArgKind::Key(0)),
            Arg::new("src", ArgKind::Key(1)),
            Arg::new("min", ArgKind::String),
            Arg::new("max", ArgKind::String),
            SORT_BY,
            Arg::word("rev", "REV").optional(),
            LIMIT,
        ]);

fn zrangestore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let query = Query::parse(args.skip(1), Form::STORE)?;
    let limits = db.access.sorted_set_limits();
    let mut stored = SortedSet::new();
    let source = db.read(args.key(2)).map(Entry::object::<SortedSet>);
    if let Some(source) = source.transpose()? {
        let ranks = query.ranks(source);
        if let Bounds::Rank(_) = query.bounds {
            stored.expect(ranks.len(), limits);
        }
        let mut store = |(member, score): (&[u8], f64)| {
            put(&mut stored, member, score, limits);
        };
        // In the order of the range: when the large form is reached decides what becomes of a -0.
        let members = source.range(ranks.start, ranks.end);
        if query.reverse {
            members.rev().for_each(&mut store);
        } else {
            members.for_each(&mut store);
        }
    }
    reply.count(stored.len());
    db.store_object(args.key(1), stored, "zrangestore");
    Ok(())
}

pub(super) const ZREVRANGE: CommandSpec =
    CommandSpec::read("ZREVRANGE", Arity::at_least(4), Group::SortedSet, zrevrange)
        .categories(Categories::SORTEDSET)
        .keys(READ)
        .doc(
            "1.2.0",
            COMPLEXITY,
            "Returns the members of a sorted set in a range of ranks, the highest scores first.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("start", ArgKind::Integer),
            Arg::new("stop", ArgKind::Integer),
            Arg::word("withscores", "WITHSCORES").optional(),
        ]);

fn zrevrange(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_range(view, args, Form::of(By::Rank, true), reply)
}

pub(super) const ZREVRANGEBYLEX: CommandSpec = CommandSpec::read(
    "ZREVRANGEBYLEX",
    Arity::at_least(4),
    Group::SortedSet,
    zrevrangebylex,
)
.categories(Categories::SORTEDSET)
.keys(READ)
.doc(
    "2.8.9",
    COMPLEXITY,
    "Returns the members of a sorted set in a range of members, the last first; all scores must be equal.",
)
.deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("max", ArgKind::String),
    Arg::new("min", ArgKind::String),
    LIMIT,
]);

fn zrevrangebylex(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_range(view, args, Form::of(By::Lex, true), reply)
}

pub(super) const ZREVRANGEBYSCORE: CommandSpec = CommandSpec::read(
    "ZREVRANGEBYSCORE",
    Arity::at_least(4),
    Group::SortedSet,
    zrevrangebyscore,
)
.categories(Categories::SORTEDSET)
.keys(READ)
.doc(
    "2.2.0",
    COMPLEXITY,
    "Returns the members of a sorted set whose scores are in a range, the highest scores first.",
)
.deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("max", ArgKind::Double),
    Arg::new("min", ArgKind::Double),
    Arg::word("withscores", "WITHSCORES").optional(),
    LIMIT,
]);

fn zrevrangebyscore(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_range(view, args, Form::of(By::Score, true), reply)
}

fn write_range(
    view: &View<'_>,
    args: Args<'_>,
    form: Form,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let query = Query::parse(args, form)?;
    let Some(set) = view.object::<SortedSet>(args.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(set);
    let members = set.range(ranks.start, ranks.end);
    if query.reverse {
        write_members(members.rev(), query.with_scores, reply);
    } else {
        write_members(members, query.with_scores, reply);
    }
    Ok(())
}

/// What a range is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name says already; options say the rest.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    reverse: Option<bool>,
    /// Whether there is no option WITHSCORES.
    store: bool,
}

impl Form {
    const ANY: Form = Form {
        by: None,
        reverse: None,
        store: false,
    };

    const STORE: Form = Form {
        store: true,
        ..Form::ANY
    };

    /// An older command, which has one kind of range and one direction.
    const fn of(by: By, reverse: bool) -> Form {
        // BYSCORE, BYLEX and REV are no options of a command by rank either, as long as it has a direction.
        Form {
            by: Some(by),
            reverse: Some(reverse),
            store: false,
        }
    }
}

enum Bounds<'a> {
    Rank(RankRange),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// A range with its options.
struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    limit: Limit,
}

impl<'a> Query<'a> {
    /// Reads source key, bounds and options, the key being argument 1.
    fn parse(args: Args<'a>, form: Form) -> Result<Self, Error> {
        let (mut by, mut reverse, mut with_scores) = (form.by, form.reverse, false);
        let (mut offset, mut count) = (0, -1);
        let mut index = 4;
        while index < args.len() {
            if !form.store && args.is(index, "WITHSCORES") {
                with_scores = true;
            } else if args.is(index, "LIMIT") && index + 2 < args.len() {
                offset = args.integer(index + 1)?;
                count = args.integer(index + 2)?;
                index += 2;
            } else if reverse.is_none() && args.is(index, "REV") {
                reverse = Some(true);
            } else if by.is_none() && args.is(index, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.is(index, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if count != -1 && by == By::Rank {
            return Err(Error::Static(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Error::Static(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        Ok(Query {
            bounds: Bounds::parse(args, by, reverse)?,
            reverse,
            with_scores,
            limit: Limit::new(offset, count),
        })
    }

    /// The ranks in the range, ascending.
    fn ranks(&self, set: &SortedSet) -> Range<usize> {
        match self.bounds {
            Bounds::Rank(range) => range.ranks(set.len(), self.reverse),
            Bounds::Score(range) => self.limit.apply(range.ranks(set), self.reverse),
            Bounds::Lex(range) => range.limited_ranks(set, self.reverse, self.limit),
        }
    }
}

impl<'a> Bounds<'a> {
    /// Reads arguments 2 and 3.
    fn parse(args: Args<'a>, by: By, reverse: bool) -> Result<Self, Error> {
        // A reverse range of scores or members begins with its upper bound.
        let (min, max) = if reverse { (3, 2) } else { (2, 3) };
        Ok(match by {
            By::Rank => Bounds::Rank(RankRange {
                start: args.integer(2)?,
                stop: args.integer(3)?,
            }),
            By::Score => Bounds::Score(ScoreRange::parse(args.get(min), args.get(max))?),
            By::Lex => Bounds::Lex(LexRange::parse(args.get(min), args.get(max))?),
        })
    }
}
