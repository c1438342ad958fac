//! COMMAND: what the commands are.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const COUNT: CommandSpec = CommandSpec::session("COUNT", Arity::exactly(2), Group::Server, count)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("2.8.13", "O(1)", "Returns the number of commands.");

fn count(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const DOCS: CommandSpec = CommandSpec::session("DOCS", Arity::at_least(2), Group::Server, docs)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "7.0.0",
        "O(N) where N is the number of commands to describe.",
        "Returns the documentation of commands.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[Arg::new("command-name", ArgKind::String)
        .optional()
        .multiple()]);

fn docs(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const GETKEYS: CommandSpec =
    CommandSpec::session("GETKEYS", Arity::at_least(3), Group::Server, getkeys)
        .flags(members!(Flags: LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "2.8.13",
            "O(N) where N is the number of arguments to the command.",
            "Returns the keys among the arguments of a command.",
        )
        .args(&[
            Arg::new("command", ArgKind::String),
            Arg::new("arg", ArgKind::String).optional().multiple(),
        ]);

fn getkeys(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const GETKEYSANDFLAGS: CommandSpec = CommandSpec::session(
    "GETKEYSANDFLAGS",
    Arity::at_least(3),
    Group::Server,
    getkeysandflags,
)
.flags(members!(Flags: LOADING | STALE | SENTINEL))
.categories(Categories::CONNECTION)
.doc(
    "7.0.0",
    "O(N) where N is the number of arguments to the command.",
    "Returns the keys among the arguments of a command, and what it does with them.",
)
.args(&[
    Arg::new("command", ArgKind::String),
    Arg::new("arg", ArgKind::String).optional().multiple(),
]);

fn getkeysandflags(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const INFO: CommandSpec = CommandSpec::session("INFO", Arity::at_least(2), Group::Server, info)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "2.8.13",
        "O(N) where N is the number of commands to describe.",
        "Describes some commands, or all.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[Arg::new("command-name", ArgKind::String)
        .optional()
        .multiple()]);

fn info(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const LIST: CommandSpec = CommandSpec::session("LIST", Arity::at_least(2), Group::Server, list)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "7.0.0",
        "O(N) where N is the number of commands.",
        "Returns the names of all commands, or of those that match.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[Arg::new(
        "filterby",
        ArgKind::OneOf(&[
            Arg::new("module-name", ArgKind::String).token("MODULE"),
            Arg::new("category", ArgKind::String).token("ACLCAT"),
            Arg::new("pattern", ArgKind::Pattern).token("PATTERN"),
        ]),
    )
    .token("FILTERBY")
    .optional()]);

fn list(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const COMMAND: CommandSpec =
    CommandSpec::session("COMMAND", Arity::at_least(1), Group::Server, command)
        .flags(members!(Flags: LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "2.8.13",
            "O(N) where N is the number of commands.",
            "Describes all commands.",
        )
        .tips(&["nondeterministic_output_order"])
        .subcommands(&[COUNT, DOCS, GETKEYS, GETKEYSANDFLAGS, HELP, INFO, LIST]);

fn command(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[COMMAND];
