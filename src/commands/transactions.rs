//! The transaction commands. All but UNWATCH run at once even inside MULTI.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandSpec, Control, Flags, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::resp::{Args, Reply};

const DISCARD: CommandSpec = CommandSpec::control(
    "DISCARD",
    Arity::exactly(1),
    Group::Transactions,
    Control::Discard,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY))
.categories(Categories::TRANSACTION)
.doc(
    "2.0.0",
    "O(N) where N is the number of queued commands.",
    "Throws away the transaction that MULTI began.",
);

const EXEC: CommandSpec = CommandSpec::control(
    "EXEC",
    Arity::exactly(1),
    Group::Transactions,
    Control::Exec,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG))
.categories(Categories::TRANSACTION)
.doc(
    "1.2.0",
    "Depends on the queued commands.",
    "Runs all queued commands at one moment, unless a watched key has changed.",
);

const MULTI: CommandSpec = CommandSpec::control(
    "MULTI",
    Arity::exactly(1),
    Group::Transactions,
    Control::Multi,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY))
.categories(Categories::TRANSACTION)
.doc(
    "1.2.0",
    "O(1)",
    "Begins a transaction: the commands that follow are queued.",
);

const UNWATCH: CommandSpec =
    CommandSpec::session("UNWATCH", Arity::exactly(1), Group::Transactions, unwatch)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY))
        .categories(Categories::TRANSACTION)
        .doc("2.2.0", "O(1)", "Forgets all watched keys.");

fn unwatch(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    // EXEC has released the watches before its first command: then there is nothing to do.
    if !context.session.in_exec {
        crate::transaction::watch::unwatch(&context.server.keyspace, context.session);
    }
    reply.ok();
    Ok(Flow::Done)
}

const WATCH: CommandSpec = CommandSpec::control(
    "WATCH",
    Arity::at_least(2),
    Group::Transactions,
    Control::Watch,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY))
.categories(Categories::TRANSACTION)
.keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
.doc(
    "2.2.0",
    "O(1) for every key.",
    "Watches keys: if one of them changes, the next EXEC does nothing.",
)
.args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[DISCARD, EXEC, MULTI, UNWATCH, WATCH];
