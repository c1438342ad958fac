//! SAVE and its kin: nothing is ever written, and what they ask for is done at once.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const BGREWRITEAOF: CommandSpec = CommandSpec::session(
    "BGREWRITEAOF",
    Arity::exactly(1),
    Group::Server,
    bgrewriteaof,
)
.flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING))
.doc(
    "1.0.0",
    "O(1)",
    "Rewrites the append-only file in the background.",
);

fn bgrewriteaof(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    // What EXEC asks for is done after it, as in Redis.
    if context.session.in_exec {
        context.server.saves.schedule_rewrite();
        reply.simple("Background append only file rewriting scheduled");
    } else {
        context.server.saves.rewrite();
        reply.simple("Background append only file rewriting started");
    }
    Ok(Flow::Done)
}

const BGSAVE: CommandSpec =
    CommandSpec::session("BGSAVE", Arity::at_least(1), Group::Server, bgsave)
        .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING))
        .doc("1.0.0", "O(1)", "Saves all databases in the background.")
        .args(&[Arg::word("schedule", "SCHEDULE").optional().since("3.2.2")]);

fn bgsave(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 2 || (args.len() == 2 && !args.is(1, "SCHEDULE")) {
        return Err(Error::Syntax);
    }
    let server = context.server;
    if context.session.in_exec {
        server.saves.schedule_save();
        reply.simple("Background saving scheduled");
    } else {
        let now = context.db.access.now;
        server.saves.save_in_background(&server.stats, now);
        reply.simple("Background saving started");
    }
    Ok(Flow::Done)
}

const LASTSAVE: CommandSpec =
    CommandSpec::session("LASTSAVE", Arity::exactly(1), Group::Server, lastsave)
        .flags(members!(Flags: FAST | LOADING | STALE))
        .categories(members!(Categories: ADMIN | DANGEROUS))
        .doc(
            "1.0.0",
            "O(1)",
            "Returns when the databases were last saved, in Unix seconds.",
        )
        .tips(&["nondeterministic_output"]);

fn lastsave(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.integer(context.server.saves.last());
    Ok(Flow::Done)
}

const SAVE: CommandSpec = CommandSpec::session("SAVE", Arity::exactly(1), Group::Server, save)
    .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI))
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys in all databases.",
        "Saves all databases.",
    );

fn save(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let server = context.server;
    server.saves.save(&server.stats, context.db.access.now);
    reply.ok();
    Ok(Flow::Done)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[BGREWRITEAOF, BGSAVE, LASTSAVE, SAVE];
