//! Commands on the server and on whole databases.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Footprint, Group, members,
};
use crate::commands::{help, lolwut};
use crate::error::Error;
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};

const DBSIZE: CommandSpec = CommandSpec::read("DBSIZE", Arity::exactly(1), Group::Server, dbsize)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .footprint(Footprint::AllShared)
    .doc(
        "1.0.0",
        "O(1)",
        "Returns the number of keys in the database.",
    )
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"]);

fn dbsize(view: &View<'_>, _args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    reply.count(view.len());
    Ok(())
}

/// Whether a flush frees memory before it answers.
const FLUSH_TYPE: Arg = Arg::new(
    "flush-type",
    ArgKind::OneOf(&[
        Arg::word("async", "ASYNC").since("4.0.0"),
        Arg::word("sync", "SYNC").since("6.2.0"),
    ]),
)
.optional();

const FLUSHALL: CommandSpec =
    CommandSpec::write("FLUSHALL", Arity::at_least(1), Group::Server, flushall)
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .footprint(Footprint::AllExclusive)
        .doc(
            "1.0.0",
            "O(N) where N is the number of keys in all databases.",
            "Deletes all keys of all databases.",
        )
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[FLUSH_TYPE]);

fn flushall(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let now = flush_now(db, args)?;
    db.flush(0..db.databases(), now);
    reply.ok();
    Ok(())
}

/// Whether a flush is to free the memory before it answers.
fn flush_now(db: &Db<'_>, args: Args<'_>) -> Result<bool, Error> {
    match args.len() {
        1 => Ok(!db.access.config.lazyfree_lazy_user_flush()),
        2 if args.is(1, "SYNC") => Ok(true),
        2 if args.is(1, "ASYNC") => Ok(false),
        _ => Err(Error::Syntax),
    }
}

const FLUSHDB: CommandSpec =
    CommandSpec::write("FLUSHDB", Arity::at_least(1), Group::Server, flushdb)
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .footprint(Footprint::AllExclusive)
        .doc(
            "1.0.0",
            "O(N) where N is the number of keys in the database.",
            "Deletes all keys of the database.",
        )
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .args(&[FLUSH_TYPE]);

fn flushdb(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let now = flush_now(db, args)?;
    db.flush(db.index()..db.index() + 1, now);
    reply.ok();
    Ok(())
}

const FUNCTION_FLUSH: CommandSpec = CommandSpec::session(
    "FLUSH",
    Arity::at_least(2),
    Group::Scripting,
    function_flush,
)
.flags(members!(Flags: WRITE | NOSCRIPT))
.categories(Categories::SCRIPTING)
.doc(
    "7.0.0",
    "O(N) where N is the number of functions.",
    "Deletes all functions.",
)
.tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
.args(&[Arg::new(
    "flush-type",
    ArgKind::OneOf(&[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")]),
)
.optional()]);

fn function_flush(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    // There are no functions yet, so there is nothing to delete and no difference between the two.
    match args.len() {
        2 => {}
        3 if args.is(2, "SYNC") || args.is(2, "ASYNC") => {}
        3 => {
            return Err(Error::Static(
                "ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
            ));
        }
        _ => return Err(Error::subcommand_syntax(args.get(1), FUNCTION.name)),
    }
    reply.ok();
    Ok(Flow::Done)
}

const FUNCTION_HELP: CommandSpec =
    CommandSpec::session("HELP", Arity::exactly(2), Group::Scripting, function_help)
        .flags(members!(Flags: LOADING | STALE))
        .categories(Categories::SCRIPTING)
        .doc("7.0.0", "O(1)", "Explains the subcommands.");

fn function_help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help::reply(reply, FUNCTION.name, FUNCTION_HELP_LINES);
    Ok(Flow::Done)
}

const FUNCTION_HELP_LINES: &[&str] = &["FLUSH [ASYNC|SYNC]", "    Delete all functions."];

const FUNCTION: CommandSpec = CommandSpec::container(
    "FUNCTION",
    Group::Scripting,
    &[FUNCTION_FLUSH, FUNCTION_HELP],
)
.doc(
    "7.0.0",
    "Depends on the subcommand.",
    "A container of commands on functions.",
);

const LOLWUT: CommandSpec =
    CommandSpec::session("LOLWUT", Arity::at_least(1), Group::Server, lolwut)
        .flags(members!(Flags: READONLY | FAST))
        .doc("5.0.0", "", "Shows the version and a small picture.")
        .args(&[Arg::new("version", ArgKind::Integer)
            .token("VERSION")
            .optional()]);

fn lolwut(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    lolwut::run(args, reply)?;
    Ok(Flow::Done)
}

const SWAPDB: CommandSpec = CommandSpec::write("SWAPDB", Arity::exactly(3), Group::Server, swapdb)
    .flags(Flags::FAST)
    .categories(members!(Categories: DANGEROUS | KEYSPACE))
    .footprint(Footprint::AllExclusive)
    .doc(
        "4.0.0",
        "O(N) where N is the number of clients that watch or wait for keys of the two databases.",
        "Swaps two databases.",
    )
    .args(&[
        Arg::new("index1", ArgKind::Integer),
        Arg::new("index2", ArgKind::Integer),
    ]);

fn swapdb(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    // Both must be integers before either is looked at.
    for (index, text) in [
        (1, "ERR invalid first DB index"),
        (2, "ERR invalid second DB index"),
    ] {
        args.integer32(index).map_err(|_| Error::Static(text))?;
    }
    let databases = db.databases();
    let first = args.database(1, databases)?;
    let second = args.database(2, databases)?;
    db.swap(first, second);
    reply.ok();
    Ok(())
}

const TIME: CommandSpec = CommandSpec::session("TIME", Arity::exactly(1), Group::Server, time)
    .flags(members!(Flags: LOADING | STALE | FAST))
    .doc("2.6.0", "O(1)", "Returns the server's time.")
    .tips(&["nondeterministic_output"]);

fn time(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let now = context.db.access.now;
    reply.array(2);
    reply.bulk_integer(now.seconds());
    reply.bulk_integer(now.0 % 1_000_000);
    Ok(Flow::Done)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[DBSIZE, FLUSHALL, FLUSHDB, FUNCTION, LOLWUT, SWAPDB, TIME];
