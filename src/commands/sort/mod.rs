//! SORT and SORT_RO: the elements of a list, a set or a sorted set, in order.
//!
//! Elements and weights are never copied: what is sorted are references into the keys, whose shards stay
//! locked. A pattern makes keys out of elements, and which these are only the data know; so a command with one
//! locks every shard ([`reaches_further`]).

mod order;
mod query;

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Footprint, Group, KeyFlags,
    KeySpec, members,
};
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};
use query::{Lookup, Query};

const COST: &str = "O(N+M*log(M)) where N is the number of elements and M the number of those that are answered; \
                    O(N) if they are not sorted.";

const READ_KEY: KeySpec = KeySpec::at(1, members!(KeyFlags: RO | ACCESS));

const PATTERN_KEYS: KeySpec = KeySpec::unknown(members!(KeyFlags: RO | ACCESS)).notes(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
);

const STORE_KEY: KeySpec = KeySpec::unknown(members!(KeyFlags: OW | UPDATE)).notes(
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
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

const SORT: CommandSpec = CommandSpec::write("SORT", Arity::at_least(2), Group::Generic, sort)
    .flags(Flags::DENY_OOM)
    .categories(members!(Categories: SET | SORTEDSET | LIST | DANGEROUS))
    .keys(&[READ_KEY, PATTERN_KEYS, STORE_KEY])
    .find_keys(find_keys)
    .footprint(Footprint::KeysOrAll(reaches_further))
    .doc(
        "1.0.0",
        COST,
        "Returns the elements of a list, a set or a sorted set in order, or stores them as a list.",
    )
    .args(&[
        KEY,
        BY,
        LIMIT,
        GET,
        ORDER,
        SORTING,
        Arg::new("destination", ArgKind::Key(2))
            .token("STORE")
            .optional(),
    ]);

fn sort(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let query = Query::parse(args, true)?;
    let Some(destination) = query.destination else {
        let mark = reply.mark();
        return db.look_up(|view| {
            reply.cut(mark);
            answer(view, args, &query, reply)
        });
    };
    let fill = db.access.list_fill();
    let list = db.look_up(|view| {
        let mut lookup = Lookup::new(view);
        let found = query.find(args.key(1), &mut lookup)?;
        Ok(query.collect(&found, &mut lookup, fill))
    })?;
    let count = list.len();
    db.store_object(args.key(destination), list, "sortstore");
    db.count_more(count.saturating_sub(1) as u64);
    reply.count(count);
    Ok(())
}

/// The key to be sorted, and that of the last STORE; as Redis does, which takes a key of STORE that is called
/// as an option is for that option.
fn find_keys(args: Args<'_>, f: &mut dyn FnMut(usize, KeyFlags)) {
    if args.len() > 1 {
        f(1, READ_KEY.flags);
    }
    let mut store = None;
    let mut at = 2;
    while at < args.len() {
        match () {
            _ if args.is(at, "LIMIT") => at += 2,
            _ if args.is(at, "BY") || args.is(at, "GET") => at += 1,
            _ if args.is(at, "STORE") && at + 1 < args.len() => store = Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    if let Some(store) = store {
        f(store, STORE_KEY.flags);
    }
}

/// Whether a command may reach for keys that [`find_keys`] does not find: those that a pattern makes, and a key of
/// STORE that is called as an option is.
fn reaches_further(args: Args<'_>) -> bool {
    const OPTIONS: [&str; 4] = ["BY", "GET", "LIMIT", "STORE"];
    (3..args.len()).any(|at| {
        let finds = args.is(at - 1, "BY") || args.is(at - 1, "GET");
        let stores = args.is(at - 1, "STORE");
        finds && args.get(at).contains(&b'*')
            || stores && OPTIONS.iter().any(|option| args.is(at, option))
    })
}

const SORT_RO: CommandSpec =
    CommandSpec::read("SORT_RO", Arity::at_least(2), Group::Generic, sort_ro)
        .categories(members!(Categories: SET | SORTEDSET | LIST | DANGEROUS))
        .keys(&[READ_KEY, PATTERN_KEYS])
        .find_keys(find_source)
        .footprint(Footprint::KeysOrAll(reaches_further))
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
fn find_source(args: Args<'_>, f: &mut dyn FnMut(usize, KeyFlags)) {
    if args.len() > 1 {
        f(1, READ_KEY.flags);
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[SORT, SORT_RO];
