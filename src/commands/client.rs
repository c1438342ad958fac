//! CLIENT: commands on client connections.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const GETNAME: CommandSpec =
    CommandSpec::session("GETNAME", Arity::exactly(2), Group::Connection, getname)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc("2.6.9", "O(1)", "Returns the connection's name.");

fn getname(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Connection, help)
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

const ID: CommandSpec = CommandSpec::session("ID", Arity::exactly(2), Group::Connection, id)
    .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "5.0.0",
        "O(1)",
        "Returns the connection's number, which is never used again.",
    );

fn id(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const INFO: CommandSpec = CommandSpec::session("INFO", Arity::exactly(2), Group::Connection, info)
    .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("6.2.0", "O(1)", "Describes this connection.")
    .tips(&["nondeterministic_output"]);

fn info(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const KILL: CommandSpec = CommandSpec::session("KILL", Arity::at_least(3), Group::Connection, kill)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "2.4.0",
        "O(N) where N is the number of connections.",
        "Closes the connections that match.",
    )
    .args(&[Arg::new(
        "filter",
        ArgKind::OneOf(&[
            Arg::new("old-format", ArgKind::String)
                .display("ip:port")
                .deprecated("2.8.12"),
            Arg::new(
                "new-format",
                ArgKind::OneOf(&[
                    Arg::new("client-id", ArgKind::Integer)
                        .token("ID")
                        .optional()
                        .since("2.8.12"),
                    Arg::new(
                        "client-type",
                        ArgKind::OneOf(&[
                            Arg::word("normal", "NORMAL"),
                            Arg::word("master", "MASTER").since("3.2.0"),
                            Arg::word("slave", "SLAVE"),
                            Arg::word("replica", "REPLICA").since("5.0.0"),
                            Arg::word("pubsub", "PUBSUB"),
                        ]),
                    )
                    .token("TYPE")
                    .optional()
                    .since("2.8.12"),
                    Arg::new("username", ArgKind::String)
                        .token("USER")
                        .optional(),
                    Arg::new("addr", ArgKind::String)
                        .display("ip:port")
                        .token("ADDR")
                        .optional(),
                    Arg::new("laddr", ArgKind::String)
                        .display("ip:port")
                        .token("LADDR")
                        .optional()
                        .since("6.2.0"),
                    Arg::new(
                        "skipme",
                        ArgKind::OneOf(&[Arg::word("yes", "YES"), Arg::word("no", "NO")]),
                    )
                    .token("SKIPME")
                    .optional(),
                    Arg::new("maxage", ArgKind::Integer)
                        .token("MAXAGE")
                        .optional()
                        .since("7.4.0"),
                ]),
            )
            .multiple(),
        ]),
    )]);

fn kill(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const LIST: CommandSpec = CommandSpec::session("LIST", Arity::at_least(2), Group::Connection, list)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "2.4.0",
        "O(N) where N is the number of connections.",
        "Describes all connections, or those that match.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::new(
            "client-type",
            ArgKind::OneOf(&[
                Arg::word("normal", "NORMAL"),
                Arg::word("master", "MASTER"),
                Arg::word("replica", "REPLICA"),
                Arg::word("pubsub", "PUBSUB"),
            ]),
        )
        .token("TYPE")
        .optional()
        .since("5.0.0"),
        Arg::new("client-id", ArgKind::Integer)
            .token("ID")
            .optional()
            .multiple()
            .since("6.2.0"),
    ]);

fn list(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const NO_EVICT: CommandSpec =
    CommandSpec::session("NO-EVICT", Arity::exactly(3), Group::Connection, no_evict)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "7.0.0",
            "O(1)",
            "Spares the connection when connections are closed to free memory, or not.",
        )
        .args(&[Arg::new(
            "enabled",
            ArgKind::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
        )]);

fn no_evict(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const NO_TOUCH: CommandSpec =
    CommandSpec::session("NO-TOUCH", Arity::exactly(3), Group::Connection, no_touch)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE))
        .categories(Categories::CONNECTION)
        .doc(
            "7.2.0",
            "O(1)",
            "Whether this connection's reads leave the keys' last access time alone.",
        )
        .args(&[Arg::new(
            "enabled",
            ArgKind::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
        )]);

fn no_touch(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const PAUSE: CommandSpec =
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
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const REPLY: CommandSpec =
    CommandSpec::session("REPLY", Arity::exactly(3), Group::Connection, reply)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "3.2.0",
            "O(1)",
            "Whether the server answers this connection's commands.",
        )
        .args(&[Arg::new(
            "action",
            ArgKind::OneOf(&[
                Arg::word("on", "ON"),
                Arg::word("off", "OFF"),
                Arg::word("skip", "SKIP"),
            ]),
        )]);

fn reply(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const SETINFO: CommandSpec =
    CommandSpec::session("SETINFO", Arity::exactly(4), Group::Connection, setinfo)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "7.2.0",
            "O(1)",
            "Says which client library the connection uses.",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::new(
            "attr",
            ArgKind::OneOf(&[
                Arg::new("libname", ArgKind::String).token("LIB-NAME"),
                Arg::new("libver", ArgKind::String).token("LIB-VER"),
            ]),
        )]);

fn setinfo(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const SETNAME: CommandSpec =
    CommandSpec::session("SETNAME", Arity::exactly(3), Group::Connection, setname)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc("2.6.9", "O(1)", "Names the connection.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::new("connection-name", ArgKind::String)]);

fn setname(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const UNBLOCK: CommandSpec =
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
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const UNPAUSE: CommandSpec =
    CommandSpec::session("UNPAUSE", Arity::exactly(2), Group::Connection, unpause)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.2.0",
            "O(N) where N is the number of paused clients.",
            "Lets the clients go on that CLIENT PAUSE holds back.",
        );

fn unpause(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const CLIENT: CommandSpec = CommandSpec::container(
    "CLIENT",
    Group::Connection,
    &[
        GETNAME, HELP, ID, INFO, KILL, LIST, NO_EVICT, NO_TOUCH, PAUSE, REPLY, SETINFO, SETNAME,
        UNBLOCK, UNPAUSE,
    ],
)
.flags(Flags::SENTINEL)
.doc(
    "2.4.0",
    "Depends on the subcommand.",
    "A container of commands on client connections.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[CLIENT];
