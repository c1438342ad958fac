//! XINFO: what there is to know of a stream.

use super::info_groups::{CONSUMERS, GROUPS};
use super::info_stream::STREAM;
use crate::commands::context::{Context, Flow};
use crate::commands::help;
use crate::commands::spec::{Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

pub(super) const XINFO: CommandSpec =
    CommandSpec::container("XINFO", Group::Stream, &[CONSUMERS, GROUPS, HELP, STREAM]).doc(
        "5.0.0",
        "Depends on subcommand.",
        "A container for commands that tell of streams.",
    );

const HELP: CommandSpec =
    CommandSpec::session("HELP", Arity::exactly(2), Group::Stream, xinfo_help)
        .flags(members!(Flags: LOADING | STALE))
        .categories(Categories::STREAM)
        .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn xinfo_help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help::reply(reply, XINFO.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "CONSUMERS <key> <groupname>",
    "    Tell of the consumers of a group.",
    "GROUPS <key>",
    "    Tell of the consumer groups of a stream.",
    "STREAM <key> [FULL [COUNT <count>]]",
    "    Tell of a stream; with FULL, of its entries, groups and consumers too.",
];
