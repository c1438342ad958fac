//! CLIENT PAUSE, CLIENT UNPAUSE and CLIENT UNBLOCK: clients that wait.

use super::wrong_subcommand;
use crate::clients::signal;
use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::commands::timeout;
use crate::error::Error;
use crate::resp::{Args, Reply};

pub(super) const PAUSE: CommandSpec =
    CommandSpec::session("PAUSE", Arity::at_least(3), Group::Connection, pause)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "3.0.0",
            "O(1)",
            "Holds back the commands of all clients for some time.",
        )
        .args(&[
            Arg::new("timeout", ArgKind::Integer),
            Arg::new(
                "mode",
                ArgKind::OneOf(&[Arg::word("write", "WRITE"), Arg::word("all", "ALL")]),
            )
            .optional()
            .since("6.2.0"),
        ]);

fn pause(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 4 {
        return Err(wrong_subcommand(args));
    }
    let all = match args.try_get(3) {
        None => true,
        Some(mode) if mode.eq_ignore_ascii_case(b"WRITE") => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"ALL") => true,
        Some(_) => return Err(Error::Static("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let now = context.db.access.now;
    // A timeout of 0 is over already.
    let until = timeout::milliseconds(args.get(2), now)?.unwrap_or(0);
    context.server.pause.pause(now, until, all);
    reply.ok();
    Ok(Flow::Done)
}

pub(super) const UNBLOCK: CommandSpec =
    CommandSpec::session("UNBLOCK", Arity::at_least(3), Group::Connection, unblock)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "5.0.0",
            "O(log N) where N is the number of connections.",
            "Ends the wait of a client that a blocking command holds.",
        )
        .args(&[
            Arg::new("client-id", ArgKind::Integer),
            Arg::new(
                "unblock-type",
                ArgKind::OneOf(&[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")]),
            )
            .optional(),
        ]);

fn unblock(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 4 {
        return Err(wrong_subcommand(args));
    }
    let how = match args.try_get(3) {
        None => signal::UNBLOCK_TIMEOUT,
        Some(how) if how.eq_ignore_ascii_case(b"TIMEOUT") => signal::UNBLOCK_TIMEOUT,
        Some(how) if how.eq_ignore_ascii_case(b"ERROR") => signal::UNBLOCK_ERROR,
        Some(_) => {
            return Err(Error::Static(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = u64::try_from(args.integer(2)?).ok();
    let client = id.and_then(|id| context.server.clients.get(id));
    reply.flag(client.is_some_and(|client| client.unblock(how)));
    Ok(Flow::Done)
}

pub(super) const UNPAUSE: CommandSpec =
    CommandSpec::session("UNPAUSE", Arity::exactly(2), Group::Connection, unpause)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.2.0",
            "O(N) where N is the number of paused clients.",
            "Lets the clients go on that CLIENT PAUSE holds back.",
        );

fn unpause(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    context.server.pause.unpause();
    context.server.clients.resume_all();
    reply.ok();
    Ok(Flow::Done)
}
