//! Commands on the connection, except CLIENT.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandSpec, Control, Flags, Group, members,
};
use crate::error::Error;
use crate::resp::{Args, Reply};

const AUTH: CommandSpec = CommandSpec::session("AUTH", Arity::at_least(2), Group::Connection, auth)
    .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "1.0.0",
        "O(N) where N is the number of the user's passwords.",
        "Authenticates the connection.",
    )
    .args(&[
        Arg::new("username", ArgKind::String)
            .optional()
            .since("6.0.0"),
        Arg::new("password", ArgKind::String),
    ]);

fn auth(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const ECHO: CommandSpec = CommandSpec::session("ECHO", Arity::exactly(2), Group::Connection, echo)
    .flags(members!(Flags: LOADING | STALE | FAST))
    .categories(Categories::CONNECTION)
    .doc("1.0.0", "O(1)", "Returns its argument.")
    .args(&[Arg::new("message", ArgKind::String)]);

fn echo(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const HELLO: CommandSpec =
    CommandSpec::session("HELLO", Arity::at_least(1), Group::Connection, hello)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.0.0",
            "O(1)",
            "Greets the server and chooses the protocol version.",
        )
        .args(&[Arg::new(
            "arguments",
            ArgKind::Block(&[
                Arg::new("protover", ArgKind::Integer),
                Arg::new(
                    "auth",
                    ArgKind::Block(&[
                        Arg::new("username", ArgKind::String),
                        Arg::new("password", ArgKind::String),
                    ]),
                )
                .token("AUTH")
                .optional(),
                Arg::new("clientname", ArgKind::String)
                    .token("SETNAME")
                    .optional(),
            ]),
        )
        .optional()]);

fn hello(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const PING: CommandSpec = CommandSpec::session("PING", Arity::at_least(1), Group::Connection, ping)
    .flags(members!(Flags: FAST | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("1.0.0", "O(1)", "Returns PONG, or its argument.")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .args(&[Arg::new("message", ArgKind::String).optional()]);

fn ping(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

const QUIT: CommandSpec =
    CommandSpec::control("QUIT", Arity::at_least(1), Group::Connection, Control::Quit)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY))
        .categories(Categories::CONNECTION)
        .doc("1.0.0", "O(1)", "Closes the connection.")
        .deprecated("7.2.0", "just closing the connection");

const RESET: CommandSpec = CommandSpec::control(
    "RESET",
    Arity::exactly(1),
    Group::Connection,
    Control::Reset,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY))
.categories(Categories::CONNECTION)
.doc(
    "6.2.0",
    "O(1)",
    "Makes the connection as it was when it was new.",
);

const SELECT: CommandSpec =
    CommandSpec::session("SELECT", Arity::exactly(2), Group::Connection, select)
        .flags(members!(Flags: LOADING | STALE | FAST))
        .categories(Categories::CONNECTION)
        .doc(
            "1.0.0",
            "O(1)",
            "Chooses the database that the connection works on.",
        )
        .args(&[Arg::new("index", ArgKind::Integer)]);

fn select(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT];
