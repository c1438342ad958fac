//! Unions, intersections and differences: of sorted sets, and of sets, whose members have score 1.

use std::ops::Range;

use crate::commands::sorted_set::combine::{self, Aggregate, Combined, Source, Weighted};
use crate::commands::sorted_set::write_members;
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandResult, CommandSpec, FindKeys, Flags,
    Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, Entry, ValueRef, View};
use crate::resp::{Args, Reply};
use crate::types::number;

/// The sources behind their number at argument `index`.
const fn sources_at(index: usize) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Index(index),
        find: FindKeys::KeyNum {
            index: 0,
            first: 1,
            step: 1,
        },
        flags: members!(KeyFlags: RO | ACCESS),
        notes: None,
    }
}

const READ_KEYS: &[KeySpec] = &[sources_at(1)];
const STORE_KEYS: &[KeySpec] = &[
    KeySpec::at(1, members!(KeyFlags: OW | UPDATE)),
    sources_at(2),
];

const DESTINATION: Arg = Arg::new("destination", ArgKind::Key(0));
const NUMKEYS: Arg = Arg::new("numkeys", ArgKind::Integer);
const WEIGHTS: Arg = Arg::new("weight", ArgKind::Integer)
    .token("WEIGHTS")
    .optional()
    .multiple();
const AGGREGATE: Arg = Arg::new(
    "aggregate",
    ArgKind::OneOf(&[
        Arg::word("sum", "SUM"),
        Arg::word("min", "MIN"),
        Arg::word("max", "MAX"),
    ]),
)
.token("AGGREGATE")
.optional();
const WITHSCORES: Arg = Arg::word("withscores", "WITHSCORES").optional();

const fn keys_of(spec: usize) -> Arg {
    Arg::new("key", ArgKind::Key(spec)).multiple()
}

/// What is made of the sources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What may follow the sources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// WEIGHTS and AGGREGATE but for differences, and WITHSCORES.
    Reply,
    /// WEIGHTS and AGGREGATE but for differences.
    Store,
    /// LIMIT.
    Count,
}

/// What follows the sources.
struct Options {
    /// One for each source, or none: all are 1.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// 0: none.
    limit: usize,
}

impl Options {
    fn parse(
        args: Args<'_>,
        keys: &Range<usize>,
        operation: Operation,
        form: Form,
    ) -> Result<Options, Error> {
        let mut options = Options {
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let joins = operation != Operation::Difference && form != Form::Count;
        let mut index = keys.end;
        while index < args.len() {
            let behind = args.len() - index - 1;
            if joins && behind >= keys.len() && args.is(index, "WEIGHTS") {
                options.weights = (index + 1..=index + keys.len())
                    .map(|at| weight(args.get(at)))
                    .collect::<Result<_, _>>()?;
                index += keys.len();
            } else if joins && behind >= 1 && args.is(index, "AGGREGATE") {
                index += 1;
                options.aggregate = aggregate(args, index)?;
            } else if form == Form::Reply && args.is(index, "WITHSCORES") {
                options.with_scores = true;
            } else if form == Form::Count && behind >= 1 && args.is(index, "LIMIT") {
                index += 1;
                options.limit = number::parse_i64(args.get(index))
                    .and_then(|limit| usize::try_from(limit).ok())
                    .ok_or(Error::Static("ERR LIMIT can't be negative"))?;
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }

    fn weight(&self, number: usize) -> f64 {
        self.weights.get(number).copied().unwrap_or(1.0)
    }
}

fn weight(text: &[u8]) -> Result<f64, Error> {
    number::parse_f64(text).ok_or(Error::Static("ERR weight value is not a float"))
}

fn aggregate(args: Args<'_>, index: usize) -> Result<Aggregate, Error> {
    if args.is(index, "SUM") {
        Ok(Aggregate::Sum)
    } else if args.is(index, "MIN") {
        Ok(Aggregate::Min)
    } else if args.is(index, "MAX") {
        Ok(Aggregate::Max)
    } else {
        Err(Error::Syntax)
    }
}

/// The places of the sources, whose number is argument `index`.
fn source_keys(args: Args<'_>, index: usize) -> Result<Range<usize>, Error> {
    let count = args.integer(index)?;
    if count < 1 {
        let name = String::from_utf8_lossy(args.get(0)).to_ascii_lowercase();
        return Err(Error::text(format!(
            "ERR at least 1 input key is needed for '{name}' command"
        )));
    }
    let first = index + 1;
    usize::try_from(count)
        .ok()
        .filter(|&count| count <= args.len() - first)
        .map(|count| first..first + count)
        .ok_or(Error::Syntax)
}

fn source(entry: Option<&Entry>) -> Result<Source<'_>, Error> {
    match entry.map(Entry::value) {
        None => Ok(Source::Missing),
        Some(ValueRef::Set(set)) => Ok(Source::Set(set)),
        Some(ValueRef::SortedSet(set)) => Ok(Source::SortedSet(set)),
        Some(_) => Err(Error::WrongType),
    }
}

/// Gives the sources of a command that only reads their weights.
fn read<'v>(
    view: &'v View<'_>,
    args: Args<'_>,
    operation: Operation,
    form: Form,
) -> Result<(Vec<Weighted<'v>>, Options), Error> {
    let keys = source_keys(args, 1)?;
    let sources = keys
        .clone()
        .map(|index| source(view.get(args.key(index))))
        .collect::<Result<Vec<_>, _>>()?;
    let options = Options::parse(args, &keys, operation, form)?;
    let weighted = sources
        .into_iter()
        .enumerate()
        .map(|(number, source)| Weighted {
            source,
            weight: options.weight(number),
        })
        .collect();
    Ok((weighted, options))
}

fn combine(operation: Operation, sources: Vec<Weighted<'_>>, aggregate: Aggregate) -> Combined<'_> {
    match operation {
        Operation::Union => combine::union(sources, aggregate),
        Operation::Intersection => combine::intersection(sources, aggregate),
        Operation::Difference => combine::difference(&sources),
    }
}

fn answer(
    view: &View<'_>,
    args: Args<'_>,
    operation: Operation,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let (sources, options) = read(view, args, operation, Form::Reply)?;
    let result = combine(operation, sources, options.aggregate);
    write_members(result.iter(), options.with_scores, reply);
    Ok(())
}

fn store(
    db: &mut Db<'_>,
    args: Args<'_>,
    operation: Operation,
    event: &'static str,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let keys = source_keys(args, 2)?;
    // The look-ups that count; afterwards no source is past its expiry.
    for index in keys.clone() {
        source(db.read(args.key(index)))?;
    }
    let options = Options::parse(args, &keys, operation, Form::Store)?;
    let view = db.view();
    let sources = keys
        .enumerate()
        .map(|(number, index)| {
            Ok(Weighted {
                source: source(view.peek(args.key(index)))?,
                weight: options.weight(number),
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let result =
        combine(operation, sources, options.aggregate).to_sorted_set(db.access.sorted_set_limits());
    reply.count(result.len());
    db.store_object(args.key(1), result, event);
    Ok(())
}

const ZDIFF: CommandSpec = CommandSpec::read("ZDIFF", Arity::at_least(3), Group::SortedSet, zdiff)
    .categories(Categories::SORTEDSET)
    .keys(READ_KEYS)
    .doc(
        "6.2.0",
        "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
        "Returns the members of the first sorted set that none of the others has.",
    )
    .args(&[NUMKEYS, keys_of(0), WITHSCORES]);

fn zdiff(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(view, args, Operation::Difference, reply)
}

const ZDIFFSTORE: CommandSpec =
    CommandSpec::write("ZDIFFSTORE", Arity::at_least(4), Group::SortedSet, zdiffstore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SORTEDSET)
        .keys(STORE_KEYS)
        .doc(
            "6.2.0",
            "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
            "Stores the members of the first sorted set that none of the others has.",
        )
        .args(&[DESTINATION, NUMKEYS, keys_of(1)]);

fn zdiffstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    store(db, args, Operation::Difference, "zdiffstore", reply)
}

const ZINTER: CommandSpec =
    CommandSpec::read("ZINTER", Arity::at_least(3), Group::SortedSet, zinter)
        .categories(Categories::SORTEDSET)
        .keys(READ_KEYS)
        .doc(
            "6.2.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
            "Returns the members that all of several sorted sets have.",
        )
        .args(&[NUMKEYS, keys_of(0), WEIGHTS, AGGREGATE, WITHSCORES]);

fn zinter(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(view, args, Operation::Intersection, reply)
}

const ZINTERCARD: CommandSpec =
    CommandSpec::read("ZINTERCARD", Arity::at_least(3), Group::SortedSet, zintercard)
        .categories(Categories::SORTEDSET)
        .keys(READ_KEYS)
        .doc(
            "7.0.0",
            "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
            "Counts the members that all of several sorted sets have.",
        )
        .args(&[
            NUMKEYS,
            keys_of(0),
            Arg::new("limit", ArgKind::Integer).token("LIMIT").optional(),
        ]);

fn zintercard(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (sources, options) = read(view, args, Operation::Intersection, Form::Count)?;
    let limit = match options.limit {
        0 => usize::MAX,
        limit => limit,
    };
    reply.count(combine::intersection_size(sources, limit));
    Ok(())
}

const ZINTERSTORE: CommandSpec =
    CommandSpec::write("ZINTERSTORE", Arity::at_least(4), Group::SortedSet, zinterstore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SORTEDSET)
        .keys(STORE_KEYS)
        .doc(
            "2.0.0",
            "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
            "Stores the members that all of several sorted sets have.",
        )
        .args(&[DESTINATION, NUMKEYS, keys_of(1), WEIGHTS, AGGREGATE]);

fn zinterstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    store(db, args, Operation::Intersection, "zinterstore", reply)
}

const ZUNION: CommandSpec =
    CommandSpec::read("ZUNION", Arity::at_least(3), Group::SortedSet, zunion)
        .categories(Categories::SORTEDSET)
        .keys(READ_KEYS)
        .doc(
            "6.2.0",
            "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
            "Returns the members that any of several sorted sets has.",
        )
        .args(&[NUMKEYS, keys_of(0), WEIGHTS, AGGREGATE, WITHSCORES]);

fn zunion(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(view, args, Operation::Union, reply)
}

const ZUNIONSTORE: CommandSpec =
    CommandSpec::write("ZUNIONSTORE", Arity::at_least(4), Group::SortedSet, zunionstore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SORTEDSET)
        .keys(STORE_KEYS)
        .doc(
            "2.0.0",
            "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
            "Stores the members that any of several sorted sets has.",
        )
        .args(&[DESTINATION, NUMKEYS, keys_of(1), WEIGHTS, AGGREGATE]);

fn zunionstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    store(db, args, Operation::Union, "zunionstore", reply)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    ZDIFF,
    ZDIFFSTORE,
    ZINTER,
    ZINTERCARD,
    ZINTERSTORE,
    ZUNION,
    ZUNIONSTORE,
];
