//! DEBUG: for testing the server.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arity, CommandSpec, Flags, Footprint, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const DEBUG: CommandSpec = CommandSpec::session("DEBUG", Arity::at_least(2), Group::Server, debug)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED))
    .footprint(Footprint::AllExclusive)
    .doc(
        "1.0.0",
        "Depends on the subcommand.",
        "A container of commands for testing the server.",
    )
    .syscmd();

fn debug(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[DEBUG];
