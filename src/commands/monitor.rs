//! MONITOR.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arity, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const MONITOR: CommandSpec =
    CommandSpec::session("MONITOR", Arity::exactly(1), Group::Server, monitor)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
        .doc(
            "1.0.0",
            "O(1)",
            "Shows every command that the server runs from now on.",
        );

fn monitor(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if context.session.in_exec {
        return Err(Error::Static(
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    // Said once more it is not answered, as in Redis.
    let monitors = &context.server.observers.monitors;
    if context.session.start_monitoring(monitors) {
        reply.ok();
    }
    Ok(Flow::Done)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[MONITOR];
