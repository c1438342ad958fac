//! SORT and SORT_RO: the elements of a list, a set or a sorted set, in order.
//!
//! Elements and weights are never copied: what is sorted are references into the keys, whose shards stay
//! locked. A pattern makes keys out of elements, and which these are only the data know; so a command with one
//! locks every shard ([`names_unknown_keys`]).

mod order;
mod query;

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Footprint, Group, KeyFlags,
    KeySpec, members,
};
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use query::{Lookup, Query};

const COST: &str = "O(N+M*log(M)) where N is the number of elements and M the number of those that are answered; \
                    O(N) if they are not sorted.";

const READ_KEY: KeySpec = KeySpec::at(1, members!(KeyFlags: RO | ACCESS));

const PATTERN_KEYS: KeySpec = KeySpec::unknown(members!(KeyFlags: RO | ACCESS)).notes(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
);

const KEY: Arg = Arg::new("key", ArgKind::Key(0));
const BY: Arg = Arg::new("by-pattern", ArgKind::KeyPattern(1))
    .display("pattern")
    .token("BY")
    .optional();
const LIMIT: Arg = Arg::new(
    "limit",
    ArgKind::Block(&[
        Arg::new("offset", ArgKind::Integer),
        Arg::new("count", ArgKind::Integer),
    ]),
)
.token("LIMIT")
.optional();
const GET: Arg = Arg::new("get-pattern", ArgKind::KeyPattern(1))
    .display("pattern")
    .token("GET")
    .optional()
    .multiple_token();
const ORDER: Arg = Arg::new(
    "order",
    ArgKind::OneOf(&[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]),
)
.optional();
const SORTING: Arg = Arg::word("sorting", "ALPHA").optional();

const SORT_RO: CommandSpec =
    CommandSpec::read("SORT_RO", Arity::at_least(2), Group::Generic, sort_ro)
        .categories(members!(Categories: SET | SORTEDSET | LIST | DANGEROUS))
        .keys(&[READ_KEY, PATTERN_KEYS])
        .find_keys(find_keys)
        .footprint(Footprint::KeysOrAll(names_unknown_keys))
        .doc(
            "7.0.0",
            COST,
            "Returns the elements of a list, a set or a sorted set in order.",
        )
        .args(&[KEY, BY, LIMIT, GET, ORDER, SORTING]);

fn sort_ro(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let query = Query::parse(args, false)?;
    answer(view, args, &query, reply)
}

fn answer(
    view: &View<'_>,
    args: Args<'_>,
    query: &Query<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let mut lookup = Lookup::new(view);
    let found = query.find(args.key(1), &mut lookup)?;
    query.write(&found, &mut lookup, reply);
    Ok(())
}

/// The key to be sorted.
fn find_keys(args: Args<'_>, f: &mut dyn FnMut(usize, KeyFlags)) {
    if args.len() > 1 {
        f(1, READ_KEY.flags);
    }
}

/// Whether a command may reach for keys that [`find_keys`] does not find: those that a pattern makes.
fn names_unknown_keys(args: Args<'_>) -> bool {
    (3..args.len())
        .any(|at| (args.is(at - 1, "BY") || args.is(at - 1, "GET")) && args.get(at).contains(&b'*'))
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[SORT_RO];
