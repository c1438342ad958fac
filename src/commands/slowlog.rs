//! SLOWLOG: the commands that took long, see [`crate::latency::slow_log`].

use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{Arg, ArgKind, Arity, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::latency::slow_log::Entry;
use crate::resp::{Args, Reply};

/// Entries that GET shows unless it is told how many.
const DEFAULT_COUNT: usize = 10;

const GET: CommandSpec = CommandSpec::session("GET", Arity::at_least(2), Group::Server, get)
    .flags(members!(Flags: ADMIN | LOADING | STALE))
    .doc(
        "2.2.12",
        "O(N) where N is the number of entries to return.",
        "Returns the newest entries of the slow log.",
    )
    .tips(&["request_policy:all_nodes", "nondeterministic_output"])
    .args(&[Arg::new("count", ArgKind::Integer).optional()]);

fn get(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let most = match args.len() {
        2 => DEFAULT_COUNT,
        // -1 stands for all of them.
        3 => match args.integer(2) {
            Ok(-1) => usize::MAX,
            Ok(count @ 0..) => count as usize,
            _ => {
                return Err(Error::Static(
                    "ERR count should be greater than or equal to -1",
                ));
            }
        },
        _ => return Err(Error::subcommand_syntax(args.get(1), SLOWLOG.name)),
    };
    let entries = context.server.slow_log.newest(most);
    reply.array(entries.len());
    for entry in &entries {
        write_entry(entry, reply);
    }
    Ok(Flow::Done)
}

fn write_entry(entry: &Entry, reply: &mut Reply<'_>) {
    reply.array(6);
    reply.integer(entry.id as i64);
    reply.integer(entry.seconds);
    reply.integer(entry.micros as i64);
    reply.array(entry.args.len());
    for arg in &entry.args {
        reply.bulk(arg);
    }
    reply.bulk(entry.addr.as_bytes());
    reply.bulk(&entry.name);
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("6.2.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, SLOWLOG.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "GET [<count>]",
    "    Return the newest <count> entries (default: 10; -1: all). Each is its id, when it",
    "    ended in Unix seconds, how long it took in microseconds, the command with its",
    "    arguments, and the client's address and name.",
    "LEN",
    "    Return the number of entries.",
    "RESET",
    "    Remove all entries.",
];

const LEN: CommandSpec = CommandSpec::session("LEN", Arity::exactly(2), Group::Server, len)
    .flags(members!(Flags: ADMIN | LOADING | STALE))
    .doc(
        "2.2.12",
        "O(1)",
        "Returns the number of entries in the slow log.",
    )
    .tips(&[
        "request_policy:all_nodes",
        "response_policy:agg_sum",
        "nondeterministic_output",
    ]);

fn len(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.count(context.server.slow_log.len());
    Ok(Flow::Done)
}

const RESET: CommandSpec = CommandSpec::session("RESET", Arity::exactly(2), Group::Server, reset)
    .flags(members!(Flags: ADMIN | LOADING | STALE))
    .doc(
        "2.2.12",
        "O(N) where N is the number of entries.",
        "Removes all entries from the slow log.",
    )
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn reset(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    context.server.slow_log.reset();
    reply.ok();
    Ok(Flow::Done)
}

const SLOWLOG: CommandSpec =
    CommandSpec::container("SLOWLOG", Group::Server, &[GET, HELP, LEN, RESET]).doc(
        "2.2.12",
        "Depends on the subcommand.",
        "A container of commands on the slow log.",
    );

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[SLOWLOG];
