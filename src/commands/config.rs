//! CONFIG: the configuration of the running server.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const GET: CommandSpec = CommandSpec::session("GET", Arity::at_least(3), Group::Server, get)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
    .doc(
        "2.0.0",
        "O(N) where N is the number of parameters asked for.",
        "Returns the parameters that match a pattern.",
    )
    .args(&[Arg::new("parameter", ArgKind::String).multiple()]);

fn get(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const RESETSTAT: CommandSpec =
    CommandSpec::session("RESETSTAT", Arity::exactly(2), Group::Server, resetstat)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
        .doc("2.0.0", "O(1)", "Sets the statistics back to zero.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn resetstat(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const SET: CommandSpec = CommandSpec::session("SET", Arity::at_least(4), Group::Server, set)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
    .doc(
        "2.0.0",
        "O(N) where N is the number of parameters to set.",
        "Changes parameters of the running server.",
    )
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(&[Arg::new(
        "data",
        ArgKind::Block(&[
            Arg::new("parameter", ArgKind::String),
            Arg::new("value", ArgKind::String),
        ]),
    )
    .multiple()]);

fn set(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const CONFIG: CommandSpec =
    CommandSpec::container("CONFIG", Group::Server, &[GET, HELP, RESETSTAT, SET]).doc(
        "2.0.0",
        "Depends on the subcommand.",
        "A container of commands on the configuration.",
    );

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[CONFIG];
