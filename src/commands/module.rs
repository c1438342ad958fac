//! MODULE: there are no modules.

use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{Arg, ArgKind, Arity, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, MODULE.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "LIST",
    "    Return the loaded modules: there are none.",
    "LOAD <path> [<arg> ...]",
    "    Load a module: not supported.",
    "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
    "    Load a module with settings and arguments: not supported.",
    "UNLOAD <name>",
    "    Unload a module.",
];

const LIST: CommandSpec = CommandSpec::session("LIST", Arity::exactly(2), Group::Server, list)
    .flags(members!(Flags: ADMIN | NOSCRIPT))
    .doc(
        "4.0.0",
        "O(N) where N is the number of modules.",
        "Returns the loaded modules.",
    )
    .tips(&["nondeterministic_output_order"]);

fn list(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.array(0);
    Ok(Flow::Done)
}

const LOAD: CommandSpec = CommandSpec::session("LOAD", Arity::at_least(3), Group::Server, load)
    .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED))
    .doc("4.0.0", "O(1)", "Loads a module.")
    .args(&[
        Arg::new("path", ArgKind::String),
        Arg::new("arg", ArgKind::String).optional().multiple(),
    ]);

fn load(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    Err(Error::Static(
        "ERR Modules are not supported by this server",
    ))
}

const LOADEX: CommandSpec = CommandSpec::session("LOADEX", Arity::at_least(3), Group::Server, load)
    .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED))
    .doc(
        "7.0.0",
        "O(1)",
        "Loads a module with settings and arguments.",
    )
    .args(&[
        Arg::new("path", ArgKind::String),
        Arg::new(
            "configs",
            ArgKind::Block(&[
                Arg::new("name", ArgKind::String),
                Arg::new("value", ArgKind::String),
            ]),
        )
        .token("CONFIG")
        .optional()
        .multiple_token(),
        Arg::new("args", ArgKind::String)
            .token("ARGS")
            .optional()
            .multiple(),
    ]);

const UNLOAD: CommandSpec =
    CommandSpec::session("UNLOAD", Arity::exactly(3), Group::Server, unload)
        .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED))
        .doc("4.0.0", "O(1)", "Unloads a module.")
        .args(&[Arg::new("name", ArgKind::String)]);

fn unload(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    Err(Error::Static(
        "ERR Error unloading module: no such module with that name",
    ))
}

const MODULE: CommandSpec =
    CommandSpec::container("MODULE", Group::Server, &[HELP, LIST, LOAD, LOADEX, UNLOAD]).doc(
        "4.0.0",
        "Depends on the subcommand.",
        "A container of commands on modules.",
    );

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[MODULE];
